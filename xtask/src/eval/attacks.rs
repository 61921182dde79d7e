//! What a spammer does to his text so that a filter does not see it, done to real spam: shared work of every contender.
//!
//! The filters have learnt the first third and learn nothing more. Of the campaigns of the rest (at most 300) one spam message each is attacked. Ham
//! text comes from the first third only, so that no attack brings words that are ham in the test alone. Links stay as they are: they
//! must work for the victim. Choices are drawn from the message's digest, so a run is repeatable.

use super::compose::{self, Kind, Part, file_part, image_part, text_part};
use super::corpus::Message;
use super::{disguise, docx, modes};
use anyhow::{Context, Result};
use std::collections::HashSet;
use xxhash_rust::xxh3::xxh3_64;

/// One attacked message.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Index of the message.
    pub message: usize,
    /// Which attack.
    pub attack: &'static str,
    /// RFC 5322.
    pub octets: Vec<u8>,
}

impl Variant {
    /// For messages of errors.
    pub fn name(&self) -> String {
        format!("{}#{}", self.message, self.attack)
    }
}

/// All attacks and what they do. `re-encoded` is none: the same rewriting with nothing changed.
pub const ALL: [(&str, &str); 14] = [
    ("re-encoded", "no attack: text parts decoded and encoded again"),
    ("good words after", "the text of two ham messages behind"),
    ("good words before", "the text of two ham messages in front"),
    (
        "leet",
        "half of the letters a, e, i, o, s, t, b, g as digits and signs",
    ),
    ("dots", "dots between the letters of every word from 4 letters"),
    (
        "zero-width",
        "invisible characters inside every word from 4 letters",
    ),
    (
        "homoglyphs",
        "Cyrillic and Greek look-alikes for most letters that have one",
    ),
    (
        "hidden ham",
        "HTML: one ham message in display:none in front, one white on white behind",
    ),
    (
        "hidden splits",
        "HTML: a hidden word in the middle of every word from 4 letters",
    ),
    ("image only", "a picture instead of the text"),
    ("text file", "a line that asks to read the attached .txt"),
    ("HTML file", "a line that asks to read the attached .html"),
    ("docx file", "a line that asks to read the attached .docx"),
    (
        "all disguises",
        "homoglyphs, zero-width and two ham messages in front at once",
    ),
];

/// Ham texts of these lengths in characters are taken.
const HAM_TEXT: std::ops::Range<usize> = 300..4_000;
/// Messages attacked: SpamAssassin needs a fifth of a second for each of their forms.
const ATTACKED_MAX: usize = 300;
const LINE: &str = "Hello,\n\nplease have a look at the attached file.\n\nBest regards\n";

/// The attacked messages: every attack on one spam message of a campaign after the first third. Those without any text stay out.
pub fn variants(messages: &[Message]) -> Result<Vec<Variant>> {
    let (learnt, _) = modes::thirds(messages.len());
    let hams: Vec<String> = messages
        .get(learnt)
        .unwrap_or_default()
        .iter()
        .filter(|message| !message.spam)
        .filter_map(|message| compose::shown(&message.octets))
        .map(|text| text.trim().replace("\r\n", "\n"))
        .filter(|text| HAM_TEXT.contains(&text.chars().count()))
        .collect();
    let mut variants = Vec::new();
    for index in attacked(messages) {
        let message = messages.get(index).context("no such message")?;
        let digest = xxh3_64(message.reference.as_bytes());
        let ham = |which: u64| {
            let at = digest.rotate_left(which as u32 * 17) % hams.len().max(1) as u64;
            hams.get(at as usize).map(String::as_str)
        };
        let good = [ham(1).context("no ham text to take")?, ham(2).unwrap_or_default()];
        let made: Vec<Option<Vec<u8>>> = ALL
            .iter()
            .map(|(attack, _)| attacked_by(attack, &message.octets, good, digest))
            .collect();
        // All or none, so that the columns are of the same messages.
        if made.iter().all(Option::is_some) {
            for ((attack, _), octets) in ALL.iter().zip(made) {
                variants.push(Variant {
                    message: index,
                    attack,
                    octets: octets.unwrap_or_default(),
                });
            }
        }
    }
    Ok(variants)
}

/// The first spam message of each campaign after the first third; every second or third campaign, when there are too many.
fn attacked(messages: &[Message]) -> Vec<usize> {
    let (_, rest) = modes::thirds(messages.len());
    let mut seen = HashSet::new();
    let first = |index: &usize| {
        messages
            .get(*index)
            .is_some_and(|message| message.spam && seen.insert(message.campaign))
    };
    let all: Vec<usize> = rest.filter(first).collect();
    let step = all.len().div_ceil(ATTACKED_MAX).max(1);
    all.into_iter().step_by(step).collect()
}

