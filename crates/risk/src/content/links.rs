//! Links of a message: each once, opened where it says itself where it leads, with what is odd about it.
//!
//! Promises: [`collect`] is pure and linear; at most [`LinkFacts::LINKS_MAX`] links are kept, the odd ones first, and none beyond
//! [`LinkFacts::FOUND_MAX`] is looked at. A host that many people use is never evidence: what is matched is the whole link.
//! What lists and the memory of the site say about a host is added later by who asked them.

mod look_alike;
mod tables;

use crate::Gathered;
use look_alike::Names;
use mail::link::{Link, Memo, find, unwrap};
use serde::{Deserialize, Serialize};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// What is odd about a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkFlag {
    /// A short link: it leads where it does not say.
    Shortener,
    /// A file or a form at a place where anybody can put one.
    FileShare,
    /// A page below a host where anybody gets a name at once.
    FreeHost,
    /// The host is an address.
    IpLiteral,
    /// The host has an international name below a suffix in ASCII.
    Punycode,
    /// A label of the host mixes scripts that no language mixes.
    MixedScript,
    /// The host looks like a name that is not its own.
    LookAlike {
        /// The domain it looks like.
        of: String,
    },
    /// The text of the link is a host of another domain.
    TextDiffers {
        /// The domain that is shown.
        shown: String,
        /// It is one that phishing pretends to be.
        brand: bool,
    },
    /// Something stands before an `@` in front of the host.
    Userinfo,
    /// A port where no web server is expected.
    OddPort,
    /// Octets of the host are percent-encoded.
    PercentHost,
    /// The link says itself where it leads; the target follows as a link of its own.
    Redirect,
    /// This site never sent a link to this host before.
    NewHost,
}

/// What kind of list it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListKind {
    /// Domains found in abuse.
    Domain,
    /// Domains that were registered some days ago.
    Newborn,
    /// Addresses.
    Address,
}

/// A list has the host of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListHit {
    /// Its name in the configuration.
    pub list: String,
    /// Its kind.
    pub kind: ListKind,
    /// What it says, at most 100 characters.
    pub meaning: String,
}

/// What the site remembers of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSeen {
    /// Days since a link to it was first sent.
    pub days: u32,
    /// Different senders who sent one, at most 255.
    pub senders: u8,
}

impl HostSeen {
    /// A host that is sent often: by three senders, or for a month.
    pub fn is_familiar(self) -> bool {
        self.senders >= 3 || self.days >= 30
    }
}

/// One link.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LinkFact {
    /// As it is shown, at most [`LinkFact::URL_OCTETS_MAX`] octets.
    pub url: String,
    /// The host in ASCII.
    pub host: String,
    /// Its registrable domain, or the host where it has none: what lists are asked about.
    pub domain: String,
    /// The host as a browser shows it, where that differs; empty otherwise.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub shown_host: String,
    /// The text of the link, where it looks like a link itself; at most 100 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// What is odd.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<LinkFlag>,
    /// Lists that have it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<ListHit>,
    /// What the site remembers of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<HostSeen>,
}

/// What the site's memory says about all links together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewHosts {
    /// Registrable domains that it never sent before.
    pub hosts: u32,
    /// Days since the memory began.
    pub memory_days: u32,
}

/// The links of a message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LinkFacts {
    /// Each once, at most [`LinkFacts::LINKS_MAX`].
    pub links: Vec<LinkFact>,
    /// How many were found, repetitions counted, at most [`LinkFacts::FOUND_MAX`].
    pub found: u32,
    /// Against the memory of the site.
    #[serde(default)]
    pub new_hosts: Gathered<NewHosts>,
    /// Lists that could not tell, with the reason; at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uncertain: Vec<String>,
}

impl LinkFact {
    /// Bound of `url`.
    pub const URL_OCTETS_MAX: usize = 300;
    /// Bound of `text`, in characters.
    const TEXT_MAX: usize = 100;

    /// `whole` is the whole link.
    fn of(link: &Link, whole: &str) -> Self {
        let differs = link.shown_host != link.host && !link.oddities.mixed_script;
        let shown = if differs { &link.shown() } else { whole };
        let url = head(shown, Self::URL_OCTETS_MAX);
        Self {
            url: url.to_owned(),
            host: link.host.clone(),
            domain: link.domain_or_host().to_owned(),
            shown_host: if differs {
                link.shown_host.clone()
            } else {
                String::new()
            },
            ..Self::default()
        }
    }

