//! What this site learned of texts: labels, the model made from them, and the ranks of accepted mail.
//!
//! In prose: a label is durable before it is told. The model is a fold over the labels in order, each learned together with one
//! earlier label that its content picks, so the same labels give the same model to the bit: after a crash the labels behind the
//! newest good snapshot are learned again, and to unlearn a message is to fold without it. A model that was taken over from
//! another site is where the fold begins. Ranks are counted in memory and written behind within seconds; losing some of them
//! harms nothing.
//!
//! Promises: reading and counting never wait for a fold or the disk; a label of an account that has given its share of the day
//! is refused with a reason, as is one of a stranger that contradicts an operator. What learns, forgets or reports blocks while it writes, and for seconds when many labels are folded
//! anew: callers on a runtime do it on a blocking thread.
//! Limits: [`LABELS_MAX`], [`LABELS_OF_ACCOUNT_DAY_MAX`], [`SNAPSHOTS_KEPT`].

mod fold;
mod rows;

use crate::StoreError;
use crate::database::{self, MODELS, locked};
use crate::lock::Lock;
use arc_swap::ArcSwap;
use fold::Fold;
use jiff::Timestamp;
use risk::model::{Model, Models as Read, Ranks};
use risk::{Role, View};
use rusqlite::Connection;
use serde::Serialize;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Labels kept, and [`SNAPSHOT_LABELS`] more between snapshots; the oldest go first, and stay learned until the model is made
/// anew.
pub const LABELS_MAX: i64 = 20_000;
/// Labels that mail of one account may give in a day: nobody teaches the site alone.
pub const LABELS_OF_ACCOUNT_DAY_MAX: i64 = 40;
/// What receivers' servers said of mail of one account in a day: they are strangers, and may lie.
pub const REFUSALS_OF_ACCOUNT_DAY_MAX: i64 = 8;
/// And of all mail.
pub const REFUSALS_DAY_MAX: i64 = 200;
/// Snapshots kept.
pub const SNAPSHOTS_KEPT: i64 = 5;
/// Labels after which a snapshot is taken.
pub const SNAPSHOT_LABELS: i64 = 200;
/// How long counts may stay in memory, and what was learned unseen.
const BEHIND: Duration = Duration::from_secs(2);

/// What somebody said of a message.
#[derive(Clone, Copy, Debug)]
pub struct Label<'a> {
    /// Spam, or not.
    pub spam: bool,
    /// Who said it: [`Label::OPERATOR`], [`Label::REFUSAL`], `complaint`, `excursion`; at most 64 octets.
    pub source: &'a str,
    /// The sender of the message, or empty; labels of one account are limited. At most 320 octets.
    pub account: &'a str,
}

impl Label<'_> {
    /// Somebody of this site. Nobody else can change what an operator said.
    pub const OPERATOR: &'static str = "operator";
    /// A receiver's server that refused the message for its content.
    pub const REFUSAL: &'static str = "refusal";
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
    /// Of each source how many labels are kept: as spam, and as other mail.
    pub sources: Vec<(String, i64, i64)>,
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
    /// Held by whoever works without the rest of the store.
    _lock: Option<Lock>,
}

/// Locks are taken in the order desk, counts.
#[derive(Debug)]
struct Shared {
    /// What is read with.
    current: ArcSwap<Read>,
    desk: Mutex<Desk>,
    counts: Mutex<Counts>,
    bell: Condvar,
}

/// Where labels are written and folded; held for as long as that takes.
#[derive(Debug)]
struct Desk {
    connection: Connection,
    fold: Fold,
}

/// Never held for longer than a copy.
#[derive(Debug)]
struct Counts {
    /// The model that is seen.
    local: Arc<Model>,
    ranks: [Ranks; Role::COUNT],
    /// Something was learned that is not seen yet.
    learned: bool,
    /// Something was counted that is not in `current` or on disk.
    counted: bool,
    closing: bool,
}

