//! The live stream: server-sent events of what happens, for those who may see it.
//!
//! Promises: each event passes [`Viewer::shown_event`]; a stream ends when its session ends or its account changes; a browser
//! that comes back with `Last-Event-ID` gets what it missed while the backlog has it; one that is too slow is cut off with an
//! event `lagged` and shall load the list anew.

use crate::door::Token;
use crate::live_filter::LiveFilter;
use crate::state::Shared;
use crate::wire::{Params, given};
use crate::{PanelError, Viewer};
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event as Sent, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};
use trace::{Event, Lagged, Subscriber};

/// A comment is sent and the session looked at that often.
const TICK: Duration = Duration::from_secs(15);

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LiveParams {
    sender: Option<String>,
    recipient: Option<String>,
    class: Option<String>,
    /// Resume behind this number; 0 gives the whole backlog. The header `Last-Event-ID` goes first.
    after: Option<u64>,
}

/// `GET /v1/live`.
pub(crate) async fn stream(
    State(shared): State<Arc<Shared>>,
    viewer: Viewer,
    token: Option<Extension<Token>>,
    headers: HeaderMap,
    Params(params): Params<LiveParams>,
) -> Result<Response, PanelError> {
    let permit = Arc::clone(&shared.streams).try_acquire_owned();
    let permit = permit.map_err(|_| PanelError::Busy("too many live streams"))?;
    let last = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok());
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let listener = Listener {
        events: shared.state.hub.subscribe(last.or(params.after)),
        filter: LiveFilter::new(given(params.sender), given(params.recipient), given(params.class)),
        closing: shared.state.closing.clone(),
        token: token.map(|Extension(Token(token))| token),
        ready: VecDeque::from([Sent::default().retry(Duration::from_secs(2)).comment("dogana")]),
        over: false,
        ticks,
        viewer,
        shared,
        _permit: permit,
    };
    // Proxies must not wait for more.
    Ok((
        [(header::HeaderName::from_static("x-accel-buffering"), "no")],
        Sse::new(listener.run()),
    )
        .into_response())
}

struct Listener {
    shared: Arc<Shared>,
    viewer: Viewer,
    token: Option<String>,
    events: Subscriber,
    filter: LiveFilter,
    closing: watch::Receiver<bool>,
    ticks: tokio::time::Interval,
    ready: VecDeque<Sent>,
    over: bool,
    _permit: OwnedSemaphorePermit,
}

impl Listener {
    fn run(self) -> impl Stream<Item = Result<Sent, Infallible>> {
        stream::unfold(self, async |mut listener| {
            while listener.ready.is_empty() && !listener.over {
                listener.step().await;
            }
            listener.ready.pop_front().map(|sent| (Ok(sent), listener))
        })
    }

    /// Waits for the next thing and puts what it means into `ready`.
    async fn step(&mut self) {
        tokio::select! {
            event = self.events.next() => self.hear(event),
            _ = self.ticks.tick() => self.tick(),
            () = closed(&mut self.closing) => self.end("closing"),
        }
    }

    fn hear(&mut self, event: Result<(u64, Arc<Event>), Lagged>) {
        let Ok((number, event)) = event else {
            return self.end("lagged");
        };
        // Scope first: what may not be seen is not even remembered.
        if !self.viewer.sees(&event.scope) {
            return;
        }
        let shown = self.filter.take(event);
        let last = shown.len().saturating_sub(1);
        for (at, event) in shown.iter().enumerate() {
            let Some(event) = self.viewer.shown_event(event) else {
                continue;
            };
            let Ok(text) = serde_json::to_string(&*event) else {
                continue;
            };
            let sent = Sent::default().data(text);
            // Only the newest has a number: the others were kept back and are older.
            self.ready.push_back(if at == last {
                sent.id(number.to_string())
            } else {
                sent
            });
        }
    }

    fn tick(&mut self) {
        let Some(token) = &self.token else {
            return self.ready.push_back(Sent::default().comment(""));
        };
        let login = self.shared.sessions.login(token, self.shared.now());
        let account =
            login.and_then(|login| self.shared.state.store.directory.account(&login).ok().flatten());
        if account.and_then(|account| Viewer::of(&account)).as_ref() == Some(&self.viewer) {
            self.ready.push_back(Sent::default().comment(""));
        } else {
            self.end("over");
        }
    }

    fn end(&mut self, why: &str) {
        self.ready.push_back(Sent::default().event(why).data("{}"));
        self.over = true;
    }
}

/// Waits for the gateway to close; for ever when nobody can close it.
async fn closed(closing: &mut watch::Receiver<bool>) {
    if closing.wait_for(|closing| *closing).await.is_err() {
        std::future::pending::<()>().await;
    }
}
