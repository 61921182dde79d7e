//! Password hashes: argon2id of our own, and those that mail hosts already have (`$6$`, `$5$`, `$2y$`, `$argon2id$`, `{SSHA512}`,
//! `{SHA512-CRYPT}`, `{SHA256-CRYPT}`, `{BLF-CRYPT}`, `{ARGON2ID}`, `{CRYPT}`); plain text is refused.
//!
//! Promises: what [`check`] takes, [`verify`] can verify, in bounded time and memory; comparisons take constant time.
//! Trusts nothing: a hash may come from an import and ask for days of work ([`ARGON2_MEMORY_KIB_MAX`] and its neighbours).
//! Limits: a password has 1 to [`PASSWORD_OCTETS_MAX`] octets and no NUL; bcrypt itself looks at the first 72 only.
//! Standards: RFC 9106 (Argon2), the PHC string format, crypt(3), Dovecot's `{SCHEME}` prefixes.

use crate::StoreError;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

/// Octets of a password that is looked at.
pub(crate) const PASSWORD_OCTETS_MAX: usize = 1_024;
/// Octets of a stored hash.
const HASH_OCTETS_MAX: usize = 512;
/// Memory that one verification may take.
const ARGON2_MEMORY_KIB_MAX: u32 = 262_144;
/// Memory times passes: about a second.
const ARGON2_WORK_KIB_MAX: u64 = 1_048_576;
/// Lanes.
const ARGON2_LANES_MAX: u32 = 16;
/// Rounds of SHA-crypt: half a second.
const SHA_CRYPT_ROUNDS_MAX: u32 = 1_000_000;
/// log2 of the rounds of bcrypt: a second.
const BCRYPT_COST_MAX: u32 = 14;
/// Octets of salt behind a salted SHA-2 digest.
const SALT_OCTETS_MAX: usize = 64;

/// Costs of our own hashes: 19 MiB, two passes, one lane (the OWASP minimum; about 15 ms).
const OWN_COST: (u32, u32, u32) = (19_456, 2, 1);

/// A hash, taken apart.
enum Kind<'a> {
    Argon2(&'a str),
    ShaCrypt(&'a str),
    Bcrypt(&'a str),
    Salted256 { digest: Vec<u8>, salt: Vec<u8> },
    Salted512 { digest: Vec<u8>, salt: Vec<u8> },
}

/// Refuses a hash that [`verify`] could not verify, and tells what verifying costs: hashes with the same text cost the same.
pub(crate) fn check(hash: &str) -> Result<String, StoreError> {
    if hash.len() > HASH_OCTETS_MAX {
        return Err(refused("the password hash is too long"));
    }
    cost(&parse(hash)?)
}

/// True when the password fits. Bounded work for any hash: one that [`check`] refuses fits no password.
pub(crate) fn verify(hash: &str, password: &[u8]) -> bool {
    if !is_usable(password) || check(hash).is_err() {
        return false;
    }
    match parse(hash) {
        Ok(Kind::Argon2(text)) => PasswordHash::new(text)
            .is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok()),
        Ok(Kind::ShaCrypt(text)) => {
            let hash: &str = text;
            sha_crypt::PasswordVerifier::verify_password(&sha_crypt::ShaCrypt::SHA512, password, hash).is_ok()
        }
        Ok(Kind::Bcrypt(text)) => bcrypt::verify(password, text).unwrap_or(false),
        Ok(Kind::Salted256 { digest, salt }) => salted::<Sha256>(password, &salt, &digest),
        Ok(Kind::Salted512 { digest, salt }) => salted::<Sha512>(password, &salt, &digest),
        Err(_) => false,
    }
}

/// Hashes a password as argon2id with a fresh salt.
pub(crate) fn hash(password: &[u8]) -> Result<String, StoreError> {
    if !is_usable(password) {
        return Err(refused("a password has 1 to 1,024 octets and no NUL"));
    }
    let (memory, passes, lanes) = OWN_COST;
    let params = Params::new(memory, passes, lanes, None).map_err(|error| refused(&error.to_string()))?;
    let salt: [u8; 16] = rand::random();
    let hash = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_with_salt(password, &salt)
        .map_err(|error| refused(&error.to_string()))?;
    Ok(hash.to_string())
}

/// False for passwords that no hash is asked about.
pub(crate) fn is_usable(password: &[u8]) -> bool {
    (1..=PASSWORD_OCTETS_MAX).contains(&password.len()) && !password.contains(&0)
}

fn refused(text: &str) -> StoreError {
    StoreError::Refused(text.to_owned())
}

fn parse(hash: &str) -> Result<Kind<'_>, StoreError> {
    let Some((scheme, rest)) = hash.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
        return crypt(hash);
    };
    let kind = match scheme.to_ascii_uppercase().as_str() {
        "CRYPT" => return crypt(rest),
        "SHA512-CRYPT" if rest.starts_with("$6$") => Kind::ShaCrypt(rest),
        "SHA256-CRYPT" if rest.starts_with("$5$") => Kind::ShaCrypt(rest),
        "BLF-CRYPT" if rest.starts_with("$2") => return crypt(rest),
        "ARGON2ID" if rest.starts_with("$argon2id$") => Kind::Argon2(rest),
        "ARGON2I" if rest.starts_with("$argon2i$") => Kind::Argon2(rest),
        "SSHA256" => {
            let (digest, salt) = digest_and_salt(rest, 32)?;
            Kind::Salted256 { digest, salt }
        }
        "SSHA512" => {
            let (digest, salt) = digest_and_salt(rest, 64)?;
            Kind::Salted512 { digest, salt }
        }
        "SHA512-CRYPT" | "SHA256-CRYPT" | "BLF-CRYPT" | "ARGON2ID" | "ARGON2I" => {
            return Err(refused("the password hash is not of the scheme it names"));
        }
        "PLAIN" | "CLEARTEXT" | "CLEAR" => {
            return Err(refused("passwords in plain text are not kept: give a hash"));
        }
        other => {
            return Err(StoreError::Refused(format!(
                "the password scheme {{{}}} is not known",
                clipped(other)
            )));
        }
    };
    Ok(kind)
}

