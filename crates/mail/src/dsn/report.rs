//! What a report says: the facts of one message and its recipients, as the queue knows them.
//!
//! Trusts nothing of the original, of the replies or of the next hop's name; the writers clean them.

use crate::Address;
use crate::smtp::{OriginalRecipient, Reply, Ret};

/// What happened to a recipient (RFC 3464 §2.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// Given up.
    Failed,
    /// Still being tried.
    Delayed {
        /// When it will be given up.
        until: jiff::Timestamp,
    },
    /// Handed to a next hop that confirms (SUCCESS asked for, hop without DSN).
    Relayed,
    /// Delivered.
    Delivered,
}

/// One recipient of the report.
#[derive(Clone, Debug)]
pub struct ReportedRecipient<'a> {
    /// The forward-path.
    pub forward_path: &'a Address,
    /// ORCPT as given.
    pub orcpt: Option<&'a OriginalRecipient>,
    /// What happened.
    pub happened: Happened,
    /// The next hop's reply, or one of ours made up (`4.4.7` expired, `5.4.4` no route, ...).
    pub reply: &'a Reply,
    /// The next hop's name, when a reply came from it.
    pub remote_mta: Option<&'a str>,
    /// Time of the last attempt.
    pub last_attempt: Option<jiff::Timestamp>,
}

/// A report about one message.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// Our host name.
    pub reporting_mta: &'a str,
    /// Where it goes: the reverse-path of the original (never null).
    pub to: &'a Address,
    /// ENVID as given.
    pub envid: Option<&'a str>,
    /// When the original came in.
    pub arrived: jiff::Timestamp,
    /// The original's story id.
    pub original_id: &'a str,
    /// The report's own story id (for Message-ID).
    pub id: &'a str,
    /// RET as given; header only by default and for anything but failures.
    pub ret: Option<Ret>,
    /// At least one.
    pub recipients: Vec<ReportedRecipient<'a>>,
    /// The original message.
    pub original: &'a [u8],
    /// Time of writing.
    pub at: jiff::Timestamp,
}
