//! Octets to text by a charset label: the WHATWG tables of `encoding_rs`, UTF-7 (RFC 2152) and the guesses that mail
//! readers make when a label is missing or false.
//!
//! Promises: every input gives some text, at most four octets of output for one of input; no panic.
//! Trusts nothing. Limits: none of its own, the caller cuts the input. Standards: RFC 2978, RFC 2152, RFC 2781.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// What a label names.
enum Charset {
    /// No label, or ASCII: UTF-8 if it is valid, else windows-1252.
    Plain,
    Utf7,
    /// UTF-16 without a byte order in the label.
    Utf16,
    Table(&'static Encoding),
    Unknown,
}

/// True when the label names a charset that can be decoded.
pub fn is_known(label: &str) -> bool {
    !matches!(lookup(label), Charset::Unknown)
}

/// Decodes `bytes` by the label (none: ASCII). The second value is false when the label is unknown or octets do not
/// belong to the charset; the text is then the best guess.
pub fn decode(label: Option<&str>, bytes: &[u8]) -> (String, bool) {
    match label.map_or(Charset::Plain, lookup) {
        Charset::Plain => guess(bytes, bytes.is_ascii()),
        Charset::Unknown => guess(bytes, false),
        Charset::Utf7 => utf7(bytes),
        Charset::Utf16 => table(utf16_order(bytes), bytes),
        Charset::Table(encoding) => table(encoding, bytes),
    }
}

fn lookup(label: &str) -> Charset {
    let label = label.trim_matches(|c: char| c.is_ascii_whitespace() || c == '"' || c == '\'');
    match label.to_ascii_lowercase().as_str() {
        "" | "us-ascii" | "ascii" | "ansi_x3.4-1968" => Charset::Plain,
        "utf-7" | "utf7" | "unicode-1-1-utf-7" | "csunicode11utf7" => Charset::Utf7,
        "utf-16" | "utf16" | "unicode" | "csunicode" => Charset::Utf16,
        "utf-16be" | "utf16be" => Charset::Table(UTF_16BE),
        "cp1250" | "cp1251" | "cp1252" | "cp1253" | "cp1254" | "cp1255" | "cp1256" | "cp1257" | "cp1258" => {
            Encoding::for_label(label.as_bytes()).map_or(Charset::Unknown, Charset::Table)
        }
        "cp932" | "ms932" => Charset::Table(encoding_rs::SHIFT_JIS),
        "cp936" | "gb_2312" => Charset::Table(encoding_rs::GBK),
        "cp949" | "ks_c_5601" => Charset::Table(encoding_rs::EUC_KR),
        "cp950" => Charset::Table(encoding_rs::BIG5),
        _ => Encoding::for_label_no_replacement(label.as_bytes()).map_or(Charset::Unknown, Charset::Table),
    }
}

fn table(encoding: &'static Encoding, bytes: &[u8]) -> (String, bool) {
    let (text, _, malformed) = encoding.decode(bytes);
    (text.into_owned(), !malformed)
}

/// What a reader shows when nothing reliable is said.
fn guess(bytes: &[u8], clean: bool) -> (String, bool) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), clean),
        // A cut in the middle of the last character is no reason to read all of it as windows-1252.
        Err(error) if error.error_len().is_none() && !bytes[..error.valid_up_to()].is_ascii() => {
            (UTF_8.decode_without_bom_handling(bytes).0.into_owned(), clean)
        }
        Err(_) => (
            WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
            clean,
        ),
    }
}

/// RFC 2781 says big endian when there is no mark, Windows programs write little endian: the zeros of Latin text tell.
fn utf16_order(bytes: &[u8]) -> &'static Encoding {
    let (mut high_first, mut low_first) = (0usize, 0usize);
    for pair in bytes.chunks_exact(2).take(512) {
        high_first += usize::from(pair[0] == 0);
        low_first += usize::from(pair[1] == 0);
    }
    if high_first > low_first {
        UTF_16BE
    } else {
        UTF_16LE
    }
}

/// RFC 2152, leniently: a shifted run ends at the first octet outside base64, a following `-` is swallowed.
fn utf7(bytes: &[u8]) -> (String, bool) {
    let mut out = String::with_capacity(bytes.len());
    let mut clean = true;
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        at += 1;
        if byte != b'+' {
            clean &= byte.is_ascii();
            out.push(if byte.is_ascii() {
                char::from(byte)
            } else {
                char::REPLACEMENT_CHARACTER
            });
            continue;
        }
        let run = bytes[at..]
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
            .count();
        if run == 0 {
            out.push('+');
        } else {
            let octets = super::transfer::base64(&bytes[at..at + run], usize::MAX);
            let units = octets
                .chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            for unit in char::decode_utf16(units) {
                clean &= unit.is_ok();
                out.push(unit.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        at += run + usize::from(bytes.get(at + run) == Some(&b'-'));
    }
    (out, clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(label: Option<&str>, bytes: &[u8], text: &str, clean: bool) {
        assert_eq!(
            decode(label, bytes),
            (text.to_owned(), clean),
            "{label:?} {bytes:?}"
        );
    }

    #[test]
    fn labels_and_guesses() {
        check(None, b"plain", "plain", true);
        check(None, "caffè".as_bytes(), "caffè", false);
        check(Some("us-ascii"), b"caff\xe8", "caffè", false);
        check(Some("utf-8"), "caffè".as_bytes(), "caffè", true);
        check(Some("utf-8"), b"caff\xe8", "caff\u{fffd}", false);
        check(Some(" ISO-8859-1 "), b"caff\xe8", "caffè", true);
        check(Some("koi8-r"), b"\xf0\xd2\xc9\xd7\xc5\xd4", "Привет", true);
        check(Some("iso-2022-jp"), b"\x1b$B$3$s\x1b(B", "こん", true);
        check(Some("gb2312"), b"\xc4\xe3\xba\xc3", "你好", true);
        check(Some("x-no-such"), b"abc", "abc", false);
        check(Some("utf-16"), b"\x00a\x00b", "ab", true);
        check(Some("utf-16"), b"a\x00b\x00", "ab", true);
        check(Some("utf-16"), b"\xfe\xff\x00a", "a", true);
    }

    #[test]
    fn utf7_runs() {
        check(Some("utf-7"), b"Hi Mom -+Jjo--!", "Hi Mom -☺-!", true);
        check(Some("utf-7"), b"1 +- 1 +ADw-script+AD4-", "1 + 1 <script>", true);
        check(Some("utf-7"), b"A+ImIDkQ.", "A≢Α.", true);
        check(Some("UTF-7"), b"+2AA-x", "\u{fffd}x", false);
    }

    #[test]
    fn known_labels() {
        for (label, known) in [
            ("utf-8", true),
            ("UTF-7", true),
            ("latin1", true),
            ("hz-gb-2312", false),
            ("x-q", false),
        ] {
            assert_eq!(is_known(label), known, "{label}");
        }
    }
}
