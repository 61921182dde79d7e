//! Messages between 250 and the last recipient's outcome.
//!
//! A log in segments on disk, an index in memory, one thread that writes. Many sessions share one `fdatasync`.
//! Promises: what [`Queue::admit`] returned Ok for is there after kill -9 and power loss, with its octets and recipients, until
//! its last recipient is done. An outcome may be forgotten by a crash and happen once more; never a message.
//! Trusts `fdatasync`; checks every octet it reads back. docs/spool.md has the state table and the figures.

mod answer;
mod batch;
mod code;
mod compact;
mod disk;
mod door;
mod index;
mod log;
mod middle;
mod operator;
mod press;
mod recent;
mod record;
mod recover;
mod report;
mod room;
mod rotate;
mod scan;
mod segment;
mod sift;
mod slot;
mod writer;

use bytes::Bytes;
use jiff::Timestamp;
use mail::Address;
use mail::smtp::{BodyType, Notify, OriginalRecipient, Reply, Ret};
use risk::Class;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use trace::{Id, Scope};

pub use disk::{Disk, DiskFile, Folder};
pub use door::{Queue, QueueSettings};
pub use report::{Damage, Recovery};

use index::Message;

/// Octets of one message.
pub const MESSAGE_OCTETS_MAX: u32 = 1 << 30;
/// Kibibytes of messages that may wait for the writer; sessions beyond that wait before they hand over.
const WAITING_KIBIBYTES_MAX: u32 = 64 << 10;

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
