//! PDF: the text of content streams whose fonts have simple encodings, and the targets of its links.
//!
//! Promises: one pass over the file, streams are expanded behind the [`Budget`], linear, no panic. Trusts nothing: objects are
//! found by their words, lengths and tables are not believed. Standard: ISO 32000-2 §7.3.4, §7.8.2, §9.4, §12.6.4.8.
//!
//! Not read: encrypted files, other filters than FlateDecode, text in glyph numbers (composite fonts and their `ToUnicode`):
//! a string of mostly control octets is left out. Octets above 127 are read as windows-1252.

use super::Out;
use crate::message::archive::codec::Packed;
use crate::message::budget::Budget;
use crate::message::charset;
use crate::message::transfer::hex_octet;
use memchr::{memchr, memmem};
use std::borrow::Cow;

/// Octets of one stream that are read.
const STREAM_OCTETS_MAX: usize = 512 << 10;
/// Streams that are expanded.
const STREAMS_MAX: usize = 500;
/// Octets before a stream in which its dictionary is.
const DICTIONARY_OCTETS_MAX: usize = 1_024;
/// Octets of one string.
const STRING_OCTETS_MAX: usize = 32 << 10;
/// How many octets of scanning are one unit of work.
const SCANNED_OCTETS: usize = 4;
/// In thousandths of the size of text: a gap in a line of text that is a blank between words.
const GAP: f32 = -180.0;

pub fn read(pdf: &[u8], out: &mut Out, budget: &mut Budget) {
    if !out.pay(pdf.len() / SCANNED_OCTETS, budget) {
        return;
    }
    if memmem::find(pdf, b"/Encrypt").is_some() {
        out.bounded = true;
        return;
    }
    links(pdf, out);
    let (mut at, mut streams) = (0, 0);
    while let Some(found) = pdf.get(at..).and_then(|rest| memmem::find(rest, b"stream")) {
        let start = at + found;
        let body = start + 6;
        let length = pdf.get(body..).and_then(|rest| memmem::find(rest, b"endstream"));
        let Some(end) = length.map(|length| body + length) else {
            break;
        };
        let dictionary = &pdf[at.max(start.saturating_sub(DICTIONARY_OCTETS_MAX))..start];
        let dictionary = &dictionary[memmem::rfind(dictionary, b" obj").unwrap_or(0)..];
        at = end + 9;
        if !has_text(dictionary) {
            continue;
        }
        streams += 1;
        if streams > STREAMS_MAX || budget.is_exhausted() {
            out.bounded = true;
            break;
        }
        stream(dictionary, &pdf[body..end], out, budget);
    }
}

fn has(text: &[u8], word: &str) -> bool {
    memmem::find(text, word.as_bytes()).is_some()
}

/// Not a picture, a font, a table of objects, and so on.
fn has_text(dictionary: &[u8]) -> bool {
    const OTHERS: [&str; 9] = [
        "/Image",
        "/FontFile",
        "/Length1",
        "/XRef",
        "/Metadata",
        "/DCTDecode",
        "/ICCBased",
        "/EmbeddedFile",
        "/CIDFontType",
    ];
    !OTHERS.iter().any(|word| has(dictionary, word))
}

fn stream(dictionary: &[u8], body: &[u8], out: &mut Out, budget: &mut Budget) {
    let body = body.strip_prefix(b"\r").unwrap_or(body);
    let body = body.strip_prefix(b"\n").unwrap_or(body);
    let content: Cow<'_, [u8]> = match () {
        // Two octets of zlib come first.
        () if has(dictionary, "/FlateDecode") || has(dictionary, "/Fl ") || has(dictionary, "/Fl/") => {
            Packed::Deflate(body.get(2..).unwrap_or_default())
                .expand(STREAM_OCTETS_MAX, budget)
                .octets
        }
        () if has(dictionary, "/Filter") => return,
        () => body[..body.len().min(STREAM_OCTETS_MAX)].into(),
    };
    out.bounded |= content.len() == STREAM_OCTETS_MAX || budget.is_exhausted();
    if !out.pay(content.len(), budget) {
        return;
    }
    if has(dictionary, "/ObjStm") {
        links(&content, out);
    } else if has(&content, "BT") {
        Operators::default().read(&content, out);
        out.text.line();
    }
}

/// `/URI (http://...)`.
fn links(text: &[u8], out: &mut Out) {
    for at in memmem::find_iter(text, b"/URI") {
        let behind = text.get(at + 4..).unwrap_or_default().trim_ascii_start();
        let url = match behind {
            [b'(', rest @ ..] => literal(rest).0,
            [b'<', b'<', ..] => continue,
            [b'<', rest @ ..] => hexadecimal(rest).0,
            _ => continue,
        };
        out.target(&url);
    }
}

/// A string in parentheses, from behind the first, and what follows.
fn literal(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut string = Vec::new();
    let mut depth = 0;
    let mut rest = text;
    while let Some((&octet, behind)) = rest.split_first() {
        rest = behind;
        match octet {
            b'\\' => {
                rest = escaped(rest, &mut string);
                continue;
            }
            b')' if depth == 0 => break,
            b')' => depth -= 1,
            b'(' => depth += 1,
            _ => {}
        }
        if string.len() < STRING_OCTETS_MAX {
            string.push(octet);
        }
    }
    (string, rest)
}

