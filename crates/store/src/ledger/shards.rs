//! All entries, in shards with a lock each, so that sessions seldom wait for each other.

use super::entry::Entry;
use crate::database::locked;
use jiff::Timestamp;
use risk::Sender;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use xxhash_rust::xxh3::xxh3_64;

const SHARDS: usize = 64;

/// The entries.
#[derive(Debug)]
pub(super) struct Shards {
    shards: Vec<Mutex<Shard>>,
    shard_entries_max: usize,
    /// The latest time anybody named, in seconds: the ledger has no clock of its own.
    latest_s: AtomicI64,
}

#[derive(Debug, Default)]
struct Shard {
    entries: HashMap<Box<str>, Entry>,
    /// Keys of dirty entries; each stands here once.
    dirty: Vec<Box<str>>,
    /// Keys that were forgotten and may still be on disk.
    removed: Vec<Box<str>>,
}

/// What must be written: entries as they were, and keys that are gone. Removals come first.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    pub removed: Vec<Box<str>>,
    pub entries: Vec<(Box<str>, Entry)>,
}

impl Shards {
    pub(super) fn new(entries_max: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            shard_entries_max: (entries_max / SHARDS).max(2),
            latest_s: AtomicI64::new(i64::MIN),
        }
    }

    /// Reads an entry, if there is one.
    pub(super) fn peek<T>(&self, key: &str, read: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        locked(self.shard(key)?).entries.get_mut(key).map(read)
    }

    /// Reads an entry or its absence.
    pub(super) fn peek_or<T>(&self, key: &str, read: impl FnOnce(Option<&mut Entry>) -> T) -> Option<T> {
        Some(read(locked(self.shard(key)?).entries.get_mut(key)))
    }

    /// Changes an entry, if there is one.
    pub(super) fn touch<T>(&self, key: &str, change: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        let mut shard = locked(self.shard(key)?);
        let entry = shard.entries.get_mut(key)?;
        let result = change(entry);
        if !std::mem::replace(&mut entry.dirty, true) {
            shard.dirty.push(key.into());
        }
        Some(result)
    }

    /// Changes an entry, which is made when it is missing.
    pub(super) fn change<T: Default>(
        &self,
        key: &str,
        sender: &Sender,
        now: Timestamp,
        change: impl FnOnce(&mut Entry) -> T,
    ) -> T {
        self.latest_s.fetch_max(now.as_second(), Ordering::Relaxed);
        let Some(shard) = self.shard(key) else {
            return T::default();
        };
        let mut shard = locked(shard);
        let shard = &mut *shard;
        if !shard.entries.contains_key(key) {
            shard.make_room(self.shard_entries_max, now);
            shard.entries.insert(key.into(), Entry::new(sender, now));
        }
        let Some(entry) = shard.entries.get_mut(key) else {
            return T::default();
        };
        entry.seen(sender, now);
        if !std::mem::replace(&mut entry.dirty, true) {
            shard.dirty.push(key.into());
        }
        change(entry)
    }

    /// Puts an entry that was read from disk.
    pub(super) fn restore(&self, key: Box<str>, entry: Entry) {
        let now = entry.last_seen;
        self.latest_s.fetch_max(now.as_second(), Ordering::Relaxed);
        if let Some(shard) = self.shard(&key) {
            let mut shard = locked(shard);
            shard.make_room(self.shard_entries_max, now);
            shard.entries.insert(key, entry);
        }
    }

    /// Visits every entry, one shard after the other.
    pub(super) fn each(&self, mut visit: impl FnMut(&str, &mut Entry)) {
        for shard in &self.shards {
            for (key, entry) in &mut locked(shard).entries {
                visit(key, entry);
            }
        }
    }

    /// Takes what must be written; it counts as written from now on.
    pub(super) fn take_unwritten(&self) -> Unwritten {
        let mut unwritten = Unwritten::default();
        for shard in &self.shards {
            let mut shard = locked(shard);
            let shard = &mut *shard;
            unwritten.removed.append(&mut shard.removed);
            for key in shard.dirty.drain(..) {
                if let Some(entry) = shard.entries.get_mut(&key) {
                    entry.dirty = false;
                    unwritten.entries.push((key, entry.clone()));
                }
            }
        }
        unwritten
    }

    /// Writing failed: all of it must be written again, as it will be then.
    pub(super) fn give_back(&self, unwritten: Unwritten) {
        for (key, _) in unwritten.entries {
            self.touch(&key, |_| ());
        }
        for key in unwritten.removed {
            if let Some(shard) = self.shard(&key) {
                locked(shard).removed.push(key);
            }
        }
    }

    /// The latest time anybody named, if it is one.
    pub(super) fn latest(&self) -> Option<Timestamp> {
        let latest = self.latest_s.load(Ordering::Relaxed);
        (latest != i64::MIN).then(|| Timestamp::from_second(latest).ok())?
    }

    /// Forgets idle counters in one of the shards.
    pub(super) fn tidy(&self, turn: usize) {
        let latest = Timestamp::from_second(self.latest_s.load(Ordering::Relaxed));
        if let (Ok(latest), Some(shard)) = (latest, self.shards.get(turn % SHARDS)) {
            for entry in locked(shard).entries.values_mut() {
                entry.tidy(latest);
            }
        }
    }

    fn shard(&self, key: &str) -> Option<&Mutex<Shard>> {
        self.shards.get(xxh3_64(key.as_bytes()) as usize % SHARDS)
    }
}

impl Shard {
    /// Forgets a sixteenth of the entries when the shard is full, those of least worth.
    fn make_room(&mut self, entries_max: usize, now: Timestamp) {
        if self.entries.len() < entries_max {
            return;
        }
        let mut worth: Vec<_> = self
            .entries
            .iter()
            .map(|(key, entry)| (entry.worth(now), key.clone()))
            .collect();
        let leave = (entries_max / 16).max(1).min(worth.len());
        worth.select_nth_unstable(leave - 1);
        for (_, key) in worth.into_iter().take(leave) {
            self.entries.remove(&key);
            // While the disk fails the list stays bounded; a row that is left comes back with the next start.
            if self.removed.len() < entries_max * 4 {
                self.removed.push(key);
            }
        }
    }
}
