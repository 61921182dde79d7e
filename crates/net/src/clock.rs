//! What time it is. Wall time for what is stored and told; waiting is done with the runtime's monotonic timers.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// The clock.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System,
    /// Wall time that follows the runtime's timers: with paused time a week passes in a moment.
    Simulated {
        start: Timestamp,
        origin: Instant,
    },
}

impl Clock {
    /// The system's.
    pub fn system() -> Self {
        Self(Kind::System)
    }

    /// Starts at `start` and follows the runtime's (paused) time. Must be called inside a runtime.
    pub fn simulated(start: Timestamp) -> Self {
        Self(Kind::Simulated {
            start,
            origin: Instant::now(),
        })
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::System => Timestamp::now(),
            Kind::Simulated { start, origin } => {
                let passed = SignedDuration::try_from(origin.elapsed()).unwrap_or(SignedDuration::MAX);
                start.checked_add(passed).unwrap_or(Timestamp::MAX)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_week_in_a_moment() {
        let start = Timestamp::from_second(1_800_000_000).unwrap();
        let clock = Clock::simulated(start);
        tokio::time::sleep(std::time::Duration::from_secs(7 * 86_400)).await;
        assert_eq!(clock.now().as_second(), 1_800_000_000 + 7 * 86_400);
    }
}
