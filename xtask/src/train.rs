//! `cargo xtask train`: the model that comes with the program, from the corpora, the same to the bit every time.
//!
//! In prose: all messages in the outbound view, each once, in order of time, are learned as a site would learn them. Ranks of
//! honest mail come from models that never saw the message: the campaigns are dealt into [`FOLDS`] parts, and each part's honest
//! mail is scored by a model of the others.

use crate::eval::corpus::{self, Message};
use crate::eval::dogana::{Dogana, view};
use crate::{bench, machine, shell};
use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use risk::model::Ranks;
use std::path::PathBuf;

/// Parts for the ranks.
const FOLDS: usize = 5;

/// Trains, and writes the model; `--check` compares with the one that is there.
pub fn run(arguments: &[String]) -> Result<()> {
    if cfg!(debug_assertions) {
        machine::prepare(machine::Need::Build)?;
        let mut words = vec!["run", "--release", "--quiet", "--package", "xtask", "--", "train"];
        words.extend(arguments.iter().map(String::as_str));
        return shell::step("train (release build)", bench::release(&words));
    }
    let messages = corpus::without_copies(corpus::load()?);
    let bar = ProgressBar::new((messages.len() * (FOLDS + 1)) as u64);
    let whole = learned(&messages, &bar, |_| true);
    let mut ranks = Ranks::default();
    for fold in 0..FOLDS {
        let is_apart = |message: &Message| message.campaign % FOLDS == fold;
        let model = learned(&messages, &bar, |message| !is_apart(message));
        for message in messages
            .iter()
            .filter(|message| !message.spam && is_apart(message))
        {
            if let Some(opinion) = model.model().opinion(&view(&message.octets)) {
                ranks.count(opinion.odds);
            }
        }
    }
    bar.finish_and_clear();
    let octets = whole.model().to_small(&ranks);
    let (spam, other) = whole.model().learned();
    println!(
        "{} messages; learned {spam} as spam, {other} as other (each label twice); {} octets",
        messages.len(),
        octets.len()
    );
    let path = path();
    if arguments.iter().any(|word| word == "--check") {
        let kept = std::fs::read(&path).with_context(|| path.display().to_string())?;
        ensure!(
            kept == octets,
            "the model in the project is not what the corpora give: train it anew"
        );
        println!("the model in the project is what the corpora give, to the bit");
        return Ok(());
    }
    std::fs::write(&path, octets).with_context(|| path.display().to_string())
}

fn path() -> PathBuf {
    shell::root().join("crates/risk/src/model/shipped.model")
}

fn learned(messages: &[Message], bar: &ProgressBar, takes_part: impl Fn(&Message) -> bool) -> Dogana {
    let mut model = Dogana::new();
    for message in messages {
        bar.inc(1);
        if takes_part(message) {
            model.teach(view(&message.octets), message.spam);
        }
    }
    model
}
