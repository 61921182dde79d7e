//! Well-known places: shorteners, file shares, free hosts, names that are imitated. Read once from the text files beside this one.

use mail::link::{Link, skeleton};
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// Octets of the one segment of a short link.
const SEGMENT_OCTETS_MAX: usize = 40;

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// A name and all names above it: `a.b.c`, `b.c`, `c`.
fn with_parents(host: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(host), |name| Some(name.split_once('.')?.1))
}

struct Shorteners {
    hosts: HashSet<&'static str>,
    below: HashSet<&'static str>,
}

static SHORTENERS: LazyLock<Shorteners> = LazyLock::new(|| {
    let all = || lines(include_str!("shorteners.txt"));
    Shorteners {
        hosts: all().filter(|line| !line.starts_with('.')).collect(),
        below: all().filter_map(|line| line.strip_prefix('.')).collect(),
    }
});

/// A short link: host and path together.
pub(super) fn is_short(link: &Link) -> bool {
    let segment = link.path().trim_matches('/');
    if segment.is_empty() || segment.contains('/') || segment.len() > SEGMENT_OCTETS_MAX {
        return false;
    }
    let host = link.host.strip_prefix("www.").unwrap_or(&link.host);
    SHORTENERS.hosts.contains(host)
        || with_parents(host)
            .skip(1)
            .any(|parent| SHORTENERS.below.contains(parent))
}

struct Shares {
    /// Path prefixes by host; the empty one stands for all paths but `/`.
    shares: HashMap<&'static str, Vec<&'static str>>,
    free: HashSet<&'static str>,
}

static SHARES: LazyLock<Shares> = LazyLock::new(|| {
    let mut shares: HashMap<_, Vec<_>> = HashMap::new();
    let mut free = HashSet::new();
    for line in lines(include_str!("shares.txt")) {
        match line.split_once(' ') {
            Some(("share", place)) => {
                let (host, path) = place.split_once('/').unwrap_or((place, ""));
                shares.entry(host).or_default().push(path);
            }
            Some(("free", host)) => drop(free.insert(host)),
            _ => {}
        }
    }
    Shares { shares, free }
});

/// A file or form of somebody: host and path together.
pub(super) fn is_share(link: &Link) -> bool {
    let host = link.host.strip_prefix("www.").unwrap_or(&link.host);
    let path = link.path_query.strip_prefix('/').unwrap_or_default();
    let fits = |prefix: &&str| !path.is_empty() && path.starts_with(*prefix);
    SHARES
        .shares
        .get(host)
        .is_some_and(|prefixes| prefixes.iter().any(fits))
}

/// A page below a host where anybody gets a name.
pub(super) fn is_free_host(host: &str) -> bool {
    with_parents(host)
        .skip(1)
        .any(|parent| SHARES.free.contains(parent))
}

/// A name that is imitated.
pub(super) struct Brand {
    pub label: &'static str,
    /// It is also a word: it counts within a name only beside a lure.
    pub word: bool,
    pub skeleton: String,
    /// Its first domain: what is told.
    pub domain: &'static str,
}

/// All of them, with the domains that are their own.
pub(super) struct Brands {
    pub list: Vec<Brand>,
    /// Places in `list` by skeleton.
    pub by_skeleton: HashMap<String, usize>,
    /// Places in `list` by domain, several where a domain belongs to several names.
    pub own: HashMap<&'static str, Vec<usize>>,
}

pub(super) static BRANDS: LazyLock<Brands> = LazyLock::new(|| {
    let mut brands = Brands {
        list: Vec::new(),
        by_skeleton: HashMap::new(),
        own: HashMap::new(),
    };
    for line in lines(include_str!("brands.txt")) {
        let mut words = line.split(' ');
        let name = words.next().unwrap_or_default();
        let label = name.trim_start_matches('~');
        let place = brands.list.len();
        let domains: Vec<_> = words.collect();
        for domain in &domains {
            brands.own.entry(domain).or_default().push(place);
        }
        brands.by_skeleton.insert(skeleton(label), place);
        brands.list.push(Brand {
            label,
            word: name.starts_with('~'),
            skeleton: skeleton(label),
            domain: domains.first().copied().unwrap_or(label),
        });
    }
    brands
});

/// Words that lure.
pub(super) static LURES: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| lines(include_str!("lures.txt")).collect());

/// The domain, or one above it, belongs to a name that is imitated.
pub(super) fn is_brand(domain: &str) -> bool {
    with_parents(domain).any(|parent| BRANDS.own.contains_key(parent))
}

/// Both domains belong to one name.
pub(super) fn same_house(one: &str, other: &str) -> bool {
    match (BRANDS.own.get(one), BRANDS.own.get(other)) {
        (Some(one), Some(other)) => one.iter().any(|place| other.contains(place)),
        _ => false,
    }
}

static HARMLESS: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| lines(include_str!("harmless.txt")).collect());

/// In everyday use and of a well-known house.
pub(super) fn is_harmless(domain: &str) -> bool {
    HARMLESS.contains(domain) || BRANDS.own.contains_key(domain)
}
