//! THE JUDGEMENT. Facts become symbols, symbols a verdict; outcomes become standing. Pure: no I/O, no clock, no randomness.
//!
//! [`judge`] depends on [`Facts`] and [`Policy`] alone, so every verdict can be explained, tested with a table, and made again
//! from what was stored. Nothing here panics on any input; every list is bounded.

mod cause;
mod conduct;
mod content;
mod decibans;
mod facts;
mod judge;
mod limits;
pub mod model;
mod policy;
mod reason;
mod sender;
mod standing;
mod symbol;
mod symbols;
mod verdict;
mod window;

pub use cause::Cause;
pub use conduct::{
    Channel, Conduct, ConductFacts, EvidenceGroup, FailureFacts, FeedbackFacts, Ledger, Norms, Novelty,
    Outcome, PaceFacts, PlaceFacts, Recipient, RecipientFacts, Returned, Sending, Shared, SharedFacts, Sight,
    Sketch, Stop, Sums, TextHabit, Trial, Whence, fold,
};
pub use content::{
    AttachmentFact, ContentFacts, Examined, MemberFact, Pixels, Reading, TextFacts, View, author, examine,
    view, view_of_file,
};
pub use content::{Bands, CAMPAIGN_S, CampaignFacts, SharedBands};
pub use content::{
    HostSeen, LinkFact, LinkFacts, LinkFlag, ListHit, ListKind, NewHosts, collect_links, is_harmless,
};
pub use decibans::Decibans;
pub use facts::{
    Door, DoorKind, Facts, Gathered, IdentityFacts, Match, Scan, ScanResult, Stage, StandingFacts, Usage,
};
pub use judge::judge;
pub use limits::{LimitOverrides, Limits, Windowed};
pub use policy::{Act, Acts, Allowance, FailurePolicy, IdentityMode, ListenerPolicy, Policy, PolicyError};
pub use reason::{Counted, Language, Observation, Reason, Room, Shown, without_middle};
pub use sender::{Level, Role, Sender, SenderKind};
pub use standing::{Lock, Standing};
pub use symbol::{Group, Symbol};
pub use verdict::{Action, Class, Verdict};
pub use window::Counter;
