//! RFC 5321 §2.3.8: lines end by CRLF and by nothing else.

use mail::smtp::Command;
use mail::smtp::line::{LineError, find_line};

#[test]
fn only_crlf_ends_a_line() {
    for (octets, expected) in [
        (&b"NOOP\r\n"[..], Ok(Some(4))),
        (b"NOOP\n", Err(LineError::BareLf)),
        (b"NOOP\rRSET\r\n", Err(LineError::BareCr)),
        (b"NOOP\n\r", Err(LineError::BareLf)),
        (b"NOOP", Ok(None)),
    ] {
        assert_eq!(find_line(octets, 512), expected, "{}", octets.escape_ascii());
    }
}

#[test]
fn cr_and_lf_are_no_part_of_a_command() {
    for line in [
        &b"MAIL FROM:<a@b\rc>"[..],
        b"RCPT TO:<a@b>\n",
        b"EHLO a\r",
        b"NOOP \n",
    ] {
        assert_eq!(
            Command::parse(line).unwrap_err().code,
            500,
            "{}",
            line.escape_ascii()
        );
    }
}
