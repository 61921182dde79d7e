//! The memory of hosts on disk: a thread of its own writes what changed every two seconds, and at once when somebody waits.

use super::{BEGAN, Memory, Row};
use crate::StoreError;
use crate::database::locked;
use rusqlite::{Connection, TransactionBehavior, params};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a change may stay in memory only.
const BEHIND: Duration = Duration::from_secs(2);
/// Callers that may wait for the disk at once.
const WAITING_MAX: usize = 1_024;

type Waiter = oneshot::Sender<Result<(), String>>;

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
    pub(super) fn start(mut connection: Connection, memory: Arc<Mutex<Memory>>) -> Result<Self, StoreError> {
        let desk = Arc::new(Desk::default());
        let at = Arc::clone(&desk);
        let work = move || {
            loop {
                let (waiters, closing) = at.wait();
                let result = write(&mut connection, &memory).map_err(|error| error.to_string());
                for waiter in waiters {
                    // A caller that went away needs no answer.
                    drop(waiter.send(result.clone()));
                }
                if closing {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("hosts".to_owned()).spawn(work)?;
        Ok(Self {
            desk,
            thread: Some(thread),
        })
    }

    /// Waits until all that was changed before is written.
    pub(super) async fn flush(&self) -> Result<(), StoreError> {
        let (waiter, done) = oneshot::channel();
        {
            let mut state = locked(&self.desk.state);
            if state.waiters.len() >= WAITING_MAX {
                return Err(StoreError::Full(format!(
                    "{WAITING_MAX} wait for the disk already"
                )));
            }
            state.waiters.push(waiter);
        }
        self.desk.bell.notify_one();
        let written = done.await.map_err(|_| StoreError::Closing)?;
        written.map_err(|text| StoreError::Disk(std::io::Error::other(text)))
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
    /// Until somebody waits, the store closes, or the time is over.
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

/// Writes all that changed. What could not be written is tried again.
fn write(connection: &mut Connection, memory: &Mutex<Memory>) -> Result<(), StoreError> {
    let (rows, removed) = {
        let mut memory = locked(memory);
        let memory = &mut *memory;
        let rows: Vec<(u64, Row)> = memory
            .dirty
            .drain()
            .filter_map(|key| row(&memory.rows, memory.began, key))
            .collect();
        (rows, std::mem::take(&mut memory.removed))
    };
    if rows.is_empty() && removed.is_empty() {
        return Ok(());
    }
    let result = commit(connection, &rows, &removed);
    if result.is_err() {
        let mut memory = locked(memory);
        memory.dirty.extend(rows.iter().map(|(key, _)| *key));
        let free = memory.rows_max.saturating_sub(memory.removed.len());
        memory.removed.extend(removed.into_iter().take(free));
    }
    result
}

fn row(rows: &std::collections::HashMap<u64, Row>, began: Option<u16>, key: u64) -> Option<(u64, Row)> {
    if key == BEGAN {
        let day = began?;
        let row = Row {
            first_day: day,
            last_day: day,
            senders: 0,
        };
        return Some((key, row));
    }
    Some((key, *rows.get(&key)?))
}

fn commit(connection: &mut Connection, rows: &[(u64, Row)], removed: &[u64]) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        // Removals first: a domain that was forgotten and came back must stay.
        let mut remove = transaction.prepare_cached("DELETE FROM host WHERE hash = ?")?;
        for key in removed {
            remove.execute([key.cast_signed()])?;
        }
        let mut insert = transaction.prepare_cached(
            "INSERT OR REPLACE INTO host (hash, first_day, last_day, senders) VALUES (?, ?, ?, ?)",
        )?;
        for (key, row) in rows {
            insert.execute(params![
                key.cast_signed(),
                row.first_day,
                row.last_day,
                row.senders
            ])?;
        }
    }
    transaction.commit()?;
    Ok(())
}

/// Reads all rows, those seen lately first, as many as there is room for.
pub(super) fn load(connection: &Connection, memory: &mut Memory) -> Result<(), StoreError> {
    let mut statement =
        connection.prepare("SELECT hash, first_day, last_day, senders FROM host ORDER BY last_day DESC")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key: i64 = row.get(0)?;
        let read = Row {
            first_day: row.get(1)?,
            last_day: row.get(2)?,
            senders: row.get(3)?,
        };
        match key.cast_unsigned() {
            BEGAN => memory.began = Some(read.first_day),
            key if memory.rows.len() < memory.rows_max => drop(memory.rows.insert(key, read)),
            _ => {}
        }
    }
    Ok(())
}
