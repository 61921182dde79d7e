//! The octets of one client: what was read and not used yet, what is to be written, and every way in which it may end.
//!
//! Promises: an idle client costs no buffer (octets are read on the stack, and kept only while a line is incomplete); one
//! write a step; every wait has an end; a client that never reads our replies is not read either. Unused input is at most
//! one read behind one incomplete line.

use mail::smtp::Reply;
use mail::smtp::line::{LineError, find_line};
use net::{NetError, ServerStream, ServerTls, TlsFacts};
use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

/// Octets read at once.
pub const READ_OCTETS_MAX: usize = 16 << 10;
/// Octets of replies collected before they are written although the client has sent more commands.
const OUTPUT_OCTETS_MAX: usize = 8 << 10;
/// Octets read and thrown away after our last word, so that it reaches the client before a reset does.
const LINGER_OCTETS_MAX: usize = 1 << 20;
/// How long that may take.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// Why nothing more can be read or written.
#[derive(Debug)]
pub enum Cut {
    /// The client is gone.
    Gone,
    /// The client was too slow; the text says in what.
    TimedOut(&'static str),
    /// We are going down.
    Closing,
    /// The connection failed. The network caused it.
    Failed(std::io::Error),
}

/// When the gateway goes down, the moment at which the last session must be over.
pub type Drain = watch::Receiver<Option<Instant>>;

/// A client's stream with its buffers.
#[derive(Debug)]
pub struct Wire {
    stream: Option<ServerStream>,
    input: Vec<u8>,
    used: usize,
    output: Vec<u8>,
    drain: Drain,
    write_timeout: Duration,
}

impl Wire {
    /// Around a stream.
    pub fn new(stream: ServerStream, drain: Drain, write_timeout: Duration) -> Self {
        Self {
            stream: Some(stream),
            input: Vec::new(),
            used: 0,
            output: Vec::new(),
            drain,
            write_timeout,
        }
    }

    /// Octets that were read and not used.
    pub fn input(&self) -> &[u8] {
        self.input.get(self.used..).unwrap_or_default()
    }

    /// Uses octets of the input.
    pub fn consume(&mut self, octets: usize) {
        self.used = self.used.saturating_add(octets).min(self.input.len());
        if self.used == self.input.len() {
            self.input.clear();
            self.used = 0;
        }
    }

    /// True when the client sent more than was used.
    pub fn has_input(&self) -> bool {
        self.used < self.input.len()
    }

    /// The next line: its place in [`Wire::octets`], already consumed. `octets_max` tells the bound from the line's start.
    pub async fn line(
        &mut self,
        until: Instant,
        octets_max: impl Fn(&[u8]) -> usize,
    ) -> Result<Result<Range<usize>, LineError>, Cut> {
        loop {
            let input = self.input();
            match find_line(input, octets_max(input)) {
                Ok(Some(length)) => {
                    let start = self.used;
                    self.used = start + length + 2;
                    return Ok(Ok(start..start + length));
                }
                Ok(None) => {}
                Err(error) => return Ok(Err(error)),
            }
            self.flush().await?;
            self.fill(until).await?;
        }
    }

    /// The octets of a line just returned. Valid until the next line is asked for.
    pub fn octets(&self, line: Range<usize>) -> &[u8] {
        self.input.get(line).unwrap_or_default()
    }

    /// Reads once more; ends early when we go down and nothing is under way.
    pub async fn fill(&mut self, until: Instant) -> Result<(), Cut> {
        self.fill_at_most(until, READ_OCTETS_MAX).await
    }

    /// The same, but takes no more than `octets_max` from the socket: what follows belongs to somebody else.
    pub async fn fill_at_most(&mut self, until: Instant, octets_max: usize) -> Result<(), Cut> {
        self.input.drain(..self.used);
        self.used = 0;
        if self.input.is_empty() {
            self.input = Vec::new();
        }
        let Self {
            stream, input, drain, ..
        } = self;
        let stream = stream.as_mut().ok_or(Cut::Gone)?;
        let read = poll_fn(|cx| {
            poll_octets(stream, cx, octets_max, |octets| {
                input.extend_from_slice(octets);
                octets.len()
            })
        });
        tokio::select! {
            biased;
            () = closing(drain) => Err(Cut::Closing),
            done = timeout_at(until, read) => match done {
                Ok(Ok(0)) => Err(Cut::Gone),
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(Cut::Failed(error)),
                Err(_) => Err(Cut::TimedOut("command")),
            },
        }
    }

