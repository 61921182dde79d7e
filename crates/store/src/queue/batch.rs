//! What goes to the disk with one commit: records one after the other, and what each means once it is durable.
//!
//! Message octets are not copied: the sessions' own buffers are handed to `writev`.

use super::code::{Encoder, write_known};
use super::disk::DiskFile;
use super::index::{Homes, Place, Slots};
use super::recent::total;
use super::record::{ALIGNMENT, Header, Kind};
use super::slot::Slot;
use super::{Arrival, Message, Settlement};
use crate::StoreError;
use bytes::Bytes;
use std::io::{self, IoSlice};
use std::ops::Range;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// Tells a waiting future how it went.
pub(super) type Waiter = oneshot::Sender<Result<(), StoreError>>;

/// A message on its way to the disk.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) id: u64,
    /// The record's meta part: id, length of the known part, known part, slots.
    pub(super) meta: Vec<u8>,
    pub(super) known: Range<usize>,
    pub(super) slots: Slots,
    pub(super) chunks: Vec<Bytes>,
    pub(super) header: Header,
    /// What is booked with it, when it is a notice.
    pub(super) books: Option<(u64, Vec<(u32, Settlement)>)>,
    pub(super) waiter: Waiter,
    /// Its share of what may wait.
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

impl Incoming {
    /// Encodes a message; done by the sessions, so that the writer's thread does as little as possible.
    pub(super) fn new(arrival: Arrival, waiter: Waiter) -> Result<Self, StoreError> {
        let octets = check(&arrival)?;
        let id = arrival.envelope.id.as_u64();
        let slots: Slots = arrival.recipients.iter().map(Slot::of).collect();
        let mut known = Encoder(Vec::with_capacity(256));
        write_known(&arrival.envelope, &arrival.recipients, &mut known);
        let (meta, known) = arrival_meta(id, &known.0, &slots);
        let mut crc = crc32fast::Hasher::new();
        for chunk in &arrival.chunks {
            crc.update(chunk);
        }
        let header = Header::new(Kind::Arrival, &meta, octets, crc.finalize());
        Ok(Self {
            id,
            meta,
            known,
            slots,
            chunks: arrival.chunks,
            header,
            books: None,
            waiter,
            permit: None,
        })
    }
}

/// What the caller must not hand in.
fn check(arrival: &Arrival) -> Result<u32, StoreError> {
    let octets = total(&arrival.chunks);
    if arrival.envelope.size_octets != octets as u64 {
        return Err(StoreError::Refused(
            "the envelope's size is not the message's".to_owned(),
        ));
    }
    if arrival.recipients.is_empty() || arrival.recipients.iter().map(Slot::of).any(|slot| slot.is_done()) {
        return Err(StoreError::Refused(
            "a message needs recipients, and none may be done yet".to_owned(),
        ));
    }
    u32::try_from(octets)
        .ok()
        .filter(|octets| *octets <= super::MESSAGE_OCTETS_MAX)
        .ok_or_else(|| StoreError::Refused("the message is too large".to_owned()))
}

/// The meta part of an arrival and where its known part lies.
pub(super) fn arrival_meta(id: u64, known: &[u8], slots: &[Slot]) -> (Vec<u8>, Range<usize>) {
    let mut meta = Encoder(Vec::with_capacity(known.len() + 32 * slots.len() + 16));
    meta.0.extend_from_slice(&id.to_le_bytes());
    meta.octets(known);
    let end = meta.0.len();
    Message::write_slots(slots, &mut meta);
    (meta.0, end - known.len()..end)
}

/// What a record means once it is durable.
#[derive(Debug)]
pub(super) enum Op {
    /// A message is in.
    Arrival(Box<Incoming>, Place),
    /// These slots' newest states are there.
    States(u64, Vec<u32>),
    /// The message's end is told there; its records lie in these segments.
    Forget(u64, Homes),
    /// A message has moved.
    Moved { id: u64, from: Place, to: Place },
    /// All that could be read of this segment and is needed lies elsewhere; so many ends were read.
    Emptied { victim: u32, forgets: u32 },
}

#[derive(Debug)]
enum Piece {
    Own(Range<usize>),
    Shared(Bytes),
}

/// Records for one write.
#[derive(Debug, Default)]
pub(super) struct Batch {
    own: Vec<u8>,
    pieces: Vec<Piece>,
    octets: u64,
    pub(super) ops: Vec<Op>,
}

impl Batch {
    /// Octets it will take on the disk.
    pub(super) fn octets(&self) -> u64 {
        self.octets
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Appends a record; gives its offset from the batch's begin. `salt` and the header's numbers must be final.
    pub(super) fn push(&mut self, salt: u64, header: &Header, meta: &[u8], chunks: &[Bytes]) -> u64 {
        let at = self.octets;
        let start = self.own.len();
        header.write(salt, &mut self.own);
        self.own.extend_from_slice(meta);
        self.octets += header.record_octets();
        if !chunks.is_empty() {
            self.own_since(start);
            self.pieces.extend(
                chunks
                    .iter()
                    .filter(|chunk| !chunk.is_empty())
                    .cloned()
                    .map(Piece::Shared),
            );
        }
        let rest = if chunks.is_empty() { start } else { self.own.len() };
        let used = header.octets_at() + u64::from(header.octets);
        let padding = (ALIGNMENT as u64 - used % ALIGNMENT as u64) % ALIGNMENT as u64;
        self.own.extend((0..padding).map(|_| 0));
        self.own_since(rest);
        at
    }

    /// Notes that own octets from `start` come next; joined with the piece before when that ends there.
    fn own_since(&mut self, start: usize) {
        let end = self.own.len();
        if let Some(Piece::Own(last)) = self.pieces.last_mut()
            && last.end == start
        {
            last.end = end;
        } else if start < end {
            self.pieces.push(Piece::Own(start..end));
        }
    }

    /// Writes everything, with as few calls as the file takes.
    pub(super) fn write(&self, file: &dyn DiskFile) -> io::Result<()> {
        let slices = self.pieces.iter().map(|piece| match piece {
            Piece::Own(range) => IoSlice::new(self.own.get(range.clone()).unwrap_or_default()),
            Piece::Shared(bytes) => IoSlice::new(bytes),
        });
        let mut slices: Vec<IoSlice<'_>> = slices.collect();
        let mut rest = slices.as_mut_slice();
        while !rest.is_empty() {
            match file.append(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => IoSlice::advance_slices(&mut rest, count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
