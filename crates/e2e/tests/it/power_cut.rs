//! Power cuts under load: the data directory is an ext4 file system of its own that is shut down without flushing its journal,
//! which loses all that was not synced. What got 250 must arrive, whole. Needs root (mount).

use e2e::load::{Load, LoadResult};
use e2e::mails;
use e2e::process::{Gateway, Plan};
use e2e::sink::{Behaviour, Sink};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const ROUNDS: u64 = 10;

/// A file system in a file.
pub struct Disk {
    image: PathBuf,
    at: PathBuf,
}

impl Disk {
    pub fn make(image: PathBuf, at: PathBuf, size: &str) -> Self {
        run("truncate", &["-s", size, &image.to_string_lossy()]);
        run("mkfs.ext4", &["-q", "-F", &image.to_string_lossy()]);
        let disk = Self { image, at };
        disk.mount();
        disk
    }

    fn mount(&self) {
        run(
            "mount",
            &[
                "-o",
                "loop",
                &self.image.to_string_lossy(),
                &self.at.to_string_lossy(),
            ],
        );
    }

    /// EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH: from now on every write fails, and what was not synced is gone.
    pub fn cut(&self) {
        let script = "import fcntl,os,struct,sys\nfd=os.open(sys.argv[1],os.O_RDONLY)\nfcntl.ioctl(fd,0x8004587d,struct.pack('I',2))";
        run("python3", &["-c", script, &self.at.to_string_lossy()]);
    }

    /// The power comes back: the journal is replayed.
    pub fn again(&self) {
        run("umount", &[&self.at.to_string_lossy()]);
        self.mount();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

fn run(program: &str, words: &[&str]) {
    let out = Command::new(program).args(words).output().unwrap();
    assert!(
        out.status.success(),
        "{program} {words:?}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
}

fn load(address: SocketAddr, first: u64, stop: &Arc<AtomicBool>) -> Load {
    Load {
        address,
        connections: 10,
        messages_per_connection: 20,
        messages: 100_000,
        logins: Vec::new(),
        tls: false,
        mails: (0..20)
            .map(|n| {
                mails::plain(
                    "s@bench.test",
                    "to@sink.test",
                    "Load",
                    &mails::text(500 + n * 700),
                )
            })
            .collect(),
        to: vec!["to@sink.test".to_owned()],
        numbered: true,
        first,
        stop: Some(Arc::clone(stop)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_got_250_is_lost() {
    let sink = Sink::start(SocketAddr::from(([127, 0, 0, 1], 0)), Behaviour::default())
        .await
        .unwrap();
    let limits = "[[risk.limits.each_mailbox.windows]]\nwindow_s = 86400\nmessages = 100000000\nrecipients = 100000000\n[egress.retry]\nafter_s = [1]\n";
    let plan = Plan {
        next_hop: Some(sink.address),
        more: limits.to_owned(),
        log: false,
        ..Plan::default()
    };
    let mut gateway = Gateway::prepare(&plan).unwrap();
    let disk = Disk::make(gateway.folder.path().join("image"), gateway.data(), "600M");
    gateway
        .dogana(
            &["network", "add", "load", "127.0.0.0/8", "--also-sends-as", "*"],
            "",
        )
        .unwrap();
    gateway.launch().unwrap();
    let mut all = LoadResult::default();
    for round in 0..ROUNDS {
        let stop = Arc::new(AtomicBool::new(false));
        let running = tokio::spawn(load(gateway.relay, round * 1_000_000, &stop).run());
        tokio::time::sleep(Duration::from_millis(250 + 90 * (round % 4))).await;
        disk.cut();
        tokio::time::sleep(Duration::from_millis(60)).await;
        gateway.kill().unwrap();
        stop.store(true, Ordering::Relaxed);
        let result = running.await.unwrap();
        all.taken += result.taken;
        all.accounts.extend(result.accounts);
        disk.again();
        gateway
            .launch()
            .unwrap_or_else(|error| panic!("round {round}: it must open by itself: {error:#}"));
    }
    let missing = || {
        let arrived = sink.accounts();
        all.accounts
            .iter()
            .filter(|number| !arrived.contains_key(&number.to_string()))
            .count()
    };
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while missing() > 0 && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("{ROUNDS} power cuts: {} taken, {} lost", all.taken, missing());
    assert!(all.taken > 500, "{} taken", all.taken);
    assert_eq!(missing(), 0, "{}", gateway.said());
}
