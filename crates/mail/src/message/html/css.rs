//! The signs of CSS: what is a comment, a string, an escape, a bracket, a number.
//!
//! Promises: linear, no panic. Trusts nothing. Standard: CSS Syntax Level 3 §4.3.

use std::borrow::Cow;

/// A number and the unit behind it.
pub fn number(text: &[u8]) -> Option<(f32, &[u8])> {
    let end = text
        .iter()
        .position(|b| !matches!(b, b'0'..=b'9' | b'.' | b'+' | b'-'))
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let value = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((value, unit))
}

/// The place of the octet, outside of brackets of any kind, or the end.
pub fn end_of(text: &[u8], stop: u8) -> usize {
    let mut depth = 0usize;
    for (at, &b) in text.iter().enumerate() {
        match b {
            _ if b == stop && depth == 0 => return at,
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    text.len()
}

/// CSS without comments and without the content of its strings and URLs, where nothing means anything; with its escapes
/// replaced (CSS Syntax Level 3 §4.3). An escaped sign that would mean something becomes `_`.
pub fn plain(css: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr3(b'\\', b'"', b'\'', css).is_none() && memchr::memchr2(b'/', b'(', css).is_none() {
        return css.into();
    }
    let mut out = Vec::with_capacity(css.len());
    let mut rest = css;
    while let Some((&sign, behind)) = rest.split_first() {
        rest = match sign {
            b'\\' => escape(behind, &mut out),
            b'/' if behind.starts_with(b"*") => {
                let end = memchr::memmem::find(&behind[1..], b"*/");
                end.map_or(b"", |end| &behind[end + 3..])
            }
            b'"' | b'\'' => {
                out.extend_from_slice(&[sign, sign]);
                skip_until(behind, &[sign, b'\n'])
            }
            b'(' if ends_with_url(&out) && !matches!(behind.trim_ascii_start(), [b'"' | b'\'', ..]) => {
                out.extend_from_slice(b"()");
                skip_until(behind, b")")
            }
            _ => {
                out.push(sign);
                behind
            }
        };
    }
    out.into()
}

fn ends_with_url(css: &[u8]) -> bool {
    css.last_chunk::<3>()
        .is_some_and(|word| word.eq_ignore_ascii_case(b"url"))
}

/// Behind the first of these octets that has no backslash before it.
fn skip_until<'a>(text: &'a [u8], stops: &[u8]) -> &'a [u8] {
    let mut at = 0;
    while let Some(&b) = text.get(at) {
        at += 1;
        if stops.contains(&b) {
            break;
        }
        at += usize::from(b == b'\\');
    }
    text.get(at..).unwrap_or_default()
}

/// Reads what is behind a backslash, and gives what is behind that.
fn escape<'a>(text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let digits = text.iter().take(6).take_while(|b| b.is_ascii_hexdigit()).count();
    if digits == 0 {
        let Some((&first, rest)) = text.split_first() else {
            return text;
        };
        if first != b'\n' {
            out.push(if first.is_ascii_punctuation() { b'_' } else { first });
        }
        return rest;
    }
    let code = text[..digits]
        .iter()
        .fold(0, |code, &b| code << 4 | char::from(b).to_digit(16).unwrap_or(0));
    match u8::try_from(code) {
        Ok(octet) if octet.is_ascii_alphanumeric() || octet == b'-' => out.push(octet),
        _ => out.push(b'_'),
    }
    let rest = &text[digits..];
    match rest.split_first() {
        Some((b' ' | b'\t' | b'\r' | b'\n' | 0x0c, rest)) => rest,
        _ => rest,
    }
}
