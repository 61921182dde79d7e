//! A text as the model reads it: what a person reads, without the tricks that hide words from a program.
//!
//! In prose: every character becomes a code. Case, accents and look-alikes of other scripts go (Unicode TR 39 skeletons, NFKC);
//! characters without width are dropped; `i`, `l`, `1` and `|` are one letter; digits inside words are the letters they play,
//! others are 0; marks between the letters of a word go (`v.i-a` is `via`), and so do the blanks of `s p a c e d` words; white
//! space is one blank. Letters of scripts without case or look-alikes stay what they are, so every language is read alike.
//!
//! Promises: linear, at most one code for a character, no panic. Trusts nothing. The caller bounds the input.
//! Standards: UTS #39 §4, UAX #15.

use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};
use unicode_security::confusable_detection::skeleton;

/// What one character is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(u16);

const LETTER: u16 = 0x8000;
const WIDE: u16 = 0x4000;
const DROPPED: Code = Code(0x3000);
const SPACE: Code = Code(b' ' as u16);
/// Codes have twelve bits, so that five of them fit a word.
const CODE_BITS: u32 = 12;
const CODE_MASK: u16 = (1 << CODE_BITS) - 1;
/// Codes below are ASCII.
const ASCII: u32 = 0x80;

impl Code {
    /// The twelve bits that enter a gram.
    pub(crate) fn bits(self) -> u64 {
        u64::from(self.0 & CODE_MASK)
    }

    /// A character of a script that is written without blanks.
    pub(crate) fn is_wide(self) -> bool {
        self.0 & WIDE != 0
    }

    pub(crate) fn is_letter(self) -> bool {
        self.0 & LETTER != 0
    }

    pub(crate) fn is_digit(self) -> bool {
        self.ascii().is_some_and(|ascii| ascii.is_ascii_digit())
    }

    pub(crate) fn is_space(self) -> bool {
        self == SPACE
    }

    pub(crate) fn to_raw(self) -> u16 {
        self.0
    }

    pub(crate) fn from_raw(raw: u16) -> Self {
        Self(raw)
    }

    fn ascii(self) -> Option<u8> {
        let bits = self.0 & CODE_MASK;
        u8::try_from(bits).ok().filter(u8::is_ascii)
    }

    const fn letter(ascii: u8) -> Self {
        Self(ascii as u16 | LETTER)
    }
}

/// A folded text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Folded {
    /// One for each character that counts.
    pub codes: Vec<Code>,
    /// Where in the original each stands, in octets; empty unless asked for.
    pub at: Vec<u32>,
}

impl Folded {
    /// Folds a text; `placed` keeps the places for an explanation.
    pub(crate) fn of(text: &str, placed: bool) -> Self {
        let table = &*TABLE;
        let mut raw = Self {
            codes: Vec::with_capacity(text.len() + 1),
            at: Vec::new(),
        };
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let plain = plain_length(rest.as_bytes());
            raw.push_plain(&rest.as_bytes()[..plain], table, placed.then_some(at));
            let other = &rest[plain..];
            let length = other.bytes().take_while(|octet| !octet.is_ascii()).count();
            for (offset, c) in other[..length].char_indices() {
                let code = table.code(c);
                if code != DROPPED {
                    raw.codes.push(code);
                    if placed {
                        raw.at.push(place(at + plain + offset));
                    }
                }
            }
            at += plain + length;
        }
        raw.settled()
    }

    /// A stretch of ASCII, by the first part of the table.
    fn push_plain(&mut self, octets: &[u8], table: &Table, placed: Option<usize>) {
        let start = self.codes.len();
        let codes: &[Code; 0x80] = table.0[0].first_chunk().unwrap_or(&[DROPPED; 0x80]);
        self.codes
            .extend(octets.iter().map(|octet| codes[usize::from(octet & 0x7f)]));
        let dropped = self.codes[start..].contains(&DROPPED);
        if let Some(from) = placed {
            let kept = (0..octets.len()).filter(|index| self.codes[start + index] != DROPPED);
            self.at.extend(kept.map(|index| place(from + index)));
        }
        if dropped {
            let mut written = start;
            for read in start..self.codes.len() {
                self.codes[written] = self.codes[read];
                written += usize::from(self.codes[read] != DROPPED);
            }
            self.codes.truncate(written);
        }
    }

    /// Decides about each mark, digit and blank by its neighbours.
    fn settled(self) -> Self {
        let raw = self.codes;
        let mut codes = Vec::with_capacity(raw.len());
        let mut at = Vec::with_capacity(self.at.len());
        // The two that were written last.
        let mut last = [SPACE; 2];
        for (index, code) in raw.iter().enumerate() {
            let settled = if code.is_letter() {
                Some(*code)
            } else {
                settle_one(&raw, index, last[1])
            };
            let Some(code) = settled else { continue };
            // Most characters differ from the last but one, which a drawn out one does not.
            if code == last[0] && is_drawn_out(&codes, code) {
                continue;
            }
            codes.push(code);
            if let Some(place) = self.at.get(index) {
                at.push(*place);
            }
            last = [last[1], code];
        }
        Self { codes, at }
    }
}

