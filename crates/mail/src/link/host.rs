//! Hosts: names in their two forms, addresses, registrable domains, and what a name looks like.

use std::borrow::Cow;
use std::net::IpAddr;
use unicode_security::MixedScript;

/// A host in its forms.
pub(super) struct Host {
    pub ascii: String,
    pub unicode: String,
    pub domain: Option<String>,
    pub address: Option<IpAddr>,
    pub punycode: bool,
    pub mixed_script: bool,
}

/// Octets of a name (RFC 1035 §2.3.4, without the last dot).
const NAME_OCTETS_MAX: usize = 253;

impl Host {
    /// None for a name that is too long or has an empty label.
    pub(super) fn of(host: url::Host<&str>) -> Option<Self> {
        match host {
            url::Host::Domain(name) => Self::named(name.trim_end_matches('.')),
            url::Host::Ipv4(address) => Some(Self::addressed(address.to_string(), IpAddr::V4(address))),
            url::Host::Ipv6(address) => Some(Self::addressed(
                host.to_string(),
                address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4),
            )),
        }
    }

    fn addressed(ascii: String, address: IpAddr) -> Self {
        Self {
            unicode: ascii.clone(),
            ascii,
            domain: None,
            address: Some(address),
            punycode: false,
            mixed_script: false,
        }
    }

    fn named(name: &str) -> Option<Self> {
        if name.len() > NAME_OCTETS_MAX || name.split('.').any(str::is_empty) {
            return None;
        }
        let punycode = name.split('.').any(|label| label.starts_with("xn--"));
        let unicode = if punycode {
            idna::domain_to_unicode(name).0
        } else {
            name.to_owned()
        };
        Some(Self {
            domain: registrable_domain(name).map(str::to_owned),
            mixed_script: punycode && unicode.split('.').any(|label| !label.is_single_script()),
            ascii: name.to_owned(),
            unicode,
            address: None,
            punycode,
        })
    }
}

/// The registrable domain of a host in lower case: public suffix and one label, private suffixes (`github.io`) included. None
/// for what is itself a suffix, and for names below no known suffix.
pub fn registrable_domain(host: &str) -> Option<&str> {
    let domain = psl::domain(host.as_bytes())?;
    if !domain.suffix().is_known() {
        return None;
    }
    std::str::from_utf8(domain.as_bytes()).ok()
}

/// A name ends in a suffix that is known and has something before it.
pub(super) fn has_known_suffix(name: &str) -> bool {
    let lower = if name.bytes().any(|octet| octet.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    };
    psl::domain(lower.as_bytes()).is_some_and(|domain| domain.suffix().is_known())
}

/// What a label looks like (UTS 39 §4), further folded so that the swaps of ASCII that deceive are equal: `rn` and `m`, `vv` and
/// `w`, `0` and `o`, `1`, `l` and `i`, `3` and `e`, `5` and `s`. For comparing with other skeletons only.
pub fn skeleton(label: &str) -> String {
    let mut folded = String::with_capacity(label.len());
    if label.is_ascii() {
        label.chars().for_each(|char| push_folded(&mut folded, char));
    } else {
        let lower = label.to_lowercase();
        unicode_security::confusable_detection::skeleton(&lower)
            .flat_map(char::to_lowercase)
            .for_each(|char| push_folded(&mut folded, char));
    }
    folded
}

fn push_folded(folded: &mut String, char: char) {
    let char = match char.to_ascii_lowercase() {
        '0' => 'o',
        '1' | 'l' | '|' => 'i',
        '3' => 'e',
        '5' => 's',
        // An accent looks like the letter without it.
        '\u{300}'..='\u{36f}' => return,
        other => other,
    };
    match (folded.as_bytes().last(), char) {
        (Some(b'r'), 'n') => replace_last(folded, 'm'),
        (Some(b'v'), 'v') => replace_last(folded, 'w'),
        _ => folded.push(char),
    }
}

fn replace_last(folded: &mut String, char: char) {
    folded.pop();
    folded.push(char);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skeletons() {
        for (a, b) in [
            ("paypal", "paypa1"),
            ("paypal", "раураl"),
            ("microsoft", "rnicrosoft"),
            ("google", "g00gle"),
            ("google", "gооgle"),
            ("wind", "vvind"),
            ("sberbank", "sbеrbаnk"),
            ("intesasanpaolo", "intésasanpaolo"),
            ("apple", "аррӏе"),
            ("сбербанк", "cбepбaнк"),
        ] {
            assert_eq!(skeleton(a), skeleton(b), "{a} {b}");
        }
        assert_ne!(skeleton("paypal"), skeleton("payday"));
    }

    #[test]
    fn registrable_domains() {
        for (host, domain) in [
            ("www.example.com", Some("example.com")),
            ("a.b.example.co.uk", Some("example.co.uk")),
            ("x.github.io", Some("x.github.io")),
            ("github.io", None),
            ("com", None),
            ("localhost", None),
            ("server.local", None),
            ("", None),
            ("...", None),
            ("xn--80ak6aa92e.com", Some("xn--80ak6aa92e.com")),
            ("a.xn--p1ai", Some("a.xn--p1ai")),
        ] {
            assert_eq!(registrable_domain(host), domain, "{host}");
        }
    }
}
