//! Teaching the content model: who may, what is told, what is kept.

use crate::house::{Answer, House, request};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

const OP: &str = "op@host.example";
const BOB: &str = "bob@acme.example";
const LETTER: &str = "From: bob@acme.example\r\nSubject: Cheap watches\r\n\r\nBuy cheap watches now, the offer ends today.\r\n";

/// Somebody who is logged in gives octets.
async fn give(house: &House, who: &str, method: &str, path: &str, kind: &str, octets: Vec<u8>) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("cookie", house.cookie(who).await)
        .header("x-dogana", "1")
        .header("content-type", kind);
    house.send(request.body(Body::from(octets)).unwrap()).await
}

async fn letter(house: &House, method: &str, query: &str) -> Answer {
    let path = format!("/v1/model/learn{query}");
    give(house, OP, method, &path, "message/rfc822", LETTER.into()).await
}

async fn report(house: &House) -> Value {
    house.get(OP, "/v1/model").await.json()
}

async fn verbs(house: &House, id: &str) -> Vec<String> {
    house.store.stories.flush().await.unwrap();
    let story = house.get(OP, &format!("/v1/stories/{id}")).await.json();
    let events = story["events"].as_array().cloned().unwrap_or_default();
    let handled = events.iter().filter(|event| event["event"] == "handled");
    handled
        .map(|event| {
            format!(
                "{} by {}",
                event["verb"].as_str().unwrap(),
                event["by"].as_str().unwrap()
            )
        })
        .collect()
}

