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
    /// It weighs in the sender's conduct, not in the score of this message.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_conduct: bool,
    /// The observation in a few words, at most 200 characters.
    pub detail: String,
}

/// What happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "field names are the log's interface, described in docs/events.md"
)]
pub enum What {
    /// A client connected. `client` is the true one when a trusted proxy named it in `via`.
    Connected {
        listener: String,
        kind: String,
        client: SocketAddr,
        via: Option<IpAddr>,
    },
    /// EHLO or HELO.
    Greeted { helo: String, esmtp: bool },
    /// TLS was agreed.
    Secured { version: String, cipher: String },
    /// AUTH succeeded.
    LoggedIn { login: String, mechanism: String },
    /// AUTH failed. `login` is what the client gave, at most 255 octets.
    LoginFailed {
        login: String,
        mechanism: String,
        reason: String,
    },
    /// MAIL was answered.
    Mail { reverse_path: String, reply: String },
    /// RCPT was answered.
    Rcpt { forward_path: String, reply: String },
    /// The message is here.
    Received {
        size_octets: u64,
        header_from: String,
        subject: String,
        message_id: String,
    },
    /// A gatherer answered, was late, or failed.
    Gathered {
        gatherer: String,
        outcome: String,
        took_us: u64,
    },
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
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "raw_from_any"
        )]
        facts: Option<Box<RawValue>>,
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "raw_from_any"
        )]
        verdict: Option<Box<RawValue>>,
    },
    /// The final reply of the transaction.
    Answered { reply: String },
    /// The message is durable.
    Stored {
        size_octets: u64,
        recipients: u32,
        pool: String,
    },
    /// A connection to a next hop was used for this message.
    Attempted {
        site: String,
        host: String,
        address: Option<IpAddr>,
        source: Option<IpAddr>,
        pool: String,
        tls: Option<String>,
    },
    /// One recipient's outcome: `delivered`, `rescheduled`, `failed`, `expired`, `dropped`.
    Settled {
        forward_path: String,
        outcome: String,
        reply: String,
        attempts: u32,
        next_attempt: Option<Timestamp>,
        queued_ms: u64,
    },
    /// A DSN was written for this story; `notice` is its own story.
    Noticed { notice: Id, to: String, kind: String },
    /// Somebody held, released, retried or dropped it.
    Handled {
        verb: String,
        by: String,
        reason: String,
    },
    /// A sender was locked; `locked_sender` in JSON, where `sender` is the scope's.
    Locked {
        #[serde(rename = "locked_sender")]
        sender: String,
        by: String,
        reason: String,
        until: Option<Timestamp>,
    },
    /// A sender was unlocked; `locked_sender` likewise.
    Unlocked {
        #[serde(rename = "locked_sender")]
        sender: String,
        by: String,
        reason: String,
    },
    /// A bound was reached; `limit` is its `…_max` name.
    LimitHit { limit: String, detail: String },
    /// The session is over.
    Closed { reason: String },
}

impl What {
    /// The tag under which the event is logged, for example `settled`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connected { .. } => "connected",
            Self::Greeted { .. } => "greeted",
            Self::Secured { .. } => "secured",
            Self::LoggedIn { .. } => "logged_in",
            Self::LoginFailed { .. } => "login_failed",
            Self::Mail { .. } => "mail",
            Self::Rcpt { .. } => "rcpt",
            Self::Received { .. } => "received",
            Self::Gathered { .. } => "gathered",
            Self::Judged { .. } => "judged",
            Self::Answered { .. } => "answered",
            Self::Stored { .. } => "stored",
            Self::Attempted { .. } => "attempted",
            Self::Settled { .. } => "settled",
            Self::Noticed { .. } => "noticed",
            Self::Handled { .. } => "handled",
            Self::Locked { .. } => "locked",
            Self::Unlocked { .. } => "unlocked",
            Self::LimitHit { .. } => "limit_hit",
            Self::Closed { .. } => "closed",
        }
    }

    /// The log record type that KumoMTA's users know, where there is one that fits.
    pub fn record_type(&self) -> Option<&'static str> {
        match self {
            Self::Stored { .. } => Some("Reception"),
            Self::Answered { reply } if reply.starts_with(['4', '5']) => Some("Rejection"),
            Self::Settled { outcome, .. } => match outcome.as_str() {
                "delivered" => Some("Delivery"),
                "rescheduled" => Some("TransientFailure"),
                "failed" => Some("Bounce"),
                "expired" => Some("Expiration"),
                "dropped" => Some("AdminBounce"),
                _ => None,
            },
            _ => None,
        }
    }

    /// Carries full facts or a full verdict.
    pub fn has_facts(&self) -> bool {
        matches!(self, Self::Judged { facts, verdict, .. } if facts.is_some() || verdict.is_some())
    }

    /// A copy without the full facts and verdict, which only the store keeps.
    pub fn light(&self) -> Self {
        let Self::Judged {
            stage,
            class,
            action,
            cause,
            reason,
            score_db,
            standing,
            symbols,
            ..
        } = self
        else {
            return self.clone();
        };
        Self::Judged {
            stage: stage.clone(),
            class: class.clone(),
            action: action.clone(),
            cause: cause.clone(),
            reason: reason.clone(),
            score_db: *score_db,
            standing: standing.clone(),
            symbols: symbols.clone(),
            facts: None,
            verdict: None,
        }
    }
}

impl Event {
    /// A copy without the full facts and verdict.
    pub fn light(&self) -> Self {
        Self {
            id: self.id,
            at: self.at,
            scope: Arc::clone(&self.scope),
            what: self.what.light(),
        }
    }
}

