//! What was learned of texts: one fold over the labels, whatever happens between.

use jiff::{SignedDuration, Timestamp};
use risk::{Role, View};
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};
use std::path::Path;
use store::{
    LABELS_MAX, LABELS_OF_ACCOUNT_DAY_MAX, Label, Models, REFUSALS_DAY_MAX, REFUSALS_OF_ACCOUNT_DAY_MAX,
    SNAPSHOT_LABELS, SNAPSHOTS_KEPT, StoreError,
};

fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap() + SignedDuration::from_hours(hours)
}

/// A number in words: the model does not tell digits apart.
fn spelled(number: i64) -> String {
    let words = [
        "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet",
    ];
    let digits = number.to_string().into_bytes();
    digits
        .iter()
        .map(|digit| words[usize::from(digit - b'0')])
        .collect::<Vec<_>>()
        .join(" ")
}

/// Even numbers are of one kind, odd ones of another.
fn text(number: i64) -> View {
    let kind = ["cheap watches", "minutes of the meeting"][usize::try_from(number % 2).unwrap()];
    View::of_text(&format!("{kind}: {}", spelled(number)))
}

fn label(spam: bool, account: &str) -> Label<'_> {
    Label {
        spam,
        source: "operator",
        account,
    }
}

/// Number and label alike.
fn learn(models: &Models, number: i64) {
    models
        .learn(&text(number), &label(number % 2 == 0, ""), at(0))
        .unwrap();
}

fn refused<T>(result: Result<T, StoreError>, words: &str) {
    match result {
        Err(StoreError::Refused(said)) if said.contains(words) => {}
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("not refused"),
    }
}

fn sql(folder: &Path) -> Connection {
    Connection::open(folder.join("models.db")).unwrap()
}

/// A folder whose model hashes with the same key as every other such folder: models can be compared to the octet.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    drop(Models::open(folder.path()).unwrap());
    sql(folder.path())
        .execute("UPDATE state SET value = ? WHERE name = 'key'", [&[7u8; 16][..]])
        .unwrap();
    folder
}

fn open(folder: &tempfile::TempDir) -> Models {
    Models::open(folder.path()).unwrap()
}

/// What a crash leaves: the files as they are while somebody writes.
fn killed(folder: &tempfile::TempDir) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    copy
}

#[tokio::test]
async fn learned_seen_and_told() {
    let folder = folder();
    let models = open(&folder);
    let before = models.export();
    for number in 0..30 {
        learn(&models, number);
    }
    models.flush().await.unwrap();
    let seen = models.current();
    assert_eq!(seen.local.as_ref().unwrap().to_octets(), models.export());
    assert_ne!(models.export(), before);
    let odds = |number: i64| {
        let view = text(number);
        seen.local.as_ref().unwrap().opinion(&view).unwrap().odds
    };
    assert!(odds(4) > 0.0 && odds(5) < 0.0, "{} {}", odds(4), odds(5));
    let report = models.report().unwrap();
    assert_eq!(report.labels, 30);
    assert!(
        report.learned_spam >= 15 && report.learned_other >= 15,
        "{report:?}"
    );
}

#[test]
fn what_is_refused() {
    let folder = folder();
    let models = open(&folder);
    learn(&models, 1);
    refused(models.learn(&text(1), &label(false, ""), at(1)), "already");
    let long = "x".repeat(321);
    refused(models.learn(&text(2), &label(false, &long), at(1)), "320");
    let picture = b"Content-Type: image/png\r\n\r\nx".as_slice();
    let picture = risk::examine(picture, &mail::message::Limits::default(), &[]).view;
    refused(models.learn(&picture, &label(true, ""), at(1)), "without words");
    assert!(matches!(
        models.unlearn(&text(9), at(1)),
        Err(StoreError::Missing("label"))
    ));
    assert!(matches!(models.restore(99), Err(StoreError::Missing("snapshot"))));
    refused(models.import(b"no model", at(1)), "model");
    assert_eq!(models.report().unwrap().labels, 1);
}

#[test]
fn an_account_gives_its_share_of_the_day() {
    let folder = folder();
    let models = open(&folder);
    let of = |number: i64, hours: i64, account: &str| {
        models.learn(&text(number), &label(true, account), at(hours))
    };
    for number in 0..LABELS_OF_ACCOUNT_DAY_MAX {
        of(number, 0, "mailbox:anna@example.com").unwrap();
    }
    refused(of(100, 1, "mailbox:anna@example.com"), "today");
    of(100, 1, "mailbox:bob@example.com").unwrap();
    of(101, 1, "").unwrap();
    of(102, 25, "mailbox:anna@example.com").unwrap();
}

