//! What this site learned of texts: labels, the model made from them, and the ranks of accepted mail.
//!
//! In prose: a label is durable before it is told. The model is a fold over the labels in order, each learned together with one
//! earlier label that its number picks, so the same labels give the same model to the bit: after a crash the labels behind the
//! newest good snapshot are learned again, and to unlearn a message is to fold without it. Ranks are counted in memory and
//! written behind within seconds; losing some of them harms nothing.
//!
//! Promises: reading never waits; a label of an account that has given its share of the day is refused with a reason.
//! Limits: [`LABELS_MAX`], [`LABELS_OF_ACCOUNT_DAY_MAX`], [`SNAPSHOTS_KEPT`].

mod fold;
mod rows;

use crate::StoreError;
use crate::database::{self, MODELS, locked};
use arc_swap::ArcSwap;
use fold::Fold;
use jiff::Timestamp;
use risk::model::{Model, Models as Read};
use risk::{Role, View};
use rusqlite::Connection;
use serde::Serialize;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Labels kept; the oldest go first, and stay learned until the model is made anew.
pub const LABELS_MAX: i64 = 20_000;
/// Labels that mail of one account may give in a day: nobody teaches the site alone.
pub const LABELS_OF_ACCOUNT_DAY_MAX: i64 = 40;
/// Snapshots kept.
pub const SNAPSHOTS_KEPT: i64 = 5;
/// Labels after which a snapshot is taken.
const SNAPSHOT_LABELS: i64 = 200;
/// How long counts may stay in memory, and what was learned unseen.
const BEHIND: Duration = Duration::from_secs(2);

/// What somebody said of a message.
#[derive(Clone, Copy, Debug)]
pub struct Label<'a> {
    /// Spam, or not.
    pub spam: bool,
    /// Who said it: `operator`, `complaint`, `refusal`, `excursion`; at most 64 octets.
    pub source: &'a str,
    /// The sender of the message, or empty; labels of one account are limited. At most 320 octets.
    pub account: &'a str,
}

/// The model in figures.
#[derive(Clone, Debug, Serialize)]
pub struct ModelReport {
    /// Messages the site's model learned as spam.
    pub learned_spam: u64,
    /// And as other mail.
    pub learned_other: u64,
    /// Labels kept.
    pub labels: i64,
    /// Accepted messages that scores are compared with, by role.
    pub ranks: Vec<(Role, u32)>,
    /// Snapshots that can be restored: number, when, messages learned.
    pub snapshots: Vec<Snapshot>,
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Its number.
    pub id: i64,
    /// When it was taken.
    pub at: Timestamp,
    /// The last label in it.
    pub label: i64,
}

/// What this site learned.
#[derive(Debug)]
pub struct Models {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    /// What is read with.
    current: ArcSwap<Read>,
    state: Mutex<State>,
    connection: Mutex<Connection>,
    bell: Condvar,
}

#[derive(Debug)]
struct State {
    fold: Fold,
    ranks: [risk::model::Ranks; Role::COUNT],
    /// Something was learned or counted that is not in `current` or on disk.
    changed: bool,
    closing: bool,
}

impl Models {
    /// Opens or makes what was learned; labels behind the newest good snapshot are learned again.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let connection = database::open(directory, &MODELS)?;
        let fold = Fold::load(&connection)?;
        let ranks = rows::ranks(&connection)?;
        let read = Read {
            local: Some(fold.model.clone()),
            ranks: ranks.clone(),
        };
        let shared = Arc::new(Shared {
            current: ArcSwap::from_pointee(read),
            state: Mutex::new(State {
                fold,
                ranks,
                changed: false,
                closing: false,
            }),
            connection: Mutex::new(connection),
            bell: Condvar::new(),
        });
        let at = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("models".to_owned())
            .spawn(move || at.keep())?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// What messages are read with now.
    pub fn current(&self) -> Arc<Read> {
        self.shared.current.load_full()
    }

    /// Counts the score of an accepted message.
    pub fn accepted(&self, role: Role, odds: f32) {
        let mut state = locked(&self.shared.state);
        state.ranks[role as usize].count(odds);
        state.changed = true;
    }

