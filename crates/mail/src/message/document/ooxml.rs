//! New Office documents: Word, Excel, PowerPoint (ECMA-376). Text is in `t` elements; external links are in the relations.

use super::Out;
use super::xml::{self, Node, Nodes};
use crate::message::archive::zip;
use crate::message::budget::Budget;
use crate::message::html::reference;

/// Octets of one part that are read.
const PART_OCTETS_MAX: usize = 1 << 20;
/// Parts that are read.
const PARTS_MAX: usize = 300;
/// Octets of the instruction of one field.
const FIELD_OCTETS_MAX: usize = 4_096;

/// Reads the parts that have text, the main one first, and all relations.
pub fn read(content: &[u8], out: &mut Out, budget: &mut Budget) {
    let listing = zip::list(content, budget);
    let mut parts: Vec<_> = listing
        .entries
        .iter()
        .filter_map(|entry| Some((rank(&entry.name.to_ascii_lowercase())?, entry)))
        .collect();
    parts.sort_by_key(|(rank, _)| *rank);
    out.bounded |= parts.len() > PARTS_MAX || budget.is_exhausted();
    for (rank, entry) in parts.into_iter().take(PARTS_MAX) {
        let expanded = entry.packed.expand(PART_OCTETS_MAX, budget);
        out.bounded |= !expanded.ended || budget.is_exhausted();
        if !out.pay(expanded.octets.len() / 2, budget) {
            return;
        }
        let xml = xml::utf8(&expanded.octets);
        match rank {
            Rank::Relations => relations(&xml, out),
            _ => part(&xml, out),
        }
        out.text.line();
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Main,
    Relations,
    Other,
}

fn rank(name: &str) -> Option<Rank> {
    const MAIN: [&str; 3] = ["word/document", "xl/sharedstrings", "ppt/slides/"];
    const OTHER: [&str; 12] = [
        "word/header",
        "word/footer",
        "word/footnotes",
        "word/endnotes",
        "word/comments",
        "word/diagrams/",
        "word/glossary/",
        "xl/worksheets/",
        "xl/drawings/",
        "xl/comments",
        "ppt/notesslides/",
        "ppt/diagrams/",
    ];
    let begins = |starts: &[&str]| starts.iter().any(|start| name.starts_with(start));
    match name {
        _ if name.ends_with(".rels") => Some(Rank::Relations),
        _ if !name.ends_with(".xml") => None,
        _ if begins(&MAIN) => Some(Rank::Main),
        _ if begins(&OTHER) => Some(Rank::Other),
        _ => None,
    }
}

fn relations(xml: &[u8], out: &mut Out) {
    for node in Nodes::new(xml) {
        if let Node::Open(b"Relationship", attributes, _) = node
            && attributes.get(b"TargetMode") == Some(b"External")
            && let Some(url) = attributes.get(b"Target")
        {
            out.target(&reference::attribute(url));
        }
    }
}

/// What the text at this place is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Text,
    /// A field of Word or a formula of Excel.
    Field,
    Other,
}

fn part(xml: &[u8], out: &mut Out) {
    let mut inside = Inside::Other;
    let mut is_hidden = false;
    let mut field = Vec::new();
    for node in Nodes::new(xml) {
        match node {
            Node::Text(text) if inside == Inside::Text && !is_hidden => out.text.push(text, false),
            Node::Data(text) if inside == Inside::Text && !is_hidden => out.text.push_plain(text, false),
            Node::Text(text) | Node::Data(text) if inside == Inside::Field => {
                let room = FIELD_OCTETS_MAX.saturating_sub(field.len());
                field.extend_from_slice(&text[..text.len().min(room)]);
            }
            Node::Open(b"t", _, false) => inside = Inside::Text,
            Node::Open(b"instrText" | b"f", _, false) => inside = Inside::Field,
            Node::Open(b"r", ..) => is_hidden = false,
            Node::Open(b"vanish", attributes, _) => {
                is_hidden = !matches!(attributes.get(b"val"), Some(b"0" | b"false" | b"off"));
            }
            Node::Open(b"fldSimple", attributes, _) => {
                out.field(&reference::attribute(
                    attributes.get(b"instr").unwrap_or_default(),
                ));
            }
            Node::Open(b"tab", ..) => out.text.blank(),
            Node::Open(b"br" | b"cr", ..) => out.text.line(),
            Node::Close(b"t" | b"instrText") => inside = Inside::Other,
            Node::Open(b"fldChar", ..) | Node::Close(b"f" | b"p") => {
                out.field(&reference::attribute(&field));
                field.clear();
                inside = Inside::Other;
                if node == Node::Close(b"p") {
                    out.text.line();
                }
            }
            Node::Close(b"si" | b"tr" | b"comment") => out.text.line(),
            Node::Close(b"tc" | b"c") => out.text.blank(),
            _ => {}
        }
    }
}
