//! What the directory, the ledger and the stories cost: `cargo bench -p store`. One thread calls; CPU time is that of all
//! threads of the process. Compare ratios, not machines.
#![allow(clippy::unwrap_used, missing_docs, reason = "a measurement")]

use jiff::Timestamp;
use risk::{
    Action, Bands, Cause, Class, ContentFacts, Decibans, Level, Limits, Policy, Reason, Sender, SenderKind,
    TextFacts, Verdict, Windowed,
};
use serde_json::value::RawValue;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Account, Campaigns, Directory, Ledger, Stories, StoryFilter};
use trace::{Event, Id, Scope, Sink, What};

const HASH: &str = "$5$rounds=1000$abcdefgh$ue35C0ITbth1b5zVUjrjm2mMmsmMKiodEeH2UV/Hq10";

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    campaigns();
    directory(&runtime);
    ledger(&runtime);
    stories(&runtime);
}

/// CPU time of the process: user and system, from the kernel's own account.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

fn each(name: &str, rounds: u32, mut work: impl FnMut(u32)) {
    let (begun, cpu_begun) = (Instant::now(), cpu());
    for round in 0..rounds {
        work(round);
    }
    let (wall, used) = (begun.elapsed() / rounds, (cpu() - cpu_begun) / rounds);
    println!("{name:<58} {wall:>12.2?} wall {used:>12.2?} CPU");
}

/// A full index: what is asked and entered finds nothing in the processor's cache.
fn campaigns() {
    let campaigns = Campaigns::new(Campaigns::MEMBERS_MAX);
    let bands: Vec<Bands> = (0..200_000u32)
        .map(|n| {
            let mut content = ContentFacts {
                text: Some(TextFacts::default()),
                ..ContentFacts::default()
            };
            content.text.iter_mut().for_each(|text| {
                text.bands = (0..8)
                    .map(|band| (n << 3 | band).wrapping_mul(2_654_435_761))
                    .collect();
            });
            Bands::of(&content)
        })
        .collect();
    let senders: Vec<String> = (0..1_000)
        .map(|n| format!("mailbox:user{n}@example.com"))
        .collect();
    let (now, verdict) = (Timestamp::now(), verdict());
    let sender = |n: u32| senders[n as usize % 1_000].as_str();
    let enter = |n: u32| {
        let at = n.wrapping_mul(7_919) as usize % bands.len();
        campaigns.remember(&bands[at], sender(n), Id::generate(now), &verdict, now);
    };
    each("campaign, entered (a new text)", 200_000, |n| {
        campaigns.remember(&bands[n as usize], sender(n), Id::generate(now), &verdict, now);
    });
    each("campaign, asked", 1_000_000, |n| {
        let at = n.wrapping_mul(7_919) as usize % bands.len();
        black_box(campaigns.recall(&bands[at], "mailbox:other@example.com", now));
    });
    each(
        "campaign, entered (known texts of many senders)",
        1_000_000,
        enter,
    );
    each("campaign, asked, eight senders in every band", 1_000_000, |n| {
        let at = n.wrapping_mul(7_919) as usize % bands.len();
        black_box(campaigns.recall(&bands[at], "mailbox:other@example.com", now));
    });
}

fn verdict() -> Verdict {
    Verdict {
        class: Class::Clean,
        action: Action::Accept,
        cause: Cause::None,
        reason: Reason::None,
        score: Decibans::new(-20.0),
        symbols: Vec::new(),
        pool: "clean".into(),
        on_allowance: false,
        unchecked: false,
        trial: None,
    }
}

