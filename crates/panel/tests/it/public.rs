//! The page behind a refusal's link, and texts from mail.

use crate::house::{House, request};
use axum::http::{StatusCode, header};

const HOSTILE: &str = "</title><script>alert(1)</script> \u{1b}[31m\u{202e}\"'&";

#[tokio::test]
async fn a_refused_sender_reads_why_in_its_language() {
    let house = House::open();
    let id = house
        .told("bob@acme.example", "victim@far.example", HOSTILE, "spam")
        .await;
    let check = async |path: String, accept: &str, expected: &str| {
        let page = house
            .send(request("GET", &path, None, &[("accept-language", accept)]))
            .await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text.contains(expected), "{path} {accept}: {}", page.text);
        assert!(page.text.contains(&id.to_string()));
        assert!(
            page.headers[header::CONTENT_TYPE]
                .to_str()
                .unwrap()
                .starts_with("text/html")
        );
        for private in [
            "bob",
            "victim",
            "far.example",
            "alert",
            "192.0.2",
            "subject says",
            "<script",
            "550 5.7.1",
            "acme",
        ] {
            assert!(!page.text.contains(private), "{private} in {}", page.text);
        }
        assert!(
            page.text.contains("Host &lt;&amp;&gt; Example"),
            "the site's name is data"
        );
    };
    check(format!("/r/{id}"), "", "The message looks like spam").await;
    check(format!("/r/{id}"), "it-IT,it;q=0.9", "Il messaggio sembra spam").await;
    check(format!("/r/{id}"), "ru", "Письмо похоже на спам").await;
    check(format!("/r/{id}?lang=ru"), "it", "Письмо похоже на спам").await;
    check(
        format!("/r/{id}?lang=%3Cscript%3E"),
        "it",
        "Il messaggio sembra spam",
    )
    .await;
}

#[tokio::test]
async fn what_was_not_stopped_is_nobodys_business() {
    let house = House::open();
    let sent = house
        .told("bob@acme.example", "x@far.example", "hello", "clean")
        .await;
    let unknown = house.send(request("GET", "/r/0123456789abc", None, &[])).await;
    for path in [
        format!("/r/{sent}"),
        "/r/<script>".replace('<', "%3C").replace('>', "%3E"),
        "/r/x".to_owned(),
    ] {
        let page = house.send(request("GET", &path, None, &[])).await;
        assert_eq!(
            (page.status, &page.text),
            (StatusCode::NOT_FOUND, &unknown.text),
            "{path}"
        );
    }
}

#[tokio::test]
async fn guessing_ids_is_bounded() {
    let house = House::open();
    let mut statuses = Vec::new();
    for _ in 0..61 {
        statuses.push(
            house
                .send(request("GET", "/r/0123456789abc", None, &[]))
                .await
                .status,
        );
    }
    assert_eq!(
        (statuses[59], statuses[60]),
        (StatusCode::NOT_FOUND, StatusCode::TOO_MANY_REQUESTS)
    );
    house.pass(jiff::SignedDuration::from_mins(1));
    assert_eq!(
        house
            .send(request("GET", "/r/0123456789abc", None, &[]))
            .await
            .status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn hostile_text_stays_data_in_json() {
    let house = House::open();
    let id = house
        .told("bob@acme.example", "x@far.example", HOSTILE, "clean")
        .await;
    let story = house.get("bob@acme.example", &format!("/v1/stories/{id}")).await;
    let subjects: Vec<_> = story.json()["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|e| e["subject"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(subjects, [HOSTILE], "nothing is lost");
    assert_eq!(story.headers[header::CONTENT_TYPE], "application/json");
    assert_eq!(story.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert!(!story.text.contains('\u{1b}'), "controls are escaped");
}

#[tokio::test]
async fn the_pages_are_served_or_said_to_be_missing() {
    let house = House::open();
    for path in [
        "/",
        "/queue",
        "/stories/0123456789abc",
        "/senders/mailbox%3Abob%40acme.example",
    ] {
        let page = house
            .send(request("GET", path, None, &[("accept-encoding", "identity")]))
            .await;
        if cfg!(feature = "headless") {
            assert_eq!(page.status, StatusCode::NOT_FOUND);
        } else {
            assert_eq!(page.status, StatusCode::OK, "{path}");
            assert!(
                page.text.contains("id=\"app\"") && !page.text.contains("<script>"),
                "{path}"
            );
            assert_eq!(page.headers[header::CACHE_CONTROL], "no-cache");
        }
    }
    for path in ["/assets/none.js", "/favicon.ico", "/v1/none", "/../Cargo.toml"] {
        assert_eq!(
            house.send(request("GET", path, None, &[])).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}

#[cfg(not(feature = "headless"))]
#[tokio::test]
async fn files_come_compressed_and_may_be_kept() {
    let house = House::open();
    let index = house.send(request("GET", "/", None, &[])).await.text;
    let script = index
        .split("src=\"")
        .find_map(|part| part.split('"').next().filter(|path| path.starts_with("/assets/")))
        .unwrap();
    for (accepts, expected) in [
        ("gzip, br", Some("br")),
        ("gzip", Some("gzip")),
        ("br;q=0, gzip;q=0", None),
        ("", None),
    ] {
        let file = house
            .send(request("GET", script, None, &[("accept-encoding", accepts)]))
            .await;
        assert_eq!(file.status, StatusCode::OK);
        let encoding = file
            .headers
            .get(header::CONTENT_ENCODING)
            .map(|value| value.to_str().unwrap());
        assert_eq!(encoding, expected, "{accepts}");
        assert!(
            file.headers[header::CACHE_CONTROL]
                .to_str()
                .unwrap()
                .contains("immutable")
        );
    }
}
