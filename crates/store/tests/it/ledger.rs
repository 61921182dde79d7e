//! The ledger on a real file, also when the process dies.

use crate::block_on;
use jiff::Timestamp;
use risk::{
    Action, Cause, Class, Decibans, Level, Limits, Lock, Outcome, Policy, Reason, Sender, SenderKind,
    Standing, Usage, Verdict, Windowed,
};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use store::{Ledger, StoreError};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn sender(name: &str) -> Sender {
    Sender {
        kind: SenderKind::Mailbox,
        name: name.into(),
        domain: "example.com".into(),
        tenant: "acme".into(),
    }
}

fn verdict(action: Action, class: Class) -> Verdict {
    Verdict {
        class,
        action,
        cause: if action == Action::Refuse {
            Cause::Content
        } else {
            Cause::None
        },
        reason: Reason::None,
        score: Decibans::new(20.0),
        symbols: Vec::new(),
        pool: "clean".into(),
        on_allowance: false,
        unchecked: false,
        trial: None,
    }
}

fn lock(reference: &str) -> Lock {
    Lock {
        reference: reference.into(),
        reason: "test".into(),
        by: "ann".into(),
        at: at(0),
        until: None,
        elsewhere: false,
    }
}

fn limits(window_s: u32, messages: Option<u64>, recipients: Option<u64>) -> Limits {
    Limits {
        windows: vec![Windowed {
            window_s,
            messages,
            recipients,
            distinct_recipients: None,
        }],
        recipients_per_message: None,
    }
}

fn keys(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("r{n}@example.net")).collect()
}

fn counts(usage: &[Usage]) -> Vec<(Level, u32, u64, u64)> {
    usage
        .iter()
        .map(|row| (row.level, row.window_s, row.messages, row.recipients))
        .collect()
}

#[test]
fn a_message_counts_at_every_level() {
    let place = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(place.path()).unwrap();
    let (mailbox, domain, tenant) = (
        limits(3_600, Some(10), None),
        limits(3_600, None, Some(50)),
        limits(86_400, Some(100), None),
    );
    let all = [
        (Level::Sender, &mailbox),
        (Level::Domain, &domain),
        (Level::Tenant, &tenant),
    ];
    let _ = ledger.reserve(&sender("a@example.com"), &all, &keys(2), at(0));
    let second = ledger.reserve(&sender("b@example.com"), &all, &keys(3), at(1));
    assert_eq!(
        counts(&second.usage),
        [
            (Level::Sender, 3_600, 1, 3),
            (Level::Domain, 3_600, 2, 5),
            (Level::Tenant, 86_400, 2, 5)
        ]
    );
    assert_eq!(second.usage[1].key, "domain:example.com");
    assert_eq!(
        second.usage[1].distinct_recipients, 3,
        "r0 and r1 were seen before"
    );
    assert_eq!(
        (second.usage[1].recipients_max, second.usage[1].messages_max),
        (Some(50), None)
    );

    let on_paper = ledger.usage(&sender("a@example.com"), &all, 1, 4, at(2));
    assert_eq!(
        counts(&on_paper),
        [
            (Level::Sender, 3_600, 2, 6),
            (Level::Domain, 3_600, 3, 9),
            (Level::Tenant, 86_400, 3, 9)
        ]
    );
    assert_eq!(
        counts(&ledger.usage(&sender("a@example.com"), &all, 0, 0, at(2)))[0],
        (Level::Sender, 3_600, 1, 2)
    );
    let row = ledger.get("mailbox:a@example.com", at(2)).unwrap();
    assert_eq!(
        (row.messages_day, row.recipients_day),
        (1, 2),
        "the day is counted without a limit on it"
    );

    ledger.refund(second);
    assert_eq!(
        counts(&ledger.usage(&sender("b@example.com"), &all, 0, 0, at(2))),
        [
            (Level::Sender, 3_600, 0, 0),
            (Level::Domain, 3_600, 1, 2),
            (Level::Tenant, 86_400, 1, 2)
        ]
    );
    assert_eq!(
        ledger.get("mailbox:b@example.com", at(2)).unwrap().messages_day,
        0
    );
}

