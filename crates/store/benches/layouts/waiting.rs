//! What a waiting message costs in memory, and how long a start takes. Measured in a process of its own that does nothing else.

use crate::{message, text};
use jiff::{SignedDuration, Timestamp};
use mail::smtp::Reply;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;
use store::{Folder, Queue, QueueSettings, Settlement};

const MESSAGES: u64 = 300_000;
const OPEN: &str = "--open";

fn open(path: &Path) -> Queue {
    let settings = QueueSettings {
        free_octets_min: 0,
        messages_max: 1_000_000,
        segment_octets: QueueSettings::SEGMENT_OCTETS,
        retry_after: QueueSettings::RETRY_AFTER,
    };
    Queue::open(Arc::new(Folder::open(path).unwrap()), &settings).unwrap()
}

/// Fills a queue with deferred messages of one recipient and lets another process open it.
pub fn report(folder: &Path) {
    let folder = tempfile::tempdir_in(folder).unwrap();
    let queue = Arc::new(open(folder.path()));
    let body = text(2_000);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for part in 0..100 {
            let (queue, body) = (queue.clone(), body.clone());
            tasks.spawn(async move {
                for id in (1..=MESSAGES).filter(|id| id % 100 == part) {
                    queue.admit(message(id, &body)).await.unwrap();
                }
            });
        }
        tasks.join_all().await;
        let later = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1);
        for lease in queue.lease_due(Timestamp::UNIX_EPOCH, usize::MAX) {
            let reply = Reply::new(451, (4, 7, 1), "Greylisted, please try again in 300 seconds");
            let again = Settlement::Reschedule {
                due: later,
                reply,
                attempted: true,
                delay_notified: false,
            };
            queue
                .settle(lease.envelope.id, vec![(0, again)], None)
                .await
                .unwrap();
        }
        queue.close().await.unwrap();
    });
    let myself = std::env::current_exe().unwrap();
    let status = Command::new(myself)
        .arg(OPEN)
        .arg(folder.path())
        .status()
        .unwrap();
    assert!(status.success());
}

/// The other process.
pub fn is_asked_to_open() -> bool {
    let arguments: Vec<String> = std::env::args().collect();
    let Some(path) = arguments
        .iter()
        .position(|argument| argument == OPEN)
        .and_then(|at| arguments.get(at + 1))
    else {
        return false;
    };
    let (before, start) = (resident_octets(), Instant::now());
    let queue = open(Path::new(path));
    let elapsed = start.elapsed();
    assert_eq!(queue.counts().messages, MESSAGES);
    let each = (resident_octets() - before) / MESSAGES;
    println!(
        "\n{MESSAGES} deferred messages: {each} octets of memory each, opened in {:.2} s",
        elapsed.as_secs_f64()
    );
    true
}

fn resident_octets() -> u64 {
    let facts = std::fs::read_to_string("/proc/self/statm").unwrap();
    facts.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}
