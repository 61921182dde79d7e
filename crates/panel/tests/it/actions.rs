//! Locking, the queue, pauses: who may, and what is told of it.

use crate::house::House;
use axum::http::StatusCode;
use serde_json::{Value, json};

const OP: &str = "op@host.example";
const DESK: &str = "desk@host.example";
const BOSS: &str = "boss@acme.example";
const ADMIN: &str = "admin@acme.example";
const BOB: &str = "bob@acme.example";
const CAROL: &str = "carol@sister.example";
const EVE: &str = "eve@zeta.example";

async fn events(house: &House, id: &str) -> Vec<Value> {
    house.store.stories.flush().await.unwrap();
    let story = house.get(OP, &format!("/v1/stories/{id}")).await.json();
    story["events"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn lock_and_unlock_by_role() {
    let house = House::open();
    let reason = || Some(json!({ "reason": "password stolen" }));
    // Who, whom, may lock, may unlock.
    for (viewer, sender, lock, unlock) in [
        (OP, BOB, StatusCode::OK, StatusCode::OK),
        (DESK, BOB, StatusCode::FORBIDDEN, StatusCode::OK),
        (BOSS, CAROL, StatusCode::OK, StatusCode::OK),
        (BOSS, EVE, StatusCode::NOT_FOUND, StatusCode::NOT_FOUND),
        (ADMIN, BOB, StatusCode::OK, StatusCode::OK),
        (ADMIN, CAROL, StatusCode::NOT_FOUND, StatusCode::NOT_FOUND),
        (ADMIN, ADMIN, StatusCode::OK, StatusCode::FORBIDDEN),
        (BOB, BOB, StatusCode::FORBIDDEN, StatusCode::FORBIDDEN),
        (BOB, EVE, StatusCode::NOT_FOUND, StatusCode::NOT_FOUND),
    ] {
        for (verb, expected) in [("lock", lock), ("unlock", unlock)] {
            let path = format!("/v1/senders/mailbox:{sender}/{verb}");
            assert_eq!(
                house.ask(viewer, "POST", &path, reason()).await.status,
                expected,
                "{viewer} {verb} {sender}"
            );
        }
    }
}

#[tokio::test]
async fn a_lock_is_kept_shown_and_told() {
    let house = House::open();
    let path = format!("/v1/senders/mailbox:{BOB}/lock");
    let past = json!({ "reason": "x", "until": "2001-01-01T00:00:00Z" });
    assert_eq!(
        house.ask(OP, "POST", &path, Some(past)).await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        house
            .ask(OP, "POST", &path, Some(json!({ "reason": " " })))
            .await
            .status,
        StatusCode::BAD_REQUEST
    );
    let until = house
        .now()
        .checked_add(jiff::SignedDuration::from_hours(5))
        .unwrap();
    let order = json!({ "reason": "stolen\r\n<b>", "until": until });
    let line = house.ask(OP, "POST", &path, Some(order)).await.json();
    assert_eq!(
        (line["standing"].as_str(), line["lock"]["reason"].as_str()),
        (Some("locked"), Some("stolen  <b>"))
    );
    assert_eq!(line["lock"]["by"], OP);
    let told = events(&house, line["lock"]["reference"].as_str().unwrap()).await;
    assert_eq!(
        (told[0]["event"].as_str(), told[0]["locked_sender"].as_str()),
        (Some("locked"), Some("mailbox:bob@acme.example"))
    );
    house.pass(jiff::SignedDuration::from_hours(1));
    let unlocked = house
        .ask(
            OP,
            "POST",
            &path.replace("/lock", "/unlock"),
            Some(json!({ "reason": "clean" })),
        )
        .await
        .json();
    assert_eq!(
        (unlocked["standing"].as_str(), &unlocked["lock"]),
        (Some("watched"), &Value::Null)
    );
}

#[tokio::test]
async fn an_operator_locks_what_has_not_sent_yet() {
    let house = House::open();
    let locked = house
        .ask(
            OP,
            "POST",
            "/v1/senders/ip:192.0.2.99/lock",
            Some(json!({ "reason": "attacks" })),
        )
        .await;
    assert_eq!(locked.status, StatusCode::OK, "{}", locked.text);
    let unknown = house
        .ask(
            OP,
            "POST",
            "/v1/senders/planet:mars/lock",
            Some(json!({ "reason": "attacks" })),
        )
        .await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn hold_release_retry_drop() {
    let house = House::open();
    let id = house.queued(BOB, "x@far.example", false).await.to_string();
    let act = async |verb: &str, body: Value| {
        house
            .ask(OP, "POST", &format!("/v1/queue/{verb}"), Some(body))
            .await
    };
    let state =
        async || house.get(OP, &format!("/v1/queue?id={id}")).await.json()["rows"][0]["state"].clone();
    assert_eq!(
        act("hold", json!({ "id": id })).await.status,
        StatusCode::BAD_REQUEST,
        "a reason is needed"
    );
    assert_eq!(
        act("hold", json!({ "id": id, "reason": "odd" })).await.json()["changed"],
        1
    );
    assert_eq!(state().await, "held");
    assert_eq!(
        act("retry", json!({ "id": id })).await.json()["changed"],
        0,
        "held mail is not retried"
    );
    assert_eq!(act("release", json!({ "id": id })).await.json()["changed"], 1);
    assert_eq!(state().await, "scheduled");
    assert_eq!(act("retry", json!({ "id": id })).await.json()["changed"], 1);
    assert_eq!(
        act("drop", json!({ "id": id, "reason": "unwanted" }))
            .await
            .json()["changed"],
        1
    );
    assert_eq!(state().await, Value::Null);
    assert_eq!(
        act("explode", json!({ "id": id })).await.status,
        StatusCode::NOT_FOUND
    );
    let told: Vec<_> = events(&house, &id)
        .await
        .iter()
        .map(|event| (event["event"].clone(), event["verb"].clone()))
        .collect();
    let verbs: Vec<_> = told.iter().filter_map(|(_, verb)| verb.as_str()).collect();
    assert_eq!(verbs, ["hold", "release", "retry", "drop"]);
    assert_eq!(told.last().unwrap().0, "settled");
}

#[tokio::test]
async fn everything_must_be_confirmed() {
    let house = House::open();
    for sender in [BOB, EVE] {
        house.queued(sender, "x@far.example", false).await;
    }
    let unconfirmed = house
        .ask(OP, "POST", "/v1/queue/drop", Some(json!({ "reason": "x" })))
        .await;
    assert_eq!(
        (unconfirmed.status, unconfirmed.code().as_str()),
        (StatusCode::CONFLICT, "unconfirmed")
    );
    let blank = json!({ "reason": "x", "sender": " ", "pool": "" });
    assert_eq!(
        house.ask(OP, "POST", "/v1/queue/drop", Some(blank)).await.status,
        StatusCode::CONFLICT
    );
    let confirmed = house
        .ask(
            OP,
            "POST",
            "/v1/queue/drop",
            Some(json!({ "reason": "x", "all": true })),
        )
        .await;
    assert_eq!(confirmed.json()["changed"], 2);
}

#[tokio::test]
async fn nobody_acts_beyond_its_scope() {
    let house = House::open();
    let of = |sender: &'static str| house.queued(sender, "x@far.example", true);
    let (bob, carol, eve, admin) = (of(BOB).await, of(CAROL).await, of(EVE).await, of(ADMIN).await);
    let check = async |viewer: &str, verb: &str, filter: Value, expected: Result<u64, StatusCode>| {
        let mut body = filter.clone();
        body["reason"] = "test".into();
        let answer = house
            .ask(viewer, "POST", &format!("/v1/queue/{verb}"), Some(body))
            .await;
        let done = if answer.status == StatusCode::OK {
            Ok(answer.json()["changed"].as_u64().unwrap())
        } else {
            Err(answer.status)
        };
        assert_eq!(done, expected, "{viewer} {verb} {filter}");
    };
    check(DESK, "drop", json!({ "id": bob }), Err(StatusCode::FORBIDDEN)).await;
    check(EVE, "drop", json!({ "id": bob }), Ok(0)).await;
    check(
        EVE,
        "drop",
        json!({ "tenant": "acme" }),
        Err(StatusCode::NOT_FOUND),
    )
    .await;
    check(BOB, "release", json!({ "id": bob }), Err(StatusCode::FORBIDDEN)).await;
    check(
        BOB,
        "drop",
        json!({ "sender": "mailbox:eve@zeta.example" }),
        Err(StatusCode::NOT_FOUND),
    )
    .await;
    check(ADMIN, "drop", json!({ "all": true }), Err(StatusCode::FORBIDDEN)).await;
    check(ADMIN, "drop", json!({ "id": carol }), Err(StatusCode::NOT_FOUND)).await;
    check(
        ADMIN,
        "drop",
        json!({ "sender": "mailbox:carol@sister.example" }),
        Err(StatusCode::NOT_FOUND),
    )
    .await;
    check(
        ADMIN,
        "release",
        json!({ "id": admin }),
        Err(StatusCode::FORBIDDEN),
    )
    .await;
    check(ADMIN, "release", json!({ "id": bob }), Ok(1)).await;
    check(
        BOSS,
        "drop",
        json!({ "tenant": "zeta" }),
        Err(StatusCode::NOT_FOUND),
    )
    .await;
    check(BOSS, "drop", json!({ "id": eve }), Ok(0)).await;
    assert_eq!(
        house.store.queue.counts().messages,
        4,
        "nothing was dropped so far"
    );
    check(BOSS, "drop", json!({ "all": true }), Ok(3)).await;
    assert!(
        house.store.queue.get(eve).is_some(),
        "another customer's mail is untouched"
    );
}

#[tokio::test]
async fn pauses() {
    let house = House::open();
    let order =
        |scope: &str, name: &str| Some(json!({ "scope": scope, "name": name, "reason": "maintenance" }));
    for (viewer, scope, name, expected) in [
        (OP, "destination", "Far.Example", StatusCode::CREATED),
        (OP, "all", "", StatusCode::CREATED),
        (OP, "all", "x", StatusCode::BAD_REQUEST),
        (OP, "pool", "", StatusCode::BAD_REQUEST),
        (BOSS, "tenant", "acme", StatusCode::CREATED),
        (BOSS, "tenant", "zeta", StatusCode::FORBIDDEN),
        (
            BOSS,
            "sender",
            "mailbox:carol@sister.example",
            StatusCode::CREATED,
        ),
        (BOSS, "sender", "mailbox:eve@zeta.example", StatusCode::FORBIDDEN),
        (BOSS, "pool", "clean", StatusCode::FORBIDDEN),
        (ADMIN, "sender", "mailbox:bob@acme.example", StatusCode::FORBIDDEN),
        (DESK, "all", "", StatusCode::FORBIDDEN),
        (EVE, "tenant", "zeta", StatusCode::FORBIDDEN),
    ] {
        let answer = house.ask(viewer, "POST", "/v1/pauses", order(scope, name)).await;
        assert_eq!(
            answer.status, expected,
            "{viewer} {scope} {name}: {}",
            answer.text
        );
    }
    for (viewer, shown) in [(OP, 4), (DESK, 4), (BOSS, 3), (CAROL, 3), (BOB, 2), (EVE, 1)] {
        assert_eq!(
            house
                .get(viewer, "/v1/pauses")
                .await
                .json()
                .as_array()
                .unwrap()
                .len(),
            shown,
            "{viewer}"
        );
    }
    assert_eq!(
        house
            .ask(BOSS, "DELETE", "/v1/pauses?scope=all", None)
            .await
            .status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        house.ask(OP, "DELETE", "/v1/pauses?scope=all", None).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        house.ask(OP, "DELETE", "/v1/pauses?scope=all", None).await.status,
        StatusCode::NOT_FOUND
    );
    let resumed = house
        .ask(
            OP,
            "DELETE",
            "/v1/pauses?scope=destination&name=far.example",
            None,
        )
        .await;
    assert_eq!(resumed.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn the_local_socket_is_the_operator() {
    let house = House::open();
    let id = house.queued(EVE, "x@far.example", false).await.to_string();
    assert_eq!(
        house.control("GET", "/v1/queue", None).await.json()["counts"]["messages"],
        1
    );
    let held = house
        .control(
            "POST",
            "/v1/queue/hold",
            Some(json!({ "id": id, "reason": "odd" })),
        )
        .await;
    assert_eq!(held.json()["changed"], 1, "{}", held.text);
    let told = events(&house, &id).await;
    assert_eq!(told[0]["by"], "root");
    assert!(
        house
            .control("GET", "/metrics", None)
            .await
            .text
            .contains("dogana_queue_recipients{state=\"held\"} 1")
    );
    let health = house.control("GET", "/healthz", None).await;
    assert!(health.text.contains("clamav does not answer"));
    assert_eq!(
        house.control("GET", "/v1/policy", None).await.status,
        StatusCode::OK
    );
    // The panel's own listener tells less.
    let health = house
        .send(crate::house::request("GET", "/healthz", None, &[]))
        .await;
    assert_eq!(
        (health.status, health.json()["ok"].as_bool()),
        (StatusCode::OK, Some(true))
    );
    assert!(!health.text.contains("clamav"));
    let metrics = house
        .send(crate::house::request("GET", "/metrics", None, &[]))
        .await;
    assert!(
        !metrics.text.contains("dogana_"),
        "metrics are not served to everybody unless asked for"
    );
}
