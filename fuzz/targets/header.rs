//! Header sections and mailbox lists: every slice points into the message, text is bounded and plain, a list has one reading.
//!
//! First line: most fields.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail::message::field::TEXT_OCTETS_MAX;
use mail::message::mailbox::{MAILBOXES_MAX, parse_list};
use mail::message::{Field, Header, Limits};

fuzz_target!(|input: &[u8]| {
    let (mut figures, raw) = fuzz::figures(input);
    let fields_max = usize::try_from(figures.take(2_000) % 5_000).unwrap_or_default();
    let header = Header::parse(
        raw,
        &Limits {
            fields_max,
            ..Limits::default()
        },
    );

    assert!(header.body_offset <= raw.len() && header.fields.len() <= fields_max);
    let mut defects = header.defects.clone();
    defects.dedup();
    assert_eq!(defects.len(), header.defects.len());
    let mut end = raw.as_ptr();
    for field in &header.fields {
        assert!(field.raw.as_ptr() >= end, "fields overlap");
        end = field.raw.as_ptr_range().end;
        is_inside(field, raw);
    }
    for field in header.fields.iter().take(50) {
        read_text(field);
        read_list(field);
    }
    // The whole input as one value.
    let field = Field {
        name: b"From",
        value: raw,
        raw,
    };
    read_text(&field);
    read_list(&field);
});

fn is_inside(field: &Field<'_>, raw: &[u8]) {
    fuzz::assert_inside(field.raw, raw);
    fuzz::assert_inside(field.name, field.raw);
    fuzz::assert_inside(field.value, field.raw);
    assert!(
        !field.name.is_empty()
            && field
                .name
                .iter()
                .all(|octet| octet.is_ascii_graphic() && *octet != b':')
    );
}

fn read_text(field: &Field<'_>) {
    let text = field.text();
    assert!(
        text.len() <= TEXT_OCTETS_MAX && !text.chars().any(char::is_control),
        "{text:?}"
    );
    assert_eq!(text.trim_matches(' '), text);
}

fn read_list(field: &Field<'_>) {
    let Ok(list) = parse_list(field) else {
        return;
    };
    assert!(list.len() <= MAILBOXES_MAX);
    let mut plain = Vec::new();
    for mailbox in &list {
        assert!(mailbox.name.len() <= TEXT_OCTETS_MAX && !mailbox.name.chars().any(char::is_control));
        plain.push(format!("<{}>", mailbox.address));
    }
    if list.is_empty() {
        return;
    }
    let value = plain.join(", ");
    let again = Field {
        name: b"From",
        value: value.as_bytes(),
        raw: value.as_bytes(),
    };
    let again = parse_list(&again).expect("a plain list is a list");
    assert!(
        again
            .iter()
            .map(|mailbox| &mailbox.address)
            .eq(list.iter().map(|mailbox| &mailbox.address))
    );
}
