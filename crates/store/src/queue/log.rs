//! The one thread that writes: takes what waits, writes it with few calls, one `fdatasync`, then tells everybody.
//!
//! Promises: a waiter hears Ok only after the sync that covers its record. After any failed write or sync the segment is closed
//! for good, what was not acknowledged in it is declared void by the next segment's first record, its waiters hear an error, and
//! the next batch begins a new segment. States and ends that were not written stay in memory and are written again.
//! docs/spool.md has the state table.

use super::batch::{Batch, Incoming, Op, Waiter};
use super::compact::Mover;
use super::disk::{DiskFile, is_full};
use super::press::Press;
use super::record::{Header, Kind};
use super::room::Failure;
use super::segment::Segment;
use super::shared::Shared;
use crate::StoreError;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// States and ends without an arrival in the same batch are written at once and synced at the latest after this.
const SYNC_AFTER: Duration = Duration::from_millis(20);
/// Octets of arrivals in one batch, unless a single one is larger.
const BATCH_OCTETS_MAX: u64 = 16 << 20;
/// No segment is planned smaller.
const SEGMENT_OCTETS_MIN: u64 = 256 << 10;
/// Room for a segment's first record.
pub(super) const BEGIN_OCTETS_MAX: u64 = 64 << 10;
/// Room kept in each segment for states and ends, so that queued mail can be finished on a full disk.
const RESERVE_OCTETS_MAX: u64 = 1 << 20;
/// Stretches declared void that a segment's first record can name.
const SKIPS_MAX: usize = 4_000;

/// Octets of a segment that do not count: nobody was told that they are durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Skip {
    pub(super) segment: u32,
    pub(super) from: u64,
    pub(super) to: u64,
}

/// The segment that is appended to.
#[derive(Debug)]
struct Active {
    number: u32,
    salt: u64,
    file: Arc<dyn DiskFile>,
    capacity: u64,
    written: u64,
    synced: u64,
}

impl Active {
    fn free(&self) -> u64 {
        self.capacity.saturating_sub(self.written)
    }

    fn reserve(&self) -> u64 {
        (self.capacity / 8).min(RESERVE_OCTETS_MAX)
    }
}

/// The writer.
#[derive(Debug)]
pub(super) struct Log {
    shared: Arc<Shared>,
    active: Option<Active>,
    next_segment: u32,
    next_sequence: u64,
    /// All records with lower numbers are durable or void.
    synced: u64,
    /// Written, not yet synced.
    unsynced: Vec<Op>,
    unsynced_since: Option<Instant>,
    skips: Vec<Skip>,
    /// Something is void and no durable record says so yet.
    owes: bool,
    /// Notices that could not be written; tried again.
    notices: Vec<Incoming>,
    /// Octets that the next state record needs.
    wanted: u64,
    retry_at: Option<Instant>,
    mover: Option<Mover>,
    look_for_victim: bool,
}

impl Log {
    pub(super) fn new(shared: Arc<Shared>, next_segment: u32, next_sequence: u64, skips: Vec<Skip>) -> Self {
        Self {
            shared,
            active: None,
            next_segment,
            next_sequence,
            synced: next_sequence,
            unsynced: Vec::new(),
            unsynced_since: None,
            skips,
            owes: false,
            notices: Vec::new(),
            wanted: 0,
            retry_at: None,
            mover: None,
            look_for_victim: true,
        }
    }

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

    fn postpone(&mut self) {
        self.retry_at = Some(Instant::now() + self.shared.retry_after);
    }

    /// Makes sure that messages of that many octets fit behind the reserve.
    fn ready_for(&mut self, octets: u64) -> io::Result<()> {
        let reserve = self.active.as_ref().map_or(0, Active::reserve);
        let fits = self
            .active
            .as_ref()
            .is_some_and(|active| active.free() >= octets + reserve + BEGIN_OCTETS_MAX);
        if fits { Ok(()) } else { self.rotate(octets) }
    }

    /// Makes sure that there is a segment with that much room, reserve included.
    fn ready(&mut self, octets: u64) -> io::Result<()> {
        let begin = self
            .active
            .as_ref()
            .map_or(0, |active| if active.written == 0 { BEGIN_OCTETS_MAX } else { 0 });
        let fits = self
            .active
            .as_ref()
            .is_some_and(|active| active.free() >= octets + begin);
        if fits { Ok(()) } else { self.rotate(octets) }
    }

