//! What is remembered of senders: counts in windows, conduct, locks. In memory, written behind within a second; a lock is
//! durable before it is told.
//!
//! Promises: counting and reading never wait for the disk. After kill -9 at most the last second of counts and conduct is
//! lost, and no lock or unlock that was told. Two messages at once cannot both be the last one allowed.
//! Limits: [`Ledger::ENTRIES_MAX`] senders, domains and tenants; beyond it those not seen for longest are forgotten, locked
//! ones last, limited ones before these.

mod entry;
mod habits;
mod shards;
mod writer;

use crate::StoreError;
use crate::database::{self, CONTROL};
use jiff::Timestamp;
use risk::{
    Conduct, Level, Limits, Lock, Outcome, Policy, Sender, SenderKind, StandingFacts, Usage, Verdict,
};
use serde::Serialize;
use shards::Shards;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;
use std::sync::Arc;
use writer::Writer;
use xxhash_rust::xxh3::xxh3_64;

/// A row of the senders' list.
#[derive(Clone, Debug, Serialize)]
pub struct LedgerRow {
    /// `mailbox:info@example.com`.
    pub key: String,
    /// Tenant.
    pub tenant: String,
    /// Domain.
    pub domain: String,
    /// Conduct.
    pub conduct: Conduct,
    /// Messages and recipients in the last day.
    pub messages_day: u64,
    /// Likewise.
    pub recipients_day: u64,
}

/// A message counted before it is judged, so that two at once cannot both be the last one allowed. Refunded unless kept.
#[derive(Debug)]
pub struct Reservation {
    /// Counts with this message, beside the limits.
    pub usage: Vec<Usage>,
    /// Keys and the windows counted there.
    counted: Vec<(String, Vec<u32>)>,
    at: Timestamp,
    recipients: u64,
}

/// The ledger.
#[derive(Debug)]
pub struct Ledger {
    shards: Arc<Shards>,
    site: Arc<habits::Site>,
    writer: Writer,
    damaged: u64,
}

impl Ledger {
    /// Senders, domains and tenants remembered.
    pub const ENTRIES_MAX: usize = 250_000;