fn directory(runtime: &tokio::runtime::Runtime) {
    let place = tempfile::tempdir().unwrap();
    let directory = Directory::open(place.path()).unwrap();
    let mut csv = "login,password_hash,tenant\n".to_owned();
    for n in 0..20_000 {
        csv.push_str(&format!(
            "user{n}@domain{}.example,{HASH},tenant{}\n",
            n % 500,
            n % 500
        ));
    }
    each("import of a line of CSV (20,000)", 1, |_| {
        let report = directory.import_csv(csv.as_bytes(), |_| ()).unwrap();
        assert_eq!(report.added, 20_000, "{report:?}");
    });
    let login = |n: u32| format!("user{}@domain{}.example", n % 5_000, n % 5_000 % 500);
    each("account, read from the disk", 5_000, |n| {
        drop(directory.account(&login(n)).unwrap().unwrap())
    });
    let logins: Vec<String> = (0..5_000).map(login).collect();
    each("account, cached", 1_000_000, |n| {
        black_box(directory.account(&logins[n as usize % 5_000]).unwrap().unwrap());
    });
    each("domain, cached", 1_000_000, |n| {
        black_box(
            directory
                .domain(["domain1.example", "domain2.example"][n as usize % 2])
                .unwrap(),
        );
    });
    each("signers of a domain without keys, cached", 1_000_000, |_| {
        black_box(directory.signers("domain1.example").unwrap());
    });
    let account = directory.account(&logins[7]).unwrap().unwrap();
    let address = mail::Address::parse("user7+tag@domain7.example").unwrap();
    each("owns", 1_000_000, |_| {
        assert!(black_box(directory.owns(&account, &address)))
    });
    each("login, the first", 100, |n| {
        drop(
            runtime
                .block_on(directory.login(&logins[n as usize], b"correct horse"))
                .unwrap(),
        );
    });
    each("login, remembered", 100_000, |n| {
        drop(
            runtime
                .block_on(directory.login(&logins[n as usize % 100], b"correct horse"))
                .unwrap(),
        );
    });
    each("login, unknown", 100, |n| {
        drop(
            runtime
                .block_on(directory.login(&format!("x{n}@example.com"), b"correct horse"))
                .unwrap(),
        );
    });
    let own = Account {
        hash: Directory::hash_password("x").unwrap(),
        ..(*account).clone()
    };
    each("put of an account, durable", 200, |_| {
        directory.put_account(&own).unwrap()
    });
}

fn sender(n: u32) -> Sender {
    Sender {
        kind: SenderKind::Mailbox,
        name: format!("user{n}@domain{}.example", n % 500),
        domain: format!("domain{}.example", n % 500),
        tenant: format!("tenant{}", n % 500),
    }
}

fn ledger(runtime: &tokio::runtime::Runtime) {
    let place = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(place.path()).unwrap();
    let policy = Policy::default();
    let window = |window_s, messages| Windowed {
        window_s,
        messages: Some(messages),
        ..Windowed::default()
    };
    let limits = Limits {
        windows: vec![window(3_600, 300), window(86_400, 1_000)],
        recipients_per_message: None,
    };
    let verdict = verdict();
    let senders: Vec<Sender> = (0..2_000).map(sender).collect();
    let recipients: Vec<Vec<String>> = (0..1_000)
        .map(|n| (0..2).map(|m| format!("to{n}.{m}@example.net")).collect())
        .collect();
    let now = |n: u32| Timestamp::from_second(1_800_000_000 + i64::from(n / 1_000)).unwrap();
    let of = [(Level::Sender, &limits)];
    for (name, rounds) in [
        ("reserve, the first of 2,000 senders", 2_000),
        ("reserve and judged", 300_000),
    ] {
        each(name, rounds, |n| {
            let sender = &senders[n as usize * 7 % 2_000];
            let kept = ledger.reserve(sender, &of, &recipients[n as usize % 1_000], now(n));
            black_box(&kept.usage);
            runtime
                .block_on(ledger.judged(sender, &verdict, "story", &policy, now(n)))
                .unwrap();
        });
    }
    each("standing", 300_000, |n| {
        black_box(ledger.standing(&senders[n as usize % 2_000], &policy, now(300_000)));
    });
    each("usage on paper", 300_000, |n| {
        black_box(ledger.usage(&senders[n as usize % 2_000], &of, 1, 1, now(300_000)));
    });
    each("top 100", 20, |_| {
        drop(ledger.top(None, false, now(300_000), 100))
    });
    each("flush of what one message changed, durable", 100, |n| {
        drop(ledger.reserve(&senders[0], &of, &recipients[0], now(300_000 + n)));
        runtime.block_on(ledger.flush()).unwrap();
    });
}

fn told(n: u32, facts: &RawValue) -> Vec<Event> {
    let at = Timestamp::from_millisecond(1_800_000_000_000 + i64::from(n)).unwrap();
    let who = sender(n % 2_000);
    let scope = Arc::new(Scope {
        tenant: who.tenant.clone(),
        domain: who.domain.clone(),
        sender: who.key(),
    });
    let ok = "250 2.1.0 Sender address accepted, go on please";
    let what = [
        What::Connected {
            listener: "submission".into(),
            kind: "submission".into(),
            client: "192.0.2.1:40000".parse().unwrap(),
            via: None,
        },
        What::Greeted {
            helo: "laptop.example.com".into(),
            esmtp: true,
        },
        What::Secured {
            version: "TLSv1.3".into(),
            cipher: "TLS13_AES_128_GCM_SHA256".into(),
        },
        What::LoggedIn {
            login: who.name.clone(),
            mechanism: "PLAIN".into(),
        },
        What::Mail {
            reverse_path: who.name.clone(),
            reply: ok.into(),
        },
        What::Rcpt {
            forward_path: format!("to{n}@example.net"),
            reply: ok.into(),
        },
        What::Received {
            size_octets: 20_000,
            header_from: format!("Somebody <{}>", who.name),
            subject: format!("Our meeting next week, number {n}"),
            message_id: format!("<{n}.abcdef0123456789@laptop.example.com>"),
        },
        What::Judged {
            stage: "data".into(),
            class: "clean".into(),
            action: "accept".into(),
            cause: String::new(),
            reason: String::new(),
            score_db: -18.5,
            standing: "good".into(),
            symbols: Vec::new(),
            facts: Some(facts.to_owned()),
            verdict: None,
        },
        What::Stored {
            size_octets: 20_400,
            recipients: 1,
            pool: "clean".into(),
        },
        What::Answered {
            reply: "250 2.0.0 Taken for delivery as 0123456789abc".into(),
        },
    ];
    what.into_iter()
        .map(|what| Event {
            id: Id::first_at(at),
            at,
            scope: Arc::clone(&scope),
            what,
        })
        .collect()
}

