//! A scripted next hop on an in-memory network: an honest SMTP server unless the script says otherwise.

use net::SimulatedNetwork;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// What a peer is asked.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// `BANNER`, `EHLO`, `HELO`, `STARTTLS`, `MAIL`, `RCPT`, `DATA`, `DOT`, `RSET`, `QUIT`.
    pub verb: &'a str,
    /// The line as sent; the message at `DOT`.
    pub line: &'a str,
    /// Number of this connection at this peer, from 0.
    pub connection: usize,
    /// Number of messages taken on this connection.
    pub messages: usize,
}

/// What it does.
#[derive(Clone, Debug)]
pub enum Answer {
    /// What an honest server says.
    Usual,
    Say(&'static str),
    SayAndClose(&'static str),
    Close,
    /// Nothing, for ever.
    Stall,
    /// Octets as they are, then it goes on.
    Raw(Vec<u8>),
    /// These octets for ever.
    Endless(&'static [u8]),
}

type Script = dyn Fn(&Ask) -> Answer + Send + Sync;

#[derive(Clone)]
pub struct Peer {
    pub offers: Vec<&'static str>,
    pub script: Arc<Script>,
}

impl Peer {
    pub fn new(script: impl Fn(&Ask) -> Answer + Send + Sync + 'static) -> Self {
        Self {
            offers: vec!["PIPELINING", "8BITMIME", "SIZE 100000"],
            script: Arc::new(script),
        }
    }

    pub fn honest() -> Self {
        Self::new(|_| Answer::Usual)
    }

    pub fn offering(mut self, offers: &[&'static str]) -> Self {
        self.offers = offers.to_vec();
        self
    }
}

/// A message that a peer took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub mail: String,
    pub rcpts: Vec<String>,
    pub data: String,
    pub connection: usize,
    pub source: Option<IpAddr>,
    pub at: SocketAddr,
}

#[derive(Default)]
pub struct Network {
    peers: Mutex<HashMap<IpAddr, Peer>>,
    connections: Mutex<HashMap<IpAddr, usize>>,
    pub open: Mutex<(usize, usize)>,
    pub taken: Mutex<Vec<Taken>>,
    pub lines: Mutex<Vec<String>>,
}

impl Network {
    pub fn with(peers: &[(&str, Peer)]) -> Arc<Self> {
        let network = Self::default();
        for (address, peer) in peers {
            network
                .peers
                .lock()
                .unwrap()
                .insert(address.parse().unwrap(), peer.clone());
        }
        Arc::new(network)
    }

    pub fn set(&self, address: &str, peer: Option<Peer>) {
        let address = address.parse().unwrap();
        match peer {
            Some(peer) => self.peers.lock().unwrap().insert(address, peer),
            None => self.peers.lock().unwrap().remove(&address),
        };
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }

    /// Recipients of all messages taken, sorted.
    pub fn recipients(&self) -> Vec<String> {
        let mut all: Vec<_> = self.taken().into_iter().flat_map(|taken| taken.rcpts).collect();
        all.sort();
        all
    }

    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    pub fn connections(&self, address: &str) -> usize {
        self.connections
            .lock()
            .unwrap()
            .get(&address.parse().unwrap())
            .copied()
            .unwrap_or(0)
    }

    /// Most connections that were open at once.
    pub fn open_max(&self) -> usize {
        self.open.lock().unwrap().1
    }
}

/// The network is shared with the tasks that play the peers.
pub struct Shared(pub Arc<Network>);

impl SimulatedNetwork for Shared {
    fn connect(&self, source: Option<IpAddr>, to: SocketAddr) -> std::io::Result<DuplexStream> {
        let network = &self.0;
        let peer = network.peers.lock().unwrap().get(&to.ip()).cloned();
        let mut counts = network.connections.lock().unwrap();
        let count = counts.entry(to.ip()).or_default();
        let number = *count;
        *count += 1;
        let Some(peer) = peer else {
            return Err(std::io::ErrorKind::ConnectionRefused.into());
        };
        let (ours, theirs) = tokio::io::duplex(64 * 1_024);
        let network = Arc::clone(network);
        tokio::spawn(async move {
            {
                let mut open = network.open.lock().unwrap();
                open.0 += 1;
                open.1 = open.1.max(open.0);
            }
            let mut session = Session {
                peer,
                network: Arc::clone(&network),
                number,
                source,
                to,
                stream: theirs,
                messages: 0,
            };
            let _ = session.run().await;
            network.open.lock().unwrap().0 -= 1;
        });
        Ok(ours)
    }
}

struct Session {
    peer: Peer,
    network: Arc<Network>,
    number: usize,
    source: Option<IpAddr>,
    to: SocketAddr,
    stream: DuplexStream,
    messages: usize,
}

impl Session {
    async fn run(&mut self) -> std::io::Result<()> {
        self.answer("BANNER", "", "220 mx ready").await?;
        let mut buffer = Vec::new();
        let (mut mail, mut rcpts): (Option<String>, Vec<String>) = (None, Vec::new());
        while let Some(line) = self.line(&mut buffer).await? {
            self.network.lines.lock().unwrap().push(line.clone());
            let verb = line
                .split([' ', ':'])
                .next()
                .unwrap_or_default()
                .to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => {
                    let offers = self.peer.offers.clone();
                    let mut lines = vec!["mx hello"];
                    lines.extend(offers);
                    let last = lines.len() - 1;
                    let reply: Vec<_> = lines
                        .iter()
                        .enumerate()
                        .map(|(n, l)| format!("250{}{l}", if n == last { ' ' } else { '-' }))
                        .collect();
                    self.answer("EHLO", &line, &reply.join("\r\n")).await?;
                }
                "MAIL" => {
                    let usual = if mail.is_some() {
                        "503 5.5.1 nested MAIL"
                    } else {
                        "250 2.1.0 ok"
                    };
                    if self.answer("MAIL", &line, usual).await? {
                        mail = Some(line);
                        rcpts.clear();
                    }
                }
                "RCPT" => {
                    let usual = if mail.is_some() {
                        "250 2.1.5 ok"
                    } else {
                        "503 5.5.1 MAIL first"
                    };
                    if self.answer("RCPT", &line, usual).await? {
                        rcpts.push(path(&line));
                    }
                }
                "DATA" if rcpts.is_empty() => {
                    let _ = self.answer("DATA", &line, "503 5.5.1 RCPT first").await?;
                }
                "DATA" => {
                    if self.answer("DATA", &line, "354 go").await? {
                        let data = self.data(&mut buffer).await?;
                        // Said before it is recorded: an answer that never comes is a message that was taken all the same.
                        let taken = Taken {
                            mail: mail.take().unwrap_or_default(),
                            rcpts: std::mem::take(&mut rcpts),
                            data: data.clone(),
                            connection: self.number,
                            source: self.source,
                            at: self.to,
                        };
                        if self.answer_message(&data, taken).await? {
                            self.messages += 1;
                        }
                    }
                }
                "RSET" => {
                    (mail, rcpts) = (None, Vec::new());
                    self.answer("RSET", &line, "250 2.0.0 ok").await?;
                }
                "QUIT" => {
                    self.answer("QUIT", &line, "221 2.0.0 bye").await?;
                    return Ok(());
                }
                other => {
                    let _ = self.answer(other, &line, "502 5.5.1 unknown").await?;
                }
            }
        }
        Ok(())
    }

    fn ask(&self, verb: &str, line: &str) -> Answer {
        (self.peer.script)(&Ask {
            verb,
            line,
            connection: self.number,
            messages: self.messages,
        })
    }

    /// True when it was a 2yz or 3yz.
    async fn answer(&mut self, verb: &str, line: &str, usual: &str) -> std::io::Result<bool> {
        let answer = self.ask(verb, line);
        self.carry_out(answer, usual).await
    }

    async fn answer_message(&mut self, data: &str, taken: Taken) -> std::io::Result<bool> {
        let answer = self.ask("DOT", data);
        // A lost reply is a message taken; a refusal is not.
        let refused =
            matches!(&answer, Answer::Say(text) | Answer::SayAndClose(text) if !text.starts_with('2'));
        if !refused {
            self.network.taken.lock().unwrap().push(taken);
        }
        self.carry_out(answer, "250 2.0.0 taken").await
    }

    async fn carry_out(&mut self, answer: Answer, usual: &str) -> std::io::Result<bool> {
        let closed = || std::io::Error::from(std::io::ErrorKind::ConnectionAborted);
        match answer {
            Answer::Usual => self.say(usual).await,
            Answer::Say(text) => self.say(text).await,
            Answer::SayAndClose(text) => {
                self.say(text).await?;
                Err(closed())
            }
            Answer::Close => Err(closed()),
            Answer::Stall => std::future::pending().await,
            Answer::Raw(octets) => {
                self.stream.write_all(&octets).await?;
                Ok(true)
            }
            Answer::Endless(octets) => loop {
                self.stream.write_all(octets).await?;
            },
        }
    }

    async fn say(&mut self, text: &str) -> std::io::Result<bool> {
        self.stream.write_all(format!("{text}\r\n").as_bytes()).await?;
        Ok(text.starts_with(['2', '3']))
    }

    async fn line(&mut self, buffer: &mut Vec<u8>) -> std::io::Result<Option<String>> {
        loop {
            if let Some(end) = buffer.windows(2).position(|two| two == b"\r\n") {
                let line = String::from_utf8_lossy(&buffer[..end]).into_owned();
                buffer.drain(..end + 2);
                return Ok(Some(line));
            }
            if self.stream.read_buf(buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    async fn data(&mut self, buffer: &mut Vec<u8>) -> std::io::Result<String> {
        let mut text = String::new();
        loop {
            let Some(line) = self.line(buffer).await? else {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            };
            if line == "." {
                return Ok(text);
            }
            text.push_str(line.strip_prefix('.').unwrap_or(&line));
            text.push_str("\r\n");
        }
    }
}

fn path(line: &str) -> String {
    line.split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}
