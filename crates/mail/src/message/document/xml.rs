//! XML as far as documents need it: tags, attributes and text; no document type, no entities but those of HTML.
//!
//! Promises: linear, no copies, no panic; names are local names, whatever their prefix. Trusts nothing; what is not well
//! formed gives some reading. Standards: XML 1.0, Namespaces in XML 1.0.

use crate::message::charset;
use memchr::{memchr, memchr3, memmem};
use std::borrow::Cow;

/// A piece of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node<'a> {
    /// `<name attributes>`; with true `<name attributes/>`.
    Open(&'a [u8], Attributes<'a>, bool),
    /// `</name>`.
    Close(&'a [u8]),
    /// Text with references.
    Text(&'a [u8]),
    /// Text without.
    Data(&'a [u8]),
}

/// What stands in a tag behind its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    /// The value of an attribute of this local name, with references.
    pub fn get(&self, wanted: &[u8]) -> Option<&'a [u8]> {
        let mut rest = self.0;
        while let Some(equals) = memchr(b'=', rest) {
            let name = local(rest[..equals].trim_ascii());
            let value = rest[equals + 1..].trim_ascii_start();
            let (quote, value) = value.split_first()?;
            let end = memchr(*quote, value)?;
            if name == wanted {
                return Some(&value[..end]);
            }
            rest = &value[end + 1..];
        }
        None
    }
}

/// Goes through a file.
pub struct Nodes<'a> {
    rest: &'a [u8],
}

/// The file as UTF-8, if it is UTF-16.
pub fn utf8(xml: &[u8]) -> Cow<'_, [u8]> {
    match xml {
        [0xff, 0xfe, ..] | [b'<', 0, ..] => charset::decode(Some("utf-16le"), xml).0.into_bytes().into(),
        [0xfe, 0xff, ..] | [0, b'<', ..] => charset::decode(Some("utf-16be"), xml).0.into_bytes().into(),
        _ => xml.into(),
    }
}

impl<'a> Nodes<'a> {
    /// From the start of a file in UTF-8.
    pub fn new(xml: &'a [u8]) -> Self {
        Self { rest: xml }
    }

    /// Takes what is before the end, and the end too.
    fn until(&mut self, start: usize, end: &[u8]) -> &'a [u8] {
        let text = self.rest.get(start..).unwrap_or_default();
        let at = memmem::find(text, end).unwrap_or(text.len());
        self.rest = text.get(at + end.len()..).unwrap_or_default();
        &text[..at]
    }

    /// Takes a tag up to its `>`, which may stand in quotes before.
    fn tag(&mut self) -> &'a [u8] {
        let text = &self.rest[1..];
        let mut at = 0;
        while let Some(found) = memchr3(b'>', b'"', b'\'', &text[at..]) {
            let sign = text[at + found];
            at += found + 1;
            if sign == b'>' {
                self.rest = &text[at..];
                return &text[..at - 1];
            }
            at = memchr(sign, &text[at..]).map_or(text.len(), |end| at + end + 1);
        }
        self.rest = &[];
        text
    }
}

impl<'a> Iterator for Nodes<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Node<'a>> {
        loop {
            match self.rest {
                [] => return None,
                [b'<', b'!', b'-', b'-', ..] => self.until(4, b"-->"),
                [b'<', b'!', b'[', b'C', b'D', b'A', b'T', b'A', b'[', ..] => {
                    return Some(Node::Data(self.until(9, b"]]>")));
                }
                [b'<', b'!' | b'?', ..] => self.until(2, b">"),
                [b'<', b'/', ..] => return Some(Node::Close(local(self.tag()[1..].trim_ascii_end()))),
                [b'<', ..] => {
                    let tag = self.tag();
                    let (tag, is_closed) = tag.strip_suffix(b"/").map_or((tag, false), |tag| (tag, true));
                    let end = tag.iter().position(u8::is_ascii_whitespace).unwrap_or(tag.len());
                    return Some(Node::Open(local(&tag[..end]), Attributes(&tag[end..]), is_closed));
                }
                text => {
                    let (text, rest) = text.split_at(memchr(b'<', text).unwrap_or(text.len()));
                    self.rest = rest;
                    return Some(Node::Text(text));
                }
            };
        }
    }
}

fn local(name: &[u8]) -> &[u8] {
    memchr(b':', name).map_or(name, |colon| &name[colon + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes() {
        let check = |xml: &str, expected: &str| {
            let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
            let found: Vec<String> = Nodes::new(xml.as_bytes())
                .map(|node| match node {
                    Node::Open(name, attributes, closed) => {
                        format!(
                            "O:{}={}{}",
                            text(name),
                            attributes.get(b"x").map(text).unwrap_or_default(),
                            u8::from(closed)
                        )
                    }
                    Node::Close(name) => format!("C:{}", text(name)),
                    Node::Text(octets) => format!("T:{}", text(octets)),
                    Node::Data(octets) => format!("D:{}", text(octets)),
                })
                .collect();
            assert_eq!(found.join(" "), expected, "{xml}");
        };
        check(
            "<?xml?><!-- <a> --><w:a y='>' w:x = \"1>\">t<b/></w:a >",
            "O:a=1>0 T:t O:b=1 C:a",
        );
        check("<!DOCTYPE a><![CDATA[<b>]]>c", "D:<b> T:c");
        check("<a x='1", "O:a=0");
        check("<", "O:=0");
        check("</", "C:");
        check("<a x>", "O:a=0");
        check("<!--", "");
        check("<![CDATA[x", "D:x");
        assert_eq!(&*utf8(b"<\0a\0>\0"), b"<a>");
    }
}
