//! Scenarios: the real program, real peers, loopback only. The file's name is the scenario.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests"
)]

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
