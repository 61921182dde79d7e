//! What the ledger, laid beside one message, tells the judgement.

use super::channel::Sums;
use crate::Role;
use serde::{Deserialize, Serialize};

/// How a message fits what is remembered of its sender. Counts are of before this message unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConductFacts {
    /// Learned or set role.
    pub role: Role,
    /// Days since the first accepted message.
    pub age_days: u32,
    /// Messages accepted while nothing was suspected: what habits are made of.
    pub messages: u32,
    /// Messages stopped for its conduct since it was last above suspicion.
    pub stopped: u32,
    /// Days since this site began to watch; while it is young nobody is stopped for conduct.
    pub site_days: u32,
    /// Evidence of earlier messages and of what came back, faded to now.
    pub sums: Sums,
    /// What honest mail of this role weighs on average, to be taken off each channel.
    pub norms: Sums,
    /// Where it comes from.
    pub place: PlaceFacts,
    /// Others at the same address.
    pub shared: SharedFacts,
    /// Failed logins.
    pub failures: FailureFacts,
    /// It offers to unsubscribe, as a list does.
    pub is_bulk: bool,
    /// To whom it goes.
    pub recipients: RecipientFacts,
    /// How fast.
    pub pace: PaceFacts,
    /// What came back so far.
    pub feedback: FeedbackFacts,
    /// How its mail usually reads.
    pub text: TextHabit,
    /// Per mille of its accepted messages whose From was not its own.
    pub foreign_from_permille: u16,
}

/// How new a place is to a sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Novelty {
    /// It has used it for days.
    #[default]
    Trusted,
    /// It has used it, but only lately.
    Recent,
    /// Another network of a provider it uses.
    Network,
    /// Another provider of a country it uses.
    Provider,
    /// Another country; for scripts and authors, one never seen.
    Country,
}

/// Where a message comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlaceFacts {
    /// How new it is.
    pub novelty: Novelty,
    /// Two letters, empty when not known.
    pub country: String,
    /// New countries of the last three days, this one last; at most [`PlaceFacts::COUNTRIES_MAX`].
    pub countries: Vec<String>,
    /// Minutes since the first of them.
    pub minutes: u32,
    /// New networks of the last three days, this one included.
    pub networks: u32,
    /// Messages in which it came from a new network, provider, country so far.
    pub moves: [u32; 3],
    /// The client speaks as none of its clients did.
    pub new_client: bool,
    /// This place was stopped before.
    pub stopped: bool,
    /// Another place of this sender was stopped lately.
    pub others_stopped: bool,
    /// Neither it nor its provider is one of the sender's.
    pub strange: bool,
}

impl PlaceFacts {
    /// Countries told.
    pub const COUNTRIES_MAX: usize = 6;
}

/// Other senders at the same address, of the last three days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SharedFacts {
    /// To whom it was new too.
    pub newcomers: u32,
    /// Who used it before: an office, a provider's gateway.
    pub residents: u32,
    /// Whose password failed from there.
    pub failed: u32,
}

/// Failed logins of the last three days from places it does not use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FailureFacts {
    /// How many.
    pub count: u32,
}

/// To whom a message goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecipientFacts {
    /// Recipients of this message.
    pub count: u32,
    /// Of these, never written to before.
    pub new: u32,
    /// Of the new ones, in the sender's own domain.
    pub new_own: u32,
    /// Deliveries so far.
    pub deliveries: u32,
    /// Different recipients so far.
    pub distinct: u32,
    /// Share of new ones among its latest deliveries, per mille.
    pub new_permille: u16,
    /// New ones within this hour, these included.
    pub new_this_hour: u32,
}

/// How fast a sender sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PaceFacts {
    /// Messages of this hour, this one included.
    pub this_hour: u32,
    /// Of its busiest hour on other days.
    pub busiest_hour: u32,
}

/// What came back for messages of the last days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FeedbackFacts {
    /// Delivered.
    pub delivered: u32,
    /// Refused because the recipient does not exist.
    pub unknown: u32,
    /// Refused as spam.
    pub refused: u32,
    /// Complaints.
    pub complaints: u32,
}

/// How a sender's mail usually reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TextHabit {
    /// What its accepted mail weighs on average, in decibans, 0 at least.
    pub usual_db: f32,
    /// Its messages before that said nearly the same as this one.
    pub same: u32,
}
