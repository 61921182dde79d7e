//! Standing of a sender, and the lock that keeps it from sending.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Standing of a sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nothing is known of it.
    #[default]
    New,
    /// A clean history.
    Good,
    /// A refusal not long ago.
    Watched,
    /// Several refusals.
    Limited,
    /// May not send.
    Locked,
}

/// A lock on a sender. It keeps the sender from sending; reading mail goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lock {
    /// The story that caused it, or the operator's reference: what support staff searches for.
    pub reference: String,
    /// Why, in a sentence of English for the log; at most 200 characters.
    pub reason: String,
    /// `dogana`, or the operator's name.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
    /// Until when; None is until unlocked by hand.
    pub until: Option<Timestamp>,
    /// What was refused came from a place that is not the sender's: what comes from its own is judged as usual.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub elsewhere: bool,
}

impl Standing {
    /// All, in the order of trust.
    pub const ALL: [Self; 5] = [Self::New, Self::Good, Self::Watched, Self::Limited, Self::Locked];

    /// The word in logs, panel and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Good => "good",
            Self::Watched => "watched",
            Self::Limited => "limited",
            Self::Locked => "locked",
        }
    }
}
