//! What the content side knows of each message: rendered by the data folder's own program, examined once, scored by each mode's model.
//!
//! All of it is kept in `target/eval/range` and made anew when the replay or the program that examines changes.

use super::replay::{Event, Kind};
use crate::eval::corpus::{self, Message};
use crate::eval::dogana::Dogana;
use crate::shell;
use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use risk::{ContentFacts, View};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use xxhash_rust::xxh3::xxh3_64;

/// How texts are scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By models that never saw a message's campaign.
    Apart,
    /// By the shipped model, which knows these texts.
    Shipped,
    /// By a model of other corpora.
    Elsewhere,
    /// Apart, with spam moved 55 % towards ham.
    Padded,
    /// Apart, with spam that reads like the owner's mail.
    Owner,
}

impl std::str::FromStr for Mode {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "apart" => Self::Apart,
            "shipped" => Self::Shipped,
            "elsewhere" => Self::Elsewhere,
            "padded" => Self::Padded,
            "owner" => Self::Owner,
            other => bail!("no such mode: {other}"),
        })
    }
}

impl Mode {
    /// One sentence for the table.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Apart => "texts scored by models that never saw their campaign",
            Self::Shipped => "texts scored by the shipped model, which knows them: flattering",
            Self::Elsewhere => "texts scored by a model of other corpora",
            Self::Padded => "spam moved 55 % towards ham",
            Self::Owner => "spam that reads like the owner's mail",
        }
    }
}

/// One message's content.
#[derive(Clone, Debug)]
pub struct Text {
    pub facts: ContentFacts,
    /// None when the models have nothing to say.
    pub odds: Option<f32>,
}

/// All of a mode.
pub struct Texts {
    by_event: HashMap<String, Text>,
    /// What a benign event of each account reads like, in order.
    owner: HashMap<String, Vec<f32>>,
    mode: Mode,
    nothing: Text,
}

const FOLDS: usize = 5;

impl Texts {
    /// Renders, examines and scores what is not kept from before.
    pub fn of(replay: &Path, events: &[Event], mode: Mode) -> Result<Self> {
        let folder = corpus::folder()
            .join("range")
            .join(format!("{:016x}", xxh3_64(&std::fs::read(replay)?)));
        let eml = folder.join("eml");
        render(replay, events, &eml)?;
        let looked = looked(&folder, &eml, events)?;
        let kept = folder.join(format!(
            "{}.odds",
            if mode == Mode::Shipped {
                "shipped"
            } else if mode == Mode::Elsewhere {
                "elsewhere"
            } else {
                "apart"
            }
        ));
        let odds = match read_odds(&kept) {
            Some(odds) => odds,
            None => {
                let odds = scored(&eml, events, mode)?;
                let lines: String = odds.iter().map(|(id, odds)| format!("{id} {odds}\n")).collect();
                std::fs::write(&kept, lines)?;
                odds
            }
        };
        let mut texts = Self {
            by_event: HashMap::new(),
            owner: HashMap::new(),
            mode,
            nothing: Text {
                facts: ContentFacts::default(),
                odds: None,
            },
        };
        for event in events.iter().filter(|event| event.kind == Kind::Submit) {
            let odds = odds.get(&event.id).copied();
            if let (false, Some(odds)) = (event.is_spam(), odds) {
                texts.owner.entry(event.account.clone()).or_default().push(odds);
                texts.owner.entry(String::new()).or_default().push(odds);
            }
            let facts = looked.get(&event.id).cloned().unwrap_or_default();
            texts.by_event.insert(event.id.clone(), Text { facts, odds });
        }
        if matches!(mode, Mode::Padded | Mode::Owner) {
            texts.disguise(events);
        }
        Ok(texts)
    }

    /// Of an event, or of the one whose text it carries.
    pub fn of_event(&self, event: &Event) -> &Text {
        self.by_event.get(&event.text).unwrap_or(&self.nothing)
    }

    fn disguise(&mut self, events: &[Event]) {
        let all = self.owner.get("").cloned().unwrap_or_default();
        let mean = all.iter().sum::<f32>() / all.len().max(1) as f32;
        for event in events.iter().filter(|event| event.is_spam()) {
            let own = self
                .owner
                .get(&event.account)
                .filter(|own| own.len() >= 5)
                .unwrap_or(&all);
            let pick = own
                .get((xxh3_64(event.id.as_bytes()) % own.len().max(1) as u64) as usize)
                .copied();
            if let Some(text) = self.by_event.get_mut(&event.id) {
                text.odds = match self.mode {
                    Mode::Owner => pick,
                    _ => text.odds.map(|odds| odds + 0.55 * (mean - odds)),
                };
                if self.mode == Mode::Owner {
                    text.facts.links = None;
                }
            }
        }
    }
}

