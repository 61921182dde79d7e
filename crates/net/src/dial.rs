//! Outgoing connections, bound to a source address, with a deadline; to sockets of this machine too; and a network that
//! exists in memory only.

use crate::NetError;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::{TcpSocket, TcpStream, UnixStream};

/// Anything octets go through in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A network in memory: given source and destination it answers with one end of a pipe, or refuses.
pub trait SimulatedNetwork: Send + Sync {
    /// A connection attempt.
    fn connect(&self, source: Option<IpAddr>, to: SocketAddr) -> std::io::Result<DuplexStream>;
}

/// Where a neighbour listens. Written `127.0.0.1:3310`, `[::1]:3310`, `/run/clamav/clamd.ctl` or `unix:/run/clamav/clamd.ctl`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Address and port.
    Tcp(SocketAddr),
    /// A stream socket in the file system; the path is absolute.
    Unix(PathBuf),
}

/// The text is not an endpoint. The operator caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an endpoint: ADDRESS:PORT or the absolute path of a socket is needed")]
pub struct EndpointError;

impl std::str::FromStr for Endpoint {
    type Err = EndpointError;
    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let path = text.strip_prefix("unix:").unwrap_or(text);
        if path.starts_with('/') {
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        text.parse().map(Self::Tcp).map_err(|_| EndpointError)
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
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
                Kind::System => tcp(source, to)
                    .await
                    .map(|stream| Box::new(stream) as Box<dyn Duplex>),
                Kind::Simulated(network) => network
                    .connect(source, to)
                    .map(|pipe| Box::new(pipe) as Box<dyn Duplex>),
            }
        };
        match tokio::time::timeout(timeout, attempt).await {
            Ok(made) => made.map_err(|error| NetError::Io(format!("connection to {to}"), error)),
            Err(_) => Err(NetError::TimedOut(timeout.as_secs())),
        }
    }

    /// Connects to a socket in the file system within `timeout`. A network in memory has none and refuses.
    pub async fn connect_unix(&self, path: &Path, timeout: Duration) -> Result<Box<dyn Duplex>, NetError> {
        let attempt = async {
            match &self.0 {
                Kind::System => UnixStream::connect(path)
                    .await
                    .map(|stream| Box::new(stream) as Box<dyn Duplex>),
                Kind::Simulated(_) => Err(std::io::ErrorKind::Unsupported.into()),
            }
        };
        match tokio::time::timeout(timeout, attempt).await {
            Ok(made) => {
                made.map_err(|error| NetError::Io(format!("connection to {}", path.display()), error))
            }
            Err(_) => Err(NetError::TimedOut(timeout.as_secs())),
        }
    }

    /// Connects to a neighbour, whichever way it listens, within `timeout`.
    pub async fn connect_endpoint(
        &self,
        endpoint: &Endpoint,
        timeout: Duration,
    ) -> Result<Box<dyn Duplex>, NetError> {
        match endpoint {
            Endpoint::Tcp(to) => self.connect(None, *to, timeout).await,
            Endpoint::Unix(path) => self.connect_unix(path, timeout).await,
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
        let dial = async {
            Dialer::system()
                .connect(Some(source), to, Duration::from_secs(5))
                .await
        };
        let (made, accepted) = tokio::join!(dial, listener.accept());
        made.unwrap();
        assert_eq!(accepted.unwrap().1.ip(), source);
    }

    #[test]
    fn endpoints() {
        let check = |text: &str, shown: Option<&str>| {
            let read = text.parse::<Endpoint>();
            assert_eq!(
                read.ok().map(|endpoint| endpoint.to_string()).as_deref(),
                shown,
                "{text}"
            );
        };
        check("127.0.0.1:3310", Some("127.0.0.1:3310"));
        check("[::1]:3310", Some("[::1]:3310"));
        check("/run/clamav/clamd.ctl", Some("/run/clamav/clamd.ctl"));
        check("unix:/run/clamav/clamd.ctl", Some("/run/clamav/clamd.ctl"));
        check("localhost:3310", None);
        check("127.0.0.1", None);
        check("unix:clamd.ctl", None);
        check("", None);
    }

    #[tokio::test]
    async fn reaches_a_socket_in_the_file_system() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let endpoint = Endpoint::Unix(path.clone());
        let dialer = Dialer::system();
        let dial = dialer.connect_endpoint(&endpoint, Duration::from_secs(5));
        let (made, accepted) = tokio::join!(dial, listener.accept());
        made.unwrap();
        accepted.unwrap();
        drop(listener);
        assert!(matches!(
            dialer.connect_unix(&path, Duration::from_secs(5)).await,
            Err(NetError::Io(..))
        ));
    }
}
