//! A disk in memory that keeps apart what was synced and what was not, fails on demand, and can be crashed.
//!
//! It is meaner than most disks: names are durable only after `sync_names`; a failed sync forgets what it should have written
//! (as Linux does) while reads still show it; a truncation that was not synced is undone by a crash.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use store::{Disk, DiskFile};
use tokio::sync::Notify;

/// How one call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// EIO; nothing is done.
    Io,
    /// ENOSPC; nothing is done.
    Full,
    /// A write takes only part; other calls are done.
    Short,
    /// A write takes only part and the next one fails.
    ShortThenIo,
    /// From this call on nothing is done any more and everything fails.
    Stop,
}

/// What is left of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// All: the process died, the machine lives.
    All,
    /// Nothing.
    Nothing,
    /// Some sectors and some names.
    Some(u64),
}

#[derive(Clone, Debug, Default)]
struct File {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// Written and neither synced nor given up.
    dirty: Vec<Range<usize>>,
    at: usize,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<u64, File>,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    next: u64,
    calls: u64,
    trouble: Option<(Range<u64>, Trouble)>,
    fired: bool,
    stopped: bool,
    fail_next_sync: bool,
    unsyncable: bool,
    unreadable: Option<(u64, Range<usize>)>,
    lying: bool,
    capacity: Option<u64>,
    stop: Arc<Notify>,
}

/// The disk.
#[derive(Clone, Debug, Default)]
pub struct FakeDisk(Arc<Mutex<State>>);

#[derive(Debug)]
struct Handle {
    disk: FakeDisk,
    file: u64,
}

impl FakeDisk {
    /// A disk whose `sync` does nothing.
    pub fn lying() -> Self {
        let disk = Self::default();
        disk.state().lying = true;
        disk
    }

    /// A disk of that size.
    pub fn of(capacity: u64) -> Self {
        let disk = Self::default();
        disk.state().capacity = Some(capacity);
        disk
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Lets these calls from now on go wrong.
    pub fn plan(&self, calls: Range<u64>, trouble: Trouble) {
        let mut state = self.state();
        let calls = state.calls + calls.start..state.calls.saturating_add(calls.end);
        state.trouble = Some((calls, trouble));
        state.fired = false;
    }

    /// The next sync of a file fails.
    pub fn fail_next_sync(&self) {
        let mut state = self.state();
        (state.fail_next_sync, state.fired) = (true, false);
    }

    /// From now on writes succeed, and every sync and truncation of a file fails.
    pub fn refuse_syncs(&self) {
        self.state().unsyncable = true;
    }

    /// From now on these octets of a file cannot be read.
    pub fn refuse_reads(&self, name: &str, octets: Range<usize>) {
        let mut state = self.state();
        state.unreadable = Some((state.names[name], octets));
    }

    /// Nothing goes wrong from now on.
    pub fn heal(&self) {
        let mut state = self.state();
        (state.trouble, state.unsyncable, state.unreadable) = (None, false, None);
    }

    /// Did the planned trouble happen?
    pub fn fired(&self) -> bool {
        self.state().fired
    }

    /// Power fails, or the process dies. Afterwards the disk is well, and nobody holds its files.
    pub fn crash(&self, left: Left) -> Self {
        let mut state = self.state();
        state.stopped = true;
        let mut after = State {
            next: state.next,
            lying: state.lying,
            capacity: state.capacity,
            files: state.files.clone(),
            names: state.names.clone(),
            durable_names: state.durable_names.clone(),
            ..State::default()
        };
        if left != Left::All {
            let mut keep = dice(left);
            after.lose_what_was_not_synced(&mut keep);
        }
        Self(Arc::new(Mutex::new(after)))
    }

    /// Waits until a planned stop happens.
    pub async fn stopped(&self) {
        let notify = Arc::clone(&self.state().stop);
        notify.notified().await;
    }

    /// Names of files that contain this text.
    pub fn names_with(&self, text: &str) -> Vec<String> {
        self.state()
            .names
            .keys()
            .filter(|name| name.contains(text))
            .cloned()
            .collect()
    }

    /// Segments that read as something that is not durable.
    pub fn unsynced_segments(&self) -> Vec<String> {
        let state = self.state();
        let unsynced = state.names.iter().filter(|(name, number)| {
            let file = &state.files[number];
            name.ends_with(".seg") && !file.durable.starts_with(&file.seen)
        });
        unsynced.map(|(name, _)| name.clone()).collect()
    }

    /// The newest segment was synced.
    pub fn newest_is_durable(&self) -> bool {
        let state = self.state();
        state.names.last_key_value().is_some_and(|(_, number)| {
            let file = &state.files[number];
            !file.durable.is_empty() && file.durable == file.seen
        })
    }

    /// What a file reads as; `None` when it is gone, as a segment may be between being listed and being read.
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state();
        Some(state.files[state.names.get(name)?].seen.clone())
    }

