//! Guessing passwords is made slow, then pointless, without ever locking out the owner.
//!
//! In prose: failures are counted for the client's address (/32; IPv6: /64), its network (/24; IPv6: /48) and the login that
//! was tried, and halve in each `half_life`. The more an address failed, the longer it waits for its answer; beyond
//! `address_failures_max` it is turned away. Where a network as a whole guesses, all its addresses wait. Where one login is
//! attacked from many places, only two kinds of address may still try it: those that logged in to it before, at once, and
//! those that never failed, after the longest wait. So a thief with ten thousand addresses gets one slow try from each, and
//! the owner always gets in. An address from which somebody logged in lately (an office, a campus) is not banned as a whole:
//! it is only kept from logins that never succeeded from there.
//!
//! Whether the login exists plays no part, so nothing can be learned from delays.
//!
//! Pure: time is an argument, counted from any fixed moment. Bounded by `entries_max`: the oldest half is forgotten when full.

use crate::settings::GuardSettings;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::time::Duration;

/// What a client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Go on at once.
    Open,
    /// Go on after this time.
    Wait(Duration),
    /// Be told that it failed, without looking at the password.
    Shut,
}

/// The memory of failures and successes.
#[derive(Debug)]
pub struct Guard {
    settings: GuardSettings,
    hasher: RandomState,
    addresses: Memory<u128, Heat>,
    networks: Memory<u128, Heat>,
    logins: Memory<u64, Heat>,
    /// Login and address that belong together: when it last succeeded, and failures since then.
    pairs: Memory<(u64, u128), Known>,
    /// Addresses from which somebody logged in, and when.
    homes: Memory<u128, Duration>,
}

/// An address whose people log in is banned at this multiple of the usual count.
const HOME_FACTOR: f64 = 5.0;
/// Failures of a moment ago count a little less than they are; this much is forgiven in comparisons.
const MOMENT: f64 = 0.1;
/// Failures are counted up to this multiple of the ban, so that a ban ends some half-lives after the last failure.
const HEAT_FACTOR_MAX: f64 = 8.0;

impl Guard {
    /// A guard that remembers nothing yet.
    pub fn new(settings: GuardSettings) -> Self {
        let entries_max = settings.entries_max.max(2);
        Self {
            settings,
            hasher: RandomState::new(),
            addresses: Memory::new(entries_max),
            networks: Memory::new(entries_max),
            logins: Memory::new(entries_max),
            pairs: Memory::new(entries_max),
            homes: Memory::new(entries_max),
        }
    }

    /// At connect: `Shut` for a banned address, else `Open`.
    pub fn greet(&mut self, address: IpAddr, now: Duration) -> Gate {
        if self.is_exempt(address) {
            return Gate::Open;
        }
        let block = address_block(address);
        let banned = reached(
            self.heat_of_address(block, now),
            self.settings.address_failures_max,
        );
        if banned && !self.is_home(block, now) {
            Gate::Shut
        } else {
            Gate::Open
        }
    }

    /// Before a password is looked at.
    pub fn ask(&mut self, address: IpAddr, login: &str, now: Duration) -> Gate {
        if self.is_exempt(address) {
            return Gate::Open;
        }
        let (block, name) = (address_block(address), self.name(login));
        let half_life = self.settings.half_life;
        if let Some(known) = self.pairs.get(&(name, block))
            && now.saturating_sub(known.succeeded) < self.settings.known_for
        {
            return self.wait(known.failures.at(now, half_life));
        }
        let own = self.heat_of_address(block, now);
        let factor = if self.is_home(block, now) {
            HOME_FACTOR
        } else {
            1.0
        };
        if reached(own / factor, self.settings.address_failures_max) {
            return Gate::Shut;
        }
        let network = self
            .networks
            .get(&network_block(address))
            .map_or(0.0, |heat| heat.at(now, half_life));
        let hot_network = reached(network, self.settings.network_failures_max);
        let attacked = self.logins.get(&name).map_or(0.0, |heat| heat.at(now, half_life));
        if reached(attacked, self.settings.login_failures_max) {
            return if reached(own, 1) || hot_network {
                Gate::Shut
            } else {
                Gate::Wait(self.settings.delay_max)
            };
        }
        let network_steps = if hot_network { 4.0 } else { 0.0 };
        self.wait(own.max(network_steps))
    }

