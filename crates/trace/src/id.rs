//! The one id of a transaction: in the SMTP reply, the Received field, the log, the panel.
//!
//! Promises: ids of one process are unique and ascend in the order in which they were made, whatever the clock does. Not a
//! secret: who knows one id can guess its neighbours, so an id alone must never open anything private.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};

/// Time-ordered 64-bit id: 42 bits of milliseconds since 2020-01-01 UTC, then 22 bits of a counter that starts at random in
/// each millisecond. Positive as `i64` until the year 2089. Written as 13 characters of Crockford's base 32 in lower case;
/// read in either case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id(u64);

/// The text is not an id. Whoever gave it caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id: 13 characters of 0-9 and a-z without i, l, o, u are needed")]
pub struct IdError;

impl Id {
    /// A fresh id, unique in this process even when the clock stands or goes back.
    pub fn generate(at: Timestamp) -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let since_epoch = u64::try_from(at.as_millisecond().saturating_sub(EPOCH_MS)).unwrap_or(0);
        let milliseconds = since_epoch.min(MILLISECONDS_MAX);
        // Half of the counter's room at most, so that two million further ids of the same millisecond do not run over.
        let fresh = milliseconds << COUNTER_BITS | u64::from(rand::random::<u32>() >> (33 - COUNTER_BITS));
        let next = |last: u64| {
            if last >> COUNTER_BITS < milliseconds {
                fresh
            } else {
                last.wrapping_add(1)
            }
        };
        let mut last = LAST.load(Ordering::Relaxed);
        loop {
            match LAST.compare_exchange_weak(last, next(last), Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Self(next(last)),
                Err(other) => last = other,
            }
        }
    }

    /// The id as the stores keep it.
    pub fn as_u64(self) -> u64 {
        self.0
    }

    /// The id from a store.
    pub fn from_u64(value: u64) -> Self {
        Self(value)
    }

    /// When it was made, to the millisecond.
    pub fn made_at(self) -> Timestamp {
        let milliseconds = i64::try_from(self.0 >> COUNTER_BITS).unwrap_or(0);
        Timestamp::from_millisecond(EPOCH_MS.saturating_add(milliseconds)).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The smallest id that can be made at that time: a bound for searches by time.
    pub fn first_at(at: Timestamp) -> Self {
        let since_epoch = u64::try_from(at.as_millisecond().saturating_sub(EPOCH_MS)).unwrap_or(0);
        Self(since_epoch.min(MILLISECONDS_MAX) << COUNTER_BITS)
    }
}

/// 2020-01-01T00:00:00Z.
const EPOCH_MS: i64 = 1_577_836_800_000;
const COUNTER_BITS: u32 = 22;
const MILLISECONDS_MAX: u64 = (1 << 42) - 1;
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 13;

impl std::str::FromStr for Id {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.len() != LENGTH {
            return Err(IdError);
        }
        let mut value = 0_u64;
        for (place, octet) in text.bytes().enumerate() {
            let lower = octet.to_ascii_lowercase();
            let digit = DIGITS.iter().position(|digit| *digit == lower).ok_or(IdError)?;
            // 13 digits hold 65 bits: the first has no room for its highest one.
            if place == 0 && digit >= 16 {
                return Err(IdError);
            }
            value = value << 5 | digit as u64;
        }
        Ok(Self(value))
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::with_capacity(LENGTH);
        for place in (0..LENGTH).rev() {
            let digit = (self.0 >> (5 * place)) & 31;
            text.push(DIGITS.get(digit as usize).copied().map_or('0', char::from));
        }
        f.pad(&text)
    }
}

impl std::fmt::Debug for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Id({self})")
    }
}

impl TryFrom<String> for Id {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<Id> for String {
    fn from(id: Id) -> String {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn check(text: &str, expected: Result<u64, IdError>) {
        assert_eq!(text.parse::<Id>().map(Id::as_u64), expected, "{text}");
    }

    #[test]
    fn texts() {
        check("0000000000000", Ok(0));
        check("000000000000z", Ok(31));
        check("fzzzzzzzzzzzz", Ok(u64::MAX));
        check("FZZZZZZZZZZZZ", Ok(u64::MAX));
        check("g000000000000", Err(IdError));
        check("000000000000", Err(IdError));
        check("00000000000000", Err(IdError));
        check("000000000000u", Err(IdError));
        check("00000000000-0", Err(IdError));
        check("0000000000é0", Err(IdError));
        check("", Err(IdError));
    }

    proptest! {
        #[test]
        fn a_text_leads_back_to_its_id(value: u64) {
            let id = Id::from_u64(value);
            let text = id.to_string();
            prop_assert_eq!(text.len(), 13);
            prop_assert_eq!(text.parse::<Id>(), Ok(id));
            prop_assert_eq!(serde_json::from_str::<Id>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,20}") {
            if let Ok(id) = text.parse::<Id>() {
                prop_assert_eq!(id.to_string(), text.to_ascii_lowercase());
            }
        }

        #[test]
        fn texts_sort_like_ids(a: u64, b: u64) {
            prop_assert_eq!(a.cmp(&b), Id::from_u64(a).to_string().cmp(&Id::from_u64(b).to_string()));
        }
    }

    #[test]
    fn unique_with_a_standing_clock_on_many_threads() {
        let at: Timestamp = "2030-05-01T10:00:00Z".parse().unwrap();
        let made = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..5_000).map(|_| Id::generate(at)).collect::<Vec<_>>()))
                .collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap())
                .collect::<Vec<_>>()
        });
        assert_eq!(made.iter().collect::<HashSet<_>>().len(), 20_000);
        let back = Id::generate("2029-01-01T00:00:00Z".parse().unwrap());
        assert!(
            made.iter().all(|id| *id < back),
            "ids ascend even when the clock goes back"
        );
    }

    #[test]
    fn it_knows_when_it_was_made() {
        let at: Timestamp = "2045-11-22T08:30:00.123Z".parse().unwrap();
        let id = Id::generate(at);
        assert_eq!(id.made_at(), at);
        assert!(Id::first_at(at) <= id);
        assert_eq!(
            Id::generate("1999-01-01T00:00:00Z".parse().unwrap())
                .to_string()
                .len(),
            13
        );
    }
}
