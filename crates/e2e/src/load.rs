//! A load: many connections, each logs in and sends many messages; every reply is counted and every latency kept.

use crate::client::{Client, Mail};
use crate::sink::Sink;
use anyhow::Result;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What to send.
#[derive(Clone, Debug)]
pub struct Load {
    /// Where to.
    pub address: SocketAddr,
    /// Connections at one time.
    pub connections: usize,
    /// Messages through one connection.
    pub messages_per_connection: usize,
    /// Messages in all.
    pub messages: u64,
    /// Logins with their password; connection n uses number n modulo their count. Empty: no AUTH.
    pub logins: Vec<(String, String)>,
    /// STARTTLS before AUTH.
    pub tls: bool,
    /// The messages, sent in turn.
    pub mails: Vec<Vec<u8>>,
    /// Recipients of each message.
    pub to: Vec<String>,
    /// Put an `X-Account: N` field before each message, so that a sink can keep account.
    pub numbered: bool,
    /// Number of the first message.
    pub first: u64,
    /// Ends the load early when it turns true.
    pub stop: Option<Arc<AtomicBool>>,
}

/// What became of it.
#[derive(Clone, Debug, Default)]
pub struct LoadResult {
    /// Messages answered 250.
    pub taken: u64,
    /// Messages answered 4yz.
    pub deferred: u64,
    /// Messages answered 5yz.
    pub refused: u64,
    /// Messages without an answer (connection lost).
    pub unknown: u64,
    /// Account numbers of the messages answered 250.
    pub accounts: Vec<u64>,
    /// From MAIL to the final reply, sorted.
    pub latencies: Vec<Duration>,
    /// From the first connection to the last reply.
    pub lasted: Duration,
}

impl LoadResult {
    /// A quantile of the latencies, 0 to 1.
    pub fn quantile(&self, share: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        let index = (share * last as f64).round() as usize;
        self.latencies.get(index).copied().unwrap_or_default()
    }

    /// Messages answered 250 that did not reach the sink within the time.
    pub async fn missing(&self, sink: &Sink, at_most: Duration) -> usize {
        let deadline = Instant::now() + at_most;
        loop {
            let arrived = sink.accounts();
            let lost = self
                .accounts
                .iter()
                .filter(|number| !arrived.contains_key(&number.to_string()))
                .count();
            if lost == 0 || Instant::now() > deadline {
                return lost;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Messages taken a second.
    pub fn rate(&self) -> f64 {
        self.taken as f64 / self.lasted.as_secs_f64().max(1e-9)
    }
}

impl Load {
    /// 10 connections of 20 messages each to a recipient of the sink, without AUTH and TLS.
    pub fn new(address: SocketAddr, messages: u64, mails: Vec<Vec<u8>>) -> Self {
        Self {
            address,
            connections: 10,
            messages_per_connection: 20,
            messages,
            logins: Vec::new(),
            tls: false,
            mails,
            to: vec!["to@sink.test".to_owned()],
            numbered: false,
            first: 0,
            stop: None,
        }
    }

    /// Sends all messages; connections that are lost are made again.
    pub async fn run(self) -> LoadResult {
        let begun = Instant::now();
        let next = Arc::new(AtomicU64::new(0));
        let load = Arc::new(self);
        let workers: Vec<_> = (0..load.connections)
            .map(|worker| tokio::spawn(work(Arc::clone(&load), Arc::clone(&next), worker)))
            .collect();
        let mut all = LoadResult::default();
        for worker in workers {
            if let Ok(part) = worker.await {
                all.taken += part.taken;
                all.deferred += part.deferred;
                all.refused += part.refused;
                all.unknown += part.unknown;
                all.accounts.extend(part.accounts);
                all.latencies.extend(part.latencies);
            }
        }
        all.lasted = begun.elapsed();
        all.latencies.sort_unstable();
        all
    }
}

async fn work(load: Arc<Load>, next: Arc<AtomicU64>, worker: usize) -> LoadResult {
    let mut result = LoadResult::default();
    let mut lost_in_a_row = 0;
    let stopped = || {
        load.stop
            .as_ref()
            .is_some_and(|stop| stop.load(Ordering::Relaxed))
    };
    while next.load(Ordering::Relaxed) < load.messages && lost_in_a_row < 2_000 && !stopped() {
        match session(&load, &next, worker, &mut result).await {
            Ok(()) => lost_in_a_row = 0,
            Err(_) => {
                lost_in_a_row += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    result
}

async fn session(load: &Load, next: &AtomicU64, worker: usize, result: &mut LoadResult) -> Result<()> {
    let mut client = Client::connect(load.address).await?;
    if load.tls {
        client = client.start_tls().await?;
    }
    let login = (!load.logins.is_empty()).then(|| &load.logins[worker % load.logins.len()]);
    if let Some((name, password)) = login {
        client.login(name, password).await?;
    }
    let from = login.map_or("sender@bench.test", |(name, _)| name.as_str());
    for _ in 0..load.messages_per_connection {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= load.messages {
            break;
        }
        let number = load.first + number;
        let body = &load.mails[number as usize % load.mails.len()];
        let numbered = load
            .numbered
            .then(|| [format!("X-Account: {number}\r\n").as_bytes(), body].concat());
        let to = load.to.iter().map(String::as_str).collect();
        let mail = Mail {
            from,
            to,
            message: numbered.as_deref().unwrap_or(body),
        };
        let begun = Instant::now();
        match client.send(&mail).await {
            Ok(fared) => {
                result.latencies.push(begun.elapsed());
                match fared.decisive().as_bytes().first() {
                    Some(b'2') => {
                        result.taken += 1;
                        if load.numbered {
                            result.accounts.push(number);
                        }
                    }
                    Some(b'4') => result.deferred += 1,
                    _ => result.refused += 1,
                }
            }
            Err(error) => {
                result.unknown += 1;
                return Err(error);
            }
        }
    }
    client.quit().await
}
