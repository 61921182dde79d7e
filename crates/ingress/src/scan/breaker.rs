//! A scanner that is down is left alone for a while, so that its absence costs each message nothing.
//!
//! Closed: everybody asks. After [`FAILURES_MAX`] failures in a row it opens: nobody asks for `retry_after`. Then one message
//! asks, as a probe: if it gets an answer the breaker closes, else it stays open for as long again. A probe that is given up
//! leaves its place to the next.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Failures in a row after which a scanner is not asked.
const FAILURES_MAX: u32 = 5;

/// The breaker of one scanner.
#[derive(Debug)]
pub(crate) struct Breaker {
    retry_after: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Failures since the last answer.
    failures: u32,
    /// Since when it is down and why, once open.
    down: Option<(Instant, String)>,
    /// When the next probe may go.
    next_probe: Option<Instant>,
    /// A probe is under way.
    probing: bool,
}

/// Leave to ask once. Dropped without a word it says nothing about the scanner.
#[derive(Debug)]
pub(crate) struct Leave<'a> {
    breaker: &'a Breaker,
    probe: bool,
}

impl Breaker {
    pub(crate) fn new(retry_after: Duration) -> Self {
        Self {
            retry_after,
            state: Mutex::default(),
        }
    }

    /// Leave to ask, or why not.
    pub(crate) fn ask(&self, now: Instant) -> Result<Leave<'_>, String> {
        let mut state = self.lock();
        let Some((since, why)) = &state.down else {
            return Ok(Leave {
                breaker: self,
                probe: false,
            });
        };
        if state.probing || state.next_probe.is_some_and(|at| now < at) {
            let seconds = now.saturating_duration_since(*since).as_secs();
            return Err(format!("not asked, down for {seconds} s: {why}"));
        }
        state.probing = true;
        Ok(Leave {
            breaker: self,
            probe: true,
        })
    }

    /// Why it is left alone, while it is.
    pub(crate) fn down(&self) -> Option<String> {
        self.lock().down.as_ref().map(|(_, why)| why.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leave<'_> {
    /// The scanner answered.
    pub(crate) fn answered(self) {
        let mut state = self.breaker.lock();
        state.failures = 0;
        state.down = None;
        state.next_probe = None;
    }

    /// The scanner failed.
    pub(crate) fn failed(self, why: &str, now: Instant) {
        let mut state = self.breaker.lock();
        state.failures = state.failures.saturating_add(1);
        if state.failures >= FAILURES_MAX {
            state.next_probe = now.checked_add(self.breaker.retry_after);
            if state.down.is_none() {
                state.down = Some((now, why.to_owned()));
            }
        }
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.breaker.lock().probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(3);

    fn opened(now: Instant) -> Breaker {
        let breaker = Breaker::new(PAUSE);
        for _ in 0..FAILURES_MAX {
            breaker.ask(now).unwrap().failed("gone", now);
        }
        breaker
    }

    #[test]
    fn opens_after_failures_in_a_row_only() {
        let now = Instant::now();
        let breaker = Breaker::new(PAUSE);
        for round in 0..100 {
            let leave = breaker.ask(now).unwrap();
            if round % FAILURES_MAX == FAILURES_MAX - 1 {
                leave.answered()
            } else {
                leave.failed("x", now)
            }
        }
        let open = opened(now);
        let later = now + Duration::from_secs(2);
        assert_eq!(open.ask(later).unwrap_err(), "not asked, down for 2 s: gone");
    }

    #[test]
    fn one_probe_at_a_time() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + PAUSE;
        let probe = breaker.ask(later).unwrap();
        assert!(breaker.ask(later).is_err(), "the probe is under way");
        drop(probe);
        let probe = breaker.ask(later).unwrap();
        probe.failed("still gone", later);
        assert!(breaker.ask(later).is_err(), "open again");
        breaker.ask(later + PAUSE).unwrap().answered();
        let first = breaker.ask(later + PAUSE).unwrap();
        assert!(breaker.ask(later + PAUSE).is_ok(), "closed: everybody asks");
        drop(first);
    }

    #[test]
    fn a_late_word_of_an_old_question_changes_nothing_for_worse() {
        let now = Instant::now();
        let breaker = Breaker::new(PAUSE);
        let old = breaker.ask(now).unwrap();
        for _ in 0..FAILURES_MAX {
            breaker.ask(now).unwrap().failed("gone", now);
        }
        old.answered();
        assert!(breaker.ask(now).is_ok(), "it answered somebody: it is there");
    }
}
