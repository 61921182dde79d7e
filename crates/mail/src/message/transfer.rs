//! Transfer encodings taken off leniently, as mail readers do: base64 and quoted-printable (RFC 2045 §6.7, §6.8), uuencode.
//!
//! Promises: linear in the input, at most `octets_max` of output, foreign octets skipped, no panic. What a strict reader
//! would refuse is reported by [`is_clean`], not by an error. Trusts nothing.

use memchr::{memchr, memchr2};

/// What a Content-Transfer-Encoding means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `7bit`, `8bit`, `binary`: nothing to take off.
    Identity,
    /// RFC 2045 §6.8.
    Base64,
    /// RFC 2045 §6.7.
    QuotedPrintable,
    /// `x-uuencode` and its other names.
    Uuencode,
    /// A name nobody knows; read as [`Encoding::Identity`].
    Unknown,
}

impl Encoding {
    /// By its name in lower case.
    pub fn from_name(name: &str) -> Self {
        match name {
            "7bit" | "8bit" | "binary" | "7-bit" | "8-bit" => Self::Identity,
            "base64" => Self::Base64,
            "quoted-printable" => Self::QuotedPrintable,
            "x-uuencode" | "uuencode" | "x-uue" | "uue" => Self::Uuencode,
            _ => Self::Unknown,
        }
    }
}

/// True when a strict reader would decode the body to the same octets.
pub fn is_clean(encoding: Encoding, body: &[u8]) -> bool {
    match encoding {
        Encoding::Identity => true,
        Encoding::Unknown => false,
        Encoding::Base64 => base64_is_clean(body),
        Encoding::QuotedPrintable => quoted_printable_is_clean(body),
        Encoding::Uuencode => uuencode_start(body).is_some(),
    }
}

const FOREIGN: u8 = 0xff;

/// The value of each base64 digit, [`FOREIGN`] for the rest.
const DIGITS: [u8; 256] = {
    let mut table = [FOREIGN; 256];
    let mut digit = 0;
    while digit < 64 {
        let octet = match digit {
            0..26 => b'A' + digit,
            26..52 => b'a' + digit - 26,
            52..62 => b'0' + digit - 52,
            62 => b'+',
            _ => b'/',
        };
        table[octet as usize] = digit;
        digit += 1;
    }
    table
};

/// Decodes base64. Padding ends a group, not the text: concatenated pieces are all decoded.
pub fn base64(text: &[u8], octets_max: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity((text.len() / 4 * 3 + 3).min(octets_max));
    let (mut bits, mut count) = (0u32, 0u8);
    let mut rest = text;
    while !rest.is_empty() && out.len() < octets_max {
        if count == 0 {
            let done = base64_groups(rest, &mut out, octets_max);
            rest = &rest[done..];
        }
        let Some((&octet, tail)) = rest.split_first() else {
            break;
        };
        rest = tail;
        let digit = DIGITS[usize::from(octet)];
        if digit != FOREIGN {
            bits = bits << 6 | u32::from(digit);
            count += 1;
        }
        if count == 4 || (octet == b'=' && count > 0) {
            flush_group(bits, count, &mut out);
            (bits, count) = (0, 0);
        }
    }
    flush_group(bits, count, &mut out);
    out.truncate(octets_max);
    out
}

/// The fast way: whole groups without foreign octets, eight at a time, then one by one. Gives the number of octets read.
fn base64_groups(text: &[u8], out: &mut Vec<u8>, octets_max: usize) -> usize {
    let mut done = 0;
    for groups in text.chunks_exact(32) {
        let mut given = [0; 24];
        let mut all = 0;
        for (group, octets) in groups.chunks_exact(4).zip(given.chunks_exact_mut(3)) {
            let (digits, three) = base64_group(group);
            all |= digits;
            octets.copy_from_slice(&three);
        }
        if all > 63 || out.len() >= octets_max {
            break;
        }
        out.extend_from_slice(&given);
        done += 32;
    }
    for group in text[done..].chunks_exact(4) {
        let (digits, three) = base64_group(group);
        if digits > 63 || out.len() >= octets_max {
            break;
        }
        out.extend_from_slice(&three);
        done += 4;
    }
    done
}

/// The digits of four octets in one, which is over 63 when one is foreign, and what they stand for.
fn base64_group(group: &[u8]) -> (u32, [u8; 3]) {
    let digits = [0, 1, 2, 3].map(|i| u32::from(DIGITS[usize::from(group[i])]));
    let [_, three @ ..] = (digits[0] << 18 | digits[1] << 12 | digits[2] << 6 | digits[3]).to_be_bytes();
    (digits[0] | digits[1] | digits[2] | digits[3], three)
}

fn flush_group(bits: u32, count: u8, out: &mut Vec<u8>) {
    let octets = match count {
        2 => (bits << 12).to_be_bytes(),
        3 => (bits << 6).to_be_bytes(),
        4 => bits.to_be_bytes(),
        _ => return,
    };
    out.extend_from_slice(&octets[1..usize::from(count)]);
}

