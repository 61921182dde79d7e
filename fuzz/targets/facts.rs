//! Stored facts judged again: facts of any age and origin give a verdict, and the verdict can be stored.
#![no_main]

use libfuzzer_sys::fuzz_target;
use risk::{Facts, Language, Policy, Verdict};
use std::sync::LazyLock;

static POLICY: LazyLock<Policy> = LazyLock::new(Policy::default);

fuzz_target!(|input: &[u8]| {
    let Ok(facts) = serde_json::from_slice::<Facts>(input) else {
        return;
    };
    let verdict = risk::judge(&facts, &POLICY);
    assert!(verdict.score.value().is_finite());
    assert_eq!(verdict.reason.cause(), verdict.cause);
    for language in [Language::English, Language::Italian, Language::Russian] {
        verdict.reason.sentence(language);
    }
    let json = serde_json::to_string(&verdict).expect("a verdict can be stored");
    assert_eq!(serde_json::from_str::<Verdict>(&json).expect("and read"), verdict);
});
