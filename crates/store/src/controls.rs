//! What operators paused, kept across restarts.
//!
//! Promises: a pause is durable before it is told, and seen by whoever asks from then on. Reading costs a pointer.
//! Limits: [`PAUSES_MAX`] pauses; names, reasons and operators of [`TEXT_OCTETS_MAX`] octets.

use crate::StoreError;
use crate::database::{self, CONTROL, locked};
use arc_swap::ArcSwap;
use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// Pauses at once.
const PAUSES_MAX: usize = 1_000;
/// Octets of a name, a reason, an operator.
const TEXT_OCTETS_MAX: usize = 512;

/// What a pause covers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "scope", content = "name", rename_all = "snake_case")]
pub enum PauseScope {
    /// All outgoing mail.
    All,
    /// A tenant.
    Tenant(String),
    /// A sender key.
    Sender(String),
    /// A destination domain or site.
    Destination(String),
    /// A pool.
    Pool(String),
}

/// A pause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// What.
    #[serde(flatten)]
    pub scope: PauseScope,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
}

/// The controls.
#[derive(Debug)]
pub struct Controls {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    connection: Mutex<Connection>,
    pauses: ArcSwap<Vec<Pause>>,
    changed: Notify,
}

impl Controls {
    /// Opens or makes the controls.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let connection = database::open(directory, &CONTROL)?;
        let pauses = ArcSwap::from_pointee(read(&connection)?);
        let shared = Shared {
            connection: Mutex::new(connection),
            pauses,
            changed: Notify::new(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Pauses; replaces a pause of the same scope. Durable on return.
    pub async fn pause(&self, pause: Pause) -> Result<(), StoreError> {
        let texts = [scope_text(&pause.scope)?, pause.by.clone(), pause.reason.clone()];
        if texts.iter().any(|text| text.len() > TEXT_OCTETS_MAX) {
            return Err(StoreError::Refused(format!(
                "a text has more than {TEXT_OCTETS_MAX} octets"
            )));
        }
        let work = move |shared: &Shared, connection: &Connection| {
            let known = shared.pauses.load();
            if known.len() >= PAUSES_MAX && known.iter().all(|known| known.scope != pause.scope) {
                return Err(StoreError::Full(format!("there are {PAUSES_MAX} pauses already")));
            }
            let [scope, by, reason] = texts;
            connection
                .prepare_cached("INSERT OR REPLACE INTO pause (scope, by, reason, at) VALUES (?, ?, ?, ?)")?
                .execute(params![scope, by, reason, pause.at.as_millisecond()])?;
            Ok(())
        };
        self.change(work).await
    }

    /// Resumes; false when nothing was paused.
    pub async fn resume(&self, scope: &PauseScope) -> Result<bool, StoreError> {
        let scope = scope_text(scope)?;
        let work = move |_: &Shared, connection: &Connection| {
            Ok(connection
                .prepare_cached("DELETE FROM pause WHERE scope = ?")?
                .execute([scope])?
                > 0)
        };
        self.change(work).await
    }

    /// All pauses (from memory: cheap enough for each lease).
    pub fn pauses(&self) -> Arc<Vec<Pause>> {
        self.shared.pauses.load_full()
    }

    /// Waits until pauses change. A change since the last call counts: whoever asks alone misses none.
    pub async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    /// Changes the table on a thread that may wait for the disk, then tells.
    async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared, &Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = Arc::clone(&self.shared);
        let task = tokio::task::spawn_blocking(move || {
            let connection = locked(&shared.connection);
            let result = work(&shared, &connection)?;
            shared.pauses.store(Arc::new(read(&connection)?));
            // All who wait now, and one who comes later.
            shared.changed.notify_waiters();
            shared.changed.notify_one();
            Ok(result)
        });
        task.await.map_err(|_| StoreError::Closing)?
    }
}

fn scope_text(scope: &PauseScope) -> Result<String, StoreError> {
    serde_json::to_string(scope).map_err(|error| StoreError::Refused(error.to_string()))
}

fn read(connection: &Connection) -> Result<Vec<Pause>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT scope, by, reason, at FROM pause ORDER BY at, scope")?;
    let rows = statement.query_map([], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, String>(2)?,
            row.get::<_, i64>(3)?,
        ))
    })?;
    let mut pauses = Vec::new();
    for row in rows {
        let (scope, by, reason, at) = row?;
        let damaged = |error: String| StoreError::Unusable(format!("a pause cannot be read: {error}"));
        let scope = serde_json::from_str(&scope).map_err(|error| damaged(error.to_string()))?;
        let at = Timestamp::from_millisecond(at).map_err(|error| damaged(error.to_string()))?;
        pauses.push(Pause {
            scope,
            by,
            reason,
            at,
        });
    }
    Ok(pauses)
}
