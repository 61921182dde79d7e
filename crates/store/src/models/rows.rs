//! The statements.

use super::{
    LABELS_MAX, LABELS_OF_ACCOUNT_DAY_MAX, Label, REFUSALS_DAY_MAX, REFUSALS_OF_ACCOUNT_DAY_MAX,
    SNAPSHOTS_KEPT, Snapshot,
};
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
    let known: Option<(i64, bool, String)> = transaction
        .query_row(
            "SELECT id, spam, source FROM label WHERE digest = ?",
            [&digest[..]],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    match &known {
        Some((_, spam, _)) if *spam == label.spam => {
            return Err(StoreError::Refused(
                "this message was learned so already".to_owned(),
            ));
        }
        Some((_, _, source)) if source == Label::OPERATOR && label.source != Label::OPERATOR => {
            return Err(StoreError::Refused(
                "an operator said otherwise of this message".to_owned(),
            ));
        }
        Some((id, ..)) => take_out(&transaction, *id)?,
        None => {}
    }
    share_of_day(&transaction, label, at - DAY_S)?;
    transaction.execute(
        "INSERT INTO label (digest, at, spam, source, account, sample) VALUES (?, ?, ?, ?, ?, ?)",
        params![&digest[..], at, label.spam, label.source, label.account, sample],
    )?;
    let id = transaction.last_insert_rowid();
    transaction.commit()?;
    Ok((id, known.is_some()))
}

/// Nobody teaches the site alone, and strangers least of all.
fn share_of_day(connection: &Connection, label: &Label<'_>, since: i64) -> Result<(), StoreError> {
    let count = |condition: &str, value: &str| -> Result<i64, StoreError> {
        let question = format!("SELECT count(*) FROM label WHERE {condition} AND at > ?2");
        Ok(connection.query_row(&question, params![value, since], |row| row.get(0))?)
    };
    let given = count("account = ?1 AND account <> ''", label.account)?;
    if given >= LABELS_OF_ACCOUNT_DAY_MAX {
        return Err(StoreError::Refused(format!(
            "{given} messages of {} were learned today; more of one account would teach its habits to everybody",
            label.account
        )));
    }
    if label.source == Label::REFUSAL {
        let of_account = count("account = ?1 AND source = 'refusal'", label.account)?;
        let of_all = count("source = ?1", Label::REFUSAL)?;
        if of_account >= REFUSALS_OF_ACCOUNT_DAY_MAX || of_all >= REFUSALS_DAY_MAX {
            return Err(StoreError::Refused(format!(
                "{of_account} refusals of mail of {} and {of_all} of all mail were learned today; that is enough of what strangers say",
                label.account
            )));
        }
    }
    Ok(())
}

/// Takes out the labels of a source, of all accounts or of one; tells how many.
pub(super) fn remove_labels_of(
    connection: &mut Connection,
    source: &str,
    account: Option<&str>,
) -> Result<usize, StoreError> {
    const WHICH: &str = "source = ?1 AND (?2 IS NULL OR account = ?2)";
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let first: Option<i64> = transaction.query_row(
        &format!("SELECT min(id) FROM label WHERE {WHICH}"),
        params![source, account],
        |row| row.get(0),
    )?;
    let Some(first) = first else { return Ok(0) };
    let removed = transaction.execute(
        &format!("DELETE FROM label WHERE {WHICH}"),
        params![source, account],
    )?;
    transaction.execute("DELETE FROM snapshot WHERE label >= ?", [first])?;
    transaction.commit()?;
    Ok(removed)
}

/// Labels of each source: as spam, and as other mail.
pub(super) fn sources(connection: &Connection) -> Result<Vec<(String, i64, i64)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT source, sum(spam), sum(1 - spam) FROM label GROUP BY source ORDER BY source",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn remove_label(connection: &mut Connection, sample: &[u8]) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let digest = Sha256::digest(sample);
    let known: Option<i64> = transaction
        .query_row("SELECT id FROM label WHERE digest = ?", [&digest[..]], |row| {
            row.get(0)
        })
        .optional()?;
    take_out(&transaction, known.ok_or(StoreError::Missing("label"))?)?;
    transaction.commit()?;
    Ok(())
}

