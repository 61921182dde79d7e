//! Calendars (RFC 5545) and address cards (RFC 6350): the values that are shown, without the rest.

use super::Out;
use crate::message::html::{self, HtmlLimits};

/// Properties that a reader shows.
const SHOWN: [&str; 9] = [
    "SUMMARY",
    "DESCRIPTION",
    "LOCATION",
    "COMMENT",
    "CONTACT",
    "NOTE",
    "FN",
    "ORG",
    "TITLE",
];
/// Properties that are links.
const LINKS: [&str; 4] = ["URL", "ATTACH", "CONFERENCE", "SOURCE"];
/// Octets of one value that are read.
const VALUE_OCTETS_MAX: usize = 64 << 10;

/// True for a file that begins as one.
pub fn is_calendar(text: &str) -> bool {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    let is = |word: &str| {
        start
            .get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    is("BEGIN:VCALENDAR") || is("BEGIN:VCARD")
}

pub fn read(text: &str, out: &mut Out) {
    let mut line = String::new();
    for raw in text.split('\n') {
        let raw = raw.strip_suffix('\r').unwrap_or(raw);
        match raw.strip_prefix([' ', '\t']) {
            Some(more) if line.len() < VALUE_OCTETS_MAX => line.push_str(more),
            Some(_) => out.bounded = true,
            None => {
                property(&line, out);
                line.clear();
                line.push_str(raw);
            }
        }
    }
    property(&line, out);
}

/// `NAME;PARAMETER="a:b":value`.
fn property(line: &str, out: &mut Out) {
    let mut is_quoted = false;
    let colon = line.find(|c| {
        is_quoted ^= c == '"';
        c == ':' && !is_quoted
    });
    let Some((head, value)) = colon.map(|at| (&line[..at], &line[at + 1..])) else {
        return;
    };
    let name = head.split(';').next().unwrap_or_default();
    // An address card may have groups: `item1.URL`.
    let name = name.rsplit('.').next().unwrap_or_default();
    let is_one_of = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    if is_one_of(&LINKS) {
        out.target(value.as_bytes());
    } else if is_one_of(&SHOWN) {
        let text = value
            .replace("\\n", "\n")
            .replace("\\N", "\n")
            .replace("\\,", ",")
            .replace("\\;", ";");
        out.text.push_plain(text.as_bytes(), true);
        out.text.line();
    } else if name.eq_ignore_ascii_case("X-ALT-DESC") {
        let page = html::read(
            &value.replace("\\n", "\n").replace("\\,", ",").replace("\\;", ";"),
            &HtmlLimits::default(),
        );
        out.bounded |= page.bounded;
        for anchor in page.anchors {
            out.target(anchor.target.as_bytes());
        }
    }
}
