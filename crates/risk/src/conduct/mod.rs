//! What a sender's conduct makes of it: the ladder of standing, and the ledger with its sequential test.
//!
//! In prose: [`Ledger`] remembers how a sender behaves; [`Ledger::look`] lays a message beside it and tells [`ConductFacts`];
//! the judgement weighs them channel by channel ([`Channel`]) and adds the evidence of earlier messages; [`Ledger::fold`] books
//! what was judged, and [`Ledger::feedback`] what came back. Each channel is a bounded sum that forgets by halves, so that no
//! single kind of evidence can stop a sender, and none is remembered for ever.
//!
//! Promises: bounded memory whatever a sender does; the same facts give the same answer. Trusts nobody: habits count only once
//! they are old, and nothing is learned while there is suspicion.

mod bytes;
mod channel;
mod facts;
mod ladder;
mod ledger;
mod outcomes;
mod pace;
mod people;
mod places;
mod ratios;
mod sights;
mod site;
mod trial;

pub use channel::{Channel, EvidenceGroup, Sums};
pub use facts::{
    ConductFacts, FailureFacts, FeedbackFacts, Novelty, PaceFacts, PlaceFacts, RecipientFacts, SharedFacts,
    TextHabit,
};
pub use ladder::{Conduct, Outcome, fold};
pub use ledger::{Ledger, Sending, Sketch};
pub use outcomes::Returned;
pub use people::Recipient;
pub use places::Whence;
pub use sights::Sight;
pub(crate) use sights::{all as all_sights, told as told_sights};
pub use site::{Norms, Shared};
pub use trial::{Stop, Trial};
pub(crate) use trial::{only_watches, weigh};
