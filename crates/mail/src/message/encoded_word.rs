//! Encoded words (RFC 2047) in header text, read as leniently as mail readers do.
//!
//! Promises: linear time, bounded output, no control characters in it, no panic. Neighbouring words of one charset are joined
//! before decoding, so that a character cut in two comes out whole. Trusts nothing.
//! Standards: RFC 2047, RFC 2231 §5 (language suffix).

use super::{charset, transfer};
use memchr::{memchr, memmem};

/// Longest charset name with language that is looked at.
const CHARSET_OCTETS_MAX: usize = 64;

/// The value unfolded and decoded, controls replaced by blanks, trimmed, at most `octets_max` of UTF-8.
pub fn decode(value: &[u8], octets_max: usize) -> String {
    decode_into(
        value,
        Text {
            out: String::new(),
            octets_max,
            drop_controls: false,
        },
    )
}

/// The same for file names, where controls are left out: `evil.e\0xe` is `evil.exe` to a file system.
pub fn decode_name(value: &[u8], octets_max: usize) -> String {
    decode_into(
        value,
        Text {
            out: String::new(),
            octets_max,
            drop_controls: true,
        },
    )
}

fn decode_into(value: &[u8], mut text: Text) -> String {
    let mut run: Option<Run<'_>> = None;
    // `plain` is where the text not yet written begins, `from` where the next word is looked for.
    let (mut plain, mut from) = (0, 0);
    while let Some(found) = memmem::find(&value[from..], b"=?") {
        let start = from + found;
        let Some(word) = Word::parse(&value[start..]) else {
            from = start + 2;
            continue;
        };
        let gap = &value[plain..start];
        let joined = run.is_some() && gap.trim_ascii().is_empty();
        if !joined {
            text.flush(run.take());
            text.push_raw(gap);
        }
        match &mut run {
            Some(open) if open.charset.eq_ignore_ascii_case(word.charset) => {
                open.octets.extend_from_slice(&word.octets)
            }
            _ => {
                text.flush(run.take());
                run = Some(Run {
                    charset: word.charset,
                    octets: word.octets,
                });
            }
        }
        if text.is_full(&run) {
            break;
        }
        plain = start + word.length;
        from = plain;
    }
    let full = text.is_full(&run);
    text.flush(run);
    if !full {
        text.push_raw(&value[plain..]);
    }
    text.finish()
}

/// One encoded word.
struct Word<'a> {
    charset: &'a [u8],
    octets: Vec<u8>,
    length: usize,
}

/// Neighbouring words of one charset.
struct Run<'a> {
    charset: &'a [u8],
    octets: Vec<u8>,
}

impl<'a> Word<'a> {
    /// At `=?`. Reads each octet of the input at most twice over all calls: it stops where another word may begin.
    fn parse(raw: &'a [u8]) -> Option<Self> {
        let head = &raw[2..raw.len().min(2 + CHARSET_OCTETS_MAX)];
        let charset_end = 2 + memchr(b'?', head)?;
        let charset = &raw[2..charset_end];
        if charset.is_empty() || !charset.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let base64 = match raw.get(charset_end + 1)? {
            b'b' | b'B' => true,
            b'q' | b'Q' => false,
            _ => return None,
        };
        if raw.get(charset_end + 2) != Some(&b'?') {
            return None;
        }
        let start = charset_end + 3;
        let end = Self::text_end(raw, start, base64)?;
        let text = &raw[start..end];
        let octets = if base64 {
            transfer::base64(text, usize::MAX)
        } else {
            q_encoding(text)
        };
        let charset = charset.split(|&b| b == b'*').next().unwrap_or(charset);
        Some(Self {
            charset,
            octets,
            length: end + 2,
        })
    }

    /// Where `?=` stands. A lone `?` is an error in base64 and tolerated in Q, unless it begins the next word.
    fn text_end(raw: &[u8], start: usize, base64: bool) -> Option<usize> {
        let mut at = start;
        loop {
            at += memchr(b'?', &raw[at..])?;
            if raw.get(at + 1) == Some(&b'=') {
                return Some(at);
            }
            if base64 || (at > start && raw[at - 1] == b'=') {
                return None;
            }
            at += 1;
        }
    }
}

fn q_encoding(text: &[u8]) -> Vec<u8> {
    let blanks: Vec<u8> = text
        .iter()
        .filter(|b| !matches!(b, b'\r' | b'\n'))
        .map(|&b| if b == b'_' { b' ' } else { b })
        .collect();
    let mut out = Vec::with_capacity(blanks.len());
    transfer::escapes(&blanks, &mut out);
    out
}

/// The text as it grows.
struct Text {
    out: String,
    octets_max: usize,
    drop_controls: bool,
}

