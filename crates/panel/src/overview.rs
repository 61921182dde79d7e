//! The gateway at a glance: health, figures of the day, policy, metrics.

use crate::role::Role;
use crate::state::{Health, Shared};
use crate::wire::blocking;
use crate::{PanelError, Viewer, queue};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use jiff::SignedDuration;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::StoryFilter;

#[derive(Serialize)]
pub(crate) struct Overview {
    ok: bool,
    notes: Vec<String>,
    /// Stories of the last 24 hours by class.
    classes_day: BTreeMap<String, u64>,
    queue: queue::Counts,
    senders_locked: usize,
    pauses: usize,
}

/// `GET /v1/overview`.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    viewer: Viewer,
) -> Result<Json<Overview>, PanelError> {
    blocking(move || overview(&shared, &viewer).map(Json)).await?
}

fn overview(shared: &Shared, viewer: &Viewer) -> Result<Overview, PanelError> {
    let (store, now) = (&shared.state.store, shared.now());
    let since = now.checked_sub(SignedDuration::from_hours(24)).ok();
    let filter = viewer.narrow(StoryFilter {
        since,
        ..StoryFilter::default()
    });
    let health = (shared.state.health)();
    let locked = crate::senders::top(shared, viewer.bounds().0, true)?;
    Ok(Overview {
        ok: health.ok,
        notes: if viewer.role() == Role::Operator {
            health.notes
        } else {
            Vec::new()
        },
        classes_day: filter
            .map_or_else(|| Ok(BTreeMap::new()), |filter| by_class(shared, viewer, &filter))?,
        queue: queue::counts(shared, viewer),
        senders_locked: locked
            .iter()
            .filter(|row| viewer.sees(&crate::senders::scope_of(row)))
            .count(),
        pauses: store
            .controls
            .pauses()
            .iter()
            .filter(|pause| crate::pauses::is_shown(shared, viewer, pause))
            .count(),
    })
}

/// The store counts by tenant and domain exactly, by sender only in part, so a user's are counted from the rows.
fn by_class(
    shared: &Shared,
    viewer: &Viewer,
    filter: &StoryFilter,
) -> Result<BTreeMap<String, u64>, PanelError> {
    let stories = &shared.state.store.stories;
    let mut classes = BTreeMap::new();
    if filter.sender.is_none() {
        classes.extend(stories.count_by_class(filter)?);
    } else {
        for row in stories
            .search(filter, None, 500)?
            .into_iter()
            .filter_map(|row| viewer.shown(row))
        {
            *classes.entry(row.class).or_insert(0) += 1;
        }
    }
    // Without a class nothing was judged.
    classes.remove("");
    Ok(classes)
}

/// `GET /v1/policy`: for those who run the gateway; who steals an account shall not read how far he may go.
pub(crate) async fn policy(
    State(shared): State<Arc<Shared>>,
    viewer: Viewer,
) -> Result<Json<risk::Policy>, PanelError> {
    if viewer.role() == Role::Operator {
        Ok(Json(risk::Policy::clone(&shared.state.policy.load())))
    } else {
        Err(PanelError::Forbidden("the policy is shown to operators"))
    }
}

/// `GET /metrics`: OpenMetrics 1.0.
pub(crate) async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let metrics = &shared.state.metrics;
    let counts = shared.state.store.queue.counts();
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let recipients = [
        ("scheduled", counts.scheduled),
        ("leased", counts.leased),
        ("held", counts.held),
    ];
    for (state, value) in recipients {
        metrics.gauge(
            "dogana_queue_recipients",
            "Recipients in the queue",
            ("state", state),
            number(value),
        );
    }
    metrics.gauge(
        "dogana_queue_messages",
        "Messages in the queue",
        ("queue", "all"),
        number(counts.messages),
    );
    metrics.gauge(
        "dogana_queue_octets",
        "Octets of messages in the queue",
        ("queue", "all"),
        number(counts.octets),
    );
    let listeners = i64::try_from(shared.state.hub.listeners()).unwrap_or(i64::MAX);
    metrics.gauge(
        "dogana_live_listeners",
        "Live streams",
        ("kind", "all"),
        listeners,
    );
    let sessions = i64::try_from(shared.sessions.count()).unwrap_or(i64::MAX);
    metrics.gauge(
        "dogana_panel_sessions",
        "People logged in to the panel",
        ("kind", "all"),
        sessions,
    );
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], metrics.text()).into_response()
}

/// `GET /healthz` for everybody: nothing but good or bad.
pub(crate) async fn healthz(State(shared): State<Arc<Shared>>) -> Response {
    let health = (shared.state.health)();
    answer(Health {
        ok: health.ok,
        notes: Vec::new(),
    })
}

/// `GET /healthz` on the local socket: with what is wrong.
pub(crate) async fn healthz_in_full(State(shared): State<Arc<Shared>>) -> Response {
    answer((shared.state.health)())
}

fn answer(health: Health) -> Response {
    let status = if health.ok {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(health)).into_response()
}
