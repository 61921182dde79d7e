//! Tables of what a session says, with the driver's part played here: logins of `anna` are granted, all else is denied,
//! `refused@x.example` is refused at MAIL and RCPT.

use super::*;
use net::TlsFacts;
use store::Network;

fn rules(kind: DoorKind, starttls: bool, auth_in_clear: bool) -> Arc<Rules> {
    let limits = ListenerLimits {
        errors_max: 4,
        recipients_max: 2,
        idle_commands_max: 6,
        ..ListenerLimits::default()
    };
    Arc::new(Rules {
        hostname: "mx.example".into(),
        kind,
        starttls,
        auth_in_clear,
        limits,
    })
}

fn facts() -> TlsFacts {
    TlsFacts {
        version: "TLSv1.3".into(),
        cipher: "x".into(),
    }
}

fn network() -> Arc<Network> {
    Arc::new(Network {
        name: "web".into(),
        range: "192.0.2.0/24".parse().unwrap(),
        trust: store::NetworkTrust::Relay,
        tenant: "acme".into(),
        also_sends_as: Vec::new(),
        limits: risk::LimitOverrides::default(),
    })
}

/// Does what the driver does, without any I/O.
fn drive(session: &mut Session, line: &[u8], behind: bool) -> String {
    let refused = || Some(Reply::new(550, (5, 7, 1), "no"));
    let step = match session.line(line, behind) {
        Step::Authenticate(claim) if claim.login.starts_with("anna") => session.granted(Arc::default()),
        Step::Authenticate(_) => session.denied(crate::auth::denied()),
        Step::Impersonate(said) => session.impersonate(&said, Trust::default(), None),
        step => step,
    };
    match step {
        Step::Reply(reply) => reply.code.to_string(),
        Step::Close(reply) => format!("{} close", reply.code),
        Step::StartTls(_) => {
            session.secured(facts());
            "tls".to_owned()
        }
        Step::JudgeMail(mail) => {
            let refusal = mail
                .reverse_path
                .as_ref()
                .is_some_and(|path| path.local_part() == "refused");
            session
                .mail_answered(*mail, if refusal { refused() } else { None })
                .code
                .to_string()
        }
        Step::JudgeRcpt(forward) => {
            let refusal = forward.path.local_part() == "refused";
            session
                .rcpt_answered(forward, if refusal { refused() } else { None })
                .code
                .to_string()
        }
        Step::ReadData(_) => format!("354 to {}", session.take().unwrap().recipients.len()),
        Step::ReadChunk(chunk) => {
            if chunk.last && chunk.refused.is_none() {
                session.take().unwrap();
            }
            let refused = chunk
                .refused
                .map_or_else(|| "kept".to_owned(), |reply| reply.code.to_string());
            format!("chunk {} {refused}", chunk.size_octets)
        }
        Step::Authenticate(_) | Step::Impersonate(_) => unreachable!("answered above"),
    }
}

fn check(session: Session, lines: &[(&str, &str)]) {
    let mut session = session;
    for (number, (line, expected)) in lines.iter().enumerate() {
        let (line, behind) = line
            .strip_suffix(" +")
            .map_or((*line, false), |line| (line, true));
        assert_eq!(
            drive(&mut session, line.as_bytes(), behind),
            *expected,
            "line {number}: {line:?}"
        );
    }
}

/// A session without TLS that may log in.
fn clear() -> Session {
    Session::new(rules(DoorKind::Submission, true, true), Trust::default(), None)
}

const LOGIN: (&str, &str) = ("AUTH PLAIN AGFubmEAcA==", "235");
const FROM: &str = "MAIL FROM:<a@x.example>";
const TO: &str = "RCPT TO:<b@x.example>";

#[test]
fn from_greeting_to_message() {
    check(
        clear(),
        &[
            ("EHLO c", "250"),
            LOGIN,
            (FROM, "250"),
            (TO, "250"),
            ("RCPT TO:<refused@x.example>", "550"),
            ("RCPT TO:<c@x.example>", "250"),
            ("RCPT TO:<d@x.example>", "452"),
            ("DATA", "354 to 2"),
            ("MAIL FROM:<refused@x.example>", "550"),
            (TO, "503"),
            (FROM, "250"),
            ("QUIT", "221 close"),
        ],
    );
    check(
        clear(),
        &[
            ("EHLO c", "250"),
            LOGIN,
            (FROM, "250"),
            (TO, "250"),
            ("DATA", "354 to 1"),
            ("DATA", "503"),
        ],
    );
}

