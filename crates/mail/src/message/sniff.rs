//! What a file really is, by its first octets, and what its name claims: the difference is evidence.

use serde::{Deserialize, Serialize};

/// Kind of a file, coarse enough for a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Programs of any system: PE, ELF, Mach-O, DEX, Java class, .lnk, MSI, ...
    Executable,
    /// Text that a system runs: js, vbs, wsf, ps1, bat, cmd, hta, scr, sh, ...
    Script,
    /// zip, 7z, rar, tar, gz, iso, cab, ...
    Archive,
    /// Word, Excel, PowerPoint, OpenDocument, RTF, PDF.
    Document,
    /// Pictures.
    Image,
    /// Sound and video.
    Media,
    /// HTML, SVG, XML.
    Markup,
    /// Plain text.
    Text,
    /// A message (message/rfc822).
    Message,
    /// None of these.
    Other,
}

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

/// Looks at the first octets (64 KiB suffice) and the decoded name.
pub fn sniff(_content: &[u8], _name: Option<&str>) -> FileType {
    todo!()
}
