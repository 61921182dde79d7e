//! Stories kept for search: a sink of the event stream, written in batches by a thread of its own. SQLite.

use crate::StoreError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use trace::{Event, Id};

/// A story's summary, kept up to date with each event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StoryRow {
    /// Id as text.
    pub id: String,
    /// When it began.
    pub at: Option<Timestamp>,
    /// Tenant.
    pub tenant: String,
    /// Domain of the sender.
    pub domain: String,
    /// Sender key.
    pub sender: String,
    /// Client address.
    pub client: String,
    /// Listener.
    pub listener: String,
    /// MAIL FROM.
    pub reverse_path: String,
    /// Recipients, at most 20, then `…`.
    pub recipients: Vec<String>,
    /// From, for the eye.
    pub header_from: String,
    /// Subject, for the eye.
    pub subject: String,
    /// Message-ID.
    pub message_id: String,
    /// Size.
    pub size_octets: u64,
    /// Class, empty when it was not judged.
    pub class: String,
    /// Action.
    pub action: String,
    /// Bracketed cause.
    pub cause: String,
    /// The sentence.
    pub reason: String,
    /// Log odds.
    pub score_db: f32,
    /// `session` (no message), `refused`, `deferred`, `held`, `queued`, `delivered`, `partly_delivered`, `failed`.
    pub status: String,
    /// Last reply.
    pub last_reply: String,
}

/// Which stories; all that are given must fit.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoryFilter {
    /// Scope of the viewer: only this tenant.
    pub tenant: Option<String>,
    /// Scope of the viewer: only this domain.
    pub domain: Option<String>,
    /// Sender key, or part of it.
    pub sender: Option<String>,
    /// Part of a recipient.
    pub recipient: Option<String>,
    /// Class.
    pub class: Option<String>,
    /// Action.
    pub action: Option<String>,
    /// Status.
    pub status: Option<String>,
    /// Part of the subject.
    pub subject: Option<String>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Not after.
    pub until: Option<Timestamp>,
}

/// The stories.
#[derive(Debug)]
pub struct Stories {}

/// The sink to add to the hub.
#[derive(Clone, Debug)]
pub struct StorySink {}

impl Stories {
    /// Events that may wait for the writer; beyond it they are dropped and counted.
    pub const EVENTS_MAX: usize = 200_000;

    /// A sink for the hub.
    pub fn sink(&self) -> StorySink {
        todo!()
    }

    /// Waits until all that was recorded before is written.
    pub async fn flush(&self) -> Result<(), StoreError> {
        todo!()
    }

    /// The summary and all events of a story.
    pub fn get(&self, _id: Id) -> Result<Option<(StoryRow, Vec<Event>)>, StoreError> {
        todo!()
    }

    /// Summaries, newest first, older than `before`, at most `rows_max` (500).
    pub fn search(&self, _filter: &StoryFilter, _before: Option<Id>, _rows_max: usize) -> Result<Vec<StoryRow>, StoreError> {
        todo!()
    }

    /// Stories by class since a time: class, count.
    pub fn count_by_class(&self, _filter: &StoryFilter) -> Result<Vec<(String, u64)>, StoreError> {
        todo!()
    }

    /// Forgets stories older than the bound. Returns how many.
    pub async fn forget_before(&self, _before: Timestamp) -> Result<u64, StoreError> {
        todo!()
    }
}

impl trace::Sink for StorySink {
    fn record(&self, _events: &[Event]) {
        todo!()
    }
}
