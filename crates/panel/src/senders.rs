//! Senders: how they stand, and locking them by hand.

use crate::role::Deed;
use crate::state::Shared;
use crate::wire::{Body, Limit, Params, blocking, given, reason, sender_key};
use crate::{PanelError, Viewer};
use axum::extract::{Path, State};
use axum::response::Json;
use jiff::Timestamp;
use risk::{Conduct, Lock, Outcome};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::LedgerRow;
use trace::{Id, Scope, What};

/// Senders looked through for a list.
const LOOKED_AT_MAX: usize = 10_000;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Search {
    q: Option<String>,
    tenant: Option<String>,
    standing: Option<String>,
    limit: Option<Limit>,
}

#[derive(Serialize)]
pub(crate) struct Senders {
    rows: Vec<SenderLine>,
    /// There are more than were listed.
    more: bool,
}

/// A sender as it is shown.
#[derive(Serialize)]
pub(crate) struct SenderLine {
    key: String,
    tenant: String,
    domain: String,
    standing: &'static str,
    lock: Option<Lock>,
    locks: u32,
    accepted: u64,
    first_accepted: Option<Timestamp>,
    refusals_day: usize,
    risky_day: usize,
    messages_day: u64,
    recipients_day: u64,
    /// What the viewer may do: `lock`, `unlock`.
    may: Vec<&'static str>,
}

/// `GET /v1/senders`: most recipients in the last day first.
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    viewer: Viewer,
    Params(search): Params<Search>,
) -> Result<Json<Senders>, PanelError> {
    let rows_max = Limit::rows(search.limit);
    let (part, standing) = (
        given(search.q).map(|part| part.to_lowercase()),
        given(search.standing),
    );
    let Some(tenant) = crate::role::within(given(search.tenant), viewer.bounds().0) else {
        return Ok(Json(Senders {
            rows: Vec::new(),
            more: false,
        }));
    };
    blocking(move || {
        let now = shared.now();
        let locked = standing.as_deref() == Some("locked");
        let rows = top(&shared, tenant.as_deref(), locked)?;
        let mut fitting = rows
            .into_iter()
            .filter(|row| viewer.sees(&scope_of(row)))
            .filter(|row| {
                part.as_ref()
                    .is_none_or(|part| row.key.to_lowercase().contains(part))
            })
            .filter(|row| {
                standing
                    .as_ref()
                    .is_none_or(|word| row.conduct.standing_at(now).as_str() == word)
            });
        let rows = fitting
            .by_ref()
            .take(rows_max)
            .map(|row| SenderLine::of(row, &viewer, now))
            .collect();
        Ok(Json(Senders {
            rows,
            more: fitting.next().is_some(),
        }))
    })
    .await?
}

/// `GET /v1/senders/{key}`.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    viewer: Viewer,
    Path(key): Path<String>,
) -> Result<Json<SenderLine>, PanelError> {
    let row = find(&shared, sender_key(&key)?)?.filter(|row| viewer.sees(&scope_of(row)));
    let row = row.ok_or(PanelError::Missing("sender"))?;
    Ok(Json(SenderLine::of(row, &viewer, shared.now())))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    reason: String,
    #[serde(default)]
    until: Option<Timestamp>,
}

/// `POST /v1/senders/{key}/lock`.
pub(crate) async fn lock(
    State(shared): State<Arc<Shared>>,
    viewer: Viewer,
    Path(key): Path<String>,
    Body(order): Body<Order>,
) -> Result<Json<SenderLine>, PanelError> {
    let now = shared.now();
    let scope = allowed(&shared, &viewer, Deed::Lock, sender_key(&key)?)?;
    if order.until.is_some_and(|until| until <= now) {
        return Err(PanelError::Invalid("until must lie in the future".to_owned()));
    }
    let (id, reason, by) = (
        Id::generate(now),
        reason(&order.reason)?,
        viewer.name().to_owned(),
    );
    let lock = Lock {
        reference: id.to_string(),
        reason: reason.clone(),
        by: by.clone(),
        at: now,
        until: order.until,
        elsewhere: false,
    };
    let policy = shared.state.policy.load_full();
    shared
        .state
        .store
        .ledger
        .by_hand(&key, Outcome::LockedBy(lock), &policy, now)
        .await?;
    let what = What::Locked {
        sender: key.clone(),
        by,
        reason,
        until: order.until,
    };
    shared.state.hub.tell(id, now, &Arc::new(scope), what);
    shown_again(&shared, &viewer, &key)
}

