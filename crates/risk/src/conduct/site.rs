//! What the ledgers of a site share: how honest mail of each role weighs, and who was seen at which address.

use super::channel::{Channel, Sums};
use super::facts::SharedFacts;
use super::ratios::mixture;
use crate::Role;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, VecDeque};

/// The running means of likelihood ratios over accepted mail, by role and channel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Norms {
    /// Mean ratio and messages it is made of.
    means: [[(f32, f32); Channel::COUNT]; Role::COUNT],
}

/// Messages over which a mean is taken.
const MEAN_OVER: f32 = 20_000.0;
/// The mean is 1 before anything was seen, and that counts as so many messages.
const MEAN_FIRST: f32 = 500.0;

impl Norms {
    /// What is to be taken off each channel, in decibans; 0 where honest mail weighs 1 or less on average.
    pub fn of(&self, role: Role) -> Sums {
        let mut norms = Sums::default();
        for channel in Channel::ALL {
            if let Some((mean, count)) = self
                .means
                .get(role as usize)
                .and_then(|means| means.get(channel as usize))
            {
                let whole = (mean * count + MEAN_FIRST) / (count + MEAN_FIRST);
                norms.set(channel, (10.0 * whole.max(1.0).log10()).min(10.0));
            }
        }
        norms
    }

    /// Counts an accepted message.
    pub fn learn(&mut self, role: Role, raw: &Sums) {
        let Some(means) = self.means.get_mut(role as usize) else {
            return;
        };
        for channel in Channel::ALL {
            if let Some((mean, count)) = means.get_mut(channel as usize) {
                let ratio = 10f32.powf(mixture(raw.of(channel)) / 10.0);
                *count = (*count + 1.0).min(MEAN_OVER);
                *mean += (ratio - *mean) / *count;
            }
        }
    }
}

/// Who was seen at which address, of the last days. Bounded: the addresses seen first are forgotten first.
#[derive(Clone, Debug)]
pub struct Shared {
    addresses: HashMap<u64, Address>,
    order: VecDeque<u64>,
    addresses_max: usize,
}

#[derive(Clone, Debug, Default)]
struct Address {
    /// Sender, second first seen, was it new to the sender, did it fail.
    seen: Vec<Visit>,
}

#[derive(Clone, Copy, Debug)]
struct Visit {
    sender: u32,
    first_s: u32,
    last_s: u32,
    newcomer: bool,
    failed: bool,
}

/// Senders remembered at one address.
const VISITS_MAX: usize = 8;
/// For so long.
const VISITS_S: u32 = 3 * 86_400;

impl Shared {
    /// An empty memory of at most so many addresses (about 200 octets each).
    pub fn new(addresses_max: usize) -> Self {
        Self {
            addresses: HashMap::new(),
            order: VecDeque::new(),
            addresses_max: addresses_max.max(1),
        }
    }

    /// Who else was seen there.
    pub fn look(&self, address: u64, sender: u32, now_s: u32) -> SharedFacts {
        let mut facts = SharedFacts::default();
        let visits = self
            .addresses
            .get(&address)
            .map_or(&[][..], |address| &address.seen);
        for visit in visits.iter().filter(|visit| visit.sender != sender) {
            let lately = now_s.saturating_sub(visit.last_s) <= VISITS_S;
            facts.failed += u32::from(visit.failed && lately);
            facts.newcomers += u32::from(visit.newcomer && !visit.failed && lately);
            facts.residents += u32::from(!visit.newcomer && !visit.failed);
        }
        facts
    }

    /// Somebody was there: `newcomer` when the network was new to it, `failed` when its password was wrong.
    pub fn note(&mut self, address: u64, sender: u32, newcomer: bool, failed: bool, now_s: u32) {
        if !self.addresses.contains_key(&address) {
            while self.order.len() >= self.addresses_max
                && let Some(oldest) = self.order.pop_front()
            {
                self.addresses.remove(&oldest);
            }
            self.order.push_back(address);
        }
        let visits = &mut self.addresses.entry(address).or_default().seen;
        if let Some(visit) = visits
            .iter_mut()
            .find(|visit| visit.sender == sender && visit.failed == failed)
        {
            visit.last_s = now_s;
            visit.newcomer = newcomer || visit.newcomer && now_s.saturating_sub(visit.first_s) <= VISITS_S;
            return;
        }
        if visits.len() >= VISITS_MAX {
            visits.remove(0);
        }
        visits.push(Visit {
            sender,
            first_s: now_s,
            last_s: now_s,
            newcomer,
            failed,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_honest_mail_weighs_is_taken_off() {
        let mut norms = Norms::default();
        let mut raw = Sums::default();
        raw.set(Channel::Content, 10.0);
        assert_eq!(norms.of(Role::Bulk), Sums::default());
        (0..5_000).for_each(|_| norms.learn(Role::Bulk, &raw));
        let off = norms.of(Role::Bulk).of(Channel::Content);
        assert!((6.5..7.5).contains(&off), "{off}");
        assert_eq!(norms.of(Role::Person), Sums::default());
        assert_eq!(norms.of(Role::Bulk).of(Channel::Origin), 0.0);
    }

    #[test]
    fn addresses_are_shared_by_newcomers_or_residents() {
        let mut shared = Shared::new(100);
        shared.note(1, 10, true, false, 1_000);
        shared.note(1, 11, true, false, 1_000);
        shared.note(1, 12, false, true, 1_000);
        let facts = shared.look(1, 13, 2_000);
        assert_eq!((facts.newcomers, facts.residents, facts.failed), (2, 0, 1));
        assert_eq!(shared.look(1, 10, 2_000).newcomers, 1, "not oneself");
        shared.note(1, 10, false, false, 1_000 + 4 * 86_400);
        let later = shared.look(1, 13, 1_000 + 5 * 86_400);
        assert_eq!((later.newcomers, later.residents, later.failed), (0, 1, 0));
        for address in 0..1_000 {
            shared.note(address, 1, true, false, 0);
        }
        assert!(shared.addresses.len() <= 100 && shared.order.len() <= 100);
    }
}
