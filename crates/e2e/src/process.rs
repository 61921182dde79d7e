//! The real program in a folder of its own: configured, started, asked, killed, started again.

use anyhow::{Context, Result, bail};
use std::collections::HashMap;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How a gateway is set up.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where all mail goes; None is nowhere (a port that nobody listens on).
    pub next_hop: Option<SocketAddr>,
    /// More lines for the configuration file.
    pub more: String,
    /// The program; see [`program`].
    pub program: PathBuf,
    /// AUTH without TLS on the submission listener.
    pub auth_in_clear: bool,
    /// Write the event log to `log.jsonl`.
    pub log: bool,
    /// Where the panel shall listen; None picks a free port.
    pub panel: Option<SocketAddr>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            next_hop: None,
            more: String::new(),
            program: program(),
            auth_in_clear: false,
            log: true,
            panel: None,
        }
    }
}

/// A gateway; killed when dropped.
#[derive(Debug)]
pub struct Gateway {
    /// Its folder: configuration, data, log, standard error.
    pub folder: TempDir,
    /// Submission, STARTTLS.
    pub submission: SocketAddr,
    /// Submission, implicit TLS.
    pub submissions: SocketAddr,
    /// Smarthost.
    pub relay: SocketAddr,
    /// Panel.
    pub panel: SocketAddr,
    /// From start to first banner, last time.
    pub started_in: Duration,
    program: PathBuf,
    child: Option<Child>,
}

/// The program to test: `DOGANA_BIN`, or `dogana` beside the running test program.
pub fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("DOGANA_BIN") {
        return path.into();
    }
    let own = std::env::current_exe().unwrap_or_default();
    let folder = own.ancestors().find(|folder| folder.join("dogana").is_file());
    folder
        .map(|folder| folder.join("dogana"))
        .unwrap_or_else(|| PathBuf::from("target/debug/dogana"))
}

/// An address on loopback that nobody uses now.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

impl Gateway {
    /// Makes the folder and starts.
    pub fn start(plan: &Plan) -> Result<Self> {
        let mut gateway = Self::prepare(plan)?;
        gateway.launch()?;
        Ok(gateway)
    }

