//! DKIM: the vector of RFC 8463 §A, our own signatures verified again, and what must break them.

use jiff::Timestamp;
use mail::dkim::{Algorithm, DkimError, Outcome, Signer, verify};

/// RFC 8463 §A.3: one message, signed with Ed25519 and with RSA-1024.
const RFC_8463: &str = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
";

fn rfc_8463_key(name: &str) -> Option<String> {
    match name {
        "brisbane._domainkey.football.example.com" => {
            Some("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=".into())
        }
        "test._domainkey.football.example.com" => Some(
            "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/b\
             yYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
                .into(),
        ),
        _ => None,
    }
}

/// The private Ed25519 key of RFC 8463 §A.1, as PKCS#8.
const ED25519_PEM: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";

fn at() -> Timestamp {
    Timestamp::from_second(1_528_637_909).unwrap()
}

fn outcomes(message: &str, key: impl FnMut(&str) -> Option<String>) -> Vec<Outcome> {
    verify(message.as_bytes(), at(), key)
        .into_iter()
        .map(|v| v.outcome)
        .collect()
}

#[test]
fn vector_of_rfc_8463() {
    use Outcome::*;
    let message = RFC_8463.replace('\n', "\r\n");
    let check = |from: &str, to: &str, expected: [Outcome; 2]| {
        assert!(message.contains(from), "{from}");
        assert_eq!(
            outcomes(&message.replacen(from, to, 1), rfc_8463_key),
            expected,
            "{from} -> {to}"
        );
    };
    check("Hi.", "Hi.", [Pass, Pass]);
    check("\r\nHi.", "\r\nHo.", [BodyChanged, BodyChanged]);
    check("Joe.\r\n", "Joe. \r\n \t\r\n\r\n", [Pass, Pass]);
    check("game.  Are", "game. Are", [Pass, Pass]);
    check("game.  Are", "game.Are", [BodyChanged, BodyChanged]);
    check("Subject: Is dinner", "SUBJECT:  Is\r\n\tdinner", [Pass, Pass]);
    check("Subject: Is", "Subject: Was", [WrongSignature, WrongSignature]);
    check(
        "From: Joe",
        "From: Eve <eve@evil.example>\r\nFrom: Joe",
        [WrongSignature, WrongSignature],
    );
    check("To: Suzie", "X-New: unsigned\r\nTo: Suzie", [Pass, Pass]);
    check("s=brisbane", "s=nowhere", [NoKey, Pass]);
    check(
        "h=from : to :\r\n subject : date : message-id : from :",
        "h=to :\r\n subject : date : message-id :",
        [Unusable, Pass],
    );
    check("i=@football.example.com", "i=@example.com", [Unusable, Pass]);
    check("a=ed25519-sha256", "a=rsa-sha1", [Unusable, Pass]);
    check("t=1528637909;", "t=1528637909; x=1528637908;", [Expired, Pass]);
    check("v=1", "v=2", [Unusable, Pass]);
    check(
        "q=dns/txt; s=brisbane",
        "q=dns/txt; l=10; s=brisbane",
        [BodyChanged, Pass],
    );
}

#[test]
fn key_records() {
    let message = RFC_8463.replace('\n', "\r\n");
    let check = |record: &str, expected: Outcome| {
        let found = outcomes(&message, |name| {
            name.starts_with("brisbane").then(|| record.to_owned())
        });
        assert_eq!(found[0], expected, "{record}");
    };
    check(
        "k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        Outcome::Pass,
    );
    check(
        "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQH Og7hcvPapiMlrwIaaPcHURo;",
        Outcome::Pass,
    );
    check(
        "v=DKIM1; t=s; k=ed25519; h=sha256; s=email; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        Outcome::Pass,
    );
    check("v=DKIM1; k=ed25519; p=", Outcome::Revoked);
    check(
        "v=DKIM1; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        Outcome::Unusable,
    );
    check(
        "v=DKIM1; k=ed25519; s=tlsrpt; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        Outcome::Unusable,
    );
    check(
        "k=ed25519; v=DKIM1; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        Outcome::NoKey,
    );
    check("v=spf1 -all", Outcome::NoKey);
    check("v=DKIM1; k=ed25519; p=AAAA", Outcome::WrongSignature);
}