    /// A login failed, or was not looked at because the gate was shut.
    pub fn failed(&mut self, address: IpAddr, login: &str, now: Duration) {
        if self.is_exempt(address) {
            return;
        }
        let (block, name) = (address_block(address), self.name(login));
        let half_life = self.settings.half_life;
        let max = |count: u32| f64::from(count) * HEAT_FACTOR_MAX;
        let known_for = self.settings.known_for;
        let is_known = |known: &&mut Known| now.saturating_sub(known.succeeded) < known_for;
        if let Some(known) = self.pairs.get_mut(&(name, block)).filter(is_known) {
            known
                .failures
                .add(now, half_life, max(self.settings.address_failures_max));
            // The owner's forgotten password must not close the door on his neighbours.
            return;
        }
        let settings = &self.settings;
        self.addresses
            .entry(block)
            .add(now, half_life, max(settings.address_failures_max));
        self.networks
            .entry(network_block(address))
            .add(now, half_life, max(settings.network_failures_max));
        self.logins
            .entry(name)
            .add(now, half_life, max(settings.login_failures_max));
    }

    /// A login succeeded.
    pub fn succeeded(&mut self, address: IpAddr, login: &str, now: Duration) {
        let (block, name) = (address_block(address), self.name(login));
        *self.pairs.entry((name, block)) = Known {
            succeeded: now,
            failures: Heat::default(),
        };
        *self.homes.entry(block) = now;
    }

    fn name(&self, login: &str) -> u64 {
        // As the directory reads it: quotes and spellings of the domain do not make another login.
        let key = mail::Address::parse(login).map(|address| address.key());
        self.hasher
            .hash_one(key.unwrap_or_else(|_| login.to_ascii_lowercase()))
    }

    fn is_exempt(&self, address: IpAddr) -> bool {
        self.settings
            .exempt
            .iter()
            .any(|network| network.contains(&address))
    }

    fn is_home(&mut self, block: u128, now: Duration) -> bool {
        let known_for = self.settings.known_for;
        self.homes
            .get(&block)
            .is_some_and(|last| now.saturating_sub(*last) < known_for)
    }

    fn heat_of_address(&mut self, block: u128, now: Duration) -> f64 {
        let half_life = self.settings.half_life;
        self.addresses
            .get(&block)
            .map_or(0.0, |heat| heat.at(now, half_life))
    }

    /// The wait doubles with each failure.
    fn wait(&self, failures: f64) -> Gate {
        let steps = (failures + MOMENT).floor();
        if steps < 1.0 {
            return Gate::Open;
        }
        let doubled = self.settings.delay.as_secs_f64() * (steps - 1.0).min(30.0).exp2();
        Gate::Wait(Duration::from_secs_f64(
            doubled.min(self.settings.delay_max.as_secs_f64()),
        ))
    }
}

fn reached(count: f64, max: u32) -> bool {
    count + MOMENT >= f64::from(max)
}

/// A count that halves in each half-life.
#[derive(Clone, Copy, Debug, Default)]
struct Heat {
    count: f64,
    at: Duration,
}

impl Heat {
    fn at(&self, now: Duration, half_life: Duration) -> f64 {
        let halves = now.saturating_sub(self.at).as_secs_f64() / half_life.as_secs_f64().max(1.0);
        self.count * (-halves).exp2()
    }

