//! Measurements beside a real Postfix: same load, same sink, same durability, in one run on one machine, in turns.
//!
//! Trust the ratios of one run, and processor time before rates; absolute times say more of the machine than of the programs.

mod content;
mod idle;
mod relay;
mod stages;

use crate::{machine, shell};
use anyhow::{Result, bail};
use e2e::process::{Gateway, Plan};
use std::net::SocketAddr;
use std::path::PathBuf;

/// What to measure: `relay`, `latency`, `idle`, `stages`, `layouts`, `content`, `scan`, `all`.
pub fn run(arguments: &[String]) -> Result<()> {
    let what = arguments.first().map_or("all", String::as_str);
    if cfg!(debug_assertions) {
        if what != "content" {
            machine::prepare(machine::Need::Bench)?;
        }
        if matches!(what, "content" | "scan") {
            machine::prepare(machine::Need::Eval)?;
        }
        shell::step(
            "build the gateway (release)",
            release(&["build", "--release", "--package", "gateway", "--package", "xtask"]),
        )?;
        let mut words = vec![
            "run",
            "--release",
            "--quiet",
            "--package",
            "xtask",
            "--",
            "bench",
            what,
        ];
        words.extend(arguments.iter().skip(1).map(String::as_str));
        return shell::step("measure", release(&words));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match what {
        "relay" => runtime.block_on(relay::throughput()),
        "scan" => runtime.block_on(relay::scanned()),
        "latency" => runtime.block_on(relay::latency()),
        "idle" => runtime.block_on(idle::run()),
        "stages" => runtime.block_on(stages::run()),
        "layouts" => layouts(),
        "content" => content::run(),
        "all" => {
            runtime.block_on(async {
                relay::throughput().await?;
                relay::latency().await?;
                idle::run().await?;
                stages::run().await
            })?;
            layouts()
        }
        other => bail!("no such measurement: {other}"),
    }
}

/// With frame pointers, so that stacks can be sampled; all measurements run the same build.
pub fn release(words: &[&str]) -> std::process::Command {
    let mut command = shell::cargo(words);
    command.env("RUSTFLAGS", "-Cforce-frame-pointers=yes");
    command
}

fn layouts() -> Result<()> {
    shell::step(
        "layouts of the queue",
        shell::cargo(&["bench", "--package", "store", "--bench", "layouts"]),
    )
}

/// The release build.
fn program() -> PathBuf {
    shell::root().join("target/release/dogana")
}

/// A gateway that relays for this machine to the sink, with nothing switched off that is on by default but the event log's file.
fn gateway(next_hop: SocketAddr, more: &str) -> Result<Gateway> {
    let limits = "[[risk.limits.each_mailbox.windows]]\nwindow_s = 86400\nmessages = 100000000\nrecipients = 100000000\n";
    let plan = Plan {
        next_hop: Some(next_hop),
        more: format!("{limits}{more}"),
        program: program(),
        auth_in_clear: true,
        log: true,
        panel: None,
    };
    let mut gateway = Gateway::prepare(&plan)?;
    gateway.dogana(
        &["network", "add", "bench", "127.0.0.0/8", "--also-sends-as", "*"],
        "",
    )?;
    gateway.launch()?;
    Ok(gateway)
}

/// Messages like real ones: 400 of 1 to 40 KB, mean 7.3 KB, median about 4.3 KB.
fn mails() -> Vec<Vec<u8>> {
    (0..400u32)
        .map(|number| {
            let spread = f64::from(number % 100) / 100.0;
            let octets = 1_200.0 * (spread * 3.1).exp();
            e2e::mails::plain(
                "sender@bench.test",
                "to@sink.test",
                "Figures of the week",
                &e2e::mails::text(octets as usize),
            )
        })
        .collect()
}

/// The middle of some figures.
fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}
