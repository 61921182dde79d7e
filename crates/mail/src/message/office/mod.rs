//! What documents can do: macros, packages, what they load, scripts. Office old and new, OpenDocument, RTF, PDF, OneNote, HTML,
//! SVG.
//!
//! Promises: everything expanded is paid from the [`Budget`], scans are linear, no recursion, no panic. Trusts nothing: a
//! document is taken for what its octets are, not for its name. Signs say what is there, not that it is bad.

mod compound;
mod ole;
mod page;
mod pdf;
mod vba;
mod zipped;

use super::archive::entry::{Member, Sign, Signs};
use super::budget::Budget;
use super::sniff::{FileType, sniff};
use memchr::memmem;

/// Files embedded in one OneNote section that are looked at.
const NOTE_FILES_MAX: usize = 50;
/// How many octets of looking for names are one unit of work; a page is looked through for many words.
const SCANNED_OCTETS: usize = 4;

/// What was found in a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// What was seen.
    pub signs: Signs,
    /// Files embedded as packages.
    pub members: Vec<Member>,
}

/// Looks into a document or a page; nothing is found in other files.
pub fn look(content: &[u8], file: &FileType, budget: &mut Budget) -> Found {
    let signs = |signs| Found {
        signs,
        members: Vec::new(),
    };
    let mime = file.mime.as_str();
    let zipped = ["application/vnd.openxmlformats", "application/vnd.oasis"];
    let work = match mime {
        "application/rtf" | "application/pdf" | "application/onenote" => content.len() / SCANNED_OCTETS,
        "image/svg+xml" | "text/html" => content.len().min(page::LOOK_OCTETS_MAX),
        _ => 0,
    };
    if !budget.spend(work) {
        return signs(Signs::from([Sign::Unread]));
    }
    match mime {
        "application/rtf" => signs(page::rtf(content)),
        "application/pdf" => signs(pdf::look(content, budget)),
        "application/onenote" => note(content),
        "image/svg+xml" => signs(page::svg(content)),
        "text/html" => signs(page::html(content)),
        _ if zipped.iter().any(|start| mime.starts_with(start)) => zipped::look(content, budget),
        _ if content.starts_with(b"\xd0\xcf\x11\xe0") => ole::look(content, budget),
        _ => Found::default(),
    }
}

/// The document that a zip archive is, whatever it was taken for; nothing when it is none.
pub fn zipped(content: &[u8], budget: &mut Budget) -> Found {
    zipped::look(content, budget)
}

/// Files in a OneNote section: an identifier, the length, twelve octets, the content (MS-ONESTORE §2.6.13).
fn note(content: &[u8]) -> Found {
    const FILE: [u8; 16] = [
        0xe7, 0x16, 0xe3, 0xbd, 0x65, 0x26, 0x11, 0x45, 0xa4, 0xc4, 0x8d, 0x4d, 0x0b, 0x7a, 0x9e, 0xac,
    ];
    let mut found = Found::default();
    for at in memmem::find_iter(content, &FILE).take(NOTE_FILES_MAX) {
        found.signs.insert(Sign::Embedded);
        let file = content.get(at + 36..).unwrap_or_default();
        found.members.push(Member {
            name: String::new(),
            file: sniff(file, None),
            size_octets: None,
            signs: Signs::new(),
        });
    }
    found
}
