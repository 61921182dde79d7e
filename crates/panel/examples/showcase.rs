//! The panel with made-up mail, to look at: `cargo run -p panel --example showcase -- 127.0.0.1:8090`.
//!
//! Opens a store of its own in a temporary directory, fills it with people and stories, and goes on telling new ones. Log in
//! as `op@host.example`, `admin@acme.example` or `desk@host.example` with the password `showcase`.

use axum::body::Bytes;
use jiff::{SignedDuration, Timestamp};
use panel::{Health, PanelState};
use risk::{Action, Cause, Class, Decibans, Outcome, Reason, Sender, SenderKind, Verdict};
use serde_json::json;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use store::{Account, Arrival, Directory, Pause, PauseScope, Store};
use trace::{Hub, Id, LogSink, Metrics, Scope, Story, SymbolLine, What};

type Outcomes<T> = Result<T, Box<dyn Error>>;

struct Act {
    sender: &'static str,
    to: &'static [&'static str],
    subject: &'static str,
    class: &'static str,
    action: &'static str,
    cause: &'static str,
    reason: &'static str,
    symbols: &'static [(&'static str, f32, &'static str)],
    delivery: &'static str,
}

const CONTENT: &str = "The message looks like spam: its text, a link that leads elsewhere than it shows";

const PLAY: [Act; 9] = [
    Act {
        sender: "info@bottega.example",
        to: &["anna.rossi@posta.example"],
        subject: "Conferma dell'ordine 20841",
        class: "clean",
        action: "accept",
        cause: "",
        reason: "",
        symbols: &[
            ("KNOWN_RECIPIENT", -4.0, "written to 12 times before"),
            ("RSPAMD_SCORE", -3.2, "1.1 of 15.0"),
        ],
        delivery: "delivered",
    },
    Act {
        sender: "newsletter@teatro.example",
        to: &[
            "abbonati@liste.example",
            "soci@liste.example",
            "stampa@giornale.example",
        ],
        subject: "La stagione d'autunno: nove prime e un ritorno",
        class: "clean",
        action: "accept",
        cause: "",
        reason: "",
        symbols: &[("LIST_HEADERS", -2.0, "List-Id and List-Unsubscribe")],
        delivery: "delivered",
    },
    Act {
        sender: "ivan@zavod.example",
        to: &["buh@klient.example"],
        subject: "Счёт на оплату № 118 от 24 ноября",
        class: "clean",
        action: "accept",
        cause: "",
        reason: "",
        symbols: &[("ATTACHMENT_PDF", 0.8, "schet-118.pdf")],
        delivery: "rescheduled",
    },
    Act {
        sender: "marta@studio.example",
        to: &["jobs@agency.example"],
        subject: "Re: CV and portfolio",
        class: "suspect",
        action: "accept",
        cause: "",
        reason: "",
        symbols: &[
            ("NEW_COUNTRY", 9.0, "first login from there"),
            ("SHORT_LINK", 6.4, "2 links through a shortener"),
            ("KNOWN_RECIPIENT", -3.0, "written to once before"),
        ],
        delivery: "delivered",
    },
    Act {
        sender: "shop@vinyl.example",
        to: &[
            "a.kowalski@skrzynka.example",
            "b@skrzynka.example",
            "c@skrzynka.example",
            "d@skrzynka.example",
        ],
        subject: "Your account will be closed in 24 hours",
        class: "spam",
        action: "refuse",
        cause: "SPAM",
        reason: CONTENT,
        symbols: &[
            ("LINK_MISMATCH", 14.5, "shows bank.example, leads to 203.0.113.9"),
            ("FRAUD_WORDS", 11.2, "account, closed, verify, 24 hours"),
            ("NEW_RECIPIENTS", 7.9, "38 of 38 never written to before"),
            ("BURST", 6.1, "41 messages in 3 minutes, usually 2 a day"),
            ("DKIM_ALIGNED", -1.5, "signed by its domain"),
        ],
        delivery: "",
    },
    Act {
        sender: "scan@copier.example",
        to: &["ufficio@copier.example"],
        subject: "Scansione da MFP-2",
        class: "malware",
        action: "refuse",
        cause: "VIRUS",
        reason: "The message carries a virus: Win.Test.EICAR_HDB-1 (found by clamav)",
        symbols: &[
            ("CLAMAV", 60.0, "Win.Test.EICAR_HDB-1"),
            ("DOUBLE_EXTENSION", 12.0, "scan.pdf.exe"),
        ],
        delivery: "",
    },
    Act {
        sender: "ordini@forno.example",
        to: &["magazzino@farina.example"],
        subject: "Ordine settimanale",
        class: "clean",
        action: "accept",
        cause: "",
        reason: "",
        symbols: &[],
        delivery: "failed",
    },
    Act {
        sender: "shop@vinyl.example",
        to: &["e@skrzynka.example"],
        subject: "Invoice overdue <b>final</b> notice",
        class: "clean",
        action: "refuse",
        cause: "LOCK",
        reason: "This account may not send mail, because risky messages were sent with it. Change its password and ask your administrator",
        symbols: &[],
        delivery: "",
    },
    Act {
        sender: "segreteria@scuola.example",
        to: &["genitori-3b@scuola.example"],
        subject: "Gita al museo: autorizzazione da firmare entro venerdì",
        class: "clean",
        action: "accept",
        cause: "",
        reason: "",
        symbols: &[("KNOWN_RECIPIENT", -4.0, "written to 31 times before")],
        delivery: "delivered",
    },
];