/// §7.3.4.2, table 3.
fn escaped<'a>(text: &'a [u8], string: &mut Vec<u8>) -> &'a [u8] {
    let digits = text
        .iter()
        .take(3)
        .take_while(|b| matches!(b, b'0'..=b'7'))
        .count();
    if digits > 0 {
        // Of an overflow the high bit is dropped, as the standard says.
        let code = text[..digits]
            .iter()
            .fold(0u8, |code, b| code.wrapping_mul(8).wrapping_add(b - b'0'));
        string.push(code);
        return &text[digits..];
    }
    let Some((&sign, rest)) = text.split_first() else {
        return text;
    };
    match sign {
        b'n' | b'r' => string.push(b'\n'),
        b't' | b'b' | b'f' => string.push(b' '),
        b'\r' => return rest.strip_prefix(b"\n").unwrap_or(rest),
        b'\n' => {}
        sign => string.push(sign),
    }
    rest
}

/// A string in hexadecimal digits, from behind the `<`, and what follows.
fn hexadecimal(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let end = memchr(b'>', text).unwrap_or(text.len());
    let digits = text[..end].iter().copied().filter(u8::is_ascii_hexdigit);
    let digits: Vec<u8> = digits.take(2 * STRING_OCTETS_MAX).collect();
    let string = digits
        .chunks(2)
        .filter_map(|pair| hex_octet(&[pair[0], *pair.get(1).unwrap_or(&b'0')]));
    (string.collect(), text.get(end + 1..).unwrap_or_default())
}

/// A content stream: operands before their operator.
#[derive(Default)]
struct Operators {
    /// Strings since the last operator.
    shown: Vec<u8>,
    /// The last two numbers.
    numbers: [f32; 2],
    is_array: bool,
    /// Where the line was set last.
    y: f32,
}

impl Operators {
    fn read(&mut self, content: &[u8], out: &mut Out) {
        let mut rest = content;
        while let Some((&sign, behind)) = rest.split_first() {
            rest = match sign {
                b'(' => self.string(literal(behind)),
                b'<' if behind.first() != Some(&b'<') => self.string(hexadecimal(behind)),
                b'<' => &behind[1..],
                b'[' | b']' => {
                    self.is_array = sign == b'[';
                    behind
                }
                b'%' => &behind[memchr(b'\n', behind).unwrap_or(behind.len())..],
                b'/' => &behind[word_end(behind)..],
                b'0'..=b'9' | b'+' | b'-' | b'.' => {
                    let end = 1 + word_end(behind);
                    self.number(&rest[..end]);
                    &rest[end..]
                }
                b'a'..=b'z' | b'A'..=b'Z' | b'\'' | b'"' => {
                    let end = 1 + word_end(behind);
                    self.operator(&rest[..end], out);
                    let is_picture = &rest[..end] == b"ID";
                    let rest = &rest[end..];
                    if is_picture {
                        &rest[memmem::find(rest, b"EI").unwrap_or(rest.len())..]
                    } else {
                        rest
                    }
                }
                _ => behind,
            };
        }
    }

    fn string<'a>(&mut self, (string, rest): (Vec<u8>, &'a [u8])) -> &'a [u8] {
        if self.shown.len() < STRING_OCTETS_MAX {
            self.shown.extend_from_slice(&string);
        }
        rest
    }

    fn number(&mut self, word: &[u8]) {
        let value = std::str::from_utf8(word)
            .ok()
            .and_then(|word| word.parse().ok())
            .unwrap_or(0.0);
        if self.is_array && value < GAP && !self.shown.is_empty() {
            self.shown.push(b' ');
        }
        self.numbers = [self.numbers[1], value];
    }

    fn operator(&mut self, word: &[u8], out: &mut Out) {
        let mut break_line = |is_new| if is_new { out.text.line() } else { out.text.blank() };
        match word {
            b"T*" | b"'" | b"\"" => break_line(true),
            b"BT" => break_line(false),
            b"Td" | b"TD" => break_line(self.numbers[1] != 0.0),
            b"Tm" => {
                break_line(self.numbers[1] != self.y);
                self.y = self.numbers[1];
            }
            _ => {}
        }
        if matches!(word, b"Tj" | b"TJ" | b"'" | b"\"") && is_readable(&self.shown) {
            let (text, _) = charset::decode(Some("cp1252"), &self.shown);
            out.text.push_plain(text.as_bytes(), false);
        }
        self.shown.clear();
    }
}

/// Up to a blank or a delimiter.
fn word_end(text: &[u8]) -> usize {
    let ends = |b: &u8| b.is_ascii_whitespace() || b"\0()<>[]{}/%".contains(b);
    text.iter().position(ends).unwrap_or(text.len())
}

/// Glyph numbers are mostly below 32.
fn is_readable(string: &[u8]) -> bool {
    let controls = string
        .iter()
        .filter(|b| b.is_ascii_control() || (0x80..0xa0).contains(*b))
        .count();
    controls * 10 <= string.len()
}
