//! TLS: server certificates that are read again when they change, and client connections to next hops. TLS 1.2 and 1.3 only
//! (RFC 8996), one crypto provider.

use crate::{Duplex, NetError};
use arc_swap::ArcSwap;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What was agreed with a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// For example `TLSv1.3`.
    pub version: String,
    /// For example `TLS13_AES_256_GCM_SHA384`.
    pub cipher: String,
}

impl TlsFacts {
    pub(crate) fn of(connection: &rustls::CommonState) -> Self {
        let version = match connection.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
            _ => "TLS",
        };
        let suite = connection.negotiated_cipher_suite();
        let cipher = suite
            .and_then(|suite| suite.suite().as_str().map(str::to_owned))
            .unwrap_or_default();
        Self {
            version: version.to_owned(),
            cipher,
        }
    }
}

/// Server side: one certificate chain, read again by [`ServerTls::reload`].
#[derive(Clone)]
pub struct ServerTls {
    acceptor: tokio_rustls::TlsAcceptor,
    current: Arc<Current>,
}

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServerTls({})", self.current.certificate.display())
    }
}

struct Current {
    certificate: PathBuf,
    key: PathBuf,
    loaded: ArcSwap<CertifiedKey>,
}

impl std::fmt::Debug for Current {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Current")
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.loaded.load_full())
    }
}

impl ServerTls {
    /// From a PEM chain and a PEM key.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, NetError> {
        let loaded = ArcSwap::from_pointee(load(certificate, key)?);
        let current = Arc::new(Current {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            loaded,
        });
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| NetError::Certificate(error.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        // A client that offers only other protocols by ALPN is not a mail client and is refused (ALPACA); one without ALPN is
        // let in.
        config.alpn_protocols = vec![b"smtp".to_vec()];
        // Small write buffers: thousands of idle sessions are kept open.
        config.max_early_data_size = 0;
        Ok(Self {
            acceptor: tokio_rustls::TlsAcceptor::from(Arc::new(config)),
            current,
        })
    }

    /// Reads the files again. On an error the old certificate stays. Returns true when the chain changed.
    pub fn reload(&self) -> Result<bool, NetError> {
        let fresh = load(&self.current.certificate, &self.current.key)?;
        let changed = fresh.cert != self.current.loaded.load().cert;
        if changed {
            self.current.loaded.store(Arc::new(fresh));
        }
        Ok(changed)
    }

    pub(crate) fn acceptor(&self) -> &tokio_rustls::TlsAcceptor {
        &self.acceptor
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn load(certificate: &Path, key: &Path) -> Result<CertifiedKey, NetError> {
    let bad = |path: &Path, error: &dyn std::fmt::Display| {
        NetError::Certificate(format!("{}: {error}", path.display()))
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| bad(certificate, &error))?;
    if chain.is_empty() {
        return Err(bad(certificate, &"no certificate in it"));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| bad(key, &error))?;
    let signer = aws_lc_rs::sign::any_supported_type(&private).map_err(|error| bad(key, &error))?;
    let loaded = CertifiedKey::new(chain, signer);
    loaded.keys_match().map_err(|error| bad(key, &error))?;
    Ok(loaded)
}

/// A self-made certificate for demonstration.
#[derive(Clone, Debug)]
pub struct SelfSigned {
    /// PEM chain.
    pub certificate: String,
    /// PEM key.
    pub key: String,
}

/// Makes a self-signed certificate for these names and addresses.
pub fn self_signed(names: &[String]) -> Result<SelfSigned, NetError> {
    let made = rcgen::generate_simple_self_signed(names)
        .map_err(|error| NetError::Certificate(error.to_string()))?;
    Ok(SelfSigned {
        certificate: made.cert.pem(),
        key: made.signing_key.serialize_pem(),
    })
}

/// Client side.
#[derive(Clone)]
pub struct ClientTls {
    opportunistic: tokio_rustls::TlsConnector,
    verified: tokio_rustls::TlsConnector,
}

impl std::fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientTls")
    }
}

impl ClientTls {
    /// With the system's root certificates for verified connections.
    pub fn new() -> Result<Self, NetError> {
        let bad = |error: rustls::Error| NetError::Certificate(error.to_string());
        let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
        let any = AnyCertificate(provider());
        let opportunistic = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&versions)
            .map_err(bad)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(any))
            .with_no_client_auth();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let verified = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&versions)
            .map_err(bad)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            opportunistic: Arc::new(opportunistic).into(),
            verified: Arc::new(verified).into(),
        })
    }

    /// Does the handshake as client. `verify`: the certificate must be valid for `host`; else any is taken (opportunistic TLS,
    /// RFC 7435). The caller must have no unread octets of the peer.
    pub async fn connect(
        &self,
        stream: Box<dyn Duplex>,
        host: &str,
        verify: bool,
        timeout: Duration,
    ) -> Result<(Box<dyn Duplex>, TlsFacts), NetError> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| NetError::Handshake(std::io::Error::other(error.to_string())))?;
        let connector = if verify {
            &self.verified
        } else {
            &self.opportunistic
        };
        match tokio::time::timeout(timeout, connector.connect(name, stream)).await {
            Ok(Ok(secured)) => {
                let facts = TlsFacts::of(secured.get_ref().1);
                Ok((Box::new(secured), facts))
            }
            Ok(Err(error)) => Err(NetError::Handshake(error)),
            Err(_) => Err(NetError::TimedOut(timeout.as_secs())),
        }
    }
}

/// Takes any certificate, but checks that the peer holds its key: against listeners, not against impostors.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
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
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
