//! The model as a fold over the labels.

use super::rows;
use crate::StoreError;
use jiff::Timestamp;
use risk::View;
use risk::model::Model;
use rusqlite::Connection;

/// The model, and how far it has come.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) model: Model,
    pub(super) key: [u64; 2],
    /// The last label in it.
    last: i64,
    /// Labels since the newest snapshot.
    pub(super) since_snapshot: i64,
}

impl Fold {
    /// From the newest snapshot that can be read, and the labels behind it.
    pub(super) fn load(connection: &Connection) -> Result<Self, StoreError> {
        let key = rows::key(connection)?;
        let mut fold = Self::empty(key);
        for snapshot in rows::snapshots(connection)? {
            // A damaged one is passed over: the one before it and more labels give the same model.
            if let Ok(model) = Model::from_octets(&rows::snapshot_octets(connection, snapshot.id)?) {
                fold.model = model;
                fold.last = snapshot.label;
                break;
            }
        }
        fold.catch_up(connection)?;
        Ok(fold)
    }

    /// From nothing and all labels that are kept.
    pub(super) fn anew(connection: &Connection, key: [u64; 2]) -> Result<Self, StoreError> {
        rows::forget_snapshots(connection)?;
        let mut fold = Self::empty(key);
        fold.catch_up(connection)?;
        Ok(fold)
    }

    /// From a model that comes from elsewhere.
    pub(super) fn of(model: Model, connection: &Connection, now: Timestamp) -> Result<Self, StoreError> {
        let mut fold = Self {
            model,
            key: rows::key(connection)?,
            last: rows::last_label(connection)?,
            since_snapshot: 0,
        };
        fold.snapshot(connection, now)?;
        Ok(fold)
    }

    fn empty(key: [u64; 2]) -> Self {
        Self {
            model: Model::new(key),
            key,
            last: 0,
            since_snapshot: 0,
        }
    }

    fn catch_up(&mut self, connection: &Connection) -> Result<(), StoreError> {
        for id in rows::labels_behind(connection, self.last)? {
            self.label(connection, id)?;
        }
        Ok(())
    }

    /// Learns a label, and one earlier that its number picks.
    pub(super) fn label(&mut self, connection: &Connection, id: i64) -> Result<(), StoreError> {
        let numbers = [Some(id), rows::earlier(connection, id)?];
        for number in numbers.into_iter().flatten() {
            let (sample, spam) = rows::sample(connection, number)?;
            if let Some(view) = View::from_sample(&sample) {
                self.model.learn(&view, spam);
            }
        }
        self.last = id;
        self.since_snapshot += 1;
        Ok(())
    }

    pub(super) fn snapshot(&mut self, connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
        rows::add_snapshot(connection, now, self.last, &self.model.to_octets())?;
        self.since_snapshot = 0;
        Ok(())
    }
}
