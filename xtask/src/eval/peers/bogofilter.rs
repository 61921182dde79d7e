//! bogofilter with its own defaults: one process a message, a word list of its own.

use crate::eval::contender::Contender;
use anyhow::{Context, Result, bail};
use std::io::Write;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// One word list.
pub struct Bogofilter {
    folder: TempDir,
}

impl Bogofilter {
    /// With an empty word list.
    pub fn start() -> Result<Self> {
        let mut one = Self {
            folder: super::memory_folder("bogofilter")?,
        };
        // A word list must exist before the first message is scored; nothing is in it.
        one.run(&["-n"], b"")?;
        Ok(one)
    }

    fn run(&mut self, words: &[&str], message: &[u8]) -> Result<String> {
        let mut child = Command::new("bogofilter")
            // -C: no configuration of this machine.
            .args(["-C", "-d"])
            .arg(self.folder.path())
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("bogofilter is needed")?;
        if let Some(mut input) = child.stdin.take() {
            // It may end before it has read everything.
            let _ = input.write_all(message);
        }
        let out = child.wait_with_output()?;
        // 0 spam, 1 ham, 2 unsure, 3 error; with -e and while learning 0.
        if !out.status.success() {
            bail!("bogofilter: {}", String::from_utf8_lossy(&out.stderr));
        }
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    }
}

impl Contender for Bogofilter {
    fn readings(&self) -> &'static [&'static str] {
        &["bogofilter"]
    }

    fn score(&mut self, message: &[u8]) -> Result<Vec<f64>> {
        // -TT: the class and the score with all its digits.
        let said = self.run(&["-e", "-TT"], message)?;
        let figure = said.split_whitespace().last().and_then(|word| word.parse().ok());
        Ok(vec![figure.with_context(|| format!("bogofilter said {said:?}"))?])
    }

    fn learn(&mut self, message: &[u8], spam: bool) -> Result<()> {
        self.run(&[if spam { "-s" } else { "-n" }], message).map(|_| ())
    }
}
