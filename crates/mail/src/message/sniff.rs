//! What a file really is, by its first octets, and what its name claims: the difference is evidence.
//!
//! Promises: looks at [`LOOK_OCTETS_MAX`] octets at most, linear in them, no panic. Trusts nothing. Does not look into
//! archives. A text is called a script only on strong signs; for the rest there is the name.

use super::extension;
use super::magic;
use super::script;
use serde::{Deserialize, Serialize};

pub use super::kind::Kind;

/// Octets of the content that are looked at.
pub const LOOK_OCTETS_MAX: usize = 64 << 10;

/// What was found out about one attachment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileType {
    /// By content.
    pub kind: Kind,
    /// By content, for example `application/vnd.microsoft.portable-executable`.
    pub mime: String,
    /// By name, when the extension is known.
    pub claimed: Option<Kind>,
    /// Lower-case last extension, at most 16 characters; trailing dots and blanks ignored as Windows does.
    pub extension: Option<String>,
    /// `invoice.pdf.exe`: a harmless extension before one that runs; or a right-to-left override in the name.
    pub disguised_name: bool,
}

/// The content's fingerprint: the first 16 octets of its SHA-256, in hexadecimal digits.
pub fn digest(content: &[u8]) -> String {
    use std::fmt::Write;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content);
    let mut text = String::with_capacity(32);
    for octet in digest.as_ref().iter().take(16) {
        // Writing to a string does not fail.
        let _ = write!(text, "{octet:02x}");
    }
    text
}

/// Looks at the first octets (64 KiB suffice) and the decoded name.
pub fn sniff(content: &[u8], name: Option<&str>) -> FileType {
    let look = &content[..content.len().min(LOOK_OCTETS_MAX)];
    let (kind, mime) = magic::binary(look)
        .or_else(|| script::text(look))
        .unwrap_or((Kind::Other, "application/octet-stream"));
    let claim = name.map(extension::claim).unwrap_or_default();
    FileType {
        kind,
        mime: mime.to_owned(),
        claimed: claim.kind,
        extension: claim.extension,
        disguised_name: claim.disguised,
    }
}
