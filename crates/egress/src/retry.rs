//! When to try again (RFC 5321 §4.5.4.1): growing waiting times, spread at random so that a crowd that failed together does
//! not come back together; never behind the expiry, which gets one last attempt.

use crate::settings::Retry;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

impl Retry {
    /// Waiting time after `attempts` (at least 1) failed attempts. `random` from -1 to 1 is stretched to the jitter.
    pub(crate) fn delay(&self, attempts: u32, random: f64) -> Duration {
        let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        let step = self
            .steps
            .get(index)
            .or(self.steps.last())
            .copied()
            .unwrap_or(Duration::from_secs(300));
        step.mul_f64(1.0 + self.jitter * random.clamp(-1.0, 1.0))
    }

    /// When to try again; None when the message has expired.
    pub(crate) fn due(
        &self,
        attempts: u32,
        random: f64,
        now: Timestamp,
        expires: Timestamp,
    ) -> Option<Timestamp> {
        (now < expires).then(|| after(now, self.delay(attempts, random)).min(expires))
    }
}

/// A time later than another.
pub(crate) fn after(at: Timestamp, delay: Duration) -> Timestamp {
    let delay = SignedDuration::try_from(delay).unwrap_or(SignedDuration::MAX);
    at.checked_add(delay).unwrap_or(Timestamp::MAX)
}

/// How long ago; zero when the clock went back.
pub(crate) fn since(earlier: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(earlier)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_repeats_and_jitters() {
        let check = |attempts: u32, random: f64, seconds: u64| {
            assert_eq!(
                Retry::default().delay(attempts, random).as_secs(),
                seconds,
                "{attempts} {random}"
            );
        };
        check(1, 0.0, 300);
        check(1, 1.0, 330);
        check(1, -1.0, 270);
        check(1, 50.0, 330);
        check(2, 0.0, 600);
        check(5, 0.0, 3_600);
        check(7, 0.0, 14_400);
        check(8, 0.0, 14_400);
        check(u32::MAX, -1.0, 12_960);
        check(0, 0.0, 300);
    }

    #[test]
    fn one_last_attempt_at_the_expiry() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let check = |now: i64, expires: i64, expected: Option<i64>| {
            let due = Retry::default().due(1, 0.0, at(now), at(expires));
            assert_eq!(due, expected.map(at), "{now} {expires}");
        };
        check(1_000, 100_000, Some(1_300));
        check(1_000, 1_100, Some(1_100));
        check(1_100, 1_100, None);
        check(2_000, 1_100, None);
    }

    #[test]
    fn five_days_of_attempts() {
        let retry = Retry::default();
        let expires = Timestamp::from_second(432_000).unwrap();
        let mut now = Timestamp::from_second(0).unwrap();
        let mut attempts = 1;
        while let Some(due) = retry.due(attempts, 0.0, now, expires) {
            now = due;
            attempts += 1;
        }
        assert_eq!(attempts, 36);
        assert_eq!(now, expires);
    }
}
