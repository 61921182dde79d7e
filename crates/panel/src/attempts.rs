//! Bounds on guessing: passwords at the login, ids at the public page.
//!
//! Decision in prose: an address that failed often for one login, or very often for many, is turned away for a while. A login
//! that is guessed at from many addresses is never locked (that would lock out its owner); its answers only come slower.

use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Failures and requests of late.
#[derive(Default)]
pub(crate) struct Attempts {
    counts: Mutex<HashMap<Key, Count>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    /// Failed logins.
    Address(IpAddr),
    Pair(IpAddr, String),
    Login(String),
    /// Requests for public pages.
    Page(IpAddr),
    Pages,
}

#[derive(Clone, Copy)]
struct Count {
    since: Timestamp,
    count: u32,
}

impl Attempts {
    /// Keys remembered; beyond it the past ones are forgotten, then all.
    const KEYS_MAX: usize = 50_000;
    /// Failed logins of an address in a window.
    const ADDRESS_MAX: u32 = 40;
    /// Failed logins of an address for one login in a window.
    const PAIR_MAX: u32 = 8;
    /// Public pages for an address in a minute.
    const PAGE_MAX: u32 = 60;
    /// Public pages for all in a minute.
    const PAGES_MAX: u32 = 1_200;
    const WINDOW: SignedDuration = SignedDuration::from_mins(15);
    const PAGE_WINDOW: SignedDuration = SignedDuration::from_mins(1);

    /// May that address try that login now; else the seconds to wait.
    pub(crate) fn check(&self, address: IpAddr, login: &str, now: Timestamp) -> Result<(), u64> {
        let address = network(address);
        let counts = self.lock();
        for (key, max) in [
            (Key::Address(address), Self::ADDRESS_MAX),
            (Key::Pair(address, short(login)), Self::PAIR_MAX),
        ] {
            if let Some(count) = counts
                .get(&key)
                .filter(|count| count.is_in(now, Self::WINDOW) && count.count >= max)
            {
                let left = Self::WINDOW - now.duration_since(count.since);
                return Err(u64::try_from(left.as_secs()).unwrap_or(0).max(1));
            }
        }
        Ok(())
    }

    /// Books a failure and tells how long its answer shall wait.
    pub(crate) fn failed(&self, address: IpAddr, login: &str, now: Timestamp) -> Duration {
        let address = network(address);
        let mut counts = self.lock();
        add(&mut counts, Key::Address(address), now, Self::WINDOW);
        add(&mut counts, Key::Pair(address, short(login)), now, Self::WINDOW);
        let failures = add(&mut counts, Key::Login(short(login)), now, Self::WINDOW);
        Duration::from_millis(250 << failures.saturating_sub(1).min(4))
    }

    /// Forgets the failures of an address for a login that got in.
    pub(crate) fn succeeded(&self, address: IpAddr, login: &str) {
        self.lock().remove(&Key::Pair(network(address), short(login)));
    }

    /// Counts a request for a public page; false when there were too many.
    pub(crate) fn page(&self, address: IpAddr, now: Timestamp) -> bool {
        let mut counts = self.lock();
        let own = add(&mut counts, Key::Page(network(address)), now, Self::PAGE_WINDOW);
        own <= Self::PAGE_MAX && add(&mut counts, Key::Pages, now, Self::PAGE_WINDOW) <= Self::PAGES_MAX
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Count>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Count {
    fn is_in(self, now: Timestamp, window: SignedDuration) -> bool {
        now.duration_since(self.since) < window
    }
}

fn add(counts: &mut HashMap<Key, Count>, key: Key, now: Timestamp, window: SignedDuration) -> u32 {
    if counts.len() >= Attempts::KEYS_MAX {
        counts.retain(|_, count| count.is_in(now, Attempts::WINDOW));
        if counts.len() >= Attempts::KEYS_MAX {
            counts.clear();
        }
    }
    let count = counts.entry(key).or_insert(Count { since: now, count: 0 });
    if !count.is_in(now, window) {
        *count = Count { since: now, count: 0 };
    }
    count.count = count.count.saturating_add(1);
    count.count
}

/// An IPv6 customer has a /64 at least.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

fn short(login: &str) -> String {
    login.chars().take(255).collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn a_guesser_is_turned_away_the_owner_is_not() {
        let attempts = Attempts::default();
        let mut waits = Vec::new();
        for _ in 0..Attempts::PAIR_MAX {
            assert_eq!(attempts.check(HERE, "a@b", at(0)), Ok(()));
            waits.push(attempts.failed(HERE, "A@B", at(0)).as_millis());
        }
        assert_eq!(waits[..6], [250, 500, 1_000, 2_000, 4_000, 4_000]);
        assert_eq!(attempts.check(HERE, "a@b", at(5)), Err(600));
        assert_eq!(attempts.check(THERE, "a@b", at(5)), Ok(()));
        assert_eq!(attempts.check(HERE, "c@d", at(5)), Ok(()));
        assert_eq!(attempts.check(HERE, "a@b", at(15)), Ok(()));
    }

    #[test]
    fn an_address_that_tries_many_logins() {
        let attempts = Attempts::default();
        for number in 0..Attempts::ADDRESS_MAX {
            attempts.failed(HERE, &number.to_string(), at(0));
        }
        assert!(attempts.check(HERE, "fresh", at(1)).is_err());
        assert!(attempts.check(THERE, "fresh", at(1)).is_ok());
    }

    #[test]
    fn success_forgives() {
        let attempts = Attempts::default();
        for _ in 0..Attempts::PAIR_MAX {
            attempts.failed(HERE, "a@b", at(0));
        }
        attempts.succeeded(HERE, "a@b");
        assert_eq!(attempts.check(HERE, "a@b", at(1)), Ok(()));
    }

    #[test]
    fn pages_are_bounded_by_network() {
        let attempts = Attempts::default();
        let v6 = |last: u128| IpAddr::V6(Ipv6Addr::from_bits(0x2001_0db8 << 96 | last));
        for number in 0..Attempts::PAGE_MAX {
            assert!(attempts.page(v6(u128::from(number)), at(0)));
        }
        assert!(!attempts.page(v6(7), at(0)));
        assert!(attempts.page(v6(1 << 64), at(0)));
        assert!(attempts.page(v6(7), at(1)));
    }
}
