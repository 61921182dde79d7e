//! PEOPLE LOOK. HTTP API, pages, live trace.
//!
//! Promises: nobody sees or touches what is not in its scope ([`Viewer`] is the one place where that is decided); every
//! change made here is told as a trace event; texts from mail are data, never markup.
//! Trusts neither the browser nor the mail. Reads no clock and opens no socket: the caller serves the routers.
//! Limits: bodies [`BODY_OCTETS_MAX`] (messages and models that operators give [`GIVEN_OCTETS_MAX`]), sessions, login attempts, live streams and listed rows are all bounded.
//! Standards: RFC 9457 (problem details), RFC 6265 §4.1 (cookies), HTML Living Standard §9.2 (server-sent events).

mod assets;
mod attempts;
mod door;
mod error;
mod language;
mod live;
mod live_filter;
mod model;
mod overview;
mod pauses;
mod public;
mod public_words;
mod queue;
mod queue_actions;
mod role;
mod senders;
mod session;
mod sessions;
mod state;
mod stories;
mod wire;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{delete, get, post};
use std::sync::Arc;

pub use error::PanelError;
pub use role::{Role, Viewer};
pub use state::{Clock, Health, HealthCheck, PanelState, Settings};

/// Octets of a request's body.
pub const BODY_OCTETS_MAX: usize = 1 << 20;

/// Octets of a message or a model that an operator gives.
pub const GIVEN_OCTETS_MAX: usize = model::OCTETS_MAX;

/// The panel as browsers see it: pages, API with login, public pages.
///
/// Serve it with `axum::extract::ConnectInfo<SocketAddr>` among the request's extensions, so that login attempts and public
/// pages can be bounded by address; without it all clients share one bound.
pub fn router(state: PanelState) -> Router {
    let shared = state::Shared::new(state);
    let mut routes = api()
        .route(
            "/v1/session",
            get(session::show).post(session::open).delete(session::close),
        )
        .route("/r/{id}", get(public::page))
        .route("/r/style.css", get(public::style))
        .route("/healthz", get(overview::healthz))
        .fallback(assets::serve);
    if shared.state.settings.metrics {
        routes = routes.route("/metrics", get(overview::metrics));
    }
    bounded(routes, BODY_OCTETS_MAX)
        .merge(bounded(given(), GIVEN_OCTETS_MAX))
        .layer(from_fn_with_state(Arc::clone(&shared), door::identify))
        .layer(from_fn(door::same_site))
        .layer(from_fn_with_state(Arc::clone(&shared), door::armour))
        .with_state(shared)
}

/// The same API for a local socket that only the operator can open: no login, all rights. The header `x-dogana-by` names
/// who acts, for the story.
pub fn control_router(state: PanelState) -> Router {
    let shared = state::Shared::new(state);
    let routes = api()
        .route("/metrics", get(overview::metrics))
        .route("/healthz", get(overview::healthz_in_full))
        .fallback(wire::nothing_here);
    bounded(routes, BODY_OCTETS_MAX)
        .merge(bounded(given(), GIVEN_OCTETS_MAX))
        .layer(from_fn(door::operator))
        .with_state(shared)
}

fn api() -> Router<Arc<state::Shared>> {
    Router::new()
        .route("/v1/overview", get(overview::show))
        .route("/v1/policy", get(overview::policy))
        .route("/v1/stories", get(stories::list))
        .route("/v1/stories/{id}", get(stories::show))
        .route("/v1/live", get(live::stream))
        .route("/v1/senders", get(senders::list))
        .route("/v1/senders/{key}", get(senders::show))
        .route("/v1/senders/{key}/lock", post(senders::lock))
        .route("/v1/senders/{key}/unlock", post(senders::unlock))
        .route("/v1/queue", get(queue::list))
        .route("/v1/queue/{verb}", post(queue_actions::act))
        .route(
            "/v1/pauses",
            get(pauses::list).post(pauses::pause).delete(pauses::resume),
        )
        .route("/v1/model/export", get(model::export))
        .route("/v1/model/reset", post(model::reset))
        .route("/v1/model/restore/{id}", post(model::restore))
        .route("/v1/model/labels", delete(model::forget))
}

/// Where operators give messages and models.
fn given() -> Router<Arc<state::Shared>> {
    Router::new()
        .route("/v1/model", get(model::show).put(model::import))
        .route("/v1/model/learn", post(model::learn).delete(model::unlearn))
}

fn bounded(routes: Router<Arc<state::Shared>>, octets_max: usize) -> Router<Arc<state::Shared>> {
    routes
        .layer(DefaultBodyLimit::max(octets_max))
        .layer(tower_http::limit::RequestBodyLimitLayer::new(octets_max))
}
