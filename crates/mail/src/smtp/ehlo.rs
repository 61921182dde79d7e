//! The EHLO reply's list of extensions, read by the client side (RFC 5321 §4.1.1.1).

/// What a next hop offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// 8BITMIME (RFC 6152).
    pub eight_bit_mime: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// DSN (RFC 3461).
    pub dsn: bool,
    /// STARTTLS (RFC 3207).
    pub starttls: bool,
    /// CHUNKING (RFC 3030).
    pub chunking: bool,
    /// ENHANCEDSTATUSCODES (RFC 2034).
    pub enhanced_status_codes: bool,
    /// SIZE (RFC 1870): offered, and its limit if one was named and is not zero.
    pub size: Option<Option<u64>>,
    /// AUTH mechanisms in upper case, at most 16.
    pub auth: Vec<String>,
}

impl Extensions {
    /// Reads the lines of a 250 reply to EHLO; the first line is the greeting and is skipped. Unknown keywords are ignored.
    pub fn parse(_reply: &super::Reply) -> Self {
        todo!()
    }
}
