//! ZIP archives read as the different readers read them: by the central directory, and by the local headers it does not name.
//!
//! Promises: linear in the content, every offset checked, entries paid, no panic. Trusts nothing: where the directory and a
//! local header name an entry differently both are listed; entries that only a local header knows are listed; entries that
//! share octets are a [`Sign::Bomb`]. Octets before the archive (a program that unpacks itself, another archive) are skipped
//! by the directory's own measure. Standards: APPNOTE 6.3.10. Not read: split archives, encrypted directories.

use super::codec::Packed;
use super::entry::{Entry, Listing, Sign, index, name, slice, u16_at, u32_at, u64_at};
use crate::message::budget::Budget;
use memchr::memmem;

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";
/// The end record and its comment.
const END_OCTETS_MAX: usize = 22 + 65_535;
/// Octets of a name that are read.
const NAME_OCTETS_MAX: usize = 1024;

/// The end of an archive is somewhere near the end of the file.
pub fn has_end(content: &[u8]) -> bool {
    end(content).is_some()
}

/// Lists it.
pub fn list<'a>(content: &'a [u8], budget: &mut Budget) -> Listing<'a> {
    let mut listing = Listing::default();
    let Some(directory) = end(content) else {
        listing.signs.insert(Sign::Malformed);
        locals(content, 0..content.len(), &mut listing, budget);
        return listing;
    };
    if let Some(mut spans) = central(content, &directory, &mut listing, budget) {
        spans.sort_unstable();
        gaps(content, &directory, &spans, &mut listing, budget);
    }
    listing
}

/// Where the central directory is, and what is to be added to every offset.
struct Directory {
    start: usize,
    end: usize,
    bias: usize,
}

fn end(content: &[u8]) -> Option<Directory> {
    let tail = content.len().saturating_sub(END_OCTETS_MAX);
    let at = tail + memmem::rfind(content.get(tail..)?, END)?;
    let size = u32_at(content, at + 12)?;
    let offset = u32_at(content, at + 16)?;
    let (mut size, mut offset, mut end) = (u64::from(size), u64::from(offset), at);
    if let Some(locator) = at.checked_sub(20)
        && slice(content, locator, 4) == LOCATOR_64
        && let Some(record) = locator
            .checked_sub(56)
            .filter(|at| slice(content, *at, 4) == END_64)
    {
        size = u64_at(content, record + 40)?;
        offset = u64_at(content, record + 48)?;
        end = record;
    }
    // The directory stands directly before its end, wherever the offset says that it is.
    let start = end.checked_sub(usize::try_from(size).ok()?)?;
    let bias = start.saturating_sub(usize::try_from(offset).ok()?);
    let sound = start == end || slice(content, start, 4) == CENTRAL;
    sound.then_some(Directory { start, end, bias })
}

/// Where an entry's local header begins and its content ends.
type Span = (usize, usize);

/// None when the budget ended it.
fn central<'a>(
    content: &'a [u8],
    directory: &Directory,
    listing: &mut Listing<'a>,
    budget: &mut Budget,
) -> Option<Vec<Span>> {
    let mut spans = Vec::new();
    let mut at = directory.start;
    while at < directory.end && slice(content, at, 4) == CENTRAL {
        let lengths = [28, 30, 32].map(|field| usize::from(u16_at(content, at + field).unwrap_or(0)));
        let header = Header::central(content, at, lengths);
        at += 46 + lengths.iter().sum::<usize>();
        let local = directory.bias.saturating_add(header.offset);
        let (data, differs) = match Header::local(content, local) {
            Some((own, data)) => (data, (own.name != header.name).then_some(own)),
            None => {
                listing.signs.insert(Sign::Malformed);
                (content.len(), None)
            }
        };
        spans.push((local, data.saturating_add(header.packed)));
        let listed = [Some(header), differs];
        if listed[1].is_some() {
            listing.signs.insert(Sign::Malformed);
        }
        for header in listed.into_iter().flatten() {
            if !add(content, &header, data, listing, budget) {
                return None;
            }
        }
    }
    Some(spans)
}

/// What stands between the entries of the directory: nothing, or entries that it hides. Entries that share octets.
fn gaps<'a>(
    content: &'a [u8],
    directory: &Directory,
    spans: &[Span],
    listing: &mut Listing<'a>,
    budget: &mut Budget,
) {
    let mut free = 0;
    for &(start, end) in spans.iter().chain([&(directory.start, directory.start)]) {
        if start < free {
            listing.signs.insert(Sign::Bomb);
        }
        let gap = content.get(free..start).unwrap_or_default();
        if let Some(hidden) = memmem::find(gap, LOCAL) {
            listing.signs.insert(Sign::Malformed);
            locals(content, free + hidden..start, listing, budget);
        }
        free = free.max(end);
    }
}

