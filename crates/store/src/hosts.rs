//! Where this site's mail leads to: domains of links in mail that was accepted and clean, with first and last day and how many
//! senders. In memory, written behind within some seconds.
//!
//! Promises: asking and teaching never wait for the disk. After kill -9 at most the last seconds are forgotten; what could not be
//! written is tried again. A domain is kept as a hash, so that the file tells nobody where people's mail leads to.
//! Trusts who teaches: only clean mail that was accepted may be taught. One sender alone does not make a domain familiar, and a
//! domain first sent today is new until three senders have sent it.
//! Limits: [`Hosts::ENTRIES_MAX`] domains; beyond it the unfamiliar ones that were not seen for longest are forgotten.

mod writer;

use crate::StoreError;
use crate::database::{self, HOSTS, locked};
use jiff::Timestamp;
use risk::{Gathered, HostSeen, LinkFacts, LinkFlag, NewHosts};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use writer::Writer;
use xxhash_rust::xxh3::xxh3_64;

/// The memory of hosts.
#[derive(Debug)]
pub struct Hosts {
    memory: Arc<Mutex<Memory>>,
    writer: Writer,
}

/// One domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    first_day: u16,
    last_day: u16,
    /// One bit for each hash of a sender.
    senders: u32,
}

#[derive(Debug)]
struct Memory {
    rows: HashMap<u64, Row>,
    rows_max: usize,
    dirty: HashSet<u64>,
    removed: Vec<u64>,
    /// The day of the first lesson.
    began: Option<u16>,
}

/// The key of the row that tells when the memory began.
const BEGAN: u64 = 0;

impl Hosts {
    /// Domains remembered: some 12 MiB of memory.
    pub const ENTRIES_MAX: usize = 262_144;

    /// Opens or makes the memory, reads all of it, and starts its writer.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Self::open_bounded(directory, Self::ENTRIES_MAX)
    }

    /// The same with another bound.
    pub fn open_bounded(directory: &Path, rows_max: usize) -> Result<Self, StoreError> {
        let connection = database::open(directory, &HOSTS)?;
        let mut memory = Memory::new(rows_max);
        writer::load(&connection, &mut memory)?;
        let memory = Arc::new(Mutex::new(memory));
        let writer = Writer::start(connection, Arc::clone(&memory))?;
        Ok(Self { memory, writer })
    }

    /// Writes into the links what is remembered of their domains. `is_own` tells the site's own domains, which are never new.
    pub fn recall(&self, links: &mut LinkFacts, is_own: impl Fn(&str) -> bool, now: Timestamp) {
        let today = day(now);
        let memory = locked(&self.memory);
        let mut new = HashSet::new();
        for link in &mut links.links {
            link.seen = memory.rows.get(&hash(&link.domain)).map(|row| row.seen(today));
            let is_new = link.seen.is_none_or(|seen| seen.days == 0 && seen.senders < 3);
            if is_new && !is_own(&link.domain) && !risk::is_harmless(&link.domain) {
                link.flag(LinkFlag::NewHost);
                new.insert(link.domain.clone());
            }
        }
        links.new_hosts = Gathered::Known(NewHosts {
            hosts: u32::try_from(new.len()).unwrap_or(u32::MAX),
            memory_days: memory
                .began
                .map_or(0, |began| u32::from(today.saturating_sub(began))),
        });
    }

    /// Remembers the domains of a message that was clean and accepted. `sender` is a key as of [`risk::Sender::key`].
    pub fn teach(&self, links: &LinkFacts, sender: &str, now: Timestamp) {
        let today = day(now);
        let bit = 1u32 << (hash(sender) % 32);
        let domains: HashSet<u64> = links.links.iter().map(|link| hash(&link.domain)).collect();
        if domains.is_empty() {
            return;
        }
        let mut memory = locked(&self.memory);
        for domain in domains {
            memory.learn(domain, bit, today);
        }
    }

    /// Waits until all that was taught before is written.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.writer.flush().await
    }

    /// Domains remembered now.
    pub fn count(&self) -> usize {
        locked(&self.memory).rows.len()
    }
}

impl Row {
    fn seen(self, today: u16) -> HostSeen {
        HostSeen {
            days: u32::from(today.saturating_sub(self.first_day)),
            senders: u8::try_from(self.senders.count_ones()).unwrap_or(u8::MAX),
        }
    }
}

impl Memory {
    fn new(rows_max: usize) -> Self {
        Self {
            rows: HashMap::new(),
            rows_max,
            dirty: HashSet::new(),
            removed: Vec::new(),
            began: None,
        }
    }

    fn learn(&mut self, domain: u64, bit: u32, today: u16) {
        if self.began.is_none() {
            self.began = Some(today);
            self.dirty.insert(BEGAN);
        }
        if !self.rows.contains_key(&domain) {
            self.make_room(today);
        }
        let fresh = Row {
            first_day: today,
            last_day: today,
            senders: 0,
        };
        let row = self.rows.entry(domain).or_insert(fresh);
        let after = Row {
            first_day: row.first_day,
            last_day: row.last_day.max(today),
            senders: row.senders | bit,
        };
        if *row != after {
            *row = after;
            self.dirty.insert(domain);
        }
    }

    /// Forgets a sixteenth when the memory is full.
    fn make_room(&mut self, today: u16) {
        if self.rows.len() < self.rows_max {
            return;
        }
        let mut worth: Vec<_> = self
            .rows
            .iter()
            .map(|(key, row)| ((row.seen(today).is_familiar(), row.last_day), *key))
            .collect();
        let leave = (self.rows_max / 16).max(1).min(worth.len());
        worth.select_nth_unstable(leave - 1);
        for (_, key) in worth.into_iter().take(leave) {
            self.rows.remove(&key);
            self.dirty.remove(&key);
            // While the disk fails the list stays bounded; a row that is left comes back with the next start.
            if self.removed.len() < self.rows_max {
                self.removed.push(key);
            }
        }
    }
}

/// Days since 1970; enough until the year 2149.
fn day(now: Timestamp) -> u16 {
    u16::try_from(now.as_second().max(0) / 86_400).unwrap_or(u16::MAX)
}

fn hash(text: &str) -> u64 {
    // 0 is the row that tells when the memory began.
    xxh3_64(text.as_bytes()).max(1)
}
