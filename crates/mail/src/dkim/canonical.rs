//! Canonicalisation of header fields and bodies (RFC 6376 §3.4), as a stream into a hash.
//!
//! Promises: exact to the octet, linear, no copy of the body. Bare LF counts as a line end, as the message will have none
//! when it is sent. Trusts nothing. Standards: RFC 6376 §3.4.

use memchr::memchr;

/// One of the two algorithms of RFC 6376 §3.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canonicalisation {
    /// RFC 6376 §3.4.1 and §3.4.3: almost nothing may change.
    Simple,
    /// RFC 6376 §3.4.2 and §3.4.4: blanks, case of names and folds may change.
    Relaxed,
}

/// Takes canonical octets, piece by piece.
pub trait Sink {
    /// The next piece.
    fn put(&mut self, octets: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, octets: &[u8]) {
        self.extend_from_slice(octets);
    }
}

impl Canonicalisation {
    /// One field, given whole, without or with its line end; the canonical form has none.
    pub fn field(self, raw: &[u8], sink: &mut impl Sink) {
        let raw = raw
            .strip_suffix(b"\n")
            .map_or(raw, |r| r.strip_suffix(b"\r").unwrap_or(r));
        match self {
            Self::Simple => crlf_lines(raw, sink),
            Self::Relaxed => relaxed_field(raw, sink),
        }
    }

    /// The body.
    pub fn body(self, body: &[u8], sink: &mut impl Sink) {
        match self {
            Self::Simple => simple_body(body, sink),
            Self::Relaxed => relaxed_body(body, sink),
        }
    }
}

/// The octets with every line end written as CRLF.
fn crlf_lines(raw: &[u8], sink: &mut impl Sink) {
    let mut written = 0;
    for lf in memchr::memchr_iter(b'\n', raw) {
        if lf == 0 || raw[lf - 1] != b'\r' {
            sink.put(&raw[written..lf]);
            sink.put(b"\r\n");
            written = lf + 1;
        }
    }
    sink.put(&raw[written..]);
}

fn simple_body(body: &[u8], sink: &mut impl Sink) {
    let mut text = body;
    while let Some(shorter) = text.strip_suffix(b"\n") {
        text = shorter.strip_suffix(b"\r").unwrap_or(shorter);
    }
    crlf_lines(text, sink);
    sink.put(b"\r\n");
}

fn relaxed_body(body: &[u8], sink: &mut impl Sink) {
    // Lines that are empty once blanks are gone; written only if a line with text follows.
    let mut empty = 0usize;
    let mut rest = body;
    while !rest.is_empty() {
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        let line = if end < rest.len() {
            line.strip_suffix(b"\r").unwrap_or(line)
        } else {
            line
        };
        rest = &rest[(end + 1).min(rest.len())..];
        let line = trim_end(line);
        if line.is_empty() {
            empty += 1;
            continue;
        }
        for _ in 0..std::mem::take(&mut empty) {
            sink.put(b"\r\n");
        }
        squeeze(line, sink);
        sink.put(b"\r\n");
    }
}

/// Runs of blanks become one space.
fn squeeze(line: &[u8], sink: &mut impl Sink) {
    let mut written = 0;
    let mut from = 0;
    while let Some(found) = memchr::memchr2(b' ', b'\t', &line[from..]) {
        let start = from + found;
        let length = line[start..].iter().take_while(|b| is_blank(b)).count();
        if length > 1 || line[start] == b'\t' {
            sink.put(&line[written..start]);
            sink.put(b" ");
            written = start + length;
        }
        from = start + length;
    }
    sink.put(&line[written..]);
}

fn relaxed_field(raw: &[u8], sink: &mut impl Sink) {
    let colon = memchr(b':', raw).unwrap_or(raw.len());
    sink.put(trim_end(&raw[..colon]).to_ascii_lowercase().as_slice());
    sink.put(b":");
    let value = raw.get(colon + 1..).unwrap_or_default();
    let mut unfolded = Vec::with_capacity(value.len());
    for line in value.split_inclusive(|&b| b == b'\n') {
        let line = line
            .strip_suffix(b"\n")
            .map_or(line, |l| l.strip_suffix(b"\r").unwrap_or(l));
        unfolded.extend_from_slice(line);
    }
    let start = unfolded.iter().take_while(|b| is_blank(b)).count();
    squeeze(trim_end(&unfolded[start..]), sink);
}

fn is_blank(b: &u8) -> bool {
    matches!(b, b' ' | b'\t')
}

fn trim_end(line: &[u8]) -> &[u8] {
    let blanks = line.iter().rev().take_while(|b| is_blank(b)).count();
    &line[..line.len() - blanks]
}

#[cfg(test)]
mod tests {
    use super::Canonicalisation::{Relaxed, Simple};
    use super::*;

    fn check_body(how: Canonicalisation, body: &str, canonical: &str) {
        let mut out = Vec::new();
        how.body(body.as_bytes(), &mut out);
        assert_eq!(String::from_utf8_lossy(&out), canonical, "{how:?} {body:?}");
    }

    fn check_field(how: Canonicalisation, raw: &str, canonical: &str) {
        let mut out = Vec::new();
        how.field(raw.as_bytes(), &mut out);
        assert_eq!(String::from_utf8_lossy(&out), canonical, "{how:?} {raw:?}");
    }

    #[test]
    fn example_of_rfc_6376_3_4_5() {
        check_field(Relaxed, "A: X\r\n", "a:X");
        check_field(Relaxed, "B : Y\t\r\n\tZ  \r\n", "b:Y Z");
        check_body(Relaxed, " C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n");
        check_field(Simple, "B : Y\t\r\n\tZ  \r\n", "B : Y\t\r\n\tZ  ");
        check_body(Simple, " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n");
    }

    #[test]
    fn bodies() {
        check_body(Simple, "", "\r\n");
        check_body(Simple, "\r\n\r\n", "\r\n");
        check_body(Simple, "a", "a\r\n");
        check_body(Simple, "a\r\n \r\n\r\n", "a\r\n \r\n");
        check_body(Simple, "\r\na\r\n", "\r\na\r\n");
        check_body(Simple, "a\nb\n\n", "a\r\nb\r\n");
        check_body(Simple, "a\r\r\n", "a\r\r\n");
        check_body(Relaxed, "", "");
        check_body(Relaxed, "\r\n\r\n", "");
        check_body(Relaxed, " \t\r\n", "");
        check_body(Relaxed, " \t", "");
        check_body(Relaxed, "a\r\n \t\r\n", "a\r\n");
        check_body(Relaxed, "a\r\n\r\n \r\n", "a\r\n");
        check_body(Relaxed, "a \t\r\n \r\n b", "a\r\n\r\n b\r\n");
        check_body(Relaxed, "\r\n \r\na", "\r\n\r\na\r\n");
        check_body(Relaxed, "a\t\tb c\td \r\n", "a b c d\r\n");
        check_body(Relaxed, "a\rb \r\r\n", "a\rb \r\r\n");
        check_body(Relaxed, "a\n\n b\n\n", "a\r\n\r\n b\r\n");
        check_body(Relaxed, "a\x0b \x0c\r\n", "a\x0b \x0c\r\n");
    }

    #[test]
    fn fields() {
        check_field(Relaxed, "Subject:\r\n", "subject:");
        check_field(Relaxed, "Subject: \r\n \r\n", "subject:");
        check_field(Relaxed, "SUBJect :  a\r\n \t b:c  \r\n", "subject:a b:c");
        check_field(Relaxed, "X: a\nb", "x:ab");
        check_field(Simple, "Subject: a\n\tb\n", "Subject: a\r\n\tb");
    }
}
