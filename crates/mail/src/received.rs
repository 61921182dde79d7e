//! The Received header field (RFC 5321 §4.4): written on acceptance, counted against loops.
//!
//! Promises: one field whatever the inputs: every value is cut to a bound and cleaned of what could end a line, a comment or
//! the field. The client's name is an attacker's text.

use crate::address::{domain_key, is_domain, literal};
use std::net::IpAddr;

/// Octets of one value in the field.
const VALUE_OCTETS_MAX: usize = 255;

/// What a Received field of ours says. The login and blind recipients never appear in it.
#[derive(Clone, Debug)]
pub struct Received<'a> {
    /// Client's EHLO name; None hides it (privacy).
    pub helo: Option<&'a str>,
    /// Client's address; None hides it.
    pub client: Option<IpAddr>,
    /// Our name.
    pub by: &'a str,
    /// `ESMTP`, `ESMTPS`, `ESMTPA`, `ESMTPSA`, `UTF8SMTPSA`, ... (RFC 3848, RFC 6531).
    pub with: &'a str,
    /// TLS version and cipher for a comment.
    pub tls: Option<&'a str>,
    /// The story's id.
    pub id: &'a str,
    /// Time of acceptance.
    pub at: jiff::Timestamp,
}

impl Received<'_> {
    /// The whole field with its CRLF, folded, no controls whatever the inputs. Without name and address of the client it
    /// starts with `by`.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"Received: ");
        if let Some(from) = self.from() {
            push(out, &["from ", &from, "\r\n\t"]);
        }
        if let Some(tls) = self.tls {
            push(
                out,
                &[
                    "(using ",
                    &clean(tls, |octet| octet == b' ' || is_word(octet)),
                    ")\r\n\t",
                ],
            );
        }
        push(
            out,
            &[
                "by ",
                &name(self.by),
                " with ",
                &clean(self.with, is_word),
                " id ",
                &clean(self.id, is_word),
            ],
        );
        push(out, &[";\r\n\t", &rfc5322_date(self.at), "\r\n"]);
    }

    /// `name ([address])`; an address alone stands for the name too, as an address literal.
    fn from(&self) -> Option<String> {
        let address = self.client.map(|ip| match ip.to_canonical() {
            IpAddr::V4(ip) => format!("[{ip}]"),
            IpAddr::V6(ip) => format!("[IPv6:{ip}]"),
        });
        match (self.helo.filter(|helo| !helo.is_empty()), address) {
            (Some(helo), Some(address)) => Some(format!("{} ({address})", name(helo))),
            (Some(helo), None) => Some(name(helo)),
            (None, Some(address)) => Some(format!("{address} ({address})")),
            (None, None) => None,
        }
    }
}

fn push(out: &mut Vec<u8>, texts: &[&str]) {
    for text in texts {
        out.extend_from_slice(text.as_bytes());
    }
}

/// A host's name: as A-labels when it is a domain, else with `?` for what no name has.
fn name(text: &str) -> String {
    if is_domain(text) && !text.is_ascii() {
        return domain_key(text);
    }
    if literal(text).is_some() {
        return text.to_owned();
    }
    clean(text, is_word)
}

/// What may stand in an atom of ours: nothing that starts a comment, a string, a list or a new field.
fn is_word(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'_' | b'+' | b'/' | b'=' | b'~' | b':')
}

fn clean(text: &str, allowed: impl Fn(u8) -> bool) -> String {
    let octets = text.bytes().take(VALUE_OCTETS_MAX);
    octets
        .map(|octet| if allowed(octet) { char::from(octet) } else { '?' })
        .collect()
}

/// How many Received fields the header section has (RFC 5321 §6.3).
pub fn count_hops(message: &[u8]) -> usize {
    let mut hops = 0;
    let mut rest = message;
    while !rest.is_empty() && !rest.starts_with(b"\r\n") && !rest.starts_with(b"\n") {
        hops += usize::from(is_received(rest));
        rest = match memchr::memchr(b'\n', rest) {
            Some(end) => &rest[end + 1..],
            None => &[],
        };
    }
    hops
}

/// The line starts with the field name; blanks before the colon are obsolete but read (RFC 5322 §4.5).
fn is_received(line: &[u8]) -> bool {
    let Some((name, rest)) = line.split_at_checked(b"Received".len()) else {
        return false;
    };
    let colon = rest.iter().find(|octet| !matches!(octet, b' ' | b'\t'));
    name.eq_ignore_ascii_case(b"Received") && colon == Some(&b':')
}

