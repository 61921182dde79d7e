//! One process at a time: an advisory lock on the file `LOCK` of the data directory. The kernel lets go of it whatever ends us.

use crate::StoreError;
use rustix::fs::FlockOperation;
use std::fs::{File, OpenOptions};
use std::path::Path;

/// The lock; dropping it lets go.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "held, never read")] File);

impl Lock {
    /// Takes the lock when its file is there, and makes none: without it nobody has used the directory.
    pub(crate) fn take_if_there(directory: &Path) -> Result<Option<Self>, StoreError> {
        match File::open(directory.join("LOCK")) {
            Ok(file) => Self::hold(file, directory).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes the lock; does not wait.
    pub(crate) fn take(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join("LOCK");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let file = file.map_err(|error| StoreError::Unusable(format!("{}: {error}", path.display())))?;
        Self::hold(file, directory)
    }

    fn hold(file: File, directory: &Path) -> Result<Self, StoreError> {
        let unusable = |text: &dyn std::fmt::Display| {
            StoreError::Unusable(format!("{}: {text}", directory.join("LOCK").display()))
        };
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(unusable(&"another process holds it")),
            Err(error) => Err(unusable(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let first = Lock::take(directory.path()).unwrap();
        assert!(matches!(
            Lock::take(directory.path()),
            Err(StoreError::Unusable(_))
        ));
        drop(first);
        Lock::take(directory.path()).unwrap();
    }
}
