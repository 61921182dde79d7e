//! Fuzzing on the stable toolchain: libFuzzer with the compiler's coverage flags and no sanitizer, which the code does not
//! need because it has no unsafe blocks. A target that fails leaves its input, and the command to see it again, behind.

use crate::{machine, shell};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What cargo-fuzz would set with a nightly toolchain, but for the sanitizer.
const COVERAGE: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    --cfg fuzzing";
/// Seconds for each target when none are given.
const SECONDS: u32 = 30;

/// A target: its name, the words it is helped with, and what else it begins with besides its own corpus.
struct Target {
    name: &'static str,
    words: &'static str,
    seeds: Seeds,
}

/// Seeds that stand somewhere in the tests already.
#[derive(Clone, Copy)]
enum Seeds {
    None,
    /// The lines that clients say in the dialogs of `ingress`.
    Dialogs,
    /// The messages among the vectors of `mail`.
    Messages,
    /// The same behind an empty first line, where the target reads its figures.
    MessagesBelowFigures,
}

const TARGETS: [Target; 22] = [
    target("addresses", "command", Seeds::None),
    target("command", "command", Seeds::Dialogs),
    target("data", "stream", Seeds::MessagesBelowFigures),
    target("line", "stream", Seeds::None),
    target("reply", "stream", Seeds::None),
    target("xtext", "command", Seeds::None),
    target("xclient", "xclient", Seeds::None),
    target("proxy", "xclient", Seeds::None),
    target("received", "message", Seeds::None),
    target("header", "message", Seeds::MessagesBelowFigures),
    target("mime", "message", Seeds::MessagesBelowFigures),
    target("sniff", "sniff", Seeds::MessagesBelowFigures),
    target("html", "html", Seeds::None),
    target("document", "document", Seeds::None),
    target("link", "link", Seeds::MessagesBelowFigures),
    target("archive", "archive", Seeds::None),
    target("office", "archive", Seeds::None),
    target("dkim", "message", Seeds::Messages),
    target("dsn", "message", Seeds::None),
    target("judge", "message", Seeds::MessagesBelowFigures),
    target("facts", "json", Seeds::None),
    target("policy", "policy", Seeds::None),
];

const fn target(name: &'static str, words: &'static str, seeds: Seeds) -> Target {
    Target { name, words, seeds }
}

/// What came of one target.
struct Outcome {
    name: &'static str,
    runs: u64,
    runs_per_s: u64,
    corpus: usize,
    /// The input that failed, where the program left one.
    reproducer: Option<PathBuf>,
    failed: bool,
}

/// `[TARGET|all] [SECONDS]`.
pub fn run(arguments: &[String]) -> Result<()> {
    let name = arguments.first().map_or("all", String::as_str);
    let seconds = match arguments.get(1) {
        Some(word) => word
            .parse()
            .with_context(|| format!("{word} is no number of seconds"))?,
        None => SECONDS,
    };
    let chosen: Vec<&Target> = TARGETS
        .iter()
        .filter(|target| name == "all" || name == target.name)
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        bail!("no such target: {name}; there are {}", names.join(", "));
    }
    machine::prepare(machine::Need::Build)?;
    if !shell::has("g++") {
        bail!("libFuzzer is C++: please install g++");
    }
    let programs = build(name)?;
    let mut outcomes = Vec::new();
    for target in chosen {
        println!("── fuzz {} for {seconds} s", target.name);
        outcomes.push(run_one(target, &programs, seconds)?);
    }
    report(&outcomes, &programs)
}

/// Builds one target or all; returns the folder of the programs.
fn build(name: &str) -> Result<PathBuf> {
    let host = host()?;
    // With --target the flags are kept from build scripts, which could not be linked with them.
    let mut words = vec![
        "build",
        "--release",
        "--locked",
        "--manifest-path",
        "fuzz/Cargo.toml",
    ];
    words.extend(["--target-dir", "target/fuzz", "--target", &host]);
    if name != "all" {
        words.extend(["--bin", name]);
    }
    let mut cargo = shell::cargo(&words);
    cargo.env("RUSTFLAGS", COVERAGE);
    shell::step("build with coverage", cargo)?;
    Ok(home().join(host).join("release"))
}

fn host() -> Result<String> {
    let mut rustc = Command::new("rustc");
    rustc.arg("-vV");
    let text = shell::output(rustc)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say its host")?.to_owned())
}

fn home() -> PathBuf {
    shell::root().join("target/fuzz")
}

