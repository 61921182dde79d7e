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
        Arc::new(Self { octets_max, used: AtomicU64::new(0) })
    }

    /// An empty share.
    pub fn share(self: &Arc<Self>) -> Share {
        Share { budget: Arc::clone(self), octets: 0 }
    }

    /// Octets in use.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

impl Share {
    /// Makes the share cover `octets`; false when there is no room.
    pub fn cover(&mut self, octets: u64) -> bool {
        if octets <= self.octets {
            return true;
        }
        // Half more each time, so that a big message asks seldom.
        let more = (octets - self.octets).max(STEP_OCTETS).max(self.octets / 2);
        let fits = |used: u64| used.checked_add(more).filter(|sum| *sum <= self.budget.octets_max);
        let taken = self.budget.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok();
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
