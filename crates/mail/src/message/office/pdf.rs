//! PDF: what a file can do, by the names in it.
//!
//! Promises: one pass, linear; object streams are expanded behind the [`Budget`]; no panic. Trusts nothing: lengths are not
//! believed, names are read with their escapes (`#4a`). Standards: ISO 32000-2 §7.3.5, §7.5.7, §12.6.4. In streams only long
//! names are read: their octets make short ones by chance. Encrypted files are read as they are.

use crate::message::archive::codec::Packed;
use crate::message::archive::entry::{Sign, Signs};
use crate::message::budget::Budget;
use crate::message::transfer::hex_octet;
use memchr::{memchr, memmem};

/// Octets of an object stream that are read.
const OBJECTS_OCTETS_MAX: usize = 256 << 10;
/// Octets of a name.
const NAME_OCTETS_MAX: usize = 32;
/// Octets that a name has at least to be believed in a stream.
const STREAM_NAME_OCTETS_MIN: usize = 6;

/// Looks for names.
pub fn look(content: &[u8], budget: &mut Budget) -> Signs {
    let mut names = Names::default();
    let (mut at, mut open_end) = (0, false);
    while let Some(stream) = find(content, at, b"stream") {
        names.read(content.get(at..stream).unwrap_or_default(), 0);
        let body = stream + 6;
        // Looked for in vain once, not looked for again: each look reads all of the rest.
        let end = if open_end {
            None
        } else {
            find(content, body, b"endstream")
        };
        open_end = end.is_none();
        let data = content
            .get(body..end.unwrap_or(content.len()))
            .unwrap_or_default();
        let objects = std::mem::take(&mut names.objects);
        if end.is_some() {
            names.read(data, STREAM_NAME_OCTETS_MIN);
        }
        if objects {
            // Behind the line end two octets of zlib.
            let data = data.strip_prefix(b"\r").unwrap_or(data);
            let data = data
                .strip_prefix(b"\n")
                .unwrap_or(data)
                .get(2..)
                .unwrap_or_default();
            let inner = Packed::Deflate(data).expand(OBJECTS_OCTETS_MAX, budget);
            names.read(&inner.octets, 0);
        }
        names.objects = false;
        at = end.map_or(body, |end| end + 9);
    }
    names.read(content.get(at..).unwrap_or_default(), 0);
    if names.by_itself && names.signs.contains(&Sign::Javascript) {
        names.signs.insert(Sign::Autoexec);
    }
    names.signs
}

fn find(content: &[u8], from: usize, word: &[u8]) -> Option<usize> {
    Some(from + memmem::find(content.get(from..)?, word)?)
}

#[derive(Default)]
struct Names {
    signs: Signs,
    /// An action at opening.
    by_itself: bool,
    /// The stream that follows holds objects.
    objects: bool,
}

impl Names {
    fn read(&mut self, mut text: &[u8], octets_min: usize) {
        while let Some(slash) = memchr(b'/', text) {
            text = &text[slash + 1..];
            // What interests begins with one of these or is escaped.
            if matches!(text.first(), Some(b'J' | b'L' | b'E' | b'A' | b'O' | b'#')) {
                let name = name(text);
                if name.len() >= octets_min {
                    self.name(&name);
                }
            }
        }
    }

    fn name(&mut self, name: &[u8]) {
        let sign = match name {
            b"JavaScript" | b"JS" => Sign::Javascript,
            b"Launch" => Sign::Launch,
            b"EmbeddedFile" | b"EmbeddedFiles" => Sign::Embedded,
            b"Encrypt" => Sign::Encrypted,
            b"OpenAction" | b"AA" => {
                self.by_itself = true;
                return;
            }
            b"ObjStm" => {
                self.objects = true;
                return;
            }
            _ => return,
        };
        self.signs.insert(sign);
    }
}

/// A name without its escapes, up to a delimiter or a blank.
fn name(text: &[u8]) -> Vec<u8> {
    let mut name = Vec::new();
    let mut rest = text;
    while let Some((octet, tail)) = rest.split_first() {
        if name.len() >= NAME_OCTETS_MAX || octet.is_ascii_whitespace() || b"\0()<>[]{}/%".contains(octet) {
            break;
        }
        let escaped = if *octet == b'#' {
            tail.get(..2).and_then(hex_octet)
        } else {
            None
        };
        name.push(escaped.unwrap_or(*octet));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    name
}
