//! SpamAssassin as Debian ships it, with its Bayes on; network tests, learning by itself and expiry off.
//!
//! It is asked through its own library, as spamd asks it; a run with spamd itself gave the same scores to the last digit, at three times
//! the cost. Its total is the sum of its rules, which do not learn, and of the points for the band in which its Bayes probability falls.
//! So two kinds of process run: with all rules, asked once for each message (the answer is kept between runs), and with Bayes alone,
//! which learns and is asked each time. No rule of Debian's depends on Bayes. `spamassassin-whole` is one process with everything: a run
//! of both on a sample shows the same figures.

use crate::eval::contender::Contender;
use crate::eval::corpus;
use anyhow::{Context, Result, bail};
use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;
use xxhash_rust::xxh3::xxh3_64;

const SHIPPED: &str = "/usr/share/spamassassin";
const SITE: &str = "/etc/spamassassin";
/// Rules do not learn, so two processes may be asked at once; Bayes has one.
const RULES_WORKERS: usize = 2;
/// Lines of Debian's rules that define tests or say something of them; the others say how a message becomes text, links, tokens.
const TESTS: [&str; 17] = [
    "header",
    "body",
    "rawbody",
    "full",
    "uri",
    "uri_detail",
    "meta",
    "mimeheader",
    "askdns",
    "urirhssub",
    "urirhsbl",
    "uridnsbl",
    "urinsrhssub",
    "describe",
    "score",
    "tflags",
    "lang",
];

const WORKER: &str = include_str!("spamassassin.pl");

/// What it says of a message.
#[derive(Clone, Copy, Debug)]
struct Said {
    total: f64,
    /// The part of the total that its Bayes brought.
    points: f64,
    probability: f64,
}

/// The filter.
pub struct SpamAssassin {
    /// All rules; None when `learner` has them.
    rules: Option<Vec<Worker>>,
    /// Bayes, alone or with all rules.
    learner: Worker,
    /// Points of the rules by digest of the message.
    known: HashMap<u64, f64>,
}

impl SpamAssassin {
    /// With an empty memory; `split`: rules and Bayes apart.
    pub fn start(split: bool) -> Result<Self> {
        let learner = Worker::start(!split)?;
        let mut one = Self {
            rules: None,
            learner,
            known: HashMap::new(),
        };
        if split {
            one.rules = Some(
                (0..RULES_WORKERS)
                    .map(|_| Worker::with_rules())
                    .collect::<Result<_>>()?,
            );
            one.known = kept();
        }
        Ok(one)
    }

    /// What the rules give a message, once for all runs.
    fn points_of_rules(&mut self, message: &[u8]) -> Result<f64> {
        let digest = xxh3_64(message);
        if !self.known.contains_key(&digest) {
            self.foresee(&[message])?;
        }
        self.known
            .get(&digest)
            .copied()
            .context("the rules gave no points")
    }
}

/// Asks for the points of many messages, all workers at once.
fn ask_rules(workers: &mut [Worker], messages: &[&[u8]]) -> Result<Vec<(u64, f64)>> {
    let bar = crate::eval::bar("spamassassin's rules (once)", messages.len());
    let next = AtomicUsize::new(0);
    let ask = |worker: &mut Worker| -> Result<Vec<(u64, f64)>> {
        let mut found = Vec::new();
        while let Some(message) = messages.get(next.fetch_add(1, Ordering::Relaxed)) {
            let said = worker.score(message)?;
            let (digest, points) = (xxh3_64(message), said.total - said.points);
            keep(digest, points)?;
            found.push((digest, points));
            bar.inc(1);
        }
        Ok(found)
    };
    let ask = &ask;
    let all = std::thread::scope(|scope| {
        let askers: Vec<_> = workers
            .iter_mut()
            .map(|worker| scope.spawn(move || ask(worker)))
            .collect();
        let ended = askers
            .into_iter()
            .map(|asker| asker.join().unwrap_or_else(|_| bail!("an asker failed")));
        ended.collect::<Result<Vec<_>>>()
    });
    bar.finish_and_clear();
    Ok(all?.concat())
}

impl Contender for SpamAssassin {
    fn readings(&self) -> &'static [&'static str] {
        &["spamassassin", "spamassassin, Bayes alone"]
    }

    fn score(&mut self, message: &[u8]) -> Result<Vec<f64>> {
        let said = self.learner.score(message)?;
        if self.rules.is_none() {
            return Ok(vec![said.total, said.probability]);
        }
        // Rounded, so that equal sums are equal.
        let total = ((self.points_of_rules(message)? + said.points) * 1e6).round() / 1e6;
        Ok(vec![total, said.probability])
    }

    fn foresee(&mut self, messages: &[&[u8]]) -> Result<()> {
        let Some(rules) = &mut self.rules else {
            return Ok(());
        };
        let mut seen = HashSet::new();
        let new = |message: &&&[u8]| {
            let digest = xxh3_64(message);
            !self.known.contains_key(&digest) && seen.insert(digest)
        };
        let unknown: Vec<&[u8]> = messages.iter().filter(new).copied().collect();
        self.known.extend(ask_rules(rules, &unknown)?);
        Ok(())
    }

    fn learn(&mut self, message: &[u8], spam: bool) -> Result<()> {
        self.learner.learn(message, spam)
    }
}