fn attacked_by(attack: &str, raw: &[u8], good: [&str; 2], seed: u64) -> Option<Vec<u8>> {
    let keep = |old: &str| old.to_owned();
    let disguised = |how: disguise::How| {
        let subject = move |old: &str| disguise::plain(old, how, seed);
        compose::rewrite(raw, &subject, &|old, kind| disguise::text(old, kind, how, seed))
    };
    let one = |part: Part| compose::rebuilt(raw, &keep, "", &[part]);
    let with_file = |part: Part| compose::rebuilt(raw, &keep, "mixed", &[text_part(Kind::Plain, LINE), part]);
    match attack {
        "re-encoded" => compose::rewrite(raw, &keep, &|old, _| old.to_owned()),
        "good words after" => compose::rewrite(raw, &keep, &|old, kind| around(old, kind, None, Some(good))),
        "good words before" => compose::rewrite(raw, &keep, &|old, kind| around(old, kind, Some(good), None)),
        "leet" => disguised(disguise::How::Leet),
        "dots" => disguised(disguise::How::Dots),
        "zero-width" => disguised(disguise::How::ZeroWidth),
        "homoglyphs" => disguised(disguise::How::Homoglyphs),
        "hidden ham" => one(text_part(Kind::Html, &hidden_ham(&as_html(raw)?, good))),
        "hidden splits" => one(text_part(
            Kind::Html,
            &disguise::splits(&as_html(raw)?, good.first()?),
        )),
        "image only" => {
            let html = "<html><body><p align=\"center\"><img src=\"cid:offer@picture\"></p></body></html>\n";
            let parts = [
                text_part(Kind::Html, html),
                image_part("offer@picture", &docx::noise_png(seed)),
            ];
            compose::rebuilt(raw, &keep, "related", &parts)
        }
        "text file" => with_file(file_part(
            "text/plain",
            "offer.txt",
            compose::shown(raw)?.as_bytes(),
        )),
        "HTML file" => with_file(file_part("text/html", "offer.html", as_html(raw)?.as_bytes())),
        "docx file" => {
            let kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
            with_file(file_part(kind, "offer.docx", &docx::docx(&compose::shown(raw)?)?))
        }
        "all disguises" => {
            let how = |old: &str| disguise::plain(old, disguise::How::Homoglyphs, seed);
            compose::rewrite(raw, &how, &|old, kind| {
                let once = disguise::text(old, kind, disguise::How::Homoglyphs, seed);
                let twice = disguise::text(&once, kind, disguise::How::ZeroWidth, seed);
                around(&twice, kind, Some(good), None)
            })
        }
        _ => None,
    }
}

