//! What the panel is given, and what all its requests share.

use crate::attempts::Attempts;
use crate::sessions::Sessions;
use arc_swap::ArcSwap;
use jiff::Timestamp;
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// The time now.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Asks how the gateway is. Must not block.
pub type HealthCheck = Arc<dyn Fn() -> Health + Send + Sync>;

/// How the gateway is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Mail is accepted and delivered.
    pub ok: bool,
    /// What is wrong or degraded, a sentence each; shown to operators only.
    pub notes: Vec<String>,
}

/// Settings of the panel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Where browsers reach it, for example `https://mail.example.com:8443`. With `https:` cookies are `Secure`.
    pub public_url: String,
    /// Serve `/metrics` on the panel's listener too, to everybody who can reach it.
    pub metrics: bool,
    /// Name of the site, shown in the pages; at most 80 characters are used.
    pub site_name: String,
}

/// What the panel works on.
#[derive(Clone)]
pub struct PanelState {
    /// The memory.
    pub store: Arc<store::Store>,
    /// The stream of events.
    pub hub: Arc<trace::Hub>,
    /// The metrics to expose.
    pub metrics: trace::Metrics,
    /// The policy in force.
    pub policy: Arc<ArcSwap<risk::Policy>>,
    /// Settings.
    pub settings: Settings,
    /// How the gateway is.
    pub health: HealthCheck,
    /// The clock.
    pub now: Clock,
    /// Turns true when the gateway closes: live streams end then, so that the server can.
    pub closing: watch::Receiver<bool>,
}

impl std::fmt::Debug for PanelState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PanelState")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// What all requests of one router share.
pub(crate) struct Shared {
    pub(crate) state: PanelState,
    pub(crate) sessions: Sessions,
    pub(crate) attempts: Attempts,
    /// Passwords being checked at once.
    pub(crate) logins: Semaphore,
    /// Live streams at once.
    pub(crate) streams: Arc<Semaphore>,
}

impl Shared {
    /// Passwords being checked at once; a hash costs a good part of a second of one core.
    const LOGINS_MAX: usize = 16;
    /// Live streams at once.
    const STREAMS_MAX: usize = 256;

    pub(crate) fn new(state: PanelState) -> Arc<Self> {
        Arc::new(Self {
            state,
            sessions: Sessions::default(),
            attempts: Attempts::default(),
            logins: Semaphore::new(Self::LOGINS_MAX),
            streams: Arc::new(Semaphore::new(Self::STREAMS_MAX)),
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.state.now)()
    }

    pub(crate) fn is_https(&self) -> bool {
        self.state.settings.public_url.starts_with("https:")
    }
}
