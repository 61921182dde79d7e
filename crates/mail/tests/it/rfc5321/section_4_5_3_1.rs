//! RFC 5321 §4.5.3.1: size limits and minimums.

use super::refusal;
use mail::Address;
use mail::smtp::Reply;
use mail::smtp::data::{DataDefect, DataLimits, DataReader};
use mail::smtp::line::{LineError, find_line};

/// RFC 5321 §4.5.3.1.1 to §4.5.3.1.3: local part 64, domain 255, path 256 with its brackets.
#[test]
fn addresses() {
    let domain = ["d".repeat(63), "d".repeat(63), "d".repeat(61)].join(".");
    let longest = format!("{}@{domain}", "l".repeat(64));
    assert_eq!(longest.len(), 254);
    assert!(Address::parse(&longest).is_ok());
    assert_eq!(refusal(&format!("RCPT TO:<{longest}>")), 0);
    assert_eq!(refusal(&format!("RCPT TO:<{longest}d>")), 501);
    assert_eq!(refusal(&format!("RCPT TO:<{}@b>", "l".repeat(65))), 501);
}

/// RFC 5321 §4.5.3.1.4: 512 octets of command line, CRLF included.
#[test]
fn command_lines() {
    let line = |octets: usize| [vec![b'x'; octets - 2], b"\r\n".to_vec()].concat();
    assert_eq!(find_line(&line(512), 512), Ok(Some(510)));
    assert_eq!(find_line(&line(513), 512), Err(LineError::TooLong));
}

/// RFC 5321 §4.5.3.1.5: 512 octets of reply line.
#[test]
fn reply_lines() {
    let mut out = Vec::new();
    Reply::new(250, (2, 0, 0), "x".repeat(5000)).write(&mut out, false);
    assert!(
        out.split_inclusive(|octet| *octet == b'\n')
            .all(|line| line.len() <= 512)
    );
}

/// RFC 5321 §4.5.3.1.6: 1000 octets of text line, CRLF included, the dot of transparency not counted.
#[test]
fn text_lines() {
    for (stream, defect) in [
        (["x".repeat(998).as_str(), "\r\n.\r\n"].concat(), None),
        ([".", &"x".repeat(998), "\r\n.\r\n"].concat(), None),
        (
            ["x".repeat(999).as_str(), "\r\n.\r\n"].concat(),
            Some(DataDefect::LineTooLong),
        ),
    ] {
        let mut reader = DataReader::new(DataLimits {
            size_octets_max: 10_000,
            line_octets_max: 998,
        });
        let fed = reader.feed(stream.as_bytes(), &mut Vec::new());
        assert!(fed.done);
        assert_eq!(reader.defect(), defect);
    }
}
