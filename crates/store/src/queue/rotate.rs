//! The writer's segments: a new one when the old is full or failed, the old one closed, empty ones removed, dying ones chosen to
//! shrink.
//!
//! Promises: a segment is never synced again after a sync of it failed; its number and name are never used again; a removal is
//! durable before anything is removed that depends on it.

use super::compact::Mover;
use super::disk::is_full;
use super::room::Failure;
use super::segment::{Segment, segment_name};
use super::writer::{Active, BEGIN_OCTETS_MAX, Log};
use std::io;
use std::sync::Arc;
use std::time::Instant;

/// Stretches declared void that a segment's first record can name.
const SKIPS_MAX: usize = 1_000;
/// No segment is planned smaller.
const SEGMENT_OCTETS_MIN: u64 = 256 << 10;

impl Log {
    pub(super) fn postpone(&mut self) {
        self.retry_at = Some(Instant::now() + self.shared.retry_after);
    }

    /// Makes sure that messages of that many octets fit behind the reserve.
    pub(super) fn ready_for(&mut self, octets: u64) -> io::Result<()> {
        let reserve = self.active.as_ref().map_or(0, Active::reserve);
        let fits = self
            .active
            .as_ref()
            .is_some_and(|active| active.free() >= octets + reserve + BEGIN_OCTETS_MAX);
        if fits { Ok(()) } else { self.rotate(octets) }
    }

    /// Makes sure that there is a segment with that much room, reserve included.
    pub(super) fn ready(&mut self, octets: u64) -> io::Result<()> {
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
    pub(super) fn rotate(&mut self, octets: u64) -> io::Result<()> {
        if self.skips.len() >= SKIPS_MAX {
            self.remove_void()?;
        }
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
        let mut segment = Segment::new(name, salt);
        segment.active = true;
        segment.file = Some(Arc::clone(&file));
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

    /// After a thousand failures: removes segments in which nothing ever became durable, so that they need not be named as void.
    fn remove_void(&mut self) -> io::Result<()> {
        let void: Vec<(u32, String)> = {
            let index = self.shared.index();
            let whole = self
                .skips
                .iter()
                .filter(|skip| skip.from == 0 && skip.to == u64::MAX);
            whole
                .filter_map(|skip| Some((skip.segment, index.segments.all.get(&skip.segment)?.name.clone())))
                .collect()
        };
        for (_, name) in &void {
            match self.shared.disk.remove(name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.shared.disk.sync_names()?;
        let mut index = self.shared.index();
        for (number, _) in &void {
            index.lose_segment(*number);
        }
        self.skips
            .retain(|skip| index.segments.all.contains_key(&skip.segment));
        if self.skips.len() >= SKIPS_MAX {
            // Each of the others holds mail: a thousand failures, each in a segment that was good before. The oldest is most
            // likely to have been shortened.
            self.skips.remove(0);
        }
        Ok(())
    }

    /// Syncs what the segment still owes, and appends to it no more.
    pub(super) fn close_active(&mut self) {
        if self.sync_active().is_err() {
            return;
        }
        let Some(active) = self.active.take() else { return };
        // Gives back the room that was set aside; when it fails, zeros stay there.
        let _ = active.file.truncate(active.written);
        self.retire(&active, active.written);
    }

    pub(super) fn retire(&self, active: &Active, used: u64) {
        let mut index = self.shared.index();
        if let Some(segment) = index.segments.all.get_mut(&active.number) {
            segment.active = false;
            segment.file = None;
            segment.used = used;
        }
        index.segments.swept = false;
    }

    /// Makes all that was written durable and lets it count.
    pub(super) fn sync_active(&mut self) -> Result<(), Failure> {
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

    /// Removes segments that nobody needs.
    pub(super) fn sweep(&mut self) {
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
    pub(super) fn find_victim(&mut self) {
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
        self.mover = victim.and_then(|number| {
            Mover::new(
                number,
                index.segments.all.get(&number)?,
                &*self.shared.disk,
                self.shared.segment_octets,
            )
            .ok()
        });
    }
}
