//! Paths: a site as reached from one source, with its ready queue, its connections and its pace.
//!
//! The decision in prose: a path starts with the connections that its limits allow. A refused connection, or 421, halves
//! what is allowed (never below one); every `20 x allowed` messages taken in a row give one back. When no connection is left
//! and none can be made, the path rests: what is ready is rescheduled with the reason, and what comes meanwhile too; the
//! rest doubles with each failure in a row, up to its bound. So a site that is down costs one attempt a rest, not one a
//! message.
//!
//! Promises: whatever is ready has at least one carrier (the task that works a connection). Bounded by `ready_max`,
//! `connections_max`, `paths_max`.

use crate::settings::{Bounds, Source};
use crate::site::Site;
use crate::work::Work;
use mail::smtp::Reply;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Messages in a row, per allowed connection, that earn one connection more.
const RECOVERY_MESSAGES: f64 = 20.0;

/// The pace of a path is that of about this time.
const PACE_WINDOW: Duration = Duration::from_secs(10);
/// Before that time the pace is not known, and work is sent away for a moment only.
const PACE_KNOWN_SECONDS: f64 = 1.0;
const PACE_UNKNOWN_WAIT: Duration = Duration::from_secs(1);
/// Bounds of the time for which work is sent away from a full ready queue.
const FULL_WAIT_MIN: Duration = Duration::from_millis(200);
const FULL_WAIT_MAX: Duration = Duration::from_secs(900);

/// Paths without work and connection are forgotten after this time, and with them what was learned.
const PATH_TTL: Duration = Duration::from_secs(3_600);

/// A site as reached from one source.
#[derive(Debug)]
pub(crate) struct Path {
    pub source: Option<Arc<Source>>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    site: Arc<Site>,
    ready: VecDeque<Work>,
    ready_recipients: usize,
    /// Tasks that work for this path.
    carriers: u32,
    /// Of these, how many have not said yet that their connection stands.
    opening: u32,
    /// Carriers with an open connection and nothing to do, the last one on top.
    idle: Vec<oneshot::Sender<Work>>,
    /// Connections allowed now.
    allowed: f64,
    failures_in_a_row: u32,
    rest: Option<(Instant, Reply)>,
    next_slot: Option<Instant>,
    used: Instant,
    /// Recipients that were sent away because the ready queue was full and should not be back yet.
    overflow: usize,
    /// It was full, and was not empty since.
    is_full: bool,
    /// Recipients taken, and since when: the pace.
    taken: f64,
    taken_since: Instant,
}

/// What became of work that was brought to a path.
#[derive(Debug)]
pub(crate) enum Pushed {
    /// A carrier has it or will take it.
    Taken,
    /// It will be taken by a carrier that the caller must start.
    Start,
    /// The path rests: here is the work, until when, and why.
    Resting(Work, Duration, Reply),
    /// The ready queue is full: here is the work, and when there should be room for it. `first`: it was not full before.
    Full { work: Work, wait: Duration, first: bool },
}

/// The path as it is, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct PathView {
    /// Site.
    pub site: String,
    /// Source; None when the operating system chooses.
    pub source: Option<IpAddr>,
    /// Recipients waiting for a connection.
    pub ready: usize,
    /// Connections (being made, at work, or idle).
    pub connections: u32,
    /// Connections allowed now.
    pub connections_allowed: u32,
    /// It rests this long from now, for that reason.
    pub rests: Option<(Duration, String)>,
}

impl Path {
    fn new(site: Arc<Site>, source: Option<Arc<Source>>) -> Self {
        let allowed = f64::from(site.limits.connections_max);
        let state = State {
            site,
            ready: VecDeque::new(),
            ready_recipients: 0,
            carriers: 0,
            opening: 0,
            idle: Vec::new(),
            allowed,
            failures_in_a_row: 0,
            rest: None,
            next_slot: None,
            used: Instant::now(),
            overflow: 0,
            is_full: false,
            taken: 0.0,
            taken_since: Instant::now(),
        };
        Self {
            source,
            state: Mutex::new(state),
        }
    }

