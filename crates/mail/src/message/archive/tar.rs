//! tar archives: ustar, with the long names of GNU and pax.
//!
//! Promises: linear in the content, entries paid, no panic. Trusts nothing: a size beyond the content is cut, a header that is
//! none ends the listing. Standards: POSIX.1-2017 pax.

use super::codec::Packed;
use super::entry::{Entry, Listing, Sign, name, slice};
use crate::message::budget::Budget;

const BLOCK: usize = 512;

/// Lists it.
pub fn list<'a>(content: &'a [u8], budget: &mut Budget) -> Listing<'a> {
    let mut listing = Listing::default();
    let mut at = 0usize;
    let mut long_name: Option<String> = None;
    while let Some(header) = content.get(at..at.saturating_add(BLOCK)) {
        if header.iter().all(|octet| *octet == 0) {
            break;
        }
        let Some(size) = number(&header[124..136]) else {
            listing.signs.insert(Sign::Malformed);
            break;
        };
        let body = slice(content, at + BLOCK, size);
        if body.len() < size {
            listing.signs.insert(Sign::Unread);
        }
        at = at
            .saturating_add(BLOCK)
            .saturating_add(size.div_ceil(BLOCK).saturating_mul(BLOCK));
        match header[156] {
            b'L' => long_name = Some(name(until_nul(body))),
            b'x' => long_name = pax_path(body).or(long_name),
            b'0' | 0 | b'7' | b'S' => {
                let entry = Entry {
                    name: long_name.take().unwrap_or_else(|| short_name(header)),
                    size: Some(size as u64),
                    encrypted: false,
                    packed: Packed::stored(body),
                };
                if !listing.add(entry, budget) {
                    break;
                }
            }
            _ => {
                long_name = None;
                if !budget.entry() {
                    listing.signs.insert(Sign::Unread);
                    break;
                }
            }
        }
    }
    listing
}

/// Octal digits, or the number itself where the first bit is set.
fn number(field: &[u8]) -> Option<usize> {
    if let [first @ 0x80..=0xff, rest @ ..] = field {
        let high = usize::from(first & 0x7f);
        return Some(rest.iter().fold(high, |number, octet| {
            number.saturating_mul(256).saturating_add(usize::from(*octet))
        }));
    }
    let digits = field.trim_ascii_start();
    let digits = digits.split(|octet| matches!(octet, 0 | b' ')).next()?;
    usize::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

fn short_name(header: &[u8]) -> String {
    let own = until_nul(&header[..100]);
    let prefix = until_nul(&header[345..500]);
    if header[257..262] == *b"ustar" && header[262] == 0 && !prefix.is_empty() {
        name(&[prefix, b"/", own].concat())
    } else {
        name(own)
    }
}

fn until_nul(octets: &[u8]) -> &[u8] {
    octets.split(|octet| *octet == 0).next().unwrap_or_default()
}

/// `LENGTH path=NAME` among the records of a pax header.
fn pax_path(body: &[u8]) -> Option<String> {
    body.split(|octet| *octet == b'\n').find_map(|record| {
        let (_, field) = record.split_at(record.iter().position(|octet| *octet == b' ')? + 1);
        Some(name(field.strip_prefix(b"path=")?))
    })
}
