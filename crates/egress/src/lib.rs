//! MAIL GOES OUT. Scheduled queue, sites, pools, paths, ready queues, shaping, the SMTP client, notices.
//!
//! What is due is leased from the store (`schedule.rs`), each domain is rolled up to its site (`site.rs`), the pool gives a
//! source (`pool.rs`), site and source are a path with a ready queue (`shaping.rs`), carriers work the path's connections
//! (`carrier.rs`), and what the next hop answers is booked with the notice it needs (`settle.rs`, `dsn.rs`).
//!
//! Promises: a recipient is delivered, or its sender is told why not (unless the sender asked not to be told); at least
//! once, and twice only when a connection is lost between the final dot and its reply, or the process dies there. Judges
//! nothing. Trusts the store; trusts nothing of DNS and next hops.
//! Limits: RFC 5321 §4.5.3 towards the peer; our own are in [`Bounds`] and [`SiteLimits`]. No AUTH to next hops, no DANE
//! or MTA-STS yet. 8-bit messages are returned (5.6.3) where the next hop does not offer 8BITMIME; they are not converted.

mod attempt;
mod carrier;
mod client;
mod context;
mod dsn;
mod lesson;
mod lookup;
mod pool;
mod retry;
mod schedule;
mod settings;
mod settle;
mod shaping;
mod site;
mod work;

use context::{Context, Phase, Seams};
use net::{ClientTls, Clock, Dialer, Resolver};
use shaping::Paths;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use trace::Hub;

pub use settings::{
    Bounds, EgressError, NextHop, Retry, Route, Settings, SiteLimits, Source, Timeouts, TlsPolicy,
};
pub use shaping::PathView;

/// The running sending side. When it is dropped everything stops where it is; [`Egress::drain`] is the gentle way.
#[derive(Debug)]
pub struct Egress {
    context: Arc<Context>,
    paths: Arc<Paths>,
}

impl Egress {
    /// Starts sending on the current runtime. Refuses settings that cannot work.
    pub fn start(
        settings: Settings,
        store: Arc<Store>,
        hub: Arc<Hub>,
        resolver: Resolver,
        dialer: Dialer,
        tls: Option<ClientTls>,
        clock: Clock,
    ) -> Result<Self, EgressError> {
        settings.check()?;
        let seams = Seams {
            store,
            hub,
            resolver,
            dialer,
            tls,
            clock,
        };
        let context = Arc::new(Context::new(settings, seams));
        let paths = Arc::new(Paths::default());
        tokio::spawn(schedule::run(Arc::clone(&context), Arc::clone(&paths)));
        Ok(Self { context, paths })
    }

    /// The paths as they are, busiest first, at most `rows_max`.
    pub fn paths(&self, rows_max: usize) -> Vec<PathView> {
        self.paths.views(rows_max)
    }

    /// Stops leasing, finishes transactions under way within `deadline`, then drops the rest: its leases go back to the
    /// queue. True when everything was finished in time.
    pub async fn drain(&self, deadline: Duration) -> bool {
        self.context.phase.send_replace(Phase::Draining);
        let in_time = tokio::time::timeout(deadline, self.context.idle()).await.is_ok();
        self.context.phase.send_replace(Phase::Over);
        if !in_time {
            // Dropping is quick; the bound is for a task that is in the middle of a system call.
            let _ = tokio::time::timeout(Duration::from_secs(1), self.context.idle()).await;
        }
        self.paths.clear();
        in_time
    }
}

impl Drop for Egress {
    fn drop(&mut self) {
        self.context.phase.send_replace(Phase::Over);
        self.paths.clear();
    }
}