/// How many octets of ASCII it begins with.
fn plain_length(octets: &[u8]) -> usize {
    let blocks = octets
        .chunks_exact(64)
        .take_while(|block| block.is_ascii())
        .count();
    let rest = octets[64 * blocks..].iter().take_while(|octet| octet.is_ascii());
    64 * blocks + rest.count()
}

fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// What a code that is no letter becomes between the two raw codes before and after it; `last` was written last.
fn settle_one(raw: &[Code], index: usize, last: Code) -> Option<Code> {
    let at = |place: Option<usize>| place.and_then(|place| raw.get(place)).copied().unwrap_or(SPACE);
    let code = at(Some(index));
    let before = [at(index.checked_sub(2)), at(index.checked_sub(1))];
    let after = [at(Some(index + 1)), at(Some(index + 2))];
    let inside = before[1].is_letter() && after[0].is_letter();
    // A lone letter on either side: the word is spaced out.
    let spaced = inside && before[0].is_space() && after[1].is_space();
    if code.is_space() {
        return (!spaced && !last.is_space()).then_some(SPACE);
    }
    let Some(ascii) = code.ascii() else {
        return Some(code);
    };
    match ascii {
        b'0'..=b'9' => {
            let in_word = before[1].is_letter() || after[0].is_letter();
            Some(played(ascii).filter(|_| in_word).unwrap_or(Code(u16::from(b'0'))))
        }
        b'@' | b'$' if after[0].is_letter() => played(ascii),
        b'!' | b'|'
            if before[1].is_letter()
                && (after[0].is_letter() || matches!(after[0].ascii(), Some(b'@' | b'$'))) =>
        {
            played(ascii)
        }
        b'.' | b'-' | b'_' | b'*' | b'\'' | b'^' | b'~' | b'`' | b',' | b'"' | b'+' | b'|' if inside => None,
        _ => Some(code),
    }
}

/// The letter that a digit or sign plays inside a word.
fn played(ascii: u8) -> Option<Code> {
    let letter = match ascii {
        b'0' => b'o',
        b'1' | b'!' | b'|' => b'i',
        b'3' => b'e',
        b'4' | b'@' => b'a',
        b'5' | b'$' => b's',
        b'7' => b't',
        b'8' => b'b',
        b'9' | b'6' => b'g',
        _ => return None,
    };
    Some(Code::letter(letter))
}

/// More than two of a letter, more than four of anything else in a row.
fn is_drawn_out(written: &[Code], code: Code) -> bool {
    let allowed = if code.is_letter() && !code.is_wide() { 2 } else { 4 };
    written.len() >= allowed
        && written[written.len() - allowed..]
            .iter()
            .all(|other| *other == code)
}

/// Stretches of characters that are looked up: alphabets, signs, and what imitates letters. All others are read as they are.
const STRETCHES: [std::ops::Range<u32>; 4] = [
    0..0x3000,
    0xFE00..0x1_0000,
    0x1_D400..0x1_D800,
    0x1_F100..0x1_F200,
];

/// The codes of these stretches.
struct Table([Vec<Code>; STRETCHES.len()]);

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let code = |point: u32| char::from_u32(point).map_or(DROPPED, code_of);
    Table(STRETCHES.map(|stretch| stretch.map(code).collect()))
});

