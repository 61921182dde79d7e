//! Message data between 354 and the final dot: one strict reader for accepting and discarding, and one writer for sending
//! (RFC 5321 §4.5.2, §4.1.1.4). The only end of data is CRLF.CRLF.
//!
//! Promises: the result does not depend on how the stream is cut into pieces; an unacceptable message is read to the same
//! strict end as a good one, so nothing of it can become a command; appends at most `size_octets_max`.

use memchr::{memchr, memchr2, memchr3};

/// Bounds of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataLimits {
    /// Octets of the message, dot-stuffing removed.
    pub size_octets_max: u64,
    /// Octets of a line without CRLF; RFC 5321 §4.5.3.1.6 says 998.
    pub line_octets_max: usize,
}

/// What makes a message unacceptable. It is remembered, the data is read to its strict end, then the refusal is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataDefect {
    /// LF without CR before it.
    #[error("a bare LF in the message")]
    BareLf,
    /// CR without LF behind it.
    #[error("a bare CR in the message")]
    BareCr,
    /// An octet 0.
    #[error("a NUL in the message")]
    Nul,
    /// Over `line_octets_max`.
    #[error("a line is too long")]
    LineTooLong,
    /// Over `size_octets_max`.
    #[error("the message is too big")]
    TooBig,
}

/// Result of one [`DataReader::feed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fed {
    /// Octets of the input used. When `done`, what follows belongs to the next command.
    pub consumed: usize,
    /// CRLF.CRLF was seen.
    pub done: bool,
}

/// Reads DATA: removes dot-stuffing, checks lines, finds the end. Appends nothing more once a defect is known.
#[derive(Debug)]
pub struct DataReader {
    checker: Checker,
    place: Place,
}

/// Where in the stream the next octet stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Behind a CRLF, or at the start of the message.
    LineStart,
    /// Behind the dot that starts a line.
    Dot,
    /// Behind dot and CR at the start of a line.
    DotCr,
    /// Inside a line.
    Line,
    /// Behind a CR inside a line, not appended yet.
    Cr,
    /// Behind CRLF.CRLF.
    End,
}

impl DataReader {
    /// A reader at the start of a message (behind the CRLF of the DATA command).
    pub fn new(limits: DataLimits) -> Self {
        Self {
            checker: Checker::new(limits),
            place: Place::LineStart,
        }
    }

    /// Takes the next octets of the stream; appends message octets to `message`. After `done` it takes nothing more.
    pub fn feed(&mut self, input: &[u8], message: &mut Vec<u8>) -> Fed {
        let mut at = 0;
        while at < input.len() && self.place != Place::End {
            at += match self.place {
                Place::LineStart if input[at] == b'.' => {
                    self.place = Place::Dot;
                    1
                }
                Place::LineStart | Place::Line => {
                    let run = self.checker.lines(&input[at..], message, Some(b'.'));
                    self.place = run.place();
                    run.used
                }
                Place::Dot if input[at] == b'\r' => {
                    self.place = Place::DotCr;
                    1
                }
                Place::Dot => {
                    self.place = Place::Line;
                    0
                }
                Place::DotCr if input[at] == b'\n' => {
                    self.place = Place::End;
                    1
                }
                Place::DotCr | Place::Cr => self.behind_cr(input[at], message),
                Place::End => 0,
            };
        }
        Fed {
            consumed: at,
            done: self.place == Place::End,
        }
    }

    /// The octet behind a CR: LF makes the line whole, anything else shows that the CR was bare.
    fn behind_cr(&mut self, octet: u8, message: &mut Vec<u8>) -> usize {
        if octet == b'\n' {
            self.checker.line_end(message);
            self.place = Place::LineStart;
            return 1;
        }
        self.checker.note(DataDefect::BareCr);
        self.place = if octet == b'\r' { Place::Cr } else { Place::Line };
        1
    }

    /// The first defect found, if any.
    pub fn defect(&self) -> Option<DataDefect> {
        self.checker.defect
    }
}

/// The same line checks for BDAT chunks (RFC 3030), which have no dots: call for each chunk, then [`ChunkChecker::finish`].
#[derive(Debug)]
pub struct ChunkChecker {
    checker: Checker,
    after_cr: bool,
}

impl ChunkChecker {
    /// A checker at the start of a message.
    pub fn new(limits: DataLimits) -> Self {
        Self {
            checker: Checker::new(limits),
            after_cr: false,
        }
    }

