//! Old Office documents and the compound files in new ones: macros, Excel 4 sheets, packages, encryption.
//!
//! Promises: bounded by the [`Budget`], no recursion, no panic. Trusts nothing. Standards: MS-OVBA, MS-XLS §2.4.28, MS-DOC
//! §2.5.1, MS-OLEDS, MS-OFFCRYPTO.

use super::Found;
use super::compound::Compound;
use super::vba;
use crate::message::archive::entry::{Member, Sign, Signs, index, name, slice, u16_at, u32_at};
use crate::message::budget::Budget;
use crate::message::sniff::{LOOK_OCTETS_MAX, sniff};
use memchr::memmem;

/// Octets of a stream that are read.
const STREAM_OCTETS_MAX: usize = 1 << 20;
/// Octets of the beginning of a document, where its tables stand.
const HEAD_OCTETS_MAX: usize = 256 << 10;

/// Looks into a compound file.
pub fn look(content: &[u8], budget: &mut Budget) -> Found {
    let mut found = Found::default();
    let Some(file) = Compound::open(content, budget) else {
        return found;
    };
    if file.has("EncryptedPackage") || file.has("EncryptionInfo") {
        found.signs.insert(Sign::Encrypted);
    }
    let project = file.has("_VBA_PROJECT") || file.has("VBA");
    if project {
        found.signs.insert(Sign::Macros);
    }
    for (number, stream) in file.streams() {
        match stream {
            "Workbook" | "Book" => workbook(&file.read(number, HEAD_OCTETS_MAX, budget), &mut found.signs),
            "WordDocument" => document(&file.read(number, STREAM_OCTETS_MAX, budget), &mut found.signs),
            "\u{1}Ole10Native" => {
                found.signs.insert(Sign::Embedded);
                found
                    .members
                    .extend(package(&file.read(number, LOOK_OCTETS_MAX, budget)));
            }
            _ if project && !found.signs.contains(&Sign::Autoexec) => {
                let octets = file.read(number, STREAM_OCTETS_MAX, budget);
                if vba::source(&octets).is_some_and(|source| vba::runs_by_itself(&source)) {
                    found.signs.insert(Sign::Autoexec);
                }
            }
            _ => {}
        }
    }
    if budget.is_exhausted() {
        found.signs.insert(Sign::Unread);
    }
    found
}

/// Records of a workbook: sheets of Excel 4 macros, the name that is called at opening, a password.
fn workbook(stream: &[u8], signs: &mut Signs) {
    const FILE_PASS: u16 = 0x2f;
    const BOUND_SHEET: u16 = 0x85;
    const NAME: u16 = 0x18;
    let mut at = 0;
    while let (Some(kind), Some(length)) = (u16_at(stream, at), u16_at(stream, at + 2)) {
        let data = slice(stream, at + 4, usize::from(length));
        at += 4 + usize::from(length);
        match (kind, data) {
            (FILE_PASS, _) => {
                signs.insert(Sign::Encrypted);
            }
            (BOUND_SHEET, [_, _, _, _, _, 1, ..]) => {
                signs.insert(Sign::Macros);
            }
            // A built-in name, the first of which is Auto_Open.
            (NAME, [flags, _, _, 1, ..])
                if flags & 0x20 != 0 && matches!(data.get(14..16), Some([0, 1] | [1, _])) =>
            {
                signs.insert(Sign::Autoexec);
            }
            (NAME, _) if memmem::find(&data.to_ascii_lowercase(), b"auto_open").is_some() => {
                signs.insert(Sign::Autoexec);
            }
            _ => {}
        }
    }
}

fn document(stream: &[u8], signs: &mut Signs) {
    // fEncrypted of the FIB.
    if u16_at(stream, 10).is_some_and(|flags| flags & 0x100 != 0) {
        signs.insert(Sign::Encrypted);
    }
    if memmem::find(stream, b"DDEAUTO").is_some() || memmem::find(stream, b"D\0D\0E\0A\0U\0T\0O\0").is_some()
    {
        signs.insert(Sign::External);
    }
}

/// The file in an OLE package: its size, flags, its name, the path it had, and the path it shall have; then the content.
fn package(stream: &[u8]) -> Option<Member> {
    let mut rest = stream.get(6..)?;
    let mut text = || {
        let (text, behind) = rest.split_at_checked(memchr::memchr(0, rest)?)?;
        rest = behind.get(1..)?;
        Some(text)
    };
    let (label, source) = (text()?, text()?);
    rest = rest.get(4..)?;
    let target = index(u32_at(rest, 0)?);
    let content = rest.get(4usize.checked_add(target)?..)?;
    let size = u32_at(content, 0)?;
    let label = if label.is_empty() { source } else { label };
    let name = name(label);
    Some(Member {
        file: sniff(content.get(4..)?, Some(&name)),
        name,
        size_octets: Some(u64::from(size)),
        signs: Signs::new(),
    })
}
