//! Text as a reader sees it: character references replaced, white space collapsed, lines where blocks begin and end.
//!
//! Promises: linear, at most `octets_max` of UTF-8, no blanks or line ends at its ends or two in a row, no ASCII controls but
//! line feeds, no panic.

use super::reference;

/// Collects text.
#[derive(Debug)]
pub struct Text {
    out: Vec<u8>,
    octets_max: usize,
    /// White space that is written when something follows.
    gap: Gap,
    /// Something did not fit; nothing more is taken.
    full: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Blank,
    Line,
}

/// Octets of text that are looked at in one step.
const STEP: usize = 16;

const PLAIN: u8 = 0;
const BLANK: u8 = 1;
/// `&`, a control, or the first octet of a no-break space.
const OTHER: u8 = 2;

const CLASSES: [u8; 256] = {
    let mut classes = [PLAIN; 256];
    let mut control = 0;
    while control < 0x20 {
        classes[control] = OTHER;
        control += 1;
    }
    classes[0x7f] = OTHER;
    classes[b'&' as usize] = OTHER;
    classes[0xc2] = OTHER;
    classes[b' ' as usize] = BLANK;
    classes[b'\t' as usize] = BLANK;
    classes[b'\n' as usize] = BLANK;
    classes[b'\r' as usize] = BLANK;
    classes[0x0c] = BLANK;
    classes
};

impl Text {
    /// Empty, with room for so many octets.
    pub fn new(octets_max: usize, octets: usize) -> Self {
        Self {
            out: Vec::with_capacity(octets.min(octets_max)),
            octets_max,
            gap: Gap::None,
            full: false,
        }
    }

    /// Something was left out.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Octets so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// What stands from `start` on, lines joined, at most so many characters.
    pub fn since(&self, start: usize, chars_max: usize) -> String {
        let octets = self.out.get(start..).unwrap_or_default();
        // A character has four octets at most.
        let text = octets.get(..4 * chars_max).unwrap_or(octets);
        let end = match text.is_ascii() {
            true => text.len().min(chars_max),
            false => {
                let mut starts = (0..text.len()).filter(|at| !is_inside_character(text[*at]));
                starts.nth(chars_max).unwrap_or(text.len())
            }
        };
        let mut line = text[..end].trim_ascii().to_vec();
        line.iter_mut().filter(|b| **b == b'\n').for_each(|b| *b = b' ');
        to_string(line)
    }

    /// All of it.
    pub fn finish(self) -> String {
        to_string(self.out)
    }

    /// A block begins or ends here.
    pub fn line(&mut self) {
        self.gap = Gap::Line;
    }

    /// Words do not touch here.
    pub fn blank(&mut self) {
        self.gap = self.gap.max(Gap::Blank);
    }

    /// Text of the document, with character references.
    pub fn push(&mut self, text: &[u8], is_pre: bool) {
        let mut at = 0;
        while at < text.len() && !self.full {
            let end = plain_end(text, at);
            if end > at {
                self.write(&text[at..end]);
                at = end;
            }
            let Some(&b) = text.get(at) else { return };
            at += 1;
            match b {
                b'\n' if is_pre => self.line(),
                b'&' => at += self.reference(&text[at..], is_pre),
                0xc2 if text.get(at) == Some(&0xa0) => {
                    at += 1;
                    self.blank();
                }
                // The first of two octets.
                0xc2 => {
                    self.write(&text[at - 1..(at + 1).min(text.len())]);
                    at += 1;
                }
                _ if CLASSES[usize::from(b)] == BLANK => self.blank(),
                _ => {}
            }
        }
    }

    /// Text without references.
    pub fn push_plain(&mut self, text: &[u8], is_pre: bool) {
        for (index, piece) in text.split(|&b| b == b'&').enumerate() {
            if index > 0 {
                self.write(b"&");
            }
            self.push(piece, is_pre);
        }
    }

