//! What the writer's thread knows, shared by its parts: the round ([`super::log`]), the segments ([`super::rotate`]) and the
//! answers ([`super::answer`]). Nobody else sees it.

use super::batch::{Incoming, Op};
use super::compact::Mover;
use super::disk::DiskFile;
use super::middle::Shared;
use super::segment::Skip;
use std::sync::Arc;
use std::time::Instant;

/// Room for a segment's first record.
pub(super) const BEGIN_OCTETS_MAX: u64 = 64 << 10;
/// Room kept in each segment for states and ends, so that queued mail can be finished on a full disk.
const RESERVE_OCTETS_MAX: u64 = 1 << 20;

/// The segment that is appended to.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) number: u32,
    pub(super) salt: u64,
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) capacity: u64,
    pub(super) written: u64,
    pub(super) synced: u64,
}

impl Active {
    pub(super) fn free(&self) -> u64 {
        self.capacity.saturating_sub(self.written)
    }

    pub(super) fn reserve(&self) -> u64 {
        (self.capacity / 8).min(RESERVE_OCTETS_MAX)
    }
}

/// The writer.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) shared: Arc<Shared>,
    pub(super) active: Option<Active>,
    pub(super) next_segment: u32,
    pub(super) next_sequence: u64,
    /// All records with lower numbers are durable or void.
    pub(super) synced: u64,
    /// Written, not yet synced.
    pub(super) unsynced: Vec<Op>,
    pub(super) unsynced_since: Option<Instant>,
    pub(super) skips: Vec<Skip>,
    /// Something is void and no durable record says so yet.
    pub(super) owes: bool,
    /// Notices that could not be written; tried again.
    pub(super) notices: Vec<Incoming>,
    /// Octets that the next state record needs.
    pub(super) wanted: u64,
    pub(super) retry_at: Option<Instant>,
    pub(super) mover: Option<Mover>,
    pub(super) look_for_victim: bool,
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
}
