//! SpamAssassin as Debian ships it, with its Bayes on; network tests, learning by itself and expiry off.
//!
//! Its total is the sum of its rules, which do not learn, and of the points for the band in which its Bayes probability falls. So two
//! spamd run: one with all rules, asked once for each message (its answer is kept between runs), one with Bayes alone, which learns
//! and is asked each time. No rule of Debian's depends on Bayes. `spamassassin-whole` is one spamd with everything: a run of both on
//! a sample shows the same figures. A plugin of ten lines tells score and probability with all digits instead of rounded ones.

use crate::eval::contender::Contender;
use crate::eval::corpus;
use anyhow::{Context, Result, bail};
use e2e::neighbours::daemon::Daemon;
use e2e::neighbours::spamd::ready;
use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use xxhash_rust::xxh3::xxh3_64;

const SHIPPED: &str = "/usr/share/spamassassin";
const SITE: &str = "/etc/spamassassin";
/// Rules do not learn, so two processes may be asked at once; Bayes has one.
const RULES_CHILDREN: usize = 2;
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

const PLUGIN: &str = r#"package Mail::SpamAssassin::Plugin::Readings;
use strict; use warnings; use Scalar::Util;
use Mail::SpamAssassin::Plugin;
our @ISA = ('Mail::SpamAssassin::Plugin');
sub new { my ($class, $main) = @_; my $self = $class->SUPER::new($main); bless $self, $class; return $self }
sub check_start {
  my ($self, $given) = @_;
  my $pms = $given->{permsgstatus};
  Scalar::Util::weaken($pms);
  $pms->set_tag('READINGS', sub {
    my $points = 0;
    for (grep { /^BAYES_/ } @{$pms->{test_names_hit}}) { $points += $pms->{conf}->{scores}->{$_} }
    my $bayes = defined $pms->{bayes_score} ? $pms->{bayes_score} : 0.5;
    return sprintf("READINGS %.6f %.6f %.17g END", $pms->{score}, $points, $bayes);
  });
}
1;
"#;

/// What a spamd says of a message.
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
    rules: Option<Spamd>,
    /// Bayes, alone or with all rules.
    learner: Spamd,
    /// Points of the rules by digest of the message.
    known: HashMap<u64, f64>,
}

