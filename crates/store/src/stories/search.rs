//! Which stories fit a filter: newest first, in bounded time.
//!
//! One condition with an index (sender, then tenant, then class) and the bounds of time choose the rows; the others are checked
//! row by row, over at most [`SCANNED_MAX`] rows. A rare text further back than that is not found: give a time or a sender.
//! Texts are compared without regard to case, in any script.

use super::rows::{self, COLUMNS};
use super::{StoryFilter, StoryRow};
use crate::StoreError;
use risk::Class;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use trace::Id;

/// Summaries of one answer.
pub(super) const ROWS_MAX: usize = 500;
/// Rows looked at for one answer.
const SCANNED_MAX: i64 = 200_000;
/// Rows counted for one answer.
const COUNTED_MAX: i64 = 1_000_000;

pub(super) fn search(
    connection: &Connection,
    filter: &StoryFilter,
    before: Option<Id>,
    rows_max: usize,
) -> Result<Vec<StoryRow>, StoreError> {
    let query = Query::of(connection, filter, before, SCANNED_MAX)?;
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} {}", query.sql))?;
    let mut found = Vec::new();
    let mut rows = statement.query(params_from_iter(&query.values))?;
    while found.len() < rows_max.min(ROWS_MAX)
        && let Some(row) = rows.next()?
    {
        if query.fits(row)? {
            found.push(rows::summary(row)?.row);
        }
    }
    Ok(found)
}

pub(super) fn count_by_class(
    connection: &Connection,
    filter: &StoryFilter,
) -> Result<Vec<(String, u64)>, StoreError> {
    let bare = StoryFilter {
        since: None,
        until: None,
        ..filter.clone()
    } == StoryFilter::default();
    let mut counts: Vec<(String, u64)> = Vec::new();
    if bare {
        // The index on class alone can tell.
        let (first, last) = bounds(filter, None);
        let mut statement =
            connection.prepare_cached("SELECT count(*) FROM story WHERE class = ? AND id BETWEEN ? AND ?")?;
        for class in std::iter::once("").chain(Class::ALL.map(Class::as_str)) {
            let number: i64 = statement.query_row((class, first, last), |row| row.get(0))?;
            counts.push((class.to_owned(), number.cast_unsigned()));
        }
        counts.retain(|(_, number)| *number > 0);
        return Ok(counts);
    }
    let query = Query::of(connection, filter, None, COUNTED_MAX)?;
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} {}", query.sql))?;
    let mut rows = statement.query(params_from_iter(&query.values))?;
    while let Some(row) = rows.next()? {
        if !query.fits(row)? {
            continue;
        }
        let class = row.get_ref(13)?.as_str().map_err(rusqlite::Error::from)?;
        match counts.iter_mut().find(|(known, _)| known == class) {
            Some((_, number)) => *number += 1,
            None => counts.push((class.to_owned(), 1)),
        }
    }
    counts.sort();
    Ok(counts)
}

/// The part that SQL answers, and the texts that are looked for in its rows.
struct Query {
    sql: String,
    values: Vec<Value>,
    /// Column and what it must contain, in lower case.
    texts: Vec<(usize, String)>,
}

const SENDER: usize = 4;
const RECIPIENTS: usize = 8;
const SUBJECT: usize = 10;

impl Query {
    fn of(
        connection: &Connection,
        filter: &StoryFilter,
        before: Option<Id>,
        scanned_max: i64,
    ) -> Result<Self, StoreError> {
        let (first, last) = bounds(filter, before);
        let sender = match &filter.sender {
            Some(sender) => Some(sender).filter(|sender| is_known(connection, sender).unwrap_or(false)),
            None => None,
        };
        let equal: Vec<(&str, &String)> = [
            ("sender", sender),
            ("tenant", filter.tenant.as_ref()),
            ("class", filter.class.as_ref()),
            ("domain", filter.domain.as_ref()),
            ("action", filter.action.as_ref()),
            ("status", filter.status.as_ref()),
        ]
        .into_iter()
        .filter_map(|(column, value)| value.map(|value| (column, value)))
        .collect();
        let mut values = vec![Value::Integer(first), Value::Integer(last)];
        let mut inner = "id BETWEEN ? AND ?".to_owned();
        // The hashes have the index; the texts themselves are compared outside.
        match equal.first() {
            Some((column @ ("sender" | "tenant"), value)) => {
                inner.push_str(&format!(" AND {column}_hash = ?"));
                values.push(Value::Integer(rows::hash(value)));
            }
            Some(("class", value)) => {
                inner.push_str(" AND class = ?");
                values.push(Value::Text((*value).clone()));
            }
            _ => {}
        }
        values.push(Value::Integer(scanned_max));
        let mut outer = "true".to_owned();
        for (column, value) in equal {
            outer.push_str(&format!(" AND {column} = ?"));
            values.push(Value::Text(value.clone()));
        }
        let part = filter.sender.as_ref().filter(|_| sender.is_none());
        let texts = [
            (SENDER, part),
            (RECIPIENTS, filter.recipient.as_ref()),
            (SUBJECT, filter.subject.as_ref()),
        ]
        .into_iter()
        .filter_map(|(column, text)| text.map(|text| (column, text.to_lowercase())))
        .collect();
        let sql = format!("FROM (SELECT * FROM story WHERE {inner} ORDER BY id DESC LIMIT ?) WHERE {outer}");
        Ok(Self { sql, values, texts })
    }

    fn fits(&self, row: &Row<'_>) -> rusqlite::Result<bool> {
        for (column, text) in &self.texts {
            if !contains(row.get_ref(*column)?.as_str()?, text) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Does a text contain another that is in lower case.
fn contains(text: &str, part: &str) -> bool {
    text.contains(part) || text.to_lowercase().contains(part)
}

fn is_known(connection: &Connection, sender: &str) -> Result<bool, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM story WHERE sender_hash = ? AND sender = ?)")?;
    Ok(statement.query_row((rows::hash(sender), sender), |row| row.get(0))?)
}

/// First and last id that can fit: ids are ordered by time.
fn bounds(filter: &StoryFilter, before: Option<Id>) -> (i64, i64) {
    let first = filter
        .since
        .map_or(i64::MIN, |since| rows::number(Id::first_at(since)));
    let after_until = filter
        .until
        .and_then(|until| until.checked_add(jiff::SignedDuration::from_millis(1)).ok());
    let until = after_until.map_or(i64::MAX, |until| {
        rows::number(Id::first_at(until)).saturating_sub(1)
    });
    let before = before.map_or(i64::MAX, |before| rows::number(before).saturating_sub(1));
    (first, until.min(before))
}
