//! DKIM signing and verification (RFC 6376; ed25519: RFC 8463). Canonicalisation is our own and exact.
//!
//! Promises: the message is only read, never changed; linear time; the signature covers every present instance of the
//! fields it names, so that none can be added or replaced. Trusts the operator's key and names after checking them, nothing
//! of the message. Limits: [`FIELDS_MAX`]. Standards: RFC 6376, RFC 8301, RFC 8463.

mod canonical;
mod hash;
mod key;
mod tags;
mod verify;

use crate::message::{Field, Header, Limits};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use canonical::Canonicalisation;
use hash::Sha256;
use key::PrivateKey;
use serde::{Deserialize, Serialize};

pub use verify::{Outcome, SIGNATURES_MAX, Verification, verify};

/// Most header fields a message may have to be signed or verified.
pub const FIELDS_MAX: usize = 10_000;

/// Signed and listed once more than they occur, so that another one breaks the signature (RFC 6376 §8.15).
const OVERSIGNED: [&str; 7] = ["From", "To", "Cc", "Subject", "Date", "Message-ID", "Reply-To"];

/// Signed when present.
const SIGNED: [&str; 4] = ["Sender", "MIME-Version", "In-Reply-To", "References"];

/// Families of which every present field is signed.
const SIGNED_PREFIXES: [&str; 2] = ["Content-", "List-"];

/// Octets of the longest name that is listed: names cannot be folded, and no line may exceed 998 octets.
const NAME_OCTETS_MAX: usize = 255;

/// Where header lines are folded; the limit of RFC 5322 §2.1.1 is 78.
const COLUMN_MAX: usize = 72;

/// Signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// rsa-sha256, keys of 2,048 to 4,096 bits, made with 2,048. (Verified from 1,024 bits.)
    RsaSha256,
    /// ed25519-sha256.
    Ed25519Sha256,
}

impl Algorithm {
    /// As the `a=` tag has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::RsaSha256 => "rsa-sha256",
            Self::Ed25519Sha256 => "ed25519-sha256",
        }
    }
}

/// Why a key or signature cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DkimError {
    /// The operator gave a key that is not PKCS#8 (or PKCS#1 RSA) PEM.
    #[error("the DKIM key is not a PKCS#8 or PKCS#1 private key in PEM")]
    BadKey,
    /// The operator gave an RSA key that is too short or too long.
    #[error("the DKIM key does not have 2,048 to 4,096 bits")]
    KeySize,
    /// The operator gave a domain or selector that is not a domain name.
    #[error("the DKIM domain or selector is not a domain name")]
    BadName,
    /// The sender's message has more header fields than [`FIELDS_MAX`].
    #[error("the message has too many header fields to be signed")]
    TooManyFields,
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
    key: PrivateKey,
    public: String,
}

impl Signer {
    /// From a PEM private key.
    pub fn from_pem(domain: &str, selector: &str, pem: &str) -> Result<Self, DkimError> {
        Self::new(domain, selector, PrivateKey::from_pem(pem)?)
    }

    /// A new key: the signer and its private half as PKCS#8 PEM.
    pub fn generate(domain: &str, selector: &str, algorithm: Algorithm) -> Result<(Self, String), DkimError> {
        let (key, pem) = PrivateKey::generate(algorithm)?;
        Ok((Self::new(domain, selector, key)?, pem))
    }

    fn new(domain: &str, selector: &str, key: PrivateKey) -> Result<Self, DkimError> {
        let public = key.public_base64()?;
        Ok(Self {
            domain: name(domain)?,
            selector: name(selector)?,
            algorithm: key.algorithm(),
            key,
            public,
        })
    }

    /// The algorithm of the key.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The TXT record to publish at `selector._domainkey.domain`.
    pub fn public_record(&self) -> String {
        let kind = match self.algorithm {
            Algorithm::RsaSha256 => "rsa",
            Algorithm::Ed25519Sha256 => "ed25519",
        };
        format!("v=DKIM1; k={kind}; p={}", self.public)
    }

