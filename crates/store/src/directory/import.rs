//! Accounts from CSV (RFC 4180, UTF-8, with or without a byte order mark).
//!
//! Two steps, so that the database is locked for the second only: reading (which may hash passwords, 15 ms each), then one
//! transaction. A record has at most [`RECORD_OCTETS_MAX`] octets, a file [`ROWS_MAX`] records.

use super::{Account, ImportReport, normal, put_account, rows};
use crate::{StoreError, password};
use csv::{ByteRecord, ReaderBuilder};
use risk::Language;
use rusqlite::Connection;
use std::cell::Cell;
use std::io::Read;
use std::rc::Rc;

/// Octets of one record. A quote that is never closed ends here, not in memory.
const RECORD_OCTETS_MAX: u64 = 65_536;
/// Octets of one field.
const FIELD_OCTETS_MAX: usize = 32_768;
/// Octets the reader may have read ahead of a record.
const BUFFER_OCTETS: usize = 65_536;
/// Records of one file.
const ROWS_MAX: usize = 1_000_000;
/// Refused lines that are reported.
const REFUSED_MAX: usize = 1_000;

/// One line, checked as far as it can be without the database.
pub(super) struct ImportRow {
    line: u64,
    login: String,
    hash: String,
    cost: String,
    tenant: Option<String>,
    language: Option<Language>,
    also_sends_as: Option<Vec<String>>,
    role: Option<String>,
}

/// Which field is where.
#[derive(Default)]
struct Columns {
    login: Option<usize>,
    password_hash: Option<usize>,
    password: Option<usize>,
    tenant: Option<usize>,
    language: Option<usize>,
    also_sends_as: Option<usize>,
    role: Option<usize>,
}

/// Reads all lines. The report names what is refused already.
pub(super) fn read(
    csv: impl Read,
    mut progress: impl FnMut(u64),
) -> Result<(Vec<ImportRow>, ImportReport), StoreError> {
    let octets = Rc::new(Cell::new(0));
    let bounded = Bounded {
        inner: csv,
        octets: Rc::clone(&octets),
    };
    let mut reader = ReaderBuilder::new()
        .flexible(true)
        .buffer_capacity(BUFFER_OCTETS)
        .from_reader(bounded);
    let columns = Columns::of(reader.byte_headers().map_err(unreadable)?)?;
    let (mut kept, mut report) = (Vec::new(), ImportReport::default());
    let mut record = ByteRecord::new();
    let mut lines = 0;
    loop {
        octets.set(0);
        if !reader.read_byte_record(&mut record).map_err(unreadable)? {
            break;
        }
        lines += 1;
        let line = record.position().map_or(0, csv::Position::line);
        match columns.row(&record, line) {
            Ok(row) => kept.push(row),
            Err(error) => refuse(&mut report, line, &error),
        }
        if kept.len() > ROWS_MAX {
            return Err(StoreError::Refused(format!(
                "more than {ROWS_MAX} records: split the file"
            )));
        }
        progress(lines);
    }
    Ok((kept, report))
}

/// Puts what was read. A line that the database refuses (a domain of another tenant) is reported, the others are kept.
pub(super) fn apply(
    connection: &Connection,
    rows: Vec<ImportRow>,
    report: &mut ImportReport,
) -> Result<(), StoreError> {
    for row in rows {
        let line = row.line;
        match row.apply(connection) {
            Ok(Some(true)) => report.added += 1,
            Ok(Some(false)) => report.changed += 1,
            Ok(None) => {}
            Err(error @ StoreError::Refused(_)) => refuse(report, line, &error),
            Err(error) => return Err(error),
        }
    }
    report.refused.sort_by_key(|(line, _)| *line);
    Ok(())
}

impl ImportRow {
    /// Some(true): added, Some(false): changed, None: it was like that already.
    fn apply(self, connection: &Connection) -> Result<Option<bool>, StoreError> {
        let known = rows::account(connection, &self.login)?;
        let added = known.is_none();
        let before = known.unwrap_or_else(|| Account {
            login: self.login.clone(),
            enabled: true,
            role: "user".to_owned(),
            ..Account::default()
        });
        let mut after = before.clone();
        after.hash = self.hash;
        if let Some(tenant) = self.tenant {
            after.tenant = tenant;
        }
        if let Some(language) = self.language {
            after.language = language;
        }
        if let Some(also_sends_as) = self.also_sends_as {
            after.also_sends_as = also_sends_as;
        }
        if let Some(role) = self.role {
            after.role = role;
        }
        let after = normal::checked_account(&after)?;
        if !added && after == before {
            return Ok(None);
        }
        put_account(connection, after, &self.cost)?;
        Ok(Some(added))
    }
}

