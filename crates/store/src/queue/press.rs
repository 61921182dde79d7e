//! Fills a batch: gives each record its place and sequence number, and takes from the index what the log does not know yet.
//!
//! Promises: the index is locked by the caller meanwhile, so what is written is one moment's truth. States and ends stop when the
//! segment's room ends; they stay in the index then.

use super::batch::{Batch, Incoming, Op};
use super::code::Encoder;
use super::index::{Index, Place};
use super::record::{Header, Kind};
use super::segment::Skip;
use super::slot::Slot;
use crate::StoreError;

/// Writes records into a batch, one sequence number after the other.
pub(super) struct Press<'a> {
    pub(super) salt: u64,
    pub(super) number: u32,
    /// Where the batch begins in the segment.
    pub(super) at: u64,
    pub(super) room: u64,
    pub(super) sequence: u64,
    pub(super) synced: u64,
    pub(super) batch: &'a mut Batch,
    /// States found no room.
    pub(super) full: bool,
    pub(super) wanted: u64,
}

impl Press<'_> {
    /// Appends a record; gives its offset in the segment.
    pub(super) fn push(&mut self, mut header: Header, meta: &[u8], chunks: &[bytes::Bytes]) -> (u64, Header) {
        header.sequence = self.sequence;
        header.synced = self.synced;
        self.sequence += 1;
        (
            self.at + self.batch.push(self.salt, &header, meta, chunks),
            header,
        )
    }

    /// Appends what it means.
    pub(super) fn op(&mut self, op: Op) {
        self.batch.ops.push(op);
    }

    /// Room for a record of states or ends; false stops them for this batch.
    fn fits(&mut self, meta: &[u8]) -> bool {
        let octets = super::record::record_octets(meta.len() as u64, 0);
        self.full |= self.batch.octets() + octets > self.room;
        if self.full {
            self.wanted = octets;
        }
        !self.full
    }

    /// The first record of a segment.
    pub(super) fn begin(&mut self, number: u32, skips: &[Skip]) {
        let mut meta = Encoder::default();
        meta.number(number.into());
        meta.number(skips.len() as u64);
        for skip in skips {
            meta.number(skip.segment.into());
            meta.number(skip.from);
            meta.number(skip.to);
        }
        self.push(Header::new(Kind::Begin, &meta.0, 0, 0), &meta.0, &[]);
    }

    /// A message, and what is booked with it when it is a notice.
    pub(super) fn arrival(&mut self, index: &Index, incoming: Incoming) {
        let mut books = None;
        if let Some((id, outcomes)) = &incoming.books {
            let Some(message) = index.messages.get(id) else {
                let _ = incoming.waiter.send(Err(StoreError::Missing("message")));
                return;
            };
            let changed = outcomes.iter().filter_map(|(number, outcome)| {
                let mut slot = message.slots.get(*number as usize)?.clone();
                slot.settle(outcome);
                Some((*number, slot))
            });
            books = Some((*id, changed.collect::<Vec<_>>()));
        }
        let (at, header) = self.push(incoming.header, &incoming.meta, &incoming.chunks);
        let place = Place::new(self.number, at, &header);
        self.op(Op::Arrival(Box::new(incoming), place));
        // Behind the notice: if the tail is torn between the two, the outcome is lost and happens again, the notice is not.
        if let Some((id, slots)) = books {
            let meta = states_meta(id, slots.iter().map(|(number, slot)| (*number, slot)));
            self.push(Header::new(Kind::States, &meta, 0, 0), &meta, &[]);
        }
    }

    /// Ends of messages that are over.
    pub(super) fn ends(&mut self, index: &mut Index) {
        while let Some(gone) = index.gone.pop() {
            let homes = &gone.homes;
            if !homes.iter().any(|home| index.segments.all.contains_key(home)) {
                continue;
            }
            let meta = ends_meta(gone.id, homes);
            if !self.fits(&meta) {
                index.gone.push(gone);
                return;
            }
            self.push(Header::new(Kind::Forget, &meta, 0, 0), &meta, &[]);
            self.op(Op::Forget(gone.id, gone.homes));
        }
    }

    /// States that memory knows and the log does not.
    pub(super) fn states(&mut self, index: &mut Index) {
        while let Some(id) = index.dirty.pop() {
            let Some(message) = index.messages.get_mut(&id) else {
                continue;
            };
            let dirty = || (0..).zip(&message.slots).filter(|(_, slot)| slot.dirty);
            let meta = states_meta(id, dirty());
            if !self.fits(&meta) {
                index.dirty.push(id);
                return;
            }
            let numbers: Vec<u32> = dirty().map(|(number, _)| number).collect();
            for slot in &mut message.slots {
                slot.dirty = false;
            }
            message.dirty = false;
            if !numbers.is_empty() {
                self.push(Header::new(Kind::States, &meta, 0, 0), &meta, &[]);
                self.op(Op::States(id, numbers));
            }
        }
    }
}

/// The meta part of new states.
fn states_meta<'a>(id: u64, slots: impl Iterator<Item = (u32, &'a Slot)>) -> Vec<u8> {
    let mut meta = Encoder(Vec::with_capacity(64));
    meta.0.extend_from_slice(&id.to_le_bytes());
    for (number, slot) in slots {
        meta.number(number.into());
        slot.write(&mut meta);
    }
    meta.0
}

/// The meta part of an end.
pub(super) fn ends_meta(id: u64, homes: &[u32]) -> Vec<u8> {
    let mut meta = Encoder(Vec::with_capacity(16));
    meta.0.extend_from_slice(&id.to_le_bytes());
    meta.number(homes.len() as u64);
    for home in homes {
        meta.number((*home).into());
    }
    meta.0
}
