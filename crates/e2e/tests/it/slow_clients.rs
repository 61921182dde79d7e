//! A thousand clients that send an octet a second in DATA do not hinder one that is quick; and a certificate that changes on
//! disk is used without a restart.

use super::{anna, house, until};
use e2e::client::Mail;
use e2e::mails;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const FROM: &str = "anna@acme.example";
const SLOW: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_quick_client_beside_a_thousand_slow_ones() {
    let (gateway, sink) = house("").await;
    gateway
        .dogana(
            &["network", "add", "slow", "127.0.0.0/8", "--also-sends-as", "*"],
            "",
        )
        .unwrap();
    until("the network is known", || {
        let mut stream = TcpStream::connect(gateway.relay).unwrap();
        stream
            .write_all(b"EHLO x\r\nMAIL FROM:<s@bench.test>\r\nQUIT\r\n")
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text.contains("250 2.1.0")
    })
    .await;
    // A password check takes memory of its own, which stays with the process.
    anna(&gateway).await.quit().await.unwrap();
    let before = gateway.memory_octets().unwrap();
    let mut slow = Vec::new();
    for _ in 0..SLOW {
        let mut stream = TcpStream::connect(gateway.relay).unwrap();
        let commands = b"EHLO x\r\nMAIL FROM:<s@bench.test>\r\nRCPT TO:<to@sink.test>\r\nDATA\r\n";
        stream.write_all(commands).unwrap();
        let mut heard = Vec::new();
        while !heard.windows(4).any(|four| four == b"354 ") {
            let mut some = [0; 512];
            let count = stream.read(&mut some).unwrap();
            assert!(count > 0, "{}", String::from_utf8_lossy(&heard));
            heard.extend_from_slice(&some[..count]);
        }
        slow.push(stream);
    }
    let message = mails::plain(FROM, "tom@customer.example", "Quick", &mails::text(5_000));
    let mut slowest = Duration::ZERO;
    for octet in b"Subject: s" {
        for stream in &mut slow {
            stream.write_all(&[*octet]).unwrap();
        }
        let begun = Instant::now();
        let mut client = anna(&gateway).await;
        assert!(
            client
                .send(&Mail {
                    from: FROM,
                    to: vec!["tom@customer.example"],
                    message: &message
                })
                .await
                .unwrap()
                .taken()
        );
        slowest = slowest.max(begun.elapsed());
    }
    let each = gateway.memory_octets().unwrap().saturating_sub(before) / SLOW as u64;
    println!("slowest of ten quick messages {slowest:?}; {each} octets of memory for each slow client");
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    assert!(each < 40_000, "{each} octets for each slow client");
    assert!(sink.wait_for(10, Duration::from_secs(10)).await);
    assert_eq!(sink.count(), 10, "no half message was delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_used_without_a_restart() {
    let make = |folder: &std::path::Path, name: &str| {
        let out = std::process::Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days",
                "2",
            ])
            .args(["-subj", &format!("/CN={name}"), "-keyout"])
            .arg(folder.join("key.pem"))
            .arg("-out")
            .arg(folder.join("chain.pem"))
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    };
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), "first.example");
    let more = format!(
        "[ingress]\ncertificate = {:?}\nkey = {:?}\n",
        folder.path().join("chain.pem"),
        folder.path().join("key.pem")
    );
    let (gateway, _sink) = house(&more).await;
    let subject = || {
        let out = std::process::Command::new("openssl")
            .args(["s_client", "-connect", &gateway.submissions.to_string()])
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    assert!(subject().contains("first.example"));
    make(folder.path(), "second.example");
    gateway.signal(rustix::process::Signal::HUP).unwrap();
    until("the new certificate is shown", || {
        subject().contains("second.example")
    })
    .await;
    std::fs::write(folder.path().join("chain.pem"), "not a certificate").unwrap();
    gateway.signal(rustix::process::Signal::HUP).unwrap();
    until("it says that the old one stays", || {
        gateway.said().contains("the old certificate stays")
    })
    .await;
    assert!(subject().contains("second.example"));
}
