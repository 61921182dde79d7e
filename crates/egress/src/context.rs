//! What every part of the sending side works with.

use crate::lookup::Lookup;
use crate::pool::Pools;
use crate::settings::Settings;
use bytes::Bytes;
use jiff::Timestamp;
use mail::Address;
use mail::smtp::Reply;
use net::{ClientTls, Clock, Dialer, Resolver};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use store::{Envelope, Pause, PauseScope, Store, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use trace::{Hub, Id, Scope, What};

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Running,
    /// Transactions under way are finished; nothing new is begun.
    Draining,
    /// Everything stops where it is.
    Over,
}

/// The seams and the state that all tasks share.
#[derive(Debug)]
pub(crate) struct Context {
    pub settings: Settings,
    pub store: Arc<Store>,
    pub hub: Arc<Hub>,
    pub resolver: Resolver,
    pub dialer: Dialer,
    pub tls: Option<ClientTls>,
    pub clock: Clock,
    pub pools: Pools,
    pub lookup: Lookup,
    /// Connections of all paths.
    pub connections: Arc<Semaphore>,
    /// Recipients leased.
    pub leased: Arc<Semaphore>,
    /// Kibibytes of large messages in memory.
    large: Arc<Semaphore>,
    large_kibibytes_max: u32,
    /// One message is learned from at a time.
    pub lessons: Arc<Semaphore>,
    pub phase: watch::Sender<Phase>,
    random: Mutex<StdRng>,
    /// Hosts whose TLS failed, and when.
    tls_broken: Mutex<HashMap<String, Instant>>,
    /// Tasks that live.
    tasks: watch::Sender<usize>,
    /// Messages put off by a pause, to be woken when pauses change.
    paused: Mutex<HashSet<Id>>,
}

/// A task that [`Context::idle`] waits for.
#[derive(Debug)]
pub(crate) struct Task(Arc<Context>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.tasks.send_modify(|tasks| *tasks = tasks.saturating_sub(1));
    }
}

/// Seams of the outside world, as [`crate::Egress::start`] gets them.
pub(crate) struct Seams {
    pub store: Arc<Store>,
    pub hub: Arc<Hub>,
    pub resolver: Resolver,
    pub dialer: Dialer,
    pub tls: Option<ClientTls>,
    pub clock: Clock,
}

/// A message above this is large: read by a thread that may wait, and counted.
pub(crate) const LARGE_OCTETS: u64 = 1 << 20;

/// Hosts with broken TLS that are remembered.
const TLS_BROKEN_MAX: usize = 10_000;

