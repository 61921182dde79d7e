//! OpenDocument (ISO 26300): the body of `content.xml`, and the links in it.

use super::Out;
use super::xml::{self, Node, Nodes};
use crate::message::archive::zip;
use crate::message::budget::Budget;
use crate::message::html::reference;

/// Octets of the content that are read.
const CONTENT_OCTETS_MAX: usize = 2 << 20;
/// Of several entries of one name, those that are read.
const ENTRIES_MAX: usize = 4;

pub fn read(content: &[u8], out: &mut Out, budget: &mut Budget) {
    let listing = zip::list(content, budget);
    out.bounded |= budget.is_exhausted();
    let entries = listing
        .entries
        .iter()
        .filter(|entry| entry.name.eq_ignore_ascii_case("content.xml"));
    for entry in entries.take(ENTRIES_MAX) {
        let expanded = entry.packed.expand(CONTENT_OCTETS_MAX, budget);
        out.bounded |= !expanded.ended || budget.is_exhausted();
        if out.pay(expanded.octets.len() / 2, budget) {
            body(&xml::utf8(&expanded.octets), out);
        }
    }
}

fn body(xml: &[u8], out: &mut Out) {
    let mut is_body = false;
    for node in Nodes::new(xml) {
        match node {
            Node::Text(text) if is_body => out.text.push(text, false),
            Node::Data(text) if is_body => out.text.push_plain(text, false),
            Node::Open(b"body", ..) => is_body = true,
            Node::Open(b"line-break", ..) => out.text.line(),
            Node::Open(b"tab" | b"s", ..) => out.text.blank(),
            Node::Close(b"p" | b"h" | b"table-row") => out.text.line(),
            Node::Close(b"table-cell") => out.text.blank(),
            Node::Open(_, attributes, _) if is_body => {
                let url = attributes
                    .get(b"href")
                    .map(reference::attribute)
                    .unwrap_or_default();
                // Pictures of the document itself have no scheme.
                if memchr::memchr(b':', &url).is_some() {
                    out.target(&url);
                }
            }
            _ => {}
        }
    }
}
