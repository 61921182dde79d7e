//! A daemon in a folder of its own: started in the foreground, waited for, frozen, killed, started again; gone with all its
//! processes when dropped, and ended when the thread that started it ends first.

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A running daemon.
#[derive(Debug)]
pub struct Daemon {
    folder: TempDir,
    words: Vec<String>,
    ready: fn(&Path) -> bool,
    child: Option<Child>,
}

/// Time until it must answer.
const START_MAX: Duration = Duration::from_secs(300);

impl Daemon {
    /// A folder that other users may look into, for daemons that give up root.
    pub fn folder(name: &str) -> Result<TempDir> {
        let folder = tempfile::Builder::new()
            .prefix(&format!("dogana-{name}-"))
            .tempdir()?;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
        Ok(folder)
    }

    /// Starts a program that stays in the foreground, and waits until `ready` says so of its folder.
    pub fn start(folder: TempDir, words: Vec<String>, ready: fn(&Path) -> bool) -> Result<Self> {
        let mut daemon = Self {
            folder,
            words,
            ready,
            child: None,
        };
        daemon.launch()?;
        Ok(daemon)
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it (again), at the same place.
    pub fn launch(&mut self) -> Result<()> {
        // What a killed daemon left behind would be taken for one that does not answer.
        let _ = std::fs::remove_file(self.path().join("socket"));
        let errors = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.errors())?;
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "--"])
            .args(&self.words)
            .current_dir(self.path())
            .stdin(Stdio::null())
            .stdout(errors.try_clone()?)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .context("setpriv (util-linux) is needed")?;
        self.child = Some(child);
        self.wait()
    }

    fn wait(&mut self) -> Result<()> {
        let begun = Instant::now();
        while !(self.ready)(self.folder.path()) {
            if let Some(status) = self
                .child
                .as_mut()
                .and_then(|child| child.try_wait().transpose())
                .transpose()?
            {
                bail!("{} ended ({status}): {}", self.words.join(" "), self.said());
            }
            if begun.elapsed() > START_MAX {
                bail!("{} does not answer: {}", self.words.join(" "), self.said());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn errors(&self) -> PathBuf {
        self.path().join("said")
    }

    /// What it said on standard output and standard error.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.errors()).unwrap_or_default()
    }

    /// Processor time of all its processes so far.
    pub fn processor_time(&self) -> Result<Duration> {
        let child = self.child.as_ref().context("it does not run")?.id();
        Ok(crate::process::processor_time(child)? + crate::process::processor_time_below(child)?)
    }

    /// Stops all its processes where they stand (SIGSTOP): connections are made by the kernel, nobody answers.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets them go on.
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, which: Signal) -> Result<()> {
        let Some(child) = &self.child else {
            bail!("it does not run")
        };
        Ok(rustix::process::kill_process_group(
            Pid::from_child(child),
            which,
        )?)
    }

    /// kill -9 of all its processes.
    pub fn kill(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        let killed = rustix::process::kill_process_group(Pid::from_child(&child), Signal::KILL);
        child.wait()?;
        Ok(killed?)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}
