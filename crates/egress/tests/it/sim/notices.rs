//! What senders are told: refusals, delays, expiry, success; and when they are not.

use super::peer::{Answer, Peer};
use super::{dns, mx, settings, sim};
use crate::world::{Letter, to};
use mail::smtp::Notify;
use std::time::Duration;
use trace::What;

const DAY: Duration = Duration::from_secs(86_400);

fn refusing() -> Peer {
    Peer::new(|ask| match (ask.verb, ask.line) {
        ("RCPT", line) if line.contains("nobody") => Answer::Say("550 5.1.1 no such user"),
        ("RCPT", line) if line.contains("later") => Answer::Say("450 4.2.0 later"),
        _ => Answer::Usual,
    })
}

fn notify(success: bool, failure: bool, delay: bool) -> Option<Notify> {
    Some(Notify {
        success,
        failure,
        delay,
    })
}

#[tokio::test(start_paused = true)]
async fn a_refusal_comes_back_once() {
    let sim = sim(refusing(), dns(), settings());
    let id = sim.world.send(to(&["nobody@one.test", "good@one.test"])).await;
    sim.world.until_empty(DAY).await;
    let taken = sim.network.taken();
    let notices: Vec<_> = taken
        .iter()
        .filter(|taken| taken.mail.starts_with("MAIL FROM:<>"))
        .collect();
    assert_eq!(notices.len(), 1, "{taken:?}");
    assert_eq!(notices[0].rcpts, ["sender@example.com"]);
    let text = &notices[0].data;
    for part in [
        "multipart/report",
        "delivery-status",
        "nobody@one.test",
        "5.1.1",
        "envelope-1",
        &id.to_string(),
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(!text.contains("good@one.test"), "{text}");
    let noticed = |what: &What| matches!(what, What::Noticed { to, kind, .. } if to == "sender@example.com" && kind == "failed");
    assert_eq!(
        sim.world
            .all_events()
            .iter()
            .filter(|event| event.id == id && noticed(&event.what))
            .count(),
        1
    );
}

/// How many notices arrive for a letter.
async fn check_notices(letter: Letter, offers: &[&'static str], expected: usize) {
    let sim = sim(refusing().offering(offers), dns(), settings());
    let case = format!("{:?} {:?} {:?}", letter.from, letter.notify, letter.to);
    sim.world.send(letter).await;
    sim.world.until_empty(7 * DAY).await;
    let notices = sim
        .network
        .taken()
        .iter()
        .filter(|taken| taken.mail.starts_with("MAIL FROM:<>"))
        .count();
    assert_eq!(notices, expected, "{case}");
}

/// NOTIFY, the null reverse-path, and who gets word of what.
#[tokio::test(start_paused = true)]
async fn who_is_told() {
    let asked = |list: &[&str], notify: Option<Notify>| Letter { notify, ..to(list) };
    let (nobody, good, later) = (["nobody@one.test"], ["good@one.test"], ["later@one.test"]);
    check_notices(to(&nobody), &[], 1).await;
    check_notices(
        Letter {
            from: None,
            ..to(&nobody)
        },
        &[],
        0,
    )
    .await;
    check_notices(asked(&nobody, notify(false, false, false)), &[], 0).await;
    check_notices(asked(&nobody, notify(true, false, false)), &[], 0).await;
    check_notices(asked(&nobody, notify(false, true, false)), &[], 1).await;
    check_notices(asked(&good, notify(true, true, false)), &[], 1).await;
    check_notices(asked(&good, notify(true, true, false)), &["DSN"], 0).await;
    check_notices(to(&good), &[], 0).await;
    // Delayed after four hours, given up after five days: two notices, or one each when only that was asked for.
    check_notices(to(&later), &[], 2).await;
    check_notices(asked(&later, notify(false, false, true)), &[], 1).await;
    check_notices(asked(&later, notify(false, true, false)), &[], 1).await;
}

#[tokio::test(start_paused = true)]
async fn dsn_parameters_go_on_when_offered() {
    let sim = sim(Peer::honest().offering(&["DSN", "PIPELINING"]), dns(), settings());
    sim.world
        .send(Letter {
            notify: notify(true, true, false),
            ..to(&["a@one.test"])
        })
        .await;
    sim.world.until_empty(DAY).await;
    let lines = sim.network.lines();
    assert!(
        lines.contains(&"MAIL FROM:<sender@example.com> ENVID=envelope-1".to_owned()),
        "{lines:?}"
    );
    assert!(
        lines.contains(&"RCPT TO:<a@one.test> NOTIFY=SUCCESS,FAILURE".to_owned()),
        "{lines:?}"
    );
}

/// DNS says for good, or for now.
#[tokio::test(start_paused = true)]
async fn destinations_that_do_not_exist() {
    let check = async |domain: &'static str, expected: &str| {
        let mut table = dns();
        table.mx.insert("null.test".into(), Ok(mx(&[(0, "")])));
        table
            .mx
            .insert("loop.test".into(), Ok(mx(&[(10, "gw.example.net")])));
        table.mx.insert(
            "broken.test".into(),
            Err(net::DnsError::Temporary("SERVFAIL".into())),
        );
        table
            .addresses
            .insert("missing.test".into(), Err(net::DnsError::Missing));
        let sim = sim(Peer::honest(), table, settings());
        sim.world
            .send(Letter {
                from: None,
                to: vec![format!("a@{domain}")],
                ..Letter::default()
            })
            .await;
        sim.world
            .until("it is settled", DAY, || !sim.world.settled().is_empty())
            .await;
        let line = sim.world.settled().remove(0);
        assert!(line.starts_with(expected), "{line}");
    };
    check("null.test", "failed a@null.test 1 556 5.1.10").await;
    check("missing.test", "failed a@missing.test 1 550 5.1.2").await;
    check("loop.test", "failed a@loop.test 1 554 5.4.6").await;
    check("broken.test", "rescheduled a@broken.test 1 451 4.4.3").await;
}

/// A notice that cannot be delivered ends: no notice about a notice.
#[tokio::test(start_paused = true)]
async fn no_notice_about_a_notice() {
    let all = Peer::new(|ask| {
        if ask.verb == "RCPT" {
            Answer::Say("550 5.1.1 no")
        } else {
            Answer::Usual
        }
    });
    let sim = sim(all, dns(), settings());
    sim.world.send(to(&["a@one.test"])).await;
    sim.world
        .until("both are settled", DAY, || sim.world.count("failed") == 2)
        .await;
    sim.world.until_empty(DAY).await;
    assert_eq!(sim.world.settled().len(), 2, "{:?}", sim.world.settled());
}