    /// Learns what was said of a message. Durable on return; gives the label's number. A message that has the same label
    /// already is left alone; the other label takes its place, which makes the model anew. Blocks while it writes.
    pub fn learn(&self, view: &View, label: &Label<'_>, now: Timestamp) -> Result<i64, StoreError> {
        let sample = view.to_sample();
        let mut connection = locked(&self.shared.connection);
        let (id, replaced) = rows::add_label(&mut connection, &sample, label, now)?;
        let mut state = locked(&self.shared.state);
        if replaced {
            state.fold = Fold::anew(&connection, state.fold.key)?;
        } else {
            state.fold.label(&connection, id)?;
        }
        if state.fold.since_snapshot >= SNAPSHOT_LABELS {
            state.fold.snapshot(&connection, now)?;
        }
        state.changed = true;
        Ok(id)
    }

    /// Forgets what was said of a message, as if it had never been said.
    pub fn unlearn(&self, view: &View) -> Result<(), StoreError> {
        let connection = locked(&self.shared.connection);
        rows::remove_label(&connection, &view.to_sample())?;
        self.make_anew(&connection)
    }

    /// Forgets everything: labels, snapshots, ranks; a new key.
    pub fn reset(&self) -> Result<(), StoreError> {
        let connection = locked(&self.shared.connection);
        rows::clear(&connection)?;
        let mut state = locked(&self.shared.state);
        state.fold = Fold::load(&connection)?;
        state.ranks = Default::default();
        drop(state);
        self.shared.publish();
        Ok(())
    }

    /// Goes back to a snapshot: labels given since are forgotten.
    pub fn restore(&self, snapshot: i64) -> Result<(), StoreError> {
        let connection = locked(&self.shared.connection);
        rows::back_to(&connection, snapshot)?;
        let mut state = locked(&self.shared.state);
        state.fold = Fold::load(&connection)?;
        drop(state);
        self.shared.publish();
        Ok(())
    }

    /// The model and its ranks, to take to another site.
    pub fn export(&self) -> Vec<u8> {
        locked(&self.shared.state).fold.model.to_octets()
    }

    /// Takes over a model of another site, with its key; own labels are forgotten.
    pub fn import(&self, octets: &[u8], now: Timestamp) -> Result<(), StoreError> {
        let model = Model::from_octets(octets).map_err(|error| StoreError::Refused(error.to_string()))?;
        let connection = locked(&self.shared.connection);
        rows::clear(&connection)?;
        let mut state = locked(&self.shared.state);
        state.fold = Fold::of(model, &connection, now)?;
        drop(state);
        self.shared.publish();
        Ok(())
    }

    /// In figures.
    pub fn report(&self) -> Result<ModelReport, StoreError> {
        let connection = locked(&self.shared.connection);
        let (labels, snapshots) = (rows::labels(&connection)?, rows::snapshots(&connection)?);
        let state = locked(&self.shared.state);
        let (learned_spam, learned_other) = state.fold.model.learned();
        let ranks = Role::ALL.iter().zip(&state.ranks);
        Ok(ModelReport {
            learned_spam,
            learned_other,
            labels,
            ranks: ranks.map(|(role, ranks)| (*role, ranks.total())).collect(),
            snapshots,
        })
    }

    /// Makes what was learned and counted visible and durable now.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.shared.publish();
        self.shared.write()
    }

    fn make_anew(&self, connection: &Connection) -> Result<(), StoreError> {
        let mut state = locked(&self.shared.state);
        state.fold = Fold::anew(connection, state.fold.key)?;
        drop(state);
        self.shared.publish();
        Ok(())
    }
}

impl Drop for Models {
    fn drop(&mut self) {
        locked(&self.shared.state).closing = true;
        self.shared.bell.notify_all();
        if let Some(thread) = self.thread.take() {
            // A keeper that panicked has nothing more to say.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn keep(&self) {
        loop {
            let idle = |state: &mut State| !state.closing;
            let state = locked(&self.state);
            let waited = self.bell.wait_timeout_while(state, BEHIND, idle);
            let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            let (changed, closing) = (state.changed, state.closing);
            drop(state);
            if changed {
                self.publish();
                // Counts that could not be written are written with the next ones.
                let _ = self.write();
            }
            if closing {
                return;
            }
        }
    }

    fn publish(&self) {
        let mut state = locked(&self.state);
        state.changed = false;
        let read = Read {
            local: Some(state.fold.model.clone()),
            ranks: state.ranks.clone(),
        };
        drop(state);
        self.current.store(Arc::new(read));
    }

    fn write(&self) -> Result<(), StoreError> {
        let connection = locked(&self.connection);
        let ranks = locked(&self.state).ranks.clone();
        rows::write_ranks(&connection, &ranks)
    }
}