#[tokio::main]
async fn main() -> Outcomes<()> {
    let address: SocketAddr = std::env::args()
        .nth(1)
        .as_deref()
        .unwrap_or("127.0.0.1:8090")
        .parse()?;
    let directory = tempfile::tempdir()?;
    let settings = store::Settings {
        directory: directory.path().to_owned(),
        free_octets_min: 0,
        messages_max: 10_000,
        stories_kept_days: 30,
        stories_octets_max: 1 << 30,
        geo_databases: Vec::new(),
        campaign_messages_max: store::Campaigns::MEMBERS_MIN,
    };
    let store = Store::open(&settings)?;
    let metrics = Metrics::new();
    let log = LogSink::file(&directory.path().join("log.jsonl"))?;
    let hub = Hub::new(vec![
        Box::new(store.stories.sink()),
        Box::new(metrics.clone()),
        Box::new(log),
    ]);
    people(&store)?;
    let (_keep_open, closing) = tokio::sync::watch::channel(false);
    let state = PanelState {
        store: Arc::clone(&store),
        hub: Arc::clone(&hub),
        metrics,
        policy: Arc::default(),
        settings: panel::Settings {
            public_url: format!("http://{address}"),
            metrics: true,
            site_name: "Posta Esempio".into(),
        },
        health: Arc::new(|| Health {
            ok: true,
            notes: Vec::new(),
        }),
        now: Arc::new(Timestamp::now),
        closing,
    };
    past(&store, &hub).await?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{address}");
    tokio::spawn(async move {
        for act in PLAY.iter().cycle() {
            tokio::time::sleep(Duration::from_millis(900)).await;
            let _ = play(&store, &hub, act, Timestamp::now()).await;
        }
    });
    let service = panel::router(state).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).await?;
    Ok(())
}

fn people(store: &Store) -> Outcomes<()> {
    let hash = Directory::hash_password("showcase")?;
    let staff = [
        ("op@host.example", "operator", "host"),
        ("desk@host.example", "help_desk", "host"),
        ("admin@acme.example", "domain_admin", "acme"),
    ];
    let senders = PLAY.iter().map(|act| (act.sender, "user", "acme"));
    for (login, role, tenant) in staff.into_iter().chain(senders) {
        let domain = login
            .split_once('@')
            .map_or(String::new(), |(_, domain)| domain.to_owned());
        let (login, tenant, role) = (login.to_owned(), tenant.to_owned(), role.to_owned());
        let hash = hash.clone();
        store.directory.put_account(&Account {
            login,
            domain,
            tenant,
            hash,
            enabled: true,
            role,
            ..Account::default()
        })?;
    }
    Ok(())
}

