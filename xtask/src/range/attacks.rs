//! The recorded attacks moved to other accounts, other times and other texts: other seeds of the same adversary.
//!
//! Honest mail stays as it was recorded. An attack on an account goes to another account with at least some history; who phishes his
//! colleagues writes to the new victim's own correspondents.

use super::replay::{Event, Kind};
use std::collections::{BTreeMap, HashMap};
use xxhash_rust::xxh3::xxh3_64;

/// Seed 0 is the recording itself.
pub fn moved(recorded: &[Event], seed: u64) -> Vec<Event> {
    if seed == 0 {
        return recorded.to_vec();
    }
    let pick = |what: &str, from: usize| {
        (xxh3_64(format!("{seed}:{what}").as_bytes()) % from.max(1) as u64) as usize
    };
    let victims = victims(recorded);
    let texts = texts(recorded);
    let mut contacts: HashMap<&str, Vec<&str>> = HashMap::new();
    for event in recorded.iter().filter(|event| !event.is_spam()) {
        contacts
            .entry(&event.account)
            .or_default()
            .extend(event.rcpt_to.iter().map(String::as_str));
    }
    let end = recorded.last().map_or(0, |event| event.t);
    let start = recorded.first().map_or(0, |event| event.t);
    let spans = spans(recorded);
    let mut events = Vec::with_capacity(recorded.len());
    for event in recorded {
        let mut event = event.clone();
        if let Some(attack) = event.truth.attack_id.clone() {
            let (first, last) = spans.get(&attack).copied().unwrap_or((event.t, event.t));
            let room = (end - (start + 15 * 86_400) - (last - first)).max(1);
            let shift = start + 15 * 86_400 + pick(&format!("{attack}:t"), room as usize) as i64 - first;
            event.t += shift;
            let is_user = event.submission == "smtp-auth" && victims.len() > 1;
            if is_user {
                let new = victims[pick(&format!("{attack}:{}", event.account), victims.len())];
                if event.truth.attack_kind.as_deref() == Some("lateral-phish") {
                    let circle = contacts.get(new).cloned().unwrap_or_default();
                    for (place, to) in event.rcpt_to.iter_mut().enumerate() {
                        if let Some(contact) =
                            circle.get(pick(&format!("{}:{place}", event.id), circle.len()))
                        {
                            *to = (*contact).to_owned();
                        }
                    }
                }
                if event.header_from == event.account {
                    event.header_from = new.to_owned();
                }
                if event.mail_from == event.account {
                    event.mail_from = new.to_owned();
                }
                event.account = new.to_owned();
            }
            // Texts of one attack stay together: each of its references becomes another spam reference.
            if event.kind == Kind::Submit && !texts.is_empty() {
                let others = texts[pick(&format!("{attack}:{}", event.msg.reference), texts.len())].1;
                let number = xxh3_64(event.id.as_bytes()) as usize % others.len().max(1);
                if let Some(other) = others.get(number) {
                    event.text.clone_from(other);
                }
            }
        }
        events.push(event);
    }
    events.sort_by_key(|event| event.t);
    events
}

/// Accounts of people with some history.
fn victims(recorded: &[Event]) -> Vec<&str> {
    let mut count: BTreeMap<&str, (usize, bool)> = BTreeMap::new();
    for event in recorded
        .iter()
        .filter(|event| event.kind == Kind::Submit && !event.is_spam())
    {
        let entry = count.entry(&event.account).or_default();
        entry.0 += 1;
        entry.1 |= event.truth.benign_kind.as_deref() != Some("user") || event.submission != "smtp-auth";
    }
    let some = count
        .into_iter()
        .filter(|(_, (messages, other))| *messages >= 3 && !other);
    some.map(|(account, _)| account).collect()
}

/// Spam by reference: the events that carry it. Leaked so that the list can be borrowed for the run.
fn texts(recorded: &[Event]) -> Vec<(String, &'static [String])> {
    let mut by: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in recorded
        .iter()
        .filter(|event| event.is_spam() && event.kind == Kind::Submit)
    {
        by.entry(event.msg.reference.clone())
            .or_default()
            .push(event.id.clone());
    }
    by.into_iter()
        .map(|(reference, ids)| (reference, &*ids.leak()))
        .collect()
}

fn spans(recorded: &[Event]) -> HashMap<String, (i64, i64)> {
    let mut spans: HashMap<String, (i64, i64)> = HashMap::new();
    for event in recorded {
        if let Some(attack) = &event.truth.attack_id {
            let span = spans.entry(attack.clone()).or_insert((event.t, event.t));
            span.0 = span.0.min(event.t);
            span.1 = span.1.max(event.t);
        }
    }
    spans
}
