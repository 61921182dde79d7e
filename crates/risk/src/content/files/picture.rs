//! Width and height of a picture, from its header.
//!
//! Promises: constant work but for JPEG, whose segments are followed, at most [`SEGMENTS_MAX`]; no panic. Trusts nothing: the
//! numbers are what the file says. Standards: PNG, JPEG (ITU-T T.81), GIF, WebP (RFC 9649), BMP.

use serde::{Deserialize, Serialize};

/// Segments of a JPEG before its frame.
const SEGMENTS_MAX: usize = 64;

/// Size of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pixels {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// None when it is no picture of a kind known here.
pub(super) fn pixels(content: &[u8]) -> Option<Pixels> {
    let (width, height) = match content {
        [0x89, b'P', b'N', b'G', ..] => (big(content, 16, 4)?, big(content, 20, 4)?),
        [b'G', b'I', b'F', b'8', ..] => (little(content, 6, 2)?, little(content, 8, 2)?),
        [b'B', b'M', ..] if content.get(6..10) == Some(&[0; 4]) => (
            little(content, 18, 4)?,
            little(content, 22, 4)?.cast_signed().unsigned_abs(),
        ),
        [b'R', b'I', b'F', b'F', ..] if content.get(8..12) == Some(b"WEBP") => webp(content)?,
        [0xff, 0xd8, ..] => jpeg(content)?,
        _ => return None,
    };
    Some(Pixels { width, height })
}

fn webp(content: &[u8]) -> Option<(u32, u32)> {
    match content.get(12..16)? {
        b"VP8X" => Some((little(content, 24, 3)? + 1, little(content, 27, 3)? + 1)),
        b"VP8 " => Some((little(content, 26, 2)? & 0x3fff, little(content, 28, 2)? & 0x3fff)),
        b"VP8L" => {
            let bits = little(content, 21, 4)?;
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        _ => None,
    }
}

/// Height and width stand in the segment that begins the frame.
fn jpeg(content: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    for _ in 0..SEGMENTS_MAX {
        let marker = big(content, at, 2)?;
        let length = usize::try_from(big(content, at + 2, 2)?).ok()?;
        match marker {
            0xffc4 | 0xffc8 | 0xffcc => {}
            0xffc0..=0xffcf => return Some((big(content, at + 7, 2)?, big(content, at + 5, 2)?)),
            _ => {}
        }
        at += 2 + length;
    }
    None
}

fn big(content: &[u8], at: usize, octets: usize) -> Option<u32> {
    let field = content.get(at..at + octets)?;
    Some(
        field
            .iter()
            .fold(0, |number, octet| number << 8 | u32::from(*octet)),
    )
}

fn little(content: &[u8], at: usize, octets: usize) -> Option<u32> {
    let field = content.get(at..at + octets)?;
    Some(
        field
            .iter()
            .rev()
            .fold(0, |number, octet| number << 8 | u32::from(*octet)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        fn check(content: &[u8], expected: Option<(u32, u32)>) {
            let expected = expected.map(|(width, height)| Pixels { width, height });
            assert_eq!(pixels(content), expected, "{}", content.escape_ascii());
        }
        check(
            b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x02\x80\0\0\x01\xe0",
            Some((640, 480)),
        );
        check(b"GIF89a\x01\0\x02\0", Some((1, 2)));
        check(
            b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x03\0\0\0\xfb\xff\xff\xff",
            Some((3, 5)),
        );
        check(
            b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x07\0\0\x09\0\0",
            Some((8, 10)),
        );
        check(
            b"\xff\xd8\xff\xe0\0\x04JF\xff\xc0\0\x11\x08\0\x10\0\x20",
            Some((32, 16)),
        );
        check(b"\xff\xd8\xff\xe0\0", None);
        check(b"\xff\xd8\xff\xe0\xff\xff", None);
        check(b"BMW and others are cars", None);
        check(b"\x89PNG", None);
        check(b"", None);
    }
}
