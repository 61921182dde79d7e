//! RAR archives, versions 4 and 5: names, sizes, what is encrypted; the content only of what is stored.
//!
//! Promises: linear, entries paid, no panic. Trusts nothing: a block that does not go on ends the listing. Standards: the
//! RAR 5.0 archive format; technote.txt of RAR 4. Nothing is expanded: there is no decoder under a free licence.

use super::codec::Packed;
use super::entry::{Entry, Listing, Sign, index, name, shown, slice, u16_at, u32_at};
use crate::message::budget::Budget;

/// Units of a name.
const NAME_UNITS_MAX: usize = 1024;
const MARK_4: &[u8] = b"Rar!\x1a\x07\0";
const MARK_5: &[u8] = b"Rar!\x1a\x07\x01\0";

/// Lists it.
pub fn list<'a>(content: &'a [u8], budget: &mut Budget) -> Listing<'a> {
    let mut listing = Listing::default();
    let read = if content.starts_with(MARK_5) {
        five(content, &mut listing, budget)
    } else if content.starts_with(MARK_4) {
        four(content, &mut listing, budget)
    } else {
        None
    };
    if read.is_none() {
        listing.signs.insert(Sign::Malformed);
    }
    listing
}

/// None when a block is broken off.
fn four<'a>(content: &'a [u8], listing: &mut Listing<'a>, budget: &mut Budget) -> Option<()> {
    const MAIN: u8 = 0x73;
    const FILE: u8 = 0x74;
    const END: u8 = 0x7b;
    let mut at = MARK_4.len();
    while at < content.len() {
        let kind = *content.get(at + 2)?;
        let flags = u16_at(content, at + 3)?;
        let length = usize::from(u16_at(content, at + 5)?);
        let header = content.get(at..at + length.max(7))?;
        match kind {
            // Everything behind it is encrypted.
            MAIN if flags & 0x80 != 0 => {
                listing.signs.insert(Sign::Encrypted);
                return Some(());
            }
            END => return Some(()),
            _ => {}
        }
        let packed = if flags & 0x8000 != 0 {
            index(u32_at(header, 7)?)
        } else {
            0
        };
        let data = at + header.len();
        if kind == FILE && flags & 0xe0 != 0xe0 {
            let entry = file_four(header, flags, slice(content, data, packed))?;
            if !listing.add(entry, budget) {
                return Some(());
            }
        } else if !budget.entry() {
            return Some(());
        }
        at = data.checked_add(packed)?;
    }
    Some(())
}

fn file_four<'a>(header: &[u8], flags: u16, data: &'a [u8]) -> Option<Entry<'a>> {
    let size = u64::from(u32_at(header, 11)?);
    let stored = *header.get(25)? == 0x30;
    let length = usize::from(u16_at(header, 26)?);
    let (start, high) = if flags & 0x100 != 0 {
        (40, u32_at(header, 36)?)
    } else {
        (32, 0)
    };
    let octets = header.get(start..start + length)?;
    let name = match octets.split_at_checked(memchr::memchr(0, octets).unwrap_or(octets.len()))? {
        (local, [0, packed @ ..]) if flags & 0x200 != 0 => wide(local, packed),
        (local, _) => name(local),
    };
    let encrypted = flags & 4 != 0;
    Some(Entry {
        name: name.replace('\\', "/"),
        size: Some(size | u64::from(high) << 32),
        encrypted,
        packed: packed(stored && !encrypted, data),
    })
}

/// The name in Unicode, packed as its difference to the one in the local code page.
fn wide(local: &[u8], packed: &[u8]) -> String {
    let mut packed = packed.iter().map(|octet| u16::from(*octet));
    let mut units: Vec<u16> = Vec::new();
    let high = packed.next().unwrap_or(0) << 8;
    let (mut flags, mut left) = (0, 0);
    while units.len() < NAME_UNITS_MAX {
        if left == 0 {
            let Some(next) = packed.next() else {
                break;
            };
            (flags, left) = (next, 4);
        }
        left -= 1;
        let kind = flags >> (2 * left) & 3;
        let Some(octet) = packed.next() else {
            break;
        };
        match kind {
            0 => units.push(octet),
            1 => units.push(octet | high),
            2 => units.push(octet | packed.next().unwrap_or(0) << 8),
            _ => {
                let shift = (octet & 0x80 != 0).then(|| packed.next().unwrap_or(0));
                for _ in 0..(octet & 0x7f) + 2 {
                    let Some(same) = local.get(units.len()) else {
                        break;
                    };
                    let same = u16::from(*same);
                    units.push(shift.map_or(same, |shift| (same + shift) & 0xff | high));
                }
            }
        }
    }
    shown(&String::from_utf16_lossy(&units))
}

fn packed(readable: bool, data: &[u8]) -> Packed<'_> {
    if readable {
        Packed::stored(data)
    } else {
        Packed::Opaque
    }
}

fn five<'a>(content: &'a [u8], listing: &mut Listing<'a>, budget: &mut Budget) -> Option<()> {
    const FILE: u64 = 2;
    const ENCRYPTION: u64 = 4;
    const END: u64 = 5;
    let mut at = MARK_5.len();
    while at < content.len() {
        let mut outer = Reader(content.get(at + 4..)?);
        let length = index(outer.number()?);
        let start = content.len() - outer.0.len();
        let mut header = Reader(content.get(start..start.checked_add(length)?)?);
        let kind = header.number()?;
        let flags = header.number()?;
        let extra = if flags & 1 != 0 {
            index(header.number()?)
        } else {
            0
        };
        let octets = if flags & 2 != 0 {
            index(header.number()?)
        } else {
            0
        };
        let data = start + length;
        match kind {
            END => return Some(()),
            ENCRYPTION => {
                listing.signs.insert(Sign::Encrypted);
                return Some(());
            }
            FILE => {
                let tail = header.0.get(header.0.len().checked_sub(extra)?..)?;
                let entry = file_five(header, tail, slice(content, data, octets))?;
                if entry.is_some_and(|entry| !listing.add(entry, budget)) {
                    return Some(());
                }
            }
            _ if !budget.entry() => return Some(()),
            _ => {}
        }
        at = data.checked_add(octets)?;
    }
    Some(())
}

/// The outer none is a broken header, the inner one a folder.
fn file_five<'a>(mut header: Reader<'_>, extra: &[u8], data: &'a [u8]) -> Option<Option<Entry<'a>>> {
    let flags = header.number()?;
    let size = header.number()?;
    header.number()?;
    let skip = usize::from(flags & 2 != 0) * 4 + usize::from(flags & 4 != 0) * 4;
    header.0 = header.0.get(skip..)?;
    let method = header.number()? >> 7 & 7;
    header.number()?;
    let length = index(header.number()?);
    let octets = header.0.get(..length)?;
    if flags & 1 != 0 {
        return Some(None);
    }
    let encrypted = has_encryption(Reader(extra));
    Some(Some(Entry {
        name: name(octets),
        size: (flags & 8 == 0).then_some(size),
        encrypted,
        packed: packed(method == 0 && !encrypted, data),
    }))
}

/// A record of kind 1 in the extra area.
fn has_encryption(mut extra: Reader<'_>) -> bool {
    while let Some(length) = extra.number() {
        let Some(record) = extra.0.get(..index(length)) else {
            return false;
        };
        if Reader(record).number() == Some(1) {
            return true;
        }
        extra.0 = &extra.0[record.len()..];
    }
    false
}

/// Numbers of seven bits an octet, least first.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for place in 0..10 {
            let (octet, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(octet & 0x7f).checked_shl(7 * place).unwrap_or(0);
            if octet & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}
