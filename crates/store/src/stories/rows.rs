//! The stories' rows: SQL to summaries and back.

use super::StoryRow;
use super::summary::Summary;
use crate::StoreError;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use trace::Id;
use xxhash_rust::xxh3::xxh3_64;

/// Columns of a summary in the order of [`summary`].
pub(super) const COLUMNS: &str = "id, at, tenant, domain, sender, client, listener, reverse_path, recipients, header_from, \
     subject, message_id, size_octets, class, action, cause, reason, score_db, status, last_reply, stored, delivered, failed";

/// The id as SQLite keeps it; the same order until the year 2089.
pub(super) fn number(id: Id) -> i64 {
    id.as_u64().cast_signed()
}

/// The hash of a text as it is kept beside it.
pub(super) fn hash(text: &str) -> i64 {
    xxh3_64(text.as_bytes()).cast_signed()
}

pub(super) fn summary(row: &Row<'_>) -> rusqlite::Result<Summary> {
    let id = Id::from_u64(row.get::<_, i64>(0)?.cast_unsigned());
    let at: Option<i64> = row.get(1)?;
    let recipients = row.get_ref(8)?.as_str()?;
    let shown = StoryRow {
        id: id.to_string(),
        at: at.and_then(|at| Timestamp::from_millisecond(at).ok()),
        tenant: row.get(2)?,
        domain: row.get(3)?,
        sender: row.get(4)?,
        client: row.get(5)?,
        listener: row.get(6)?,
        reverse_path: row.get(7)?,
        recipients: recipients
            .split('\n')
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
            .collect(),
        header_from: row.get(9)?,
        subject: row.get(10)?,
        message_id: row.get(11)?,
        size_octets: row.get::<_, i64>(12)?.cast_unsigned(),
        class: row.get(13)?,
        action: row.get(14)?,
        cause: row.get(15)?,
        reason: row.get(16)?,
        score_db: row.get(17)?,
        status: row.get(18)?,
        last_reply: row.get(19)?,
    };
    Ok(Summary {
        row: shown,
        stored: row.get(20)?,
        delivered: row.get(21)?,
        failed: row.get(22)?,
    })
}

pub(super) fn get(connection: &Connection, id: Id) -> Result<Option<Summary>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM story WHERE id = ?"))?;
    Ok(statement.query_row([number(id)], summary).optional()?)
}

/// Writes a whole summary.
pub(super) fn put(connection: &Connection, id: Id, summary: &Summary) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "INSERT OR REPLACE INTO story ({COLUMNS}, sender_hash, tenant_hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    ))?;
    let row = &summary.row;
    statement.execute(params![
        number(id),
        row.at.map(Timestamp::as_millisecond),
        row.tenant,
        row.domain,
        row.sender,
        row.client,
        row.listener,
        row.reverse_path,
        row.recipients.join("\n"),
        row.header_from,
        row.subject,
        row.message_id,
        row.size_octets.cast_signed(),
        row.class,
        row.action,
        row.cause,
        row.reason,
        row.score_db,
        row.status,
        row.last_reply,
        summary.stored,
        summary.delivered,
        summary.failed,
        hash(&row.sender),
        hash(&row.tenant),
    ])?;
    Ok(())
}

/// Writes what a delivery changes; no index is touched.
pub(super) fn put_light(connection: &Connection, id: Id, summary: &Summary) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "UPDATE story SET status = ?, last_reply = ?, stored = ?, delivered = ?, failed = ? WHERE id = ?",
    )?;
    let row = &summary.row;
    let (stored, delivered, failed) = (summary.stored, summary.delivered, summary.failed);
    statement.execute(params![
        row.status,
        row.last_reply,
        stored,
        delivered,
        failed,
        number(id)
    ])?;
    Ok(())
}

pub(super) fn add_batch(connection: &Connection, id: Id, text: &str) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached("INSERT INTO batch (story, events) VALUES (?, ?)")?;
    statement.execute(params![number(id), text])?;
    Ok(())
}

/// The batches of a story in the order in which they were told, at most `rows_max`.
pub(super) fn batches(connection: &Connection, id: Id, rows_max: usize) -> Result<Vec<String>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT events FROM batch WHERE story = ? ORDER BY number LIMIT ?")?;
    let rows_max = i64::try_from(rows_max).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![number(id), rows_max], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Octets of the pages in use.
pub(super) fn octets(connection: &Connection) -> Result<u64, StoreError> {
    let pragma = |name: &str| -> rusqlite::Result<i64> {
        connection
            .prepare_cached(&format!("PRAGMA {name}"))?
            .query_row([], |row| row.get(0))
    };
    let pages = pragma("page_count")?.saturating_sub(pragma("freelist_count")?);
    Ok(pages.saturating_mul(pragma("page_size")?).cast_unsigned())
}

/// The bound below which that share of all stories lies, at least one; None without stories.
pub(super) fn oldest(connection: &Connection, share: f64) -> Result<Option<Id>, StoreError> {
    let count: u32 = connection
        .prepare_cached("SELECT count(*) FROM story")?
        .query_row([], |row| row.get(0))?;
    if count == 0 {
        return Ok(None);
    }
    let number = (f64::from(count) * share).ceil().clamp(1.0, f64::from(count));
    let last: i64 = connection
        .prepare_cached("SELECT id FROM story ORDER BY id LIMIT 1 OFFSET ?")?
        .query_row([number as i64 - 1], |row| row.get(0))?;
    Ok(Some(Id::from_u64(last.cast_unsigned().saturating_add(1))))
}

/// Forgets the oldest stories below the bound, at most `rows_max` of them. Returns how many.
pub(super) fn forget(connection: &Connection, below: Id, rows_max: usize) -> Result<u64, StoreError> {
    let rows_max = i64::try_from(rows_max).unwrap_or(i64::MAX);
    let mut last = connection.prepare_cached(
        "SELECT max(id), count(*) FROM (SELECT id FROM story WHERE id < ? ORDER BY id LIMIT ?)",
    )?;
    let (last, number): (Option<i64>, i64) = last.query_row(params![number(below), rows_max], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    if let Some(last) = last {
        connection
            .prepare_cached("DELETE FROM batch WHERE story <= ?")?
            .execute([last])?;
        connection
            .prepare_cached("DELETE FROM story WHERE id <= ?")?
            .execute([last])?;
    }
    Ok(number.cast_unsigned())
}