fn kept_path() -> PathBuf {
    corpus::folder().join("scores/spamassassin-rules.tsv")
}

fn kept() -> HashMap<u64, f64> {
    let text = std::fs::read_to_string(kept_path()).unwrap_or_default();
    let row = |line: &str| {
        let (digest, points) = line.split_once('\t')?;
        Some((u64::from_str_radix(digest, 16).ok()?, points.parse().ok()?))
    };
    text.lines().filter_map(row).collect()
}

fn keep(digest: u64, points: f64) -> Result<()> {
    let path = kept_path();
    std::fs::create_dir_all(path.parent().context("no folder")?)?;
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    Ok(file.write_all(format!("{digest:016x}\t{points:.6}\n").as_bytes())?)
}

/// One process with a Bayes data base of its own; it ends when its input does.
struct Worker {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    /// Configuration and data base; gone with it.
    _memory: TempDir,
}

impl Worker {
    fn start(all_rules: bool) -> Result<Self> {
        let memory = super::memory_folder("spamassassin")?;
        let base = memory.path();
        for name in ["rules", "site", "home"] {
            std::fs::create_dir(base.join(name))?;
        }
        let mut rules = PathBuf::from(SHIPPED);
        if !all_rules {
            rules = base.join("rules");
            bayes_alone(&rules)?;
        }
        site(&base.join("site"), base)?;
        let mut child = Command::new("perl")
            // Bayes takes the 150 most telling tokens; of equal ones those that a Perl hash names first. So: the same in every run.
            .env("PERL_HASH_SEED", "0")
            .env("PERL_PERTURB_KEYS", "0")
            .args(["-e", WORKER])
            .args([rules, base.join("site"), base.join("home")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("perl is needed")?;
        let to = child.stdin.take().context("no input")?;
        let from = BufReader::new(child.stdout.take().context("no output")?);
        let mut worker = Self {
            child,
            to,
            from,
            _memory: memory,
        };
        worker.line()?;
        Ok(worker)
    }

    /// With all rules, and with one message of each kind learnt: its Bayes is in use then, and with it the points that rules have
    /// beside Bayes.
    fn with_rules() -> Result<Self> {
        let mut worker = Self::start(true)?;
        worker.learn(
            b"Message-ID: <1@eval.test>\r\nSubject: a\r\n\r\nalpha beta gamma delta\r\n",
            true,
        )?;
        worker.learn(
            b"Message-ID: <2@eval.test>\r\nSubject: b\r\n\r\none two three four five\r\n",
            false,
        )?;
        Ok(worker)
    }

    fn score(&mut self, message: &[u8]) -> Result<Said> {
        self.ask("score", message)?;
        let line = self.line()?;
        let mut fields = line.split_whitespace();
        let mut next = || -> Result<f64> {
            let field = fields
                .next()
                .with_context(|| format!("SpamAssassin said {line:?}"))?;
            Ok(field.parse()?)
        };
        Ok(Said {
            total: next()?,
            points: next()?,
            probability: next()?,
        })
    }

    /// What it had learnt before (same Message-ID) it does not learn again.
    fn learn(&mut self, message: &[u8], spam: bool) -> Result<()> {
        self.ask(if spam { "spam" } else { "ham" }, message)?;
        self.line().map(|_| ())
    }

    fn ask(&mut self, what: &str, message: &[u8]) -> Result<()> {
        self.to
            .write_all(format!("{what} {}\n", message.len()).as_bytes())?;
        self.to.write_all(message)?;
        Ok(self.to.flush()?)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.from.read_line(&mut line)? == 0 {
            bail!("SpamAssassin ended: {:?}", self.child.try_wait()?);
        }
        Ok(line)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Debian's plugins, and what makes the runs repeatable.
fn site(site: &Path, memory: &Path) -> Result<()> {
    for entry in std::fs::read_dir(SITE).context("SpamAssassin is needed")? {
        let path = entry?.path();
        if path.extension().is_some_and(|kind| kind == "pre") {
            std::fs::copy(&path, site.join(path.file_name().unwrap_or_default()))?;
        }
    }
    let text = format!(
        "use_bayes 1\nuse_bayes_rules 1\nbayes_path {}/bayes\nbayes_file_mode 0777\nlock_method flock\n\
         bayes_auto_learn 0\nbayes_auto_expire 0\nbayes_learn_to_journal 0\n\
         bayes_min_ham_num 1\nbayes_min_spam_num 1\n",
        memory.display()
    );
    Ok(std::fs::write(site.join("zz.cf"), text)?)
}

/// Debian's rules without any test but those of Bayes, which keep their points.
fn bayes_alone(rules: &Path) -> Result<()> {
    for entry in std::fs::read_dir(SHIPPED).context("SpamAssassin is needed")? {
        let path = entry?.path();
        if path.extension().is_none_or(|kind| kind != "cf") {
            continue;
        }
        let all = std::fs::read(&path)?;
        let mut kept = Vec::new();
        for line in all.split_inclusive(|octet| *octet == b'\n') {
            let text = String::from_utf8_lossy(line);
            let mut words = text.split_whitespace();
            let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            if !TESTS.contains(&first) || second.starts_with("BAYES_") {
                kept.extend_from_slice(line);
            }
        }
        std::fs::write(rules.join(path.file_name().unwrap_or_default()), kept)?;
    }
    Ok(())
}
