//! Commands of the developers: `cargo xtask run | test | check | walls | docs | bench | fuzz | ci`.
//!
//! `run` and `test` do all set-up on a fresh machine themselves, say what they do, and are quick the second time.

mod bench;
mod demo;
mod docs;
mod eval;
mod fuzz;
mod interfaces;
mod machine;
mod range;
mod rfcs;
mod rooms;
mod shell;
mod test;
mod train;
mod walls;

use anyhow::{Result, bail};

const HELP: &str = "\
cargo xtask run      start the whole gateway on loopback with demo accounts, a sink that plays the Internet, and a stream
                     of real messages; prints what happens and where the panel is (--once: stop when the stream is done)
cargo xtask test     install what the tests need and run all of them; ends with the count
cargo xtask check    format, clippy, walls, docs: what must be clean before a commit
cargo xtask walls    the arrows between rooms and the other invariants of ARCHITECTURE.md
cargo xtask docs     write docs/config.md from the doc comments (--check: compare only, and the lists of
                     symbols, replies, events and RFCs)
cargo xtask bench    measure beside a real Postfix in one run: relay | latency | idle | stages | layouts | content | all
cargo xtask eval     how well the content model does beside SpamAssassin, Rspamd and bogofilter: content | near [--help]
cargo xtask fuzz     run the fuzz targets on this toolchain: [TARGET|all] [SECONDS=30]; fails on a crash and keeps its input
cargo xtask range    the adversary in the box: recorded traffic with attacks through the judgement in simulated time [--help]
cargo xtask train    train the shipped content model from the corpora (--check: compare with the one in the project)
cargo xtask ci       check, then test: what .ci/run calls
";

fn main() -> std::process::ExitCode {
    match run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let rest = words.get(1..).unwrap_or_default();
    match words.first().map(String::as_str) {
        Some("run") => demo::run(rest),
        Some("test") => test::run(rest),
        Some("check") => check(),
        Some("walls") => walls::run(),
        Some("docs") => docs::run(rest),
        Some("bench") => bench::run(rest),
        Some("eval") => eval::run(rest),
        Some("fuzz") => fuzz::run(rest),
        Some("range") => range::run(rest),
        Some("train") => train::run(rest),
        Some("ci") => check().and_then(|()| test::run(rest)),
        Some("help" | "--help" | "-h") | None => {
            print!("{HELP}");
            Ok(())
        }
        Some(other) => bail!("no such command: {other}\n{HELP}"),
    }
}

fn check() -> Result<()> {
    machine::prepare(machine::Need::Build)?;
    shell::step("format", shell::cargo(&["fmt", "--all", "--check"]))?;
    walls::run()?;
    docs::run(&["--check".to_owned()])?;
    shell::step(
        "clippy",
        shell::cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    )
}
