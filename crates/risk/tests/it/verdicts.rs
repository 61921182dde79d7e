//! Each file in `cases/` is a table of verdicts: facts laid over a plain base, and what must come out of them.

use risk::{Facts, Language, Policy, Room, Verdict, judge};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    facts: Value,
    #[serde(default)]
    policy: Value,
    class: String,
    action: String,
    #[serde(default)]
    cause: String,
    #[serde(default)]
    pool: Option<String>,
    #[serde(default)]
    symbols: Vec<String>,
    #[serde(default)]
    sentence: Option<String>,
    #[serde(default)]
    italian: Option<String>,
    #[serde(default)]
    russian: Option<String>,
    /// In English, for who may not read the message.
    #[serde(default)]
    bare: Option<String>,
    #[serde(default)]
    on_allowance: bool,
    #[serde(default)]
    unchecked: bool,
}

fn base() -> Value {
    json!({
        "version": 1, "stage": "data", "at": "2026-11-24T12:00:00Z",
        "door": {"listener": "submission", "kind": "submission", "client": "192.0.2.7", "helo": "laptop", "tls": true},
        "sender": {"kind": "mailbox", "name": "anna@example.com", "domain": "example.com", "tenant": "acme"},
        "recipients": 1, "recipients_max": 150,
        "identity": {"known": {"reverse_path": "owned", "header_from": "owned", "header_sender": "absent"}},
        "standing": {"known": {"standing": "new", "lock": null, "accepted": 0, "age_days": 0, "risky_today": 0, "refusals": 0}},
        "content": {"known": {"size_octets": 900, "parts": 1, "attachments": [], "gtube": false, "eicar": false,
                     "defects": [], "header_from": "", "subject": "", "message_id": ""}},
        "scans": [],
    })
}

/// Lays `over` on `under`: objects are merged, everything else is replaced.
fn lay(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                lay(under.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (under, over) if !over.is_null() => *under = over.clone(),
        _ => {}
    }
}

fn check(file: &str, case: &Case) {
    let mut facts = base();
    lay(&mut facts, &case.facts);
    let facts: Facts =
        serde_json::from_value(facts).unwrap_or_else(|error| panic!("{file}, {}: {error}", case.name));
    let mut policy = serde_json::to_value(Policy::default()).unwrap();
    lay(&mut policy, &case.policy);
    let policy: Policy = serde_json::from_value(policy).unwrap();
    let verdict = judge(&facts, &policy);
    let at = format!("{file}, {}: {verdict:#?}", case.name);
    assert_eq!(verdict.class.as_str(), case.class, "{at}");
    assert_eq!(verdict.action.as_str(), case.action, "{at}");
    assert_eq!(verdict.cause.code(), case.cause, "{at}");
    assert_eq!(
        (verdict.on_allowance, verdict.unchecked),
        (case.on_allowance, case.unchecked),
        "{at}"
    );
    if let Some(pool) = &case.pool {
        assert_eq!(verdict.pool, *pool, "{at}");
    }
    for name in &case.symbols {
        assert!(
            verdict.symbols.iter().any(|symbol| symbol.name == *name),
            "{name} is missing in {at}"
        );
    }
    words(case, &verdict, &at);
    for language in Language::ALL {
        let empty = verdict.reason.sentence(language).is_empty();
        assert_eq!(empty, case.cause.is_empty(), "words for {language:?}: {at}");
    }
    let stored: Facts = serde_json::from_str(&serde_json::to_string(&facts).unwrap()).unwrap();
    assert_eq!(
        judge(&stored, &policy),
        verdict,
        "the same from stored facts: {at}"
    );
    let words: Verdict = serde_json::from_str(&serde_json::to_string(&verdict).unwrap()).unwrap();
    assert_eq!(words, verdict, "a verdict survives storing: {at}");
}

fn words(case: &Case, verdict: &Verdict, at: &str) {
    for (sentence, language, room) in [
        (&case.sentence, Language::English, Room::FULL),
        (&case.italian, Language::Italian, Room::FULL),
        (&case.russian, Language::Russian, Room::FULL),
        (&case.bare, Language::English, Room::BARE),
    ] {
        if let Some(sentence) = sentence {
            assert_eq!(verdict.reason.sentence_in(language, room), *sentence, "{at}");
        }
    }
}

#[test]
fn all_cases() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/cases");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let file: File = toml::from_str(&std::fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        for case in &file.case {
            check(&name, case);
            count += 1;
        }
    }
    assert!(count >= 30, "only {count} cases were read");
}