/// Entries by their local headers, one behind the other.
fn locals<'a>(
    content: &'a [u8],
    range: std::ops::Range<usize>,
    listing: &mut Listing<'a>,
    budget: &mut Budget,
) {
    let mut at = range.start;
    while at < range.end {
        let Some((mut header, data)) = Header::local(content, at) else {
            break;
        };
        if header.streamed && header.packed == 0 {
            header.packed = next_header(content.get(data..range.end).unwrap_or_default());
        }
        if !add(content, &header, data, listing, budget) {
            break;
        }
        let behind = data.saturating_add(header.packed);
        let rest = content.get(behind..range.end).unwrap_or_default();
        match memmem::find(rest, LOCAL) {
            Some(next) => at = behind + next,
            None => break,
        }
    }
}

/// Where the next local header or the directory begins.
fn next_header(rest: &[u8]) -> usize {
    memmem::find_iter(rest, b"PK")
        .find(|at| matches!(slice(rest, *at, 4), LOCAL | CENTRAL))
        .unwrap_or(rest.len())
}

/// What a header says.
struct Header {
    name: Vec<u8>,
    flags: u16,
    method: u16,
    packed: usize,
    size: u64,
    offset: usize,
    /// The sizes stand behind the content.
    streamed: bool,
}

impl Header {
    fn central(content: &[u8], at: usize, [name, extra, _]: [usize; 3]) -> Self {
        let long = |field| u64::from(u32_at(content, at + field).unwrap_or(0));
        let (mut packed, mut size, mut offset) = (long(20), long(24), long(42));
        // ZIP64: those that do not fit, in this order.
        let wide = wide_extra(slice(content, at + 46 + name, extra));
        let mut next = 0;
        for value in [&mut size, &mut packed, &mut offset] {
            if *value == u64::from(u32::MAX)
                && let Some(wide) = u64_at(wide, next)
            {
                *value = wide;
                next += 8;
            }
        }
        Self {
            name: slice(content, at + 46, name.min(NAME_OCTETS_MAX)).to_vec(),
            flags: u16_at(content, at + 8).unwrap_or(0),
            method: u16_at(content, at + 10).unwrap_or(0),
            packed: index(packed),
            size,
            offset: index(offset),
            streamed: false,
        }
    }

    /// A local header, and where its content begins.
    fn local(content: &[u8], at: usize) -> Option<(Self, usize)> {
        if slice(content, at, 4) != LOCAL {
            return None;
        }
        let flags = u16_at(content, at + 6)?;
        let name = usize::from(u16_at(content, at + 26)?);
        let extra = usize::from(u16_at(content, at + 28)?);
        let header = Self {
            name: slice(content, at + 30, name.min(NAME_OCTETS_MAX)).to_vec(),
            flags,
            method: u16_at(content, at + 8)?,
            packed: index(u32_at(content, at + 18)?),
            size: u64::from(u32_at(content, at + 22)?),
            offset: at,
            streamed: flags & 8 != 0,
        };
        Some((header, at + 30 + name + extra))
    }
}

/// The field of an extra block that holds sizes of 64 bits.
fn wide_extra(mut extra: &[u8]) -> &[u8] {
    while let (Some(id), Some(length)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        let field = slice(extra, 4, usize::from(length));
        if id == 1 {
            return field;
        }
        extra = extra.get(4 + field.len()..).unwrap_or_default();
    }
    &[]
}

fn add<'a>(
    content: &'a [u8],
    header: &Header,
    data: usize,
    listing: &mut Listing<'a>,
    budget: &mut Budget,
) -> bool {
    if header.name.ends_with(b"/") && header.size == 0 {
        return budget.entry();
    }
    let encrypted = header.flags & 1 != 0 || header.method == 99;
    let octets = slice(content, data, header.packed);
    let packed = match header.method {
        _ if encrypted => Packed::Opaque,
        0 => Packed::stored(octets),
        8 => Packed::Deflate(octets),
        12 => Packed::Bzip2(octets),
        14 => lzma(octets, header),
        95 => Packed::Xz(octets),
        _ => Packed::Opaque,
    };
    let entry = Entry {
        name: name(&header.name),
        size: (header.size > 0 || !header.streamed).then_some(header.size),
        encrypted,
        packed,
    };
    listing.add(entry, budget)
}

/// The content begins with a version, the length of the properties, and these (APPNOTE 5.8.8).
fn lzma<'a>(octets: &'a [u8], header: &Header) -> Packed<'a> {
    match octets {
        [_, _, 5, 0, properties, _, _, _, _, rest @ ..] => Packed::Lzma {
            octets: rest,
            properties: *properties,
            size: (header.flags & 2 == 0).then_some(header.size),
        },
        _ => Packed::Opaque,
    }
}
