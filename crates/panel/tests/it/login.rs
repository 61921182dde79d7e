//! Sessions, cookies, guessing, requests from other sites, headers.

use crate::house::{House, PASSWORD, request};
use axum::http::{StatusCode, header};
use jiff::SignedDuration;
use serde_json::json;

#[tokio::test]
async fn a_session_from_login_to_logout() {
    let house = House::open();
    assert_eq!(
        house.send(request("GET", "/v1/session", None, &[])).await.status,
        StatusCode::UNAUTHORIZED
    );
    let answer = house.log_in(" Bob@ACME.example", PASSWORD).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(
        cookie.contains("; HttpOnly; SameSite=Strict;") && !cookie.contains("Secure"),
        "{cookie}"
    );
    let seen = house.get("bob@acme.example", "/v1/session").await.json();
    assert_eq!(
        (seen["login"].as_str(), seen["role"].as_str()),
        (Some("bob@acme.example"), Some("user"))
    );
    let bob = house.cookie("bob@acme.example").await;
    assert_eq!(
        house
            .ask("bob@acme.example", "DELETE", "/v1/session", None)
            .await
            .status,
        StatusCode::NO_CONTENT
    );
    let after = house
        .send(request("GET", "/v1/session", None, &[("cookie", &bob)]))
        .await;
    assert_eq!(
        after.status,
        StatusCode::UNAUTHORIZED,
        "the token is worth nothing any more"
    );
}

#[tokio::test]
async fn over_https_the_cookie_is_bound_to_host_and_tls() {
    let house = House::open_at("https://panel.example");
    let answer = house.log_in("bob@acme.example", PASSWORD).await;
    let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(
        cookie.starts_with("__Host-dogana=") && cookie.ends_with("; Secure"),
        "{cookie}"
    );
    assert!(answer.headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
}

#[tokio::test]
async fn sessions_end() {
    let house = House::open();
    assert_eq!(
        house.get("bob@acme.example", "/v1/session").await.status,
        StatusCode::OK
    );
    house.pass(SignedDuration::from_hours(3));
    assert_eq!(
        house.get("bob@acme.example", "/v1/session").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_disabled_account_is_out_at_once() {
    let house = House::open();
    house.get("bob@acme.example", "/v1/session").await;
    let mut account = (*house
        .store
        .directory
        .account("bob@acme.example")
        .unwrap()
        .unwrap())
    .clone();
    account.enabled = false;
    house.store.directory.put_account(&account).unwrap();
    assert_eq!(
        house.get("bob@acme.example", "/v1/session").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test(start_paused = true)]
async fn guessing_is_answered_alike_then_not_at_all() {
    let house = House::open();
    let unknown = house.log_in("nobody@acme.example", "guess").await;
    for _ in 0..8 {
        let wrong = house.log_in("bob@acme.example", "guess").await;
        assert_eq!(
            (wrong.status, &wrong.text),
            (StatusCode::UNAUTHORIZED, &unknown.text)
        );
    }
    let turned_away = house.log_in("bob@acme.example", PASSWORD).await;
    assert_eq!(
        (turned_away.status, turned_away.code().as_str()),
        (StatusCode::TOO_MANY_REQUESTS, "too_many")
    );
    assert!(turned_away.headers.contains_key(header::RETRY_AFTER));
    house.pass(SignedDuration::from_mins(16));
    assert_eq!(
        house.log_in("bob@acme.example", PASSWORD).await.status,
        StatusCode::OK
    );
    let long = house.log_in("carol@sister.example", &"x".repeat(5_000)).await;
    assert_eq!(long.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn other_sites_can_change_nothing() {
    let house = House::open();
    let cookie = house.cookie("op@host.example").await;
    let path = "/v1/senders/mailbox:bob@acme.example/lock";
    let body = json!({ "reason": "x" }).to_string();
    let check = async |headers: &[(&str, &str)], expected: StatusCode| {
        let mut all = vec![("cookie", cookie.as_str())];
        all.extend_from_slice(headers);
        let mut foreign = request("POST", path, None, &all);
        *foreign.body_mut() = body.clone().into();
        assert_eq!(house.send(foreign).await.status, expected, "{headers:?}");
    };
    check(&[], StatusCode::FORBIDDEN).await;
    check(&[("content-type", "text/plain")], StatusCode::FORBIDDEN).await;
    check(
        &[("content-type", "application/x-www-form-urlencoded")],
        StatusCode::FORBIDDEN,
    )
    .await;
    let cross = [
        ("content-type", "application/json"),
        ("sec-fetch-site", "cross-site"),
    ];
    check(&cross, StatusCode::FORBIDDEN).await;
    assert!(
        house
            .store
            .ledger
            .get("mailbox:bob@acme.example", house.now())
            .is_none(),
        "nothing was locked"
    );
    check(
        &[
            ("content-type", "application/json"),
            ("sec-fetch-site", "same-origin"),
        ],
        StatusCode::OK,
    )
    .await;
}

#[tokio::test]
async fn every_answer_is_armoured() {
    let house = House::open();
    for path in [
        "/v1/session",
        "/healthz",
        "/r/0000000000000",
        "/r/style.css",
        "/v1/nothing",
        "/v1/stories",
    ] {
        let answer = house.send(request("GET", path, None, &[])).await;
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"),
            "{path}"
        );
        assert!(!policy.contains("unsafe"), "{path}");
        assert_eq!(
            answer.headers[header::X_CONTENT_TYPE_OPTIONS],
            "nosniff",
            "{path}"
        );
        assert!(answer.headers.contains_key(header::CACHE_CONTROL), "{path}");
    }
}

#[tokio::test]
async fn bodies_are_bounded_and_problems_are_problems() {
    let house = House::open();
    let large = json!({ "login": "x".repeat(2 << 20), "password": "" });
    let answer = house.send(request("POST", "/v1/session", Some(large), &[])).await;
    assert!(answer.status.is_client_error(), "{}", answer.status);
    let unknown = json!({ "login": "a", "password": "b", "more": 1 });
    let answer = house
        .send(request("POST", "/v1/session", Some(unknown), &[]))
        .await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::BAD_REQUEST, "invalid")
    );
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
    let answer = house.get("op@host.example", "/v1/stories?colour=red").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}
