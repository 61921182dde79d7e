//! (a) accept and relay without scan, 20 connections; (b) one connection at a time.

use super::{gateway, mails, median};
use crate::eval::contender::Contender as _;
use crate::eval::corpus;
use crate::eval::peers::rspamd::Rspamd;
use anyhow::{Result, bail};
use e2e::load::{Load, LoadResult};
use e2e::neighbours::postfix::{Postfix, PostfixPlan};
use e2e::process::Gateway;
use e2e::sink::{Behaviour, Sink};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Rounds; the contenders take turns in each.
const ROUNDS: usize = 5;
/// Messages of one turn.
const MESSAGES: u64 = 4_000;
/// Messages of one turn with full scan.
const SCANNED: u64 = 1_000;
/// Different ones.
const DIFFERENT: usize = 250;
/// Messages of each label that Rspamd is taught.
const TAUGHT: usize = 200;

enum Contender {
    Dogana(Box<Gateway>),
    Postfix(Box<Postfix>, Option<Box<Rspamd>>),
}

impl Contender {
    fn name(&self) -> &'static str {
        match self {
            Self::Dogana(_) => "Dogana",
            Self::Postfix(..) => "Postfix",
        }
    }

    fn address(&self) -> SocketAddr {
        match self {
            Self::Dogana(gateway) => gateway.relay,
            Self::Postfix(postfix, _) => postfix.address,
        }
    }

    fn processor_time(&self) -> Result<Duration> {
        match self {
            Self::Dogana(gateway) => gateway.processor_time(),
            Self::Postfix(postfix, milter) => {
                let milter = milter.as_ref().map(|milter| milter.processor_time());
                Ok(postfix.processor_time()? + milter.transpose()?.unwrap_or_default())
            }
        }
    }
}

/// One turn's figures.
#[derive(Clone, Copy, Default)]
struct Turn {
    accepted_per_s: f64,
    delivered_per_s: f64,
    cpu_ms: f64,
    p50_ms: f64,
    p99_ms: f64,
}

/// Messages a second and processor time a message.
pub async fn throughput() -> Result<()> {
    println!(
        "\nRelay without scan: 20 connections, 10 messages each, 1 recipient, mean 7.3 KB, {MESSAGES} messages a turn"
    );
    let load = |address| Load {
        connections: 20,
        messages_per_connection: 10,
        ..Load::new(address, MESSAGES, mails())
    };
    compare(load, ROUNDS, None).await
}

/// The same with all that each can say of the content: Dogana's own reading beside Rspamd as Postfix's milter, with Debian's rules
/// and its statistics taught, on honest messages of the corpora.
pub async fn scanned() -> Result<()> {
    let messages = corpus::without_copies(corpus::load()?);
    let mut rspamd = Rspamd::start()?;
    for spam in [true, false] {
        for message in messages
            .iter()
            .filter(|message| message.spam == spam)
            .take(TAUGHT)
        {
            rspamd.learn(&message.octets, spam)?;
        }
    }
    let ham: Vec<&[u8]> = messages
        .iter()
        .filter(|message| !message.spam)
        .map(|message| message.octets.as_slice())
        .collect();
    let mails: Vec<Vec<u8>> = ham
        .iter()
        .step_by((ham.len() / DIFFERENT).max(1))
        .map(|octets| octets.to_vec())
        .collect();
    let mean = mails.iter().map(Vec::len).sum::<usize>() / mails.len().max(1);
    println!(
        "\nRelay with full scan: 20 connections, 10 messages each, {} honest messages of {mean} octets on average, {SCANNED} a turn",
        mails.len()
    );
    let load = |address| Load {
        connections: 20,
        messages_per_connection: 10,
        ..Load::new(address, SCANNED, mails.clone())
    };
    compare(load, ROUNDS, Some(rspamd)).await
}

/// MAIL to final 250, one at a time.
pub async fn latency() -> Result<()> {
    println!("\nOne connection at a time, one message each, 500 messages a turn");
    let load = |address| Load {
        connections: 1,
        messages_per_connection: 1,
        ..Load::new(address, 500, mails())
    };
    compare(load, ROUNDS, None).await
}