    /// The site as it was last looked up.
    pub(crate) fn site(&self) -> Arc<Site> {
        Arc::clone(&self.lock().site)
    }

    /// Brings work.
    pub(crate) fn push(&self, mut work: Work, site: &Arc<Site>) -> Pushed {
        let mut state = self.lock();
        let now = Instant::now();
        state.used = now;
        if !Arc::ptr_eq(&state.site, site) {
            state.site = Arc::clone(site);
        }
        if let Some((until, reply)) = &state.rest {
            if *until > now {
                return Pushed::Resting(work, *until - now, reply.clone());
            }
            state.rest = None;
        }
        while let Some(carrier) = state.idle.pop() {
            match carrier.send(work) {
                Ok(()) => return Pushed::Taken,
                Err(back) => work = back,
            }
        }
        if state.ready_recipients + work.recipients.len() > state.site.limits.ready_max
            && !state.ready.is_empty()
        {
            let first = !std::mem::replace(&mut state.is_full, true);
            let wait = state.full_wait(work.recipients.len(), now);
            return Pushed::Full { work, wait, first };
        }
        if state.ready.is_empty() {
            // The pace is that of busy times.
            (state.taken, state.taken_since) = (0.0, now);
        }
        state.ready_recipients += work.recipients.len();
        state.ready.push_back(work);
        state.pushed()
    }

    /// Puts work back in front: it was not its fault that it was not sent. For carriers, which go on and take it.
    pub(crate) fn put_back(&self, mut work: Work) {
        work.room = None;
        let mut state = self.lock();
        while let Some(carrier) = state.idle.pop() {
            match carrier.send(work) {
                Ok(()) => return,
                Err(back) => work = back,
            }
        }
        state.ready_recipients += work.recipients.len();
        state.ready.push_front(work);
    }

    /// The next work, without waiting.
    pub(crate) fn take(&self) -> Option<Work> {
        self.lock().take()
    }

    /// The peer said 421 on a connection that stood. Tells how many connections were and are allowed.
    pub(crate) fn pushed_back(&self) -> (u32, u32) {
        let mut state = self.lock();
        let before = state.allowed();
        state.allowed = (state.allowed / 2.0).max(1.0);
        (before, state.allowed())
    }

    /// A message was taken.
    pub(crate) fn succeeded(&self) {
        let mut state = self.lock();
        let max = f64::from(state.site.limits.connections_max);
        if state.allowed < max {
            state.allowed = (state.allowed + 1.0 / (RECOVERY_MESSAGES * state.allowed)).min(max);
        }
    }

    /// How long to wait before the next message, by `messages_per_second_max`. The slot is taken by asking.
    pub(crate) fn slot(&self) -> Duration {
        let mut state = self.lock();
        let Some(rate) = state.site.limits.messages_per_second_max else {
            return Duration::ZERO;
        };
        let now = Instant::now();
        let slot = state.next_slot.map_or(now, |next| next.max(now));
        state.next_slot = Some(slot + Duration::from_secs_f64((1.0 / rate).min(86_400.0)));
        slot - now
    }

    fn view(&self) -> PathView {
        let state = self.lock();
        let now = Instant::now();
        PathView {
            site: state.site.name.to_string(),
            source: self.source.as_ref().map(|source| source.address),
            ready: state.ready_recipients,
            connections: state.carriers,
            connections_allowed: state.allowed(),
            rests: state
                .rest
                .as_ref()
                .filter(|(until, _)| *until > now)
                .map(|(until, r)| (*until - now, r.one_line())),
        }
    }

    fn is_forgettable(&self) -> bool {
        let state = self.lock();
        state.carriers == 0 && state.ready.is_empty() && state.used.elapsed() > PATH_TTL
    }

