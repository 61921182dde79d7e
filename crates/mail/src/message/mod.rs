//! A message as octets with structure on top: header fields, mailboxes, MIME parts, file types. Nothing is rewritten; every
//! view points into the original. Bounded by [`Limits`]; what exceeds them is a [`Defect`], never an error.

pub mod archive;
pub mod budget;
pub mod charset;
pub mod document;
mod encoded_word;
mod extension;
pub mod field;
pub mod html;
mod kind;
mod magic;
pub mod mailbox;
pub mod mime;
pub mod office;
mod parameter;
mod script;
pub mod sniff;
pub mod transfer;

use serde::{Deserialize, Serialize};

pub use field::{Field, Header};
pub use mailbox::Mailbox;
pub use mime::{Part, Parts};

/// Bounds for reading one message.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Header fields looked at.
    pub fields_max: usize,
    /// MIME parts looked at, all levels.
    pub parts_max: usize,
    /// Levels of nesting (multipart and message/rfc822 alike).
    pub depth_max: usize,
    /// Octets one part may decode to.
    pub decoded_octets_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fields_max: 2_000,
            parts_max: 1_000,
            depth_max: 50,
            decoded_octets_max: 32 << 20,
        }
    }
}

/// What is wrong with a message's form. Evidence, not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Defect {
    /// More header fields than `fields_max`.
    TooManyFields,
    /// More parts than `parts_max`.
    TooManyParts,
    /// Deeper than `depth_max`.
    TooDeep,
    /// A part decodes to more than `decoded_octets_max`.
    TooBig,
    /// A header line that is not a field.
    BadField,
    /// A multipart without, or with an over-long, boundary.
    BadBoundary,
    /// base64 or quoted-printable with foreign octets (decoded leniently).
    BadEncoding,
    /// An unknown charset or octets not in it.
    BadCharset,
    /// No blank line between header section and body.
    NoSeparator,
    /// A field that may stand once stands more than once (From, Sender, Subject, Date, Message-ID, Content-Type, ...).
    DuplicateField,
}
