//! The model as a fold over the labels.

use super::{LABELS_MAX, SNAPSHOT_LABELS, rows};
use crate::StoreError;
use jiff::Timestamp;
use risk::View;
use risk::model::Model;
use rusqlite::Connection;

/// How far back the earlier label may lie that is learned with a new one. Well below [`LABELS_MAX`], so that labels between the
/// oldest snapshot and the newest find the same ones again.
const EARLIER_MAX: usize = LABELS_MAX as usize / 2;

/// The model, and how far it has come.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) model: Model,
    /// Numbers of the labels in it that are kept, in order.
    kept: Vec<i64>,
    /// The last label in it.
    last: i64,
    /// Labels since the newest snapshot.
    since_snapshot: i64,
}

impl Fold {
    /// From the newest snapshot that can be read, and the labels behind it.
    pub(super) fn load(connection: &Connection) -> Result<Self, StoreError> {
        let mut fold = Self {
            model: Model::new(rows::key(connection)?),
            kept: Vec::new(),
            last: 0,
            since_snapshot: 0,
        };
        for snapshot in rows::snapshots(connection)? {
            let octets = rows::snapshot_octets(connection, snapshot.id);
            // A damaged one is passed over: the one before it and more labels give the same model.
            if let Some(model) = octets.ok().and_then(|octets| Model::from_octets(&octets).ok()) {
                fold.model = model;
                fold.last = snapshot.label;
                break;
            }
        }
        fold.kept = rows::labels_up_to(connection, fold.last)?;
        fold.catch_up(connection)?;
        Ok(fold)
    }

    /// Learns the labels that are not in it, each with an earlier one.
    pub(super) fn catch_up(&mut self, connection: &Connection) -> Result<(), StoreError> {
        for id in rows::labels_behind(connection, self.last)? {
            let own = rows::sample(connection, id)?;
            let back = (self.kept.len().min(EARLIER_MAX) as u64).max(1);
            let back = usize::try_from(own.pick % back).unwrap_or(0);
            let earlier = self.kept.iter().rev().nth(back);
            let earlier = earlier.map(|id| rows::sample(connection, *id)).transpose()?;
            for sample in [Some(own), earlier].into_iter().flatten() {
                if let Some(view) = View::from_sample(&sample.octets) {
                    self.model.learn(&view, sample.spam);
                }
            }
            self.kept.push(id);
            self.last = id;
            self.since_snapshot += 1;
        }
        Ok(())
    }

    /// When enough was learned since the last snapshot, takes one, and lets go of the oldest labels.
    pub(super) fn snapshot_if_due(
        &mut self,
        connection: &mut Connection,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if self.since_snapshot >= SNAPSHOT_LABELS {
            rows::add_snapshot(connection, now, self.last, &self.model.to_octets())?;
            let kept_max = usize::try_from(LABELS_MAX).unwrap_or(usize::MAX);
            self.kept.drain(..self.kept.len().saturating_sub(kept_max));
            self.since_snapshot = 0;
        }
        Ok(())
    }
}
