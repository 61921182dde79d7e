//! RFC 5321 §4.2: replies.

use mail::smtp::{Reply, ReplyReader, Severity};

fn read(octets: &[u8]) -> Reply {
    ReplyReader::default().feed(octets).unwrap().1.unwrap()
}

/// RFC 5321 §4.2.1: the first digit decides, whatever follows.
#[test]
fn first_digit_decides() {
    for (octets, severity) in [
        (&b"299 odd\r\n"[..], Severity::Completion),
        (b"399 odd\r\n", Severity::Intermediate),
        (b"499 odd\r\n", Severity::Transient),
        (b"599 odd\r\n", Severity::Permanent),
    ] {
        assert_eq!(read(octets).severity(), severity);
    }
}

/// RFC 5321 §4.2: the code may stand alone, and the text is for people.
#[test]
fn code_alone() {
    assert_eq!(read(b"250\r\n").code, 250);
    assert_eq!(read(b"250 \r\n").lines, [""]);
}

/// RFC 5321 §4.2.1: a hyphen behind the code says that more lines follow, all with the same code.
#[test]
fn many_lines() {
    let reply = read(
        b"250-First line\r\n250-Second line\r\n250-234 Text beginning with numbers\r\n250 The last line\r\n",
    );
    assert_eq!(
        reply.lines,
        [
            "First line",
            "Second line",
            "234 Text beginning with numbers",
            "The last line"
        ]
    );
    assert!(ReplyReader::default().feed(b"250-a\r\n251 b\r\n").is_err());
    let mut out = Vec::new();
    reply.write(&mut out, false);
    assert_eq!(read(&out), reply);
}
