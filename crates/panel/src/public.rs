//! The page behind the link in a refusal: why, and what to do. For everybody, without login, without scripts.
//!
//! Promises: ids can be guessed, so the page tells nothing but the family of the cause, the class, the time, and of the content
//! which kinds of observation weighed (its text, a link, a file): no address, no subject, no passage, no name of a host or file.
//! A message that went out, and one that never was, look the same. Requests are bounded by address.

use crate::door::Client;
use crate::language;
use crate::public_words;
use crate::state::Shared;
use crate::stories;
use crate::wire::blocking;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use risk::{Cause, Language, Reason, Room};
use serde::Deserialize;
use std::fmt::Write;
use std::sync::Arc;
use store::StoryRow;
use trace::Id;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PageParams {
    lang: Option<String>,
}

/// What may be told of a story.
struct Told {
    cause: Cause,
    class: String,
    status: String,
    at: Timestamp,
    /// Of the verdict that was kept; told only where it is about the content, and then without what it quotes.
    reason: Option<Reason>,
}

/// `GET /r/{id}`.
pub(crate) async fn page(
    State(shared): State<Arc<Shared>>,
    Client(address): Client,
    Path(text): Path<String>,
    params: Result<Query<PageParams>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let asked = params.ok().and_then(|Query(params)| params.lang);
    let accept = headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok());
    let language = language::pick(asked.as_deref(), accept);
    if !shared.attempts.page(address, shared.now()) {
        let page = frame(&shared, language, "", &notice(public_words::words(language).busy));
        return (StatusCode::TOO_MANY_REQUESTS, html(language), page).into_response();
    }
    let told = match text.parse::<Id>() {
        Ok(id) => told(&shared, id).await,
        Err(_) => None,
    };
    let (status, body) = match told {
        Some(told) => (StatusCode::OK, body(language, &text, &told)),
        None => (
            StatusCode::NOT_FOUND,
            notice(public_words::words(language).unknown),
        ),
    };
    // The reference is repeated only when it is one.
    let reference = if status == StatusCode::OK {
        text.as_str()
    } else {
        ""
    };
    (status, html(language), frame(&shared, language, reference, &body)).into_response()
}

/// `GET /r/style.css`.
pub(crate) async fn style() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=86400"),
    ];
    (headers, include_str!("public.css")).into_response()
}

async fn told(shared: &Arc<Shared>, id: Id) -> Option<Told> {
    let shared = Arc::clone(shared);
    let found = blocking(move || shared.state.store.stories.get(id))
        .await
        .ok()?
        .ok()?;
    let (row, events) = found?;
    stopped(&row).then(|| Told {
        cause: public_words::family(&row.cause),
        class: row.class,
        status: row.status,
        at: row.at.unwrap_or_else(|| id.made_at()),
        reason: stories::reason_of(&events),
    })
}

/// What was not stopped is nobody's business here.
fn stopped(row: &StoryRow) -> bool {
    matches!(row.status.as_str(), "refused" | "deferred" | "held")
        || matches!(row.action.as_str(), "refuse" | "defer" | "hold")
}

fn html(language: Language) -> [(header::HeaderName, &'static str); 3] {
    [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_LANGUAGE, language.tag()),
        (header::VARY, "accept-language"),
    ]
}