impl Table {
    fn code(&self, c: char) -> Code {
        let point = c as usize;
        // Nearly all characters are in the first stretch.
        self.0[0].get(point).copied().unwrap_or_else(|| self.far(c))
    }

    fn far(&self, c: char) -> Code {
        let place = STRETCHES.iter().position(|stretch| stretch.contains(&(c as u32)));
        let found = place.and_then(|place| {
            let at = (c as u32 - STRETCHES[place].start) as usize;
            self.0[place].get(at).copied()
        });
        found.unwrap_or_else(|| match c {
            '\u{3000}' => SPACE,
            '\u{3164}' => DROPPED,
            _ => wide(c),
        })
    }
}

/// Makes the tables now, so that the first message does not wait for them.
pub(crate) fn prepare() {
    LazyLock::force(&TABLE);
}

fn wide(c: char) -> Code {
    Code(spread(c) | LETTER | WIDE)
}

/// A character outside ASCII as twelve bits outside ASCII. Scripts of up to 256 letters keep them apart.
fn spread(c: char) -> u16 {
    let point = c as u32;
    let room = (1 << CODE_BITS) - ASCII;
    u16::try_from(ASCII + (point - ASCII.min(point)) % room).unwrap_or(0)
}

fn code_of(c: char) -> Code {
    if c.is_ascii() {
        return ascii_code(c as u8);
    }
    if is_invisible(c) {
        return DROPPED;
    }
    if c.is_whitespace() {
        return SPACE;
    }
    match c as u32 {
        // Without case, accents and look-alikes: Thai, Lao, Khmer, Burmese.
        0x0E00..=0x0EFF
        | 0x1000..=0x109F
        | 0x1780..=0x17FF
        | 0x3040..=0x30FF
        | 0x3400..=0x9FFF
        | 0xAC00..=0xD7AF => {
            return wide(c);
        }
        _ => {}
    }
    let lower = c.to_lowercase().next().unwrap_or(c);
    let plain = lower.nfkd().find(|c| !is_mark(*c)).unwrap_or(lower);
    let plain = plain.to_lowercase().next().unwrap_or(plain);
    if plain.is_ascii() {
        return ascii_code(plain as u8);
    }
    if let Some(letter) = look_alike(plain) {
        return ascii_code(letter);
    }
    let mut buffer = [0u8; 4];
    let shown: Vec<char> = skeleton(plain.encode_utf8(&mut buffer))
        .filter(|c| !is_mark(*c))
        .collect();
    match shown.as_slice() {
        ['r', 'n', ..] => Code::letter(b'm'),
        [first, ..] if first.is_ascii_alphabetic() => ascii_code(first.to_ascii_lowercase() as u8),
        [first, ..] if first.is_ascii() && !plain.is_alphabetic() => ascii_code(*first as u8),
        [first, ..] => match look_alike(*first) {
            Some(letter) => ascii_code(letter),
            None if plain.is_alphabetic() => Code(spread(plain) | LETTER),
            None => Code(spread(plain)),
        },
        [] => DROPPED,
    }
}

fn ascii_code(ascii: u8) -> Code {
    match ascii.to_ascii_lowercase() {
        // One stroke: nobody can tell these apart in many fonts.
        b'l' => Code::letter(b'i'),
        letter @ b'a'..=b'z' => Code::letter(letter),
        b'\t' | b'\r' | b'\n' | b' ' | 0x0b | 0x0c => SPACE,
        control if control < 0x20 || control == 0x7f => DROPPED,
        other => Code(u16::from(other)),
    }
}

fn is_mark(c: char) -> bool {
    is_combining_mark(c) || canonical_combining_class(c) != 0
}

/// Marks and characters without width: a reader does not see them, or reads the letter below.
fn is_invisible(c: char) -> bool {
    is_mark(c)
        || matches!(c as u32,
            0xAD | 0x34F | 0x61C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F | 0x202A..=0x202E
            | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF9..=0xFFFC | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A)
        || c.is_control()
}

