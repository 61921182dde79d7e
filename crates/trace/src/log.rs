//! The log: one JSON object a line, written by a thread of its own behind a bounded queue; a full queue drops and counts.
//!
//! Promises: a session never waits for the log; a line reaches the file within [`LogSink::FLUSH_MS`] while the disk keeps up;
//! what was lost is counted and said in the log itself. Lines hold no control characters: JSON escapes them.
//! Limits: [`LogSink::LINES_MAX`].

use crate::{Event, Sink};
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Writes events as JSON lines to a file or to standard output. Facts and verdict in full are left to the store.
#[derive(Debug)]
pub struct LogSink {
    batches: Option<SyncSender<Batch>>,
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What waits for the writer; an empty one only wakes it.
type Batch = Arc<Vec<Event>>;

#[derive(Debug, Default)]
struct Shared {
    waiting: AtomicUsize,
    lost: AtomicU64,
    reopen: AtomicBool,
}

impl LogSink {
    /// Lines that may wait for the writer.
    pub const LINES_MAX: usize = 65_536;

    /// The writer collects for at most that long before it writes, in milliseconds.
    pub const FLUSH_MS: u64 = 100;

    /// To standard output.
    pub fn stdout() -> Self {
        Self::start(Target::Stdout)
    }

    /// To a file, appended; [`LogSink::reopen`] after rotation.
    pub fn file(path: &Path) -> std::io::Result<Self> {
        Ok(Self::start(Target::File(open(path)?, path.to_owned())))
    }

    /// Opens the file anew (after logrotate, on SIGHUP).
    pub fn reopen(&self) {
        self.shared.reopen.store(true, Ordering::Release);
        self.send(&Arc::default());
    }

    /// Lines that were lost because the queue was full or the disk failed.
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    fn start(target: Target) -> Self {
        // A story has several lines, so as many batches as lines can never be too few.
        let (batches, received) = sync_channel(Self::LINES_MAX);
        let shared = Arc::<Shared>::default();
        let writer = Writer {
            out: BufWriter::with_capacity(65_536, target),
            shared: Arc::clone(&shared),
            said_lost: 0,
        };
        let thread = std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer.run(&received));
        Self {
            batches: Some(batches),
            shared,
            writer: Mutex::new(thread.ok()),
        }
    }

    fn send(&self, batch: &Batch) {
        let lines = batch.len();
        let waiting = self
            .shared
            .waiting
            .fetch_add(lines, Ordering::Relaxed)
            .saturating_add(lines);
        let sent = match &self.batches {
            Some(_) if waiting > Self::LINES_MAX => Err(TrySendError::Full(Arc::clone(batch))),
            Some(batches) => batches.try_send(Arc::clone(batch)),
            None => Err(TrySendError::Disconnected(Arc::clone(batch))),
        };
        if sent.is_err() {
            self.shared.waiting.fetch_sub(lines, Ordering::Relaxed);
            self.shared.lost.fetch_add(lines as u64, Ordering::Relaxed);
        }
    }
}

impl Sink for LogSink {
    fn record(&self, events: &[Event]) {
        self.send(&Arc::new(events.iter().map(Event::light).collect()));
    }

    fn record_shared(&self, events: &Arc<Vec<Event>>) {
        self.send(events);
    }
}

impl Drop for LogSink {
    /// What waits is written before the sink is gone.
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }
}

enum Target {
    Stdout,
    File(File, PathBuf),
}

impl Write for Target {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Stdout => std::io::stdout().write(octets),
            Self::File(file, _) => file.write(octets),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Stdout => std::io::stdout().flush(),
            Self::File(file, _) => file.flush(),
        }
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

struct Writer {
    out: BufWriter<Target>,
    shared: Arc<Shared>,
    said_lost: u64,
}

/// One line: the record type for those who know it, then the event.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    record_type: Option<&'static str>,
    #[serde(flatten)]
    event: &'a Event,
}

#[derive(Serialize)]
struct LostLine {
    at: jiff::Timestamp,
    event: &'static str,
    limit: &'static str,
    detail: String,
}

