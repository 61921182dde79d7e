//! `dogana store verify`: can everything that is kept be read?

use super::table;
use crate::config::Resolved;
use crate::recovery::damages;
use anyhow::{Context, Result};
use clap::Subcommand;
use std::process::ExitCode;
use store::Recovery;

/// Verbs of `dogana store`.
#[derive(Debug, Subcommand)]
pub enum StoreVerb {
    /// Read the queue and the databases whole, change nothing, say what is damaged. The gateway must not be running. Exit code 1
    /// when something is.
    Verify,
}

impl StoreVerb {
    /// Does it.
    pub fn run(&self, resolved: &Resolved) -> Result<ExitCode> {
        let Self::Verify = self;
        let directory = &resolved.store.directory;
        let found =
            store::verify(directory).with_context(|| format!("the store in {}", directory.display()))?;
        let mut rows = vec![queue_row(&found.queue)];
        for (file, problems) in &found.databases {
            let damaged = problems.len().to_string();
            rows.push(vec![
                (*file).to_owned(),
                String::new(),
                String::new(),
                damaged,
                String::new(),
            ]);
        }
        table::print(&["part", "segments", "messages", "damaged", "torn octets"], &rows);
        for line in damages(&found.queue) {
            println!("{line}");
        }
        for (file, problems) in &found.databases {
            for problem in problems {
                println!("{file}: {problem}");
            }
        }
        Ok(if found.is_damaged() {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}

fn queue_row(queue: &Recovery) -> Vec<String> {
    let count = |number: u64| number.to_string();
    vec![
        "queue".to_owned(),
        count(queue.segments),
        count(queue.messages),
        count(queue.damaged_count),
        count(queue.torn_octets),
    ]
}
