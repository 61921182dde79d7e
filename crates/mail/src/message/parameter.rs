//! Values with parameters: Content-Type, Content-Disposition, Content-Transfer-Encoding (RFC 2045 §5.1, RFC 2183), with the
//! continuations and charsets of RFC 2231.
//!
//! Promises: linear time, no recursion, no panic; a forgotten quote, semicolon or blank never hides a parameter that common
//! mail readers would find. Trusts nothing. Limits: [`PARAMETERS_MAX`], [`NAME_CHARS_MAX`].
//! Standards: RFC 2045 §5.1, RFC 2047 (in names, against RFC 2047 §5, because everybody does it), RFC 2183, RFC 2231.

use super::{charset, encoded_word, transfer};
use std::borrow::Cow;

/// Most parameters looked at in one field.
const PARAMETERS_MAX: usize = 512;

/// Longest file name, in characters. Of a longer one the end is kept, because it holds the extension.
pub const NAME_CHARS_MAX: usize = 255;

/// Longest file name before it is shortened to [`NAME_CHARS_MAX`].
const NAME_OCTETS_MAX: usize = 32 << 10;

/// A field's value in pieces.
#[derive(Debug, Default)]
pub struct Value {
    /// `text/plain`, `attachment`, `base64`: lower case, empty when unreadable.
    pub token: String,
    parameters: Vec<Parameter>,
    /// A parameter stands twice.
    pub doubled: bool,
}

#[derive(Debug)]
struct Parameter {
    /// Lower case, with the marks of RFC 2231.
    name: String,
    octets: Vec<u8>,
    quoted: bool,
}

impl Value {
    /// Reads a field's value, folds included.
    pub fn parse(raw: &[u8]) -> Self {
        let line = if memchr::memchr(b'\n', raw).is_some() {
            encoded_word::unfold(raw).into()
        } else {
            Cow::Borrowed(raw)
        };
        let mut cursor = Cursor { line: &line, at: 0 };
        let mut value = Self {
            token: cursor.token(),
            ..Self::default()
        };
        while value.parameters.len() < PARAMETERS_MAX
            && let Some(parameter) = cursor.parameter()
        {
            value.doubled |= value.parameters.iter().any(|p| p.name == parameter.name);
            value.parameters.push(parameter);
        }
        value
    }

    fn find(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|p| p.name == name)
    }

    /// The octets of a parameter that is one word (boundary, charset): an unquoted one ends at a blank.
    pub fn word(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        let Some(parameter) = self.find(name) else {
            let text = self.extended(name)?;
            return Some(Cow::Owned(text.trim_end().as_bytes().to_vec()));
        };
        let octets = parameter.octets.trim_ascii_end();
        let end = match parameter.quoted {
            true => octets.len(),
            false => octets
                .iter()
                .position(|b| b.is_ascii_whitespace())
                .unwrap_or(octets.len()),
        };
        Some(Cow::Borrowed(&octets[..end]))
    }

    /// A parameter that is a name for people: decoded, controls removed, [`NAME_CHARS_MAX`]; none when nothing is left.
    /// A form of RFC 2231 goes before the plain one, as in RFC 6266 and in most mail readers.
    pub fn name(&self, name: &str) -> Option<String> {
        let text = match self.extended(name) {
            Some(text) => text,
            None => encoded_word::decode_name(&self.find(name)?.octets, NAME_OCTETS_MAX),
        };
        shortened(&text)
    }

    /// `name*=` or `name*0=`, `name*1*=` and so on (RFC 2231 §3, §4). Sections count up to the first gap.
    fn extended(&self, name: &str) -> Option<String> {
        if let Some(whole) = self
            .parameters
            .iter()
            .find(|p| p.name.strip_suffix('*') == Some(name))
        {
            let (label, octets) = split_charset(&whole.octets);
            return Some(charset::decode(label.as_deref(), &percent_decoded(octets)).0);
        }
        let mut sections: Vec<(u32, bool, &[u8])> =
            self.parameters.iter().filter_map(|p| p.section(name)).collect();
        sections.sort_by_key(|section| section.0);
        sections.dedup_by_key(|section| section.0);
        let first = sections.first()?.0;
        let mut label = None;
        let mut octets = Vec::new();
        for (expected, (number, encoded, text)) in (first..=u32::MAX).zip(sections) {
            if number != expected || octets.len() > NAME_OCTETS_MAX {
                break;
            }
            let mut text = text;
            if encoded && number == first {
                (label, text) = split_charset(text);
            }
            if encoded {
                octets.extend_from_slice(&percent_decoded(text))
            } else {
                octets.extend_from_slice(text)
            }
        }
        match label {
            Some(label) => Some(charset::decode(Some(&label), &octets).0),
            // Plain sections may hold encoded words, against the rules.
            None => Some(encoded_word::decode_name(&octets, NAME_OCTETS_MAX)),
        }
    }
}