    /// Makes the folder only; accounts can be added before [`Gateway::launch`].
    pub fn prepare(plan: &Plan) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("dogana-").tempdir()?;
        let gateway = Self {
            folder,
            submission: free_address()?,
            submissions: free_address()?,
            relay: free_address()?,
            panel: plan.panel.map_or_else(free_address, Ok)?,
            started_in: Duration::ZERO,
            program: plan.program.clone(),
            child: None,
        };
        if !gateway.program.is_file() {
            bail!(
                "{} is not built; run `cargo build --workspace` first",
                gateway.program.display()
            );
        }
        std::fs::create_dir(gateway.data())?;
        std::fs::write(gateway.config(), gateway.configuration(plan)?)?;
        Ok(gateway)
    }

    fn configuration(&self, plan: &Plan) -> Result<String> {
        let next_hop = plan.next_hop.map_or_else(free_address, Ok)?;
        let log = if plan.log {
            format!("log = {:?}", self.folder.path().join("log.jsonl"))
        } else {
            "enabled = false".to_owned()
        };
        // Where `more` brings its own route or site limits, these defaults step back.
        let route = if plan.more.contains("[[egress.route]]") {
            String::new()
        } else {
            format!("[[egress.route]]\ndomain = \"*\"\nhosts = [\"{next_hop}\"]\n")
        };
        Ok(format!(
            "hostname = \"gateway.test\"\n\
             [[ingress.listener]]\nkind = \"submission\"\naddress = \"{}\"\nauth_in_clear = {}\nconnections_per_address_max = 10000\n\
             [[ingress.listener]]\nkind = \"submissions\"\naddress = \"{}\"\nconnections_per_address_max = 10000\n\
             [[ingress.listener]]\nkind = \"relay\"\naddress = \"{}\"\nconnections_per_address_max = 10000\n\
             [store]\ndirectory = {:?}\nfree_octets_min = 1000000\n\
             [panel]\naddress = \"{}\"\n\
             [trace]\n{log}\n{route}{}\n",
            self.submission,
            plan.auth_in_clear,
            self.submissions,
            self.relay,
            self.data(),
            self.panel,
            plan.more
        ))
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("dogana.toml")
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts the program and waits for its first banner.
    pub fn launch(&mut self) -> Result<()> {
        let errors = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.errors())?;
        let begun = Instant::now();
        let child = Command::new(&self.program)
            .arg("--config")
            .arg(self.config())
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(errors.try_clone()?)
            .stderr(errors)
            .spawn()
            .with_context(|| self.program.display().to_string())?;
        self.child = Some(child);
        self.wait_for_banner(begun)
    }

    fn wait_for_banner(&mut self, begun: Instant) -> Result<()> {
        use std::io::Read;
        while begun.elapsed() < Duration::from_secs(30) {
            if let Some(status) = self
                .child
                .as_mut()
                .and_then(|child| child.try_wait().transpose())
                .transpose()?
            {
                bail!("the gateway ended ({status}): {}", self.said());
            }
            if let Ok(mut stream) = TcpStream::connect(self.relay) {
                let mut banner = [0; 4];
                stream.set_read_timeout(Some(Duration::from_secs(5)))?;
                if stream.read_exact(&mut banner).is_ok() && &banner == b"220 " {
                    self.started_in = begun.elapsed();
                    let _ = stream.write_all(b"QUIT\r\n");
                    return Ok(());
                }
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        bail!("no banner within 30 s: {}", self.said())
    }

    fn errors(&self) -> PathBuf {
        self.folder.path().join("stderr")
    }

    /// What it said on standard error.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.errors()).unwrap_or_default()
    }

    /// The log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log.jsonl")).unwrap_or_default()
    }

    /// What `/healthz` says, asked over the control socket.
    pub fn health(&self) -> String {
        let asked = Command::new("curl")
            .args(["-s", "--unix-socket"])
            .arg(self.data().join("control.sock"))
            .arg("http://x/healthz")
            .output();
        asked.map_or_else(
            |error| error.to_string(),
            |out| String::from_utf8_lossy(&out.stdout).into_owned(),
        )
    }

    /// The process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// kill -9.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// SIGTERM; gives back how long it took to end and whether it ended well.
    pub fn terminate(&mut self) -> Result<(Duration, bool)> {
        let Some(mut child) = self.child.take() else {
            bail!("it does not run")
        };
        let begun = Instant::now();
        signal(&child, rustix::process::Signal::TERM)?;
        let status = child.wait()?;
        Ok((begun.elapsed(), status.success()))
    }

    /// Sends it a signal.
    pub fn signal(&self, which: rustix::process::Signal) -> Result<()> {
        let Some(child) = &self.child else {
            bail!("it does not run")
        };
        signal(child, which)
    }

    /// Runs `dogana` with these words on the same configuration.
    pub fn dogana(&self, words: &[&str], input: &str) -> Result<String> {
        run(&self.program, &self.config(), words, input)
    }

    /// Adds a mailbox that may log in.
    pub fn add_account(&self, login: &str, password: &str) -> Result<()> {
        self.dogana(&["account", "add", login], &format!("{password}\n"))
            .map(|_| ())
    }

    /// Octets of memory that belong to it alone, shared pages by their share (PSS).
    pub fn memory_octets(&self) -> Result<u64> {
        let Some(pid) = self.pid() else {
            bail!("it does not run")
        };
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("Pss:"))
            .context("no Pss line")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kib * 1_024)
    }

    /// Processor time it used so far, user and system, children not counted.
    pub fn processor_time(&self) -> Result<Duration> {
        let Some(pid) = self.pid() else {
            bail!("it does not run")
        };
        processor_time(pid)
    }
}

/// Processor time of a process so far, from /proc, in steps of 10 ms.
pub fn processor_time(pid: u32) -> Result<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let behind_name = text.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let fields: Vec<&str> = behind_name.split_whitespace().collect();
    let ticks: u64 = [11, 12]
        .iter()
        .filter_map(|index| fields.get(*index)?.parse::<u64>().ok())
        .sum();
    Ok(Duration::from_millis(ticks * 10))
}

fn signal(child: &Child, which: rustix::process::Signal) -> Result<()> {
    Ok(rustix::process::kill_process(
        rustix::process::Pid::from_child(child),
        which,
    )?)
}

fn run(program: &Path, config: &Path, words: &[&str], input: &str) -> Result<String> {
    let mut child = Command::new(program)
        .arg("--config")
        .arg(config)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input has closed it.
        let _ = stdin.write_all(input.as_bytes());
    }
    let out = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    if !out.status.success() {
        bail!(
            "dogana {}: {said}{}",
            words.join(" "),
            String::from_utf8_lossy(&out.stderr)
        );
    }
    Ok(said)
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Processor time of all processes below one, that one left out.
pub fn processor_time_below(pid: u32) -> Result<Duration> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(child) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // A process may end between listing and reading.
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        let parent = stat
            .rsplit_once(')')
            .and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        children.entry(parent.unwrap_or(0)).or_default().push(child);
    }
    let mut waiting = vec![pid];
    let mut sum = Duration::ZERO;
    while let Some(pid) = waiting.pop() {
        for child in children.get(&pid).into_iter().flatten() {
            sum += processor_time(*child).unwrap_or_default();
            waiting.push(*child);
        }
    }
    Ok(sum)
}
