//! Redirectors whose link says where it leads.
//!
//! Known ones first (their encodings differ), then anything: a parameter, a path tail or a fragment that is itself a link.

use super::{Link, head};
use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};
use std::borrow::Cow;

/// Parameters of one link that are looked at.
const PARAMETERS_MAX: usize = 64;
/// How a link begins in base64.
const BASE64_BEGINS: &str = "aHR0c";
/// Links found in one link.
const TARGETS_MAX: usize = 4;

const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What the link leads to, as far as it says so itself: the nearest first, each target's own targets behind it, in `steps_max`
/// steps and no more than four of each. A link that leads to itself is not repeated.
pub fn unwrap(link: &Link, steps_max: usize) -> Vec<Link> {
    let mut found: Vec<Link> = Vec::new();
    let mut level = 0..0;
    for step in 0..steps_max {
        let (first, sources) = (found.len(), level.clone());
        let next = |found: &mut Vec<Link>, link: &Link| {
            for target in targets(link) {
                if target != *link && !found.contains(&target) && found.len() < first + TARGETS_MAX {
                    found.push(target);
                }
            }
        };
        if step == 0 {
            next(&mut found, link);
        }
        for source in sources {
            let source = found[source].clone();
            next(&mut found, &source);
        }
        level = first..found.len();
        if level.is_empty() {
            break;
        }
    }
    found
}

/// It could lead on: a link is spelled with a colon, plain or encoded, or in base64.
fn may_lead(link: &Link) -> bool {
    let spelled = |text: &str| text.contains(':') || text.contains('%') || text.contains(BASE64_BEGINS);
    spelled(&link.path_query) || spelled(&link.fragment)
}

fn targets(link: &Link) -> Vec<Link> {
    if let Some(target) = known(link) {
        return vec![target];
    }
    if !may_lead(link) {
        return Vec::new();
    }
    let mut targets: Vec<Link> = parameters(link.query())
        .filter_map(|(_, value)| whole_link(&value))
        .take(TARGETS_MAX)
        .collect();
    // `?http://…` is no parameter; `?u=http://…&x=1` was one.
    if targets.is_empty() {
        targets.extend(whole_link(&decoded(tail_link(link.query()))));
    }
    targets.extend(whole_link(&decoded(tail_link(link.path()))));
    targets.extend(whole_link(&decoded(&link.fragment)));
    targets.extend(parameters(&link.fragment).find_map(|(_, value)| whole_link(&value)));
    targets
}

/// Redirectors that spell their target in a way of their own.
fn known(link: &Link) -> Option<Link> {
    let host = link.host.as_str();
    if host == "urldefense.com" || host.ends_with(".urldefense.com") || host == "urldefense.proofpoint.com" {
        return proofpoint(link);
    }
    if host == "bing.com" || host.ends_with(".bing.com") {
        // `/ck/a?…&u=a1BASE64URL`
        let value = parameter(link, "u")?;
        return whole_link(&base64(value.get(2..)?)?);
    }
    let plain: &[&str] = match host {
        "duckduckgo.com" => &["uddg"],
        "steamcommunity.com" => &["url", "u"],
        "slack-redir.net" => &["url"],
        "t.umblr.com" => &["z"],
        "www.youtube.com" | "youtube.com" => &["q"],
        _ if is_google(link) => &["q", "url", "adurl"],
        _ if host.ends_with(".safelinks.protection.outlook.com") => &["url"],
        _ => return None,
    };
    plain.iter().find_map(|name| lax_link(&parameter(link, name)?))
}

fn is_google(link: &Link) -> bool {
    let domain = link.domain.as_deref().unwrap_or_default();
    domain.starts_with("google.") && matches!(link.path(), "/url" | "/imgres" | "/aclk" | "/interstitial")
}

