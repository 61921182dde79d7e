//! What refusals teach the site's content model.

use super::peer::{Answer, Peer};
use super::{dns, settings, sim};
use crate::world::{Letter, to};
use std::time::Duration;
use trace::What;

const MINUTE: Duration = Duration::from_secs(60);
const SPAM: &str = "554 5.7.1 Spam message rejected";

/// A peer that says the same at one command, to everybody but `good@`.
fn saying(verb: &'static str, words: &'static str) -> Peer {
    Peer::new(move |ask| {
        if ask.verb == verb && !ask.line.contains("good@") {
            Answer::Say(words)
        } else {
            Answer::Usual
        }
    })
}

fn letter(number: usize, recipients: &[&str]) -> Letter {
    let words: String = (0..12)
        .map(|word| {
            format!(
                "{}{} ",
                ["lorem", "ipsum", "dolor"][word % 3],
                "x".repeat(number % 50 + word)
            )
        })
        .collect();
    Letter {
        body: format!("From: sender@example.com\r\nSubject: {words}\r\n\r\n{words}\r\n").into_bytes(),
        ..to(recipients)
    }
}

/// Only what is said for good, of the message, and of its content.
#[tokio::test(start_paused = true)]
async fn only_a_judgement_of_the_content_is_a_lesson() {
    for (verb, words, labels) in [
        ("DOT", SPAM, 1),
        ("RCPT", SPAM, 0),
        ("MAIL", SPAM, 0),
        ("DATA", SPAM, 0),
        ("DOT", "550 5.7.1 Relaying denied", 0),
        ("DOT", "550 5.7.1 Your IP address is on a spam blocklist", 0),
        ("DOT", "250 2.0.0 spam taken", 0),
    ] {
        let sim = sim(saying(verb, words), dns(), settings());
        sim.world.send(letter(1, &["a@one.test", "b@one.test"])).await;
        sim.world.until_empty(MINUTE).await;
        if labels > 0 {
            sim.world
                .at_once("it is told", || told(&sim.world.all_events()) == labels)
                .await;
        }
        let report = sim.world.store.models.report().unwrap();
        assert_eq!(report.labels, labels as i64, "{verb} {words}");
        let sources = (labels > 0).then(|| ("refusal".to_owned(), 1, 0));
        assert_eq!(
            report.sources,
            sources.into_iter().collect::<Vec<_>>(),
            "{verb} {words}"
        );
    }
}

/// A wave of refusals teaches a little, and no notice is learned.
#[tokio::test(start_paused = true)]
async fn strangers_teach_little() {
    let sim = sim(saying("DOT", SPAM), dns(), settings());
    sim.world
        .send(Letter {
            from: None,
            ..letter(0, &["a@one.test"])
        })
        .await;
    sim.world.until_empty(MINUTE).await;
    assert_eq!(sim.world.store.models.report().unwrap().labels, 0);
    for number in 1..=30 {
        sim.world.send(letter(number, &["a@one.test"])).await;
        sim.world.until_empty(MINUTE).await;
        let lessons = || told(&sim.world.all_events()) + limits(&sim.world.all_events());
        sim.world
            .at_once("the lesson is over", || lessons() == number)
            .await;
    }
    assert_eq!(
        told(&sim.world.all_events()) as i64,
        store::REFUSALS_OF_ACCOUNT_DAY_MAX
    );
    let models = &sim.world.store.models;
    assert_eq!(
        models.report().unwrap().labels,
        store::REFUSALS_OF_ACCOUNT_DAY_MAX
    );
    let forgotten = models.forget(
        "refusal",
        Some("mailbox:sender@example.com"),
        sim.world.clock.now(),
    );
    assert_eq!(forgotten.unwrap() as i64, store::REFUSALS_OF_ACCOUNT_DAY_MAX);
    assert_eq!(models.report().unwrap().learned_spam, 0);
}

fn told(events: &[trace::Event]) -> usize {
    let lesson = |event: &&trace::Event| matches!(&event.what, What::Handled { verb, by, .. } if verb == "learn_spam" && by == "refusal");
    events.iter().filter(lesson).count()
}

fn limits(events: &[trace::Event]) -> usize {
    let limit =
        |event: &&trace::Event| matches!(&event.what, What::LimitHit { limit, .. } if limit == "lesson");
    events.iter().filter(limit).count()
}

/// What the next hop says of a recipient or of the message is evidence about the sender; what it says of us is none.
#[tokio::test(start_paused = true)]
async fn what_comes_back_is_evidence_about_the_sender() {
    for (verb, words, unknown, refused) in [
        ("RCPT", "550 5.1.1 No such user", 1, 0),
        ("RCPT", "550 No such user", 0, 0),
        ("RCPT", "552 5.2.2 Mailbox full", 0, 0),
        ("DOT", SPAM, 0, 1),
        ("DOT", "550 This looks like spam", 0, 1),
        ("DOT", "550 5.7.1 Message refused", 0, 1),
        ("RCPT", "550 5.7.1 Relaying denied", 0, 0),
        (
            "RCPT",
            "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
            0,
            0,
        ),
    ] {
        let sim = sim(saying(verb, words), dns(), settings());
        let (ledger, sender) = (&sim.world.store.ledger, sender());
        ledger.reserve(&sender, &[], &[], sim.world.clock.now());
        sim.world.send(letter(1, &["a@one.test"])).await;
        sim.world.until_empty(MINUTE).await;
        let sending = risk::Sending {
            at: sim.world.clock.now(),
            kind: sender.kind,
            whence: None,
            recipients: &[],
            text: risk::Sketch::default(),
            is_bulk: false,
            is_foreign: false,
        };
        let seen = ledger.conduct(&sender, &sending, None).feedback;
        assert_eq!((seen.unknown, seen.refused), (unknown, refused), "{words}");
    }
}

/// Whom the letters are of.
fn sender() -> risk::Sender {
    risk::Sender {
        kind: risk::SenderKind::Mailbox,
        name: "sender@example.com".into(),
        domain: "example.com".into(),
        tenant: String::new(),
    }
}
