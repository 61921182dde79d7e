//! A mail program: connects, asks for TLS, logs in, sends; each reply is given back as it came.

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A session with a server.
pub struct Client {
    stream: Box<dyn Stream>,
    input: Vec<u8>,
}

/// One message to be sent.
#[derive(Clone, Debug)]
pub struct Mail<'a> {
    /// MAIL FROM, without brackets; empty is the null reverse-path.
    pub from: &'a str,
    /// RCPT TO, without brackets.
    pub to: Vec<&'a str>,
    /// The message with CRLF line ends.
    pub message: &'a [u8],
}

/// How a message fared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fared {
    /// The reply to MAIL.
    pub mail: String,
    /// The replies to RCPT.
    pub rcpts: Vec<String>,
    /// The reply to the final dot; empty when it did not come to that.
    pub end: String,
}

impl Fared {
    /// The reply that decided: the first that is not positive, else the last.
    pub fn decisive(&self) -> &str {
        let all = std::iter::once(&self.mail)
            .chain(&self.rcpts)
            .chain(std::iter::once(&self.end));
        all.filter(|reply| !reply.is_empty())
            .find(|reply| !reply.starts_with('2'))
            .unwrap_or(&self.end)
    }

    /// The message was taken.
    pub fn taken(&self) -> bool {
        self.end.starts_with('2')
    }
}

impl Client {
    /// Connects in the clear and says EHLO. Gives back the greeting's session.
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        let mut client = Self {
            stream: Box::new(stream),
            input: Vec::new(),
        };
        client.expect("220").await?;
        client.ask("EHLO client.test\r\n", "250").await?;
        Ok(client)
    }

    /// Connects under TLS from the first octet (port 465).
    pub async fn connect_tls(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let stream = connector().connect(name()?, stream).await?;
        let mut client = Self {
            stream: Box::new(stream),
            input: Vec::new(),
        };
        client.expect("220").await?;
        client.ask("EHLO client.test\r\n", "250").await?;
        Ok(client)
    }

    /// STARTTLS and EHLO again.
    pub async fn start_tls(mut self) -> Result<Self> {
        self.ask("STARTTLS\r\n", "220").await?;
        let stream = connector().connect(name()?, self.stream).await?;
        let mut client = Self {
            stream: Box::new(stream),
            input: Vec::new(),
        };
        client.ask("EHLO client.test\r\n", "250").await?;
        Ok(client)
    }

    /// AUTH PLAIN; gives back the reply.
    pub async fn login(&mut self, login: &str, password: &str) -> Result<String> {
        let words = STANDARD.encode(format!("\0{login}\0{password}"));
        self.command(&format!("AUTH PLAIN {words}\r\n")).await
    }

    /// Sends one message, MAIL and RCPT pipelined as clients do.
    pub async fn send(&mut self, mail: &Mail<'_>) -> Result<Fared> {
        let mut commands = format!("MAIL FROM:<{}>\r\n", mail.from);
        for to in &mail.to {
            commands.push_str(&format!("RCPT TO:<{to}>\r\n"));
        }
        self.stream.write_all(commands.as_bytes()).await?;
        let mut fared = Fared {
            mail: self.reply().await?,
            ..Fared::default()
        };
        for _ in &mail.to {
            fared.rcpts.push(self.reply().await?);
        }
        if !fared.mail.starts_with('2') || !fared.rcpts.iter().any(|reply| reply.starts_with('2')) {
            self.command("RSET\r\n").await?;
            return Ok(fared);
        }
        let ready = self.command("DATA\r\n").await?;
        if !ready.starts_with("354") {
            fared.end = ready;
            return Ok(fared);
        }
        self.stream.write_all(&stuffed(mail.message)).await?;
        // Under TLS the last records may still wait in memory.
        self.stream.flush().await?;
        fared.end = self.reply().await?;
        Ok(fared)
    }

    /// Says QUIT.
    pub async fn quit(mut self) -> Result<()> {
        self.ask("QUIT\r\n", "221").await.map(|_| ())
    }

    /// Sends octets as they are and gives back the reply.
    pub async fn command(&mut self, text: &str) -> Result<String> {
        self.stream.write_all(text.as_bytes()).await?;
        self.reply().await
    }

    async fn ask(&mut self, text: &str, code: &str) -> Result<String> {
        self.stream.write_all(text.as_bytes()).await?;
        self.expect(code).await
    }

    async fn expect(&mut self, code: &str) -> Result<String> {
        let reply = self.reply().await?;
        if !reply.starts_with(code) {
            bail!("expected {code}, got: {reply}");
        }
        Ok(reply)
    }

    /// One reply; the lines of a longer one are joined by line feeds.
    pub async fn reply(&mut self) -> Result<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await?;
            let last = line.as_bytes().get(3) != Some(&b'-');
            lines.push(line);
            if last {
                return Ok(lines.join("\n"));
            }
        }
    }

    async fn line(&mut self) -> Result<String> {
        loop {
            if let Some(end) = self.input.windows(2).position(|two| two == b"\r\n") {
                let line: Vec<u8> = self.input.drain(..end + 2).collect();
                return Ok(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                bail!("the server closed the connection");
            }
        }
    }
}

/// A message dot-stuffed and ended.
pub fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 64);
    for line in message.split_inclusive(|octet| *octet == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

fn name() -> Result<ServerName<'static>> {
    Ok(ServerName::try_from("localhost")?)
}

fn connector() -> tokio_rustls::TlsConnector {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let schemes = provider.signature_verification_algorithms.supported_schemes();
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(|builder| {
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anybody(schemes)))
                .with_no_client_auth()
        });
    match config {
        Ok(config) => Arc::new(config).into(),
        Err(error) => unreachable!("the default versions are supported: {error}"),
    }
}

/// The demonstration's certificate is self-signed; this client does not care.
#[derive(Debug)]
struct Anybody(Vec<SignatureScheme>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}
