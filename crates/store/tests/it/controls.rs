//! Pauses on a real file.

use crate::block_on;
use jiff::Timestamp;
use std::sync::Arc;
use store::{Controls, Pause, PauseScope, StoreError};

fn pause(scope: PauseScope, reason: &str) -> Pause {
    Pause {
        scope,
        by: "ann".into(),
        reason: reason.into(),
        at: Timestamp::from_second(1_800_000_000).unwrap(),
    }
}

#[test]
fn pauses_outlive_the_process() {
    let place = tempfile::tempdir().unwrap();
    let scopes = [
        PauseScope::All,
        PauseScope::Tenant("acme".into()),
        PauseScope::Sender("mailbox:a@example.com".into()),
        PauseScope::Destination("example.net".into()),
        PauseScope::Pool("bulk".into()),
    ];
    let controls = Controls::open(place.path()).unwrap();
    assert!(controls.pauses().is_empty());
    for scope in &scopes {
        block_on(controls.pause(pause(scope.clone(), "first"))).unwrap();
    }
    block_on(controls.pause(pause(PauseScope::All, "second"))).unwrap();
    assert_eq!(controls.pauses().len(), scopes.len());
    drop(controls);
    let controls = Controls::open(place.path()).unwrap();
    let pauses = controls.pauses();
    for scope in &scopes {
        let found = pauses.iter().find(|pause| pause.scope == *scope).unwrap();
        assert_eq!(
            found.reason,
            if *scope == PauseScope::All {
                "second"
            } else {
                "first"
            }
        );
    }
    assert!(block_on(controls.resume(&PauseScope::All)).unwrap());
    assert!(!block_on(controls.resume(&PauseScope::All)).unwrap());
    assert_eq!(controls.pauses().len(), scopes.len() - 1);
}

#[test]
fn who_waits_is_told() {
    let place = tempfile::tempdir().unwrap();
    let controls = Arc::new(Controls::open(place.path()).unwrap());
    block_on(async {
        let waiting = Arc::clone(&controls);
        let waiter = tokio::spawn(async move {
            waiting.changed().await;
            waiting.pauses().len()
        });
        controls.pause(pause(PauseScope::All, "now")).await.unwrap();
        assert_eq!(waiter.await.unwrap(), 1);
        controls.resume(&PauseScope::All).await.unwrap();
        controls.changed().await;
    });
}

#[test]
fn texts_are_bounded() {
    let place = tempfile::tempdir().unwrap();
    let controls = Controls::open(place.path()).unwrap();
    let check = |pause: Pause| {
        assert!(matches!(
            block_on(controls.pause(pause)),
            Err(StoreError::Refused(_))
        ));
    };
    check(pause(PauseScope::Tenant("x".repeat(600)), "long"));
    check(pause(PauseScope::All, &"x".repeat(600)));
    assert!(controls.pauses().is_empty());
}
