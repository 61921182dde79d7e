//! What all sessions have in common: the store, the judgement, the guard, the memory budget, and places.
//!
//! Promises: a place that was taken is given back, whatever becomes of the session. Nothing here waits.

use crate::assess::Assessor;
use crate::budget::Budget;
use crate::guard::{Guard, address_block};
use crate::session::Rules;
use crate::settings::Settings;
use net::{Clock, ServerTls};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::Store;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use trace::{Hub, Id, Scope, What};

/// The room.
#[derive(Debug)]
pub struct Room {
    /// Settings of all doors.
    pub settings: Settings,
    /// The memory.
    pub store: Arc<Store>,
    /// The stream of events.
    pub hub: Arc<Hub>,
    /// Facts and judgement.
    pub assessor: Assessor,
    /// Wall time.
    pub clock: Clock,
    /// Memory for messages.
    pub budget: Arc<Budget>,
    guard: Mutex<Guard>,
    opened: Instant,
    away: Mutex<Notices>,
    strangers: Mutex<Notices>,
    full_until: Mutex<Option<Instant>>,
}

/// One listener.
#[derive(Debug)]
pub struct Door {
    /// Its name.
    pub name: String,
    /// What its sessions have in common.
    pub rules: Arc<Rules>,
    /// Certificate.
    pub tls: Option<ServerTls>,
    /// A PROXY header comes first.
    pub proxy_protocol: bool,
    /// Free places.
    pub slots: Arc<Semaphore>,
    addresses: Mutex<HashMap<u128, usize>>,
}

/// A place of one session at a door.
#[derive(Debug)]
pub struct Place {
    door: Arc<Door>,
    block: Option<u128>,
    _slot: OwnedSemaphorePermit,
}

/// Stories a second about clients that were turned away at the door; further ones are only counted.
const TURNED_AWAY_PER_SECOND_MAX: u32 = 10;
/// Stories a second about clients that never logged in: probes, scanners, failed logins; further ones are only counted.
const STRANGERS_PER_SECOND_MAX: u32 = 50;

/// How long a full store is believed to be full.
const FULL_PAUSE: Duration = Duration::from_secs(3);

/// Counts stories of one second.
#[derive(Debug, Default)]
struct Notices {
    second: u64,
    told: u32,
    untold: u64,
}

impl Notices {
    /// May one more story be told in that second? If so: how many were not told since the last one.
    fn admit(&mut self, second: u64, per_second_max: u32) -> Option<u64> {
        if self.second != second {
            (self.second, self.told) = (second, 0);
        }
        if self.told >= per_second_max {
            self.untold = self.untold.saturating_add(1);
            return None;
        }
        self.told += 1;
        Some(std::mem::take(&mut self.untold))
    }
}

impl Room {
    /// A room that has just been opened. Must be called inside a runtime.
    pub fn new(
        settings: Settings,
        store: Arc<Store>,
        hub: Arc<Hub>,
        assessor: Assessor,
        clock: Clock,
    ) -> Self {
        Self {
            budget: Budget::new(settings.message_memory_octets_max),
            guard: Mutex::new(Guard::new(settings.guard.clone())),
            settings,
            store,
            hub,
            assessor,
            clock,
            opened: Instant::now(),
            away: Mutex::default(),
            strangers: Mutex::default(),
            full_until: Mutex::default(),
        }
    }

    /// The guard, and the time by which it counts.
    pub fn guard(&self) -> (MutexGuard<'_, Guard>, Duration) {
        (
            self.guard.lock().unwrap_or_else(PoisonError::into_inner),
            self.opened.elapsed(),
        )
    }

