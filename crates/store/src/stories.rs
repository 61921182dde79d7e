//! Stories kept for search: a sink of the event stream, written in batches by a thread of its own. SQLite.
//!
//! Promises: recording never waits; kill -9 loses the events of the last 200 ms at most, a power cut those of the last second.
//! When the disk fails, events wait for it, up to [`Stories::EVENTS_MAX`]; further ones are dropped and counted.
//! Searches read with connections of their own and never keep the writer waiting; they look at a bounded number of rows.

mod batch;
mod desk;
mod rows;
mod search;
mod summary;
mod writer;

use crate::StoreError;
use crate::database::{self, Readers, STORIES};
use desk::Desk;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;
use trace::{Event, Id};
use writer::Writer;

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
pub struct Stories {
    readers: Readers,
    writer: Writer,
}

/// The sink to add to the hub.
#[derive(Clone, Debug)]
pub struct StorySink {
    desk: Arc<Desk>,
}

impl Stories {
    /// Events that may wait for the writer; beyond it they are dropped and counted.
    pub const EVENTS_MAX: usize = 200_000;
    /// Batches of one story that are told: a message to very many recipients has one for each attempt.
    const BATCHES_MAX: usize = 10_000;

    /// Opens or makes the stories and starts their writer. Stories older than `kept_days` (at least 1) before the newest
    /// event are forgotten hourly; when all take more than `octets_max`, the oldest are forgotten until a 32nd of it is free. The
    /// file itself does not shrink: its free room is used again.
    pub fn open(directory: &Path, kept_days: u32, octets_max: u64) -> Result<Self, StoreError> {
        let connection = database::open(directory, &STORIES)?;
        let desk = Arc::new(Desk::new(Self::EVENTS_MAX));
        let writer = Writer::start(connection, desk, kept_days, octets_max)?;
        Ok(Self {
            readers: Readers::new(directory, &STORIES),
            writer,
        })
    }

    /// A sink for the hub.
    pub fn sink(&self) -> StorySink {
        StorySink {
            desk: Arc::clone(&self.writer.desk),
        }
    }

    /// Waits until all that was recorded before is written.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.writer.desk.flush().await
    }

    /// Events dropped so far, because too many waited or could not be written.
    pub fn events_dropped(&self) -> u64 {
        self.writer.desk.dropped()
    }

    /// Stories forgotten so far before their time, because all of them took more than `octets_max`.
    pub fn forgotten_early(&self) -> u64 {
        self.writer.desk.forgotten_early()
    }

    /// Octets that the stories take now.
    pub fn octets(&self) -> Result<u64, StoreError> {
        self.readers.read(rows::octets)
    }

    /// The summary and all events of a story.
    pub fn get(&self, id: Id) -> Result<Option<(StoryRow, Vec<Event>)>, StoreError> {
        self.readers.read(|connection| {
            let Some(summary) = rows::get(connection, id)? else {
                return Ok(None);
            };
            let mut events = Vec::new();
            for text in rows::batches(connection, id, Self::BATCHES_MAX)? {
                events.append(&mut batch::read(id, &text)?);
            }
            Ok(Some((summary.row, events)))
        })
    }

    /// Summaries, newest first, older than `before`, at most `rows_max` (500).
    ///
    /// Conditions other than one of sender, class or tenant, and the times, are looked for in the newest 200,000 rows only.
    pub fn search(
        &self,
        filter: &StoryFilter,
        before: Option<Id>,
        rows_max: usize,
    ) -> Result<Vec<StoryRow>, StoreError> {
        self.readers
            .read(|connection| search::search(connection, filter, before, rows_max))
    }

    /// Stories by class since a time: class, count. With further conditions over the newest million rows only.
    pub fn count_by_class(&self, filter: &StoryFilter) -> Result<Vec<(String, u64)>, StoreError> {
        self.readers
            .read(|connection| search::count_by_class(connection, filter))
    }

    /// Forgets stories older than the bound. Returns how many.
    pub async fn forget_before(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.writer.desk.forget(Id::first_at(before)).await
    }
}

impl trace::Sink for StorySink {
    fn record(&self, events: &[Event]) {
        self.desk.tell(Arc::new(events.to_vec()));
    }

    fn record_shared(&self, events: &Arc<Vec<Event>>) {
        self.desk.tell(Arc::clone(events));
    }
}
