//! What is taken out of and put into a header section before a message goes on.
//!
//! In prose: blind recipients (Bcc), the return path, and what only receivers or gateways may say (verdicts of spam filters,
//! who logged in, the client's address, authentication results in our name) are taken out, on outgoing mail always: outgoing
//! mail is never marked, and nothing of a user can pass for ours. Date and Message-ID are added when missing (RFC 6409 §8).
//! A field that a DKIM signature of the sender covers stays (but for Bcc, and results in our name), and nothing is added
//! below such a signature.
//!
//! A first line `From somebody Mon Jan 1 …`, which programs that read mailbox files send along, is no part of a message: it goes
//! before anything is looked at, as with other mail servers.
//!
//! Promises: the octets that stay are not copied; linear. Limits: [`FIELDS_MAX`].

use bytes::Bytes;
use jiff::Timestamp;
use mail::message::{Defect, Header, Limits};
use mail::received::rfc5322_date;

/// Header fields of a message; more are refused.
pub const FIELDS_MAX: usize = 10_000;

/// Taken out whatever it says, signed or not: who logged in and from where is ours to say, and outgoing mail has no return path.
const NAMES: [&str; 9] = [
    "Return-Path",
    "X-AuthUser",
    "X-Auth-User",
    "X-Authenticated-User",
    "X-Authenticated-Sender",
    "X-Authenticated-Id",
    "X-Originating-IP",
    "X-ClientProxiedBy",
    "X-Get-Message-Sender-Via",
];

/// Our own; taken out, signed or not.
const OWN_PREFIX: &str = "X-Dogana-";
/// Taken out when the name starts so, unless the sender's signature covers it.
const PREFIXES: [&str; 3] = ["X-Spam-", "X-Spamd-", "X-Rspamd-"];

/// What is put in where it is missing.
#[derive(Clone, Copy, Debug)]
pub struct Additions<'a> {
    /// Our name, for Message-ID and to know our own Authentication-Results.
    pub hostname: &'a str,
    /// The story's id, for Message-ID.
    pub id: &'a str,
    /// For Date.
    pub at: Timestamp,
}

/// Bounds for reading a header section here.
pub fn limits() -> Limits {
    Limits {
        fields_max: FIELDS_MAX,
        ..Limits::default()
    }
}

/// Octets of a mailbox file's line before the message (`From ` and what follows, also with `>` before it); 0 without one.
pub fn mailbox_line_octets(message: &[u8]) -> usize {
    let marks = message.iter().take_while(|octet| **octet == b'>').count();
    let rest = message.get(marks..).unwrap_or_default();
    if !rest.starts_with(b"From ") {
        return 0;
    }
    memchr::memchr(b'\n', message).map_or(message.len(), |end| end + 1)
}

/// The message as it goes on, in pieces: added fields, then what stays of `message`. `header` was read from `message` with
/// [`limits`].
pub fn clean(message: &Bytes, header: &Header<'_>, additions: &Additions<'_>) -> Vec<Bytes> {
    let signed = signed_names(header);
    let mut pieces = Vec::with_capacity(2);
    if signed.is_empty() {
        let mut added = String::new();
        if header.first("Date").is_none() {
            added.push_str(&format!("Date: {}\r\n", rfc5322_date(additions.at)));
        }
        if header.first("Message-ID").is_none() {
            added.push_str(&format!(
                "Message-ID: <{}.dogana@{}>\r\n",
                additions.id, additions.hostname
            ));
        }
        if !added.is_empty() {
            pieces.push(Bytes::from(added));
        }
    }
    let body = header.body_offset.min(message.len());
    let mut from = 0;
    for field in &header.fields {
        let is_signed = signed
            .iter()
            .any(|name| name.as_bytes().eq_ignore_ascii_case(field.name));
        let goes =
            is_secret(field.name, field.value, additions.hostname) || (!is_signed && is_unwanted(field.name));
        if !goes {
            continue;
        }
        // `raw` points into the message, so this is where it stands.
        let start = (field.raw.as_ptr() as usize).wrapping_sub(message.as_ptr() as usize);
        let end = start.saturating_add(field.raw.len());
        if from <= start && end <= body {
            push(&mut pieces, message.slice(from..start));
            from = end;
        }
    }
    if header.defects.contains(&Defect::NoSeparator) {
        push(&mut pieces, message.slice(from..body));
        pieces.push(Bytes::from_static(b"\r\n"));
        from = body;
    }
    push(&mut pieces, message.slice(from..));
    pieces
}