/// What is there when somebody first looks.
async fn past(store: &Store, hub: &Arc<Hub>) -> Outcomes<()> {
    let now = Timestamp::now();
    for step in (1..=60_i64).rev() {
        let at = now.checked_sub(SignedDuration::from_secs(step * 47))?;
        let act = &PLAY[usize::try_from(step * 7 % 9)?];
        play(store, hub, act, at).await?;
    }
    for (at, to) in [
        "a@slow.example",
        "b@slow.example",
        "c@closed.example",
        "d@slow.example",
    ]
    .into_iter()
    .enumerate()
    {
        queued(
            store,
            "ivan@zavod.example",
            to,
            at == 2,
            now.checked_sub(SignedDuration::from_mins(90 - i64::try_from(at)? * 20))?,
        )
        .await?;
    }
    let reason = "41 refused messages; the last: The message looks like spam".to_owned();
    let until = now.checked_add(SignedDuration::from_hours(167)).ok();
    let lock = risk::Lock {
        reference: Id::generate(now).to_string(),
        reason,
        by: "dogana".into(),
        at: now,
        until,
        elsewhere: false,
    };
    let policy = risk::Policy::default();
    store
        .ledger
        .by_hand(
            "mailbox:shop@vinyl.example",
            Outcome::LockedBy(lock),
            &policy,
            now,
        )
        .await?;
    let scope = PauseScope::Destination("slow.example".into());
    store
        .controls
        .pause(Pause {
            scope,
            by: "op@host.example".into(),
            reason: "their server is overloaded".into(),
            at: now,
        })
        .await?;
    Ok(())
}

async fn play(store: &Store, hub: &Arc<Hub>, act: &Act, at: Timestamp) -> Outcomes<()> {
    let id = Id::generate(at);
    let domain = act.sender.split_once('@').map_or("", |(_, domain)| domain);
    let scope = Scope {
        tenant: "acme".into(),
        domain: domain.into(),
        sender: format!("mailbox:{}", act.sender),
    };
    let after = |milliseconds: i64| {
        at.checked_add(SignedDuration::from_millis(milliseconds))
            .unwrap_or(at)
    };
    let mut story = Story::open(Arc::clone(hub), id);
    session(&mut story, act, &scope, &after);
    judged(&mut story, act, &after);
    let accepted = act.action == "accept";
    let reply = if accepted {
        format!("250 2.0.0 {id} queued")
    } else {
        format!("550 5.7.1 [{}] {} ({id})", act.cause, act.reason)
    };
    if accepted {
        let recipients = u32::try_from(act.to.len())?;
        story.tell(
            after(233),
            What::Stored {
                size_octets: 18_240,
                recipients,
                pool: "clean".into(),
            },
        );
    }
    story.tell(after(235), What::Answered { reply });
    story.end();
    remember(store, act, &scope, id, at).await?;
    if accepted {
        deliver(hub, act, id, Arc::new(scope), &after);
    }
    Ok(())
}

fn session(story: &mut Story, act: &Act, scope: &Scope, after: &dyn Fn(i64) -> Timestamp) {
    let client = ([198, 51, 100, 23], 50_122).into();
    story.tell(
        after(0),
        What::Connected {
            listener: "submission".into(),
            kind: "submission".into(),
            client,
            via: None,
        },
    );
    story.tell(
        after(12),
        What::Greeted {
            helo: "[192.168.1.20]".into(),
            esmtp: true,
        },
    );
    story.tell(
        after(41),
        What::Secured {
            version: "TLSv1.3".into(),
            cipher: "TLS13_AES_128_GCM_SHA256".into(),
        },
    );
    story.set_scope(scope.clone());
    story.tell(
        after(96),
        What::LoggedIn {
            login: act.sender.into(),
            mechanism: "PLAIN".into(),
        },
    );
    story.tell(
        after(110),
        What::Mail {
            reverse_path: act.sender.into(),
            reply: "250 2.1.0 Ok".into(),
        },
    );
    for to in act.to {
        story.tell(
            after(115),
            What::Rcpt {
                forward_path: (*to).into(),
                reply: "250 2.1.5 Ok".into(),
            },
        );
    }
    let (header_from, message_id) = (
        format!("<{}>", act.sender),
        format!("<{}@mail.example>", act.subject.len()),
    );
    story.tell(
        after(170),
        What::Received {
            size_octets: 18_122,
            header_from,
            subject: act.subject.into(),
            message_id,
        },
    );
}

