//! The doors: sockets are bound, clients are let in while there are places, and everybody is led out at the end.
//!
//! Promises: an error of one attempt to accept never ends the loop, and never makes it spin; who finds no place is told 421
//! without being waited for. Limits: `connections_max`, `connections_per_address_max` of each door.

use crate::assess::Assessor;
use crate::connection;
use crate::error::IngressError;
use crate::gather::Gatherer;
use crate::lists::Lists;
use crate::milestones::Milestones;
use crate::room::{Door, Room};
use crate::scan::Scanners;
use crate::session::Rules;
use crate::settings::{ListenerSettings, Settings};
use arc_swap::ArcSwap;
use net::{Clock, Listener, NetError, ServerStream};
use risk::{DoorKind, Policy};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use trace::Hub;

/// Connections that wait in the kernel for each listener.
const BACKLOG: i32 = 1_024;
/// The wait after a failed accept (no file descriptors, no memory): the next would fail too.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The open doors.
#[derive(Debug)]
pub struct Ingress {
    addresses: Vec<(String, SocketAddr)>,
    drain: watch::Sender<Option<Instant>>,
    sessions: mpsc::Receiver<()>,
    room: Arc<Room>,
}

impl Ingress {
    /// Binds all listeners and serves them. Must be called inside a runtime. When one cannot be bound, none is served.
    pub fn start(
        settings: Settings,
        store: Arc<Store>,
        hub: Arc<Hub>,
        policy: Arc<ArcSwap<Policy>>,
        scanners: Arc<Scanners>,
        lists: Arc<Lists>,
        clock: Clock,
    ) -> Result<Self, IngressError> {
        settings.check()?;
        let mut bound = Vec::with_capacity(settings.listeners.len());
        for listener in &settings.listeners {
            bound.push(bind(listener, &settings.hostname)?);
        }
        let addresses = bound
            .iter()
            .map(|(_, door, address)| (door.name.clone(), *address))
            .collect();
        let assessor = Assessor::new(Gatherer {
            store: Arc::clone(&store),
            scanners,
            lists,
            policy,
        });
        let room = Arc::new(Room::new(settings, store, hub, assessor, clock));
        let (drain, draining) = watch::channel(None);
        // Nothing is ever sent: when the last sender is gone, so is the last session.
        let (alive, sessions) = mpsc::channel(1);
        for (listener, door, _) in bound {
            let (room, drain, alive) = (Arc::clone(&room), draining.clone(), alive.clone());
            tokio::spawn(accept(listener, Arc::new(door), room, drain, alive));
        }
        Ok(Self {
            addresses,
            drain,
            sessions,
            room,
        })
    }

    /// Where each listener listens (port 0 became a real one), by name.
    pub fn addresses(&self) -> &[(String, SocketAddr)] {
        &self.addresses
    }

    /// Octets of messages in memory now.
    pub fn message_memory_octets(&self) -> u64 {
        self.room.budget.used()
    }

    /// Takes no more clients; idle sessions are told 421, a message under way may come to its end until `deadline` has
    /// passed. Returns when the last session is over, at the latest a few seconds after it. True: all ended by themselves.
    pub async fn drain(mut self, deadline: Duration) -> bool {
        let end = Instant::now() + deadline;
        self.drain.send_replace(Some(end));
        // Beyond the deadline: what is being judged or stored may finish, within what scanners and disk are given.
        let last = end + Duration::from_secs(10);
        tokio::time::timeout_at(last, self.sessions.recv()).await.is_ok()
    }
}

fn bind(settings: &ListenerSettings, hostname: &str) -> Result<(Listener, Door, SocketAddr), IngressError> {
    let failed = |error| IngressError::Listen {
        name: settings.name.clone(),
        error,
    };
    let listener = Listener::bind(settings.address, BACKLOG).map_err(failed)?;
    let address = listener
        .local_addr()
        .map_err(|error| failed(NetError::Io("address".to_owned(), error)))?;
    let rules = Rules {
        hostname: hostname.to_owned(),
        kind: settings.kind,
        starttls: settings.tls.is_some() && settings.kind != DoorKind::Submissions,
        auth_in_clear: settings.auth_in_clear,
        limits: settings.limits.clone(),
    };
    let door = Door::new(
        settings.name.clone(),
        rules,
        settings.tls.clone(),
        settings.proxy_protocol,
    );
    Ok((listener, door, address))
}

async fn accept(
    listener: Listener,
    door: Arc<Door>,
    room: Arc<Room>,
    mut drain: watch::Receiver<Option<Instant>>,
    alive: mpsc::Sender<()>,
) {
    loop {
        let accepted = tokio::select! {
            biased;
            _ = drain.wait_for(Option::is_some) => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Some(place) = door.place() else {
            let milestones = Milestones::new(peer, room.clock.now());
            room.turned_away(milestones.connected_event(&door), Some("connections_max"), "421");
            turn_away(&door, &stream);
            continue;
        };
        let (room, door, drain, alive) = (Arc::clone(&room), Arc::clone(&door), drain.clone(), alive.clone());
        tokio::spawn(async move {
            connection::serve(room, door, stream, peer, place, drain).await;
            drop(alive);
        });
    }
}

/// Says 421 if the kernel takes it at once; a client that does not read is not waited for.
fn turn_away(door: &Door, stream: &ServerStream) {
    if door.rules.kind == DoorKind::Submissions {
        return;
    }
    if let ServerStream::Plain(stream) = stream {
        let text = format!(
            "421 4.3.2 {} Too many connections; try again later\r\n",
            door.rules.hostname
        );
        // It is a courtesy: whoever cannot be told finds out by the close.
        let _ = stream.try_write(text.as_bytes());
    }
}
