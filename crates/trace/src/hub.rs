//! Where all events pass: to sinks (log, metrics, store) and to live subscribers.
//!
//! Promises: telling never waits for a listener or for a disk; a listener that falls [`Hub::BACKLOG_MAX`] events behind is
//! cut off and told so. Live events carry no full facts and verdicts: these are for the store alone.
//! Trusts sinks not to block.

use crate::{Event, Id, Scope, What};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use tokio::sync::Notify;

/// Takes batches of events of one story, in order. Must not block: a sink with slow work has its own bounded queue.
pub trait Sink: Send + Sync {
    /// A batch.
    fn record(&self, events: &[Event]);

    /// A batch that may be kept without copying it.
    fn record_shared(&self, events: &Arc<Vec<Event>>) {
        self.record(events);
    }
}

impl<T: Sink + ?Sized> Sink for Arc<T> {
    fn record(&self, events: &[Event]) {
        (**self).record(events);
    }

    fn record_shared(&self, events: &Arc<Vec<Event>>) {
        (**self).record_shared(events);
    }
}

/// The hub.
#[derive(Default)]
pub struct Hub {
    sinks: RwLock<Vec<Box<dyn Sink>>>,
    live: Arc<Live>,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hub")
    }
}

/// A live listener fell more than the bound behind and was cut off. It caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too slow: the live stream went on without this listener")]
pub struct Lagged;

/// A live listener.
#[derive(Debug)]
pub struct Subscriber {
    live: Arc<Live>,
    /// Sequence number of the next event to be fetched from the backlog.
    next: u64,
    /// Fetched and not yet handed out: one lock serves several events.
    fetched: VecDeque<Arc<Event>>,
}

#[derive(Debug, Default)]
struct Live {
    backlog: Mutex<Backlog>,
    listeners: AtomicUsize,
    told: Notify,
}

#[derive(Debug)]
struct Backlog {
    /// Sequence number of the oldest event kept; they begin with 1, so that 0 stands before all.
    first: u64,
    events: VecDeque<Arc<Event>>,
}

impl Default for Backlog {
    fn default() -> Self {
        Self {
            first: 1,
            events: VecDeque::new(),
        }
    }
}

impl Hub {
    /// Events that a live listener may fall behind, and that can be resumed from.
    pub const BACKLOG_MAX: usize = 4_096;

    /// Events kept while nobody listens, so that a page that is opened is not empty.
    pub const BACKLOG_IDLE_MAX: usize = 512;

    /// A hub with these sinks.
    pub fn new(sinks: Vec<Box<dyn Sink>>) -> Arc<Self> {
        Arc::new(Self {
            sinks: RwLock::new(sinks),
            live: Arc::default(),
        })
    }

    /// Adds a sink while wiring.
    pub fn add_sink(&self, sink: Box<dyn Sink>) {
        self.sinks
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(sink);
    }

    /// One event outside a [`crate::Story`]: delivery attempts, operators' actions, locks. Goes to sinks and live listeners.
    pub fn tell(&self, id: Id, at: jiff::Timestamp, scope: &Arc<Scope>, what: What) {
        self.tell_all(vec![Event {
            id,
            at,
            scope: Arc::clone(scope),
            what,
        }]);
    }

    /// Several events of one story outside a [`crate::Story`], recorded as one batch.
    pub fn tell_all(&self, events: Vec<Event>) {
        for event in &events {
            self.live(event);
        }
        self.record_shared(&Arc::new(events));
    }

    /// To live listeners only (used while a story is open).
    pub fn live(&self, event: &Event) {
        let event = Arc::new(event.light());
        let listened = self.live.listeners.load(Ordering::Relaxed) > 0;
        let kept_max = if listened {
            Self::BACKLOG_MAX
        } else {
            Self::BACKLOG_IDLE_MAX
        };
        // What falls out is dropped after the lock is given back.
        let (_oldest, _second) = self.live.lock().push(event, kept_max);
        if listened {
            self.live.told.notify_waiters();
        }
    }

    /// To the sinks only (used when a story ends).
    pub fn record(&self, events: &[Event]) {
        for sink in self.sinks.read().unwrap_or_else(PoisonError::into_inner).iter() {
            sink.record(events);
        }
    }

    /// To the sinks only, which may keep the batch without copying it.
    pub fn record_shared(&self, events: &Arc<Vec<Event>>) {
        for sink in self.sinks.read().unwrap_or_else(PoisonError::into_inner).iter() {
            sink.record_shared(events);
        }
    }

    /// Listens from now, or from behind the event with that sequence number when it is still in the backlog; when it is
    /// older, from the oldest event kept. A number that was never given out (from before a restart) counts as now.
    pub fn subscribe(&self, after: Option<u64>) -> Subscriber {
        self.live.listeners.fetch_add(1, Ordering::Relaxed);
        let backlog = self.live.lock();
        let end = backlog.end();
        let next = after
            .map_or(end, |after| after.saturating_add(1))
            .min(end)
            .max(backlog.first);
        drop(backlog);
        Subscriber {
            live: Arc::clone(&self.live),
            next,
            fetched: VecDeque::new(),
        }
    }

    /// Live listeners now.
    pub fn listeners(&self) -> usize {
        self.live.listeners.load(Ordering::Relaxed)
    }

