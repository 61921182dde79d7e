//! STARTTLS against a real TLS server on loopback: agreed, failed, required, verified, and what a listener injects before it.

use crate::world::{World, to};
use egress::{Egress, NextHop, Route, Settings, TlsPolicy};
use net::{ClientTls, Clock, Dialer, DnsTable, Listener, Resolver, ServerStream, ServerTls};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use trace::What;

/// What the peer does when STARTTLS comes.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Honest,
    NotOffered,
    /// 220, and octets that are no TLS.
    Garbage,
    /// The 220 comes with further replies in the clear, which say that all went well.
    Injected,
}

type Log = Arc<Mutex<Vec<String>>>;

async fn serve(mut stream: ServerStream, tls: ServerTls, mode: Mode, log: Log) -> std::io::Result<()> {
    stream.write_all(b"220 mx\r\n").await?;
    let mut secure = false;
    loop {
        let Some(line) = line(&mut stream).await? else {
            return Ok(());
        };
        log.lock()
            .unwrap()
            .push(format!("{}{line}", if secure { "tls " } else { "" }));
        let offer: &[u8] = if secure || mode == Mode::NotOffered {
            b"250 mx\r\n"
        } else {
            b"250-mx\r\n250 STARTTLS\r\n"
        };
        match line.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => stream.write_all(offer).await?,
            "STARTTLS" if mode == Mode::Garbage => {
                stream.write_all(b"220 go\r\n").await?;
                stream.write_all(b"this is not TLS at all\r\n").await?;
                return Ok(());
            }
            "STARTTLS" => {
                let injected: &[u8] = if mode == Mode::Injected {
                    b"250 mx\r\n250 ok\r\n250 ok\r\n"
                } else {
                    b""
                };
                stream.write_all(&[b"220 go\r\n", injected].concat()).await?;
                stream.flush().await?;
                stream = stream.start_tls(&tls).await.map_err(std::io::Error::other)?.0;
                secure = true;
            }
            "RCPT" if mode == Mode::Injected => stream.write_all(b"550 5.1.1 the truth\r\n").await?,
            "DATA" => {
                stream.write_all(b"354 go\r\n").await?;
                while line_or_end(&mut stream).await? != "." {}
                stream.write_all(b"250 2.0.0 taken\r\n").await?;
            }
            "QUIT" => return stream.write_all(b"221 bye\r\n").await,
            _ => stream.write_all(b"250 2.0.0 ok\r\n").await?,
        }
        stream.flush().await?;
    }
}

async fn line_or_end(stream: &mut ServerStream) -> std::io::Result<String> {
    line(stream)
        .await?
        .ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
}

async fn line(stream: &mut ServerStream) -> std::io::Result<Option<String>> {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n") {
        let Ok(octet) = stream.read_u8().await else {
            return Ok(None);
        };
        text.push(octet);
    }
    Ok(Some(
        String::from_utf8_lossy(&text[..text.len() - 2]).into_owned(),
    ))
}

struct Scene {
    world: World,
    egress: Egress,
    log: Log,
}

/// A peer of that mode and a sending side of that policy.
async fn scene(mode: Mode, policy: TlsPolicy) -> Scene {
    let directory = tempfile::tempdir().unwrap();
    let made = net::self_signed(&["localhost".to_owned()]).unwrap();
    let (certificate, key) = (directory.path().join("c.pem"), directory.path().join("k.pem"));
    std::fs::write(&certificate, made.certificate).unwrap();
    std::fs::write(&key, made.key).unwrap();
    let tls = ServerTls::from_files(&certificate, &key).unwrap();
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), 16).unwrap();
    let port = listener.local_addr().unwrap().port();
    let log = Log::default();
    let kept = Arc::clone(&log);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, tls.clone(), mode, Arc::clone(&kept)));
        }
    });
    let mut table = DnsTable::default();
    table
        .addresses
        .insert("localhost".into(), Ok(vec!["127.0.0.1".parse().unwrap()]));
    let hosts = vec![NextHop {
        host: "localhost".into(),
        port,
    }];
    let route = Route {
        pattern: "*".into(),
        hosts,
        tls: policy,
        pipeline_messages: false,
    };
    let mut settings = Settings {
        host_name: "gw.example.net".into(),
        routes: vec![route],
        ..Settings::default()
    };
    settings.limits.connections_max = 1;
    settings.timeouts.idle = Duration::from_millis(1);
    let world = World::new(Clock::system());
    let egress = world.start(
        settings,
        Resolver::table(table),
        Dialer::system(),
        Some(ClientTls::new().unwrap()),
    );
    Scene { world, egress, log }
}

