//! Hosts that look like a name that is not theirs: a well-known one, or one of the sender's own.
//!
//! In prose: a domain that belongs to the name is never its look-alike, and the very name below another suffix (`paypal.de`) is
//! none either, unless it is one that anybody gets for nothing. A look-alike is a label that reads like the name without being it
//! (`paypa1`, `rnicrosoft`, letters of other scripts); a long label one letter off (`intesasanpaoIo`, `gosusluga`); the name as one
//! of several parts of a label (`poste-italiane-verifica`), for names that are also words only beside a word that lures; the name
//! run together with such a word (`paypallogin`); and the name's whole domain in front of another one (`paypal.com.evil.example`).

use super::tables::{BRANDS, LURES, is_free_host};
use mail::link::{Link, registrable_domain, skeleton};

/// Labels shorter than this are no names that one letter could change.
const ONE_OFF_CHARS_MIN: usize = 7;
/// Parts shorter than this are no names.
const PART_CHARS_MIN: usize = 4;
/// Own names shorter than this are too common to be imitated.
const OWN_CHARS_MIN: usize = 6;

/// The names that are compared: the well-known ones, and the sender's.
pub(super) struct Names<'a> {
    own: Vec<Own<'a>>,
}

struct Own<'a> {
    domain: &'a str,
    label: &'a str,
    skeleton: String,
}

/// One name to compare with.
#[derive(Clone, Copy)]
struct Name<'a> {
    label: &'a str,
    skeleton: &'a str,
    word: bool,
    domain: &'a str,
}

impl<'a> Names<'a> {
    pub(super) fn new(own_domains: impl Iterator<Item = &'a str>) -> Self {
        let own = own_domains.filter_map(|name| {
            let domain = registrable_domain(name)?;
            let label = domain.split('.').next()?;
            (label.chars().count() >= OWN_CHARS_MIN).then(|| Own {
                domain,
                label,
                skeleton: skeleton(label),
            })
        });
        Self { own: own.collect() }
    }

    /// The domain that the host of the link looks like.
    pub(super) fn look_alike(&self, link: &Link) -> Option<String> {
        let domain = link.domain.as_deref()?;
        if BRANDS.own.contains_key(domain) || self.own.iter().any(|own| own.domain == domain) {
            return None;
        }
        let before = link.host.strip_suffix(domain).unwrap_or_default();
        if let Some(of) = self.domain_within(before) {
            return Some(of.to_owned());
        }
        let label = shown_label(link, domain);
        let skeleton = skeleton(label);
        let label = Label {
            joined: skeleton.contains('-').then(|| skeleton.replace('-', "")),
            skeleton,
            free: is_free_host(domain),
            text: label,
        };
        self.names()
            .find(|name| label.imitates(name))
            .map(|name| name.domain.to_owned())
    }

    fn names(&self) -> impl Iterator<Item = Name<'_>> {
        let known = BRANDS.list.iter().map(|brand| Name {
            label: brand.label,
            skeleton: &brand.skeleton,
            word: brand.word,
            domain: brand.domain,
        });
        let own = self.own.iter().map(|own| Name {
            label: own.label,
            skeleton: &own.skeleton,
            word: false,
            domain: own.domain,
        });
        known.chain(own)
    }

    /// A name's whole domain among the labels before the registrable domain.
    fn domain_within<'b>(&'b self, before: &'b str) -> Option<&'b str> {
        let labels: Vec<&str> = before.trim_end_matches('.').split('.').take(32).collect();
        labels.windows(2).find_map(|pair| {
            let [name, suffix] = pair else { return None };
            // `paypal.com-login.evil.example`
            let suffix = suffix.split('-').next().unwrap_or_default();
            let domain = format!("{name}.{suffix}");
            let own = || {
                self.own
                    .iter()
                    .find(|own| own.domain == domain)
                    .map(|own| own.domain)
            };
            BRANDS
                .own
                .get_key_value(domain.as_str())
                .map(|(domain, _)| *domain)
                .or_else(own)
        })
    }
}

/// The label that was registered, as a browser shows it.
fn shown_label<'a>(link: &'a Link, domain: &str) -> &'a str {
    let labels = domain.split('.').count();
    let label = link.shown_host.rsplit('.').nth(labels.saturating_sub(1));
    label.unwrap_or_default()
}

struct Label<'a> {
    text: &'a str,
    skeleton: String,
    /// The skeleton without hyphens, where it has some.
    joined: Option<String>,
    /// Below a suffix where anybody gets a name for nothing.
    free: bool,
}

impl Label<'_> {
    fn imitates(&self, name: &Name<'_>) -> bool {
        if self.text == name.label {
            return self.free;
        }
        if self.skeleton == name.skeleton {
            return true;
        }
        self.is_one_off(name) || self.has_part(name) || self.runs_together(name)
    }

    fn is_one_off(&self, name: &Name<'_>) -> bool {
        !name.word
            && name.label.len() >= ONE_OFF_CHARS_MIN
            && self.text.len().abs_diff(name.label.len()) <= 1
            && one_edit(self.text.as_bytes(), name.label.as_bytes())
    }

    /// The name is one part, or several parts together, of a label with hyphens.
    fn has_part(&self, name: &Name<'_>) -> bool {
        let Some(joined) = &self.joined else {
            return false;
        };
        if !joined.contains(name.skeleton) || name.skeleton.chars().count() < PART_CHARS_MIN {
            return false;
        }
        let parts: Vec<&str> = self.skeleton.split('-').take(16).collect();
        let begins = (0..parts.len()).find(|from| {
            let mut rest = name.skeleton;
            for part in parts.iter().skip(*from) {
                match rest.strip_prefix(part) {
                    Some("") => return !part.is_empty(),
                    Some(more) if !part.is_empty() => rest = more,
                    _ => return false,
                }
            }
            false
        });
        begins.is_some() && (!name.word || self.text.split('-').any(|part| LURES.contains(part)))
    }

    /// The name and a lure without anything between them.
    fn runs_together(&self, name: &Name<'_>) -> bool {
        if name.label.len() < PART_CHARS_MIN || self.text.len() <= name.label.len() {
            return false;
        }
        let rest = self
            .text
            .strip_prefix(name.label)
            .or_else(|| self.text.strip_suffix(name.label));
        rest.is_some_and(|rest| LURES.contains(rest.trim_matches('-')))
    }
}

/// One octet more, less, other, or two swapped.
fn one_edit(a: &[u8], b: &[u8]) -> bool {
    let same_head = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (
        a.get(same_head..).unwrap_or_default(),
        b.get(same_head..).unwrap_or_default(),
    );
    let same_tail = a
        .iter()
        .rev()
        .zip(b.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let end = |text: &'_ [u8]| text.len().saturating_sub(same_tail);
    match (a.get(..end(a)), b.get(..end(b))) {
        (Some([]), Some([])) => false,
        (Some([] | [_]), Some([] | [_])) => true,
        (Some([p, q]), Some([r, s])) => p == s && q == r,
        _ => false,
    }
}