    /// Begins a new segment in which a batch of that size fits, and closes the old one.
    fn rotate(&mut self, octets: u64) -> io::Result<()> {
        let number = self.next_segment;
        let salt = rand::random::<u64>() | 1;
        let name = segment_name(number, salt);
        let least = (octets + BEGIN_OCTETS_MAX + 4_096).saturating_mul(8) / 7 + 4_096;
        let free = self.shared.disk.free_octets().unwrap_or(u64::MAX);
        let mut capacity = self
            .shared
            .segment_octets
            .min(free / 8)
            .max(SEGMENT_OCTETS_MIN)
            .max(least);
        // A number is never used twice: after a failure nobody knows what lies under its name.
        self.next_segment += 1;
        let file = loop {
            match self.shared.disk.create(&name, capacity) {
                Ok(file) => break file,
                Err(error) if is_full(&error) && capacity > least => capacity = (capacity / 2).max(least),
                Err(error) => return Err(error),
            }
        };
        if let Err(error) = self.shared.disk.sync_names() {
            // Left behind when this fails too: an empty segment, removed at the next start.
            let _ = self.shared.disk.remove(&name);
            return Err(error);
        }
        self.close_active();
        let mut segment = Segment::new(name, salt, Arc::clone(&file));
        segment.active = true;
        self.shared.index().segments.all.insert(number, segment);
        self.active = Some(Active {
            number,
            salt,
            file,
            capacity,
            written: 0,
            synced: 0,
        });
        self.look_for_victim = true;
        Ok(())
    }

    /// Syncs what the segment still owes, and appends to it no more.
    fn close_active(&mut self) {
        if self.sync_active().is_err() {
            return;
        }
        let Some(active) = self.active.take() else { return };
        // Gives back the room that was set aside; when it fails, zeros stay there.
        let _ = active.file.truncate(active.written);
        self.retire(&active, active.written);
    }

