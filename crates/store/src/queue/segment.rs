//! The segments of the log: which files there are and what in each is still needed.
//!
//! A segment may go when no living message lies in it, no living recipient's newest state lies in it, and no other segment that
//! still exists holds a copy of a message whose end is told here ([`Segment::ends`]): otherwise that message would rise again.

use super::disk::{Disk, DiskFile};
use super::index::Place;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

/// More segments than this that are mostly small are merged.
const SEGMENTS_LITTLE_MAX: u64 = 64;

/// One file.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) name: String,
    pub(super) salt: u64,
    /// Kept open while the writer appends to it. Others are opened when they are read, so that a long queue costs no handles.
    pub(super) file: Option<Arc<dyn DiskFile>>,
    /// Octets that count; what lies behind is void.
    pub(super) used: u64,
    pub(super) live_octets: u64,
    pub(super) live_messages: u32,
    pub(super) live_states: u32,
    /// Segments that hold messages whose end is told here.
    pub(super) ends: BTreeSet<u32>,
    /// Records here that tell an end.
    pub(super) forgets: u32,
    /// The writer appends to it.
    pub(super) active: bool,
    /// Something acknowledged cannot be read any more; the file is kept for the operator when the rest has moved out.
    pub(super) damaged: bool,
    /// Its sync at start failed: what can be read may not be durable, so all of it is written anew.
    pub(super) unsure: bool,
    /// Moving its rest failed; not tried again before the next start.
    pub(super) stuck: bool,
}

impl Segment {
    pub(super) fn new(name: String, salt: u64) -> Self {
        Self {
            name,
            salt,
            file: None,
            used: 0,
            live_octets: 0,
            live_messages: 0,
            live_states: 0,
            ends: BTreeSet::new(),
            forgets: 0,
            active: false,
            damaged: false,
            unsure: false,
            stuck: false,
        }
    }

    /// Its file, for reading.
    pub(super) fn open(&self, disk: &dyn Disk) -> io::Result<Arc<dyn DiskFile>> {
        self.file.clone().map_or_else(|| disk.open(&self.name), Ok)
    }
}

/// All of them, by number.
#[derive(Debug, Default)]
pub(super) struct Segments {
    pub(super) all: BTreeMap<u32, Segment>,
    /// Something was emptied since the last sweep.
    pub(super) swept: bool,
    /// Octets of messages that died since the writer last looked for a segment to shrink.
    pub(super) died: u64,
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
            self.died += place.record_octets();
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

    /// The segment whose rest should move out: a damaged or unsure one first; then, when more than half of the log and more than
    /// `segment_octets` is dead, the one with the smallest living part; then, when there are many little ones (each failure of the
    /// disk and each start leaves one), the smallest.
    pub(super) fn victim(&self, segment_octets: u64) -> Option<u32> {
        let movable = || {
            self.all
                .iter()
                .filter(|(_, segment)| !segment.active && !segment.stuck)
        };
        if let Some((number, _)) = movable().find(|(_, segment)| segment.damaged || segment.unsure) {
            return Some(*number);
        }
        let (used, live) = self.weight();
        if used >= live.saturating_mul(2).saturating_add(segment_octets) {
            let share = |segment: &Segment| segment.live_octets.saturating_mul(1 << 20) / segment.used.max(1);
            return movable()
                .min_by_key(|(number, segment)| (share(segment), **number))
                .map(|(number, _)| *number);
        }
        let count = self.all.len() as u64;
        if count > SEGMENTS_LITTLE_MAX && used / count < segment_octets / 4 {
            return movable()
                .min_by_key(|(number, segment)| (segment.used, **number))
                .map(|(number, _)| *number);
        }
        None
    }
}

/// Octets of a segment that do not count: nobody was told that they are durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Skip {
    pub(super) segment: u32,
    pub(super) from: u64,
    pub(super) to: u64,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Segments of these used and living octets, numbered from 1.
    fn segments(sizes: &[(u64, u64)]) -> Segments {
        let mut segments = Segments::default();
        for (number, (used, live_octets)) in (1..).zip(sizes) {
            let mut segment = Segment::new(String::new(), 1);
            (segment.used, segment.live_octets) = (*used, *live_octets);
            segment.live_messages = u32::from(*live_octets > 0);
            segments.all.insert(number, segment);
        }
        segments
    }

    #[test]
    fn the_right_segment_shrinks() {
        let many_little = vec![(10, 9); 100];
        let check =
            |sizes: &[(u64, u64)], victim| assert_eq!(segments(sizes).victim(1_000), victim, "{sizes:?}");
        check(&[], None);
        check(&[(1_000, 400), (1_000, 200)], None);
        check(&[(1_000, 400), (1_000, 300), (1_000, 400)], None);
        check(&[(1_000, 400), (1_000, 100), (1_000, 200)], Some(2));
        check(&[(9_000, 0), (1_000, 100)], Some(1));
        check(&many_little, Some(1));
        check(&many_little[..60], None);
        let mut damaged = segments(&[(1_000, 900), (1_000, 900)]);
        damaged.all.get_mut(&2).unwrap().damaged = true;
        assert_eq!(damaged.victim(1_000), Some(2));
        damaged.all.get_mut(&2).unwrap().stuck = true;
        assert_eq!(damaged.victim(1_000), None);
    }

    #[test]
    fn an_end_outlives_what_it_ends() {
        let mut segments = segments(&[(10, 5), (10, 0), (10, 0)]);
        segments.all.get_mut(&2).unwrap().ends.extend([1, 2]);
        segments.all.get_mut(&3).unwrap().active = true;
        assert_eq!(
            segments.unneeded(),
            None,
            "segment 1 holds a message whose end is told in segment 2"
        );
        segments.all.remove(&1);
        assert_eq!(segments.unneeded(), Some(2));
        segments.all.get_mut(&2).unwrap().live_states = 1;
        assert_eq!(segments.unneeded(), None);
    }
}
