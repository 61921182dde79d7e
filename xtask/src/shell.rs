//! Running programs: what is run is said first, a failure names the program.

use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

/// The root of the checkout.
pub fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(PathBuf::from).unwrap_or(here)
}

/// A cargo command in the root.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Says what is done, does it, fails when it fails.
pub fn step(name: &str, mut command: Command) -> Result<()> {
    println!("── {name}");
    let begun = Instant::now();
    let status = command
        .status()
        .with_context(|| format!("{name}: cannot be started"))?;
    if !status.success() {
        bail!("{name} failed ({status})");
    }
    println!("   {name}: {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}

/// The standard output of a program that must succeed.
pub fn output(mut command: Command) -> Result<String> {
    let out = command.output()?;
    if !out.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    }
    Ok(String::from_utf8(out.stdout)?)
}

/// Is a program on the path or in the places where Debian keeps servers.
pub fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|folder| folder.join(program).exists())
}
