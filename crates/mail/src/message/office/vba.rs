//! Source text of VBA macros, and whether it runs by itself.
//!
//! Promises: at most [`SOURCE_OCTETS_MAX`] come out, linear, no panic. Trusts nothing. Standards: MS-OVBA §2.4.1.
//!
//! The place of the text in a module's stream is not looked up: it begins with the word `Attribute`, and no other place of a
//! stream does.

use memchr::memmem;

/// Octets of source of one module.
pub const SOURCE_OCTETS_MAX: usize = 256 << 10;
/// Expanded octets of one chunk.
const CHUNK_OCTETS: usize = 4096;
/// Eight literal octets behind their flags: how the text of a module begins when it is packed.
const BEGINNING: &[u8] = b"\0Attribut";

/// The source in a module's stream.
pub fn source(stream: &[u8]) -> Option<Vec<u8>> {
    let flags = memmem::find(stream, BEGINNING)?;
    // Before it the mark of a container and the header of the first chunk.
    let start = flags.checked_sub(3).filter(|start| stream[*start] == 1)?;
    Some(expand(stream.get(start + 1..)?))
}

/// Names of procedures that Office calls by itself, in lower case.
const AUTOEXEC: [&str; 17] = [
    "autoexec",
    "autoopen",
    "autonew",
    "autoclose",
    "autoexit",
    "auto_open",
    "auto_close",
    "document_open",
    "documentopen",
    "document_new",
    "document_close",
    "workbook_open",
    "workbook_activate",
    "workbook_beforeclose",
    "workbook_deactivate",
    "worksheet_activate",
    "app_presentationopen",
];

/// A procedure of the source runs when the document is opened or closed.
pub fn runs_by_itself(source: &[u8]) -> bool {
    let lower = source.to_ascii_lowercase();
    memmem::find_iter(&lower, b"sub ").any(|at| {
        let rest = lower.get(at + 4..).unwrap_or_default().trim_ascii_start();
        AUTOEXEC.iter().any(|name| {
            rest.strip_prefix(name.as_bytes())
                .is_some_and(|behind| !matches!(behind.first(), Some(b'a'..=b'z' | b'0'..=b'9' | b'_')))
        })
    })
}

fn expand(mut packed: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let [low, high, rest @ ..] = packed {
        let header = u16::from_le_bytes([*low, *high]);
        // Its size counts the header.
        let length = (usize::from(header & 0x0fff) + 1).min(rest.len());
        let (chunk, behind) = rest.split_at(length);
        if header & 0x7000 != 0x3000 || out.len() >= SOURCE_OCTETS_MAX {
            break;
        }
        if header & 0x8000 == 0 {
            out.extend_from_slice(chunk);
        } else {
            expand_chunk(chunk, &mut out);
        }
        packed = behind;
    }
    out.truncate(SOURCE_OCTETS_MAX);
    out
}

fn expand_chunk(chunk: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let mut rest = chunk;
    while let Some((flags, tail)) = rest.split_first() {
        rest = tail;
        for bit in 0..8 {
            let done = out.len() - start;
            if rest.is_empty() || done >= CHUNK_OCTETS {
                break;
            }
            if flags >> bit & 1 == 0 {
                out.push(rest[0]);
                rest = &rest[1..];
                continue;
            }
            let [low, high, tail @ ..] = rest else {
                return;
            };
            rest = tail;
            let token = u16::from_le_bytes([*low, *high]);
            // The further the chunk, the more bits for the distance: 4 to 12.
            let distance_bits = (usize::BITS - done.saturating_sub(1).leading_zeros()).clamp(4, 12);
            let length = usize::from(token & (0xffff >> distance_bits)) + 3;
            let distance = usize::from(token >> (16 - distance_bits)) + 1;
            if distance > done {
                return;
            }
            for _ in 0..length.min(CHUNK_OCTETS - done) {
                out.push(out[out.len() - distance]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_standard() {
        // MS-OVBA §3.2.1 to §3.2.3.
        let none = b"\x19\xb0\0abcdefgh\0ijklmnop\0qrstuv.";
        assert_eq!(expand(none), b"abcdefghijklmnopqrstuv.");
        let normal =
            b"\x2f\xb0\0#aaabcde\x82f\0paghij\x018\x08akl\x000mnop\x06q\x02p\x04\x10rstuv\x10wxyz\0<";
        assert_eq!(
            expand(normal),
            b"#aaabcdefaaaaghijaaaaaklaaamnopqaaaaaaaaaaaarstuvwxyzaaa".as_slice()
        );
        assert_eq!(expand(b"\x03\xb0\x02a\x45\0"), [b'a'; 73]);
    }

    #[test]
    fn what_runs_by_itself() {
        assert!(runs_by_itself(
            b"Attribute VB_Name\r\nPrivate Sub  Document_Open()\r\n"
        ));
        assert!(runs_by_itself(b"Sub AutoOpen\r\n"));
        assert!(!runs_by_itself(b"Sub AutoOpenTheDoor()\r\n"));
        assert!(!runs_by_itself(b"' the sub calls workbook_open\r\nSub Sum()"));
    }
}
