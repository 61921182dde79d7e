//! Scenarios: the real program, real peers, loopback only. The file's name is the scenario.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests"
)]

mod big;
mod clients;
mod command_line;
mod disk_full;
mod failing_sync;
mod kill_loop;
mod postfix_relays_through_us;
mod power_cut;
mod real_samples;
mod refusals;
mod scanners;
mod slow_clients;
mod submission_to_delivery;

use e2e::process::{Gateway, Plan};
use e2e::sink::{Behaviour, Sink};
use std::net::SocketAddr;

/// The password of all accounts in scenarios.
const PASSWORD: &str = "correct horse battery staple";

/// A sink that keeps messages, and a gateway before it with one account.
async fn house(more: &str) -> (Gateway, Sink) {
    let sink = Sink::start(
        SocketAddr::from(([127, 0, 0, 1], 0)),
        Behaviour {
            keep: true,
            ..Default::default()
        },
    )
    .await
    .unwrap();
    let plan = Plan {
        next_hop: Some(sink.address),
        more: more.to_owned(),
        ..Plan::default()
    };
    let gateway = tokio::task::spawn_blocking(move || {
        let mut gateway = Gateway::prepare(&plan).unwrap();
        gateway.add_account("anna@acme.example", PASSWORD).unwrap();
        gateway.launch().unwrap();
        gateway
    });
    (gateway.await.unwrap(), sink)
}

/// A sink that counts, and a gateway before it that relays for this machine without limits.
async fn relay_house(plan: Plan) -> (Gateway, Sink) {
    let (mut gateway, sink) = prepared_relay_house(plan).await;
    let_relay(&gateway);
    gateway.launch().unwrap();
    (gateway, sink)
}

/// The same, not started yet; its data directory may be a disk of its own.
async fn prepared_relay_house(plan: Plan) -> (Gateway, Sink) {
    let sink = Sink::start(SocketAddr::from(([127, 0, 0, 1], 0)), Behaviour::default())
        .await
        .unwrap();
    let limits = "[[risk.limits.each_mailbox.windows]]\nwindow_s = 86400\nmessages = 100000000\nrecipients = 100000000\n[egress.retry]\nafter_s = [1]\n";
    let plan = Plan {
        next_hop: Some(sink.address),
        more: limits.to_owned(),
        log: false,
        ..plan
    };
    let gateway = Gateway::prepare(&plan).unwrap();
    (gateway, sink)
}

/// Lets this machine relay. After a disk of its own was mounted, before the start.
fn let_relay(gateway: &Gateway) {
    gateway
        .dogana(
            &["network", "add", "load", "127.0.0.0/8", "--also-sends-as", "*"],
            "",
        )
        .unwrap();
}

/// Messages of 500 to 14,000 octets.
fn load_mails() -> Vec<Vec<u8>> {
    let mail = |n: usize| {
        e2e::mails::plain(
            "s@bench.test",
            "to@sink.test",
            "Load",
            &e2e::mails::text(500 + n * 700),
        )
    };
    (0..20).map(mail).collect()
}

/// A session of anna's, under TLS and logged in.
async fn anna(gateway: &Gateway) -> e2e::client::Client {
    let mut client = e2e::client::Client::connect(gateway.submission)
        .await
        .unwrap()
        .start_tls()
        .await
        .unwrap();
    let reply = client.login("anna@acme.example", PASSWORD).await.unwrap();
    assert!(reply.starts_with("235"), "{reply}");
    client
}

/// Waits until the condition holds; says what it waited for when it does not.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while !holds() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "{what} did not happen within 20 s"
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
