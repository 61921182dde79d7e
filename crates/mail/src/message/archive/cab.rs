//! Microsoft cabinets: names only.
//!
//! Promises: linear, entries paid, no panic. Trusts nothing. Standards: MS-CAB §2. Nothing is expanded.

use super::codec::Packed;
use super::entry::{Entry, Listing, Sign, index, name, slice, u16_at, u32_at};
use crate::message::budget::Budget;

/// Lists it.
pub fn list<'a>(content: &'a [u8], budget: &mut Budget) -> Listing<'a> {
    let mut listing = Listing::default();
    listing.signs.insert(Sign::Unread);
    let mut at = index(u32_at(content, 16).unwrap_or(u32::MAX));
    for _ in 0..u16_at(content, 28).unwrap_or(0) {
        let Some(size) = u32_at(content, at) else {
            listing.signs.insert(Sign::Malformed);
            break;
        };
        let octets = slice(content, at.saturating_add(16), 256);
        let octets = octets.split(|octet| *octet == 0).next().unwrap_or_default();
        at = at.saturating_add(16 + octets.len() + 1);
        let entry = Entry {
            name: name(octets),
            size: Some(u64::from(size)),
            encrypted: false,
            packed: Packed::Opaque,
        };
        if !listing.add(entry, budget) {
            break;
        }
    }
    listing
}