async fn send_one(scene: &Scene, outcomes: usize) {
    scene.world.send(to(&["a@one.test"])).await;
    let settled = || scene.world.settled().len() >= outcomes;
    scene
        .world
        .until("it is settled", Duration::from_secs(20), settled)
        .await;
}

fn tls_told(scene: &Scene) -> Vec<Option<String>> {
    let attempted = |event: trace::Event| match event.what {
        What::Attempted { tls, .. } => Some(tls),
        _ => None,
    };
    scene
        .world
        .all_events()
        .into_iter()
        .filter_map(attempted)
        .collect()
}

#[tokio::test]
async fn policies_and_peers() {
    use TlsPolicy::{Off, Opportunistic, Required, Verify};
    let check = async |mode: Mode, policy: TlsPolicy, outcome: &str, secured: bool| {
        let scene = scene(mode, policy).await;
        send_one(&scene, 1).await;
        let settled = scene.world.settled();
        assert!(settled[0].starts_with(outcome), "{settled:?}");
        let mail = scene
            .log
            .lock()
            .unwrap()
            .iter()
            .find(|line| line.contains("MAIL"))
            .cloned()
            .unwrap_or_default();
        assert_eq!(mail.starts_with("tls "), secured, "{mail:?}");
        assert_eq!(tls_told(&scene)[0].is_some(), secured);
        assert!(
            secured || policy == Opportunistic || policy == Off || mail.is_empty(),
            "in the clear: {mail}"
        );
        drop(scene.egress);
    };
    check(Mode::Honest, Opportunistic, "delivered", true).await;
    check(Mode::Honest, Required, "delivered", true).await;
    check(Mode::Honest, Off, "delivered", false).await;
    check(Mode::NotOffered, Opportunistic, "delivered", false).await;
    check(
        Mode::NotOffered,
        Required,
        "rescheduled a@one.test 1 450 4.7.4",
        false,
    )
    .await;
    check(Mode::Garbage, Opportunistic, "delivered", false).await;
    check(
        Mode::Garbage,
        Required,
        "rescheduled a@one.test 1 451 4.7.5",
        false,
    )
    .await;
    // The certificate is self-signed: good for nobody who verifies.
    check(Mode::Honest, Verify, "rescheduled a@one.test 1 451 4.7.5", false).await;
}

/// A host whose TLS failed is not asked again for a while.
#[tokio::test]
async fn broken_tls_is_remembered() {
    let scene = scene(Mode::Garbage, TlsPolicy::Opportunistic).await;
    for n in 1..=3 {
        send_one(&scene, n).await;
    }
    assert_eq!(scene.world.count("delivered"), 3);
    let asked = scene
        .log
        .lock()
        .unwrap()
        .iter()
        .filter(|line| *line == "STARTTLS")
        .count();
    assert_eq!(asked, 1);
}

/// Replies that came before TLS are not replies.
#[tokio::test]
async fn injected_replies_are_discarded() {
    let scene = scene(Mode::Injected, TlsPolicy::Opportunistic).await;
    send_one(&scene, 1).await;
    let settled = scene.world.settled();
    assert!(
        settled[0].contains("550 5.1.1 the truth") && settled[0].starts_with("failed"),
        "{settled:?}"
    );
}
