//! Files in a message: what they are, whatever they are called.

use mail::message::Part;
use mail::message::sniff::{FileType, sniff};
use serde::{Deserialize, Serialize};

/// One attachment, or inline part with a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttachmentFact {
    /// Its name, decoded; empty when it has none.
    pub name: String,
    /// Its declared type.
    pub declared: String,
    /// What it is.
    #[serde(flatten)]
    pub file: FileType,
    /// Decoded size.
    pub size_octets: u64,
}

/// A part that a reader would call a file.
pub(super) fn is_attachment(part: &Part<'_>) -> bool {
    let body_text = matches!(part.content_type.as_str(), "text/plain" | "text/html");
    part.filename.is_some() || part.disposition.as_deref() == Some("attachment") || !body_text
}

/// Looks at one.
pub(super) fn attachment(part: &Part<'_>, content: &[u8]) -> AttachmentFact {
    AttachmentFact {
        name: part.filename.clone().unwrap_or_default(),
        declared: part.content_type.clone(),
        file: sniff(content, part.filename.as_deref()),
        size_octets: content.len() as u64,
    }
}
