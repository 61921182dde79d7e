//! `dogana trace`: the story of a message, a search, or the live stream; asks the running gateway.

use super::{block_on, table};
use crate::config::Resolved;
use crate::control::{ask, encoded, send};
use anyhow::{Result, bail};
use clap::Args;
use http_body_util::BodyExt;
use hyper::Method;
use serde_json::Value;

/// `dogana trace [ID]`
#[derive(Debug, Args)]
pub struct Trace {
    /// The id of a message: its whole story.
    id: Option<String>,
    /// Follow what happens now.
    #[arg(long, short)]
    follow: bool,
    /// Only this sender.
    #[arg(long)]
    sender: Option<String>,
    /// Only recipients that contain this.
    #[arg(long)]
    recipient: Option<String>,
    /// Only this class: clean, suspect, spam, malware.
    #[arg(long)]
    class: Option<String>,
    /// Rows at most.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// JSON instead of tables.
    #[arg(long)]
    json: bool,
}

impl Trace {
    /// Does it.
    pub fn run(self, config: &Resolved) -> Result<()> {
        let data = &config.store.directory;
        if self.follow {
            return block_on(self.follow(data));
        }
        if let Some(id) = &self.id {
            let answer = block_on(ask(
                data,
                Method::GET,
                &format!("/v1/stories/{}", encoded(id)),
                None,
            ))?;
            if self.json {
                println!("{}", serde_json::to_string_pretty(&answer)?);
            } else {
                tell(&answer);
            }
            return Ok(());
        }
        let answer = block_on(ask(
            data,
            Method::GET,
            &format!("/v1/stories?limit={}{}", self.limit, self.query()),
            None,
        ))?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&answer)?);
            return Ok(());
        }
        let rows = answer["rows"].as_array().into_iter().flatten().map(|row| {
            let to = row["recipients"]
                .as_array()
                .into_iter()
                .flatten()
                .map(text)
                .collect::<Vec<_>>()
                .join(",");
            vec![
                text(&row["at"]),
                text(&row["id"]),
                text(&row["class"]),
                text(&row["status"]),
                text(&row["sender"]),
                to,
                text(&row["subject"]),
            ]
        });
        table::print(
            &["time", "id", "class", "status", "sender", "to", "subject"],
            &rows.collect::<Vec<_>>(),
        );
        Ok(())
    }

    fn query(&self) -> String {
        let rows = [
            ("sender", &self.sender),
            ("recipient", &self.recipient),
            ("class", &self.class),
        ];
        rows.into_iter()
            .filter_map(|(name, value)| value.as_ref().map(|value| format!("&{name}={}", encoded(value))))
            .collect()
    }

    async fn follow(&self, data: &std::path::Path) -> Result<()> {
        let path = format!("/v1/live?{}", self.query().trim_start_matches('&'));
        let response = send(data, Method::GET, &path, None).await?;
        if !response.status().is_success() {
            bail!("the gateway answered {}", response.status());
        }
        let mut body = response.into_body();
        let mut waiting = String::new();
        while let Some(frame) = body.frame().await {
            if let Ok(octets) = frame?.into_data() {
                waiting.push_str(&String::from_utf8_lossy(&octets));
            }
            while let Some(end) = waiting.find('\n') {
                let line: String = waiting.drain(..=end).collect();
                let Some(event) = line.strip_prefix("data:") else {
                    continue;
                };
                match serde_json::from_str::<Value>(event.trim()) {
                    Ok(_) if self.json => println!("{}", event.trim()),
                    Ok(event) => println!("{}", one_line(&event)),
                    Err(_) => {}
                }
            }
        }
        bail!("the live stream ended")
    }
}

fn text(value: &Value) -> String {
    let raw = value.as_str().map_or_else(
        || {
            if value.is_null() {
                String::new()
            } else {
                value.to_string()
            }
        },
        str::to_owned,
    );
    raw.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

/// Fields that stand at the head of each line, or are too long for one.
const NOT_SHOWN: [&str; 9] = [
    "id", "at", "event", "tenant", "domain", "sender", "facts", "verdict", "symbols",
];

fn one_line(event: &Value) -> String {
    let at = text(&event["at"]);
    let time = at.get(11..23).unwrap_or(&at);
    let mut out = format!(
        "{time} {} {:<12} {}",
        text(&event["id"]),
        text(&event["event"]),
        text(&event["sender"])
    );
    for (name, value) in event.as_object().into_iter().flatten() {
        let shown = text(value);
        if !NOT_SHOWN.contains(&name.as_str()) && !shown.is_empty() {
            out.push_str(&format!(" {name}={shown}"));
        }
    }
    out
}

fn tell(answer: &Value) {
    let story = &answer["row"];
    println!(
        "{}  {}  {} -> {}",
        text(&story["id"]),
        text(&story["status"]),
        text(&story["sender"]),
        story["recipients"]
    );
    println!(
        "{}  score {} dB  {}",
        text(&story["class"]),
        story["score_db"],
        text(&story["reason"])
    );
    for event in answer["events"].as_array().into_iter().flatten() {
        println!("{}", one_line(event));
        for symbol in event["symbols"].as_array().into_iter().flatten() {
            let weight = symbol["weight_db"].as_f64().unwrap_or_default();
            println!(
                "{:>42.1} dB  {:<24} {}",
                weight,
                text(&symbol["name"]),
                text(&symbol["detail"])
            );
        }
    }
}
