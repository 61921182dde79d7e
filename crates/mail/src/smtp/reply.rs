//! SMTP replies (RFC 5321 §4.2) with enhanced status codes (RFC 2034, RFC 3463): written by the server, read by the client.
//!
//! Promises: what is written never exceeds 512 octets a line and never carries a control, whoever made the text; what is
//! read is bounded in lines and octets and has its controls replaced before anybody can log or show it.
//! Trusts nothing of a next hop.

use crate::address::is_showable;
use memchr::memchr;
use serde::{Deserialize, Serialize};

/// Octets of a reply line written, CRLF included (RFC 5321 §4.5.3.1.5).
pub const WRITTEN_LINE_OCTETS_MAX: usize = 512;
/// Octets of a reply line read, line end not counted.
pub const READ_LINE_OCTETS_MAX: usize = 2048;
/// Lines of a reply read.
pub const READ_LINES_MAX: usize = 128;
/// Octets of [`Reply::one_line`].
pub const ONE_LINE_OCTETS_MAX: usize = 1000;

/// An enhanced status code, `class.subject.detail` (RFC 3463 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EnhancedCode {
    /// 2, 4 or 5.
    pub class: u8,
    /// 0 to 999.
    pub subject: u16,
    /// 0 to 999.
    pub detail: u16,
}

impl EnhancedCode {
    /// Splits `text` into the enhanced code it starts with and what follows behind one blank.
    pub fn split(text: &str) -> Option<(Self, &str)> {
        let (code, rest) = text.split_once(' ').unwrap_or((text, ""));
        let mut numbers = code.split('.');
        let (class, subject, detail) = (numbers.next()?, numbers.next()?, numbers.next()?);
        if numbers.next().is_some() || !matches!(class, "2" | "4" | "5") {
            return None;
        }
        let code = Self {
            class: class.parse().ok()?,
            subject: status_number(subject)?,
            detail: status_number(detail)?,
        };
        Some((code, rest))
    }
}

/// One to three digits.
fn status_number(text: &str) -> Option<u16> {
    let digits = (1..=3).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

impl std::fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// One reply: code, enhanced code, text lines (without code, without line ends, at least one).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// 200 to 599.
    pub code: u16,
    /// Repeated on each line when written.
    pub enhanced: Option<EnhancedCode>,
    /// Text, one entry a line.
    pub lines: Vec<String>,
}

/// What the first digit of a reply means. Temporary or permanent is a type, never a bool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// 2yz.
    Completion,
    /// 3yz.
    Intermediate,
    /// 4yz.
    Transient,
    /// 5yz.
    Permanent,
}

impl Reply {
    /// A one-line reply. `enhanced` is `(class, subject, detail)`.
    pub fn new(code: u16, enhanced: (u8, u16, u16), text: impl Into<String>) -> Self {
        let (class, subject, detail) = enhanced;
        Self {
            code,
            enhanced: Some(EnhancedCode {
                class,
                subject,
                detail,
            }),
            lines: vec![text.into()],
        }
    }

    /// A reply without enhanced code (greeting, EHLO, 354, 334).
    pub fn plain(code: u16, text: impl Into<String>) -> Self {
        Self {
            code,
            enhanced: None,
            lines: vec![text.into()],
        }
    }

    /// 501 5.5.4: the command is known, its arguments are not right.
    pub(super) fn syntax(text: &'static str) -> Self {
        Self::new(501, (5, 5, 4), text)
    }

    /// Appends the reply as octets: each line at most 512 octets with CRLF (longer text is folded at blanks into more
    /// lines), controls and non-ASCII replaced by `?` unless `utf8`. With `utf8` only the controls are replaced.
    pub fn write(&self, out: &mut Vec<u8>, utf8: bool) {
        let code = self.code.clamp(200, 599).to_string();
        let enhanced = self.enhanced.map(|code| format!("{code} ")).unwrap_or_default();
        let text_octets_max = WRITTEN_LINE_OCTETS_MAX - code.len() - 1 - enhanced.len() - 2;
        let mut last_separator = None;
        let mut line = |text: &str| {
            out.extend_from_slice(code.as_bytes());
            last_separator = Some(out.len());
            out.push(b'-');
            out.extend_from_slice(enhanced.as_bytes());
            out.extend_from_slice(text.as_bytes());
            out.extend_from_slice(b"\r\n");
        };
        for text in &self.lines {
            let safe: String = text.chars().map(|char| safe_char(char, utf8)).collect();
            let mut rest = safe.as_str();
            while rest.len() > text_octets_max {
                let (head, tail) = fold(rest, text_octets_max);
                line(head);
                rest = tail;
            }
            line(rest);
        }
        if self.lines.is_empty() {
            line("");
        }
        if let Some(separator) = last_separator.and_then(|index| out.get_mut(index)) {
            *separator = b' ';
        }
    }