    /// Adds a flag once.
    pub fn flag(&mut self, flag: LinkFlag) {
        if !self.flags.contains(&flag) {
            self.flags.push(flag);
        }
    }

    /// It has anything that speaks against it.
    fn is_odd(&self) -> bool {
        self.flags.iter().any(|flag| *flag != LinkFlag::Redirect)
    }
}

impl LinkFacts {
    /// Links kept.
    pub const LINKS_MAX: usize = 100;
    /// Links looked at.
    pub const FOUND_MAX: usize = 2_000;
    /// Domains of the sender that are compared.
    pub const OWN_DOMAINS_MAX: usize = 64;
    /// Steps in which a redirector is opened.
    const STEPS_MAX: usize = 4;
}

/// A domain of everyday use that belongs to a well-known house: nobody needs to ask a list about it.
pub fn is_harmless(domain: &str) -> bool {
    tables::is_harmless(domain)
}

/// The links of a message: its texts, and the anchors of its HTML as (target, text that is shown). `own_domains` are those of the
/// sender, which others may imitate; at most [`LinkFacts::OWN_DOMAINS_MAX`] are looked at.
pub fn collect(texts: &[&str], anchors: &[(&str, &str)], own_domains: &[&str]) -> LinkFacts {
    let mut collector = Collector::default();
    for (target, shown) in anchors {
        if collector.is_full() {
            break;
        }
        collector.anchor(target, shown);
    }
    for text in texts {
        let free = LinkFacts::FOUND_MAX.saturating_sub(collector.found);
        for found in find(text, free) {
            collector.add(&found.raw, "");
        }
    }
    collector.finish(own_domains)
}

#[derive(Default)]
struct Collector {
    found: usize,
    /// Raw forms met before with the text shown for them, and whether they are links: most repetitions are literal.
    met: HashMap<String, bool>,
    memo: Memo,
    /// Place of each whole link.
    places: HashMap<String, usize>,
    links: Vec<(Link, LinkFact)>,
}

impl Collector {
    fn is_full(&self) -> bool {
        self.found >= LinkFacts::FOUND_MAX
    }

    fn anchor(&mut self, target: &str, shown: &str) {
        if self.add(target, shown) {
            return;
        }
        // `javascript:location='http://…'`, `ms-word:ofe|u|http://…`
        for found in find(target, 4) {
            if !found.bare {
                self.add(&found.raw, shown);
            }
        }
    }

    /// False when it is no link.
    fn add(&mut self, raw: &str, shown: &str) -> bool {
        // A text without these says of no other link.
        let shown = head(shown, 1_000);
        let shown = if shown.contains(['.', ':']) { shown } else { "" };
        let form = match self.met.entry([raw, shown].join("\0")) {
            Entry::Occupied(known) => {
                self.found += usize::from(*known.get());
                return *known.get();
            }
            Entry::Vacant(form) => form,
        };
        let link = self.memo.parse(raw);
        form.insert(link.is_some());
        let Some(link) = link else {
            return false;
        };
        self.found += 1;
        let targets = unwrap(&link, LinkFacts::STEPS_MAX);
        let differs = differing(&link, &targets, shown);
        let place = self.place(link);
        if let Some((_, fact)) = self.links.get_mut(place) {
            if !targets.is_empty() {
                fact.flag(LinkFlag::Redirect);
            }
            if let Some((text, flag)) = differs {
                fact.text = text;
                if let Some(flag) = flag {
                    fact.flag(flag);
                }
            }
        }
        for target in targets {
            self.place(target);
        }
        true
    }