    /// Sequence number of the newest event, None before the first.
    pub fn newest(&self) -> Option<u64> {
        Some(self.live.lock().end().saturating_sub(1)).filter(|newest| *newest > 0)
    }
}

impl Live {
    fn lock(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backlog {
    fn end(&self) -> u64 {
        self.first.saturating_add(self.events.len() as u64)
    }

    /// Adds one and gives back up to two old ones: when the last listener left, the backlog shrinks step by step.
    fn push(&mut self, event: Arc<Event>, kept_max: usize) -> (Option<Arc<Event>>, Option<Arc<Event>>) {
        self.events.push_back(event);
        (self.pop_beyond(kept_max), self.pop_beyond(kept_max))
    }

    fn pop_beyond(&mut self, kept_max: usize) -> Option<Arc<Event>> {
        let over = self.events.len() > kept_max;
        self.first = self.first.saturating_add(u64::from(over));
        if over { self.events.pop_front() } else { None }
    }

    /// Copies of up to `events_max` events from `next` on.
    fn from(&self, next: u64, events_max: usize) -> Result<VecDeque<Arc<Event>>, Lagged> {
        let skip = usize::try_from(next.checked_sub(self.first).ok_or(Lagged)?).unwrap_or(usize::MAX);
        Ok(self.events.iter().skip(skip).take(events_max).cloned().collect())
    }
}

impl Subscriber {
    /// Events fetched under one lock.
    const FETCH_MAX: usize = 64;

    /// The next event with its sequence number. May be cancelled and called again: no event is lost by it.
    pub async fn next(&mut self) -> Result<(u64, Arc<Event>), Lagged> {
        loop {
            if let Some(event) = self.fetched.pop_front() {
                return Ok((self.next - 1 - self.fetched.len() as u64, event));
            }
            let told = self.live.told.notified();
            tokio::pin!(told);
            // Before looking: what is told after the look must wake.
            told.as_mut().enable();
            self.fetched = self.live.lock().from(self.next, Self::FETCH_MAX)?;
            self.next = self.next.saturating_add(self.fetched.len() as u64);
            if self.fetched.is_empty() {
                told.await;
            }
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.live.listeners.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn tell(hub: &Hub, number: usize) {
        let what = What::Closed {
            reason: number.to_string(),
        };
        hub.tell(Id::from_u64(1), Timestamp::UNIX_EPOCH, &Arc::default(), what);
    }

    fn reason(event: &Event) -> &str {
        match &event.what {
            What::Closed { reason } => reason,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn listeners_hear_what_is_told_after_they_came() {
        let hub = Hub::new(Vec::new());
        tell(&hub, 0);
        let mut listener = hub.subscribe(None);
        let waiting = tokio::spawn(async move {
            listener
                .next()
                .await
                .map(|(seq, event)| (seq, reason(&event).to_owned()))
        });
        tokio::task::yield_now().await;
        tell(&hub, 1);
        assert_eq!(waiting.await.unwrap(), Ok((2, "1".to_owned())));
        assert_eq!(hub.listeners(), 0);
    }

    #[tokio::test]
    async fn resumes_behind_a_number() {
        let hub = Hub::new(Vec::new());
        assert_eq!(hub.newest(), None);
        for number in 1..=200 {
            tell(&hub, number);
        }
        // (resume behind, first number heard)
        for (after, expected) in [(Some(150), 151), (Some(0), 1), (Some(199), 200)] {
            let mut listener = hub.subscribe(after);
            let (seq, event) = listener.next().await.unwrap();
            assert_eq!((seq, reason(&event)), (expected, expected.to_string().as_str()));
        }
        let mut all = hub.subscribe(Some(9));
        for expected in 10..=200_u64 {
            assert_eq!(all.next().await.unwrap().0, expected);
        }
        for unknown in [200, 201, u64::MAX] {
            let mut listener = hub.subscribe(Some(unknown));
            tell(&hub, 7);
            assert_eq!(
                listener.next().await.map(|(_, event)| reason(&event).to_owned()),
                Ok("7".to_owned())
            );
        }
    }

    #[tokio::test]
    async fn who_is_too_slow_is_cut_off() {
        let hub = Hub::new(Vec::new());
        let mut slow = hub.subscribe(None);
        for number in 0..Hub::BACKLOG_MAX {
            tell(&hub, number);
        }
        let mut in_time = hub.subscribe(Some(0));
        assert_eq!(in_time.next().await.unwrap().0, 1);
        tell(&hub, 0);
        assert_eq!(slow.next().await.unwrap_err(), Lagged);
    }

    #[tokio::test]
    async fn the_backlog_shrinks_when_nobody_listens() {
        let hub = Hub::new(Vec::new());
        let listener = hub.subscribe(None);
        for number in 0..Hub::BACKLOG_MAX + 10 {
            tell(&hub, number);
        }
        assert_eq!(hub.live.lock().events.len(), Hub::BACKLOG_MAX);
        drop(listener);
        for number in 0..Hub::BACKLOG_MAX {
            tell(&hub, number);
        }
        assert_eq!(hub.live.lock().events.len(), Hub::BACKLOG_IDLE_MAX);
        assert_eq!(hub.newest(), Some((2 * Hub::BACKLOG_MAX + 10) as u64));
    }
}
