//! Real next hops: Postfix's smtp-sink. It is part of the Debian package `postfix`; without it these tests fail.

use crate::world::{Letter, World, to};
use egress::{NextHop, Route, Settings, SiteLimits, TlsPolicy};
use net::{Clock, Dialer, DnsTable, Resolver};
use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

struct SmtpSink {
    process: Child,
    port: u16,
    dump: tempfile::TempDir,
}

impl SmtpSink {
    async fn start(options: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let dump = tempfile::tempdir().unwrap();
        let program = ["/usr/sbin/smtp-sink", "/usr/lib/postfix/sbin/smtp-sink"]
            .into_iter()
            .find(|p| Path::new(p).exists());
        let mut command = Command::new(program.expect("smtp-sink of the package postfix is needed"));
        if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
            // It does not run as root.
            std::fs::set_permissions(dump.path(), Permissions::from_mode(0o777)).unwrap();
            command.args(["-u", "nobody"]);
        }
        command
            .args(options)
            .arg("-d")
            .arg(dump.path().join("%M."))
            .arg(format!("127.0.0.1:{port}"))
            .arg("100");
        let process = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        for _ in 0..1_000 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Self { process, port, dump }
    }

    /// Messages as smtp-sink wrote them: envelope as `X-…` lines, then the message.
    fn messages(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.dump.path()).unwrap();
        let texts = files
            .map(|file| String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap()).into_owned());
        texts.filter(|text| text.contains("X-Mail-Args")).collect()
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn through(port: u16, pipeline_messages: bool) -> Settings {
    let hosts = vec![NextHop {
        host: "127.0.0.1".into(),
        port,
    }];
    let route = Route {
        pattern: "*".into(),
        hosts,
        tls: TlsPolicy::Opportunistic,
        pipeline_messages,
    };
    let limits = SiteLimits {
        connections_max: 4,
        ..SiteLimits::default()
    };
    Settings {
        host_name: "gw.example.net".into(),
        routes: vec![route],
        limits,
        ..Settings::default()
    }
}

/// 300 messages arrive whole at a real smtp-sink, with PIPELINING, without it, and with messages one behind the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn smtp_sink_takes_everything() {
    for (options, ride) in [
        (&["-e"][..], false),
        (&["-p"], false),
        (&[], true),
        (&["-8"], true),
    ] {
        let sink = SmtpSink::start(options).await;
        let world = World::new(Clock::system());
        let resolver = Resolver::table(DnsTable::default());
        let egress = world.start(through(sink.port, ride), resolver, Dialer::system(), None);
        world
            .send_all(
                (0..300).map(|n| Letter {
                    body: format!("Subject: number {n}.\r\n\r\n.first\r\n..second\r\nlast of {n}.\r\n")
                        .into_bytes(),
                    ..to(&[&format!("r{n}@one.test"), "second@two.test"])
                }),
            )
            .await;
        world.until_empty(Duration::from_secs(60)).await;
        assert!(egress.drain(Duration::from_secs(10)).await);
        let messages = sink.messages();
        assert_eq!(messages.len(), 300, "{options:?}");
        for n in 0..300 {
            let found = messages
                .iter()
                .filter(|text| text.contains(&format!("Subject: number {n}.\n")))
                .count();
            assert_eq!(found, 1, "{options:?} {n}");
        }
        let whole = |text: &String| {
            text.contains("\n.first\n..second\nlast of ") && text.contains("<second@two.test>")
        };
        assert!(messages.iter().all(whole), "{options:?}: {}", messages[0]);
    }
}

/// smtp-sink refusing each command in turn: temporary stays in the queue, permanent is failed.
#[tokio::test]
async fn smtp_sink_refuses() {
    for (command, outcome) in [("-f", "failed"), ("-r", "rescheduled")] {
        for stage in ["MAIL", "RCPT", "DATA", "."] {
            let sink = SmtpSink::start(&[command, stage]).await;
            let world = World::new(Clock::system());
            let resolver = Resolver::table(DnsTable::default());
            let _egress = world.start(through(sink.port, false), resolver, Dialer::system(), None);
            world
                .send(Letter {
                    from: None,
                    ..to(&["a@one.test"])
                })
                .await;
            world
                .until("it is settled", Duration::from_secs(20), || {
                    !world.settled().is_empty()
                })
                .await;
            assert_eq!(
                world.count(outcome),
                1,
                "{command} {stage}: {:?}",
                world.settled()
            );
        }
    }
}