impl Writer {
    /// Sleeps while nothing is told; after a first batch collects for a while, so that under load senders need not wake
    /// this thread for each story.
    fn run(mut self, received: &Receiver<Batch>) {
        while let Ok(first) = received.recv() {
            std::thread::sleep(Duration::from_millis(LogSink::FLUSH_MS));
            if self.shared.reopen.swap(false, Ordering::AcqRel) {
                self.reopen();
            }
            let mut last_at = self.write(&first, jiff::Timestamp::UNIX_EPOCH);
            for batch in received.try_iter().take(LogSink::LINES_MAX) {
                last_at = self.write(&batch, last_at);
            }
            self.say_lost(last_at);
            if self.out.flush().is_err() {
                self.shared.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn write(&mut self, batch: &Batch, last_at: jiff::Timestamp) -> jiff::Timestamp {
        for event in batch.iter() {
            if self.line(event).is_err() {
                self.shared.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.shared.waiting.fetch_sub(batch.len(), Ordering::Relaxed);
        batch.last().map_or(last_at, |event| event.at)
    }

    fn line(&mut self, event: &Event) -> std::io::Result<()> {
        let light;
        let record_type = event.what.record_type();
        let event = if event.what.has_facts() {
            light = event.light();
            &light
        } else {
            event
        };
        serde_json::to_writer(&mut self.out, &Line { record_type, event })?;
        self.out.write_all(b"\n")
    }

    fn say_lost(&mut self, at: jiff::Timestamp) {
        let lost = self.shared.lost.load(Ordering::Relaxed);
        let since = lost.saturating_sub(self.said_lost);
        if since == 0 {
            return;
        }
        let line = LostLine {
            at,
            event: "limit_hit",
            limit: "log_lines_max",
            detail: format!("{since} lines were lost"),
        };
        if serde_json::to_writer(&mut self.out, &line).is_ok() && self.out.write_all(b"\n").is_ok() {
            self.said_lost = lost;
        }
    }

    /// When the new file cannot be opened the old one is written on.
    fn reopen(&mut self) {
        let _ = self.out.flush();
        if let Target::File(file, path) = self.out.get_mut()
            && let Ok(fresh) = open(path)
        {
            *file = fresh;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::tests::{judged, one_of_each};
    use crate::{Hub, Id, Scope, What};
    use jiff::Timestamp;

    fn events(whats: Vec<What>) -> Vec<Event> {
        let scope = Arc::<Scope>::default();
        let event = |what| Event {
            id: Id::from_u64(3),
            at: Timestamp::UNIX_EPOCH,
            scope: Arc::clone(&scope),
            what,
        };
        whats.into_iter().map(event).collect()
    }

    #[test]
    fn one_line_an_event_without_controls_and_facts() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.jsonl");
        let log = LogSink::file(&path).unwrap();
        log.record(&events(one_of_each()));
        log.record_shared(&Arc::new(events(vec![judged()])));
        drop(log);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), one_of_each().len() + 1);
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
        for line in text.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(
                value.get("facts").is_none() && value.get("verdict").is_none(),
                "{line}"
            );
            let delivered = value.get("outcome").is_some_and(|outcome| outcome == "delivered");
            assert_eq!(
                value.get("type").is_some_and(|kind| kind == "Delivery"),
                delivered,
                "{line}"
            );
        }
    }

    #[test]
    fn a_rotated_file_is_opened_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.jsonl");
        let log = LogSink::file(&path).unwrap();
        std::fs::rename(&path, directory.path().join("log.jsonl.1")).unwrap();
        log.reopen();
        log.record(&events(vec![judged()]));
        drop(log);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
    }

    #[test]
    fn a_full_queue_drops_counts_and_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.jsonl");
        let log = LogSink::file(&path).unwrap();
        let batch = Arc::new(events(vec![
            What::Closed {
                reason: String::new()
            };
            LogSink::LINES_MAX
        ]));
        log.record_shared(&batch);
        log.record_shared(&batch);
        assert_eq!(log.lost(), LogSink::LINES_MAX as u64);
        drop(log);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), LogSink::LINES_MAX + 1);
        assert!(text.lines().last().unwrap().contains("65536 lines were lost"));
    }

    #[test]
    fn through_the_hub() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.jsonl");
        let hub = Hub::new(vec![Box::new(LogSink::file(&path).unwrap())]);
        hub.tell(Id::from_u64(1), Timestamp::UNIX_EPOCH, &Arc::default(), judged());
        drop(hub);
        assert!(
            std::fs::read_to_string(&path)
                .unwrap()
                .contains("\"event\":\"judged\"")
        );
    }
}