impl SpamAssassin {
    /// With an empty memory; `split`: rules and Bayes apart.
    pub fn start(split: bool) -> Result<Self> {
        let learner = Spamd::start(!split, 1)?;
        if !split {
            return Ok(Self {
                rules: None,
                learner,
                known: HashMap::new(),
            });
        }
        let rules = Spamd::start(true, RULES_CHILDREN)?;
        // With one message of each kind its Bayes is in use, and with it the points that rules have beside Bayes.
        rules.tell(
            b"Message-ID: <1@eval.test>\r\nSubject: a\r\n\r\nalpha beta gamma delta\r\n",
            true,
        )?;
        rules.tell(
            b"Message-ID: <2@eval.test>\r\nSubject: b\r\n\r\none two three four five\r\n",
            false,
        )?;
        Ok(Self {
            rules: Some(rules),
            learner,
            known: kept(),
        })
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

/// Asks for the points of many messages, with as many askers as there are children.
fn ask_rules(rules: &Spamd, messages: &[&[u8]]) -> Result<Vec<(u64, f64)>> {
    let bar = crate::eval::bar("spamassassin's rules (once)", messages.len());
    let next = AtomicUsize::new(0);
    let ask = || -> Result<Vec<(u64, f64)>> {
        let mut found = Vec::new();
        while let Some(message) = messages.get(next.fetch_add(1, Ordering::Relaxed)) {
            let said = rules.report(message)?;
            let (digest, points) = (xxh3_64(message), said.total - said.points);
            keep(digest, points)?;
            found.push((digest, points));
            bar.inc(1);
        }
        Ok(found)
    };
    let all = std::thread::scope(|scope| {
        let askers: Vec<_> = (0..RULES_CHILDREN.min(messages.len()))
            .map(|_| scope.spawn(ask))
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
        let said = self.learner.report(message)?;
        if self.rules.is_none() {
            return Ok(vec![said.total, said.probability]);
        }
        // Rounded, so that equal sums are equal.
        let total = ((self.points_of_rules(message)? + said.points) * 1e6).round() / 1e6;
        Ok(vec![total, said.probability])
    }

    fn foresee(&mut self, messages: &[&[u8]]) -> Result<()> {
        let Some(rules) = &self.rules else { return Ok(()) };
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
        self.learner.tell(message, spam)
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

/// One spamd with a Bayes data base of its own.
struct Spamd {
    daemon: Daemon,
    /// Of the data base; gone with it.
    _memory: TempDir,
}

impl Spamd {
    fn start(all_rules: bool, children: usize) -> Result<Self> {
        let folder = Daemon::folder("spamassassin")?;
        let memory = crate::eval::peers::memory_folder("spamassassin")?;
        let base = folder.path();
        for name in ["rules", "site", "home"] {
            std::fs::create_dir(base.join(name))?;
        }
        let mut rules = PathBuf::from(SHIPPED);
        if !all_rules {
            rules = base.join("rules");
            bayes_alone(&rules)?;
        }
        site(&base.join("site"), memory.path())?;
        let path = |name: &str| base.join(name).display().to_string();
        let mut words = Vec::new();
        if rustix::process::geteuid().is_root() {
            // Not by its own --username: a change of user inside makes it outlive us when we are killed.
            let gives_up = [
                "setpriv",
                "--reuid=nobody",
                "--regid=nogroup",
                "--clear-groups",
                "--pdeathsig",
                "TERM",
                "--",
            ];
            words.extend(gives_up.map(str::to_owned));
            for folder in [base, &base.join("home")] {
                std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777))?;
            }
        }
        words.extend([
            // Its Bayes takes the 150 most telling tokens; of equal ones those that a Perl hash names first. So: the same in every run.
            "env".to_owned(),
            "PERL_HASH_SEED=0".to_owned(),
            "PERL_PERTURB_KEYS=0".to_owned(),
            "spamd".to_owned(),
            format!("--socketpath={}", path("socket")),
            "--socketmode=0666".to_owned(),
            format!("--configpath={}", rules.display()),
            format!("--siteconfigpath={}", path("site")),
            format!("--helper-home-dir={}", path("home")),
            "--nouser-config".to_owned(),
            "--local".to_owned(),
            "--allow-tell".to_owned(),
            format!("--max-children={children}"),
            "--max-conn-per-child=2000".to_owned(),
            "--syslog=null".to_owned(),
        ]);
        Ok(Self {
            daemon: Daemon::start(folder, words, ready)?,
            _memory: memory,
        })
    }

    fn report(&self, message: &[u8]) -> Result<Said> {
        let said = self.ask("REPORT", "", message)?;
        let mut fields = said
            .split("READINGS ")
            .nth(1)
            .unwrap_or_default()
            .split_whitespace();
        let mut next = || -> Result<f64> {
            let field = fields.next().with_context(|| format!("spamd said {said:?}"))?;
            Ok(field.parse()?)
        };
        Ok(Said {
            total: next()?,
            points: next()?,
            probability: next()?,
        })
    }

    fn tell(&self, message: &[u8], spam: bool) -> Result<()> {
        let class = if spam { "spam" } else { "ham" };
        // What it had learnt before (same Message-ID) it does not learn again, and says so by leaving DidSet away: no error.
        self.ask(
            "TELL",
            &format!("Message-class: {class}\r\nSet: local\r\n"),
            message,
        )
        .map(|_| ())
    }

    fn ask(&self, verb: &str, head: &str, message: &[u8]) -> Result<String> {
        let mut stream = UnixStream::connect(self.daemon.path().join("socket"))?;
        stream.set_read_timeout(Some(Duration::from_secs(300)))?;
        let length = message.len();
        let request = format!("{verb} SPAMC/1.5\r\nContent-length: {length}\r\nUser: nobody\r\n{head}\r\n");
        stream.write_all(request.as_bytes())?;
        stream.write_all(message)?;
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        if !answer.lines().next().unwrap_or_default().ends_with(" 0 EX_OK") {
            bail!("spamd said {answer:?} ({})", self.daemon.said());
        }
        Ok(answer)
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
    std::fs::write(site.join("readings.pm"), PLUGIN)?;
    let text = format!(
        "loadplugin Mail::SpamAssassin::Plugin::Readings {}/readings.pm\n\
         use_bayes 1\nuse_bayes_rules 1\nbayes_path {}/bayes\nbayes_file_mode 0777\nlock_method flock\n\
         bayes_auto_learn 0\nbayes_auto_expire 0\nbayes_learn_to_journal 0\n\
         bayes_min_ham_num 1\nbayes_min_spam_num 1\n\
         clear_report_template\nreport _READINGS_\n",
        site.display(),
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