#[test]
fn what_each_state_refuses() {
    for line in [FROM, TO, "DATA", "AUTH PLAIN"] {
        check(clear(), &[(line, "503")]);
    }
    for line in [TO, "DATA", "AUTH PLAIN AGFubmEAcA=="] {
        check(clear(), &[("EHLO c", "250"), LOGIN, (line, "503")]);
    }
    for line in [FROM, "STARTTLS", "AUTH PLAIN"] {
        check(clear(), &[("EHLO c", "250"), LOGIN, (FROM, "250"), (line, "503")]);
    }
    check(clear(), &[("EHLO c", "250"), (FROM, "530")]);
    check(
        clear(),
        &[("EHLO c", "250"), LOGIN, (FROM, "250"), ("DATA", "554")],
    );
}

#[test]
fn resets() {
    check(
        clear(),
        &[
            ("EHLO c", "250"),
            LOGIN,
            (FROM, "250"),
            (TO, "250"),
            ("RSET", "250"),
            (TO, "503"),
            (FROM, "250"),
        ],
    );
    check(
        clear(),
        &[
            ("EHLO c", "250"),
            LOGIN,
            (FROM, "250"),
            ("HELO d", "250"),
            (TO, "503"),
            (FROM, "250"),
        ],
    );
    check(clear(), &[("RSET", "250"), (FROM, "503")]);
}

#[test]
fn tls_forgets() {
    check(
        clear(),
        &[
            ("EHLO c", "250"),
            LOGIN,
            ("STARTTLS", "tls"),
            (FROM, "503"),
            ("EHLO c", "250"),
            (FROM, "530"),
            ("STARTTLS", "503"),
        ],
    );
    check(clear(), &[("EHLO c", "250"), ("STARTTLS +", "503 close")]);
    let without = Session::new(rules(DoorKind::Submission, false, true), Trust::default(), None);
    check(without, &[("EHLO c", "250"), ("STARTTLS", "502")]);
    let secret = || Session::new(rules(DoorKind::Submission, true, false), Trust::default(), None);
    check(
        secret(),
        &[
            ("EHLO c", "250"),
            ("AUTH PLAIN AGFubmEAcA==", "538"),
            (FROM, "530"),
        ],
    );
    check(
        secret(),
        &[
            ("EHLO c", "250"),
            ("STARTTLS", "tls"),
            ("EHLO c", "250"),
            LOGIN,
            (FROM, "250"),
        ],
    );
}

#[test]
fn exchanges_of_auth() {
    check(
        clear(),
        &[
            ("EHLO c", "250"),
            ("AUTH PLAIN", "334"),
            ("AGFubmEAcA==", "235"),
            (FROM, "250"),
        ],
    );
    check(
        clear(),
        &[
            ("EHLO c", "250"),
            ("AUTH LOGIN", "334"),
            ("YW5uYQ==", "334"),
            ("cA==", "235"),
            (FROM, "250"),
        ],
    );
    check(
        clear(),
        &[
            ("EHLO c", "250"),
            ("AUTH PLAIN", "334"),
            ("*", "501"),
            (FROM, "530"),
        ],
    );
    check(
        clear(),
        &[
            ("EHLO c", "250"),
            ("AUTH PLAIN", "334"),
            ("QUIT", "501"),
            ("AUTH PLAIN AGIAcA==", "535"),
            (FROM, "530"),
        ],
    );
    check(clear(), &[("EHLO c", "250"), ("AUTH GSSAPI", "504")]);
}

