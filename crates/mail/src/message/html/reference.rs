//! Character references (`&eacute;`, `&#233;`, `&#xe9;`), HTML Living Standard §12.2.5.72 to 80 and §13.5.
//!
//! Promises: constant time for one reference but for its digits, no panic. Trusts nothing.

use std::borrow::Cow;

/// All names of §13.5 in order of their octets, one a line, with the hexadecimal code points that they stand for.
const TABLE: &str = include_str!("references.txt");

/// Longest name.
const NAME_OCTETS_MAX: usize = 31;

/// The names that are also read without a semicolon, in order of their octets.
const LEGACY: [&str; 106] = [
    "AElig", "AMP", "Aacute", "Acirc", "Agrave", "Aring", "Atilde", "Auml", "COPY", "Ccedil", "ETH",
    "Eacute", "Ecirc", "Egrave", "Euml", "GT", "Iacute", "Icirc", "Igrave", "Iuml", "LT", "Ntilde", "Oacute",
    "Ocirc", "Ograve", "Oslash", "Otilde", "Ouml", "QUOT", "REG", "THORN", "Uacute", "Ucirc", "Ugrave",
    "Uuml", "Yacute", "aacute", "acirc", "acute", "aelig", "agrave", "amp", "aring", "atilde", "auml",
    "brvbar", "ccedil", "cedil", "cent", "copy", "curren", "deg", "divide", "eacute", "ecirc", "egrave",
    "eth", "euml", "frac12", "frac14", "frac34", "gt", "iacute", "icirc", "iexcl", "igrave", "iquest",
    "iuml", "laquo", "lt", "macr", "micro", "middot", "nbsp", "not", "ntilde", "oacute", "ocirc", "ograve",
    "ordf", "ordm", "oslash", "otilde", "ouml", "para", "plusmn", "pound", "quot", "raquo", "reg", "sect",
    "shy", "sup1", "sup2", "sup3", "szlig", "thorn", "times", "uacute", "ucirc", "ugrave", "uml", "uuml",
    "yacute", "yen", "yuml",
];

/// Lengths of the names in [`LEGACY`].
const LEGACY_OCTETS_MAX: usize = 6;

/// Windows-1252, which authors meant by `&#128;` to `&#159;`.
const C1: [char; 32] = [
    '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}', '\u{2021}', '\u{2c6}',
    '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}', '\u{8f}', '\u{90}', '\u{2018}',
    '\u{2019}', '\u{201c}', '\u{201d}', '\u{2022}', '\u{2013}', '\u{2014}', '\u{2dc}', '\u{2122}', '\u{161}',
    '\u{203a}', '\u{153}', '\u{9d}', '\u{17e}', '\u{178}',
];

/// What a reference stands for: one or two characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The character.
    pub first: char,
    /// The one behind it.
    pub second: Option<char>,
    /// Octets of the reference behind the ampersand.
    pub length: usize,
}

/// Reads the reference behind an ampersand, or nothing when the ampersand is only one.
pub fn read(text: &[u8], in_attribute: bool) -> Option<Reference> {
    match text.first()? {
        b'#' => numeric(&text[1..]),
        first if first.is_ascii_alphabetic() => named(text, in_attribute),
        _ => None,
    }
}

fn numeric(text: &[u8]) -> Option<Reference> {
    let (digits, radix) = match text {
        [b'x' | b'X', digits @ ..] => (digits, 16),
        digits => (digits, 10),
    };
    let mut code = 0u32;
    let mut count = 0;
    for digit in digits.iter().map_while(|&b| char::from(b).to_digit(radix)) {
        code = code.saturating_mul(radix).saturating_add(digit);
        count += 1;
    }
    if count == 0 {
        return None;
    }
    let first = match code {
        0 => char::REPLACEMENT_CHARACTER,
        0x80..=0x9f => C1[code as usize - 0x80],
        _ => char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
    };
    let semicolon = usize::from(digits.get(count) == Some(&b';'));
    Some(Reference {
        first,
        second: None,
        length: 1 + text.len() - digits.len() + count + semicolon,
    })
}

fn named(text: &[u8], in_attribute: bool) -> Option<Reference> {
    let text = &text[..text.len().min(NAME_OCTETS_MAX + 1)];
    let end = text
        .iter()
        .position(|b| !b.is_ascii_alphanumeric())
        .unwrap_or(text.len());
    let (name, next) = (&text[..end], text.get(end));
    if next == Some(&b';')
        && let Some(reference) = lookup(name)
    {
        return Some(Reference {
            length: end + 1,
            ..reference
        });
    }
    // In an attribute a legacy name counts only when neither a letter, a digit nor `=` follows: `?a=1&copy=2`.
    if in_attribute {
        return (is_legacy(name) && next != Some(&b'=')).then(|| lookup(name))?;
    }
    (2..=end.min(LEGACY_OCTETS_MAX))
        .rev()
        .map(|length| &name[..length])
        .find(|name| is_legacy(name))
        .and_then(lookup)
}

