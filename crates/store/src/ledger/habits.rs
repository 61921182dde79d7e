//! How senders behave, as the store keeps it: each sender's [`risk::Ledger`] at rest in its entry, and beside them what only the site
//! knows: how honest mail weighs, who was seen at which address, since when it watches, and the key of its marks.
//!
//! Promises: looking and booking never wait for the disk. Ledgers are written with their entries, within a second; the site's part at
//! least as often as once in [`SITE_S`]. A resting form that cannot be read is a sender that starts anew. Bounded: addresses by
//! [`ADDRESSES_MAX`], the rest by the entries.

use super::Ledger;
use super::entry::Entry;
use crate::StoreError;
use crate::database::locked;
use jiff::Timestamp;
use risk::{
    ConductFacts, Norms, Novelty, Returned, Sender, SenderKind, Sending, Shared, SharedFacts, Trial, Whence,
};
use rusqlite::{Connection, OptionalExtension, params};
use std::net::IpAddr;
use std::sync::Mutex;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Addresses remembered, some 200 octets each.
const ADDRESSES_MAX: usize = 100_000;
/// The site's part is written when it is so old, in seconds.
const SITE_S: i64 = 60;

/// What only the site knows.
#[derive(Debug)]
pub(super) struct Site {
    key: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Since when the site watches; None before its first message.
    since: Option<Timestamp>,
    norms: Norms,
    shared: Shared,
    /// Changed since it was written.
    dirty: bool,
    written_s: i64,
}

impl Site {
    /// Reads it, or makes it: the key is made once, and a site is as old as its first message.
    pub(super) fn load(connection: &Connection) -> Result<Self, StoreError> {
        let read = |name: &str| -> Result<Option<Vec<u8>>, StoreError> {
            let value = connection.query_row("SELECT value FROM conduct WHERE name = ?", [name], |row| {
                row.get(0)
            });
            Ok(value.optional()?)
        };
        let whole = |octets: &[u8]| octets.try_into().ok().map(u64::from_le_bytes);
        let key = match read("key")?.as_deref().and_then(whole) {
            Some(key) => key,
            None => {
                let key = rand::random::<u64>();
                keep(connection, "key", &key.to_le_bytes())?;
                key
            }
        };
        let since = read("since")?.as_deref().and_then(whole);
        let since = since.and_then(|second| Timestamp::from_second(i64::try_from(second).ok()?).ok());
        let norms = read("norms")?.and_then(|octets| serde_json::from_slice(&octets).ok());
        Ok(Self {
            key,
            state: Mutex::new(State {
                since,
                norms: norms.unwrap_or_default(),
                shared: Shared::new(ADDRESSES_MAX),
                dirty: false,
                written_s: 0,
            }),
        })
    }

    /// What is to be written, if it is time.
    pub(super) fn take_unwritten(&self, latest: Timestamp) -> Option<(Timestamp, Norms)> {
        let mut state = locked(&self.state);
        let due = state.dirty && latest.as_second().saturating_sub(state.written_s) >= SITE_S;
        due.then(|| {
            (state.dirty, state.written_s) = (false, latest.as_second());
            (state.since.unwrap_or(latest), state.norms.clone())
        })
    }
}

/// Keeps one value.
pub(super) fn keep(connection: &Connection, name: &str, value: &[u8]) -> Result<(), StoreError> {
    let statement = "INSERT INTO conduct (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    connection.execute(statement, params![name, value])?;
    Ok(())
}

/// Keeps since when the site watches, once.
pub(super) fn keep_since(connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
    let second = u64::try_from(now.as_second()).unwrap_or(0);
    let statement = "INSERT INTO conduct (name, value) VALUES ('since', ?) ON CONFLICT (name) DO NOTHING";
    connection.execute(statement, params![second.to_le_bytes()])?;
    Ok(())
}

fn wake(entry: &Entry) -> risk::Ledger {
    risk::Ledger::from_bytes(&entry.habits).unwrap_or_default()
}

fn rest(entry: &mut Entry, ledger: &risk::Ledger) {
    entry.habits = ledger.to_bytes().into_boxed_slice();
}

