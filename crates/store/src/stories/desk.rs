//! Where those who tell stories, those who wait, and the thread that writes meet.

use crate::StoreError;
use crate::database::locked;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use trace::{Event, Id};

/// Events that are written without waiting for more.
const BATCH_EVENTS: usize = 5_000;
/// How long events may wait for more.
const BEHIND: Duration = Duration::from_millis(150);
/// How long after a failure writing is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Callers that may wait at once.
const WAITING_MAX: usize = 10_000;
/// Callers that may wait for stories to be forgotten.
const FORGETS_MAX: usize = 16;
/// How long the thread rests when nothing is told.
const IDLE: Duration = Duration::from_secs(3_600);

/// Where sinks, callers and the thread meet.
#[derive(Debug)]
pub(super) struct Desk {
    state: Mutex<State>,
    bell: Condvar,
    events_max: usize,
    dropped: AtomicU64,
    forgotten_early: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    told: Vec<Arc<Vec<Event>>>,
    /// Events told and not yet written, those that the thread has taken included.
    events: usize,
    waiters: Vec<oneshot::Sender<Result<(), StoreError>>>,
    forgets: VecDeque<Forget>,
    closing: bool,
}

/// Stories to be forgotten, one chunk after the other.
#[derive(Debug)]
pub(super) struct Forget {
    pub below: Id,
    pub forgotten: u64,
    /// Not for their age, but for want of room.
    pub early: bool,
    pub waiter: Option<oneshot::Sender<Result<u64, StoreError>>>,
}

impl Desk {
    pub(super) fn new(events_max: usize) -> Self {
        Self {
            state: Mutex::default(),
            bell: Condvar::new(),
            events_max,
            dropped: AtomicU64::new(0),
            forgotten_early: AtomicU64::new(0),
        }
    }

    /// Hands events to the thread; drops and counts them when too many wait already. Never waits.
    pub(super) fn tell(&self, events: Arc<Vec<Event>>) {
        if events.is_empty() {
            return;
        }
        let mut state = locked(&self.state);
        let waiting = state.events.saturating_add(events.len());
        if waiting > self.events_max || state.closing {
            self.dropped.fetch_add(events.len() as u64, Ordering::Relaxed);
            return;
        }
        let ring = state.told.is_empty() || (state.events < BATCH_EVENTS && waiting >= BATCH_EVENTS);
        state.events = waiting;
        state.told.push(events);
        drop(state);
        if ring {
            self.bell.notify_one();
        }
    }

    /// Events that were dropped.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Stories that were forgotten for want of room.
    pub(super) fn forgotten_early(&self) -> u64 {
        self.forgotten_early.load(Ordering::Relaxed)
    }

    pub(super) fn count_early(&self, stories: u64) {
        self.forgotten_early.fetch_add(stories, Ordering::Relaxed);
    }

    pub(super) async fn flush(&self) -> Result<(), StoreError> {
        let (waiter, done) = oneshot::channel();
        {
            let mut state = locked(&self.state);
            if state.closing {
                return Err(StoreError::Closing);
            }
            if state.waiters.len() >= WAITING_MAX {
                return Err(StoreError::Full(format!(
                    "{WAITING_MAX} wait for the stories already"
                )));
            }
            state.waiters.push(waiter);
        }
        self.bell.notify_one();
        done.await.map_err(|_| StoreError::Closing)?
    }

    pub(super) async fn forget(&self, below: Id) -> Result<u64, StoreError> {
        let (waiter, done) = oneshot::channel();
        {
            let mut state = locked(&self.state);
            if state.closing {
                return Err(StoreError::Closing);
            }
            if state.forgets.len() >= FORGETS_MAX {
                return Err(StoreError::Full(format!(
                    "{FORGETS_MAX} wait for stories to be forgotten already"
                )));
            }
            let waiter = Some(waiter);
            state.forgets.push_back(Forget {
                below,
                forgotten: 0,
                early: false,
                waiter,
            });
        }
        self.bell.notify_one();
        done.await.map_err(|_| StoreError::Closing)?
    }

    /// Until there is work; then a little longer, so that a batch is worth its commit.
    pub(super) fn wait(&self, retry: bool) -> Work {
        let mut state = locked(&self.state);
        if retry {
            let waits = |state: &mut State| state.waiters.is_empty() && !state.closing;
            (state, _) = self
                .bell
                .wait_timeout_while(state, RETRY, waits)
                .unwrap_or_else(PoisonError::into_inner);
        } else {
            let idle = |state: &mut State| {
                state.told.is_empty()
                    && state.waiters.is_empty()
                    && state.forgets.is_empty()
                    && !state.closing
            };
            (state, _) = self
                .bell
                .wait_timeout_while(state, IDLE, idle)
                .unwrap_or_else(PoisonError::into_inner);
            let few = |state: &mut State| {
                state.events < BATCH_EVENTS
                    && state.waiters.is_empty()
                    && state.forgets.is_empty()
                    && !state.closing
            };
            (state, _) = self
                .bell
                .wait_timeout_while(state, BEHIND, few)
                .unwrap_or_else(PoisonError::into_inner);
        }
        Work {
            told: std::mem::take(&mut state.told),
            waiters: std::mem::take(&mut state.waiters),
            forget: state.forgets.pop_front(),
            closing: state.closing,
        }
    }

    /// Events will never be written.
    pub(super) fn drop_events(&self, events: usize) {
        self.dropped.fetch_add(events as u64, Ordering::Relaxed);
    }

    pub(super) fn written(&self, events: usize) {
        let mut state = locked(&self.state);
        state.events = state.events.saturating_sub(events);
    }

    pub(super) fn go_on_forgetting(&self, forget: Forget) {
        locked(&self.state).forgets.push_front(forget);
    }

    pub(super) fn close(&self) {
        locked(&self.state).closing = true;
        self.bell.notify_one();
    }
}

/// What the thread is to do next.
pub(super) struct Work {
    pub told: Vec<Arc<Vec<Event>>>,
    pub waiters: Vec<oneshot::Sender<Result<(), StoreError>>>,
    pub forget: Option<Forget>,
    pub closing: bool,
}
