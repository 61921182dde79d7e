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

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `openssl passwd`, Python's crypt and passlib, and `doveadm pw`.
    const VECTORS: [(&str, &str); 24] = [
        (
            "correct horse",
            "$6$saltstring$.r0X7ub5wGR2v4Xz7svCIozfnlorFh19V89t8KC9Umd81uGhFgsyTRNyzQDXDIm17fFcR9z3z7oBNdsyYBbtm/",
        ),
        (
            "correct horse",
            "$5$saltstring$vc6YOOogU4kWVvwga8e9zTFgKcy4tb5LaPxIiPJzqEC",
        ),
        (
            "correct horse",
            "$6$rounds=1000$abcdefgh$DbXqPck5ABZumVXwcH5eMVHsPZwvQ3jylSxpJmKkZVxcoCiC3N0rPerjHmAqL7r6PK6CIeYnO9.vxpbsevscg/",
        ),
        (
            "correct horse",
            "$5$rounds=1000$abcdefgh$ue35C0ITbth1b5zVUjrjm2mMmsmMKiodEeH2UV/Hq10",
        ),
        (
            "correct horse",
            "$6$x$wyUF1cwljYxWm52mSrCNhPis.RDV.T8CKPSQFvQhatb7XvQEuU8MzHV.HKzrzjDG/HEq.wZtbdTlLzrlSjbao/",
        ),
        (
            "correct horse",
            "$6$0123456789abcdef$lDHzA5IdO41viXIs6llkDKq4Uh2VG9JXIYJ.taq2zlNFqBnKQ0/fOUW0Zoz49ZnOpe2ACY.PoF6wosL.jL3Af0",
        ),
        (
            "пароль",
            "$6$rounds=1000$AbCdEfGh$akzM/FcetUZcvm3oYLvEggtt3PM4MGcTAfUQqd6Ub6bwauj/9ITdzQ4NCxwzPDGn6EGkQ/eM7YLfvRYt5sdZd/",
        ),
        (
            "correct horse",
            "$2a$04$J7wFHn1gktSoc/XpdwAe1uCiReinnGvdQCwsc3fZ14wQJpVLFh/u2",
        ),
        (
            "correct horse",
            "$2b$04$4x1eeAb/Ene6g9V53RJJeeWT6OVqrBQBIwjfXd.07LtkkZIXW6.uO",
        ),
        (
            "correct horse",
            "$2y$04$kYoVeM2PEmPfjv..OMSY6.4RT1p3FdRGl8vqmu4X1bam/..DQcKZ.",
        ),
        (
            "пароль",
            "$2b$04$abcdefghijklmnopqrstuuEcURSwic20Q66XyIAO.9pxf2gB7Z9F.",
        ),
        // bcrypt looks at 72 octets.
        (
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "$2b$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe",
        ),
        (
            "correct horse",
            "$argon2id$v=19$m=1024,t=2,p=1$dq5VSonxXqs1xnjPec95Lw$osFmjctcn7leVMVP+57ZBlJqAgcRdoB72qfHlrD/KfQ",
        ),
        (
            "correct horse",
            "$argon2i$v=19$m=1024,t=2,p=2$z7n33nuP8f5/L6WUMoaQEg$YMCEsMMwxzTPDNcPA0VdbrgsAADtR0AqtSX2jvFeXcY",
        ),
        (
            "correct horse",
            "{SHA512-CRYPT}$6$2vxCzEqWGtY40PdE$f3U92Cqwm/ZyB5VxHD/2vwaLdfI0WLPEAnsmj.VvuRxYfVjbQg/PtjSlsICqh084UP72FWSLraKMTohrY8t/4.",
        ),
        (
            "correct horse",
            "{SHA256-CRYPT}$5$1csDYzZbrArW1VWv$aQhRPEb2eTKedtg3brshihdRDKsC9xqga5BFKgduvJ0",
        ),
        (
            "correct horse",
            "{BLF-CRYPT}$2y$05$o8C.Bw9F.z.skrDAX2Qlhesc7xYtfawIElJHnMifIyRGdP5BXhcge",
        ),
        (
            "correct horse",
            "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$HsIDWbfBjHeZroBTXOEUvg$W0hcehit+zSmVw3JYzAJ3b2G8H5InbD0Cnapsj3Ikg0",
        ),
        (
            "correct horse",
            "{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$Qeq1X+/tB3EQqX8m9psbeA$0VE0cWzFYxtcW/VZCkaVLorRP68eM59WuBoWUSkqLTU",
        ),
        (
            "correct horse",
            "{SSHA512}6vNryaTA98nsxkpsPHJIO7jObBiqROcKgIniRsVZ1w/N0zqmEZnhihmg9tibG+gew7SGtcam57u6TMd+vqjythK+Ax8=",
        ),
        (
            "correct horse",
            "{SSHA256}L3vcxdUC02981+fO9zNvHOEJ6xQHL14XoywJqdrlGE5oN5Ca",
        ),
        (
            "correct horse",
            "{CRYPT}$2y$05$Hb.wUM6/kcdEoJN/G9nxr./.gc3JkhokE.bmN7ehXmeeXcodH3Z8K",
        ),
        (
            "correct horse",
            "{crypt}$6$saltstring$.r0X7ub5wGR2v4Xz7svCIozfnlorFh19V89t8KC9Umd81uGhFgsyTRNyzQDXDIm17fFcR9z3z7oBNdsyYBbtm/",
        ),
        (
            "correct horse",
            "{ssha256}L3vcxdUC02981+fO9zNvHOEJ6xQHL14XoywJqdrlGE5oN5Ca",
        ),
    ];

    #[test]
    fn hashes_of_other_tools() {
        for (password, hash) in VECTORS {
            assert!(check(hash).is_ok(), "{hash}: {:?}", check(hash));
            assert!(verify(hash, password.as_bytes()), "{hash}");
            let mut wrong = password.as_bytes().to_vec();
            wrong[0] ^= 1;
            assert!(!verify(hash, &wrong), "{hash} takes another password");
        }
    }

    #[test]
    fn a_changed_or_cut_hash_fits_no_password_and_harms_nothing() {
        for (password, hash) in VECTORS.iter().filter(|(_, hash)| !hash.contains("m=")) {
            // Base64 may go without its padding.
            for cut in 1..hash.trim_end_matches('=').len() {
                assert!(!verify(&hash[..cut], password.as_bytes()), "{}", &hash[..cut]);
            }
            let changed = if hash.ends_with('.') { "/" } else { "." };
            let changed = format!("{}{changed}", &hash[..hash.len() - 1]);
            // The last character may carry bits that do not count; the one before it does.
            let before = hash.len() - 3;
            let other = if &hash[before..=before] == "A" { "B" } else { "A" };
            let in_the_middle = format!("{}{other}{}", &hash[..before], &hash[before + 1..]);
            assert!(!verify(&in_the_middle, password.as_bytes()), "{in_the_middle}");
            let _ = verify(&changed, password.as_bytes());
        }
    }

    #[test]
    fn what_is_refused() {
        let refuse = |hash: &str| {
            assert!(
                matches!(check(hash), Err(StoreError::Refused(_))),
                "{hash}: {:?}",
                check(hash)
            );
            assert!(!verify(hash, b"correct horse"), "{hash}");
        };
        for hash in [
            "",
            "correct horse",
            "{",
            "{}",
            "{PLAIN}correct horse",
            "{plain}correct horse",
            "{CLEARTEXT}correct horse",
            "{PLAIN-MD5}0123456789abcdef0123456789abcdef",
            "{MD5}$1$abcdefgh$G4LMJqV1bmlh6tI7IwMZP0",
            "$1$abcdefgh$G4LMJqV1bmlh6tI7IwMZP0",
            "abJnggxhB/yWI",
            "{CRYPT}abJnggxhB/yWI",
            "{CRYPT}correct horse",
            "{SHA512}VraY3v7bWkNbY0r+MyC7rz/c2SC2xQOkRvx7endrKY1HnRumqLYXgI6wv1ec6aldZoNHvKtxSQhayTyyeZUZew==",
            "{SHA256}QQTTb42iwlQ0n4WDZ5Pr4CngyVcGOjTJHC6SAxh7VjE=",
            "{SSHA256}QQTTb42iwlQ0n4WDZ5Pr4CngyVcGOjTJHC6SAxh7VjE=",
            "{SSHA512}",
            "{SSHA512}!!!!",
            "{SHA512-CRYPT}$5$saltstring$vc6YOOogU4kWVvwga8e9zTFgKcy4tb5LaPxIiPJzqEC",
            "{BLF-CRYPT}correct horse",
            "$2x$04$kYoVeM2PEmPfjv..OMSY6.4RT1p3FdRGl8vqmu4X1bam/..DQcKZ.",
            "$argon2d$v=19$m=1024,t=2,p=1$dq5VSonxXqs1xnjPec95Lw$osFmjctcn7leVMVP+57ZBlJqAgcRdoB72qfHlrD/KfQ",
            "$6$$.r0X7ub5wGR2v4Xz7svCIozfnlorFh19V89t8KC9Umd81uGhFgsyTRNyzQDXDIm17fFcR9z3z7oBNdsyYBbtm/",
            "$6$saltstring$",
            "$6$",
            "!$6$saltstring$.r0X7ub5wGR2v4Xz7svCIozfnlorFh19V89t8KC9Umd81uGhFgsyTRNyzQDXDIm17fFcR9z3z7oBNdsyYBbtm/",
            "*",
        ] {
            refuse(hash);
        }
        refuse(&"x".repeat(100_000));
    }

    #[test]
    fn absurd_costs_are_refused() {
        let digest = "osFmjctcn7leVMVP+57ZBlJqAgcRdoB72qfHlrD/KfQ";
        let argon2 = |costs: &str| format!("$argon2id$v=19${costs}$dq5VSonxXqs1xnjPec95Lw${digest}");
        let sha512 = |rounds: &str| format!("$6$rounds={rounds}$abcdefgh${}", "a".repeat(86));
        for hash in [
            argon2("m=4194304,t=1,p=1"),
            argon2("m=262144,t=5,p=1"),
            argon2("m=1024,t=4294967295,p=1"),
            argon2("m=1024,t=1,p=64"),
            argon2("m=1,t=1,p=1"),
            argon2(""),
            sha512("999999999"),
            sha512("1000001"),
            sha512("999"),
            sha512("-1"),
            sha512(""),
            "$2y$15$kYoVeM2PEmPfjv..OMSY6.4RT1p3FdRGl8vqmu4X1bam/..DQcKZ.".to_owned(),
            "$2y$31$kYoVeM2PEmPfjv..OMSY6.4RT1p3FdRGl8vqmu4X1bam/..DQcKZ.".to_owned(),
        ] {
            assert!(
                matches!(check(&hash), Err(StoreError::Refused(_))),
                "{hash}: {:?}",
                check(&hash)
            );
        }
    }

    #[test]
    fn our_own() {
        let first = hash(b"correct horse").unwrap();
        assert!(verify(&first, b"correct horse") && !verify(&first, b"correct hors"));
        assert_ne!(first, hash(b"correct horse").unwrap(), "salted");
        assert_eq!(check(&first).unwrap(), "argon2id m=19456 t=2 p=1");
        for password in [b"".as_slice(), b"a\0b", &[b'x'; 1_025]] {
            assert!(hash(password).is_err());
            assert!(!verify(&first, password));
        }
    }

    #[test]
    fn hashes_of_one_cost_have_one_name() {
        let name = |hash: &str| check(hash).unwrap();
        assert_eq!(name(VECTORS[0].1), name(VECTORS[14].1));
        assert_ne!(name(VECTORS[0].1), name(VECTORS[2].1));
        assert_ne!(name(VECTORS[7].1), name(VECTORS[16].1));
    }
}
