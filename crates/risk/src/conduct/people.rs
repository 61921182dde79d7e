//! To whom a sender writes: marks of 16 bits, so that a person's circle fits in a hundred octets.
//!
//! In prose: a recipient is *recent* at first and *trusted* once the sender has written days later with nothing suspected. When an
//! excursion is confirmed the recent ones are forgotten. A mark is the upper part of a keyed hash: one in 65,536 strangers is taken
//! for one known person, which excuses, never accuses.

use super::facts::RecipientFacts;
use serde::{Deserialize, Serialize};

/// Recipients remembered for good; beyond it one is forgotten for each that comes.
pub(super) const TRUSTED_MAX: usize = 4_096;
/// Recent ones remembered.
pub(super) const RECENT_MAX: usize = 256;
/// Days until a recent one is trusted.
const PROBATION_DAYS: u16 = 3;
/// Deliveries over which the share of new ones is averaged.
const SHARE_OVER: f32 = 100.0;

/// A recipient as the ledger sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// A well-mixed hash of the address's key, keyed by the site.
    pub hash: u64,
    /// In the sender's own domain.
    pub own: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct People {
    /// Sorted.
    pub trusted: Vec<u16>,
    /// Mark and day, oldest first.
    pub recent: Vec<(u16, u16)>,
    pub deliveries: u32,
    pub distinct: u32,
    pub new_permille: u16,
    pub hour: u32,
    pub new_this_hour: u16,
}

fn mark(hash: u64) -> u16 {
    (hash >> 48) as u16
}

impl People {
    pub(super) fn look(&self, recipients: &[Recipient], hour: u32) -> RecipientFacts {
        let mut facts = RecipientFacts {
            count: u32::try_from(recipients.len()).unwrap_or(u32::MAX),
            deliveries: self.deliveries,
            distinct: self.distinct,
            new_permille: self.new_permille,
            ..RecipientFacts::default()
        };
        for recipient in recipients
            .iter()
            .filter(|recipient| !self.knows(mark(recipient.hash)))
        {
            facts.new += 1;
            facts.new_own += u32::from(recipient.own);
        }
        let before = if hour == self.hour { self.new_this_hour } else { 0 };
        facts.new_this_hour = facts.new + u32::from(before);
        facts
    }

    fn knows(&self, mark: u16) -> bool {
        self.trusted.binary_search(&mark).is_ok() || self.recent.iter().any(|(known, _)| *known == mark)
    }

    /// Counts new ones, whether the message was let out or not.
    pub(super) fn attempted(&mut self, facts: &RecipientFacts, hour: u32) {
        if hour != self.hour {
            (self.hour, self.new_this_hour) = (hour, 0);
        }
        self.new_this_hour = self
            .new_this_hour
            .saturating_add(u16::try_from(facts.new).unwrap_or(u16::MAX));
    }

    /// Learns the recipients of an accepted message. Only what was sent in `calm` becomes a habit.
    pub(super) fn learn(&mut self, recipients: &[Recipient], facts: &RecipientFacts, day: u16, calm: bool) {
        for recipient in recipients {
            self.meet(mark(recipient.hash), recipient.hash, day, calm);
        }
        if !calm {
            return;
        }
        self.deliveries = self.deliveries.saturating_add(facts.count);
        let weight = (facts.count as f32 / SHARE_OVER).min(0.5);
        let share = facts.new as f32 / facts.count.max(1) as f32 * 1_000.0;
        let average = f32::from(self.new_permille);
        self.new_permille = (average + weight * (share - average)).round().clamp(0.0, 1_000.0) as u16;
    }

    fn meet(&mut self, mark: u16, hash: u64, day: u16, calm: bool) {
        if self.trusted.binary_search(&mark).is_ok() {
            return;
        }
        match self.recent.iter().position(|(known, _)| *known == mark) {
            Some(at) => {
                let since = self.recent.get(at).map_or(day, |(_, since)| *since);
                if calm && day.saturating_sub(since) >= PROBATION_DAYS {
                    self.recent.remove(at);
                    self.trust(mark, hash);
                }
            }
            None => self.newcomer(mark, hash, day, calm),
        }
    }

    /// The oldest recent one makes room; it is trusted if its time has come.
    fn newcomer(&mut self, mark: u16, hash: u64, day: u16, calm: bool) {
        while let Some((oldest, since)) = self.recent.first().copied() {
            let aged = calm && day.saturating_sub(since) >= PROBATION_DAYS;
            if !aged && self.recent.len() < RECENT_MAX {
                break;
            }
            self.recent.remove(0);
            if aged {
                self.trust(oldest, hash);
            }
        }
        self.recent.push((mark, day));
    }

    fn trust(&mut self, mark: u16, hash: u64) {
        self.distinct = self.distinct.saturating_add(1);
        if self.trusted.len() >= TRUSTED_MAX {
            self.trusted.remove((hash % TRUSTED_MAX as u64) as usize);
        }
        if let Err(at) = self.trusted.binary_search(&mark) {
            self.trusted.insert(at, mark);
        }
    }

    /// Forgets whom only an excursion made known.
    pub(super) fn roll_back(&mut self) {
        self.recent.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipient(number: u64) -> Recipient {
        Recipient {
            hash: number.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            own: number.is_multiple_of(2),
        }
    }

    fn send(people: &mut People, numbers: std::ops::Range<u64>, day: u16, calm: bool) -> RecipientFacts {
        let all: Vec<_> = numbers.map(recipient).collect();
        let facts = people.look(&all, u32::from(day) * 24);
        people.attempted(&facts, u32::from(day) * 24);
        people.learn(&all, &facts, day, calm);
        facts
    }

    #[test]
    fn trusted_with_days_and_forgotten_with_the_excursion() {
        let mut people = People::default();
        assert_eq!(send(&mut people, 0..10, 100, true).new, 10);
        assert_eq!(
            send(&mut people, 0..10, 101, true).new,
            0,
            "known, but only recently"
        );
        assert_eq!(people.distinct, 0);
        send(&mut people, 0..10, 104, true);
        assert_eq!((people.distinct, people.trusted.len()), (10, 10));
        send(&mut people, 100..150, 105, false);
        assert_eq!(people.deliveries, 30, "an excursion makes no habit");
        people.roll_back();
        assert_eq!(send(&mut people, 100..150, 106, true).new, 50);
        assert_eq!(send(&mut people, 0..10, 106, true).new, 0);
    }

    #[test]
    fn bounded() {
        let mut people = People::default();
        for day in 0..2_000u16 {
            send(
                &mut people,
                u64::from(day) * 50..u64::from(day) * 50 + 50,
                day * 4,
                true,
            );
        }
        assert!(people.trusted.len() <= TRUSTED_MAX && people.recent.len() <= RECENT_MAX);
        assert!(people.new_permille > 900, "{}", people.new_permille);
    }
}
