//! The command line. One definition makes flags and help.

mod account;
mod check;
mod explain;
mod learn;
mod limits;
mod model;
mod network;
mod queue;
mod scan;
mod sender;
mod store;
mod table;
mod trace;

use crate::config::{Config, Resolved, resolve};
use anyhow::Result;
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Dogana: the gateway that judges every outgoing message before it is queued.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 110)]
pub struct Command {
    /// The configuration file.
    #[arg(
        long,
        short,
        global = true,
        env = "DOGANA_CONFIG",
        default_value = "/etc/dogana/dogana.toml"
    )]
    config: PathBuf,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the gateway.
    Serve,
    /// Check the configuration and print its resolved form.
    #[command(subcommand)]
    Config(check::ConfigVerb),
    /// Judge messages in files and explain the verdicts.
    Scan(scan::Scan),
    /// Teach the content model what is spam and what is not.
    Learn(learn::Learn),
    /// What the content model learned: look, take away, bring, forget.
    #[command(subcommand)]
    Model(model::ModelVerb),
    /// Mailboxes that may log in.
    #[command(subcommand)]
    Account(account::AccountVerb),
    /// Volume limits, inherited tenant > domain > mailbox.
    #[command(subcommand)]
    Limits(limits::LimitsVerb),
    /// Named networks: customers' servers and proxies.
    #[command(subcommand)]
    Network(network::NetworkVerb),
    /// DKIM keys.
    #[command(subcommand)]
    Key(network::KeyVerb),
    /// Senders: who sends most, standing, lock and unlock.
    #[command(subcommand)]
    Sender(sender::SenderVerb),
    /// Messages on their way.
    #[command(subcommand)]
    Queue(queue::QueueVerb),
    /// Pause outgoing mail: all, a tenant, a sender, a destination or a pool.
    Pause(queue::PauseWords),
    /// Resume what was paused.
    Resume(queue::PauseWords),
    /// What is kept on the disk.
    #[command(subcommand)]
    Store(store::StoreVerb),
    /// What happens and what happened: the story of a message, a search, or the live stream.
    Trace(trace::Trace),
}

impl Command {
    /// Does what was asked.
    pub fn run(self) -> Result<ExitCode> {
        let done = |result: Result<()>| result.map(|()| ExitCode::SUCCESS);
        match self.verb {
            Verb::Serve => done(crate::serve::run(&self.config)),
            Verb::Config(verb) => done(verb.run(&self.config)),
            Verb::Scan(scan) => scan.run(&self.config),
            Verb::Learn(learn) => learn.run(&resolved(&self.config)?),
            Verb::Model(verb) => done(verb.run(&resolved(&self.config)?)),
            Verb::Account(verb) => done(verb.run(&resolved(&self.config)?)),
            Verb::Limits(verb) => done(verb.run(&resolved(&self.config)?)),
            Verb::Network(verb) => done(verb.run(&resolved(&self.config)?)),
            Verb::Key(verb) => done(verb.run(&resolved(&self.config)?)),
            Verb::Sender(verb) => done(verb.run(&resolved(&self.config)?)),
            Verb::Queue(verb) => done(verb.run(&resolved(&self.config)?)),
            Verb::Pause(words) => done(words.run(&resolved(&self.config)?, true)),
            Verb::Resume(words) => done(words.run(&resolved(&self.config)?, false)),
            Verb::Store(verb) => verb.run(&resolved(&self.config)?),
            Verb::Trace(trace) => done(trace.run(&resolved(&self.config)?)),
        }
    }
}

fn resolved(path: &std::path::Path) -> Result<Resolved> {
    Ok(resolve(&Config::read(path)?)?)
}

/// Runs a conversation with the gateway to its end.
fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}
