//! Text of attached files: bounded in octets and in time by the budget, whatever the file claims to be.
//!
//! First line: work of the budget, entries, and a charset.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail::message::budget::Budget;
use mail::message::document::{TARGETS_MAX, TEXT_OCTETS_MAX, read};
use mail::message::html::TARGET_OCTETS_MAX;
use mail::message::sniff::sniff;
use std::time::Duration;

fuzz_target!(|input: &[u8]| {
    let (line, content) = fuzz::first_line(input);
    let (mut figures, _) = fuzz::figures(input);
    let work = usize::try_from(figures.take(1 << 20) % (8 << 20)).unwrap_or_default();
    let entries = usize::try_from(figures.take(100) % 2_000).unwrap_or_default();
    let charset = line
        .rsplit(|b| *b == b' ')
        .next()
        .and_then(|word| std::str::from_utf8(word).ok());
    let file = sniff(content, Some("a.docx"));
    let mut budget = Budget::new(work, entries, 8);

    let watch = fuzz::Watch::start();
    let found = read(content, &file, charset, &mut budget);
    watch.assert_below(
        Duration::from_millis(100),
        Duration::from_millis(2),
        content.len(),
    );

    let Some(found) = found else { return };
    assert!(found.text.len() <= TEXT_OCTETS_MAX && found.targets.len() <= TARGETS_MAX);
    assert_eq!(found.text.trim_ascii(), found.text);
    assert!(!found.text.contains(|c: char| c.is_ascii_control() && c != '\n'));
    assert!(
        found
            .targets
            .iter()
            .all(|target| !target.is_empty() && target.len() <= TARGET_OCTETS_MAX)
    );
    assert!(found.bounded || !budget.is_exhausted(), "something is missing");
});
