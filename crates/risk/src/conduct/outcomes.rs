//! What came back for a sender's messages, and what it weighs.

use super::facts::FeedbackFacts;
use crate::Role;
use serde::{Deserialize, Serialize};

/// What became of one recipient of a message that was let out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Returned {
    /// The next host took it.
    Delivered,
    /// The address does not exist (RFC 3463 X.1.1, X.1.10, X.2.1).
    UnknownUser,
    /// Refused as unwanted (RFC 3463 X.7.1 and the like).
    SpamRefusal,
    /// The recipient complained.
    Complaint,
}

/// Counts fade by halves, as evidence does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Outcomes {
    pub delivered: u16,
    pub unknown: u16,
    pub refused: u16,
    pub complaints: u16,
    /// Since when the counts were not halved.
    pub halved_s: u32,
    /// The message the last news was about.
    pub last: u16,
}

const HALF_S: u32 = 5 * 86_400;
/// News about a message that was already told of weighs so much.
const SAME_MESSAGE: f32 = 0.3;

impl Outcomes {
    pub(super) fn look(&self) -> FeedbackFacts {
        FeedbackFacts {
            delivered: u32::from(self.delivered),
            unknown: u32::from(self.unknown),
            refused: u32::from(self.refused),
            complaints: u32::from(self.complaints),
        }
    }

    /// Counts, and tells what it weighs in decibans. The first unknown user of a time is a typing error and weighs nothing; bad
    /// news of one message is mostly one fact, however many of its recipients tell it.
    pub(super) fn count(&mut self, returned: Returned, message: u16, role: Role, now_s: u32) -> f32 {
        self.fade(now_s);
        let again = message == self.last;
        let bulk = matches!(role, Role::Bulk | Role::Application);
        let count = match returned {
            Returned::Delivered => &mut self.delivered,
            Returned::UnknownUser => &mut self.unknown,
            Returned::SpamRefusal => &mut self.refused,
            Returned::Complaint => &mut self.complaints,
        };
        let before = *count;
        *count = count.saturating_add(1);
        let weight = match returned {
            Returned::Delivered => return if bulk { -0.75 } else { -0.5 },
            Returned::UnknownUser if before == 0 => return 0.0,
            Returned::UnknownUser => 6.2,
            Returned::SpamRefusal if bulk => 8.8,
            Returned::SpamRefusal => 11.7,
            Returned::Complaint => 10.8,
        };
        self.last = message;
        if again { weight * SAME_MESSAGE } else { weight }
    }

    fn fade(&mut self, now_s: u32) {
        if self.halved_s == 0 {
            self.halved_s = now_s;
        }
        let halvings = now_s.saturating_sub(self.halved_s) / HALF_S;
        if halvings > 0 {
            self.halved_s = self.halved_s.saturating_add(halvings.saturating_mul(HALF_S));
            for count in [
                &mut self.delivered,
                &mut self.unknown,
                &mut self.refused,
                &mut self.complaints,
            ] {
                *count = count.checked_shr(halvings).unwrap_or(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights() {
        let mut outcomes = Outcomes::default();
        let mut at = |returned, message| outcomes.count(returned, message, Role::Person, 1_000);
        assert_eq!(at(Returned::UnknownUser, 1), 0.0, "a typing error");
        assert_eq!(at(Returned::UnknownUser, 2), 6.2);
        assert!(
            (at(Returned::UnknownUser, 2) - 1.86).abs() < 0.01,
            "the same message"
        );
        assert_eq!(at(Returned::SpamRefusal, 3), 11.7);
        assert!(at(Returned::Delivered, 3) < 0.0);
        outcomes.count(Returned::Delivered, 4, Role::Bulk, 1_000 + 4 * HALF_S);
        assert_eq!((outcomes.unknown, outcomes.delivered), (0, 1));
    }
}