/// A file name written by itself, as in a `begin` line of uuencode; decoded and shortened as [`Value::name`] does.
pub fn file_name(octets: &[u8]) -> Option<String> {
    shortened(&encoded_word::decode_name(octets, NAME_OCTETS_MAX))
}

/// Without controls and blanks around, at most [`NAME_CHARS_MAX`] characters (of a longer one the end).
pub fn shortened(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let text = text.trim();
    let surplus = text.chars().count().saturating_sub(NAME_CHARS_MAX);
    let kept: String = text.chars().skip(surplus).collect();
    (!kept.is_empty()).then_some(kept)
}

impl Parameter {
    /// Number, whether percent-encoded, and octets, if it is a section of `name`.
    fn section(&self, name: &str) -> Option<(u32, bool, &[u8])> {
        let rest = self.name.strip_prefix(name)?.strip_prefix('*')?;
        let (digits, encoded) = match rest.strip_suffix('*') {
            Some(digits) => (digits, true),
            None => (rest, false),
        };
        Some((digits.parse().ok()?, encoded, &self.octets))
    }
}

/// `charset'language'text`; without the two quotes all of it is text.
fn split_charset(octets: &[u8]) -> (Option<String>, &[u8]) {
    let mut pieces = octets.splitn(3, |&b| b == b'\'');
    match (pieces.next(), pieces.next(), pieces.next()) {
        (Some(label), Some(_), Some(text)) => {
            let label = String::from_utf8_lossy(label).into_owned();
            ((!label.is_empty()).then_some(label), text)
        }
        _ => (None, octets),
    }
}

