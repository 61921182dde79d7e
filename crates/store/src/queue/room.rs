//! Is there room for new mail? Asks the file system at most every 100 ms.

use super::disk::{Disk, is_full};
use crate::StoreError;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// An answer of the file system counts that long.
const ASKED_EVERY: Duration = Duration::from_millis(100);

/// The guard of the free space.
#[derive(Debug)]
pub(super) struct Room {
    free_octets_min: u64,
    known: Mutex<Option<(Instant, u64)>>,
}

impl Room {
    pub(super) fn new(free_octets_min: u64) -> Self {
        Self {
            free_octets_min,
            known: Mutex::new(None),
        }
    }

    /// [`StoreError::Full`] when less than the bound is free.
    pub(super) fn check(&self, disk: &dyn Disk) -> Result<(), StoreError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let free = match *known {
            Some((at, free)) if at.elapsed() < ASKED_EVERY => free,
            _ => {
                let free = disk.free_octets()?;
                *known = Some((Instant::now(), free));
                free
            }
        };
        if free < self.free_octets_min {
            let bound = self.free_octets_min;
            return Err(StoreError::Full(format!(
                "{free} octets are free on the file system, {bound} must stay free"
            )));
        }
        Ok(())
    }
}

/// Why a batch could not be written; every waiter gets one of its own.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    full: bool,
    kind: std::io::ErrorKind,
    text: String,
}

impl Failure {
    pub(super) fn of(error: &std::io::Error) -> Self {
        Self {
            full: is_full(error),
            kind: error.kind(),
            text: error.to_string(),
        }
    }

    pub(super) fn error(&self) -> StoreError {
        if self.full {
            StoreError::Full(self.text.clone())
        } else {
            StoreError::Disk(std::io::Error::new(self.kind, self.text.clone()))
        }
    }
}