fn judged(story: &mut Story, act: &Act, after: &dyn Fn(i64) -> Timestamp) {
    let infected = act.class == "malware";
    let clamav = if infected {
        "infected: Win.Test.EICAR_HDB-1"
    } else {
        "clean"
    };
    story.tell(
        after(204),
        What::Gathered {
            gatherer: "clamav".into(),
            outcome: clamav.into(),
            took_us: 8_300,
        },
    );
    story.tell(
        after(221),
        What::Gathered {
            gatherer: "rspamd".into(),
            outcome: "scored 1.1 of 15.0".into(),
            took_us: 41_200,
        },
    );
    let line = |(name, weight_db, detail): &(&str, f32, &str)| SymbolLine {
        name: (*name).into(),
        weight_db: *weight_db,
        of_conduct: false,
        detail: (*detail).into(),
    };
    let symbols: Vec<_> = act.symbols.iter().map(line).collect();
    let score_db = -20.0 + symbols.iter().map(|symbol| symbol.weight_db).sum::<f32>();
    let mut facts = json!({ "door": { "listener": "submission", "tls": true }, "recipients": act.to.len(), "rates": { "hour": { "messages": 41, "max": 300 } } });
    facts["content"] = json!({ "known": content_of(act) });
    story.tell(
        after(222),
        What::Judged {
            stage: "data".into(),
            class: act.class.into(),
            action: act.action.into(),
            cause: act.cause.into(),
            reason: act.reason.into(),
            score_db,
            standing: if act.class == "spam" { "watched" } else { "good" }.into(),
            symbols,
            facts: serde_json::value::to_raw_value(&facts).ok(),
            verdict: serde_json::value::to_raw_value(&json!({ "reason": reason_of(act) })).ok(),
        },
    );
}

/// What was found in the message.
fn content_of(act: &Act) -> serde_json::Value {
    let is_spam = act.class == "spam";
    let phrases = json!([
        { "text": "your account will be closed", "share": 0.41 },
        { "text": "verify it within 24 hours", "share": 0.28 },
        { "text": "click below to keep your mailbox", "share": 0.17 },
    ]);
    let links = json!([
        { "url": "http://203.0.113.9/bank.example/login", "host": "203.0.113.9", "domain": "203.0.113.9", "text": "https://bank.example/",
          "flags": ["ip_literal", { "text_differs": { "shown": "bank.example", "brand": false } }] },
        { "url": "https://s.example/x7Kq", "host": "s.example", "domain": "s.example", "flags": ["shortener", "new_host"],
          "lists": [{ "list": "uribl", "kind": "domain", "meaning": "black" }] },
        { "url": "https://vinyl.example/shop", "host": "vinyl.example", "domain": "vinyl.example" },
    ]);
    let files = json!([
        { "name": "notice.zip", "mime": "application/zip", "size_octets": 48_213, "files": 2, "signs": ["nested"], "members": [
            { "name": "notice.pdf", "mime": "application/pdf", "size_octets": 31_000 },
            { "name": "inner.zip/setup.exe", "mime": "application/vnd.microsoft.portable-executable", "size_octets": 91_136 },
        ] },
    ]);
    json!({
        "text": {
            "characters": 1_204, "wordless": false, "hidden_octets": if is_spam { 2_300 } else { 0 },
            "hidden_sample": if is_spam { "the weather in the hills was fine and the minutes of the council" } else { "" },
            "reading": {
                "role": "person", "rank": if is_spam { 0.0012 } else { 0.61 }, "measured_on": 18_420,
                "phrases": if is_spam { phrases } else { json!([]) },
            },
        },
        "links": { "found": if is_spam { 4 } else { 0 }, "links": if is_spam { links } else { json!([]) } },
        "attachments": if is_spam { files } else { json!([]) },
    })
}

fn reason_of(act: &Act) -> Reason {
    match act.cause {
        "SPAM" => Reason::Content {
            observations: act
                .symbols
                .iter()
                .take(3)
                .map(|(name, _, _)| risk::Observation::new(name, [""]))
                .collect(),
        },
        "VIRUS" => Reason::Malware {
            name: "Win.Test.EICAR_HDB-1".into(),
            scanner: "clamav".into(),
        },
        "LOCK" => Reason::Locked {
            reference: String::new(),
            until: None,
        },
        _ => Reason::None,
    }
}

