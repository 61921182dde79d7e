//! Peers that are no scanners: what they say is a failure with a reason, never a hang, never an opinion.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What a peer does with each connection.
#[derive(Clone, Copy)]
enum Peer {
    /// Reads for a while, says this, closes.
    Says(&'static [u8]),
    /// Closes without a word.
    Closes,
    /// Says this over and over.
    Babbles(&'static [u8]),
    /// Says this, then nothing, and keeps the connection.
    Hangs(&'static [u8]),
}

async fn listen(peer: Peer) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut octets = [0; 65_536];
                let _ = stream.read(&mut octets).await;
                match peer {
                    Peer::Says(text) => {
                        let _ = stream.write_all(text).await;
                    }
                    Peer::Closes => {}
                    Peer::Babbles(text) => while stream.write_all(text).await.is_ok() {},
                    Peer::Hangs(text) => {
                        let _ = stream.write_all(text).await;
                        let _ = stream.read_to_end(&mut Vec::new()).await;
                        std::future::pending::<()>().await;
                    }
                }
            });
        }
    });
    Endpoint::Tcp(address)
}

/// All three, each at a peer of its own.
async fn scanners(peer: Peer, deadline: Duration) -> Scanners {
    let settings = ScannerSettings {
        clamav: Some(ScannerAccess::clamav(listen(peer).await)),
        rspamd: Some(ScannerAccess::rspamd(listen(peer).await)),
        spamassassin: Some(ScannerAccess::spamassassin(listen(peer).await)),
        deadline,
        ..ScannerSettings::default()
    };
    Scanners::new(settings, Dialer::system())
}

#[tokio::test]
async fn wrong_answers_are_failures() {
    let cases = [
        Peer::Says(b"220 mx.example.com ESMTP\r\n"),
        Peer::Says(b"\0\0\0\0\0\0\0\0"),
        Peer::Says(b"\xff\xfe\x1b[31mstream: OK FOUND OK"),
        Peer::Says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
        Peer::Says(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"score\":1,"),
        Peer::Says(b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"error\":\"broken\"}"),
        Peer::Says(b"SPAMD/1.1 0 EX_OK\r\nContent-length: 100\r\nSpam: False ; 0.0 / 5.0\r\n\r\nshort"),
        Peer::Says(b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; nan / inf\r\n\r\n"),
        Peer::Says(b"SPAMD/1.0 76 Bad header line\r\n\r\n"),
        Peer::Says(b"SPAMD/1.1"),
        Peer::Closes,
        Peer::Babbles(b"stream: stream: stream: "),
        Peer::Babbles(b"SPAMD/1.1 0 EX_OK\r\nSpam: False ; 0.0 / 5.0\r\n\r\n"),
    ];
    for (number, peer) in cases.into_iter().enumerate() {
        let scanners = scanners(peer, PATIENT).await;
        for scan in ask_all(&scanners, &plain("x", "y")).await {
            let why = failure(scan.result);
            let clean = why.chars().count() <= 200 && !why.chars().any(char::is_control);
            assert!(clean && !why.is_empty(), "{number} {}: {why:?}", scan.scanner);
        }
    }
}

#[tokio::test]
async fn silence_is_late() {
    let cases: [&[u8]; 4] = [
        b"",
        b"stream: OK",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
        b"SPAMD/1.1 0 EX_OK\r\n",
    ];
    for text in cases {
        let scanners = scanners(Peer::Hangs(text), HURRIED).await;
        let begun = std::time::Instant::now();
        for scan in ask_all(&scanners, &plain("x", &"long line\n".repeat(10_000))).await {
            let no_http = scan.scanner == "rspamd" && !text.is_empty() && !text.starts_with(b"HTTP/");
            assert_eq!(
                scan.result != Gathered::Late,
                no_http,
                "{}: {:?}",
                scan.scanner,
                scan.result
            );
        }
        assert!(begun.elapsed() < PATIENT, "all at once, under one deadline");
    }
}
