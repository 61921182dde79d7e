//! What is remembered of how one sender behaves.
//!
//! In prose: [`Ledger::look`] lays a message beside the memory and changes nothing. After the verdict [`Ledger::fold`] books the
//! evidence, notes what was tried, and learns habits from what was accepted, but only in calm: while the evidence is
//! below what would hold a message. So neither a burst nor a patient thief becomes the habit that excuses it. [`Ledger::feedback`] books what comes back
//! later. When an excursion is confirmed, [`Ledger::roll_back`] forgets what only it made known; [`Ledger::forgive`] clears the
//! evidence when the owner or an operator vouches for it.
//!
//! Size: about 500 octets in memory for a person with 40 correspondents, 280 at rest; at most 12 KiB for the busiest.

use super::channel::{Channel, Sums};
use super::facts::{ConductFacts, FailureFacts, Novelty, PlaceFacts, TextHabit};
use super::outcomes::{Outcomes, Returned};
use super::pace::Pace;
use super::people::{People, Recipient};
use super::places::{Places, Whence};
use super::trial::{Stop, Trial, WATCH_DB};
use crate::{Role, SenderKind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One message as the ledger sees it.
#[derive(Clone, Copy, Debug)]
pub struct Sending<'a> {
    /// When.
    pub at: Timestamp,
    /// Kind of the sender.
    pub kind: SenderKind,
    /// From where; None when nothing is known of it.
    pub whence: Option<Whence>,
    /// To whom.
    pub recipients: &'a [Recipient],
    /// A sketch of its text: near duplicates share at least one of these at its place. Zeros for a text too short to tell.
    pub text: Sketch,
    /// It has a List-Unsubscribe field.
    pub is_bulk: bool,
    /// Its From is not the sender's.
    pub is_foreign: bool,
}

/// Bands of a text.
pub type Sketch = [u16; 4];

/// Texts remembered.
const TEXTS_MAX: usize = 4;

/// A sender's ledger.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    pub(super) born_s: u32,
    pub(super) seen_s: u32,
    pub(super) sums: Sums,
    pub(super) messages: u32,
    pub(super) stopped: u16,
    pub(super) role: Option<Role>,
    pub(super) people: People,
    pub(super) places: Places,
    pub(super) pace: Pace,
    pub(super) outcomes: Outcomes,
    pub(super) failed_s: u32,
    pub(super) failed: u16,
    pub(super) usual_db: f32,
    pub(super) bulk_permille: u16,
    pub(super) foreign_permille: u16,
    /// The latest first, with how often each was sent.
    pub(super) texts: [(Sketch, u16); TEXTS_MAX],
}

/// A sender is a stranger to us for so long: where it comes from then is its home.
const SETTLING_S: u32 = 3 * 86_400;
const FAILURES_S: u32 = 3 * 86_400;
/// A role is learned from so many days and messages.
const ROLE_DAYS: u32 = 7;
const ROLE_MESSAGES: u32 = 50;
const ROLE_NEW_PERMILLE: u16 = 600;
const ROLE_BUSY_DAYS: u8 = 3;
/// Messages over which habits are averaged.
const HABIT_OVER: f32 = 50.0;

fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.as_second().max(0)).unwrap_or(u32::MAX)
}

impl Ledger {
    /// The role, set or learned: who writes to ever new people, or by the dozen an hour on many days, is no person.
    pub fn role(&self, kind: SenderKind, at: Timestamp) -> Role {
        if let Some(role) = self.role {
            return role;
        }
        if kind != SenderKind::Mailbox {
            return kind.role();
        }
        let old = seconds(at).saturating_sub(self.born_s) >= ROLE_DAYS * 86_400;
        let sociable = self.people.new_permille > ROLE_NEW_PERMILLE;
        let busy = self.pace.busy_days >= ROLE_BUSY_DAYS;
        if self.born_s == 0 || !old || self.messages < ROLE_MESSAGES || !(sociable || busy) {
            Role::Person
        } else if self.bulk_permille > 500 {
            Role::Bulk
        } else {
            Role::Application
        }
    }

