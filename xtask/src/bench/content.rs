//! (d) what looking into a message costs: parsing, links, files, text, model; beside Rspamd and SpamAssassin on the same mail.
//!
//! Processor time alone counts: of this thread for ourselves, of all processes that the others run for the others. They are taught
//! the same messages before, so that their statistics take part. Needs the corpora (see `cargo xtask eval`).

use crate::eval::contender::{self, Contender};
use crate::eval::corpus::{self, Message};
use anyhow::{Context, Result};
use e2e::process::processor_time_below;
use risk::Role;
use risk::model::Models;
use std::time::Duration;

/// Messages of each label that are taught.
const TAUGHT: usize = 200;
/// Messages that are looked into.
const MEASURED: usize = 300;
/// Sizes whose cost is told, in octets.
const SIZES: [usize; 4] = [2_000, 5_000, 10_000, 50_000];
/// Messages of a size.
const OF_SIZE_MAX: usize = 40;
/// Rounds over our own messages, of which the least counts.
const ROUNDS: usize = 7;

/// Measures and prints.
pub fn run() -> Result<()> {
    let messages = corpus::without_copies(corpus::load()?);
    let models = Models::default();
    // The tables are made at the first message.
    look(&messages[0], &models);
    println!("\nContent: processor time of one message, by size");
    for size in SIZES {
        let near = |message: &&Message| message.octets.len().abs_diff(size) <= size / 10;
        let chosen: Vec<&Message> = messages.iter().filter(near).take(OF_SIZE_MAX).collect();
        let mut costs: Vec<f64> = chosen.iter().map(|message| cost(message, &models)).collect();
        costs.sort_by(f64::total_cmp);
        if let (Some(middle), Some(worst)) = (costs.get(costs.len() / 2), costs.last()) {
            println!(
                "  {size:>6} octets: median {middle:>6.0} us, worst {worst:>6.0} us ({} messages)",
                costs.len()
            );
        }
    }
    let step = messages.len() / MEASURED;
    let measured: Vec<&Message> = messages.iter().step_by(step).take(MEASURED).collect();
    let mean = measured.iter().map(|message| message.octets.len()).sum::<usize>() / measured.len();
    println!("\nContent: {MEASURED} messages of {mean} octets on average");
    let own = measured.iter().map(|message| cost(message, &models)).sum::<f64>() / 1e3 / MEASURED as f64;
    println!("  {:<24} {own:>9.3} CPU-ms a message", "dogana");
    for name in ["rspamd", "spamassassin-whole"] {
        let theirs = peer(name, &messages, &measured)?;
        println!(
            "  {name:<24} {theirs:>9.3} CPU-ms a message; dogana takes {:.4} of it",
            own / theirs
        );
    }
    Ok(())
}

/// Microseconds of this thread, the least of some rounds.
fn cost(message: &Message, models: &Models) -> f64 {
    let rounds = (0..ROUNDS).map(|_| {
        let before = thread_time();
        look(message, models);
        (thread_time().saturating_sub(before)).as_nanos() as f64 / 1e3
    });
    rounds.fold(f64::INFINITY, f64::min)
}

fn look(message: &Message, models: &Models) {
    let mut examined = risk::examine(&message.octets, &mail::message::Limits::default(), &[]);
    models.read(&examined.view, Role::Person, &mut examined.facts);
    std::hint::black_box(&examined.facts);
}

fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

fn peer(name: &str, messages: &[Message], measured: &[&Message]) -> Result<f64> {
    let mut peer: Box<dyn Contender> = contender::start(name)?;
    for spam in [true, false] {
        for message in messages
            .iter()
            .filter(|message| message.spam == spam)
            .take(TAUGHT)
        {
            peer.learn(&message.octets, spam)?;
        }
    }
    peer.score(&measured.first().context("no messages")?.octets)?;
    let before = processor_time_below(std::process::id())?;
    for message in measured {
        peer.score(&message.octets)?;
    }
    let used = processor_time_below(std::process::id())?.saturating_sub(before);
    Ok(used.as_secs_f64() * 1e3 / measured.len() as f64)
}
