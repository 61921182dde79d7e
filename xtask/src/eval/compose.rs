//! Rewrites a real message: changes its text parts where they stand, or gives its head another body. Charset utf-8, and the transfer
//! encoding that the text needs. What is not text stays octet by octet.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_parser::{MessageParser, PartType};
use std::ops::Range;

/// What a text part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// text/plain, or another text that is read as such.
    Plain,
    /// text/html.
    Html,
}

impl Kind {
    fn media_type(self) -> &'static str {
        match self {
            Self::Plain => "text/plain",
            Self::Html => "text/html",
        }
    }
}

/// A part of a new body.
pub struct Part {
    /// Fields, each with its CRLF.
    pub head: String,
    /// Encoded as the head says.
    pub body: Vec<u8>,
}

/// Changes every text part that is shown, and the subject. None when there is no text.
pub fn rewrite(
    raw: &[u8],
    subject: &dyn Fn(&str) -> String,
    text: &dyn Fn(&str, Kind) -> String,
) -> Option<Vec<u8>> {
    let parsed = MessageParser::default().parse(raw)?;
    let mut edits: Vec<(Range<usize>, Vec<u8>)> = Vec::new();
    let mut root_is_text = false;
    for (number, part) in parsed.parts.iter().enumerate() {
        let id = number as u32;
        if !parsed.text_body.contains(&id) && !parsed.html_body.contains(&id) {
            continue;
        }
        let (old, kind) = match &part.body {
            PartType::Text(old) => (old, Kind::Plain),
            PartType::Html(old) => (old, Kind::Html),
            _ => continue,
        };
        let (from, body, end) = (
            part.offset_header as usize,
            part.offset_body as usize,
            part.offset_end as usize,
        );
        let new = text_part(kind, &text(old, kind));
        let mut head = without_content(raw.get(from..body)?, number == 0);
        root_is_text |= number == 0;
        if number == 0 {
            head = with_subject(&head, parsed.subject(), subject);
        }
        head.extend_from_slice(new.head.as_bytes());
        head.extend_from_slice(b"\r\n");
        head.extend_from_slice(&new.body);
        edits.push((from..end, head));
    }
    if edits.is_empty() {
        return None;
    }
    if !root_is_text {
        let end = parsed.parts.first()?.offset_body as usize;
        edits.push((0..end, with_subject(raw.get(..end)?, parsed.subject(), subject)));
    }
    splice(raw, edits)
}

/// The message's head with another body: one part, or several under a multipart type.
pub fn rebuilt(
    raw: &[u8],
    subject: &dyn Fn(&str) -> String,
    multipart: &str,
    parts: &[Part],
) -> Option<Vec<u8>> {
    let parsed = MessageParser::default().parse(raw)?;
    let end = parsed.parts.first()?.offset_body as usize;
    let mut out = with_subject(&without_content(raw.get(..end)?, true), parsed.subject(), subject);
    if let [single] = parts {
        out.extend_from_slice(single.head.as_bytes());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&single.body);
        return Some(out);
    }
    let boundary = format!("=_{:016x}", xxhash_rust::xxh3::xxh3_64(raw));
    out.extend_from_slice(
        format!("Content-Type: multipart/{multipart}; boundary=\"{boundary}\"\r\n\r\n").as_bytes(),
    );
    for part in parts {
        out.extend_from_slice(format!("--{boundary}\r\n{}\r\n", part.head).as_bytes());
        out.extend_from_slice(&part.body);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Some(out)
}

/// A text part with the fields that it needs.
pub fn text_part(kind: Kind, text: &str) -> Part {
    let text = text.replace("\r\n", "\n").replace('\n', "\r\n");
    let plain_lines = text.is_ascii() && text.lines().all(|line| line.len() <= 900);
    let foreign = text.bytes().filter(|octet| !octet.is_ascii()).count();
    let (encoding, body) = if plain_lines {
        ("7bit", text.into_bytes())
    } else if foreign * 6 < text.len() {
        ("quoted-printable", quoted(&text).into_bytes())
    } else {
        ("base64", based(text.as_bytes()))
    };
    let head = format!(
        "Content-Type: {}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n",
        kind.media_type()
    );
    Part { head, body }
}

/// A file.
pub fn file_part(media_type: &str, name: &str, octets: &[u8]) -> Part {
    Part {
        head: format!(
            "Content-Type: {media_type}; name=\"{name}\"\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\
             Content-Transfer-Encoding: base64\r\n"
        ),
        body: based(octets),
    }
}