    fn add(&mut self, now: Duration, half_life: Duration, count_max: f64) {
        *self = Self {
            count: (self.at(now, half_life) + 1.0).min(count_max),
            at: now,
        };
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    succeeded: Duration,
    failures: Heat,
}

/// A map that never holds more than `entries_max`: two halves; when the younger is full, the older is forgotten. What is
/// used moves to the younger half.
#[derive(Debug)]
struct Memory<K, V> {
    half_max: usize,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash + Clone, V: Default> Memory<K, V> {
    fn new(entries_max: usize) -> Self {
        Self {
            half_max: entries_max / 2,
            young: HashMap::new(),
            old: HashMap::new(),
        }
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        if self.get(key).is_none() {
            None
        } else {
            Some(self.entry(key.clone()))
        }
    }

    fn entry(&mut self, key: K) -> &mut V {
        let kept = self.old.remove(&key);
        if !self.young.contains_key(&key) && self.young.len() >= self.half_max {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.entry(key).or_insert_with(|| kept.unwrap_or_default())
    }
}

/// What counts as one address: an IPv4 address, or the /64 that one IPv6 host has for itself.
pub fn address_block(address: IpAddr) -> u128 {
    cut(address, 32, 64)
}

/// What counts as one network.
fn network_block(address: IpAddr) -> u128 {
    cut(address, 24, 48)
}

/// IPv4 is kept as its mapped IPv6 form, so the two cannot collide.
fn cut(address: IpAddr, v4: u32, v6: u32) -> u128 {
    let canonical = address.to_canonical();
    let (value, bits) = match canonical {
        IpAddr::V4(four) => (u128::from(four.to_ipv6_mapped()), 96 + v4),
        IpAddr::V6(six) => (u128::from(six), v6),
    };
    value & u128::MAX.checked_shl(128 - bits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn guard() -> Guard {
        Guard::new(GuardSettings {
            exempt: vec!["203.0.113.0/24".parse().unwrap()],
            ..GuardSettings::default()
        })
    }

    fn fail(guard: &mut Guard, address: &str, login: &str, times: u32, now: Duration) {
        for _ in 0..times {
            guard.failed(ip(address), login, now);
        }
    }

    fn check(guard: &mut Guard, address: &str, login: &str, now: Duration, expected: Gate) {
        assert_eq!(
            guard.ask(ip(address), login, now),
            expected,
            "{address} as {login} at {now:?}"
        );
    }

    fn wait(milliseconds: u64) -> Gate {
        Gate::Wait(Duration::from_millis(milliseconds))
    }

    #[test]
    fn waits_grow_then_the_address_is_banned_for_a_time() {
        let mut guard = guard();
        let now = MINUTE;
        for expected in [
            Gate::Open,
            wait(500),
            wait(1_000),
            wait(2_000),
            wait(4_000),
            wait(8_000),
            wait(8_000),
        ] {
            check(&mut guard, "192.0.2.1", "a@x.example", now, expected);
            fail(&mut guard, "192.0.2.1", "a@x.example", 1, now);
        }
        fail(&mut guard, "192.0.2.1", "b@x.example", 5, now);
        check(&mut guard, "192.0.2.1", "c@x.example", now, Gate::Shut);
        assert_eq!(guard.greet(ip("192.0.2.1"), now), Gate::Shut);
        assert_eq!(guard.greet(ip("192.0.2.2"), now), Gate::Open);
        assert_eq!(
            guard.greet(ip("192.0.2.1"), now + 20 * MINUTE),
            Gate::Open,
            "a ban ends"
        );
        fail(&mut guard, "192.0.2.1", "c@x.example", 1_000_000, now);
        assert_eq!(
            guard.greet(ip("192.0.2.1"), now + 31 * MINUTE),
            Gate::Open,
            "however many there were"
        );
    }

    #[test]
    fn an_ipv6_host_is_its_network() {
        let mut guard = guard();
        for host in 0..12 {
            fail(
                &mut guard,
                &format!("2001:db8::{host:x}"),
                "a@x.example",
                1,
                MINUTE,
            );
        }
        assert_eq!(guard.greet(ip("2001:db8::ffff"), MINUTE), Gate::Shut);
        assert_eq!(guard.greet(ip("2001:db8:0:1::1"), MINUTE), Gate::Open);
        fail(&mut guard, "::ffff:192.0.2.7", "a@x.example", 12, MINUTE);
        assert_eq!(guard.greet(ip("192.0.2.7"), MINUTE), Gate::Shut);
    }

    #[test]
    fn the_owner_gets_in_while_his_login_is_attacked() {
        let mut guard = guard();
        guard.succeeded(ip("198.51.100.7"), "Owner@x.example", Duration::ZERO);
        for network in 0..100 {
            fail(
                &mut guard,
                &format!("10.0.{network}.1"),
                "owner@x.example",
                1,
                MINUTE,
            );
        }
        check(&mut guard, "198.51.100.7", "owner@x.example", MINUTE, Gate::Open);
        check(
            &mut guard,
            "198.51.100.99",
            "owner@x.example",
            MINUTE,
            wait(8_000),
        );
        check(&mut guard, "10.0.5.1", "owner@x.example", MINUTE, Gate::Shut);
        check(&mut guard, "10.0.5.1", "other@x.example", MINUTE, wait(500));
        check(&mut guard, "198.51.100.99", "other@x.example", MINUTE, Gate::Open);
    }

    #[test]
    fn a_network_that_guesses_waits_as_a_whole() {
        let mut guard = guard();
        for host in 0..40 {
            fail(
                &mut guard,
                &format!("10.0.0.{host}"),
                &format!("u{host}@x.example"),
                1,
                MINUTE,
            );
        }
        check(&mut guard, "10.0.0.200", "owner@x.example", MINUTE, wait(4_000));
        check(&mut guard, "10.0.1.200", "owner@x.example", MINUTE, Gate::Open);
    }

    #[test]
    fn an_office_is_not_banned_for_one_forgotten_password() {
        let mut guard = guard();
        guard.succeeded(ip("192.0.2.1"), "a@x.example", Duration::ZERO);
        guard.succeeded(ip("192.0.2.1"), "b@x.example", Duration::ZERO);
        fail(&mut guard, "192.0.2.1", "b@x.example", 30, MINUTE);
        check(&mut guard, "192.0.2.1", "a@x.example", MINUTE, Gate::Open);
        check(&mut guard, "192.0.2.1", "b@x.example", MINUTE, wait(8_000));
        fail(&mut guard, "192.0.2.1", "c@x.example", 30, MINUTE);
        assert_eq!(guard.greet(ip("192.0.2.1"), MINUTE), Gate::Open);
        check(&mut guard, "192.0.2.1", "c@x.example", MINUTE, Gate::Shut);
        fail(&mut guard, "192.0.2.1", "c@x.example", 70, MINUTE);
        check(&mut guard, "192.0.2.1", "d@x.example", MINUTE, Gate::Shut);
        check(&mut guard, "192.0.2.1", "a@x.example", MINUTE, Gate::Open);
    }

    #[test]
    fn exempt_networks_are_never_counted() {
        let mut guard = guard();
        fail(&mut guard, "203.0.113.9", "a@x.example", 1_000, MINUTE);
        check(&mut guard, "203.0.113.9", "a@x.example", MINUTE, Gate::Open);
        assert_eq!(guard.greet(ip("203.0.113.9"), MINUTE), Gate::Open);
    }

    #[test]
    fn memory_is_bounded_and_keeps_what_is_used() {
        let mut guard = Guard::new(GuardSettings {
            entries_max: 100,
            ..GuardSettings::default()
        });
        for number in 0..10_000_u32 {
            let address = IpAddr::from(number.to_be_bytes());
            guard.failed(address, &format!("u{number}@x.example"), MINUTE);
            guard.failed(ip("192.0.2.1"), "a@x.example", MINUTE);
        }
        assert!(guard.addresses.young.len() + guard.addresses.old.len() <= 100);
        assert!(guard.logins.young.len() + guard.logins.old.len() <= 100);
        assert_eq!(guard.greet(ip("192.0.2.1"), MINUTE), Gate::Shut);
    }
}
