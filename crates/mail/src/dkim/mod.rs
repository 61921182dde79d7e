//! DKIM signing and verification (RFC 6376; ed25519: RFC 8463). Canonicalisation is our own and exact.

use serde::{Deserialize, Serialize};

/// Signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// rsa-sha256, keys of 1,024 to 4,096 bits, made with 2,048.
    RsaSha256,
    /// ed25519-sha256.
    Ed25519Sha256,
}

/// Why a key or signature cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DkimError {
    /// The operator gave a key that is not PKCS#8 (or PKCS#1 RSA) PEM.
    #[error("the DKIM key is not a PKCS#8 or PKCS#1 private key in PEM")]
    BadKey,
    /// The crypto library refused.
    #[error("the crypto library could not sign")]
    Crypto,
}

/// A private key with the names under which its public half is published.
#[derive(Debug)]
pub struct Signer {
    /// d=, A-labels, lower case.
    pub domain: String,
    /// s=.
    pub selector: String,
    algorithm: Algorithm,
}

impl Signer {
    /// From a PEM private key.
    pub fn from_pem(_domain: &str, _selector: &str, _pem: &str) -> Result<Self, DkimError> {
        todo!()
    }

    /// A new key: the signer and its private half as PKCS#8 PEM.
    pub fn generate(_domain: &str, _selector: &str, _algorithm: Algorithm) -> Result<(Self, String), DkimError> {
        todo!()
    }

    /// The algorithm of the key.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The TXT record to publish at `selector._domainkey.domain`.
    pub fn public_record(&self) -> String {
        todo!()
    }

    /// The `DKIM-Signature` field with CRLF, folded, relaxed/relaxed, to be put before the message. Signs From, To, Cc,
    /// Subject, Date, Message-ID, Reply-To, Sender, MIME-Version, Content-*, List-*, In-Reply-To, References that are
    /// present, and over-signs From, To, Cc, Subject, Date, Message-ID, Reply-To.
    pub fn sign(&self, _message: &[u8], _at: jiff::Timestamp) -> Result<Vec<u8>, DkimError> {
        todo!()
    }
}