fn signers() -> Vec<Signer> {
    vec![
        Signer::generate("Example.COM", "rsa1", Algorithm::RsaSha256)
            .unwrap()
            .0,
        Signer::from_pem("example.com", "ed1", ED25519_PEM).unwrap(),
    ]
}

/// Signs, puts the field before the message and verifies it.
fn signed(signer: &Signer, message: &[u8]) -> Vec<u8> {
    let mut signed = signer.sign(message, at()).unwrap();
    signed.extend_from_slice(message);
    signed
}

fn check(signer: &Signer, message: &[u8], expected: Outcome) {
    let found = verify(message, at(), |name| {
        assert_eq!(name, format!("{}._domainkey.example.com", signer.selector));
        Some(signer.public_record())
    });
    let shown = String::from_utf8_lossy(&message[..message.len().min(2_000)]);
    assert_eq!(found.len(), 1, "{shown}");
    assert_eq!(found[0].outcome, expected, "{shown}");
    assert_eq!(found[0].algorithm, Some(signer.algorithm()));
    assert_eq!(found[0].domain, "example.com");
}

#[test]
fn our_signatures_verify() {
    let header = "From: a@example.com\r\nTo: b@example.net\r\nSubject: x\r\n y\r\nContent-Type: text/plain\r\nList-Id: <l>\r\n";
    let bodies = [
        "",
        "\r\n",
        "\r\n\r\n",
        " \t\r\n",
        "a",
        "a\r\n",
        "a\r\n\r\n",
        "a\r\n \r\n\t\r\n",
        "\r\na",
        "a \t b\r\n c\r\n",
        ".\r\n",
        "\u{0}\r\n",
    ];
    for signer in signers() {
        for body in bodies {
            check(
                &signer,
                &signed(&signer, format!("{header}\r\n{body}").as_bytes()),
                Outcome::Pass,
            );
        }
        check(&signer, &signed(&signer, header.as_bytes()), Outcome::Pass);
        check(&signer, &signed(&signer, b"\r\nbody"), Outcome::Pass);
    }
}

#[test]
fn our_signatures_break() {
    let message =
        "From: a@example.com\r\nTo: b@example.net\r\nSubject: x\r\nSender: a@example.com\r\n\r\nbody\r\n";
    for signer in signers() {
        let signed = String::from_utf8(signed(&signer, message.as_bytes())).unwrap();
        let change = |from: &str, to: &str, outcome: Outcome| {
            assert!(signed.contains(from), "{from}");
            check(&signer, signed.replacen(from, to, 1).as_bytes(), outcome);
        };
        change("From: a@example.com", "from : \t a@example.com", Outcome::Pass);
        change("\r\n\r\nbody", "\r\nX-Added: 1\r\n\r\nbody", Outcome::Pass);
        for added in [
            "From: c@example.org",
            "Subject: y",
            "Cc: c@example.org",
            "Reply-To: c@example.org",
            "Date: x",
        ] {
            change(
                "\r\n\r\nbody",
                &format!("\r\n{added}\r\n\r\nbody"),
                Outcome::WrongSignature,
            );
        }
        change("Sender: a@", "Sender: c@", Outcome::WrongSignature);
        change("body\r\n", "body\r\n.\r\n", Outcome::BodyChanged);
    }
}

#[test]
fn form_of_the_field() {
    let signer = &signers()[1];
    let many: String = (0..40)
        .map(|i| format!("List-Header-Number-{i}: x\r\n"))
        .collect();
    let message = format!(
        "From: a@example.com\r\nFrom: b@example.com\r\nList-a;b: x\r\nlist-bad\u{e8}: x\r\n{many}List-{}: x\r\n\r\nbody",
        "long".repeat(70)
    );
    let field = String::from_utf8(signer.sign(message.as_bytes(), at()).unwrap()).unwrap();
    assert!(field.lines().all(|line| line.len() <= 78), "{field}");
    assert!(field.ends_with("\r\n") && field.starts_with("DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n\td=example.com;\r\n\ts=ed1; t=1528637909;\r\n\th=From:From:From:To:Cc:"));
    let unfolded = field.replace("\r\n\t ", "");
    assert!(unfolded.contains(":List-Header-Number-39:"), "{field}");
    assert!(!unfolded.contains("List-a"), "{field}");
    let last = unfolded.rsplit(';').next().unwrap();
    assert!(last.trim_start().starts_with("b="), "{field}");
    check(signer, &signed(signer, message.as_bytes()), Outcome::Pass);
}

