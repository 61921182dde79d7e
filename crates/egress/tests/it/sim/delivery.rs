//! Honest next hops: what arrives, how it is grouped, which way it goes.

use super::peer::{Answer, Network, Peer};
use super::{MX, dns, mx, settings, sim, sim_with};
use crate::world::{Letter, to};
use egress::{NextHop, Route, Settings, SiteLimits, Source, TlsPolicy};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_message_arrives_as_it_was() {
    let sim = sim(Peer::honest(), dns(), settings());
    sim.world.send(to(&["a@one.test"])).await;
    sim.world.until_empty(MINUTE).await;
    let taken = sim.network.taken();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].mail, "MAIL FROM:<sender@example.com> SIZE=56");
    assert_eq!(taken[0].rcpts, ["a@one.test"]);
    assert_eq!(taken[0].data.as_bytes(), Letter::default().body);
    assert_eq!(sim.world.settled(), ["delivered a@one.test 1 250 2.0.0 taken"]);
    assert_eq!(sim.network.lines()[0], "EHLO gw.example.net");
}

#[tokio::test(start_paused = true)]
async fn without_pipelining_and_without_ehlo() {
    let old = Peer::new(|ask| {
        if ask.verb == "EHLO" {
            Answer::Say("502 what")
        } else {
            helo(ask.verb)
        }
    });
    let sim = sim(old, dns(), settings());
    sim.world.send(to(&["a@one.test", "b@one.test"])).await;
    sim.world.until_empty(MINUTE).await;
    assert_eq!(sim.network.recipients(), ["a@one.test", "b@one.test"]);
    assert_eq!(sim.network.taken()[0].mail, "MAIL FROM:<sender@example.com>");
}

fn helo(verb: &str) -> Answer {
    if verb == "HELO" {
        Answer::Say("250 mx")
    } else {
        Answer::Usual
    }
}

#[tokio::test(start_paused = true)]
async fn one_transaction_for_a_site_whatever_the_domain() {
    let mut table = dns();
    for domain in ["one.test", "two.test"] {
        table
            .mx
            .insert(domain.into(), Ok(mx(&[(10, "mx1.p.test"), (10, "mx2.p.test")])));
    }
    let sim = sim(Peer::honest(), table, settings());
    sim.world
        .send(to(&["a@one.test", "b@two.test", "c@ONE.test", "d@three.test"]))
        .await;
    sim.world.until_empty(MINUTE).await;
    let mut groups: Vec<_> = sim
        .network
        .taken()
        .into_iter()
        .map(|taken| taken.rcpts.len())
        .collect();
    groups.sort_unstable();
    assert_eq!(groups, [1, 3]);
}