/// Only digits and line ends; whole groups; padding only as the end.
fn base64_is_clean(body: &[u8]) -> bool {
    let mut digits = 0usize;
    let mut padding = 0usize;
    for line in body.split(|&b| b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line).trim_ascii_end();
        let padded = line.iter().rev().take_while(|&&b| b == b'=').count();
        let text = &line[..line.len() - padded];
        // No early exit inside of a line, so that the compiler makes wide code of it.
        if text
            .iter()
            .fold(false, |foreign, &b| foreign | !is_base64_digit(b))
            || (padding > 0 && !line.is_empty())
        {
            return false;
        }
        digits += text.len();
        padding += padded;
    }
    padding <= 2 && (digits + padding).is_multiple_of(4)
}

fn is_base64_digit(b: u8) -> bool {
    b.is_ascii_uppercase() | b.is_ascii_lowercase() | b.is_ascii_digit() | (b == b'+') | (b == b'/')
}

/// Decodes quoted-printable. Blanks at line ends are dropped, a `=` that begins nothing known stays.
pub fn quoted_printable(text: &[u8], octets_max: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len().min(octets_max));
    let mut rest = text;
    while !rest.is_empty() && out.len() < octets_max {
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        let ending: &[u8] = match () {
            () if end == rest.len() => b"",
            () if line.ends_with(b"\r") => b"\r\n",
            () => b"\n",
        };
        rest = &rest[(end + 1).min(rest.len())..];
        let line = line.strip_suffix(b"\r").unwrap_or(line).trim_ascii_end();
        let soft = line.strip_suffix(b"=");
        escapes(soft.unwrap_or(line), &mut out);
        if soft.is_none() {
            out.extend_from_slice(ending);
        }
    }
    out.truncate(octets_max);
    out
}

/// `=41` within one line (also the Q encoding of RFC 2047 §4.2, where the caller turns `_` into blanks).
pub fn escapes(line: &[u8], out: &mut Vec<u8>) {
    let mut rest = line;
    while let Some(at) = memchr(b'=', rest) {
        out.extend_from_slice(&rest[..at]);
        match rest.get(at + 1..at + 3).and_then(hex_octet) {
            Some(octet) => {
                out.push(octet);
                rest = &rest[at + 3..];
            }
            None => {
                out.push(b'=');
                rest = &rest[at + 1..];
            }
        }
    }
    out.extend_from_slice(rest);
}

/// Two hexadecimal digits of either case.
pub fn hex_octet(pair: &[u8]) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    }
}

fn quoted_printable_is_clean(body: &[u8]) -> bool {
    if !body.is_ascii() {
        return false;
    }
    memchr::memchr_iter(b'=', body).all(|at| {
        let behind = &body[at + 1..];
        behind.get(..2).and_then(hex_octet).is_some()
            || behind.trim_ascii_start().len() < behind.len()
            || behind.is_empty()
    })
}

/// Decodes uuencode from the `begin` line, or from the start when there is none, up to `end`.
pub fn uuencode(text: &[u8], octets_max: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity((text.len() / 4 * 3).min(octets_max));
    let mut rest = uuencode_start(text).map_or(text, |start| &text[start..]);
    while !rest.is_empty() && out.len() < octets_max {
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        rest = &rest[(end + 1).min(rest.len())..];
        if line == b"end" {
            break;
        }
        uuencode_line(line, &mut out);
    }
    out.truncate(octets_max);
    out
}

fn uuencode_line(line: &[u8], out: &mut Vec<u8>) {
    let Some((&length, digits)) = line.split_first() else {
        return;
    };
    if !(b' '..=b'`').contains(&length) {
        return;
    }
    let full = out.len() + usize::from((length - b' ') & 0x3f);
    // Blanks at the end of a line are zeros that a mail program may have cut off, so the last group is filled up.
    for group in digits.chunks(4) {
        let value = |i: usize| u32::from(group.get(i).copied().unwrap_or(b' ').wrapping_sub(b' ') & 0x3f);
        let [_, octets @ ..] = (value(0) << 18 | value(1) << 12 | value(2) << 6 | value(3)).to_be_bytes();
        out.extend_from_slice(&octets);
        if out.len() >= full {
            break;
        }
    }
    out.truncate(full);
}

/// Where the first line behind a `begin` line starts.
fn uuencode_start(text: &[u8]) -> Option<usize> {
    let block = uuencode_find(text, 0)?;
    Some(block.data)
}

/// A uuencoded block inside a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// Where the `begin` line starts.
    pub start: usize,
    /// Where the first data line starts.
    pub data: usize,
    /// Behind the `end` line, or the end of the text.
    pub end: usize,
    /// The file's name as written.
    pub name: &'a [u8],
}

