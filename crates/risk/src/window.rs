//! A sliding window that counts messages, recipients and different recipients.
//!
//! The window is cut into [`SLOTS`] slots; the oldest slot leaves as a whole, so the window is between 11/12 and 12/12 of its
//! length. Different recipients are exact up to [`EXACT_MAX`], then estimated by a HyperLogLog of 512 registers a slot
//! (standard error 4.6 %; Flajolet, Fusy, Gandouet, Meunier 2007). Size: about 200 octets, 7 KiB beyond `EXACT_MAX`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Slots of a window.
const SLOTS: usize = 12;
/// Different recipients counted exactly.
const EXACT_MAX: usize = 256;
/// Registers of the sketch.
const REGISTERS: usize = 512;

/// Counts of one key over one window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counter {
    window_s: u32,
    /// Number of the newest slot since the epoch.
    newest: i64,
    /// Messages and recipients, by slot number modulo `SLOTS`.
    slots: [(u64, u64); SLOTS],
    distinct: Distinct,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Distinct {
    /// Hash of the recipient and the slot it was last seen in.
    Exact(Vec<(u64, i64)>),
    /// Registers, slot after slot.
    Sketch(Vec<u8>),
}

impl Counter {
    /// An empty counter over a window of `window_s` seconds (at least 60).
    pub fn new(window_s: u32) -> Self {
        let window_s = window_s.max(60);
        Self {
            window_s,
            newest: 0,
            slots: [(0, 0); SLOTS],
            distinct: Distinct::Exact(Vec::new()),
        }
    }

    /// Length of the window in seconds.
    pub fn window_s(&self) -> u32 {
        self.window_s
    }

    /// Counts messages and recipients; `hashes` are well-mixed 64-bit hashes of the recipients' keys.
    pub fn add(&mut self, now: Timestamp, messages: u64, hashes: &[u64]) {
        self.advance(now);
        let slot = &mut self.slots[index(self.newest)];
        slot.0 = slot.0.saturating_add(messages);
        slot.1 = slot.1.saturating_add(hashes.len() as u64);
        for hash in hashes {
            self.see(*hash);
        }
    }

    /// Takes back what [`Counter::add`] counted at `at`. Different recipients stay counted: they were tried.
    pub fn refund(&mut self, at: Timestamp, messages: u64, recipients: u64) {
        let number = self.slot_number(at);
        if number <= self.newest && self.newest - number < SLOTS as i64 {
            let slot = &mut self.slots[index(number)];
            slot.0 = slot.0.saturating_sub(messages);
            slot.1 = slot.1.saturating_sub(recipients);
        }
    }

    /// Messages and recipients in the window.
    pub fn totals(&mut self, now: Timestamp) -> (u64, u64) {
        self.advance(now);
        self.slots
            .iter()
            .fold((0, 0), |sum, slot| (sum.0 + slot.0, sum.1 + slot.1))
    }

    /// Different recipients in the window.
    pub fn distinct(&mut self, now: Timestamp) -> u64 {
        self.advance(now);
        match &self.distinct {
            Distinct::Exact(seen) => seen.len() as u64,
            Distinct::Sketch(registers) => estimate(registers),
        }
    }

    /// When the window will have let go enough that messages and recipients are below these maxima; None when they are
    /// already, or never will be (a maximum of 0).
    pub fn free_at(
        &mut self,
        now: Timestamp,
        messages_max: Option<u64>,
        recipients_max: Option<u64>,
    ) -> Option<Timestamp> {
        let (mut messages, mut recipients) = self.totals(now);
        let full = |messages: u64, recipients: u64| {
            messages_max.is_some_and(|max| messages >= max)
                || recipients_max.is_some_and(|max| recipients >= max)
        };
        if !full(messages, recipients) {
            return None;
        }
        for age in (0..SLOTS as i64).rev() {
            let number = self.newest - age;
            let slot = self.slots[index(number)];
            messages = messages.saturating_sub(slot.0);
            recipients = recipients.saturating_sub(slot.1);
            if !full(messages, recipients) {
                return Timestamp::from_second((number + SLOTS as i64) * self.slot_s()).ok();
            }
        }
        None
    }

    /// True when nothing is counted any more, so that the counter can be forgotten.
    pub fn is_empty(&mut self, now: Timestamp) -> bool {
        self.totals(now) == (0, 0)
    }

    fn slot_s(&self) -> i64 {
        i64::from(self.window_s).div_euclid(SLOTS as i64).max(1)
    }

    fn slot_number(&self, at: Timestamp) -> i64 {
        at.as_second().div_euclid(self.slot_s())
    }

