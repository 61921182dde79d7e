//! Compressed octets expanded behind a [`Budget`]: deflate, bzip2, LZMA, LZMA2, and the streams gzip and xz.
//!
//! Promises: at most the octets asked for and paid for come out; memory follows what comes out, never what a header claims
//! (the dictionary of LZMA is cut to the octets that can come out); a broken stream gives what it gave before; no panic.
//! Trusts nothing. Checksums are not checked: a reader shows the file anyway. Standards: RFC 1951, RFC 1952; the .xz file
//! format 1.2.

use crate::message::budget::Budget;
use lzma_rust2::{Action, Lzma2Stream, LzmaStream, Status, StreamResult, XzStream};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};
use std::borrow::Cow;

/// Octets compressed in some way.
#[derive(Clone, Debug)]
pub enum Packed<'a> {
    /// As they are.
    Stored(Cow<'a, [u8]>),
    /// RFC 1951.
    Deflate(&'a [u8]),
    /// bzip2 streams, one behind the other.
    Bzip2(&'a [u8]),
    /// A raw LZMA stream.
    Lzma {
        /// The stream.
        octets: &'a [u8],
        /// lc, lp, pb.
        properties: u8,
        /// Expanded octets; none when an end mark tells.
        size: Option<u64>,
    },
    /// A raw LZMA2 stream.
    Lzma2(&'a [u8]),
    /// A gzip file (RFC 1952).
    Gzip(&'a [u8]),
    /// A .xz file.
    Xz(&'a [u8]),
    /// Encrypted, or in a way that is not known here.
    Opaque,
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expanded<'a> {
    /// The octets.
    pub octets: Cow<'a, [u8]>,
    /// Octets of the compressed stream that were read.
    pub taken: usize,
    /// The stream came to its end.
    pub ended: bool,
}

/// What work a codec is, in units of [`Budget`].
struct Price {
    /// Making the tables, before the first octet comes.
    open: usize,
    /// For an octet that comes out.
    given: usize,
    /// For an octet that goes in: what is left of it when runs are taken away, so the work of reading codes.
    taken: usize,
}

const DEFLATE: Price = Price {
    open: 2_000,
    given: 1,
    taken: 3,
};
/// Tables of a deflate block. A stream can be made of nothing else.
const DEFLATE_BLOCK: usize = 1_500;
/// A new stream takes its megabytes of memory anew.
const BZIP2: Price = Price {
    open: 40_000,
    given: 4,
    taken: 32,
};
const LZMA: Price = Price {
    open: 8_000,
    given: 3,
    taken: 22,
};

/// What comes out before it is paid.
const STEP_OCTETS: usize = 64 << 10;
/// What goes in before it is paid.
const BITE_OCTETS: usize = 1 << 10;

impl<'a> Packed<'a> {
    /// Octets as they are.
    pub fn stored(octets: &'a [u8]) -> Self {
        Self::Stored(Cow::Borrowed(octets))
    }

    /// Octets of the compressed stream.
    pub fn octets(&self) -> usize {
        match self {
            Self::Stored(octets) => octets.len(),
            Self::Deflate(octets)
            | Self::Bzip2(octets)
            | Self::Lzma { octets, .. }
            | Self::Lzma2(octets)
            | Self::Gzip(octets)
            | Self::Xz(octets) => octets.len(),
            Self::Opaque => 0,
        }
    }

    /// Expands at most `octets_max`, and at most what the budget has. What is stored is lent and costs nothing.
    pub fn expand(&self, octets_max: usize, budget: &mut Budget) -> Expanded<'a> {
        match self {
            Self::Stored(octets) => stored(octets, octets_max, budget),
            Self::Deflate(octets) => inflate(octets, octets_max, budget),
            Self::Bzip2(octets) => bunzip2(octets, octets_max, budget),
            Self::Lzma {
                octets,
                properties,
                size,
            } => lzma(octets, *properties, *size, octets_max, budget),
            Self::Lzma2(octets) => {
                let mut decoder = Lzma2Stream::new(dictionary(octets_max, budget));
                by_lzma(octets, octets_max, budget, |from, into, action| {
                    decoder.process(from, into, action)
                })
            }
            Self::Gzip(octets) => gzip(octets, octets_max, budget),
            Self::Xz(octets) => {
                let mut decoder = XzStream::new(true);
                by_lzma(octets, octets_max, budget, |from, into, action| {
                    decoder.process(from, into, action)
                })
            }
            Self::Opaque => nothing(),
        }
    }
}

fn stored<'a>(octets: &Cow<'a, [u8]>, octets_max: usize, budget: &mut Budget) -> Expanded<'a> {
    let length = octets.len().min(octets_max);
    let given = match octets {
        Cow::Borrowed(octets) => Cow::Borrowed(&octets[..length]),
        Cow::Owned(octets) if budget.spend(length) => Cow::Owned(octets[..length].to_vec()),
        Cow::Owned(_) => return nothing(),
    };
    Expanded {
        octets: given,
        taken: length,
        ended: length == octets.len(),
    }
}

fn nothing() -> Expanded<'static> {
    Expanded {
        octets: Cow::Borrowed(&[]),
        taken: 0,
        ended: false,
    }
}

/// One step of a decoder: it reads some of the octets given to it and fills the free end of the output from `from` on.
#[derive(Default)]
struct Step {
    taken: usize,
    given: usize,
    /// Work beside octets.
    work: usize,
    ended: bool,
    broken: bool,
}

/// Runs a decoder step by step, each one paid.
fn run(
    octets: &[u8],
    octets_max: usize,
    price: &Price,
    budget: &mut Budget,
    mut step: impl FnMut(&[u8], &mut [u8], usize) -> Step,
) -> Expanded<'static> {
    let mut out = Vec::new();
    let (mut filled, mut taken, mut ended) = (0, 0, false);
    if octets.is_empty() || octets_max == 0 || !budget.spend(price.open) {
        return nothing();
    }
    while filled < octets_max {
        let room = STEP_OCTETS
            .min(octets_max - filled)
            .min(budget.work_left() / price.given);
        if room == 0 {
            budget.spend(usize::MAX);
            break;
        }
        let rest = octets.get(taken..).unwrap_or_default();
        let bite = &rest[..rest.len().min(BITE_OCTETS)];
        out.resize(out.len().max(filled + room), 0);
        let done = step(bite, &mut out[..filled + room], filled);
        let given = done.given.min(room);
        filled += given;
        taken += done.taken.min(bite.len());
        ended = done.ended;
        let work = given * price.given + done.taken * price.taken + done.work;
        let stuck = done.taken == 0 && given == 0 && done.work == 0;
        if !budget.spend(work) || done.ended || done.broken || stuck {
            break;
        }
    }
    out.truncate(filled);
    Expanded {
        octets: Cow::Owned(out),
        taken,
        ended,
    }
}

