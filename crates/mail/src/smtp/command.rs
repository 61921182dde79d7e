//! SMTP commands: one line without its CRLF becomes a [`Command`] or a [`Reply`] that says what is wrong.
//!
//! Standards: RFC 5321 §4.1, RFC 3030 (BDAT), RFC 1870 (SIZE), RFC 6152 (8BITMIME), RFC 6531 (SMTPUTF8), RFC 3461 (DSN),
//! RFC 4954 (AUTH), RFC 3207 (STARTTLS).

use super::reply::Reply;
use crate::Address;
use serde::{Deserialize, Serialize};

/// One command of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// EHLO with the name the client gives itself (printable ASCII or UTF-8, at most 255 octets).
    Ehlo(String),
    /// HELO, likewise.
    Helo(String),
    /// MAIL FROM.
    Mail(Box<MailCommand>),
    /// RCPT TO.
    Rcpt(Box<RcptCommand>),
    /// DATA.
    Data,
    /// BDAT (RFC 3030): this many octets follow; `last` ends the message.
    Bdat {
        /// Octets that follow the command line.
        size_octets: u64,
        /// The LAST keyword was given.
        last: bool,
    },
    /// RSET.
    Rset,
    /// NOOP, its argument ignored.
    Noop,
    /// VRFY, its argument ignored: the answer is always 252.
    Vrfy,
    /// HELP.
    Help,
    /// QUIT.
    Quit,
    /// STARTTLS.
    StartTls,
    /// AUTH with the mechanism in upper case and the initial response still in base64 (`=` means empty).
    Auth {
        /// SASL mechanism name.
        mechanism: String,
        /// Initial response as sent.
        initial_response: Option<String>,
    },
    /// XCLIENT with its attributes still encoded; see [`super::xclient`].
    Xclient(String),
}

/// MAIL FROM with its parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailCommand {
    /// None is the null reverse-path `<>`.
    pub reverse_path: Option<Address>,
    /// SIZE= (RFC 1870); a value above u64 is a syntax error.
    pub size_octets: Option<u64>,
    /// BODY= (RFC 6152, 3030).
    pub body: Option<BodyType>,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// RET= (RFC 3461).
    pub ret: Option<Ret>,
    /// ENVID= (RFC 3461), decoded from xtext, printable ASCII, at most 100 octets.
    pub envid: Option<String>,
    /// AUTH= (RFC 4954), decoded from xtext, `<>` kept; never an identity.
    pub auth: Option<String>,
}

/// RCPT TO with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RcptCommand {
    /// The forward-path. `<postmaster>` without domain is given as `None`. Source routes are dropped (RFC 5321 §4.1.1.3).
    pub forward_path: Option<Address>,
    /// NOTIFY= (RFC 3461).
    pub notify: Option<Notify>,
    /// ORCPT= (RFC 3461), decoded from xtext.
    pub orcpt: Option<OriginalRecipient>,
}

/// BODY= of RFC 6152 and RFC 3030.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyType {
    /// 7BIT.
    SevenBit,
    /// 8BITMIME.
    EightBitMime,
    /// BINARYMIME is refused by the server; kept for the parser's completeness.
    BinaryMime,
}

/// RET= of RFC 3461: what of the message a DSN returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ret {
    /// The whole message.
    Full,
    /// Header fields only.
    Hdrs,
}

/// NOTIFY= of RFC 3461. All false means NEVER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// SUCCESS.
    pub success: bool,
    /// FAILURE.
    pub failure: bool,
    /// DELAY.
    pub delay: bool,
}

/// ORCPT= of RFC 3461: address type and decoded address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginalRecipient {
    /// For example `rfc822`.
    pub addr_type: String,
    /// Decoded from xtext; printable.
    pub address: String,
}

impl Command {
    /// Reads one command line without its line end. The error is the reply to give (500, 501, 502, 504, 553, 555 with
    /// enhanced codes of RFC 3463); its text never echoes the input.
    pub fn parse(_line: &[u8]) -> Result<Self, Reply> {
        todo!()
    }
}

impl MailCommand {
    /// Writes `MAIL FROM:<...>` with those parameters that the next hop's EHLO offered; no line end.
    pub fn write(&self, _offered: &super::ehlo::Extensions) -> String {
        todo!()
    }
}

impl RcptCommand {
    /// Writes `RCPT TO:<...>` with those parameters that the next hop's EHLO offered; no line end.
    pub fn write(&self, _offered: &super::ehlo::Extensions) -> String {
        todo!()
    }
}
