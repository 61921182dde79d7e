//! Looks whether everything that is kept can be read, and changes nothing: for an operator who distrusts a disk, a copy or a
//! restore.
//!
//! Promises: nothing is written to the queue or the databases; the octets of every queued message are compared with their
//! checksums, every page and index of the databases is looked at. The gateway must not run meanwhile: its lock is held.

use crate::database::{self, CONTROL, STORIES};
use crate::lock::Lock;
use crate::{Folder, Queue, Recovery, StoreError};
use std::path::Path;

/// What is kept in a data directory, and whether it can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The queue.
    pub queue: Recovery,
    /// Each database: file name, and what is wrong with it (nothing when it is whole).
    pub databases: Vec<(&'static str, Vec<String>)>,
}

impl Verification {
    /// Something that was acknowledged once cannot be read.
    pub fn is_damaged(&self) -> bool {
        self.queue.damaged_count > 0 || self.databases.iter().any(|(_, problems)| !problems.is_empty())
    }
}

/// Reads everything in a data directory.
///
/// Errors: [`StoreError::Unusable`] while a gateway uses it; [`StoreError::Disk`] when queue or files are missing or unreadable.
pub fn verify(directory: &Path) -> Result<Verification, StoreError> {
    let _lock = Lock::take_if_there(directory)?;
    let queue = Queue::verify(&Folder::open_to_read(&directory.join("queue"))?)?;
    let databases = [&CONTROL, &STORIES].map(|schema| {
        let problems = database::problems(directory, schema).unwrap_or_else(|error| vec![error.to_string()]);
        (schema.file, problems)
    });
    Ok(Verification {
        queue,
        databases: databases.into(),
    })
}
