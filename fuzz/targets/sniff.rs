//! File types: bounded in what is looked at and what is said, the same whatever follows.
//!
//! First line: the file's name; then its content.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail::message::sniff::{Kind, sniff};
use std::time::Duration;

fuzz_target!(|input: &[u8]| {
    let (name, content) = fuzz::first_line(input);
    let name = String::from_utf8_lossy(name);
    let watch = fuzz::Watch::start();
    let found = sniff(content, Some(&name));
    watch.assert_below(Duration::from_millis(20), Duration::from_millis(1), input.len());

    assert!(found.mime.contains('/') && found.mime.is_ascii());
    let extension = found.extension.clone().unwrap_or_default();
    assert!(
        extension.chars().count() <= 16 && !extension.contains('.'),
        "{extension}"
    );
    assert!(found.extension.is_none() || !extension.is_empty());

    let unnamed = sniff(content, None);
    assert_eq!(
        (unnamed.kind, &unnamed.mime),
        (found.kind, &found.mime),
        "the name does not change the content"
    );
    assert!(unnamed.claimed.is_none() && unnamed.extension.is_none() && !unnamed.disguised_name);
    let loud = sniff(b"", Some(&name.to_ascii_uppercase()));
    assert_eq!(loud.claimed, found.claimed, "case does not matter");
    // What runs is found by its first octets, whatever is put behind.
    if found.kind == Kind::Executable && content.starts_with(b"\x7fELF") {
        let longer = [content, b"harmless text"].concat();
        assert_eq!(sniff(&longer, None).kind, Kind::Executable);
    }
});
