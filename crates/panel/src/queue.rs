//! The queue, to look at.

use crate::state::Shared;
use crate::wire::{Limit, Params, blocking, given};
use crate::{PanelError, Viewer};
use axum::extract::State;
use axum::response::Json;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::sync::Arc;
use store::{QueueFilter, QueueRow, RecipientState};
use trace::{Id, Scope};

/// Rows looked through for one answer.
const LOOKED_AT_MAX: usize = 20_000;
/// Rows taken from the queue at once.
const STEP: usize = 500;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Search {
    id: Option<Id>,
    sender: Option<String>,
    tenant: Option<String>,
    destination: Option<String>,
    pool: Option<String>,
    held: Option<bool>,
    after: Option<String>,
    limit: Option<Limit>,
}

#[derive(Serialize)]
pub(crate) struct QueueView {
    counts: Counts,
    rows: Vec<QueueLine>,
    /// Give this as `after` for the next page; null at the end.
    next: Option<String>,
}

/// Figures of what the viewer may see.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    messages: u64,
    scheduled: u64,
    leased: u64,
    held: u64,
    octets: u64,
    /// False: there are more than could be looked through.
    exact: bool,
}

/// One recipient that waits.
#[derive(Serialize)]
pub(crate) struct QueueLine {
    id: String,
    index: u32,
    arrived: Timestamp,
    expires: Timestamp,
    tenant: String,
    sender: String,
    reverse_path: String,
    recipient: String,
    pool: String,
    class: &'static str,
    size_octets: u64,
    /// `scheduled`, `sending`, `held`, `done`.
    state: &'static str,
    due: Option<Timestamp>,
    reason: String,
    attempts: u32,
    last_reply: String,
}

/// `GET /v1/queue`: oldest message first.
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    viewer: Viewer,
    Params(search): Params<Search>,
) -> Result<Json<QueueView>, PanelError> {
    let rows_max = Limit::rows(search.limit);
    let after = given(search.after.clone()).as_deref().map(cursor).transpose()?;
    let filter = narrow(&viewer, search.filter());
    blocking(move || {
        let counts = counts(&shared, &viewer);
        let (rows, next) = filter.map_or((Vec::new(), None), |filter| {
            page(&shared, &viewer, &filter, after, rows_max)
        });
        Ok(Json(QueueView {
            counts,
            rows: rows.iter().map(QueueLine::of).collect(),
            next,
        }))
    })
    .await?
}

/// A filter within what the viewer may see; None when it lies outside. Rows must still pass [`Viewer::sees`]: the queue does
/// not know of domains.
pub(crate) fn narrow(viewer: &Viewer, mut filter: QueueFilter) -> Option<QueueFilter> {
    let (tenant, _, sender) = viewer.bounds();
    filter.tenant = crate::role::within(filter.tenant, tenant)?;
    filter.sender = crate::role::within(filter.sender, sender)?;
    Some(filter)
}

/// Figures of what the viewer may see.
pub(crate) fn counts(shared: &Shared, viewer: &Viewer) -> Counts {
    let queue = &shared.state.store.queue;
    if viewer.sees_all() {
        let all = queue.counts();
        let (messages, scheduled, leased) = (all.messages, all.scheduled, all.leased);
        return Counts {
            messages,
            scheduled,
            leased,
            held: all.held,
            octets: all.octets,
            exact: true,
        };
    }
    let Some(filter) = narrow(viewer, QueueFilter::default()) else {
        return Counts::default();
    };
    let (mut counts, mut messages) = (Counts::default(), HashSet::new());
    counts.exact = walk(shared, &filter, None, |row| {
        if viewer.sees(&row.envelope.scope) {
            counts.add(row, messages.insert(row.envelope.id));
        }
        true
    })
    .is_none();
    counts
}

/// Rows that may be seen, and the place to go on from.
fn page(
    shared: &Shared,
    viewer: &Viewer,
    filter: &QueueFilter,
    after: Option<(Id, u32)>,
    rows_max: usize,
) -> (Vec<QueueRow>, Option<String>) {
    let mut rows = Vec::new();
    let stopped = walk(shared, filter, after, |row| {
        if viewer.sees(&row.envelope.scope) {
            rows.push(row.clone());
        }
        rows.len() < rows_max
    });
    (rows, stopped.map(|(id, index)| format!("{id}.{index}")))
}

/// Walks through the rows until told to stop or enough was looked at; None when the end was reached.
pub(crate) fn walk(
    shared: &Shared,
    filter: &QueueFilter,
    mut after: Option<(Id, u32)>,
    mut look: impl FnMut(&QueueRow) -> bool,
) -> Option<(Id, u32)> {
    for _ in 0..LOOKED_AT_MAX / STEP {
        let rows = shared.state.store.queue.list(filter, after, STEP);
        for row in &rows {
            after = Some((row.envelope.id, row.index));
            if !look(row) {
                return after;
            }
        }
        if rows.len() < STEP {
            return None;
        }
    }
    after
}

fn cursor(text: &str) -> Result<(Id, u32), PanelError> {
    let parts = text
        .split_once('.')
        .and_then(|(id, index)| Some((id.parse().ok()?, index.parse().ok()?)));
    parts.ok_or_else(|| PanelError::Invalid("after: not a place in the queue".to_owned()))
}

impl Search {
    fn filter(self) -> QueueFilter {
        QueueFilter {
            id: self.id,
            sender: given(self.sender),
            tenant: given(self.tenant),
            destination: given(self.destination).map(|name| name.to_lowercase()),
            pool: given(self.pool),
            held: self.held,
        }
    }
}

impl Counts {
    fn add(&mut self, row: &QueueRow, is_new_message: bool) {
        let place = match (&row.recipient.state, row.leased) {
            (_, true) => &mut self.leased,
            (RecipientState::Held { .. }, false) => &mut self.held,
            _ => &mut self.scheduled,
        };
        *place += 1;
        if is_new_message {
            self.messages += 1;
            self.octets += row.envelope.size_octets;
        }
    }
}

impl QueueLine {
    fn of(row: &QueueRow) -> Self {
        let (envelope, recipient) = (&row.envelope, &row.recipient);
        let Scope { tenant, sender, .. } = envelope.scope.clone();
        let (state, due, reason) = match &recipient.state {
            _ if row.leased => ("sending", None, String::new()),
            RecipientState::Scheduled { due } => ("scheduled", Some(*due), String::new()),
            RecipientState::Held { reason } => ("held", None, reason.clone()),
            RecipientState::Done(_) => ("done", None, String::new()),
        };
        Self {
            id: envelope.id.to_string(),
            index: row.index,
            arrived: envelope.arrived,
            expires: envelope.expires,
            tenant,
            sender,
            reverse_path: envelope
                .reverse_path
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            recipient: recipient.forward_path.to_string(),
            pool: envelope.pool.clone(),
            class: envelope.class.as_str(),
            size_octets: envelope.size_octets,
            state,
            due,
            reason,
            attempts: recipient.attempts,
            last_reply: recipient
                .last_reply
                .as_ref()
                .map(|reply| reply.one_line())
                .unwrap_or_default(),
        }
    }
}
