//! How this room opens SQLite: WAL, durable or nearly so, migrated by `user_version`, readable by its owner alone.
//!
//! Promises: a database made by a newer version is refused, not damaged; two processes that open at once migrate once.
//! Trusts the file system's locks; SQLite on a network file system is the operator's mistake.

use crate::StoreError;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a writer waits for another one, in this process or beside it (an import holds the lock for some seconds).
const BUSY: Duration = Duration::from_secs(30);
/// The write-ahead log is cut to this after a checkpoint.
const WAL_OCTETS_MAX: u32 = 64 << 20;

/// A database file of ours.
#[derive(Debug)]
pub(crate) struct Schema {
    /// File name in the data directory.
    pub file: &'static str,
    /// One script a version; applied in order, never changed once released.
    pub steps: &'static [&'static str],
    /// `FULL`: a commit is on stable storage. `NORMAL`: it survives a crash of the process, not of the machine.
    pub synchronous: &'static str,
    /// Octets of a page; fixed when the file is made.
    pub page_octets: u32,
    /// Octets of pages that the writer keeps in memory.
    pub cache_octets_max: u32,
    /// Octets of the write-ahead log after which it is copied into the file.
    pub checkpoint_octets: u32,
}

/// Directory, ledger and controls.
pub(crate) const CONTROL: Schema = Schema {
    file: "control.db",
    steps: &[
        include_str!("../migrations/control-1.sql"),
        include_str!("../migrations/control-2.sql"),
    ],
    synchronous: "FULL",
    page_octets: 4_096,
    cache_octets_max: 4 << 20,
    checkpoint_octets: 4 << 20,
};

/// Stories: losing the last second of them when the power goes is accepted. Small pages: each story changes a page of two
/// indexes, and with pages of 8 and 16 KiB about 2.7 and 5 times as much was written (20,000 senders in any order).
pub(crate) const STORIES: Schema = Schema {
    file: "stories.db",
    steps: &[include_str!("../migrations/stories-1.sql")],
    synchronous: "NORMAL",
    page_octets: 4_096,
    cache_octets_max: 24 << 20,
    checkpoint_octets: 32 << 20,
};

/// What was learned of texts.
pub(crate) const MODELS: Schema = Schema {
    file: "models.db",
    steps: &[include_str!("../migrations/models-1.sql")],
    synchronous: "FULL",
    page_octets: 4_096,
    cache_octets_max: 4 << 20,
    checkpoint_octets: 8 << 20,
};

/// Where mail leads to. It costs some opinion, no mail, when the power takes the last of it.
pub(crate) const HOSTS: Schema = Schema {
    file: "hosts.db",
    steps: &[include_str!("../migrations/hosts-1.sql")],
    synchronous: "NORMAL",
    page_octets: 4_096,
    cache_octets_max: 4 << 20,
    checkpoint_octets: 4 << 20,
};

/// Opens a database to write and read, makes and migrates it.
pub(crate) fn open(directory: &Path, schema: &Schema) -> Result<Connection, StoreError> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let path = directory.join(schema.file);
    // SQLite gives its side files the mode of the main one: password hashes and private keys are nobody else's business.
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)?;
    let mut connection = Connection::open(&path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "page_size", schema.page_octets)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    prepare(&connection, schema)?;
    connection.pragma_update(None, "cache_size", -i64::from(schema.cache_octets_max >> 10))?;
    connection.pragma_update(
        None,
        "wal_autocheckpoint",
        schema.checkpoint_octets / schema.page_octets,
    )?;
    migrate(&mut connection, schema)?;
    Ok(connection)
}

/// Opens a database that exists, for reading.
fn open_reader(path: &Path, schema: &Schema) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    prepare(&connection, schema)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Lines of an integrity check that are told.
const PROBLEMS_MAX: u32 = 20;

