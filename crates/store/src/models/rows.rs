//! The statements.

use super::{LABELS_MAX, LABELS_OF_ACCOUNT_DAY_MAX, Label, SNAPSHOTS_KEPT, Snapshot};
use crate::StoreError;
use jiff::Timestamp;
use risk::Role;
use risk::model::Ranks;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use sha2::{Digest, Sha256};

const DAY_S: i64 = 86_400;

/// Adds a label; tells its number and whether it took the place of the contrary one.
pub(super) fn add_label(
    connection: &mut Connection,
    sample: &[u8],
    label: &Label<'_>,
    now: Timestamp,
) -> Result<(i64, bool), StoreError> {
    if label.source.len() > 64 || label.account.len() > 320 {
        return Err(StoreError::Refused(
            "a source has 64 octets at most, an account 320".to_owned(),
        ));
    }
    let digest = Sha256::digest(sample);
    let at = now.as_second();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let known: Option<(i64, bool)> = transaction
        .query_row(
            "SELECT id, spam FROM label WHERE digest = ?",
            [&digest[..]],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    match known {
        Some((_, spam)) if spam == label.spam => {
            return Err(StoreError::Refused(
                "this message was learned so already".to_owned(),
            ));
        }
        Some((id, _)) => {
            transaction.execute("DELETE FROM label WHERE id = ?", [id])?;
        }
        None => {}
    }
    let given: i64 = transaction.query_row(
        "SELECT count(*) FROM label WHERE account = ? AND at > ? AND account <> ''",
        params![label.account, at - DAY_S],
        |row| row.get(0),
    )?;
    if given >= LABELS_OF_ACCOUNT_DAY_MAX {
        return Err(StoreError::Refused(format!(
            "{given} messages of {} were learned today; more of one account would teach its habits to everybody",
            label.account
        )));
    }
    transaction.execute(
        "INSERT INTO label (digest, at, spam, source, account, sample) VALUES (?, ?, ?, ?, ?, ?)",
        params![&digest[..], at, label.spam, label.source, label.account, sample],
    )?;
    let id = transaction.last_insert_rowid();
    transaction.execute(
        "DELETE FROM label WHERE id <= (SELECT id FROM label ORDER BY id DESC LIMIT 1 OFFSET ?)",
        [LABELS_MAX],
    )?;
    transaction.commit()?;
    Ok((id, known.is_some()))
}

pub(super) fn remove_label(connection: &Connection, sample: &[u8]) -> Result<(), StoreError> {
    let gone = connection.execute(
        "DELETE FROM label WHERE digest = ?",
        [&Sha256::digest(sample)[..]],
    )?;
    if gone == 0 {
        Err(StoreError::Missing("label"))
    } else {
        Ok(())
    }
}

pub(super) fn clear(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch(
        "BEGIN IMMEDIATE; DELETE FROM label; DELETE FROM snapshot; DELETE FROM state; COMMIT;",
    )?;
    Ok(())
}

pub(super) fn back_to(connection: &Connection, snapshot: i64) -> Result<(), StoreError> {
    let label: Option<i64> = connection
        .query_row("SELECT label FROM snapshot WHERE id = ?", [snapshot], |row| {
            row.get(0)
        })
        .optional()?;
    let label = label.ok_or(StoreError::Missing("snapshot"))?;
    connection.execute("DELETE FROM label WHERE id > ?", [label])?;
    connection.execute("DELETE FROM snapshot WHERE id > ?", [snapshot])?;
    Ok(())
}

pub(super) fn labels(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("SELECT count(*) FROM label", [], |row| row.get(0))?)
}

pub(super) fn last_label(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("SELECT coalesce(max(id), 0) FROM label", [], |row| row.get(0))?)
}

