//! Next hops that misbehave: bounded reading, temporary meaning, later delivery, and nothing lost. Each peer misbehaves on its
//! first connections and is honest afterwards.

use super::peer::{Answer, Ask, Peer};
use super::{dns, settings, sim};
use crate::world::to;
use std::time::Duration;

/// Long enough for a few retries.
const HOURS: Duration = Duration::from_secs(12 * 3_600);

/// Misbehaves in one stage on the first connection.
fn bad_once(verb: &'static str, answer: Answer) -> Peer {
    Peer::new(move |ask: &Ask| {
        if ask.verb == verb && ask.connection == 0 {
            answer.clone()
        } else {
            Answer::Usual
        }
    })
}

const VERBS: [&str; 6] = ["BANNER", "EHLO", "MAIL", "RCPT", "DATA", "DOT"];

/// Everything that can go wrong at every stage: delivered in the end, once (twice where the reply to the message was lost).
#[tokio::test(start_paused = true)]
async fn every_fault_at_every_stage() {
    let faults = [
        ("closes", Answer::Close),
        ("says nothing", Answer::Stall),
        ("421", Answer::SayAndClose("421 4.3.2 closing")),
        ("450", Answer::Say("450 4.2.0 later")),
        ("endless lines", Answer::Endless(b"250-more\r\n")),
        ("endless banner", Answer::Endless(b"220-more\r\n")),
        (
            "no line end",
            Answer::Endless(b"220 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        ),
        ("garbage", Answer::Raw(b"\x00\xff\x16\x03\x01 what\r\n".to_vec())),
        ("impossible code", Answer::Raw(b"799 x\r\n".to_vec())),
        ("impossible code", Answer::Raw(b"050 x\r\n".to_vec())),
        ("codes that differ", Answer::Raw(b"250-a\r\n450 b\r\n".to_vec())),
        ("cut reply", Answer::SayAndClose("250-cut")),
        ("empty line", Answer::Raw(b"\r\n".to_vec())),
        ("out of place 354", Answer::SayAndClose("354 go")),
    ];
    for verb in VERBS {
        for (name, answer) in &faults {
            let takes_it = verb == "DATA" && *name == "out of place 354";
            let sim = sim(bad_once(verb, answer.clone()), dns(), settings());
            sim.world.send(to(&["a@one.test"])).await;
            sim.world.until_empty(HOURS).await;
            let case = format!("{verb} {name}: {:?}", sim.world.settled());
            assert_eq!(sim.world.count("delivered"), 1, "{case}");
            assert_eq!(sim.world.count("failed"), 0, "{case}");
            let copies = sim.network.recipients().len();
            let lost_reply =
                verb == "DOT" && !matches!(*name, "421" | "450" | "out of place 354" | "cut reply");
            let allowed = if lost_reply || verb == "DOT" { 1..=2 } else { 1..=1 };
            assert!(allowed.contains(&copies) || takes_it, "{copies} copies: {case}");
        }
    }
}

/// The reply to the message is lost: it is sent again, and the possible duplicate is in the story.
#[tokio::test(start_paused = true)]
async fn a_lost_250_is_noted() {
    let sim = sim(bad_once("DOT", Answer::Close), dns(), settings());
    sim.world.send(to(&["a@one.test"])).await;
    sim.world.until_empty(HOURS).await;
    let settled = sim.world.settled();
    assert!(
        settled[0].starts_with("rescheduled") && settled[0].contains("possible duplicate"),
        "{settled:?}"
    );
    assert_eq!(sim.network.recipients().len(), 2);
}

/// A stalling next hop does not hold up the others.
#[tokio::test(start_paused = true)]
async fn others_flow_meanwhile() {
    let stall = Peer::new(|ask| {
        if ask.line.contains("slow") {
            Answer::Stall
        } else {
            Answer::Usual
        }
    });
    let sim = sim(stall, dns(), settings());
    sim.world.send(to(&["slow@slow.test"])).await;
    for n in 0..50 {
        sim.world.send(to(&[&format!("r{n}@fast{n}.test")])).await;
    }
    let fast = || sim.world.count("delivered") == 50;
    sim.world
        .until("the fast ones are delivered", Duration::from_secs(30), fast)
        .await;
}

/// What a hostile reply says is shown without controls.
#[tokio::test(start_paused = true)]
async fn reply_text_is_clean() {
    let nasty = Answer::Raw(b"550 5.1.1 \x1b[31mred\x07\x00 <script>\r\n".to_vec());
    let sim = sim(
        Peer::new(move |ask| {
            if ask.verb == "RCPT" {
                nasty.clone()
            } else {
                Answer::Usual
            }
        }),
        dns(),
        settings(),
    );
    sim.world.send(to(&["a@one.test"])).await;
    sim.world
        .until("it is settled", HOURS, || !sim.world.settled().is_empty())
        .await;
    let line = sim.world.settled().remove(0);
    assert!(line.starts_with("failed a@one.test 1 550 5.1.1"), "{line}");
    assert!(!line.chars().any(char::is_control), "{line:?}");
}

/// A peer that says more than it was asked cannot make one recipient's reply count for another's.
#[tokio::test(start_paused = true)]
async fn unasked_replies_end_the_connection() {
    let chatty = Peer::new(|ask| {
        if ask.verb == "DOT" && ask.connection == 0 {
            return Answer::Raw(b"250 taken\r\n550 and this is for the next\r\n".to_vec());
        }
        Answer::Usual
    });
    let mut own = settings();
    own.limits.connections_max = 1;
    let sim = sim(chatty, dns(), own);
    for n in 0..5 {
        sim.world.send(to(&[&format!("r{n}@one.test")])).await;
    }
    sim.world.until_empty(HOURS).await;
    assert_eq!(sim.world.count("delivered"), 5, "{:?}", sim.world.settled());
    assert_eq!(sim.world.count("failed"), 0);
}