#[tokio::test(start_paused = true)]
async fn many_recipients_in_parts() {
    let limits = SiteLimits {
        transaction_recipients_max: 10,
        ..SiteLimits::default()
    };
    let sim = sim(Peer::honest(), dns(), Settings { limits, ..settings() });
    let list: Vec<String> = (0..95).map(|n| format!("r{n}@one.test")).collect();
    sim.world
        .send(Letter {
            to: list,
            ..Letter::default()
        })
        .await;
    sim.world.until_empty(MINUTE).await;
    assert_eq!(sim.network.taken().len(), 10);
    assert_eq!(sim.network.recipients().len(), 95);
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_used_again_and_not_too_often() {
    let limits = SiteLimits {
        connections_max: 1,
        connection_messages_max: 10,
        ..SiteLimits::default()
    };
    let sim = sim(Peer::honest(), dns(), Settings { limits, ..settings() });
    for n in 0..35 {
        sim.world.send(to(&[&format!("r{n}@one.test")])).await;
    }
    sim.world.until_empty(MINUTE).await;
    assert_eq!(sim.network.recipients().len(), 35);
    assert_eq!(sim.network.connections(MX), 4);
    assert_eq!(sim.network.open_max(), 1);
    assert!(
        !sim.network.lines().iter().any(|line| line == "RSET"),
        "nothing was left open"
    );
}

#[tokio::test(start_paused = true)]
async fn the_backup_host_when_the_first_is_dead() {
    let mut table = dns();
    table.mx.insert(
        "one.test".into(),
        Ok(mx(&[(10, "dead.test"), (20, "busy.test"), (30, "good.test")])),
    );
    for (host, address) in [
        ("dead.test", "192.0.2.1"),
        ("busy.test", "192.0.2.2"),
        ("good.test", "192.0.2.3"),
    ] {
        table
            .addresses
            .insert(host.into(), Ok(vec![address.parse().unwrap()]));
    }
    let busy = Peer::new(|ask| {
        if ask.verb == "BANNER" {
            Answer::SayAndClose("554 no")
        } else {
            Answer::Usual
        }
    });
    let network = Network::with(&[("192.0.2.2", busy), ("192.0.2.3", Peer::honest())]);
    let sim = sim_with(network, table, settings());
    sim.world.send(to(&["a@one.test"])).await;
    sim.world.until_empty(MINUTE).await;
    assert_eq!(sim.network.taken()[0].at.to_string(), "192.0.2.3:25");
    assert_eq!(sim.world.count("delivered"), 1);
}

#[tokio::test(start_paused = true)]
async fn pools_choose_the_source() {
    let source = |address: &str| Source {
        address: address.parse().unwrap(),
        ehlo_name: Some(format!("e{address}")),
        weight: 1,
    };
    let pools = [
        (
            "clean".to_owned(),
            vec![source("192.0.2.101"), source("192.0.2.102")],
        ),
        ("risk".to_owned(), vec![source("192.0.2.109")]),
    ];
    let sim = sim(
        Peer::honest(),
        dns(),
        Settings {
            pools: pools.into(),
            ..settings()
        },
    );
    for (n, pool) in ["clean", "clean", "risk", "unknown"].into_iter().enumerate() {
        sim.world
            .send(Letter {
                pool,
                ..to(&[&format!("{pool}{n}@one.test")])
            })
            .await;
    }
    sim.world.until_empty(MINUTE).await;
    let mut found: Vec<_> = sim
        .network
        .taken()
        .into_iter()
        .map(|t| format!("{} {}", t.rcpts[0], t.source.unwrap()))
        .collect();
    found.sort();
    assert_eq!(found[2], "risk2@one.test 192.0.2.109");
    assert!(
        found[3].starts_with("unknown3@one.test 192.0.2.10"),
        "a pool without sources uses clean"
    );
    let clean: Vec<_> = found[..2]
        .iter()
        .map(|line| line.split(' ').nth(1).unwrap())
        .collect();
    assert_ne!(clean[0], clean[1], "in turn");
    assert!(sim.network.lines().contains(&"EHLO e192.0.2.109".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn routes_go_before_mx() {
    let route = |pattern: &str, host: &str, port: u16| Route {
        pattern: pattern.into(),
        hosts: vec![NextHop {
            host: host.into(),
            port,
        }],
        tls: TlsPolicy::Off,
        pipeline_messages: true,
    };
    let routes = vec![
        route("*", "192.0.2.25", 2525),
        route("internal.test", "192.0.2.26", 26),
    ];
    let network = Network::with(&[("192.0.2.25", Peer::honest()), ("192.0.2.26", Peer::honest())]);
    let sim = sim_with(network, Default::default(), Settings { routes, ..settings() });
    for n in 0..20 {
        sim.world.send(to(&[&format!("r{n}@one.test")])).await;
    }
    sim.world.send(to(&["x@internal.test"])).await;
    sim.world.until_empty(MINUTE).await;
    let taken = sim.network.taken();
    assert_eq!(taken.iter().filter(|t| t.at.port() == 2525).count(), 20);
    assert_eq!(taken.iter().filter(|t| t.at.port() == 26).count(), 1);
}

/// What the next hop does not offer: no transaction is begun that cannot end well.
#[tokio::test(start_paused = true)]
async fn what_the_next_hop_cannot_take() {
    let check = async |letter: Letter, offers: &[&'static str], expected: &str| {
        let sim = sim(Peer::honest().offering(offers), dns(), settings());
        sim.world.send(Letter { from: None, ..letter }).await;
        sim.world.until_empty(MINUTE).await;
        let settled = sim.world.settled();
        assert!(settled[0].contains(expected), "{settled:?}");
        assert!(expected.contains("delivered") || sim.network.taken().is_empty());
    };
    let utf8_header = || b"Subject: \xc3\xbc\r\n\r\nx\r\n".to_vec();
    check(to(&["a@one.test"]), &["SIZE 20"], "552 5.3.4").await;
    check(to(&["a@one.test"]), &["SIZE 0"], "delivered").await;
    check(
        Letter {
            smtputf8: true,
            ..to(&["ü@one.test"])
        },
        &["8BITMIME"],
        "553 5.6.7",
    )
    .await;
    check(
        Letter {
            smtputf8: true,
            body: utf8_header(),
            ..to(&["a@one.test"])
        },
        &["8BITMIME"],
        "553 5.6.7",
    )
    .await;
    check(
        Letter {
            smtputf8: true,
            ..to(&["a@one.test"])
        },
        &["8BITMIME"],
        "delivered",
    )
    .await;
    check(
        Letter {
            smtputf8: true,
            ..to(&["ü@one.test"])
        },
        &["SMTPUTF8"],
        "delivered",
    )
    .await;
    check(
        Letter {
            body: b"A: b\r\n\r\n\xc3\xbc\r\n".to_vec(),
            ..to(&["a@one.test"])
        },
        &[],
        "delivered",
    )
    .await;
}

/// A message larger than a block is stuffed and sent in pieces without a seam.
#[tokio::test(start_paused = true)]
async fn a_large_message_without_seams() {
    let mut body = b"Subject: large\r\n\r\n".to_vec();
    for n in 0..60_000 {
        body.extend_from_slice(format!("{}line {n}\r\n", if n % 7 == 0 { "." } else { "" }).as_bytes());
    }
    let sim = sim(Peer::honest().offering(&["PIPELINING"]), dns(), settings());
    sim.world
        .send(Letter {
            body: body.clone(),
            ..to(&["a@one.test"])
        })
        .await;
    sim.world.until_empty(MINUTE).await;
    assert!(
        sim.network.taken()[0].data.as_bytes() == body,
        "the octets differ"
    );
}

/// Large messages wait for room in memory and all arrive, also when one alone is larger than the room.
#[tokio::test(start_paused = true)]
async fn large_messages_in_turn() {
    let mut own = settings();
    own.bounds.large_octets_max = 1 << 20;
    own.routes = vec![Route {
        pattern: "*".into(),
        hosts: vec![NextHop {
            host: MX.into(),
            port: 25,
        }],
        tls: TlsPolicy::Off,
        pipeline_messages: true,
    }];
    let sim = sim(Peer::honest().offering(&["PIPELINING"]), dns(), own);
    let body = [
        b"Subject: large\r\n\r\n".to_vec(),
        b"0123456789\r\n".repeat(150_000),
    ]
    .concat();
    let letter = |n: usize| Letter {
        body: if n.is_multiple_of(2) {
            body.clone()
        } else {
            b"A: b\r\n\r\nc\r\n".to_vec()
        },
        ..to(&[&format!("r{n}@one.test")])
    };
    sim.world.send_all((0..8).map(letter)).await;
    sim.world.until_empty(20 * MINUTE).await;
    assert_eq!(sim.network.recipients().len(), 8);
    assert_eq!(
        sim.network
            .taken()
            .iter()
            .filter(|taken| taken.data.len() == body.len())
            .count(),
        4
    );
    assert_eq!(sim.world.count("rescheduled"), 0);
}