fn render(replay: &Path, events: &[Event], eml: &Path) -> Result<()> {
    let last = events
        .iter()
        .rev()
        .find(|event| event.kind == Kind::Submit)
        .context("an empty replay")?;
    let done = eml.with_extension("done");
    if done.is_file() && eml.join(format!("{}.eml", last.id)).is_file() {
        return Ok(());
    }
    corpus::load()?;
    let mut command = Command::new("python3");
    command
        .arg(corpus::data()?.join("replay/render.py"))
        .args(["event", "--all", "--corpora"])
        .arg(corpus::folder().join("corpora"))
        .arg("--replay")
        .arg(replay)
        .arg("--out")
        .arg(eml);
    shell::step("render the replay (once)", command)?;
    Ok(std::fs::write(done, "")?)
}

/// Facts of all messages without a model's opinion.
fn looked(folder: &Path, eml: &Path, events: &[Event]) -> Result<BTreeMap<String, ContentFacts>> {
    let kept = folder.join("facts.json");
    if let Some(facts) = std::fs::read(&kept)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok())
    {
        return Ok(facts);
    }
    let bar = ProgressBar::new(events.len() as u64).with_message("examine (once)");
    let mut facts = BTreeMap::new();
    for event in events.iter().filter(|event| event.kind == Kind::Submit) {
        bar.inc(1);
        let domain = event
            .header_from
            .rsplit_once('@')
            .map_or("", |(_, domain)| domain);
        let octets = std::fs::read(path(eml, event))?;
        let examined = risk::examine(&octets, &mail::message::Limits::default(), &[domain]);
        facts.insert(event.id.clone(), examined.facts);
    }
    bar.finish_and_clear();
    std::fs::write(kept, serde_json::to_vec(&facts)?)?;
    Ok(facts)
}

fn path(eml: &Path, event: &Event) -> PathBuf {
    eml.join(format!("{}.eml", event.id))
}

fn read_odds(path: &Path) -> Option<BTreeMap<String, f32>> {
    let text = std::fs::read_to_string(path).ok()?;
    let rows = text.lines().map(|line| line.split_once(' '));
    rows.map(|row| row.and_then(|(id, odds)| Some((id.to_owned(), odds.parse().ok()?))))
        .collect()
}

fn scored(eml: &Path, events: &[Event], mode: Mode) -> Result<BTreeMap<String, f32>> {
    let submitted: Vec<&Event> = events.iter().filter(|event| event.kind == Kind::Submit).collect();
    let bar = ProgressBar::new(submitted.len() as u64).with_message("score (once)");
    let mut odds = BTreeMap::new();
    let mut score = |event: &Event, model: &risk::model::Model| -> Result<()> {
        bar.inc(1);
        let octets = std::fs::read(path(eml, event))?;
        let view: View = risk::view(&octets, &[]);
        if let Some(opinion) = model.opinion(&view) {
            odds.insert(event.id.clone(), opinion.odds);
        }
        Ok(())
    };
    if mode == Mode::Shipped {
        for event in submitted {
            score(event, risk::model::shipped())?;
        }
        return Ok(odds);
    }
    let messages = corpus::without_copies(corpus::load()?);
    let campaign: HashMap<&str, usize> = messages
        .iter()
        .map(|m| (m.reference.as_str(), m.campaign))
        .collect();
    let fold = |event: &Event| {
        campaign
            .get(event.msg.reference.as_str())
            .map_or(0, |campaign| campaign % FOLDS)
    };
    if mode == Mode::Elsewhere {
        let used: HashSet<usize> = submitted
            .iter()
            .filter_map(|event| campaign.get(event.msg.reference.as_str()).copied())
            .collect();
        let model = taught(&messages, |message| {
            message.corpus != "spamassassin" && !used.contains(&message.campaign)
        });
        for event in submitted {
            score(event, model.model())?;
        }
        return Ok(odds);
    }
    for number in 0..FOLDS {
        let model = taught(&messages, |message| message.campaign % FOLDS != number);
        for event in submitted.iter().filter(|event| fold(event) == number) {
            score(event, model.model())?;
        }
    }
    Ok(odds)
}

fn taught(messages: &[Message], takes_part: impl Fn(&Message) -> bool) -> Dogana {
    let mut model = Dogana::new();
    let part: Vec<_> = messages.iter().filter(|message| takes_part(message)).collect();
    println!("   a model of {} messages", part.len());
    for message in part {
        model.teach(crate::eval::dogana::view(&message.octets), message.spam);
    }
    model
}