    fn place(&mut self, link: Link) -> usize {
        let next = self.links.len();
        match self.places.entry(link.whole()) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                let mut fact = LinkFact::of(&link, free.key());
                free.insert(next);
                own_flags(&link, &mut fact);
                self.links.push((link, fact));
                next
            }
        }
    }

    fn finish(self, own_domains: &[&str]) -> LinkFacts {
        let names = Names::new(own_domains.iter().take(LinkFacts::OWN_DOMAINS_MAX).copied());
        let mut looks: HashMap<String, Option<String>> = HashMap::new();
        let mut links: Vec<LinkFact> = Vec::with_capacity(self.links.len());
        for (link, mut fact) in self.links {
            let of = looks
                .entry(link.host.clone())
                .or_insert_with(|| names.look_alike(&link));
            if let Some(of) = of {
                fact.flag(LinkFlag::LookAlike { of: of.clone() });
            }
            links.push(fact);
        }
        keep_the_telling(&mut links);
        LinkFacts {
            links,
            found: u32::try_from(self.found.min(LinkFacts::FOUND_MAX)).unwrap_or(u32::MAX),
            ..LinkFacts::default()
        }
    }
}

/// Odd ones first, then one of each domain, then what comes.
fn keep_the_telling(links: &mut Vec<LinkFact>) {
    if links.len() <= LinkFacts::LINKS_MAX {
        return;
    }
    let mut domains = HashSet::new();
    let mut ranked: Vec<(u8, LinkFact)> = std::mem::take(links)
        .into_iter()
        .map(|fact| {
            let first = domains.insert(fact.domain.clone());
            let rank = match (fact.is_odd(), first) {
                (true, true) => 0,
                (false, true) => 1,
                (true, false) => 2,
                (false, false) => 3,
            };
            (rank, fact)
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.truncate(LinkFacts::LINKS_MAX);
    links.extend(ranked.into_iter().map(|(_, fact)| fact));
}

/// What the link shows by itself.
fn own_flags(link: &Link, fact: &mut LinkFact) {
    let odd = link.oddities;
    let below_ascii = !link
        .host
        .rsplit('.')
        .next()
        .unwrap_or_default()
        .starts_with("xn--");
    let rows = [
        (tables::is_short(link), LinkFlag::Shortener),
        (tables::is_share(link), LinkFlag::FileShare),
        (tables::is_free_host(&link.host), LinkFlag::FreeHost),
        (link.address.is_some(), LinkFlag::IpLiteral),
        (odd.punycode && below_ascii, LinkFlag::Punycode),
        (odd.mixed_script, LinkFlag::MixedScript),
        // A password before a host is usual where files are fetched.
        (
            odd.userinfo && link.scheme != mail::link::Scheme::Ftp,
            LinkFlag::Userinfo,
        ),
        (odd.odd_port, LinkFlag::OddPort),
        (odd.percent_host, LinkFlag::PercentHost),
    ];
    for (holds, flag) in rows {
        if holds {
            fact.flag(flag);
        }
    }
}

/// The shown text when it is a link itself, and the flag when it is one of another domain than the target and all that this
/// leads to. Domains of one house and of one name (`example.com`, `example.it`) are the same.
fn differing(link: &Link, targets: &[Link], shown: &str) -> Option<(String, Option<LinkFlag>)> {
    if shown.is_empty() {
        return None;
    }
    let found = find(shown, 1).into_iter().next()?;
    // `ASP.NET basics` is a title; `asp.net` alone, `www.asp.net` and `http://asp.net` say where they lead.
    let claims = !found.bare || found.raw.len() == shown.trim().len() || is_www(&found.raw);
    let seen = Link::parse(&found.raw).filter(|_| claims)?;
    let text = shown.trim().chars().take(LinkFact::TEXT_MAX).collect();
    let domain = seen.domain_or_host();
    let same = |target: &Link| {
        let other = target.domain_or_host();
        domain == other
            || tables::same_house(domain, other)
            || (seen.domain.is_some() && target.domain.is_some() && first_label(domain) == first_label(other))
    };
    if same(link) || targets.iter().any(same) {
        return Some((text, None));
    }
    let flag = LinkFlag::TextDiffers {
        shown: domain.to_owned(),
        brand: tables::is_brand(domain),
    };
    Some((text, Some(flag)))
}

fn is_www(raw: &str) -> bool {
    raw.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("www."))
}

fn first_label(domain: &str) -> &str {
    domain.split('.').next().unwrap_or_default()
}

/// At most `octets_max` of a text, cut between characters.
fn head(text: &str, octets_max: usize) -> &str {
    text.get(..text.floor_char_boundary(octets_max))
        .unwrap_or_default()
}
