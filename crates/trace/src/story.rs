//! A story while it is being told.

use crate::{Event, Hub, Id, What};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Whose story it is: what roles are checked against.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Tenant, empty while unknown.
    pub tenant: String,
    /// Domain of the sender, empty while unknown.
    pub domain: String,
    /// Sender in its written form, for example `mailbox:info@example.com`; empty while unknown.
    pub sender: String,
}

/// Collects the events of one transaction. Live listeners see each at once; log, metrics and store get them together when
/// [`Story::end`] is called or the story is dropped. At most [`Story::EVENTS_MAX`] events; further ones are counted in a last `LimitHit`.
#[derive(Debug)]
pub struct Story {
    id: Id,
    scope: Arc<Scope>,
    hub: Arc<Hub>,
    events: Vec<Event>,
}

impl Story {
    /// Bound on the events of one transaction.
    pub const EVENTS_MAX: usize = 2_000;

    /// Opens a story.
    pub fn open(hub: Arc<Hub>, id: Id) -> Self {
        Self { id, scope: Arc::default(), hub, events: Vec::new() }
    }

    /// Its id.
    pub fn id(&self) -> Id {
        self.id
    }

    /// Who it is about, once known; earlier events of this story get the same scope when they are recorded.
    pub fn set_scope(&mut self, scope: Scope) {
        self.scope = Arc::new(scope);
    }

    /// Tells an event.
    pub fn tell(&mut self, _at: jiff::Timestamp, _what: What) {
        let _ = (&self.hub, &self.events);
        todo!()
    }

    /// Hands the events to the sinks.
    pub fn end(self) {
        todo!()
    }
}