fn inflate(octets: &[u8], octets_max: usize, budget: &mut Budget) -> Expanded<'static> {
    const FLAGS: u32 = inflate_flags::TINFL_FLAG_HAS_MORE_INPUT
        | inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF
        | inflate_flags::TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY;
    let mut decoder = DecompressorOxide::new();
    run(octets, octets_max, &DEFLATE, budget, |bite, out, from| {
        let (status, taken, given) = decompress(&mut decoder, bite, out, from, FLAGS);
        Step {
            taken,
            given,
            work: usize::from(status == TINFLStatus::BlockBoundary) * DEFLATE_BLOCK,
            ended: status == TINFLStatus::Done,
            broken: !matches!(
                status,
                TINFLStatus::BlockBoundary | TINFLStatus::NeedsMoreInput | TINFLStatus::HasMoreOutput
            ),
        }
    })
}

fn bunzip2(octets: &[u8], octets_max: usize, budget: &mut Budget) -> Expanded<'static> {
    let mut decoder = bzip2::Decompress::new(false);
    let mut rest = octets.len();
    run(octets, octets_max, &BZIP2, budget, |bite, out, from| {
        let (before_in, before_out) = (decoder.total_in(), decoder.total_out());
        let status = decoder.decompress(bite, out.get_mut(from..).unwrap_or_default());
        let mut step = Step {
            taken: difference(decoder.total_in(), before_in),
            given: difference(decoder.total_out(), before_out),
            work: 0,
            ended: matches!(status, Ok(bzip2::Status::StreamEnd)),
            broken: status.is_err(),
        };
        rest = rest.saturating_sub(step.taken);
        if step.ended && rest > 0 {
            // The next stream of the same file.
            decoder = bzip2::Decompress::new(false);
            step.work = BZIP2.open;
            step.ended = false;
        }
        step
    })
}

