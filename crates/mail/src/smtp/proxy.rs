//! PROXY protocol v1 and v2 (HAProxy), bounded; the caller checks that the peer is trusted.

use std::net::SocketAddr;

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxied {
    /// The true client.
    Client(SocketAddr),
    /// LOCAL or UNKNOWN: the proxy itself speaks (health check).
    Local,
}

/// The octets are no PROXY header. The peer caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a PROXY protocol header")]
pub struct ProxyError;

/// Reads a header at the start of `input`. `Ok(None)`: not complete yet (never beyond 536 octets). The number is how many
/// octets it took.
pub fn parse(_input: &[u8]) -> Result<Option<(usize, Proxied)>, ProxyError> {
    todo!()
}
