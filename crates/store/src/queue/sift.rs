//! Finding rows by filter. Looks at a few hundred messages at a time, so that mail flows meanwhile.

use super::index::{Index, Message};
use super::slot::{Slot, Stand};
use super::{Envelope, QueueFilter, QueueRow};
use std::sync::Arc;
use trace::Id;

/// Messages looked at while the index is locked.
pub(super) const MESSAGES_AT_ONCE_MAX: usize = 256;

impl QueueFilter {
    fn takes_message(&self, envelope: &Envelope) -> bool {
        let same = |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|wanted| wanted == is);
        self.id.is_none_or(|id| id == envelope.id)
            && same(&self.sender, &envelope.scope.sender)
            && same(&self.tenant, &envelope.scope.tenant)
            && same(&self.pool, &envelope.pool)
    }

    fn takes_slot(&self, slot: &Slot) -> bool {
        match slot.stand {
            Stand::Done(_) => false,
            Stand::Held => self.held != Some(false),
            Stand::Scheduled => self.held != Some(true),
        }
    }

    fn takes_row(&self, row: &QueueRow) -> bool {
        let domain = row.recipient.forward_path.domain();
        self.destination
            .as_ref()
            .is_none_or(|wanted| wanted.eq_ignore_ascii_case(domain))
    }

    /// Ids that can fit at all.
    fn range(&self, from: u64) -> std::ops::RangeInclusive<u64> {
        self.id
            .map_or(from..=u64::MAX, |id| from.max(id.as_u64())..=id.as_u64())
    }
}

impl Index {
    /// Rows of the next messages from `from` on. The second value is where to go on; None when that was all.
    pub(super) fn sift(&self, filter: &QueueFilter, from: u64) -> (Vec<QueueRow>, Option<u64>) {
        let range = filter.range(from);
        if range.is_empty() {
            return (Vec::new(), None);
        }
        let mut rows = Vec::new();
        let mut rest = self.messages.range(range);
        for (id, message) in rest.by_ref().take(MESSAGES_AT_ONCE_MAX) {
            rows.extend(message.rows(*id, filter));
        }
        (rows, rest.next().map(|(id, _)| *id))
    }
}

impl Message {
    fn rows(&self, id: u64, filter: &QueueFilter) -> Vec<QueueRow> {
        if !self.slots.iter().any(|slot| filter.takes_slot(slot)) {
            return Vec::new();
        }
        let Ok(envelope) = self.envelope(id) else {
            return Vec::new();
        };
        if !filter.takes_message(&envelope) {
            return Vec::new();
        }
        let envelope = Arc::new(envelope);
        let fitting = self
            .recipients()
            .zip(&self.slots)
            .filter(|(_, slot)| filter.takes_slot(slot));
        let rows = fitting.map(|((index, recipient), slot)| QueueRow {
            envelope: Arc::clone(&envelope),
            index,
            recipient,
            leased: slot.leased,
        });
        rows.filter(|row| filter.takes_row(row)).collect()
    }
}

/// Is the row behind that place?
pub(super) fn is_behind(row: &QueueRow, after: Option<(Id, u32)>) -> bool {
    after.is_none_or(|after| (row.envelope.id, row.index) > after)
}
