//! The Received header field (RFC 5321 §4.4): written on acceptance, counted against loops.

use std::net::IpAddr;

/// What a Received field of ours says. The login and blind recipients never appear in it.
#[derive(Clone, Debug)]
pub struct Received<'a> {
    /// Client's EHLO name; None hides it (privacy).
    pub helo: Option<&'a str>,
    /// Client's address; None hides it.
    pub client: Option<IpAddr>,
    /// Our name.
    pub by: &'a str,
    /// `ESMTP`, `ESMTPS`, `ESMTPA`, `ESMTPSA`, `UTF8SMTPSA`, ... (RFC 3848, 6531).
    pub with: &'a str,
    /// TLS version and cipher for a comment.
    pub tls: Option<&'a str>,
    /// The story's id.
    pub id: &'a str,
    /// Time of acceptance.
    pub at: jiff::Timestamp,
}

impl Received<'_> {
    /// The whole field with its CRLF, folded, no controls whatever the inputs.
    pub fn write(&self, _out: &mut Vec<u8>) {
        todo!()
    }
}

/// How many Received fields the header section has (RFC 5321 §6.3).
pub fn count_hops(_message: &[u8]) -> usize {
    todo!()
}

/// `Tue, 24 Nov 2026 12:00:00 +0000` (RFC 5322 §3.3).
pub fn rfc5322_date(_at: jiff::Timestamp) -> String {
    todo!()
}
