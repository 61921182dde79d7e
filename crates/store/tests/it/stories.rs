//! Stories on a real file.

use crate::block_on;
use jiff::Timestamp;
use serde_json::value::RawValue;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Stories, StoryFilter, StoryRow};
use trace::{Event, Id, Scope, Sink, What};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn id(second: i64) -> Id {
    Id::first_at(at(second))
}

/// A message as it is told at the end of its session.
struct Told<'a> {
    second: i64,
    tenant: &'a str,
    sender: &'a str,
    to: &'a str,
    subject: &'a str,
    class: &'a str,
}

impl Default for Told<'_> {
    fn default() -> Self {
        Self {
            second: 0,
            tenant: "acme",
            sender: "mailbox:a@example.com",
            to: "b@example.net",
            subject: "Hi",
            class: "clean",
        }
    }
}

impl Told<'_> {
    fn events(&self) -> Vec<Event> {
        let scope = Arc::new(Scope {
            tenant: self.tenant.into(),
            domain: "example.com".into(),
            sender: self.sender.into(),
        });
        let refused = self.class == "spam";
        let facts = RawValue::from_string("{\"version\":1}".to_owned()).unwrap();
        let what = [
            What::Connected {
                listener: "submission".into(),
                kind: "submission".into(),
                client: "192.0.2.1:5".parse().unwrap(),
                via: None,
            },
            What::Mail {
                reverse_path: "a@example.com".into(),
                reply: "250 2.1.0 ok".into(),
            },
            What::Rcpt {
                forward_path: self.to.into(),
                reply: "250 2.1.5 ok".into(),
            },
            What::Received {
                size_octets: 1_000,
                header_from: "A <a@example.com>".into(),
                subject: self.subject.into(),
                message_id: "<1@example.com>".into(),
            },
            What::Judged {
                stage: "data".into(),
                class: self.class.into(),
                action: if refused { "refuse" } else { "accept" }.into(),
                cause: String::new(),
                reason: String::new(),
                score_db: 1.5,
                standing: "new".into(),
                symbols: Vec::new(),
                facts: Some(facts),
                verdict: None,
            },
            What::Answered {
                reply: if refused { "550 5.7.1 no" } else { "250 2.0.0 ok" }.into(),
            },
        ];
        what.into_iter()
            .map(|what| Event {
                id: id(self.second),
                at: at(self.second),
                scope: Arc::clone(&scope),
                what,
            })
            .collect()
    }
}

fn settled(second: i64, to: &str, outcome: &str) -> Vec<Event> {
    let what = What::Settled {
        forward_path: to.into(),
        outcome: outcome.into(),
        reply: format!("250 {outcome}"),
        attempts: 1,
        next_attempt: None,
        queued_ms: 5,
    };
    let scope = Arc::new(Scope {
        tenant: "acme".into(),
        ..Scope::default()
    });
    vec![Event {
        id: id(second),
        at: at(second + 5),
        scope,
        what,
    }]
}

fn found(stories: &Stories, filter: &StoryFilter) -> Vec<StoryRow> {
    stories.search(filter, None, 100).unwrap()
}

#[test]
fn a_story_is_told_searched_and_goes_on_after_a_restart() {
    let place = tempfile::tempdir().unwrap();
    let stories = Stories::open(place.path(), 30, u64::MAX).unwrap();
    let told = Told::default().events();
    stories.sink().record(&told);
    block_on(stories.flush()).unwrap();
    let (row, events) = stories.get(id(0)).unwrap().unwrap();
    assert_eq!(format!("{events:?}"), format!("{told:?}"));
    assert_eq!(row.id, id(0).to_string());
    assert_eq!(
        (row.status.as_str(), row.class.as_str(), row.client.as_str()),
        ("queued", "clean", "192.0.2.1")
    );
    assert_eq!(
        (row.at, row.recipients.as_slice()),
        (Some(at(0)), ["b@example.net".to_owned()].as_slice())
    );
    assert_eq!(found(&stories, &StoryFilter::default()), [row]);
    drop(stories);

    let stories = Stories::open(place.path(), 30, u64::MAX).unwrap();
    stories
        .sink()
        .record_shared(&Arc::new(settled(0, "b@example.net", "delivered")));
    block_on(stories.flush()).unwrap();
    let (row, events) = stories.get(id(0)).unwrap().unwrap();
    assert_eq!(
        (row.status.as_str(), row.last_reply.as_str()),
        ("delivered", "250 delivered")
    );
    assert_eq!(
        (row.subject.as_str(), row.sender.as_str()),
        ("Hi", "mailbox:a@example.com"),
        "the rest stays"
    );
    assert_eq!(events.len(), told.len() + 1);
    assert!(stories.get(id(99)).unwrap().is_none());
    assert_eq!(stories.events_dropped(), 0);
}

#[test]
fn a_dropped_store_has_written_everything() {
    let place = tempfile::tempdir().unwrap();
    let stories = Stories::open(place.path(), 30, u64::MAX).unwrap();
    for second in 0..500 {
        stories.sink().record(
            &Told {
                second,
                ..Told::default()
            }
            .events(),
        );
    }
    drop(stories);
    let stories = Stories::open(place.path(), 30, u64::MAX).unwrap();
    assert_eq!(
        stories.count_by_class(&StoryFilter::default()).unwrap(),
        [("clean".to_owned(), 500)]
    );
}

