//! Mailbox lists of From, Sender, Reply-To, To (RFC 5322 §3.4): display names and addresses, groups flattened, comments
//! skipped; no recursion.

use super::Field;
use crate::Address;

/// One mailbox of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Display name decoded, empty when there is none.
    pub name: String,
    /// The address.
    pub address: Address,
}

/// The list is not one a careful reader would read in one way only. The sender caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the field is not a list of mailboxes")]
pub struct MailboxError;

/// Reads a mailbox list strictly: anything on which readers could disagree (two angle addresses in one mailbox, unbalanced
/// quotes or comments, an address that does not parse) is an error. At most 1,000 mailboxes.
pub fn parse_list(_field: &Field<'_>) -> Result<Vec<Mailbox>, MailboxError> {
    todo!()
}
