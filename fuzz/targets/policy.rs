//! Policies in TOML: what passes the check can judge any facts, and survives being written.
//!
//! An input that begins with an octet 255 is no text: each further pair of octets chooses a number's key and its value, so
//! that odd values are tried without having to be spelled.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use risk::{
    Conduct, ContentFacts, Door, DoorKind, Facts, Gathered, Outcome, Policy, Scan, ScanResult, Sender,
    SenderKind, Stage, Standing, StandingFacts, Verdict,
};
use std::collections::BTreeMap;

fuzz_target!(|input: &[u8]| {
    let text = match input {
        [255, choices @ ..] => spelled(choices),
        text => String::from_utf8_lossy(text).into_owned(),
    };
    let Ok(policy) = toml::from_str::<Policy>(&text) else {
        return;
    };
    if policy.check().is_err() {
        return;
    }
    let written = toml::to_string(&policy).expect("a policy can be written");
    assert_eq!(
        toml::from_str::<Policy>(&written).expect("and read"),
        policy,
        "{written}"
    );
    for standing in Standing::ALL {
        for score in [-5.0, 0.0, 12.0, 1e9] {
            judges(&policy, standing, score);
        }
    }
});

fn spelled(choices: &[u8]) -> String {
    const KEYS: [&str; 13] = [
        "prior_db",
        "suspect_db",
        "spam_db",
        "scanner_threshold_db",
        "lock_refusals",
        "lock_window_s",
        "lock_refusals_day",
        "lock_s",
        "limit_refusals",
        "good_after_messages",
        "good_after_days",
        "quiet_days",
        "unchecked_per_day",
    ];
    const VALUES: [&str; 12] = [
        "0",
        "1",
        "0.0",
        "-1.0",
        "30.0",
        "-30.0",
        "1e39",
        "-1e39",
        "nan",
        "inf",
        "4294967295",
        "9223372036854775807",
    ];
    let mut chosen = BTreeMap::new();
    for pair in choices.chunks_exact(2) {
        let key = KEYS[usize::from(pair[0]) % KEYS.len()];
        chosen.insert(key, VALUES[usize::from(pair[1]) % VALUES.len()]);
    }
    let lines = chosen.iter().map(|(key, value)| format!("{key} = {value}\n"));
    lines.collect()
}

fn judges(policy: &Policy, standing: Standing, score: f32) {
    let door = Door {
        listener: "submission".to_owned(),
        kind: DoorKind::Submission,
        client: None,
        helo: "x".to_owned(),
        tls: true,
    };
    let sender = Sender {
        kind: SenderKind::Mailbox,
        name: "info@example.com".to_owned(),
        domain: "example.com".to_owned(),
        tenant: "acme".to_owned(),
    };
    let at = Timestamp::from_second(1_800_000_000).unwrap_or_default();
    let mut facts = Facts::new(Stage::Data, at, door, sender);
    facts.standing = Gathered::Known(StandingFacts {
        standing,
        ..StandingFacts::default()
    });
    facts.content = Gathered::Known(ContentFacts::default());
    facts.scans = vec![Scan {
        scanner: "rspamd".to_owned(),
        result: Gathered::Known(ScanResult::Scored {
            score,
            required: 15.0,
            symbols: Vec::new(),
        }),
        took_us: 1,
    }];
    let verdict = risk::judge(&facts, policy);
    assert!(verdict.score.value().is_finite());
    let json = serde_json::to_string(&verdict).expect("a verdict can be stored");
    assert_eq!(serde_json::from_str::<Verdict>(&json).expect("and read"), verdict);
    let mut conduct = Conduct::default();
    for _ in 0..3 {
        risk::fold(
            &mut conduct,
            &Outcome::Judged {
                verdict: &verdict,
                reference: "R",
            },
            policy,
            at,
        );
        conduct.facts_at(at, policy);
    }
}
