//! Logging in and out.
//!
//! Promises: one answer for every kind of failure, slower with each; passwords are neither kept nor told to anybody; the
//! cookie is out of reach of scripts and of other sites.

use crate::door::{Client, Token, cookie_name};
use crate::sessions::Sessions;
use crate::state::Shared;
use crate::wire::Body;
use crate::{PanelError, Role, Viewer};
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::sync::Arc;
use store::{Account, Login};
use trace::{Id, Scope, What};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    login: String,
    password: String,
}

/// Octets of a login or password; longer ones are wrong.
const CREDENTIAL_OCTETS_MAX: usize = 1_024;

#[derive(Serialize)]
pub(crate) struct SessionView {
    login: String,
    role: Role,
    language: risk::Language,
    reads_content: bool,
    site_name: String,
}

impl SessionView {
    fn of(viewer: &Viewer, shared: &Shared) -> Self {
        Self {
            login: viewer.name().to_owned(),
            role: viewer.role(),
            language: viewer.language(),
            reads_content: viewer.reads_content(),
            site_name: shared.state.settings.site_name.chars().take(80).collect(),
        }
    }
}

/// `GET /v1/session`: who am I.
pub(crate) async fn show(State(shared): State<Arc<Shared>>, viewer: Viewer) -> Json<SessionView> {
    Json(SessionView::of(&viewer, &shared))
}

/// `POST /v1/session`: logs in.
pub(crate) async fn open(
    State(shared): State<Arc<Shared>>,
    Client(address): Client,
    Body(given): Body<Credentials>,
) -> Result<Response, PanelError> {
    let login = given.login.trim().to_lowercase();
    shared
        .attempts
        .check(address, &login, shared.now())
        .map_err(PanelError::TooMany)?;
    let account = check(&shared, &login, &given.password).await?;
    match account.as_deref().and_then(Viewer::of) {
        Some(viewer) => {
            shared.attempts.succeeded(address, &login);
            tell(&shared, &viewer, account.as_deref());
            let token = shared.sessions.open(viewer.name(), shared.now());
            let cookie = cookie(&token, Sessions::LENGTH_MAX.as_secs(), shared.is_https())?;
            Ok((
                [(header::SET_COOKIE, cookie)],
                Json(SessionView::of(&viewer, &shared)),
            )
                .into_response())
        }
        None => Err(refuse(&shared, address, &login).await),
    }
}

/// `DELETE /v1/session`: logs out.
pub(crate) async fn close(
    State(shared): State<Arc<Shared>>,
    token: Option<Extension<Token>>,
) -> Result<Response, PanelError> {
    if let Some(Extension(Token(token))) = token {
        shared.sessions.close(&token);
    }
    Ok((
        StatusCode::NO_CONTENT,
        [(header::SET_COOKIE, cookie("", 0, shared.is_https())?)],
    )
        .into_response())
}

async fn check(shared: &Shared, login: &str, password: &str) -> Result<Option<Arc<Account>>, PanelError> {
    if login.len() > CREDENTIAL_OCTETS_MAX || password.len() > CREDENTIAL_OCTETS_MAX {
        return Ok(None);
    }
    let _permit = shared
        .logins
        .try_acquire()
        .map_err(|_| PanelError::Busy("too many logins at once"))?;
    match shared
        .state
        .store
        .directory
        .login(login, password.as_bytes())
        .await?
    {
        Login::Granted(account) => Ok(Some(account)),
        Login::Denied => Ok(None),
    }
}

async fn refuse(shared: &Shared, address: IpAddr, login: &str) -> PanelError {
    let wait = shared.attempts.failed(address, login, shared.now());
    let what = What::LoginFailed {
        login: login.chars().take(255).collect(),
        mechanism: "panel".to_owned(),
        reason: format!("denied for {address}"),
    };
    shared
        .state
        .hub
        .tell(Id::generate(shared.now()), shared.now(), &Arc::default(), what);
    tokio::time::sleep(wait).await;
    PanelError::Denied
}

fn tell(shared: &Shared, viewer: &Viewer, account: Option<&Account>) {
    let scope = account.map(|account| Scope {
        tenant: account.tenant.clone(),
        domain: account.domain.clone(),
        sender: format!("mailbox:{}", account.login),
    });
    let what = What::LoggedIn {
        login: viewer.name().to_owned(),
        mechanism: "panel".to_owned(),
    };
    shared.state.hub.tell(
        Id::generate(shared.now()),
        shared.now(),
        &Arc::new(scope.unwrap_or_default()),
        what,
    );
}

fn cookie(token: &str, seconds: i64, https: bool) -> Result<HeaderValue, PanelError> {
    let name = cookie_name(https);
    let secure = if https { "; Secure" } else { "" };
    let text = format!("{name}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    HeaderValue::from_str(&text).map_err(|_| PanelError::Internal)
}
