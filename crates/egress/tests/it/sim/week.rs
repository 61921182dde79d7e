//! A week of a bad network in a moment: random faults from a printed seed; nothing is lost, nothing is told twice.

use super::peer::{Answer, Peer};
use super::{MX, dns, settings, sim};
use crate::world::{Letter, to};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

fn moody(seed: u64) -> Peer {
    let dice = Mutex::new(StdRng::seed_from_u64(seed));
    Peer::new(move |ask| {
        let roll = dice.lock().unwrap().random_range(0..100);
        match (ask.verb, roll) {
            ("RCPT", _) if ask.line.contains("never") => Answer::Say("550 5.1.1 no such user"),
            ("RCPT", _) if ask.line.contains("always-later") => Answer::Say("450 4.2.0 later"),
            ("BANNER", 0..10) => Answer::SayAndClose("421 4.3.2 busy"),
            ("BANNER" | "EHLO" | "MAIL" | "RCPT" | "DATA", 10..13) => Answer::Close,
            ("BANNER" | "MAIL" | "RCPT" | "DATA" | "DOT", 13..15) => Answer::Stall,
            ("RCPT" | "MAIL" | "DATA" | "DOT", 15..30) => Answer::Say("451 4.3.0 try again"),
            ("MAIL" | "RCPT" | "DOT", 30..32) => Answer::SayAndClose("421 4.3.2 closing"),
            _ => Answer::Usual,
        }
    })
}

async fn week(seed: u64) {
    println!("seed {seed}");
    let own = egress::Settings {
        seed: Some(seed),
        ..settings()
    };
    let sim = sim(moody(seed), dns(), own);
    for n in 0..60 {
        let kind = match n % 20 {
            0 => "never",
            1 => "always-later",
            _ => "good",
        };
        let list = (0..=n % 3)
            .map(|r| format!("{kind}-{n}-{r}@d{}.test", n % 7))
            .collect();
        sim.world
            .send(Letter {
                to: list,
                ..Letter::default()
            })
            .await;
    }
    sim.network.set(MX, None);
    tokio::time::sleep(DAY / 4).await;
    sim.network.set(MX, Some(moody(seed + 1)));
    sim.world.until_empty(12 * DAY).await;

    let mut ends: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in sim.world.settled() {
        let mut words = line.split(' ');
        let (outcome, recipient) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
        if outcome != "rescheduled" {
            ends.entry(recipient).or_default().push(outcome);
        }
    }
    let arrived = sim.network.recipients();
    for n in 0..60 {
        for r in 0..=n % 3 {
            let kind = ["never", "always-later"].get(n % 20).copied().unwrap_or("good");
            let recipient = format!("{kind}-{n}-{r}@d{}.test", n % 7);
            let copies = arrived.iter().filter(|other| **other == recipient).count();
            let end = ends.get(&recipient).cloned().unwrap_or_default();
            let expected: &[&str] = match kind {
                "never" => &["failed"],
                "always-later" => &["expired"],
                _ => &["delivered"],
            };
            assert_eq!(end, expected, "seed {seed}: {recipient}");
            assert_eq!(
                copies > 0,
                kind == "good",
                "seed {seed}: {recipient} arrived {copies} times"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn weeks_of_a_bad_network() {
    for seed in 1..=5 {
        week(seed).await;
    }
}

/// The schedule as the next hop sees it: attempts at the times that the settings say, within the jitter.
#[tokio::test(start_paused = true)]
async fn attempts_follow_the_schedule() {
    let times = std::sync::Arc::new(Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&times);
    let origin = tokio::time::Instant::now();
    let peer = Peer::new(move |ask| {
        if ask.verb == "RCPT" && ask.line.contains("a@one.test") {
            seen.lock().unwrap().push(origin.elapsed().as_secs_f64() / 60.0);
            return Answer::Say("450 4.2.0 later");
        }
        Answer::Usual
    });
    let sim = sim(peer, dns(), settings());
    sim.world
        .send(Letter {
            lifetime: DAY,
            ..to(&["a@one.test"])
        })
        .await;
    sim.world.until_empty(2 * DAY).await;
    let times = times.lock().unwrap().clone();
    let steps: Vec<f64> = times.windows(2).map(|two| two[1] - two[0]).collect();
    for (step, expected) in steps
        .iter()
        .zip([5.0, 10.0, 20.0, 40.0, 60.0, 120.0, 240.0, 240.0])
    {
        assert!((expected * 0.89..expected * 1.13).contains(step), "{steps:?}");
    }
    assert!(
        (times.last().unwrap() - 1_440.0).abs() < 3.0,
        "the last attempt is at the expiry: {times:?}"
    );
    assert_eq!(sim.world.count("expired"), 1);
}
