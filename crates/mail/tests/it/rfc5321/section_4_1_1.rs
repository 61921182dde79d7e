//! RFC 5321 §4.1.1: the commands and their arguments.

use super::refusal;
use mail::smtp::Command;

#[test]
fn verbs_are_not_case_sensitive_and_blanks_at_the_end_are_tolerated() {
    for line in ["quit", "QuIt", "QUIT ", "QUIT   "] {
        assert_eq!(Command::parse(line.as_bytes()), Ok(Command::Quit));
    }
}

/// RFC 5321 §4.1.1.1: EHLO and HELO need a name; an address literal will do.
#[test]
fn hello_needs_a_name() {
    for (line, code) in [
        ("EHLO", 501),
        ("HELO", 501),
        ("EHLO mx.example", 0),
        ("EHLO [IPv6:2001:db8::1]", 0),
    ] {
        assert_eq!(refusal(line), code, "{line}");
    }
}

/// RFC 5321 §4.1.1.2: the reverse-path may be null, the forward-path of RFC 5321 §4.1.1.3 may not.
#[test]
fn null_path_is_for_senders_only() {
    assert_eq!(refusal("MAIL FROM:<>"), 0);
    assert_eq!(refusal("RCPT TO:<>"), 501);
}

/// RFC 5321 §4.1.1.3: postmaster needs no domain; source routes are ignored.
#[test]
fn postmaster_and_source_routes() {
    let forward_path = |line: &str| match Command::parse(line.as_bytes()) {
        Ok(Command::Rcpt(rcpt)) => rcpt.forward_path.map(String::from),
        other => panic!("{line}: {other:?}"),
    };
    assert_eq!(forward_path("RCPT TO:<postmaster>"), None);
    assert_eq!(
        forward_path("RCPT TO:<Postmaster@x.y>"),
        Some("Postmaster@x.y".into())
    );
    assert_eq!(
        forward_path("RCPT TO:<@hosta.int,@jkl.org:userc@d.bar.org>"),
        Some("userc@d.bar.org".into())
    );
    assert_eq!(refusal("MAIL FROM:<postmaster>"), 501);
}

/// RFC 5321 §4.1.1.11: parameters that were not offered are refused with 555.
#[test]
fn unknown_parameters() {
    assert_eq!(refusal("MAIL FROM:<a@b> XYZZY=1"), 555);
    assert_eq!(refusal("RCPT TO:<a@b> XYZZY"), 555);
}

/// RFC 5321 §4.1.1.4, §4.1.1.5, §4.1.1.10: no arguments.
#[test]
fn commands_without_arguments() {
    for verb in ["DATA", "RSET", "QUIT"] {
        assert_eq!((refusal(verb), refusal(&format!("{verb} x"))), (0, 501), "{verb}");
    }
    for verb in ["NOOP", "HELP", "VRFY"] {
        assert_eq!(refusal(&format!("{verb} x")), 0, "{verb}");
    }
}
