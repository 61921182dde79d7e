//! What the doors of the queue and its writer's thread share.

use super::batch::{Incoming, Waiter};
use super::disk::Disk;
use super::index::Index;
use super::recent::Recent;
use super::room::Room;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};

/// Work that waits for the writer.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) arrivals: VecDeque<Incoming>,
    /// To be told when all that is known now is durable.
    pub(super) barriers: Vec<Waiter>,
    /// The index has states or ends to write.
    pub(super) poked: bool,
    /// No more work will come.
    pub(super) closing: bool,
    /// The thread is gone.
    pub(super) closed: bool,
    /// The thread sleeps.
    pub(super) idle: bool,
}

/// Shared by doors and writer. Lock order: `index` before `recent`; `work` alone.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) messages_max: usize,
    pub(super) segment_octets: u64,
    pub(super) retry_after: Duration,
    pub(super) room: Room,
    index: Mutex<Index>,
    work: Mutex<Work>,
    recent: Mutex<Recent>,
    pub(super) wake: Condvar,
    pub(super) changed: Notify,
    /// Kibibytes of messages that may wait for the writer.
    pub(super) waiting: Arc<Semaphore>,
}

impl Shared {
    pub(super) fn new(disk: Arc<dyn Disk>, settings: &super::QueueSettings, index: Index) -> Self {
        Self {
            disk,
            messages_max: settings.messages_max,
            segment_octets: settings.segment_octets,
            retry_after: settings.retry_after,
            room: Room::new(settings.free_octets_min),
            index: Mutex::new(index),
            work: Mutex::default(),
            recent: Mutex::default(),
            wake: Condvar::new(),
            changed: Notify::new(),
            waiting: Arc::new(Semaphore::new(super::WAITING_KIBIBYTES_MAX as usize)),
        }
    }

    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the writer that the index has something for it.
    pub(super) fn poke(&self) {
        let mut work = self.work();
        work.poked = true;
        self.rouse(&work);
    }

    /// Wakes the writer when it sleeps.
    pub(super) fn rouse(&self, work: &Work) {
        if work.idle {
            self.wake.notify_one();
        }
    }
}
