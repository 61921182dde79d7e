//! 7z archives: names, sizes and what is encrypted; content packed by LZMA, LZMA2, bzip2, deflate or not at all.
//!
//! Promises: what is read of a header and of a folder is paid and bounded; numbers of a header are believed only as far as
//! there are octets for them; no recursion, no panic. Trusts nothing. Standards: 7zFormat.txt of the LZMA SDK. Branch filters
//! are not undone: they leave the beginning of a file as it is. Not read: PPMd, and what is encrypted.

use super::codec::Packed;
use super::entry::{Entry, Listing, Sign, index, slice, u64_at, wide_name};
use crate::message::budget::Budget;
use crate::message::extension;
use crate::message::sniff::{Kind, LOOK_OCTETS_MAX};
use std::borrow::Cow;

/// Octets of an expanded header.
const HEADER_OCTETS_MAX: usize = 2 << 20;
/// A header may itself be packed, and that one again.
const HEADERS_MAX: usize = 4;

/// Coders of one folder.
const CODERS_MAX: usize = 32;

/// Property identifiers.
mod id {
    pub const END: u64 = 0;
    pub const HEADER: u64 = 1;
    pub const ARCHIVE: u64 = 2;
    pub const ADDITIONAL: u64 = 3;
    pub const STREAMS: u64 = 4;
    pub const FILES: u64 = 5;
    pub const PACK: u64 = 6;
    pub const UNPACK: u64 = 7;
    pub const SUBSTREAMS: u64 = 8;
    pub const SIZE: u64 = 9;
    pub const CRC: u64 = 10;
    pub const FOLDER: u64 = 11;
    pub const CODERS_UNPACK_SIZE: u64 = 12;
    pub const COUNT: u64 = 13;
    pub const EMPTY_STREAM: u64 = 14;
    pub const NAMES: u64 = 17;
    pub const ENCODED_HEADER: u64 = 23;
}

/// Lists it.
pub fn list<'a>(content: &'a [u8], budget: &mut Budget) -> Listing<'a> {
    let mut listing = Listing::default();
    if read(content, &mut listing, budget).is_none() {
        listing.signs.insert(Sign::Malformed);
    }
    listing
}

fn read<'a>(content: &'a [u8], listing: &mut Listing<'a>, budget: &mut Budget) -> Option<()> {
    let start = 32usize.checked_add(index(u64_at(content, 12)?))?;
    let length = index(u64_at(content, 20)?);
    if length == 0 {
        return Some(());
    }
    let mut header = Cow::Borrowed(content.get(start..start.checked_add(length)?)?);
    for _ in 0..HEADERS_MAX {
        let mut reader = Reader(&header);
        match reader.number()? {
            id::HEADER => return files(content, reader, listing, budget),
            id::ENCODED_HEADER => {
                let streams = reader.streams()?;
                let folder = streams.folders.first()?;
                if folder.encrypted {
                    listing.signs.insert(Sign::Encrypted);
                    return Some(());
                }
                let packed = folder.packed(content, &streams)?;
                let octets = packed
                    .expand(folder.size.min(HEADER_OCTETS_MAX), budget)
                    .octets
                    .into_owned();
                header = Cow::Owned(octets);
            }
            _ => return None,
        }
    }
    None
}

/// The files of the header proper.
fn files<'a>(
    content: &'a [u8],
    mut reader: Reader<'_>,
    listing: &mut Listing<'a>,
    budget: &mut Budget,
) -> Option<()> {
    let mut streams = Streams::default();
    let mut names = Vec::new();
    let mut empty = Vec::new();
    loop {
        match reader.number()? {
            id::END => break,
            id::ARCHIVE => reader.archive_properties()?,
            id::ADDITIONAL => drop(reader.streams()?),
            id::STREAMS => streams = reader.streams()?,
            id::FILES => (names, empty) = reader.files()?,
            _ => return None,
        }
    }
    let mut names = names
        .into_iter()
        .zip(empty.into_iter().chain(std::iter::repeat(false)));
    for folder in &streams.folders {
        // Files without content stand between the others.
        let named: Vec<String> = folder
            .sizes
            .iter()
            .map_while(|_| names.by_ref().find(|(_, empty)| !empty))
            .map(|(name, _)| name)
            .collect();
        let mut rest = folder.expanded(content, &streams, &named, budget);
        for (name, size) in named.into_iter().zip(&folder.sizes) {
            let packed = match &mut rest {
                Some(octets) => {
                    let tail = octets.split_off(index(*size).min(octets.len()));
                    Packed::Stored(Cow::Owned(std::mem::replace(octets, tail)))
                }
                None => Packed::Opaque,
            };
            let entry = Entry {
                name,
                size: Some(*size),
                encrypted: folder.encrypted,
                packed,
            };
            if !listing.add(entry, budget) {
                return Some(());
            }
        }
    }
    Some(())
}