/// `Tue, 24 Nov 2026 12:00:00 +0000` (RFC 5322 §3.3).
pub fn rfc5322_date(at: jiff::Timestamp) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let time = jiff::tz::Offset::UTC.to_datetime(at);
    let day = usize::from(time.weekday().to_monday_zero_offset().unsigned_abs());
    let month = usize::from(time.month().unsigned_abs()).saturating_sub(1);
    format!(
        "{}, {} {} {:04} {:02}:{:02}:{:02} +0000",
        DAYS[day % 7],
        time.day(),
        MONTHS[month % 12],
        time.year(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(received: &Received<'_>) -> String {
        let mut out = Vec::new();
        received.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn example() -> Received<'static> {
        Received {
            helo: Some("client.example"),
            client: Some("192.0.2.1".parse().unwrap()),
            by: "mx.example",
            with: "ESMTPSA",
            tls: Some("TLSv1.3 TLS_AES_128_GCM_SHA256"),
            id: "01JD3",
            at: "2026-11-24T12:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn whole_field() {
        assert_eq!(
            written(&example()),
            "Received: from client.example ([192.0.2.1])\r\n\t(using TLSv1.3 TLS_AES_128_GCM_SHA256)\r\n\
             \tby mx.example with ESMTPSA id 01JD3;\r\n\tTue, 24 Nov 2026 12:00:00 +0000\r\n"
        );
    }

    fn check_from(helo: Option<&str>, client: Option<&str>, expected: &str) {
        let client = client.map(|ip| ip.parse().unwrap());
        let field = written(&Received {
            helo,
            client,
            tls: None,
            ..example()
        });
        assert_eq!(field.lines().next(), Some(expected));
        assert!(field.is_ascii() && field.matches("\r\n").count() == field.matches('\n').count());
        assert!(
            field.ends_with("by mx.example with ESMTPSA id 01JD3;\r\n\tTue, 24 Nov 2026 12:00:00 +0000\r\n")
        );
    }

    #[test]
    fn hidden_and_hostile_clients() {
        let hidden = "Received: by mx.example with ESMTPSA id 01JD3;";
        check_from(None, None, hidden);
        check_from(Some(""), None, hidden);
        check_from(Some("a.example"), None, "Received: from a.example");
        check_from(
            None,
            Some("2001:db8::1"),
            "Received: from [IPv6:2001:db8::1] ([IPv6:2001:db8::1])",
        );
        check_from(
            Some("[192.0.2.9]"),
            Some("::ffff:192.0.2.1"),
            "Received: from [192.0.2.9] ([192.0.2.1])",
        );
        check_from(
            Some("bücher.example"),
            None,
            "Received: from xn--bcher-kva.example",
        );
        check_from(Some("a\r\nX: y"), None, "Received: from a??X:?y");
        check_from(Some("a) by b; (\"\\<"), None, "Received: from a??by?b??????");
        check_from(Some("ü_1"), None, "Received: from ??_1");
        let long = "h".repeat(4000);
        check_from(Some(&long), None, &format!("Received: from {}", &long[..255]));
    }

    #[test]
    fn hops() {
        for (message, hops) in [
            (&b""[..], 0),
            (
                b"Received: a\r\nreceived: b\r\n c\r\nRECEIVED : d\r\nX-Received: e\r\n\r\nReceived: f\r\n",
                3,
            ),
            (b"Received-SPF: pass\r\nReceived\r\n Received: x\r\n", 0),
            (b"\r\nReceived: a\r\n", 0),
            (b"Received: a\nReceived: b\n\nReceived: c", 2),
            (b"Received:", 1),
        ] {
            assert_eq!(count_hops(message), hops, "{}", message.escape_ascii());
        }
    }

    #[test]
    fn dates() {
        for (at, text) in [
            ("2026-11-24T12:00:00Z", "Tue, 24 Nov 2026 12:00:00 +0000"),
            ("1970-01-01T00:00:00Z", "Thu, 1 Jan 1970 00:00:00 +0000"),
            ("2024-02-29T23:59:59.9Z", "Thu, 29 Feb 2024 23:59:59 +0000"),
        ] {
            assert_eq!(rfc5322_date(at.parse().unwrap()), text);
        }
    }
}
