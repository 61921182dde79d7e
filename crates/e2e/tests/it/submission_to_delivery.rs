//! One message from login to the next hop: octet for octet, with its parameters, and with one id everywhere.

use super::{PASSWORD, anna, house, until};
use e2e::client::{Client, Mail};
use e2e::mails;
use std::time::Duration;

const FROM: &str = "anna@acme.example";

/// The id in a final reply.
fn id_of(reply: &str) -> String {
    reply.split_whitespace().last().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_message_arrives_octet_for_octet_and_has_one_id() {
    let (gateway, sink) = house("").await;
    let body = ".\r\n..\r\n.hidden\r\n8-bit: caffè, привет\r\nblanks at the end   \r\n\r\n..";
    let message = mails::plain(FROM, "tom@customer.example", "Dots", body);
    let mut client = anna(&gateway).await;
    let fared = client
        .send(&Mail {
            from: FROM,
            to: vec!["tom@customer.example", "liz@family.example"],
            message: &message,
        })
        .await
        .unwrap();
    assert!(fared.taken(), "{fared:?}");
    client.quit().await.unwrap();
    assert!(
        sink.wait_for(1, Duration::from_secs(10)).await,
        "nothing arrived: {}",
        gateway.said()
    );
    until("both recipients", || {
        sink.taken().iter().map(|taken| taken.rcpts.len()).sum::<usize>() == 2
    })
    .await;
    let taken = sink.taken();
    let id = id_of(&fared.end);
    assert_eq!(id.len(), 13, "{}", fared.end);
    for copy in &taken {
        let end = copy.message.len() - message.len();
        assert_eq!(
            &copy.message[end..],
            &message[..],
            "what the client sent is the end of what arrived"
        );
        let ours = String::from_utf8_lossy(&copy.message[..end]).into_owned();
        assert!(
            ours.contains("Received:") && ours.contains(&format!("id {id}")),
            "{ours}"
        );
        assert!(
            !ours.contains("anna") && !ours.contains("127.0.0.1"),
            "neither login nor client address leak: {ours}"
        );
        assert!(copy.mail.contains("<anna@acme.example>"), "{}", copy.mail);
        assert_eq!(copy.helo, "gateway.test");
    }
    until("the log has the delivery", || {
        gateway.log().contains(r#""outcome":"delivered""#)
    })
    .await;
    let log = gateway.log();
    for event in [
        "connected",
        "secured",
        "logged_in",
        "mail",
        "rcpt",
        "received",
        "judged",
        "stored",
        "answered",
        "attempted",
        "settled",
    ] {
        let line = format!("\"event\":\"{event}\"");
        assert!(
            log.lines()
                .any(|entry| entry.contains(&id) && entry.contains(&line)),
            "{event} is not in the log of {id}"
        );
    }
    assert!(
        !log.contains(PASSWORD) && !log.contains("caffè"),
        "neither passwords nor content in the log"
    );
    let mut story = String::new();
    until("the story is stored", || {
        story = gateway.dogana(&["trace", &id], "").unwrap_or_default();
        story.contains("settled")
    })
    .await;
    assert!(
        story.contains("delivered") && story.contains("mailbox:anna@acme.example"),
        "{story}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn implicit_tls_and_delivery_parameters() {
    let (gateway, sink) = house("").await;
    let mut client = Client::connect_tls(gateway.submissions).await.unwrap();
    assert!(client.login(FROM, PASSWORD).await.unwrap().starts_with("235"));
    let lines = [
        (
            "MAIL FROM:<anna@acme.example> RET=HDRS ENVID=QQ+2B314 BODY=8BITMIME SIZE=200\r\n",
            "250",
        ),
        (
            "RCPT TO:<tom@customer.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;tom+2Bx@customer.example\r\n",
            "250",
        ),
        ("DATA\r\n", "354"),
        (
            "From: <anna@acme.example>\r\nSubject: x\r\n\r\nhello\r\n.\r\n",
            "250",
        ),
    ];
    for (line, code) in lines {
        let reply = client.command(line).await.unwrap();
        assert!(reply.starts_with(code), "{line}: {reply}");
    }
    assert!(sink.wait_for(1, Duration::from_secs(10)).await);
    let taken = sink.taken().remove(0);
    assert!(
        taken.mail.contains("RET=HDRS") && taken.mail.contains("ENVID=QQ+2B314"),
        "{}",
        taken.mail
    );
    let rcpt = &taken.rcpts[0];
    assert!(
        rcpt.contains("NOTIFY=SUCCESS,FAILURE") && rcpt.contains("ORCPT=rfc822;tom+2Bx@customer.example"),
        "{rcpt}"
    );
    let text = String::from_utf8_lossy(&taken.message).into_owned();
    assert!(
        text.contains("Date: ") && text.contains("Message-ID: <"),
        "a submission server adds them (RFC 6409): {text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_recipient_comes_back_as_a_notice_and_a_deferred_one_is_tried_again() {
    let (gateway, sink) = house("[egress.retry]\nafter_s = [1]\n").await;
    let message = mails::plain(FROM, "permfail@customer.example", "To nobody", "Hello");
    let mut client = anna(&gateway).await;
    let to = vec![
        "permfail@customer.example",
        "flaky@customer.example",
        "tom@customer.example",
    ];
    assert!(
        client
            .send(&Mail {
                from: FROM,
                to,
                message: &message
            })
            .await
            .unwrap()
            .taken()
    );
    until("message, second try and notice", || sink.count() >= 3).await;
    let taken = sink.taken();
    let notice = taken
        .iter()
        .find(|taken| taken.mail.contains("<>"))
        .expect("a notice with the null reverse-path");
    let text = String::from_utf8_lossy(&notice.message).into_owned();
    assert!(
        notice.rcpts[0].contains("<anna@acme.example>"),
        "{:?}",
        notice.rcpts
    );
    for part in [
        "report-type=delivery-status",
        "Final-Recipient: rfc822;",
        "permfail@customer.example",
        "Status: 5.1.1",
        "says the sink",
        "Auto-Submitted: auto-replied",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert!(
        taken
            .iter()
            .any(|taken| taken.rcpts.iter().any(|rcpt| rcpt.contains("flaky@"))),
        "the second try"
    );
    until("the queue is empty", || {
        gateway
            .dogana(&["queue", "list"], "")
            .is_ok_and(|text| text.starts_with("0 messages"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_of_a_pool_are_bound() {
    let more = "[egress.pool.new]\nsources = [{ address = \"127.0.0.7\", ehlo = \"seven.gateway.test\" }]\n";
    let (gateway, sink) = house(more).await;
    let message = mails::plain(FROM, "tom@customer.example", "Pool", "Hello");
    let mut client = anna(&gateway).await;
    assert!(
        client
            .send(&Mail {
                from: FROM,
                to: vec!["tom@customer.example"],
                message: &message
            })
            .await
            .unwrap()
            .taken()
    );
    assert!(sink.wait_for(1, Duration::from_secs(10)).await);
    let taken = sink.taken().remove(0);
    assert_eq!(
        (taken.client.ip().to_string().as_str(), taken.helo.as_str()),
        ("127.0.0.7", "seven.gateway.test")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_signed_when_the_domain_has_a_key() {
    let (gateway, sink) = house("").await;
    let said = gateway
        .dogana(&["key", "generate", "acme.example", "s1"], "")
        .unwrap();
    assert!(
        said.contains("s1._domainkey.acme.example") && said.contains("v=DKIM1"),
        "{said}"
    );
    // The running gateway notices the key within a second or two.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    for round in 1.. {
        let message = mails::plain(FROM, "tom@customer.example", "Signed", "Hello");
        let mut client = anna(&gateway).await;
        client
            .send(&Mail {
                from: FROM,
                to: vec!["tom@customer.example"],
                message: &message,
            })
            .await
            .unwrap();
        assert!(sink.wait_for(round, Duration::from_secs(10)).await);
        let text = String::from_utf8_lossy(&sink.taken().pop().unwrap().message).into_owned();
        if text.contains("DKIM-Signature:") {
            assert!(text.contains("d=acme.example") && text.contains("s=s1"), "{text}");
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "no signature: {text}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