#[test]
fn filters() {
    let place = tempfile::tempdir().unwrap();
    let stories = Stories::open(place.path(), 30, u64::MAX).unwrap();
    for told in [
        Told {
            second: 1,
            ..Told::default()
        },
        Told {
            second: 2,
            class: "spam",
            subject: "ДЕНЬГИ 100%",
            ..Told::default()
        },
        Told {
            second: 3,
            tenant: "other",
            sender: "mailbox:z@other.example",
            ..Told::default()
        },
        Told {
            second: 4,
            to: "Carl_X@Example.org",
            ..Told::default()
        },
    ] {
        stories.sink().record(&told.events());
    }
    block_on(stories.flush()).unwrap();
    let check = |filter: StoryFilter, expected: &[i64]| {
        let ids: Vec<String> = found(&stories, &filter).into_iter().map(|row| row.id).collect();
        let expected: Vec<String> = expected.iter().map(|second| id(*second).to_string()).collect();
        assert_eq!(ids, expected, "{filter:?}");
        let counted: u64 = stories
            .count_by_class(&filter)
            .unwrap()
            .iter()
            .map(|(_, number)| number)
            .sum();
        assert_eq!(counted, expected.len() as u64, "count of {filter:?}");
    };
    let none = StoryFilter::default;
    let some = |text: &str| Some(text.to_owned());
    check(none(), &[4, 3, 2, 1]);
    check(
        StoryFilter {
            tenant: some("acme"),
            ..none()
        },
        &[4, 2, 1],
    );
    check(
        StoryFilter {
            tenant: some("nobody"),
            ..none()
        },
        &[],
    );
    check(
        StoryFilter {
            domain: some("example.com"),
            tenant: some("other"),
            ..none()
        },
        &[3],
    );
    check(
        StoryFilter {
            sender: some("mailbox:a@example.com"),
            ..none()
        },
        &[4, 2, 1],
    );
    check(
        StoryFilter {
            sender: some("A@EXAMPLE"),
            ..none()
        },
        &[4, 2, 1],
    );
    check(
        StoryFilter {
            sender: some("mailbox:"),
            ..none()
        },
        &[4, 3, 2, 1],
    );
    check(
        StoryFilter {
            sender: some("mailbox:a@example.com"),
            tenant: some("other"),
            ..none()
        },
        &[],
    );
    check(
        StoryFilter {
            recipient: some("carl_x"),
            ..none()
        },
        &[4],
    );
    check(
        StoryFilter {
            recipient: some("carl%"),
            ..none()
        },
        &[],
    );
    check(
        StoryFilter {
            subject: some("деньги 100%"),
            ..none()
        },
        &[2],
    );
    check(
        StoryFilter {
            class: some("spam"),
            ..none()
        },
        &[2],
    );
    check(
        StoryFilter {
            action: some("accept"),
            class: some("clean"),
            ..none()
        },
        &[4, 3, 1],
    );
    check(
        StoryFilter {
            status: some("refused"),
            ..none()
        },
        &[2],
    );
    check(
        StoryFilter {
            since: Some(at(2)),
            until: Some(at(3)),
            ..none()
        },
        &[3, 2],
    );
    check(
        StoryFilter {
            since: Some(at(5)),
            ..none()
        },
        &[],
    );
}

#[test]
fn pages() {
    let place = tempfile::tempdir().unwrap();
    let stories = Stories::open(place.path(), 30, u64::MAX).unwrap();
    for second in 0..25 {
        stories.sink().record(
            &Told {
                second,
                ..Told::default()
            }
            .events(),
        );
    }
    block_on(stories.flush()).unwrap();
    let filter = StoryFilter {
        class: Some("clean".into()),
        ..StoryFilter::default()
    };
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = stories.search(&filter, before, 10).unwrap();
        assert!(page.len() <= 10);
        let Some(last) = page.last() else { break };
        before = Some(last.id.parse().unwrap());
        seen.extend(page.into_iter().map(|row| row.id));
    }
    let expected: Vec<String> = (0..25).rev().map(|second| id(second).to_string()).collect();
    assert_eq!(seen, expected);
    assert!(stories.search(&filter, None, 0).unwrap().is_empty());
}

#[test]
fn old_stories_are_forgotten_in_chunks() {
    let place = tempfile::tempdir().unwrap();
    let stories = Stories::open(place.path(), 30, u64::MAX).unwrap();
    for second in 0..3_500 {
        stories.sink().record(
            &Told {
                second,
                ..Told::default()
            }
            .events(),
        );
    }
    block_on(stories.flush()).unwrap();
    assert_eq!(block_on(stories.forget_before(at(2_500))).unwrap(), 2_500);
    assert!(stories.get(id(2_499)).unwrap().is_none());
    assert_eq!(stories.get(id(2_500)).unwrap().unwrap().1.len(), 6);
    assert_eq!(block_on(stories.forget_before(at(2_500))).unwrap(), 0);
}

