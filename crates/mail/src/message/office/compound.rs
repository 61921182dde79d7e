//! Compound files (old Office documents, macros, packages): their streams by name.
//!
//! Promises: every chain ends after as many sectors as the file has, streams read and entries listed are paid, no recursion,
//! no panic. Trusts nothing; lenient, because readers are: a broken chain gives what it gave before. Standards: MS-CFB.

use crate::message::archive::entry::{index, slice, u16_at, u32_at};
use crate::message::budget::Budget;

/// Sector numbers from here on are marks.
const REGULAR_MAX: u32 = 0xffff_fffa;
const HEADER_OCTETS: usize = 512;
const ENTRY_OCTETS: usize = 128;
const MINI_OCTETS: usize = 64;
const MAGIC: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

/// A compound file that was opened.
pub struct Compound<'a> {
    content: &'a [u8],
    sector: usize,
    mini_below: usize,
    fat: Vec<u32>,
    mini_fat: Vec<u32>,
    mini: Vec<u8>,
    entries: Vec<Entry>,
}

/// A stream or a storage.
struct Entry {
    name: String,
    stream: bool,
    start: u32,
    size: usize,
}

impl<'a> Compound<'a> {
    /// Opens it; none when it is none, or the budget has not as much.
    pub fn open(content: &'a [u8], budget: &mut Budget) -> Option<Self> {
        if !content.starts_with(MAGIC) {
            return None;
        }
        let sector = match u16_at(content, 30)? {
            12 => 4096,
            _ => 512,
        };
        let mut file = Self {
            content,
            sector,
            mini_below: index(u32_at(content, 56)?),
            fat: Vec::new(),
            mini_fat: Vec::new(),
            mini: Vec::new(),
            entries: Vec::new(),
        };
        file.fat = file.read_fat();
        let directory = file.chain(u32_at(content, 48)?, usize::MAX, budget);
        for entry in directory.chunks_exact(ENTRY_OCTETS) {
            if !budget.entry() {
                break;
            }
            file.entries.extend(Entry::read(entry));
        }
        let mini_fat = file.chain(u32_at(content, 60)?, usize::MAX, budget);
        file.mini_fat = numbers(&mini_fat).collect();
        if let Some(root) = file.entries.first() {
            file.mini = file.chain(root.start, root.size, budget);
        }
        Some(file)
    }

    /// A stream or storage of that name is in it, whatever its case.
    pub fn has(&self, name: &str) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.name.eq_ignore_ascii_case(name))
    }

    /// Names of its streams, with their numbers.
    pub fn streams(&self) -> impl Iterator<Item = (usize, &str)> {
        let streams = self.entries.iter().enumerate().filter(|(_, entry)| entry.stream);
        streams.map(|(number, entry)| (number, entry.name.as_str()))
    }

    /// A stream's first octets.
    pub fn read(&self, number: usize, octets_max: usize, budget: &mut Budget) -> Vec<u8> {
        let Some(entry) = self.entries.get(number) else {
            return Vec::new();
        };
        let size = entry.size.min(octets_max);
        if entry.size >= self.mini_below {
            return self.chain(entry.start, size, budget);
        }
        let mut out = Vec::new();
        let mut at = entry.start;
        for _ in 0..=self.mini_fat.len() {
            let Some(next) = self.mini_fat.get(index(at)) else {
                break;
            };
            if out.len() >= size || !budget.spend(MINI_OCTETS) {
                break;
            }
            out.extend_from_slice(slice(
                &self.mini,
                index(at).saturating_mul(MINI_OCTETS),
                MINI_OCTETS,
            ));
            at = *next;
        }
        out.truncate(size);
        out
    }

    fn sector_at(&self, number: u32) -> &'a [u8] {
        let start = index(number).saturating_add(1).saturating_mul(self.sector);
        slice(self.content, start, self.sector)
    }

    fn sectors(&self) -> usize {
        self.content.len() / self.sector
    }

    /// The allocation table: its first sectors are named in the header, further ones in a chain of their own.
    fn read_fat(&self) -> Vec<u32> {
        let mut fat = Vec::new();
        let mut names: Vec<u32> = numbers(slice(self.content, 76, HEADER_OCTETS - 76)).collect();
        let mut next = u32_at(self.content, 68).unwrap_or(u32::MAX);
        for _ in 0..=self.sectors() {
            for name in names.drain(..).filter(|name| *name < REGULAR_MAX) {
                if fat.len() > self.sectors() {
                    return fat;
                }
                fat.extend(numbers(self.sector_at(name)));
            }
            if next >= REGULAR_MAX {
                break;
            }
            names.extend(numbers(self.sector_at(next)));
            next = names.pop().unwrap_or(u32::MAX);
        }
        fat
    }

    fn chain(&self, start: u32, octets_max: usize, budget: &mut Budget) -> Vec<u8> {
        let mut out = Vec::new();
        let mut at = start;
        for _ in 0..=self.sectors() {
            if out.len() >= octets_max || at >= REGULAR_MAX || !budget.spend(self.sector) {
                break;
            }
            out.extend_from_slice(self.sector_at(at));
            at = self.fat.get(index(at)).copied().unwrap_or(u32::MAX);
        }
        out.truncate(octets_max);
        out
    }
}

impl Entry {
    /// None for an unused one.
    fn read(octets: &[u8]) -> Option<Self> {
        let length = usize::from(u16_at(octets, 64)?).min(64);
        let units = octets[..length]
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let name: String = char::decode_utf16(units)
            .filter_map(|char| char.ok().filter(|char| *char != '\0'))
            .collect();
        (octets[66] != 0).then_some(Self {
            name,
            stream: octets[66] == 2,
            start: u32_at(octets, 116)?,
            size: index(u32_at(octets, 120)?),
        })
    }
}

fn numbers(octets: &[u8]) -> impl Iterator<Item = u32> {
    octets
        .chunks_exact(4)
        .map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
}
