//! One connection to a next hop: made, greeted, secured; then octets to and from [`crate::client`].
//!
//! Promises: bounded reading (the whole reply within its time, lines and octets bounded by the reader); one write a step;
//! what a peer sent before TLS and was not asked for is thrown away (RFC 3207 §6). The next hop is hostile input.

use crate::client::{Client, Event, Exchange, Stage};
use crate::context::Context;
use crate::settings::{Source, TlsPolicy};
use crate::site::{Host, Site};
use mail::smtp::data::write_data;
use mail::smtp::{Reply, ReplyReader, Severity};
use net::Duplex;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

/// Octets read at once.
const INPUT_OCTETS_MAX: usize = 4_096;
/// Octets of a message that are stuffed and written at once.
const BLOCK_OCTETS_MAX: usize = 256 * 1_024;
/// Room that a connection keeps for the next message.
const OUT_KEPT_OCTETS_MAX: usize = 64 * 1_024;
/// A write failed: how long a last word of the peer is waited for.
const LAST_WORD: Duration = Duration::from_secs(2);

/// A connection on which the session stands.
pub(crate) struct Connection {
    stream: Box<dyn Duplex>,
    pub client: Client,
    reader: ReplyReader,
    input: Box<[u8]>,
    /// Octets of `input` that were read and not used yet.
    unused: std::ops::Range<usize>,
    pub host: String,
    pub address: IpAddr,
    pub tls: Option<String>,
    /// Messages begun here.
    pub messages: u32,
}

/// The session is over without a word that decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    /// What was waited for.
    pub stage: Option<Stage>,
    /// Why, for people.
    pub why: String,
}

/// No session could be had.
#[derive(Clone, Debug)]
pub(crate) struct Unreachable {
    pub reply: Reply,
    pub host: String,
    pub address: Option<IpAddr>,
    /// It answered, and does not want us now.
    pub busy: bool,
    /// It answered at all.
    pub reached: bool,
}

/// Makes a session with the first host of the site that gives one.
pub(crate) async fn open(
    context: &Context,
    site: &Site,
    source: Option<&Source>,
) -> Result<Connection, Unreachable> {
    let local = source.map(|source| source.address);
    let candidates = site.candidates(local, context.settings.bounds.addresses_tried_max, || {
        context.shuffle()
    });
    let name = source
        .and_then(|source| source.ehlo_name.as_deref())
        .unwrap_or(&context.settings.host_name);
    let mut failures = Vec::new();
    for (host, address) in candidates {
        match open_one(context, site.tls, name, local, host, address).await {
            Ok(connection) => return Ok(connection),
            Err(failure) => failures.push(failure),
        }
    }
    Err(worst(site, failures))
}

/// What is said of a site none of whose hosts could be used. Only when all of them say that they never take mail
/// (RFC 7504) it is for good; 5yz to a greeting is otherwise a judgement of our address, not of the message.
fn worst(site: &Site, failures: Vec<Unreachable>) -> Unreachable {
    let never = |failure: &Unreachable| matches!(failure.reply.code, 521 | 556);
    let all_never = !failures.is_empty() && failures.iter().all(never);
    let chosen = failures
        .iter()
        .rposition(|failure| failure.reached)
        .or(failures.len().checked_sub(1));
    let chosen = chosen.and_then(|index| failures.into_iter().nth(index));
    let Some(mut chosen) = chosen else {
        let reply = Reply::new(
            451,
            (4, 4, 4),
            format!("no address of {} fits our source address", site.name),
        );
        return Unreachable {
            reply,
            host: site.name.to_string(),
            address: None,
            busy: false,
            reached: false,
        };
    };
    if !all_never && chosen.reply.code >= 500 {
        let text = format!("{} refuses the session: {}", chosen.host, chosen.reply.one_line());
        chosen.reply = Reply::new(450, (4, 4, 2), text);
    }
    chosen
}

async fn open_one(
    context: &Context,
    policy: TlsPolicy,
    name: &str,
    local: Option<IpAddr>,
    host: &Host,
    address: IpAddr,
) -> Result<Connection, Unreachable> {
    let mut policy = policy;
    if policy == TlsPolicy::Opportunistic && (context.tls.is_none() || context.is_tls_broken(&host.name)) {
        policy = TlsPolicy::Off;
    }
    let failed = |reply: Reply, reached: bool, busy: bool| Unreachable {
        reply,
        host: host.name.clone(),
        address: Some(address),
        busy,
        reached,
    };
    loop {
        let to = SocketAddr::new(address, host.port);
        let stream = context
            .dialer
            .connect(local, to, context.settings.timeouts.connect)
            .await;
        let stream = stream.map_err(|error| {
            failed(
                Reply::new(
                    451,
                    (4, 4, 1),
                    format!("{} cannot be reached: {error}", host.name),
                ),
                false,
                false,
            )
        })?;
        let mut connection = Connection::new(stream, Client::new(name, policy), host, address);
        match connection.greet(context, policy).await {
            Greeted::Ready => return Ok(connection),
            Greeted::Refused(reply) => return Err(failed(reply, true, true)),
            Greeted::Lost(lost) => return Err(failed(lost.reply(&host.name), true, false)),
            Greeted::TlsFailed(why) => {
                context.tls_broke(&host.name);
                if policy != TlsPolicy::Opportunistic {
                    let text = format!("TLS with {} failed: {why}", host.name);
                    return Err(failed(Reply::new(451, (4, 7, 5), text), true, false));
                }
                policy = TlsPolicy::Off;
            }
        }
    }
}

