//! A delivery report as another MIME parser sees it.

use mail::Address;
use mail::dsn::{Happened, Report, ReportedRecipient};
use mail::smtp::{Reply, Ret};
use mail_parser::{MessageParser, MimeHeaders};

#[test]
fn three_parts_and_an_inner_message() {
    let (to, rcpt) = (
        Address::parse("joe@b.example").unwrap(),
        Address::parse("jörg@remote.example").unwrap(),
    );
    let reply = Reply {
        code: 550,
        enhanced: None,
        lines: vec!["Postfach unbekannt: jörg".into()],
    };
    let recipient = ReportedRecipient {
        forward_path: &rcpt,
        orcpt: None,
        happened: Happened::Failed,
        reply: &reply,
        remote_mta: Some("mx.remote.example"),
        last_attempt: None,
    };
    let original = b"From: Joe <joe@b.example>\r\nSubject: Gr\xc3\xbc\xc3\x9fe\r\n\r\nHello\r\n.\r\n";
    let report = Report {
        reporting_mta: "mx.example",
        to: &to,
        envid: None,
        arrived: "2026-11-24T12:00:00Z".parse().unwrap(),
        original_id: "01JD3ORIGINAL",
        id: "01JD3REPORT",
        ret: Some(Ret::Full),
        recipients: vec![recipient],
        original,
        at: "2026-11-24T12:00:06Z".parse().unwrap(),
    };
    let octets = report.write();
    let message = MessageParser::new().parse(&octets).unwrap();
    let top = message.content_type().unwrap();
    assert_eq!((top.ctype(), top.subtype()), ("multipart", Some("report")));
    assert_eq!(top.attribute("report-type"), Some("delivery-status"));
    let human = message.body_text(0).unwrap();
    assert!(human.contains("To <jörg@remote.example>:") && human.contains("550 Postfach unbekannt: jörg"));
    let status = message
        .parts
        .iter()
        .find(|part| part.is_content_type("message", "delivery-status"))
        .unwrap();
    let status = std::str::from_utf8(status.contents()).unwrap();
    assert!(status.contains("Diagnostic-Code: smtp; 550 Postfach unbekannt: j?rg\r\n"));
    let inner = message.parts.iter().find_map(|part| part.message()).unwrap();
    assert_eq!(
        (inner.subject(), inner.body_text(0).unwrap().as_ref()),
        (Some("Grüße"), "Hello\r\n.\r\n")
    );
}
