//! Archives: what is told is bounded in number, length and time, and the budget is never overdrawn.
//!
//! First line: work, entries and depth of the budget (none: the usual); then the archive.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail::message::archive;
use mail::message::budget::Budget;
use mail::message::sniff::sniff;
use std::time::Duration;

/// All of a budget takes under 50 ms without coverage and checks of sums.
const BASE: Duration = Duration::from_millis(400);

fuzz_target!(|input: &[u8]| {
    let (mut figures, content) = fuzz::figures(input);
    let mut figure = |default: usize| {
        usize::try_from(figures.take(default as u64))
            .unwrap_or(default)
            .min(default)
    };
    let work = figure(Budget::WORK_MAX);
    let entries = figure(Budget::ENTRIES_MAX);
    let mut budget = Budget::new(work, entries, figure(Budget::DEPTH_MAX));
    let watch = fuzz::Watch::start();
    let mut shown = 0;
    let file = sniff(content, Some("a.zip"));
    let found = archive::open(content, &file, "a.zip", &mut budget, &mut |octets| {
        shown += octets.len()
    });
    watch.assert_below(BASE, Duration::from_millis(1), content.len());

    let Some(found) = found else {
        assert_eq!(
            budget,
            Budget::new(work, entries, budget.depth_max()),
            "paid for nothing"
        );
        return;
    };
    assert!(found.members.len() <= Budget::MEMBERS_MAX && found.members.len() <= found.files);
    assert!(budget.work_left() <= work && budget.entries_left() <= entries);
    // What comes out is paid or part of the input.
    assert!(
        shown <= (work + content.len()).saturating_mul(2),
        "{shown} octets of {}",
        content.len()
    );
    for member in &found.members {
        assert!(
            member.name.chars().count() <= 255 && !member.name.contains(char::is_control),
            "{:?}",
            member.name
        );
    }
});
