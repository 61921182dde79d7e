//! kill -9 again and again under load: what got 250 arrives; what arrives twice is bounded.

use e2e::load::Load;
use e2e::mails;
use e2e::process::{Gateway, Plan};
use e2e::sink::{Behaviour, Sink};
use std::net::SocketAddr;
use std::time::Duration;

const ROUNDS: u64 = 20;
const CONNECTIONS: usize = 10;

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
    gateway
        .dogana(
            &["network", "add", "load", "127.0.0.0/8", "--also-sends-as", "*"],
            "",
        )
        .unwrap();
    gateway.launch().unwrap();
    let load = Load {
        address: gateway.relay,
        connections: CONNECTIONS,
        messages_per_connection: 50,
        messages: 6_000,
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
        first: 0,
        stop: None,
    };
    let running = tokio::spawn(load.run());
    let mut kills = 0;
    while kills < ROUNDS && !running.is_finished() {
        tokio::time::sleep(Duration::from_millis(60 + 37 * (kills % 5))).await;
        gateway.kill().unwrap();
        kills += 1;
        gateway.launch().unwrap();
    }
    let result = running.await.unwrap();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    let missing = |sink: &Sink| {
        let arrived = sink.accounts();
        result
            .accounts
            .iter()
            .filter(|number| !arrived.contains_key(&number.to_string()))
            .count()
    };
    while missing(&sink) > 0 && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let arrived = sink.accounts();
    let twice: u64 = arrived.values().map(|count| count - 1).sum();
    println!(
        "{kills} kills; {} taken, {} without answer, {} lost, {twice} twice",
        result.taken,
        result.unknown,
        missing(&sink)
    );
    assert!(
        kills >= 5 && result.taken > 500,
        "the load must have met the kills: {kills} kills, {} taken",
        result.taken
    );
    assert_eq!(missing(&sink), 0, "lost messages; {}", gateway.said());
    // In flight at one time: 10 connections to the sink, each with a message sent and one in the pipe.
    assert!(
        twice <= kills * 20,
        "{twice} messages arrived twice after {kills} kills"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_polite_end_under_load_loses_nothing_and_doubles_nothing() {
    let sink = Sink::start(SocketAddr::from(([127, 0, 0, 1], 0)), Behaviour::default())
        .await
        .unwrap();
    let limits = "[[risk.limits.each_mailbox.windows]]\nwindow_s = 86400\nmessages = 100000000\nrecipients = 100000000\n";
    let plan = Plan {
        next_hop: Some(sink.address),
        more: limits.to_owned(),
        log: false,
        ..Plan::default()
    };
    let mut gateway = Gateway::prepare(&plan).unwrap();
    gateway
        .dogana(
            &["network", "add", "load", "127.0.0.0/8", "--also-sends-as", "*"],
            "",
        )
        .unwrap();
    gateway.launch().unwrap();
    let load = Load {
        address: gateway.relay,
        connections: CONNECTIONS,
        messages_per_connection: 20,
        messages: 3_000,
        logins: Vec::new(),
        tls: false,
        mails: vec![mails::plain(
            "s@bench.test",
            "to@sink.test",
            "Load",
            &mails::text(3_000),
        )],
        to: vec!["to@sink.test".to_owned()],
        numbered: true,
        first: 0,
        stop: None,
    };
    let running = tokio::spawn(load.run());
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let (lasted, well) = gateway.terminate().unwrap();
        assert!(
            well && lasted < Duration::from_secs(30),
            "{lasted:?}: {}",
            gateway.said()
        );
        gateway.launch().unwrap();
    }
    let result = running.await.unwrap();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while (sink.accounts().len() as u64) < result.taken && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let arrived = sink.accounts();
    let lost = result
        .accounts
        .iter()
        .filter(|number| !arrived.contains_key(&number.to_string()))
        .count();
    let twice: u64 = arrived.values().map(|count| count - 1).sum();
    println!(
        "{} taken, {} without answer, {lost} lost, {twice} twice",
        result.taken, result.unknown
    );
    assert_eq!((lost, twice), (0, 0), "{}", gateway.said());
}