impl Models {
    /// Opens or makes what was learned; labels behind the newest good snapshot are learned again. Two that learn on the same
    /// directory would not see each other's labels: whoever learns holds the store's lock ([`Models::open_alone`]), whoever
    /// reads may be beside it.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Self::start(database::open(directory, &MODELS)?, None)
    }

    /// The same, to learn while no gateway runs; refused while one does.
    pub fn open_alone(directory: &Path) -> Result<Self, StoreError> {
        let lock = Lock::take(directory)?;
        Self::start(database::open(directory, &MODELS)?, Some(lock))
    }

    fn start(connection: Connection, lock: Option<Lock>) -> Result<Self, StoreError> {
        let fold = Fold::load(&connection)?;
        let counts = Counts {
            local: Arc::new(fold.model.clone()),
            ranks: rows::ranks(&connection)?,
            learned: false,
            counted: false,
            closing: false,
        };
        let shared = Arc::new(Shared {
            current: ArcSwap::from_pointee(counts.read()),
            desk: Mutex::new(Desk { connection, fold }),
            counts: Mutex::new(counts),
            bell: Condvar::new(),
        });
        let at = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("models".to_owned())
            .spawn(move || at.keep())?;
        Ok(Self {
            shared,
            thread: Some(thread),
            _lock: lock,
        })
    }

    /// What messages are read with now.
    pub fn current(&self) -> Arc<Read> {
        self.shared.current.load_full()
    }

    /// Counts the score of an accepted message.
    pub fn accepted(&self, role: Role, odds: f32) {
        let mut counts = locked(&self.shared.counts);
        counts.ranks[role as usize].count(odds);
        counts.counted = true;
    }

    /// Learns what was said of a message. Durable on return, seen within seconds; gives the label's number. A message that has
    /// the same label already is refused, and so is one without words; the other label takes the place of the first, as if that
    /// had never been given.
    pub fn learn(&self, view: &View, label: &Label<'_>, now: Timestamp) -> Result<i64, StoreError> {
        if view.is_wordless() {
            return Err(StoreError::Refused(
                "a message without words teaches nothing".to_owned(),
            ));
        }
        let mut desk = locked(&self.shared.desk);
        let Desk { connection, fold } = &mut *desk;
        let (id, replaced) = rows::add_label(connection, &view.to_sample(), label, now)?;
        if replaced {
            *fold = Fold::load(connection)?;
        } else {
            fold.catch_up(connection)?;
        }
        fold.snapshot_if_due(connection, now)?;
        locked(&self.shared.counts).learned = true;
        Ok(id)
    }

    /// Forgets what was said of a message, as if it had never been said.
    pub fn unlearn(&self, view: &View, now: Timestamp) -> Result<(), StoreError> {
        let mut desk = locked(&self.shared.desk);
        let Desk { connection, fold } = &mut *desk;
        rows::remove_label(connection, &view.to_sample())?;
        *fold = Fold::load(connection)?;
        fold.snapshot_if_due(connection, now)?;
        locked(&self.shared.counts).learned = true;
        Ok(())
    }

    /// Forgets all that a source said, of all mail or of one account's, as if it had never been said. Tells how many labels
    /// that were.
    pub fn forget(&self, source: &str, account: Option<&str>, now: Timestamp) -> Result<usize, StoreError> {
        let mut desk = locked(&self.shared.desk);
        let Desk { connection, fold } = &mut *desk;
        let forgotten = rows::remove_labels_of(connection, source, account)?;
        if forgotten > 0 {
            *fold = Fold::load(connection)?;
            fold.snapshot_if_due(connection, now)?;
            locked(&self.shared.counts).learned = true;
        }
        Ok(forgotten)
    }

    /// Forgets everything: labels, snapshots, ranks; a new key.
    pub fn reset(&self) -> Result<(), StoreError> {
        self.begin_with(rows::clear)
    }

    /// Goes back to a snapshot: labels given since are forgotten.
    pub fn restore(&self, snapshot: i64) -> Result<(), StoreError> {
        let mut desk = locked(&self.shared.desk);
        let Desk { connection, fold } = &mut *desk;
        rows::back_to(connection, snapshot)?;
        *fold = Fold::load(connection)?;
        self.shared.show(&desk);
        Ok(())
    }

    /// The model, to take to another site.
    pub fn export(&self) -> Vec<u8> {
        locked(&self.shared.desk).fold.model.to_octets()
    }

    /// Takes over a model of another site, with its key. Own labels are forgotten, and the ranks, which tell what scores of the
    /// model before mean.
    pub fn import(&self, octets: &[u8], now: Timestamp) -> Result<(), StoreError> {
        Model::from_octets(octets).map_err(|error| StoreError::Refused(error.to_string()))?;
        self.begin_with(|connection| rows::begin_with(connection, octets, now))
    }

    fn begin_with(
        &self,
        change: impl FnOnce(&mut Connection) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut desk = locked(&self.shared.desk);
        let Desk { connection, fold } = &mut *desk;
        change(connection)?;
        *fold = Fold::load(connection)?;
        locked(&self.shared.counts).ranks = Default::default();
        self.shared.show(&desk);
        Ok(())
    }

    /// In figures.
    pub fn report(&self) -> Result<ModelReport, StoreError> {
        let desk = locked(&self.shared.desk);
        let (labels, snapshots) = (
            rows::labels(&desk.connection)?,
            rows::snapshots(&desk.connection)?,
        );
        let (learned_spam, learned_other) = desk.fold.model.learned();
        let counts = locked(&self.shared.counts);
        let ranks = Role::ALL.iter().zip(&counts.ranks);
        Ok(ModelReport {
            learned_spam,
            learned_other,
            labels,
            sources: rows::sources(&desk.connection)?,
            ranks: ranks.map(|(role, ranks)| (*role, ranks.total())).collect(),
            snapshots,
        })
    }

    /// Makes what was learned and counted visible and durable now.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let shared = Arc::clone(&self.shared);
        let flushed = tokio::task::spawn_blocking(move || {
            let desk = locked(&shared.desk);
            shared.show(&desk);
            shared.write(&desk)
        });
        flushed.await.map_err(|_| StoreError::Closing)?
    }
}

