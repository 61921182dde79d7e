//! Disk images: the files of an ISO 9660 volume, by its Joliet names where it has them.
//!
//! Promises: each folder is read once, every extent checked, entries paid, no recursion, no panic. Trusts nothing. Standards:
//! ECMA-119, Joliet. An image that has only UDF (ECMA-167) is [`Sign::Unread`].

use super::codec::Packed;
use super::entry::{Entry, Listing, Sign, index, name, shown, slice, u32_at};
use crate::message::budget::Budget;
use std::collections::BTreeSet;

const SECTOR: usize = 2048;
/// Volume descriptors looked at.
const DESCRIPTORS_MAX: usize = 32;

/// Lists it.
pub fn list<'a>(content: &'a [u8], budget: &mut Budget) -> Listing<'a> {
    let mut listing = Listing::default();
    let Some((root, wide)) = root(content) else {
        listing.signs.insert(Sign::Unread);
        return listing;
    };
    let mut seen = BTreeSet::new();
    let mut waiting = vec![(root, String::new())];
    while let Some((extent, path)) = waiting.pop() {
        if !seen.insert(extent.0) {
            continue;
        }
        let folder = slice(content, extent.0, extent.1);
        if !budget.spend(folder.len()) {
            listing.signs.insert(Sign::Unread);
            return listing;
        }
        for record in records(folder) {
            let Some(found) = Record::read(record, wide) else {
                continue;
            };
            let full = shown(&format!("{path}{}", found.name));
            if found.folder {
                waiting.push((found.extent, format!("{full}/")));
                if budget.entry() {
                    continue;
                }
                listing.signs.insert(Sign::Unread);
                return listing;
            }
            let entry = Entry {
                name: full,
                size: Some(found.extent.1 as u64),
                encrypted: false,
                packed: Packed::stored(slice(content, found.extent.0, found.extent.1)),
            };
            if !listing.add(entry, budget) {
                return listing;
            }
        }
    }
    listing
}

/// Offset and octets.
type Extent = (usize, usize);

/// The root folder of the Joliet volume, else of the primary one; true for names in UTF-16.
fn root(content: &[u8]) -> Option<(Extent, bool)> {
    let mut found = None;
    for number in 16..16 + DESCRIPTORS_MAX {
        let descriptor = content.get(number * SECTOR..(number + 1) * SECTOR)?;
        if descriptor[1..6] != *b"CD001" {
            break;
        }
        let joliet = matches!(descriptor[88..91], [b'%', b'/', b'@' | b'C' | b'E']);
        match descriptor[0] {
            1 if found.is_none() => found = Some((extent(&descriptor[156..190])?, false)),
            2 if joliet => return Some((extent(&descriptor[156..190])?, true)),
            255 => break,
            _ => {}
        }
    }
    found
}

fn extent(record: &[u8]) -> Option<Extent> {
    let sector = index(u32_at(record, 2)?);
    Some((sector.saturating_mul(SECTOR), index(u32_at(record, 10)?)))
}

/// The records of a folder; none crosses a sector.
fn records(folder: &[u8]) -> impl Iterator<Item = &[u8]> {
    folder.chunks(SECTOR).flat_map(|sector| {
        let mut at = 0;
        std::iter::from_fn(move || {
            let length = usize::from(*sector.get(at)?);
            let record = sector.get(at..at + length).filter(|_| length >= 34)?;
            at += length;
            Some(record)
        })
    })
}

struct Record {
    name: String,
    extent: Extent,
    folder: bool,
}

impl Record {
    fn read(record: &[u8], wide: bool) -> Option<Self> {
        let length = usize::from(*record.get(32)?);
        let octets = record.get(33..33 + length)?;
        if matches!(octets, [0] | [1]) {
            return None;
        }
        let text = if wide {
            let units: Vec<u16> = octets
                .chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
                .collect();
            shown(&String::from_utf16_lossy(&units))
        } else {
            name(octets)
        };
        // The version of the file.
        let name = text.rsplit_once(';').map_or(text.as_str(), |(name, _)| name);
        Some(Self {
            name: name.to_owned(),
            extent: extent(record)?,
            folder: record.get(25)? & 2 != 0,
        })
    }
}
