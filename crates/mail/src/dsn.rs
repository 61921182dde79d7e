//! Delivery status notifications (RFC 3464, RFC 3461 §6): human part first, then the machine's, then the message or its header.
//!
//! Promises: CRLF line ends, no line over 998 octets, nothing but 7 bits unless a whole 8-bit message is returned or the
//! address it goes to is not ASCII; text of others is cleaned of controls and stands where it cannot start a field or a part.
//! Non-ASCII addresses are named by the type `utf-8` in its ASCII form, so a plain `message/delivery-status` carries them
//! (RFC 6533 §3).

mod human;
mod machine;
mod report;
mod returned;

use crate::received::rfc5322_date;
use crate::smtp::reply::fold;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use returned::Returned;

pub use report::{Happened, Report, ReportedRecipient};
pub use returned::RETURNED_OCTETS_MAX;

/// Octets of a word that is not cut; with name and blanks still below 998.
const WORD_OCTETS_MAX: usize = 600;
/// Tries for a boundary that the parts do not have. More than fit into what is returned, so one is found.
const BOUNDARY_TRIES_MAX: u32 = 20_000;
/// Octets of base64 on a line (RFC 2045 §6.8).
const BASE64_LINE_OCTETS_MAX: usize = 76;

/// The words of a text; one of more than [`WORD_OCTETS_MAX`] octets in pieces.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').flat_map(|word| {
        let mut rest = word;
        std::iter::from_fn(move || {
            let (head, tail) = if rest.len() > WORD_OCTETS_MAX {
                fold(rest, WORD_OCTETS_MAX)
            } else {
                (rest, "")
            };
            rest = tail;
            (!head.is_empty()).then_some(head)
        })
    })
}

impl Report<'_> {
    /// Writes the message: `multipart/report; report-type=delivery-status`, `Auto-Submitted: auto-replied`, CRLF line ends,
    /// no line over 998 octets, remote text sanitised. To be sent with the null reverse-path.
    pub fn write(&self) -> Vec<u8> {
        let original = returned::OriginalHeader::read(self.original);
        let human = human::text(self, &original);
        let machine = machine::status(self);
        let returned = returned::of(self);
        let boundary = self.boundary(&[human.as_bytes(), machine.as_bytes(), returned.octets()]);
        let mut out = Vec::with_capacity(2048 + human.len() + machine.len() + returned.octets().len());
        self.header(&mut out, &original, &boundary, returned.is_eight_bit());
        push(
            &mut out,
            &["This is a delivery report in the MIME format of RFC 3464.\r\n\r\n"],
        );
        push(
            &mut out,
            &["--", &boundary, "\r\nContent-Description: Explanation\r\n"],
        );
        text_part(&mut out, "text/plain", &human);
        push(
            &mut out,
            &[
                "\r\n--",
                &boundary,
                "\r\nContent-Description: Delivery report\r\n",
            ],
        );
        push(
            &mut out,
            &["Content-Type: message/delivery-status\r\n\r\n", &machine],
        );
        push(&mut out, &["\r\n--", &boundary, "\r\n"]);
        match &returned {
            Returned::Message { octets, eight_bit } => {
                push(
                    &mut out,
                    &["Content-Description: Your message\r\nContent-Type: message/rfc822\r\n"],
                );
                push(
                    &mut out,
                    &[
                        "Content-Transfer-Encoding: ",
                        if *eight_bit { "8bit" } else { "7bit" },
                        "\r\n\r\n",
                    ],
                );
                out.extend_from_slice(octets);
            }
            Returned::Header(text) => {
                push(&mut out, &["Content-Description: Header of your message\r\n"]);
                text_part(&mut out, "text/rfc822-headers", text);
            }
        }
        push(&mut out, &["\r\n--", &boundary, "--\r\n"]);
        out
    }

    fn header(
        &self,
        out: &mut Vec<u8>,
        original: &returned::OriginalHeader,
        boundary: &str,
        eight_bit: bool,
    ) {
        let host = machine::host(self.reporting_mta);
        push(
            out,
            &["From: Mail Delivery System <MAILER-DAEMON@", &host, ">\r\n"],
        );
        push(
            out,
            &[
                "To: <",
                self.to.as_str(),
                ">\r\nSubject: ",
                self.subject(),
                "\r\n",
            ],
        );
        push(out, &["Date: ", &rfc5322_date(self.at), "\r\n"]);
        push(
            out,
            &["Message-ID: <report.", &token(self.id), "@", &host, ">\r\n"],
        );
        if let Some(id) = &original.message_id {
            push(out, &["In-Reply-To: ", id, "\r\nReferences: ", id, "\r\n"]);
        }
        push(out, &["Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"]);
        push(
            out,
            &[
                "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"",
                boundary,
                "\"\r\n",
            ],
        );
        if eight_bit {
            push(out, &["Content-Transfer-Encoding: 8bit\r\n"]);
        }
        push(out, &["\r\n"]);
    }

    /// The worst news gives the subject.
    fn subject(&self) -> &'static str {
        let any = |wanted: fn(Happened) -> bool| self.recipients.iter().any(|one| wanted(one.happened));
        if any(|happened| happened == Happened::Failed) {
            "Not delivered: your message could not be delivered"
        } else if any(|happened| matches!(happened, Happened::Delayed { .. })) {
            "Delayed: your message is still being tried"
        } else if any(|happened| happened == Happened::Relayed) {
            "Passed on: your message was handed to the next mail server"
        } else {
            "Delivered: your message has arrived"
        }
    }

    /// A boundary that stands in no part, whatever the sender wrote into the original.
    fn boundary(&self, parts: &[&[u8]]) -> String {
        let id = token(self.id);
        let candidates = (0..BOUNDARY_TRIES_MAX).map(|number| format!("=_{id}_{number}_="));
        let free = |boundary: &String| {
            parts
                .iter()
                .all(|part| memmem::find(part, boundary.as_bytes()).is_none())
        };
        candidates
            .into_iter()
            .find(free)
            .unwrap_or_else(|| format!("=_{id}_="))
    }
}

