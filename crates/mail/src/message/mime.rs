//! MIME structure (RFC 2045, 2046, 2231): a walk over all parts without recursion, lenient decoding.

use super::{Defect, Header, Limits};
use std::borrow::Cow;

/// One leaf or container of the tree, in document order.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// The part's own header section.
    pub header: Header<'a>,
    /// 0 is the message itself.
    pub depth: usize,
    /// `text/plain` when absent or unreadable; lower case.
    pub content_type: String,
    /// charset parameter, lower case.
    pub charset: Option<String>,
    /// `attachment`, `inline`, ...; lower case.
    pub disposition: Option<String>,
    /// filename of Content-Disposition, else name of Content-Type; RFC 2231 and RFC 2047 decoded, controls removed, at most 255 characters.
    pub filename: Option<String>,
    /// The body still encoded.
    pub body: &'a [u8],
    /// Transfer encoding, lower case; `7bit` when absent.
    pub encoding: String,
    /// True for multipart/* and message/rfc822.
    pub container: bool,
}

/// All parts of a message.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    /// In document order; the first is the message itself.
    pub parts: Vec<Part<'a>>,
    /// What was wrong anywhere; sorted, unique.
    pub defects: Vec<Defect>,
}

impl<'a> Parts<'a> {
    /// Walks the message within the limits.
    pub fn walk(_raw: &'a [u8], _limits: &Limits) -> Self {
        todo!()
    }
}

impl Part<'_> {
    /// The body with base64, quoted-printable or uuencode removed, leniently (foreign octets skipped), cut at the limit.
    pub fn decoded(&self, _octets_max: usize) -> Cow<'_, [u8]> {
        todo!()
    }

    /// The decoded body as text by its charset (WHATWG labels), cut at the limit.
    pub fn text(&self, _octets_max: usize) -> String {
        todo!()
    }
}
