//! The states of a session and what each of them knows.

use crate::auth::Exchange;
use mail::Address;
use mail::smtp::{MailCommand, Notify, OriginalRecipient};

/// Where a session stands. What a state does not need, it does not have.
#[derive(Debug)]
pub(super) enum State {
    /// Nothing was said yet: since the connection, the TLS handshake, or XCLIENT.
    Fresh,
    /// EHLO or HELO was said; no transaction.
    Greeted,
    /// AUTH was said: the next line is a response, not a command.
    Authenticating(Exchange),
    /// MAIL was accepted.
    Transaction(Box<Transaction>),
    /// At least one BDAT chunk was accepted: no further RCPT and no DATA (RFC 3030 §2).
    Chunks(Box<Transaction>),
    /// Nothing more is read.
    Over,
}

/// An envelope as it grows.
#[derive(Debug)]
pub struct Transaction {
    /// MAIL with its parameters.
    pub mail: MailCommand,
    /// Accepted recipients, at most `recipients_max`.
    pub recipients: Vec<Forward>,
}

/// An accepted recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The forward-path.
    pub path: Address,
    /// NOTIFY=.
    pub notify: Option<Notify>,
    /// ORCPT=.
    pub orcpt: Option<OriginalRecipient>,
}

impl State {
    /// The word used in 503 replies.
    pub(super) fn transaction(&self) -> Option<&Transaction> {
        match self {
            Self::Transaction(transaction) | Self::Chunks(transaction) => Some(transaction),
            _ => None,
        }
    }
}