    /// Changes a file behind everybody's back.
    pub fn tamper(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let number = state.names[name];
        let file = state.files.get_mut(&number).unwrap();
        change(&mut file.seen);
        file.durable = file.seen.clone();
    }
}

/// What decides whether something unsynced survives.
fn dice(left: Left) -> impl FnMut() -> bool {
    let mut state = if let Left::Some(seed) = left { seed | 1 } else { 1 };
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        left != Left::Nothing && (state >> 9).is_multiple_of(2)
    }
}

/// What a power cut leaves of a file.
fn survivor(file: &File, keep: &mut impl FnMut() -> bool) -> Vec<u8> {
    let mut octets = file.durable.clone();
    for dirty in &file.dirty {
        let mut from = dirty.start;
        while from < dirty.end {
            let to = (from / 512 * 512 + 512).min(dirty.end);
            if keep() && to <= file.seen.len() {
                if octets.len() < to {
                    octets.resize(to, 0);
                }
                octets[from..to].copy_from_slice(&file.seen[from..to]);
            }
            from = to;
        }
    }
    octets
}

impl State {
    fn lose_what_was_not_synced(&mut self, keep: &mut impl FnMut() -> bool) {
        for file in self.files.values_mut() {
            let octets = survivor(file, keep);
            *file = File {
                durable: octets.clone(),
                at: octets.len(),
                seen: octets,
                dirty: Vec::new(),
            };
        }
        let mut names: Vec<String> = self
            .names
            .keys()
            .chain(self.durable_names.keys())
            .cloned()
            .collect();
        names.sort();
        names.dedup();
        let kept = names.into_iter().filter_map(|name| {
            let source = if keep() { &self.names } else { &self.durable_names };
            source.get(&name).map(|file| (name, *file))
        });
        self.names = kept.collect();
        self.durable_names = self.names.clone();
    }

    fn used(&self) -> u64 {
        self.names
            .values()
            .map(|number| self.files[number].seen.len() as u64)
            .sum()
    }

    /// Counts a call. The error it must give, or whether a write must be short.
    fn call(&mut self) -> io::Result<bool> {
        if self.stopped {
            return Err(io::Error::from_raw_os_error(5));
        }
        self.calls += 1;
        let Some((calls, trouble)) = &self.trouble else {
            return Ok(false);
        };
        let second = *trouble == Trouble::ShortThenIo && calls.end == self.calls - 1;
        if !calls.contains(&(self.calls - 1)) && !second {
            return Ok(false);
        }
        self.fired = true;
        match trouble {
            Trouble::Io => Err(io::Error::from_raw_os_error(5)),
            Trouble::Full => Err(io::Error::from_raw_os_error(28)),
            Trouble::ShortThenIo if second => Err(io::Error::from_raw_os_error(5)),
            Trouble::Short | Trouble::ShortThenIo => Ok(true),
            Trouble::Stop => {
                self.stopped = true;
                self.stop.notify_one();
                Err(io::Error::from_raw_os_error(5))
            }
        }
    }

    fn named(&self, name: &str) -> io::Result<u64> {
        self.names
            .get(name)
            .copied()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Disk for FakeDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut state = self.state();
        state.call()?;
        Ok(state.names.keys().cloned().collect())
    }

