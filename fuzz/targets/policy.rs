//! Policies in TOML: what passes the check can judge any facts, and survives being written.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use risk::{
    Conduct, ContentFacts, Door, DoorKind, Facts, Gathered, Outcome, Policy, Scan, ScanResult, Sender,
    SenderKind, Stage, Standing, StandingFacts, Verdict,
};

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let Ok(policy) = toml::from_str::<Policy>(text) else {
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
