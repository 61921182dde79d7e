//! Verification of DKIM signatures (RFC 6376 §6.1). Keys come from a closure, time is an argument.
//!
//! Promises: linear in the message for each of at most [`SIGNATURES_MAX`] signatures; no panic. Trusts nothing of the message
//! and nothing of the key record. rsa-sha1 is refused (RFC 8301 §3.1), as are RSA keys under 1,024 bits.
//! A signature with `l=` that does not cover the body is reported as such: it proves nothing about what was added.

use super::canonical::{Canonicalisation, Sink};
use super::hash::Sha256;
use super::tags::Tags;
use super::{Algorithm, FIELDS_MAX, split};
use crate::message::{Field, Header};
use aws_lc_rs::signature::{ED25519, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use std::collections::HashMap;

/// Signatures looked at in one message; the topmost ones.
pub const SIGNATURES_MAX: usize = 10;

/// Padding is often lost when records are published by hand.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What came of one signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is right.
    Pass,
    /// It is right, but `l=` leaves the end of the body unsigned.
    PassPartOfBody,
    /// The body was changed.
    BodyChanged,
    /// A signed field was changed, or the key is another one.
    WrongSignature,
    /// `x=` has passed.
    Expired,
    /// There is no usable key record.
    NoKey,
    /// The key was revoked (empty `p=`).
    Revoked,
    /// The signature cannot be used: syntax, unknown version or algorithm, From not signed, key of another kind.
    Unusable,
}

/// One signature and its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// d=, lower case; empty when it cannot be read.
    pub domain: String,
    /// s=.
    pub selector: String,
    /// a=, when it is known.
    pub algorithm: Option<Algorithm>,
    /// What came of it.
    pub outcome: Outcome,
}

/// Verifies the signatures of a message. `key` gives the TXT record at a name (`selector._domainkey.domain`).
pub fn verify(
    message: &[u8],
    at: jiff::Timestamp,
    mut key: impl FnMut(&str) -> Option<String>,
) -> Vec<Verification> {
    let (header, body) = split(message);
    if header.fields.len() > FIELDS_MAX {
        return Vec::new();
    }
    let mut list = Vec::new();
    for field in header.all("DKIM-Signature").take(SIGNATURES_MAX) {
        let mut found = Verification {
            domain: String::new(),
            selector: String::new(),
            algorithm: None,
            outcome: Outcome::Unusable,
        };
        let (Ok(outcome) | Err(outcome)) = verify_one(&header, body, field, at, &mut key, &mut found);
        found.outcome = outcome;
        list.push(found);
    }
    list
}

/// `Err` ends early, nothing else; both are outcomes.
fn verify_one(
    header: &Header<'_>,
    body: &[u8],
    field: &Field<'_>,
    at: jiff::Timestamp,
    key: &mut impl FnMut(&str) -> Option<String>,
    found: &mut Verification,
) -> Result<Outcome, Outcome> {
    let text = std::str::from_utf8(field.value).map_err(|_| Outcome::Unusable)?;
    let tags = Tags::parse(text).ok_or(Outcome::Unusable)?;
    found.domain = tags.get("d").unwrap_or_default().to_ascii_lowercase();
    found.selector = tags.get("s").unwrap_or_default().to_owned();
    found.algorithm = match tags.get("a") {
        Some("rsa-sha256") => Some(Algorithm::RsaSha256),
        Some("ed25519-sha256") => Some(Algorithm::Ed25519Sha256),
        _ => None,
    };
    let signature = Signature::read(&tags, found)?;
    if tags
        .get("x")
        .is_some_and(|x| x.parse::<i64>().map_or(true, |x| x < at.as_second()))
    {
        return Err(Outcome::Expired);
    }
    let record = key(&format!("{}._domainkey.{}", found.selector, found.domain)).ok_or(Outcome::NoKey)?;
    let public = public_key(&record, signature.algorithm, &tags)?;
    let mut body_hash = Sha256::limited(signature.body_octets_max);
    signature.body.body(body, &mut body_hash);
    let cut = signature.body_octets_max != u64::MAX && body_is_longer(&signature, body);
    if signature.body_octets_max != u64::MAX && body_hash.left() > 0 {
        return Err(Outcome::Unusable);
    }
    if body_hash.finish().as_ref() != signature.body_hash {
        return Err(Outcome::BodyChanged);
    }
    let digest = header_hash(header, field, &tags, signature.header);
    let valid = match signature.algorithm {
        Algorithm::RsaSha256 => {
            UnparsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, public)
                .verify_digest(&digest, &signature.octets)
        }
        Algorithm::Ed25519Sha256 => {
            UnparsedPublicKey::new(&ED25519, public).verify(digest.as_ref(), &signature.octets)
        }
    };
    match valid {
        Ok(()) if cut => Ok(Outcome::PassPartOfBody),
        Ok(()) => Ok(Outcome::Pass),
        Err(_) => Err(Outcome::WrongSignature),
    }
}

fn body_is_longer(signature: &Signature, body: &[u8]) -> bool {
    let mut all = Count(0);
    signature.body.body(body, &mut all);
    all.0 > signature.body_octets_max
}

struct Count(u64);

impl Sink for Count {
    fn put(&mut self, octets: &[u8]) {
        self.0 += octets.len() as u64;
    }
}

/// The tags that decide.
struct Signature {
    algorithm: Algorithm,
    header: Canonicalisation,
    body: Canonicalisation,
    body_hash: Vec<u8>,
    body_octets_max: u64,
    octets: Vec<u8>,
}

