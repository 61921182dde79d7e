//! What is paused.
//!
//! Decision in prose: an operator pauses anything; a reseller its tenant and its senders. A pause of everything is shown to
//! everybody, and of a tenant to its own, because it is why their mail waits; pauses of pools and destinations are the operator's matter.

use crate::role::{Deed, Role};
use crate::state::Shared;
use crate::wire::{Body, Params, given, reason, sender_key};
use crate::{PanelError, Viewer, senders};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Json;
use serde::Deserialize;
use std::sync::Arc;
use store::{Pause, PauseScope};
use trace::{Id, Scope, What};

/// Octets of a name that is paused.
const NAME_OCTETS_MAX: usize = 330;

/// What, as requests write it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    scope: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    reason: String,
}

/// `GET /v1/pauses`.
pub(crate) async fn list(State(shared): State<Arc<Shared>>, viewer: Viewer) -> Json<Vec<Pause>> {
    let pauses = shared.state.store.controls.pauses();
    Json(
        pauses
            .iter()
            .filter(|pause| is_shown(&shared, &viewer, pause))
            .cloned()
            .collect(),
    )
}

/// `POST /v1/pauses`.
pub(crate) async fn pause(
    State(shared): State<Arc<Shared>>,
    viewer: Viewer,
    Body(order): Body<Order>,
) -> Result<(StatusCode, Json<Pause>), PanelError> {
    let scope = order.scope()?;
    let whose = allowed(&shared, &viewer, &scope)?;
    let pause = Pause {
        scope,
        by: viewer.name().to_owned(),
        reason: reason(&order.reason)?,
        at: shared.now(),
    };
    shared.state.store.controls.pause(pause.clone()).await?;
    tell(
        &shared,
        &viewer,
        whose,
        "pause",
        &format!("{}: {}", words(&pause.scope), pause.reason),
    );
    Ok((StatusCode::CREATED, Json(pause)))
}

/// `DELETE /v1/pauses?scope=tenant&name=acme`.
pub(crate) async fn resume(
    State(shared): State<Arc<Shared>>,
    viewer: Viewer,
    Params(order): Params<Order>,
) -> Result<StatusCode, PanelError> {
    let scope = order.scope()?;
    let whose = allowed(&shared, &viewer, &scope)?;
    if !shared.state.store.controls.resume(&scope).await? {
        return Err(PanelError::Missing("pause"));
    }
    tell(&shared, &viewer, whose, "resume", &words(&scope));
    Ok(StatusCode::NO_CONTENT)
}

/// May the viewer know of the pause.
pub(crate) fn is_shown(shared: &Shared, viewer: &Viewer, pause: &Pause) -> bool {
    match &pause.scope {
        PauseScope::All => true,
        PauseScope::Tenant(name) => viewer.sees_all() || viewer.bounds().0 == Some(name),
        scope => viewer.sees_all() || viewer.sees(&scope_of(shared, scope)),
    }
}

fn allowed(shared: &Shared, viewer: &Viewer, scope: &PauseScope) -> Result<Scope, PanelError> {
    let whose = scope_of(shared, scope);
    let narrow = matches!(scope, PauseScope::Tenant(_) | PauseScope::Sender(_));
    if viewer.role() == Role::Operator || narrow && viewer.may(Deed::Pause, &whose) {
        Ok(whose)
    } else {
        Err(PanelError::Forbidden("this role does not pause that"))
    }
}

fn scope_of(shared: &Shared, scope: &PauseScope) -> Scope {
    match scope {
        PauseScope::Tenant(name) => Scope {
            tenant: name.clone(),
            ..Scope::default()
        },
        PauseScope::Sender(key) => senders::find(shared, key)
            .ok()
            .flatten()
            .map(|row| senders::scope_of(&row))
            .unwrap_or_default(),
        _ => Scope::default(),
    }
}

fn tell(shared: &Shared, viewer: &Viewer, whose: Scope, verb: &str, reason: &str) {
    let what = What::Handled {
        verb: verb.to_owned(),
        by: viewer.name().to_owned(),
        reason: reason.to_owned(),
    };
    shared
        .state
        .hub
        .tell(Id::generate(shared.now()), shared.now(), &Arc::new(whose), what);
}

fn words(scope: &PauseScope) -> String {
    match scope {
        PauseScope::All => "everything".to_owned(),
        PauseScope::Tenant(name) => format!("tenant {name}"),
        PauseScope::Sender(name) => format!("sender {name}"),
        PauseScope::Destination(name) => format!("destination {name}"),
        PauseScope::Pool(name) => format!("pool {name}"),
    }
}

impl Order {
    fn scope(&self) -> Result<PauseScope, PanelError> {
        let name = given(self.name.clone());
        let is_bad = |name: &String| name.len() > NAME_OCTETS_MAX || name.chars().any(char::is_control);
        if name.as_ref().is_some_and(is_bad) {
            return Err(PanelError::Invalid("name: too long, or with controls".to_owned()));
        }
        match (self.scope.as_str(), name) {
            ("all", None) => Ok(PauseScope::All),
            ("tenant", Some(name)) => Ok(PauseScope::Tenant(name)),
            ("sender", Some(name)) => Ok(PauseScope::Sender(sender_key(&name)?.to_owned())),
            ("destination", Some(name)) => Ok(PauseScope::Destination(name.to_lowercase())),
            ("pool", Some(name)) => Ok(PauseScope::Pool(name)),
            _ => Err(PanelError::Invalid(
                "scope: all, or tenant, sender, destination or pool with a name".to_owned(),
            )),
        }
    }
}
