//! The memory that messages being received or judged may use, over all connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A shared amount of octets.
#[derive(Debug)]
pub struct Budget {
    octets_max: u64,
    used: AtomicU64,
}

/// A part of it, given back when dropped.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    octets: u64,
}

/// Shares grow in steps of at least this much.
const STEP_OCTETS: u64 = 64 << 10;

impl Budget {
    /// At most `octets_max` at one time.
    pub fn new(octets_max: u64) -> Arc<Self> {
        Arc::new(Self {
            octets_max,
            used: AtomicU64::new(0),
        })
    }

    /// An empty share.
    pub fn share(self: &Arc<Self>) -> Share {
        Share {
            budget: Arc::clone(self),
            octets: 0,
        }
    }

    /// Octets in use.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

impl Share {
    /// Makes the share cover `octets`; false when there is no room.
    pub fn cover(&mut self, octets: u64) -> bool {
        // Half more each time, so that a big message asks seldom.
        let more = octets
            .saturating_sub(self.octets)
            .max(STEP_OCTETS)
            .max(self.octets / 2);
        octets <= self.octets || self.take(more, self.budget.octets_max)
    }

    /// The same for octets that are only announced: at most half of the memory goes to promises.
    pub fn cover_promise(&mut self, octets: u64) -> bool {
        octets <= self.octets || self.take(octets - self.octets, self.budget.octets_max / 2)
    }

    fn take(&mut self, more: u64, sum_max: u64) -> bool {
        let fits = |used: u64| used.checked_add(more).filter(|sum| *sum <= sum_max);
        let taken = self
            .budget
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
            .is_ok();
        if taken {
            self.octets += more;
        }
        taken
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.octets, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_get_half_of_it() {
        let budget = Budget::new(1 << 20);
        let (mut one, mut two) = (budget.share(), budget.share());
        assert!(!one.cover_promise(600 << 10));
        assert!(one.cover_promise(500 << 10) && !two.cover_promise(100 << 10));
        assert!(two.cover(400 << 10), "what comes has the rest");
    }

    #[test]
    fn shares_are_bounded_and_given_back() {
        let budget = Budget::new(200 << 10);
        let (mut one, mut two) = (budget.share(), budget.share());
        assert!(one.cover(1) && one.cover(64 << 10));
        assert_eq!(budget.used(), 64 << 10);
        assert!(one.cover(100 << 10));
        assert!(!two.cover(100 << 10), "{}", budget.used());
        assert_eq!(budget.used(), 128 << 10, "a refusal takes nothing");
        drop(one);
        assert!(two.cover(200 << 10));
        assert!(!two.cover((200 << 10) + 1));
        drop(two);
        assert_eq!(budget.used(), 0);
    }
}
