//! From a scanner's answer to verdict, story and ledger.

use super::*;
use arc_swap::ArcSwap;
use e2e::mails;
use e2e::neighbours::clamd::Clamd;
use ingress::assess::{Assessed, Assessor};
use ingress::gather::{Gatherer, Message, Question};
use jiff::Timestamp;
use risk::{
    Action, Cause, Class, Door, DoorKind, Facts, IdentityFacts, Match, Policy, Sender, SenderKind, Standing,
    Verdict,
};
use std::sync::{Arc, Mutex};
use store::Store;
use trace::{Event, Hub, Sink, Story, What};

#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Event>>>);

impl Sink for Told {
    fn record(&self, events: &[Event]) {
        self.0.lock().unwrap().extend_from_slice(events);
    }
}

/// The judgement of one sender over a store of its own.
struct Bench {
    assessor: Assessor,
    store: Arc<Store>,
    policy: Arc<ArcSwap<Policy>>,
    told: Told,
    hub: Arc<Hub>,
    sender: Sender,
    now: Timestamp,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new(scanners: Scanners) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = store::Settings {
            directory: folder.path().to_owned(),
            free_octets_min: 0,
            messages_max: 100,
            stories_kept_days: 1,
            stories_octets_max: 1 << 30,
            geo_databases: Vec::new(),
            campaign_messages_max: store::Campaigns::MEMBERS_MIN,
        };
        let store = Store::open(&settings).unwrap();
        let policy = Arc::new(ArcSwap::from_pointee(Policy::default()));
        let gatherer = Gatherer {
            store: Arc::clone(&store),
            scanners: Arc::new(scanners),
            lists: Arc::new(ingress::lists::Lists::none()),
            policy: Arc::clone(&policy),
        };
        let told = Told::default();
        let sender = Sender {
            kind: SenderKind::Mailbox,
            name: "info@example.com".into(),
            domain: "example.com".into(),
            tenant: "acme".into(),
        };
        Self {
            assessor: Assessor::new(gatherer),
            store,
            policy,
            hub: Hub::new(vec![Box::new(told.clone())]),
            told,
            sender,
            now: Timestamp::from_second(1_800_000_000).unwrap(),
            _folder: folder,
        }
    }

    /// One message to two recipients, assessed and settled.
    async fn send(&self, octets: &Bytes, carried_out: bool) -> (Facts, Verdict) {
        let mut story = Story::open(Arc::clone(&self.hub), Id::generate(self.now));
        let assessed = self.assess(&mut story, octets).await;
        let both = (assessed.facts.clone(), assessed.verdict.clone());
        self.assessor
            .settle(&mut story, &self.sender, assessed, carried_out, self.now)
            .await
            .unwrap();
        both
    }

    async fn assess(&self, story: &mut Story, octets: &Bytes) -> Assessed {
        let door = Door {
            listener: "submission".into(),
            kind: DoorKind::Submission,
            client: Some("192.0.2.7".parse().unwrap()),
            helo: "laptop.example".into(),
            tls: true,
        };
        let identity = IdentityFacts {
            reverse_path: Match::Owned,
            header_from: Match::Owned,
            header_sender: Match::Absent,
        };
        let question = Question {
            door: &door,
            sender: &self.sender,
            identity: &identity,
            now: self.now,
        };
        let (from, bob, eve) = (
            address("info@example.com"),
            address("b@example.net"),
            address("e@example.net"),
        );
        let message = Message {
            id: story.id(),
            octets,
            reverse_path: Some(&from),
            recipients: &[&bob, &eve],
        };
        self.assessor.data(story, &question, &message).await
    }

    /// What was told since the last look.
    fn told(&self) -> Vec<What> {
        std::mem::take(&mut *self.told.0.lock().unwrap())
            .into_iter()
            .map(|event| event.what)
            .collect()
    }

    /// Messages and recipients counted in the last hour, without the one asked with.
    fn counted(&self) -> (u64, u64) {
        let policy = Policy::default();
        let limits = policy.limits.each_mailbox.unwrap();
        let usage = self
            .store
            .ledger
            .usage(&self.sender, &[(risk::Level::Sender, &limits)], 0, 0, self.now);
        (usage[0].messages, usage[0].recipients)
    }
}

