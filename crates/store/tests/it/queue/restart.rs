//! What a restart finds again.

use super::{again, arrival, done, minute, octets, open};
use crate::block_on;
use trace::Id;

#[test]
fn everything_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path());
    let kept = block_on(async {
        for id in 1..=60 {
            queue.admit(arrival(id, 10_000, &[1, 2, 3])).await.unwrap();
        }
        queue.admit(arrival(99, 600_000, &[100])).await.unwrap();
        for lease in queue.lease_due(minute(2), 120) {
            let id = lease.envelope.id;
            let outcomes = lease
                .recipients
                .iter()
                .map(|(number, _)| (*number, if id.as_u64() % 2 == 0 { done() } else { again(7) }));
            queue.settle(id, outcomes.collect(), None).await.unwrap();
        }
        for lease in queue.lease_due(minute(3), 60) {
            if lease.envelope.id.as_u64() % 4 == 0 {
                queue
                    .settle(lease.envelope.id, vec![(2, done())], None)
                    .await
                    .unwrap();
            } else {
                queue.give_back(lease.envelope.id, &[2]);
            }
        }
        let kept: Vec<_> = (1..100).map(|id| queue.get(Id::from_u64(id))).collect();
        queue.close().await.unwrap();
        kept
    });
    for _ in 0..2 {
        let queue = open(folder.path());
        assert_eq!(queue.recovery().damaged, []);
        assert_eq!(queue.recovery().torn_octets, 0);
        assert_eq!(queue.recovery().messages, 46);
        assert_eq!(
            (1..100).map(|id| queue.get(Id::from_u64(id))).collect::<Vec<_>>(),
            kept
        );
        assert_eq!(queue.message(Id::from_u64(99)).unwrap(), octets(99, 600_000));
        assert_eq!(queue.message(Id::from_u64(1)).unwrap(), octets(1, 10_000));
    }
}

#[test]
fn segments_without_living_messages_go() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path());
    block_on(async {
        for id in 1..=400 {
            queue
                .admit(arrival(id, 10_000, &[if id % 8 == 0 { 9 } else { 0 }]))
                .await
                .unwrap();
            for lease in queue.lease_due(minute(1), 9) {
                queue
                    .settle(lease.envelope.id, vec![(0, done())], None)
                    .await
                    .unwrap();
            }
        }
        assert_eq!(queue.counts().messages, 50);
        queue.close().await.unwrap();
    });
    let octets_on_disk = |path| {
        std::fs::read_dir(path)
            .unwrap()
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum::<u64>()
    };
    assert!(
        octets_on_disk(folder.path()) < 1_600_000,
        "{} octets",
        octets_on_disk(folder.path())
    );
    let queue = open(folder.path());
    assert_eq!(queue.counts().messages, 50);
    for id in (8..=400).step_by(8) {
        assert_eq!(queue.message(Id::from_u64(id)).unwrap(), octets(id, 10_000));
    }
}
