//! Pace and order: limits, back-off, rests, pauses, drain.

use super::peer::{Answer, Peer};
use super::{MX, dns, settings, sim};
use crate::world::{Letter, to, while_time_stands};
use egress::{Settings, SiteLimits};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::{Pause, PauseScope};
use trace::What;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test(start_paused = true)]
async fn no_more_connections_than_allowed() {
    let limits = SiteLimits {
        connections_max: 3,
        ..SiteLimits::default()
    };
    let sim = sim(Peer::honest(), dns(), Settings { limits, ..settings() });
    sim.world
        .send_all((0..60).map(|n| to(&[&format!("r{n}@one.test")])))
        .await;
    sim.world.until_empty(MINUTE).await;
    assert!(sim.network.open_max() <= 3, "{}", sim.network.open_max());
}

#[tokio::test(start_paused = true)]
async fn messages_per_second() {
    let limits = SiteLimits {
        messages_per_second_max: Some(2.0),
        ..SiteLimits::default()
    };
    let sim = sim(Peer::honest(), dns(), Settings { limits, ..settings() });
    let begun = sim.world.clock.now();
    sim.world
        .send_all((0..21).map(|n| to(&[&format!("r{n}@one.test")])))
        .await;
    sim.world.until_empty(MINUTE).await;
    let took = sim.world.clock.now().duration_since(begun).as_secs_f64();
    assert!((10.0..12.0).contains(&took), "{took} s for 21 messages at 2/s");
}

/// A dead site is tried once a rest, not once a message; everybody arrives when it is back.
#[tokio::test(start_paused = true)]
async fn a_dead_site_costs_few_attempts() {
    let sim = sim(Peer::honest(), dns(), settings());
    sim.network.set(MX, None);
    sim.world
        .send_all((0..200).map(|n| to(&[&format!("r{n}@one.test")])))
        .await;
    tokio::time::sleep(30 * MINUTE).await;
    let tried = sim.network.connections(MX);
    assert!(
        tried <= 40,
        "{tried} connections in half an hour for 200 messages"
    );
    assert_eq!(sim.egress.paths(10)[0].connections, 0);
    sim.network.set(MX, Some(Peer::honest()));
    sim.world.until_empty(DAY).await;
    assert_eq!(sim.network.recipients().len(), 200);
}

/// 421 halves what is allowed, visibly; success gives it back slowly.
#[tokio::test(start_paused = true)]
async fn backs_off_and_recovers() {
    let angry = Arc::new(AtomicBool::new(true));
    let mood = Arc::clone(&angry);
    let peer = Peer::new(move |ask| {
        let busy = ask.verb == "BANNER" && ask.connection >= 2 && mood.load(Ordering::Relaxed);
        if busy {
            Answer::SayAndClose("421 4.7.0 too many connections")
        } else {
            Answer::Usual
        }
    });
    let sim = sim(peer, dns(), settings());
    sim.world
        .send_all((0..100).map(|n| to(&[&format!("r{n}@one.test")])))
        .await;
    let limited = |what: &What| matches!(what, What::LimitHit { limit, .. } if limit == "connections_max" || limit == "site_rest");
    sim.world
        .until("the back-off is told", DAY, || {
            sim.world.all_events().iter().any(|event| limited(&event.what))
        })
        .await;
    let low = sim.egress.paths(1)[0].connections_allowed;
    assert!(low < 10, "{low}");
    angry.store(false, Ordering::Relaxed);
    sim.world.until_empty(DAY).await;
    sim.world
        .send_all((0..1_000).map(|n| to(&[&format!("s{n}@one.test")])))
        .await;
    sim.world.until_empty(DAY).await;
    let high = sim.egress.paths(1)[0].connections_allowed;
    assert!(high > low, "{low} -> {high}");
    assert_eq!(sim.network.recipients().len(), 1_100);
}

/// 452 to some recipients while others are taken: the rest follows at once, not after a retry.
#[tokio::test(start_paused = true)]
async fn too_many_recipients_go_on_at_once() {
    let seen = Arc::new(std::sync::Mutex::new(0));
    let peer = Peer::new(move |ask| {
        let mut seen = seen.lock().unwrap();
        match ask.verb {
            "MAIL" => *seen = 0,
            "RCPT" => *seen += 1,
            _ => {}
        }
        if ask.verb == "RCPT" && *seen > 10 {
            Answer::Say("452 4.5.3 too many")
        } else {
            Answer::Usual
        }
    });
    let mut own = settings();
    own.limits.connections_max = 1;
    let sim = sim(peer, dns(), own);
    let list: Vec<String> = (0..45).map(|n| format!("r{n}@one.test")).collect();
    sim.world
        .send(Letter {
            to: list,
            ..Letter::default()
        })
        .await;
    sim.world.until_empty(MINUTE).await;
    assert_eq!(sim.network.recipients().len(), 45);
    assert_eq!(sim.network.taken().len(), 5);
    assert_eq!(sim.world.count("rescheduled"), 0);
}

