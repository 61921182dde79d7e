//! The recorded events. What is the truth stands apart, in [`Truth`], and never reaches a gateway.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::path::Path;
use std::process::Command;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Submit,
    AuthFail,
}

/// One event as the gateway may know it, and the truth about it.
#[derive(Clone, Debug, Deserialize)]
pub struct Event {
    pub id: String,
    pub t: i64,
    #[serde(rename = "type")]
    pub kind: Kind,
    pub account: String,
    pub tenant: String,
    pub submission: String,
    pub client_ip: std::net::IpAddr,
    pub client_asn: u32,
    pub client_country: String,
    pub helo: String,
    pub auth: String,
    #[serde(default)]
    pub mail_from: String,
    #[serde(default)]
    pub header_from: String,
    #[serde(default)]
    pub rcpt_to: Vec<String>,
    #[serde(default)]
    pub msg: Message,
    #[serde(default)]
    pub site: Option<String>,
    #[serde(flatten)]
    pub truth: Truth,
    /// The event whose text it carries: itself, unless the attack was moved.
    #[serde(skip)]
    pub text: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Message {
    #[serde(default, rename = "ref")]
    pub reference: String,
    #[serde(default)]
    pub php_script: Option<String>,
    #[serde(default)]
    pub list_unsubscribe: Option<u8>,
    #[serde(default)]
    pub keep_list: Option<u8>,
}

/// What no gateway is told.
#[derive(Clone, Debug, Deserialize)]
pub struct Truth {
    pub label: String,
    #[serde(default)]
    pub attack_id: Option<String>,
    #[serde(default)]
    pub attack_kind: Option<String>,
    #[serde(default)]
    pub benign_kind: Option<String>,
    #[serde(default)]
    pub outcome: Outcome,
}

/// What comes back if the message is let out.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Outcome {
    /// Recipient, delay in seconds, enhanced code.
    #[serde(default)]
    pub bounce: Vec<(usize, f64, String)>,
    /// Recipient, delay in seconds.
    #[serde(default)]
    pub complaint: Vec<(usize, f64)>,
}

impl Event {
    pub fn is_spam(&self) -> bool {
        self.truth.label == "spam"
    }
}

/// All events in order of time.
pub fn read(path: &Path) -> Result<Vec<Event>> {
    let done = Command::new("zstd")
        .args(["-dcq", "--long=27"])
        .arg(path)
        .output()
        .context("zstd")?;
    ensure!(done.status.success(), "cannot read {}", path.display());
    let text = String::from_utf8(done.stdout)?;
    let mut events = Vec::new();
    for line in text.lines() {
        let mut event: Event = serde_json::from_str(line)?;
        event.text.clone_from(&event.id);
        events.push(event);
    }
    events.sort_by_key(|event| event.t);
    Ok(events)
}
