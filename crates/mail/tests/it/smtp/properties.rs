//! What holds for any input: no panic, no control in what is returned, and reading what was written gives the same.

use mail::Address;
use mail::smtp::ehlo::Extensions;
use mail::smtp::line::find_line;
use mail::smtp::xclient::Xclient;
use mail::smtp::{Command, proxy, xtext};
use proptest::prelude::*;

fn everything() -> Extensions {
    Extensions {
        eight_bit_mime: true,
        smtputf8: true,
        dsn: true,
        size: Some(None),
        auth: vec!["PLAIN".into()],
        ..Extensions::default()
    }
}

fn address() -> impl Strategy<Value = String> {
    let local = prop_oneof![
        "[a-zA-Z0-9.+=_-]{1,12}",
        "\"([ -!#-\\[\\]-~]|\\\\[ -~]){0,12}\"",
        "[a-zü漢.]{1,8}"
    ];
    let domain = prop_oneof![
        "[a-zA-Z0-9-]{1,9}(\\.[a-z0-9-]{1,9}){0,3}",
        "[a-zü漢ß.]{1,12}",
        Just("[192.0.2.1]".to_owned()),
        Just("[IPv6:2001:db8::1]".to_owned()),
    ];
    (local, domain).prop_map(|(local, domain)| format!("{local}@{domain}"))
}

fn line() -> impl Strategy<Value = String> {
    let parameter = prop_oneof![
        Just("SIZE=100"),
        Just("BODY=8BITMIME"),
        Just("BODY=7BIT"),
        Just("SMTPUTF8"),
        Just("RET=HDRS"),
        Just("ENVID=a+2Bb"),
        Just("AUTH=<>"),
        Just("NOTIFY=NEVER"),
        Just("NOTIFY=DELAY,FAILURE"),
        Just("ORCPT=rfc822;a+3Db@c"),
        Just("ORCPT=utf-8;\\x{F6}@c"),
        Just("X"),
        Just("ret=full"),
        Just("auth=a+2Bb"),
        Just("="),
        Just("SIZE=1=2"),
    ];
    let verb = prop_oneof![Just("MAIL FROM:"), Just("RCPT TO:"), Just("mail from: ")];
    (verb, address(), prop::collection::vec(parameter, 0..4)).prop_map(|(verb, address, parameters)| {
        let separator = if parameters.is_empty() { "" } else { " " };
        format!("{verb}<{address}>{separator}{}", parameters.join(" "))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn envelope_commands_are_written_as_read(line in line()) {
        match Command::parse(line.as_bytes()) {
            Ok(Command::Mail(mail)) => {
                let written = mail.write(&everything());
                prop_assert_eq!(Command::parse(written.as_bytes()), Ok(Command::Mail(mail)));
            }
            Ok(Command::Rcpt(rcpt)) => {
                let written = rcpt.write(&everything());
                prop_assert_eq!(Command::parse(written.as_bytes()), Ok(Command::Rcpt(rcpt)));
            }
            Ok(other) => prop_assert!(false, "{other:?}"),
            Err(reply) => prop_assert!(matches!(reply.code, 501 | 553 | 555), "{reply}"),
        }
    }

    #[test]
    fn any_line_is_a_command_or_a_refusal(octets in prop::collection::vec(any::<u8>(), 0..80), verb in 0usize..8) {
        let verb = ["", "EHLO ", "MAIL FROM:<", "RCPT TO:<", "AUTH ", "BDAT ", "XCLIENT ", "RCPT TO:<a@b> "][verb];
        let line = [verb.as_bytes(), &octets].concat();
        match Command::parse(&line) {
            Ok(Command::Ehlo(text) | Command::Xclient(text)) => {
                prop_assert!(!text.is_empty() && !text.chars().any(char::is_control));
            }
            Ok(command) => prop_assert!(line.to_ascii_uppercase().starts_with(command.verb().as_bytes())),
            Err(reply) => prop_assert!((500..=555).contains(&reply.code) && reply.one_line().is_ascii()),
        }
    }

    #[test]
    fn an_address_has_one_key(text in address()) {
        if let Ok(address) = Address::parse(&text) {
            prop_assert_eq!(address.as_str(), &text);
            let key = address.key();
            // Unmapped Unicode can grow when it becomes an A-label; what still fits is its own key.
            if let Ok(again) = Address::parse(&key) {
                prop_assert_eq!(again.key(), key.clone());
            }
            prop_assert!(address.domain_key().is_ascii());
            prop_assert!(!text.chars().any(char::is_control));
        }
    }

    #[test]
    fn any_text_is_an_address_or_not(text in any::<String>()) {
        for candidate in [text.clone(), format!("a@{text}"), format!("{text}@b"), format!("\"{text}\"@b")] {
            if let Ok(address) = Address::parse(&candidate) {
                prop_assert!(!candidate.chars().any(char::is_control) && candidate.len() <= 254);
                prop_assert!(!address.key().is_empty());
            }
        }
    }

    #[test]
    fn a_line_ends_at_its_first_crlf(octets in super::stream(), max in 0usize..60) {
        match find_line(&octets, max) {
            Ok(Some(end)) => {
                prop_assert!(end + 2 <= max && octets[end..].starts_with(b"\r\n"));
                prop_assert!(!octets[..end].iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0)));
            }
            Ok(None) => prop_assert!(octets.len() < max),
            Err(_) => {}
        }
    }

    #[test]
    fn xtext_and_xclient_give_no_controls(text in "[ -~]{0,60}", any in any::<String>()) {
        if let Some(decoded) = xtext::decode(&text) {
            prop_assert!(!decoded.chars().any(char::is_control));
            prop_assert_eq!(xtext::decode(&xtext::encode(&decoded)), Some(decoded));
        }
        let text = format!("NAME={text} ADDR=192.0.2.1");
        if let Some(found) = Xclient::parse(&text) {
            let control = found.name.is_some_and(|name| name.chars().any(char::is_control));
            prop_assert!(!control);
        }
        match xtext::decode(&xtext::encode(&any)) {
            Some(decoded) => prop_assert_eq!(decoded, any),
            None => prop_assert!(!any.is_ascii() || any.chars().any(char::is_control)),
        }
    }

    #[test]
    fn proxy_headers_are_bounded(octets in prop::collection::vec(any::<u8>(), 0..600), kind in 0usize..4) {
        let start: [&[u8]; 4] = [b"", b"PROXY ", b"PROXY TCP4 192.0.2.1 ", b"\r\n\r\n\0\r\nQUIT\n\x21"];
        let input = [start[kind], &octets].concat();
        match proxy::parse(&input) {
            Ok(Some((used, _))) => prop_assert!(used <= input.len() && used <= 536),
            Ok(None) => prop_assert!(input.len() < 536),
            Err(_) => {}
        }
    }
}
