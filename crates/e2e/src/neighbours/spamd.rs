//! A private SpamAssassin daemon: no network tests, no Bayes, no rules but GTUBE and what the plan brings.

use super::daemon::Daemon;
use anyhow::Result;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A running spamd.
#[derive(Debug)]
pub struct Spamd {
    /// Its processes.
    pub daemon: Daemon,
    /// Where it listens.
    pub socket: PathBuf,
}

/// The usual form of a report, so that nothing depends on the rules that Debian ships.
const RULES: &str = r#"
required_score 5
use_bayes 0
body GTUBE /XJS\*C4JDBQADN1\.NSBN3\*2IDNEN\*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL\*C\.34X/
describe GTUBE Generic Test for Unsolicited Bulk Email
score GTUBE 1000
clear_report_template
report Content analysis details:   (_SCORE_ points, _REQD_ required)
report
report " pts rule name              description"
report  ---- ---------------------- --------------------------------------------------
report _SUMMARY_
"#;

impl Spamd {
    /// Its threshold.
    pub const REQUIRED: f32 = 5.0;

    /// Makes the folder and starts; waits until it answers. `rules` are more lines of configuration.
    pub fn start(rules: &str) -> Result<Self> {
        let folder = Daemon::folder("spamd")?;
        let base = folder.path();
        for name in ["rules", "site", "home"] {
            std::fs::create_dir(base.join(name))?;
        }
        std::fs::write(
            base.join("site/own.pre"),
            "loadplugin Mail::SpamAssassin::Plugin::Check\n",
        )?;
        std::fs::write(base.join("rules/own.cf"), format!("{RULES}{rules}\n"))?;
        let socket = base.join("socket");
        let mut words = vec![
            "spamd".to_owned(),
            format!("--socketpath={}", socket.display()),
            "--socketmode=0666".to_owned(),
            format!("--configpath={}/rules", base.display()),
            format!("--siteconfigpath={}/site", base.display()),
            format!("--helper-home-dir={}/home", base.display()),
            "--nouser-config".to_owned(),
            "--local".to_owned(),
            "--max-children=2".to_owned(),
            "--min-spare=1".to_owned(),
            "--max-spare=1".to_owned(),
            "--syslog=stderr".to_owned(),
        ];
        if rustix::process::geteuid().is_root() {
            words.push("--username=nobody".to_owned());
        }
        Ok(Self {
            daemon: Daemon::start(folder, words, ready)?,
            socket,
        })
    }
}

fn ready(folder: &Path) -> bool {
    ping(folder).unwrap_or(false)
}

fn ping(folder: &Path) -> std::io::Result<bool> {
    let mut stream = UnixStream::connect(folder.join("socket"))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"PING SPAMC/1.5\r\n\r\n")?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut said = Vec::new();
    stream.read_to_end(&mut said)?;
    Ok(said.ends_with(b"0 PONG\r\n"))
}
