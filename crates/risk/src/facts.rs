//! Everything a verdict may depend on. Gathered with I/O by `ingress`, kept with the story, judged here.
//!
//! A fact that did not come is a fact too: [`Gathered`] says why. New groups of facts are added as optional fields, so that
//! stored facts of older versions can still be read.

use crate::{CampaignFacts, ContentFacts, Limits, Sender, Standing};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// When in the transaction the question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// At MAIL.
    Mail,
    /// At a RCPT.
    Rcpt,
    /// At the final dot.
    Data,
}

/// Kinds of listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoorKind {
    /// Port 587: STARTTLS, AUTH required (RFC 6409).
    Submission,
    /// Port 465: implicit TLS, AUTH required (RFC 8314).
    Submissions,
    /// Smarthost for named networks and for AUTH.
    Relay,
    /// No connection: `dogana scan`, replay.
    File,
}

/// By which way the message came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Door {
    /// The listener's name in the configuration.
    pub listener: String,
    /// Its kind.
    pub kind: DoorKind,
    /// The true client.
    pub client: Option<IpAddr>,
    /// Its EHLO name.
    pub helo: String,
    /// The session is encrypted.
    pub tls: bool,
}

/// A group of facts, or why it is missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gathered<T> {
    /// It came.
    Known(T),
    /// Nobody asked for it (switched off, or not at this stage).
    #[default]
    Off,
    /// It did not come before the deadline.
    Late,
    /// It could not be had; the text says why, at most 200 characters.
    Failed(String),
}

impl<T> Gathered<T> {
    /// The value, if it came.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            _ => None,
        }
    }
}

/// Does an address belong to the login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// It does.
    Owned,
    /// The null reverse-path, or a field that is absent and may be.
    Absent,
    /// It does not; the address as written, at most 254 octets.
    Foreign(String),
    /// The field cannot be read in one way only.
    Unclear,
}

/// Identity of one message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdentityFacts {
    /// MAIL FROM.
    pub reverse_path: Match,
    /// From; `Absent` before the final dot.
    pub header_from: Match,
    /// Sender; `Absent` before the final dot or without the field.
    pub header_sender: Match,
}

/// Counts of one level of the sender's tree over one window, the message at hand included, beside what is allowed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// sender, domain or tenant.
    pub level: crate::Level,
    /// The key, for example `domain:example.com`.
    pub key: String,
    /// Length of the window in seconds.
    pub window_s: u32,
    /// Messages.
    pub messages: u64,
    /// Recipients.
    pub recipients: u64,
    /// Different recipients (exact to 256, then estimated within 5 %).
    pub distinct_recipients: u64,
    /// What is allowed in this window; None is no limit.
    pub messages_max: Option<u64>,
    /// Likewise.
    pub recipients_max: Option<u64>,
    /// Likewise.
    pub distinct_recipients_max: Option<u64>,
    /// When one more message would fit, if a limit is exceeded.
    pub free_at: Option<Timestamp>,
}

/// What the ledger remembers of the sender.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StandingFacts {
    /// Its standing.
    pub standing: Standing,
    /// Reason, reference and end of a lock.
    pub lock: Option<crate::Lock>,
    /// Messages accepted so far, all time.
    pub accepted: u64,
    /// Days since the first accepted message.
    pub age_days: u32,
    /// Messages of class suspect or spam let pass in the last 24 hours.
    pub risky_today: u32,
    /// Messages let pass in the last 24 hours although a scanner did not answer.
    #[serde(default)]
    pub unchecked_today: u32,
    /// Refusals for content within the policy's lock window.
    pub refusals: u32,
}

/// What one scanner said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scan {
    /// `clamav`, `rspamd`, `spamassassin`.
    pub scanner: String,
    /// Its answer, or why there is none.
    pub result: Gathered<ScanResult>,
    /// How long it took.
    pub took_us: u64,
}

/// A scanner's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScanResult {
    /// A virus scanner found nothing.
    Clean,
    /// A virus scanner found something; its name for it, at most 200 characters.
    Infected(String),
    /// A spam scanner's score beside its own threshold, and its strongest symbols (at most 20, with weights).
    Scored {
        /// The score.
        score: f32,
        /// Its threshold for spam.
        required: f32,
        /// Names and weights.
        symbols: Vec<(String, f32)>,
    },
}

/// All that is known about one transaction at one stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Version of this structure: 1.
    pub version: u8,
    /// Which question.
    pub stage: Stage,
    /// When it was asked.
    pub at: Timestamp,
    /// By which way it came.
    pub door: Door,
    /// Who sends.
    pub sender: Sender,
    /// Recipients of this message so far, the one at hand included.
    pub recipients: u32,
    /// Recipients allowed in one message.
    pub recipients_max: Option<u32>,
    /// Does the sender address belong to the login.
    #[serde(default)]
    pub identity: Gathered<IdentityFacts>,
    /// Counts and limits.
    #[serde(default)]
    pub usage: Gathered<Vec<Usage>>,
    /// What the ledger remembers.
    #[serde(default)]
    pub standing: Gathered<StandingFacts>,
    /// How the message fits what is remembered of its sender.
    #[serde(default)]
    pub conduct: Gathered<crate::ConductFacts>,
    /// The message itself.
    #[serde(default)]
    pub content: Gathered<ContentFacts>,
    /// Messages of other senders that are alike it.
    #[serde(default)]
    pub campaign: Gathered<CampaignFacts>,
    /// Other scanners.
    #[serde(default)]
    pub scans: Vec<Scan>,
}

impl Facts {
    /// The version written today.
    pub const VERSION: u8 = 1;

    /// Facts at a stage with nothing gathered yet.
    pub fn new(stage: Stage, at: Timestamp, door: Door, sender: Sender) -> Self {
        Self {
            version: Self::VERSION,
            stage,
            at,
            door,
            sender,
            recipients: 0,
            recipients_max: None,
            identity: Gathered::Off,
            usage: Gathered::Off,
            standing: Gathered::Off,
            conduct: Gathered::Off,
            content: Gathered::Off,
            campaign: Gathered::Off,
            scans: Vec::new(),
        }
    }

    /// Limits of recipients in one message.
    pub fn with_limits(mut self, limits: &Limits) -> Self {
        self.recipients_max = limits.recipients_per_message;
        self
    }
}
