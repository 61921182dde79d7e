//! Documents: what is told is bounded in number, length and time, whatever the content is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail::message::budget::Budget;
use mail::message::office;
use mail::message::sniff::{FileType, Kind, sniff};
use std::time::Duration;

const BASE: Duration = Duration::from_millis(400);

fuzz_target!(|content: &[u8]| {
    look(content, &sniff(content, None));
    // And as what it is not.
    for mime in [
        "application/pdf",
        "application/vnd.oasis.opendocument",
        "text/html",
        "application/onenote",
    ] {
        let file = FileType {
            kind: Kind::Document,
            mime: mime.to_owned(),
            claimed: None,
            extension: None,
            disguised_name: false,
        };
        look(content, &file);
    }
});

fn look(content: &[u8], file: &FileType) {
    let mut budget = Budget::default();
    let watch = fuzz::Watch::start();
    let found = office::look(content, file, &mut budget);
    watch.assert_below(BASE, Duration::from_millis(2), content.len());
    assert!(found.members.len() <= Budget::ENTRIES_MAX + 50);
    for member in &found.members {
        assert!(
            member.name.chars().count() <= 255 && !member.name.contains(char::is_control),
            "{:?}",
            member.name
        );
    }
}
