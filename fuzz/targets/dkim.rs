//! DKIM: what we sign verifies and breaks when it is changed; a foreign signature never panics or passes by itself.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use mail::dkim::{Algorithm, DkimError, FIELDS_MAX, Outcome, SIGNATURES_MAX, Signer, verify};
use mail::message::{Header, Limits};
use std::sync::LazyLock;

static ED25519: LazyLock<Signer> = LazyLock::new(|| signer("ed", Algorithm::Ed25519Sha256));
static RSA: LazyLock<Signer> = LazyLock::new(|| signer("rsa", Algorithm::RsaSha256));

fn signer(selector: &str, algorithm: Algorithm) -> Signer {
    Signer::generate("example.com", selector, algorithm)
        .expect("a key")
        .0
}

fn at() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap_or_default()
}

fn record(name: &str) -> Option<String> {
    [&*ED25519, &*RSA]
        .into_iter()
        .find(|signer| name == format!("{}._domainkey.{}", signer.selector, signer.domain))
        .map(Signer::public_record)
}

fuzz_target!(|message: &[u8]| {
    let found = verify(message, at(), record);
    assert!(found.len() <= SIGNATURES_MAX);
    assert!(
        found
            .iter()
            .all(|one| !matches!(one.outcome, Outcome::Pass | Outcome::PassPartOfBody)),
        "{found:?}"
    );

    // RSA is a hundred times slower to sign with.
    let signer = if message.len() % 32 == 7 { &*RSA } else { &*ED25519 };
    let fields = header(message).fields.len();
    let signature = match signer.sign(message, at()) {
        Ok(signature) => signature,
        Err(error) => {
            assert!(
                error == DkimError::TooManyFields && fields > FIELDS_MAX,
                "{error}"
            );
            return;
        }
    };
    assert!(fields <= FIELDS_MAX);
    is_one_field(&signature);
    // The verifier counts our field too.
    if fields < FIELDS_MAX && stands_alone(message) {
        let signed = [&signature[..], message].concat();
        assert_eq!(outcome(&signed), Some(Outcome::Pass));
        breaks_when_changed(&signature, message);
    }
});

fn header(message: &[u8]) -> Header<'_> {
    Header::parse(
        message,
        &Limits {
            fields_max: FIELDS_MAX + 1,
            ..Limits::default()
        },
    )
}

fn outcome(signed: &[u8]) -> Option<Outcome> {
    verify(signed, at(), record).first().map(|one| one.outcome)
}

/// The first line stays what it is when fields are put before it: no blank, which would continue them, no byte order mark.
fn stands_alone(message: &[u8]) -> bool {
    !message.starts_with(b" ") && !message.starts_with(b"\t") && !message.starts_with(b"\xef\xbb\xbf")
}

fn is_one_field(signature: &[u8]) {
    assert!(signature.is_ascii());
    fuzz::assert_lines(signature, 998);
    let header = header(signature);
    assert_eq!(header.fields.len(), 1);
    assert_eq!(
        (header.fields[0].name, header.fields[0].raw),
        (&b"DKIM-Signature"[..], signature)
    );
}

fn breaks_when_changed(signature: &[u8], message: &[u8]) {
    let (before, body) = message.split_at(header(message).body_offset);
    let longer = [signature, message, b"\r\nmore\r\n"].concat();
    assert_eq!(outcome(&longer), Some(Outcome::BodyChanged));
    let from = [signature, b"From: evil@example.net\r\n", message].concat();
    assert_eq!(outcome(&from), Some(Outcome::WrongSignature));
    // One graphic octet of the body for another.
    if let Some(index) = body.iter().position(u8::is_ascii_graphic) {
        let mut changed = body.to_vec();
        changed[index] ^= 1;
        if changed[index].is_ascii_graphic() && header(message).defects.is_empty() {
            let changed = [signature, before, &changed].concat();
            assert_eq!(outcome(&changed), Some(Outcome::BodyChanged));
        }
    }
}
