//! `dogana sender …`: asks the running gateway.

use super::{block_on, table};
use crate::config::Resolved;
use crate::control::{ask, encoded};
use anyhow::Result;
use clap::Subcommand;
use hyper::Method;
use serde_json::json;

/// Verbs of `dogana sender`.
#[derive(Debug, Subcommand)]
pub enum SenderVerb {
    /// Senders with the most recipients in the last day.
    List {
        /// Only locked ones.
        #[arg(long)]
        locked: bool,
        /// Rows at most.
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// One sender, for example mailbox:info@example.com.
    Show {
        /// Its key.
        sender: String,
    },
    /// Keep a sender from sending.
    Lock {
        /// Its key.
        sender: String,
        /// Why; shown to its owner.
        #[arg(long)]
        reason: String,
        /// For how long, for example 2h, 3d. Default: until unlocked.
        #[arg(long = "for")]
        lasts: Option<jiff::SignedDuration>,
    },
    /// Let a sender send again.
    Unlock {
        /// Its key.
        sender: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

impl SenderVerb {
    /// Does it.
    pub fn run(self, config: &Resolved) -> Result<()> {
        let data = &config.store.directory;
        match self {
            Self::List { locked, limit } => {
                let standing = if locked { "&standing=locked" } else { "" };
                let path = format!("/v1/senders?limit={limit}{standing}");
                let answer = block_on(ask(data, Method::GET, &path, None))?;
                let text = |value: &serde_json::Value| {
                    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
                };
                let rows = answer["rows"].as_array().into_iter().flatten().map(|row| {
                    [
                        "key",
                        "tenant",
                        "standing",
                        "messages_day",
                        "recipients_day",
                        "locks",
                    ]
                    .map(|name| text(&row[name]))
                    .to_vec()
                });
                let head = [
                    "sender",
                    "tenant",
                    "standing",
                    "messages/day",
                    "recipients/day",
                    "locks so far",
                ];
                table::print(&head, &rows.collect::<Vec<_>>());
            }
            Self::Show { sender } => {
                let answer = block_on(ask(
                    data,
                    Method::GET,
                    &format!("/v1/senders/{}", encoded(&sender)),
                    None,
                ))?;
                println!("{}", serde_json::to_string_pretty(&answer)?);
            }
            Self::Lock {
                sender,
                reason,
                lasts,
            } => lock(config, &sender, &reason, lasts)?,
            Self::Unlock { sender, reason } => unlock(config, &sender, &reason)?,
        }
        Ok(())
    }
}

/// Locks a sender in the running gateway.
pub fn lock(
    config: &Resolved,
    sender: &str,
    reason: &str,
    lasts: Option<jiff::SignedDuration>,
) -> Result<()> {
    let until = lasts.map(|lasts| jiff::Timestamp::now() + lasts);
    let path = format!("/v1/senders/{}/lock", encoded(sender));
    block_on(ask(
        &config.store.directory,
        Method::POST,
        &path,
        Some(json!({"reason": reason, "until": until})),
    ))?;
    println!("{sender} is locked");
    Ok(())
}

/// Unlocks a sender in the running gateway.
pub fn unlock(config: &Resolved, sender: &str, reason: &str) -> Result<()> {
    let path = format!("/v1/senders/{}/unlock", encoded(sender));
    block_on(ask(
        &config.store.directory,
        Method::POST,
        &path,
        Some(json!({"reason": reason})),
    ))?;
    println!("{sender} may send again");
    Ok(())
}
