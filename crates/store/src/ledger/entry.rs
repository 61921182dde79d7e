//! What is remembered under one key.

use super::LedgerRow;
use jiff::Timestamp;
use risk::{Conduct, Counter, Level, Limits, Sender, Standing, Usage, Windowed};

/// The window that is always counted: the panel shows it.
pub(super) const DAY_S: u32 = 86_400;
/// Windows counted under one key; further ones are not counted.
const COUNTERS_MAX: usize = 12;

/// A sender, domain or tenant.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub tenant: Box<str>,
    pub domain: Box<str>,
    pub conduct: Conduct,
    pub counters: Vec<Counter>,
    /// The resting form of its [`risk::Ledger`]; empty for none.
    pub habits: Box<[u8]>,
    pub last_seen: Timestamp,
    /// It stands in the shard's list of what must be written.
    pub dirty: bool,
}

impl Entry {
    pub(super) fn new(sender: &Sender, now: Timestamp) -> Self {
        Self {
            tenant: sender.tenant.as_str().into(),
            domain: sender.domain.as_str().into(),
            conduct: Conduct::default(),
            counters: Vec::new(),
            habits: Box::default(),
            last_seen: now,
            dirty: false,
        }
    }

    /// Takes note of the sender's tree as it is now.
    pub(super) fn seen(&mut self, sender: &Sender, now: Timestamp) {
        self.last_seen = self.last_seen.max(now);
        if !sender.tenant.is_empty() && *self.tenant != *sender.tenant {
            self.tenant = sender.tenant.as_str().into();
        }
        if !sender.domain.is_empty() && *self.domain != *sender.domain {
            self.domain = sender.domain.as_str().into();
        }
    }

    /// Counts a message in the windows of the limits and in the day; tells the windows counted.
    pub(super) fn count<'a>(
        &mut self,
        level: Level,
        key: &str,
        limits: impl Iterator<Item = &'a Limits>,
        hashes: &[u64],
        now: Timestamp,
        usage: &mut Vec<Usage>,
    ) -> Vec<u32> {
        let mut counted = Vec::with_capacity(2);
        for windowed in limits.flat_map(|limits| &limits.windows) {
            let first = !counted.contains(&windowed.window_s);
            let Some(counter) = self.counter(windowed.window_s) else {
                continue;
            };
            if first {
                counter.add(now, 1, hashes);
                counted.push(windowed.window_s);
            }
            let row = Usage {
                distinct_recipients: counter.distinct(now),
                ..row(level, key, windowed)
            };
            let (messages, recipients) = counter.totals(now);
            // The window lets go until this message, already counted, would not be beyond the limit.
            let fits = windowed.recipients.is_none_or(|max| hashes.len() as u64 <= max);
            let above = |max: Option<u64>| max.map(|max| max.saturating_add(1));
            let free_at = counter.free_at(now, above(windowed.messages), above(windowed.recipients));
            usage.push(Usage {
                messages,
                recipients,
                free_at: free_at.filter(|_| fits),
                ..row
            });
        }
        if !counted.contains(&DAY_S)
            && let Some(counter) = self.counter(DAY_S)
        {
            counter.add(now, 1, hashes);
            counted.push(DAY_S);
        }
        counted
    }

    /// Takes back one message.
    pub(super) fn refund(&mut self, windows: &[u32], at: Timestamp, recipients: u64) {
        for counter in self
            .counters
            .iter_mut()
            .filter(|counter| windows.contains(&counter.window_s()))
        {
            counter.refund(at, 1, recipients);
        }
    }

    /// Messages and recipients in the last day.
    pub(super) fn day(&mut self, now: Timestamp) -> (u64, u64) {
        let counter = self
            .counters
            .iter_mut()
            .find(|counter| counter.window_s() == DAY_S);
        counter.map_or((0, 0), |counter| counter.totals(now))
    }

    pub(super) fn row(&mut self, key: &str, now: Timestamp) -> LedgerRow {
        let (messages_day, recipients_day) = self.day(now);
        LedgerRow {
            key: key.to_owned(),
            tenant: self.tenant.to_string(),
            domain: self.domain.to_string(),
            conduct: self.conduct.clone(),
            messages_day,
            recipients_day,
        }
    }

    /// Forgets counters in which nothing is counted any more.
    pub(super) fn tidy(&mut self, now: Timestamp) {
        self.counters.retain_mut(|counter| !counter.is_empty(now));
        self.counters.shrink_to(2);
    }

    /// Whom to forget first: the least is forgotten first. Locks last, limited senders before them.
    pub(super) fn worth(&self, now: Timestamp) -> (u8, Timestamp) {
        let kept = match self.conduct.standing_at(now) {
            Standing::Locked => 2,
            Standing::Limited => 1,
            Standing::New | Standing::Good | Standing::Watched => 0,
        };
        (kept, self.last_seen)
    }

    fn counter(&mut self, window_s: u32) -> Option<&mut Counter> {
        let index = self
            .counters
            .iter()
            .position(|counter| counter.window_s() == window_s);
        if index.is_none() && self.counters.len() < COUNTERS_MAX {
            self.counters.push(Counter::new(window_s));
            return self.counters.last_mut();
        }
        self.counters.get_mut(index?)
    }
}

/// Usage under a key with a message that is not counted. Without an entry nothing was counted.
pub(super) fn on_paper(
    entry: Option<&mut Entry>,
    level: Level,
    key: &str,
    limits: &Limits,
    (messages, recipients): (u64, u64),
    now: Timestamp,
    usage: &mut Vec<Usage>,
) {
    let mut empty = Vec::new();
    let counters = entry.map_or(&mut empty, |entry| &mut entry.counters);
    for windowed in &limits.windows {
        let counter = counters
            .iter_mut()
            .find(|counter| counter.window_s() == windowed.window_s);
        let mut row = row(level, key, windowed);
        if let Some(counter) = counter {
            (row.messages, row.recipients) = counter.totals(now);
            row.distinct_recipients = counter.distinct(now);
            let room = |max: Option<u64>, add: u64| max.map(|max| max.saturating_add(1).saturating_sub(add));
            row.free_at = counter.free_at(
                now,
                room(row.messages_max, messages),
                room(row.recipients_max, recipients),
            );
        }
        row.messages = row.messages.saturating_add(messages);
        row.recipients = row.recipients.saturating_add(recipients);
        usage.push(row);
    }
}

fn row(level: Level, key: &str, windowed: &Windowed) -> Usage {
    Usage {
        level,
        key: key.to_owned(),
        window_s: windowed.window_s,
        messages: 0,
        recipients: 0,
        distinct_recipients: 0,
        messages_max: windowed.messages,
        recipients_max: windowed.recipients,
        distinct_recipients_max: windowed.distinct_recipients,
        free_at: None,
    }
}