    /// The store had no room: for a moment MAIL is answered so, before the client sends a message in vain.
    pub fn note_full(&self) {
        *self.full_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + FULL_PAUSE);
    }

    /// The store had no room a moment ago.
    pub fn is_full(&self) -> bool {
        let mut until = self.full_until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = until.filter(|until| Instant::now() < *until);
        until.is_some()
    }

    /// May a story be told of a client that did not log in? If so: the event that says how many were not told before, if any.
    pub fn stranger(&self) -> Option<Option<What>> {
        let untold = self.may_tell(&self.strangers, STRANGERS_PER_SECOND_MAX)?;
        Some((untold > 0).then(|| What::LimitHit {
            limit: "strangers_per_second_max".to_owned(),
            detail: format!("{untold} stories of clients without a login were not told before"),
        }))
    }

    fn may_tell(&self, notices: &Mutex<Notices>, per_second_max: u32) -> Option<u64> {
        let second = self.opened.elapsed().as_secs();
        let mut notices = notices.lock().unwrap_or_else(PoisonError::into_inner);
        notices.admit(second, per_second_max)
    }

    /// Tells that a client was turned away at the door, and why (`limit` reached, or something else): a story of its own,
    /// unless there are too many.
    pub fn turned_away(&self, connected: What, limit: Option<&str>, detail: &str) {
        let Some(untold) = self.may_tell(&self.away, TURNED_AWAY_PER_SECOND_MAX) else {
            return;
        };
        let detail = match untold {
            0 => detail.to_owned(),
            count => format!("{detail}; {count} further clients were turned away before"),
        };
        let (at, scope) = (self.clock.now(), Arc::new(Scope::default()));
        let id = Id::generate(at);
        let why = match limit {
            Some(limit) => What::LimitHit {
                limit: limit.to_owned(),
                detail,
            },
            None => What::Closed { reason: detail },
        };
        let event = |what| trace::Event {
            id,
            at,
            scope: Arc::clone(&scope),
            what,
        };
        self.hub.tell_all(vec![event(connected), event(why)]);
    }
}

impl Door {
    /// A door with all places free.
    pub fn new(name: String, rules: Rules, tls: Option<ServerTls>, proxy_protocol: bool) -> Self {
        let places = rules.limits.connections_max.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            name,
            rules: Arc::new(rules),
            tls,
            proxy_protocol,
            slots: Arc::new(Semaphore::new(places)),
            addresses: Mutex::default(),
        }
    }

    /// A place, if there is one.
    pub fn place(self: &Arc<Self>) -> Option<Place> {
        let slot = Arc::clone(&self.slots).try_acquire_owned().ok()?;
        Some(Place {
            door: Arc::clone(self),
            block: None,
            _slot: slot,
        })
    }

    fn addresses(&self) -> MutexGuard<'_, HashMap<u128, usize>> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Counts the place for the client's address; false when that has too many.
    pub fn claim(&mut self, address: IpAddr) -> bool {
        self.release();
        let block = address_block(address);
        let mut addresses = self.door.addresses();
        // Bounded by the places of the door: an entry is there only while somebody holds one.
        let count = addresses.entry(block).or_insert(0);
        if *count >= self.door.rules.limits.connections_per_address_max {
            return false;
        }
        *count += 1;
        self.block = Some(block);
        true
    }

    fn release(&mut self) {
        let Some(block) = self.block.take() else { return };
        let mut addresses = self.door.addresses();
        if let Some(count) = addresses.get_mut(&block) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                addresses.remove(&block);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::ListenerLimits;
    use risk::DoorKind;

    #[test]
    fn stories_of_one_second_are_bounded_and_the_rest_is_counted() {
        let mut notices = Notices::default();
        let mut check = |second, expected| assert_eq!(notices.admit(second, 2), expected, "second {second}");
        check(7, Some(0));
        check(7, Some(0));
        check(7, None);
        check(7, None);
        check(8, Some(2));
        check(8, Some(0));
        check(8, None);
        check(20, Some(1));
    }

    #[test]
    fn places_are_bounded_and_given_back() {
        let limits = ListenerLimits {
            connections_max: 3,
            connections_per_address_max: 2,
            ..ListenerLimits::default()
        };
        let rules = Rules {
            hostname: "mx".into(),
            kind: DoorKind::Relay,
            starttls: false,
            auth_in_clear: false,
            limits,
        };
        let door = Arc::new(Door::new("relay".into(), rules, None, false));
        let [one, two]: [IpAddr; 2] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let mut places: Vec<_> = (0..3).map(|_| door.place().unwrap()).collect();
        assert!(door.place().is_none());
        assert!(places[0].claim(one) && places[1].claim(one));
        assert!(!places[2].claim(one));
        assert!(places[2].claim(two));
        assert!(!places[2].claim(one), "a claim replaces the one before");
        places.remove(0);
        assert!(places[1].claim(one));
        drop(places);
        assert!(door.addresses().is_empty());
        assert_eq!(door.slots.available_permits(), 3);
    }
}
