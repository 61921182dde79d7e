//! A private rbldnsd: the name server that most blocklists by DNS are served with.

use super::daemon::Daemon;
use anyhow::{Context, Result};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

/// A running rbldnsd.
#[derive(Debug)]
pub struct Rbldnsd {
    /// Its process.
    pub daemon: Daemon,
    /// Where it answers, UDP.
    pub address: SocketAddr,
}

/// What a zone holds, as rbldnsd calls it.
#[derive(Clone, Copy, Debug)]
pub enum Dataset {
    /// Domain names.
    Dnset,
    /// IPv4 addresses.
    Ip4set,
}

impl Rbldnsd {
    /// Serves zones: name, kind, lines of data (rbldnsd(8), "DATASET TYPES AND FORMATS"). Waits until it answers.
    pub fn start(zones: &[(&str, Dataset, &str)]) -> Result<Self> {
        let folder = Daemon::folder("rbldnsd")?;
        let address = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
        std::fs::write(folder.path().join("address"), address.to_string())?;
        let program = ["/usr/sbin/rbldnsd", "/usr/bin/rbldnsd"]
            .into_iter()
            .find(|path| Path::new(path).is_file())
            .context("rbldnsd is not installed")?;
        let mut words: Vec<String> = vec![program.into(), "-n".into()];
        words.extend(["-b".into(), format!("{}/{}", address.ip(), address.port())]);
        words.extend(["-w".into(), folder.path().display().to_string()]);
        if rustix::process::geteuid().is_root() {
            words.extend(["-u".into(), "nobody".into()]);
        }
        for (place, (zone, dataset, lines)) in zones.iter().enumerate() {
            let kind = match dataset {
                Dataset::Dnset => "dnset",
                Dataset::Ip4set => "ip4set",
            };
            let file = format!("zone{place}");
            let top =
                "$SOA 60 ns.lists.test hostmaster.lists.test 0 600 300 86400 60\n$NS 60 ns.lists.test\n";
            std::fs::write(folder.path().join(&file), format!("{top}{lines}\n"))?;
            words.push(format!("{zone}:{kind}:{file}"));
        }
        Ok(Self {
            daemon: Daemon::start(folder, words, ready)?,
            address,
        })
    }
}

/// Any answer to any question will do.
fn ready(folder: &Path) -> bool {
    ask(folder).unwrap_or(false)
}

fn ask(folder: &Path) -> std::io::Result<bool> {
    let address = std::fs::read_to_string(folder.join("address"))?;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    socket.connect(address)?;
    // RFC 1035 §4.1: id 1, one question, `test.` A IN.
    socket.send(b"\0\x01\0\0\0\x01\0\0\0\0\0\0\x04test\0\0\x01\0\x01")?;
    Ok(socket.recv(&mut [0; 512])? > 11)
}
