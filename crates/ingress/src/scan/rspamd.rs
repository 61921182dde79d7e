//! Rspamd: `POST /checkv2` of its normal worker, HTTP/1.1. Connections are kept where the peer keeps them (Rspamd 3.4 does not).
//!
//! Told are the login (`User`), envelope and our id, so that Rspamd's own rules for authenticated users apply; client address
//! and EHLO name only where the settings say so. The answer's `score` stands beside its `required_score`, the threshold
//! of its strongest action. A message that Rspamd rejects by force (its antivirus, a forced action) counts at least as much
//! as that threshold, whatever its score.

use super::exchange::{About, Fault, connect, header_value};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONNECTION, HeaderName, HeaderValue};
use hyper::http::response::Parts;
use hyper::{HeaderMap, Request, Response, StatusCode, body::Incoming};
use hyper_util::rt::TokioIo;
use mail::Address;
use net::{Dialer, Duplex, Endpoint};
use risk::ScanResult;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A client of one worker.
#[derive(Debug)]
pub(super) struct Rspamd {
    dialer: Dialer,
    endpoint: Endpoint,
    /// What every request carries.
    fixed: HeaderMap,
    send_client_address: bool,
    /// Connections nobody uses.
    idle: Mutex<Vec<Connection>>,
    idle_max: usize,
}

/// How a client is made.
pub(super) struct Setup {
    pub(super) dialer: Dialer,
    pub(super) endpoint: Endpoint,
    pub(super) password: Option<String>,
    pub(super) settings_id: Option<String>,
    pub(super) send_client_address: bool,
    pub(super) idle_max: usize,
}

/// Octets of an answer.
const REPLY_OCTETS_MAX: usize = 1 << 20;
/// Symbols told on.
const SYMBOLS_MAX: usize = 20;
/// Scores beyond this say no more.
const SCORE_MAX: f32 = 1e6;

impl Rspamd {
    pub(super) fn new(setup: Setup) -> Self {
        let mut fixed = HeaderMap::new();
        put(&mut fixed, "host", "rspamd");
        // Said although it is the default of HTTP/1.1: some versions close unless they are asked.
        put(&mut fixed, "connection", "keep-alive");
        for (name, value) in [("password", &setup.password), ("settings-id", &setup.settings_id)] {
            if let Some(value) = value {
                put(&mut fixed, name, value);
            }
        }
        Self {
            dialer: setup.dialer,
            endpoint: setup.endpoint,
            fixed,
            send_client_address: setup.send_client_address,
            idle: Mutex::default(),
            idle_max: setup.idle_max,
        }
    }

    /// Shows it a message.
    pub(super) async fn scan(&self, message: &Bytes, about: &About<'_>) -> Result<ScanResult, Fault> {
        // A kept connection may have been closed meanwhile; what it did not answer is asked again on a fresh one.
        if let Some(connection) = self.kept() {
            match self.ask(connection, message, about).await {
                Err(Fault::Broken(_)) => self.lock().clear(),
                done => return done,
            }
        }
        let stream = connect(&self.dialer, &self.endpoint).await?;
        let (sender, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        self.ask(Connection { sender, driver }, message, about).await
    }

    fn kept(&self) -> Option<Connection> {
        self.lock().pop()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(
        &self,
        connection: Connection,
        message: &Bytes,
        about: &About<'_>,
    ) -> Result<ScanResult, Fault> {
        let mut request = Request::post("/checkv2")
            .body(Full::new(message.clone()))
            .map_err(|error| Fault::Wrong(error.to_string()))?;
        *request.headers_mut() = self.headers(about);
        let (head, reply, kept) = connection.exchange(request).await?;
        if let Some(connection) = kept {
            let mut idle = self.lock();
            if idle.len() < self.idle_max {
                idle.push(connection);
            }
        }
        parse(head.status, &reply)
    }

    fn headers(&self, about: &About<'_>) -> HeaderMap {
        let mut headers = self.fixed.clone();
        put(&mut headers, "queue-id", &about.queue_id.to_string());
        put(
            &mut headers,
            "from",
            about.reverse_path.map(Address::as_str).unwrap_or_default(),
        );
        for recipient in about.recipients.iter().take(About::RECIPIENTS_MAX) {
            put(&mut headers, "rcpt", recipient.as_str());
        }
        if let Some(login) = about.login {
            put(&mut headers, "user", login);
        }
        if self.send_client_address
            && let Some(client) = about.client
        {
            put(&mut headers, "ip", &client.to_string());
            put(&mut headers, "helo", about.helo);
        }
        headers
    }
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_bytes(header_value(value).as_bytes()) {
        headers.append(HeaderName::from_static(name), value);
    }
}

fn broken(error: hyper::Error) -> Fault {
    if error.is_parse() {
        return Fault::Wrong("no HTTP".to_owned());
    }
    Fault::Broken(std::io::Error::other(error))
}

/// One connection. Nobody drives it while it is idle, so no task is left behind when it is dropped.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: http1::Connection<TokioIo<Box<dyn Duplex>>, Full<Bytes>>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connection")
    }
}

impl Connection {
    /// One question; gives itself back when it can be asked again.
    async fn exchange(self, request: Request<Full<Bytes>>) -> Result<(Parts, Bytes, Option<Self>), Fault> {
        let Self {
            mut sender,
            mut driver,
        } = self;
        let mut asked = std::pin::pin!(async move {
            sender.ready().await.map_err(broken)?;
            let (head, reply) = read(sender.send_request(request).await.map_err(broken)?).await?;
            Ok::<_, Fault>((head, reply, sender))
        });
        let early = tokio::select! {
            biased;
            done = &mut asked => Some(done),
            _ = &mut driver => None,
        };
        if let Some(done) = early {
            let (head, reply, sender) = done?;
            let keeps = head
                .headers
                .get(CONNECTION)
                .is_none_or(|word| !word.as_bytes().eq_ignore_ascii_case(b"close"));
            return Ok((head, reply, keeps.then_some(Self { sender, driver })));
        }
        // The connection is over. Without its driver the question ends too: with what was brought, or with an error.
        drop(driver);
        let (head, reply, _) = asked.await?;
        Ok((head, reply, None))
    }
}

