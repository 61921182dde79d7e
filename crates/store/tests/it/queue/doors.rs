//! Each door once, without trouble.

use super::{again, arrival, done, minute, octets, open, recipient};
use crate::block_on;
use std::sync::Arc;
use store::{Folder, Queue, QueueCounts, QueueFilter, QueueSettings, RecipientState, StoreError, Terminal};
use trace::Id;

#[test]
fn a_message_goes_in_and_comes_out() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path());
    block_on(async {
        let message = arrival(7, 7_000, &[3, 1]);
        queue.admit(message.clone()).await.unwrap();
        queue.changed().await;
        assert_eq!(queue.message(Id::from_u64(7)).unwrap(), octets(7, 7_000));
        assert_eq!(
            queue.get(Id::from_u64(7)).unwrap(),
            (Arc::new(message.envelope.clone()), message.recipients.clone())
        );
        assert_eq!(queue.next_due(), Some(minute(1)));
        assert_eq!(
            queue.counts(),
            QueueCounts {
                messages: 1,
                scheduled: 2,
                leased: 0,
                held: 0,
                octets: 7_000
            }
        );

        assert!(queue.lease_due(minute(0), 9).is_empty(), "nothing is due yet");
        let leases = queue.lease_due(minute(2), 9);
        assert_eq!(leases.len(), 1);
        assert_eq!(*leases[0].envelope, message.envelope);
        assert_eq!(leases[0].recipients, [(1, message.recipients[1].clone())]);
        assert!(queue.lease_due(minute(2), 9).is_empty(), "leased once");
        assert_eq!(queue.counts().leased, 1);

        queue
            .settle(Id::from_u64(7), vec![(1, again(20))], None)
            .await
            .unwrap();
        let (_, recipients) = queue.get(Id::from_u64(7)).unwrap();
        assert_eq!(
            (recipients[1].attempts, &recipients[1].state),
            (1, &RecipientState::Scheduled { due: minute(20) })
        );
        assert_eq!(recipients[1].last_reply.as_ref().unwrap().code, 451);

        let leases = queue.lease_due(minute(60), 9);
        assert_eq!(
            leases[0]
                .recipients
                .iter()
                .map(|(number, _)| *number)
                .collect::<Vec<_>>(),
            [0, 1]
        );
        queue.give_back(Id::from_u64(7), &[1]);
        queue
            .settle(Id::from_u64(7), vec![(0, done())], None)
            .await
            .unwrap();
        assert_eq!(
            queue.get(Id::from_u64(7)).unwrap().1[0].state,
            RecipientState::Done(Terminal::Delivered)
        );
        queue.lease_due(minute(60), 9);
        queue
            .settle(Id::from_u64(7), vec![(1, done())], None)
            .await
            .unwrap();
        assert!(queue.get(Id::from_u64(7)).is_none());
        assert!(matches!(
            queue.message(Id::from_u64(7)),
            Err(StoreError::Missing(_))
        ));
        assert_eq!(queue.counts(), QueueCounts::default());
        let missing = queue.settle(Id::from_u64(7), vec![(1, done())], None).await;
        assert!(matches!(missing, Err(StoreError::Missing(_))));
    });
}

#[test]
fn a_notice_and_its_outcome_come_together() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path());
    block_on(async {
        queue.admit(arrival(1, 100, &[0])).await.unwrap();
        queue.lease_due(minute(1), 1);
        queue
            .settle(Id::from_u64(1), vec![(0, done())], Some(arrival(2, 300, &[5])))
            .await
            .unwrap();
        assert!(queue.get(Id::from_u64(1)).is_none());
        assert_eq!(queue.message(Id::from_u64(2)).unwrap(), octets(2, 300));
        let orphan = queue
            .settle(Id::from_u64(1), vec![(0, done())], Some(arrival(3, 300, &[5])))
            .await;
        assert!(matches!(orphan, Err(StoreError::Missing(_))));
        assert_eq!(
            queue.counts().messages,
            1,
            "no notice about a message that is not there"
        );
    });
}

