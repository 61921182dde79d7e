//! What can go wrong in the store, and whose fault it is.

/// Errors of this room.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk has no room (ENOSPC, inodes, or below `free_octets_min`), or the queue is at `messages_max`: 452 4.3.1.
    #[error("the store is full: {0}")]
    Full(String),
    /// The disk failed, is read-only, or something else is wrong with it: 451 4.3.0. The operator must look.
    #[error("the disk failed: {0}")]
    Disk(std::io::Error),
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(rusqlite::Error),
    /// Another process holds the store, or the directory cannot be used. The operator caused it.
    #[error("the store cannot be opened: {0}")]
    Unusable(String),
    /// What was asked for is not there.
    #[error("no such {0}")]
    Missing(&'static str),
    /// What was given cannot be kept: a bad name, a hash of an unknown kind, a duplicate. The caller caused it.
    #[error("{0}")]
    Refused(String),
    /// The store is closing.
    #[error("the store is closing")]
    Closing,
}

impl StoreError {
    /// True when there is no room, false when something is broken: decides between 452 4.3.1 and 451 4.3.0.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                Self::Full(error.to_string())
            }
            _ => Self::Disk(error),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full(error.to_string()),
            _ => Self::Database(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_room_is_told_from_broken() {
        let sqlite = |code| {
            StoreError::from(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(code),
                None,
            ))
            .is_full()
        };
        assert!(sqlite(rusqlite::ffi::SQLITE_FULL));
        assert!(!sqlite(rusqlite::ffi::SQLITE_IOERR));
        assert!(!sqlite(rusqlite::ffi::SQLITE_READONLY));
        let io = |errno| StoreError::from(std::io::Error::from_raw_os_error(errno)).is_full();
        assert!(io(28), "ENOSPC");
        assert!(io(122), "EDQUOT");
        assert!(!io(5), "EIO");
        assert!(!io(30), "EROFS");
    }
}