    fn reference(&mut self, text: &[u8], is_pre: bool) -> usize {
        let Some(found) = reference::read(text, false) else {
            self.write(b"&");
            return 0;
        };
        for char in [Some(found.first), found.second].into_iter().flatten() {
            match char {
                '\n' if is_pre => self.line(),
                ' ' | '\t' | '\n' | '\r' | '\x0c' | '\u{a0}' => self.blank(),
                char if char.is_ascii_control() => {}
                char => self.write(char.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        found.length
    }

    fn write(&mut self, text: &[u8]) {
        let gap: &[u8] = match self.gap {
            Gap::Blank if !self.out.is_empty() => b" ",
            Gap::Line if !self.out.is_empty() => b"\n",
            _ => b"",
        };
        self.gap = Gap::None;
        let room = self.octets_max.saturating_sub(self.out.len() + gap.len());
        if text.len() <= room {
            self.out.extend_from_slice(gap);
            self.out.extend_from_slice(text);
            return;
        }
        self.full = true;
        // Not in the middle of a character.
        let whole = (0..=room)
            .rev()
            .find(|&end| !is_inside_character(text[end]))
            .unwrap_or(0);
        if whole > 0 {
            self.out.extend_from_slice(gap);
            self.out.extend_from_slice(text[..whole].trim_ascii_end());
        }
    }
}

fn is_inside_character(b: u8) -> bool {
    matches!(b, 0x80..=0xbf)
}

/// What came from a string and was not cut inside of a character.
pub fn to_string(octets: Vec<u8>) -> String {
    String::from_utf8(octets).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The end of the run of plain octets from `start` on, with single blanks inside of it.
fn plain_end(text: &[u8], start: usize) -> usize {
    let mut at = start;
    if text.get(at).is_some_and(|&b| CLASSES[usize::from(b)] != PLAIN) {
        return at;
    }
    // Wide steps first: written so that the compiler makes vector code of it.
    while let Some(window) = text.get(at..).and_then(|rest| rest.first_chunk::<{ STEP + 1 }>()) {
        let ends = |b: u8| (b < b' ') | (b == b'&') | (b == 0x7f) | (b == 0xc2);
        let pairs = window[..STEP].iter().zip(&window[1..]);
        if pairs.fold(false, |found, (&a, &b)| {
            found | ends(a) | ends(b) | ((a == b' ') & (b == b' '))
        }) {
            break;
        }
        at += STEP;
    }
    while let Some(&b) = text.get(at) {
        let is_plain = CLASSES[usize::from(b)] == PLAIN;
        let joins = || {
            b == b' '
                && text
                    .get(at + 1)
                    .is_some_and(|&next| CLASSES[usize::from(next)] == PLAIN)
        };
        if !is_plain && !joins() {
            break;
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collapsed() {
        fn check(text: &str, octets_max: usize, expected: &str, full: bool) {
            let mut out = Text::new(octets_max, 9);
            out.push(text.as_bytes(), false);
            assert_eq!(
                (out.is_full(), out.finish().as_str()),
                (full, expected),
                "{text:?}"
            );
        }
        check("  a  b\r\n\tc ", 99, "a b c", false);
        check("a&nbsp;&nbsp;\u{a0}b&#160;", 99, "a b", false);
        check("AT&T &amp; x&y; \0z\x1b", 99, "AT&T & x&y; z", false);
        check("\u{a9}\u{c2}é", 99, "\u{a9}\u{c2}é", false);
        check("éé", 3, "é", true);
        check("abc def", 4, "abc", true);
        check("abc&eacute;", 4, "abc", true);
        check("abc", 3, "abc", false);
        check("a", 0, "", true);
        check("&#10;a&#9;b&Tab;", 9, "a b", false);
    }

    #[test]
    fn preformatted() {
        let mut out = Text::new(99, 0);
        out.push(b"a\n  b&#10;c", true);
        out.push_plain(b" &amp;", false);
        assert_eq!(out.since(2, 3), "b c");
        assert_eq!(out.finish(), "a\nb\nc &amp;");
    }
}