    fn retire(&self, active: &Active, used: u64) {
        let mut index = self.shared.index();
        if let Some(segment) = index.segments.all.get_mut(&active.number) {
            segment.active = false;
            segment.used = used;
        }
        index.segments.swept = false;
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

    /// Makes all that was written durable and lets it count.
    fn sync_active(&mut self) -> Result<(), Failure> {
        let Some(active) = &mut self.active else {
            return Ok(());
        };
        if active.written == active.synced {
            return Ok(());
        }
        if let Err(error) = active.file.sync() {
            return Err(self.fail(&error));
        }
        active.synced = active.written;
        let number = active.number;
        self.synced = self.next_sequence;
        self.unsynced_since = None;
        self.owes = false;
        let ops = std::mem::take(&mut self.unsynced);
        self.count(ops, number);
        Ok(())
    }

    /// Lets durable records count, then tells those who wait.
    fn count(&mut self, ops: Vec<Op>, number: u32) {
        let mut told: Vec<(Waiter, Option<tokio::sync::OwnedSemaphorePermit>)> = Vec::new();
        let mut scheduled = false;
        let mut index = self.shared.index();
        for op in ops {
            match op {
                Op::Arrival(incoming, place) => {
                    let Incoming {
                        id,
                        meta,
                        known,
                        slots,
                        chunks,
                        books,
                        waiter,
                        permit,
                        ..
                    } = *incoming;
                    let known = meta.get(known).unwrap_or_default().into();
                    if index.insert(id, known, slots, place) {
                        scheduled = true;
                        self.shared.recent().insert(id, chunks);
                    }
                    if let Some((settled, outcomes)) = books
                        && index.settle(settled, &outcomes, true) == Some(true)
                    {
                        self.shared.recent().remove(settled);
                    }
                    told.push((waiter, permit));
                }
                Op::States(id, numbers) => index.placed(id, &numbers, number),
                Op::Forget(_, homes) => {
                    let index = &mut *index;
                    let known: Vec<u32> = homes
                        .iter()
                        .copied()
                        .filter(|home| index.segments.all.contains_key(home))
                        .collect();
                    if let Some(segment) = index.segments.all.get_mut(&number) {
                        segment.ends.extend(known);
                    }
                }
                Op::Moved { id, from, to } => index.moved(id, from, to),
                Op::Emptied(victim) => {
                    if let Some(segment) = index.segments.all.get_mut(&victim) {
                        segment.ends.clear();
                        segment.stuck = true;
                    }
                    index.segments.swept = false;
                    self.mover = None;
                    self.look_for_victim = true;
                }
            }
        }
        drop(index);
        if scheduled {
            self.shared.changed.notify_one();
        }
        for (waiter, permit) in told {
            drop(permit);
            let _ = waiter.send(Ok(()));
        }
    }

    /// Closes the segment after a failure: what was not synced is void, and is written again or reported.
    fn fail(&mut self, error: &io::Error) -> Failure {
        let failure = Failure::of(error);
        self.postpone();
        self.mover = None;
        self.look_for_victim = true;
        self.unsynced_since = None;
        if let Some(active) = self.active.take() {
            // Best effort: if it fails, the next segment's first record says what is void.
            let _ = active.file.truncate(active.synced);
            self.skips.push(Skip {
                segment: active.number,
                from: active.synced,
                to: u64::MAX,
            });
            if self.skips.len() > SKIPS_MAX {
                self.skips.remove(0);
            }
            self.retire(&active, active.synced);
        }
        let mut refused = Vec::new();
        let mut index = self.shared.index();
        for op in std::mem::take(&mut self.unsynced) {
            match op {
                Op::Arrival(incoming, _) => refused.push(*incoming),
                Op::States(id, numbers) => index.soil_again(id, &numbers),
                Op::Forget(id, homes) => index.gone.push(super::index::Gone { id, homes }),
                Op::Moved { .. } | Op::Emptied(_) => {}
            }
        }
        drop(index);
        self.refuse(refused, &failure);
        failure
    }

    /// The same when there is not even a segment to write to.
    fn give_up(&mut self, arrivals: Vec<Incoming>, error: &io::Error) -> Failure {
        let failure = Failure::of(error);
        self.postpone();
        self.refuse(arrivals, &failure);
        failure
    }

    /// Messages are refused; notices wait for better times, because what they book happened.
    fn refuse(&mut self, arrivals: Vec<Incoming>, failure: &Failure) {
        let closing = self.shared.work().closing;
        for incoming in arrivals {
            if incoming.books.is_some() && !closing {
                self.notices.push(incoming);
            } else {
                let _ = incoming.waiter.send(Err(failure.error()));
            }
        }
    }

    /// Removes segments that nobody needs.
    fn sweep(&mut self) {
        if self.retry_at.is_some() || self.shared.index().segments.swept {
            return;
        }
        if !self.skips.is_empty() && self.active.as_ref().is_none_or(|active| active.synced == 0) {
            // The one record that says what is void may lie in the segment that would go.
            return;
        }
        loop {
            let (number, name, damaged) = {
                let mut index = self.shared.index();
                let Some(number) = index.segments.unneeded() else {
                    index.segments.swept = true;
                    return;
                };
                let Some(segment) = index.segments.all.get(&number) else {
                    return;
                };
                (number, segment.name.clone(), segment.damaged)
            };
            let disk = &self.shared.disk;
            let done = if damaged {
                disk.rename(&name, &format!("{name}.damaged"))
            } else {
                disk.remove(&name)
            };
            let gone = done.or_else(|error| {
                if error.kind() == io::ErrorKind::NotFound {
                    Ok(())
                } else {
                    Err(error)
                }
            });
            if gone.and_then(|()| disk.sync_names()).is_err() {
                return self.postpone();
            }
            self.shared.index().lose_segment(number);
            self.look_for_victim = true;
        }
    }

    /// Chooses a segment to shrink, when enough has changed to look.
    fn find_victim(&mut self) {
        if self.mover.is_some() {
            return;
        }
        let mut index = self.shared.index();
        if !std::mem::take(&mut self.look_for_victim) && index.segments.died < self.shared.segment_octets / 8
        {
            return;
        }
        index.segments.died = 0;
        let victim = index.segments.victim(self.shared.segment_octets);
        self.mover = victim.and_then(|number| Mover::new(number, index.segments.all.get(&number)?).ok());
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

/// `0000000001-0123456789abcdef.seg`: number and salt.
pub(super) fn segment_name(number: u32, salt: u64) -> String {
    format!("{number:010}-{salt:016x}.seg")
}

/// Number and salt of a segment's name.
pub(super) fn parse_segment_name(name: &str) -> Option<(u32, u64)> {
    let (number, salt) = name.strip_suffix(".seg")?.split_once('-')?;
    let number = number.parse().ok().filter(|number| *number > 0)?;
    Some((number, u64::from_str_radix(salt, 16).ok()?))
}