#[test]
fn chunks() {
    check(
        clear(),
        &[
            ("EHLO c", "250"),
            ("BDAT 5", "chunk 5 503"),
            LOGIN,
            (FROM, "250"),
            ("BDAT 5", "chunk 5 554"),
            (FROM, "250"),
            (TO, "250"),
            ("BDAT 5", "chunk 5 kept"),
            ("BDAT 0", "chunk 0 kept"),
            ("DATA", "503"),
            ("BDAT 7 LAST", "chunk 7 kept"),
            ("BDAT 7 LAST", "421 close"),
        ],
    );
    check(
        clear(),
        &[
            ("EHLO c", "250"),
            LOGIN,
            (FROM, "250"),
            (TO, "250"),
            ("BDAT 52428801", "chunk 52428801 552"),
            (TO, "503"),
        ],
    );
    check(clear(), &[("BDAT 999999999999", "552 close")]);
}

#[test]
fn pipelining_across_data_ends_the_session() {
    check(
        clear(),
        &[
            ("EHLO c", "250"),
            LOGIN,
            (FROM, "250"),
            (TO, "250"),
            ("DATA +", "503 close"),
        ],
    );
    check(clear(), &[("DATA +", "503 close")]);
}

#[test]
fn errors_and_idling_are_counted() {
    check(
        clear(),
        &[("X", "500"), ("X", "500"), ("X", "500"), ("X", "421 close")],
    );
    let mut lines = vec![("NOOP", "250"); 9];
    lines.push(("NOOP", "421 close"));
    check(clear(), &lines);
    let round = [
        (FROM, "250"),
        (TO, "250"),
        ("RSET", "250"),
        ("NOOP", "250"),
        (FROM, "250"),
        (TO, "250"),
        ("DATA", "354 to 1"),
    ];
    let mut lines = vec![("EHLO c", "250"), LOGIN];
    lines.extend(round.repeat(10));
    check(clear(), &lines);
}

#[test]
fn who_may_relay() {
    let trust = |proxy| Trust {
        relay: Some(network()),
        proxy,
    };
    let relay = |trust| Session::new(rules(DoorKind::Relay, true, false), trust, None);
    check(relay(trust(false)), &[("EHLO c", "250"), (FROM, "250")]);
    check(relay(Trust::default()), &[("EHLO c", "250"), (FROM, "530")]);
    check(
        relay(Trust::default()),
        &[
            ("EHLO c", "250"),
            ("STARTTLS", "tls"),
            ("EHLO c", "250"),
            LOGIN,
            (FROM, "250"),
        ],
    );
    let submission = Session::new(rules(DoorKind::Submission, true, false), trust(false), None);
    check(submission, &[("EHLO c", "250"), (FROM, "530")]);
    check(
        relay(trust(false)),
        &[
            ("EHLO c", "250"),
            ("XCLIENT ADDR=192.0.2.9", "502"),
            (FROM, "250"),
        ],
    );
    check(
        relay(trust(true)),
        &[
            ("EHLO c", "250"),
            ("XCLIENT ADDR=192.0.2.9", "220"),
            (FROM, "503"),
            ("EHLO c", "250"),
            (FROM, "530"),
        ],
    );
}

#[test]
fn line_bounds() {
    let mut session = clear();
    assert_eq!(session.line_octets_max(b"NOOP"), 2_048);
    assert_eq!(session.line_octets_max(b"auth plain"), 12_288);
    drive(&mut session, b"EHLO c", false);
    drive(&mut session, b"AUTH LOGIN", false);
    assert_eq!(session.line_octets_max(b""), 12_288);
}

#[test]
fn the_word_for_received() {
    let mut session = clear();
    assert_eq!(session.protocol(false), "SMTP");
    for (line, with, utf8) in [
        ("HELO c", "SMTP", "SMTP"),
        ("EHLO c", "ESMTP", "UTF8SMTP"),
        ("AUTH PLAIN AGFubmEAcA==", "ESMTPA", "UTF8SMTPA"),
        ("STARTTLS", "SMTP", "SMTP"),
        ("EHLO c", "ESMTPS", "UTF8SMTPS"),
        ("AUTH PLAIN AGFubmEAcA==", "ESMTPSA", "UTF8SMTPSA"),
    ] {
        drive(&mut session, line.as_bytes(), false);
        assert_eq!(
            (session.protocol(false), session.protocol(true)),
            (with, utf8),
            "{line}"
        );
    }
}

#[test]
fn a_session_is_small() {
    let octets = std::mem::size_of::<Session>();
    assert!(octets <= 256, "{octets}");
}
