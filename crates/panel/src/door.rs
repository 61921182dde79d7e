//! What every request passes: armour of headers, proof that it comes from this site, and who it is.
//!
//! Standards: RFC 6265 §4.1.2 (cookie attributes; the prefix `__Host-` is of its coming successor, draft-ietf-httpbis-rfc6265bis),
//! Content Security Policy Level 3, Fetch metadata.

use crate::state::Shared;
use crate::{PanelError, Viewer};
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::Method;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// Headers that keep browsers from being misled; on every answer.
pub(crate) async fn armour(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let always = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(), payment=()",
        ),
    ];
    for (name, value) in always {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if shared.is_https() {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// What changes something must come from our own pages or a program: a foreign page can send neither the header nor a JSON
/// body without asking first, and we never say yes.
pub(crate) async fn same_site(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if reads || is_own(request.headers()) {
        next.run(request).await
    } else {
        PanelError::OtherSite.into_response()
    }
}

fn is_own(headers: &HeaderMap) -> bool {
    let is = |name: &str, wanted: &str| {
        headers
            .get(name)
            .is_some_and(|value| value.as_bytes() == wanted.as_bytes())
    };
    let json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    let fetched_by_other = headers.contains_key("sec-fetch-site")
        && !is("sec-fetch-site", "same-origin")
        && !is("sec-fetch-site", "none");
    (json || is("x-dogana", "1")) && !fetched_by_other
}

/// Finds the session's account, anew for each request: a disabled account or a changed role counts at once.
pub(crate) async fn identify(
    State(shared): State<Arc<Shared>>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(token) = token(request.headers(), shared.is_https())
        && let Some(login) = shared.sessions.login(token, shared.now())
        && let Ok(Some(account)) = shared.state.store.directory.account(&login)
        && let Some(viewer) = Viewer::of(&account)
    {
        let token = token.to_owned();
        request.extensions_mut().insert(viewer);
        request.extensions_mut().insert(Token(token));
    }
    next.run(request).await
}

/// On the local socket everybody is the operator; who exactly is taken on trust, for the story.
pub(crate) async fn operator(mut request: Request, next: Next) -> Response {
    let by = request
        .headers()
        .get("x-dogana-by")
        .and_then(|value| value.to_str().ok())
        .unwrap_or("operator");
    let name: String = by.chars().filter(char::is_ascii_graphic).take(64).collect();
    request
        .extensions_mut()
        .insert(Viewer::operator(if name.is_empty() { "operator" } else { &name }));
    next.run(request).await
}

/// The token of the session that a request came with.
#[derive(Clone)]
pub(crate) struct Token(pub(crate) String);

/// The cookie's name: with `__Host-` browsers keep other hosts from setting it.
pub(crate) fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-dogana" } else { "dogana" }
}

fn token(headers: &HeaderMap, https: bool) -> Option<&str> {
    let name = cookie_name(https);
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name && value.len() <= 64).then_some(value))
}

impl<S: Send + Sync> FromRequestParts<S> for Viewer {
    type Rejection = PanelError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, PanelError> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or(PanelError::NotLoggedIn)
    }
}

/// The client's address; unspecified when the server did not say.
pub(crate) struct Client(pub(crate) IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let address = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|ConnectInfo(peer)| peer.ip());
        Ok(Self(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn which_requests_are_our_own() {
        let check = |pairs: &[(&'static str, &'static str)], expected: bool| {
            assert_eq!(is_own(&headers(pairs)), expected, "{pairs:?}");
        };
        check(&[], false);
        check(&[("x-dogana", "1")], true);
        check(&[("x-dogana", "0")], false);
        check(&[("content-type", "application/json; charset=utf-8")], true);
        check(&[("content-type", "text/plain")], false);
        check(&[("content-type", "application/x-www-form-urlencoded")], false);
        check(&[("x-dogana", "1"), ("sec-fetch-site", "cross-site")], false);
        check(&[("x-dogana", "1"), ("sec-fetch-site", "same-site")], false);
        check(&[("x-dogana", "1"), ("sec-fetch-site", "same-origin")], true);
    }

    #[test]
    fn which_cookie_is_ours() {
        let check = |line: &'static str, https: bool, expected: Option<&str>| {
            assert_eq!(token(&headers(&[("cookie", line)]), https), expected, "{line}");
        };
        check("dogana=abc", false, Some("abc"));
        check("a=b; dogana=abc; c=d", false, Some("abc"));
        check("dogana=abc", true, None);
        check("__Host-dogana=abc", true, Some("abc"));
        check("xdogana=abc", false, None);
        check("", false, None);
    }
}
