//! What a fresh machine lacks: Debian packages, installed once, quietly, without starting their services.

use crate::shell;
use anyhow::{Result, bail};
use std::process::Command;

/// What for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Building: a C compiler, and node for the panel's pages.
    Build,
    /// The tests: real neighbours too.
    Test,
    /// The benchmarks.
    Bench,
    /// The evaluation beside other filters.
    Eval,
}

/// A program and the Debian package that brings it.
const BUILD: [(&str, &str); 4] = [("cc", "gcc"), ("g++", "g++"), ("make", "make"), ("npm", "npm")];
const TEST: [(&str, &str); 15] = [
    ("fiu-run", "fiu-utils"),
    ("mkfs.ext4", "e2fsprogs"),
    ("curl", "curl"),
    ("postfix", "postfix"),
    ("swaks", "swaks"),
    ("python3", "python3"),
    ("rspamd", "rspamd"),
    ("redis-server", "redis-server"),
    ("spamd", "spamd"),
    ("spamassassin", "spamassassin"),
    ("clamd", "clamav-daemon"),
    ("rbldnsd", "rbldnsd"),
    ("openssl", "openssl"),
    ("chromium", "chromium"),
    ("zstd", "zstd"),
];
const BENCH: [(&str, &str); 3] = [
    ("postfix", "postfix"),
    ("valgrind", "valgrind"),
    ("openssl", "openssl"),
];

const EVAL: [(&str, &str); 6] = [
    ("zstd", "zstd"),
    ("bogofilter", "bogofilter-bdb"),
    ("rspamd", "rspamd"),
    ("redis-server", "redis-server"),
    ("spamd", "spamd"),
    ("spamassassin", "spamassassin"),
];

/// Installs what is missing for that need; says so; nothing when all is there.
pub fn prepare(need: Need) -> Result<()> {
    let mut wanted: Vec<(&str, &str)> = BUILD.to_vec();
    match need {
        Need::Build => {}
        Need::Test => wanted.extend(TEST),
        Need::Bench => wanted.extend(BENCH),
        Need::Eval => wanted.extend(EVAL),
    }
    let missing: Vec<&str> = wanted
        .iter()
        .filter(|(program, _)| !shell::has(program))
        .map(|(_, package)| *package)
        .collect();
    if !missing.is_empty() {
        install(&missing)?;
    }
    if need == Need::Test && !has_nextest() {
        shell::step(
            "installing cargo-nextest",
            shell::cargo(&["install", "cargo-nextest", "--locked"]),
        )?;
    }
    Ok(())
}

fn has_nextest() -> bool {
    shell::cargo(&["nextest", "--version"])
        .output()
        .is_ok_and(|out| out.status.success())
}

fn install(packages: &[&str]) -> Result<()> {
    if !shell::has("apt-get") {
        bail!(
            "please install: {} (this is done by itself on Debian)",
            packages.join(" ")
        );
    }
    println!("── installing Debian packages: {}", packages.join(" "));
    let mut who = Command::new("id");
    who.arg("-u");
    let root = shell::output(who)?.trim() == "0";
    let apt = |arguments: &[&str]| {
        let mut command = if root {
            Command::new("apt-get")
        } else {
            Command::new("sudo")
        };
        if !root {
            command.args(["--non-interactive", "apt-get"]);
        }
        command.args(["-qq", "-o", "Dpkg::Use-Pty=0"]).args(arguments);
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("RUNLEVEL", "1");
        command.stdout(std::process::Stdio::null());
        command
    };
    shell::step("apt-get update", apt(&["update"]))?;
    let mut all = vec!["install", "-y", "--no-install-recommends"];
    all.extend(packages);
    shell::step("apt-get install", apt(&all))
}
