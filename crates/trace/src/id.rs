//! The one id of a transaction: in the SMTP reply, the Received field, the log, the panel.

use serde::{Deserialize, Serialize};

/// Time-ordered 64-bit id: 42 bits of milliseconds since 2020-01-01 UTC, then 22 bits of a counter that starts at random.
/// Positive as `i64` until the year 2159. Written as 13 characters of Crockford's base 32 in lower case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id(u64);

/// The text is not an id. Whoever gave it caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id: 13 characters of 0-9 and a-z without i, l, o, u are needed")]
pub struct IdError;

impl Id {
    /// A fresh id, unique in this process even when the clock stands or goes back.
    pub fn generate(_at: jiff::Timestamp) -> Self {
        todo!()
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
    pub fn made_at(self) -> jiff::Timestamp {
        todo!()
    }
}

impl std::str::FromStr for Id {
    type Err = IdError;
    fn from_str(_text: &str) -> Result<Self, IdError> {
        todo!()
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        todo!()
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
