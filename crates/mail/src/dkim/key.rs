//! Private keys from PEM, and what the crypto library does with them.
//!
//! Promises: a key is checked when it is read; no key material is ever printed. Trusts the operator's file to hold the key,
//! not to be well-formed. Limits: RSA keys of 2,048 to 4,096 bits (the library signs with no shorter ones, verifiers need
//! not accept longer ones: RFC 6376 §3.3.3, RFC 8301 §3.2). Standards: RFC 7468, RFC 5958, RFC 8017, RFC 8463.

use super::{Algorithm, DkimError};
use aws_lc_rs::digest::Digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Longest RSA modulus.
const RSA_OCTETS_MAX: usize = 512;

/// A private key.
pub enum PrivateKey {
    /// For [`Algorithm::RsaSha256`].
    Rsa(RsaKeyPair),
    /// For [`Algorithm::Ed25519Sha256`].
    Ed25519(Ed25519KeyPair),
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PrivateKey({:?})", self.algorithm())
    }
}

impl PrivateKey {
    /// The first private key of a PEM text: PKCS#8, or PKCS#1 for RSA.
    pub fn from_pem(pem: &str) -> Result<Self, DkimError> {
        if let Some(der) = pem_block(pem, "PRIVATE KEY") {
            if let Ok(key) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der) {
                return Ok(Self::Ed25519(key));
            }
            return RsaKeyPair::from_pkcs8(&der)
                .map_err(|e| rejected(&e))
                .and_then(Self::rsa);
        }
        let der = pem_block(pem, "RSA PRIVATE KEY").ok_or(DkimError::BadKey)?;
        RsaKeyPair::from_der(&der)
            .map_err(|e| rejected(&e))
            .and_then(Self::rsa)
    }

    fn rsa(key: RsaKeyPair) -> Result<Self, DkimError> {
        if key.public_modulus_len() > RSA_OCTETS_MAX {
            Err(DkimError::KeySize)
        } else {
            Ok(Self::Rsa(key))
        }
    }

    /// A new key and its PKCS#8 PEM.
    pub fn generate(algorithm: Algorithm) -> Result<(Self, String), DkimError> {
        match algorithm {
            Algorithm::RsaSha256 => {
                let key = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| DkimError::Crypto)?;
                let der: Pkcs8V1Der<'_> = key.as_der().map_err(|_| DkimError::Crypto)?;
                let pem = pem_text(der.as_ref());
                Ok((Self::Rsa(key), pem))
            }
            Algorithm::Ed25519Sha256 => {
                let key = Ed25519KeyPair::generate().map_err(|_| DkimError::Crypto)?;
                let pem = pem_text(key.to_pkcs8v1().map_err(|_| DkimError::Crypto)?.as_ref());
                Ok((Self::Ed25519(key), pem))
            }
        }
    }

    /// What it signs with.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa(_) => Algorithm::RsaSha256,
            Self::Ed25519(_) => Algorithm::Ed25519Sha256,
        }
    }

    /// The public half as the `p=` tag wants it: SubjectPublicKeyInfo for RSA (RFC 6376 §3.6.1), 32 raw octets for Ed25519
    /// (RFC 8463 §4.2), in base64.
    pub fn public_base64(&self) -> Result<String, DkimError> {
        match self {
            Self::Rsa(key) => {
                let der: PublicKeyX509Der<'_> = key.public_key().as_der().map_err(|_| DkimError::Crypto)?;
                Ok(STANDARD.encode(der.as_ref()))
            }
            Self::Ed25519(key) => Ok(STANDARD.encode(key.public_key().as_ref())),
        }
    }

    /// Signs a SHA-256 digest. Ed25519 takes the digest as its message (RFC 8463 §3).
    pub fn sign(&self, digest: &Digest) -> Result<Vec<u8>, DkimError> {
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign_digest(&RSA_PKCS1_SHA256, digest, &mut signature)
                    .map_err(|_| DkimError::Crypto)?;
                Ok(signature)
            }
            Self::Ed25519(key) => Ok(key
                .try_sign(digest.as_ref())
                .map_err(|_| DkimError::Crypto)?
                .as_ref()
                .to_vec()),
        }
    }
}

fn rejected(why: &aws_lc_rs::error::KeyRejected) -> DkimError {
    // The library offers no way to ask but the description.
    if matches!(why.to_string().as_str(), "TooSmall" | "TooLarge") {
        DkimError::KeySize
    } else {
        DkimError::BadKey
    }
}

/// The octets of the first block with that label (RFC 7468); text around it is ignored.
fn pem_block(pem: &str, label: &str) -> Option<Vec<u8>> {
    let (begin, end) = (
        format!("-----BEGIN {label}-----"),
        format!("-----END {label}-----"),
    );
    let behind = &pem[pem.find(&begin)? + begin.len()..];
    let text = &behind[..behind.find(&end)?];
    let digits: String = text.split_ascii_whitespace().collect();
    STANDARD.decode(digits).ok()
}

fn pem_text(der: &[u8]) -> String {
    let digits = STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            pem.push('\n');
        }
        pem.push(digit);
    }
    pem.push_str("\n-----END PRIVATE KEY-----\n");
    pem
}
