//! The stories on disk: a thread of its own folds events into summaries and writes both in batches.

use super::batch;
use super::desk::{Desk, Forget};
use super::rows;
use super::summary::Summary;
use crate::StoreError;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::collections::HashMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use trace::{Event, Id};

/// Summaries kept in memory, because their deliveries will soon be told.
const RECENT_MAX: usize = 20_000;
/// Stories forgotten in one transaction.
const FORGOTTEN_MAX: usize = 1_000;
/// How often old stories are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(3_600);
/// The clock leapt when it gained this much.
const LEAP: SignedDuration = SignedDuration::from_hours(24);

/// The handle of the thread. When it is dropped, everything is written and the thread ends.
#[derive(Debug)]
pub(super) struct Writer {
    pub desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        desk: Arc<Desk>,
        kept_days: u32,
        octets_max: u64,
    ) -> Result<Self, StoreError> {
        let mut hand = Hand {
            connection,
            desk: Arc::clone(&desk),
            recent: Recent::default(),
            unwritten: Vec::new(),
            newest: None,
            kept: SignedDuration::from_hours(24 * i64::from(kept_days.max(1))),
            octets_max,
            looked: None,
        };
        let thread = std::thread::Builder::new()
            .name("stories".to_owned())
            .spawn(move || hand.work())?;
        Ok(Self {
            desk,
            thread: Some(thread),
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.desk.close();
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has nothing more to say.
            let _ = thread.join();
        }
    }
}

/// Summaries of the last stories: two generations, the older one is dropped when the younger is full.
#[derive(Default)]
struct Recent {
    young: HashMap<Id, Summary>,
    old: HashMap<Id, Summary>,
}

impl Recent {
    fn take(&mut self, id: Id) -> Option<Summary> {
        self.young.remove(&id).or_else(|| self.old.remove(&id))
    }

    fn put(&mut self, id: Id, summary: Summary) {
        if self.young.len() >= RECENT_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(id, summary);
    }
}

/// The thread's own.
struct Hand {
    connection: Connection,
    desk: Arc<Desk>,
    recent: Recent,
    /// Taken, and kept while writing fails.
    unwritten: Vec<Arc<Vec<Event>>>,
    /// The last time told: the stories have no clock of their own.
    newest: Option<Timestamp>,
    kept: SignedDuration,
    octets_max: u64,
    /// When old stories were looked for, and what the time told was then.
    looked: Option<(Instant, Timestamp)>,
}

impl Hand {
    fn work(&mut self) {
        loop {
            let work = self.desk.wait(!self.unwritten.is_empty());
            self.unwritten.extend(work.told);
            let result = self.write();
            for waiter in work.waiters {
                // A caller that went away needs no answer.
                drop(waiter.send(result.as_ref().copied().map_err(again)));
            }
            if work.closing {
                return;
            }
            if let Some(forget) = work.forget.or_else(|| self.due()).or_else(|| self.too_large()) {
                self.forget(forget);
            }
        }
    }

    /// Writes what was taken. After a failure of the disk it is kept for another try; what SQLite refuses for another reason
    /// would be refused again, and is dropped and counted.
    fn write(&mut self) -> Result<(), StoreError> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        let result = self.commit();
        let hopeless = matches!(&result, Err(StoreError::Refused(_)))
            || matches!(&result, Err(StoreError::Database(error))
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation));
        let events = self.unwritten.iter().map(|events| events.len()).sum();
        if result.is_ok() || hopeless {
            self.unwritten.clear();
            self.desk.written(events);
        }
        if hopeless {
            self.desk.drop_events(events);
        }
        if result.is_err() {
            self.recent = Recent::default();
        }
        result
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut changed: HashMap<Id, (Summary, bool)> = HashMap::new();
        for events in &self.unwritten {
            for events in events.chunk_by(|one, next| one.id == next.id && one.scope == next.scope) {
                let Some(first) = events.first() else { continue };
                let (summary, heavy) = match changed.remove(&first.id) {
                    Some(known) => known,
                    None => (known(&transaction, &mut self.recent, first.id)?, false),
                };
                let folded = fold(summary, heavy, events);
                changed.insert(first.id, folded);
                let text = batch::write(&first.scope, &events.iter().collect::<Vec<_>>())?;
                rows::add_batch(&transaction, first.id, &text)?;
                self.newest = events.last().map(|last| last.at);
            }
        }
        let mut ids: Vec<Id> = changed.keys().copied().collect();
        ids.sort_unstable();
        for id in &ids {
            if let Some((summary, heavy)) = changed.get(id) {
                if *heavy {
                    rows::put(&transaction, *id, summary)?;
                } else {
                    rows::put_light(&transaction, *id, summary)?;
                }
            }
        }
        transaction.commit()?;
        for (id, (summary, _)) in changed {
            self.recent.put(id, summary);
        }
        Ok(())
    }

    /// Old stories, once an hour. When the clock leapt since the last look, an hour passes before it is believed.
    fn due(&mut self) -> Option<Forget> {
        let (now, told) = (Instant::now(), self.newest?);
        if self
            .looked
            .is_some_and(|(at, _)| now.duration_since(at) < FORGET_EVERY)
        {
            return None;
        }
        let before = self.looked.replace((now, told));
        if before.is_some_and(|(at, before)| {
            told.duration_since(before) > LEAP + SignedDuration::try_from(now - at).unwrap_or(LEAP)
        }) {
            return None;
        }
        let below = told.checked_sub(self.kept).ok()?;
        Some(Forget {
            below: Id::first_at(below),
            forgotten: 0,
            early: false,
            waiter: None,
        })
    }

    /// The oldest stories, when all take more than they may: as many as make a 32nd of the bound free, so that this is rare.
    fn too_large(&self) -> Option<Forget> {
        let used = rows::octets(&self.connection).ok()?;
        if used <= self.octets_max {
            return None;
        }
        let wanted = self.octets_max - self.octets_max / 32;
        let share = 1.0 - wanted as f64 / used as f64;
        Some(Forget {
            below: rows::oldest(&self.connection, share).ok()??,
            forgotten: 0,
            early: true,
            waiter: None,
        })
    }

    fn forget(&mut self, mut forget: Forget) {
        let result = self.forget_chunk(forget.below);
        match result {
            Ok(number) => {
                forget.forgotten += number;
                if forget.early {
                    self.desk.count_early(number);
                }
                if number >= FORGOTTEN_MAX as u64 {
                    self.desk.go_on_forgetting(forget);
                } else if let Some(waiter) = forget.waiter {
                    drop(waiter.send(Ok(forget.forgotten)));
                }
            }
            Err(error) => drop(forget.waiter.map(|waiter| waiter.send(Err(error)))),
        }
    }

    fn forget_chunk(&mut self, below: Id) -> Result<u64, StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let number = rows::forget(&transaction, below, FORGOTTEN_MAX)?;
        transaction.commit()?;
        self.recent = Recent::default();
        Ok(number)
    }
}

/// The summary so far.
fn known(transaction: &Transaction<'_>, recent: &mut Recent, id: Id) -> Result<Summary, StoreError> {
    match recent.take(id) {
        Some(summary) => Ok(summary),
        None => Ok(rows::get(transaction, id)?.unwrap_or_default()),
    }
}

fn fold(mut summary: Summary, mut heavy: bool, events: &[Event]) -> (Summary, bool) {
    for event in events {
        heavy |= summary.fold(event);
    }
    (summary, heavy)
}

/// One failure, told to several.
fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Full(text) => StoreError::Full(text.clone()),
        other => StoreError::Disk(std::io::Error::other(other.to_string())),
    }
}
