//! RFC 5321 §4.5.2: transparency.

use mail::smtp::data::{DataLimits, DataReader, write_data};

fn check(message: &[u8], on_the_wire: &[u8]) {
    let mut wire = Vec::new();
    write_data(message, &mut wire);
    assert_eq!(
        wire.escape_ascii().to_string(),
        on_the_wire.escape_ascii().to_string()
    );
    let mut reader = DataReader::new(DataLimits {
        size_octets_max: 10_000,
        line_octets_max: 998,
    });
    let mut back = Vec::new();
    let fed = reader.feed(&wire, &mut back);
    assert!(fed.done && fed.consumed == wire.len() && reader.defect().is_none());
    assert_eq!(back, message);
}

#[test]
fn a_dot_at_the_start_of_a_line_is_doubled_and_taken_back() {
    check(b"a\r\n.b\r\n", b"a\r\n..b\r\n.\r\n");
    check(b".\r\n", b"..\r\n.\r\n");
    check(b"..\r\n...\r\n", b"...\r\n....\r\n.\r\n");
    check(b"a.\r\n .\r\n", b"a.\r\n .\r\n.\r\n");
}

/// Also in the header section, where a relay once forgot it.
#[test]
fn also_in_the_header_section() {
    check(
        b"A: b\r\n.C: d\r\n\r\nbody\r\n",
        b"A: b\r\n..C: d\r\n\r\nbody\r\n.\r\n",
    );
}

/// "all characters are to be delivered": blanks at line ends, 8-bit octets, controls.
#[test]
fn everything_else_is_kept() {
    check(
        b"a \t\r\n\xff\xfe\x01\x7f\r\n\r\n\r\n",
        b"a \t\r\n\xff\xfe\x01\x7f\r\n\r\n\r\n.\r\n",
    );
}
