//! Answers that are remembered, and questions under way: a campaign asks about one name a thousand times and DNS once.
//!
//! Bounded by two generations: when the younger one is full it becomes the older, whose entries are forgotten.

use super::answer::Reading;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long a listing counts.
const LISTED_FOR: Duration = Duration::from_secs(900);
/// How long "not listed" counts: a new campaign is listed within minutes.
const UNLISTED_FOR: Duration = Duration::from_secs(300);
/// How long a failure counts, so that a dead name server is not asked by every message.
const TROUBLE_FOR: Duration = Duration::from_secs(30);

/// List (its place) and name.
pub(super) type Key = (usize, Box<str>);

/// An answer that came, and until when it counts.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub reading: Reading,
    until: Instant,
}

impl Kept {
    pub(super) fn new(reading: Reading, now: Instant) -> Self {
        let lasts = match reading {
            Reading::Listed(_) => LISTED_FOR,
            Reading::NotListed => UNLISTED_FOR,
            Reading::CannotTell(_) => TROUBLE_FOR,
        };
        Self {
            reading,
            until: now + lasts,
        }
    }
}

/// Where an answer will be, or is.
pub(super) type Slot = watch::Receiver<Option<Kept>>;

#[derive(Debug)]
pub(super) struct Cache {
    entries_max: usize,
    generations: Mutex<Generations>,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Key, Slot>,
    old: HashMap<Key, Slot>,
}

impl Cache {
    pub(super) fn new(entries_max: usize) -> Self {
        Self {
            entries_max,
            generations: Mutex::default(),
        }
    }

    /// The slot of a question that was asked and still counts; or a new one, with the sender for who asks now.
    pub(super) fn slot(&self, key: Key, now: Instant) -> (Slot, Option<watch::Sender<Option<Kept>>>) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = generations.find(&key)
            && counts(&slot, now)
        {
            return (slot, None);
        }
        let (sender, slot) = watch::channel(None);
        if generations.young.len() >= self.entries_max / 2 {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(key, slot.clone());
        (slot, Some(sender))
    }

    /// Forgets everything of a list: it failed its test.
    pub(super) fn forget(&self, list: usize) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.young.retain(|(of, _), _| *of != list);
        generations.old.retain(|(of, _), _| *of != list);
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        let generations = self.generations.lock().unwrap();
        generations.young.len() + generations.old.len()
    }
}

impl Generations {
    fn find(&self, key: &Key) -> Option<Slot> {
        self.young.get(key).or_else(|| self.old.get(key)).cloned()
    }
}

/// An answer that is not too old, or a question whose asker is still there.
fn counts(slot: &Slot, now: Instant) -> bool {
    match &*slot.borrow() {
        Some(kept) => now < kept.until,
        None => slot.has_changed().is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        (0, name.into())
    }

    #[test]
    fn asked_once_while_it_counts() {
        let cache = Cache::new(100);
        let now = Instant::now();
        let (_slot, asker) = cache.slot(key("a.example"), now);
        let asker = asker.unwrap();
        assert!(cache.slot(key("a.example"), now).1.is_none(), "under way");
        asker.send_replace(Some(Kept::new(Reading::NotListed, now)));
        let (slot, again) = cache.slot(key("a.example"), now + Duration::from_secs(299));
        assert!(again.is_none() && slot.borrow().is_some());
        assert!(
            cache.slot(key("a.example"), now + UNLISTED_FOR).1.is_some(),
            "too old"
        );
        drop(cache.slot(key("b.example"), now));
        assert!(
            cache.slot(key("b.example"), now).1.is_some(),
            "the asker went away"
        );
    }

    #[test]
    fn bounded() {
        let cache = Cache::new(100);
        let now = Instant::now();
        for n in 0..10_000 {
            drop(cache.slot(key(&format!("{n}.example")), now));
        }
        assert!(cache.len() <= 100, "{}", cache.len());
        cache.forget(0);
        assert_eq!(cache.len(), 0);
    }
}
