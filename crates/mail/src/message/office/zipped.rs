//! New Office documents and OpenDocument: macros, packages, what is loaded from elsewhere.
//!
//! Promises: bounded by the [`Budget`] and by the numbers here, no recursion, no panic. Trusts nothing. Standards: ECMA-376,
//! OpenDocument 1.3. Links that a reader follows by a click, and linked tables and pictures, are nobody's signs: honest
//! documents are full of them.

use super::{Found, ole};
use crate::message::archive::entry::{Entry, Sign, Signs};
use crate::message::archive::zip;
use crate::message::budget::Budget;
use memchr::memmem;

/// Octets of a part that are read.
const PART_OCTETS_MAX: usize = 256 << 10;
/// Octets of a macro project or a package.
const BINARY_OCTETS_MAX: usize = 1 << 20;
/// Parts that are opened.
const PARTS_MAX: usize = 100;

/// Looks into a document that is a zip archive.
pub fn look(content: &[u8], budget: &mut Budget) -> Found {
    let mut found = Found::default();
    let listing = zip::list(content, budget);
    let hidden = [Sign::Malformed, Sign::Bomb, Sign::Unread];
    found
        .signs
        .extend(listing.signs.iter().filter(|sign| hidden.contains(sign)));
    for entry in listing
        .entries
        .iter()
        .filter(|entry| is_told(&entry.name))
        .take(PARTS_MAX)
    {
        part(entry, &mut found, budget);
    }
    found
}

/// Parts that are opened.
fn is_told(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let ends = [".rels", ".bin", "word/document.xml", "content.xml"]
        .iter()
        .any(|end| name.ends_with(end));
    let begins = [
        "xl/externallinks/",
        "xl/macrosheets/",
        "basic/",
        "scripts/",
        "xl/workbook.xml",
    ];
    ends || begins.iter().any(|start| name.starts_with(start))
}

fn part(entry: &Entry<'_>, found: &mut Found, budget: &mut Budget) {
    if entry.encrypted {
        found.signs.insert(Sign::Encrypted);
        return;
    }
    let name = entry.name.to_ascii_lowercase();
    let text = |budget: &mut Budget| entry.packed.expand(PART_OCTETS_MAX, budget).octets;
    let has = |octets: &[u8], words: &[&str]| {
        words
            .iter()
            .any(|word| memmem::find(octets, word.as_bytes()).is_some())
    };
    match name.as_str() {
        _ if name.ends_with(".rels") => relations(&text(budget), &mut found.signs),
        _ if name.starts_with("xl/macrosheets/") => {
            found.signs.insert(Sign::Macros);
        }
        _ if name.starts_with("basic/") || name.starts_with("scripts/") => library(&name, &mut found.signs),
        _ if name.ends_with(".bin") => binary(entry, &name, found, budget),
        "word/document.xml" if has(&text(budget), &["DDEAUTO", " DDE "]) => {
            found.signs.insert(Sign::External);
        }
        "xl/workbook.xml" if has(&text(budget), &["_xlnm.Auto_Open"]) => {
            found.signs.insert(Sign::Autoexec);
        }
        "content.xml" if has(&text(budget), &["vnd.sun.star.script:"]) => {
            found.signs.insert(Sign::Autoexec);
        }
        _ if name.starts_with("xl/externallinks/") && has(&text(budget), &["<ddeLink"]) => {
            found.signs.insert(Sign::External);
        }
        _ => {}
    }
}

/// Modules of Basic or of another language; the tables of libraries are in every document that once had one.
fn library(name: &str, signs: &mut Signs) {
    if !name.ends_with("script-lc.xml") && !name.ends_with("script-lb.xml") && !name.ends_with('/') {
        signs.insert(Sign::Macros);
    }
}

/// The macro project, an embedded object.
fn binary(entry: &Entry<'_>, name: &str, found: &mut Found, budget: &mut Budget) {
    if name.ends_with("vbaproject.bin") {
        found.signs.insert(Sign::Macros);
    } else if !name.contains("/embeddings/") {
        return;
    }
    let octets = entry.packed.expand(BINARY_OCTETS_MAX, budget).octets;
    let inner = ole::look(&octets, budget);
    found.signs.extend(inner.signs);
    found.members.extend(inner.members);
}

/// A template or an object from another machine.
fn relations(octets: &[u8], signs: &mut Signs) {
    const KINDS: [&str; 4] = ["/attachedTemplate", "/oleObject", "/frame", "/subDocument"];
    const PLACES: [&str; 6] = ["http:", "https:", "ftp:", "mhtml:", "file:////", "\\\\"];
    let text = String::from_utf8_lossy(octets);
    let loads = text.split("<Relationship ").skip(1).any(|relation| {
        let relation = relation.split('>').next().unwrap_or_default();
        let value = |name: &str| {
            let (_, behind) = relation.split_once(name)?;
            behind
                .trim_start_matches(['=', ' '])
                .strip_prefix(['"', '\''])?
                .split(['"', '\''])
                .next()
        };
        let target = value("Target").unwrap_or_default().to_ascii_lowercase();
        value("TargetMode") == Some("External")
            && value("Type").is_some_and(|kind| KINDS.iter().any(|end| kind.ends_with(end)))
            && PLACES.iter().any(|place| target.starts_with(place))
    });
    if loads {
        signs.insert(Sign::External);
    }
}