fn push(pieces: &mut Vec<Bytes>, piece: Bytes) {
    if !piece.is_empty() {
        pieces.push(piece);
    }
}

fn is_unwanted(name: &[u8]) -> bool {
    PREFIXES.into_iter().any(|prefix| starts_with(name, prefix))
}

fn starts_with(name: &[u8], prefix: &str) -> bool {
    let start = name.get(..prefix.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

/// What must not go on even if it is signed.
fn is_secret(name: &[u8], value: &[u8], hostname: &str) -> bool {
    let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
    let results = is("Authentication-Results") || is("ARC-Authentication-Results");
    let always = is("Bcc") || is("Resent-Bcc") || NAMES.into_iter().any(is) || starts_with(name, OWN_PREFIX);
    always || (results && is_ours(value, hostname))
}

/// RFC 8601 §5: any field whose authserv-id could be read as ours, whatever comments, quotes and backslashes hide it: a field
/// that names us anywhere goes. On outgoing mail nothing is lost by one that goes too many.
fn is_ours(value: &[u8], hostname: &str) -> bool {
    let bare = value
        .iter()
        .filter(|octet| **octet != b'\\')
        .map(u8::to_ascii_lowercase);
    let name = hostname.to_ascii_lowercase();
    memchr::memmem::find(&bare.collect::<Vec<u8>>(), name.as_bytes()).is_some()
}

/// The fields that the sender's own DKIM signatures cover; with a signature that cannot be read, From at least.
fn signed_names(header: &Header<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for field in header.all("DKIM-Signature").take(mail::dkim::SIGNATURES_MAX) {
        names.push("From".to_owned());
        let text = String::from_utf8_lossy(field.value);
        let tags = text.split(';').filter_map(|tag| tag.split_once('='));
        for (_, list) in tags.filter(|(name, _)| name.trim_ascii() == "h") {
            names.extend(
                list.split(':')
                    .map(|name| name.trim_ascii().to_owned())
                    .filter(|name| !name.is_empty()),
            );
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n";
    const ID: &str = "Message-ID: <x1.dogana@mx.example.com>\r\n";
    const HAS: &str = "Date: d\r\nMessage-ID: <m@x>\r\n";

    fn check(message: &str, expected: &str) {
        let message = Bytes::copy_from_slice(message.as_bytes());
        let header = Header::parse(&message, &limits());
        let additions = Additions {
            hostname: "mx.example.com",
            id: "x1",
            at: Timestamp::UNIX_EPOCH,
        };
        let pieces = clean(&message, &header, &additions).concat();
        assert_eq!(String::from_utf8_lossy(&pieces), expected);
    }

    #[test]
    fn a_good_message_is_left_alone() {
        let message = format!("{HAS}Subject: a\r\n b\r\nReceived: by y\r\n\r\nBcc: in the body\r\n");
        check(&message, &message);
        let octets = Bytes::from(message);
        let header = Header::parse(&octets, &limits());
        let additions = Additions {
            hostname: "mx.example.com",
            id: "x1",
            at: Timestamp::UNIX_EPOCH,
        };
        assert_eq!(clean(&octets, &header, &additions).len(), 1, "one piece, no copy");
    }

    #[test]
    fn a_mailbox_line_is_known() {
        let check = |message: &str, octets| {
            assert_eq!(mailbox_line_octets(message.as_bytes()), octets, "{message:?}");
        };
        check("From a@x Mon Jan  1 10:00:00 2026\r\nFrom: a@x\r\n", 35);
        check(">>From a\r\n\r\n", 10);
        check("From ", 5);
        check("From: a@x\r\n", 0);
        check("From\r\n", 0);
        check(" From a\r\n", 0);
        check("from a\r\n", 0);
        check("", 0);
    }

    #[test]
    fn unwanted_fields_go() {
        for name in [
            "Bcc",
            "bCC",
            "Bcc ",
            "Resent-Bcc",
            "X-AuthUser",
            "X-Spam-Flag",
            "x-spam-status",
            "X-Originating-IP",
            "X-Rspamd-Server",
            "Return-Path",
            "X-Dogana-Id",
        ] {
            check(
                &format!("{HAS}{name}: a@x\r\n\tb\r\n c\r\nSubject: s\r\n\r\nhi\r\n"),
                &format!("{HAS}Subject: s\r\n\r\nhi\r\n"),
            );
        }
        check(&format!("Bcc: a\r\n{HAS}bcc: b\r\n\r\n"), &format!("{HAS}\r\n"));
        check(
            &format!("{HAS}X-Spamless: kept\r\nBcc-not: kept\r\n\r\n"),
            &format!("{HAS}X-Spamless: kept\r\nBcc-not: kept\r\n\r\n"),
        );
    }

    #[test]
    fn results_in_our_name_go() {
        for value in [
            "mx.example.com; spf=pass",
            "MX.Example.com 1; none",
            "\"mx.example.com\"; auth=pass",
            "(c) mx.example.com; x",
            "(a;b;c) mx.example.com; dkim=pass",
            "(a(b;(;;))c)mx.example.com;spf=pass",
            "\"mx\\.example.com\"; dkim=pass",
            "\"m\\x.example.com\"; dkim=pass",
        ] {
            check(
                &format!("{HAS}Authentication-Results: {value}\r\n\r\n"),
                &format!("{HAS}\r\n"),
            );
        }
        let other = format!("{HAS}Authentication-Results: other.example; spf=pass\r\n\r\n");
        check(&other, &other);
    }

    #[test]
    fn what_is_missing_is_added() {
        check(
            "From: a@x\r\n\r\nhi\r\n",
            &format!("{DATE}{ID}From: a@x\r\n\r\nhi\r\n"),
        );
        check("Date: d\r\n\r\n", &format!("{ID}Date: d\r\n\r\n"));
        check("just text\r\n", &format!("{DATE}{ID}\r\njust text\r\n"));
        check("From: a@x\r\n", &format!("{DATE}{ID}From: a@x\r\n\r\n"));
        check(
            "From: a@x\r\nno field\r\nmore\r\n",
            &format!("{DATE}{ID}From: a@x\r\n\r\nno field\r\nmore\r\n"),
        );
        check("", &format!("{DATE}{ID}\r\n"));
    }

    #[test]
    fn signed_fields_stay() {
        let message = "DKIM-Signature: v=1; h=From:X-Spam-Flag:\r\n Subject; b=x\r\nX-Spam-Flag: NO\r\nX-Spam-Level: *\r\nFrom: a@x\r\n\r\n";
        let kept = "DKIM-Signature: v=1; h=From:X-Spam-Flag:\r\n Subject; b=x\r\nX-Spam-Flag: NO\r\nFrom: a@x\r\n\r\n";
        check(message, kept);
        let forged = "DKIM-Signature: v=1; h=From:X-Dogana-Verdict:X-Authenticated-User:Return-Path; b=x\r\nX-Dogana-Verdict: clean\r\nX-Authenticated-User: b@x\r\nReturn-Path: <b@x>\r\nFrom: a@x\r\n\r\n";
        let left = "DKIM-Signature: v=1; h=From:X-Dogana-Verdict:X-Authenticated-User:Return-Path; b=x\r\nFrom: a@x\r\n\r\n";
        check(forged, left);
    }
}
