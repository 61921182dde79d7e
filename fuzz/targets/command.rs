//! Commands: a refusal is a valid reply that echoes nothing; MAIL and RCPT written to a next hop are read as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail::smtp::ehlo::Extensions;
use mail::smtp::{BodyType, Command, MailCommand, RcptCommand, Reply, Severity};

fuzz_target!(|input: &[u8]| {
    match Command::parse(input) {
        Ok(command) => {
            let verb = command.verb();
            assert!(input.len() >= verb.len() && input[..verb.len()].eq_ignore_ascii_case(verb.as_bytes()));
            accepted(command);
        }
        Err(reply) => refused(&reply),
    }
});

fn accepted(command: Command) {
    match command {
        Command::Ehlo(name) | Command::Helo(name) => {
            assert!(!name.is_empty() && name.len() <= 255 && !name.contains(' '));
            fuzz::assert_plain(&name);
        }
        Command::Mail(mail) => mail_round_trip(*mail),
        Command::Rcpt(rcpt) => rcpt_round_trip(&rcpt),
        Command::Auth {
            mechanism,
            initial_response,
        } => {
            assert!((1..=20).contains(&mechanism.len()));
            assert!(initial_response.is_none_or(|response| !response.is_empty() && response.is_ascii()));
        }
        Command::Xclient(attributes) => fuzz::assert_plain(&attributes),
        _ => {}
    }
}

fn everything() -> Extensions {
    Extensions {
        eight_bit_mime: true,
        smtputf8: true,
        dsn: true,
        size: Some(None),
        auth: vec!["PLAIN".to_owned()],
        ..Extensions::default()
    }
}

fn mail_round_trip(mut mail: MailCommand) {
    for text in mail.envid.iter().chain(&mail.auth) {
        fuzz::assert_plain(text);
    }
    let written = mail.write(&everything());
    fuzz::assert_plain(&written);
    // BINARYMIME is never handed on: the server refuses it.
    mail.body = mail.body.filter(|body| *body != BodyType::BinaryMime);
    assert_eq!(
        Command::parse(written.as_bytes()),
        Ok(Command::Mail(Box::new(mail.clone()))),
        "{written}"
    );

    let bare = mail.write(&Extensions::default());
    assert!(bare.ends_with('>') && bare.starts_with("MAIL FROM:<"), "{bare}");
}

fn rcpt_round_trip(rcpt: &RcptCommand) {
    if let Some(orcpt) = &rcpt.orcpt {
        fuzz::assert_plain(&orcpt.addr_type);
        fuzz::assert_plain(&orcpt.address);
    }
    let written = rcpt.write(&everything());
    fuzz::assert_plain(&written);
    assert_eq!(
        Command::parse(written.as_bytes()),
        Ok(Command::Rcpt(Box::new(rcpt.clone()))),
        "{written}"
    );

    let bare = rcpt.write(&Extensions::default());
    assert!(bare.ends_with('>') && bare.starts_with("RCPT TO:<"), "{bare}");
}

fn refused(reply: &Reply) {
    assert!(matches!(reply.code, 500 | 501 | 502 | 504 | 553 | 555), "{reply}");
    assert_eq!(reply.severity(), Severity::Permanent);
    assert!(
        reply.enhanced.is_some_and(|enhanced| enhanced.class == 5),
        "{reply}"
    );
    assert!(reply.one_line().is_ascii());
    let mut out = Vec::new();
    reply.write(&mut out, false);
    fuzz::assert_lines(&out, 510);
}
