//! XCLIENT attributes as Postfix documents them: a trusted proxy tells the true client.

use std::net::IpAddr;

/// What a trusted proxy says. None is "not said", `[UNAVAILABLE]` and `[TEMPUNAVAIL]` count as none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Xclient {
    /// ADDR.
    pub addr: Option<IpAddr>,
    /// PORT.
    pub port: Option<u16>,
    /// NAME.
    pub name: Option<String>,
    /// HELO.
    pub helo: Option<String>,
    /// PROTO was ESMTP.
    pub esmtp: Option<bool>,
    /// LOGIN, the SASL login name.
    pub login: Option<String>,
}

impl Xclient {
    /// Reads the attribute list behind `XCLIENT `; values are xtext. None on any error.
    pub fn parse(_arguments: &str) -> Option<Self> {
        todo!()
    }
}
