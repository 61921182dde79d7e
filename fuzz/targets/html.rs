//! HTML: what is found stays within its limits, in octets and in time, and links are those that another tokenizer finds.
//!
//! First line: most octets of text, most anchors, deepest level.
#![no_main]

use html5gum::emitters::default::{DefaultEmitter, Token};
use html5gum::{StringReader, Tokenizer};
use libfuzzer_sys::fuzz_target;
use mail::message::html::{AnchorKind, HtmlLimits, SAMPLE_CHARS_MAX, TARGET_OCTETS_MAX, read};
use std::time::Duration;

fuzz_target!(|input: &[u8]| {
    let (mut figures, html) = fuzz::figures(input);
    let html = String::from_utf8_lossy(html);
    let mut limit =
        |default: u64, most: u64| usize::try_from(figures.take(default) % most).unwrap_or_default();
    let limits = HtmlLimits {
        text_octets_max: limit(100_000, 1 << 20),
        anchors_max: limit(1_000, 10_000),
        depth_max: limit(256, 300),
        ..HtmlLimits::default()
    };
    let watch = fuzz::Watch::start();
    let page = read(&html, &limits);
    watch.assert_below(Duration::from_millis(20), Duration::from_millis(2), html.len());

    assert!(page.text.len() <= limits.text_octets_max && page.hidden_octets <= limits.text_octets_max);
    for text in [&page.text, &page.hidden_sample, &page.image_alt] {
        assert_eq!(text.trim_ascii(), text);
        assert!(
            !text.contains("  ")
                && !text.contains("\n\n")
                && !text.contains(|c: char| c.is_ascii_control() && c != '\n')
        );
    }
    assert!(page.hidden_sample.chars().count() <= SAMPLE_CHARS_MAX);
    assert!(page.anchors.len() <= limits.anchors_max);
    for anchor in &page.anchors {
        assert!(anchor.target.len() <= TARGET_OCTETS_MAX && anchor.text.chars().count() <= SAMPLE_CHARS_MAX);
    }
    let lower = html.to_ascii_lowercase();
    // Read in another way on purpose: scripts with comments, conditional comments, what stands where scripts do not run.
    let others = ["<script", "<noscript", "[if"];
    if !page.bounded && !others.iter().any(|word| lower.contains(word)) {
        let kinds = [AnchorKind::Link, AnchorKind::Area];
        let found = page.anchors.iter().filter(|anchor| kinds.contains(&anchor.kind));
        assert_eq!(found.count(), reference(&html), "{html}");
    }
});

/// Links of `<a>` and `<area>`.
fn reference(html: &str) -> usize {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let tokenizer: Tokenizer<StringReader<'_>, _> = Tokenizer::new_with_emitter(html, emitter);
    let is_link = |token: &Token| match token {
        Token::StartTag(tag) => {
            let has = |name: &[u8]| tag.attributes.keys().any(|key| key.0 == name);
            match &*tag.name.0 {
                b"a" => has(b"href") || has(b"xlink:href"),
                b"area" => has(b"href"),
                _ => false,
            }
        }
        _ => false,
    };
    tokenizer.flatten().filter(is_link).count()
}
