//! The ledger on disk: a thread of its own writes what changed once a second, and at once when somebody waits for it.

use super::entry::Entry;
use super::habits::{self, Site};
use super::shards::{Shards, Unwritten};
use crate::StoreError;
use crate::database::locked;
use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a change may stay in memory only.
const BEHIND: Duration = Duration::from_secs(1);
/// Callers that may wait for the disk at once.
const WAITING_MAX: usize = 65_536;
/// Rows of one transaction.
const ROWS_MAX: usize = 10_000;

type Waiter = oneshot::Sender<Result<(), StoreError>>;

/// The handle of the thread. When it is dropped, everything is written and the thread ends.
#[derive(Debug)]
pub(super) struct Writer {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

/// Where callers and the thread meet.
#[derive(Debug, Default)]
struct Desk {
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiters: Vec<Waiter>,
    closing: bool,
}

impl Writer {
    pub(super) fn start(
        mut connection: Connection,
        shards: Arc<Shards>,
        site: Arc<Site>,
    ) -> Result<Self, StoreError> {
        let desk = Arc::new(Desk::default());
        let at = Arc::clone(&desk);
        let work = move || {
            let mut turn = 0;
            loop {
                let (waiters, closing) = at.wait();
                let result =
                    write(&mut connection, &shards).and_then(|()| write_site(&connection, &shards, &site));
                answer(waiters, result);
                if closing {
                    return;
                }
                shards.tidy(turn);
                turn = turn.wrapping_add(1);
            }
        };
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(work)?;
        Ok(Self {
            desk,
            thread: Some(thread),
        })
    }

    /// Waits until all that was changed before is durable.
    pub(super) async fn flush(&self) -> Result<(), StoreError> {
        let (waiter, done) = oneshot::channel();
        {
            let mut state = locked(&self.desk.state);
            if state.closing {
                return Err(StoreError::Closing);
            }
            if state.waiters.len() >= WAITING_MAX {
                return Err(StoreError::Full(format!(
                    "{WAITING_MAX} changes wait for the disk already"
                )));
            }
            state.waiters.push(waiter);
        }
        self.desk.bell.notify_one();
        done.await.map_err(|_| StoreError::Closing)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        locked(&self.desk.state).closing = true;
        self.desk.bell.notify_one();
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has nothing more to say.
            let _ = thread.join();
        }
    }
}

impl Desk {
    /// Until somebody waits, the store closes, or the second is over.
    fn wait(&self) -> (Vec<Waiter>, bool) {
        let idle = |state: &mut State| state.waiters.is_empty() && !state.closing;
        let state = locked(&self.state);
        let (mut state, _) = self
            .bell
            .wait_timeout_while(state, BEHIND, idle)
            .unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut state.waiters), state.closing)
    }
}

fn answer(waiters: Vec<Waiter>, result: Result<(), StoreError>) {
    match result {
        // A caller that went away needs no answer.
        Ok(()) => waiters.into_iter().for_each(|waiter| drop(waiter.send(Ok(())))),
        Err(error) => {
            let (text, full) = (error.to_string(), error.is_full());
            for waiter in waiters {
                let error = if full {
                    StoreError::Full(text.clone())
                } else {
                    StoreError::Disk(std::io::Error::other(text.clone()))
                };
                drop(waiter.send(Err(error)));
            }
        }
    }
}

/// Writes what the site knows, now and then.
fn write_site(connection: &Connection, shards: &Shards, site: &Site) -> Result<(), StoreError> {
    let Some(latest) = shards.latest() else {
        return Ok(());
    };
    if let Some((since, norms)) = site.take_unwritten(latest) {
        habits::keep_since(connection, since)?;
        let octets = serde_json::to_vec(&norms).map_err(|error| StoreError::Refused(error.to_string()))?;
        habits::keep(connection, "norms", &octets)?;
    }
    Ok(())
}

/// Writes all that changed. What could not be written is tried again.
fn write(connection: &mut Connection, shards: &Shards) -> Result<(), StoreError> {
    let unwritten = shards.take_unwritten();
    if unwritten.removed.is_empty() && unwritten.entries.is_empty() {
        return Ok(());
    }
    let result = commit(connection, &unwritten);
    if result.is_err() {
        shards.give_back(unwritten);
    }
    result
}

fn commit(connection: &mut Connection, unwritten: &Unwritten) -> Result<(), StoreError> {
    // Removals first: a key that was forgotten and came back must stay.
    for keys in unwritten.removed.chunks(ROWS_MAX) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut statement = transaction.prepare_cached("DELETE FROM ledger WHERE key = ?")?;
            for key in keys {
                statement.execute([&**key])?;
            }
        }
        transaction.commit()?;
    }
    for rows in unwritten.entries.chunks(ROWS_MAX) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut statement = transaction.prepare_cached(
                "INSERT INTO ledger (key, tenant, domain, conduct, counters, last_seen, habits) VALUES (?, ?, ?, ?, ?, ?, ?)
                 ON CONFLICT (key) DO UPDATE SET tenant = excluded.tenant, domain = excluded.domain,
                    conduct = excluded.conduct, counters = excluded.counters, last_seen = excluded.last_seen,
                    habits = excluded.habits",
            )?;
            for (key, entry) in rows {
                let unkept = |error: serde_json::Error| StoreError::Refused(error.to_string());
                let conduct = serde_json::to_string(&entry.conduct).map_err(unkept)?;
                let counters = serde_json::to_string(&entry.counters).map_err(unkept)?;
                let last_seen = entry.last_seen.as_second();
                statement.execute(params![
                    &**key,
                    &*entry.tenant,
                    &*entry.domain,
                    conduct,
                    counters,
                    last_seen,
                    &*entry.habits
                ])?;
            }
        }
        transaction.commit()?;
    }
    Ok(())
}

/// Reads all entries; tells how many rows could not be read. Those seen least lately come first, so that they are forgotten
/// first when there are too many.
pub(super) fn load(connection: &Connection, shards: &Shards) -> Result<u64, StoreError> {
    let mut statement = connection.prepare(
        "SELECT key, tenant, domain, conduct, counters, last_seen, habits FROM ledger ORDER BY last_seen",
    )?;
    let mut rows = statement.query([])?;
    let mut damaged = 0;
    while let Some(row) = rows.next()? {
        let key: Box<str> = row.get::<_, String>(0)?.into();
        let conduct = serde_json::from_str(row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?);
        let counters = serde_json::from_str(row.get_ref(4)?.as_str().map_err(rusqlite::Error::from)?);
        let last_seen = Timestamp::from_second(row.get(5)?);
        let (Ok(conduct), Ok(counters), Ok(last_seen)) = (conduct, counters, last_seen) else {
            damaged += 1;
            continue;
        };
        let (tenant, domain) = (row.get::<_, String>(1)?.into(), row.get::<_, String>(2)?.into());
        shards.restore(
            key,
            Entry {
                tenant,
                domain,
                conduct,
                counters,
                habits: row.get::<_, Vec<u8>>(6)?.into_boxed_slice(),
                last_seen,
                dirty: false,
            },
        );
    }
    Ok(damaged)
}