    fn create(&self, name: &str, octets: u64) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        state.call()?;
        assert!(!state.names.contains_key(name), "a name is used once");
        if state
            .capacity
            .is_some_and(|capacity| state.used() + octets > capacity)
        {
            return Err(io::Error::from_raw_os_error(28));
        }
        state.next += 1;
        let file = state.next;
        // Nothing is set aside while syncs fail: a thousand segments would take the test's memory.
        let octets = if state.unsyncable { 0 } else { octets };
        let seen = vec![0; usize::try_from(octets).unwrap()];
        state.files.insert(
            file,
            File {
                seen,
                ..File::default()
            },
        );
        state.names.insert(name.to_owned(), file);
        Ok(Arc::new(Handle {
            disk: self.clone(),
            file,
        }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        state.call()?;
        let file = state.named(name)?;
        Ok(Arc::new(Handle {
            disk: self.clone(),
            file,
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.call()?;
        let file = state.named(from)?;
        state.names.remove(from);
        state.names.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.call()?;
        state.named(name)?;
        state.names.remove(name);
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut state = self.state();
        state.call()?;
        if !state.lying {
            state.durable_names = state.names.clone();
        }
        Ok(())
    }

    fn free_octets(&self) -> io::Result<u64> {
        let mut state = self.state();
        state.call()?;
        Ok(state
            .capacity
            .map_or(1 << 40, |capacity| capacity.saturating_sub(state.used())))
    }
}

impl Handle {
    fn with<T>(&self, act: impl FnOnce(&mut File, bool) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.disk.state();
        let short = state.call()?;
        act(state.files.get_mut(&self.file).unwrap(), short)
    }
}

impl DiskFile for Handle {
    fn append(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut state = self.disk.state();
        let short = state.call()?;
        let mut octets: Vec<u8> = Vec::new();
        for slice in slices {
            octets.extend_from_slice(slice);
        }
        if short {
            octets.truncate(octets.len() / 2 + 1);
        }
        let (used, capacity) = (state.used(), state.capacity);
        let file = state.files.get_mut(&self.file).unwrap();
        let end = file.at + octets.len();
        let grows = end.saturating_sub(file.seen.len()) as u64;
        if grows > 0 && capacity.is_some_and(|capacity| used + grows > capacity) {
            return Err(io::Error::from_raw_os_error(28));
        }
        if file.seen.len() < end {
            file.seen.resize(end, 0);
        }
        file.seen[file.at..end].copy_from_slice(&octets);
        file.dirty.push(file.at..end);
        file.at = end;
        Ok(octets.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let end = usize::try_from(offset).unwrap() + buffer.len();
        let refused = self.disk.state().unreadable.clone();
        if refused.is_some_and(|(file, octets)| {
            file == self.file && octets.start < end && offset < octets.end as u64
        }) {
            return Err(io::Error::from_raw_os_error(5));
        }
        self.with(|file, short| {
            let from = usize::try_from(offset).unwrap().min(file.seen.len());
            let mut count = buffer.len().min(file.seen.len() - from);
            if short {
                count = count / 2 + count % 2;
            }
            buffer[..count].copy_from_slice(&file.seen[from..from + count]);
            Ok(count)
        })
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let mut outcome = state.call();
        if state.unsyncable || std::mem::take(&mut state.fail_next_sync) {
            (outcome, state.fired) = (Err(io::Error::from_raw_os_error(5)), true);
        }
        let idle = state.lying || state.stopped;
        let file = state.files.get_mut(&self.file).unwrap();
        if idle {
            return outcome.map(|_| ());
        }
        let dirty = std::mem::take(&mut file.dirty);
        // What should have been written by a sync that failed is never written.
        outcome?;
        if file.durable.len() != file.seen.len() {
            let mut durable = vec![0; file.seen.len()];
            let both = durable.len().min(file.durable.len());
            durable[..both].copy_from_slice(&file.durable[..both]);
            file.durable = durable;
        }
        for dirty in dirty {
            let to = dirty.end.min(file.seen.len());
            file.durable[dirty.start..to].copy_from_slice(&file.seen[dirty.start..to]);
        }
        Ok(())
    }

    fn truncate(&self, octets: u64) -> io::Result<()> {
        if self.disk.state().unsyncable {
            return Err(io::Error::from_raw_os_error(5));
        }
        self.with(|file, _| {
            let octets = usize::try_from(octets).unwrap();
            file.seen.truncate(octets);
            file.at = file.at.min(octets);
            Ok(())
        })
    }

    fn octets(&self) -> io::Result<u64> {
        self.with(|file, _| Ok(file.seen.len() as u64))
    }
}