#[test]
fn the_oldest_due_comes_first_and_the_bound_holds() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path());
    block_on(async {
        for (id, due) in [(1, 9), (2, 3), (3, 6), (4, 1)] {
            queue.admit(arrival(id, 10, &[due, due])).await.unwrap();
        }
        let order = |leases: Vec<store::Lease>| {
            leases
                .iter()
                .map(|lease| (lease.envelope.id.as_u64(), lease.recipients.len()))
                .collect::<Vec<_>>()
        };
        assert_eq!(order(queue.lease_due(minute(7), 3)), [(4, 2), (2, 1)]);
        assert_eq!(order(queue.lease_due(minute(7), 30)), [(2, 1), (3, 2)]);
    });
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let tight = QueueSettings {
        messages_max: 1,
        ..super::SETTINGS
    };
    let queue = Queue::open(Arc::new(Folder::open(folder.path()).unwrap()), &tight).unwrap();
    block_on(async {
        let mut wrong_size = arrival(1, 10, &[0]);
        wrong_size.envelope.size_octets = 11;
        let mut over = arrival(1, 10, &[0]);
        over.recipients[0].state = RecipientState::Done(Terminal::Dropped);
        for wrong in [wrong_size, over, arrival(1, 10, &[])] {
            assert!(matches!(queue.admit(wrong).await, Err(StoreError::Refused(_))));
        }
        queue.admit(arrival(1, 10, &[0])).await.unwrap();
        assert!(
            matches!(
                queue.admit(arrival(1, 10, &[0])).await,
                Err(StoreError::Refused(_))
            ),
            "the same id"
        );
        assert!(queue.admit(arrival(2, 10, &[0])).await.unwrap_err().is_full());
        queue.lease_due(minute(0), 1);
        queue
            .settle(Id::from_u64(1), vec![(0, done())], None)
            .await
            .unwrap();
        queue.admit(arrival(2, 10, &[0])).await.unwrap();
        queue.close().await.unwrap();
        assert!(matches!(
            queue.admit(arrival(3, 10, &[0])).await,
            Err(StoreError::Closing)
        ));
    });
    let picky = QueueSettings {
        free_octets_min: u64::MAX,
        ..super::SETTINGS
    };
    let queue = Queue::open(Arc::new(Folder::open(folder.path()).unwrap()), &picky).unwrap();
    assert!(block_on(queue.admit(arrival(4, 10, &[0]))).unwrap_err().is_full());
}

#[test]
fn operators_find_hold_release_retry_and_drop() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path());
    block_on(async {
        for id in 1..=300 {
            let mut message = arrival(id, 10, &[50]);
            message.recipients.push(recipient(1, 60));
            queue.admit(message).await.unwrap();
        }
        let all = QueueFilter::default();
        let rows = queue.list(&all, None, 1_000);
        assert_eq!(rows.len(), 600);
        let places: Vec<_> = rows.iter().map(|row| (row.envelope.id, row.index)).collect();
        assert!(places.is_sorted());
        assert_eq!(
            queue
                .list(&all, Some(places[10]), 5)
                .iter()
                .map(|row| row.index)
                .collect::<Vec<_>>(),
            [1, 0, 1, 0, 1]
        );

        let one_sender = QueueFilter {
            sender: Some("mailbox:sender0@example.com".into()),
            ..all.clone()
        };
        assert_eq!(queue.hold(&one_sender, "looks odd").await.unwrap(), 200);
        let held = QueueFilter {
            held: Some(true),
            ..all.clone()
        };
        assert_eq!(queue.list(&held, None, 1_000).len(), 200);
        assert_eq!((queue.counts().held, queue.counts().scheduled), (200, 400));
        assert_eq!(queue.hold(&one_sender, "again").await.unwrap(), 0, "held already");

        let one_domain = QueueFilter {
            destination: Some("D1.example".into()),
            ..held.clone()
        };
        assert_eq!(queue.release(&one_domain, minute(2)).await.unwrap(), 100);
        assert_eq!(queue.next_due(), Some(minute(2)));

        let leased = queue.lease_due(minute(2), 1);
        let one = QueueFilter {
            id: Some(leased[0].envelope.id),
            ..all.clone()
        };
        assert!(queue.list(&one, None, 9).iter().any(|row| row.leased));
        let dropped = queue.drop_rows(&one).await.unwrap();
        assert_eq!(dropped.len(), 1, "the other one is under way");
        assert_eq!(
            queue
                .retry(
                    &QueueFilter {
                        pool: Some("clean".into()),
                        ..all.clone()
                    },
                    minute(1)
                )
                .await
                .unwrap(),
            499
        );
        assert_eq!(
            queue
                .retry(
                    &QueueFilter {
                        tenant: Some("other".into()),
                        ..all.clone()
                    },
                    minute(1)
                )
                .await
                .unwrap(),
            0
        );
        assert_eq!(queue.drop_rows(&held).await.unwrap().len(), 99);
        let before = queue.counts();
        queue.close().await.unwrap();
        let again = open(folder.path());
        assert_eq!(
            again.counts(),
            QueueCounts {
                leased: 0,
                scheduled: before.scheduled + 1,
                ..before
            }
        );
    });
}

#[test]
fn a_dropped_admission_was_handed_over_and_counts() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path());
    block_on(async {
        {
            let mut admission = Box::pin(queue.admit(arrival(1, 500, &[0])));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(admission.as_mut().poll(&mut context).is_pending());
        }
        queue.admit(arrival(2, 10, &[0])).await.unwrap();
        assert_eq!(queue.message(Id::from_u64(1)).unwrap(), octets(1, 500));
        queue.lease_due(minute(1), 9);
        {
            let notice = Some(arrival(3, 10, &[0]));
            let mut settlement = Box::pin(queue.settle(Id::from_u64(1), vec![(0, done())], notice));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(settlement.as_mut().poll(&mut context).is_pending());
        }
        queue.admit(arrival(4, 10, &[0])).await.unwrap();
        assert!(queue.get(Id::from_u64(1)).is_none());
        assert!(queue.get(Id::from_u64(3)).is_some());
    });
}
