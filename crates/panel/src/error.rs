//! What can go wrong in a request, and how it is said: problem details of RFC 9457.

use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use store::StoreError;

/// Errors of this room.
#[derive(Debug, thiserror::Error)]
pub enum PanelError {
    /// No session, or one that ended.
    #[error("log in first")]
    NotLoggedIn,
    /// Wrong login or password; the client caused it.
    #[error("login or password are wrong, or this account may not use the panel")]
    Denied,
    /// The role does not allow it.
    #[error("not allowed: {0}")]
    Forbidden(&'static str),
    /// Not there, or not for this viewer: one answer for both.
    #[error("no such {0}")]
    Missing(&'static str),
    /// A message that is wanted is not in the queue any more.
    #[error(
        "this message is not kept any more: a message can be read while it waits or is held; give the message itself"
    )]
    NotKept,
    /// The request cannot be understood.
    #[error("{0}")]
    Invalid(String),
    /// More octets than are read.
    #[error("{0}")]
    TooLarge(String),
    /// Acting on everything must be said.
    #[error("an empty filter means everything: confirm it with \"all\": true")]
    Unconfirmed,
    /// The request came from another site, or cannot prove that it did not.
    #[error("send the header x-dogana: 1 or a JSON body, from this site")]
    OtherSite,
    /// Too many attempts.
    #[error("too many attempts; wait {0} seconds")]
    TooMany(u64),
    /// A bound of ours is reached.
    #[error("busy: {0}")]
    Busy(&'static str),
    /// The store failed.
    #[error("{}", of_store(.0))]
    Store(#[from] StoreError),
    /// A task of ours broke off.
    #[error("an internal error")]
    Internal,
}

/// Without the details of disk and database, which are the operator's.
fn of_store(error: &StoreError) -> String {
    match error {
        StoreError::Disk(_) => "the disk failed".to_owned(),
        StoreError::Database(_) => "the database failed".to_owned(),
        other => other.to_string(),
    }
}

impl PanelError {
    fn of_body(status: StatusCode, words: String) -> Self {
        if status == StatusCode::PAYLOAD_TOO_LARGE {
            Self::TooLarge(words)
        } else {
            Self::Invalid(words)
        }
    }

    /// Status and a stable code for programs.
    fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotLoggedIn => (StatusCode::UNAUTHORIZED, "not_logged_in"),
            Self::Denied => (StatusCode::UNAUTHORIZED, "denied"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden"),
            Self::Missing(_) | Self::Store(StoreError::Missing(_)) => (StatusCode::NOT_FOUND, "missing"),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::NotKept => (StatusCode::NOT_FOUND, "not_kept"),
            Self::Invalid(_) | Self::Store(StoreError::Refused(_)) => (StatusCode::BAD_REQUEST, "invalid"),
            Self::Unconfirmed => (StatusCode::CONFLICT, "unconfirmed"),
            Self::OtherSite => (StatusCode::FORBIDDEN, "other_site"),
            Self::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, "too_many"),
            Self::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "store"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }
}

/// A body that cannot be read: too large, cut off, or not what it says it is.
impl From<BytesRejection> for PanelError {
    fn from(rejection: BytesRejection) -> Self {
        Self::of_body(rejection.status(), rejection.body_text())
    }
}

impl From<JsonRejection> for PanelError {
    fn from(rejection: JsonRejection) -> Self {
        Self::of_body(rejection.status(), rejection.body_text())
    }
}

impl IntoResponse for PanelError {
    fn into_response(self) -> Response {
        let (status, code) = self.kind();
        let body = serde_json::json!({
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or_default(),
            "status": status.as_u16(),
            "detail": self.to_string(),
            "code": code,
        });
        let mut response = (status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Self::TooMany(seconds) = self {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
