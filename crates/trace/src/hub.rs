//! Where all events pass: to sinks (log, metrics, store) and to live subscribers.

use crate::{Event, Id, Scope, What};
use std::sync::Arc;

/// Takes batches of events of one story, in order. Must not block: a sink with slow work has its own bounded queue.
pub trait Sink: Send + Sync {
    /// A batch.
    fn record(&self, events: &[Event]);
}

/// The hub.
#[derive(Default)]
pub struct Hub {}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hub")
    }
}

/// A live listener fell more than the bound behind and was cut off. It caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too slow: the live stream went on without this listener")]
pub struct Lagged;

/// A live listener.
#[derive(Debug)]
pub struct Subscriber {}

impl Hub {
    /// Events that a live listener may fall behind, and that can be resumed from.
    pub const BACKLOG_MAX: usize = 4_096;

    /// A hub with these sinks.
    pub fn new(_sinks: Vec<Box<dyn Sink>>) -> Arc<Self> {
        todo!()
    }

    /// Adds a sink while wiring.
    pub fn add_sink(&self, _sink: Box<dyn Sink>) {
        todo!()
    }

    /// One event outside a [`crate::Story`]: delivery attempts, operators' actions, locks. Goes to sinks and live listeners.
    pub fn tell(&self, _id: Id, _at: jiff::Timestamp, _scope: &Arc<Scope>, _what: What) {
        todo!()
    }

    /// Several events of one story outside a [`crate::Story`], recorded as one batch.
    pub fn tell_all(&self, _events: Vec<Event>) {
        todo!()
    }

    /// To live listeners only (used while a story is open).
    pub fn live(&self, _event: &Event) {
        todo!()
    }

    /// To the sinks only (used when a story ends).
    pub fn record(&self, _events: &[Event]) {
        todo!()
    }

    /// Listens from now, or from behind the event with that sequence number when it is still in the backlog.
    pub fn subscribe(&self, _after: Option<u64>) -> Subscriber {
        todo!()
    }
}

impl Subscriber {
    /// The next event with its sequence number.
    pub async fn next(&mut self) -> Result<(u64, Arc<Event>), Lagged> {
        todo!()
    }
}