    /// Sets the role for good, or lets it be learned again.
    pub fn set_role(&mut self, role: Option<Role>) {
        self.role = role;
    }

    /// Lays a message beside what is remembered. What the site knows (norms, addresses, campaigns, its age) is to be filled in.
    pub fn look(&self, sending: &Sending<'_>) -> ConductFacts {
        let now_s = seconds(sending.at);
        let hour = now_s / 3_600;
        let failing = now_s.saturating_sub(self.failed_s) <= FAILURES_S;
        ConductFacts {
            role: self.role(sending.kind, sending.at),
            age_days: self.age_days(now_s),
            messages: self.messages,
            stopped: u32::from(self.stopped),
            sums: self.sums_at(now_s),
            place: self.place(sending.whence.as_ref(), now_s),
            failures: FailureFacts {
                count: if failing { u32::from(self.failed) } else { 0 },
            },
            recipients: self.people.look(sending.recipients, hour),
            pace: self.pace.look(hour),
            feedback: self.outcomes.look(),
            text: TextHabit {
                usual_db: self.usual_db,
                same: self.same(&sending.text).map_or(0, |(_, count)| u32::from(count)),
            },
            is_bulk: sending.is_bulk,
            foreign_from_permille: self.foreign_permille,
            ..ConductFacts::default()
        }
    }

    fn place(&self, whence: Option<&Whence>, now_s: u32) -> PlaceFacts {
        let Some(whence) = whence else {
            return PlaceFacts::default();
        };
        let mut place = self.places.look(whence, now_s);
        if self.is_settling(now_s) && !place.stopped {
            (place.novelty, place.new_client) = (Novelty::Trusted, false);
        }
        place
    }

    fn is_settling(&self, now_s: u32) -> bool {
        self.born_s == 0 || now_s.saturating_sub(self.born_s) < SETTLING_S
    }

    fn age_days(&self, now_s: u32) -> u32 {
        if self.born_s == 0 {
            0
        } else {
            now_s.saturating_sub(self.born_s) / 86_400
        }
    }

    /// The evidence, faded to a moment.
    pub fn sums(&self, at: Timestamp) -> Sums {
        self.sums_at(seconds(at))
    }

    fn sums_at(&self, now_s: u32) -> Sums {
        self.sums.faded(now_s.saturating_sub(self.seen_s) as f32)
    }

    fn fade_to(&mut self, now_s: u32) {
        self.sums = self.sums_at(now_s);
        self.seen_s = self.seen_s.max(now_s);
    }

    /// Books a judged message. `accepted`: it was let out.
    pub fn fold(&mut self, sending: &Sending<'_>, facts: &ConductFacts, trial: &Trial, accepted: bool) {
        let now_s = seconds(sending.at);
        self.fade_to(now_s);
        self.sums = self.sums.with(&trial.booked, trial.home);
        let calm = self.sums.total().value() < trial.hold_db;
        self.stopped = match trial.stop {
            Stop::Hold | Stop::Refuse => self.stopped.saturating_add(1),
            _ if trial.total.value() < WATCH_DB => 0,
            _ => self.stopped,
        };
        self.pace.attempted(now_s / 3_600, calm);
        self.people.attempted(&facts.recipients, now_s / 3_600);
        if let Some(whence) = &sending.whence {
            if self.is_settling(now_s) && accepted {
                self.places.settle(whence, now_s);
            } else {
                self.places
                    .attempted(whence, now_s, !accepted && trial.stop == Stop::Refuse);
            }
        }
        self.reads(sending.text);
        if accepted {
            self.learn(sending, facts, trial, calm);
        }
    }

    fn same(&self, text: &Sketch) -> Option<(usize, u16)> {
        if *text == Sketch::default() {
            return None;
        }
        let near = |known: &Sketch| {
            known
                .iter()
                .zip(text)
                .any(|(known, band)| known == band && *band != 0)
        };
        let at = self.texts.iter().position(|(known, _)| near(known))?;
        Some((at, self.texts.get(at)?.1))
    }

