//! Incoming connections: listening sockets and the stream of one client, in the clear or under TLS.

use crate::{NetError, ServerTls, TlsFacts};
use socket2::{Domain, Protocol, Socket, Type};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// A listening socket.
#[derive(Debug)]
pub struct Listener(TcpListener);

impl Listener {
    /// Binds with SO_REUSEADDR. `backlog` is the kernel's queue of connections not yet accepted. Must be called inside a runtime.
    pub fn bind(address: SocketAddr, backlog: i32) -> Result<Self, NetError> {
        let bound = || -> std::io::Result<TcpListener> {
            let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
            socket.set_reuse_address(true)?;
            if address.is_ipv6() {
                socket.set_only_v6(true)?;
            }
            socket.set_nonblocking(true)?;
            socket.bind(&address.into())?;
            socket.listen(backlog)?;
            TcpListener::from_std(socket.into())
        };
        bound()
            .map(Self)
            .map_err(|error| NetError::Io(format!("listening on {address}"), error))
    }

    /// Where it listens (port 0 becomes the real one).
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// The next client; TCP_NODELAY is set. An error (such as EMFILE) concerns this attempt only: the caller waits a little
    /// and goes on.
    pub async fn accept(&self) -> std::io::Result<(ServerStream, SocketAddr)> {
        let (stream, peer) = self.0.accept().await?;
        stream.set_nodelay(true)?;
        Ok((ServerStream::Plain(stream), peer))
    }
}

/// A client's stream.
#[derive(Debug)]
pub enum ServerStream {
    /// In the clear.
    Plain(TcpStream),
    /// Under TLS.
    Tls(Box<tokio_rustls::server::TlsStream<TcpStream>>),
}

impl ServerStream {
    /// Does the TLS handshake as server. The caller must have no unread octets of the client (they would be an injection) and
    /// bounds the time.
    pub async fn start_tls(self, tls: &ServerTls) -> Result<(Self, TlsFacts), NetError> {
        let Self::Plain(stream) = self else {
            return Err(NetError::Handshake(std::io::Error::other("TLS inside TLS")));
        };
        let secured = tls.acceptor().accept(stream).await.map_err(NetError::Handshake)?;
        let facts = TlsFacts::of(secured.get_ref().1);
        Ok((Self::Tls(Box::new(secured)), facts))
    }
}

impl AsyncRead for ServerStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for ServerStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