/// The next hop ends an idle or used-up connection: nobody's attempt.
#[tokio::test(start_paused = true)]
async fn a_connection_that_ended_is_nobodys_fault() {
    for answer in [Answer::Close, Answer::SayAndClose("421 4.4.2 enough")] {
        let peer = Peer::new(move |ask| {
            if ask.verb == "MAIL" && ask.messages >= 3 {
                answer.clone()
            } else {
                Answer::Usual
            }
        });
        let mut own = settings();
        own.limits.connections_max = 1;
        let sim = sim(peer, dns(), own);
        for n in 0..20 {
            sim.world.send(to(&[&format!("r{n}@one.test")])).await;
        }
        sim.world.until_empty(MINUTE).await;
        assert_eq!(sim.network.recipients().len(), 20);
        assert_eq!(sim.world.count("rescheduled"), 0, "{:?}", sim.world.settled());
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_hold_without_attempts_and_end_at_once() {
    let scopes = [
        PauseScope::All,
        PauseScope::Tenant("acme".into()),
        PauseScope::Sender("mailbox:sender@example.com".into()),
        PauseScope::Destination("one.test".into()),
        PauseScope::Pool("clean".into()),
    ];
    for scope in scopes {
        let sim = sim(Peer::honest(), dns(), settings());
        let pause = Pause {
            scope: scope.clone(),
            by: "op".into(),
            reason: "storm".into(),
            at: sim.world.clock.now(),
        };
        while_time_stands(sim.world.store.controls.pause(pause))
            .await
            .unwrap();
        sim.world.send(to(&["a@one.test"])).await;
        tokio::time::sleep(30 * MINUTE).await;
        assert!(sim.network.taken().is_empty(), "{scope:?}");
        let row = sim
            .world
            .store
            .queue
            .list(&Default::default(), None, 10)
            .remove(0);
        assert_eq!(row.recipient.attempts, 0, "{scope:?}");
        assert!(
            while_time_stands(sim.world.store.controls.resume(&scope))
                .await
                .unwrap()
        );
        sim.world
            .at_once("it goes out at once", || sim.network.taken().len() == 1)
            .await;
    }
}

/// Other mail flows while something is paused.
#[tokio::test(start_paused = true)]
async fn a_pause_covers_only_its_own() {
    let sim = sim(Peer::honest(), dns(), settings());
    let scope = PauseScope::Destination("one.test".into());
    let pause = Pause {
        scope,
        by: "op".into(),
        reason: "storm".into(),
        at: sim.world.clock.now(),
    };
    while_time_stands(sim.world.store.controls.pause(pause))
        .await
        .unwrap();
    sim.world.send(to(&["a@one.test", "b@two.test"])).await;
    sim.world
        .until("the other goes out", MINUTE, || {
            sim.network.recipients() == ["b@two.test"]
        })
        .await;
}

/// Drain finishes what is under way, gives back the rest, and a new start delivers it.
#[tokio::test(start_paused = true)]
async fn drain_loses_nothing() {
    let slow = Peer::new(|ask| {
        if ask.verb == "DOT" && ask.connection == 0 {
            Answer::Stall
        } else {
            Answer::Usual
        }
    });
    let mut own = settings();
    own.limits.connections_max = 2;
    let sim = sim(slow, dns(), own);
    sim.world
        .send_all((0..300).map(|n| to(&[&format!("r{n}@one.test")])))
        .await;
    sim.world
        .at_once("sending has begun", || !sim.network.taken().is_empty())
        .await;
    let in_time = sim.egress.drain(Duration::from_secs(30)).await;
    assert!(!in_time, "one next hop never answers");
    assert_eq!(sim.world.store.queue.counts().leased, 0, "all leases are back");
    let before = sim.network.recipients().len();
    let dialer = net::Dialer::simulated(Arc::new(super::peer::Shared(Arc::clone(&sim.network))));
    let again = sim
        .world
        .start(settings(), net::Resolver::table(dns()), dialer, None);
    sim.world.until_empty(DAY).await;
    let all = sim.network.recipients();
    let unique: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(unique.len(), 300, "{before} before");
    assert!(all.len() <= 301, "only the one under way twice: {}", all.len());
    assert!(again.drain(Duration::from_secs(30)).await);
}

/// Bounds hold: leased recipients, ready queue.
#[tokio::test(start_paused = true)]
async fn bounded_everything() {
    let mut own = settings();
    own.bounds.leased_max = 20;
    own.limits.ready_max = 5;
    own.limits.connections_max = 1;
    let sim = sim(
        Peer::new(|ask| {
            if ask.verb == "BANNER" {
                Answer::Stall
            } else {
                Answer::Usual
            }
        }),
        dns(),
        own,
    );
    sim.world
        .send_all((0..100).map(|n| to(&[&format!("r{n}@one.test")])))
        .await;
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let counts = sim.world.store.queue.counts();
        assert!(counts.leased <= 20, "{counts:?}");
        assert!(sim.egress.paths(1).iter().all(|path| path.ready <= 5));
    }
}

/// A backlog larger than the ready queue flows on at the pace of the next hop, without idling and without being leased over
/// and over.
#[tokio::test(start_paused = true)]
async fn a_backlog_flows_on() {
    let mut own = settings();
    own.limits = SiteLimits {
        ready_max: 100,
        messages_per_second_max: Some(10.0),
        ..SiteLimits::default()
    };
    let sim = sim(Peer::honest(), dns(), own);
    // A quiet hour before says nothing about the pace.
    sim.world.send(to(&["first@one.test"])).await;
    tokio::time::sleep(60 * MINUTE).await;
    let begun = sim.world.clock.now();
    sim.world
        .send_all((0..600).map(|n| to(&[&format!("r{n}@one.test")])))
        .await;
    sim.world.until_empty(DAY).await;
    let took = sim.world.clock.now().duration_since(begun).as_secs_f64();
    assert!((59.0..100.0).contains(&took), "{took} s for 600 messages at 10/s");
}