fn run_one(target: &Target, programs: &Path, seconds: u32) -> Result<Outcome> {
    let found = home().join("corpus").join(target.name);
    let borrowed = home().join("seeds").join(target.name);
    let crashes = home().join("crashes").join(target.name);
    for folder in [&found, &borrowed, &crashes] {
        std::fs::create_dir_all(folder)?;
    }
    borrow(target.seeds, &borrowed)?;
    let own = shell::root().join("fuzz/corpus").join(target.name);
    let words = shell::root()
        .join("fuzz/words")
        .join(target.words)
        .with_extension("dict");
    let mut program = Command::new(programs.join(target.name));
    // New inputs go to the first folder.
    program.args([&found, &own, &borrowed]);
    program.arg(format!("-dict={}", words.display()));
    program.arg(format!("-artifact_prefix={}/", crashes.display()));
    program.arg(format!("-max_total_time={seconds}"));
    program.args([
        "-timeout=1",
        "-rss_limit_mb=512",
        "-max_len=65536",
        "-print_final_stats=1",
    ]);
    let out = program
        .output()
        .with_context(|| format!("{} cannot be started", target.name))?;
    let said = String::from_utf8_lossy(&out.stderr);
    if !out.status.success() {
        let tail: Vec<&str> = said.lines().rev().take(40).collect();
        tail.iter().rev().for_each(|line| eprintln!("   {line}"));
    }
    let figure = |name: &str| {
        let value = said.lines().find_map(|line| line.strip_prefix(name));
        value
            .and_then(|value| value.trim().parse().ok())
            .unwrap_or_default()
    };
    let written = said
        .lines()
        .find_map(|line| line.split_once("Test unit written to "));
    Ok(Outcome {
        name: target.name,
        runs: figure("stat::number_of_executed_units:"),
        runs_per_s: figure("stat::average_exec_per_sec:"),
        corpus: std::fs::read_dir(&found)?.count(),
        reproducer: written.map(|(_, path)| PathBuf::from(path.trim())),
        failed: !out.status.success(),
    })
}

/// Copies the seeds of the tests into `folder`, one file each.
fn borrow(seeds: Seeds, folder: &Path) -> Result<()> {
    let inputs = match seeds {
        Seeds::None => Vec::new(),
        Seeds::Dialogs => dialog_lines()?,
        Seeds::Messages => messages()?,
        Seeds::MessagesBelowFigures => {
            let below = |message: Vec<u8>| [&b"\n"[..], &message].concat();
            messages()?.into_iter().map(below).collect()
        }
    };
    for (index, octets) in inputs.iter().enumerate() {
        std::fs::write(folder.join(format!("{index:03}")), octets)?;
    }
    Ok(())
}

fn messages() -> Result<Vec<Vec<u8>>> {
    let files = files(&shell::root().join("crates/mail/tests/it/vectors"), "eml")?;
    files.iter().map(|file| Ok(std::fs::read(file)?)).collect()
}

/// The lines after `C: `, each once.
fn dialog_lines() -> Result<Vec<Vec<u8>>> {
    let mut lines = std::collections::BTreeSet::new();
    for file in files(&shell::root().join("crates/ingress/tests/it/dialogs"), "dialog")? {
        let text = std::fs::read_to_string(file)?;
        lines.extend(
            text.lines()
                .filter_map(|line| line.strip_prefix("C: "))
                .map(str::to_owned),
        );
    }
    Ok(lines.into_iter().map(String::into_bytes).collect())
}

/// All files below `folder` with that extension, sorted.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|own| own == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn report(outcomes: &[Outcome], programs: &Path) -> Result<()> {
    println!(
        "\n{:<10} {:>12} {:>8} {:>7} {:>8}",
        "target", "runs", "runs/s", "corpus", "crashes"
    );
    for outcome in outcomes {
        let (name, runs, per_s, corpus) = (outcome.name, outcome.runs, outcome.runs_per_s, outcome.corpus);
        println!(
            "{name:<10} {runs:>12} {per_s:>8} {corpus:>7} {:>8}",
            u8::from(outcome.failed)
        );
    }
    let failed: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.failed).collect();
    for outcome in &failed {
        let program = programs.join(outcome.name);
        match &outcome.reproducer {
            Some(input) => println!("\n{}: {}", outcome.name, input.display()),
            None => println!("\n{}: ended without an input", outcome.name),
        }
        println!("  again:   {} INPUT", program.display());
        println!(
            "  shorter: {} -minimize_crash=1 -max_total_time=60 INPUT",
            program.display()
        );
    }
    match failed.len() {
        0 => Ok(()),
        count => bail!("{count} targets failed"),
    }
}