/// What is packed where.
#[derive(Default)]
struct Streams {
    pack_start: u64,
    /// Where each packed stream begins behind `pack_start`, and its size.
    packs: Vec<(u64, u64)>,
    folders: Vec<Folder>,
}

/// Files packed in one go.
#[derive(Default)]
struct Folder {
    /// The coder that expands, with its properties; none when it is not known here.
    coder: Option<(Coder, Vec<u8>)>,
    encrypted: bool,
    /// Outputs of its coders.
    outputs: usize,
    /// Packed streams it takes.
    inputs: usize,
    /// Number of its first packed stream.
    first: usize,
    /// Which of them the coder takes.
    main: usize,
    /// Expanded octets.
    size: usize,
    /// Sizes of its files.
    sizes: Vec<u64>,
}

#[derive(Clone, Copy)]
enum Coder {
    Copy,
    Lzma,
    Lzma2,
    Deflate,
    Bzip2,
}

impl Coder {
    fn of(method: &[u8]) -> Option<Self> {
        Some(match method {
            [0] => Self::Copy,
            [3, 1, 1] => Self::Lzma,
            [0x21] => Self::Lzma2,
            [4, 1, 8] => Self::Deflate,
            [4, 2, 2] => Self::Bzip2,
            _ => return None,
        })
    }
}

/// A coder of a folder, with the numbers of its first input and output.
struct Coded<'a> {
    coder: Option<Coder>,
    properties: &'a [u8],
    input: usize,
    output: usize,
}

impl Folder {
    /// From the output that is nobody's input back through the filters, by their first inputs, to the coder that expands.
    fn follow(&mut self, coders: &[Coded<'_>], pairs: &[(usize, usize)], packed: &[usize]) {
        let mut at = coders
            .iter()
            .find(|coded| pairs.iter().all(|(_, output)| *output != coded.output));
        for _ in coders {
            let Some(coded) = at else {
                return;
            };
            if let Some(coder) = coded.coder {
                let stream = packed.iter().position(|input| *input == coded.input);
                self.coder = stream.map(|_| (coder, coded.properties.to_vec()));
                self.main = stream.unwrap_or(0);
                return;
            }
            let output = pairs
                .iter()
                .find(|(input, _)| *input == coded.input)
                .map(|(_, output)| *output);
            at = coders.iter().find(|coded| Some(coded.output) == output);
        }
    }

    fn packed<'a>(&self, content: &'a [u8], streams: &Streams) -> Option<Packed<'a>> {
        let number = self.first.checked_add(self.main)?;
        let (before, size) = *streams.packs.get(number)?;
        let start = 32usize.checked_add(index(streams.pack_start.saturating_add(before)))?;
        let octets = slice(content, start, index(size));
        let (coder, properties) = self.coder.as_ref()?;
        Some(match coder {
            Coder::Copy => Packed::stored(octets),
            Coder::Deflate => Packed::Deflate(octets),
            Coder::Bzip2 => Packed::Bzip2(octets),
            Coder::Lzma2 => Packed::Lzma2(octets),
            Coder::Lzma => Packed::Lzma {
                octets,
                properties: *properties.first()?,
                size: Some(self.size as u64),
            },
        })
    }

    /// The files one behind the other, as far as they are wanted and paid: at most half of what is left.
    fn expanded(
        &self,
        content: &[u8],
        streams: &Streams,
        names: &[String],
        budget: &mut Budget,
    ) -> Option<Vec<u8>> {
        if self.encrypted || names.is_empty() {
            return None;
        }
        let packed = self.packed(content, streams)?;
        let mut half = Budget::new(budget.work_left() / 2, 0, 0);
        let octets = packed.expand(self.wanted(names), &mut half).octets.into_owned();
        budget.spend(budget.work_left() / 2 - half.work_left().min(budget.work_left() / 2));
        Some(octets)
    }

    /// Up to the beginning of the last file, and all of it when it is to be looked into.
    fn wanted(&self, names: &[String]) -> usize {
        let last = self.sizes.last().map_or(0, |size| index(*size));
        let whole = names.last().is_some_and(|name| {
            matches!(
                extension::claim(name).kind,
                None | Some(Kind::Archive | Kind::Document | Kind::Markup)
            )
        });
        let before = self.size.saturating_sub(last);
        before.saturating_add(if whole { last } else { last.min(LOOK_OCTETS_MAX) })
    }
}

