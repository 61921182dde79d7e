//! Files of text that are opened like documents: RTF, HTML, SVG.
//!
//! Promises: [`LOOK_OCTETS_MAX`] octets are looked at, linear, no panic. Trusts nothing. Standards: Rich Text Format 1.9.1;
//! WHATWG HTML.
//!
//! Decision: a page smuggles when it makes a file out of octets it carries: it has the words that build one, the words that
//! turn text into octets, a long run of such text, and it either downloads by itself or the run begins as an archive or a
//! program does. Saved pages and notebooks have the words, but none of the two.

use crate::message::archive::entry::{Sign, Signs};
use memchr::memmem;

/// Octets of a page that are looked at.
pub const LOOK_OCTETS_MAX: usize = 2 << 20;
/// Digits in a row that can be a file.
const RUN_DIGITS_MIN: usize = 1_000;

fn has(text: &[u8], words: &[&str]) -> bool {
    words
        .iter()
        .any(|word| memmem::find(text, word.as_bytes()).is_some())
}

fn head(content: &[u8]) -> &[u8] {
    &content[..content.len().min(LOOK_OCTETS_MAX)]
}

/// Objects, and what is loaded at opening.
pub fn rtf(content: &[u8]) -> Signs {
    let text = head(content);
    let mut signs = Signs::new();
    if has(text, &["\\objdata", "\\objemb", "\\objocx"]) {
        signs.insert(Sign::Embedded);
    }
    let template = memmem::find(text, b"\\*\\template").and_then(|at| text.get(at + 11..at + 32));
    let remote = template.is_some_and(|place| has(place, &["http", "\\\\\\\\", "ftp"]));
    if remote || has(text, &["\\objautlink", "\\objupdate", "DDEAUTO"]) {
        signs.insert(Sign::External);
    }
    signs
}

/// A script in a picture.
pub fn svg(content: &[u8]) -> Signs {
    let lower = head(content).to_ascii_lowercase();
    let mut signs = Signs::new();
    if has(
        &lower,
        &[
            "<script",
            "javascript:",
            " onload=",
            " onclick=",
            "<foreignobject",
        ],
    ) {
        signs.insert(Sign::Javascript);
    }
    signs.extend(html(content));
    signs
}

/// A page that makes a file.
pub fn html(content: &[u8]) -> Signs {
    let text = head(content);
    let lower = text.to_ascii_lowercase();
    let builds = has(
        &lower,
        &[
            "mssaveoropenblob",
            "mssaveblob",
            "createobjecturl",
            "new blob",
            "new file(",
        ],
    );
    let decodes = has(
        &lower,
        &["atob", "uint8array", "fromcharcode", "charcodeat", "parseint("],
    );
    let link =
        has(&lower, &["download=", ".download"]) && has(&lower, &["data:application/", "data:;base64"]);
    let mut signs = Signs::new();
    if !(builds && decodes || link) {
        return signs;
    }
    let clicks = has(
        &lower,
        &[
            ".click()",
            "mssaveoropenblob",
            "location.href",
            "location.assign",
            "dispatchevent(",
        ],
    );
    let carried = runs(text).any(|run| clicks || is_file(run));
    if carried {
        signs.insert(Sign::Smuggling);
    }
    signs
}

/// Long runs of base64 or hexadecimal digits, or of octets written as numbers.
fn runs(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let digit = |octet: &u8| octet.is_ascii_alphanumeric() || b"+/=-_,%\\".contains(octet);
    text.split(move |octet| !digit(octet))
        .filter(|run| run.len() >= RUN_DIGITS_MIN)
}

/// What programs and archives begin with, in base64 and in hexadecimal digits.
fn is_file(run: &[u8]) -> bool {
    const BEGINNINGS: [&str; 12] = [
        "UEsDB",
        "TVqQ",
        "TVpQ",
        "UmFyI",
        "N3q8",
        "TVNDR",
        "504b0304",
        "504B0304",
        "4d5a",
        "4D5A",
        "526172",
        "80,75,3,4",
    ];
    let run = run.strip_prefix(b"base64,").unwrap_or(run);
    BEGINNINGS.iter().any(|start| run.starts_with(start.as_bytes()))
}
