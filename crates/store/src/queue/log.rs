//! The one thread that writes: takes what waits, writes it with few calls, one `fdatasync`, then tells everybody.
//!
//! Promises: a waiter hears Ok only after the sync that covers its record. After any failed write or sync the segment is closed
//! for good, what was not acknowledged in it is declared void by the next segment's first record, its waiters hear an error, and
//! the next batch begins a new segment. States and ends that were not written stay in memory and are written again.
//! docs/spool.md has the state table.

use super::batch::{Batch, Incoming, Op};
use super::middle::Shared;
use super::press::Press;
use super::record::{Header, Kind};
use super::room::Failure;
use super::writer::{BEGIN_OCTETS_MAX, Log};
use crate::StoreError;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// States and ends without an arrival in the same batch are written at once and synced at the latest after this.
const SYNC_AFTER: Duration = Duration::from_millis(20);
/// Octets of arrivals in one batch, unless a single one is larger.
const BATCH_OCTETS_MAX: u64 = 16 << 20;

impl Log {
    /// Works until the queue is closed.
    pub(super) fn run(mut self) {
        let _last = LastWord(Arc::clone(&self.shared));
        self.sweep();
        loop {
            self.wait();
            // Only a round that knew of the closing may be the last one.
            let closing = self.shared.work().closing;
            let failed = self.round().is_err();
            self.sweep();
            self.find_victim();
            let waiting = {
                let work = self.shared.work();
                !work.arrivals.is_empty() || !work.barriers.is_empty()
            };
            if closing && !waiting && (failed || self.is_drained()) {
                break self.end();
            }
        }
    }

    fn is_drained(&self) -> bool {
        let index = self.shared.index();
        index.dirty.is_empty()
            && index.gone.is_empty()
            && self.unsynced.is_empty()
            && self.notices.is_empty()
            && !self.owes
    }

    /// Sleeps until there is something to do.
    fn wait(&mut self) {
        let shared = Arc::clone(&self.shared);
        let mut work = shared.work();
        loop {
            let now = Instant::now();
            if self.retry_at.is_some_and(|at| at <= now) {
                self.retry_at = None;
                work.poked = true;
            }
            let calm = self.retry_at.is_none();
            let late = self.unsynced_since.map(|at| at + SYNC_AFTER);
            let own = work.poked
                || !self.notices.is_empty()
                || self.mover.is_some()
                || late.is_some_and(|at| at <= now);
            if !work.arrivals.is_empty() || !work.barriers.is_empty() || work.closing || (calm && own) {
                return;
            }
            let until = if calm { late } else { self.retry_at };
            work.idle = true;
            work = match until.map(|at| at.saturating_duration_since(now)) {
                Some(time) => shared
                    .wake
                    .wait_timeout(work, time)
                    .map_or_else(|error| error.into_inner().0, |done| done.0),
                None => shared
                    .wake
                    .wait(work)
                    .unwrap_or_else(std::sync::PoisonError::into_inner),
            };
            work.idle = false;
        }
    }

    /// One batch.
    fn round(&mut self) -> Result<(), Failure> {
        let (mut barriers, closing) = {
            let mut work = self.shared.work();
            work.poked = false;
            (std::mem::take(&mut work.barriers), work.closing)
        };
        let arrivals = self.take_arrivals();
        let planned = arrivals
            .iter()
            .map(|incoming| incoming.header.record_octets())
            .sum();
        let moves = if closing || self.retry_at.is_some() {
            None
        } else {
            self.prepare_moves(planned)
        };
        let mut failure = None;
        let mut batch = Batch::default();
        if !arrivals.is_empty() || self.has_states() || moves.is_some() || self.owes {
            match self.ready(planned + moves.unwrap_or(0) + self.wanted + 4_096) {
                Ok(()) => self.fill(&mut batch, arrivals, moves.is_some()),
                Err(error) => failure = Some(self.give_up(arrivals, &error)),
            }
        }
        let urgent =
            closing || self.owes || moves.is_some() || !barriers.is_empty() || self.shared.work().closing;
        if let Err(error) = self.commit(batch, urgent) {
            failure = Some(error);
        }
        if failure.is_none() && self.wanted > 0 {
            // Not everything found room; whoever waits for all of it waits for the next round.
            let mut work = self.shared.work();
            work.poked = true;
            work.barriers.append(&mut barriers);
        }
        for barrier in barriers {
            let _ = barrier.send(failure.as_ref().map_or(Ok(()), |failure| Err(failure.error())));
        }
        failure.map_or(Ok(()), Err)
    }

    fn has_states(&self) -> bool {
        let index = self.shared.index();
        !index.dirty.is_empty() || !index.gone.is_empty()
    }

