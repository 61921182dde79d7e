//! xtext of RFC 3461 §4: `+XX` for what is not printable ASCII, `+` or `=`.
//!
//! Promises: what is decoded has no controls, so it cannot become a second line anywhere; what is encoded is printable ASCII.

use crate::address::is_showable;

/// Encodes for a parameter value.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for octet in text.bytes() {
        if is_xchar(octet) {
            out.push(char::from(octet));
        } else {
            out.push('+');
            out.push(hex_digit(octet >> 4));
            out.push(hex_digit(octet & 15));
        }
    }
    out
}

/// Decodes; None when it is not xtext, is not UTF-8, or has controls (of Unicode too) after decoding.
pub fn decode(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'+', [high, low, after @ ..]) => {
                octets.push(hex_value(*high)? << 4 | hex_value(*low)?);
                after
            }
            (octet, after) if is_xchar(*octet) => {
                octets.push(*octet);
                after
            }
            _ => return None,
        };
    }
    let decoded = String::from_utf8(octets).ok()?;
    decoded.chars().all(is_showable).then_some(decoded)
}

/// Encodes an address of type `utf-8` for ORCPT (RFC 6533 §3, `utf-8-addr-xtext`): `\x{...}` for what is not safe.
pub fn encode_utf8_address(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_ascii_graphic() && !matches!(char, '\\' | '+' | '=') {
            out.push(char);
        } else {
            out.push_str(&format!("\\x{{{:X}}}", u32::from(char)));
        }
    }
    out
}

/// Decodes the `\x{...}` of an address of type `utf-8`; None when one is broken or hides a control.
pub fn decode_utf8_address(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("\\x{") {
        out.push_str(&rest[..start]);
        let (digits, tail) = rest[start + 3..].split_once('}')?;
        let hex = (1..=6).contains(&digits.len()) && digits.bytes().all(|octet| octet.is_ascii_hexdigit());
        let char = char::from_u32(u32::from_str_radix(digits, 16).ok().filter(|_| hex)?)?;
        if !is_showable(char) {
            return None;
        }
        out.push(char);
        rest = tail;
    }
    out.push_str(rest);
    Some(out)
}

/// xchar: printable ASCII but `+` and `=`.
fn is_xchar(octet: u8) -> bool {
    octet.is_ascii_graphic() && octet != b'+' && octet != b'='
}

fn hex_digit(value: u8) -> char {
    char::from(b"0123456789ABCDEF"[usize::from(value & 15)])
}

/// RFC 3461 wants upper case; lower case has one meaning only and is taken too.
fn hex_value(octet: u8) -> Option<u8> {
    char::from(octet)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(encoded: &str, decoded: Option<&str>) {
        assert_eq!(decode(encoded).as_deref(), decoded, "{encoded:?}");
    }

    #[test]
    fn decoding() {
        check("", Some(""));
        check("joe@example.com", Some("joe@example.com"));
        check("a+2Bb+3Dc", Some("a+b=c"));
        check("a+2bb", Some("a+b"));
        check("a+20b", Some("a b"));
        check("+C3+B6", Some("ö"));
        for broken in [
            "+", "a+2", "a+2G", "a=b", "a b", "ö", "+0D+0A", "a+00", "+7F", "+C3", "+FF", "+C2+85",
        ] {
            check(broken, None);
        }
    }

    #[test]
    fn encoding_round_trip() {
        for text in ["", "plain", "a+b=c d", "jörg@bücher.example", "\"a b\"@c"] {
            let encoded = encode(text);
            assert!(
                encoded
                    .bytes()
                    .all(|octet| octet.is_ascii_graphic() && octet != b'='),
                "{encoded}"
            );
            assert_eq!(decode(&encoded).as_deref(), Some(text));
            let encoded = encode_utf8_address(text);
            assert!(decode(&encoded).is_some(), "{encoded} is valid xtext too");
            assert_eq!(decode_utf8_address(&encoded).as_deref(), Some(text));
        }
    }

    #[test]
    fn broken_utf8_addresses() {
        for broken in [
            "\\x{",
            "\\x{}",
            "\\x{D800}",
            "\\x{A}",
            "\\x{+41}",
            "\\x{1234567}",
            "\\x{g}",
        ] {
            assert_eq!(decode_utf8_address(broken), None, "{broken}");
        }
        assert_eq!(decode_utf8_address("a\\b").as_deref(), Some("a\\b"));
    }
}
