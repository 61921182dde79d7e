//! Delivery reports: lines that can be sent, a header and three parts that read as they were meant, whatever others wrote.
//!
//! First line: RET, what happened, recipients, flags. Lines: to, forward-path, reply, next hop, ENVID, ORCPT type, ORCPT
//! address, host, id; then the original.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use mail::Address;
use mail::dsn::{Happened, Report, ReportedRecipient};
use mail::message::{Header, Limits, Parts};
use mail::smtp::{OriginalRecipient, Reply, ReplyReader, Ret};

const LINES: usize = 9;

fuzz_target!(|input: &[u8]| {
    let (mut figures, mut rest) = fuzz::figures(input);
    let mut lines: [String; LINES] = Default::default();
    for place in &mut lines {
        let (line, tail) = fuzz::first_line(rest);
        *place = String::from_utf8_lossy(line).into_owned();
        rest = tail;
    }
    let [
        to,
        forward_path,
        reply,
        remote,
        envid,
        addr_type,
        address,
        host,
        id,
    ] = lines;
    let parse =
        |text: &str| Address::parse(text).unwrap_or_else(|_| "joe@b.example".parse().expect("an address"));
    let (to, forward_path) = (parse(&to), parse(&forward_path));
    let reply = reply_of(&reply);
    let orcpt = OriginalRecipient { addr_type, address };
    let ret = [None, Some(Ret::Full), Some(Ret::Hdrs)][figures.choice(3) as usize];
    let at = Timestamp::from_second(1_800_000_000).unwrap_or_default();
    let count = 1 + figures.choice(4);
    let happened = [
        Happened::Failed,
        Happened::Delayed { until: at },
        Happened::Relayed,
        Happened::Delivered,
    ];
    let recipients = (0..count).map(|_| ReportedRecipient {
        forward_path: &forward_path,
        orcpt: (!orcpt.address.is_empty()).then_some(&orcpt),
        happened: happened[figures.choice(4) as usize],
        reply: &reply,
        remote_mta: (!remote.is_empty()).then_some(remote.as_str()),
        last_attempt: figures.flag().then_some(at),
    });
    let report = Report {
        to: &to,
        ret,
        recipients: recipients.collect(),
        reporting_mta: if host.is_empty() { "mx.example" } else { &host },
        envid: (!envid.is_empty()).then_some(envid.as_str()),
        arrived: at,
        original_id: &id,
        id: &id,
        original: rest,
        at,
    };
    check(&report);
});

/// As the client side would have read it from the wire.
fn reply_of(line: &str) -> Reply {
    let wire = format!("{line}\r\n");
    let read = ReplyReader::default().feed(wire.as_bytes());
    read.ok()
        .and_then(|(_, reply)| reply)
        .unwrap_or_else(|| Reply::plain(550, line))
}

fn check(report: &Report<'_>) {
    let octets = report.write();
    fuzz::assert_lines(&octets, 998);
    assert!(
        octets.len() <= 2 * 65_536 + 65_536 + 16_384,
        "{} octets",
        octets.len()
    );
    if report.ret != Some(Ret::Full) && report.to.is_ascii() {
        assert!(octets.is_ascii());
    }
    let header = Header::parse(&octets, &Limits::default());
    assert!(header.defects.is_empty(), "{:?}", header.defects);
    for name in [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
    ] {
        assert_eq!(header.all(name).count(), 1, "{name}");
    }
    assert!(header.fields.len() <= 11, "a field too many");
    // The list reader refuses an address that looks like an encoded word, because some readers decode it.
    if !report.to.as_str().contains("=?") {
        let to =
            mail::message::mailbox::parse_list(header.first("To").expect("To")).expect("To is a mailbox");
        assert!(to.iter().map(|mailbox| &mailbox.address).eq([report.to]));
    }

    let tree = Parts::walk(&octets, &Limits::default());
    let children: Vec<_> = tree.parts.iter().filter(|part| part.depth == 1).collect();
    assert_eq!(tree.parts[0].content_type, "multipart/report");
    assert_eq!(children.len(), 3, "{}", octets.escape_ascii());
    assert_eq!(
        (&*children[0].content_type, &*children[1].content_type),
        ("text/plain", "message/delivery-status")
    );
    assert!(matches!(
        &*children[2].content_type,
        "message/rfc822" | "text/rfc822-headers"
    ));
    status(children[1].body, report.recipients.len());
}

/// One block of fields for the message and one for each recipient (RFC 3464 §2.1), each with its duties.
fn status(body: &[u8], recipients: usize) {
    assert!(body.is_ascii());
    let text = std::str::from_utf8(body).expect("ASCII");
    let blocks: Vec<&str> = text.split("\r\n\r\n").filter(|block| !block.is_empty()).collect();
    assert_eq!(blocks.len(), 1 + recipients, "{text}");
    for (index, block) in blocks.iter().enumerate() {
        let header = Header::parse(block.as_bytes(), &Limits::default());
        let duties: &[&str] = if index == 0 {
            &["Reporting-MTA"]
        } else {
            &["Final-Recipient", "Action", "Status"]
        };
        for name in duties {
            assert_eq!(header.all(name).count(), 1, "{name} in {block}");
        }
        assert!(
            header.body_offset == block.len() && header.fields.len() <= 9,
            "{block}"
        );
    }
}