    /// Idle for now: may be forgotten when room is needed.
    fn is_unused(&self) -> bool {
        let state = self.lock();
        state.carriers == 0 && state.ready.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A carrier's place in its path: keeps the path's counts right however the carrier ends.
#[derive(Debug)]
pub(crate) struct Carrier {
    pub path: Arc<Path>,
    opening: bool,
    left: bool,
}

impl Carrier {
    /// Takes the place that [`Pushed::Start`], or [`Carrier::opened`], gave away.
    pub(crate) fn new(path: Arc<Path>) -> Self {
        Self {
            path,
            opening: true,
            left: false,
        }
    }

    /// A connection is going to be made (again).
    pub(crate) fn opening(&mut self) {
        if !self.opening {
            self.opening = true;
            self.path.lock().opening += 1;
        }
    }

    /// The connection stands. True: one more carrier must be started for what waits; its place is taken.
    pub(crate) fn opened(&mut self) -> bool {
        let mut state = self.path.lock();
        if std::mem::take(&mut self.opening) {
            state.opening = state.opening.saturating_sub(1);
        }
        state.failures_in_a_row = 0;
        state.rest = None;
        state.wants_carrier()
    }

    /// No connection could be made; `busy` when the site answered that it does not want more.
    pub(crate) fn failed(&mut self, reply: &Reply, bounds: &Bounds, busy: bool) -> Failed {
        let mut state = self.path.lock();
        if std::mem::take(&mut self.opening) {
            state.opening = state.opening.saturating_sub(1);
        }
        if state.carriers > state.opening + 1 {
            let before = state.allowed();
            state.allowed = (state.allowed / 2.0).max(1.0);
            return Failed::Others {
                before,
                now: state.allowed(),
            };
        }
        let now = Instant::now();
        let ready = std::mem::take(&mut state.ready).into();
        state.ready_recipients = 0;
        if let Some((until, _)) = state.rest.as_ref().filter(|(until, _)| *until > now) {
            // Several carriers failed at once: that is one failure.
            return Failed::Rest {
                rest: *until - now,
                ready,
                first: false,
            };
        }
        state.failures_in_a_row = state.failures_in_a_row.saturating_add(1);
        if busy {
            state.allowed = 1.0;
        }
        let doublings = state.failures_in_a_row.saturating_sub(1).min(16);
        let rest = bounds
            .rest_first
            .saturating_mul(1 << doublings)
            .min(bounds.rest_max);
        state.rest = Some((now + rest, reply.clone()));
        Failed::Rest {
            rest,
            ready,
            first: true,
        }
    }

    /// With an open connection: work, or a place in the row of idle carriers.
    pub(crate) fn take_or_wait(&self) -> Result<Work, oneshot::Receiver<Work>> {
        let mut state = self.path.lock();
        if let Some(work) = state.take() {
            return Ok(work);
        }
        let (sender, receiver) = oneshot::channel();
        state.idle.retain(|carrier| !carrier.is_closed());
        state.idle.push(sender);
        Err(receiver)
    }

    /// Without connection: work, or the end of this carrier. One more than allowed is sent home too, as long as others are
    /// there.
    pub(crate) fn take_or_leave(&mut self) -> Option<Work> {
        let mut state = self.path.lock();
        let work = if state.has_surplus() { None } else { state.take() };
        if work.is_none() {
            self.left = true;
            state.leave(std::mem::take(&mut self.opening));
        }
        work
    }

    /// This carrier is one more than is allowed now.
    pub(crate) fn is_surplus(&self) -> bool {
        self.path.lock().has_surplus()
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        if !self.left {
            self.path.lock().leave(self.opening);
        }
    }
}

/// What follows from a connection that could not be made.
#[derive(Debug)]
pub(crate) enum Failed {
    /// Others have connections; so many were and are allowed.
    Others { before: u32, now: u32 },
    /// The path rests. `first` is false when another carrier's failure began this rest.
    Rest {
        rest: Duration,
        ready: Vec<Work>,
        first: bool,
    },
}

impl State {
    fn take(&mut self) -> Option<Work> {
        let work = self.ready.pop_front()?;
        self.ready_recipients = self.ready_recipients.saturating_sub(work.recipients.len());
        self.taken += work.recipients.len() as f64;
        // Whatever was sent away moves up; when nothing is left here, nobody is ahead of anybody.
        self.overflow = self.overflow.saturating_sub(work.recipients.len());
        if self.ready.is_empty() {
            self.overflow = 0;
            self.is_full = false;
        }
        Some(work)
    }

    /// When there should be room, by the pace of late: the next that is sent away waits behind those sent away before, so
    /// that a long backlog comes back in order and neither too early nor too late.
    fn full_wait(&mut self, recipients: usize, now: Instant) -> Duration {
        let seconds = now.duration_since(self.taken_since).as_secs_f64();
        if seconds < PACE_KNOWN_SECONDS {
            return PACE_UNKNOWN_WAIT;
        }
        self.overflow += recipients;
        let pace = (self.taken / seconds).max(0.01);
        if seconds > PACE_WINDOW.as_secs_f64() {
            // The past counts for half a window from now on.
            self.taken = pace * PACE_WINDOW.as_secs_f64() / 2.0;
            self.taken_since = now.checked_sub(PACE_WINDOW / 2).unwrap_or(now);
        }
        let ahead = (self.site.limits.ready_max / 2 + self.overflow) as f64;
        Duration::from_secs_f64(ahead / pace).clamp(FULL_WAIT_MIN, FULL_WAIT_MAX)
    }

    /// Whole connections, at least one.
    fn allowed(&self) -> u32 {
        (self.allowed as u32).clamp(1, self.site.limits.connections_max.max(1))
    }

    fn has_surplus(&self) -> bool {
        self.carriers > self.allowed() && self.carriers > 1
    }

    fn leave(&mut self, opening: bool) {
        self.carriers = self.carriers.saturating_sub(1);
        self.opening = self.opening.saturating_sub(u32::from(opening));
    }

    /// More is ready than carriers are on their way to it: takes a place for one more.
    fn wants_carrier(&mut self) -> bool {
        let on_their_way = usize::try_from(self.opening).unwrap_or(usize::MAX);
        let wanted = self.ready.len() > on_their_way && self.carriers < self.allowed();
        if wanted {
            self.carriers += 1;
            self.opening += 1;
        }
        wanted
    }

    fn pushed(&mut self) -> Pushed {
        if self.wants_carrier() {
            Pushed::Start
        } else {
            Pushed::Taken
        }
    }
}

/// All paths.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    paths: Mutex<Known>,
}

/// By the key of the site and the address of the source.
type Known = HashMap<(Arc<str>, Option<IpAddr>), Arc<Path>>;

impl Paths {
    /// The path, made when it is new; None when there are `paths_max` that are all in use.
    pub(crate) fn get(
        &self,
        site: &Arc<Site>,
        source: Option<Arc<Source>>,
        paths_max: usize,
    ) -> Option<Arc<Path>> {
        let mut paths = self.lock();
        let key = (
            Arc::clone(&site.key),
            source.as_ref().map(|source| source.address),
        );
        if let Some(path) = paths.get(&key) {
            return Some(Arc::clone(path));
        }
        if paths.len() >= paths_max {
            paths.retain(|_, path| !path.is_forgettable());
            if paths.len() >= paths_max {
                paths.retain(|_, path| !path.is_unused());
            }
            if paths.len() >= paths_max {
                return None;
            }
        }
        let path = Arc::new(Path::new(Arc::clone(site), source));
        paths.insert(key, Arc::clone(&path));
        Some(path)
    }

    /// Forgets all paths; what is ready goes back to the queue.
    pub(crate) fn clear(&self) {
        let paths = std::mem::take(&mut *self.lock());
        for path in paths.values() {
            let ready = std::mem::take(&mut path.lock().ready);
            drop(ready);
        }
    }

    /// All paths as they are, busiest first, at most `rows_max`.
    pub(crate) fn views(&self, rows_max: usize) -> Vec<PathView> {
        let mut views: Vec<_> = self.lock().values().map(|path| path.view()).collect();
        views.sort_by(|a, b| (b.ready, b.connections, &a.site).cmp(&(a.ready, a.connections, &b.site)));
        views.truncate(rows_max);
        views
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
