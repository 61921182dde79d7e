//! What a sender's conduct makes of it.
//!
//! In prose: a sender is *new* until it has sent enough mail for long enough, then *good*. A refusal for content makes it
//! *watched*; several within a day make it *limited*; a burst of them, or too many in a day however slow, *lock* it. Quiet
//! days lead back step by step. A lock ends by time or by hand, and leads to watched, never straight to good.
//! Refusals that an honest mistake explains (wrong sender address, volume, file type, no scanner) do not count.

use crate::{Action, Cause, Class, Language, Lock, Policy, Room, Standing, StandingFacts, Verdict};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What the ledger keeps of a sender. Bounded: the lists hold the newest [`Conduct::TIMES_MAX`] entries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conduct {
    /// Standing at `since`; see [`Conduct::standing_at`].
    pub standing: Standing,
    /// When the first message was accepted.
    pub first_accepted: Option<Timestamp>,
    /// Messages accepted, all time.
    pub accepted: u64,
    /// Times of refusals for content, oldest first.
    pub refusals: Vec<Timestamp>,
    /// Times of risky messages let pass, oldest first.
    pub risky: Vec<Timestamp>,
    /// Times of messages let pass unchecked, oldest first.
    pub unchecked: Vec<Timestamp>,
    /// The lock, while there is one.
    pub lock: Option<Lock>,
    /// Locks so far: repeat victims are visible.
    pub locks: u32,
}

/// What became of one transaction, as the ledger learns it.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<'a> {
    /// The verdict was carried out; `reference` is the story's id.
    Judged {
        /// The verdict.
        verdict: &'a Verdict,
        /// The story's id.
        reference: &'a str,
    },
    /// Somebody locked the sender.
    LockedBy(Lock),
    /// Somebody unlocked the sender.
    Unlocked,
}

impl Conduct {
    /// Entries kept of each list of times.
    pub const TIMES_MAX: usize = 128;

    /// The standing now: a lock that has run out no longer counts.
    pub fn standing_at(&self, now: Timestamp) -> Standing {
        match &self.lock {
            Some(lock) if lock.until.is_none_or(|until| now < until) => Standing::Locked,
            Some(_) => Standing::Watched,
            None if self.standing == Standing::Locked => Standing::Watched,
            None => self.standing,
        }
    }

    /// The lock, if it holds now.
    pub fn lock_at(&self, now: Timestamp) -> Option<&Lock> {
        self.lock
            .as_ref()
            .filter(|lock| lock.until.is_none_or(|until| now < until))
    }

    /// The facts that a judgement sees.
    pub fn facts_at(&self, now: Timestamp, policy: &Policy) -> StandingFacts {
        StandingFacts {
            standing: self.standing_at(now),
            lock: self.lock_at(now).cloned(),
            accepted: self.accepted,
            age_days: self.first_accepted.map_or(0, |first| days_between(first, now)),
            risky_today: count_since(&self.risky, now, DAY_S),
            refusals: count_since(&self.refusals, now, i64::from(policy.lock_window_s)),
            unchecked_today: count_since(&self.unchecked, now, DAY_S),
        }
    }
}

/// Folds an outcome into a sender's conduct. Returns the lock when this outcome made one.
pub fn fold(conduct: &mut Conduct, outcome: &Outcome<'_>, policy: &Policy, now: Timestamp) -> Option<Lock> {
    if conduct.lock.is_some() && conduct.lock_at(now).is_none() {
        conduct.lock = None;
        conduct.standing = Standing::Watched;
        conduct.refusals.clear();
    }
    match outcome {
        Outcome::Judged { verdict, reference } => fold_verdict(conduct, verdict, reference, policy, now),
        Outcome::LockedBy(lock) => {
            conduct.locks = conduct.locks.saturating_add(1);
            conduct.standing = Standing::Locked;
            conduct.lock = Some(lock.clone());
            None
        }
        Outcome::Unlocked => {
            conduct.lock = None;
            conduct.standing = Standing::Watched;
            conduct.refusals.clear();
            None
        }
    }
}

