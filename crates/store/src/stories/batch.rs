//! Events as they are kept: one JSON object for the events of a story that were told together. The scope stands once; facts and
//! verdict stay the octets they were.

use crate::StoreError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;
use trace::{Event, Id, Scope, What};

#[derive(Serialize)]
struct Written<'a> {
    scope: &'a Scope,
    events: Vec<(Timestamp, &'a What)>,
}

#[derive(Deserialize)]
struct Read {
    scope: Scope,
    events: Vec<(Timestamp, Box<RawValue>)>,
}

/// Writes events of one story and one scope.
pub(super) fn write(scope: &Scope, events: &[&Event]) -> Result<String, StoreError> {
    let events = events.iter().map(|event| (event.at, &event.what)).collect();
    serde_json::to_string(&Written { scope, events }).map_err(|error| StoreError::Refused(error.to_string()))
}

/// Reads them back.
pub(super) fn read(id: Id, text: &str) -> Result<Vec<Event>, StoreError> {
    let batch: Read = serde_json::from_str(text).map_err(damaged)?;
    let scope = Arc::new(batch.scope);
    let event = |(at, raw): (Timestamp, Box<RawValue>)| {
        Ok(Event {
            id,
            at,
            scope: Arc::clone(&scope),
            what: what(raw.get()).map_err(damaged)?,
        })
    };
    batch.events.into_iter().map(event).collect()
}

/// A tagged enum is read through a buffer that cannot hold raw JSON, so these two are taken out before and put back.
fn what(text: &str) -> Result<What, serde_json::Error> {
    if !text.contains("\"judged\"") {
        return serde_json::from_str(text);
    }
    let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text)?;
    let raw = |value: Option<Box<RawValue>>| value.filter(|raw| raw.get() != "null");
    let (given_facts, given_verdict) = (raw(fields.remove("facts")), raw(fields.remove("verdict")));
    let mut what = serde_json::from_str(&serde_json::to_string(&fields)?)?;
    if let What::Judged { facts, verdict, .. } = &mut what {
        (*facts, *verdict) = (given_facts, given_verdict);
    }
    Ok(what)
}

fn damaged(error: serde_json::Error) -> StoreError {
    StoreError::Disk(std::io::Error::new(
        std::io::ErrorKind::InvalidData,
        format!("a story cannot be read: {error}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_and_verdict_come_back_octet_by_octet() {
        let facts = "{ \"b\":1.0, \"a\" : [1e3, null,\"\\u0041\"],\"big\":18446744073709551615}";
        let raw = |text: &str| Some(RawValue::from_string(text.to_owned()).unwrap());
        let judged = |facts, verdict| What::Judged {
            stage: "data".into(),
            class: "spam".into(),
            action: "refuse".into(),
            cause: "content".into(),
            reason: "\"judged\"".into(),
            score_db: 12.5,
            standing: "new".into(),
            symbols: Vec::new(),
            facts,
            verdict,
        };
        let told = [
            judged(raw(facts), raw("{}")),
            judged(None, None),
            What::Mail {
                reverse_path: "\"judged\"@example.com".into(),
                reply: "250 2.1.0 ok".into(),
            },
            What::Closed {
                reason: String::new(),
            },
        ];
        let scope = Arc::new(Scope {
            tenant: "acme".into(),
            ..Scope::default()
        });
        let id = Id::from_u64(7);
        let event = |what: &What| Event {
            id,
            at: Timestamp::UNIX_EPOCH,
            scope: Arc::clone(&scope),
            what: what.clone(),
        };
        let events: Vec<Event> = told.iter().map(event).collect();
        let text = write(&scope, &events.iter().collect::<Vec<_>>()).unwrap();
        let again = read(id, &text).unwrap();
        assert_eq!(format!("{events:?}"), format!("{again:?}"));
        let What::Judged {
            facts: Some(kept), ..
        } = &again[0].what
        else {
            panic!("no facts")
        };
        assert_eq!(kept.get(), facts);
    }

    #[test]
    fn damage_is_told() {
        for text in [
            "",
            "{}",
            "{\"scope\":{},\"events\":[[1]]}",
            "{\"scope\":{\"tenant\":\"\",\"domain\":\"\",\"sender\":\"\"},\"events\":[[\"2026-01-01T00:00:00Z\",{\"event\":\"none\"}]]}",
        ] {
            assert!(read(Id::from_u64(1), text).is_err(), "{text}");
        }
    }
}
