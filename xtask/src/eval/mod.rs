//! `cargo xtask eval content`: how well the content model tells spam from ham, beside real filters, on the same messages, in one run.
//!
//! Predict, then learn, in order of time, on what an outbound gateway sees. Scores of the peers are kept in `target/eval/scores`, so
//! a second run repeats only the own model (`--fresh`: everything).

mod attacks;
mod campaigns;
mod compose;
pub mod contender;
pub mod corpus;
mod disguise;
mod document;
mod docx;
pub mod dogana;
mod metrics;
mod modes;
mod near;
pub mod peers;
mod render;
mod resist;
mod scores;
mod table;

use crate::{bench, machine, shell};
use anyhow::{Context, Result, bail};
use corpus::Message;
use indicatif::{ProgressBar, ProgressStyle};
use scores::{Job, Scores};

const HELP: &str = "\
cargo xtask eval near [--sample N]   how well near duplicates are found
cargo xtask eval content [--modes a,b] [--peers a,b] [--sample N] [--fresh] [--write]
  --modes   immediate, first, tenth, foreign-sa, foreign-rest, attacks (all)
  --peers   dogana, bogofilter, rspamd, spamassassin (all)
  --sample  only every N-th campaign
  --fresh   do not use kept scores
  --write   write docs/accuracy.md too";

#[derive(Clone)]
struct Plan {
    modes: Vec<String>,
    contenders: Vec<String>,
    sample: usize,
    fresh: bool,
    write: bool,
}

/// What to evaluate: `content`, `near`.
pub fn run(arguments: &[String]) -> Result<()> {
    let words = arguments
        .split_first()
        .map(|(first, rest)| (first.as_str(), rest));
    let Some((what @ ("content" | "near"), rest)) = words else {
        bail!("what is to be evaluated?\n{HELP}");
    };
    let plan = plan(rest)?;
    if cfg!(debug_assertions) {
        machine::prepare(machine::Need::Eval)?;
        // The same build as the benchmark's.
        let mut words = vec!["run", "--release", "--quiet", "--package", "xtask", "--", "eval"];
        words.extend(arguments.iter().map(String::as_str));
        return shell::step("evaluate (release build)", bench::release(&words));
    }
    let messages = sampled(corpus::without_copies(corpus::load()?), plan.sample);
    println!("── {} messages", messages.len());
    if what == "near" {
        println!("\n{}", near::run(&messages));
        return Ok(());
    }
    let mut tables = Vec::new();
    for mode in &plan.modes {
        let part = if mode == modes::ATTACKS {
            attacks(&messages, &plan)?
        } else {
            one(mode, &messages, &plan)?
        };
        println!("\n{part}");
        tables.push(part);
    }
    if plan.write {
        document::write(&tables, plan.sample)?;
    }
    Ok(())
}

fn plan(words: &[String]) -> Result<Plan> {
    let list = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
    let mut plan = Plan {
        modes: list(&format!("{},{}", modes::ALL.join(","), modes::ATTACKS)),
        contenders: list(&contender::ALL.join(",")),
        sample: 1,
        fresh: false,
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
            "--modes" => plan.modes = list(value()?),
            "--peers" => plan.contenders = list(value()?),
            "--sample" => {
                plan.sample = value()?
                    .parse()
                    .ok()
                    .filter(|n| *n > 0)
                    .context("--sample: a number from 1")?
            }
            "--fresh" => plan.fresh = true,
            "--write" => plan.write = true,
            other => bail!("no such option: {other}\n{HELP}"),
        }
    }
    Ok(plan)
}

fn sampled(messages: Vec<Message>, sample: usize) -> Vec<Message> {
    messages
        .into_iter()
        .filter(|message| message.campaign.is_multiple_of(sample))
        .collect()
}

fn one(mode: &str, messages: &[Message], plan: &Plan) -> Result<String> {
    let all: Result<Vec<(String, Scores)>> = plan
        .contenders
        .iter()
        .map(|contender| Ok((contender.clone(), scored(contender, mode, messages, plan)?)))
        .collect();
    Ok(table::markdown(mode, messages, &all?))
}

fn scored(contender: &str, mode: &str, messages: &[Message], plan: &Plan) -> Result<Scores> {
    scores::run(&Job {
        contender,
        mode,
        sample: plan.sample,
        fresh: plan.fresh,
        messages,
        steps: modes::steps(mode, messages)?,
        variants: &[],
    })
}

fn attacks(messages: &[Message], plan: &Plan) -> Result<String> {
    let variants = attacks::variants(messages)?;
    let mut said = Vec::new();
    for contender in &plan.contenders {
        // Unless the own model has changed, this is kept from the mode's own turn.
        let clean = scored(
            contender,
            "first",
            messages,
            &Plan {
                fresh: false,
                ..plan.clone()
            },
        )?;
        let attacked = scores::run(&Job {
            contender,
            mode: modes::ATTACKS,
            sample: plan.sample,
            fresh: plan.fresh,
            messages,
            steps: resist::steps(messages),
            variants: &variants,
        })?;
        said.push(resist::Said { clean, attacked });
    }
    Ok(resist::markdown(messages, &variants, &said))
}

/// A bar with the time that is left.
pub fn bar(name: &str, steps: usize) -> ProgressBar {
    let bar = ProgressBar::new(steps as u64).with_message(name.to_owned());
    if let Ok(style) = ProgressStyle::with_template("   {msg:28} {bar:30} {pos}/{len}, {eta} left") {
        bar.set_style(style);
    }
    bar
}
