//! SMTP replies (RFC 5321 §4.2) with enhanced status codes (RFC 2034, 3463): written by the server, read by the client.

use serde::{Deserialize, Serialize};

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
        Self { code, enhanced: Some(EnhancedCode { class, subject, detail }), lines: vec![text.into()] }
    }

    /// A reply without enhanced code (greeting, EHLO, 354, 334).
    pub fn plain(code: u16, text: impl Into<String>) -> Self {
        Self { code, enhanced: None, lines: vec![text.into()] }
    }

    /// Appends the reply as octets: each line at most 512 octets with CRLF (longer text is folded at blanks into more
    /// lines), controls and non-ASCII replaced by `?` unless `utf8`.
    pub fn write(&self, _out: &mut Vec<u8>, _utf8: bool) {
        todo!()
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
        todo!()
    }
}

/// Reads a server's replies out of a stream of octets. Bounds: 2,048 octets a line, 128 lines a reply.
#[derive(Debug, Default)]
pub struct ReplyReader {
    #[expect(dead_code, reason = "filled by the reader")]
    lines: Vec<String>,
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
    pub fn feed(&mut self, _input: &[u8]) -> Result<(usize, Option<Reply>), ReplyError> {
        todo!()
    }
}