fn lzma(
    octets: &[u8],
    properties: u8,
    size: Option<u64>,
    octets_max: usize,
    budget: &mut Budget,
) -> Expanded<'static> {
    let dictionary = dictionary(octets_max, budget);
    match LzmaStream::new_with_props(size.unwrap_or(u64::MAX), properties, dictionary, None) {
        Ok(mut decoder) => by_lzma(octets, octets_max, budget, |from, into, action| {
            decoder.process(from, into, action)
        }),
        Err(_) => nothing(),
    }
}

fn by_lzma(
    octets: &[u8],
    octets_max: usize,
    budget: &mut Budget,
    mut process: impl FnMut(&[u8], &mut [u8], Action) -> std::io::Result<StreamResult>,
) -> Expanded<'static> {
    let mut rest = octets.len();
    run(octets, octets_max, &LZMA, budget, |bite, out, from| {
        let last = bite.len() == rest;
        let action = if last { Action::Finish } else { Action::Run };
        match process(bite, out.get_mut(from..).unwrap_or_default(), action) {
            Ok(done) => {
                rest = rest.saturating_sub(done.bytes_consumed);
                Step {
                    taken: done.bytes_consumed,
                    given: done.bytes_produced,
                    ended: done.status == Status::StreamEnd,
                    ..Step::default()
                }
            }
            Err(_) => Step {
                broken: true,
                ..Step::default()
            },
        }
    })
}

/// No larger than what may come out: then no distance that a sound stream uses is beyond it.
fn dictionary(octets_max: usize, budget: &Budget) -> u32 {
    let most = octets_max.min(budget.work_left() / LZMA.given).max(4096);
    u32::try_from(most).unwrap_or(u32::MAX >> 4)
}

/// All members of a gzip file, as `gunzip` reads them.
fn gzip(octets: &[u8], octets_max: usize, budget: &mut Budget) -> Expanded<'static> {
    let mut out = Vec::new();
    let (mut taken, mut ended) = (0, false);
    while let Some(header) = octets.get(taken..).and_then(gzip_header) {
        let body = octets.get(taken + header..).unwrap_or_default();
        let one = inflate(body, octets_max - out.len(), budget);
        out.extend_from_slice(&one.octets);
        taken += header + one.taken;
        ended = one.ended;
        if !ended || out.len() >= octets_max {
            break;
        }
        // CRC and size.
        taken += 8;
    }
    Expanded {
        octets: Cow::Owned(out),
        taken: taken.min(octets.len()),
        ended,
    }
}

/// Length of the header of a gzip member (RFC 1952 §2.3).
fn gzip_header(octets: &[u8]) -> Option<usize> {
    let flags = match octets.get(..10)? {
        [0x1f, 0x8b, 8, flags, ..] => *flags,
        _ => return None,
    };
    let mut at = 10;
    if flags & 4 != 0 {
        let length = octets.get(at..at + 2)?.try_into().ok()?;
        at += 2 + usize::from(u16::from_le_bytes(length));
    }
    for text in [8, 16] {
        if flags & text != 0 {
            at += memchr::memchr(0, octets.get(at..)?)? + 1;
        }
    }
    Some(at + if flags & 2 != 0 { 2 } else { 0 })
}

fn difference(now: u64, before: u64) -> usize {
    usize::try_from(now.saturating_sub(before)).unwrap_or(usize::MAX)
}