/// A header, read from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn octet(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        Some(head)
    }

    /// The ones at the front of the first octet tell how many follow.
    fn number(&mut self) -> Option<u64> {
        let first = self.octet()?;
        let follow = first.leading_ones();
        let mut number = 0;
        for place in 0..follow {
            number |= u64::from(self.octet()?) << (8 * place);
        }
        if follow < 7 {
            let high = u64::from(first) & ((1 << (7 - follow)) - 1);
            number |= high << (8 * follow);
        }
        Some(number)
    }

    /// A count of things that take an octet at least.
    fn count(&mut self) -> Option<usize> {
        let count = index(self.number()?);
        (count <= self.0.len()).then_some(count)
    }

    fn archive_properties(&mut self) -> Option<()> {
        while self.number()? != id::END {
            let length = self.count()?;
            self.take(length)?;
        }
        Some(())
    }

    fn streams(&mut self) -> Option<Streams> {
        let mut streams = Streams::default();
        loop {
            match self.number()? {
                id::END => break,
                id::PACK => self.pack(&mut streams)?,
                id::UNPACK => self.unpack(&mut streams)?,
                id::SUBSTREAMS => self.substreams(&mut streams)?,
                _ => return None,
            }
        }
        Some(streams)
    }

    fn pack(&mut self, streams: &mut Streams) -> Option<()> {
        streams.pack_start = self.number()?;
        let count = self.count()?;
        loop {
            match self.number()? {
                id::END => return Some(()),
                id::SIZE => {
                    let mut before = 0u64;
                    for _ in 0..count {
                        let size = self.number()?;
                        streams.packs.push((before, size));
                        before = before.saturating_add(size);
                    }
                }
                id::CRC => self.checksums(count)?,
                _ => return None,
            }
        }
    }

    /// Which ones are known, and those.
    fn checksums(&mut self, count: usize) -> Option<()> {
        let known = if self.octet()? == 0 {
            self.bits(count)?.iter().filter(|known| **known).count()
        } else {
            count
        };
        self.take(known.checked_mul(4)?).map(drop)
    }

    fn bits(&mut self, count: usize) -> Option<Vec<bool>> {
        let octets = self.take(count.div_ceil(8))?;
        Some(
            (0..count)
                .map(|bit| octets[bit / 8] & 0x80 >> (bit % 8) != 0)
                .collect(),
        )
    }

    fn unpack(&mut self, streams: &mut Streams) -> Option<()> {
        if self.number()? != id::FOLDER {
            return None;
        }
        let count = self.count()?;
        // Not outside of the header.
        if self.octet()? != 0 {
            return None;
        }
        let mut first = 0;
        for _ in 0..count {
            let mut folder = self.folder()?;
            folder.first = first;
            first += folder.inputs;
            streams.folders.push(folder);
        }
        if self.number()? != id::CODERS_UNPACK_SIZE {
            return None;
        }
        for folder in &mut streams.folders {
            let sizes: Vec<u64> = (0..folder.outputs)
                .map(|_| self.number())
                .collect::<Option<_>>()?;
            let size = sizes.into_iter().max().unwrap_or(0);
            folder.size = index(size);
            folder.sizes = vec![size];
        }
        loop {
            match self.number()? {
                id::END => return Some(()),
                id::CRC => self.checksums(count)?,
                _ => return None,
            }
        }
    }

    fn folder(&mut self) -> Option<Folder> {
        let mut folder = Folder::default();
        let mut coders: Vec<Coded> = Vec::new();
        let mut inputs = 0usize;
        for _ in 0..self.count()?.min(CODERS_MAX) {
            let flags = self.octet()?;
            let method = self.take(usize::from(flags & 15))?;
            let (takes, gives) = if flags & 16 != 0 {
                (self.count()?, self.count()?)
            } else {
                (1, 1)
            };
            let properties = if flags & 32 != 0 {
                let length = self.count()?;
                self.take(length)?
            } else {
                &[]
            };
            folder.encrypted |= method == [6, 0xf1, 7, 1];
            coders.push(Coded {
                coder: Coder::of(method),
                properties,
                input: inputs,
                output: folder.outputs,
            });
            inputs = inputs.checked_add(takes)?;
            folder.outputs = folder.outputs.checked_add(gives)?;
        }
        let pairs: Vec<(usize, usize)> = (0..folder.outputs.checked_sub(1)?)
            .map(|_| Some((index(self.number()?), index(self.number()?))))
            .collect::<Option<_>>()?;
        folder.inputs = inputs.checked_sub(pairs.len())?;
        let packed: Vec<usize> = match folder.inputs {
            0 | 1 => (0..inputs)
                .filter(|input| pairs.iter().all(|(bound, _)| bound != input))
                .take(1)
                .collect(),
            count => (0..count)
                .map(|_| Some(index(self.number()?)))
                .collect::<Option<_>>()?,
        };
        folder.follow(&coders, &pairs, &packed);
        Some(folder)
    }

    fn substreams(&mut self, streams: &mut Streams) -> Option<()> {
        let mut property = self.number()?;
        let mut counts = vec![1; streams.folders.len()];
        if property == id::COUNT {
            for count in &mut counts {
                *count = index(self.number()?);
            }
            property = self.number()?;
        }
        for (folder, count) in streams.folders.iter_mut().zip(&counts) {
            let told = if property == id::SIZE {
                count.saturating_sub(1)
            } else {
                0
            };
            let mut sizes: Vec<u64> = (0..told.min(self.0.len()))
                .map(|_| self.number())
                .collect::<Option<_>>()?;
            if *count > 0 {
                let sum: u64 = sizes.iter().fold(0, |sum, size| sum.saturating_add(*size));
                sizes.push((folder.size as u64).saturating_sub(sum));
            }
            folder.sizes = sizes;
        }
        // Checksums are not looked at: behind them stands only the end.
        while property != id::END {
            if property == id::CRC {
                let unknown = counts
                    .iter()
                    .fold(0usize, |sum, count| sum.saturating_add(*count));
                self.checksums(unknown.min(self.0.len().saturating_mul(8)))?;
            }
            property = self.number()?;
        }
        Some(())
    }

    /// Names, and which of them have no content.
    fn files(&mut self) -> Option<(Vec<String>, Vec<bool>)> {
        let count = self.count()?;
        let (mut names, mut empty) = (Vec::new(), Vec::new());
        loop {
            let property = self.number()?;
            if property == id::END {
                return Some((names, empty));
            }
            let length = self.count()?;
            let mut field = Reader(self.take(length)?);
            match property {
                id::EMPTY_STREAM => empty = field.bits(count)?,
                id::NAMES if field.octet()? == 0 => names = field.names(count),
                _ => {}
            }
        }
    }

    /// UTF-16 with a NUL behind each.
    fn names(&mut self, count: usize) -> Vec<String> {
        let mut names = Vec::new();
        while names.len() < count && !self.0.is_empty() {
            let units = self.0.chunks_exact(2).position(|unit| unit == [0, 0]);
            let length = units.map_or(self.0.len(), |units| units * 2);
            names.push(wide_name(&self.0[..length]));
            self.0 = self.0.get(length + 2..).unwrap_or_default();
        }
        names
    }
}
