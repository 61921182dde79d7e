//! A mail exchanger on loopback that plays the Internet and keeps account of what reached it.
//!
//! Magic recipients: `tempfail@` is answered 451, `permfail@` 550, `slow@` after two seconds, `flaky@` 451 the first time and
//! taken afterwards; all others are taken at once. Commands are read leniently, data strictly to CRLF.CRLF.

use anyhow::Result;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A message that reached the sink.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The client's address: the source the gateway bound.
    pub client: SocketAddr,
    /// Its EHLO name.
    pub helo: String,
    /// MAIL FROM with its parameters, as sent.
    pub mail: String,
    /// Each RCPT TO with its parameters, as sent.
    pub rcpts: Vec<String>,
    /// The message, dot-stuffing removed; empty when the sink only counts.
    pub message: Vec<u8>,
}

/// What a sink does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Behaviour {
    /// Keep messages; else only count them.
    pub keep: bool,
    /// Wait before the final reply.
    pub delay: Option<Duration>,
    /// Do not offer PIPELINING and the like: the plainest server there is.
    pub plain: bool,
}

#[derive(Debug, Default)]
struct Account {
    taken: Mutex<Vec<Taken>>,
    count: AtomicU64,
    octets: AtomicU64,
    /// How often each `X-Account` value arrived.
    accounts: Mutex<HashMap<String, u64>>,
    flaked: Mutex<HashSet<String>>,
}

/// A running sink; it ends when it is dropped.
#[derive(Debug)]
pub struct Sink {
    /// Where it listens.
    pub address: SocketAddr,
    account: Arc<Account>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sink {
    /// Listens; port 0 picks one.
    pub async fn start(address: SocketAddr, behaviour: Behaviour) -> Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let account = Arc::new(Account::default());
        let shared = Arc::clone(&account);
        let task = tokio::spawn(async move {
            loop {
                if let Ok((stream, client)) = listener.accept().await {
                    let account = Arc::clone(&shared);
                    tokio::spawn(async move {
                        let _ = stream.set_nodelay(true);
                        // A client that goes away in the middle is the client's affair.
                        let _ = Conversation::new(stream, client, account, behaviour).run().await;
                    });
                }
            }
        });
        Ok(Self {
            address,
            account,
            task,
        })
    }

    /// Messages taken so far.
    pub fn count(&self) -> u64 {
        self.account.count.load(Ordering::Relaxed)
    }

    /// Octets taken so far.
    pub fn octets(&self) -> u64 {
        self.account.octets.load(Ordering::Relaxed)
    }

    /// Messages kept so far.
    pub fn taken(&self) -> Vec<Taken> {
        lock(&self.account.taken).clone()
    }

    /// How often each `X-Account` value arrived.
    pub fn accounts(&self) -> HashMap<String, u64> {
        lock(&self.account.accounts).clone()
    }

    /// Waits until so many messages were taken; false when the time is over.
    pub async fn wait_for(&self, count: u64, at_most: Duration) -> bool {
        let deadline = tokio::time::Instant::now() + at_most;
        while self.count() < count {
            if tokio::time::Instant::now() > deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        true
    }
}

struct Conversation {
    stream: TcpStream,
    client: SocketAddr,
    account: Arc<Account>,
    behaviour: Behaviour,
    input: Vec<u8>,
    output: Vec<u8>,
    helo: String,
    mail: String,
    rcpts: Vec<String>,
}

impl Conversation {
    fn new(stream: TcpStream, client: SocketAddr, account: Arc<Account>, behaviour: Behaviour) -> Self {
        Self {
            stream,
            client,
            account,
            behaviour,
            input: Vec::with_capacity(32_768),
            output: Vec::with_capacity(512),
            helo: String::new(),
            mail: String::new(),
            rcpts: Vec::new(),
        }
    }

    async fn run(mut self) -> Result<()> {
        self.output.extend_from_slice(b"220 sink.test ESMTP\r\n");
        loop {
            let Some(line) = self.line().await? else {
                return Ok(());
            };
            let verb: String = line.chars().take(4).collect::<String>().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" | "HELO" => self.hello(&line, verb == "EHLO"),
                "MAIL" => {
                    self.mail = line;
                    self.rcpts.clear();
                    self.say("250 2.1.0 Ok");
                }
                "RCPT" => self.rcpt(line).await,
                "DATA" if self.rcpts.is_empty() => self.say("554 5.5.1 No valid recipients"),
                "DATA" => {
                    self.say("354 End data with <CR><LF>.<CR><LF>");
                    let Some(message) = self.data().await? else {
                        return Ok(());
                    };
                    self.take(message).await;
                }
                "RSET" => {
                    self.rcpts.clear();
                    self.say("250 2.0.0 Ok");
                }
                "NOOP" => self.say("250 2.0.0 Ok"),
                "QUIT" => {
                    self.say("221 2.0.0 Bye");
                    return self.flush().await;
                }
                _ => self.say("502 5.5.2 Not here"),
            }
        }
    }

