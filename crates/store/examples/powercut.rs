//! Fills a queue until something cuts it off, and checks afterwards that every promise was kept.
//!
//! `powercut fill FOLDER >acks` prints a line for every message whose admission was confirmed, and one before an outcome is booked;
//! it goes on until it is killed. Kill it, or cut the power of FOLDER's file system (for example a loop mount that is shut down by
//! `EXT4_IOC_SHUTDOWN` without flushing), mount again; then `powercut check FOLDER <acks` opens the queue and fails when a confirmed
//! message without an outcome is missing or changed. May be repeated on the same folder and the same, growing list.
#![allow(clippy::unwrap_used, reason = "stops at the first surprise")]

use bytes::Bytes;
use jiff::Timestamp;
use mail::Address;
use mail::smtp::Reply;
use std::collections::BTreeSet;
use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::Arc;
use store::{
    Arrival, Envelope, Folder, Queue, QueueSettings, Recipient, RecipientState, Settlement, Terminal,
};
use trace::{Id, Scope};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, command, folder] = arguments.as_slice() else {
        eprintln!("powercut fill|check FOLDER");
        std::process::exit(2);
    };
    let queue = open(Path::new(folder));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    match command.as_str() {
        "fill" => runtime.block_on(fill(Arc::new(queue))),
        _ => check(&queue),
    }
}

fn open(folder: &Path) -> Queue {
    let settings = QueueSettings {
        free_octets_min: 1 << 20,
        messages_max: 1_000_000,
        segment_octets: 4 << 20,
        retry_after: QueueSettings::RETRY_AFTER,
    };
    Queue::open(Arc::new(Folder::open(folder).unwrap()), &settings).unwrap()
}

/// Between 100 and 40,000 octets that follow from the id.
fn octets(id: u64) -> Bytes {
    let count = usize::try_from(100 + id * 7_919 % 39_900).unwrap();
    let line = format!("{id} was promised\r\n");
    line.bytes().cycle().take(count).collect::<Vec<u8>>().into()
}

fn message(id: u64) -> Arrival {
    let chunk = octets(id);
    let envelope = Envelope {
        id: Id::from_u64(id),
        arrived: Timestamp::UNIX_EPOCH,
        expires: Timestamp::UNIX_EPOCH,
        reverse_path: None,
        ret: None,
        envid: None,
        body: None,
        smtputf8: false,
        scope: Scope::default(),
        class: risk::Class::Clean,
        pool: "clean".into(),
        size_octets: chunk.len() as u64,
    };
    let recipient = Recipient {
        forward_path: Address::parse("somebody@example.com").unwrap(),
        orcpt: None,
        notify: None,
        state: RecipientState::Scheduled {
            due: Timestamp::UNIX_EPOCH,
        },
        attempts: 0,
        last_reply: None,
        delay_notified: false,
    };
    Arrival {
        envelope,
        recipients: vec![recipient],
        chunks: vec![chunk],
    }
}

/// One write, so that lines of several tasks do not mix and nothing is lost with the process.
fn say(line: &str) {
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

async fn fill(queue: Arc<Queue>) {
    let start = u64::try_from(Timestamp::now().as_microsecond()).unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for part in 0..32 {
        let queue = queue.clone();
        tasks.spawn(async move {
            for id in (start..).filter(|id| id % 32 == part) {
                if queue.admit(message(id)).await.is_ok() {
                    say(&format!("ok {id}\n"));
                } else {
                    tokio::task::yield_now().await;
                }
            }
        });
    }
    tasks.spawn(async move {
        loop {
            queue.changed().await;
            for lease in queue.lease_due(Timestamp::UNIX_EPOCH, 100) {
                let id = lease.envelope.id;
                // One in three waits on, so that segments keep something and shrink.
                if id.as_u64() % 3 > 0 {
                    say(&format!("out {}\n", id.as_u64()));
                    let done = Settlement::Done(Terminal::Delivered, Reply::new(250, (2, 0, 0), "taken"));
                    queue.settle(id, vec![(0, done)], None).await.unwrap();
                }
            }
        }
    });
    tasks.join_all().await;
}

fn check(queue: &Queue) {
    let (mut promised, mut out) = (BTreeSet::new(), BTreeSet::new());
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        match line.split_once(' ').map(|(word, id)| (word, id.parse::<u64>())) {
            Some(("ok", Ok(id))) => promised.insert(id),
            Some(("out", Ok(id))) => out.insert(id),
            _ => continue,
        };
    }
    let waiting: Vec<u64> = promised.difference(&out).copied().collect();
    let lost: Vec<String> = waiting
        .iter()
        .filter_map(|id| match queue.message(Id::from_u64(*id)) {
            Ok(found) if found == octets(*id) => None,
            Ok(_) => Some(format!("{id} is another message")),
            Err(error) => Some(format!("{id}: {error}")),
        })
        .collect();
    let again = out
        .iter()
        .filter(|id| queue.get(Id::from_u64(**id)).is_some())
        .count();
    let unknown = queue.counts().messages - again as u64 - (waiting.len() - lost.len()) as u64;
    println!(
        "{} promised, {} to be there, {} lost or changed, {again} would be delivered again, {unknown} without an answer",
        promised.len(),
        waiting.len(),
        lost.len()
    );
    lost.iter().take(20).for_each(|line| println!("{line}"));
    println!("{:?}", queue.recovery());
    if !lost.is_empty() || queue.recovery().damaged_count > 0 {
        std::process::exit(1);
    }
}
