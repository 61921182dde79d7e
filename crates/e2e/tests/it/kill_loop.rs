//! kill -9 again and again under load: what got 250 arrives; what arrives twice is bounded. And a polite end, which doubles nothing.

use super::{load_mails, relay_house};
use e2e::load::Load;
use e2e::process::Plan;
use std::time::Duration;

const ROUNDS: u64 = 20;
const CONNECTIONS: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_got_250_is_lost() {
    let (mut gateway, sink) = relay_house(Plan::default()).await;
    let load = Load {
        connections: CONNECTIONS,
        messages_per_connection: 50,
        numbered: true,
        ..Load::new(gateway.relay, 6_000, load_mails())
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
    let lost = result.missing(&sink, Duration::from_secs(60)).await;
    let twice: u64 = sink.accounts().values().map(|count| count - 1).sum();
    println!(
        "{kills} kills; {} taken, {} without answer, {lost} lost, {twice} twice",
        result.taken, result.unknown
    );
    assert!(
        kills >= 5 && result.taken > 500,
        "the load must have met the kills: {kills}, {} taken",
        result.taken
    );
    assert_eq!(lost, 0, "{}", gateway.said());
    // In flight at one time: 10 connections to the sink, each with a message sent and one in the pipe.
    assert!(
        twice <= kills * 20,
        "{twice} messages arrived twice after {kills} kills"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_polite_end_under_load_loses_nothing_and_doubles_nothing() {
    let (mut gateway, sink) = relay_house(Plan::default()).await;
    let load = Load {
        connections: CONNECTIONS,
        numbered: true,
        ..Load::new(gateway.relay, 3_000, load_mails())
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
    let lost = result.missing(&sink, Duration::from_secs(60)).await;
    let twice: u64 = sink.accounts().values().map(|count| count - 1).sum();
    println!(
        "{} taken, {} without answer, {lost} lost, {twice} twice",
        result.taken, result.unknown
    );
    assert_eq!((lost, twice), (0, 0), "{}", gateway.said());
}