#[test]
fn the_last_one_allowed_is_allowed_once() {
    let place = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(place.path()).unwrap();
    let five = limits(3_600, Some(5), None);
    let allowed: usize = std::thread::scope(|scope| {
        let one = || {
            let reservation = ledger.reserve(
                &sender("a@example.com"),
                &[(Level::Sender, &five)],
                &keys(1),
                at(0),
            );
            let fits = reservation.usage[0].messages <= 5;
            if !fits {
                ledger.refund(reservation);
            }
            usize::from(fits)
        };
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(move || (0..50).map(|_| one()).sum::<usize>()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(allowed >= 5, "{allowed}");
    let left = ledger.usage(&sender("a@example.com"), &[(Level::Sender, &five)], 0, 0, at(0));
    assert_eq!(left[0].messages, allowed as u64);
    assert!(allowed <= 5, "never more than the limit at a time: {allowed}");
}

#[test]
fn tells_when_it_fits_again() {
    let place = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(place.path()).unwrap();
    let two = limits(3_600, Some(2), Some(10));
    let of = [(Level::Sender, &two)];
    let reserve = |recipients: usize, second: i64| {
        let reservation = ledger.reserve(&sender("a@example.com"), &of, &keys(recipients), at(second));
        (reservation.usage[0].free_at, reservation)
    };
    assert_eq!(reserve(1, 0).0, None);
    assert_eq!(reserve(1, 1_200).0, None);
    let (free_at, third) = reserve(1, 1_300);
    let free_at = free_at.unwrap();
    ledger.refund(third);
    assert!(
        free_at > at(3_000) && free_at <= at(3_900),
        "the first has left by then: {free_at}"
    );
    let later = ledger.usage(&sender("a@example.com"), &of, 1, 1, at(1_400));
    assert_eq!(later[0].free_at, Some(free_at), "MAIL tells the same");
    let (none, huge) = reserve(11, 1_500);
    assert_eq!(none, None, "never fits");
    ledger.refund(huge);
    assert_eq!(
        ledger.usage(&sender("a@example.com"), &of, 1, 1, free_at)[0].messages,
        2
    );
}

#[test]
fn conduct_and_counts_outlive_the_process() {
    let place = tempfile::tempdir().unwrap();
    let policy = Policy::default();
    let ledger = Ledger::open(place.path()).unwrap();
    let _ = ledger.reserve(&sender("a@example.com"), &[], &keys(3), at(0));
    for _ in 0..3 {
        let accepted = verdict(Action::Accept, Class::Clean);
        let lock = block_on(ledger.judged(&sender("a@example.com"), &accepted, "x", &policy, at(0))).unwrap();
        assert_eq!(lock, None);
    }
    drop(ledger);
    let ledger = Ledger::open(place.path()).unwrap();
    let row = ledger.get("mailbox:a@example.com", at(1)).unwrap();
    assert_eq!(
        (row.messages_day, row.recipients_day, row.conduct.accepted),
        (1, 3, 3)
    );
    assert_eq!(
        (row.tenant.as_str(), row.domain.as_str()),
        ("acme", "example.com")
    );
    let facts = ledger.standing(&sender("a@example.com"), &policy, at(1));
    assert_eq!((facts.accepted, facts.standing), (3, Standing::New));
    assert_eq!(
        ledger.standing(&sender("unknown@example.com"), &policy, at(1)),
        Default::default()
    );
    assert_eq!(ledger.damaged(), 0);
}

#[test]
fn refusals_lock_and_hands_unlock() {
    let place = tempfile::tempdir().unwrap();
    let policy = Policy::default();
    let ledger = Ledger::open(place.path()).unwrap();
    let victim = sender("a@example.com");
    let locks: Vec<Option<Lock>> = (0..policy.lock_refusals)
        .map(|n| {
            let reference = format!("story{n}");
            let refused = verdict(Action::Refuse, Class::Spam);
            block_on(ledger.judged(&victim, &refused, &reference, &policy, at(i64::from(n)))).unwrap()
        })
        .collect();
    let (last, before) = locks.split_last().unwrap();
    assert!(before.iter().all(Option::is_none));
    assert_eq!(
        last.as_ref().unwrap().reference,
        format!("story{}", policy.lock_refusals - 1)
    );
    assert_eq!(
        ledger.standing(&victim, &policy, at(10)).standing,
        Standing::Locked
    );
    assert_eq!(
        ledger
            .standing(&sender("b@example.com"), &policy, at(10))
            .standing,
        Standing::New,
        "only the guilty"
    );
    assert_eq!(ledger.top(None, true, at(10), 10).len(), 1);

    block_on(ledger.by_hand(&victim.key(), Outcome::Unlocked, &policy, at(11))).unwrap();
    assert_eq!(
        ledger.standing(&victim, &policy, at(11)).standing,
        Standing::Watched
    );
    assert!(ledger.top(None, true, at(11), 10).is_empty());
    let missing = block_on(ledger.by_hand("mailbox:nobody@example.com", Outcome::Unlocked, &policy, at(11)));
    assert!(matches!(missing, Err(StoreError::Missing(_))));
    for key in [
        "tenant:acme",
        "domain:example.com",
        "nonsense",
        "mailbox:",
        "mailbox:a\nb",
    ] {
        let result = block_on(ledger.by_hand(key, Outcome::LockedBy(lock("x")), &policy, at(11)));
        assert!(matches!(result, Err(StoreError::Refused(_))), "{key:?}");
    }
}

#[test]
fn top_senders() {
    let place = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(place.path()).unwrap();
    for n in 1..=20 {
        let _ = ledger.reserve(&sender(&format!("s{n:02}@example.com")), &[], &keys(n), at(0));
    }
    let other = Sender {
        tenant: "other".into(),
        ..sender("big@example.com")
    };
    let _ = ledger.reserve(&other, &[], &keys(100), at(0));
    let check = |tenant, rows_max, expected: &[&str]| {
        let rows = ledger.top(tenant, false, at(1), rows_max);
        let keys: Vec<_> = rows.iter().map(|row| row.key.as_str()).collect();
        assert_eq!(keys, expected);
    };
    check(None, 2, &["mailbox:big@example.com", "mailbox:s20@example.com"]);
    check(
        Some("acme"),
        2,
        &["mailbox:s20@example.com", "mailbox:s19@example.com"],
    );
    check(Some("nobody"), 2, &[]);
    check(None, 0, &[]);
    assert_eq!(
        ledger.top(None, false, at(1), 1_000).len(),
        21,
        "senders only, no domains and tenants"
    );
}

#[test]
fn bounded_and_locks_stay() {
    let place = tempfile::tempdir().unwrap();
    let policy = Policy::default();
    let ledger = Ledger::open_bounded(place.path(), 640).unwrap();
    let outcome = Outcome::LockedBy(lock("kept"));
    block_on(ledger.by_hand("mailbox:locked@example.com", outcome, &policy, at(0))).unwrap();
    for n in 0..5_000 {
        let _ = ledger.reserve(&sender(&format!("s{n}@example.com")), &[], &keys(1), at(n));
    }
    let rows = ledger.top(None, false, at(5_000), 10_000);
    assert!((300..=640).contains(&rows.len()), "{}", rows.len());
    let is_there = |name: &str| ledger.get(&sender(name).key(), at(5_000)).is_some();
    assert!(is_there("locked@example.com"));
    assert!(is_there("s4999@example.com"));
    assert!(!is_there("s0@example.com"));
    drop(ledger);
    let ledger = Ledger::open_bounded(place.path(), 640).unwrap();
    assert!(ledger.top(None, false, at(5_000), 10_000).len() <= 640);
    assert_eq!(
        ledger
            .standing(&sender("locked@example.com"), &policy, at(5_000))
            .standing,
        Standing::Locked
    );
    assert!(
        ledger.get(&sender("s0@example.com").key(), at(5_000)).is_none(),
        "forgotten on disk too"
    );
}

const CHILD: &str = "LEDGER_CHILD_DIRECTORY";

/// The child locks, unlocks, and dies without any farewell.
fn die(directory: &Path) -> ! {
    let ledger = Ledger::open(directory).unwrap();
    let policy = Policy::default();
    let by_hand = |key: &str, outcome| block_on(ledger.by_hand(key, outcome, &policy, at(0))).unwrap();
    by_hand("mailbox:a@example.com", Outcome::LockedBy(lock("told")));
    by_hand("mailbox:b@example.com", Outcome::LockedBy(lock("told")));
    by_hand("mailbox:b@example.com", Outcome::Unlocked);
    for n in 0..policy.lock_refusals {
        let refused = verdict(Action::Refuse, Class::Spam);
        block_on(ledger.judged(
            &sender("c@example.com"),
            &refused,
            "story",
            &policy,
            at(i64::from(n)),
        ))
        .unwrap();
    }
    std::process::abort();
}

#[test]
fn what_was_told_survives_an_abort() {
    if let Some(directory) = std::env::var_os(CHILD) {
        die(Path::new(&directory));
    }
    let place = tempfile::tempdir().unwrap();
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ledger::what_was_told_survives_an_abort"])
        .env(CHILD, place.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.signal(), Some(6), "the child aborted: {status}");
    let ledger = Ledger::open(place.path()).unwrap();
    let policy = Policy::default();
    let standing = |name: &str| ledger.standing(&sender(name), &policy, at(10)).standing;
    assert_eq!(standing("a@example.com"), Standing::Locked);
    assert_eq!(standing("b@example.com"), Standing::Watched);
    assert_eq!(standing("c@example.com"), Standing::Locked);
}

#[test]
fn a_damaged_row_is_counted_and_harms_no_other() {
    let place = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(place.path()).unwrap();
    for name in ["a@example.com", "b@example.com"] {
        let _ = ledger.reserve(&sender(name), &[], &keys(1), at(0));
    }
    drop(ledger);
    let database = rusqlite::Connection::open(place.path().join("control.db")).unwrap();
    let changed = database
        .execute(
            "UPDATE ledger SET conduct = '{' WHERE key = 'mailbox:a@example.com'",
            [],
        )
        .unwrap();
    assert_eq!(changed, 1);
    drop(database);
    let ledger = Ledger::open(place.path()).unwrap();
    assert_eq!(ledger.damaged(), 1);
    assert!(ledger.get("mailbox:a@example.com", at(1)).is_none());
    assert_eq!(
        ledger.get("mailbox:b@example.com", at(1)).unwrap().messages_day,
        1
    );
}

#[test]
fn what_is_counted_is_on_disk_within_seconds_without_being_asked() {
    let place = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(place.path()).unwrap();
    let _ = ledger.reserve(&sender("a@example.com"), &[], &keys(1), at(0));
    let database = rusqlite::Connection::open(place.path().join("control.db")).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let written = || {
        database
            .query_row("SELECT count(*) FROM ledger", [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    while written() < 3 {
        assert!(std::time::Instant::now() < deadline, "never written");
        std::thread::yield_now();
    }
    drop(ledger);
}
