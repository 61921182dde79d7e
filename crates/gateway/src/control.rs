//! The command line's way to the running gateway: the panel's API over a Unix socket that only its owner can open.

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Octets of one answer at most.
const ANSWER_OCTETS_MAX: usize = 64 << 20;

/// Where the socket is.
pub fn socket_path(data: &Path) -> PathBuf {
    data.join("control.sock")
}

/// Asks and reads the JSON answer; an error answer becomes an error with its own words.
pub async fn ask(
    data: &Path,
    method: Method,
    path: &str,
    body: Option<serde_json::Value>,
) -> Result<serde_json::Value> {
    let octets = whole(send(data, method, path, body).await?).await?;
    Ok(serde_json::from_slice(&octets).unwrap_or_default())
}

/// Gives octets of a kind, and reads the answer whole.
pub async fn give(data: &Path, method: Method, path: &str, kind: &str, octets: Bytes) -> Result<Bytes> {
    whole(request(data, method, path, kind, octets).await?).await
}

async fn whole(response: Response<Incoming>) -> Result<Bytes> {
    let status = response.status();
    let limited = http_body_util::Limited::new(response.into_body(), ANSWER_OCTETS_MAX);
    let octets = limited
        .collect()
        .await
        .map_err(|error| anyhow::anyhow!("{error}"))?
        .to_bytes();
    if !status.is_success() {
        let value: serde_json::Value = serde_json::from_slice(&octets).unwrap_or_default();
        let words = value["detail"]
            .as_str()
            .or(value["title"].as_str())
            .unwrap_or("no reason given");
        bail!("the gateway answered {status}: {words}");
    }
    Ok(octets)
}

/// Asks and gives the answer back while it comes (live stream).
pub async fn send(
    data: &Path,
    method: Method,
    path: &str,
    body: Option<serde_json::Value>,
) -> Result<Response<Incoming>> {
    let octets = body.map_or_else(Bytes::new, |value| Bytes::from(value.to_string()));
    request(data, method, path, "application/json", octets).await
}

/// A gateway runs on this directory and answers.
pub async fn is_running(data: &Path) -> bool {
    net::Dialer::system()
        .connect_unix(&socket_path(data), Duration::from_secs(5))
        .await
        .is_ok()
}

async fn request(
    data: &Path,
    method: Method,
    path: &str,
    kind: &str,
    octets: Bytes,
) -> Result<Response<Incoming>> {
    let socket = socket_path(data);
    let stream = net::Dialer::system()
        .connect_unix(&socket, Duration::from_secs(5))
        .await
        .with_context(|| {
            format!(
                "is the gateway running? its control socket is {}",
                socket.display()
            )
        })?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .header("content-type", kind)
        .header("x-dogana", "1")
        .header("x-dogana-by", operator())
        .body(Full::new(octets))?;
    Ok(sender.send_request(request).await?)
}

/// Who acts, for the story: the login behind sudo, else the login.
fn operator() -> String {
    let named = ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok());
    let clean: String = named
        .unwrap_or_default()
        .chars()
        .filter(char::is_ascii_graphic)
        .take(64)
        .collect();
    if clean.is_empty() {
        "operator".to_owned()
    } else {
        clean
    }
}

/// Percent-encodes a piece of a path or query.
pub fn encoded(text: &str) -> String {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~".contains(&octet);
    text.bytes().fold(String::new(), |mut out, octet| {
        if plain(octet) {
            out.push(char::from(octet));
        } else {
            out.push_str(&format!("%{octet:02X}"));
        }
        out
    })
}