    fn say(&mut self, text: &str) {
        self.output.extend_from_slice(text.as_bytes());
        self.output.extend_from_slice(b"\r\n");
    }

    fn hello(&mut self, line: &str, extended: bool) {
        self.helo = line.get(5..).unwrap_or_default().to_owned();
        if extended && !self.behaviour.plain {
            self.output.extend_from_slice(
                b"250-sink.test\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250 ENHANCEDSTATUSCODES\r\n",
            );
        } else {
            self.say("250 sink.test");
        }
    }

    async fn rcpt(&mut self, line: String) {
        let path = line
            .split(['<', '>'])
            .nth(1)
            .unwrap_or_default()
            .to_ascii_lowercase();
        let local = path.split('@').next().unwrap_or_default();
        match local {
            "tempfail" => self.say("451 4.7.1 Try again later, says the sink"),
            "permfail" => self.say("550 5.1.1 No such user here, says the sink"),
            "flaky" if lock(&self.account.flaked).insert(path.clone()) => {
                self.say("451 4.2.0 Not the first time, says the sink")
            }
            _ => {
                if local == "slow" {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
                self.rcpts.push(line);
                self.say("250 2.1.5 Ok");
            }
        }
    }

    async fn take(&mut self, message: Vec<u8>) {
        if let Some(delay) = self.behaviour.delay {
            tokio::time::sleep(delay).await;
        }
        self.account
            .octets
            .fetch_add(message.len() as u64, Ordering::Relaxed);
        if let Some(name) = header_value(&message, "X-Account") {
            *lock(&self.account.accounts).entry(name).or_default() += 1;
        }
        if self.behaviour.keep {
            let taken = Taken {
                client: self.client,
                helo: self.helo.clone(),
                mail: std::mem::take(&mut self.mail),
                rcpts: std::mem::take(&mut self.rcpts),
                message,
            };
            lock(&self.account.taken).push(taken);
        }
        self.rcpts.clear();
        // Counted last: who waits for the count finds the message kept.
        self.account.count.fetch_add(1, Ordering::Relaxed);
        self.say("250 2.0.0 Ok: taken by the sink");
    }

    async fn flush(&mut self) -> Result<()> {
        self.stream.write_all(&self.output).await?;
        self.output.clear();
        Ok(())
    }

    async fn fill(&mut self) -> Result<bool> {
        if !self.output.is_empty() {
            self.flush().await?;
        }
        Ok(self.stream.read_buf(&mut self.input).await? > 0)
    }

    async fn line(&mut self) -> Result<Option<String>> {
        loop {
            if let Some(end) = self.input.iter().position(|octet| *octet == b'\n') {
                let line: Vec<u8> = self.input.drain(..=end).collect();
                return Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()));
            }
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }

    /// Reads to CRLF.CRLF and removes dot-stuffing.
    async fn data(&mut self) -> Result<Option<Vec<u8>>> {
        let mut searched = 0;
        loop {
            if self.input.starts_with(b".\r\n") {
                self.input.drain(..3);
                return Ok(Some(Vec::new()));
            }
            let found = self.input[searched..]
                .windows(5)
                .position(|five| five == b"\r\n.\r\n");
            if let Some(at) = found {
                let end = searched + at;
                let rest = self.input.split_off(end + 5);
                let mut raw = std::mem::replace(&mut self.input, rest);
                raw.truncate(end + 2);
                return Ok(Some(if self.behaviour.keep { unstuffed(&raw) } else { raw }));
            }
            searched = self.input.len().saturating_sub(4);
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }
}

fn unstuffed(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    for line in raw.split_inclusive(|octet| *octet == b'\n') {
        out.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
    }
    out
}

/// The value of a field in the first 4 KiB of a message.
fn header_value(message: &[u8], name: &str) -> Option<String> {
    let head = String::from_utf8_lossy(&message[..message.len().min(4_096)]);
    let line = head.lines().take_while(|line| !line.is_empty()).find(|line| {
        line.get(..name.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(name))
            && line.as_bytes().get(name.len()) == Some(&b':')
    })?;
    Some(line[name.len() + 1..].trim().to_owned())
}