fn percent_decoded(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len());
    let mut at = 0;
    while at < octets.len() {
        let escaped = if octets[at] == b'%' {
            octets.get(at + 1..at + 3).and_then(transfer::hex_octet)
        } else {
            None
        };
        out.push(escaped.unwrap_or(octets[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    out
}

struct Cursor<'a> {
    line: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn rest(&self) -> &[u8] {
        self.line.get(self.at..).unwrap_or_default()
    }

    /// Goes over octets that belong and gives them.
    fn take(&mut self, belongs: impl Fn(u8) -> bool) -> &[u8] {
        let start = self.at;
        self.at += self.rest().iter().take_while(|&&b| belongs(b)).count();
        &self.line[start..self.at]
    }

    /// Blanks and comments; an open comment goes to the end.
    fn skip_blanks(&mut self) {
        loop {
            self.take(|b| b.is_ascii_whitespace());
            if self.rest().first() != Some(&b'(') {
                return;
            }
            let mut depth = 0usize;
            while let Some(&octet) = self.rest().first() {
                // An escape at the very end escapes nothing.
                self.at = (self.at + if octet == b'\\' { 2 } else { 1 }).min(self.line.len());
                match octet {
                    b'(' => depth += 1,
                    b')' => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
        }
    }

    /// The value before the parameters, with the blanks that some put around its slash taken out.
    fn token(&mut self) -> String {
        self.skip_blanks();
        let quoted = self.rest().first() == Some(&b'"');
        self.at += usize::from(quoted);
        let mut token = self.take(is_token).to_ascii_lowercase();
        self.skip_blanks();
        if self.rest().first() == Some(&b'/') {
            self.at += 1;
            token.push(b'/');
            self.skip_blanks();
            token.extend_from_slice(&self.take(is_token).to_ascii_lowercase());
        }
        if quoted && self.rest().first() == Some(&b'"') {
            self.at += 1;
        }
        String::from_utf8(token).unwrap_or_default()
    }

    /// The next parameter; words without `=` are skipped.
    fn parameter(&mut self) -> Option<Parameter> {
        loop {
            self.skip_blanks();
            if self.rest().is_empty() {
                return None;
            }
            let name = self.take(|b| is_token(b) && b != b'=').to_ascii_lowercase();
            if name.is_empty() {
                self.at += 1;
                continue;
            }
            self.skip_blanks();
            if self.rest().first() != Some(&b'=') {
                continue;
            }
            self.at += 1;
            self.skip_blanks_before_value();
            let name = String::from_utf8(name).unwrap_or_default();
            let quoted = self.rest().first() == Some(&b'"');
            let octets = if quoted { self.quoted() } else { self.unquoted() };
            return Some(Parameter { name, octets, quoted });
        }
    }

    /// Only blanks: a value may begin with a parenthesis, as in `(1).exe`.
    fn skip_blanks_before_value(&mut self) {
        self.take(|b| b.is_ascii_whitespace());
    }

    /// A quoted string; what follows without a blank belongs to it, a missing quote ends it at the end.
    fn quoted(&mut self) -> Vec<u8> {
        self.at += 1;
        let mut octets = Vec::new();
        while let Some(&octet) = self.rest().first() {
            self.at += 1;
            match octet {
                b'"' => {
                    octets.extend_from_slice(
                        self.take(|b| !b.is_ascii_whitespace() && !matches!(b, b';' | b'(' | b'"')),
                    );
                    break;
                }
                b'\\' => {
                    let escaped = self.rest().first().copied();
                    octets.extend(escaped);
                    self.at += usize::from(escaped.is_some());
                }
                _ => octets.push(octet),
            }
        }
        octets
    }

    /// Up to the semicolon, blanks included, or to a blank before what looks like the next parameter.
    fn unquoted(&mut self) -> Vec<u8> {
        let mut octets = self.take(|b| !b.is_ascii_whitespace() && b != b';').to_vec();
        loop {
            let before = self.at;
            let blanks = self.take(|b| b.is_ascii_whitespace()).to_vec();
            let word = self.take(|b| !b.is_ascii_whitespace() && b != b';').to_vec();
            let parameter = word
                .iter()
                .position(|&b| b == b'=')
                .is_some_and(|at| at > 0 && word[..at].iter().all(|&b| is_token(b)));
            if parameter {
                self.at = before;
                break;
            }
            if word.is_empty() {
                break;
            }
            octets.extend_from_slice(&blanks);
            octets.extend_from_slice(&word);
        }
        octets.retain(|&b| b != b'"');
        // A comment at the end is none of it, one inside of a name is.
        if octets.ends_with(b")")
            && let Some(open) = memchr::memmem::rfind(&octets, b" (")
        {
            octets.truncate(open);
        }
        octets
    }
}

/// RFC 2045 §5.1, but `=` is no token octet and everything from 0x80 up is one.
fn is_token(b: u8) -> bool {
    b > b' '
        && b != 0x7f
        && !matches!(
            b,
            b'(' | b')'
                | b'<'
                | b'>'
                | b'@'
                | b','
                | b';'
                | b':'
                | b'\\'
                | b'"'
                | b'/'
                | b'['
                | b']'
                | b'?'
                | b'='
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, token: &str, parameter: &str, name: Option<&str>) {
        let value = Value::parse(raw.as_bytes());
        assert_eq!(value.token, token, "{raw}");
        assert_eq!(value.name(parameter).as_deref(), name, "{raw}");
    }

    #[test]
    fn names() {
        for (raw, name) in [
            (" attachment; filename=evil.exe", "evil.exe"),
            ("Attachment; FILENAME =\r\n \"evil.exe\"", "evil.exe"),
            ("attachment;filename=\"a \\\"b\\\".exe\"", "a \"b\".exe"),
            ("attachment; filename=my file.exe ; size=3", "my file.exe"),
            ("attachment; filename=setup (1).exe", "setup (1).exe"),
            ("attachment; filename=a.exe (comment)", "a.exe"),
            ("attachment (a; filename=no.txt) ; filename=a.exe", "a.exe"),
            ("attachment filename=a.exe name=b", "a.exe"),
            ("attachment; filename=\"open.exe", "open.exe"),
            ("attachment; filename=\"a.txt\".exe", "a.txt.exe"),
            ("attachment; name=\"a.txt\" ;; junk; filename=x", "x"),
            ("attachment; filename=\"=?utf-8?b?ZXZpbC5leGU=?=\"", "evil.exe"),
            ("attachment; filename==?utf-8?q?evil=2Eexe?=", "evil.exe"),
            ("attachment; filename=\"e\u{0}v\til.exe\"", "evil.exe"),
            ("attachment; filename=\u{e8}.exe", "è.exe"),
            ("attachment; filename=\"\u{202e}fdp.exe\"", "\u{202e}fdp.exe"),
        ] {
            check(raw, "attachment", "filename", Some(name));
        }
        check("attachment; filename=\"\"", "attachment", "filename", None);
        check("attachment", "attachment", "filename", None);
    }

    #[test]
    fn extended() {
        check(
            "a; filename*=utf-8''%e2%82%ac%20rates.exe",
            "a",
            "filename",
            Some("€ rates.exe"),
        );
        check(
            "a; filename*=iso-8859-1'en'%A3.exe; filename=x.txt",
            "a",
            "filename",
            Some("£.exe"),
        );
        check(
            "a; filename=x.txt; filename*0=ev; filename*1=il.exe",
            "a",
            "filename",
            Some("evil.exe"),
        );
        check(
            "a; filename*1=il.exe; filename*0=ev",
            "a",
            "filename",
            Some("evil.exe"),
        );
        check(
            "a; filename*0*=us-ascii'en'ev%69; filename*1=%6c; filename*2*=.%65xe",
            "a",
            "filename",
            Some("evi%6c.exe"),
        );
        check(
            "a; filename*0=evil.exe; filename*2=.txt",
            "a",
            "filename",
            Some("evil.exe"),
        );
        check(
            "a; filename*4294967295=x; filename*99999999999=y",
            "a",
            "filename",
            Some("x"),
        );
        check("a; filename*=evil%2eexe", "a", "filename", Some("evil.exe"));
        check("a; filename*=utf-8''%zz%4", "a", "filename", Some("%zz%4"));
        check(
            "a; filename*0=\"=?utf-8?q?evil\"; filename*1=\"=2Eexe?=\"",
            "a",
            "filename",
            Some("evil.exe"),
        );
    }

    #[test]
    fn tokens_and_words() {
        for (raw, token, boundary) in [
            ("multipart/mixed; boundary=abc", "multipart/mixed", Some("abc")),
            (
                "Multipart / Mixed ; Boundary = \"a b \" ",
                "multipart/mixed",
                Some("a b"),
            ),
            (
                "multipart/mixed; boundary=\r\n \"x\"",
                "multipart/mixed",
                Some("x"),
            ),
            (
                "multipart/mixed; boundary=abc def",
                "multipart/mixed",
                Some("abc"),
            ),
            ("multipart/mixed; boundary=a=_b", "multipart/mixed", Some("a=_b")),
            (
                "multipart/mixed; boundary*0=ab; boundary*1=c",
                "multipart/mixed",
                Some("abc"),
            ),
            ("multipart/mixed boundary=abc", "multipart/mixed", Some("abc")),
            ("(x) text/html (y)", "text/html", None),
            ("\"base64\"", "base64", None),
            ("base64;", "base64", None),
            ("", "", None),
            ("; boundary=x", "", Some("x")),
        ] {
            let value = Value::parse(raw.as_bytes());
            let word = value
                .word("boundary")
                .map(|w| String::from_utf8_lossy(&w).into_owned());
            assert_eq!(
                (value.token.as_str(), word.as_deref()),
                (token, boundary),
                "{raw}"
            );
        }
        assert!(Value::parse(b"a; b=1; b=2").doubled);
    }

    #[test]
    fn bounded() {
        let long = format!("a; filename=\"{}.exe\"", "x".repeat(100_000));
        assert_eq!(
            Value::parse(long.as_bytes()).name("filename").map(|n| n.len()),
            Some(255)
        );
        let long = format!("a; filename=\"{}.exe\"", "x".repeat(1_000));
        assert!(
            Value::parse(long.as_bytes())
                .name("filename")
                .is_some_and(|n| n.ends_with("x.exe"))
        );
        let sections: String = (0..50_000).map(|i| format!("; filename*{i}=x")).collect();
        assert_eq!(
            Value::parse(sections.as_bytes())
                .name("filename")
                .map(|n| n.len()),
            Some(255)
        );
        let value = Value::parse("(".repeat(100_000).as_bytes());
        assert_eq!(value.token, "");
        for open in ["a; b=\\", "a; b=\"\\", "(\\", "a (\\", "a; b (\\", "a; b=\"x\\"] {
            Value::parse(open.as_bytes());
        }
        Value::parse(format!("a{}", " =".repeat(100_000)).as_bytes());
        Value::parse(format!("a;b={}", "c =".repeat(100_000)).as_bytes());
    }
}
