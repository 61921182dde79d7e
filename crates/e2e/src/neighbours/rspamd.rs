//! A private Rspamd: one normal worker, no Redis, no DNS, no rules but GTUBE and what the plan brings as Lua.

use super::daemon::Daemon;
use anyhow::Result;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A running Rspamd.
#[derive(Debug)]
pub struct Rspamd {
    /// Its processes.
    pub daemon: Daemon,
    /// Where its worker listens.
    pub socket: PathBuf,
    /// Where it listens too.
    pub address: SocketAddr,
}

impl Rspamd {
    /// Score from which it rejects.
    pub const REJECT: f32 = 15.0;

    /// Makes the folder and starts; waits until it answers. `lua` registers symbols.
    pub fn start(lua: &str) -> Result<Self> {
        let folder = Daemon::folder("rspamd")?;
        let base = folder.path();
        let (socket, address) = (base.join("socket"), crate::process::free_address()?);
        std::fs::write(base.join("own.lua"), lua)?;
        // The list of top-level domains that it ships takes ten seconds to compile.
        std::fs::write(base.join("tld"), "com\nnet\norg\ntest\n")?;
        let config = base.join("rspamd.conf");
        let text = format!(
            "options {{ filters = \"\"; url_tld = \"{base}/tld\"; hs_cache_dir = \"{base}\"; control_socket = \"{base}/control\";\n\
             \x20 dns {{ nameserver = [\"127.0.0.1:1\"]; timeout = 0.1s; retransmits = 1; }} }}\n\
             logging {{ type = \"console\"; level = \"notice\"; }}\n\
             worker \"normal\" {{ bind_socket = [\"{} mode=0666\", \"{address}\"]; count = 1; }}\n\
             metric \"default\" {{ actions {{ reject = {}; add_header = 6; }} }}\n\
             lua = \"{base}/own.lua\";\n",
            socket.display(),
            Self::REJECT,
            base = base.display(),
        );
        std::fs::write(&config, text)?;
        let mut words = vec!["rspamd".to_owned(), "-f".to_owned()];
        if rustix::process::geteuid().is_root() {
            words.push("-i".to_owned());
        }
        words.extend(["-c".to_owned(), config.display().to_string()]);
        Ok(Self {
            daemon: Daemon::start(folder, words, ready)?,
            socket,
            address,
        })
    }
}

fn ready(folder: &Path) -> bool {
    ping(folder).unwrap_or(false)
}

fn ping(folder: &Path) -> std::io::Result<bool> {
    let mut stream = UnixStream::connect(folder.join("socket"))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET /ping HTTP/1.1\r\nHost: rspamd\r\nConnection: close\r\n\r\n")?;
    let mut said = Vec::new();
    stream.read_to_end(&mut said)?;
    Ok(said.starts_with(b"HTTP/1.1 200 "))
}