/// An id as part of a boundary or Message-ID: letters, digits and `-`, at most 40.
fn token(id: &str) -> String {
    id.chars()
        .filter(|char| char.is_ascii_alphanumeric() || *char == '-')
        .take(40)
        .collect()
}

fn push(out: &mut Vec<u8>, texts: &[&str]) {
    for text in texts {
        out.extend_from_slice(text.as_bytes());
    }
}

/// A part of text: as it is when ASCII, else UTF-8 in base64, so that the report needs no 8BITMIME.
fn text_part(out: &mut Vec<u8>, media_type: &str, text: &str) {
    push(out, &["Content-Type: ", media_type, "; charset="]);
    if text.is_ascii() {
        push(out, &["us-ascii\r\n\r\n", text]);
        return;
    }
    push(out, &["utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"]);
    let encoded = STANDARD.encode(text);
    for line in encoded.as_bytes().chunks(BASE64_LINE_OCTETS_MAX) {
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Address;
    use crate::smtp::{OriginalRecipient, Reply, Ret};
    use jiff::Timestamp;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn failed<'a>(forward_path: &'a Address, reply: &'a Reply) -> ReportedRecipient<'a> {
        ReportedRecipient {
            forward_path,
            orcpt: None,
            happened: Happened::Failed,
            reply,
            remote_mta: Some("mx.remote.example"),
            last_attempt: Some(at("2026-11-24T12:00:05Z")),
        }
    }

    fn report<'a>(to: &'a Address, recipients: Vec<ReportedRecipient<'a>>, original: &'a [u8]) -> Report<'a> {
        Report {
            reporting_mta: "mx.example",
            to,
            envid: None,
            arrived: at("2026-11-24T12:00:00Z"),
            original_id: "01JD3ORIGINAL",
            id: "01JD3REPORT",
            ret: None,
            recipients,
            original,
            at: at("2026-11-24T12:00:06Z"),
        }
    }

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    /// What holds for every report.
    fn written(report: &Report<'_>) -> String {
        let octets = report.write();
        let lines: Vec<&[u8]> = octets.split(|octet| *octet == b'\n').collect();
        let (last, lines) = lines.split_last().unwrap();
        assert!(last.is_empty());
        for line in lines {
            let line = line.strip_suffix(b"\r").expect("CRLF line ends");
            assert!(
                line.len() <= 998 && !line.contains(&b'\r') && !line.contains(&0),
                "{}",
                line.escape_ascii()
            );
        }
        let boundary = octets.escape_ascii().to_string();
        let boundary = boundary
            .split("boundary=\\\"")
            .nth(1)
            .unwrap()
            .split("\\\"")
            .next()
            .unwrap();
        assert_eq!(
            memmem::find_iter(&octets, format!("\r\n--{boundary}\r\n").as_bytes()).count(),
            3
        );
        assert_eq!(memmem::find_iter(&octets, boundary.as_bytes()).count(), 5);
        assert!(octets.ends_with(format!("\r\n--{boundary}--\r\n").as_bytes()));
        String::from_utf8_lossy(&octets).into_owned()
    }

    const ORIGINAL: &[u8] =
        b"From: a@b.example\r\nSubject: =?utf-8?q?Hello_there?=\r\nMessage-ID: <1@b.example>\r\n\r\nBody\r\n";

    #[test]
    fn one_failure_word_for_word() {
        let (to, rcpt) = (address("joe@b.example"), address("nobody@remote.example"));
        let reply = Reply::new(550, (5, 1, 1), "No such user here");
        let orcpt = OriginalRecipient {
            addr_type: "rfc822".into(),
            address: "old+x@b.example".into(),
        };
        let recipient = ReportedRecipient {
            orcpt: Some(&orcpt),
            ..failed(&rcpt, &reply)
        };
        let text = written(&Report {
            envid: Some("Q 1"),
            ..report(&to, vec![recipient], ORIGINAL)
        });
        let expected = "From: Mail Delivery System <MAILER-DAEMON@mx.example>
To: <joe@b.example>
Subject: Not delivered: your message could not be delivered
Date: Tue, 24 Nov 2026 12:00:06 +0000
Message-ID: <report.01JD3REPORT@mx.example>
In-Reply-To: <1@b.example>
References: <1@b.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary=\"=_01JD3REPORT_0_=\"

This is a delivery report in the MIME format of RFC 3464.

--=_01JD3REPORT_0_=
Content-Description: Explanation
Content-Type: text/plain; charset=us-ascii

This is the mail server mx.example.

Your message could not be delivered to the recipient below. We have
stopped trying.

The message:
  Subject:       Hello there
  Handed to us:  Tue, 24 Nov 2026 12:00:00 +0000
  Reference:     01JD3ORIGINAL

To <nobody@remote.example>:
  What happened: Not delivered. We have given up.
  Why:           The address does not exist at that domain.
  Server:        mx.remote.example
  It answered:   550 5.1.1 No such user here
  What to do:    Check the part before the @ for typing errors, or ask the
                 recipient for the right address.

If you need help, pass this whole message on to your postmaster or
provider.

--=_01JD3REPORT_0_=
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Original-Envelope-Id: Q 1
Arrival-Date: Tue, 24 Nov 2026 12:00:00 +0000

Original-Recipient: rfc822; old+x@b.example
Final-Recipient: rfc822; nobody@remote.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.remote.example
Diagnostic-Code: smtp; 550 5.1.1 No such user here
Last-Attempt-Date: Tue, 24 Nov 2026 12:00:05 +0000

--=_01JD3REPORT_0_=
Content-Description: Header of your message
Content-Type: text/rfc822-headers; charset=us-ascii

From: a@b.example
Subject: =?utf-8?q?Hello_there?=
Message-ID: <1@b.example>

--=_01JD3REPORT_0_=--
";
        assert_eq!(text, expected.replace('\n', "\r\n"));
    }

    fn check_happened(happened: Happened, reply: &Reply, remote_mta: Option<&str>, expected: &[&str]) {
        let (to, rcpt) = (address("joe@b.example"), address("a@b"));
        let recipient = ReportedRecipient {
            happened,
            remote_mta,
            ..failed(&rcpt, reply)
        };
        let text = written(&report(&to, vec![recipient], ORIGINAL));
        for part in expected {
            assert!(text.contains(part), "{part:?} in {text}");
        }
    }

    #[test]
    fn what_happened_is_said_to_both_readers() {
        let until = at("2026-11-29T12:00:00Z");
        let busy = Reply {
            code: 450,
            enhanced: None,
            lines: vec!["busy".into()],
        };
        check_happened(
            Happened::Delayed { until },
            &busy,
            Some("mx.remote.example"),
            &[
                "Subject: Delayed: ",
                "You need not send it again.",
                "We keep trying until Sun, 29",
                "Action: delayed\r\nStatus: 4.0.0\r\n",
                "Will-Retry-Until: Sun, 29 Nov 2026 12:00:00 +0000\r\n",
            ],
        );
        let expired = Reply::new(550, (4, 4, 7), "Time is over");
        check_happened(
            Happened::Failed,
            &expired,
            None,
            &[
                "In detail:     550 4.4.7 Time is over",
                "Diagnostic-Code: X-Dogana; 550 4.4.7",
                "Status: 4.4.7\r\n",
            ],
        );
        let taken = Reply::new(250, (2, 0, 0), "OK");
        check_happened(
            Happened::Relayed,
            &taken,
            Some("x"),
            &["Subject: Passed on: ", "Action: relayed\r\nStatus: 2.0.0"],
        );
        check_happened(
            Happened::Delivered,
            &taken,
            Some("x"),
            &["Subject: Delivered: ", "Action: delivered\r\n"],
        );
        check_happened(
            Happened::Failed,
            &busy,
            Some("x"),
            &["Action: failed\r\nStatus: 4.0.0\r\n"],
        );
    }

    #[test]
    fn hostile_text_stays_text() {
        let (to, rcpt) = (address("joe@b.example"), address("\"a  b\"@remote.example"));
        let nasty = format!(
            "\r\nAction: delivered\r\n\r\n--=_01JD3REPORT_0_=\r\n\u{1b}[2J\u{202e}ü {}",
            "x".repeat(3000)
        );
        let reply = Reply {
            code: 550,
            enhanced: None,
            lines: vec![nasty.clone(), nasty],
        };
        let recipient = ReportedRecipient {
            remote_mta: Some("mx\r\nX: y ü"),
            ..failed(&rcpt, &reply)
        };
        let original =
            b"Subject: a\x1b[2J\xe2\x80\xae\r\nMessage-ID: <1@b>\r\n <2@b>\r\n--=_01JD3REPORT_1_=\r\n\r\n";
        let text = written(&Report {
            reporting_mta: "mx\r\n@x",
            ..report(&to, vec![recipient], original)
        });
        assert!(
            text.starts_with("From: Mail Delivery System <MAILER-DAEMON@mx???x>\r\nTo: <joe@b.example>\r\n")
        );
        assert_eq!(text.matches("\r\nAction: ").count(), 1);
        assert!(text.contains("\r\nFinal-Recipient: rfc822; \"a  b\"@remote.example\r\n"));
        assert!(text.contains("\r\nRemote-MTA: dns; mx??X:?y???\r\n"));
        assert!(!text.contains("In-Reply-To") && !text.contains('\u{1b}') && text.is_ascii());
    }

    #[test]
    fn addresses_that_are_not_ascii() {
        let (to, rcpt) = (address("joe@b.example"), address("jörg@bücher.example"));
        let reply = Reply::new(550, (5, 6, 7), "needs SMTPUTF8");
        let text = written(&report(&to, vec![failed(&rcpt, &reply)], ORIGINAL));
        assert!(text.is_ascii());
        assert!(text.contains("\r\nFinal-Recipient: utf-8; j\\x{F6}rg@b\\x{FC}cher.example\r\n"));
        assert!(
            text.contains("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n")
        );
    }

    fn check_returned(ret: Option<Ret>, happened: Happened, original: &[u8], whole: bool, expected: &[&str]) {
        let (to, rcpt) = (address("joe@b.example"), address("a@b.example"));
        let reply = Reply::new(550, (5, 0, 0), "no");
        let recipient = ReportedRecipient {
            happened,
            ..failed(&rcpt, &reply)
        };
        let text = written(&Report {
            ret,
            ..report(&to, vec![recipient], original)
        });
        assert_eq!(
            text.contains("\r\nContent-Type: message/rfc822\r\n"),
            whole,
            "{text}"
        );
        assert_eq!(
            text.contains("\r\nContent-Type: text/rfc822-headers"),
            !whole,
            "{text}"
        );
        for part in expected {
            assert!(text.contains(part), "{part:?} in {text}");
        }
    }

    #[test]
    fn what_is_returned() {
        let full = Some(Ret::Full);
        check_returned(None, Happened::Failed, ORIGINAL, false, &[]);
        check_returned(Some(Ret::Hdrs), Happened::Failed, ORIGINAL, false, &[]);
        check_returned(full, Happened::Relayed, ORIGINAL, false, &[]);
        check_returned(
            full,
            Happened::Failed,
            ORIGINAL,
            true,
            &["\r\n\r\nBody\r\n", "Encoding: 7bit\r\n\r\nFrom: a@b"],
        );
        check_returned(
            full,
            Happened::Failed,
            b"A: b\r\n\r\nno end",
            true,
            &["\r\nno end\r\n\r\n--=_"],
        );
        let eight = "Subject: x\r\n\r\nü\r\n".as_bytes();
        check_returned(
            full,
            Happened::Failed,
            eight,
            true,
            &["\r\nContent-Transfer-Encoding: 8bit\r\n\r\nThis is", "ü"],
        );
        check_returned(
            full,
            Happened::Failed,
            b"A: b\r\n\r\nbare\nlf\r\n",
            false,
            &["\r\n\r\nA: b\r\n\r\n--"],
        );
        let long = format!("A: {}\r\nB: c\r\n\r\n{}\r\n", "x".repeat(5000), "y".repeat(999));
        check_returned(
            full,
            Happened::Failed,
            long.as_bytes(),
            false,
            &["\r\n xxx", "\r\nB: c\r\n"],
        );
        let big = [b"A: b\r\n\r\n".to_vec(), b"line\r\n".repeat(20_000)].concat();
        check_returned(full, Happened::Failed, &big, false, &[]);
        let huge_header = "A: b\r\n".repeat(20_000);
        check_returned(full, Happened::Failed, huge_header.as_bytes(), false, &[]);
        let forged = format!(
            "A: b\r\n\r\n--=_01JD3REPORT_0_=\r\n{}",
            "--=_01JD3REPORT_1_=--\r\n"
        );
        check_returned(
            full,
            Happened::Failed,
            forged.as_bytes(),
            true,
            &["boundary=\"=_01JD3REPORT_2_=\""],
        );
        check_returned(full, Happened::Failed, b"", true, &[]);
    }

    #[test]
    fn many_recipients() {
        let (to, rcpt) = (address("joe@b.example"), address("a@b.example"));
        let reply = Reply::new(550, (5, 7, 1), "no");
        let text = written(&report(&to, vec![failed(&rcpt, &reply); 60], ORIGINAL));
        assert_eq!(text.matches("\r\nFinal-Recipient: ").count(), 60);
        assert_eq!(text.matches("\r\nTo <").count(), 50);
        assert!(text.contains("There are 10 more recipients;"));
    }
}
