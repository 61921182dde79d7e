//! The third part of a report: the original message, or its header section.
//!
//! Promises: what is returned can be sent. A message with an over-long line or stray octets comes back as its header only,
//! and a header is cleaned, folded anew and cut.

use super::report::{Happened, Report};
use crate::message::{Header, Limits};
use crate::smtp::Ret;
use crate::smtp::data::{ChunkChecker, DataLimits};
use crate::smtp::reply::{fold, safe_char};

/// A whole message is returned only up to this size; above it the header only.
pub const RETURNED_OCTETS_MAX: usize = 65_536;
/// Octets of the original looked at for its header section.
const HEADER_OCTETS_MAX: usize = 32_768;
/// Header fields looked at.
const FIELDS_MAX: usize = 500;
/// Octets of a line (RFC 5322 §2.1.1).
const LINE_OCTETS_MAX: usize = 998;
/// Octets at which an over-long header line is folded; room is left for the blank in front.
const FOLDED_OCTETS_MAX: usize = 900;
/// Characters of the subject shown.
const SUBJECT_CHARS_MAX: usize = 200;
/// Octets of a Message-ID that is repeated.
const MESSAGE_ID_OCTETS_MAX: usize = 250;

/// What the report quotes of the original's header.
pub(super) struct OriginalHeader {
    /// Decoded, cleaned, shortened.
    pub(super) subject: Option<String>,
    /// With angle brackets, only when it is one plain id.
    pub(super) message_id: Option<String>,
}

impl OriginalHeader {
    pub(super) fn read(original: &[u8]) -> Self {
        let header = header(original);
        let text = |name| header.first(name).map(|field| field.text());
        let subject = text("Subject").map(|subject| {
            subject
                .chars()
                .take(SUBJECT_CHARS_MAX)
                .map(|char| safe_char(char, true))
                .collect::<String>()
        });
        Self {
            subject: subject.filter(|subject| !subject.is_empty()),
            message_id: text("Message-ID").filter(|id| is_message_id(id)),
        }
    }
}

fn header(original: &[u8]) -> Header<'_> {
    let start = &original[..original.len().min(HEADER_OCTETS_MAX)];
    Header::parse(
        start,
        &Limits {
            fields_max: FIELDS_MAX,
            ..Limits::default()
        },
    )
}

fn is_message_id(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) else {
        return false;
    };
    let plain = inner
        .bytes()
        .all(|octet| octet.is_ascii_graphic() && !matches!(octet, b'<' | b'>'));
    plain && inner.contains('@') && text.len() <= MESSAGE_ID_OCTETS_MAX
}

/// The third part's content.
pub(super) enum Returned {
    Message { octets: Vec<u8>, eight_bit: bool },
    Header(String),
}

impl Returned {
    pub(super) fn octets(&self) -> &[u8] {
        match self {
            Self::Message { octets, .. } => octets,
            Self::Header(text) => text.as_bytes(),
        }
    }

    pub(super) fn is_eight_bit(&self) -> bool {
        matches!(self, Self::Message { eight_bit: true, .. })
    }
}

/// The message if it was asked for, something failed, and it can be sent; else its header (RFC 3461 §4.3).
pub(super) fn of(report: &Report<'_>) -> Returned {
    let failed = report
        .recipients
        .iter()
        .any(|recipient| recipient.happened == Happened::Failed);
    let asked = report.ret == Some(Ret::Full) && report.original.len() <= RETURNED_OCTETS_MAX;
    match sendable(report.original).filter(|_| failed && asked) {
        Some(octets) => Returned::Message {
            eight_bit: !octets.is_ascii(),
            octets,
        },
        None => Returned::Header(clean_header(report.original)),
    }
}

/// A copy ended by CRLF; None when a next hop might refuse it for its lines.
fn sendable(original: &[u8]) -> Option<Vec<u8>> {
    let size_octets_max = RETURNED_OCTETS_MAX as u64 + 2;
    let mut checker = ChunkChecker::new(DataLimits {
        size_octets_max,
        line_octets_max: LINE_OCTETS_MAX,
    });
    let mut copy = Vec::new();
    checker.feed(original, &mut copy);
    checker.finish(&mut copy).is_none().then_some(copy)
}

/// The header section with CRLF line ends, without controls, each line within the limit.
fn clean_header(original: &[u8]) -> String {
    let end = header(original).body_offset.min(original.len());
    let section = String::from_utf8_lossy(&original[..end]);
    let mut out = String::with_capacity(section.len() + 64);
    for line in section.lines().take_while(|line| !line.is_empty()) {
        let clean: String = line
            .chars()
            .map(|char| if char == '\t' { char } else { safe_char(char, true) })
            .collect();
        let mut rest = clean.as_str();
        while rest.len() > LINE_OCTETS_MAX - 1 {
            let (head, tail) = fold(rest, FOLDED_OCTETS_MAX);
            out.push_str(head);
            out.push_str("\r\n ");
            rest = tail;
        }
        out.push_str(rest);
        out.push_str("\r\n");
    }
    out
}