async fn compare(load: impl Fn(SocketAddr) -> Load, rounds: usize, milter: Option<Rspamd>) -> Result<()> {
    let sink = Sink::start(SocketAddr::from(([127, 0, 0, 1], 0)), Behaviour::default()).await?;
    let postfix = Postfix::start(&PostfixPlan {
        relay_host: Some(sink.address),
        main: format!(
            "smtp_connection_cache_on_demand = yes\nsmtp_connection_cache_destinations = static:all\n\
             smtp_destination_concurrency_limit = 20\n{}",
            milter.as_ref().map_or_else(String::new, |milter| format!(
                "smtpd_milters = unix:{}\nmilter_default_action = tempfail\nmilter_protocol = 6\n",
                milter.milter().display()
            ))
        ),
    })?;
    let contenders = [
        Contender::Dogana(Box::new(gateway(sink.address, "")?)),
        Contender::Postfix(Box::new(postfix), milter.map(Box::new)),
    ];
    let mut turns: [Vec<Turn>; 2] = Default::default();
    for round in 0..=rounds {
        for (contender, kept) in contenders.iter().zip(&mut turns) {
            let turn = turn(contender, load(contender.address()), &sink).await?;
            // The first round warms up.
            if round > 0 {
                println!(
                    "  round {round} {:<8} {:>8.0} accepted/s {:>8.0} delivered/s {:>7.3} CPU-ms  p50 {:>6.2} ms  p99 {:>6.2} ms",
                    contender.name(),
                    turn.accepted_per_s,
                    turn.delivered_per_s,
                    turn.cpu_ms,
                    turn.p50_ms,
                    turn.p99_ms
                );
                kept.push(turn);
            }
        }
    }
    report(&turns);
    Ok(())
}

async fn turn(contender: &Contender, load: Load, sink: &Sink) -> Result<Turn> {
    let messages = load.messages;
    let (count, cpu, begun) = (sink.count(), contender.processor_time()?, Instant::now());
    let result: LoadResult = load.run().await;
    if result.taken != messages {
        let said = match contender {
            Contender::Dogana(gateway) => gateway.said(),
            Contender::Postfix(postfix, _) => postfix.log(),
        };
        bail!(
            "{}: {} of {messages} taken, {} deferred, {} refused, {} unknown; {said:.2000}",
            contender.name(),
            result.taken,
            result.deferred,
            result.refused,
            result.unknown
        );
    }
    if !sink.wait_for(count + messages, Duration::from_secs(120)).await {
        bail!(
            "{}: {} of {messages} arrived",
            contender.name(),
            sink.count() - count
        );
    }
    let delivered_in = begun.elapsed().as_secs_f64();
    // What is booked after delivery belongs to the message too.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let used = contender.processor_time()?.saturating_sub(cpu);
    Ok(Turn {
        accepted_per_s: result.rate(),
        delivered_per_s: messages as f64 / delivered_in,
        cpu_ms: used.as_secs_f64() * 1e3 / messages as f64,
        p50_ms: result.quantile(0.5).as_secs_f64() * 1e3,
        p99_ms: result.quantile(0.99).as_secs_f64() * 1e3,
    })
}

/// One figure of a turn.
type Figure = fn(&Turn) -> f64;

fn report(turns: &[Vec<Turn>; 2]) {
    let of =
        |turns: &[Turn], figure: fn(&Turn) -> f64| median(&mut turns.iter().map(figure).collect::<Vec<_>>());
    let rows: [(&str, Figure); 5] = [
        ("accepted/s", |turn| turn.accepted_per_s),
        ("delivered/s", |turn| turn.delivered_per_s),
        ("CPU-ms a message", |turn| turn.cpu_ms),
        ("p50 ms", |turn| turn.p50_ms),
        ("p99 ms", |turn| turn.p99_ms),
    ];
    println!(
        "  {:<18} {:>10} {:>10} {:>16}",
        "median", "Dogana", "Postfix", "Dogana : Postfix"
    );
    for (name, figure) in rows {
        let (ours, theirs) = (of(&turns[0], figure), of(&turns[1], figure));
        let mut ratios: Vec<f64> = turns[0]
            .iter()
            .zip(&turns[1])
            .map(|(ours, theirs)| figure(ours) / figure(theirs).max(1e-9))
            .collect();
        println!(
            "  {name:<18} {ours:>10.3} {theirs:>10.3} {:>16.2}",
            median(&mut ratios)
        );
    }
}