/// `POST /v1/senders/{key}/unlock`.
pub(crate) async fn unlock(
    State(shared): State<Arc<Shared>>,
    viewer: Viewer,
    Path(key): Path<String>,
    Body(order): Body<Order>,
) -> Result<Json<SenderLine>, PanelError> {
    let now = shared.now();
    let scope = allowed(&shared, &viewer, Deed::Unlock, sender_key(&key)?)?;
    let (id, reason, by) = (
        Id::generate(now),
        reason(&order.reason)?,
        viewer.name().to_owned(),
    );
    let policy = shared.state.policy.load_full();
    shared
        .state
        .store
        .ledger
        .by_hand(&key, Outcome::Unlocked, &policy, now)
        .await?;
    shared.state.hub.tell(
        id,
        now,
        &Arc::new(scope),
        What::Unlocked {
            sender: key.clone(),
            by,
            reason,
        },
    );
    shown_again(&shared, &viewer, &key)
}

/// The scope of a sender that the viewer may do that to. What may not be seen is missing, not forbidden.
fn allowed(shared: &Shared, viewer: &Viewer, deed: Deed, key: &str) -> Result<Scope, PanelError> {
    let scope = match find(shared, key)? {
        Some(row) => scope_of(&row),
        // An operator may lock what was never seen, before it sends.
        None => Scope {
            sender: key.to_owned(),
            ..Scope::default()
        },
    };
    if !viewer.sees(&scope) {
        return Err(PanelError::Missing("sender"));
    }
    if viewer.may(deed, &scope) {
        Ok(scope)
    } else {
        Err(PanelError::Forbidden("this is decided one level up"))
    }
}

fn shown_again(shared: &Shared, viewer: &Viewer, key: &str) -> Result<Json<SenderLine>, PanelError> {
    let row = find(shared, key)?.ok_or(PanelError::Missing("sender"))?;
    Ok(Json(SenderLine::of(row, viewer, shared.now())))
}

/// Senders of a tenant, or all, most recipients in the last day first. Those that were locked before they ever sent have no
/// place in the ledger yet; the directory knows it.
pub(crate) fn top(shared: &Shared, tenant: Option<&str>, locked: bool) -> Result<Vec<LedgerRow>, PanelError> {
    let (ledger, now) = (&shared.state.store.ledger, shared.now());
    let mut rows = ledger.top(tenant, locked, now, LOOKED_AT_MAX);
    if tenant.is_some() {
        rows.extend(ledger.top(Some(""), locked, now, LOOKED_AT_MAX));
    }
    for row in rows.iter_mut().filter(|row| row.tenant.is_empty()) {
        if let Some(account) = account_of(shared, &row.key)? {
            row.tenant.clone_from(&account.tenant);
            row.domain.clone_from(&account.domain);
        }
    }
    rows.retain(|row| tenant.is_none_or(|tenant| row.tenant == tenant));
    Ok(rows)
}

fn account_of(shared: &Shared, key: &str) -> Result<Option<Arc<store::Account>>, PanelError> {
    let Some(login) = key.strip_prefix("mailbox:") else {
        return Ok(None);
    };
    Ok(shared.state.store.directory.account(login)?)
}

/// A sender from the ledger, or one that is in the directory and has not sent yet.
pub(crate) fn find(shared: &Shared, key: &str) -> Result<Option<LedgerRow>, PanelError> {
    let row = shared.state.store.ledger.get(key, shared.now());
    let Some(account) = account_of(shared, key)? else {
        return Ok(row);
    };
    let row = row.unwrap_or_else(|| LedgerRow {
        key: key.to_owned(),
        tenant: String::new(),
        domain: String::new(),
        conduct: Conduct::default(),
        messages_day: 0,
        recipients_day: 0,
    });
    // The directory knows best whose it is.
    Ok(Some(LedgerRow {
        tenant: account.tenant.clone(),
        domain: account.domain.clone(),
        ..row
    }))
}

/// Whose a sender is.
pub(crate) fn scope_of(row: &LedgerRow) -> Scope {
    Scope {
        tenant: row.tenant.clone(),
        domain: row.domain.clone(),
        sender: row.key.clone(),
    }
}

impl SenderLine {
    fn of(row: LedgerRow, viewer: &Viewer, now: Timestamp) -> Self {
        let scope = scope_of(&row);
        let in_day = |times: &[Timestamp]| {
            times
                .iter()
                .filter(|at| now.duration_since(**at) < jiff::SignedDuration::from_hours(24))
                .count()
        };
        let deeds = [("lock", Deed::Lock), ("unlock", Deed::Unlock)];
        Self {
            standing: row.conduct.standing_at(now).as_str(),
            lock: row.conduct.lock_at(now).cloned(),
            locks: row.conduct.locks,
            accepted: row.conduct.accepted,
            first_accepted: row.conduct.first_accepted,
            refusals_day: in_day(&row.conduct.refusals),
            risky_day: in_day(&row.conduct.risky),
            messages_day: row.messages_day,
            recipients_day: row.recipients_day,
            may: deeds
                .into_iter()
                .filter(|(_, deed)| viewer.may(*deed, &scope))
                .map(|(word, _)| word)
                .collect(),
            key: row.key,
            tenant: row.tenant,
            domain: row.domain,
        }
    }
}
