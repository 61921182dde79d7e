//! Stories: search, and one in full.

use crate::state::Shared;
use crate::wire::{Limit, Params, StoryId, blocking, given};
use crate::{PanelError, Viewer};
use axum::extract::State;
use axum::response::Json;
use jiff::Timestamp;
use risk::{Language, Reason, Room};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{StoryFilter, StoryRow};
use trace::{Event, Id, What};

/// What may be searched by.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Search {
    tenant: Option<String>,
    domain: Option<String>,
    sender: Option<String>,
    recipient: Option<String>,
    class: Option<String>,
    action: Option<String>,
    status: Option<String>,
    subject: Option<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    before: Option<Id>,
    limit: Option<Limit>,
}

#[derive(Serialize)]
pub(crate) struct Stories {
    rows: Vec<StoryRow>,
    /// Give this as `before` for the next page; null at the end.
    next: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct StoryView {
    row: StoryRow,
    events: Vec<Event>,
    /// The reason of what was stopped, by language.
    sentences: BTreeMap<&'static str, String>,
}

/// The part of a full verdict that is put into words.
#[derive(Deserialize)]
struct Why {
    reason: Reason,
}

/// `GET /v1/stories`: newest first.
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    viewer: Viewer,
    Params(search): Params<Search>,
) -> Result<Json<Stories>, PanelError> {
    if search.subject.is_some() && !viewer.reads_content() {
        return Err(PanelError::Forbidden("this role does not search in subjects"));
    }
    let (before, rows_max) = (search.before, Limit::rows(search.limit));
    let Some(filter) = viewer.narrow(search.filter()) else {
        return Ok(Json(Stories {
            rows: Vec::new(),
            next: None,
        }));
    };
    let found = blocking(move || shared.state.store.stories.search(&filter, before, rows_max)).await??;
    let next = if found.len() < rows_max {
        None
    } else {
        found.last().map(|row| row.id.clone())
    };
    let rows = found.into_iter().filter_map(|row| viewer.shown(row)).collect();
    Ok(Json(Stories { rows, next }))
}

/// `GET /v1/stories/{id}`.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    viewer: Viewer,
    StoryId(id): StoryId,
) -> Result<Json<StoryView>, PanelError> {
    let found = blocking(move || shared.state.store.stories.get(id)).await??;
    let (row, events) = found.ok_or(PanelError::Missing("story"))?;
    let row = viewer.shown(row).ok_or(PanelError::Missing("story"))?;
    let room = if viewer.reads_content() {
        Room::FULL
    } else {
        Room::BARE
    };
    let sentences = sentences(&events, room);
    // The summary's scope is the last event's; single ones may be of before the login.
    let events = events.into_iter().map(|event| in_scope_of(&row, event));
    let events = events
        .filter_map(|event| viewer.shown_event(&event).map(std::borrow::Cow::into_owned))
        .collect();
    Ok(Json(StoryView {
        row,
        events,
        sentences,
    }))
}

/// The log has reasons in English; the verdict kept with the story knows them in every language.
fn sentences(events: &[Event], room: Room) -> BTreeMap<&'static str, String> {
    let Some(reason) = reason_of(events) else {
        return BTreeMap::new();
    };
    Language::ALL
        .into_iter()
        .map(|language| (language.tag(), reason.sentence_in(language, room)))
        .collect()
}

/// Why the message was stopped: the last verdict that stopped it.
pub(crate) fn reason_of(events: &[Event]) -> Option<Reason> {
    let mut verdicts = events.iter().filter_map(|event| match &event.what {
        What::Judged {
            verdict: Some(verdict),
            ..
        } => serde_json::from_str::<Why>(verdict.get()).ok(),
        _ => None,
    });
    let why = verdicts.rfind(|why| why.reason != Reason::None)?;
    Some(why.reason)
}

/// Events that say nothing of whose they are belong to their story's sender.
fn in_scope_of(row: &StoryRow, mut event: Event) -> Event {
    if *event.scope == trace::Scope::default() {
        event.scope = Arc::new(crate::role::scope_of(row));
    }
    event
}

impl Search {
    fn filter(self) -> StoryFilter {
        StoryFilter {
            tenant: given(self.tenant),
            domain: given(self.domain),
            sender: given(self.sender),
            recipient: given(self.recipient),
            class: given(self.class),
            action: given(self.action),
            status: given(self.status),
            subject: given(self.subject),
            since: self.since,
            until: self.until,
        }
    }
}