impl Columns {
    fn of(header: &ByteRecord) -> Result<Self, StoreError> {
        let mut columns = Self::default();
        for (index, field) in header.iter().enumerate() {
            let name = String::from_utf8_lossy(field).trim().to_ascii_lowercase();
            let column = match name.as_str() {
                "login" => &mut columns.login,
                "password_hash" => &mut columns.password_hash,
                "password" => &mut columns.password,
                "tenant" => &mut columns.tenant,
                "language" => &mut columns.language,
                "also_sends_as" => &mut columns.also_sends_as,
                "role" => &mut columns.role,
                _ => {
                    let name: String = name.chars().filter(|char| !char.is_control()).take(64).collect();
                    let known = "login, password_hash, password, tenant, language, also_sends_as, role";
                    return Err(StoreError::Refused(format!(
                        "unknown column {name:?}; known are {known}"
                    )));
                }
            };
            if column.replace(index).is_some() {
                return Err(StoreError::Refused(format!(
                    "the column {name} stands twice in the header"
                )));
            }
        }
        if columns.login.is_none() || (columns.password_hash.is_none() && columns.password.is_none()) {
            let text = "the first line names the columns: login, and password_hash or password";
            return Err(StoreError::Refused(text.to_owned()));
        }
        Ok(columns)
    }

    fn row(&self, record: &ByteRecord, line: u64) -> Result<ImportRow, StoreError> {
        let field = |column: Option<usize>| -> Result<Option<&str>, StoreError> {
            let Some(octets) = column.and_then(|column| record.get(column)) else {
                return Ok(None);
            };
            if octets.len() > FIELD_OCTETS_MAX {
                return Err(StoreError::Refused(format!(
                    "a field has more than {FIELD_OCTETS_MAX} octets"
                )));
            }
            let text =
                std::str::from_utf8(octets).map_err(|_| StoreError::Refused("not UTF-8".to_owned()))?;
            Ok(Some(text).filter(|text| !text.is_empty()))
        };
        let trimmed = |column| field(column).map(|text| text.map(str::trim).filter(|text| !text.is_empty()));
        let login = trimmed(self.login)?.ok_or_else(|| StoreError::Refused("no login".to_owned()))?;
        let login = normal::login(login)
            .ok_or_else(|| StoreError::Refused("the login is not an address".to_owned()))?;
        let language = trimmed(self.language)?.map(language).transpose()?;
        let (hash, cost) = match (trimmed(self.password_hash)?, field(self.password)?) {
            (Some(hash), _) => (hash.to_owned(), password::check(hash)?),
            (None, Some(password)) => {
                let hash = password::hash(password.as_bytes())?;
                let cost = password::check(&hash)?;
                (hash, cost)
            }
            (None, None) => return Err(StoreError::Refused("no password".to_owned())),
        };
        let list = |text: &str| {
            text.split([' ', ';'])
                .filter(|entry| !entry.is_empty())
                .map(str::to_owned)
                .collect()
        };
        Ok(ImportRow {
            line,
            login,
            hash,
            cost,
            tenant: trimmed(self.tenant)?.map(str::to_owned),
            language,
            also_sends_as: trimmed(self.also_sends_as)?.map(list),
            role: trimmed(self.role)?.map(str::to_owned),
        })
    }
}

fn language(text: &str) -> Result<Language, StoreError> {
    match text.to_ascii_lowercase().as_str() {
        "en" => Ok(Language::English),
        "it" => Ok(Language::Italian),
        "ru" => Ok(Language::Russian),
        _ => Err(StoreError::Refused("a language is en, it or ru".to_owned())),
    }
}

fn refuse(report: &mut ImportReport, line: u64, error: &StoreError) {
    if report.refused.len() < REFUSED_MAX {
        report.refused.push((line, error.to_string()));
    }
}

fn unreadable(error: csv::Error) -> StoreError {
    let line = error.position().map_or(0, csv::Position::line);
    match error.into_kind() {
        csv::ErrorKind::Io(error) if error.kind() != std::io::ErrorKind::InvalidData => error.into(),
        csv::ErrorKind::Io(error) => StoreError::Refused(error.to_string()),
        _ => StoreError::Refused(format!("line {line} cannot be read as CSV")),
    }
}

/// Ends a record that does not end, and takes the CR out of CRLF: the reader counts lines right only without it.
struct Bounded<R> {
    inner: R,
    octets: Rc<Cell<u64>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let read = self.inner.read(buffer)?;
            self.octets.set(self.octets.get() + read as u64);
            if self.octets.get() > RECORD_OCTETS_MAX + BUFFER_OCTETS as u64 {
                let text =
                    format!("a record has more than {RECORD_OCTETS_MAX} octets: is a quote not closed?");
                return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, text));
            }
            let mut kept = 0;
            for index in 0..read {
                if buffer[index] != b'\r' {
                    buffer[kept] = buffer[index];
                    kept += 1;
                }
            }
            if kept > 0 || read == 0 {
                return Ok(kept);
            }
        }
    }
}
