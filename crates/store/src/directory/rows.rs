//! The directory's rows: SQL to types and back. Lists and limits are kept as JSON.

use super::{Account, Domain, Network, SigningKey, Tenant};
use crate::StoreError;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

const ACCOUNT: &str = "login, domain, tenant, hash, also_sends_as, language, limits, enabled, role";

pub(super) fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Refused(error.to_string()))
}

fn from_json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

fn to_account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        login: row.get(0)?,
        domain: row.get(1)?,
        tenant: row.get(2)?,
        hash: row.get(3)?,
        also_sends_as: from_json(row, 4)?,
        language: from_json(row, 5)?,
        limits: from_json(row, 6)?,
        enabled: row.get(7)?,
        role: row.get(8)?,
    })
}

pub(super) fn account(connection: &Connection, login: &str) -> Result<Option<Account>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {ACCOUNT} FROM account WHERE login = ?"))?;
    Ok(statement.query_row([login], to_account).optional()?)
}

/// `cost` is what [`crate::password::check`] said of the hash.
pub(super) fn put_account(connection: &Connection, account: &Account, cost: &str) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO account (login, domain, tenant, hash, cost, also_sends_as, language, limits, enabled, role)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (login) DO UPDATE SET domain = excluded.domain, tenant = excluded.tenant, hash = excluded.hash,
            cost = excluded.cost, also_sends_as = excluded.also_sends_as, language = excluded.language,
            limits = excluded.limits, enabled = excluded.enabled, role = excluded.role",
    )?;
    statement.execute(params![
        account.login,
        account.domain,
        account.tenant,
        account.hash,
        cost,
        json(&account.also_sends_as)?,
        json(&account.language)?,
        json(&account.limits)?,
        account.enabled,
        account.role,
    ])?;
    Ok(())
}

pub(super) fn accounts(
    connection: &Connection,
    tenant: Option<&str>,
    search: Option<&str>,
    after: Option<&str>,
    rows_max: usize,
) -> Result<Vec<Account>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {ACCOUNT} FROM account
         WHERE login > ?1 AND (?2 IS NULL OR tenant = ?2) AND (?3 IS NULL OR instr(login, ?3) > 0)
         ORDER BY login LIMIT ?4"
    ))?;
    let rows_max = i64::try_from(rows_max).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![after.unwrap_or(""), tenant, search, rows_max], to_account)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn domain(connection: &Connection, name: &str) -> Result<Option<Domain>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT name, tenant, limits FROM domain WHERE name = ?")?;
    let to_domain = |row: &Row<'_>| {
        Ok(Domain {
            name: row.get(0)?,
            tenant: row.get(1)?,
            limits: from_json(row, 2)?,
        })
    };
    Ok(statement.query_row([name], to_domain).optional()?)
}

pub(super) fn put_domain(connection: &Connection, domain: &Domain) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO domain (name, tenant, limits) VALUES (?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET tenant = excluded.tenant, limits = excluded.limits",
    )?;
    statement.execute(params![domain.name, domain.tenant, json(&domain.limits)?])?;
    let mut moved =
        connection.prepare_cached("UPDATE account SET tenant = ?1 WHERE domain = ?2 AND tenant <> ?1")?;
    moved.execute(params![domain.tenant, domain.name])?;
    Ok(())
}

pub(super) fn tenant(connection: &Connection, name: &str) -> Result<Option<Tenant>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT name, contact, limits FROM tenant WHERE name = ?")?;
    let to_tenant = |row: &Row<'_>| {
        Ok(Tenant {
            name: row.get(0)?,
            contact: row.get(1)?,
            limits: from_json(row, 2)?,
        })
    };
    Ok(statement.query_row([name], to_tenant).optional()?)
}

pub(super) fn put_tenant(connection: &Connection, tenant: &Tenant) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO tenant (name, contact, limits) VALUES (?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET contact = excluded.contact, limits = excluded.limits",
    )?;
    statement.execute(params![tenant.name, tenant.contact, json(&tenant.limits)?])?;
    Ok(())
}

pub(super) fn networks(connection: &Connection, rows_max: usize) -> Result<Vec<Network>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT name, range, trust, tenant, also_sends_as, limits FROM network ORDER BY name LIMIT ?",
    )?;
    let to_network = |row: &Row<'_>| {
        Ok(Network {
            name: row.get(0)?,
            range: from_json(row, 1)?,
            trust: from_json(row, 2)?,
            tenant: row.get(3)?,
            also_sends_as: from_json(row, 4)?,
            limits: from_json(row, 5)?,
        })
    };
    let rows = statement.query_map([i64::try_from(rows_max).unwrap_or(i64::MAX)], to_network)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn put_network(connection: &Connection, network: &Network) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO network (name, range, trust, tenant, also_sends_as, limits) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET range = excluded.range, trust = excluded.trust, tenant = excluded.tenant,
            also_sends_as = excluded.also_sends_as, limits = excluded.limits",
    )?;
    statement.execute(params![
        network.name,
        json(&network.range)?,
        json(&network.trust)?,
        network.tenant,
        json(&network.also_sends_as)?,
        json(&network.limits)?,
    ])?;
    Ok(())
}

pub(super) fn keys(
    connection: &Connection,
    domain: &str,
    rows_max: usize,
) -> Result<Vec<SigningKey>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT domain, selector, pem FROM signing_key WHERE domain = ? ORDER BY selector LIMIT ?",
    )?;
    let to_key = |row: &Row<'_>| {
        Ok(SigningKey {
            domain: row.get(0)?,
            selector: row.get(1)?,
            pem: row.get(2)?,
        })
    };
    let rows = statement.query_map(
        params![domain, i64::try_from(rows_max).unwrap_or(i64::MAX)],
        to_key,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn put_key(connection: &Connection, key: &SigningKey) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO signing_key (domain, selector, pem) VALUES (?, ?, ?)
         ON CONFLICT (domain, selector) DO UPDATE SET pem = excluded.pem",
    )?;
    statement.execute(params![key.domain, key.selector, key.pem])?;
    Ok(())
}

/// Counts every change of the directory, whoever made it.
pub(super) fn generation(connection: &Connection) -> Result<i64, StoreError> {
    let mut statement = connection.prepare_cached("SELECT directory FROM generation")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// One hash of each cost that the directory's accounts have, with how many have it; most frequent first.
pub(super) fn costs(connection: &Connection, rows_max: usize) -> Result<Vec<(String, u64)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT (SELECT hash FROM account AS one WHERE one.cost = each.cost LIMIT 1), count(*) AS number
         FROM account AS each GROUP BY cost ORDER BY number DESC, cost LIMIT ?",
    )?;
    let rows = statement.query_map([i64::try_from(rows_max).unwrap_or(i64::MAX)], |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?))
    })?;
    let rows: Vec<(String, i64)> = rows.collect::<Result<_, _>>()?;
    Ok(rows
        .into_iter()
        .map(|(hash, number)| (hash, number.unsigned_abs()))
        .collect())
}
