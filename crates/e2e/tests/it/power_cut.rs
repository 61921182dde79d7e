//! Power cuts under load: the data directory is an ext4 file system of its own that is shut down without flushing its journal,
//! which loses all that was not synced. What got 250 must arrive, whole. Needs root (mount).

use super::{let_relay, load_mails, prepared_relay_house};
use e2e::load::{Load, LoadResult};
use e2e::process::Plan;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const ROUNDS: u64 = 10;

/// A file system in a file.
struct Disk {
    image: PathBuf,
    at: PathBuf,
}

impl Disk {
    fn make(image: PathBuf, at: PathBuf, size: &str) -> Self {
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
    fn cut(&self) {
        let script = "import fcntl,os,struct,sys\nfd=os.open(sys.argv[1],os.O_RDONLY)\nfcntl.ioctl(fd,0x8004587d,struct.pack('I',2))";
        run("python3", &["-c", script, &self.at.to_string_lossy()]);
    }

    /// The power comes back: the journal is replayed.
    fn again(&self) {
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

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_got_250_is_lost() {
    let (mut gateway, sink) = prepared_relay_house(Plan::default()).await;
    let disk = Disk::make(gateway.folder.path().join("image"), gateway.data(), "600M");
    let_relay(&gateway);
    gateway.launch().unwrap();
    let mut all = LoadResult::default();
    for round in 0..ROUNDS {
        let stop = Arc::new(AtomicBool::new(false));
        let load = Load {
            numbered: true,
            first: round * 1_000_000,
            stop: Some(Arc::clone(&stop)),
            ..Load::new(gateway.relay, 100_000, load_mails())
        };
        let running = tokio::spawn(load.run());
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
    let lost = all.missing(&sink, Duration::from_secs(60)).await;
    println!("{ROUNDS} power cuts: {} taken, {lost} lost", all.taken);
    assert!(all.taken > 500, "{} taken", all.taken);
    assert_eq!(lost, 0, "{}", gateway.said());
}