/// A raw value cannot be read from the buffer that a flattened enum is read from, so it is read as any value first.
fn raw_from_any<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Box<RawValue>>, D::Error> {
    let value = Option::<serde_json::Value>::deserialize(from)?;
    value
        .map(|value| serde_json::value::to_raw_value(&value))
        .transpose()
        .map_err(serde::de::Error::custom)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// One event of each kind, for the tests of this room.
    #[expect(clippy::too_many_lines, reason = "a table")]
    pub(crate) fn one_of_each() -> Vec<What> {
        let text = |text: &str| text.to_owned();
        vec![
            What::Connected {
                listener: text("submission"),
                kind: text("submission"),
                client: ([192, 0, 2, 1], 4711).into(),
                via: None,
            },
            What::Greeted {
                helo: text("[192.0.2.1]"),
                esmtp: true,
            },
            What::Secured {
                version: text("TLSv1.3"),
                cipher: text("TLS_AES_128_GCM_SHA256"),
            },
            What::LoggedIn {
                login: text("info@example.com"),
                mechanism: text("PLAIN"),
            },
            What::LoginFailed {
                login: text("x\u{1b}[31m\r\n{\"a\":1}"),
                mechanism: text("LOGIN"),
                reason: text("denied"),
            },
            What::Mail {
                reverse_path: text("info@example.com"),
                reply: text("250 2.1.0 Ok"),
            },
            What::Rcpt {
                forward_path: text("bob@example.net"),
                reply: text("250 2.1.5 Ok"),
            },
            What::Received {
                size_octets: 1_024,
                header_from: text("Info <info@example.com>"),
                subject: text("Ciao"),
                message_id: text("<1@example.com>"),
            },
            What::Gathered {
                gatherer: text("clamav"),
                outcome: text("clean"),
                took_us: 4_200,
            },
            judged(),
            What::Answered {
                reply: text("550 5.7.1 [SPAM]"),
            },
            What::Stored {
                size_octets: 1_200,
                recipients: 1,
                pool: text("clean"),
            },
            What::Attempted {
                site: text("example.net"),
                host: text("mx.example.net"),
                address: Some([192, 0, 2, 9].into()),
                source: None,
                pool: text("clean"),
                tls: Some(text("TLSv1.3")),
            },
            What::Settled {
                forward_path: text("bob@example.net"),
                outcome: text("delivered"),
                reply: text("250 ok"),
                attempts: 1,
                next_attempt: None,
                queued_ms: 1_500,
            },
            What::Noticed {
                notice: Id::from_u64(7),
                to: text("info@example.com"),
                kind: text("failed"),
            },
            What::Handled {
                verb: text("hold"),
                by: text("op"),
                reason: text("why"),
            },
            What::Locked {
                sender: text("mailbox:info@example.com"),
                by: text("op"),
                reason: text("stolen"),
                until: Some(Timestamp::UNIX_EPOCH),
            },
            What::Unlocked {
                sender: text("mailbox:info@example.com"),
                by: text("op"),
                reason: text("cleaned"),
            },
            What::LimitHit {
                limit: text("sessions_max"),
                detail: text("5000"),
            },
            What::Closed { reason: text("quit") },
        ]
    }

    pub(crate) fn judged() -> What {
        let raw = |text: &str| Some(RawValue::from_string(text.to_owned()).unwrap());
        What::Judged {
            stage: "data".to_owned(),
            class: "spam".to_owned(),
            action: "refuse".to_owned(),
            cause: "content".to_owned(),
            reason: "The message looks like spam".to_owned(),
            score_db: 12.5,
            standing: "new".to_owned(),
            symbols: vec![SymbolLine {
                name: "GTUBE".to_owned(),
                weight_db: 100.0,
                of_conduct: false,
                detail: "test text".to_owned(),
            }],
            facts: raw(r#"{"weight":-5.3,"deep":{"list":[1,2,null]}}"#),
            verdict: raw(r#"{"score_db":12.5}"#),
        }
    }

    #[test]
    fn every_event_survives_json_under_its_name() {
        for what in one_of_each() {
            let scope = Arc::new(Scope {
                tenant: "acme".into(),
                domain: "example.com".into(),
                sender: "mailbox:info@example.com".into(),
            });
            let event = Event {
                id: Id::from_u64(99),
                at: Timestamp::UNIX_EPOCH,
                scope,
                what,
            };
            let text = serde_json::to_string(&event).unwrap();
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(
                value.get("event").and_then(|name| name.as_str()),
                Some(event.what.name())
            );
            assert_eq!(value.get("tenant").and_then(|name| name.as_str()), Some("acme"));
            let again: Event = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_value(&again).unwrap(), value);
            assert_eq!(again.scope, event.scope);
        }
    }

    #[test]
    fn a_light_copy_has_no_facts() {
        let text = serde_json::to_string(&judged().light()).unwrap();
        assert!(!text.contains("facts") && !text.contains("verdict"), "{text}");
        assert!(text.contains("GTUBE"), "{text}");
    }

    #[test]
    fn record_types() {
        let check = |outcome: &str, expected| {
            let what = What::Settled {
                forward_path: String::new(),
                outcome: outcome.into(),
                reply: String::new(),
                attempts: 1,
                next_attempt: None,
                queued_ms: 0,
            };
            assert_eq!(what.record_type(), expected, "{outcome}");
        };
        check("delivered", Some("Delivery"));
        check("rescheduled", Some("TransientFailure"));
        check("failed", Some("Bounce"));
        check("expired", Some("Expiration"));
        check("dropped", Some("AdminBounce"));
        check("else", None);
        assert_eq!(
            What::Answered {
                reply: "250 2.0.0".into()
            }
            .record_type(),
            None
        );
        assert_eq!(
            What::Answered {
                reply: "451 4.7.1".into()
            }
            .record_type(),
            Some("Rejection")
        );
    }
}