fn deliver(hub: &Arc<Hub>, act: &Act, id: Id, scope: Arc<Scope>, after: &dyn Fn(i64) -> Timestamp) {
    for to in act.to {
        let site = to.split_once('@').map_or("", |(_, domain)| domain).to_owned();
        let attempted = What::Attempted {
            host: format!("mx1.{site}"),
            site,
            address: Some([203, 0, 113, 25].into()),
            source: Some([192, 0, 2, 10].into()),
            pool: "clean".into(),
            tls: Some("TLSv1.3".into()),
        };
        hub.tell(id, after(800), &scope, attempted);
        let reply = match act.delivery {
            "delivered" => "250 2.0.0 Ok: queued as 4XkPq21zTz",
            "failed" => "550 5.1.1 The mailbox does not exist",
            _ => "451 4.7.1 Greylisted, please try again in 300 seconds",
        };
        let next_attempt = (act.delivery == "rescheduled").then(|| after(300_000));
        let (forward_path, outcome) = ((*to).to_owned(), act.delivery.to_owned());
        let settled = What::Settled {
            forward_path,
            outcome,
            reply: reply.into(),
            attempts: 1,
            next_attempt,
            queued_ms: 1_180,
        };
        hub.tell(id, after(1_180), &scope, settled);
    }
}

async fn remember(store: &Store, act: &Act, scope: &Scope, id: Id, at: Timestamp) -> Outcomes<()> {
    let sender = Sender {
        kind: SenderKind::Mailbox,
        name: act.sender.into(),
        domain: scope.domain.clone(),
        tenant: scope.tenant.clone(),
    };
    let recipients: Vec<_> = act.to.iter().map(|to| (*to).to_owned()).collect();
    let reservation = store.ledger.reserve(&sender, &[], &recipients, at);
    if act.action != "accept" {
        store.ledger.refund(reservation);
    }
    let class = match act.class {
        "clean" => Class::Clean,
        "suspect" => Class::Suspect,
        "spam" => Class::Spam,
        _ => Class::Malware,
    };
    let (action, cause) = match act.cause {
        "" => (Action::Accept, Cause::None),
        "LOCK" => (Action::Refuse, Cause::Locked),
        "VIRUS" => (Action::Refuse, Cause::Malware),
        _ => (Action::Refuse, Cause::Content),
    };
    let verdict = Verdict {
        class,
        action,
        cause,
        reason: Reason::None,
        score: Decibans::default(),
        symbols: Vec::new(),
        pool: "clean".into(),
        on_allowance: false,
        unchecked: false,
        trial: None,
    };
    store
        .ledger
        .judged(&sender, &verdict, &id.to_string(), &risk::Policy::default(), at)
        .await?;
    Ok(())
}

async fn queued(store: &Store, sender: &str, to: &str, held: bool, at: Timestamp) -> Outcomes<()> {
    let octets = Bytes::from_static(b"Subject: x\r\n\r\nwaiting\r\n");
    let due = Timestamp::now().checked_add(SignedDuration::from_mins(17))?;
    let state = if held {
        json!({ "state": "held", "reason": "risky, and the sender is limited" })
    } else {
        json!({ "state": "scheduled", "due": due })
    };
    let envelope = json!({
        "id": Id::generate(at), "arrived": at, "expires": at.checked_add(SignedDuration::from_hours(72))?,
        "reverse_path": sender, "ret": null, "envid": null, "body": null, "smtputf8": false,
        "scope": { "tenant": "acme", "domain": "zavod.example", "sender": format!("mailbox:{sender}") },
        "class": if held { "suspect" } else { "clean" }, "pool": "clean", "size_octets": octets.len(),
    });
    let reply = json!({ "code": 451, "enhanced": { "class": 4, "subject": 3, "detail": 2 }, "lines": ["System not accepting network messages"] });
    let recipient = json!({
        "forward_path": to, "orcpt": null, "notify": null, "state": state,
        "attempts": if held { 0 } else { 3 }, "last_reply": if held { json!(null) } else { reply }, "delay_notified": false,
    });
    let recipients = vec![serde_json::from_value(recipient)?];
    store
        .queue
        .admit(Arrival {
            envelope: serde_json::from_value(envelope)?,
            recipients,
            chunks: vec![octets],
        })
        .await?;
    Ok(())
}