/// What stands without a prefix: crypt(3) and PHC strings tell their scheme themselves.
fn crypt(hash: &str) -> Result<Kind<'_>, StoreError> {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| hash.starts_with(prefix));
    if starts(&["$argon2id$", "$argon2i$"]) {
        Ok(Kind::Argon2(hash))
    } else if starts(&["$6$", "$5$"]) {
        Ok(Kind::ShaCrypt(hash))
    } else if starts(&["$2y$", "$2b$", "$2a$"]) {
        Ok(Kind::Bcrypt(hash))
    } else {
        Err(refused("the password hash is of an unknown scheme"))
    }
}

fn digest_and_salt(text: &str, digest_octets: usize) -> Result<(Vec<u8>, Vec<u8>), StoreError> {
    let unpadded = text.trim_end_matches('=');
    let padding = text.len() - unpadded.len();
    let octets = match padding {
        0 => STANDARD_NO_PAD.decode(text),
        _ => STANDARD.decode(text),
    };
    let mut digest = octets.map_err(|_| refused("the password hash is not base64"))?;
    let salt = digest
        .get(digest_octets..)
        .map(<[u8]>::to_vec)
        .unwrap_or_default();
    if !(1..=SALT_OCTETS_MAX).contains(&salt.len()) {
        return Err(refused(
            "the password hash has not the length of its scheme, or no salt",
        ));
    }
    digest.truncate(digest_octets);
    Ok((digest, salt))
}

fn salted<D: Digest>(password: &[u8], salt: &[u8], expected: &[u8]) -> bool {
    let digest = D::new().chain_update(password).chain_update(salt).finalize();
    digest.as_slice().ct_eq(expected).into()
}

fn cost(kind: &Kind<'_>) -> Result<String, StoreError> {
    match kind {
        Kind::Argon2(text) => argon2_cost(text),
        Kind::ShaCrypt(text) => sha_crypt_cost(text),
        Kind::Bcrypt(text) => bcrypt_cost(text),
        Kind::Salted256 { .. } => Ok("ssha256".to_owned()),
        Kind::Salted512 { .. } => Ok("ssha512".to_owned()),
    }
}

fn argon2_cost(text: &str) -> Result<String, StoreError> {
    let hash = PasswordHash::new(text).map_err(|_| refused("the argon2 hash cannot be read"))?;
    let params = Params::try_from(&hash).map_err(|_| refused("the argon2 hash has unusable costs"))?;
    let (memory, passes, lanes) = (params.m_cost(), params.t_cost(), params.p_cost());
    let work = u64::from(memory) * u64::from(passes);
    if hash.salt.is_none() || hash.hash.is_none_or(|output| output.len() < 16) {
        return Err(refused(
            "the argon2 hash has no salt or a digest that is too short",
        ));
    }
    if memory > ARGON2_MEMORY_KIB_MAX || work > ARGON2_WORK_KIB_MAX || lanes > ARGON2_LANES_MAX {
        return Err(refused("the argon2 hash costs too much memory or time to verify"));
    }
    Ok(format!("{} m={memory} t={passes} p={lanes}", hash.algorithm))
}

fn sha_crypt_cost(text: &str) -> Result<String, StoreError> {
    let fields: Vec<&str> = text.split('$').skip(1).collect();
    let (id, rounds, salt, digest) = match fields.as_slice() {
        [id, salt, digest] => (*id, None, *salt, *digest),
        [id, rounds, salt, digest] => (*id, Some(*rounds), *salt, *digest),
        _ => return Err(refused("the SHA-crypt hash cannot be read")),
    };
    let plain = |text: &str| {
        text.bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || b"./".contains(&octet))
    };
    let digest_length = if id == "6" { 86 } else { 43 };
    if !plain(salt) || !(1..=16).contains(&salt.len()) || !plain(digest) || digest.len() != digest_length {
        return Err(refused(
            "the SHA-crypt hash has a salt or digest of the wrong length",
        ));
    }
    let rounds = match rounds {
        None => sha_crypt::Params::RECOMMENDED_ROUNDS,
        Some(text) => text
            .strip_prefix("rounds=")
            .and_then(|number| number.parse().ok())
            .filter(|rounds| (sha_crypt::Params::ROUNDS_MIN..=SHA_CRYPT_ROUNDS_MAX).contains(rounds))
            .ok_or_else(|| refused("a SHA-crypt hash has 1,000 to 1,000,000 rounds"))?,
    };
    Ok(format!("sha-crypt {id} rounds={rounds}"))
}

fn bcrypt_cost(text: &str) -> Result<String, StoreError> {
    let parts: bcrypt::HashParts = text
        .parse()
        .map_err(|_| refused("the bcrypt hash cannot be read"))?;
    let cost = parts.get_cost();
    if !(4..=BCRYPT_COST_MAX).contains(&cost) {
        return Err(refused("a bcrypt hash has a cost of 4 to 14"));
    }
    Ok(format!("bcrypt {cost}"))
}

fn clipped(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(32).collect()
}
