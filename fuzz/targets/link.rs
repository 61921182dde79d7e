//! Links: bounded in number, length and time; read twice the same; redirectors end; facts survive storing.
//!
//! First line: found_max. Then the text; its first line is taken as href with the second one shown for it, too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail::link::{Link, find, registrable_domain, skeleton, unwrap};
use std::time::Duration;

fuzz_target!(|input: &[u8]| {
    let (mut figures, text) = fuzz::figures(input);
    let found_max = usize::try_from(figures.take(100) % 3_000).unwrap_or(0);
    let text = String::from_utf8_lossy(text);
    let watch = fuzz::Watch::start();
    let found = find(&text, found_max);
    watch.assert_below(Duration::from_millis(20), Duration::from_millis(1), text.len());
    assert!(found.len() <= found_max);
    let octets: usize = found.iter().map(|found| found.raw.len()).sum();
    assert!(octets <= text.len(), "links do not overlap");
    for found in &found {
        assert!(!found.raw.is_empty());
        let Some(link) = Link::parse(&found.raw) else { continue };
        check(&link);
        for target in unwrap(&link, 4) {
            check(&target);
        }
    }
    let mut lines = text.lines();
    let (href, shown) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let watch = fuzz::Watch::start();
    let facts = risk::collect_links(&[&text], &[(href, shown)], &["example.com", shown]);
    watch.assert_below(Duration::from_millis(100), Duration::from_millis(2), text.len());
    assert!(facts.links.len() <= risk::LinkFacts::LINKS_MAX);
    assert!(facts.links.iter().all(|link| link.url.len() <= risk::LinkFact::URL_OCTETS_MAX));
    let kept = serde_json::to_string(&facts).unwrap_or_default();
    assert_eq!(serde_json::from_str::<risk::LinkFacts>(&kept).ok(), Some(facts));
});

fn check(link: &Link) {
    assert!(!link.host.is_empty() && link.host.len() <= 253 && link.host.is_ascii(), "{link:?}");
    assert!(link.host.bytes().all(|octet| octet > b' '), "{link:?}");
    assert_eq!(link.domain.as_deref(), registrable_domain(&link.host), "{link:?}");
    assert!(link.domain.is_none() || link.address.is_none());
    skeleton(&link.shown_host);
    // Percent-encoding may make it longer, at most three times.
    assert!(link.path_query.len() <= 3 * Link::PATH_OCTETS_MAX + 8, "{}", link.path_query.len());
    let again = Link::parse(&link.whole());
    if link.path_query.len() <= Link::PATH_OCTETS_MAX {
        let again = again.unwrap_or_else(|| panic!("{} is a link", link.whole()));
        assert_eq!((again.whole(), &again.host), (link.whole(), &link.host));
    }
}