    /// Checks the octets; appends them to `message` unless a defect is known. A CR is appended with its LF.
    pub fn feed(&mut self, input: &[u8], message: &mut Vec<u8>) {
        let mut at = 0;
        // Unlike DATA there is no end to look for, so the rest of a bad message need not be read.
        while at < input.len() && self.checker.defect.is_none() {
            if !self.after_cr {
                let run = self.checker.lines(&input[at..], message, None);
                self.after_cr = run.stop == Stop::Cr;
                at += run.used;
            } else if input[at] == b'\n' {
                self.checker.line_end(message);
                self.after_cr = false;
                at += 1;
            } else {
                self.checker.note(DataDefect::BareCr);
            }
        }
    }

    /// The first defect found so far.
    pub fn defect(&self) -> Option<DataDefect> {
        self.checker.defect
    }

    /// The first defect found; a message whose last line has no CRLF gets one appended.
    pub fn finish(mut self, message: &mut Vec<u8>) -> Option<DataDefect> {
        if self.after_cr {
            self.checker.note(DataDefect::BareCr);
        }
        if self.checker.line_octets > 0 {
            self.checker.line_end(message);
        }
        self.checker.defect
    }
}

/// Counts and checks lines; shared by both ways of transfer.
#[derive(Debug)]
struct Checker {
    limits: DataLimits,
    /// Octets appended so far.
    size_octets: u64,
    /// Octets of the current line so far.
    line_octets: usize,
    defect: Option<DataDefect>,
}

/// Why [`Checker::lines`] stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// At the start of a line, before the octet to stop at or at the end of the input.
    LineStart,
    /// At the end of the input, inside a line.
    InLine,
    /// Behind a CR that is the last octet of the input or is bare.
    Cr,
}

struct Run {
    used: usize,
    stop: Stop,
}

impl Run {
    fn place(&self) -> Place {
        match self.stop {
            Stop::LineStart => Place::LineStart,
            Stop::InLine => Place::Line,
            Stop::Cr => Place::Cr,
        }
    }
}

impl Checker {
    fn new(limits: DataLimits) -> Self {
        Self {
            limits,
            size_octets: 0,
            line_octets: 0,
            defect: None,
        }
    }

    /// Only the first defect counts: it is the one whose cause the sender can see.
    fn note(&mut self, defect: DataDefect) {
        self.defect.get_or_insert(defect);
    }

    /// Takes whole lines and the start of the last one; stops in front of a line that starts with `stop_octet` (but for the
    /// first, which may be the rest of a line). The octets go to `message` in as few copies as there are stops.
    fn lines(&mut self, input: &[u8], message: &mut Vec<u8>, stop_octet: Option<u8>) -> Run {
        if self.defect.is_some() {
            return skip_lines(input, stop_octet);
        }
        let mut at = 0;
        loop {
            let rest = &input[at..];
            let Some(length) = memchr3(b'\r', b'\n', 0, rest) else {
                let fit = self.count(rest.len());
                message.extend_from_slice(&input[..at + fit]);
                return Run {
                    used: input.len(),
                    stop: Stop::InLine,
                };
            };
            let fit = self.count(length);
            let (end, next) = (at + length, at + length + 2);
            if self.defect.is_some() {
                message.extend_from_slice(&input[..at + fit]);
                return skip_lines_from(input, end, stop_octet);
            }
            if input[end] != b'\r' {
                message.extend_from_slice(&input[..end]);
                self.note(if input[end] == 0 {
                    DataDefect::Nul
                } else {
                    DataDefect::BareLf
                });
                return skip_lines_from(input, end, stop_octet);
            }
            if input.get(end + 1) != Some(&b'\n') || !self.count_line_end() {
                message.extend_from_slice(&input[..end]);
                return Run {
                    used: end + 1,
                    stop: Stop::Cr,
                };
            }
            at = next;
            if input.get(at).is_none_or(|octet| Some(*octet) == stop_octet) {
                message.extend_from_slice(&input[..at]);
                return Run {
                    used: at,
                    stop: Stop::LineStart,
                };
            }
        }
    }

    /// Counts octets of a line; returns how many of them fit, and notes the limit that the next one broke.
    fn count(&mut self, octets: usize) -> usize {
        let line_left = self.limits.line_octets_max.saturating_sub(self.line_octets);
        let size_left = self.limits.size_octets_max.saturating_sub(self.size_octets);
        let size_left = usize::try_from(size_left).unwrap_or(usize::MAX);
        let fit = octets.min(line_left).min(size_left);
        if fit < octets {
            self.note(if fit == size_left {
                DataDefect::TooBig
            } else {
                DataDefect::LineTooLong
            });
        }
        self.line_octets += fit;
        self.size_octets += fit as u64;
        fit
    }

    /// Counts a CRLF; false when it does not fit.
    fn count_line_end(&mut self) -> bool {
        let fits = self.size_octets.saturating_add(2) <= self.limits.size_octets_max;
        if fits {
            self.size_octets += 2;
            self.line_octets = 0;
        } else {
            self.note(DataDefect::TooBig);
        }
        fits
    }

