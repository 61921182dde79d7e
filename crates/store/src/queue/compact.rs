//! Moves what a nearly dead segment still needs to the end of the log, so that the file can go.
//!
//! Part of the writer's thread and bounded: at most a sixteenth of a segment and [`READ_OCTETS_MAX`] (or one message) a batch,
//! together with new mail.
//! What the disk does not give while this reads stays where it is, and its segment with it.
//! Crash-safe: a copy counts only once it is durable, the old segment goes only after that, and until it has gone every end of a
//! moved message remembers it. Octets are copied as they are, with their old checksum: damage stays visible.

use super::batch::{Op, arrival_meta};
use super::disk::{Disk, DiskFile, read_exactly};
use super::index::{Homes, Index, Place};
use super::middle::Shared;
use super::press::{Press, ends_meta};
use super::record::{Header, Kind, record_octets};
use super::recover::{read_ends, read_states};
use super::scan::{Item, Scanner};
use super::segment::Segment;
use bytes::Bytes;
use std::io;
use std::sync::Arc;

/// Octets read for one batch.
const READ_OCTETS_MAX: u64 = 1 << 20;
/// Records looked at for one batch.
const RECORDS_MAX: usize = 4_096;

/// What may have to be moved; looked at once more before it is written.
#[derive(Debug)]
enum Candidate {
    Message { id: u64, place: Place, octets: Bytes },
    States { id: u64, numbers: Vec<u32> },
    End { id: u64, homes: Homes },
}

/// A segment on its way out.
#[derive(Debug)]
pub(super) struct Mover {
    victim: u32,
    file: Arc<dyn DiskFile>,
    scanner: Scanner,
    candidates: Vec<Candidate>,
    /// Ends read so far.
    forgets: u32,
    octets: u64,
    octets_max: u64,
    finished: bool,
}

impl Mover {
    pub(super) fn new(
        victim: u32,
        segment: &Segment,
        disk: &dyn Disk,
        segment_octets: u64,
    ) -> io::Result<Self> {
        let file = segment.open(disk)?;
        let scanner = Scanner::new(Arc::clone(&file), segment.salt, segment.used)?;
        Ok(Self {
            victim,
            file,
            scanner,
            candidates: Vec::new(),
            forgets: 0,
            octets: 0,
            octets_max: (segment_octets / 16).min(READ_OCTETS_MAX),
            finished: false,
        })
    }

    pub(super) fn victim(&self) -> u32 {
        self.victim
    }

    /// Reads the next part unless one is waiting; gives the octets that writing it may take.
    pub(super) fn read(&mut self, shared: &Shared) -> io::Result<u64> {
        for _ in 0..RECORDS_MAX {
            if self.octets >= self.octets_max || self.finished {
                break;
            }
            match self.scanner.next()? {
                None => self.finished = true,
                Some(Item::Bad { .. }) => {}
                Some(Item::Record { offset, header, meta }) => self.look(shared, offset, &header, &meta)?,
            }
        }
        Ok(self.octets)
    }

    fn look(&mut self, shared: &Shared, offset: u64, header: &Header, meta: &[u8]) -> io::Result<()> {
        let Some((id, rest)) = meta.split_first_chunk::<8>() else {
            return Ok(());
        };
        let id = u64::from_le_bytes(*id);
        match header.kind {
            Kind::Begin | Kind::End => {}
            Kind::Arrival => {
                let place = Place::new(self.victim, offset, header);
                if !is_alive(&shared.index(), id, &place) {
                    return Ok(());
                }
                let mut octets = vec![0; header.octets as usize];
                read_exactly(&*self.file, &mut octets, place.octets_at())?;
                self.octets += place.record_octets() + 4_096;
                self.candidates.push(Candidate::Message {
                    id,
                    place,
                    octets: octets.into(),
                });
            }
            Kind::States => {
                let numbers = read_states(rest).map_or_else(
                    |_| Vec::new(),
                    |states| states.into_iter().map(|(number, _)| number).collect(),
                );
                self.candidates.push(Candidate::States { id, numbers });
            }
            Kind::Forget => {
                let homes = read_ends(rest).unwrap_or_default();
                self.forgets += 1;
                self.octets += record_octets(meta.len() as u64, 0);
                self.candidates.push(Candidate::End { id, homes });
            }
        }
        Ok(())
    }

    /// Writes what is still needed of the part that was read. States are only marked; they are written with the others.
    pub(super) fn write(&mut self, press: &mut Press<'_>, index: &mut Index) {
        self.octets = 0;
        for candidate in std::mem::take(&mut self.candidates) {
            match candidate {
                Candidate::Message { id, place, octets } if is_alive(index, id, &place) => {
                    let Some(message) = index.messages.get(&id) else {
                        continue;
                    };
                    let (meta, _) = arrival_meta(id, &message.known, &message.slots);
                    let header = Header::new(Kind::Arrival, &meta, place.octets, place.octets_crc);
                    let (at, header) = press.push(header, &meta, &[octets]);
                    press.op(Op::Moved {
                        id,
                        from: place,
                        to: Place::new(press.number, at, &header),
                    });
                }
                Candidate::Message { .. } => {}
                Candidate::States { id, numbers } => index.soil_if_in(id, &numbers, self.victim),
                Candidate::End { id, mut homes } => {
                    homes.retain(|home| *home != self.victim && index.segments.all.contains_key(home));
                    if !homes.is_empty() {
                        let meta = ends_meta(id, &homes);
                        press.push(Header::new(Kind::Forget, &meta, 0, 0), &meta, &[]);
                        press.op(Op::Forget(id, homes));
                    }
                }
            }
        }
        if self.finished {
            press.op(Op::Emptied {
                victim: self.victim,
                forgets: self.forgets,
            });
        }
    }
}

fn is_alive(index: &Index, id: u64, place: &Place) -> bool {
    index
        .messages
        .get(&id)
        .is_some_and(|message| message.place == *place)
}