impl Drop for Models {
    fn drop(&mut self) {
        locked(&self.shared.counts).closing = true;
        self.shared.bell.notify_all();
        if let Some(thread) = self.thread.take() {
            // A keeper that panicked has nothing more to say.
            let _ = thread.join();
        }
    }
}

impl Counts {
    fn read(&self) -> Read {
        Read {
            local: Some(Arc::clone(&self.local)),
            ranks: self.ranks.clone(),
        }
    }
}

impl Shared {
    /// Shows and writes behind what was counted and learned.
    fn keep(&self) {
        loop {
            let idle = |counts: &mut Counts| !counts.closing;
            let counts = locked(&self.counts);
            let waited = self.bell.wait_timeout_while(counts, BEHIND, idle);
            let (mut counts, _) = waited.unwrap_or_else(PoisonError::into_inner);
            let (learned, counted, closing) = (counts.learned, counts.counted, counts.closing);
            if counted {
                // A fold may take long; what is counted is seen meanwhile.
                counts.counted = false;
                self.current.store(Arc::new(counts.read()));
            }
            drop(counts);
            if learned || counted {
                let desk = locked(&self.desk);
                if learned {
                    self.show(&desk);
                }
                if counted && self.write(&desk).is_err() {
                    locked(&self.counts).counted = true;
                }
            }
            if closing {
                return;
            }
        }
    }

    /// From now on messages are read with what is known.
    fn show(&self, desk: &Desk) {
        let local = Arc::new(desk.fold.model.clone());
        let mut counts = locked(&self.counts);
        counts.local = local;
        counts.learned = false;
        self.current.store(Arc::new(counts.read()));
    }

    fn write(&self, desk: &Desk) -> Result<(), StoreError> {
        let ranks = locked(&self.counts).ranks.clone();
        rows::write_ranks(&desk.connection, &ranks)
    }
}