impl Text {
    fn is_full(&self, run: &Option<Run<'_>>) -> bool {
        // A charset may shrink to half an octet of UTF-8 for one of input (UTF-16), not to less.
        self.out.len() + run.as_ref().map_or(0, |run| run.octets.len() / 4) >= self.octets_max
    }

    fn flush(&mut self, run: Option<Run<'_>>) {
        if let Some(run) = run {
            let label = String::from_utf8_lossy(run.charset);
            self.push_str(&charset::decode(Some(&label), &run.octets).0);
        }
    }

    /// Octets between the words: unfolded, UTF-8 or windows-1252.
    fn push_raw(&mut self, raw: &[u8]) {
        let raw = &raw[..raw.len().min(4 * self.octets_max)];
        let unfolded: Vec<u8>;
        let line = if memchr(b'\n', raw).is_some() {
            unfolded = unfold(raw);
            &unfolded
        } else {
            raw
        };
        match std::str::from_utf8(line) {
            Ok(text) => self.push_str(text),
            Err(_) => self.push_str(&charset::decode(None, line).0),
        }
    }

    fn push_str(&mut self, text: &str) {
        for c in text.chars() {
            if self.out.len() + c.len_utf8() > self.octets_max {
                return;
            }
            // Controls, and what turns the direction of text or breaks lines without looking so.
            let hidden = !crate::address::is_showable(c);
            if self.drop_controls && matches!(c, '\u{202d}' | '\u{202e}') {
                // Evidence of a disguise.
                self.out.push(c);
                continue;
            }
            if self.drop_controls && hidden {
                continue;
            }
            let blank = hidden || c == ' ';
            if !(blank && self.out.is_empty()) {
                self.out.push(if blank { ' ' } else { c });
            }
        }
    }

    fn finish(mut self) -> String {
        self.out.truncate(self.out.trim_end().len());
        self.out
    }
}

/// Line ends taken out (RFC 5322 §2.2.3); the blank that follows each stays.
pub fn unfold(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    for line in raw.split(|&b| b == b'\n') {
        out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::decode;

    fn check(raw: &str, text: &str) {
        assert_eq!(decode(raw.as_bytes(), 100), text, "{raw}");
    }

    #[test]
    fn examples_of_rfc_2047() {
        check("=?ISO-8859-1?Q?a?= b", "a b");
        check("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab");
        check("=?ISO-8859-1?Q?a?=  \r\n  =?ISO-8859-1?Q?b?=", "ab");
        check("=?ISO-8859-1?Q?a_b?=", "a b");
        check("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b");
        check("=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld Jørn Simonsen");
        check(
            "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=",
            "If you can read this yo",
        );
    }

    #[test]
    fn what_mail_readers_do() {
        check("=?utf-8?b?w?= =?utf-8?b?6g=?=", "\u{fffd}");
        check("=?utf-8?q?caff=C3?= =?UTF-8?q?=A8?=", "caffè");
        check("=?utf-8?b?Y2FmZsM=?=\r\n =?utf-8?b?qA==?=", "caffè");
        check("=?utf-8?q?caff=C3?= =?UTF-8?b?qA==?=", "caffè");
        check("=?utf-8*en?q?plain?=", "plain");
        check("=?utf-8?q?with blank?=", "with blank");
        check("=?utf-8?q?what??=", "what?");
        check("pre=?utf-8?q?fix?=post", "prefixpost");
        check("a\r\n\tb", "a b");
        check("=?utf-8?q?a=0D=0ABcc:_b?=", "a  Bcc: b");
        check("=?utf-7?q?+ADw-b+AD4-?=", "<b>");
        check("=?x-none?q?abc?=", "abc");
        check("caff\u{e8}", "caffè");
    }

    #[test]
    fn not_words() {
        for raw in [
            "=?utf-8?q?open",
            "=?utf-8?x?a?=",
            "=?utf-8?q",
            "=??q?a?=",
            "=?utf-8?b?a?b?=",
            "=?",
            "a=?",
            "=?a b?q?c?=",
        ] {
            check(raw, raw);
        }
        check("=?utf-8?q?open =?utf-8?q?b?=", "=?utf-8?q?open b");
    }

    #[test]
    fn bounded() {
        assert_eq!(decode("ab".repeat(1000).as_bytes(), 7), "abababa");
        assert_eq!(decode("è".repeat(1000).as_bytes(), 7), "èèè");
        assert_eq!(decode(" ".repeat(1000).as_bytes(), 7), "");
        assert_eq!(
            decode("=?utf-8?q?ab?= ".repeat(100_000).as_bytes(), 8),
            "abababab"
        );
        assert_eq!(decode("=?utf-8?q?ab".repeat(100_000).as_bytes(), 8), "=?utf-8?");
    }
}