    /// What the first digit means. Impossible codes count as transient (RFC 5321 §4.2.1: treat by first digit).
    pub fn severity(&self) -> Severity {
        match self.code / 100 {
            2 => Severity::Completion,
            3 => Severity::Intermediate,
            5 => Severity::Permanent,
            _ => Severity::Transient,
        }
    }

    /// Code, enhanced code and text on one line, safe to log or show: no controls, at most 1,000 octets.
    pub fn one_line(&self) -> String {
        let mut out = self.code.to_string();
        if let Some(enhanced) = self.enhanced {
            out.push_str(&format!(" {enhanced}"));
        }
        let words = self.lines.iter().filter(|line| !line.is_empty());
        for char in words.flat_map(|line| std::iter::once(' ').chain(line.chars())) {
            let char = safe_char(char, true);
            if out.len() + char.len_utf8() > ONE_LINE_OCTETS_MAX {
                break;
            }
            out.push(char);
        }
        out
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.one_line())
    }
}

/// The character, or `?` for what must not stand in a line of text.
pub(crate) fn safe_char(char: char, utf8: bool) -> char {
    if is_showable(char) && (utf8 || char.is_ascii()) {
        char
    } else {
        '?'
    }
}

/// Cuts `text` into at most `octets_max` and the rest: at the last blank, which is dropped, or else between two characters.
pub(crate) fn fold(text: &str, octets_max: usize) -> (&str, &str) {
    let mut end = octets_max.min(text.len());
    while end > 0 && !text.is_char_boundary(end) {
        end -= 1;
    }
    let end = if end == 0 {
        text.chars().next().map_or(0, char::len_utf8)
    } else {
        end
    };
    match text[..end].rfind(' ').filter(|blank| *blank > 0) {
        _ if text[end..].starts_with(' ') => (&text[..end], &text[end + 1..]),
        Some(blank) => (&text[..blank], &text[blank + 1..]),
        None => text.split_at(end),
    }
}

/// Reads a server's replies out of a stream of octets. Bounds: 2,048 octets a line, 128 lines a reply.
#[derive(Debug, Default)]
pub struct ReplyReader {
    code: Option<u16>,
    lines: Vec<String>,
    /// Start of a line whose end has not come yet.
    partial: Vec<u8>,
    /// The stream has no meaning behind an error, so the error stays.
    failed: Option<ReplyError>,
}

/// The next hop does not speak SMTP. The peer caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// A line over the bound, or without end.
    #[error("the next hop sent an over-long reply line")]
    LineTooLong,
    /// More lines than the bound.
    #[error("the next hop sent a reply of too many lines")]
    TooManyLines,
    /// Not `nnn text` or `nnn-text`, or codes that differ.
    #[error("the next hop sent something that is not a reply")]
    Garbage,
}

