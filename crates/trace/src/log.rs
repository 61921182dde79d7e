//! The log: one JSON object a line, written by a thread of its own behind a bounded queue; a full queue drops and counts.

use crate::{Event, Sink};
use std::path::Path;

/// Writes events as JSON lines to a file or to standard output. Facts and verdict in full are left to the store.
#[derive(Debug)]
pub struct LogSink {}

impl LogSink {
    /// Lines that may wait for the writer.
    pub const LINES_MAX: usize = 65_536;

    /// To standard output.
    pub fn stdout() -> Self {
        todo!()
    }

    /// To a file, appended; [`LogSink::reopen`] after rotation.
    pub fn file(_path: &Path) -> std::io::Result<Self> {
        todo!()
    }

    /// Opens the file anew (after logrotate, on SIGHUP).
    pub fn reopen(&self) {
        todo!()
    }
}

impl Sink for LogSink {
    fn record(&self, _events: &[Event]) {
        todo!()
    }
}