    fn line_end(&mut self, message: &mut Vec<u8>) {
        if self.defect.is_none() && self.count_line_end() {
            message.extend_from_slice(b"\r\n");
        }
    }
}

/// [`Checker::lines`] without checks or copies: only CRLF followed by `stop_octet` and the end of the input stop it.
fn skip_lines(input: &[u8], stop_octet: Option<u8>) -> Run {
    let mut at = 0;
    while let Some(length) = memchr(b'\r', &input[at..]) {
        at += length + 1;
        match input.get(at) {
            None => {
                return Run {
                    used: at,
                    stop: Stop::Cr,
                };
            }
            Some(b'\n') => {
                at += 1;
                if input.get(at).is_none_or(|octet| Some(*octet) == stop_octet) {
                    return Run {
                        used: at,
                        stop: Stop::LineStart,
                    };
                }
            }
            Some(_) => {}
        }
    }
    Run {
        used: input.len(),
        stop: Stop::InLine,
    }
}

fn skip_lines_from(input: &[u8], from: usize, stop_octet: Option<u8>) -> Run {
    let run = skip_lines(&input[from..], stop_octet);
    Run {
        used: from + run.used,
        stop: run.stop,
    }
}

/// Appends `message` to `out` dot-stuffed and ended by CRLF.CRLF; adds the last CRLF if it is missing. A bare CR or LF, which
/// no accepted message has, goes out as CRLF: what leaves has one reading only.
pub fn write_data(message: &[u8], out: &mut Vec<u8>) {
    out.reserve(message.len() + message.len() / 64 + 8);
    let mut copied = 0;
    let mut at = 0;
    while at < message.len() {
        if message[at] == b'.' {
            out.extend_from_slice(&message[copied..at]);
            out.push(b'.');
            copied = at;
        }
        let Some(length) = memchr2(b'\r', b'\n', &message[at..]) else {
            break;
        };
        let end = at + length;
        if message[end..].starts_with(b"\r\n") {
            at = end + 2;
            continue;
        }
        out.extend_from_slice(&message[copied..end]);
        out.extend_from_slice(b"\r\n");
        at = end + 1;
        copied = at;
    }
    out.extend_from_slice(&message[copied..]);
    if !message.is_empty() && !message.ends_with(b"\n") && !message.ends_with(b"\r") {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: DataLimits = DataLimits {
        size_octets_max: 200,
        line_octets_max: 20,
    };

    /// Feeds `stream` whole and split at every two places; expects the same each time.
    fn check(stream: &[u8], consumed: usize, done: bool, defect: Option<DataDefect>, message: &[u8]) {
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let mut reader = DataReader::new(LIMITS);
                let (mut out, mut used, mut ended) = (Vec::new(), 0, false);
                for piece in [&stream[..first], &stream[first..second], &stream[second..]] {
                    let fed = reader.feed(piece, &mut out);
                    used += fed.consumed;
                    ended = fed.done;
                    assert!(ended || fed.consumed == piece.len());
                }
                let shown = format!("{} at {first}, {second}", stream.escape_ascii());
                assert_eq!(
                    (used, ended, reader.defect()),
                    (consumed, done, defect),
                    "{shown}"
                );
                assert_eq!(
                    out.escape_ascii().to_string(),
                    message.escape_ascii().to_string(),
                    "{shown}"
                );
            }
        }
    }

    #[test]
    fn good_messages() {
        for (stream, message) in [
            (&b".\r\n"[..], &b""[..]),
            (b"a\r\n.\r\n", b"a\r\n"),
            (b"\r\n.\r\n", b"\r\n"),
            (
                b"a\r\n\r\n..b\r\n...\r\n.c\r\n.\r\n",
                b"a\r\n\r\n.b\r\n..\r\nc\r\n",
            ),
            (
                b"12345678901234567890\r\n.12345678901234567890\r\n.\r\n",
                b"12345678901234567890\r\n12345678901234567890\r\n",
            ),
            (b"\xff\xc3\r\n.\r\n", b"\xff\xc3\r\n"),
        ] {
            check(stream, stream.len(), true, None, message);
        }
        check(b"a\r\n.\r\nQUIT\r\n", 6, true, None, b"a\r\n");
        check(b".\r\n.\r\n", 3, true, None, b"");
        check(b"a\r\n.", 4, false, None, b"a\r\n");
        check(b"a\r\n.\r", 5, false, None, b"a\r\n");
        check(b"a\r", 2, false, None, b"a");
    }

    #[test]
    fn smuggling_forms_end_nothing() {
        use DataDefect::{BareCr, BareLf, Nul};
        for (form, defect, kept) in [
            (&b"\n.\n"[..], BareLf, &b"a"[..]),
            (b"\n.\r\n", BareLf, b"a"),
            (b"\r\n.\n", BareLf, b"a\r\n"),
            (b"\r.\r", BareCr, b"a"),
            (b"\r.\r\n", BareCr, b"a"),
            (b"\r\n.\r", BareCr, b"a\r\n"),
            (b"\r.\n", BareCr, b"a"),
            (b"\n.\r", BareLf, b"a"),
            (b"\r\n.\r\r\n", BareCr, b"a\r\n"),
            (b"\r\n\0.\r\n", Nul, b"a\r\n"),
            (b"\r\n.\0\r\n", Nul, b"a\r\n"),
            (b"\r\n.\r\0\n", BareCr, b"a\r\n"),
        ] {
            let stream = [b"a", form, b"MAIL FROM:<x@y>\r\n.\r\n"].concat();
            check(&stream, stream.len(), true, Some(defect), kept);
        }
    }

    #[test]
    fn limits_are_kept_and_the_end_is_still_found() {
        let long = b"123456789012345678901\r\nb\r\n.\r\nRSET\r\n";
        check(
            long,
            long.len() - 6,
            true,
            Some(DataDefect::LineTooLong),
            b"12345678901234567890",
        );
        let long = b"123456789012345678901\n.\r\n.\rx\r\n.\r\n";
        check(
            long,
            long.len(),
            true,
            Some(DataDefect::LineTooLong),
            b"12345678901234567890",
        );
        let line = b"123456789012345678\r\n";
        let full = [line.repeat(10), b".\r\n".to_vec()].concat();
        check(&full, 203, true, None, &line.repeat(10));
        let over = [line.repeat(10), b"x\n.\n\r\n.\r\n".to_vec()].concat();
        check(
            &over,
            over.len(),
            true,
            Some(DataDefect::TooBig),
            &line.repeat(10),
        );
        let over = [line.repeat(9), b"1234567890123456789\r\n.\r\n".to_vec()].concat();
        check(&over, over.len(), true, Some(DataDefect::TooBig), &over[..199]);
    }

    fn check_chunks(chunks: &[&[u8]], defect: Option<DataDefect>, message: &[u8]) {
        let mut checker = ChunkChecker::new(LIMITS);
        let mut out = Vec::new();
        for chunk in chunks {
            checker.feed(chunk, &mut out);
        }
        assert_eq!(checker.finish(&mut out), defect, "{chunks:?}");
        assert_eq!(out, message, "{chunks:?}");
    }

    #[test]
    fn chunks() {
        check_chunks(&[], None, b"");
        check_chunks(&[b"a\r\n.\r\nb"], None, b"a\r\n.\r\nb\r\n");
        check_chunks(&[b"a\r", b"\nb\r\n"], None, b"a\r\nb\r\n");
        check_chunks(&[b"a\r"], Some(DataDefect::BareCr), b"a");
        check_chunks(&[b"a\r", b"b\r\n"], Some(DataDefect::BareCr), b"a");
        check_chunks(&[b"a\r\n", b"\nb"], Some(DataDefect::BareLf), b"a\r\n");
        check_chunks(&[b"a\nb\r\n"], Some(DataDefect::BareLf), b"a");
        check_chunks(&[b"\0"], Some(DataDefect::Nul), b"");
        check_chunks(
            &[&[b'x'; 10], &[b'x'; 11]],
            Some(DataDefect::LineTooLong),
            &[b'x'; 20],
        );
        check_chunks(
            &[&b"12345678\r\n".repeat(20), b"x"],
            Some(DataDefect::TooBig),
            &b"12345678\r\n".repeat(20),
        );
    }

    #[test]
    fn writing() {
        for (message, written) in [
            (&b""[..], &b".\r\n"[..]),
            (b"a\r\n", b"a\r\n.\r\n"),
            (b"a", b"a\r\n.\r\n"),
            (b".\r\n..\r\na.\r\n.b", b"..\r\n...\r\na.\r\n..b\r\n.\r\n"),
            (
                b"H: x\r\n.hidden: y\r\n\r\n.\r\n",
                b"H: x\r\n..hidden: y\r\n\r\n..\r\n.\r\n",
            ),
            (b"a\n.\nb\r.\rc", b"a\r\n..\r\nb\r\n..\r\nc\r\n.\r\n"),
            (b"a\r\r\n\n", b"a\r\n\r\n\r\n.\r\n"),
            (b"a\n", b"a\r\n.\r\n"),
            (b"a\r", b"a\r\n.\r\n"),
        ] {
            let mut out = Vec::new();
            write_data(message, &mut out);
            assert_eq!(out.escape_ascii().to_string(), written.escape_ascii().to_string());
        }
    }
}