enum Greeted {
    Ready,
    Refused(Reply),
    Lost(Lost),
    TlsFailed(String),
}

impl Connection {
    fn new(stream: Box<dyn Duplex>, client: Client, host: &Host, address: IpAddr) -> Self {
        Self {
            stream,
            client,
            reader: ReplyReader::default(),
            input: vec![0; INPUT_OCTETS_MAX].into(),
            unused: 0..0,
            host: host.name.clone(),
            address,
            tls: None,
            messages: 0,
        }
    }

    /// From the greeting to a session that stands.
    async fn greet(&mut self, context: &Context, policy: TlsPolicy) -> Greeted {
        loop {
            let event = match self.step(context).await {
                Ok(event) => event,
                Err(lost) => return Greeted::Lost(lost),
            };
            match event {
                Event::Ready if self.client.is_closing() => {
                    return Greeted::Lost(self.lost("it closes".to_owned()));
                }
                Event::Ready => return Greeted::Ready,
                Event::Refused(_, reply) => return Greeted::Refused(reply),
                Event::Handshake => {
                    if let Err(why) = self.secure(context, policy).await {
                        return Greeted::TlsFailed(why);
                    }
                }
                Event::More | Event::SendBody | Event::Done(_) => {}
            }
        }
    }

    async fn secure(&mut self, context: &Context, policy: TlsPolicy) -> Result<(), String> {
        let Some(tls) = &context.tls else {
            return Err("TLS is not configured".to_owned());
        };
        // Replies that came with the one to STARTTLS were not protected: whoever put them there stays unheard.
        self.unused = 0..0;
        self.reader = ReplyReader::default();
        let (void, _) = tokio::io::duplex(1);
        let plain = std::mem::replace(&mut self.stream, Box::new(void));
        let verify = policy == TlsPolicy::Verify;
        let secured = tls
            .connect(plain, &self.host, verify, context.settings.timeouts.tls)
            .await;
        let (stream, facts) = secured.map_err(|error| error.to_string())?;
        self.stream = stream;
        self.tls = Some(format!("{} {}", facts.version, facts.cipher));
        self.client.secured();
        Ok(())
    }

    /// Sends what there is to send, reads one reply, and tells what it led to.
    pub(crate) async fn step(&mut self, context: &Context) -> Result<Event, Lost> {
        if let Err(lost) = self.flush(context.settings.timeouts.block).await {
            return self.last_word(lost).await;
        }
        let Some(stage) = self.client.stage() else {
            return Err(self.lost("nothing was asked".to_owned()));
        };
        let reply = self.read_reply(stage.timeout(&context.settings.timeouts)).await?;
        Ok(self.client.on_reply(reply))
    }

    /// Sends the message and its final dot, in blocks that end at line ends.
    pub(crate) async fn send_body(&mut self, message: &[u8], block_timeout: Duration) -> Result<(), Lost> {
        let mut rest = message;
        loop {
            let (block, after) = rest.split_at(block_end(rest));
            rest = after;
            write_data(block, &mut self.client.out);
            if rest.is_empty() {
                break;
            }
            // Not the end of the message: the dot that ends each written block is taken off.
            self.client
                .out
                .truncate(self.client.out.len().saturating_sub(b".\r\n".len()));
            self.flush(block_timeout).await?;
        }
        self.client.body_sent();
        Ok(())
    }

    /// A write failed. Peers that refuse in the middle of a message say why before they close: that counts as the answer.
    pub(crate) async fn last_word(&mut self, lost: Lost) -> Result<Event, Lost> {
        let reply = self.read_reply(LAST_WORD).await;
        let refusal = reply
            .ok()
            .filter(|reply| matches!(reply.severity(), Severity::Transient | Severity::Permanent));
        let Some(reply) = refusal else { return Err(lost) };
        if self.client.stage().is_none() {
            self.client.body_sent();
        }
        self.client.close();
        Ok(self.client.on_reply(reply))
    }