    /// Lets go of slots that left the window. A clock that goes back changes nothing.
    fn advance(&mut self, now: Timestamp) {
        let number = self.slot_number(now);
        if number <= self.newest {
            return;
        }
        let steps = (number - self.newest).min(SLOTS as i64);
        for step in 0..steps {
            let freed = index(number - step);
            self.slots[freed] = (0, 0);
            if let Distinct::Sketch(registers) = &mut self.distinct
                && let Some(slot) = registers.chunks_exact_mut(REGISTERS).nth(freed)
            {
                slot.fill(0);
            }
        }
        self.newest = number;
        match &mut self.distinct {
            Distinct::Exact(seen) => seen.retain(|(_, slot)| number - slot < SLOTS as i64),
            Distinct::Sketch(registers) if registers.iter().all(|register| *register == 0) => {
                self.distinct = Distinct::Exact(Vec::new());
            }
            Distinct::Sketch(_) => {}
        }
    }

    fn see(&mut self, hash: u64) {
        let newest = self.newest;
        match &mut self.distinct {
            Distinct::Exact(seen) => {
                if let Some(entry) = seen.iter_mut().find(|(known, _)| *known == hash) {
                    entry.1 = newest;
                } else if seen.len() < EXACT_MAX {
                    seen.push((hash, newest));
                } else {
                    let mut registers = vec![0; SLOTS * REGISTERS];
                    for (known, slot) in seen.iter() {
                        mark(&mut registers, *known, *slot);
                    }
                    mark(&mut registers, hash, newest);
                    self.distinct = Distinct::Sketch(registers);
                }
            }
            Distinct::Sketch(registers) => mark(registers, hash, newest),
        }
    }
}

fn index(number: i64) -> usize {
    number.rem_euclid(SLOTS as i64) as usize
}

fn mark(registers: &mut [u8], hash: u64, slot: i64) {
    let register = (hash % REGISTERS as u64) as usize;
    let rank = ((hash / REGISTERS as u64) | 1 << 54).trailing_zeros() as u8 + 1;
    if let Some(kept) = registers.get_mut(index(slot) * REGISTERS + register) {
        *kept = (*kept).max(rank);
    }
}

fn estimate(registers: &[u8]) -> u64 {
    let mut union = [0u8; REGISTERS];
    for slot in registers.chunks_exact(REGISTERS) {
        for (kept, register) in union.iter_mut().zip(slot) {
            *kept = (*kept).max(*register);
        }
    }
    let count = REGISTERS as f64;
    let sum: f64 = union.iter().map(|rank| 2f64.powi(-i32::from(*rank))).sum();
    let raw = 0.7213 / (1.0 + 1.079 / count) * count * count / sum;
    let zeros = union.iter().filter(|rank| **rank == 0).count();
    let linear = raw <= 2.5 * count && zeros > 0;
    (if linear {
        count * (count / zeros as f64).ln()
    } else {
        raw
    })
    .round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn mixed(n: u64) -> u64 {
        let mut z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    #[test]
    fn slides() {
        let mut counter = Counter::new(3_600);
        counter.add(at(0), 1, &[1, 2]);
        counter.add(at(1_800), 1, &[2]);
        assert_eq!(counter.totals(at(1_800)), (2, 3));
        assert_eq!(counter.distinct(at(1_800)), 2);
        assert_eq!(counter.totals(at(3_700)), (1, 1), "the first has left");
        assert_eq!(counter.distinct(at(3_700)), 1, "2 was seen again");
        assert!(counter.is_empty(at(9_000)));
    }

    #[test]
    fn refunds_in_the_slot_it_was_counted_in() {
        let mut counter = Counter::new(3_600);
        counter.add(at(0), 1, &[1, 2]);
        counter.add(at(400), 1, &[3]);
        counter.refund(at(0), 1, 2);
        assert_eq!(counter.totals(at(400)), (1, 1));
        counter.refund(at(-90_000), 1, 1);
        assert_eq!(counter.totals(at(400)), (1, 1), "long gone: nothing to take back");
    }

    #[test]
    fn tells_when_it_is_free_again() {
        let mut counter = Counter::new(3_600);
        counter.add(at(0), 3, &[1]);
        counter.add(at(600), 1, &[2]);
        assert_eq!(counter.free_at(at(600), Some(5), None), None);
        let free = counter.free_at(at(600), Some(4), None).unwrap();
        assert!(counter.totals(free).0 < 4);
        assert!(free > at(3_000) && free <= at(3_600), "{free}");
    }

    #[test]
    fn estimates_many_within_fifteen_percent() {
        for n in [300u64, 1_000, 10_000, 100_000] {
            let mut counter = Counter::new(86_400);
            for value in 0..n {
                counter.add(at(0), 1, &[mixed(value)]);
            }
            let seen = counter.distinct(at(1)) as f64;
            assert!((seen / n as f64 - 1.0).abs() < 0.15, "{n}: {seen}");
        }
    }

    #[test]
    fn a_clock_that_goes_back_loses_nothing() {
        let mut counter = Counter::new(3_600);
        counter.add(at(1_000), 1, &[1]);
        counter.add(at(-100_000), 1, &[2]);
        assert_eq!(counter.totals(at(1_000)), (2, 2));
    }
}