/// Proofpoint's three spellings: v1 percent-encoded, v2 with `-` and `_` for `%` and `/`, v3 between `__` with `*` for octets that
/// stand in base64 at the end.
fn proofpoint(link: &Link) -> Option<Link> {
    let path = link.path_query.as_str();
    if let Some(rest) = path.strip_prefix("/v3/__") {
        let (target, rest) = rest.rsplit_once("__;")?;
        let octets = base64(rest.split('!').next().unwrap_or_default()).unwrap_or_default();
        let mut octets = octets.chars();
        let mut spelled = String::with_capacity(target.len());
        for char in target.chars() {
            spelled.push(match char {
                '*' => octets.next().unwrap_or('*'),
                other => other,
            });
        }
        return lax_link(&spelled);
    }
    let value = raw_parameter(link, "u")?;
    if link.path().starts_with("/v2") {
        return lax_link(&decoded(&value.replace('-', "%").replace('_', "/")));
    }
    lax_link(&decoded(value))
}

/// A text that is a link from its first character, with a scheme.
fn whole_link(text: &str) -> Option<Link> {
    let colon = text.get(..8.min(text.len())).unwrap_or(text).find(':')?;
    let slash = text.as_bytes().get(colon + 1)?;
    if !matches!(slash, b'/' | b'\\') {
        return None;
    }
    Link::parse(text)
}

/// The same, or a host without a scheme: for parameters that are known to be links.
fn lax_link(text: &str) -> Option<Link> {
    Link::parse(text)
}

/// A link that begins within a path or a query, behind a `/`, `?`, `=` or `*`.
fn tail_link(text: &str) -> &str {
    let octets = text.as_bytes();
    for at in memchr::memchr2_iter(b'h', b'H', octets) {
        let rest = octets.get(at..).unwrap_or_default();
        let is_link = [
            "http:/",
            "https:/",
            "http%3a",
            "https%3a",
            "http:%2f",
            "https:%2f",
        ]
        .iter()
        .any(|scheme| {
            rest.get(..scheme.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(scheme.as_bytes()))
        });
        if is_link {
            return text.get(at..).unwrap_or_default();
        }
    }
    ""
}

fn parameters(query: &str) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    query
        .split(['&', ';'])
        .take(PARAMETERS_MAX)
        .filter_map(|pair| pair.split_once('='))
        .filter(|(_, value)| value.len() >= 8)
        .map(|(name, value)| {
            let plain = decoded(value);
            let opened = if plain.contains([':', '.']) {
                None
            } else {
                opened_base64(value).map(Cow::Owned)
            };
            (name, opened.unwrap_or(plain))
        })
}

fn raw_parameter<'a>(link: &'a Link, name: &str) -> Option<&'a str> {
    link.query()
        .split('&')
        .take(PARAMETERS_MAX)
        .filter_map(|pair| pair.split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

fn parameter<'a>(link: &'a Link, name: &str) -> Option<Cow<'a, str>> {
    raw_parameter(link, name).map(decoded)
}

/// Percent-decoded, up to twice where it was encoded twice; `+` stays, since it is no part of a host.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let once = url_decoded(text);
    if once.starts_with("http")
        && once
            .get(..12.min(once.len()))
            .is_some_and(|head| head.contains('%'))
    {
        return Cow::Owned(url_decoded(&once));
    }
    Cow::Owned(once)
}

fn url_decoded(text: &str) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let hex = |octet: &u8| char::from(*octet).to_digit(16);
        let decoded = match (first, more) {
            (b'%', [high, low, ..]) => hex(high).zip(hex(low)),
            _ => None,
        };
        match decoded.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(octet) => {
                octets.push(octet);
                rest = more.get(2..).unwrap_or_default();
            }
            None => {
                octets.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

/// Base64 of a link: begins with that of `http`.
fn opened_base64(value: &str) -> Option<String> {
    if !value.starts_with(BASE64_BEGINS) {
        return None;
    }
    base64(value)
}

fn base64(value: &str) -> Option<String> {
    let value = head(value, Link::PATH_OCTETS_MAX).trim_end_matches('=');
    let decoded = BASE64URL
        .decode(value)
        .or_else(|_| general_purpose::STANDARD_NO_PAD.decode(value))
        .ok()?;
    String::from_utf8(decoded).ok()
}