/// Ham text in front and behind.
fn around(text: &str, kind: Kind, before: Option<[&str; 2]>, after: Option<[&str; 2]>) -> String {
    let join = |good: Option<[&str; 2]>| good.map(|texts| texts.join("\n\n")).unwrap_or_default();
    let (before, after) = (join(before), join(after));
    if kind == Kind::Plain {
        return [before.as_str(), text, after.as_str()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("\n\n");
    }
    let paragraph = |text: &str| {
        if text.is_empty() {
            String::new()
        } else {
            format!("<p>{}</p>\n", escaped(text))
        }
    };
    inside_body(text, &paragraph(&before), &paragraph(&after))
}

/// Something right behind the opening and right before the closing tag of the body, where there are such.
fn inside_body(html: &str, first: &str, last: &str) -> String {
    // Lengths must not change, so only ASCII letters are lowered.
    let low = html.to_ascii_lowercase();
    let open = low
        .find("<body")
        .and_then(|at| Some(at + low.get(at..)?.find('>')? + 1))
        .unwrap_or(0);
    // Broken HTML shows text in front of its body.
    let shown = |text: &str| !mail_parser::decoders::html::html_to_text(text).trim().is_empty();
    let open = if html.get(..open).is_some_and(shown) {
        0
    } else {
        open
    };
    let close = low.rfind("</body").filter(|at| *at >= open).unwrap_or(html.len());
    let part = |range: std::ops::Range<usize>| html.get(range).unwrap_or_default();
    [
        part(0..open),
        first,
        part(open..close),
        last,
        part(close..html.len()),
    ]
    .concat()
}

fn hidden_ham(html: &str, good: [&str; 2]) -> String {
    let [first, second] = good;
    let first = format!("<div style=\"display:none\">{}</div>\n", escaped(first));
    let second = format!(
        "\n<div style=\"background-color:#ffffff\"><font color=\"#ffffff\" size=\"1\">{}</font></div>\n",
        escaped(second)
    );
    inside_body(html, &first, &second)
}

/// The message's HTML, or its text as HTML.
fn as_html(raw: &[u8]) -> Option<String> {
    compose::html(raw).or_else(|| {
        let text = compose::shown(raw)?;
        Some(format!(
            "<html><body bgcolor=\"#ffffff\">\n{}\n</body></html>\n",
            escaped(&text)
        ))
    })
}

fn escaped(text: &str) -> String {
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    text.replace("\r\n", "\n").replace('\n', "<br>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "From: a@b.test\r\nSubject: Cheap watches\r\n\r\nBuy cheap watches at http://shop.test/watches now\r\n";
    const HTML: &str = "From: a@b.test\r\nSubject: Cheap watches\r\nContent-Type: text/html\r\n\r\n\
        <html><BODY class=\"x\"><p>Buy cheap&nbsp;watches <a href=\"http://shop.test/watches\">here</a></p></BODY></html>\r\n";
    const GOOD: [&str; 2] = ["minutes of the meeting", "lunch < dinner"];

    fn check(raw: &str, attack: &str, has: &[&str], lacks: &[&str]) {
        let octets = attacked_by(attack, raw.as_bytes(), GOOD, 5).unwrap();
        assert!(octets.is_ascii(), "{attack}");
        let parsed = mail_parser::MessageParser::default().parse(&octets).unwrap();
        let mut all = format!("{}\n", parsed.subject().unwrap_or_default());
        for part in &parsed.parts {
            if let mail_parser::PartType::Text(text) | mail_parser::PartType::Html(text) = &part.body {
                all.push_str(text);
            }
        }
        for want in has {
            assert!(all.contains(want), "{attack}: no {want:?} in {all}");
        }
        for want in lacks {
            assert!(!all.contains(want), "{attack}: {want:?} in {all}");
        }
    }

    #[test]
    fn each_attack_does_what_it_says() {
        let link = "http://shop.test/watches";
        for raw in [PLAIN, HTML] {
            check(
                raw,
                "re-encoded",
                &["Cheap watches", "Buy cheap", link],
                &["minutes"],
            );
            check(raw, "good words after", &["Buy cheap", "minutes of", link], &[]);
            check(raw, "good words before", &["minutes of", "Buy cheap", link], &[]);
            check(raw, "leet", &[link], &["Buy cheap watches"]);
            check(raw, "dots", &["C.h.e.a.p w.a.t.c.h.e.s", "c.h.e.a.p", link], &[]);
            check(raw, "zero-width", &[link], &["cheap", "Cheap"]);
            check(raw, "homoglyphs", &[link], &["Cheap watches\n"]);
            check(
                raw,
                "hidden ham",
                &["display:none", "minutes of", "lunch &lt;", "Buy cheap", link],
                &[],
            );
            check(raw, "hidden splits", &["display:none", link], &["cheap "]);
            check(
                raw,
                "image only",
                &["Cheap watches", "cid:"],
                &["Buy cheap", link],
            );
            check(raw, "text file", &["attached file", "Buy cheap"], &[]);
            check(raw, "HTML file", &["attached file", "Buy cheap", link], &[]);
            check(raw, "docx file", &["attached file"], &["Buy cheap", link]);
            check(raw, "all disguises", &["minutes of", link], &["cheap"]);
        }
        assert!(attacked_by("unknown", PLAIN.as_bytes(), GOOD, 5).is_none());
    }

    /// Real spam stays readable: re-encoding changes no text, and every form has the text where it says.
    #[test]
    fn real_spam() {
        let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (mut whole, mut textless) = (0, 0);
        for raw in super::super::corpus::some_spam(160) {
            let Some(text) = compose::shown(&raw) else {
                textless += 1;
                continue;
            };
            let by = |attack: &str| attacked_by(attack, &raw, GOOD, 5).unwrap_or_default();
            let text = squeeze(&text);
            assert_eq!(squeeze(&compose::shown(&by("re-encoded")).unwrap()), text);
            let stripped: String = compose::shown(&by("zero-width"))
                .unwrap()
                .chars()
                .filter(|letter| !['\u{200b}', '\u{200c}', '\u{200d}', '\u{feff}', '\u{ad}'].contains(letter))
                .collect();
            whole += usize::from(squeeze(&stripped) == text);
            for (attack, in_front) in [("good words before", true), ("good words after", false)] {
                let got = squeeze(&compose::shown(&by(attack)).unwrap());
                let at = |what: &str| {
                    got.find(what)
                        .unwrap_or_else(|| panic!("{attack}: no {what} in {got}"))
                };
                let start = text.split(' ').next().unwrap();
                assert!(!in_front || at("minutes of") <= at(start), "{attack}: {got}");
            }
            assert!(compose::html(&by("hidden ham")).unwrap().contains("minutes of"));
            let parsed = mail_parser::MessageParser::default();
            assert_eq!(parsed.parse(&by("docx file")).unwrap().attachments.len(), 1);
            let file = by("text file");
            let file = parsed.parse(&file).unwrap();
            assert_eq!(
                squeeze(file.attachment(0).unwrap().text_contents().unwrap()),
                text
            );
        }
        println!("{whole} whole, {textless} without text");
        assert!(textless < 3);
    }

    #[test]
    fn ham_stands_inside_the_body() {
        let got = inside_body("<BODY a>x</body>", "1", "2");
        assert_eq!(got, "<BODY a>1x2</body>");
        assert_eq!(inside_body("x", "1", "2"), "1x2");
        assert_eq!(inside_body("</body><body>x", "1", "2"), "</body><body>1x2");
    }
}