impl Signature {
    fn read(tags: &Tags<'_>, found: &Verification) -> Result<Self, Outcome> {
        Self::try_read(tags, found).ok_or(Outcome::Unusable)
    }

    fn try_read(tags: &Tags<'_>, found: &Verification) -> Option<Self> {
        if tags.get("v")? != "1"
            || super::name(&found.domain).is_err()
            || super::name(&found.selector).is_err()
        {
            return None;
        }
        if !signed_names(tags).any(|name| name.eq_ignore_ascii_case("from")) {
            return None;
        }
        if let Some(identity) = tags.get("i") {
            // i= must be in d= or below (RFC 6376 §3.5).
            let (_, domain) = identity.rsplit_once('@')?;
            let domain = domain.to_ascii_lowercase();
            if domain != found.domain && !domain.ends_with(&format!(".{}", found.domain)) {
                return None;
            }
        }
        if tags
            .get("q")
            .is_some_and(|q| !q.split(':').any(|method| method.trim_ascii() == "dns/txt"))
        {
            return None;
        }
        let (header, body) = match tags.get("c").unwrap_or("simple/simple").split_once('/') {
            Some((header, body)) => (canonicalisation(header)?, canonicalisation(body)?),
            None => (canonicalisation(tags.get("c")?)?, Canonicalisation::Simple),
        };
        Some(Self {
            algorithm: found.algorithm?,
            header,
            body,
            body_hash: digits(tags.get("bh")?)?,
            body_octets_max: tags.get("l").map_or(Some(u64::MAX), |l| l.parse().ok())?,
            octets: digits(tags.get("b")?)?,
        })
    }
}

fn canonicalisation(name: &str) -> Option<Canonicalisation> {
    match name.trim_ascii() {
        "simple" => Some(Canonicalisation::Simple),
        "relaxed" => Some(Canonicalisation::Relaxed),
        _ => None,
    }
}

/// Base64 with folding white space in it.
fn digits(text: &str) -> Option<Vec<u8>> {
    let joined: String = text.split_ascii_whitespace().collect();
    LENIENT.decode(joined).ok()
}

fn signed_names<'a>(tags: &Tags<'a>) -> impl Iterator<Item = &'a str> + use<'a> {
    tags.get("h").unwrap_or_default().split(':').map(str::trim_ascii)
}

/// RFC 6376 §3.6.1.
fn public_key(record: &str, algorithm: Algorithm, signature: &Tags<'_>) -> Result<Vec<u8>, Outcome> {
    let tags = Tags::parse(record).ok_or(Outcome::NoKey)?;
    if tags.get("v").is_some_and(|v| v != "DKIM1" || !tags.is_first("v")) {
        return Err(Outcome::NoKey);
    }
    let kind = match algorithm {
        Algorithm::RsaSha256 => "rsa",
        Algorithm::Ed25519Sha256 => "ed25519",
    };
    let lists = |tag: &str, wanted: &[&str]| {
        tags.get(tag)
            .is_none_or(|list| list.split(':').any(|item| wanted.contains(&item.trim_ascii())))
    };
    if tags.get("k").unwrap_or("rsa") != kind || !lists("h", &["sha256"]) || !lists("s", &["*", "email"]) {
        return Err(Outcome::Unusable);
    }
    // t=s: the identity must be of the domain itself.
    let strict = tags
        .get("t")
        .is_some_and(|flags| flags.split(':').any(|flag| flag.trim_ascii() == "s"));
    if let (true, Some(identity), Some(domain)) = (strict, signature.get("i"), signature.get("d")) {
        let own = identity
            .rsplit_once('@')
            .is_some_and(|(_, of)| of.eq_ignore_ascii_case(domain));
        if !own {
            return Err(Outcome::Unusable);
        }
    }
    match tags.get("p") {
        None => Err(Outcome::NoKey),
        Some("") => Err(Outcome::Revoked),
        Some(p) => digits(p).ok_or(Outcome::NoKey),
    }
}

/// The hash of the listed fields, of one name from the bottom up, and of the signature without its `b=` value.
fn header_hash(
    header: &Header<'_>,
    field: &Field<'_>,
    tags: &Tags<'_>,
    how: Canonicalisation,
) -> aws_lc_rs::digest::Digest {
    // Instances by name, the lowest last, so that long lists on both sides cost one walk.
    let mut instances: HashMap<Vec<u8>, Vec<&Field<'_>>> = HashMap::new();
    for field in &header.fields {
        instances
            .entry(field.name.to_ascii_lowercase())
            .or_default()
            .push(field);
    }
    let mut hash = Sha256::default();
    for name in signed_names(tags) {
        let lowest = instances
            .get_mut(name.to_ascii_lowercase().as_bytes())
            .and_then(Vec::pop);
        if let Some(field) = lowest {
            how.field(field.raw, &mut hash);
            hash.put(b"\r\n");
        }
    }
    how.field(&without_signature(field, tags), &mut hash);
    hash.finish()
}

/// The field with nothing between `b=` and the end of that tag.
fn without_signature(field: &Field<'_>, tags: &Tags<'_>) -> Vec<u8> {
    let range = tags.range("b").unwrap_or_default();
    let colon = memchr::memchr(b':', field.raw).map_or(0, |colon| colon + 1);
    let mut raw = field.raw[..colon + range.start].to_vec();
    raw.extend_from_slice(&field.raw[colon + range.end..]);
    raw
}