    fn reads(&mut self, text: Sketch) {
        if text == Sketch::default() {
            return;
        }
        let (at, count) = self.same(&text).unwrap_or((TEXTS_MAX - 1, 0));
        if let Some(slots) = self.texts.get_mut(..=at) {
            slots.rotate_right(1);
        }
        self.texts[0] = (text, count.saturating_add(1));
    }

    fn learn(&mut self, sending: &Sending<'_>, facts: &ConductFacts, trial: &Trial, calm: bool) {
        let now_s = seconds(sending.at);
        if self.born_s == 0 {
            self.born_s = now_s.max(1);
        }
        let day = u16::try_from(now_s / 86_400).unwrap_or(u16::MAX);
        self.people
            .learn(sending.recipients, &facts.recipients, day, calm);
        if !calm {
            return;
        }
        self.messages = self.messages.saturating_add(1);
        if let Some(whence) = &sending.whence {
            self.places.learn(whence, facts.place.novelty, now_s);
        }
        let weight = 1.0 / (self.messages as f32).clamp(1.0, HABIT_OVER);
        let text_db = trial.text_db.max(0.0);
        self.usual_db += weight * (text_db - self.usual_db);
        let toward = |average: u16, yes: bool| {
            let share = if yes { 1_000.0 } else { 0.0 };
            (f32::from(average) + weight * (share - f32::from(average)))
                .round()
                .clamp(0.0, 1_000.0) as u16
        };
        self.bulk_permille = toward(self.bulk_permille, sending.is_bulk);
        self.foreign_permille = toward(self.foreign_permille, sending.is_foreign);
    }

    /// Books what came back for one recipient of a message (`message`: a hash of its id). Returns what it weighed.
    pub fn feedback(&mut self, returned: Returned, message: u16, kind: SenderKind, at: Timestamp) -> f32 {
        let now_s = seconds(at);
        let role = self.role(kind, at);
        self.fade_to(now_s);
        let weight = self.outcomes.count(returned, message, role, now_s);
        let mut ratios = Sums::default();
        ratios.set(Channel::Feedback, weight);
        self.sums = self.sums.with(&ratios, false);
        weight
    }

    /// A login failed. From a place the sender uses it is a typing error or an old phone.
    pub fn login_failed(&mut self, whence: &Whence, at: Timestamp) {
        let now_s = seconds(at);
        let novelty = self.places.look(whence, now_s).novelty;
        if self.born_s == 0 || matches!(novelty, Novelty::Trusted | Novelty::Recent) {
            return;
        }
        if now_s.saturating_sub(self.failed_s) > FAILURES_S {
            self.failed = 0;
        }
        self.failed = self.failed.saturating_add(1);
        self.failed_s = now_s;
    }

    /// An excursion is confirmed: what only it made known is forgotten.
    pub fn roll_back(&mut self, at: Timestamp) {
        self.people.roll_back();
        self.places.roll_back(seconds(at));
    }

    /// Somebody vouches for the sender: the evidence is void, its places are welcome.
    pub fn forgive(&mut self) {
        self.sums = Sums::default();
        self.places.forgive();
        (self.failed, self.stopped) = (0, 0);
    }

    /// Octets it occupies, its lists included.
    pub fn memory_octets(&self) -> usize {
        let lists = self.people.trusted.capacity() * 2
            + self.people.recent.capacity() * 4
            + self.places.trusted.capacity() * size_of::<super::places::Trusted>()
            + self.places.recent.capacity() * size_of::<super::places::Recent>()
            + self.places.clients.capacity() * 4;
        size_of::<Self>() + lists
    }

    /// Gives back room that lists took in advance.
    pub fn shrink(&mut self) {
        self.people.trusted.shrink_to_fit();
        self.people.recent.shrink_to_fit();
        self.places.trusted.shrink_to_fit();
        self.places.recent.shrink_to_fit();
        self.places.clients.shrink_to_fit();
    }
}
