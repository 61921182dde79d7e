//! The live stream: scope, filters, resumption, its ends.

use crate::house::{House, request};
use axum::body::Body;
use axum::http::StatusCode;
use http_body_util::BodyExt;
use serde_json::Value;
use std::time::Duration;
use tower::ServiceExt;
use trace::Hub;

/// A stream as a browser reads it.
struct Stream {
    body: Body,
    text: String,
}

impl Stream {
    async fn open(house: &House, who: &str, query: &str, last: Option<&str>) -> Self {
        let cookie = house.cookie(who).await;
        let mut headers = vec![("cookie", cookie.as_str())];
        headers.extend(last.map(|last| ("last-event-id", last)));
        let response = house
            .router
            .clone()
            .oneshot(request("GET", &format!("/v1/live{query}"), None, &headers))
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            body: response.into_body(),
            text: String::new(),
        }
    }

    /// The next message: its fields by name. None when the stream is over.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            if let Some((message, rest)) = self.text.clone().split_once("\n\n") {
                self.text = rest.to_owned();
                let field = |name: &str| {
                    message
                        .lines()
                        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                        .unwrap_or_default()
                        .to_owned()
                };
                if message.contains("data: ") {
                    return Some((
                        field("event"),
                        field("id"),
                        serde_json::from_str(&field("data")).unwrap(),
                    ));
                }
                continue;
            }
            let frame = tokio::time::timeout(Duration::from_secs(30), self.body.frame())
                .await
                .expect("something comes");
            self.text
                .push_str(std::str::from_utf8(frame?.unwrap().data_ref().unwrap()).unwrap());
        }
    }

    /// Events up to one of that kind, with its number.
    async fn until(&mut self, kind: &str) -> (Vec<Value>, String) {
        let mut heard = Vec::new();
        while let Some((_, number, event)) = self.next().await {
            heard.push(event);
            if heard.last().unwrap()["event"] == kind {
                return (heard, number);
            }
        }
        panic!("the stream ended: {heard:?}");
    }
}

#[tokio::test]
async fn everybody_hears_its_own() {
    let house = House::open();
    let mut streams = Vec::new();
    let ears: [(&str, &[&str]); 5] = [
        (
            "op@host.example",
            &["bob@acme.example", "carol@sister.example", "eve@zeta.example"],
        ),
        ("boss@acme.example", &["bob@acme.example", "carol@sister.example"]),
        ("admin@acme.example", &["bob@acme.example"]),
        ("bob@acme.example", &["bob@acme.example"]),
        ("eve@zeta.example", &["eve@zeta.example"]),
    ];
    // Logins are told too; they shall be over before anybody listens.
    for (viewer, _) in ears {
        house.cookie(viewer).await;
    }
    for (viewer, hears) in ears {
        streams.push((viewer, hears, Stream::open(&house, viewer, "", None).await));
    }
    for sender in ["bob@acme.example", "carol@sister.example", "eve@zeta.example"] {
        house.told(sender, "x@far.example", sender, "clean").await;
    }
    for (viewer, hears, stream) in &mut streams {
        for sender in *hears {
            let (events, _) = stream.until("answered").await;
            for event in &events {
                let whose = event["sender"].as_str().unwrap();
                let is_own = whose == format!("mailbox:{sender}");
                // What belongs to nobody yet is heard by the operator alone.
                assert!(
                    is_own || *viewer == "op@host.example" && whose.is_empty(),
                    "{viewer} heard {event}"
                );
            }
            assert!(events.iter().any(|event| event["subject"] == *sender), "{viewer}");
        }
    }
}

#[tokio::test]
async fn live_events_have_no_facts_and_the_help_desk_no_content() {
    let house = House::open();
    let mut op = Stream::open(&house, "op@host.example", "", None).await;
    let mut desk = Stream::open(&house, "desk@host.example", "", None).await;
    house
        .told("bob@acme.example", "x@far.example", "private words", "spam")
        .await;
    let seen = serde_json::to_string(&op.until("answered").await.0).unwrap();
    assert!(
        seen.contains("private words") && !seen.contains("secret_fact"),
        "{seen}"
    );
    let seen = serde_json::to_string(&desk.until("answered").await.0).unwrap();
    assert!(
        !seen.contains("private words") && seen.contains("550 5.7.1"),
        "{seen}"
    );
}