impl Context {
    pub(crate) fn new(settings: Settings, seams: Seams) -> Self {
        let large_kibibytes_max = u32::try_from(settings.bounds.large_octets_max >> 10)
            .unwrap_or(1 << 30)
            .clamp(1, 1 << 30);
        let seed = settings.seed.unwrap_or_else(rand::random);
        Self {
            pools: Pools::new(&settings),
            lookup: Lookup::new(&settings),
            connections: Arc::new(Semaphore::new(settings.bounds.connections_max)),
            leased: Arc::new(Semaphore::new(settings.bounds.leased_max)),
            large: Arc::new(Semaphore::new(large_kibibytes_max as usize)),
            large_kibibytes_max,
            lessons: Arc::new(Semaphore::new(1)),
            phase: watch::channel(Phase::Running).0,
            random: Mutex::new(StdRng::seed_from_u64(seed)),
            tls_broken: Mutex::default(),
            settings,
            store: seams.store,
            hub: seams.hub,
            resolver: seams.resolver,
            dialer: seams.dialer,
            tls: seams.tls,
            clock: seams.clock,
            tasks: watch::channel(0).0,
            paused: Mutex::default(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// From -1 to 1.
    pub(crate) fn jitter(&self) -> f64 {
        self.random
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .random_range(-1.0..=1.0)
    }

    pub(crate) fn shuffle(&self) -> u32 {
        self.random
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next_u32()
    }

    pub(crate) fn is_running(&self) -> bool {
        *self.phase.borrow() == Phase::Running
    }

    /// Room in memory for a message, waited for when it is large; given back when the permit is dropped.
    pub(crate) async fn room_for(&self, size_octets: u64) -> Option<OwnedSemaphorePermit> {
        if size_octets <= LARGE_OCTETS {
            return None;
        }
        let kibibytes = u32::try_from(size_octets >> 10)
            .unwrap_or(u32::MAX)
            .min(self.large_kibibytes_max);
        Arc::clone(&self.large).acquire_many_owned(kibibytes).await.ok()
    }

    /// A message's octets; large ones are read by a thread that may wait for the disk.
    pub(crate) async fn message(&self, envelope: &Envelope) -> Result<Bytes, StoreError> {
        let id = envelope.id;
        if envelope.size_octets <= LARGE_OCTETS {
            return self.store.queue.message(id);
        }
        let store = Arc::clone(&self.store);
        let read = tokio::task::spawn_blocking(move || store.queue.message(id)).await;
        read.unwrap_or(Err(StoreError::Missing("message")))
    }

    /// Tells an event of a message's story.
    pub(crate) fn tell(&self, envelope: &Envelope, scope: &Arc<Scope>, what: What) {
        self.hub.tell(envelope.id, self.now(), scope, what);
    }

    /// Tells that a bound was reached.
    pub(crate) fn tell_limit(&self, envelope: &Envelope, scope: &Arc<Scope>, limit: &str, detail: String) {
        self.tell(
            envelope,
            scope,
            What::LimitHit {
                limit: limit.to_owned(),
                detail,
            },
        );
    }

    /// Remembers that a message waits for a pause to end. Beyond the bound it comes back by itself, only later.
    pub(crate) fn remember_paused(&self, id: Id) {
        let mut paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        if paused.len() < self.settings.bounds.paused_max {
            paused.insert(id);
        }
    }

    /// Takes what waits for a pause to end.
    pub(crate) fn take_paused(&self) -> Vec<Id> {
        let mut paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *paused).into_iter().collect()
    }

    /// Counts a task until the guard is dropped.
    pub(crate) fn task(self: &Arc<Self>) -> Task {
        self.tasks.send_modify(|tasks| *tasks += 1);
        Task(Arc::clone(self))
    }

    /// Waits until no task is left.
    pub(crate) async fn idle(&self) {
        // The sender is ours: waiting cannot fail.
        let _ = self.tasks.subscribe().wait_for(|tasks| *tasks == 0).await;
    }

    /// The host's TLS failed within the time that is remembered.
    pub(crate) fn is_tls_broken(&self, host: &str) -> bool {
        let broken = self.tls_broken.lock().unwrap_or_else(PoisonError::into_inner);
        broken
            .get(host)
            .is_some_and(|at| at.elapsed() < self.settings.bounds.tls_broken_ttl)
    }

    pub(crate) fn tls_broke(&self, host: &str) {
        let mut broken = self.tls_broken.lock().unwrap_or_else(PoisonError::into_inner);
        if broken.len() >= TLS_BROKEN_MAX {
            let ttl = self.settings.bounds.tls_broken_ttl;
            broken.retain(|_, at| at.elapsed() < ttl);
            if broken.len() >= TLS_BROKEN_MAX {
                broken.clear();
            }
        }
        broken.insert(host.to_owned(), Instant::now());
    }

    /// The pause that covers a recipient, said as a reply; `site` when it is known.
    pub(crate) fn paused(
        &self,
        envelope: &Envelope,
        recipient: &Address,
        site: Option<&str>,
    ) -> Option<Reply> {
        let pauses = self.store.controls.pauses();
        if pauses.is_empty() {
            return None;
        }
        let domain = recipient.domain_key();
        let pause = pauses
            .iter()
            .find(|pause| covers(pause, envelope, &domain, site))?;
        let what = match &pause.scope {
            PauseScope::All => "all mail".to_owned(),
            PauseScope::Tenant(name) => format!("tenant {name}"),
            PauseScope::Sender(name) => format!("sender {name}"),
            PauseScope::Destination(name) => format!("destination {name}"),
            PauseScope::Pool(name) => format!("pool {name}"),
        };
        Some(Reply::new(
            450,
            (4, 3, 2),
            format!("delivery of {what} is paused: {}", pause.reason),
        ))
    }
}

fn covers(pause: &Pause, envelope: &Envelope, domain: &str, site: Option<&str>) -> bool {
    match &pause.scope {
        PauseScope::All => true,
        PauseScope::Tenant(name) => *name == envelope.scope.tenant,
        PauseScope::Sender(name) => *name == envelope.scope.sender,
        PauseScope::Pool(name) => *name == envelope.pool,
        PauseScope::Destination(name) => {
            name.eq_ignore_ascii_case(domain) || site.is_some_and(|site| name.eq_ignore_ascii_case(site))
        }
    }
}
