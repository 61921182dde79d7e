//! What can happen in a story. Field texts are bounded by whoever tells them and are data, never markup.

use crate::{Id, Scope};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// One event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// The story it belongs to.
    pub id: Id,
    /// When.
    pub at: Timestamp,
    /// Whose it is; decides who may see it.
    #[serde(flatten)]
    pub scope: Arc<Scope>,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// A symbol as it is shown: the full one is in the verdict kept with the facts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SymbolLine {
    /// SCREAMING_SNAKE name, an interface.
    pub name: String,
    /// Weight in decibans; positive speaks for abuse.
    pub weight_db: f32,
    /// The observation in a few words, at most 200 characters.
    pub detail: String,
}

/// What happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[expect(missing_docs, reason = "field names are the log's interface, described in docs/events.md")]
pub enum What {
    /// A client connected. `client` is the true one when a trusted proxy named it in `via`.
    Connected { listener: String, kind: String, client: SocketAddr, via: Option<IpAddr> },
    /// EHLO or HELO.
    Greeted { helo: String, esmtp: bool },
    /// TLS was agreed.
    Secured { version: String, cipher: String },
    /// AUTH succeeded.
    LoggedIn { login: String, mechanism: String },
    /// AUTH failed. `login` is what the client gave, at most 255 octets.
    LoginFailed { login: String, mechanism: String, reason: String },
    /// MAIL was answered.
    Mail { reverse_path: String, reply: String },
    /// RCPT was answered.
    Rcpt { forward_path: String, reply: String },
    /// The message is here.
    Received { size_octets: u64, header_from: String, subject: String, message_id: String },
    /// A gatherer answered, was late, or failed.
    Gathered { gatherer: String, outcome: String, took_us: u64 },
    /// The verdict. `facts` and `verdict` are the full forms, enough to judge again.
    Judged {
        stage: String,
        class: String,
        action: String,
        cause: String,
        reason: String,
        score_db: f32,
        standing: String,
        symbols: Vec<SymbolLine>,
        facts: Option<Box<RawValue>>,
        verdict: Option<Box<RawValue>>,
    },
    /// The final reply of the transaction.
    Answered { reply: String },
    /// The message is durable.
    Stored { size_octets: u64, recipients: u32, pool: String },
    /// A connection to a next hop was used for this message.
    Attempted { site: String, host: String, address: Option<IpAddr>, source: Option<IpAddr>, pool: String, tls: Option<String> },
    /// One recipient's outcome: `delivered`, `rescheduled`, `failed`, `expired`, `dropped`.
    Settled { forward_path: String, outcome: String, reply: String, attempts: u32, next_attempt: Option<Timestamp>, queued_ms: u64 },
    /// A DSN was written for this story; `notice` is its own story.
    Noticed { notice: Id, to: String, kind: String },
    /// Somebody held, released, retried or dropped it.
    Handled { verb: String, by: String, reason: String },
    /// A sender was locked.
    Locked { sender: String, by: String, reason: String, until: Option<Timestamp> },
    /// A sender was unlocked.
    Unlocked { sender: String, by: String, reason: String },
    /// A bound was reached; `limit` is its `…_max` name.
    LimitHit { limit: String, detail: String },
    /// The session is over.
    Closed { reason: String },
}

impl What {
    /// The tag under which the event is logged, for example `settled`.
    pub fn name(&self) -> &'static str {
        todo!()
    }
}