#[tokio::test]
async fn for_operators_alone() {
    let house = House::open();
    for (method, path) in [
        ("GET", "/v1/model"),
        ("PUT", "/v1/model"),
        ("GET", "/v1/model/export"),
        ("POST", "/v1/model/reset"),
        ("POST", "/v1/model/restore/1"),
        ("POST", "/v1/model/learn"),
        ("DELETE", "/v1/model/learn"),
    ] {
        for who in [
            "desk@host.example",
            "boss@acme.example",
            "admin@acme.example",
            BOB,
        ] {
            let answer = house.ask(who, method, path, None).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{who} {method} {path}");
        }
        let stranger = house
            .send(request(method, path, None, &[("x-dogana", "1")]))
            .await;
        assert_eq!(stranger.status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
}

#[tokio::test]
async fn octets_are_learned_and_unlearned() {
    let house = House::open();
    assert_eq!(letter(&house, "POST", "").await.status, StatusCode::BAD_REQUEST);
    let learned = letter(&house, "POST", "?label=spam&account=mailbox:bob@acme.example").await;
    assert_eq!(learned.status, StatusCode::OK, "{}", learned.text);
    assert_eq!(report(&house).await["learned_spam"], 1);
    let again = letter(&house, "POST", "?label=spam").await;
    assert_eq!(
        (again.status, again.text.contains("already")),
        (StatusCode::BAD_REQUEST, true),
        "{}",
        again.text
    );
    assert_eq!(letter(&house, "POST", "?label=ham").await.status, StatusCode::OK);
    let report_now = report(&house).await;
    assert_eq!(
        (&report_now["labels"], &report_now["learned_spam"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(letter(&house, "DELETE", "").await.status, StatusCode::OK);
    assert_eq!(letter(&house, "DELETE", "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(report(&house).await["labels"], 0);
}

#[tokio::test]
async fn by_story_while_it_waits() {
    let house = House::open();
    let id = house.queued(BOB, "x@far.example", false).await.to_string();
    let order = || Some(json!({ "label": "spam", "story": id }));
    let learned = house.ask(OP, "POST", "/v1/model/learn", order()).await;
    assert_eq!(learned.status, StatusCode::OK, "{}", learned.text);
    let unlearned = house
        .ask(OP, "DELETE", "/v1/model/learn", Some(json!({ "story": id })))
        .await;
    assert_eq!(unlearned.status, StatusCode::OK, "{}", unlearned.text);
    assert_eq!(
        verbs(&house, &id).await,
        ["learn_spam by op@host.example", "unlearn by op@host.example"]
    );
    for wrong in [
        json!({ "label": "eggs", "story": id }),
        json!({ "story": id }),
        json!({ "label": "spam" }),
    ] {
        let answer = house
            .ask(OP, "POST", "/v1/model/learn", Some(wrong.clone()))
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let drop = json!({ "id": id, "reason": "test" });
    house.ask(OP, "POST", "/v1/queue/drop", Some(drop)).await;
    let gone = house.ask(OP, "POST", "/v1/model/learn", order()).await;
    assert_eq!(
        (gone.status, gone.code().as_str()),
        (StatusCode::NOT_FOUND, "not_kept")
    );
}

#[tokio::test]
async fn a_model_travels_is_reset_and_restored() {
    let (house, other) = (House::open(), House::open());
    letter(&house, "POST", "?label=spam").await;
    let octets = house.store.models.export();
    let export = house.get(OP, "/v1/model/export").await;
    assert_eq!(export.headers["content-type"], "application/octet-stream");
    let taken = give(
        &other,
        OP,
        "PUT",
        "/v1/model",
        "application/octet-stream",
        octets.clone(),
    )
    .await;
    assert_eq!(taken.status, StatusCode::OK, "{}", taken.text);
    assert_eq!(taken.json()["learned_spam"], 1);
    assert_eq!(other.store.models.export(), octets);
    let wrong = give(
        &other,
        OP,
        "PUT",
        "/v1/model",
        "application/octet-stream",
        b"x".to_vec(),
    )
    .await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    letter(&other, "POST", "?label=ham").await;
    let id = taken.json()["snapshots"][0]["id"].clone();
    let path = format!("/v1/model/restore/{id}");
    assert_eq!(other.ask(OP, "POST", &path, None).await.json()["labels"], 0);
    assert_eq!(
        other.ask(OP, "POST", "/v1/model/restore/99", None).await.status,
        StatusCode::NOT_FOUND
    );
    let reset = other.ask(OP, "POST", "/v1/model/reset", None).await.json();
    assert_eq!(
        (&reset["learned_spam"], &reset["snapshots"]),
        (&json!(0), &json!([]))
    );
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let house = House::open();
    let answer = give(
        &house,
        OP,
        "POST",
        "/v1/model/learn?label=spam",
        "message/rfc822",
        vec![b'x'; panel::GIVEN_OCTETS_MAX + 1],
    )
    .await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let small = give(
        &house,
        OP,
        "POST",
        "/v1/pauses",
        "application/json",
        vec![b'x'; panel::BODY_OCTETS_MAX + 1],
    )
    .await;
    assert_eq!(small.status, StatusCode::PAYLOAD_TOO_LARGE);
}

/// Only the release of one message that the verdict held says something of what is in it.
#[tokio::test]
async fn a_release_teaches() {
    let house = House::open();
    let held = |held: bool, action: &'static str| {
        let house = &house;
        async move {
            let id = house.queued(BOB, "x@far.example", held).await;
            house.judged(id, BOB, action).await;
            id.to_string()
        }
    };
    let release = |body: Value| house.ask(OP, "POST", "/v1/queue/release", Some(body));
    let by_hand = held(true, "accept").await;
    release(json!({ "id": by_hand })).await;
    assert_eq!(report(&house).await["labels"], 0, "held by hand");
    let one = held(true, "hold").await;
    release(json!({ "sender": "mailbox:bob@acme.example" })).await;
    assert_eq!(report(&house).await["labels"], 0, "many at once");
    release(json!({ "id": one })).await;
    assert_eq!(report(&house).await["labels"], 0, "not held any more");
    let two = held(true, "hold").await;
    release(json!({ "id": two })).await;
    assert_eq!(report(&house).await["learned_other"], 1);
    assert_eq!(
        verbs(&house, &two).await,
        ["release by op@host.example", "learn_ham by op@host.example"]
    );
}