    /// Opens or makes the ledger, reads all of it, and starts its writer.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Self::open_bounded(directory, Self::ENTRIES_MAX)
    }

    /// The same with another bound on what is remembered.
    pub fn open_bounded(directory: &Path, entries_max: usize) -> Result<Self, StoreError> {
        let connection = database::open(directory, &CONTROL)?;
        let shards = Arc::new(Shards::new(entries_max));
        let damaged = writer::load(&connection, &shards)?;
        let site = Arc::new(habits::Site::load(&connection)?);
        let writer = Writer::start(connection, Arc::clone(&shards), Arc::clone(&site))?;
        Ok(Self {
            shards,
            site,
            writer,
            damaged,
        })
    }

    /// Rows that could not be read when the ledger was opened: their senders start anew.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Facts about a sender's standing.
    pub fn standing(&self, sender: &Sender, policy: &Policy, now: Timestamp) -> StandingFacts {
        let facts = self
            .shards
            .peek(&sender.key(), |entry| entry.conduct.facts_at(now, policy));
        facts.unwrap_or_default()
    }

    /// Counts as they are, without counting anything (for MAIL and RCPT). `messages` and `recipients` are added on paper;
    /// different recipients are not, since it is not known here whether they are new.
    pub fn usage(
        &self,
        sender: &Sender,
        limits: &[(Level, &Limits)],
        messages: u64,
        recipients: u64,
        now: Timestamp,
    ) -> Vec<Usage> {
        let mut usage = Vec::new();
        for (level, limits) in limits {
            let Some(key) = sender.level_key(*level) else {
                continue;
            };
            let on_paper = |entry: Option<&mut entry::Entry>| {
                entry::on_paper(
                    entry,
                    *level,
                    &key,
                    limits,
                    (messages, recipients),
                    now,
                    &mut usage,
                );
            };
            self.shards.peek_or(&key, on_paper);
        }
        usage
    }

    /// Counts a message with its recipients (address keys) at every level of the sender's tree, and tells the counts.
    pub fn reserve(
        &self,
        sender: &Sender,
        limits: &[(Level, &Limits)],
        recipients: &[String],
        now: Timestamp,
    ) -> Reservation {
        let hashes: Vec<u64> = recipients.iter().map(|key| xxh3_64(key.as_bytes())).collect();
        let mut reservation = Reservation {
            usage: Vec::new(),
            counted: Vec::with_capacity(Level::ALL.len()),
            at: now,
            recipients: hashes.len() as u64,
        };
        for level in Level::ALL {
            let Some(key) = sender.level_key(level) else {
                continue;
            };
            let of_level = limits
                .iter()
                .filter(|(of, _)| *of == level)
                .map(|(_, limits)| *limits);
            let windows = self.shards.change(&key, sender, now, |entry| {
                entry.count(level, &key, of_level, &hashes, now, &mut reservation.usage)
            });
            reservation.counted.push((key, windows));
        }
        reservation
    }

    /// Takes a reservation back: the message was not accepted.
    pub fn refund(&self, reservation: Reservation) {
        for (key, windows) in &reservation.counted {
            self.shards.touch(key, |entry| {
                entry.refund(windows, reservation.at, reservation.recipients)
            });
        }
    }

    /// Folds a verdict that was carried out. When it locked the sender, the lock is durable on return and given back.
    pub async fn judged(
        &self,
        sender: &Sender,
        verdict: &Verdict,
        reference: &str,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Option<Lock>, StoreError> {
        let outcome = Outcome::Judged { verdict, reference };
        let fold = |entry: &mut entry::Entry| risk::fold(&mut entry.conduct, &outcome, policy, now);
        let lock = self.shards.change(&sender.key(), sender, now, fold);
        if lock.is_some() {
            self.habits(&sender.key(), |known| known.roll_back(now));
            self.writer.flush().await?;
        }
        Ok(lock)
    }

    /// Locks or unlocks by hand ([`Outcome::LockedBy`], [`Outcome::Unlocked`]); durable on return. `key` as in [`Sender::key`].
    pub async fn by_hand(
        &self,
        key: &str,
        outcome: Outcome<'_>,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let fold = |entry: &mut entry::Entry| drop(risk::fold(&mut entry.conduct, &outcome, policy, now));
        if matches!(outcome, Outcome::Unlocked) {
            self.shards
                .touch(key, fold)
                .ok_or(StoreError::Missing("sender"))?;
            self.habits(key, risk::Ledger::forgive);
        } else {
            let sender = sender_of(key).ok_or_else(|| {
                StoreError::Refused(
                    "a sender is written mailbox:, script:, host: or ip:, then its name".to_owned(),
                )
            })?;
            self.shards.change(key, &sender, now, fold);
        }
        self.writer.flush().await
    }

    /// Waits until all that was counted and folded before is durable.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.writer.flush().await
    }

    /// One sender.
    pub fn get(&self, key: &str, now: Timestamp) -> Option<LedgerRow> {
        self.shards.peek(key, |entry| entry.row(key, now))
    }

    /// Senders, most recipients in the last day first, at most `rows_max`; `tenant` narrows, `locked` keeps locked ones only.
    pub fn top(&self, tenant: Option<&str>, locked: bool, now: Timestamp, rows_max: usize) -> Vec<LedgerRow> {
        let mut best: BinaryHeap<Reverse<(u64, String)>> = BinaryHeap::new();
        self.shards.each(|key, entry| {
            let fits = tenant.is_none_or(|tenant| &*entry.tenant == tenant)
                && (!locked || entry.conduct.lock_at(now).is_some())
                && kind_of(key).is_some();
            if !fits {
                return;
            }
            let recipients = entry.day(now).1;
            let low =
                best.len() >= rows_max && best.peek().is_none_or(|Reverse((least, _))| recipients <= *least);
            if !low {
                best.push(Reverse((recipients, key.to_owned())));
                if best.len() > rows_max {
                    best.pop();
                }
            }
        });
        best.into_sorted_vec()
            .into_iter()
            .filter_map(|Reverse((_, key))| self.get(&key, now))
            .collect()
    }
}

/// Kind and name in a sender's key.
fn kind_of(key: &str) -> Option<(SenderKind, &str)> {
    let (kind, name) = key.split_once(':')?;
    let kinds = [
        SenderKind::Mailbox,
        SenderKind::Script,
        SenderKind::Host,
        SenderKind::Ip,
    ];
    Some((kinds.into_iter().find(|known| known.as_str() == kind)?, name))
}

/// What a sender's key tells; None for the keys of domains and tenants, which cannot be locked.
fn sender_of(key: &str) -> Option<Sender> {
    let (kind, name) = kind_of(key)?;
    let domain = if kind == SenderKind::Mailbox {
        name.rsplit_once('@').map_or("", |(_, domain)| domain)
    } else {
        ""
    };
    let fits = !name.is_empty() && name.len() <= 320 && !name.chars().any(char::is_control);
    fits.then(|| Sender {
        kind,
        name: name.to_owned(),
        domain: domain.to_owned(),
        tenant: String::new(),
    })
}
