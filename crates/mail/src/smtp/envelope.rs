//! MAIL and RCPT as values, and how they are written to a next hop. `parameters.rs` reads them.
//!
//! Promises: what is written is made anew from checked values, so nothing of a client's line reaches the next hop as it was
//! sent; a parameter goes only to a next hop that offered its extension.
//! Standards: RFC 5321 §4.1.1.2, §4.1.1.3, RFC 1870, RFC 6152, RFC 3030, RFC 6531, RFC 3461 §4, RFC 4954 §5, RFC 6533 §3.

use super::ehlo::Extensions;
use super::xtext;
use crate::Address;
use serde::{Deserialize, Serialize};

/// MAIL FROM with its parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailCommand {
    /// None is the null reverse-path `<>`.
    pub reverse_path: Option<Address>,
    /// SIZE= (RFC 1870); a value above u64 is a syntax error.
    pub size_octets: Option<u64>,
    /// BODY= (RFC 6152, RFC 3030).
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

impl MailCommand {
    /// Writes `MAIL FROM:<...>` with those parameters that the next hop's EHLO offered; no line end.
    pub fn write(&self, offered: &Extensions) -> String {
        let mut out = String::from("MAIL FROM:<");
        out.push_str(self.reverse_path.as_ref().map_or("", Address::as_str));
        out.push('>');
        if let (Some(size), Some(_)) = (self.size_octets, offered.size) {
            out.push_str(&format!(" SIZE={size}"));
        }
        match self.body.filter(|_| offered.eight_bit_mime) {
            Some(BodyType::SevenBit) => out.push_str(" BODY=7BIT"),
            Some(BodyType::EightBitMime) => out.push_str(" BODY=8BITMIME"),
            Some(BodyType::BinaryMime) | None => {}
        }
        if self.smtputf8 && offered.smtputf8 {
            out.push_str(" SMTPUTF8");
        }
        if offered.dsn {
            match self.ret {
                Some(Ret::Full) => out.push_str(" RET=FULL"),
                Some(Ret::Hdrs) => out.push_str(" RET=HDRS"),
                None => {}
            }
            if let Some(envid) = &self.envid {
                out.push_str(&format!(" ENVID={}", xtext::encode(envid)));
            }
        }
        if let Some(auth) = self.auth.as_ref().filter(|_| !offered.auth.is_empty()) {
            out.push_str(&format!(" AUTH={}", xtext::encode(auth)));
        }
        out
    }
}

impl RcptCommand {
    /// Writes `RCPT TO:<...>` with those parameters that the next hop's EHLO offered; no line end.
    pub fn write(&self, offered: &Extensions) -> String {
        let mut out = String::from("RCPT TO:<");
        out.push_str(self.forward_path.as_ref().map_or("postmaster", Address::as_str));
        out.push('>');
        if offered.dsn {
            if let Some(notify) = self.notify {
                out.push_str(&format!(" NOTIFY={}", notify_value(notify)));
            }
            if let Some(orcpt) = &self.orcpt {
                let utf8 = orcpt.addr_type.eq_ignore_ascii_case("utf-8");
                let encode = if utf8 {
                    xtext::encode_utf8_address
                } else {
                    xtext::encode
                };
                out.push_str(&format!(" ORCPT={};{}", orcpt.addr_type, encode(&orcpt.address)));
            }
        }
        out
    }
}

fn notify_value(notify: Notify) -> String {
    let words = [
        (notify.success, "SUCCESS"),
        (notify.failure, "FAILURE"),
        (notify.delay, "DELAY"),
    ];
    let given: Vec<&str> = words
        .iter()
        .filter(|(given, _)| *given)
        .map(|(_, word)| *word)
        .collect();
    if given.is_empty() {
        "NEVER".to_owned()
    } else {
        given.join(",")
    }
}
