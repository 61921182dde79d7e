//! Rspamd with Debian's whole configuration and a private Redis: its rules and its Bayes; everything that asks the network is off, and
//! so is what learns by itself (autolearn, neural).
//!
//! It is told the envelope. No client address is named, since the corpora have none, and no user: with a user it leaves out some rules,
//! and did no better on a sample. `Pass: all` makes it finish all rules even when the sum is high already. Labels are given with `Learn-Type: bulk`,
//! so that it takes every one; without it, it refuses those that it thinks it knows. Compiled expressions are kept for
//! the next start, as they take a quarter of a minute of a quiet core.

use crate::eval::contender::Contender;
use crate::eval::corpus;
use anyhow::{Context, Result, bail};
use e2e::neighbours::daemon::Daemon;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What asks the network, keeps a memory of its own or sends data away.
const OFF: [&str; 30] = [
    "antivirus",
    "arc",
    "asn",
    "aws_s3",
    "bayes_expiry",
    "bimi",
    "clickhouse",
    "dcc",
    "dkim",
    "dkim_signing",
    "dmarc",
    "elastic",
    "emails",
    "external_services",
    "fuzzy_check",
    "greylist",
    "hfilter",
    "history_redis",
    "metadata_exporter",
    "metric_exporter",
    "mx_check",
    "neural",
    "p0f",
    "ratelimit",
    "rbl",
    "replies",
    "reputation",
    "rspamd_update",
    "spf",
    "url_redirector",
];

/// Rspamd and its Redis.
pub struct Rspamd {
    daemon: Daemon,
    /// Its statistics; ends after it.
    redis: Daemon,
}

impl Rspamd {
    /// With empty statistics.
    pub fn start() -> Result<Self> {
        let redis = redis()?;
        let folder = Daemon::folder("rspamd-eval")?;
        let base = folder.path();
        for name in ["etc/local.d", "etc/override.d", "data", "run", "log"] {
            std::fs::create_dir_all(base.join(name))?;
        }
        let local = |name: &str, text: String| std::fs::write(base.join("etc/local.d").join(name), text);
        let path = |name: &str| base.join(name).display().to_string();
        for module in OFF {
            local(&format!("{module}.conf"), "enabled = false;\n".to_owned())?;
        }
        local(
            "worker-normal.inc",
            format!("bind_socket = \"{} mode=0666\";\ncount = 1;\n", path("normal")),
        )?;
        local(
            "worker-controller.inc",
            format!("bind_socket = \"{} mode=0666\";\ncount = 1;\n", path("control")),
        )?;
        local(
            "worker-proxy.inc",
            format!(
                "bind_socket = \"{} mode=0666\";\nmilter = yes;\ntimeout = 120s;\n\
                 upstream \"local\" {{ default = yes; self_scan = yes; }}\n",
                path("milter")
            ),
        )?;
        local(
            "redis.conf",
            format!("servers = \"{}\";\n", redis.path().join("socket").display()),
        )?;
        local(
            "classifier-bayes.conf",
            "backend = \"redis\";\nmin_learns = 1;\nautolearn = false;\n".to_owned(),
        )?;
        local(
            "logging.inc",
            "type = \"console\";\nlevel = \"warning\";\n".to_owned(),
        )?;
        let compiled = corpus::folder().join("rspamd");
        std::fs::create_dir_all(&compiled)?;
        local(
            "options.inc",
            format!(
                "filters = \"chartable,regexp\";\ntask_timeout = 120s;\nhs_cache_dir = \"{}\";\n\
                 dns {{ nameserver = [\"127.0.0.1:1\"]; timeout = 0.1s; retransmits = 1; }}\n",
                compiled.display()
            ),
        )?;
        let mut words = vec!["rspamd".to_owned(), "-f".to_owned()];
        if rustix::process::geteuid().is_root() {
            words.push("-i".to_owned());
        }
        words.extend(["-c".to_owned(), "/etc/rspamd/rspamd.conf".to_owned()]);
        for (name, place) in [
            ("LOCAL_CONFDIR", "etc"),
            ("DBDIR", "data"),
            ("RUNDIR", "run"),
            ("LOGDIR", "log"),
        ] {
            words.push(format!("--var={name}={}", path(place)));
        }
        Ok(Self {
            daemon: Daemon::start(folder, words, ready)?,
            redis,
        })
    }