impl Ledger {
    /// A mark of the site's own: nobody outside can tell what it stands for, nor aim at it.
    pub fn mark(&self, octets: &[u8]) -> u64 {
        xxh3_64_with_seed(octets, self.site.key)
    }

    /// How a message fits what is remembered of its sender. Changes nothing.
    pub fn conduct(&self, sender: &Sender, sending: &Sending<'_>, client: Option<IpAddr>) -> ConductFacts {
        let key = sender.key();
        let known = self.shards.peek(&key, |entry| wake(entry)).unwrap_or_default();
        let mut facts = known.look(sending);
        let state = locked(&self.site.state);
        facts.site_days = days(state.since, sending.at);
        facts.norms = state.norms.of(facts.role);
        if sender.kind == SenderKind::Mailbox {
            facts.shared = client.map_or_else(SharedFacts::default, |client| {
                state
                    .shared
                    .look(self.address(client), self.short(&key), seconds(sending.at))
            });
        }
        facts
    }

    /// Books a judged message; `accepted`: it was let out.
    pub fn behaved(
        &self,
        sender: &Sender,
        sending: &Sending<'_>,
        client: Option<IpAddr>,
        facts: &ConductFacts,
        trial: &Trial,
        accepted: bool,
    ) {
        let key = sender.key();
        self.shards.change(&key, sender, sending.at, |entry| {
            let mut known = wake(entry);
            known.fold(sending, facts, trial, accepted);
            rest(entry, &known);
        });
        let newcomer = !matches!(facts.place.novelty, Novelty::Trusted | Novelty::Recent);
        let (short, address) = (self.short(&key), client.map(|client| self.address(client)));
        let mut state = locked(&self.site.state);
        state.since.get_or_insert(sending.at);
        if let Some(address) = address.filter(|_| sender.kind == SenderKind::Mailbox) {
            state
                .shared
                .note(address, short, newcomer, false, seconds(sending.at));
        }
        if accepted {
            state.norms.learn(facts.role, &trial.raw);
            state.dirty = true;
        }
    }

    /// What became of one recipient of a message. Of a sender that is not remembered nothing is.
    pub fn returned(&self, key: &str, returned: Returned, message: &str, now: Timestamp) {
        let Some((kind, _)) = super::kind_of(key) else {
            return;
        };
        let message = self.mark(message.as_bytes()) as u16;
        self.shards.touch(key, |entry| {
            let mut known = wake(entry);
            known.feedback(returned, message, kind, now);
            rest(entry, &known);
        });
    }

    /// A login failed. Names that are not remembered are not remembered now either: they may be invented.
    pub fn login_failed(&self, key: &str, whence: &Whence, client: IpAddr, now: Timestamp) {
        let known = self.shards.touch(key, |entry| {
            let mut known = wake(entry);
            known.login_failed(whence, now);
            rest(entry, &known);
        });
        if known.is_some() {
            let (short, address) = (self.short(key), self.address(client));
            locked(&self.site.state)
                .shared
                .note(address, short, false, true, seconds(now));
        }
    }

    /// Changes a sender's ledger where there is one: a role is set, an excursion confirmed, somebody vouches for it.
    pub(super) fn habits(&self, key: &str, change: impl FnOnce(&mut risk::Ledger)) {
        self.shards.touch(key, |entry| {
            let mut known = wake(entry);
            change(&mut known);
            rest(entry, &known);
        });
    }

    fn address(&self, client: IpAddr) -> u64 {
        match client {
            IpAddr::V4(address) => self.mark(&address.octets()),
            // A customer has a /64 at least.
            IpAddr::V6(address) => self.mark(address.octets().first_chunk::<8>().unwrap_or(&[0; 8])),
        }
    }

    fn short(&self, key: &str) -> u32 {
        self.mark(key.as_bytes()) as u32
    }
}

fn days(since: Option<Timestamp>, now: Timestamp) -> u32 {
    let since = since.map_or(now.as_second(), Timestamp::as_second);
    u32::try_from(now.as_second().saturating_sub(since) / 86_400).unwrap_or(0)
}

fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.as_second()).unwrap_or(0)
}
