//! Reads the records of one segment in order and finds the way back behind damage.
//!
//! Promises: every record whose header and meta part fit their checksums is given, once, in order; every stretch that is neither
//! such a record nor zeros up to the end is given as [`Item::Bad`]. Memory: one window and one meta part.

use super::disk::{DiskFile, read_exactly};
use super::record::{ALIGNMENT, HEADER_OCTETS, Header};
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// Octets read at once.
const WINDOW_OCTETS: usize = 256 << 10;
/// Octets read at once where the disk fails.
const BLOCK_OCTETS: usize = 4096;

/// What was found.
#[derive(Debug)]
pub(super) enum Item {
    /// A record at that offset, with its meta part.
    Record {
        offset: u64,
        header: Header,
        meta: Vec<u8>,
    },
    /// Octets that are no record. `header` is known when only the rest of the record is bad.
    Bad {
        from: u64,
        to: u64,
        header: Option<Header>,
    },
}

/// A place in a segment.
#[derive(Debug)]
pub(super) struct Scanner {
    file: Arc<dyn DiskFile>,
    salt: u64,
    at: u64,
    end: u64,
    window: Vec<u8>,
    window_at: u64,
    /// From the first to the last block that the disk did not give.
    failed: Option<Range<u64>>,
}

impl Scanner {
    /// Reads from the start up to `end` or the end of the file.
    pub(super) fn new(file: Arc<dyn DiskFile>, salt: u64, end: u64) -> io::Result<Self> {
        let end = end.min(file.octets()?);
        Ok(Self {
            file,
            salt,
            at: 0,
            end,
            window: Vec::new(),
            window_at: 0,
            failed: None,
        })
    }

    /// The next item; None at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Item>> {
        let from = self.at;
        let Some(header) = self.header_at(from)? else {
            return self.skip_to_next_header(from);
        };
        let to = from + header.record_octets();
        self.at = to;
        if from + header.octets_at() + u64::from(header.octets) > self.end {
            // Longer than the file: the header is ours, the rest was never written.
            self.at = self.end;
            return Ok(Some(Item::Bad {
                from,
                to: self.end,
                header: Some(header),
            }));
        }
        let mut meta = vec![0; header.meta_octets as usize];
        self.read(&mut meta, from + HEADER_OCTETS as u64)?;
        if crc32fast::hash(&meta) != header.meta_crc {
            return Ok(Some(Item::Bad {
                from,
                to,
                header: Some(header),
            }));
        }
        Ok(Some(Item::Record {
            offset: from,
            header,
            meta,
        }))
    }

    /// May the disk have failed to give octets of this stretch?
    pub(super) fn is_unreadable(&self, from: u64, to: u64) -> bool {
        self.failed
            .as_ref()
            .is_some_and(|failed| failed.start < to && from < failed.end)
    }

    /// Do the octets of a record fit their checksum?
    pub(super) fn octets_fit(&mut self, offset: u64, header: &Header) -> io::Result<bool> {
        let (mut at, end) = (
            offset + header.octets_at(),
            offset + header.octets_at() + u64::from(header.octets),
        );
        let mut crc = crc32fast::Hasher::new();
        while at < end {
            let wanted = usize::try_from(end - at).unwrap_or(usize::MAX).min(WINDOW_OCTETS);
            let Some(part) = self.peek(at, wanted)? else {
                return Ok(false);
            };
            crc.update(part);
            at += part.len() as u64;
        }
        Ok(crc.finalize() == header.octets_crc)
    }

    fn header_at(&mut self, at: u64) -> io::Result<Option<Header>> {
        let salt = self.salt;
        Ok(self
            .peek(at, HEADER_OCTETS)?
            .and_then(|octets| Header::read(salt, octets)))
    }

    /// From octets that are no record to the next record or the end. Nothing but zeros up to the end is no damage.
    fn skip_to_next_header(&mut self, from: u64) -> io::Result<Option<Item>> {
        let mut blank = true;
        let mut at = from;
        while at < self.end {
            if at.is_multiple_of(1 << 16) && self.is_blank_window(at)? {
                at = (at + WINDOW_OCTETS as u64).min(self.end);
                continue;
            }
            if at > from && self.header_at(at)?.is_some() {
                break;
            }
            let wanted = usize::try_from(self.end - at)
                .unwrap_or(usize::MAX)
                .min(ALIGNMENT);
            blank &= self
                .peek(at, wanted)?
                .is_none_or(|octets| octets.iter().all(|octet| *octet == 0));
            at += ALIGNMENT as u64;
        }
        self.at = at.min(self.end);
        let at_end = self.at >= self.end;
        if at_end && blank {
            return Ok(None);
        }
        Ok(Some(Item::Bad {
            from,
            to: self.at,
            header: None,
        }))
    }

    fn is_blank_window(&mut self, at: u64) -> io::Result<bool> {
        let wanted = usize::try_from(self.end - at)
            .unwrap_or(usize::MAX)
            .min(WINDOW_OCTETS);
        Ok(self
            .peek(at, wanted)?
            .is_some_and(|octets| octets.iter().all(|octet| *octet == 0)))
    }

    /// That many octets at a place, from the window; None when the file ends before.
    fn peek(&mut self, at: u64, count: usize) -> io::Result<Option<&[u8]>> {
        if at + count as u64 > self.end {
            return Ok(None);
        }
        let inside = at >= self.window_at && at + count as u64 <= self.window_at + self.window.len() as u64;
        if !inside {
            let octets = usize::try_from(self.end - at)
                .unwrap_or(usize::MAX)
                .min(WINDOW_OCTETS)
                .max(count);
            if self.window.len() < octets {
                self.window = vec![0; octets];
            }
            self.window.truncate(octets);
            self.window_at = at;
            if read_exactly(&*self.file, &mut self.window, at).is_err() {
                read_what_can_be_read(&*self.file, &mut self.window, at, &mut self.failed);
            }
        }
        let start = usize::try_from(at - self.window_at).unwrap_or(usize::MAX);
        Ok(self.window.get(start..start + count))
    }

    fn read(&mut self, out: &mut [u8], at: u64) -> io::Result<()> {
        if out.len() <= WINDOW_OCTETS
            && let Some(octets) = self.peek(at, out.len())?
        {
            out.copy_from_slice(octets);
            return Ok(());
        }
        read_exactly(&*self.file, out, at)
    }
}

/// Reads block by block once more. Blocks that the disk does not give read as ones: no checksum will fit, and they cannot be
/// mistaken for room that was never written.
fn read_what_can_be_read(
    file: &dyn DiskFile,
    buffer: &mut [u8],
    offset: u64,
    failed: &mut Option<Range<u64>>,
) {
    for (number, block) in (0..).zip(buffer.chunks_mut(BLOCK_OCTETS)) {
        let from = offset + number * BLOCK_OCTETS as u64;
        if read_exactly(file, block, from).is_err() {
            block.fill(0xff);
            let to = from + block.len() as u64;
            let known = failed.take().unwrap_or(from..to);
            *failed = Some(known.start.min(from)..known.end.max(to));
        }
    }
}
