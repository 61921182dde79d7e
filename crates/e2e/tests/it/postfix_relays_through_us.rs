//! A customer's real Postfix uses the relay listener as smarthost, and a real Postfix is the destination.

use e2e::client::{Client, Mail};
use e2e::mails;
use e2e::neighbours::postfix::{Postfix, PostfixPlan};
use e2e::process::{Gateway, Plan};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn from_postfix_through_us_to_postfix() {
    // The destination takes everything and discards it: it is logged with the Message-ID.
    let destination = Postfix::start(&PostfixPlan {
        relay_host: None,
        main: "default_transport = discard:\n".to_owned(),
    })
    .unwrap();
    let plan = Plan {
        next_hop: Some(destination.address),
        ..Plan::default()
    };
    let mut gateway = Gateway::prepare(&plan).unwrap();
    gateway
        .dogana(
            &[
                "network",
                "add",
                "customer",
                "127.0.0.0/8",
                "--tenant",
                "acme",
                "--also-sends-as",
                "@acme.example",
            ],
            "",
        )
        .unwrap();
    gateway.launch().unwrap();
    let customer = Postfix::start(&PostfixPlan {
        relay_host: Some(gateway.relay),
        main: String::new(),
    })
    .unwrap();

    let mut client = Client::connect(customer.address).await.unwrap();
    let honest = mails::plain(
        "anna@acme.example",
        "tom@customer.example",
        "Through two",
        &mails::text(4_000),
    );
    let foreign = mails::plain("x@elsewhere.example", "tom@customer.example", "Not ours", "Hello");
    let spam = mails::plain(
        "anna@acme.example",
        "tom@customer.example",
        "Offer",
        &mails::gtube(),
    );
    for (from, message) in [
        ("anna@acme.example", &honest),
        ("x@elsewhere.example", &foreign),
        ("anna@acme.example", &spam),
    ] {
        assert!(
            client
                .send(&Mail {
                    from,
                    to: vec!["tom@customer.example"],
                    message
                })
                .await
                .unwrap()
                .taken()
        );
    }
    let begun = Instant::now();
    let done = || {
        let (there, here) = (destination.log(), customer.log());
        there.contains("status=sent")
            && here.matches("status=bounced").count() >= 2
            && here.contains("status=sent")
    };
    while !done() {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "destination:\n{}\ncustomer:\n{}\n{}",
            destination.log(),
            customer.log(),
            gateway.said()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let here = customer.log();
    assert!(
        here.contains("[SPAM]"),
        "the customer's Postfix logs our words: {here}"
    );
    assert!(here.contains("Sender address rejected"), "{here}");
    assert!(
        here.contains("queued as "),
        "and the id of what was taken: {here}"
    );
}
