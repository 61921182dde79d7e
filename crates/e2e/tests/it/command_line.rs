//! What an operator does in the terminal.

use super::{PASSWORD, anna, house, until};
use e2e::client::Mail;
use e2e::mails;

const FROM: &str = "anna@acme.example";

#[tokio::test(flavor = "multi_thread")]
async fn pause_queue_hold_release_drop() {
    let (gateway, sink) = house("").await;
    gateway
        .dogana(
            &["pause", "--tenant", "acme.example", "--reason", "incident 7"],
            "",
        )
        .unwrap();
    let mut client = anna(&gateway).await;
    for to in ["tom@customer.example", "liz@family.example", "ugo@family.example"] {
        let message = mails::plain(FROM, to, "Waiting", "Hello");
        assert!(
            client
                .send(&Mail {
                    from: FROM,
                    to: vec![to],
                    message: &message
                })
                .await
                .unwrap()
                .taken()
        );
    }
    let list = || gateway.dogana(&["queue", "list"], "").unwrap();
    until("three messages wait", || list().starts_with("3 messages")).await;
    assert_eq!(sink.count(), 0, "the tenant is paused");
    let text = list();
    assert!(
        text.contains("tom@customer.example") && text.contains(FROM),
        "{text}"
    );
    assert!(
        gateway
            .dogana(
                &[
                    "queue",
                    "hold",
                    "--destination",
                    "family.example",
                    "--reason",
                    "look first"
                ],
                ""
            )
            .unwrap()
            .contains("hold: 2")
    );
    gateway
        .dogana(&["resume", "--tenant", "acme.example"], "")
        .unwrap();
    until("the one that is not held goes", || sink.count() == 1).await;
    assert!(
        gateway.dogana(&["queue", "drop"], "").is_err(),
        "nothing is dropped without saying what"
    );
    let held = gateway.dogana(&["queue", "list", "--held"], "").unwrap();
    let id = held
        .lines()
        .find(|line| line.contains("ugo@"))
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned();
    assert!(
        gateway
            .dogana(&["queue", "drop", "--id", &id], "")
            .unwrap()
            .contains("drop: 1")
    );
    assert!(
        gateway
            .dogana(&["queue", "release", "--all"], "")
            .unwrap()
            .contains("release: 1")
    );
    until("the released one goes", || sink.count() == 2).await;
    until("the queue is empty", || list().starts_with("0 messages")).await;
    until("the story tells who dropped it", || {
        gateway
            .dogana(&["trace", &id], "")
            .is_ok_and(|story| story.contains("outcome=dropped"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn live_trace() {
    use std::io::{BufRead, BufReader};
    let (gateway, _sink) = house("").await;
    let mut child = std::process::Command::new(e2e::process::program())
        .arg("--config")
        .arg(gateway.config())
        .args(["trace", "--follow"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let (told, heard) = std::sync::mpsc::channel();
    let out = child.stdout.take().unwrap();
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if told.send(line).is_err() {
                break;
            }
        }
    });
    let mut lines = String::new();
    let mut client = anna(&gateway).await;
    for _ in 0..20 {
        let message = mails::plain(FROM, "tom@customer.example", "Live", "Hello");
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
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        lines.extend(heard.try_iter().map(|line| line + "\n"));
        if lines.contains("settled") {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for event in ["judged", "stored", "settled"] {
        assert!(lines.contains(event), "{event} in {lines}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_from_csv_with_the_hashes_they_have() {
    let (gateway, _sink) = house("").await;
    let hash = |scheme: &str| {
        let out = std::process::Command::new("openssl")
            .args(["passwd", scheme, "-salt", "saltsalt", "secret words"])
            .output()
            .unwrap();
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    };
    let csv = format!(
        "login,password_hash,tenant,language,also_sends_as,role\nsix@beta.example,{},beta,it,,user\nfive@beta.example,{{CRYPT}}{},beta,ru,,user\nplain@beta.example,{{PLAIN}}secret,beta,en,,user\n",
        hash("-6"),
        hash("-5")
    );
    let said = gateway.dogana(&["account", "import", "-"], &csv).unwrap();
    assert!(
        said.contains("2 added") && said.contains("1 refused") && said.contains("line 4"),
        "{said}"
    );
    until("the running gateway knows them", || {
        let list = gateway
            .dogana(&["account", "list", "--tenant", "beta"], "")
            .unwrap();
        list.contains("six@beta.example") && !list.contains("plain@")
    })
    .await;
    for login in ["six@beta.example", "five@beta.example"] {
        let mut client = e2e::client::Client::connect(gateway.submission)
            .await
            .unwrap()
            .start_tls()
            .await
            .unwrap();
        let mut reply = String::new();
        for _ in 0..15 {
            reply = client.login(login, "secret words").await.unwrap();
            if reply.starts_with("235") {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        assert!(reply.starts_with("235"), "{login}: {reply}");
    }
    let shown = gateway
        .dogana(&["account", "show", "six@beta.example"], "")
        .unwrap();
    assert!(!shown.contains("$6$") && shown.contains("beta"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn scan_explains_files() {
    let (gateway, _sink) = house("").await;
    let folder = gateway.folder.path();
    let (honest, spam) = (folder.join("honest.eml"), folder.join("spam.eml"));
    std::fs::write(&honest, mails::plain(FROM, "t@c.example", "Hello", "As agreed.")).unwrap();
    std::fs::write(&spam, mails::plain(FROM, "t@c.example", "Offer", &mails::gtube())).unwrap();
    let clean = gateway.dogana(&["scan", honest.to_str().unwrap()], "").unwrap();
    assert!(clean.contains("clean · accept"), "{clean}");
    let refused = gateway
        .dogana(&["scan", "--language", "it", spam.to_str().unwrap()], "")
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("spam · refuse") && refused.contains("GTUBE") && refused.contains("sembra spam"),
        "{refused}"
    );
    let json = gateway
        .dogana(&["scan", "--json", honest.to_str().unwrap()], "")
        .unwrap();
    let value: serde_json::Value = serde_json::from_str(json.trim()).unwrap();
    assert_eq!(
        (&value["verdict"]["class"], &value["sentence"]),
        (&"clean".into(), &"".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn config_check_prints_and_refuses() {
    let (gateway, _sink) = house("").await;
    let shown = gateway.dogana(&["config", "check"], "").unwrap();
    assert!(
        shown.contains("listener submission") && shown.contains("[risk]"),
        "{shown}"
    );
    let wrong = gateway.folder.path().join("wrong.toml");
    std::fs::write(&wrong, "[ingress]\nlisteners = []\n").unwrap();
    let error = gateway
        .dogana(&["config", "check", wrong.to_str().unwrap()], "")
        .unwrap_err()
        .to_string();
    assert!(error.contains("did you mean `listener`?"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_reload_changes_nothing_and_a_good_one_does() {
    let (gateway, _sink) = house("").await;
    let text = std::fs::read_to_string(gateway.config()).unwrap();
    std::fs::write(gateway.config(), format!("{text}\n[risk]\nspam_db = \"much\"\n")).unwrap();
    gateway.signal(rustix::process::Signal::HUP).unwrap();
    until("it says what is wrong", || {
        gateway.said().contains("the old policy stays")
    })
    .await;
    let mut client = anna(&gateway).await;
    let message = mails::plain(FROM, "t@c.example", "Hello", "As agreed.");
    assert!(
        client
            .send(&Mail {
                from: FROM,
                to: vec!["t@c.example"],
                message: &message
            })
            .await
            .unwrap()
            .taken()
    );
    std::fs::write(
        gateway.config(),
        format!("{text}\n[risk.limits.each_mailbox]\nrecipients_per_message = 1\n"),
    )
    .unwrap();
    gateway.signal(rustix::process::Signal::HUP).unwrap();
    until("it was read", || {
        gateway.said().contains("the policy was read again")
    })
    .await;
    let fared = client
        .send(&Mail {
            from: FROM,
            to: vec!["t@c.example", "u@c.example"],
            message: &message,
        })
        .await
        .unwrap();
    assert!(fared.rcpts[1].starts_with("452 4.5.3"), "{fared:?}");
    assert!(
        client.command("NOOP\r\n").await.unwrap().starts_with("250"),
        "{PASSWORD}"
    );
}

/// `store verify` beside a running gateway is refused; behind a damaged octet it names the message; the start tells the same, in its
/// log, in the message's story and in /healthz.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_queue_is_shown() {
    let (mut gateway, _sink) = house("").await;
    gateway
        .dogana(
            &["pause", "--tenant", "acme.example", "--reason", "keep it here"],
            "",
        )
        .unwrap();
    let mut client = anna(&gateway).await;
    let message = mails::plain(
        FROM,
        "tom@customer.example",
        "Waiting",
        "Marked-Octets-Of-The-Body",
    );
    let mail = Mail {
        from: FROM,
        to: vec!["tom@customer.example"],
        message: &message,
    };
    assert!(client.send(&mail).await.unwrap().taken());
    drop(client);
    assert!(
        gateway.dogana(&["store", "verify"], "").is_err(),
        "the gateway runs"
    );
    gateway.terminate().unwrap();
    let whole = gateway.dogana(&["store", "verify"], "").unwrap();
    assert!(whole.lines().any(|line| line.starts_with("queue")), "{whole}");
    let queue = gateway.data().join("queue");
    for entry in std::fs::read_dir(&queue).unwrap() {
        let path = entry.unwrap().path();
        let mut octets = std::fs::read(&path).unwrap();
        let mark = b"Marked-Octets";
        if let Some(at) = octets.windows(mark.len()).position(|stretch| stretch == mark) {
            octets[at] ^= 1;
            std::fs::write(&path, octets).unwrap();
        }
    }
    let told = gateway.dogana(&["store", "verify"], "").unwrap_err().to_string();
    assert!(told.contains("is damaged from octet"), "{told}");
    gateway.launch().unwrap();
    let list = gateway.dogana(&["queue", "list", "--held"], "").unwrap();
    assert!(list.contains("tom@customer.example"), "{list}");
    let health = gateway.health();
    assert!(health.contains("stretches of the queue were damaged"), "{health}");
    let said = gateway.said();
    assert!(
        said.contains("is damaged from octet") && said.contains("on hold"),
        "{said}"
    );
    until("the log tells it in the story of the message", || {
        gateway.log().contains("\"verb\":\"hold\",\"by\":\"dogana\"")
    })
    .await;
}

/// Through the running gateway and beside it: one model.
#[tokio::test(flavor = "multi_thread")]
async fn the_model_is_taught_shown_and_taken_along() {
    let (mut gateway, _sink) = house("").await;
    let folder = gateway.folder.path().join("spam");
    std::fs::create_dir(&folder).unwrap();
    // Figures alone make no other message: all digits are read alike.
    for (number, what) in ["watches", "pills", "loans", "handbags", "diplomas"]
        .iter()
        .enumerate()
    {
        let text = format!("Cheap {what}, buy now and save money");
        let message = mails::plain("x@spam.example", "t@c.example", "Offer", &text);
        std::fs::write(folder.join(format!("{number}.eml")), message).unwrap();
    }
    let honest = gateway.folder.path().join("honest.eml");
    let message = mails::plain(
        FROM,
        "t@c.example",
        "Hello",
        "The minutes are attached, as agreed.",
    );
    std::fs::write(&honest, message).unwrap();
    let (folder, honest) = (folder.to_str().unwrap(), honest.to_str().unwrap());
    let said = gateway.dogana(&["learn", "spam", folder], "").unwrap();
    assert!(said.contains("5  learned"), "{said}");
    let again = gateway
        .dogana(&["learn", "spam", folder], "")
        .unwrap_err()
        .to_string();
    assert!(again.contains("already"), "{again}");
    let kept = gateway.folder.path().join("kept.model");
    let kept = kept.to_str().unwrap();
    gateway.dogana(&["model", "export", kept], "").unwrap();
    gateway.terminate().unwrap();
    let account = ["learn", "ham", honest, "--account", "mailbox:anna@acme.example"];
    assert!(gateway.dogana(&account, "").unwrap().contains("1  learned"));
    let shown = gateway.dogana(&["model", "show"], "").unwrap();
    assert!(
        shown.contains("6 labels kept") && shown.contains("operator"),
        "{shown}"
    );
    gateway
        .dogana(&["learn", "ham", "--unlearn", honest], "")
        .unwrap();
    gateway.launch().unwrap();
    let shown = gateway.dogana(&["model", "show"], "").unwrap();
    assert!(shown.contains("5 labels kept"), "{shown}");
    let shown = gateway.dogana(&["model", "forget", "refusal"], "").unwrap();
    assert!(shown.contains("5 labels kept"), "{shown}");
    assert!(
        gateway.dogana(&["model", "reset"], "").is_err(),
        "not without a yes"
    );
    let shown = gateway.dogana(&["model", "reset", "--yes"], "").unwrap();
    assert!(shown.contains("0 spam, 0 other; 0 labels"), "{shown}");
    let shown = gateway.dogana(&["model", "import", kept], "").unwrap();
    assert!(
        !shown.contains("learned: 0 spam") && shown.contains("snapshot"),
        "{shown}"
    );
    assert!(gateway.dogana(&["model", "restore", "99"], "").is_err());
}
