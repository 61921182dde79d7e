//! A message comes in, by DATA or by BDAT, straight into one buffer.
//!
//! Promises: an unacceptable message is read to the same strict end as a good one, in bounded memory; a slow one ends in
//! time; the buffer is never larger than its share of the common memory. Standards: RFC 5321 §4.5.3.2.5, RFC 3030.

use crate::budget::Share;
use crate::refuse;
use crate::settings::ListenerLimits;
use crate::wire::{Cut, Wire};
use mail::smtp::Reply;
use mail::smtp::data::{ChunkChecker, DataLimits, DataReader};
use std::time::Duration;
use tokio::time::Instant;

/// The buffer of a message as it grows.
#[derive(Debug)]
pub struct Incoming {
    message: Vec<u8>,
    share: Share,
    starved: bool,
    pace: Pace,
}

/// A message that came whole.
#[derive(Debug)]
pub struct Whole {
    /// Its octets.
    pub message: Vec<u8>,
    /// Their share of the common memory, to be kept as long as they are.
    pub share: Share,
}

/// Why a message that was read to its end is not taken.
#[derive(Debug)]
pub struct Unfit {
    /// The answer.
    pub reply: Reply,
    /// Nothing that follows may be read as commands.
    pub close: bool,
}

/// Octets of buffer before anything has come.
const FIRST_OCTETS: u64 = 8 << 10;
/// Larger messages are not copied to save room: they are written and forgotten.
const SHRUNK_OCTETS_MAX: usize = 4 << 20;
/// Octets of buffer beyond what SIZE= says.
const HINT_MARGIN: u64 = 256;

impl Incoming {
    /// An empty buffer; `hint` is SIZE=. None when there is no memory for it.
    pub fn new(mut share: Share, hint: Option<u64>, limits: &ListenerLimits) -> Option<Self> {
        // What SIZE= says is often a little less than what comes; a message that fits at once is never moved.
        let wanted = hint
            .unwrap_or(0)
            .saturating_add(HINT_MARGIN)
            .min(limits.size_octets_max);
        let capacity = if wanted > FIRST_OCTETS && share.cover_promise(wanted) {
            wanted
        } else {
            FIRST_OCTETS
        };
        if !share.cover(FIRST_OCTETS) {
            return None;
        }
        let capacity = usize::try_from(capacity).unwrap_or_default();
        Some(Self {
            message: Vec::with_capacity(capacity),
            share,
            starved: false,
            pace: Pace::new(limits),
        })
    }

    /// Reads DATA up to its final dot.
    pub async fn data(
        mut self,
        wire: &mut Wire,
        limits: &ListenerLimits,
    ) -> Result<Result<Whole, Unfit>, Cut> {
        let mut reader = DataReader::new(data_limits(limits));
        let mut done = false;
        while !done {
            let until = self.pace.until()?;
            let message = &mut self.message;
            let octets = wire
                .pour(until, |octets| {
                    let fed = reader.feed(octets, message);
                    done = fed.done;
                    fed.consumed
                })
                .await?;
            self.pace.count(octets);
            self.account();
        }
        Ok(self.finish(reader.defect()))
    }

    /// Reads a BDAT chunk.
    pub async fn chunk(
        &mut self,
        wire: &mut Wire,
        checker: &mut ChunkChecker,
        size_octets: u64,
    ) -> Result<(), Cut> {
        let mut left = size_octets;
        while left > 0 {
            let until = self.pace.until()?;
            let message = &mut self.message;
            let octets = wire
                .pour(until, |octets| {
                    let octets = head(octets, left);
                    checker.feed(octets, message);
                    left -= octets.len() as u64;
                    octets.len()
                })
                .await?;
            self.pace.count(octets);
            self.account();
        }
        Ok(())
    }

    /// Ends a message that came in chunks.
    pub fn chunks_end(mut self, checker: ChunkChecker) -> Result<Whole, Unfit> {
        let defect = checker.finish(&mut self.message);
        self.finish(defect)
    }

    /// There was no memory for what came.
    pub fn is_starved(&self) -> bool {
        self.starved
    }

    fn finish(self, defect: Option<mail::smtp::data::DataDefect>) -> Result<Whole, Unfit> {
        match defect {
            Some(defect) => Err(Unfit {
                reply: refuse::defect(defect),
                close: refuse::ends_session(defect),
            }),
            None if self.starved => Err(Unfit {
                reply: refuse::no_memory(),
                close: false,
            }),
            None => {
                let mut message = self.message;
                // It may be kept for a while behind the 250: without the room it did not need.
                let spare = message.capacity() - message.len();
                if message.len() <= SHRUNK_OCTETS_MAX && spare > message.len() / 8 {
                    message.shrink_to_fit();
                }
                Ok(Whole {
                    message,
                    share: self.share,
                })
            }
        }
    }

    /// Without memory the rest is read and thrown away.
    fn account(&mut self) {
        if !self.starved && !self.share.cover(self.message.len() as u64) {
            self.starved = true;
            self.message = Vec::new();
        }
        if self.starved {
            self.message.clear();
        }
    }
}

/// Reads the octets of a refused chunk and throws them away.
pub async fn swallow(wire: &mut Wire, limits: &ListenerLimits, size_octets: u64) -> Result<(), Cut> {
    let mut pace = Pace::new(limits);
    let mut left = size_octets;
    while left > 0 {
        let until = pace.until()?;
        let octets = wire
            .pour(until, |octets| {
                let octets = head(octets, left);
                left -= octets.len() as u64;
                octets.len()
            })
            .await?;
        pace.count(octets);
    }
    Ok(())
}

/// A checker for the chunks of one message.
pub fn chunk_checker(limits: &ListenerLimits) -> ChunkChecker {
    ChunkChecker::new(data_limits(limits))
}

fn data_limits(limits: &ListenerLimits) -> DataLimits {
    DataLimits {
        size_octets_max: limits.size_octets_max,
        line_octets_max: limits.message_line_octets_max,
    }
}

fn head(octets: &[u8], left: u64) -> &[u8] {
    let length = usize::try_from(left).unwrap_or(usize::MAX).min(octets.len());
    octets.get(..length).unwrap_or_default()
}

/// How fast a message must come: something in each `data_timeout`, `data_rate_octets_min` on average once the first minute
/// is over, all of it in `data_total_timeout`.
#[derive(Debug)]
struct Pace {
    begun: Instant,
    octets: u64,
    block: Duration,
    total: Duration,
    rate_octets_min: u64,
}

/// The rate is not asked for before.
const GRACE: Duration = Duration::from_secs(60);

impl Pace {
    fn new(limits: &ListenerLimits) -> Self {
        Self {
            begun: Instant::now(),
            octets: 0,
            block: limits.data_timeout,
            total: limits.data_total_timeout,
            rate_octets_min: limits.data_rate_octets_min,
        }
    }

    fn count(&mut self, octets: usize) {
        self.octets = self.octets.saturating_add(octets as u64);
    }

    /// Until when the next octets must come.
    fn until(&self) -> Result<Instant, Cut> {
        let now = Instant::now();
        let passed = now.duration_since(self.begun);
        let due = passed.as_secs().saturating_mul(self.rate_octets_min);
        if passed > self.total || (passed > GRACE && self.octets < due) {
            return Err(Cut::TimedOut("data"));
        }
        Ok((now + self.block).min(self.begun + self.total))
    }
}
