//! The tables.

use super::gateway::Answer;
use super::replay::Event;
use super::texts::Mode;
use std::collections::{BTreeMap, HashMap};

/// The days for which a site only watches by default: honest mail is counted after them.
const OBSERVED_S: i64 = 7 * 86_400;
/// Mail of a victim's owner is counted apart for so long after an attack.
const AFTER_S: i64 = 7 * 86_400;
const KINDS: [&str; 6] = [
    "burst",
    "slow-botnet",
    "many-accounts",
    "web-script",
    "lateral-phish",
    "snowshoe",
];

/// What several runs gave, by contender.
#[derive(Default)]
pub struct Report {
    order: Vec<&'static str>,
    of: HashMap<&'static str, Figures>,
    notes: Vec<String>,
}

#[derive(Default)]
struct Figures {
    attacks: BTreeMap<String, Vec<Entity>>,
    honest: BTreeMap<String, Honest>,
    victims: Honest,
}

/// One account under one attack.
#[derive(Clone, Default)]
struct Entity {
    sent: usize,
    out: usize,
    recipients_out: usize,
    first: i64,
    last_out: i64,
    last_stopped: bool,
}

#[derive(Clone, Copy, Default)]
struct Honest {
    all: usize,
    held: usize,
    refused: usize,
}

impl Honest {
    fn count(&mut self, answer: Answer) {
        self.all += 1;
        match answer {
            Answer::Accepted => {}
            Answer::Held | Answer::Deferred => self.held += 1,
            Answer::Refused => self.refused += 1,
        }
    }

    fn row(&self) -> String {
        let million = |count: usize| count as f64 * 1e6 / self.all.max(1) as f64;
        format!(
            "{} | {} ({:.0}) | {} ({:.0})",
            self.all,
            self.held,
            million(self.held),
            self.refused,
            million(self.refused)
        )
    }
}

impl Report {
    /// Adds a run.
    pub fn add(&mut self, name: &'static str, answers: &[(&Event, Answer)]) {
        if !self.order.contains(&name) {
            self.order.push(name);
        }
        let figures = self.of.entry(name).or_default();
        let start = answers.first().map_or(0, |(event, _)| event.t);
        let mut victims: HashMap<&str, (i64, i64)> = HashMap::new();
        let mut entities: BTreeMap<(String, String, String), Entity> = BTreeMap::new();
        for (event, answer) in answers.iter().filter(|(event, _)| event.is_spam()) {
            let span = victims.entry(&event.account).or_insert((event.t, event.t));
            span.1 = event.t;
            let kind = event.truth.attack_kind.clone().unwrap_or_default();
            let key = (
                kind,
                event.truth.attack_id.clone().unwrap_or_default(),
                event.account.clone(),
            );
            let entity = entities.entry(key).or_insert_with(|| Entity {
                first: event.t,
                ..Entity::default()
            });
            entity.sent += 1;
            entity.last_stopped = *answer != Answer::Accepted;
            if *answer == Answer::Accepted {
                entity.out += 1;
                entity.recipients_out += event.rcpt_to.len();
                entity.last_out = event.t;
            }
        }
        for ((kind, ..), entity) in entities {
            figures.attacks.entry(kind).or_default().push(entity);
        }
        for (event, answer) in answers
            .iter()
            .filter(|(event, _)| !event.is_spam() && event.t - start >= OBSERVED_S)
        {
            let suffers = victims
                .get(event.account.as_str())
                .is_some_and(|(from, to)| event.t >= *from && event.t <= to + AFTER_S);
            if suffers {
                figures.victims.count(*answer);
            } else {
                let kind = event.truth.benign_kind.clone().unwrap_or_default();
                figures.honest.entry(kind).or_default().count(*answer);
            }
        }
    }

    /// A line below the tables.
    pub fn note(&mut self, note: String) {
        if !note.is_empty() {
            self.notes.push(note);
        }
    }

