//! A private Postfix: own configuration, queue and log below one folder; stopped when dropped. Needs root, as Postfix does.

use anyhow::{Context, Result, bail};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A running Postfix.
#[derive(Debug)]
pub struct Postfix {
    folder: TempDir,
    /// Where its smtpd listens.
    pub address: SocketAddr,
}

/// What it is for.
#[derive(Clone, Debug)]
pub struct PostfixPlan {
    /// Where all mail goes; None delivers nothing away.
    pub relay_host: Option<SocketAddr>,
    /// More lines for main.cf; later lines win.
    pub main: String,
}

const SERVICES: &str = "\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
";

impl Postfix {
    /// Makes the folder and starts; waits until it listens.
    pub fn start(plan: &PostfixPlan) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("dogana-postfix-").tempdir()?;
        let address = crate::process::free_address()?;
        let postfix = Self { folder, address };
        postfix.write(plan)?;
        postfix.command("start")?;
        let begun = Instant::now();
        while std::net::TcpStream::connect(address).is_err() {
            if begun.elapsed() > Duration::from_secs(20) {
                bail!("Postfix does not listen: {}", postfix.log());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(postfix)
    }

    fn write(&self, plan: &PostfixPlan) -> Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let base = self.folder.path();
        std::fs::set_permissions(base, std::fs::Permissions::from_mode(0o755))?;
        for name in ["etc", "spool", "data"] {
            std::fs::create_dir(base.join(name))?;
        }
        let owner = Command::new("chown")
            .arg("postfix")
            .arg(base.join("data"))
            .status()?;
        if !owner.success() {
            bail!("the user postfix is missing");
        }
        let relay = plan.relay_host.map_or_else(
            || "default_transport = error:nothing goes out here".to_owned(),
            |hop| format!("relayhost = [{}]:{}", hop.ip(), hop.port()),
        );
        let main = format!(
            "compatibility_level = 3.6\nmyhostname = postfix.test\nmydestination =\nmynetworks = 127.0.0.0/8\n\
             queue_directory = {base}/spool\ndata_directory = {base}/data\nmail_owner = postfix\nsetgid_group = postdrop\n\
             inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nsmtp_dns_support_level = disabled\n\
             maillog_file_prefixes = {base}\nmaillog_file = {base}/log\nalias_maps =\nalias_database =\n\
             smtpd_client_connection_count_limit = 0\nsmtpd_client_connection_rate_limit = 0\nanvil_rate_time_unit = 60s\n\
             default_process_limit = 200\nin_flow_delay = 0\nsmtpd_peername_lookup = no\nsmtp_bind_address =\n\
             smtp_tls_security_level = none\nsmtpd_relay_restrictions = permit_mynetworks, reject\n\
             smtpd_recipient_restrictions =\nmessage_size_limit = 52428800\n{relay}\n{}\n",
            plan.main,
            base = base.display()
        );
        std::fs::write(base.join("etc/main.cf"), main)?;
        let port = self.address.port();
        std::fs::write(
            base.join("etc/master.cf"),
            format!("127.0.0.1:{port} inet n - n - - smtpd\n{SERVICES}"),
        )?;
        Ok(())
    }

    fn command(&self, verb: &str) -> Result<()> {
        let out = Command::new("postfix")
            .arg("-c")
            .arg(self.folder.path().join("etc"))
            .arg(verb)
            .stdin(Stdio::null())
            .output();
        let out = out.context("is Postfix installed?")?;
        if !out.status.success() {
            bail!(
                "postfix {verb}: {}{}",
                String::from_utf8_lossy(&out.stderr),
                self.log()
            );
        }
        Ok(())
    }

    /// Its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Process id of its master.
    pub fn master(&self) -> Result<u32> {
        let path: PathBuf = self.folder.path().join("spool/pid/master.pid");
        Ok(std::fs::read_to_string(path)?.trim().parse()?)
    }

    /// Processor time of all its processes so far, those that ended included.
    pub fn processor_time(&self) -> Result<Duration> {
        let master = self.master()?;
        let mut sum = with_ended_children(master)?;
        for child in children(master)? {
            // A process may end between listing and reading; the master then has its time.
            sum += with_ended_children(child).unwrap_or_default();
        }
        Ok(sum)
    }
}

fn children(of: u32) -> Result<Vec<u32>> {
    let text = std::fs::read_to_string(format!("/proc/{of}/task/{of}/children"))?;
    Ok(text
        .split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect())
}

/// utime, stime, cutime, cstime in steps of 10 ms.
fn with_ended_children(pid: u32) -> Result<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let behind_name = text.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let fields: Vec<&str> = behind_name.split_whitespace().collect();
    let ticks: u64 = (11..=14)
        .filter_map(|index| fields.get(index)?.parse::<u64>().ok())
        .sum();
    Ok(Duration::from_millis(ticks * 10))
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let _ = self.command("abort");
    }
}