pub(super) fn labels_behind(connection: &Connection, last: i64) -> Result<Vec<i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id FROM label WHERE id > ? ORDER BY id")?;
    let ids = statement.query_map([last], |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// A label before this one, picked by its number: the one at or behind a hashed place among those kept.
pub(super) fn earlier(connection: &Connection, id: i64) -> Result<Option<i64>, StoreError> {
    let first: Option<i64> = connection.query_row("SELECT min(id) FROM label", [], |row| row.get(0))?;
    let Some(first) = first.filter(|first| *first < id) else {
        return Ok(None);
    };
    let hash = (xxhash_rust::xxh3::xxh3_64(&id.to_le_bytes()) >> 1).cast_signed();
    let place = first + hash % (id - first);
    let found = connection.query_row(
        "SELECT min(id) FROM label WHERE id >= ? AND id < ?",
        params![place, id],
        |row| row.get(0),
    )?;
    Ok(found)
}

pub(super) fn sample(connection: &Connection, id: i64) -> Result<(Vec<u8>, bool), StoreError> {
    let mut statement = connection.prepare_cached("SELECT sample, spam FROM label WHERE id = ?")?;
    Ok(statement.query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// Newest first.
pub(super) fn snapshots(connection: &Connection) -> Result<Vec<Snapshot>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id, at, label FROM snapshot ORDER BY id DESC")?;
    let rows = statement.query_map([], |row| {
        Ok(Snapshot {
            id: row.get(0)?,
            at: Timestamp::from_second(row.get(1)?).unwrap_or_default(),
            label: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn snapshot_octets(connection: &Connection, id: i64) -> Result<Vec<u8>, StoreError> {
    Ok(connection.query_row("SELECT octets FROM snapshot WHERE id = ?", [id], |row| row.get(0))?)
}

pub(super) fn forget_snapshots(connection: &Connection) -> Result<(), StoreError> {
    connection.execute("DELETE FROM snapshot", [])?;
    Ok(())
}

pub(super) fn add_snapshot(
    connection: &Connection,
    now: Timestamp,
    label: i64,
    octets: &[u8],
) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO snapshot (at, label, octets) VALUES (?, ?, ?)",
        params![now.as_second(), label, octets],
    )?;
    connection.execute(
        "DELETE FROM snapshot WHERE id <= (SELECT id FROM snapshot ORDER BY id DESC LIMIT 1 OFFSET ?)",
        [SNAPSHOTS_KEPT],
    )?;
    Ok(())
}

/// The key of this site's model; made at the first call.
pub(super) fn key(connection: &Connection) -> Result<[u64; 2], StoreError> {
    let made: [u8; 16] = rand::random();
    connection.execute(
        "INSERT OR IGNORE INTO state (name, value) VALUES ('key', ?)",
        [&made[..]],
    )?;
    let kept: Vec<u8> =
        connection.query_row("SELECT value FROM state WHERE name = 'key'", [], |row| row.get(0))?;
    let word = |at: usize| {
        kept.get(at..at + 8)
            .and_then(|eight| eight.try_into().ok())
            .map_or(0, u64::from_le_bytes)
    };
    Ok([word(0), word(8)])
}

/// What cannot be read counts as nothing: ranks grow again.
pub(super) fn ranks(connection: &Connection) -> Result<[Ranks; Role::COUNT], StoreError> {
    let text: Option<Vec<u8>> = connection
        .query_row("SELECT value FROM state WHERE name = 'ranks'", [], |row| {
            row.get(0)
        })
        .optional()?;
    let read: Option<Vec<Ranks>> = text.and_then(|text| serde_json::from_slice(&text).ok());
    Ok(read.and_then(|ranks| ranks.try_into().ok()).unwrap_or_default())
}

pub(super) fn write_ranks(connection: &Connection, ranks: &[Ranks; Role::COUNT]) -> Result<(), StoreError> {
    let text = serde_json::to_vec(ranks).map_err(|error| StoreError::Refused(error.to_string()))?;
    connection.execute(
        "INSERT OR REPLACE INTO state (name, value) VALUES ('ranks', ?)",
        [text],
    )?;
    Ok(())
}
