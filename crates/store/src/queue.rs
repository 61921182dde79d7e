//! Messages between 250 and the last recipient's outcome.

use crate::StoreError;
use bytes::Bytes;
use jiff::Timestamp;
use mail::Address;
use mail::smtp::{BodyType, Notify, OriginalRecipient, Reply, Ret};
use risk::Class;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use trace::{Id, Scope};

/// What is known of a message besides its octets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// The story's id.
    pub id: Id,
    /// When it was accepted.
    pub arrived: Timestamp,
    /// When it is given up.
    pub expires: Timestamp,
    /// None is the null reverse-path.
    pub reverse_path: Option<Address>,
    /// RET= as given.
    pub ret: Option<Ret>,
    /// ENVID= as given.
    pub envid: Option<String>,
    /// BODY= as given; None is 7BIT.
    pub body: Option<BodyType>,
    /// Sent with SMTPUTF8.
    pub smtputf8: bool,
    /// Whose it is.
    pub scope: Scope,
    /// Risk class.
    pub class: Class,
    /// Pool by which it leaves.
    pub pool: String,
    /// Octets of the message as stored.
    pub size_octets: u64,
}

/// One recipient of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipient {
    /// The forward-path.
    pub forward_path: Address,
    /// ORCPT= as given.
    pub orcpt: Option<OriginalRecipient>,
    /// NOTIFY= as given.
    pub notify: Option<Notify>,
    /// Where it stands.
    pub state: RecipientState,
    /// Attempts so far.
    pub attempts: u32,
    /// The last reply, ours or the next hop's.
    pub last_reply: Option<Reply>,
    /// A delay notice was written.
    pub delay_notified: bool,
}

/// Where a recipient stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RecipientState {
    /// To be tried at that time.
    Scheduled {
        /// When.
        due: Timestamp,
    },
    /// Kept until somebody releases it.
    Held {
        /// Why.
        reason: String,
    },
    /// Over.
    Done(Terminal),
}

/// How it ended for a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Terminal {
    /// The next hop took it.
    Delivered,
    /// Refused for good.
    Failed,
    /// Not delivered in time.
    Expired,
    /// An operator dropped it.
    Dropped,
}

/// A message to be admitted. `chunks` are its octets in order (our fields, signature, then the client's octets).
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The envelope; `size_octets` must be the sum of the chunks.
    pub envelope: Envelope,
    /// At least one; Scheduled or Held.
    pub recipients: Vec<Recipient>,
    /// The message.
    pub chunks: Vec<Bytes>,
}

/// What one attempt means for one recipient.
#[derive(Clone, Debug, PartialEq)]
pub enum Settlement {
    /// Over.
    Done(Terminal, Reply),
    /// Try again then.
    Reschedule {
        /// When.
        due: Timestamp,
        /// What was answered.
        reply: Reply,
        /// False when no attempt was made (paused, no slot): the attempt does not count.
        attempted: bool,
        /// A delay notice goes out with this settlement.
        delay_notified: bool,
    },
}

/// Recipients of one message handed to the sending side: nobody else gets them until they are settled or given back.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The envelope.
    pub envelope: Arc<Envelope>,
    /// Index in the message and the recipient; all due.
    pub recipients: Vec<(u32, Recipient)>,
}

/// A row of `queue list`: one recipient.
#[derive(Clone, Debug, Serialize)]
pub struct QueueRow {
    /// The message.
    pub envelope: Arc<Envelope>,
    /// Index of the recipient.
    pub index: u32,
    /// The recipient.
    pub recipient: Recipient,
    /// An attempt is under way.
    pub leased: bool,
}

/// Which rows; all that are given must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueueFilter {
    /// One message.
    pub id: Option<Id>,
    /// Sender key.
    pub sender: Option<String>,
    /// Tenant.
    pub tenant: Option<String>,
    /// Recipient's domain.
    pub destination: Option<String>,
    /// Pool.
    pub pool: Option<String>,
    /// Only held (true) or only scheduled (false).
    pub held: Option<bool>,
}

/// Numbers for gauges and the first line of `queue list`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct QueueCounts {
    /// Messages.
    pub messages: u64,
    /// Recipients waiting for their time.
    pub scheduled: u64,
    /// Recipients under way.
    pub leased: u64,
    /// Recipients on hold.
    pub held: u64,
    /// Octets of messages.
    pub octets: u64,
}

/// The queue: a segment log on disk, an index in memory.
#[derive(Debug)]
pub struct Queue {}

impl Queue {
    /// Makes a message durable. When this returns Ok it survives kill -9 and power loss. Waits for one group commit.
    pub async fn admit(&self, _arrival: Arrival) -> Result<(), StoreError> {
        todo!()
    }

    /// Books what became of leased recipients, and admits a notice in the same commit. The lease on these recipients ends.
    /// When all recipients are done the message is forgotten. Returns once the record is handed to the log's writer; with a
    /// notice, once it is durable.
    pub async fn settle(&self, _id: Id, _outcomes: Vec<(u32, Settlement)>, _notice: Option<Arrival>) -> Result<(), StoreError> {
        todo!()
    }

    /// Gives leased recipients back unchanged (shutdown, pause).
    pub fn give_back(&self, _id: Id, _recipients: &[u32]) {
        todo!()
    }

    /// Leases recipients that are due, oldest due first, at most `recipients_max` recipients.
    pub fn lease_due(&self, _now: Timestamp, _recipients_max: usize) -> Vec<Lease> {
        todo!()
    }

    /// When the next scheduled recipient is due; None when nothing is scheduled.
    pub fn next_due(&self) -> Option<Timestamp> {
        todo!()
    }

    /// Waits until something new is scheduled, released or retried since the last call.
    pub async fn changed(&self) {
        todo!()
    }

    /// The octets of a message; checked against their checksum.
    pub fn message(&self, _id: Id) -> Result<Bytes, StoreError> {
        todo!()
    }

    /// The envelope and all recipients of a message still in the queue.
    pub fn get(&self, _id: Id) -> Option<(Arc<Envelope>, Vec<Recipient>)> {
        todo!()
    }

    /// Rows, oldest message first, behind `after`, at most `rows_max`.
    pub fn list(&self, _filter: &QueueFilter, _after: Option<(Id, u32)>, _rows_max: usize) -> Vec<QueueRow> {
        todo!()
    }

    /// Numbers.
    pub fn counts(&self) -> QueueCounts {
        todo!()
    }

    /// Makes scheduled rows due now. Returns how many.
    pub async fn retry(&self, _filter: &QueueFilter, _now: Timestamp) -> Result<u64, StoreError> {
        todo!()
    }

    /// Holds scheduled rows (leased ones finish their attempt). Returns how many.
    pub async fn hold(&self, _filter: &QueueFilter, _reason: &str) -> Result<u64, StoreError> {
        todo!()
    }

    /// Releases held rows: due now. Returns how many.
    pub async fn release(&self, _filter: &QueueFilter, _now: Timestamp) -> Result<u64, StoreError> {
        todo!()
    }

    /// Drops rows that are not under way. Returns what was dropped, so that it can be told in the stories.
    pub async fn drop_rows(&self, _filter: &QueueFilter) -> Result<Vec<QueueRow>, StoreError> {
        todo!()
    }
}