    /// The `DKIM-Signature` field with CRLF, folded, relaxed/relaxed, to be put before the message. Signs From, To, Cc,
    /// Subject, Date, Message-ID, Reply-To, Sender, MIME-Version, Content-*, List-*, In-Reply-To, References that are
    /// present, and over-signs From, To, Cc, Subject, Date, Message-ID, Reply-To.
    pub fn sign(&self, message: &[u8], at: jiff::Timestamp) -> Result<Vec<u8>, DkimError> {
        let (header, body) = split(message);
        if header.fields.len() > FIELDS_MAX {
            return Err(DkimError::TooManyFields);
        }
        let mut body_hash = Sha256::default();
        Canonicalisation::Relaxed.body(body, &mut body_hash);
        let (names, fields) = chosen(&header);
        let mut signature = self.unsigned_field(&names, body_hash.finish().as_ref(), at);
        let mut hash = Sha256::default();
        for field in fields {
            Canonicalisation::Relaxed.field(field.raw, &mut hash);
            canonical::Sink::put(&mut hash, b"\r\n");
        }
        Canonicalisation::Relaxed.field(signature.as_bytes(), &mut hash);
        let octets = self.key.sign(&hash.finish())?;
        fold_digits(&mut signature, &STANDARD.encode(octets));
        signature.push_str("\r\n");
        Ok(signature.into_bytes())
    }

    /// The field with an empty `b=`, which is its last tag.
    fn unsigned_field(&self, names: &[&str], body_hash: &[u8], at: jiff::Timestamp) -> String {
        let mut field = format!(
            "DKIM-Signature: v=1; a={}; c=relaxed/relaxed;\r\n\td={};\r\n\ts={}; t={};\r\n\th=",
            self.algorithm.name(),
            self.domain,
            self.selector,
            at.as_second().max(0),
        );
        let mut column = 10;
        for (index, name) in names.iter().enumerate() {
            if index > 0 {
                field.push(':');
                column += 1;
            }
            if column + name.len() > COLUMN_MAX {
                field.push_str("\r\n\t ");
                column = 9;
            }
            field.push_str(name);
            column += name.len();
        }
        field.push_str(";\r\n\tbh=");
        field.push_str(&STANDARD.encode(body_hash));
        field.push_str(";\r\n\tb=");
        field
    }
}

/// Base64 in folded lines.
fn fold_digits(field: &mut String, digits: &str) {
    let mut column = 10;
    for digit in digits.chars() {
        if column == COLUMN_MAX {
            field.push_str("\r\n\t ");
            column = 9;
        }
        field.push(digit);
        column += 1;
    }
}

/// Header section and body. One field more than [`FIELDS_MAX`] is read, to know that there are too many.
fn split(message: &[u8]) -> (Header<'_>, &[u8]) {
    let limits = Limits {
        fields_max: FIELDS_MAX + 1,
        ..Limits::default()
    };
    let header = Header::parse(message, &limits);
    let body = message.get(header.body_offset..).unwrap_or_default();
    (header, body)
}

/// The names for `h=` and the fields they stand for, of one name from the bottom up (RFC 6376 §5.4.2).
fn chosen<'h>(header: &'h Header<'_>) -> (Vec<&'h str>, Vec<&'h Field<'h>>) {
    let (mut names, mut fields) = (Vec::new(), Vec::new());
    for name in OVERSIGNED.iter().chain(&SIGNED).copied() {
        for field in header.all(name).rev() {
            names.push(name);
            fields.push(field);
        }
        if OVERSIGNED.contains(&name) {
            names.push(name);
        }
    }
    for field in header.fields.iter().rev() {
        let family = SIGNED_PREFIXES.iter().any(|p| {
            field
                .name
                .get(..p.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(p.as_bytes()))
        });
        let plain = field.name.len() <= NAME_OCTETS_MAX
            && field.name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
        if let (true, true, Ok(name)) = (family, plain, std::str::from_utf8(field.name)) {
            names.push(name);
            fields.push(field);
        }
    }
    (names, fields)
}

/// A domain name as A-labels in lower case: nothing that could end a tag or a line.
fn name(text: &str) -> Result<String, DkimError> {
    let ascii = idna::domain_to_ascii(text.trim_end_matches('.')).map_err(|_| DkimError::BadName)?;
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    if ascii.len() <= 253 && ascii.split('.').all(label) {
        Ok(ascii)
    } else {
        Err(DkimError::BadName)
    }
}