/// Checks every page and index of a database that nobody writes to, without changing it. Empty when it is whole.
pub(crate) fn problems(directory: &Path, schema: &Schema) -> Result<Vec<String>, StoreError> {
    let path = directory.join(schema.file);
    let log = directory.join(format!("{}-wal", schema.file));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = if log.exists() {
        Connection::open_with_flags(path, flags)?
    } else {
        // Said to be immutable, it is read without making files for locks and log beside it.
        let path = path.to_string_lossy().replace('%', "%25");
        let uri = format!(
            "file:{}?immutable=1",
            path.replace('?', "%3f").replace('#', "%23")
        );
        Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?
    };
    connection.pragma_update(None, "trusted_schema", false)?;
    let mut check = connection.prepare(&format!("PRAGMA integrity_check({PROBLEMS_MAX})"))?;
    let lines = check.query_map([], |row| row.get::<_, String>(0))?;
    let lines: Vec<String> = lines.collect::<Result<_, _>>()?;
    Ok(if lines == ["ok"] { Vec::new() } else { lines })
}

fn prepare(connection: &Connection, schema: &Schema) -> Result<(), StoreError> {
    connection.pragma_update(None, "synchronous", schema.synchronous)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "journal_size_limit", WAL_OCTETS_MAX)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn migrate(connection: &mut Connection, schema: &Schema) -> Result<(), StoreError> {
    let known = i64::try_from(schema.steps.len()).unwrap_or(i64::MAX);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version > known {
        let file = schema.file;
        let text = format!("{file} was made by a newer version (schema {version}, this one knows {known})");
        return Err(StoreError::Unusable(text));
    }
    let done = usize::try_from(version).unwrap_or(0);
    for step in schema.steps.iter().skip(done) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}

/// Connections for reading, opened when needed, at most [`Readers::IDLE_MAX`] kept. Readers never wait for the writer.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    schema: &'static Schema,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    const IDLE_MAX: usize = 4;

    /// For a database that [`open`] has made.
    pub(crate) fn new(directory: &Path, schema: &'static Schema) -> Self {
        Self {
            path: directory.join(schema.file),
            schema,
            idle: Mutex::default(),
        }
    }

    /// A connection that is not given back.
    pub(crate) fn single(&self) -> Result<Connection, StoreError> {
        open_reader(&self.path, self.schema)
    }

    /// Runs a reading with a connection.
    pub(crate) fn read<T>(
        &self,
        reading: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = locked(&self.idle).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.single()?,
        };
        let result = reading(&connection);
        let mut idle = locked(&self.idle);
        if idle.len() < Self::IDLE_MAX {
            idle.push(connection);
        }
        result
    }
}

/// Locks; what a panic elsewhere left behind is still whole, because nothing here panics halfway through a change.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_newer_database_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let connection = open(directory.path(), &CONTROL).unwrap();
        connection.pragma_update(None, "user_version", 999).unwrap();
        drop(connection);
        assert!(matches!(
            open(directory.path(), &CONTROL),
            Err(StoreError::Unusable(_))
        ));
    }

    #[test]
    fn opened_twice_it_is_migrated_once_and_keeps_what_it_has() {
        let directory = tempfile::tempdir().unwrap();
        for (count, schema) in [(1, &CONTROL), (2, &CONTROL), (1, &STORIES), (2, &STORIES)] {
            let connection = open(directory.path(), schema).unwrap();
            let version: i64 = connection
                .query_row("PRAGMA user_version", [], |row| row.get(0))
                .unwrap();
            assert_eq!(version, schema.steps.len() as i64, "opened {count} times");
            let mode: String = connection
                .query_row("PRAGMA journal_mode", [], |row| row.get(0))
                .unwrap();
            assert_eq!(mode, "wal");
        }
    }

    #[test]
    fn nobody_else_reads_the_files() {
        let directory = tempfile::tempdir().unwrap();
        let connection = open(directory.path(), &CONTROL).unwrap();
        for file in ["control.db", "control.db-wal"] {
            let mode = std::fs::metadata(directory.path().join(file))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o077, 0, "{file}: {mode:o}");
        }
        drop(connection);
    }

    #[test]
    fn a_reader_cannot_write() {
        let directory = tempfile::tempdir().unwrap();
        let _writer = open(directory.path(), &CONTROL).unwrap();
        let readers = Readers::new(directory.path(), &CONTROL);
        let result = readers.read(|connection| Ok(connection.execute("DELETE FROM account", [])?));
        assert!(result.is_err());
    }
}
