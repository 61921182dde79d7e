//! What opening the queue tells the operator.

use serde::Serialize;
use trace::Id;

/// What opening the queue found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Recovery {
    /// Segments read.
    pub segments: u64,
    /// Records read and understood.
    pub records: u64,
    /// Messages in the queue.
    pub messages: u64,
    /// Octets behind the last sync that were cut off; nobody was told that they are durable.
    pub torn_octets: u64,
    /// Stretches of acknowledged octets that cannot be read; the operator must look. At most 1,000 are listed.
    pub damaged: Vec<Damage>,
    /// All of them.
    pub damaged_count: u64,
    /// Files set aside because of damage, now or earlier; named `….seg.damaged`.
    pub files_set_aside: u64,
}

/// A stretch that was acknowledged and cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// Name of the file.
    pub file: String,
    /// First octet.
    pub from: u64,
    /// Behind the last octet.
    pub to: u64,
    /// The message, when its envelope can still be read; it is on hold then.
    pub id: Option<Id>,
}