    /// Takes waiting messages as far as they fit into this batch and the segment; begins a new segment when the first does not.
    fn take_arrivals(&mut self) -> Vec<Incoming> {
        let mut taken = Vec::new();
        let calm = self.retry_at.is_none();
        if calm {
            taken.append(&mut self.notices);
        }
        let mut total: u64 = taken.iter().map(|incoming| incoming.header.record_octets()).sum();
        let first = self
            .shared
            .work()
            .arrivals
            .front()
            .map_or(0, |incoming| incoming.header.record_octets());
        if total + first == 0 {
            return taken;
        }
        if let Err(error) = self.ready_for(total + first) {
            let mut work = self.shared.work();
            taken.extend(work.arrivals.drain(..));
            drop(work);
            self.give_up(taken, &error);
            return Vec::new();
        }
        let Some(active) = &self.active else { return taken };
        let room = active.free().saturating_sub(active.reserve() + BEGIN_OCTETS_MAX);
        let mut work = self.shared.work();
        while let Some(next) = work.arrivals.front() {
            let octets = next.header.record_octets();
            if !taken.is_empty() && (total + octets > room || total + octets > BATCH_OCTETS_MAX) {
                break;
            }
            total += octets;
            taken.extend(work.arrivals.pop_front());
        }
        taken
    }

    /// Reads what a shrinking segment still needs and makes room for it; None when nothing is to be moved now.
    fn prepare_moves(&mut self, planned: u64) -> Option<u64> {
        let mover = self.mover.as_mut()?;
        let Ok(octets) = mover.read(&self.shared) else {
            let victim = mover.victim();
            self.mover = None;
            if let Some(segment) = self.shared.index().segments.all.get_mut(&victim) {
                segment.stuck = true;
            }
            return None;
        };
        if self.ready_for(planned + octets).is_err() {
            self.postpone();
            return None;
        }
        Some(octets)
    }

    /// Puts records into the batch: messages, what notices book, ends, states, moved messages.
    fn fill(&mut self, batch: &mut Batch, arrivals: Vec<Incoming>, moves: bool) {
        let shared = Arc::clone(&self.shared);
        let mut index = shared.index();
        let Some(active) = &self.active else { return };
        let (salt, number, at, room) = (active.salt, active.number, active.written, active.free());
        let (sequence, synced) = (self.next_sequence, self.synced);
        let mut press = Press {
            salt,
            number,
            at,
            room,
            sequence,
            synced,
            batch,
            full: false,
            wanted: 0,
        };
        if at == 0 {
            self.skips
                .retain(|skip| index.segments.all.contains_key(&skip.segment));
            press.begin(number, &self.skips);
        }
        for incoming in arrivals {
            press.arrival(&index, incoming);
        }
        if moves && let Some(mover) = &mut self.mover {
            mover.write(&mut press, &mut index);
        }
        press.ends(&mut index);
        press.states(&mut index);
        (self.next_sequence, self.wanted) = (press.sequence, press.wanted);
    }

    /// Writes a batch, and syncs when somebody waits for it or it is time.
    fn commit(&mut self, batch: Batch, urgent: bool) -> Result<(), Failure> {
        let waits = batch
            .ops
            .iter()
            .any(|op| !matches!(op, Op::States(..) | Op::Forget(..)));
        let Some(active) = &mut self.active else {
            return Ok(());
        };
        if !batch.is_empty() {
            let written = batch.write(&*active.file);
            active.written += batch.octets();
            self.unsynced.extend(batch.ops);
            self.unsynced_since.get_or_insert_with(Instant::now);
            if let Err(error) = written {
                return Err(self.fail(&error));
            }
        }
        let late = self.unsynced_since.is_some_and(|at| at.elapsed() >= SYNC_AFTER);
        if waits || urgent || late {
            self.sync_active()
        } else {
            Ok(())
        }
    }

    /// The last record: all before it is durable, so whatever cannot be read at the next start was damaged later.
    fn end(&mut self) {
        for notice in std::mem::take(&mut self.notices) {
            let _ = notice.waiter.send(Err(StoreError::Closing));
        }
        let Some(active) = &self.active else { return };
        if active.free() < 4_096 || active.written == 0 || !self.unsynced.is_empty() {
            return;
        }
        let mut batch = Batch::default();
        let header = Header {
            sequence: self.next_sequence,
            synced: self.synced,
            ..Header::new(Kind::End, &[], 0, 0)
        };
        batch.push(active.salt, &header, &[], &[]);
        self.next_sequence += 1;
        // Nothing depends on it.
        let _ = self.commit(batch, true);
        self.close_active();
    }
}

/// Says that the thread is gone, whatever ended it; those who still wait find their channel closed.
struct LastWord(Arc<Shared>);

impl Drop for LastWord {
    fn drop(&mut self) {
        let mut work = self.0.work();
        work.closed = true;
        work.arrivals.clear();
        work.barriers.clear();
    }
}
