//! What is refused, with words that help; and what a stolen account meets.

use super::{PASSWORD, anna, house, until};
use e2e::client::{Client, Mail};
use e2e::mails;

const FROM: &str = "anna@acme.example";

async fn send(client: &mut Client, from: &str, message: &[u8]) -> String {
    let fared = client
        .send(&Mail {
            from,
            to: vec!["tom@customer.example"],
            message,
        })
        .await
        .unwrap();
    fared.decisive().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_has_code_words_reference_and_link() {
    let (gateway, sink) = house("").await;
    let mut client = anna(&gateway).await;
    let file =
        |name: &str, content: &[u8]| mails::with_file(FROM, "tom@customer.example", "File", name, content);
    let rows = [
        (
            "spam",
            FROM,
            mails::plain(FROM, "t@c.example", "Offer", &mails::gtube()),
            "550 5.7.1 [SPAM] ",
        ),
        (
            "virus",
            FROM,
            file("note.txt", mails::eicar().as_bytes()),
            "550 5.7.1 [VIRUS] ",
        ),
        (
            "program",
            FROM,
            file(
                "picture.jpg",
                b"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00",
            ),
            "550 5.7.1 [FILE] ",
        ),
        (
            "envelope",
            "boss@bank.example",
            mails::plain(FROM, "t@c.example", "x", "y"),
            "553 5.7.1 ",
        ),
        (
            "header",
            FROM,
            mails::plain("boss@bank.example", "t@c.example", "x", "y"),
            "550 5.7.1 [OWN] ",
        ),
    ];
    for (what, from, message, start) in rows {
        let reply = send(&mut client, from, &message).await;
        assert!(reply.starts_with(start), "{what}: {reply}");
        if what == "envelope" {
            assert!(
                reply.contains("Sender address rejected: not owned by user"),
                "{reply}"
            );
            continue;
        }
        assert!(
            reply.contains("Ref") && reply.contains("http://"),
            "{what}: {reply}"
        );
    }
    assert_eq!(sink.count(), 0);
    let honest = send(
        &mut client,
        FROM,
        &mails::plain(FROM, "t@c.example", "Hello", "As agreed."),
    )
    .await;
    assert!(honest.starts_with("250 2.0.0"), "{honest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_account_is_locked_at_mail_and_its_neighbour_is_not() {
    let (gateway, sink) = house("").await;
    gateway.add_account("marco@acme.example", PASSWORD).unwrap();
    let spam = mails::plain(FROM, "t@c.example", "Offer", &mails::gtube());
    let mut client = anna(&gateway).await;
    for _ in 0..5 {
        assert!(
            send(&mut client, FROM, &spam)
                .await
                .starts_with("550 5.7.1 [SPAM]")
        );
    }
    let mut again = anna(&gateway).await;
    let reply = again.command("MAIL FROM:<anna@acme.example>\r\n").await.unwrap();
    assert!(
        reply.starts_with("550 5.7.1 [LOCK]"),
        "AUTH was accepted, MAIL is refused: {reply}"
    );
    let mut other = Client::connect(gateway.submission)
        .await
        .unwrap()
        .start_tls()
        .await
        .unwrap();
    let mut login = other.login("marco@acme.example", PASSWORD).await.unwrap();
    for _ in 0..20 {
        if login.starts_with("235") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        login = other.login("marco@acme.example", PASSWORD).await.unwrap();
    }
    let honest = mails::plain("marco@acme.example", "t@c.example", "Hello", "As agreed.");
    assert!(
        send(&mut other, "marco@acme.example", &honest)
            .await
            .starts_with("250")
    );
    assert!(sink.wait_for(1, std::time::Duration::from_secs(10)).await);
    assert!(
        gateway
            .dogana(&["sender", "list", "--locked"], "")
            .unwrap()
            .contains("mailbox:anna@acme.example")
    );
    gateway
        .dogana(&["account", "unlock", FROM, "--reason", "new password"], "")
        .unwrap();
    let free = send(
        &mut again,
        FROM,
        &mails::plain(FROM, "t@c.example", "Hello", "Me again."),
    )
    .await;
    assert!(free.starts_with("250"), "{free}");
    let log = gateway.log();
    until("lock and unlock are in the log", || {
        let log = gateway.log();
        log.contains(r#""event":"locked""#) && log.contains(r#""event":"unlocked""#)
    })
    .await;
    assert!(!log.contains(PASSWORD));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_survives_kill_9() {
    let (mut gateway, _sink) = house("").await;
    let spam = mails::plain(FROM, "t@c.example", "Offer", &mails::gtube());
    let mut client = anna(&gateway).await;
    for _ in 0..5 {
        send(&mut client, FROM, &spam).await;
    }
    gateway.kill().unwrap();
    gateway.launch().unwrap();
    let mut again = anna(&gateway).await;
    let reply = again.command("MAIL FROM:<anna@acme.example>\r\n").await.unwrap();
    assert!(reply.starts_with("550 5.7.1 [LOCK]"), "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_relay_nothing() {
    let (gateway, sink) = house("").await;
    for address in [gateway.submission, gateway.relay] {
        let mut client = Client::connect(address).await.unwrap();
        let paths = [
            "tom@customer.example",
            "tom%customer.example@acme.example",
            "@acme.example:tom@customer.example",
            "\"tom@customer.example\"@acme.example",
            "customer.example!tom@acme.example",
        ];
        for path in paths {
            client.command("RSET\r\n").await.unwrap();
            let mail = client.command("MAIL FROM:<anna@acme.example>\r\n").await.unwrap();
            let rcpt = client.command(&format!("RCPT TO:<{path}>\r\n")).await.unwrap();
            let data = client.command("DATA\r\n").await.unwrap();
            assert!(
                !data.starts_with("354"),
                "{address} {path}: {mail} / {rcpt} / {data}"
            );
        }
    }
    let mut client = Client::connect(gateway.submission).await.unwrap();
    let reply = client.login(FROM, PASSWORD).await.unwrap();
    assert!(
        reply.starts_with('5'),
        "AUTH in the clear with the right password: {reply}"
    );
    assert_eq!(sink.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_say_when_to_come_again() {
    let more = "[risk.limits.each_mailbox]\nrecipients_per_message = 2\n[[risk.limits.each_mailbox.windows]]\nwindow_s = 3600\nmessages = 2\n";
    let (gateway, sink) = house(more).await;
    let mut client = anna(&gateway).await;
    let message = mails::plain(FROM, "t@c.example", "Hello", "As agreed.");
    let many = vec!["a@c.example", "b@c.example", "c@c.example"];
    let fared = client
        .send(&Mail {
            from: FROM,
            to: many,
            message: &message,
        })
        .await
        .unwrap();
    assert!(
        fared.taken() && fared.rcpts[2].starts_with("452 4.5.3 [RCPT]"),
        "{fared:?}"
    );
    assert!(send(&mut client, FROM, &message).await.starts_with("250"));
    let third = send(&mut client, FROM, &message).await;
    assert!(
        third.starts_with("451 4.7.1 [RATE]") && third.contains("try again after"),
        "{third}"
    );
    assert!(sink.wait_for(2, std::time::Duration::from_secs(10)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_in_a_refusal_explains_in_the_readers_language() {
    let (gateway, _sink) = house("").await;
    let mut client = anna(&gateway).await;
    let reply = send(
        &mut client,
        FROM,
        &mails::plain(FROM, "t@c.example", "Offer", &mails::gtube()),
    )
    .await;
    let link = reply
        .replace('\n', " ")
        .split_whitespace()
        .find(|word| word.starts_with("http://"))
        .unwrap()
        .to_owned();
    let page = |language: &str| {
        let out = std::process::Command::new("curl")
            .args(["-s", "-H", &format!("Accept-Language: {language}"), &link])
            .output();
        String::from_utf8_lossy(&out.unwrap().stdout).into_owned()
    };
    until("the story can be read", || page("en").contains("SPAM")).await;
    for (language, word) in [("it", "messaggio"), ("ru", "исьмо"), ("en", "message")] {
        let text = page(language);
        assert!(text.contains(word), "{language}: {text}");
        assert!(
            !text.contains("tom@customer.example") && !text.contains("Offer"),
            "nothing of the message itself: {text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_inherited_and_overridden_while_it_runs() {
    let (gateway, _sink) = house("").await;
    let set = |words: &[&str]| gateway.dogana(&[&["limits", "set"], words].concat(), "").unwrap();
    set(&[
        "tenant",
        "acme.example",
        "--for",
        "each-mailbox",
        "--recipients-per-message",
        "1",
    ]);
    let message = mails::plain(FROM, "t@c.example", "Hello", "As agreed.");
    let mut second = String::new();
    for _ in 0..50 {
        let mut client = anna(&gateway).await;
        let two = vec!["a@c.example", "b@c.example"];
        let fared = client
            .send(&Mail {
                from: FROM,
                to: two,
                message: &message,
            })
            .await
            .unwrap();
        second = fared.rcpts[1].clone();
        if second.starts_with("452 4.5.3 [RCPT]") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(
        second.starts_with("452 4.5.3 [RCPT]"),
        "set at the tenant: {second}"
    );
    set(&[
        "mailbox",
        FROM,
        "--recipients-per-message",
        "3",
        "--window",
        "3600",
        "--distinct-recipients",
        "40",
    ]);
    let shown = gateway.dogana(&["limits", "show", FROM], "").unwrap();
    assert!(
        shown.contains("3600 s") && shown.contains("40") && shown.contains("mailbox"),
        "{shown}"
    );
    for _ in 0..50 {
        let mut client = anna(&gateway).await;
        let two = vec!["a@c.example", "b@c.example"];
        let fared = client
            .send(&Mail {
                from: FROM,
                to: two,
                message: &message,
            })
            .await
            .unwrap();
        second = fared.rcpts[1].clone();
        if second.starts_with("250") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(second.starts_with("250"), "overridden at the mailbox: {second}");
}
