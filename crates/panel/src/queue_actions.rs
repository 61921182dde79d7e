//! The queue, to act on: retry, hold, release, drop.
//!
//! Promises: nothing is touched that the viewer may not touch; an empty filter must be confirmed; what was done stands in the
//! stories of the messages it was done to.

use crate::role::{Deed, Role};
use crate::state::Shared;
use crate::wire::{Body, blocking, given, reason};
use crate::{PanelError, Viewer, model, queue, senders};
use axum::extract::{Path, State};
use axum::response::Json;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{QueueFilter, QueueRow, RecipientState};
use trace::{Event, Id, Scope, What};

/// Messages whose stories are told one by one; what was done to more is told once for all.
const TOLD_MAX: usize = 1_000;

/// Which rows, and why.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Order {
    id: Option<Id>,
    sender: Option<String>,
    tenant: Option<String>,
    destination: Option<String>,
    pool: Option<String>,
    held: Option<bool>,
    /// Confirms an empty filter.
    all: bool,
    reason: String,
}

#[derive(Serialize)]
pub(crate) struct Done {
    /// Recipients that were changed.
    changed: u64,
}

/// `POST /v1/queue/{verb}`.
pub(crate) async fn act(
    State(shared): State<Arc<Shared>>,
    viewer: Viewer,
    Path(verb): Path<String>,
    Body(order): Body<Order>,
) -> Result<Json<Done>, PanelError> {
    let deed = match verb.as_str() {
        "retry" => Deed::Retry,
        "hold" => Deed::Hold,
        "release" => Deed::Release,
        "drop" => Deed::Drop,
        _ => return Err(PanelError::Missing("page")),
    };
    let (confirmed, why) = (order.all, order.why(deed)?);
    let filter = order.filter();
    if filter == QueueFilter::default() && !confirmed {
        return Err(PanelError::Unconfirmed);
    }
    let (looks, who) = (Arc::clone(&shared), viewer.clone());
    let looked = move || {
        let filter = allowed(&looks, &who, deed, filter)?;
        let lesson = lesson(&looks, &who, deed, &filter);
        touched(&looks, &who, deed, &filter).map(|touched| (filter, touched, lesson))
    };
    let (filter, touched, lesson) = blocking(looked).await??;
    let (queue, now) = (&shared.state.store.queue, shared.now());
    let changed = match deed {
        Deed::Hold => queue.hold(&filter, &why).await?,
        Deed::Release => queue.release(&filter, now).await?,
        Deed::Drop => {
            let rows = queue.drop_rows(&filter).await?;
            tell_dropped(&shared, &viewer, &rows, &why);
            return Ok(Json(Done {
                changed: rows.len() as u64,
            }));
        }
        _ => queue.retry(&filter, now).await?,
    };
    if changed > 0 {
        tell(&shared, &viewer, &verb, &why, touched);
        if let Some(lesson) = lesson {
            blocking(move || model::learn_released(&shared, &viewer, &lesson)).await?;
        }
    }
    Ok(Json(Done { changed }))
}

/// The filter within the viewer's bounds. The queue does not know of domains, so a domain's administrator names a message or
/// a sender, which is looked at first.
fn allowed(
    shared: &Shared,
    viewer: &Viewer,
    deed: Deed,
    filter: QueueFilter,
) -> Result<QueueFilter, PanelError> {
    let missing = PanelError::Missing("message in the queue");
    let filter = queue::narrow(viewer, filter).ok_or(missing)?;
    if viewer.role() != Role::DomainAdmin {
        return Ok(filter);
    }
    let scope = match (filter.id, &filter.sender) {
        (Some(id), _) => shared
            .state
            .store
            .queue
            .get(id)
            .map(|(envelope, _)| envelope.scope.clone()),
        (None, Some(key)) => senders::find(shared, key)?.map(|row| senders::scope_of(&row)),
        (None, None) => return Err(PanelError::Forbidden("name a message or a sender")),
    };
    match scope.filter(|scope| viewer.sees(scope)) {
        None => Err(PanelError::Missing("message in the queue")),
        Some(scope) if viewer.may(deed, &scope) => Ok(filter),
        Some(_) => Err(PanelError::Forbidden("this is decided one level up")),
    }
}

