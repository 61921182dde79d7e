//! What a busy gateway does with its queue, in little: admits alone and together, delivers, reschedules, writes notices, holds,
//! releases, drops, fills segments and empties them, so that segments rotate, shrink and go.

use super::accounts::{Accounts, message};
use super::disk::FakeDisk;
use crate::queue::{again, done, minute};
use std::sync::{Arc, Mutex, MutexGuard};
use store::{Arrival, Lease, Queue, QueueFilter, QueueSettings, RecipientState, Terminal};
use trace::Id;

/// The queue and the books.
#[derive(Clone)]
pub struct Office {
    pub queue: Arc<Queue>,
    pub books: Arc<Mutex<Accounts>>,
}

impl Office {
    /// Opens the queue on a disk.
    pub fn open(
        disk: &FakeDisk,
        settings: &QueueSettings,
        books: Accounts,
    ) -> Result<Self, store::StoreError> {
        let queue = Arc::new(Queue::open(Arc::new(disk.clone()), settings)?);
        Ok(Self {
            queue,
            books: Arc::new(Mutex::new(books)),
        })
    }

    pub fn books(&self) -> MutexGuard<'_, Accounts> {
        self.books.lock().unwrap()
    }

    pub async fn admit(&self, message: Arrival) -> bool {
        self.books().hand_over(&message);
        let id = message.envelope.id.as_u64();
        let ok = self.queue.admit(message).await.is_ok();
        self.books().answered(id, ok);
        ok
    }

    async fn admit_together(&self, messages: Vec<Arrival>) {
        let mut tasks = tokio::task::JoinSet::new();
        for message in messages {
            let office = self.clone();
            tasks.spawn(async move { office.admit(message).await });
        }
        tasks.join_all().await;
    }

    /// Settles all recipients of a lease alike; a notice comes with the outcome when given.
    pub async fn settle(&self, lease: &Lease, over: bool, notice: Option<Arrival>) {
        let id = lease.envelope.id.as_u64();
        let outcome = if over { done() } else { again(30) };
        let outcomes: Vec<_> = lease
            .recipients
            .iter()
            .map(|(number, _)| (*number, outcome.clone()))
            .collect();
        for (number, _) in &lease.recipients {
            self.books().settled(id, *number, &outcome);
        }
        if let Some(notice) = &notice {
            self.books().hand_over(notice);
        }
        let notice_id = notice.as_ref().map(|notice| notice.envelope.id.as_u64());
        let ok = self
            .queue
            .settle(Id::from_u64(id), outcomes, notice)
            .await
            .is_ok();
        if let Some(notice) = notice_id {
            self.books().answered(notice, ok);
        }
    }

    /// Operators' commands are durable when they return Ok.
    pub async fn hold(&self, filter: &QueueFilter, reason: &str) {
        for row in self.queue.list(filter, None, usize::MAX) {
            if !row.leased && matches!(row.recipient.state, RecipientState::Scheduled { .. }) {
                let state = RecipientState::Held {
                    reason: reason.to_owned(),
                };
                self.books()
                    .changed(row.envelope.id.as_u64(), row.index, |recipient| {
                        recipient.state = state
                    });
            }
        }
        let before = self.books().clone();
        if self.queue.hold(filter, reason).await.is_ok_and(|count| count > 0) {
            self.books().flushed(&before);
        }
    }

    pub async fn release(&self, filter: &QueueFilter, at: i64) {
        for row in self.queue.list(filter, None, usize::MAX) {
            if !row.leased && matches!(row.recipient.state, RecipientState::Held { .. }) {
                let state = RecipientState::Scheduled { due: minute(at) };
                self.books()
                    .changed(row.envelope.id.as_u64(), row.index, |recipient| {
                        recipient.state = state
                    });
            }
        }
        let before = self.books().clone();
        if self
            .queue
            .release(filter, minute(at))
            .await
            .is_ok_and(|count| count > 0)
        {
            self.books().flushed(&before);
        }
    }

    pub async fn drop_rows(&self, filter: &QueueFilter) {
        for row in self.queue.list(filter, None, usize::MAX) {
            if !row.leased {
                let id = row.envelope.id.as_u64();
                self.books().changed(id, row.index, |recipient| {
                    recipient.state = RecipientState::Done(Terminal::Dropped)
                });
            }
        }
        let before = self.books().clone();
        if self
            .queue
            .drop_rows(filter)
            .await
            .is_ok_and(|rows| !rows.is_empty())
        {
            self.books().flushed(&before);
        }
    }

    pub async fn close(&self) -> bool {
        let before = self.books().clone();
        let ok = self.queue.close().await.is_ok();
        if ok {
            self.books().flushed(&before);
        }
        ok
    }

    /// A busy day. Ids are `base` and up.
    pub async fn day(&self, base: u64) {
        self.admit(message(base, 5_000, &[0, 0, 9])).await;
        self.admit(message(base + 1, 300_000, &[0])).await;
        self.admit_together((2..8).map(|id| message(base + id, 20_000, &[1, 20])).collect())
            .await;
        for (number, lease) in self.queue.lease_due(minute(2), 9).iter().enumerate() {
            let notice = (number == 2).then(|| message(base + 50, 2_000, &[3]));
            self.settle(lease, number % 3 != 0, notice).await;
        }
        let all = QueueFilter::default();
        self.hold(
            &QueueFilter {
                sender: Some("mailbox:sender1@example.com".into()),
                ..all.clone()
            },
            "odd",
        )
        .await;
        self.release(
            &QueueFilter {
                destination: Some("d1.example".into()),
                ..all.clone()
            },
            40,
        )
        .await;
        self.drop_rows(&QueueFilter {
            id: Some(Id::from_u64(base + 4)),
            ..all.clone()
        })
        .await;
        // In every segment something small stays while the rest is delivered: these segments shrink, and what lives in them moves.
        for round in 0..6 {
            let first = 60 + round * 10;
            let mut messages: Vec<_> = (first + 1..first + 9)
                .map(|id| message(base + id, 40_000, &[5]))
                .collect();
            messages.push(message(base + first, 1_000, &[500, 5]));
            self.admit_together(messages).await;
            for lease in self.queue.lease_due(minute(6), 100) {
                self.settle(&lease, true, None).await;
            }
        }
        self.release(&all, 3).await;
        self.hold(
            &QueueFilter {
                id: Some(Id::from_u64(base + 5)),
                ..all.clone()
            },
            "odd again",
        )
        .await;
        self.admit(message(base + 40, 100, &[2])).await;
    }

    /// Everything is delivered; afterwards the queue is empty.
    pub async fn deliver_all(&self) {
        self.release(&QueueFilter::default(), 0).await;
        loop {
            let leases = self.queue.lease_due(minute(100_000), 50);
            if leases.is_empty() {
                break;
            }
            for lease in leases {
                self.settle(&lease, true, None).await;
            }
        }
    }
}
