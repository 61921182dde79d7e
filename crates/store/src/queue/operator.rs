//! The doors of the queue for operators: list, retry, hold, release, drop. What they change is durable when they return.

use super::code::nanoseconds;
use super::door::Queue;
use super::sift::is_behind;
use super::slot::{Slot, Stand};
use super::{QueueFilter, QueueRow, Terminal};
use crate::StoreError;
use jiff::Timestamp;
use trace::Id;

impl Queue {
    /// Rows that are not done, oldest message first, behind `after`, at most `rows_max`. Looks at every message in turn.
    pub fn list(&self, filter: &QueueFilter, after: Option<(Id, u32)>, rows_max: usize) -> Vec<QueueRow> {
        let mut rows = Vec::new();
        let mut next = Some(after.map_or(0, |(id, _)| id.as_u64()));
        while let Some(from) = next.filter(|_| rows.len() < rows_max) {
            let found = self.shared.index().sift(filter, from);
            next = found.1;
            rows.extend(
                found
                    .0
                    .into_iter()
                    .filter(|row| is_behind(row, after))
                    .take(rows_max - rows.len()),
            );
        }
        rows
    }

    /// Makes scheduled rows due now. Returns how many. Durable on return; on an error it holds in memory and is written later.
    pub async fn retry(&self, filter: &QueueFilter, now: Timestamp) -> Result<u64, StoreError> {
        let due = nanoseconds(now);
        let rows = self
            .rework(
                filter,
                |slot| slot.stand == Stand::Scheduled,
                |slot| slot.schedule(due),
            )
            .await?;
        Ok(rows.len() as u64)
    }

    /// Holds scheduled rows (leased ones finish their attempt). Returns how many. As durable as [`Queue::retry`].
    pub async fn hold(&self, filter: &QueueFilter, reason: &str) -> Result<u64, StoreError> {
        let rows = self
            .rework(
                filter,
                |slot| slot.stand == Stand::Scheduled,
                |slot| slot.hold(reason),
            )
            .await?;
        Ok(rows.len() as u64)
    }

    /// Releases held rows: due now. Returns how many. As durable as [`Queue::retry`].
    pub async fn release(&self, filter: &QueueFilter, now: Timestamp) -> Result<u64, StoreError> {
        let due = nanoseconds(now);
        let rows = self
            .rework(
                filter,
                |slot| slot.stand == Stand::Held,
                |slot| slot.schedule(due),
            )
            .await?;
        Ok(rows.len() as u64)
    }

    /// Drops rows that are not under way. Returns what was dropped, as it was, so that it can be told in the stories. As durable
    /// as [`Queue::retry`].
    pub async fn drop_rows(&self, filter: &QueueFilter) -> Result<Vec<QueueRow>, StoreError> {
        self.rework(
            filter,
            |_| true,
            |slot| slot.stand = Stand::Done(Terminal::Dropped),
        )
        .await
    }

    /// Changes rows that fit and are not leased, and waits until that is durable.
    async fn rework(
        &self,
        filter: &QueueFilter,
        fits: impl Fn(&Slot) -> bool,
        change: impl Fn(&mut Slot),
    ) -> Result<Vec<QueueRow>, StoreError> {
        let mut changed = Vec::new();
        let mut next = Some(0);
        while let Some(from) = next {
            next = self.rework_some(filter, from, &fits, &change, &mut changed);
            tokio::task::yield_now().await;
        }
        if !changed.is_empty() {
            self.shared.changed.notify_one();
            self.barrier().await?;
        }
        Ok(changed)
    }

    fn rework_some(
        &self,
        filter: &QueueFilter,
        from: u64,
        fits: &impl Fn(&Slot) -> bool,
        change: &impl Fn(&mut Slot),
        changed: &mut Vec<QueueRow>,
    ) -> Option<u64> {
        let mut index = self.shared.index();
        let (rows, next) = index.sift(filter, from);
        for row in rows.into_iter().filter(|row| !row.leased) {
            let id = row.envelope.id.as_u64();
            if index.slot(id, row.index).is_some_and(fits) && index.change(id, row.index, true, change) {
                if index.bury_if_over(id) {
                    self.shared.recent().remove(id);
                }
                changed.push(row);
            }
        }
        next
    }
}