fn body(language: Language, reference: &str, told: &Told) -> String {
    let words = public_words::words(language);
    let Some(cause) = public_words::cause(language, told.cause) else {
        return notice(words.unknown);
    };
    let headline = match told.status.as_str() {
        "deferred" => words.deferred,
        "held" => words.held,
        _ => words.refused,
    };
    let mut page = String::new();
    // Writing into a String cannot fail.
    let _ = write!(
        page,
        "<p class=\"kicker {}\">{}</p>",
        escape(&told.class),
        escape(headline)
    );
    let _ = write!(
        page,
        "<h1>{}</h1><p class=\"lead\">{}</p>",
        escape(cause.title),
        escape(cause.sentence)
    );
    if let Some(reason @ Reason::Content { .. }) = &told.reason {
        let sentence = reason.sentence_in(language, Room::BARE);
        let _ = write!(page, "<p>{}.</p>", escape(&sentence));
    }
    let _ = write!(page, "<h2>{}</h2><ol>", escape(words.what_to_do));
    for step in cause.steps {
        let _ = write!(page, "<li>{}</li>", escape(step));
    }
    let time = told.at.strftime("%Y-%m-%d %H:%M UTC");
    let _ = write!(
        page,
        "</ol><dl><dt>{}</dt><dd><code>{}</code></dd>",
        escape(words.reference),
        escape(reference)
    );
    let _ = write!(
        page,
        "<dt>{}</dt><dd><time datetime=\"{}\">{time}</time></dd>",
        escape(words.time),
        told.at
    );
    if !told.cause.code().is_empty() {
        let _ = write!(
            page,
            "<dt>{}</dt><dd><code>{}</code></dd>",
            escape(words.code),
            told.cause.code()
        );
    }
    let _ = write!(page, "</dl><p class=\"quiet\">{}</p>", escape(words.ask));
    page
}

fn notice(text: &str) -> String {
    format!("<h1>{}</h1>", escape(text))
}

/// The page around a body.
fn frame(shared: &Shared, language: Language, reference: &str, body: &str) -> String {
    let words = public_words::words(language);
    let site: String = shared.state.settings.site_name.chars().take(80).collect();
    let site = if site.is_empty() {
        "Dogana".to_owned()
    } else {
        site
    };
    let mut links = String::new();
    for (tag, name) in [("en", "English"), ("it", "Italiano"), ("ru", "Русский")] {
        let current = if tag == language.tag() {
            " aria-current=\"true\""
        } else {
            ""
        };
        let _ = write!(
            links,
            "<a href=\"?lang={tag}\" lang=\"{tag}\" hreflang=\"{tag}\"{current}>{name}</a>"
        );
    }
    format!(
        "<!doctype html><html lang=\"{tag}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>{title}{reference}</title><link rel=\"icon\" href=\"data:,\"><link rel=\"stylesheet\" href=\"/r/style.css\"></head><body>\
         <header><strong>{site}</strong><nav aria-label=\"{language_word}\">{links}</nav></header>\
         <main>{body}</main></body></html>",
        tag = language.tag(),
        title = escape(words.page_title),
        reference = if reference.is_empty() {
            String::new()
        } else {
            format!(" · {}", escape(reference))
        },
        site = escape(&site),
        language_word = escape(words.language),
    )
}

/// Text as data in HTML, in elements and in quoted attributes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use risk::Observation;

    #[test]
    fn markup_becomes_data() {
        assert_eq!(
            escape("<a href=\"x\" b='&'>\u{1b}"),
            "&lt;a href=&quot;x&quot; b=&#39;&amp;&#39;&gt; "
        );
    }

    #[test]
    fn the_page_in_every_language() {
        for (language, sentence) in [
            (
                Language::English,
                "<p>The message looks like spam: its text, a link that is on a blocklist.</p>",
            ),
            (
                Language::Italian,
                "<p>Il messaggio sembra spam: il testo, un link presente in una lista di blocco.</p>",
            ),
            (
                Language::Russian,
                "<p>Письмо похоже на спам: текст, ссылка из чёрного списка.</p>",
            ),
        ] {
            let told = Told {
                cause: Cause::Content,
                class: "spam".into(),
                status: "refused".into(),
                at: Timestamp::UNIX_EPOCH,
                reason: Some(Reason::Content {
                    observations: vec![
                        Observation::new("TEXT", ["my secret"]),
                        Observation::new("LINK_LISTED", ["secret.example"]),
                    ],
                }),
            };
            let page = body(language, "0123456789abc", &told);
            assert!(page.contains(sentence) && !page.contains("secret"), "{page}");
            assert!(page.matches("<li>").count() >= 2, "{page}");
            assert!(
                page.contains("1970-01-01 00:00 UTC")
                    && page.contains("0123456789abc")
                    && page.contains("SPAM")
            );
        }
    }
}