    async fn flush(&mut self, block_timeout: Duration) -> Result<(), Lost> {
        if self.client.out.is_empty() {
            return Ok(());
        }
        let out = std::mem::take(&mut self.client.out);
        let write = async {
            self.stream.write_all(&out).await?;
            self.stream.flush().await
        };
        let written = timeout(block_timeout, write).await;
        self.client.out = out;
        self.client.out.clear();
        self.client.out.shrink_to(OUT_KEPT_OCTETS_MAX);
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.lost(format!("writing failed: {error}"))),
            Err(_) => Err(self.lost(format!("it took nothing for {} s", block_timeout.as_secs()))),
        }
    }

    async fn read_reply(&mut self, limit: Duration) -> Result<Reply, Lost> {
        let deadline = Instant::now() + limit;
        loop {
            let input = self.input.get(self.unused.clone()).unwrap_or_default();
            if !input.is_empty() {
                let (used, reply) = self
                    .reader
                    .feed(input)
                    .map_err(|error| self.lost(error.to_string()))?;
                self.unused.start += used;
                if let Some(reply) = reply {
                    return Ok(reply);
                }
            }
            let read = timeout_at(deadline, self.stream.read(&mut self.input)).await;
            match read {
                Ok(Ok(0)) => return Err(self.lost("it closed the connection".to_owned())),
                Ok(Ok(octets)) => self.unused = 0..octets,
                Ok(Err(error)) => return Err(self.lost(format!("reading failed: {error}"))),
                Err(_) => return Err(self.lost(format!("no answer within {} s", limit.as_secs()))),
            }
        }
    }

    /// The peer said more than it was asked: replies can no longer be told apart.
    pub(crate) fn has_unasked(&self) -> bool {
        self.client.stage().is_none() && (!self.unused.is_empty() || self.reader.is_inside_reply())
    }

    /// Waits until the peer says or does something unasked (it closes an idle connection).
    pub(crate) async fn disturbed(&mut self) {
        if self.unused.is_empty() {
            // Whatever it was, the connection is of no more use.
            let _ = self.stream.read(&mut self.input).await;
        }
    }

    /// Says goodbye, without caring much for the answer.
    pub(crate) async fn quit(mut self, context: &Context) {
        if !self.client.is_closing() {
            self.client.quit();
            let _ = self.step(context).await;
        }
        let _ = timeout(context.settings.timeouts.quit, self.stream.shutdown()).await;
    }

    /// Transactions that are not over.
    pub(crate) fn take_exchanges(&mut self) -> impl Iterator<Item = Exchange> + use<> {
        self.client.take_exchanges().into_iter()
    }

    fn lost(&self, why: String) -> Lost {
        Lost {
            stage: self.client.stage(),
            why,
        }
    }
}

/// Where the next block ends: at the last line end within the bound, or at the first behind it.
fn block_end(rest: &[u8]) -> usize {
    let window = rest
        .get(..BLOCK_OCTETS_MAX)
        .filter(|window| window.len() < rest.len());
    let Some(window) = window else { return rest.len() };
    let within = window.iter().rposition(|octet| *octet == b'\n');
    let behind = || rest.iter().position(|octet| *octet == b'\n');
    within.or_else(behind).map_or(rest.len(), |index| index + 1)
}

impl Lost {
    /// The reply that is made up for it: temporary, whatever it was. Behind the final dot nobody knows whether the message
    /// was taken; it is sent again, and the note about a possible duplicate stays with it (RFC 1047).
    pub(crate) fn reply(&self, host: &str) -> Reply {
        let stage = self.stage.map_or("the next command", Stage::name);
        let mut text = format!("the connection with {host} was lost before {stage}: {}", self.why);
        if self.stage == Some(Stage::Dot) {
            text.push_str(" (the message may have been taken: possible duplicate)");
        }
        Reply::new(451, (4, 4, 2), text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_end_at_line_ends() {
        let line = [b'x'; 98];
        let mut message = Vec::new();
        while message.len() < 3 * BLOCK_OCTETS_MAX {
            message.extend_from_slice(&line);
            message.extend_from_slice(b"\r\n");
        }
        let check = |message: &[u8], blocks: usize| {
            let (mut rest, mut count) = (message, 0);
            while !rest.is_empty() {
                let (block, after) = rest.split_at(block_end(rest));
                assert!(after.is_empty() || block.ends_with(b"\n"));
                rest = after;
                count += 1;
            }
            assert_eq!(count, blocks);
        };
        check(&message, 4);
        check(b"short\r\n", 1);
        check(&vec![b'x'; 2 * BLOCK_OCTETS_MAX], 1);
    }

    #[test]
    fn behind_the_dot_a_duplicate_is_possible() {
        let check = |stage: Option<Stage>, duplicate: bool| {
            let reply = Lost {
                stage,
                why: "x".into(),
            }
            .reply("mx.test");
            assert_eq!(reply.severity(), mail::smtp::Severity::Transient);
            assert_eq!(reply.one_line().contains("duplicate"), duplicate, "{stage:?}");
        };
        check(Some(Stage::Dot), true);
        check(Some(Stage::Data), false);
        check(None, false);
    }
}
