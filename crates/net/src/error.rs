//! What can go wrong at the seams.

/// Errors of this room.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The operating system refused; the operator or the peer caused it.
    #[error("{0}: {1}")]
    Io(String, std::io::Error),
    /// A certificate or key file cannot be used. The operator caused it.
    #[error("certificate: {0}")]
    Certificate(String),
    /// The TLS handshake failed. The peer caused it.
    #[error("TLS handshake: {0}")]
    Handshake(std::io::Error),
    /// The peer did not answer in time.
    #[error("no answer within {0} s")]
    TimedOut(u64),
}
