//! `dogana queue …`, `dogana pause`, `dogana resume`: asks the running gateway.

use super::{block_on, table};
use crate::config::Resolved;
use crate::control::{ask, encoded};
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

/// Which messages; all that are given must fit.
#[derive(Debug, Args)]
pub struct Which {
    /// One message.
    #[arg(long)]
    id: Option<String>,
    /// Of a sender, for example mailbox:info@example.com.
    #[arg(long)]
    sender: Option<String>,
    /// Of a customer.
    #[arg(long)]
    tenant: Option<String>,
    /// To a domain.
    #[arg(long)]
    destination: Option<String>,
    /// In a pool.
    #[arg(long)]
    pool: Option<String>,
    /// All of them.
    #[arg(long)]
    all: bool,
}

/// Verbs of `dogana queue`.
#[derive(Debug, Subcommand)]
pub enum QueueVerb {
    /// Messages on their way, the oldest first.
    List {
        #[command(flatten)]
        which: Which,
        /// Only those on hold.
        #[arg(long)]
        held: bool,
        /// Rows at most.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// One message with all its recipients.
    Show {
        /// Its id.
        id: String,
    },
    /// Try now.
    Retry(Which),
    /// Put on hold.
    Hold {
        #[command(flatten)]
        which: Which,
        /// Why.
        #[arg(long, default_value = "by the operator")]
        reason: String,
    },
    /// Release from hold.
    Release(Which),
    /// Drop. No notice is sent; the stories tell who did it and why.
    Drop {
        #[command(flatten)]
        which: Which,
        /// Why.
        #[arg(long, default_value = "by the operator")]
        reason: String,
    },
}

/// What to pause or resume: one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct PauseWhat {
    /// Everything that goes out.
    #[arg(long)]
    all: bool,
    /// A customer.
    #[arg(long)]
    tenant: Option<String>,
    /// A sender.
    #[arg(long)]
    sender: Option<String>,
    /// A destination domain.
    #[arg(long)]
    destination: Option<String>,
    /// A pool.
    #[arg(long)]
    pool: Option<String>,
}

/// `dogana pause`, `dogana resume`.
#[derive(Debug, Args)]
pub struct PauseWords {
    #[command(flatten)]
    what: PauseWhat,
    /// Why.
    #[arg(long, default_value = "by the operator")]
    reason: String,
}

impl Which {
    fn filter(&self, confirmed: bool) -> Result<Value> {
        let mut filter = serde_json::Map::new();
        let rows = [
            ("id", &self.id),
            ("sender", &self.sender),
            ("tenant", &self.tenant),
            ("destination", &self.destination),
            ("pool", &self.pool),
        ];
        for (name, value) in rows {
            if let Some(value) = value {
                filter.insert(name.to_owned(), json!(value));
            }
        }
        if confirmed && filter.is_empty() {
            if !self.all {
                bail!("which messages? give --id, --sender, --tenant, --destination, --pool or --all");
            }
            filter.insert("all".to_owned(), json!(true));
        }
        Ok(Value::Object(filter))
    }
}

impl QueueVerb {
    /// Does it.
    pub fn run(self, config: &Resolved) -> Result<()> {
        let data = &config.store.directory;
        let act = |verb: &str, body: Value| -> Result<()> {
            let answer = block_on(ask(data, Method::POST, &format!("/v1/queue/{verb}"), Some(body)))?;
            println!("{verb}: {} recipients", answer["changed"]);
            Ok(())
        };
        match self {
            Self::List { which, held, limit } => list(config, &which, held, limit),
            Self::Show { id } => {
                let answer = block_on(ask(
                    data,
                    Method::GET,
                    &format!("/v1/queue?id={}", encoded(&id)),
                    None,
                ))?;
                println!("{}", serde_json::to_string_pretty(&answer["rows"])?);
                Ok(())
            }
            Self::Retry(which) => act("retry", which.filter(true)?),
            Self::Release(which) => act("release", which.filter(true)?),
            Self::Hold { which, reason } => act("hold", with_reason(&which, &reason)?),
            Self::Drop { which, reason } => act("drop", with_reason(&which, &reason)?),
        }
    }
}

fn with_reason(which: &Which, reason: &str) -> Result<Value> {
    let mut body = which.filter(true)?;
    body["reason"] = json!(reason);
    Ok(body)
}

fn list(config: &Resolved, which: &Which, held: bool, limit: usize) -> Result<()> {
    let mut path = format!("/v1/queue?limit={limit}");
    if let Value::Object(filter) = which.filter(false)? {
        for (name, value) in filter {
            path.push_str(&format!(
                "&{name}={}",
                encoded(value.as_str().unwrap_or_default())
            ));
        }
    }
    if held {
        path.push_str("&held=true");
    }
    let answer = block_on(ask(&config.store.directory, Method::GET, &path, None))?;
    let counts = &answer["counts"];
    println!(
        "{} messages, {} octets; recipients: {} scheduled, {} under way, {} held",
        counts["messages"], counts["octets"], counts["scheduled"], counts["leased"], counts["held"]
    );
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let rows = answer["rows"].as_array().into_iter().flatten().map(|row| {
        let words = [
            "id",
            "size_octets",
            "reverse_path",
            "recipient",
            "pool",
            "state",
            "attempts",
            "due",
        ];
        let mut cells: Vec<String> = words.iter().map(|name| text(&row[name])).collect();
        let (reason, reply) = (text(&row["reason"]), text(&row["last_reply"]));
        cells.push(if reason.is_empty() { reply } else { reason });
        cells
    });
    let head = [
        "id", "octets", "from", "to", "pool", "state", "attempts", "due", "why",
    ];
    table::print(&head, &rows.collect::<Vec<_>>());
    Ok(())
}

impl PauseWords {
    /// Pauses or resumes.
    pub fn run(self, config: &Resolved, pause: bool) -> Result<()> {
        let what = &self.what;
        let named = [
            ("tenant", &what.tenant),
            ("sender", &what.sender),
            ("destination", &what.destination),
            ("pool", &what.pool),
        ];
        let (scope, name) = named
            .into_iter()
            .find_map(|(scope, name)| name.as_deref().map(|name| (scope, Some(name))))
            .unwrap_or(("all", None));
        let data = &config.store.directory;
        if pause {
            let body = json!({"scope": scope, "name": name, "reason": self.reason});
            block_on(ask(data, Method::POST, "/v1/pauses", Some(body)))?;
        } else {
            let name = name
                .map(|name| format!("&name={}", encoded(name)))
                .unwrap_or_default();
            block_on(ask(
                data,
                Method::DELETE,
                &format!("/v1/pauses?scope={scope}{name}"),
                None,
            ))?;
        }
        println!("{}", if pause { "paused" } else { "resumed" });
        Ok(())
    }
}