fn is_legacy(name: &[u8]) -> bool {
    name.len() <= LEGACY_OCTETS_MAX
        && LEGACY
            .binary_search_by(|known| known.as_bytes().cmp(name))
            .is_ok()
}

/// Binary search over the lines of the table.
fn lookup(name: &[u8]) -> Option<Reference> {
    let known = |code| {
        Some(Reference {
            first: code,
            second: None,
            length: name.len(),
        })
    };
    match name {
        b"nbsp" => return known('\u{a0}'),
        b"amp" => return known('&'),
        b"lt" => return known('<'),
        b"gt" => return known('>'),
        b"quot" => return known('"'),
        _ => {}
    }
    let table = TABLE.as_bytes();
    let (mut low, mut high) = (0, table.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let start = table[low..middle]
            .iter()
            .rposition(|&b| b == b'\n')
            .map_or(low, |at| low + at + 1);
        let end = start + memchr::memchr(b'\n', &table[start..high])?;
        let mut words = TABLE.get(start..end)?.split(' ');
        match words.next()?.as_bytes().cmp(name) {
            std::cmp::Ordering::Less => low = end + 1,
            std::cmp::Ordering::Greater => high = start,
            std::cmp::Ordering::Equal => {
                let mut codes = words.map_while(|word| char::from_u32(u32::from_str_radix(word, 16).ok()?));
                return Some(Reference {
                    first: codes.next()?,
                    second: codes.next(),
                    length: name.len(),
                });
            }
        }
    }
    None
}

/// The value of an attribute with its references replaced.
pub fn attribute(value: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr(b'&', value) else {
        return value.into();
    };
    let mut out = Vec::with_capacity(value.len());
    let (mut rest, mut next) = (value, Some(first));
    while let Some(at) = next {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        match read(rest, true) {
            Some(reference) => {
                rest = &rest[reference.length..];
                for char in [Some(reference.first), reference.second].into_iter().flatten() {
                    out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
            None => out.push(b'&'),
        }
        next = memchr::memchr(b'&', rest);
    }
    out.extend_from_slice(rest);
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        fn check(text: &str, in_attribute: bool, expected: &str, length: usize) {
            let found = read(text.as_bytes(), in_attribute);
            let characters: String = found
                .iter()
                .flat_map(|r| [Some(r.first), r.second])
                .flatten()
                .collect();
            assert_eq!(
                (characters.as_str(), found.map_or(0, |r| r.length)),
                (expected, length),
                "{text}"
            );
        }
        check("amp;x", false, "&", 4);
        check("eacute;", false, "é", 7);
        check("eacutex", false, "é", 6);
        check("notin;", false, "∉", 6);
        check("notit;", false, "¬", 3);
        check("acE;", false, "\u{223e}\u{333}", 4);
        check("CounterClockwiseContourIntegral;", false, "∳", 32);
        check("CounterClockwiseContourIntegral", false, "", 0);
        check("copy=2", true, "", 0);
        check("copy2", true, "", 0);
        check("copy", true, "©", 4);
        check("copy;=", true, "©", 5);
        check("#233;", false, "é", 5);
        check("#XE9", false, "é", 4);
        check("#150;", false, "–", 5);
        check("#0;", false, "\u{fffd}", 3);
        check("#xD800;", false, "\u{fffd}", 7);
        check("#99999999999999999999;", false, "\u{fffd}", 22);
        check("#;", false, "", 0);
        check("#x;", false, "", 0);
        check(" x", false, "", 0);
        check("", false, "", 0);
        check("zzz;", false, "", 0);
        check("zwnj;", false, "\u{200c}", 5);
    }

    #[test]
    fn every_name() {
        for line in TABLE.lines() {
            let name = line.split(' ').next().unwrap();
            let found = read(format!("{name};").as_bytes(), true).unwrap();
            assert_eq!(found.length, name.len() + 1, "{name}");
        }
        assert!(LEGACY.is_sorted() && LEGACY.iter().all(|name| lookup(name.as_bytes()).is_some()));
    }

    #[test]
    fn attributes() {
        let decoded = attribute(b"?a=1&b=2&amp;c=&#x41;&lt");
        assert_eq!(&*decoded, b"?a=1&b=2&c=A<");
    }
}