/// An image that the HTML beside it shows.
pub fn image_part(id: &str, octets: &[u8]) -> Part {
    Part {
        head: format!(
            "Content-Type: image/png\r\nContent-ID: <{id}>\r\nContent-Transfer-Encoding: base64\r\n"
        ),
        body: based(octets),
    }
}

/// All text that is shown, HTML as plain text.
pub fn shown(raw: &[u8]) -> Option<String> {
    let parsed = MessageParser::default().parse(raw)?;
    let text: Vec<_> = (0..parsed.text_body.len())
        .filter_map(|at| parsed.body_text(at))
        .collect();
    let text = text.join("\n");
    (!text.trim().is_empty()).then_some(text)
}

/// The first HTML part that is shown.
pub fn html(raw: &[u8]) -> Option<String> {
    let parsed = MessageParser::default().parse(raw)?;
    let ids = parsed
        .html_body
        .iter()
        .filter_map(|id| parsed.parts.get(*id as usize));
    ids.into_iter().find_map(|part| match &part.body {
        PartType::Html(text) => Some(text.to_string()),
        _ => None,
    })
}

fn based(octets: &[u8]) -> Vec<u8> {
    let all = STANDARD.encode(octets).into_bytes();
    all.chunks(76).flat_map(|line| [line, b"\r\n"].concat()).collect()
}

/// RFC 2045 §6.7.
fn quoted(text: &str) -> String {
    let mut out = String::new();
    for line in text.split("\r\n") {
        let mut width = 0;
        let octets = line.as_bytes();
        for (at, octet) in octets.iter().enumerate() {
            let last = at + 1 == octets.len();
            let plain =
                matches!(octet, b'!'..=b'<' | b'>'..=b'~') || (*octet == b' ' || *octet == b'\t') && !last;
            let piece = if plain {
                char::from(*octet).to_string()
            } else {
                format!("={octet:02X}")
            };
            if width + piece.len() > 75 {
                out.push_str("=\r\n");
                width = 0;
            }
            width += piece.len();
            out.push_str(&piece);
        }
        out.push_str("\r\n");
    }
    out.truncate(out.len().saturating_sub(2));
    out
}

/// A head without Content-Type and Content-Transfer-Encoding (the root: without all Content-*, with MIME-Version), up to its blank line.
fn without_content(head: &[u8], root: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut skip = false;
    for line in head.split_inclusive(|octet| *octet == b'\n') {
        if !matches!(line.first(), Some(b' ' | b'\t')) {
            let name = line
                .split(|octet| *octet == b':')
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase();
            skip = match name.as_slice() {
                b"content-type" | b"content-transfer-encoding" | b"\r\n" | b"\n" => true,
                b"mime-version" => root,
                other => root && other.starts_with(b"content-"),
            };
        }
        if !skip {
            out.extend_from_slice(line);
        }
    }
    if root {
        out.extend_from_slice(b"MIME-Version: 1.0\r\n");
    }
    out
}

fn with_subject(head: &[u8], old: Option<&str>, change: &dyn Fn(&str) -> String) -> Vec<u8> {
    let Some(old) = old else { return head.to_vec() };
    let new = change(old);
    if new == old {
        return head.to_vec();
    }
    let mut out = Vec::new();
    let mut skip = false;
    for line in head.split_inclusive(|octet| *octet == b'\n') {
        if !matches!(line.first(), Some(b' ' | b'\t')) {
            skip = line.to_ascii_lowercase().starts_with(b"subject:");
            if skip {
                out.extend_from_slice(format!("Subject: {}\r\n", encoded_words(&new)).as_bytes());
            }
        }
        if !skip {
            out.extend_from_slice(line);
        }
    }
    out
}

/// RFC 2047: words of at most 75 octets, never cut inside a character.
fn encoded_words(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut words: Vec<String> = Vec::new();
    let mut piece = String::new();
    for letter in text.chars() {
        if piece.len() + letter.len_utf8() > 42 {
            words.push(std::mem::take(&mut piece));
        }
        piece.push(letter);
    }
    words.push(piece);
    let words: Vec<String> = words
        .iter()
        .map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word)))
        .collect();
    words.join("\r\n ")
}

