//! Outgoing connections, bound to a source address, with a deadline; and a network that exists in memory only.

use crate::NetError;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::{TcpSocket, TcpStream};

/// Anything octets go through in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A network in memory: given source and destination it answers with one end of a pipe, or refuses.
pub trait SimulatedNetwork: Send + Sync {
    /// A connection attempt.
    fn connect(&self, source: Option<IpAddr>, to: SocketAddr) -> std::io::Result<DuplexStream>;
}

/// Makes connections.
#[derive(Clone)]
pub struct Dialer(Kind);

#[derive(Clone)]
enum Kind {
    System,
    Simulated(Arc<dyn SimulatedNetwork>),
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Kind::System => "Dialer(system)",
            Kind::Simulated(_) => "Dialer(simulated)",
        })
    }
}

impl Dialer {
    /// TCP of the operating system, TCP_NODELAY set.
    pub fn system() -> Self {
        Self(Kind::System)
    }

    /// A network in memory.
    pub fn simulated(network: Arc<dyn SimulatedNetwork>) -> Self {
        Self(Kind::Simulated(network))
    }

    /// Connects from `source` (any, when None) within `timeout`.
    pub async fn connect(
        &self,
        source: Option<IpAddr>,
        to: SocketAddr,
        timeout: Duration,
    ) -> Result<Box<dyn Duplex>, NetError> {
        let attempt = async {
            match &self.0 {
                Kind::System => tcp(source, to).await.map(|stream| Box::new(stream) as Box<dyn Duplex>),
                Kind::Simulated(network) => network.connect(source, to).map(|pipe| Box::new(pipe) as Box<dyn Duplex>),
            }
        };
        match tokio::time::timeout(timeout, attempt).await {
            Ok(made) => made.map_err(|error| NetError::Io(format!("connection to {to}"), error)),
            Err(_) => Err(NetError::TimedOut(timeout.as_secs())),
        }
    }
}

async fn tcp(source: Option<IpAddr>, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if let Some(source) = source {
        socket.bind(&SockAddr::from(SocketAddr::new(source, 0)))?;
    }
    TcpSocket::from_std_stream(socket.into()).connect(to).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn binds_the_source() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = listener.local_addr().unwrap();
        let source: IpAddr = "127.0.0.9".parse().unwrap();
        let dial = async { Dialer::system().connect(Some(source), to, Duration::from_secs(5)).await };
        let (made, accepted) = tokio::join!(dial, listener.accept());
        made.unwrap();
        assert_eq!(accepted.unwrap().1.ip(), source);
    }
}