async fn read(response: Response<Incoming>) -> Result<(Parts, Bytes), Fault> {
    let (head, body) = response.into_parts();
    let whole = Limited::new(body, REPLY_OCTETS_MAX).collect().await;
    let whole = whole.map_err(|error| match error.downcast::<hyper::Error>() {
        Ok(error) => broken(*error),
        Err(_) => Fault::Wrong(format!("more than {REPLY_OCTETS_MAX} octets")),
    })?;
    Ok((head, whole.to_bytes()))
}

/// The answer, as far as it is used.
#[derive(Deserialize)]
struct Answer {
    score: Option<f32>,
    required_score: Option<f32>,
    #[serde(default)]
    action: String,
    #[serde(default)]
    symbols: Symbols,
    error: Option<String>,
}

/// Names and weights.
#[derive(Default)]
struct Symbols(Vec<(String, f32)>);

#[derive(Deserialize)]
struct Weight {
    #[serde(default)]
    score: f32,
}

impl<'de> Deserialize<'de> for Symbols {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Symbols;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("symbols by name")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Symbols, A::Error> {
                let mut list = Vec::new();
                while let Some((name, weight)) = map.next_entry::<String, Weight>()? {
                    list.push((name, weight.score));
                }
                Ok(Symbols(list))
            }
        }
        from.deserialize_map(Collect)
    }
}

/// Reads an answer.
fn parse(status: StatusCode, reply: &[u8]) -> Result<ScanResult, Fault> {
    let answer: Answer = serde_json::from_slice(reply).map_err(|_| Fault::wrong(reply))?;
    if let Some(error) = answer.error {
        return Err(Fault::Wrong(super::exchange::shown(error.as_bytes())));
    }
    let (Some(score), Some(required)) = (answer.score, answer.required_score) else {
        return Err(Fault::wrong(reply));
    };
    if status != StatusCode::OK {
        return Err(Fault::Wrong(status.to_string()));
    }
    let mut symbols = answer.symbols.0;
    let (mut score, required) = (bounded(score), bounded(required));
    if answer.action == "reject" && score < required {
        symbols.push(("FORCED_REJECT".to_owned(), required - score));
        score = required;
    }
    Ok(ScanResult::Scored {
        score,
        required,
        symbols: strongest(symbols),
    })
}

fn bounded(score: f32) -> f32 {
    if score.is_nan() {
        0.0
    } else {
        score.clamp(-SCORE_MAX, SCORE_MAX)
    }
}

fn strongest(mut symbols: Vec<(String, f32)>) -> Vec<(String, f32)> {
    symbols.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then_with(|| a.0.cmp(&b.0)));
    symbols.truncate(SYMBOLS_MAX);
    for (name, weight) in &mut symbols {
        *name = super::exchange::shown(name.as_bytes());
        *weight = bounded(*weight);
    }
    symbols
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(score: f32, required: f32, symbols: &[(&str, f32)]) -> Result<ScanResult, String> {
        let symbols = symbols
            .iter()
            .map(|(name, weight)| ((*name).to_owned(), *weight))
            .collect();
        Ok(ScanResult::Scored {
            score,
            required,
            symbols,
        })
    }

    fn check(reply: &str, expected: Result<ScanResult, String>) {
        let read = parse(StatusCode::OK, reply.as_bytes()).map_err(|fault| fault.to_string());
        assert_eq!(read, expected, "{reply}");
    }

    #[test]
    fn answers() {
        check(
            r#"{"is_skipped":false,"score":4.5,"required_score":15.0,"action":"no action","symbols":
               {"A":{"name":"A","score":-1.5,"options":["x"]},"B":{"name":"B","score":6.0},"C":{}},"messages":{}}"#,
            scored(4.5, 15.0, &[("B", 6.0), ("A", -1.5), ("C", 0.0)]),
        );
        check(
            r#"{"score":1,"required_score":15,"action":"soft reject"}"#,
            scored(1.0, 15.0, &[]),
        );
        check(
            r#"{"score":1,"required_score":15,"action":"reject"}"#,
            scored(15.0, 15.0, &[("FORCED_REJECT", 14.0)]),
        );
        check(r#"{"score":1e30,"required_score":15}"#, scored(1e6, 15.0, &[]));
    }

    #[test]
    fn what_is_no_answer() {
        let wrong = |text: &str| Err(format!("wrong answer: {text}"));
        check(r#"{"error":"out of\nmemory"}"#, wrong("out of memory"));
        check(r#"{"score":1}"#, wrong(r#"{"score":1}"#));
        check(r#"{"score":"x"}"#, wrong(r#"{"score":"x"}"#));
        check("<html>", wrong("<html>"));
        check("", wrong(""));
        let refused = parse(StatusCode::FORBIDDEN, br#"{"score":1,"required_score":15}"#);
        assert!(refused.is_err(), "the status counts too");
    }

    #[test]
    fn the_strongest_twenty_symbols() {
        let many = (0..100u8)
            .map(|n| {
                (
                    format!("S{n}"),
                    f32::from(n) * if n % 2 == 0 { 1.0 } else { -1.0 },
                )
            })
            .collect();
        let kept = strongest(many);
        assert_eq!(
            (kept.len(), kept[0].clone(), kept[1].clone()),
            (20, ("S99".into(), -99.0), ("S98".into(), 98.0))
        );
    }
}
