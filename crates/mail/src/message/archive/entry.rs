//! The words for what is in a file: an entry of a listing, a member that is told, and signs of what a file can do.

use super::codec::Packed;
use crate::message::budget::Budget;
use crate::message::sniff::FileType;
use crate::message::{charset, parameter};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What was seen in an archive or a document. Names are an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// It, or a member of it, needs a password.
    Encrypted,
    /// Not all of it was looked at: the budget of the message ran out, or it is packed in a way not known here.
    Unread,
    /// It is made to exhaust who opens it: members that overlap, a size that lies, an expansion beyond
    /// [`super::EXPANSION_MAX`].
    Bomb,
    /// An archive in an archive (a tar inside of a compressed stream is one archive).
    Nested,
    /// Nested deeper than is looked at.
    TooDeep,
    /// Its structure contradicts itself, so that readers see different things.
    Malformed,
    /// Macros: VBA, Excel 4, Basic.
    Macros,
    /// Macros or scripts that run when it is opened or closed.
    Autoexec,
    /// It loads a template or an object from elsewhere, or asks another program (DDE).
    External,
    /// A file is embedded in it.
    Embedded,
    /// JavaScript in a PDF or a picture.
    Javascript,
    /// A PDF that starts a program.
    Launch,
    /// An HTML page that makes a file out of itself.
    Smuggling,
}

/// A set of signs.
pub type Signs = BTreeSet<Sign>;

/// One file in an archive, or embedded in a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name with the archives it is in, `inner.zip/setup.exe`; controls removed, at most 255 characters (of a longer one
    /// the end). It is no path to anything.
    pub name: String,
    /// What it is; what cannot be read is [`crate::message::sniff::Kind::Other`] with what its name claims.
    #[serde(flatten)]
    pub file: FileType,
    /// Its size as declared or counted, whichever is larger; none when nothing tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_octets: Option<u64>,
    /// What was seen in it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub signs: Signs,
}

/// One entry of a listing.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Its name, decoded; may be empty.
    pub name: String,
    /// Its size as declared.
    pub size: Option<u64>,
    /// It needs a password.
    pub encrypted: bool,
    /// Its content.
    pub packed: Packed<'a>,
}

/// What a container says that it holds.
#[derive(Clone, Debug, Default)]
pub struct Listing<'a> {
    /// Files; folders are left out.
    pub entries: Vec<Entry<'a>>,
    /// What was seen.
    pub signs: Signs,
}

impl<'a> Listing<'a> {
    /// Adds an entry. False, and [`Sign::Unread`], when the budget has none left.
    pub fn add(&mut self, entry: Entry<'a>, budget: &mut Budget) -> bool {
        let paid = budget.entry();
        if paid {
            self.entries.push(entry);
        } else {
            self.signs.insert(Sign::Unread);
        }
        paid
    }
}

/// A name in an archive: UTF-8 where it is, else the code page of DOS in Russia, whose ASCII half is everybody's.
pub fn name(octets: &[u8]) -> String {
    let octets = &octets[..octets.len().min(4096)];
    let text = match std::str::from_utf8(octets) {
        Ok(text) => text.to_owned(),
        Err(_) => charset::decode(Some("ibm866"), octets).0,
    };
    shown(&text)
}

/// A name in UTF-16, least octet first.
pub fn wide_name(octets: &[u8]) -> String {
    let units = octets
        .chunks_exact(2)
        .take(2048)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units)
        .map(|char| char.unwrap_or('\u{fffd}'))
        .collect();
    shown(&text)
}

/// Without controls, at most 255 characters.
pub fn shown(text: &str) -> String {
    parameter::shortened(text).unwrap_or_default()
}

/// Little-endian numbers of a format; none beyond the end.
pub fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(
        octets.get(at..at.checked_add(2)?)?.try_into().ok()?,
    ))
}

/// As [`u16_at`].
pub fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(
        octets.get(at..at.checked_add(4)?)?.try_into().ok()?,
    ))
}

/// As [`u16_at`].
pub fn u64_at(octets: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(
        octets.get(at..at.checked_add(8)?)?.try_into().ok()?,
    ))
}

/// A number of a format as an index.
pub fn index(number: impl TryInto<usize>) -> usize {
    number.try_into().unwrap_or(usize::MAX)
}

/// `length` octets from `at`, as many as there are.
pub fn slice(octets: &[u8], at: usize, length: usize) -> &[u8] {
    let rest = octets.get(at..).unwrap_or_default();
    &rest[..rest.len().min(length)]
}