#[tokio::test]
async fn filters() {
    let house = House::open();
    let mut spam = Stream::open(&house, "op@host.example", "?class=spam", None).await;
    let mut to_near = Stream::open(&house, "op@host.example", "?recipient=near&sender=carol", None).await;
    house
        .told("bob@acme.example", "x@far.example", "one", "clean")
        .await;
    house
        .told("bob@acme.example", "x@near.example", "two", "spam")
        .await;
    house
        .told("carol@sister.example", "x@near.example", "three", "clean")
        .await;
    let heard = spam.until("answered").await.0;
    assert!(
        heard.iter().any(|event| event["subject"] == "two"),
        "what came before the class was known is told too"
    );
    assert_eq!(
        heard.iter().filter(|event| event["event"] == "received").count(),
        1
    );
    let heard = to_near.until("answered").await.0;
    assert!(heard.iter().any(|event| event["subject"] == "three"));
    assert_eq!(
        heard.iter().filter(|event| event["event"] == "received").count(),
        1
    );
}

#[tokio::test]
async fn a_browser_that_comes_back_misses_nothing() {
    let house = House::open();
    let mut first = Stream::open(&house, "bob@acme.example", "", None).await;
    house
        .told("bob@acme.example", "x@far.example", "one", "clean")
        .await;
    let (_, last) = first.until("answered").await;
    drop(first);
    house
        .told("bob@acme.example", "x@far.example", "two", "clean")
        .await;
    house
        .told("eve@zeta.example", "x@far.example", "other", "clean")
        .await;
    let mut again = Stream::open(&house, "bob@acme.example", "", Some(&last)).await;
    let (heard, _) = again.until("answered").await;
    let subjects: Vec<_> = heard
        .iter()
        .filter_map(|event| event["subject"].as_str())
        .collect();
    assert_eq!(subjects, ["two"]);
    let mut whole = Stream::open(&house, "bob@acme.example", "?after=0", None).await;
    let subjects: Vec<_> = whole
        .until("answered")
        .await
        .0
        .iter()
        .filter_map(|e| e["subject"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(subjects, ["one"]);
}

#[tokio::test]
async fn who_is_too_slow_is_told_and_cut_off() {
    let house = House::open();
    let mut slow = Stream::open(&house, "op@host.example", "", None).await;
    let scope = std::sync::Arc::default();
    for _ in 0..=Hub::BACKLOG_MAX {
        let what = trace::What::Closed {
            reason: String::new(),
        };
        house.hub.tell(trace::Id::from_u64(1), house.now(), &scope, what);
    }
    assert_eq!(
        slow.next().await.map(|(event, ..)| event).as_deref(),
        Some("lagged")
    );
    assert_eq!(slow.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_session_or_the_gateway() {
    let house = House::open();
    let mut bob = Stream::open(&house, "bob@acme.example", "", None).await;
    let mut eve = Stream::open(&house, "eve@zeta.example", "", None).await;
    let out = house.ask("bob@acme.example", "DELETE", "/v1/session", None).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert_eq!(bob.next().await.map(|(event, ..)| event).as_deref(), Some("over"));
    assert_eq!(bob.next().await, None);
    house.closing.send(true).unwrap();
    assert_eq!(
        eve.next().await.map(|(event, ..)| event).as_deref(),
        Some("closing")
    );
    assert_eq!(eve.next().await, None);
}

#[tokio::test]
async fn without_a_session_there_is_no_stream() {
    let house = House::open();
    assert_eq!(
        house.send(request("GET", "/v1/live", None, &[])).await.status,
        StatusCode::UNAUTHORIZED
    );
}
