//! Reading requests: queries, JSON bodies, ids, senders, and work that blocks.

use crate::PanelError;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, FromRequestParts, Json, Path, Query, Request};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use trace::Id;

/// A query, refused as a problem.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = PanelError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PanelError> {
        let Query(inner) = Query::<T>::from_request_parts(parts, state)
            .await
            .map_err(|rejection: QueryRejection| PanelError::Invalid(rejection.body_text()))?;
        Ok(Self(inner))
    }
}

/// A JSON body, refused as a problem.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = PanelError;
    async fn from_request(request: Request, state: &S) -> Result<Self, PanelError> {
        let Json(inner) = Json::<T>::from_request(request, state).await?;
        Ok(Self(inner))
    }
}

/// A story's id in the path; one that is no id is missing, like one that does not exist.
pub(crate) struct StoryId(pub(crate) Id);

impl<S: Send + Sync> FromRequestParts<S> for StoryId {
    type Rejection = PanelError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PanelError> {
        let missing = PanelError::Missing("story");
        let Ok(Path(text)) = Path::<String>::from_request_parts(parts, state).await else {
            return Err(missing);
        };
        text.parse().map(Self).map_err(|_| missing)
    }
}

/// A sender's key: `kind:name` of a known kind, bounded, without controls.
pub(crate) fn sender_key(text: &str) -> Result<&str, PanelError> {
    let known = text
        .split_once(':')
        .is_some_and(|(kind, name)| matches!(kind, "mailbox" | "script" | "host" | "ip") && !name.is_empty());
    if known && text.len() <= 330 && !text.chars().any(char::is_control) {
        Ok(text)
    } else {
        Err(PanelError::Missing("sender"))
    }
}

/// A reason as people give it: needed, bounded, one line.
pub(crate) fn reason(text: &str) -> Result<String, PanelError> {
    let line: String = text
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(200)
        .collect();
    if line.is_empty() {
        Err(PanelError::Invalid("a reason is needed".to_owned()))
    } else {
        Ok(line)
    }
}

/// Empty means not asked: browsers' forms send empty fields.
pub(crate) fn given(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

/// The first number of rows of a list.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Limit(pub(crate) usize);

impl Limit {
    /// Rows in one answer.
    pub(crate) const ROWS_MAX: usize = 500;

    pub(crate) fn rows(limit: Option<Self>) -> usize {
        limit.map_or(100, |Self(rows)| rows.clamp(1, Self::ROWS_MAX))
    }
}

/// Runs what reads from the disk outside the threads that serve sockets.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PanelError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| PanelError::Internal)
}

/// The answer to an unknown path.
pub(crate) async fn nothing_here() -> PanelError {
    PanelError::Missing("page")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        let check = |text: &str, expected: bool| assert_eq!(sender_key(text).is_ok(), expected, "{text:?}");
        check("mailbox:info@example.com", true);
        check("script:web1:/var/www/x.php", true);
        check("ip:192.0.2.1", true);
        check("domain:example.com", false);
        check("mailbox:", false);
        check("info@example.com", false);
        check("mailbox:a\r\nb", false);
        check(&format!("mailbox:{}", "a".repeat(400)), false);
    }

    #[test]
    fn reasons() {
        assert_eq!(
            reason(" stolen\npassword ").ok().as_deref(),
            Some("stolen password")
        );
        assert!(reason(" \t").is_err());
        assert_eq!(reason(&"x".repeat(999)).unwrap_or_default().len(), 200);
    }
}
