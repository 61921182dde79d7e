//! Real ClamAV, Rspamd and SpamAssassin behind the gateway: each refuses what it alone knows; one that is down defers, and shows.

use super::{anna, house, until};
use e2e::client::{Client, Mail};
use e2e::mails;
use e2e::neighbours::{clamd::Clamd, rspamd::Rspamd, spamd::Spamd};

const FROM: &str = "anna@acme.example";
/// A rule for Rspamd: this word in the subject is worth more than its threshold.
const LUA: &str = r#"
rspamd_config:register_symbol({ name = "OWN_WORD", score = 20.0, group = "own",
  callback = function(task) local s = task:get_subject() return s ~= nil and s:find("zephyr-rspamd", 1, true) ~= nil end })
"#;
/// A rule for SpamAssassin: this word in the text is worth twice its threshold.
const RULES: &str =
    "body OWN_WORD /zephyr-spamassassin/\ndescribe OWN_WORD a word of our own\nscore OWN_WORD 10";

async fn send(client: &mut Client, subject: &str, body: &str) -> String {
    let message = mails::plain(FROM, "tom@customer.example", subject, body);
    client
        .send(&Mail {
            from: FROM,
            to: vec!["tom@customer.example"],
            message: &message,
        })
        .await
        .unwrap()
        .decisive()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_scanner_is_heard() {
    // Started by the thread of the test: they end with the thread that started them.
    let (mut clamd, rspamd, spamd) = (
        Clamd::start().unwrap(),
        Rspamd::start(LUA).unwrap(),
        Spamd::start(RULES).unwrap(),
    );
    let more = format!(
        "[ingress.scan]\nclamav = {:?}\nrspamd = \"{}\"\nspamassassin = {:?}\n",
        clamd.socket, rspamd.address, spamd.socket
    );
    let (gateway, sink) = house(&more).await;
    let mut client = anna(&gateway).await;

    let honest = send(&mut client, "Hello", "As agreed on Tuesday.").await;
    assert!(honest.starts_with("250 2.0.0"), "{honest}");
    let virus = mails::with_file(
        FROM,
        "t@c.example",
        "Setup",
        "setup.bin",
        mails::eicar().as_bytes(),
    );
    let virus = client
        .send(&Mail {
            from: FROM,
            to: vec!["t@c.example"],
            message: &virus,
        })
        .await
        .unwrap()
        .end;
    assert!(
        virus.starts_with("550 5.7.1 [VIRUS]")
            && virus.contains(Clamd::SIGNATURE)
            && virus.contains("clamav"),
        "{virus}"
    );
    let by_rspamd = send(&mut client, "zephyr-rspamd", "Hello.").await;
    assert!(
        by_rspamd.starts_with("550 5.7.1 [SPAM]") && by_rspamd.contains("(Rspamd)"),
        "{by_rspamd}"
    );
    let by_spamassassin = send(&mut client, "Hello", "The word is zephyr-spamassassin.").await;
    assert!(
        by_spamassassin.starts_with("550 5.7.1 [SPAM]") && by_spamassassin.contains("(SpamAssassin)"),
        "{by_spamassassin}"
    );
    assert!(sink.wait_for(1, std::time::Duration::from_secs(10)).await);

    clamd.daemon.kill().unwrap();
    let unchecked = send(&mut client, "Hello", "While the virus scanner is down.").await;
    assert!(
        unchecked.starts_with("451 4.3.0 [SCAN]") && unchecked.contains("clamav"),
        "{unchecked}"
    );
    until("the log tells it", || gateway.log().contains("SCANNER_FAILED")).await;
    for _ in 0..6 {
        send(&mut client, "Hello", "Again while it is down.").await;
    }
    let health = || gateway.health();
    assert!(health().contains("clamav does not answer"), "{}", health());
    clamd.daemon.launch().unwrap();
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let again = send(&mut client, "Hello", "The virus scanner is back.").await;
        if again.starts_with("250") {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{again}");
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    let text = std::fs::read_to_string(gateway.config()).unwrap();
    std::fs::write(
        gateway.config(),
        format!("{text}\n[risk]\nscanner_failure = \"open\"\n"),
    )
    .unwrap();
    gateway.signal(rustix::process::Signal::HUP).unwrap();
    until("the policy was read", || {
        gateway.said().contains("the policy was read again")
    })
    .await;
    clamd.daemon.kill().unwrap();
    let open = send(&mut client, "Hello", "Fail open.").await;
    assert!(open.starts_with("250"), "{open}");
}
