//! Twelve messages of 8 MB at one time: whole at the other end, with bounded memory.

use super::{anna, house, until};
use e2e::client::Mail;
use e2e::mails;

const FROM: &str = "anna@acme.example";

#[tokio::test(flavor = "multi_thread")]
async fn twelve_big_messages_at_once() {
    let (gateway, sink) = house("").await;
    anna(&gateway).await.quit().await.unwrap();
    let before = gateway.memory_octets().unwrap();
    let text = mails::text(8 << 20);
    let sending: Vec<_> = (0..12)
        .map(|number| {
            let message = mails::plain(FROM, "tom@customer.example", &format!("Big {number}"), &text);
            let address = gateway.submission;
            tokio::spawn(async move {
                let mut client = e2e::client::Client::connect(address)
                    .await
                    .unwrap()
                    .start_tls()
                    .await
                    .unwrap();
                client.login(FROM, super::PASSWORD).await.unwrap();
                let mail = Mail {
                    from: FROM,
                    to: vec!["tom@customer.example"],
                    message: &message,
                };
                let fared = client.send(&mail).await.unwrap();
                assert!(fared.taken(), "{fared:?}");
                message
            })
        })
        .collect();
    let mut sent = Vec::new();
    let mut most = 0;
    for task in sending {
        sent.push(task.await.unwrap());
        most = most.max(gateway.memory_octets().unwrap().saturating_sub(before));
    }
    until("all twelve arrived", || sink.count() >= 12).await;
    let taken = sink.taken();
    for message in &sent {
        assert!(
            taken.iter().any(|copy| copy.message.ends_with(message)),
            "one is not whole"
        );
    }
    println!("memory grew by {} MiB at most", most >> 20);
    assert!(most < 200 << 20, "{most}");
}