fn fold_verdict(
    conduct: &mut Conduct,
    verdict: &Verdict,
    reference: &str,
    policy: &Policy,
    now: Timestamp,
) -> Option<Lock> {
    match verdict.action {
        Action::Accept | Action::Hold => {
            conduct.accepted = conduct
                .accepted
                .saturating_add(u64::from(verdict.action == Action::Accept));
            conduct.first_accepted.get_or_insert(now);
            if verdict.on_allowance {
                remember(&mut conduct.risky, now);
            }
            if verdict.unchecked {
                remember(&mut conduct.unchecked, now);
            }
            conduct.standing = after_quiet(conduct, policy, now);
            None
        }
        Action::Refuse if counts(verdict) => {
            remember(&mut conduct.refusals, now);
            if let Some(lock) = conduct.lock.as_mut().filter(|lock| lock.by == BY) {
                lock.elsewhere &= is_elsewhere(verdict);
                return None;
            }
            let in_window = count_since(&conduct.refusals, now, i64::from(policy.lock_window_s));
            let in_day = count_since(&conduct.refusals, now, DAY_S);
            if in_window >= policy.lock_refusals || in_day >= policy.lock_refusals_day {
                return Some(lock(conduct, verdict, reference, policy, now));
            }
            let limited = in_day >= policy.limit_refusals;
            conduct.standing = if limited {
                Standing::Limited
            } else {
                conduct.standing.max(Standing::Watched)
            };
            None
        }
        Action::Refuse | Action::Defer => None,
    }
}

/// Who locks by itself.
const BY: &str = "dogana";

fn is_elsewhere(verdict: &Verdict) -> bool {
    verdict.trial.as_ref().is_some_and(|trial| !trial.home)
}

fn counts(verdict: &Verdict) -> bool {
    let bad = matches!(verdict.class, Class::Suspect | Class::Spam | Class::Malware);
    match verdict.cause {
        Cause::Content | Cause::Malware | Cause::Allowance => bad,
        // Whole evidence stands behind it.
        Cause::Conduct => true,
        _ => false,
    }
}

fn lock(conduct: &mut Conduct, verdict: &Verdict, reference: &str, policy: &Policy, now: Timestamp) -> Lock {
    let count = conduct.refusals.len();
    // Whoever may see the sender may read this, not only who may read the message.
    let last = verdict.reason.sentence_in(Language::English, Room::BARE);
    let reason: String = format!("{count} refused messages; the last: {last}")
        .chars()
        .take(200)
        .collect();
    let lasts = SignedDuration::from_secs(i64::try_from(policy.lock_s).unwrap_or(i64::MAX));
    let lock = Lock {
        reference: reference.to_owned(),
        reason,
        by: BY.to_owned(),
        at: now,
        until: now.checked_add(lasts).ok(),
        elsewhere: is_elsewhere(verdict),
    };
    conduct.locks = conduct.locks.saturating_add(1);
    conduct.standing = Standing::Locked;
    conduct.lock = Some(lock.clone());
    lock
}

/// Quiet days lead back: limited to watched, watched to what the history says.
fn after_quiet(conduct: &Conduct, policy: &Policy, now: Timestamp) -> Standing {
    let quiet = conduct
        .refusals
        .last()
        .is_none_or(|last| days_between(*last, now) >= policy.quiet_days);
    let old = conduct
        .first_accepted
        .is_some_and(|first| days_between(first, now) >= policy.good_after_days);
    let by_history = if old && conduct.accepted >= policy.good_after_messages {
        Standing::Good
    } else {
        Standing::New
    };
    match conduct.standing {
        Standing::New | Standing::Good => by_history,
        standing if !quiet => standing,
        Standing::Limited => Standing::Watched,
        _ => by_history,
    }
}

const DAY_S: i64 = 86_400;

fn days_between(from: Timestamp, to: Timestamp) -> u32 {
    u32::try_from(to.as_second().saturating_sub(from.as_second()) / DAY_S).unwrap_or(0)
}

fn count_since(times: &[Timestamp], now: Timestamp, seconds: i64) -> u32 {
    let from = now.as_second().saturating_sub(seconds);
    let count = times.iter().rev().take_while(|at| at.as_second() > from).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn remember(times: &mut Vec<Timestamp>, now: Timestamp) {
    if times.len() >= Conduct::TIMES_MAX {
        times.remove(0);
    }
    times.push(now);
}