    /// Reads once and hands the octets to `take`, which returns how many it used; the others are kept as input. Goes on
    /// when we go down, to the end that was set for it.
    pub async fn pour(&mut self, until: Instant, mut take: impl FnMut(&[u8]) -> usize) -> Result<usize, Cut> {
        if self.has_input() {
            let input = self.input();
            let used = take(input);
            self.consume(used);
            return Ok(used);
        }
        self.flush().await?;
        let Self {
            stream, input, drain, ..
        } = self;
        let stream = stream.as_mut().ok_or(Cut::Gone)?;
        let read = poll_fn(|cx| {
            poll_octets(stream, cx, READ_OCTETS_MAX, |octets| {
                let used = take(octets).min(octets.len());
                if let Some(rest) = octets.get(used..) {
                    input.extend_from_slice(rest);
                }
                octets.len()
            })
        });
        tokio::select! {
            biased;
            done = timeout_at(until, read) => match done {
                Ok(Ok(0)) => Err(Cut::Gone),
                Ok(Ok(octets)) => Ok(octets),
                Ok(Err(error)) => Err(Cut::Failed(error)),
                Err(_) => Err(Cut::TimedOut("data")),
            },
            () = expired(drain) => Err(Cut::Closing),
        }
    }

    /// Adds a reply to what is written next.
    pub fn say(&mut self, reply: &Reply, utf8: bool) {
        reply.write(&mut self.output, utf8);
    }

    /// Writes when the client waits for it, or when much has gathered.
    pub async fn flush_if_due(&mut self) -> Result<(), Cut> {
        if self.has_input() && self.output.len() < OUTPUT_OCTETS_MAX {
            return Ok(());
        }
        self.flush().await
    }

    /// Writes what was said.
    pub async fn flush(&mut self) -> Result<(), Cut> {
        if self.output.is_empty() {
            return Ok(());
        }
        let output = std::mem::take(&mut self.output);
        let stream = self.stream.as_mut().ok_or(Cut::Gone)?;
        let write = async {
            stream.write_all(&output).await?;
            stream.flush().await
        };
        match timeout(self.write_timeout, write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Cut::Failed(error)),
            Err(_) => Err(Cut::TimedOut("reading replies")),
        }
    }

    /// Does the TLS handshake. Octets that came before it are an injection: the caller has made sure that there are none.
    pub async fn start_tls(&mut self, tls: &ServerTls, within: Duration) -> Result<TlsFacts, NetError> {
        let gone = || NetError::Handshake(std::io::Error::other("octets before the handshake"));
        let clean = !self.has_input();
        (self.input, self.used) = (Vec::new(), 0);
        let stream = self.stream.take().filter(|_| clean).ok_or_else(gone)?;
        let handshake = Box::pin(stream.start_tls(tls));
        match timeout(within, handshake).await {
            Ok(Ok((stream, facts))) => {
                self.stream = Some(stream);
                Ok(facts)
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(NetError::TimedOut(within.as_secs())),
        }
    }

    /// Says the last word, and reads for a moment what the client still sends, lest a reset swallow it.
    pub async fn close(mut self) {
        let said = self.flush().await;
        let Some(mut stream) = self.stream.take() else {
            return;
        };
        if said.is_err() {
            return;
        }
        let linger = async {
            let mut thrown = 0;
            if stream.shutdown().await.is_err() {
                return;
            }
            while thrown < LINGER_OCTETS_MAX {
                match poll_fn(|cx| poll_octets(&mut stream, cx, READ_OCTETS_MAX, <[u8]>::len)).await {
                    Ok(0) | Err(_) => return,
                    Ok(octets) => thrown += octets,
                }
            }
        };
        let _ = timeout(LINGER_TIMEOUT, linger).await;
    }
}

/// One read through a buffer on the stack. Ready with 0 at the end of the stream.
fn poll_octets(
    stream: &mut ServerStream,
    cx: &mut Context<'_>,
    octets_max: usize,
    take: impl FnOnce(&[u8]) -> usize,
) -> Poll<std::io::Result<usize>> {
    let mut room = [MaybeUninit::<u8>::uninit(); READ_OCTETS_MAX];
    let part = room
        .get_mut(..octets_max.clamp(1, READ_OCTETS_MAX))
        .unwrap_or_default();
    let mut buffer = ReadBuf::uninit(part);
    ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
    let octets = buffer.filled();
    Poll::Ready(Ok(if octets.is_empty() { 0 } else { take(octets) }))
}

/// Waits until we go down.
async fn closing(drain: &mut Drain) {
    // The sender lives as long as the gateway; without it there is nobody left to serve.
    let _ = drain.wait_for(Option::is_some).await;
}

/// Waits until we went down long enough ago.
async fn expired(drain: &mut Drain) {
    closing(drain).await;
    let end = *drain.borrow();
    if let Some(end) = end {
        tokio::time::sleep_until(end).await;
    }
}