/// The messages that will be touched, when they are few enough to be told one by one. Refused when one of them may not be.
fn touched(
    shared: &Shared,
    viewer: &Viewer,
    deed: Deed,
    filter: &QueueFilter,
) -> Result<BTreeMap<Id, Arc<Scope>>, PanelError> {
    let (mut messages, mut refused) = (BTreeMap::new(), false);
    let stopped = queue::walk(shared, filter, None, |row| {
        refused |= !viewer.may(deed, &row.envelope.scope);
        if messages.len() <= TOLD_MAX {
            messages
                .entry(row.envelope.id)
                .or_insert_with(|| Arc::new(row.envelope.scope.clone()));
        }
        !refused
    });
    if refused {
        return Err(PanelError::Forbidden("this is decided one level up"));
    }
    if stopped.is_some() && viewer.role() != Role::Operator {
        return Err(PanelError::Busy("too many rows at once; narrow the filter"));
    }
    Ok(messages)
}

/// An operator who releases one message that was held for what is in it says that it is no spam. Who releases many at once, or
/// what somebody held by hand, says nothing of what is in them.
fn lesson(shared: &Shared, viewer: &Viewer, deed: Deed, filter: &QueueFilter) -> Option<model::Released> {
    let id = filter
        .id
        .filter(|_| deed == Deed::Release && viewer.role() == Role::Operator)?;
    let store = &shared.state.store;
    let (envelope, recipients) = store.queue.get(id)?;
    let is_held = |recipient: &store::Recipient| matches!(recipient.state, RecipientState::Held { .. });
    let (story, _) = store.stories.get(id).ok()??;
    if story.action != "hold" || !recipients.iter().any(is_held) {
        return None;
    }
    Some(model::Released {
        id,
        scope: envelope.scope.clone(),
        message: store.queue.message(id).ok()?,
    })
}

fn tell(shared: &Shared, viewer: &Viewer, verb: &str, why: &str, messages: BTreeMap<Id, Arc<Scope>>) {
    let (hub, now) = (&shared.state.hub, shared.now());
    let handled = |reason: String| What::Handled {
        verb: verb.to_owned(),
        by: viewer.name().to_owned(),
        reason,
    };
    if messages.len() > TOLD_MAX {
        let reason = format!("more than {TOLD_MAX} messages at once; {why}");
        return hub.tell(Id::generate(now), now, &Arc::default(), handled(reason));
    }
    for (id, scope) in messages {
        hub.tell(id, now, &scope, handled(why.to_owned()));
    }
}

fn tell_dropped(shared: &Shared, viewer: &Viewer, rows: &[QueueRow], why: &str) {
    let now = shared.now();
    let mut messages = BTreeMap::<Id, Vec<Event>>::new();
    for row in rows {
        let (id, scope) = (row.envelope.id, Arc::new(row.envelope.scope.clone()));
        let events = messages.entry(id).or_insert_with(|| {
            let (verb, by) = ("drop".to_owned(), viewer.name().to_owned());
            let what = What::Handled {
                verb,
                by,
                reason: why.to_owned(),
            };
            vec![Event {
                id,
                at: now,
                scope: Arc::clone(&scope),
                what,
            }]
        });
        events.push(Event {
            id,
            at: now,
            scope,
            what: settled(row, viewer, now),
        });
    }
    for events in messages.into_values() {
        shared.state.hub.tell_all(events);
    }
}

fn settled(row: &QueueRow, viewer: &Viewer, now: Timestamp) -> What {
    let queued = now.duration_since(row.envelope.arrived).as_millis();
    What::Settled {
        forward_path: row.recipient.forward_path.to_string(),
        outcome: "dropped".to_owned(),
        reply: format!("dropped by {}", viewer.name()),
        attempts: row.recipient.attempts,
        next_attempt: None,
        queued_ms: u64::try_from(queued).unwrap_or(0),
    }
}

impl Order {
    /// Held and dropped mail needs a reason; to try again or release does not.
    fn why(&self, deed: Deed) -> Result<String, PanelError> {
        match deed {
            Deed::Hold | Deed::Drop => reason(&self.reason),
            _ => Ok(reason(&self.reason).unwrap_or_default()),
        }
    }

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