#[test]
fn what_is_older_than_the_kept_days_is_forgotten_by_itself() {
    let place = tempfile::tempdir().unwrap();
    let stories = Stories::open(place.path(), 2, u64::MAX).unwrap();
    stories.sink().record(
        &Told {
            second: 0,
            ..Told::default()
        }
        .events(),
    );
    stories.sink().record(
        &Told {
            second: 3 * 86_400,
            ..Told::default()
        }
        .events(),
    );
    block_on(stories.flush()).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while stories.get(id(0)).unwrap().is_some() {
        assert!(Instant::now() < deadline, "never forgotten");
        std::thread::yield_now();
    }
    assert!(stories.get(id(3 * 86_400)).unwrap().is_some());
}

#[test]
fn more_than_may_wait_is_dropped_and_counted() {
    let place = tempfile::tempdir().unwrap();
    let stories = Stories::open(place.path(), 30, u64::MAX).unwrap();
    let blocker = rusqlite::Connection::open(place.path().join("stories.db")).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let sink = stories.sink();
    let many: Vec<Event> = (0..1_000)
        .flat_map(|second| {
            Told {
                second,
                ..Told::default()
            }
            .events()
        })
        .collect();
    let many = Arc::new(many);
    let rounds = Stories::EVENTS_MAX / many.len() + 5;
    for _ in 0..rounds {
        sink.record_shared(&many);
    }
    let kept = (Stories::EVENTS_MAX / many.len() * many.len()) as u64;
    assert_eq!(stories.events_dropped(), (rounds * many.len()) as u64 - kept);
    blocker.execute_batch("COMMIT").unwrap();
    block_on(stories.flush()).unwrap();
    let (_, events) = stories.get(id(999)).unwrap().unwrap();
    assert_eq!(events.len() as u64, kept / 1_000, "what was taken is written");
}

const CHILD: &str = "STORIES_CHILD_DIRECTORY";

/// The child tells stories, waits a little longer than the promise, tells one more and dies.
fn die(directory: &Path) -> ! {
    let stories = Stories::open(directory, 30, u64::MAX).unwrap();
    for second in 0..50 {
        stories.sink().record(
            &Told {
                second,
                ..Told::default()
            }
            .events(),
        );
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    while stories.get(id(49)).unwrap().is_none() {
        assert!(Instant::now() < deadline, "never written");
        std::thread::yield_now();
    }
    stories.sink().record(
        &Told {
            second: 50,
            ..Told::default()
        }
        .events(),
    );
    std::process::abort();
}

#[test]
fn what_was_written_survives_an_abort() {
    if let Some(directory) = std::env::var_os(CHILD) {
        die(Path::new(&directory));
    }
    let place = tempfile::tempdir().unwrap();
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "stories::what_was_written_survives_an_abort"])
        .env(CHILD, place.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.signal(), Some(6), "the child aborted: {status}");
    let stories = Stories::open(place.path(), 30, u64::MAX).unwrap();
    assert!(found(&stories, &StoryFilter::default()).len() >= 50);
}

#[test]
fn the_oldest_go_when_there_is_no_room() {
    const MAX: u64 = 2 << 20;
    let place = tempfile::tempdir().unwrap();
    let stories = Stories::open(place.path(), 30, MAX).unwrap();
    let long = "s".repeat(3_000);
    let tell = |second| {
        let told = Told {
            second,
            subject: &long,
            ..Told::default()
        };
        stories.sink().record(&told.events());
    };
    let mut largest = 0;
    for second in 0..2_000 {
        tell(second);
        if second % 50 == 49 {
            block_on(stories.flush()).unwrap();
            largest = largest.max(stories.octets().unwrap());
        }
    }
    block_on(stories.flush()).unwrap();
    assert!((MAX / 2..MAX + MAX / 4).contains(&largest), "{largest} octets");
    let early = stories.forgotten_early();
    assert!((1_000..1_999).contains(&early), "{early} stories went early");
    assert!(stories.get(id(0)).unwrap().is_none(), "the oldest went");
    assert!(stories.get(id(1_999)).unwrap().is_some(), "the newest is there");
    let left = stories.search(&StoryFilter::default(), None, 500).unwrap();
    let gone: Vec<_> = left
        .windows(2)
        .filter(|pair| {
            pair[0].at.unwrap().duration_since(pair[1].at.unwrap()) != jiff::SignedDuration::from_secs(1)
        })
        .collect();
    assert!(gone.is_empty(), "only the oldest go: {gone:?}");
}

#[test]
fn a_bound_below_the_empty_database_is_no_endless_work() {
    let place = tempfile::tempdir().unwrap();
    let stories = Stories::open(place.path(), 30, 1).unwrap();
    for second in 0..3 {
        stories.sink().record(
            &Told {
                second,
                ..Told::default()
            }
            .events(),
        );
        block_on(stories.flush()).unwrap();
    }
    assert!(stories.search(&StoryFilter::default(), None, 500).unwrap().len() <= 3);
}
