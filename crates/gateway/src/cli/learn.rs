//! `dogana learn spam|ham FILE…`: teaches the content model, through the running gateway or in its data directory.

use super::model::Learner;
use super::{scan, table};
use crate::config::Resolved;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What the messages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Said {
    /// Spam.
    Spam,
    /// Honest mail.
    Ham,
}

/// `dogana learn spam|ham FILE…`
#[derive(Debug, Args)]
pub struct Learn {
    /// What they are.
    label: Said,
    /// Messages (.eml), or folders that are searched for them.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The sender they are of, for example mailbox:info@example.com: of one account only some are learned in a day.
    #[arg(long)]
    account: Option<String>,
    /// Take back what was learned of them, whatever it was.
    #[arg(long)]
    unlearn: bool,
}

impl Learn {
    /// Does it. The exit code is 1 when nothing was learned of a message.
    pub fn run(self, config: &Resolved) -> Result<ExitCode> {
        let learner = Learner::open(config)?;
        let files = scan::files(&self.files)?;
        // Hidden by itself where there is no terminal.
        let bar = ProgressBar::new(files.len() as u64);
        bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec}")?);
        let mut sums: BTreeMap<String, u64> = BTreeMap::new();
        let done = if self.unlearn { "unlearned" } else { "learned" };
        for file in &files {
            let outcome = read(file).and_then(|message| self.one(&learner, message));
            let outcome = outcome.map_or_else(|error| format!("{error:#}"), |()| done.to_owned());
            *sums.entry(outcome).or_default() += 1;
            bar.inc(1);
        }
        bar.finish_and_clear();
        let rows: Vec<_> = sums
            .iter()
            .map(|(outcome, count)| vec![count.to_string(), outcome.clone()])
            .collect();
        table::print(&["messages", "outcome"], &rows);
        let all = sums.get(done) == Some(&(files.len() as u64));
        Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn one(&self, learner: &Learner, message: Bytes) -> Result<()> {
        if self.unlearn {
            learner.unlearn(message)
        } else {
            learner.learn(message, self.label == Said::Spam, self.account.as_deref())
        }
    }
}

fn read(file: &Path) -> Result<Bytes> {
    let size = std::fs::metadata(file)
        .with_context(|| file.display().to_string())?
        .len();
    if size > panel::GIVEN_OCTETS_MAX as u64 {
        bail!("larger than {} octets", panel::GIVEN_OCTETS_MAX);
    }
    Ok(Bytes::from(
        std::fs::read(file).with_context(|| file.display().to_string())?,
    ))
}
