//! How many messages an hour a sender sends, against its own busiest hours.

use super::facts::PaceFacts;
use serde::{Deserialize, Serialize};

/// An hour of so many messages is not a person's.
const BUSY: u16 = 20;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Pace {
    /// Hour since 1970.
    pub hour: u32,
    pub count: u16,
    /// The busiest hour of the day at hand, as far as it was calm.
    pub peak: u16,
    /// Of the days before, fading.
    pub busiest: u16,
    /// Days with an hour of [`BUSY`] messages.
    pub busy_days: u8,
}

impl Pace {
    pub(super) fn look(&self, hour: u32) -> PaceFacts {
        let before = if hour == self.hour { self.count } else { 0 };
        PaceFacts {
            this_hour: u32::from(before) + 1,
            busiest_hour: u32::from(if self.same_day(hour) {
                self.busiest
            } else {
                self.busiest.max(self.peak)
            }),
        }
    }

    /// Counts a message, accepted or not. A day's peak becomes a habit on the next day, if it was calm.
    pub(super) fn attempted(&mut self, hour: u32, calm: bool) {
        if !self.same_day(hour) {
            let faded = self.busiest - self.busiest / 16;
            self.busiest = faded.max(self.peak);
            self.busy_days = self.busy_days.saturating_add(u8::from(self.peak >= BUSY));
            self.peak = 0;
        }
        if hour != self.hour {
            (self.hour, self.count) = (hour, 0);
        }
        self.count = self.count.saturating_add(1);
        if calm {
            self.peak = self.peak.max(self.count);
        }
    }

    fn same_day(&self, hour: u32) -> bool {
        hour / 24 == self.hour / 24
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn todays_peak_is_tomorrows_habit_if_it_was_calm() {
        let mut pace = Pace::default();
        (0..30).for_each(|_| pace.attempted(240, true));
        assert_eq!(
            pace.look(240),
            PaceFacts {
                this_hour: 31,
                busiest_hour: 0
            }
        );
        assert_eq!(
            pace.look(264),
            PaceFacts {
                this_hour: 1,
                busiest_hour: 30
            }
        );
        (0..500).for_each(|_| pace.attempted(264, false));
        assert_eq!(pace.look(300).busiest_hour, 30);
        assert_eq!(pace.busy_days, 1);
    }
}
