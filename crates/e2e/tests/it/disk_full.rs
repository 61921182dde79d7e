//! A full disk and a read-only disk, on a small file system of its own: new mail is answered 4yz, nothing is lost, and the
//! gateway goes on by itself when there is room again. Needs root (mount).

use e2e::client::{Client, Mail};
use e2e::mails;
use e2e::process::{Gateway, Plan};
use e2e::sink::{Behaviour, Sink};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

struct Mount(PathBuf);

impl Mount {
    fn tmpfs(path: &Path) -> Self {
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=24m,nr_inodes=2000", "tmpfs"])
            .arg(path)
            .status()
            .unwrap();
        assert!(done.success(), "mount needs root");
        Self(path.to_owned())
    }

    fn remount(&self, how: &str) {
        assert!(
            Command::new("mount")
                .args(["-o", &format!("remount,{how}")])
                .arg(&self.0)
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

async fn fill(gateway: &Gateway, messages: usize) -> (Vec<usize>, Vec<String>) {
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    for number in 0..messages {
        let mut client = Client::connect(gateway.relay).await.unwrap();
        let body = mails::plain("s@bench.test", "to@sink.test", "Big", &mails::text(200_000));
        let message = [format!("X-Account: {number}\r\n").as_bytes(), &body].concat();
        let fared = client
            .send(&Mail {
                from: "s@bench.test",
                to: vec!["to@sink.test"],
                message: &message,
            })
            .await
            .unwrap();
        if fared.taken() {
            taken.push(number);
        } else {
            refused.push(fared.decisive().to_owned());
        }
    }
    (taken, refused)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_says_452_and_loses_nothing() {
    let sink = Sink::start(SocketAddr::from(([127, 0, 0, 1], 0)), Behaviour::default())
        .await
        .unwrap();
    let more =
        "[[risk.limits.each_mailbox.windows]]\nwindow_s = 3600\nmessages = 1000000\nrecipients = 1000000\n";
    let plan = Plan {
        next_hop: Some(sink.address),
        more: more.to_owned(),
        log: false,
        ..Plan::default()
    };
    let mut gateway = Gateway::prepare(&plan).unwrap();
    let mount = Mount::tmpfs(&gateway.data());
    gateway
        .dogana(
            &["network", "add", "load", "127.0.0.0/8", "--also-sends-as", "*"],
            "",
        )
        .unwrap();
    gateway.launch().unwrap();
    gateway.dogana(&["pause", "--all"], "").unwrap();
    let (taken, refused) = fill(&gateway, 200).await;
    assert!(
        taken.len() > 10 && !refused.is_empty(),
        "{} taken, {} refused",
        taken.len(),
        refused.len()
    );
    for reply in &refused {
        assert!(reply.starts_with("452 4.3.1"), "{reply}");
    }
    // The pause is a row in the database: give the disk a little room to say so.
    mount.remount("size=32m");
    gateway.dogana(&["resume", "--all"], "").unwrap();
    assert!(
        sink.wait_for(taken.len() as u64, Duration::from_secs(30)).await,
        "{} of {}: {}",
        sink.count(),
        taken.len(),
        gateway.said()
    );
    let arrived = sink.accounts();
    assert!(
        taken
            .iter()
            .all(|number| arrived.contains_key(&number.to_string()))
    );
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let (again, refused) = fill(&gateway, 1).await;
        if !again.is_empty() {
            break;
        }
        let late = tokio::time::Instant::now() > deadline;
        assert!(
            !late,
            "it takes mail again by itself: {refused:?} {}",
            gateway.said()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_disk_says_4yz_and_goes_on_afterwards() {
    let sink = Sink::start(SocketAddr::from(([127, 0, 0, 1], 0)), Behaviour::default())
        .await
        .unwrap();
    let plan = Plan {
        next_hop: Some(sink.address),
        log: false,
        ..Plan::default()
    };
    let mut gateway = Gateway::prepare(&plan).unwrap();
    // A loop device: tmpfs cannot refuse writes to files that are open.
    let image = gateway.folder.path().join("image");
    for (program, words) in [("truncate", vec!["-s", "64M"]), ("mkfs.ext4", vec!["-q", "-F"])] {
        assert!(
            Command::new(program)
                .args(words)
                .arg(&image)
                .status()
                .unwrap()
                .success()
        );
    }
    assert!(
        Command::new("mount")
            .args(["-o", "loop"])
            .arg(&image)
            .arg(gateway.data())
            .status()
            .unwrap()
            .success()
    );
    let mount = Mount(gateway.data());
    gateway
        .dogana(
            &["network", "add", "load", "127.0.0.0/8", "--also-sends-as", "*"],
            "",
        )
        .unwrap();
    gateway.launch().unwrap();
    let (before, _) = fill(&gateway, 2).await;
    assert_eq!(before.len(), 2);
    // With files open for writing the kernel refuses "remount,ro"; the emergency form does what a failing disk does.
    shut_down(&mount.0);
    let (during, refused) = fill(&gateway, 3).await;
    assert!(during.is_empty(), "a promise on a dead disk");
    for reply in &refused {
        assert!(
            reply.starts_with("451 4.3.0") || reply.starts_with("452 4.3.1"),
            "{reply}"
        );
    }
    assert!(gateway.pid().is_some());
}

/// ext4's own "shutdown" (EXT4_IOC_SHUTDOWN, no log flush): every further write fails with EIO, as when a disk dies.
fn shut_down(path: &Path) {
    let script = "import fcntl,os,struct,sys\nfd=os.open(sys.argv[1],os.O_RDONLY)\nfcntl.ioctl(fd,0x8004587d,struct.pack('I',2))";
    assert!(
        Command::new("python3")
            .args(["-c", script])
            .arg(path)
            .status()
            .unwrap()
            .success()
    );
}
