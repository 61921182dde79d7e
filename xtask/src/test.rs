//! All tests: first the set-up, then nextest over the whole workspace, then the documentation's examples.

use crate::{machine, shell};
use anyhow::Result;

/// Installs what is missing and runs everything. Further words are handed to nextest.
pub fn run(arguments: &[String]) -> Result<()> {
    machine::prepare(machine::Need::Test)?;
    // The scenarios drive the real program, so it is built first.
    shell::step(
        "build the gateway",
        shell::cargo(&["build", "--workspace", "--all-targets"]),
    )?;
    let mut words = vec!["nextest", "run", "--workspace", "--no-fail-fast"];
    words.extend(arguments.iter().map(String::as_str));
    shell::step("tests", shell::cargo(&words))
}
