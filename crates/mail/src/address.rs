//! Mail addresses as RFC 5321 §4.1.2 writes them (with RFC 6531 for UTF-8).
//!
//! Promises: an [`Address`] is syntactically valid, bounded (RFC 5321 §4.5.3.1: 64 octets local part, 255 domain,
//! 254 together) and free of CR, LF, NUL and other controls; its text is written out exactly as it was read.

use serde::{Deserialize, Serialize};

/// A mailbox: local part, `@`, domain or address literal. Kept exactly as written, quotes included.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    text: Box<str>,
    at: u16,
}

/// Why a text is not an address. The peer caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not the grammar of RFC 5321 §4.1.2.
    #[error("the address is not a mailbox of RFC 5321")]
    Syntax,
    /// Over a limit of RFC 5321 §4.5.3.1.
    #[error("the address is too long")]
    TooLong,
    /// UTF-8 where SMTPUTF8 was not asked for is the caller's matter; this is invalid UTF-8.
    #[error("the address is not valid UTF-8")]
    NotUtf8,
}

impl Address {
    /// Reads a mailbox without angle brackets, for example `Joe.Doe@example.com` or `"a b"@[192.0.2.1]`.
    pub fn parse(_text: &str) -> Result<Self, AddressError> {
        todo!()
    }

    /// The address exactly as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before the last unquoted `@`, quotes included.
    pub fn local_part(&self) -> &str {
        &self.text[..usize::from(self.at)]
    }

    /// What stands behind the `@`, as written.
    pub fn domain(&self) -> &str {
        &self.text[usize::from(self.at) + 1..]
    }

    /// The form to compare by: needless quotes removed, ASCII lower case, domain as A-labels in lower case.
    pub fn key(&self) -> String {
        todo!()
    }

    /// The domain as A-labels in lower case (RFC 5890), the form to look up.
    pub fn domain_key(&self) -> String {
        todo!()
    }

    /// False when SMTPUTF8 (RFC 6531) is needed to hand the address on.
    pub fn is_ascii(&self) -> bool {
        self.text.is_ascii()
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, AddressError> {
        Self::parse(&text)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> String {
        address.text.into()
    }
}
