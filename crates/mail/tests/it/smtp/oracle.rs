//! The command parser against the crate smtp-proto, on valid commands where that crate is known to be right: no quoted local
//! parts, no address literals, no bare `postmaster`.

use mail::smtp::{BodyType, Command, Notify, Ret};
use proptest::prelude::*;
use smtp_proto as oracle;
use smtp_proto::Request;

/// What both parsers say, in one form.
#[derive(Debug, PartialEq)]
enum Said {
    Name(&'static str, String),
    Mail {
        from: String,
        size: u64,
        flags: u64,
        envid: Option<String>,
        auth: Option<String>,
    },
    Rcpt {
        to: String,
        flags: u64,
        orcpt: Option<String>,
    },
    Bdat(u64, bool),
    Plain(&'static str),
}

fn ours(line: &str) -> Said {
    match Command::parse(line.as_bytes()).unwrap_or_else(|reply| panic!("{line}: {reply}")) {
        Command::Ehlo(name) => Said::Name("EHLO", name),
        Command::Helo(name) => Said::Name("HELO", name),
        Command::Mail(mail) => {
            let body = match mail.body {
                Some(BodyType::SevenBit) => oracle::MAIL_BODY_7BIT,
                Some(BodyType::EightBitMime) => oracle::MAIL_BODY_8BITMIME,
                Some(BodyType::BinaryMime) => oracle::MAIL_BODY_BINARYMIME,
                None => 0,
            };
            let ret = match mail.ret {
                Some(Ret::Full) => oracle::MAIL_RET_FULL,
                Some(Ret::Hdrs) => oracle::MAIL_RET_HDRS,
                None => 0,
            };
            Said::Mail {
                from: mail.reverse_path.map(String::from).unwrap_or_default(),
                size: mail.size_octets.unwrap_or(0),
                flags: body | ret | if mail.smtputf8 { oracle::MAIL_SMTPUTF8 } else { 0 },
                envid: mail.envid,
                auth: mail.auth,
            }
        }
        Command::Rcpt(rcpt) => Said::Rcpt {
            to: rcpt.forward_path.map(String::from).unwrap_or_default(),
            flags: rcpt.notify.map_or(0, notify_flags),
            orcpt: rcpt.orcpt.map(|orcpt| orcpt.address),
        },
        Command::Bdat { size_octets, last } => Said::Bdat(size_octets, last),
        other => Said::Plain(other.verb()),
    }
}

fn notify_flags(notify: Notify) -> u64 {
    let flag = |set: bool, flag: u64| if set { flag } else { 0 };
    let flags = flag(notify.success, oracle::RCPT_NOTIFY_SUCCESS)
        | flag(notify.failure, oracle::RCPT_NOTIFY_FAILURE)
        | flag(notify.delay, oracle::RCPT_NOTIFY_DELAY);
    if flags == 0 {
        oracle::RCPT_NOTIFY_NEVER
    } else {
        flags
    }
}

fn theirs(line: &str) -> Said {
    let octets = format!("{line}\r\n").into_bytes();
    match Request::parse(&mut octets.iter())
        .unwrap_or_else(|error| panic!("{line}: {error:?}"))
        .into_owned()
    {
        Request::Ehlo { host } => Said::Name("EHLO", host),
        Request::Helo { host } => Said::Name("HELO", host),
        Request::Mail { from } => Said::Mail {
            from: from.address,
            size: from.size as u64,
            flags: from.flags,
            envid: from.env_id,
            auth: from.auth,
        },
        Request::Rcpt { to } => Said::Rcpt {
            to: to.address,
            flags: to.flags,
            orcpt: to.orcpt,
        },
        Request::Bdat { chunk_size, is_last } => Said::Bdat(chunk_size as u64, is_last),
        other => Said::Plain(other.name()),
    }
}

fn address() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9.]{0,8}[a-z0-9+=_-]@[a-z][a-z0-9-]{0,8}[a-z](\\.[a-z]{2,5}){1,2}"
        .prop_filter("no empty atoms", |text| !text.contains(".."))
        .prop_filter("a dot before the @", |text| !text.contains(".@"))
}

fn command() -> impl Strategy<Value = String> {
    let mail = prop::sample::subsequence(
        vec![
            "SIZE=12345",
            "BODY=8BITMIME",
            "SMTPUTF8",
            "RET=HDRS",
            "ENVID=QQ314159",
            "AUTH=joe@b.example",
        ],
        0..=6,
    );
    let rcpt = prop::sample::subsequence(vec!["NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;old@b.example"], 0..=2);
    let with = |head: String, parameters: Vec<&str>| {
        parameters
            .iter()
            .fold(head, |line, parameter| format!("{line} {parameter}"))
    };
    prop_oneof![
        "(EHLO|ehlo|HELO) [a-z]{1,9}\\.example",
        (address(), mail).prop_map(move |(address, words)| with(format!("MAIL FROM:<{address}>"), words)),
        (address(), rcpt).prop_map(move |(address, words)| with(format!("rcpt TO:<{address}>"), words)),
        (any::<u32>(), any::<bool>())
            .prop_map(|(size, last)| format!("BDAT {size}{}", if last { " LAST" } else { "" })),
        prop::sample::select(vec![
            "MAIL FROM:<>",
            "DATA",
            "RSET",
            "NOOP",
            "HELP",
            "QUIT",
            "STARTTLS",
            "VRFY joe"
        ])
        .prop_map(str::to_owned),
        prop::sample::select(vec![
            "NOTIFY=NEVER",
            "NOTIFY=FAILURE",
            "NOTIFY=FAILURE,SUCCESS,DELAY"
        ])
        .prop_map(|notify| format!("RCPT TO:<a@b.example> {notify}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn both_parsers_agree_on_valid_commands(line in command()) {
        prop_assert_eq!(ours(&line), theirs(&line));
    }
}