    /// All of it.
    pub fn markdown(&self, mode: Mode, runs: u64) -> String {
        let mut text = format!("### {} ({runs} runs)\n\n", mode.sentence());
        text.push_str("Messages out per entity, median / p95 / max (share of all out, recipients out; minutes to the last one out, median; never contained)\n\n");
        text.push_str(&format!(
            "| rule | {} |\n|{}\n",
            KINDS.join(" | "),
            " --- |".repeat(KINDS.len() + 1)
        ));
        for name in &self.order {
            if let Some(figures) = self.of.get(name) {
                let cells: Vec<_> = KINDS
                    .iter()
                    .map(|kind| attack_cell(figures.attacks.get(*kind)))
                    .collect();
                text.push_str(&format!("| {name} | {} |\n", cells.join(" | ")));
            }
        }
        text.push_str("\nHonest mail after the first 7 days\n\n| rule | messages | held or deferred (per million) | refused (per million) |\n| --- | --- | --- | --- |\n");
        for name in &self.order {
            if let Some(figures) = self.of.get(name) {
                let all = figures
                    .honest
                    .values()
                    .fold(Honest::default(), |sum, kind| Honest {
                        all: sum.all + kind.all,
                        held: sum.held + kind.held,
                        refused: sum.refused + kind.refused,
                    });
                text.push_str(&format!("| {name} | {} |\n", all.row()));
            }
        }
        if let Some(figures) = self.of.get("dogana") {
            text.push_str("\n| honest kind | messages | held or deferred (per million) | refused (per million) |\n| --- | --- | --- | --- |\n");
            for (kind, honest) in &figures.honest {
                text.push_str(&format!("| {kind} | {} |\n", honest.row()));
            }
            text.push_str(&format!(
                "| *owners under attack* | {} |\n",
                figures.victims.row()
            ));
        }
        for note in &self.notes {
            text.push_str(&format!("\n{note}\n"));
        }
        text
    }
}

fn attack_cell(entities: Option<&Vec<Entity>>) -> String {
    let Some(entities) = entities.filter(|entities| !entities.is_empty()) else {
        return "-".to_owned();
    };
    let mut out: Vec<usize> = entities.iter().map(|entity| entity.out).collect();
    out.sort_unstable();
    let at = |share: f64| {
        out.get(((out.len() - 1) as f64 * share).round() as usize)
            .copied()
            .unwrap_or(0)
    };
    let total: usize = entities.iter().map(|entity| entity.sent).sum();
    let sum: usize = out.iter().sum();
    let recipients: usize = entities.iter().map(|entity| entity.recipients_out).sum();
    let mut minutes: Vec<i64> = entities
        .iter()
        .filter(|entity| entity.out > 0)
        .map(|entity| (entity.last_out - entity.first) / 60)
        .collect();
    minutes.sort_unstable();
    let never = entities.iter().filter(|entity| !entity.last_stopped).count();
    format!(
        "{}/{}/{} ({:.1} %, {recipients} rcpt; {} min; {never} of {})",
        at(0.5),
        at(0.95),
        at(1.0),
        100.0 * sum as f64 / total.max(1) as f64,
        minutes.get(minutes.len() / 2).copied().unwrap_or(0),
        entities.len()
    )
}

/// The document around the tables.
pub fn document(tables: &str) -> String {
    format!(
        "# The range\n\n`cargo xtask range --content apart,elsewhere,padded,owner --seeds 4 --write` wrote this. A recorded time of a\n\
         provider's outgoing mail with attacks in it is judged in simulated time, in this process; the truth is not told, outcomes come\n\
         back after their delay and only for what was let out. The recording has one provider's honest mail: runs share it, so a figure\n\
         per million is no more than a direction. Limits, file types and the ownership of From are switched off, so that conduct alone is\n\
         measured. `apart` scores each text by a model that never saw its campaign; the texts are old and easy for it.\n\n{tables}"
    )
}
