//! `cargo xtask range`: the adversary in the box. A recorded time of one provider's outgoing traffic, with attacks in it, is sent
//! through the judgement in simulated time; what the gateway is told is what it could know, and what comes back comes back late, and
//! only for what was let out.
//!
//! Prints, for each kind of attack, what got out and how soon it ended; for honest mail, what was held or refused; and beside it what
//! the plain rules of today would have done. The driver feeds anything that is a [`gateway::Gateway`].

mod attacks;
mod gateway;
mod process;
mod replay;
mod report;
mod rules;
mod texts;

use crate::{bench, machine, shell};
use anyhow::{Context, Result, bail};
use gateway::Gateway;
use process::InProcess;
use replay::Event;
use std::path::PathBuf;
use texts::{Mode, Texts};

const HELP: &str = "\
cargo xtask range [--replay FILE] [--content MODE,...] [--seeds N] [--without CHANNEL,...] [--trace ENTITY] [--no-rules] [--write]
  --replay   a replay (default: replay/replay.jsonl.zst of the data folder)
  --content  how texts are scored: apart (models that never saw the campaign; the default), shipped (the model of this
             project, which was trained on these texts too), elsewhere (a model of other corpora), padded (spam moved 55 %
             towards ham), owner (spam that reads like the owner's mail)
  --seeds    attacks moved to other accounts, times and texts: so many times more
  --without  channels left out: content, campaign, identity, origin, shared_address, auth_failures, recipients, rate, feedback
  --trace    prints every verdict on one entity (part of its key)
  --write    writes docs/range.md";

struct Plan {
    replay: PathBuf,
    modes: Vec<Mode>,
    seeds: u64,
    without: Vec<String>,
    trace: Option<String>,
    rules: bool,
    write: bool,
}

/// Runs the range.
pub fn run(arguments: &[String]) -> Result<()> {
    let plan = plan(arguments)?;
    if cfg!(debug_assertions) {
        machine::prepare(machine::Need::Build)?;
        let mut words = vec!["run", "--release", "--quiet", "--package", "xtask", "--", "range"];
        words.extend(arguments.iter().map(String::as_str));
        return shell::step("range (release build)", bench::release(&words));
    }
    let recorded = replay::read(&plan.replay)?;
    let mut document = String::new();
    for mode in &plan.modes {
        let texts = Texts::of(&plan.replay, &recorded, *mode)?;
        let mut report = report::Report::default();
        for seed in 0..=plan.seeds {
            let events = attacks::moved(&recorded, seed);
            let mut gateway = InProcess::new(&plan.without, plan.trace.clone());
            report.add("dogana", &drive(&events, &texts, &mut gateway)?);
            if plan.rules && plan.without.is_empty() {
                for (name, answers) in rules::all(&events, &texts) {
                    report.add(name, &answers);
                }
            }
            report.note(gateway.summary());
        }
        let table = report.markdown(*mode, plan.seeds + 1);
        println!("\n{table}");
        document.push_str(&table);
        document.push('\n');
    }
    if plan.write {
        std::fs::write(shell::root().join("docs/range.md"), report::document(&document))?;
    }
    Ok(())
}

/// Feeds the events in order of time; outcomes come back when they are due.
fn drive<'a>(
    events: &'a [Event],
    texts: &Texts,
    gateway: &mut dyn Gateway,
) -> Result<Vec<(&'a Event, gateway::Answer)>> {
    let mut due = gateway::Due::default();
    let mut answers = Vec::with_capacity(events.len());
    for event in events {
        due.until(event.t, gateway)?;
        if event.kind == replay::Kind::AuthFail {
            gateway.login_failed(event)?;
            continue;
        }
        let answer = gateway.submit(event, texts.of_event(event))?;
        if answer == gateway::Answer::Accepted {
            due.expect(event);
        }
        answers.push((event, answer));
    }
    Ok(answers)
}

fn plan(words: &[String]) -> Result<Plan> {
    let mut plan = Plan {
        replay: crate::eval::corpus::data()?.join("replay/replay.jsonl.zst"),
        modes: vec![Mode::Apart],
        seeds: 0,
        without: Vec::new(),
        trace: None,
        rules: true,
        write: false,
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || {
            words
                .next()
                .with_context(|| format!("{word} needs a value\n{HELP}"))
        };
        match word.as_str() {
            "--replay" => plan.replay = value()?.into(),
            "--content" => plan.modes = value()?.split(',').map(str::parse).collect::<Result<_>>()?,
            "--seeds" => plan.seeds = value()?.parse().context("--seeds: a number")?,
            "--without" => plan.without = value()?.split(',').map(str::to_owned).collect(),
            "--trace" => plan.trace = Some(value()?.clone()),
            "--no-rules" => plan.rules = false,
            "--write" => plan.write = true,
            other => bail!("no such option: {other}\n{HELP}"),
        }
    }
    Ok(plan)
}
