//! A bounded map that forgets what was not asked for lately, and as a whole when its source changed.
//!
//! Two generations a shard: what is asked for moves to the young one; when that is full, the old one is dropped. That is close
//! to least-recently-used, at the price of one map look-up. What was read before a change is never kept after it: a reader
//! names the epoch in which it began to read.

use crate::database::locked;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

const SHARDS: usize = 16;

/// The cache. Its hashes are seeded: keys come from clients.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    shards: Vec<Mutex<Shard<K, V>>>,
    epoch: AtomicU64,
    seed: RandomState,
    young_max: usize,
}

#[derive(Debug)]
struct Shard<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    /// Keeps at most `entries_max` entries.
    pub(crate) fn new(entries_max: usize) -> Self {
        let shard = || {
            Mutex::new(Shard {
                young: HashMap::new(),
                old: HashMap::new(),
            })
        };
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            epoch: AtomicU64::new(0),
            seed: RandomState::new(),
            young_max: (entries_max / SHARDS / 2).max(1),
        }
    }

    /// To be read before the source is read for [`Cache::keep`].
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// What is kept for a key.
    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let mut shard = locked(self.shard(key)?);
        if let Some(value) = shard.young.get(key) {
            return Some(value.clone());
        }
        let (key, value) = shard.old.remove_entry(key)?;
        shard.put(key, value.clone(), self.young_max);
        Some(value)
    }

    /// Keeps a value that was read in that epoch; drops it when the source changed meanwhile.
    pub(crate) fn keep(&self, epoch: u64, key: K, value: V) {
        let Some(shard) = self.shard(&key) else { return };
        let mut shard = locked(shard);
        if self.epoch() == epoch {
            shard.put(key, value, self.young_max);
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        for shard in &self.shards {
            let mut shard = locked(shard);
            shard.young = HashMap::new();
            shard.old = HashMap::new();
        }
    }

    fn shard<Q: Hash + ?Sized>(&self, key: &Q) -> Option<&Mutex<Shard<K, V>>> {
        let hash = self.seed.hash_one(key);
        self.shards.get((hash >> 32) as usize % SHARDS)
    }
}

impl<K: Hash + Eq, V> Shard<K, V> {
    fn put(&mut self, key: K, value: V, young_max: usize) {
        if self.young.len() >= young_max && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounded_and_keeps_what_is_asked_for() {
        let cache: Cache<u32, u32> = Cache::new(640);
        cache.keep(cache.epoch(), 0, 0);
        for key in 1..10_000 {
            cache.keep(cache.epoch(), key, key);
            assert_eq!(cache.get(&0), Some(0), "asked for all the time");
        }
        let kept = (0..10_000).filter(|key| cache.get(key).is_some()).count();
        assert!((300..=640).contains(&kept), "{kept}");
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let cache: Cache<&str, u32> = Cache::new(64);
        let epoch = cache.epoch();
        cache.clear();
        cache.keep(epoch, "a", 1);
        assert_eq!(cache.get("a"), None);
        cache.keep(cache.epoch(), "a", 2);
        assert_eq!(cache.get("a"), Some(2));
        cache.clear();
        assert_eq!(cache.get("a"), None);
    }
}