#[test]
fn the_contrary_label_and_unlearning_leave_no_trace() {
    let (one, other) = (folder(), folder());
    let (straight, winding) = (open(&one), open(&other));
    for number in [1, 2, 3, 5, 6, 7] {
        learn(&straight, number);
    }
    straight.learn(&text(4), &label(false, ""), at(0)).unwrap();
    for number in [1, 2, 3, 4, 5, 9, 6, 7] {
        learn(&winding, number);
    }
    assert_ne!(straight.export(), winding.export());
    winding.learn(&text(4), &label(false, ""), at(0)).unwrap();
    winding.unlearn(&text(9), at(0)).unwrap();
    assert_eq!(straight.export(), winding.export());
    assert_eq!(winding.report().unwrap().labels, 7);
}

/// Also through snapshots: only those that the label is in are given up.
#[test]
fn unlearning_goes_back_to_the_snapshot_before() {
    let (one, other) = (folder(), folder());
    let (straight, winding) = (open(&one), open(&other));
    let early = 2 * SNAPSHOT_LABELS + 10;
    for number in 0..early {
        learn(&straight, number);
        learn(&winding, number);
    }
    learn(&winding, 9_999);
    for number in early..early + SNAPSHOT_LABELS {
        learn(&straight, number);
        learn(&winding, number);
    }
    winding.unlearn(&text(9_999), at(1)).unwrap();
    assert_eq!(straight.export(), winding.export());
    assert!(winding.report().unwrap().snapshots.len() >= 2);
    drop(winding);
    assert_eq!(open(&other).export(), straight.export());
}

#[test]
fn after_a_crash_the_same_model() {
    let folder = folder();
    let models = open(&folder);
    for number in 0..SNAPSHOT_LABELS + 50 {
        learn(&models, number);
        if matches!(number, 7 | 199 | 200 | 231) {
            let copy = killed(&folder);
            assert_eq!(open(&copy).export(), models.export(), "after {number}");
        }
    }
    let before = models.export();
    drop(models);
    assert_eq!(open(&folder).export(), before);
}