fn delivered(n: u32) -> Vec<Event> {
    let at = Timestamp::from_millisecond(1_800_000_000_000 + i64::from(n)).unwrap();
    let what = [
        What::Attempted {
            site: "example.net".into(),
            host: "mx.example.net".into(),
            address: Some("198.51.100.1".parse().unwrap()),
            source: None,
            pool: "clean".into(),
            tls: Some("TLSv1.3".into()),
        },
        What::Settled {
            forward_path: format!("to{n}@example.net"),
            outcome: "delivered".into(),
            reply: "250 2.0.0 Ok: queued as 4XyZ".into(),
            attempts: 1,
            next_attempt: None,
            queued_ms: 321,
        },
    ];
    what.into_iter()
        .map(|what| Event {
            id: Id::first_at(at),
            at,
            scope: Arc::default(),
            what,
        })
        .collect()
}

fn stories(runtime: &tokio::runtime::Runtime) {
    const STORIES: u32 = 60_000;
    let place = tempfile::tempdir().unwrap();
    let stories = Stories::open(place.path(), 30, u64::MAX).unwrap();
    let sink = stories.sink();
    let facts = format!("{{\"version\":1,\"text\":\"{}\"}}", "0123456789".repeat(150));
    let facts = RawValue::from_string(facts).unwrap();
    each("making the events of a story (for comparison)", STORIES, |n| {
        drop(black_box(told(n, &facts)))
    });
    let flush = || runtime.block_on(stories.flush()).unwrap();
    for (name, rounds, together, after) in [
        (
            "story of 10 events and 1.5 KB of facts, written",
            0..STORIES / 2,
            4_000,
            0,
        ),
        (
            "the same, 200 together as at 2,000 a second",
            STORIES / 2..STORIES,
            200,
            STORIES / 2,
        ),
    ] {
        each(name, rounds.len() as u32, |n| {
            sink.record_shared(&Arc::new(told(n + after, &facts)));
            if n % together == together - 1 {
                flush();
            }
        });
        flush();
        each("its delivery of 2 events, written", rounds.len() as u32, |n| {
            sink.record_shared(&Arc::new(delivered(n + after)));
            if n % together == together - 1 {
                flush();
            }
        });
        flush();
    }
    assert_eq!(stories.events_dropped(), 0);
    let shared = Arc::new(told(STORIES, &facts));
    each("record of a shared batch", 10_000, |_| {
        sink.record_shared(&shared)
    });
    flush();
    each("record of a borrowed batch", 10_000, |_| sink.record(&shared));
    flush();
    let octets = std::fs::metadata(place.path().join("stories.db")).unwrap().len();
    println!(
        "{:<58} {:>12} octets",
        "a story with its delivery on disk",
        octets / u64::from(STORIES + 1)
    );
    searches(&stories);
}

fn searches(stories: &Stories) {
    let text = |text: &str| Some(text.to_owned());
    let search = |name: &str, filter: StoryFilter| {
        each(name, 20, |_| drop(stories.search(&filter, None, 50).unwrap()));
    };
    search("search, newest 50", StoryFilter::default());
    search(
        "search by sender",
        StoryFilter {
            sender: text(&sender(7).key()),
            ..StoryFilter::default()
        },
    );
    search(
        "search by recipient, found at once",
        StoryFilter {
            recipient: text("example.net"),
            ..StoryFilter::default()
        },
    );
    search(
        "search by recipient, never found",
        StoryFilter {
            recipient: text("nobody"),
            ..StoryFilter::default()
        },
    );
    each("count by class", 20, |_| {
        drop(stories.count_by_class(&StoryFilter::default()).unwrap())
    });
    each("one story with its events", 1_000, |n| {
        let at = Timestamp::from_millisecond(1_800_000_000_000 + i64::from(n)).unwrap();
        assert!(stories.get(Id::first_at(at)).unwrap().is_some());
    });
}
