//! Nobody sees what is not its own: by list, id, search, figures, queue, senders.

use crate::house::{Answer, House};
use axum::http::StatusCode;
use serde_json::Value;

const BOB: &str = "bob@acme.example";
const CAROL: &str = "carol@sister.example";
const EVE: &str = "eve@zeta.example";

/// Who sees stories and queue rows of whom.
const SIGHT: [(&str, &[&str]); 7] = [
    ("op@host.example", &[BOB, CAROL, EVE]),
    ("desk@host.example", &[BOB, CAROL, EVE]),
    ("boss@acme.example", &[BOB, CAROL]),
    ("admin@acme.example", &[BOB]),
    (BOB, &[BOB]),
    (CAROL, &[CAROL]),
    (EVE, &[EVE]),
];

fn senders(rows: &Value) -> Vec<String> {
    let mut found: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            row["sender"]
                .as_str()
                .unwrap_or_default()
                .trim_start_matches("mailbox:")
                .to_owned()
        })
        .filter(|sender| !sender.is_empty())
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Logins tell stories of their own; only messages are looked at here.
fn messages(answer: &Answer) -> Value {
    let rows = answer.json()["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["reverse_path"] != "")
        .cloned()
        .collect();
    Value::Array(rows)
}

#[tokio::test]
async fn stories_by_list_search_and_id() {
    let house = House::open();
    let mut told = Vec::new();
    for sender in [BOB, CAROL, EVE] {
        told.push((
            sender,
            house
                .told(sender, "x@far.example", &format!("from {sender}"), "clean")
                .await,
        ));
    }
    for (viewer, seen) in SIGHT {
        let listed = house.get(viewer, "/v1/stories?limit=500").await;
        assert_eq!(senders(&messages(&listed)), seen, "{viewer} lists");
        let searched = house
            .get(viewer, "/v1/stories?recipient=far.example&class=clean")
            .await;
        assert_eq!(senders(&messages(&searched)), seen, "{viewer} searches");
        for (sender, id) in &told {
            let one = house.get(viewer, &format!("/v1/stories/{id}")).await;
            let expected = if seen.contains(sender) {
                StatusCode::OK
            } else {
                StatusCode::NOT_FOUND
            };
            assert_eq!(one.status, expected, "{viewer} opens {sender}");
            assert_eq!(
                one.text.contains(*sender),
                seen.contains(sender),
                "{viewer} {sender}"
            );
        }
    }
}

#[tokio::test]
async fn filters_do_not_widen() {
    let house = House::open();
    house.told(BOB, "x@far.example", "hello", "clean").await;
    house.told(EVE, "x@far.example", "hello", "clean").await;
    for (viewer, query) in [
        (BOB, "sender=eve"),
        (BOB, "tenant=zeta"),
        (BOB, "domain=zeta.example"),
        (BOB, "sender=mailbox:eve@zeta.example"),
        ("admin@acme.example", "tenant=zeta"),
        ("admin@acme.example", "domain=sister.example"),
        ("boss@acme.example", "tenant=zeta"),
        ("boss@acme.example", "tenant=zeta&sender=eve"),
    ] {
        let rows = house.get(viewer, &format!("/v1/stories?{query}")).await;
        assert_eq!(
            rows.json()["rows"].as_array().unwrap().len(),
            0,
            "{viewer} {query}"
        );
    }
}

#[tokio::test]
async fn figures() {
    let house = House::open();
    for (sender, times) in [(BOB, 3), (CAROL, 2), (EVE, 5)] {
        for _ in 0..times {
            house.told(sender, "x@far.example", "hello", "clean").await;
        }
        house.queued(sender, "x@far.example", false).await;
    }
    let check = async |viewer: &str, clean: u64, queued: u64| {
        let seen = house.get(viewer, "/v1/overview").await.json();
        assert_eq!(
            seen["classes_day"]["clean"].as_u64().unwrap_or(0),
            clean,
            "{viewer} {seen}"
        );
        assert_eq!(seen["queue"]["messages"], queued, "{viewer} {seen}");
        assert_eq!(
            seen["notes"].as_array().unwrap().is_empty(),
            viewer != "op@host.example",
            "{viewer}"
        );
    };
    check("op@host.example", 10, 3).await;
    check("boss@acme.example", 5, 2).await;
    check("admin@acme.example", 3, 1).await;
    check(BOB, 3, 1).await;
    check(EVE, 5, 1).await;
}

#[tokio::test]
async fn the_queue() {
    let house = House::open();
    for sender in [BOB, CAROL, EVE] {
        house.queued(sender, "x@far.example", false).await;
    }
    for (viewer, seen) in SIGHT {
        let rows = house.get(viewer, "/v1/queue").await.json();
        assert_eq!(senders(&rows["rows"]), seen, "{viewer}");
        assert_eq!(rows["counts"]["scheduled"], seen.len(), "{viewer}");
        let foreign = house.get(viewer, "/v1/queue?tenant=zeta").await.json();
        let expected: &[&str] = if seen.contains(&EVE) { &[EVE] } else { &[] };
        assert_eq!(senders(&foreign["rows"]), expected, "{viewer} asks for zeta");
    }
}

#[tokio::test]
async fn pages_of_the_queue_go_on_where_they_ended() {
    let house = House::open();
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(house.queued(BOB, "x@far.example", false).await.to_string());
        house.queued(EVE, "x@far.example", false).await;
    }
    let (mut found, mut after) = (Vec::new(), String::new());
    for _ in 0..4 {
        let page = house
            .get(BOB, &format!("/v1/queue?limit=2&after={after}"))
            .await
            .json();
        found.extend(
            page["rows"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["id"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(found, ids);
    assert_eq!(
        house.get(BOB, "/v1/queue?after=nonsense").await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn senders_and_policy() {
    let house = House::open();
    for (viewer, seen) in SIGHT {
        for sender in [BOB, CAROL, EVE] {
            let one = house.get(viewer, &format!("/v1/senders/mailbox:{sender}")).await;
            let expected = if seen.contains(&sender) {
                StatusCode::OK
            } else {
                StatusCode::NOT_FOUND
            };
            assert_eq!(one.status, expected, "{viewer} looks at {sender}");
        }
        let policy = house.get(viewer, "/v1/policy").await.status;
        let expected = if viewer == "op@host.example" {
            StatusCode::OK
        } else {
            StatusCode::FORBIDDEN
        };
        assert_eq!(policy, expected, "{viewer}");
    }
    for sender in [BOB, CAROL, EVE] {
        let body = Some(serde_json::json!({ "reason": "test" }));
        house
            .ask(
                "op@host.example",
                "POST",
                &format!("/v1/senders/mailbox:{sender}/lock"),
                body,
            )
            .await;
    }
    for (viewer, seen) in SIGHT {
        for query in ["", "?standing=locked", "?q=mailbox"] {
            let rows = house.get(viewer, &format!("/v1/senders{query}")).await.json();
            let keys: Vec<_> = rows["rows"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["key"].as_str().unwrap())
                .collect();
            let mut keys: Vec<_> = keys
                .into_iter()
                .map(|key| key.trim_start_matches("mailbox:"))
                .collect();
            keys.sort_unstable();
            assert_eq!(keys, seen, "{viewer} {query}");
        }
    }
}

#[tokio::test]
async fn the_help_desk_reads_no_content() {
    let house = House::open();
    let id = house.told(BOB, "x@far.example", "private words", "spam").await;
    let check = async |viewer: &str, reads: bool| {
        for path in ["/v1/stories?class=spam".to_owned(), format!("/v1/stories/{id}")] {
            let answer = house.get(viewer, &path).await;
            assert_eq!(answer.status, StatusCode::OK);
            assert!(
                answer.text.contains("550 5.7.1"),
                "{viewer} sees what became of it"
            );
            assert_eq!(answer.text.contains("private words"), reads, "{viewer} {path}");
        }
        let story = house.get(viewer, &format!("/v1/stories/{id}")).await;
        assert_eq!(story.text.contains("secret_fact"), reads, "{viewer}");
    };
    check("op@host.example", true).await;
    check(BOB, true).await;
    check("desk@host.example", false).await;
    let search = house
        .get("desk@host.example", "/v1/stories?subject=private")
        .await;
    assert_eq!(search.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn ids_that_are_none_are_missing() {
    let house = House::open();
    for id in [
        "0",
        "zzzzzzzzzzzzz",
        "0000000000000",
        "..%2f..%2fetc",
        "%00",
        "'%20OR%201=1",
    ] {
        let answer = house.get("op@host.example", &format!("/v1/stories/{id}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{id}");
    }
}

#[tokio::test]
async fn reasons_are_told_in_every_language() {
    let house = House::open();
    let id = house.told(BOB, "x@far.example", "private words", "spam").await;
    let story = house.get(BOB, &format!("/v1/stories/{id}")).await.json();
    let sentence = |tag: &str| story["sentences"][tag].as_str().unwrap_or_default().to_owned();
    assert_eq!(sentence("en"), "Too many recipients: at most 7 in one message");
    assert_eq!(sentence("it"), "Troppi destinatari: al massimo 7 per messaggio");
    assert!(sentence("ru").contains("не более 7"));
}
