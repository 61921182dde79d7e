//! The segments of the log: which files there are and what in each is still needed.
//!
//! A segment may go when no living message lies in it, no living recipient's newest state lies in it, and no other segment that
//! still exists holds a copy of a message whose end is told here ([`Segment::ends`]): otherwise that message would rise again.

use super::disk::DiskFile;
use super::index::Place;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One file.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) name: String,
    pub(super) salt: u64,
    pub(super) file: Arc<dyn DiskFile>,
    /// Octets that count; what lies behind is void.
    pub(super) used: u64,
    pub(super) live_octets: u64,
    pub(super) live_messages: u32,
    pub(super) live_states: u32,
    /// Segments that hold messages whose end is told here.
    pub(super) ends: BTreeSet<u32>,
    /// The writer appends to it.
    pub(super) active: bool,
    /// Something acknowledged cannot be read any more; the file is kept for the operator when the rest has moved out.
    pub(super) damaged: bool,
    /// Moving its rest failed; not tried again before the next start.
    pub(super) stuck: bool,
}

impl Segment {
    pub(super) fn new(name: String, salt: u64, file: Arc<dyn DiskFile>) -> Self {
        Self {
            name,
            salt,
            file,
            used: 0,
            live_octets: 0,
            live_messages: 0,
            live_states: 0,
            ends: BTreeSet::new(),
            active: false,
            damaged: false,
            stuck: false,
        }
    }
}

/// All of them, by number.
#[derive(Debug, Default)]
pub(super) struct Segments {
    pub(super) all: BTreeMap<u32, Segment>,
    /// Something was emptied since the last sweep.
    pub(super) swept: bool,
}

impl Segments {
    pub(super) fn add_message(&mut self, place: &Place) {
        if let Some(segment) = self.all.get_mut(&place.segment) {
            segment.live_messages += 1;
            segment.live_octets += place.record_octets();
        }
    }

    pub(super) fn drop_message(&mut self, place: &Place) {
        if let Some(segment) = self.all.get_mut(&place.segment) {
            segment.live_messages -= 1;
            segment.live_octets -= place.record_octets();
            self.swept &= segment.live_messages > 0;
        }
    }

    pub(super) fn add_state(&mut self, number: u32) {
        if let Some(segment) = self.all.get_mut(&number) {
            segment.live_states += 1;
        }
    }

    pub(super) fn drop_state(&mut self, number: u32) {
        if let Some(segment) = self.all.get_mut(&number) {
            segment.live_states -= 1;
            self.swept &= segment.live_states > 0;
        }
    }

    /// The lowest segment that nobody needs.
    pub(super) fn unneeded(&self) -> Option<u32> {
        self.all
            .iter()
            .find(|(number, segment)| self.is_unneeded(**number, segment))
            .map(|(number, _)| *number)
    }

    fn is_unneeded(&self, number: u32, segment: &Segment) -> bool {
        !segment.active
            && segment.live_messages == 0
            && segment.live_states == 0
            && !segment
                .ends
                .iter()
                .any(|other| *other != number && self.all.contains_key(other))
    }

    /// Octets that all closed segments take, and how many of them are alive.
    fn weight(&self) -> (u64, u64) {
        let closed = self.all.values().filter(|segment| !segment.active);
        closed.fold((0, 0), |(used, live), segment| {
            (used + segment.used, live + segment.live_octets)
        })
    }

    /// The segment whose rest should move out: a damaged one first; else, when more than half of the log and more than
    /// `waste_octets_min` is dead, the one with the smallest living part.
    pub(super) fn victim(&self, waste_octets_min: u64) -> Option<u32> {
        let movable = || {
            self.all
                .iter()
                .filter(|(_, segment)| !segment.active && !segment.stuck)
        };
        if let Some((number, _)) = movable().find(|(_, segment)| segment.damaged) {
            return Some(*number);
        }
        let (used, live) = self.weight();
        if used < live.saturating_mul(2).saturating_add(waste_octets_min) {
            return None;
        }
        let share = |segment: &Segment| segment.live_octets.saturating_mul(1 << 20) / segment.used.max(1);
        movable()
            .min_by_key(|(number, segment)| (share(segment), **number))
            .map(|(number, _)| *number)
    }
}
