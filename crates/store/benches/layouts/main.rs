//! Three layouts for the queue at the same load, durability and sizes: the segment log, SQLite, fjall.
//!
//! `cargo bench -p store --bench layouts [-- FOLDER]`: prints the table of docs/spool.md. Every message is admitted (durable when
//! told so), read, and settled as delivered, admissions and deliveries running side by side. The rivals get the same group commit
//! in one writer's thread and keep the octets of waiting messages in memory, so none of the three reads from the disk; their
//! index and leases are left out, which favours them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark stops at the first surprise"
)]

mod group;
mod log;
mod rivals;
mod waiting;

use bytes::Bytes;
use jiff::Timestamp;
use mail::Address;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::{Arrival, Envelope, Recipient, RecipientState};
use trace::{Id, Scope};

/// What is compared.
pub trait Layout: Send + Sync + 'static {
    /// As it is called in the table.
    fn name(&self) -> &'static str;
    /// Durable when it returns.
    fn admit(&self, message: Arrival) -> impl Future<Output = ()> + Send;
    /// Reads and settles that many messages as they come in.
    fn deliver(&self, count: u64) -> impl Future<Output = ()> + Send;
    /// Calls that made something durable.
    fn syncs(&self) -> u64;
}

/// A load.
#[derive(Clone, Copy)]
struct Load {
    name: &'static str,
    octets: usize,
    messages: u64,
    admitters: u64,
}

const LOADS: [Load; 3] = [
    Load {
        name: "7 KB, 64 at once",
        octets: 7_000,
        messages: 40_000,
        admitters: 64,
    },
    Load {
        name: "7 KB, one at a time",
        octets: 7_000,
        messages: 3_000,
        admitters: 1,
    },
    Load {
        name: "1 MB, 16 at once",
        octets: 1_000_000,
        messages: 600,
        admitters: 16,
    },
];

/// What came out.
struct Figures {
    layout: &'static str,
    per_second: f64,
    cpu: f64,
    syncs: u64,
    p50: Duration,
    p99: Duration,
}

fn main() {
    if waiting::is_asked_to_open() {
        return;
    }
    let folder = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let folder = folder.map_or_else(std::env::temp_dir, PathBuf::from);
    for load in LOADS {
        let mut all = Vec::new();
        for round in 0..3 {
            all.push((round, run(&load, &folder, log::Log::open)));
            all.push((round, run(&load, &folder, rivals::sqlite)));
            all.push((round, run(&load, &folder, rivals::fjall)));
        }
        report(&load, all.into_iter().map(|(_, figures)| figures).collect());
    }
    waiting::report(&folder);
}

/// The median round of each layout, as ratios to the first.
fn report(load: &Load, all: Vec<Figures>) {
    println!(
        "\n| {} | rate | CPU | messages/s | CPU µs/message | messages/sync | p50 ms | p99 ms |",
        load.name
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut names: Vec<_> = all.iter().map(|figures| figures.layout).collect();
    names.dedup();
    names.truncate(3);
    let mut first: Option<(f64, f64)> = None;
    for name in names {
        let mut rounds: Vec<_> = all.iter().filter(|figures| figures.layout == name).collect();
        rounds.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
        let figures = rounds[rounds.len() / 2];
        let (rate, cpu) = *first.get_or_insert((figures.per_second, figures.cpu));
        println!(
            "| {} | {:.2} | {:.2} | {:.0} | {:.1} | {:.1} | {:.2} | {:.2} |",
            figures.layout,
            figures.per_second / rate,
            figures.cpu / cpu,
            figures.per_second,
            figures.cpu,
            load.messages as f64 / figures.syncs as f64,
            figures.p50.as_secs_f64() * 1e3,
            figures.p99.as_secs_f64() * 1e3,
        );
    }
}

fn run<L: Layout>(load: &Load, folder: &Path, open: impl Fn(&Path) -> L) -> Figures {
    let folder = tempfile::tempdir_in(folder).unwrap();
    let layout = Arc::new(open(folder.path()));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let body = text(load.octets);
    let (cpu, syncs, start) = (cpu(), layout.syncs(), Instant::now());
    let mut times = runtime.block_on(async {
        let next = Arc::new(AtomicU64::new(1));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..load.admitters {
            let (layout, next, body, last) = (layout.clone(), next.clone(), body.clone(), load.messages);
            tasks.spawn(async move {
                let mut times = Vec::new();
                loop {
                    let id = next.fetch_add(1, Ordering::Relaxed);
                    if id > last {
                        return times;
                    }
                    let message = message(id, &body);
                    let start = Instant::now();
                    layout.admit(message).await;
                    times.push(start.elapsed());
                }
            });
        }
        let delivery = tokio::spawn({
            let (layout, count) = (layout.clone(), load.messages);
            async move { layout.deliver(count).await }
        });
        let times = tasks.join_all().await.concat();
        delivery.await.unwrap();
        times
    });
    let (elapsed, spent) = (start.elapsed(), self::cpu() - cpu);
    let syncs = layout.syncs() - syncs;
    times.sort();
    Figures {
        layout: layout.name(),
        per_second: load.messages as f64 / elapsed.as_secs_f64(),
        cpu: spent.as_secs_f64() * 1e6 / load.messages as f64,
        syncs,
        p50: times[times.len() / 2],
        p99: times[times.len() * 99 / 100],
    }
}

/// Processor time of the whole process.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Octets that look like mail: words and line ends.
fn text(octets: usize) -> Bytes {
    let words = [
        "the",
        "invoice",
        "of",
        "March",
        "is",
        "attached,",
        "please",
        "let",
        "us",
        "know",
        "whether",
        "it",
        "arrived",
    ];
    let (mut text, mut state) = (String::with_capacity(octets + 80), 7_u64);
    while text.len() < octets {
        for _ in 0..11 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            text.push_str(words[(state >> 33) as usize % words.len()]);
            text.push(' ');
        }
        text.push_str("\r\n");
    }
    text.truncate(octets);
    text.into()
}

/// A message with one recipient; our fields apart from the client's octets, as the gateway hands them over.
fn message(id: u64, body: &Bytes) -> Arrival {
    let fields = Bytes::from(format!(
        "Received: from client.example by gateway.example with ESMTPSA id {id}\r\n"
    ));
    let envelope = Envelope {
        id: Id::from_u64(id),
        arrived: Timestamp::UNIX_EPOCH,
        expires: Timestamp::UNIX_EPOCH,
        reverse_path: Address::parse("some.sender@customer.example").ok(),
        ret: None,
        envid: None,
        body: None,
        smtputf8: false,
        scope: Scope {
            tenant: "customer".into(),
            domain: "customer.example".into(),
            sender: "mailbox:some.sender@customer.example".into(),
        },
        class: risk::Class::Clean,
        pool: "clean".into(),
        size_octets: (fields.len() + body.len()) as u64,
    };
    let recipient = Recipient {
        forward_path: Address::parse("some.recipient@elsewhere.example").unwrap(),
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
        chunks: vec![fields, body.clone()],
    }
}