/// The first block at or behind `from`: a line `begin MODE NAME` before a line that can be uuencoded data.
pub fn uuencode_find(text: &[u8], from: usize) -> Option<Block<'_>> {
    let mut at = from;
    while let Some(found) = memchr::memmem::find(text.get(at..)?, b"begin ") {
        let start = at + found;
        at = start + 6;
        if start > 0 && text[start - 1] != b'\n' {
            continue;
        }
        let eol = at + memchr(b'\n', &text[at..])?;
        let Some(name) = begin_name(text[at..eol].trim_ascii_end()) else {
            continue;
        };
        if is_uuencode_line(&text[eol + 1..]) {
            let end = memchr::memmem::find(&text[eol..], b"\nend").map_or(text.len(), |e| eol + e + 4);
            return Some(Block {
                start,
                data: eol + 1,
                end,
                name,
            });
        }
    }
    None
}

fn begin_name(rest: &[u8]) -> Option<&[u8]> {
    let mode = rest.iter().take_while(|b| (b'0'..=b'7').contains(b)).count();
    let name = rest.get(mode..)?.strip_prefix(b" ")?.trim_ascii_start();
    ((3..=4).contains(&mode) && !name.is_empty()).then_some(name)
}

/// The length octet fits the line (the end may be cut by blanks that were lost, or longer by a checksum).
fn is_uuencode_line(text: &[u8]) -> bool {
    let end = memchr2(b'\r', b'\n', text).unwrap_or(text.len());
    let Some((&length, digits)) = text[..end].split_first() else {
        return false;
    };
    if !(b' '..=b'`').contains(&length) {
        return false;
    }
    let full = usize::from((length - b' ') & 0x3f).div_ceil(3) * 4;
    digits.len() <= full + 2 && digits.len() + 4 >= full && digits.iter().all(|b| (b' '..=b'`').contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_lenient() {
        fn check(text: &[u8], octets: &[u8], clean: bool) {
            assert_eq!(base64(text, 100), octets, "{}", String::from_utf8_lossy(text));
            assert_eq!(
                is_clean(Encoding::Base64, text),
                clean,
                "{}",
                String::from_utf8_lossy(text)
            );
        }
        check(b"aGVsbG8=", b"hello", true);
        check(b"aGVs\r\nbG8=\r\n", b"hello", true);
        check(b"aGVsbG8", b"hello", false);
        check(b"aG*Vs\xffbG8=", b"hello", false);
        check(b"aGVsbG8=aGVsbG8=", b"hellohello", false);
        check(b"aGVsbG8=\r\naGVsbG8=", b"hellohello", false);
        check(b"a", b"", false);
        check(b"aG", b"h", false);
        check(b"====", b"", false);
        check(b"", b"", true);
        check(b"aGVs bG8=", b"hello", false);
        assert_eq!(base64(b"aGVsbG8=", 2), b"he");
        assert_eq!(base64(b"aGVsbG8=", 0), b"");
    }

    #[test]
    fn quoted_printable_lenient() {
        fn check(text: &[u8], octets: &[u8], clean: bool) {
            assert_eq!(
                quoted_printable(text, 100),
                octets,
                "{}",
                String::from_utf8_lossy(text)
            );
            assert_eq!(
                is_clean(Encoding::QuotedPrintable, text),
                clean,
                "{}",
                String::from_utf8_lossy(text)
            );
        }
        check(b"a=3Db=3d", b"a=b=", true);
        check(b"soft=\r\nbreak=  \r\n!\r\n", b"softbreak!\r\n", true);
        check(b"blanks \t\r\nend  ", b"blanks\r\nend", true);
        check(b"a=ZZb=", b"a=ZZb", false);
        check(b"bare=\nlf\n", b"barelf\n", true);
        check(b"caf\xc3\xa8", b"caf\xc3\xa8", false);
        assert_eq!(quoted_printable(b"abc=\r\ndef", 4), b"abcd");
    }

    #[test]
    fn uuencode_blocks() {
        let text = b"Look:\r\nbegin 644 evil.exe\r\n%:&5L;&\\\r\n`\r\nend\r\nBye\r\n";
        let block = uuencode_find(text, 0).unwrap();
        assert_eq!((block.start, block.name), (7, b"evil.exe".as_slice()));
        assert_eq!(&text[block.end..], b"\r\nBye\r\n");
        assert_eq!(uuencode(text, 100), b"hello");
        assert_eq!(uuencode(b"%:&5L;&\\\n", 100), b"hello");
        assert_eq!(uuencode(text, 3), b"hel");
        for prose in [
            &b"begin 644 x"[..],
            b"begin the day\r\nwell\r\n",
            b"x begin 644 a\r\n%:&5L;&\\\r\n",
            b"begin 644 a\r\nwell\r\n",
        ] {
            assert_eq!(
                uuencode_find(prose, 0),
                None,
                "{}",
                String::from_utf8_lossy(prose)
            );
        }
    }
}