    /// Where its milter listens.
    pub fn milter(&self) -> PathBuf {
        self.daemon.path().join("milter")
    }

    /// Of all its processes and of its Redis, so far.
    pub fn processor_time(&self) -> Result<Duration> {
        Ok(self.daemon.processor_time()? + self.redis.processor_time()?)
    }

    fn post(
        &self,
        socket: &str,
        target: &str,
        head: &str,
        message: &[u8],
    ) -> Result<(u16, serde_json::Value)> {
        let (status, body) = post(&self.daemon.path().join(socket), target, head, message)?;
        let body = serde_json::from_slice(&body)
            .with_context(|| format!("rspamd said {status} {}", String::from_utf8_lossy(&body)))?;
        Ok((status, body))
    }
}

impl Contender for Rspamd {
    fn readings(&self) -> &'static [&'static str] {
        &["rspamd", "rspamd, Bayes alone"]
    }

    fn score(&mut self, message: &[u8]) -> Result<Vec<f64>> {
        let mut head = "Pass: all\r\n".to_owned();
        for (name, field) in [("From", "From: "), ("Rcpt", "To: ")] {
            if let Some(address) = address(message, field) {
                write!(head, "{name}: {address}\r\n")?;
            }
        }
        let (status, said) = self.post("normal", "/checkv2", &head, message)?;
        let total = said["score"].as_f64().filter(|_| status == 200);
        let total = total.with_context(|| format!("rspamd said {status} {said}"))?;
        let of = |symbol: &str| said["symbols"][symbol]["score"].as_f64().unwrap_or_default();
        Ok(vec![total, of("BAYES_SPAM") + of("BAYES_HAM")])
    }

    fn learn(&mut self, message: &[u8], spam: bool) -> Result<()> {
        let target = if spam { "/learnspam" } else { "/learnham" };
        let (status, said) = self.post("control", target, "Learn-Type: bulk\r\n", message)?;
        // It does not learn a message with too few words, nor the same one twice: its way, no error.
        let refused = said["error"].as_str().unwrap_or_default();
        if !(200..300).contains(&status) && !refused.contains("less tokens") {
            bail!("rspamd said {status} {said}");
        }
        Ok(())
    }
}

/// The address of the rendered From or To: `Name <address>` or the address alone.
fn address(message: &[u8], field: &str) -> Option<String> {
    let head = String::from_utf8_lossy(message.get(..message.len().min(500))?).into_owned();
    let line = head.lines().find_map(|line| line.strip_prefix(field))?;
    let inner = line.split_once('<').map_or(line, |(_, rest)| rest);
    Some(inner.trim_end_matches('>').trim().to_owned())
}

/// Keeps nothing on disk.
fn redis() -> Result<Daemon> {
    let folder = Daemon::folder("redis-eval")?;
    let socket = folder.path().join("socket").display().to_string();
    let words = [
        "redis-server",
        "--port",
        "0",
        "--save",
        "",
        "--appendonly",
        "no",
        "--unixsocket",
        &socket,
    ];
    Daemon::start(folder, words.map(str::to_owned).to_vec(), |folder| {
        let ping = || -> std::io::Result<bool> {
            let mut stream = UnixStream::connect(folder.join("socket"))?;
            stream.write_all(b"PING\r\n")?;
            let mut said = [0; 7];
            stream.read_exact(&mut said)?;
            Ok(&said == b"+PONG\r\n")
        };
        ping().unwrap_or(false)
    })
}

fn post(socket: &Path, target: &str, head: &str, message: &[u8]) -> Result<(u16, Vec<u8>)> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(300)))?;
    let length = message.len();
    let request = format!("POST {target} HTTP/1.0\r\nContent-Length: {length}\r\n{head}\r\n");
    stream.write_all(request.as_bytes())?;
    stream.write_all(message)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .context("rspamd gave no answer")?;
    let (top, body) = answer.split_at(end + 4);
    let status = String::from_utf8_lossy(top)
        .split_whitespace()
        .nth(1)
        .and_then(|word| word.parse().ok());
    Ok((status.context("rspamd gave no status")?, body.to_vec()))
}

fn ready(folder: &Path) -> bool {
    ["normal", "control"]
        .iter()
        .all(|socket| post(&folder.join(socket), "/ping", "", b"").is_ok_and(|(s, _)| s == 200))
}