#[test]
fn a_damaged_snapshot_is_passed_over() {
    let folder = folder();
    let models = open(&folder);
    for number in 0..2 * SNAPSHOT_LABELS + 5 {
        learn(&models, number);
    }
    let before = models.export();
    drop(models);
    let damage = |newest: i64| {
        let connection = sql(folder.path());
        let (id, mut octets): (i64, Vec<u8>) = connection
            .query_row(
                "SELECT id, octets FROM snapshot ORDER BY id DESC LIMIT 1 OFFSET ?",
                [newest],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        octets[100_000] ^= 0x10;
        connection
            .execute("UPDATE snapshot SET octets = ? WHERE id = ?", params![octets, id])
            .unwrap();
    };
    for newest in 0..2 {
        damage(newest);
        assert_eq!(open(&folder).export(), before, "{} damaged", newest + 1);
    }
}

#[test]
fn back_to_a_snapshot_and_forgetting_all() {
    let folder = folder();
    let models = open(&folder);
    let mut then = Vec::new();
    for number in 0..2 * SNAPSHOT_LABELS {
        learn(&models, number);
        if number + 1 == SNAPSHOT_LABELS {
            then = models.export();
        }
    }
    let snapshots = models.report().unwrap().snapshots;
    assert_eq!(snapshots.len(), 2);
    models.restore(snapshots[1].id).unwrap();
    assert_eq!(models.export(), then);
    let report = models.report().unwrap();
    assert_eq!((report.labels, report.snapshots.len()), (SNAPSHOT_LABELS, 1));
    models.accepted(Role::Person, 1.0);
    models.reset().unwrap();
    let report = models.report().unwrap();
    assert_eq!(
        (report.labels, report.snapshots.len(), report.learned_spam),
        (0, 0, 0)
    );
    assert!(report.ranks.iter().all(|(_, total)| *total == 0));
    learn(&models, 3);
    assert_ne!(models.export(), then);
}

#[test]
fn a_model_from_elsewhere_is_where_the_fold_begins() {
    let (from, to) = (folder(), tempfile::tempdir().unwrap());
    let (from, models) = (open(&from), Models::open(to.path()).unwrap());
    for number in 0..20 {
        learn(&from, number);
    }
    learn(&models, 77);
    models.accepted(Role::Person, 1.0);
    let taken = from.export();
    models.import(&taken, at(0)).unwrap();
    assert_eq!(models.export(), taken);
    assert!(
        models
            .report()
            .unwrap()
            .ranks
            .iter()
            .all(|(_, total)| *total == 0)
    );
    learn(&models, 88);
    assert_ne!(models.export(), taken);
    models.unlearn(&text(88), at(0)).unwrap();
    assert_eq!(
        models.export(),
        taken,
        "what was taken over is not forgotten with a label"
    );
    for number in 0..(SNAPSHOTS_KEPT + 1) * SNAPSHOT_LABELS {
        learn(&models, number);
    }
    let before = models.export();
    drop(models);
    let models = Models::open(to.path()).unwrap();
    assert_eq!(models.export(), before);
    let snapshots = models.report().unwrap().snapshots;
    let first = snapshots.last().unwrap();
    assert_eq!(
        (first.label, snapshots.len()),
        (0, usize::try_from(SNAPSHOTS_KEPT).unwrap() + 1)
    );
    models.restore(first.id).unwrap();
    assert_eq!(models.export(), taken);
}

#[tokio::test]
async fn ranks_are_kept() {
    let folder = folder();
    let models = open(&folder);
    (0..10).for_each(|_| models.accepted(Role::Person, -2.0));
    models.accepted(Role::Relay, 3.0);
    models.flush().await.unwrap();
    let ranks = models.current().ranks.clone();
    assert_eq!(ranks[Role::Person as usize].total(), 10);
    assert_eq!(open(&killed(&folder)).current().ranks, ranks);
    models.accepted(Role::Person, 3.0);
    drop(models);
    assert_eq!(
        open(&folder).current().ranks[Role::Person as usize].total(),
        11,
        "the end writes what was counted"
    );
}

#[test]
fn the_oldest_labels_go_and_the_model_stays() {
    let folder = folder();
    let mut connection = sql(folder.path());
    let transaction = connection.transaction().unwrap();
    for number in 0..LABELS_MAX + 40 {
        let sample = View::of_text(&format!("old {}", spelled(number))).to_sample();
        transaction
            .execute(
                "INSERT INTO label (digest, at, spam, source, account, sample) VALUES (?, 0, ?, 'operator', '', ?)",
                params![&Sha256::digest(&sample)[..], number % 2, sample],
            )
            .unwrap();
    }
    transaction.commit().unwrap();
    drop(connection);
    let models = open(&folder);
    learn(&models, 1);
    let report = models.report().unwrap();
    assert_eq!((report.labels, report.snapshots.len()), (LABELS_MAX, 1));
    for number in 2..SNAPSHOT_LABELS + 20 {
        learn(&models, number);
    }
    let report = models.report().unwrap();
    assert!((LABELS_MAX..LABELS_MAX + SNAPSHOT_LABELS).contains(&report.labels));
    assert_eq!(report.snapshots.len(), 2);
    let copy = killed(&folder);
    sql(copy.path())
        .execute("DELETE FROM snapshot WHERE id = ?", [report.snapshots[0].id])
        .unwrap();
    for copy in [killed(&folder), copy] {
        assert_eq!(open(&copy).export(), models.export());
    }
}

#[test]
fn one_that_learns_at_a_time() {
    let folder = folder();
    let alone = Models::open_alone(folder.path()).unwrap();
    assert!(matches!(
        Models::open_alone(folder.path()),
        Err(StoreError::Unusable(_))
    ));
    let beside = open(&folder);
    learn(&alone, 1);
    drop(beside);
    drop(alone);
    Models::open_alone(folder.path()).unwrap();
}

/// Strangers say little, never against an operator, and it can all be taken back.
#[test]
fn what_strangers_say_is_bounded_and_can_be_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let models = Models::open(folder.path()).unwrap();
    let refusal = |account: &'static str| Label {
        spam: true,
        source: Label::REFUSAL,
        account,
    };
    models.learn(&text(1), &label(false, ""), at(0)).unwrap();
    let before = models.export();
    refused(
        models.learn(&text(1), &refusal("a"), at(0)),
        "an operator said otherwise",
    );
    for number in 0..REFUSALS_OF_ACCOUNT_DAY_MAX {
        models.learn(&text(2 + 2 * number), &refusal("a"), at(0)).unwrap();
    }
    refused(
        models.learn(&text(100), &refusal("a"), at(1)),
        "what strangers say",
    );
    models.learn(&text(100), &refusal("b"), at(1)).unwrap();
    models.learn(&text(102), &refusal("a"), at(25)).unwrap();
    // An operator may turn round what a stranger said.
    models.learn(&text(100), &label(false, ""), at(25)).unwrap();
    let report = models.report().unwrap();
    assert_eq!(
        report.sources,
        [
            ("operator".to_owned(), 0, 2),
            ("refusal".to_owned(), REFUSALS_OF_ACCOUNT_DAY_MAX + 1, 0)
        ]
    );
    assert_eq!(models.forget("refusal", Some("nobody"), at(26)).unwrap(), 0);
    assert_eq!(
        models.forget("refusal", None, at(26)).unwrap() as i64,
        REFUSALS_OF_ACCOUNT_DAY_MAX + 1
    );
    models.unlearn(&text(100), at(26)).unwrap();
    assert_eq!(models.export(), before);
}

#[test]
fn strangers_together_say_little() {
    let folder = tempfile::tempdir().unwrap();
    let models = Models::open(folder.path()).unwrap();
    let mut number = 0;
    let mut more = |account: i64| {
        number += 2;
        let account = format!("account{account}");
        let label = Label {
            spam: true,
            source: Label::REFUSAL,
            account: &account,
        };
        models.learn(&text(number), &label, at(0))
    };
    for each in 0..REFUSALS_DAY_MAX {
        more(each / REFUSALS_OF_ACCOUNT_DAY_MAX).unwrap();
    }
    refused(more(1_000), "what strangers say");
}
