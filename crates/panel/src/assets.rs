//! The front end: files built into the program, compressed when they were built.
//!
//! Files under `/assets/` carry a hash in their names and may be kept for ever; the page itself must be asked for anew.

use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

struct Asset {
    path: &'static str,
    kind: &'static str,
    plain: &'static [u8],
    gzip: Option<&'static [u8]>,
    brotli: Option<&'static [u8]>,
}

// `static ASSETS: &[Asset]`, written by build.rs; empty with the feature `headless`.
include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Files, and the page for every address that is the page's own matter.
pub(crate) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        return crate::PanelError::Missing("page").into_response();
    }
    let path = uri.path();
    if let Some(asset) = find(path) {
        return answer(asset, &headers);
    }
    // The pages' own addresses; senders have dots in their names. Everything else does not exist.
    let is_page = ["/", "/queue", "/senders"].contains(&path)
        || ["/stories/", "/senders/"]
            .iter()
            .any(|start| path.starts_with(start));
    match find("/index.html").filter(|_| is_page) {
        Some(index) => answer(index, &headers),
        None if is_page && ASSETS.is_empty() => headless(),
        None => crate::PanelError::Missing("page").into_response(),
    }
}

fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

fn answer(asset: &'static Asset, headers: &HeaderMap) -> Response {
    let (octets, encoding) = match (asset.brotli, asset.gzip) {
        (Some(brotli), _) if accepts(headers, "br") => (brotli, Some("br")),
        (_, Some(gzip)) if accepts(headers, "gzip") => (gzip, Some("gzip")),
        _ => (asset.plain, None),
    };
    let kept = if asset.path.starts_with("/assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let always = [
        (header::CONTENT_TYPE, asset.kind),
        (header::CACHE_CONTROL, kept),
        (header::VARY, "accept-encoding"),
    ];
    match encoding {
        Some(encoding) => (always, [(header::CONTENT_ENCODING, encoding)], octets).into_response(),
        None => (always, octets).into_response(),
    }
}

fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let value = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    value.split(',').any(|range| {
        let (name, parameters) = range.split_once(';').unwrap_or((range, ""));
        name.trim().eq_ignore_ascii_case(encoding)
            && !matches!(parameters.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

fn headless() -> Response {
    let text = "This build has no pages. The API is under /v1.\n";
    (
        StatusCode::NOT_FOUND,
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        text,
    )
        .into_response()
}