/// None when two places overlap.
fn splice(raw: &[u8], mut edits: Vec<(Range<usize>, Vec<u8>)>) -> Option<Vec<u8>> {
    edits.sort_by_key(|(place, _)| place.start);
    let mut out = Vec::with_capacity(raw.len() * 2);
    let mut at = 0;
    for (place, new) in edits {
        out.extend_from_slice(raw.get(at..place.start)?);
        out.extend_from_slice(&new);
        at = place.end;
    }
    out.extend_from_slice(raw.get(at..)?);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIXED: &str = "From: a@b.test\r\nSubject: =?iso-8859-1?Q?caf=E9?= offer\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=x\r\n\r\npreamble\r\n--x\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\
        Content-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9 text\r\n--x\r\nContent-Type: image/gif\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nR0lGODdh\r\n--x\r\nContent-Type: text/html\r\n\r\n<b>caf&eacute;</b>\r\n--x--\r\n";

    fn text_of(raw: &[u8]) -> (String, Vec<String>) {
        let parsed = MessageParser::default().parse(raw).unwrap();
        let parts = parsed.parts.iter().filter_map(|part| match &part.body {
            PartType::Text(text) | PartType::Html(text) => Some(text.trim_end().to_owned()),
            _ => None,
        });
        (parsed.subject().unwrap_or_default().to_owned(), parts.collect())
    }

    fn check(raw: &str, change: fn(&str) -> String, subject: &str, parts: &[&str]) {
        let got = rewrite(raw.as_bytes(), &|old| change(old), &|old, _| change(old)).unwrap();
        assert_eq!(
            text_of(&got),
            (
                subject.to_owned(),
                parts.iter().map(|part| (*part).to_owned()).collect()
            )
        );
        assert!(got.is_ascii() && got.windows(2).all(|two| two[1] != b'\n' || two[0] == b'\r'));
    }

    #[test]
    fn rewritten_where_it_stands() {
        let same = |old: &str| old.to_owned();
        let upper = |old: &str| old.to_uppercase();
        let cyrillic = |old: &str| old.replace('e', "е").replace('t', "т").replace('f', "ф");
        check(MIXED, same, "café offer", &["café text", "<b>caf&eacute;</b>"]);
        check(MIXED, upper, "CAFÉ OFFER", &["CAFÉ TEXT", "<B>CAF&EACUTE;</B>"]);
        check(
            MIXED,
            cyrillic,
            "caфé oффеr",
            &["caфé теxт", "<b>caф&еacuте;</b>"],
        );
        let plain = "From: a@b.test\r\nSubject: hi\r\nContent-Type: text/html;\r\n\tcharset=us-ascii\r\n\r\n<p>x = y</p> \r\n";
        check(plain, same, "hi", &["<p>x = y</p>"]);
        check(plain, |old| format!("{old}é"), "hié", &["<p>x = y</p> \r\né"]);
        let bare = "From: a@b.test\r\nSubject: hi\r\n\r\nbody\r\n";
        check(bare, cyrillic, "hi", &["body"]);
        let long = |old: &str| format!("{}{old}", "я ".repeat(80));
        check(
            bare,
            long,
            &format!("{}hi", "я ".repeat(80)),
            &[&format!("{}body", "я ".repeat(80))],
        );
        let got = rewrite(MIXED.as_bytes(), &|old| old.to_owned(), &|old, _| old.to_owned()).unwrap();
        assert!(
            String::from_utf8(got)
                .unwrap()
                .contains("\r\n\r\nR0lGODdh\r\n--x\r\n")
        );
        assert!(rewrite(b"", &|old| old.to_owned(), &|old, _| old.to_owned()).is_none());
    }

    #[test]
    fn rebuilt_with_another_body() {
        let parts = [
            text_part(Kind::Plain, "see the file"),
            file_part("text/plain", "a.txt", b"hidden"),
        ];
        let got = rebuilt(MIXED.as_bytes(), &|old| old.to_owned(), "mixed", &parts).unwrap();
        let parsed = MessageParser::default().parse(&got).unwrap();
        assert_eq!(parsed.subject(), Some("café offer"));
        assert_eq!(parsed.body_text(0).unwrap().trim_end(), "see the file");
        assert_eq!(parsed.attachments.len(), 1);
        let single = rebuilt(
            MIXED.as_bytes(),
            &|old| old.to_owned(),
            "",
            &[text_part(Kind::Html, "<i>é</i>")],
        )
        .unwrap();
        assert_eq!(html(&single).unwrap().trim_end(), "<i>é</i>");
        assert_eq!(text_of(&single).1.len(), 1);
    }
}
