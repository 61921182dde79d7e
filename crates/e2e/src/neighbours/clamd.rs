//! A private ClamAV daemon with one signature of our own: the EICAR test string. No signature is downloaded.

use super::daemon::Daemon;
use anyhow::Result;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A running clamd.
#[derive(Debug)]
pub struct Clamd {
    /// Its process.
    pub daemon: Daemon,
    /// Where it listens.
    pub socket: PathBuf,
    /// Where it listens too.
    pub address: SocketAddr,
}

impl Clamd {
    /// Its name for the EICAR test string.
    pub const SIGNATURE: &str = "Dogana.Test.EICAR";
    /// Octets of a message that it takes.
    pub const STREAM_OCTETS_MAX: usize = 1 << 20;

    /// Makes the folder and starts; waits until it answers.
    pub fn start() -> Result<Self> {
        let folder = Daemon::folder("clamd")?;
        let base = folder.path();
        let (socket, address) = (base.join("socket"), crate::process::free_address()?);
        std::fs::create_dir(base.join("signatures"))?;
        let hex: String = crate::mails::eicar()
            .bytes()
            .map(|octet| format!("{octet:02x}"))
            .collect();
        // An extended signature: name, any target type, any offset, octets.
        std::fs::write(
            base.join("signatures/own.ndb"),
            format!("{}:0:*:{hex}\n", Self::SIGNATURE),
        )?;
        let config = base.join("clamd.conf");
        let text = format!(
            "Foreground yes\nLocalSocket {}\nTCPAddr {}\nTCPSocket {}\nDatabaseDirectory {base}/signatures\n\
             TemporaryDirectory {base}\nMaxThreads 4\nSelfCheck 0\nStreamMaxLength {}\n",
            socket.display(),
            address.ip(),
            address.port(),
            Self::STREAM_OCTETS_MAX,
            base = base.display(),
        );
        std::fs::write(&config, text)?;
        let words = vec!["clamd".to_owned(), "-c".to_owned(), config.display().to_string()];
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
    stream.write_all(b"zPING\0")?;
    let mut said = Vec::new();
    stream.read_to_end(&mut said)?;
    Ok(said == b"PONG\0")
}
