//! What can go wrong at the doors before the first client comes. What goes wrong later is a reply, not an error.

use net::NetError;

/// Errors of this room.
#[derive(Debug, thiserror::Error)]
pub enum IngressError {
    /// The settings contradict themselves. The operator caused it.
    #[error("{0}")]
    Settings(String),
    /// A listener cannot be bound. The operator, or another program on that port, caused it.
    #[error("listener {name}: {error}")]
    Listen {
        /// The listener.
        name: String,
        /// Why.
        #[source]
        error: NetError,
    },
}
