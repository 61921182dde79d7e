//! Received: one clean field whatever the client calls itself, and hops counted as the header reader sees them.
//!
//! Lines: seconds, EHLO name, address, TLS, id; then a message.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use mail::message::{Header, Limits};
use mail::received::{Received, count_hops, rfc5322_date};

fuzz_target!(|input: &[u8]| {
    let (mut figures, rest) = fuzz::figures(input);
    let (helo, rest) = fuzz::first_line(rest);
    let (client, rest) = fuzz::first_line(rest);
    let (tls, rest) = fuzz::first_line(rest);
    let (id, message) = fuzz::first_line(rest);
    let text = |octets| String::from_utf8_lossy(octets).into_owned();
    let (helo, client, tls, id) = (text(helo), text(client), text(tls), text(id));
    let seconds = i64::try_from(figures.take(1_800_000_000)).unwrap_or_default();
    let at = Timestamp::from_second(seconds).unwrap_or_default();
    let mut field = Vec::new();
    Received {
        helo: (!helo.is_empty()).then_some(helo.as_str()),
        client: client.parse().ok(),
        by: if figures.flag() { &helo } else { "mx.example" },
        with: "ESMTPSA",
        tls: (!tls.is_empty()).then_some(tls.as_str()),
        id: &id,
        at,
    }
    .write(&mut field);

    assert!(field.is_ascii());
    fuzz::assert_lines(&field, 998);
    assert!(field.ends_with(format!("{}\r\n", rfc5322_date(at)).as_bytes()));
    assert_eq!(count_hops(&field), 1);
    let header = Header::parse(&field, &Limits::default());
    assert_eq!(
        (header.fields.len(), header.fields[0].name, header.fields[0].raw),
        (1, &b"Received"[..], &field[..])
    );
    assert!(is_well_formed(header.fields[0].value));

    let hops = count_hops(message);
    assert!(hops <= message.len() / b"Received:".len());
    let tame = |octet: &u8| matches!(octet, b' '..=b'~' | b'\t' | b'\n');
    if message.iter().all(tame) {
        let limits = Limits {
            fields_max: usize::MAX,
            ..Limits::default()
        };
        assert_eq!(Header::parse(message, &limits).all("Received").count(), hops);
    }
    let more = [&field[..], message].concat();
    assert_eq!(count_hops(&more), hops + 1);
});

/// One comment at most is opened and closed for the TLS words and one for the address; nothing is nested or quoted.
fn is_well_formed(value: &[u8]) -> bool {
    let mut depth = 0;
    for octet in value {
        match octet {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'"' | b'\\' | b'<' | b'>' | b',' if depth != 0 => return false,
            _ => {}
        }
        if !(0..=1).contains(&depth) {
            return false;
        }
    }
    depth == 0
}