#[tokio::test]
async fn a_virus_is_told_counted_and_can_be_judged_again() {
    let clamd = Clamd::start().unwrap();
    let bench = Bench::new(clamav(ScannerAccess::clamav(socket(&clamd.socket))));
    let (facts, verdict) = bench.send(&plain("x", &mails::eicar()), true).await;
    assert_eq!(
        (verdict.class, verdict.action, verdict.cause),
        (Class::Malware, Action::Refuse, Cause::Malware)
    );
    let told = bench.told();
    let [
        What::Gathered {
            gatherer, outcome, ..
        },
        What::Judged {
            stage,
            facts: raw,
            verdict: kept,
            symbols,
            ..
        },
    ] = &told[..]
    else {
        panic!("{told:?}");
    };
    assert_eq!((gatherer.as_str(), stage.as_str()), ("clamav", "data"));
    assert!(outcome.starts_with("infected: Dogana.Test.EICAR"), "{outcome}");
    assert!(symbols.iter().any(|symbol| symbol.name == "VIRUS"), "{symbols:?}");
    let again: Facts = serde_json::from_str(raw.as_ref().unwrap().get()).unwrap();
    assert_eq!(again, facts);
    assert_eq!(
        serde_json::to_string(&risk::judge(&again, &Policy::default())).unwrap(),
        kept.as_ref().unwrap().get()
    );
    assert_eq!(bench.counted(), (0, 0), "refused: taken out of the counts");
    assert_eq!(bench.send(&plain("x", "y"), true).await.1.action, Action::Accept);
    assert_eq!(bench.counted(), (1, 2));
    bench.send(&plain("x", "y"), false).await;
    assert_eq!(bench.counted(), (1, 2), "not stored: taken out of the counts");
    let conduct = bench
        .store
        .ledger
        .get(&bench.sender.key(), bench.now)
        .unwrap()
        .conduct;
    assert_eq!(
        (conduct.accepted, conduct.refusals.len(), conduct.standing),
        (1, 1, Standing::Watched)
    );
}

#[tokio::test]
async fn a_lock_is_told_and_ends_the_scanning() {
    let clamd = Clamd::start().unwrap();
    let bench = Bench::new(clamav(ScannerAccess::clamav(socket(&clamd.socket))));
    let message = plain("x", &mails::eicar());
    let refusals = Policy::default().lock_refusals;
    for _ in 0..refusals {
        assert_eq!(bench.send(&message, true).await.1.cause, Cause::Malware);
    }
    let told = bench.told();
    let locks: Vec<_> = told
        .iter()
        .filter(|what| matches!(what, What::Locked { .. }))
        .collect();
    let [What::Locked { sender, by, .. }] = locks[..] else {
        panic!("{locks:?}")
    };
    assert_eq!(
        (sender.as_str(), by.as_str()),
        ("mailbox:info@example.com", "dogana")
    );
    let (facts, verdict) = bench.send(&plain("x", "y"), true).await;
    assert_eq!((verdict.action, verdict.cause), (Action::Refuse, Cause::Locked));
    assert_eq!(facts.scans, [], "no scanner is asked for a locked sender");
    assert!(facts.content.known().is_some());
    assert!(matches!(&bench.told()[..], [What::Judged { .. }]));
}

#[tokio::test]
async fn without_its_scanner_a_new_sender_waits_unless_the_operator_says_open() {
    let bench = Bench::new(clamav(ScannerAccess::clamav("/nowhere".parse().unwrap())));
    let (_, verdict) = bench.send(&plain("x", "y"), true).await;
    assert_eq!(
        (verdict.action, verdict.cause, verdict.unchecked),
        (Action::Defer, Cause::Unchecked, false)
    );
    assert_eq!(bench.counted(), (0, 0));
    bench.policy.store(Arc::new(Policy {
        scanner_failure: risk::FailurePolicy::Open,
        ..Policy::default()
    }));
    let (_, verdict) = bench.send(&plain("x", "y"), true).await;
    assert_eq!((verdict.action, verdict.unchecked), (Action::Accept, true));
    let outcomes = bench.told().into_iter().filter_map(|what| match what {
        What::Gathered { outcome, .. } => Some(outcome),
        _ => None,
    });
    assert!(
        outcomes
            .inspect(|outcome| assert!(outcome.starts_with("failed: connection to"), "{outcome}"))
            .count()
            == 2
    );
}

#[tokio::test]
async fn a_large_message_is_examined_too() {
    let bench = Bench::new(Scanners::new(ScannerSettings::default(), Dialer::system()));
    let body = format!("{}\n{}", mails::text(600_000), mails::gtube());
    let (facts, verdict) = bench.send(&plain("x", &body), true).await;
    assert!(facts.content.known().is_some_and(|content| content.gtube));
    assert_eq!(
        (verdict.class, verdict.action, verdict.cause),
        (Class::Spam, Action::Refuse, Cause::Content)
    );
}

#[tokio::test]
async fn the_hour_is_full_after_the_limit() {
    let bench = Bench::new(clamav(ScannerAccess::clamav("/nowhere".parse().unwrap())));
    let mut policy = Policy {
        scanner_failure: risk::FailurePolicy::Open,
        ..Policy::default()
    };
    policy.limits.each_mailbox.as_mut().unwrap().windows[0].messages = Some(3);
    bench.policy.store(Arc::new(policy));
    for number in 1..=5 {
        let (facts, verdict) = bench.send(&plain("x", "y"), true).await;
        let over = number > 3;
        assert_eq!(
            verdict.action == Action::Defer && verdict.cause == Cause::Rate,
            over,
            "{number}"
        );
        assert_eq!(
            facts.scans.is_empty(),
            over,
            "{number}: a flood costs the scanners nothing"
        );
    }
    assert_eq!(bench.counted(), (3, 6));
}
