//! Replies of a next hop: the reading does not depend on how the stream is cut, is bounded and plain, and can be written again.
//!
//! First line: piece size.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail::smtp::ehlo::{AUTH_MECHANISMS_MAX, Extensions};
use mail::smtp::reply::{ONE_LINE_OCTETS_MAX, READ_LINE_OCTETS_MAX, READ_LINES_MAX, ReplyError};
use mail::smtp::{Reply, ReplyReader};

fuzz_target!(|input: &[u8]| {
    let (mut figures, stream) = fuzz::figures(input);
    let whole = read(&[stream]);
    for pieces in fuzz::cuts(stream, figures.take(100)) {
        assert_eq!(read(&pieces), whole);
    }
    for reply in &whole.0 {
        is_bounded(reply);
        is_written_as_read(reply);
        assert!(!reply.calls_it_unwanted() || reply.code >= 500);
        let offered = Extensions::parse(reply);
        assert!(offered.auth.len() <= AUTH_MECHANISMS_MAX);
    }
});

/// All replies of the stream, the error that ended it, and whether it ends inside a reply.
fn read(pieces: &[&[u8]]) -> (Vec<Reply>, Option<ReplyError>, bool) {
    let mut reader = ReplyReader::default();
    let mut replies = Vec::new();
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            match reader.feed(rest) {
                Ok((used, reply)) => {
                    assert!((1..=rest.len()).contains(&used) && (reply.is_some() || used == rest.len()));
                    rest = &rest[used..];
                    replies.extend(reply);
                }
                Err(error) => {
                    assert_eq!(reader.feed(b"250 ok\r\n"), Err(error), "an error stays");
                    return (replies, Some(error), false);
                }
            }
        }
    }
    let inside = reader.is_inside_reply();
    (replies, None, inside)
}

fn is_bounded(reply: &Reply) {
    assert!((200..600).contains(&reply.code) && (1..=READ_LINES_MAX).contains(&reply.lines.len()));
    assert!(
        reply
            .enhanced
            .is_none_or(|enhanced| u16::from(enhanced.class) == reply.code / 100)
    );
    for line in &reply.lines {
        // An octet that is not UTF-8 becomes a character of three.
        assert!(line.len() <= 3 * READ_LINE_OCTETS_MAX);
        fuzz::assert_plain(line);
    }
    let line = reply.one_line();
    assert!(line.len() <= ONE_LINE_OCTETS_MAX);
    fuzz::assert_plain(&line);
}

fn is_written_as_read(reply: &Reply) {
    for utf8 in [false, true] {
        let mut out = Vec::new();
        reply.write(&mut out, utf8);
        fuzz::assert_lines(&out, 510);
        assert!(utf8 || out.is_ascii());
        if out.split(|octet| *octet == b'\n').count() > READ_LINES_MAX {
            continue;
        }
        let (again, error, inside) = read(&[&out]);
        assert!(
            error.is_none() && !inside && again.len() == 1,
            "{}",
            out.escape_ascii()
        );
        let again = &again[0];
        assert_eq!((again.code, again.enhanced), (reply.code, reply.enhanced));
        let short = reply.lines.iter().all(|line| line.len() < 480);
        if short && utf8 {
            assert_eq!(again, reply);
        }
    }
}