/// Letters that a skeleton maps to a small capital or leaves apart, although they stand for Latin ones in disguised words.
fn look_alike(c: char) -> Option<u8> {
    let letter = match c {
        'ᴀ' | 'α' => b'a',
        'ʙ' | 'в' | 'β' => b'b',
        'ᴄ' => b'c',
        'ᴅ' => b'd',
        'ᴇ' | 'ε' | 'є' => b'e',
        'ғ' => b'f',
        'ɢ' => b'g',
        'ʜ' | 'н' => b'h',
        'ɪ' | 'ι' => b'i',
        'ᴊ' => b'j',
        'ᴋ' | 'ĸ' | 'к' | 'κ' => b'k',
        'ʟ' => b'l',
        'ᴍ' | 'ʍ' | 'м' => b'm',
        'ɴ' | 'п' | 'η' => b'n',
        'ᴏ' | 'ο' | 'σ' => b'o',
        'ᴘ' | 'ρ' => b'p',
        'ʀ' | 'г' => b'r',
        'ꜱ' => b's',
        'ᴛ' | 'т' | 'τ' => b't',
        'ᴜ' | 'υ' | 'μ' | 'µ' => b'u',
        'ᴠ' | 'ν' => b'v',
        'ᴡ' | 'ω' | 'ш' => b'w',
        'х' | 'χ' => b'x',
        'ʏ' | 'у' | 'γ' => b'y',
        'ᴢ' | 'ζ' => b'z',
        _ => return None,
    };
    Some(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Folded::of(text, false)
            .codes
            .iter()
            .map(|code| code.ascii().map_or('#', char::from))
            .collect()
    }

    fn same(a: &str, b: &str) {
        let (left, right) = (Folded::of(a, false).codes, Folded::of(b, false).codes);
        assert_eq!(left, right, "{a:?} is {:?}, {b:?} is {:?}", shown(a), shown(b));
    }

    #[test]
    fn disguises_go() {
        for disguised in [
            "VIAGRA",
            "v.i.a.g.r.a",
            "v i a g r a",
            "v1agra",
            "V|@GR@x",
            "ѵіаɡга",
            "vi\u{200b}ag\u{ad}ra",
            "víàgrâ",
            "ｖｉａｇｒａ",
            "𝓿𝓲𝓪𝓰𝓻𝓪",
            "v-i-a-g-r-a",
            "viaaaaaaaagra",
            "ᴠɪᴀɢʀᴀ",
        ] {
            let plain = match disguised {
                "V|@GR@x" => "viagrax",
                "viaaaaaaaagra" => "viaagra",
                _ => "viagra",
            };
            same(disguised, plain);
        }
    }

    #[test]
    fn words_stay_apart() {
        same("c.h.e.a.p p.i.l.l.s, n.o.w", "cheap pills, now");
    }

    #[test]
    fn plain_text_stays_readable() {
        let check = |text: &str, expected: &str| assert_eq!(shown(text), expected, "{text:?}");
        check("Hello,\r\n  World!", "heiio, worid!");
        check(
            "Invoice 2024-11-27: 1,250.00 EUR",
            "invoice 0000-00-00: 0,000.00 eur",
        );
        check("https://a.example/x?y=1", "https://aexampie/x?y=0");
        check("perché così", "perche cosi");
        check("", "");
        check("\u{200b}\u{200d}", "");
    }

    #[test]
    fn other_scripts_keep_their_letters() {
        let codes = |text: &str| Folded::of(text, false).codes;
        assert_ne!(codes("жд"), codes("жб"));
        assert_ne!(codes("価格"), codes("価値"));
        assert!(
            codes("価格")
                .iter()
                .all(|code| code.is_wide() && code.is_letter())
        );
        assert_eq!(codes("Ёлка"), codes("елка"));
    }

    #[test]
    fn places_lead_back() {
        let text = "Ça  v\u{200b}a";
        let folded = Folded::of(text, true);
        assert_eq!(folded.codes.len(), folded.at.len());
        let back: Vec<&str> = folded.at.iter().map(|at| &text[*at as usize..]).collect();
        assert!(back[0].starts_with('Ç') && back.last().unwrap().starts_with('a'));
    }
}
