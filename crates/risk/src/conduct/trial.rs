//! The sequential test: when the evidence about a sender suffices to stop a message.
//!
//! In prose: the sums of all channels with this message's share are one figure. Where it lies above the threshold that follows from
//! the rate of wrongful holds the policy allows, messages that are odd themselves are held; above that of wrongful locks they are
//! refused, and the place they came from is stopped. Two independent groups of evidence must agree (what is sent, from where, to
//! whom and how fast, what came back), except where texts alone are strong and many. The owner's usual mail from the usual place to
//! usual people is let through meanwhile.

use super::channel::{Channel, EvidenceGroup, Sums};
use super::facts::{ConductFacts, Novelty};
use super::ratios;
use crate::{Decibans, Facts, Policy, SenderKind, Symbol};
use serde::{Deserialize, Serialize};

/// What the test says of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// Nothing.
    #[default]
    None,
    /// Let it pass slowly, so that what comes back is known before the next.
    Slow,
    /// Hold it.
    Hold,
    /// Refuse it, and everything odd from there.
    Refuse,
}

/// The test of one message, as kept with the verdict.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// What this message weighs in each channel before the mixture.
    pub raw: Sums,
    /// What its content weighs by itself, however often it was sent.
    pub text_db: f32,
    /// What is booked for it.
    pub booked: Sums,
    /// All evidence, this message included.
    pub sums: Sums,
    /// Their total.
    #[serde(rename = "total_db")]
    pub total: Decibans,
    /// Where a hold begins.
    pub hold_db: f32,
    /// Where a refusal begins.
    pub lock_db: f32,
    /// Groups that are witnesses.
    pub groups: u8,
    /// The message is odd by itself.
    pub odd: bool,
    /// It comes from a place that the sender has used for days.
    pub home: bool,
    /// What follows.
    pub stop: Stop,
}

impl Trial {
    /// Decibans of risk that the sender has left before odd messages are held.
    pub fn credit_db(&self) -> f32 {
        (self.hold_db - self.total.value()).max(0.0)
    }
}

/// Content alone holds from here.
const CONTENT_ALONE_DB: f32 = 26.0;
const CONTENT_AMONG_FRIENDS_DB: f32 = 33.0;
/// And so do the answers of others.
const FEEDBACK_ALONE_DB: f32 = 43.0;
/// Evidence from which on odd messages are slowed.
pub(super) const WATCH_DB: f32 = 17.4;
/// A text, or a set of strangers, is odd from here.
const ODD_TEXT_DB: f32 = 4.3;
const ODD_PLACE_DB: f32 = 5.0;
const ODD_RECIPIENTS_DB: f32 = 3.0;

/// Weighs a message at the final dot.
pub(crate) fn weigh(facts: &Facts, known: &ConductFacts, symbols: &[Symbol], policy: &Policy) -> Trial {
    let text_db = ratios::content(known, symbols);
    let raw = ratios::raw(facts, known, text_db, policy.prior_db);
    let booked = ratios::booked(&raw, &known.norms);
    let home = known.place.novelty == Novelty::Trusted;
    let sums = known.sums.with(&booked, home);
    let total = sums.total();
    let witnesses = EvidenceGroup::ALL
        .into_iter()
        .filter(|group| sums.group(*group) >= group.witness_db());
    let mut trial = Trial {
        raw,
        text_db,
        booked,
        sums,
        total,
        hold_db: policy.hold_db(),
        lock_db: policy.lock_db(),
        groups: u8::try_from(witnesses.count()).unwrap_or(u8::MAX),
        odd: is_odd(facts, known, text_db, &raw, &sums),
        home,
        stop: Stop::None,
    };
    trial.stop = stop(&trial, known, policy);
    trial
}

fn stop(trial: &Trial, known: &ConductFacts, policy: &Policy) -> Stop {
    if !trial.odd || only_watches(known, policy) {
        return Stop::None;
    }
    let total = trial.total.value();
    let agreed = trial.groups >= 2;
    if agreed && (total >= trial.lock_db || known.place.stopped && total >= trial.hold_db) {
        Stop::Refuse
    } else if agreed && total >= trial.hold_db || content_alone(trial, known) || feedback_alone(trial) {
        Stop::Hold
    } else if total >= WATCH_DB {
        Stop::Slow
    } else {
        Stop::None
    }
}

/// A young site does not know its senders yet: it stops nobody for conduct.
pub(crate) fn only_watches(known: &ConductFacts, policy: &Policy) -> bool {
    known.site_days < policy.observe_days
}

/// Texts alone: strong, and at least two of them; more of them from home to people who know the sender.
fn content_alone(trial: &Trial, known: &ConductFacts) -> bool {
    let among_friends = trial.home && known.recipients.new == 0;
    let least = if among_friends {
        CONTENT_AMONG_FRIENDS_DB
    } else {
        CONTENT_ALONE_DB
    };
    trial.sums.of(Channel::Content) >= least && trial.text_db >= ODD_TEXT_DB
}

/// A list of addresses so bad that nobody asked for it.
fn feedback_alone(trial: &Trial) -> bool {
    trial.sums.of(Channel::Feedback) >= FEEDBACK_ALONE_DB
}

/// Is the message odd by itself, whatever is known of its sender?
fn is_odd(facts: &Facts, known: &ConductFacts, text_db: f32, raw: &Sums, sums: &Sums) -> bool {
    // An author behind a relay is the customer's affair; a script is not.
    let abroad = !known.place.countries.is_empty() || raw.of(Channel::Origin) >= ODD_PLACE_DB;
    let settled = facts.sender.kind != SenderKind::Host && known.messages >= 8;
    // A script has no country, and without a database nothing has.
    let strange_place = settled && known.place.strange && (abroad || known.place.country.is_empty());
    let bad_news = sums.group(EvidenceGroup::Feedback) >= EvidenceGroup::Feedback.witness_db();
    // What came back is of what a stranger sent, where there is one; else of what is sent from home.
    let stranger =
        known.place.others_stopped || sums.group(EvidenceGroup::Origin) >= EvidenceGroup::Origin.witness_db();
    let guilty = strange_place || !stranger;
    let strangers = known.recipients.new > 0;
    text_db >= ODD_TEXT_DB
        || known.place.stopped
        || strange_place
        || raw.of(Channel::Campaign) > 0.0
        || raw.of(Channel::Identity) > 0.0
        || raw.of(Channel::Recipients) >= ODD_RECIPIENTS_DB
            && strangers
            && known.recipients.new_this_hour > 10
        || bad_news && strangers && guilty
}
