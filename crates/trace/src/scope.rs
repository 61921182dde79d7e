//! Whose a story is.

use serde::{Deserialize, Serialize};

/// Whose story it is: what roles are checked against.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Tenant, empty while unknown.
    pub tenant: String,
    /// Domain of the sender, empty while unknown.
    pub domain: String,
    /// Sender in its written form, for example `mailbox:info@example.com`; empty while unknown.
    pub sender: String,
}
