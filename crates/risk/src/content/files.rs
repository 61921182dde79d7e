//! Files in a message: what they are, whatever they are called, what is inside of them, and what they can do.

mod picture;

use mail::message::archive::{self, Signs};
use mail::message::budget::Budget;
use mail::message::sniff::{self, FileType};
use mail::message::{Part, office};
use serde::{Deserialize, Serialize};

pub use mail::message::archive::Member as MemberFact;
pub use picture::Pixels;

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
    /// First 16 octets of the SHA-256 of the decoded content, in hexadecimal digits; empty in facts of before.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// Files in an archive, and in archives in it; files embedded in a document. At most [`Budget::MEMBERS_MAX`] in one
    /// message, those that tell something first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<MemberFact>,
    /// How many files are inside, told or not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub files: usize,
    /// What was seen inside.
    #[serde(default, skip_serializing_if = "Signs::is_empty")]
    pub signs: Signs,
    /// Width and height of a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixels: Option<Pixels>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// A part that a reader would call a file.
pub(super) fn is_attachment(part: &Part<'_>) -> bool {
    let body_text = matches!(part.content_type.as_str(), "text/plain" | "text/html");
    part.filename.is_some() || part.disposition.as_deref() == Some("attachment") || !body_text
}

/// Looks at one, with what the budget of the message has left. The first octets of each file inside are shown to `visit`.
pub(super) fn look(
    part: &Part<'_>,
    content: &[u8],
    budget: &mut Budget,
    visit: &mut dyn FnMut(&[u8]),
) -> AttachmentFact {
    let name = part.filename.as_deref();
    let file = sniff::sniff(content, name);
    let mut fact = AttachmentFact {
        name: name.unwrap_or_default().to_owned(),
        declared: part.content_type.clone(),
        size_octets: content.len() as u64,
        digest: sniff::digest(content),
        members: Vec::new(),
        files: 0,
        signs: Signs::new(),
        pixels: picture::pixels(content),
        file,
    };
    if let Some(found) = archive::open(content, &fact.file, &fact.name, budget, visit) {
        fact.files = found.files;
        fact.members = found.members;
        fact.signs = found.signs;
    } else {
        let found = office::look(content, &fact.file, budget);
        fact.files = found.members.len();
        fact.members = found.members;
        fact.members.truncate(budget.members(fact.files));
        fact.signs = found.signs;
    }
    fact
}