impl ReplyReader {
    /// Takes octets from the front of `input`; returns a reply when one is complete, and how many octets were used.
    /// Bare LF as line end is tolerated on this side.
    pub fn feed(&mut self, input: &[u8]) -> Result<(usize, Option<Reply>), ReplyError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let result = self.take(input);
        self.failed = result.as_ref().err().copied();
        result
    }

    /// True when part of a reply was read: the end of the stream now cuts it.
    pub fn is_inside_reply(&self) -> bool {
        self.code.is_some() || !self.partial.is_empty()
    }

    fn take(&mut self, input: &[u8]) -> Result<(usize, Option<Reply>), ReplyError> {
        let mut at = 0;
        while let Some(length) = memchr(b'\n', &input[at..]) {
            let piece = &input[at..at + length];
            at += length + 1;
            self.keep(piece)?;
            let octets = std::mem::take(&mut self.partial);
            let last = self.line(&octets)?;
            if last {
                return Ok((at, self.finish()));
            }
        }
        self.keep(&input[at..])?;
        Ok((input.len(), None))
    }

    fn keep(&mut self, piece: &[u8]) -> Result<(), ReplyError> {
        if self.partial.len() + piece.len() > READ_LINE_OCTETS_MAX {
            return Err(ReplyError::LineTooLong);
        }
        self.partial.extend_from_slice(piece);
        Ok(())
    }

    /// Reads one line; true when it is the last of its reply.
    fn line(&mut self, octets: &[u8]) -> Result<bool, ReplyError> {
        let mut octets = octets;
        while let [head @ .., b'\r'] = octets {
            octets = head;
        }
        let [
            first @ b'2'..=b'5',
            second @ b'0'..=b'9',
            third @ b'0'..=b'9',
            rest @ ..,
        ] = octets
        else {
            return Err(ReplyError::Garbage);
        };
        let code = [first, second, third]
            .iter()
            .fold(0, |sum, digit| sum * 10 + u16::from(**digit - b'0'));
        let (last, text) = match rest {
            [] => (true, rest),
            [b' ', text @ ..] => (true, text),
            [b'-', text @ ..] => (false, text),
            _ => return Err(ReplyError::Garbage),
        };
        if *self.code.get_or_insert(code) != code {
            return Err(ReplyError::Garbage);
        }
        if self.lines.len() == READ_LINES_MAX {
            return Err(ReplyError::TooManyLines);
        }
        let text = String::from_utf8_lossy(text);
        self.lines.push(
            text.chars()
                .map(|char| if char == '\t' { ' ' } else { safe_char(char, true) })
                .collect(),
        );
        Ok(last)
    }

    /// Lifts the enhanced code out of the text when it fits the code (RFC 2034 §4) and stands on the first line.
    fn finish(&mut self) -> Option<Reply> {
        let code = self.code.take()?;
        let mut lines = std::mem::take(&mut self.lines);
        let enhanced = lines
            .first()
            .and_then(|line| EnhancedCode::split(line))
            .map(|(enhanced, _)| enhanced)
            .filter(|enhanced| u16::from(enhanced.class) == code / 100);
        if let Some(enhanced) = enhanced {
            for line in &mut lines {
                if let Some((_, rest)) = EnhancedCode::split(line).filter(|(found, _)| *found == enhanced) {
                    *line = rest.to_owned();
                }
            }
        }
        Some(Reply {
            code,
            enhanced,
            lines,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_write(reply: &Reply, utf8: bool, expected: &str) {
        let mut out = Vec::new();
        reply.write(&mut out, utf8);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn writing() {
        check_write(&Reply::new(250, (2, 0, 0), "OK"), false, "250 2.0.0 OK\r\n");
        check_write(&Reply::plain(354, "go ahead"), false, "354 go ahead\r\n");
        let ehlo = Reply {
            code: 250,
            enhanced: None,
            lines: vec!["mx".into(), "SIZE 1".into(), "DSN".into()],
        };
        check_write(&ehlo, false, "250-mx\r\n250-SIZE 1\r\n250 DSN\r\n");
        let empty = Reply {
            code: 250,
            enhanced: None,
            lines: vec![],
        };
        check_write(&empty, false, "250 \r\n");
        check_write(
            &Reply::new(550, (5, 7, 1), "a\r\n250 ok\0\u{1b}[0m"),
            false,
            "550 5.7.1 a??250 ok??[0m\r\n",
        );
        check_write(
            &Reply::new(550, (5, 7, 1), "für\u{85}\u{202e}"),
            true,
            "550 5.7.1 für??\r\n",
        );
        check_write(&Reply::new(550, (5, 7, 1), "für"), false, "550 5.7.1 f?r\r\n");
    }

    #[test]
    fn long_lines_are_folded() {
        let words = "word ".repeat(400);
        for (text, utf8) in [
            (words.as_str(), false),
            (&"x".repeat(1500), false),
            (&"ü".repeat(900), true),
        ] {
            let mut out = Vec::new();
            Reply::new(550, (5, 7, 1), text).write(&mut out, utf8);
            let out = String::from_utf8(out).unwrap();
            let lines: Vec<&str> = out.split_terminator("\r\n").collect();
            assert!(
                lines.len() > 2 && lines.iter().all(|line| line.len() <= 510),
                "{lines:?}"
            );
            let (last, first) = lines.split_last().unwrap();
            assert!(
                last.starts_with("550 5.7.1 ") && first.iter().all(|line| line.starts_with("550-5.7.1 "))
            );
            let joined: String = lines.iter().map(|line| &line[10..]).collect();
            assert_eq!(joined.replace(' ', ""), text.replace(' ', ""));
        }
    }

    fn check_read(input: &str, code: u16, enhanced: Option<(u8, u16, u16)>, lines: &[&str]) {
        let (used, reply) = ReplyReader::default().feed(input.as_bytes()).unwrap();
        let reply = reply.unwrap_or_else(|| panic!("{input:?} is complete"));
        assert_eq!(used, input.len());
        let enhanced = enhanced.map(|(class, subject, detail)| EnhancedCode {
            class,
            subject,
            detail,
        });
        assert_eq!((reply.code, reply.enhanced), (code, enhanced), "{input:?}");
        assert_eq!(reply.lines, lines, "{input:?}");
    }

    #[test]
    fn reading() {
        check_read("250 ok\r\n", 250, None, &["ok"]);
        check_read("250 ok\n", 250, None, &["ok"]);
        check_read("250\r\n", 250, None, &[""]);
        check_read(
            "250-mx\r\n250-SIZE 10\r\n250 DSN\r\n",
            250,
            None,
            &["mx", "SIZE 10", "DSN"],
        );
        check_read(
            "550 5.1.1 no such user\r\n",
            550,
            Some((5, 1, 1)),
            &["no such user"],
        );
        check_read(
            "550-5.1.1 no\r\n550-5.1.1\r\n550 user\r\n",
            550,
            Some((5, 1, 1)),
            &["no", "", "user"],
        );
        check_read("450 5.1.1 odd\r\n", 450, None, &["5.1.1 odd"]);
        check_read("550 5.1.1.1 odd\r\n", 550, None, &["5.1.1.1 odd"]);
        check_read("550 5.1000.1 odd\r\n", 550, None, &["5.1000.1 odd"]);
        check_read("220 a\u{1b}[2J\0b\tc\rd\r\r\n", 220, None, &["a?[2J?b c?d"]);
        check_read("599 odd but permanent\r\n", 599, None, &["odd but permanent"]);
    }

    #[test]
    fn reading_stops_behind_one_reply() {
        let mut reader = ReplyReader::default();
        let (used, reply) = reader.feed(b"250 a\r\n250 b\r\n").unwrap();
        assert_eq!((used, reply.unwrap().lines), (7, vec!["a".to_owned()]));
        assert!(!reader.is_inside_reply());
        assert_eq!(reader.feed(b"250-c").unwrap(), (5, None));
        assert!(reader.is_inside_reply());
    }

    #[test]
    fn what_is_not_a_reply() {
        for (input, error) in [
            ("HTTP/1.1 200 OK\r\n".to_owned(), ReplyError::Garbage),
            ("\r\n".to_owned(), ReplyError::Garbage),
            ("25\r\n".to_owned(), ReplyError::Garbage),
            ("150 early\r\n".to_owned(), ReplyError::Garbage),
            ("650 late\r\n".to_owned(), ReplyError::Garbage),
            ("2500\r\n".to_owned(), ReplyError::Garbage),
            ("250-a\r\n251 b\r\n".to_owned(), ReplyError::Garbage),
            ("x".repeat(2049), ReplyError::LineTooLong),
            (format!("250 {}\r\n", "x".repeat(2048)), ReplyError::LineTooLong),
            ("250-x\r\n".repeat(129), ReplyError::TooManyLines),
        ] {
            let mut reader = ReplyReader::default();
            assert_eq!(reader.feed(input.as_bytes()), Err(error), "{input:?}");
            assert_eq!(reader.feed(b"250 ok\r\n"), Err(error), "stays after {input:?}");
        }
        // A line without end, octet by octet.
        let mut reader = ReplyReader::default();
        let refused_at = (0..10_000).find(|_| reader.feed(b"2").is_err());
        assert_eq!(refused_at, Some(READ_LINE_OCTETS_MAX));
    }

    #[test]
    fn one_line_is_safe_and_short() {
        let reply = Reply {
            code: 550,
            enhanced: None,
            lines: vec!["a\r\nb".into(), "".into(), "c\u{9b}".into()],
        };
        assert_eq!(reply.one_line(), "550 a??b c?");
        assert_eq!(Reply::new(250, (2, 1, 5), "ok").one_line(), "250 2.1.5 ok");
        assert!(Reply::plain(550, "ü".repeat(2000)).one_line().len() <= 1000);
    }

    #[test]
    fn severity_by_first_digit() {
        for (code, severity) in [
            (250, Severity::Completion),
            (354, Severity::Intermediate),
            (421, Severity::Transient),
            (554, Severity::Permanent),
            (799, Severity::Transient),
        ] {
            assert_eq!(Reply::plain(code, "").severity(), severity);
        }
    }
}