/// A label, and the snapshots that it is in.
fn take_out(connection: &Connection, id: i64) -> Result<(), StoreError> {
    connection.execute("DELETE FROM label WHERE id = ?", [id])?;
    connection.execute("DELETE FROM snapshot WHERE label >= ?", [id])?;
    Ok(())
}

pub(super) fn clear(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch("DELETE FROM label; DELETE FROM snapshot; DELETE FROM state;")?;
    transaction.commit()?;
    Ok(())
}

/// Nothing but a model that comes from elsewhere: a snapshot before the first label, which stays.
pub(super) fn begin_with(
    connection: &mut Connection,
    octets: &[u8],
    now: Timestamp,
) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch("DELETE FROM label; DELETE FROM snapshot; DELETE FROM state;")?;
    transaction.execute(
        "INSERT INTO snapshot (at, label, octets) VALUES (?, 0, ?)",
        params![now.as_second(), octets],
    )?;
    transaction.commit()?;
    Ok(())
}

pub(super) fn back_to(connection: &mut Connection, snapshot: i64) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let label: Option<i64> = transaction
        .query_row("SELECT label FROM snapshot WHERE id = ?", [snapshot], |row| {
            row.get(0)
        })
        .optional()?;
    let label = label.ok_or(StoreError::Missing("snapshot"))?;
    transaction.execute("DELETE FROM label WHERE id > ?", [label])?;
    transaction.execute("DELETE FROM snapshot WHERE id > ?", [snapshot])?;
    transaction.commit()?;
    Ok(())
}

pub(super) fn labels(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("SELECT count(*) FROM label", [], |row| row.get(0))?)
}

pub(super) fn labels_up_to(connection: &Connection, last: i64) -> Result<Vec<i64>, StoreError> {
    ids(connection, "SELECT id FROM label WHERE id <= ? ORDER BY id", last)
}

pub(super) fn labels_behind(connection: &Connection, last: i64) -> Result<Vec<i64>, StoreError> {
    ids(connection, "SELECT id FROM label WHERE id > ? ORDER BY id", last)
}

fn ids(connection: &Connection, question: &str, last: i64) -> Result<Vec<i64>, StoreError> {
    let mut statement = connection.prepare_cached(question)?;
    let ids = statement.query_map([last], |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// What is learned of a label.
pub(super) struct Sample {
    pub(super) octets: Vec<u8>,
    pub(super) spam: bool,
    /// Picks the earlier label that is learned with it: its content alone decides, not when it came.
    pub(super) pick: u64,
}

pub(super) fn sample(connection: &Connection, id: i64) -> Result<Sample, StoreError> {
    let mut statement = connection.prepare_cached("SELECT sample, spam, digest FROM label WHERE id = ?")?;
    Ok(statement.query_row([id], |row| {
        let digest: Vec<u8> = row.get(2)?;
        Ok(Sample {
            octets: row.get(0)?,
            spam: row.get(1)?,
            pick: digest.first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight)),
        })
    })?)
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

/// A snapshot more; the oldest snapshots and labels go. One before the first label stays: nothing could make it again.
pub(super) fn add_snapshot(
    connection: &mut Connection,
    now: Timestamp,
    label: i64,
    octets: &[u8],
) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute(
        "INSERT INTO snapshot (at, label, octets) VALUES (?, ?, ?)",
        params![now.as_second(), label, octets],
    )?;
    transaction.execute(
        "DELETE FROM snapshot WHERE label > 0 AND id <= (SELECT id FROM snapshot ORDER BY id DESC LIMIT 1 OFFSET ?)",
        [SNAPSHOTS_KEPT],
    )?;
    transaction.execute(
        "DELETE FROM label WHERE id <= (SELECT id FROM label ORDER BY id DESC LIMIT 1 OFFSET ?)",
        [LABELS_MAX],
    )?;
    transaction.commit()?;
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
