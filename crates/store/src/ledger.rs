//! What is remembered of senders: counts in windows, conduct, locks. In memory, written behind within a second; a lock is
//! durable before it is told.

use crate::StoreError;
use jiff::Timestamp;
use risk::{Conduct, Level, Limits, Lock, Outcome, Policy, Sender, StandingFacts, Usage, Verdict};
use serde::Serialize;

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
}

/// The ledger.
#[derive(Debug)]
pub struct Ledger {}

impl Ledger {
    /// Facts about a sender's standing.
    pub fn standing(&self, _sender: &Sender, _policy: &Policy, _now: Timestamp) -> StandingFacts {
        todo!()
    }

    /// Counts as they are, without counting anything (for MAIL and RCPT). `messages` and `recipients` are added on paper.
    pub fn usage(&self, _sender: &Sender, _limits: &[(Level, &Limits)], _messages: u64, _recipients: u64, _now: Timestamp) -> Vec<Usage> {
        todo!()
    }

    /// Counts a message with its recipients (address keys) at every level of the sender's tree, and tells the counts.
    pub fn reserve(&self, _sender: &Sender, _limits: &[(Level, &Limits)], _recipients: &[String], _now: Timestamp) -> Reservation {
        todo!()
    }

    /// Takes a reservation back: the message was not accepted.
    pub fn refund(&self, _reservation: Reservation) {
        todo!()
    }

    /// Folds a verdict that was carried out. When it locked the sender, the lock is durable on return and given back.
    pub async fn judged(
        &self,
        _sender: &Sender,
        _verdict: &Verdict,
        _reference: &str,
        _policy: &Policy,
        _now: Timestamp,
    ) -> Result<Option<Lock>, StoreError> {
        todo!()
    }

    /// Locks or unlocks by hand ([`Outcome::LockedBy`], [`Outcome::Unlocked`]); durable on return. `key` as in [`Sender::key`].
    pub async fn by_hand(&self, _key: &str, _outcome: Outcome<'_>, _policy: &Policy, _now: Timestamp) -> Result<(), StoreError> {
        todo!()
    }

    /// One sender.
    pub fn get(&self, _key: &str, _now: Timestamp) -> Option<LedgerRow> {
        todo!()
    }

    /// Senders, most recipients in the last day first, at most `rows_max`; `tenant` narrows, `locked` keeps locked ones only.
    pub fn top(&self, _tenant: Option<&str>, _locked: bool, _now: Timestamp, _rows_max: usize) -> Vec<LedgerRow> {
        todo!()
    }
}