#[test]
fn keys_and_names() {
    let (signer, pem) = Signer::generate("bücher.example", "s._x", Algorithm::RsaSha256).unwrap();
    assert_eq!(
        (signer.domain.as_str(), signer.selector.as_str()),
        ("xn--bcher-kva.example", "s._x")
    );
    let again = Signer::from_pem("bücher.example", "s._x", &pem.replace('\n', "\r\n")).unwrap();
    assert_eq!(signer.public_record(), again.public_record());
    assert!(
        signer.public_record().starts_with("v=DKIM1; k=rsa; p=MIIB"),
        "{}",
        signer.public_record()
    );
    let ed = Signer::from_pem("example.com", "brisbane", ED25519_PEM).unwrap();
    assert_eq!(
        ed.public_record(),
        "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    );
    let (_, ed_pem) = Signer::generate("example.com", "x", Algorithm::Ed25519Sha256).unwrap();
    assert_eq!(
        Signer::from_pem("example.com", "x", &ed_pem).unwrap().algorithm(),
        Algorithm::Ed25519Sha256
    );
    let refused = |domain: &str, selector: &str, pem: &str, error: DkimError| {
        assert_eq!(
            Signer::from_pem(domain, selector, pem).unwrap_err(),
            error,
            "{domain} {selector}"
        );
    };
    refused("example.com", "s", "no key", DkimError::BadKey);
    refused(
        "example.com",
        "s",
        &pem.replace("PRIVATE", "PUBLIC"),
        DkimError::BadKey,
    );
    refused(
        "example.com",
        "s",
        &pem.replacen("MII", "MIX", 1),
        DkimError::BadKey,
    );
    for bad in ["", "a;b", "a b", "a\r\nb", "a..b", "a=b"] {
        refused(bad, "s", &pem, DkimError::BadName);
        refused("example.com", bad, &pem, DkimError::BadName);
    }
    assert!(!format!("{signer:?}").contains(&pem[40..60]));
}

#[test]
fn hostile_headers_cost_linear_time() {
    let signer = &signers()[1];
    let many = "From: a@example.com\r\n".repeat(20_000) + "\r\n";
    assert_eq!(
        signer.sign(many.as_bytes(), at()).unwrap_err(),
        DkimError::TooManyFields
    );
    assert_eq!(verify(many.as_bytes(), at(), |_| None), []);
    let names = "a:b:".repeat(100_000) + "from";
    let fields = "a: x\r\nb: x\r\n".repeat(4_000);
    let message = format!(
        "DKIM-Signature: v=1; a=ed25519-sha256; d=example.com; s=ed1; h={names}; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; c=relaxed/relaxed; b=AAAA\r\n{fields}\r\n"
    );
    check(signer, message.as_bytes(), Outcome::WrongSignature);
}

/// A message with blanks everywhere, signed by another program in all four ways, with the key of RFC 8463.
const BLANKS: &str = "From: Anna <anna@example.com>\r\nTo:  Berta\t<berta@example.net>\r\nSubject: Two \t blanks\r\n  and a fold \r\n\
    Date: Tue, 24 Nov 2026 10:00:00 +0000\r\n\r\n \tindented \t text \r\n\r\nlast line\t\r\n \t\r\n\r\n";

const SIGNATURES_OF_BLANKS: [&str; 4] = [
    "DKIM-Signature: v=1; a=ed25519-sha256; c=simple/simple; d=example.com;\r\n i=@example.com; q=dns/txt; s=brisbane; t=1795525274; h=from : to :\r\n subject : date; bh=A9N1h9h5txMhGXPeMekNuG58uHkrhn8zqSOWl6pqU48=;\r\n b=MSxzbeNEWLhflts5+N9nxZtE0HeEbPNU67Mq2Huc1sSqg6YuNdvSCRjxhpzLYbqe61Otn\r\n hLaFaHDBBts0k8gBw==\r\n",
    "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/simple; d=example.com;\r\n i=@example.com; q=dns/txt; s=brisbane; t=1795525274; h=from : to :\r\n subject : date; bh=A9N1h9h5txMhGXPeMekNuG58uHkrhn8zqSOWl6pqU48=;\r\n b=ddWimsJIPyu5sq39J+78mYSekBoblli/nZ5nAIXKZknjdwxDBb3xh4/u+AkRpLquGmwU9\r\n HVzGFdkRevrb5opCQ==\r\n",
    "DKIM-Signature: v=1; a=ed25519-sha256; c=simple/relaxed; d=example.com;\r\n i=@example.com; q=dns/txt; s=brisbane; t=1795525274; h=from : to :\r\n subject : date; bh=98kAVWY7oMd3fI6nV1QAwjocPPPh/GunM+PdyD+Wbmo=;\r\n b=bwdabLdQRAr6Scuy+kSXhT3Zok02DNrxGqDa5qJalWKaYvlDZADlCJSIXwonpglnCBU1O\r\n 35KlF2RJiINnGHMDQ==\r\n",
    "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.com;\r\n i=@example.com; q=dns/txt; s=brisbane; t=1795525274; h=from : to :\r\n subject : date; bh=98kAVWY7oMd3fI6nV1QAwjocPPPh/GunM+PdyD+Wbmo=;\r\n b=ZJIsv6vxcXnjjepvACNdOtemKIvaIVyIzMRIHNnnpAt9JsMjIrKa31/AcI/aTuL/Z+sP8\r\n Sx2LIXJjChz+QlDCw==\r\n",
];

#[test]
fn signatures_of_another_program() {
    let key = |_: &str| Some("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=".to_owned());
    for signature in SIGNATURES_OF_BLANKS {
        let simple_header = signature.contains("c=simple/");
        let simple_body = signature.contains("/simple;");
        let check = |from: &str, to: &str, outcome: Outcome| {
            assert!(BLANKS.contains(from), "{from}");
            let message = signature.to_owned() + &BLANKS.replacen(from, to, 1);
            assert_eq!(outcomes(&message, key), [outcome], "{signature} {from:?} {to:?}");
        };
        let if_simple = |simple: bool, outcome: Outcome| if simple { outcome } else { Outcome::Pass };
        check("a", "a", Outcome::Pass);
        check(
            "To:  Berta\t<",
            "TO: Berta <",
            if_simple(simple_header, Outcome::WrongSignature),
        );
        check(
            "blanks\r\n  and",
            "blanks and",
            if_simple(simple_header, Outcome::WrongSignature),
        );
        check(
            " \t text \r\n",
            " text\r\n",
            if_simple(simple_body, Outcome::BodyChanged),
        );
        check(
            "line\t\r\n \t\r\n\r\n",
            "line\r\n",
            if_simple(simple_body, Outcome::BodyChanged),
        );
        check("\r\n \t\r\n\r\n", "\r\n \t\r\n\r\n\r\n\r\n", Outcome::Pass);
        check(" \tindented", "indented", Outcome::BodyChanged);
        check("Two", "Three", Outcome::WrongSignature);
    }
}

#[test]
fn keys_of_another_program() {
    let record = "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAwsnzaFMqKUDAe875G3zlkCECSGGcSG/ll/UE6+jTyfe+b6E4pFfN3MOmjCmDmWAk2OXpCLo6FxZXz/VJOHqTMlmt443vesLgYNRaTK+YIc3AyptT4Ws+1nmtt1ZjK4HeSw4N2VOaL6Ko0g/MGShQ2aXOqSqps4egnhSj1xxbFo+WYHfe3f7HuH2lyUvMLOBH/Ype6uQXjfCydW3O7OSdGaJOboaHk/kYIB5GL7YrmzogqDe3CBVfsqCMAE1el3+6XFUem3PXnI6lEWWZbLI41xtaiMMIccIoulouLXPAoHwYnYlxzKYQ0owO+6GYeJubRjnFOczg5Q4qi0WuZKgVKQIDAQAB";
    for pem in [
        include_str!("keys/rsa-2048-pkcs1.pem"),
        include_str!("keys/rsa-2048-pkcs8.pem"),
    ] {
        let signer = Signer::from_pem("example.com", "s", pem).unwrap();
        assert_eq!(
            (signer.algorithm(), signer.public_record().as_str()),
            (Algorithm::RsaSha256, record)
        );
        check(&signer, &signed(&signer, BLANKS.as_bytes()), Outcome::Pass);
    }
    let short = Signer::from_pem("example.com", "s", include_str!("keys/rsa-1024-pkcs1.pem"));
    assert_eq!(short.unwrap_err(), DkimError::KeySize);
}
