//! Kinds of files, coarse enough for a policy.

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
