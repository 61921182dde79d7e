//! The header section (RFC 5322 §2.2): fields in order, folded values, encoded words (RFC 2047).
//!
//! Promises: one pass, linear in the header section; every slice points into the input; no panic. At most `fields_max` fields
//! are kept, the rest is only skipped. Trusts nothing: bare LF is read as a line end, a line that is no field is skipped.
//! Limits: [`TEXT_OCTETS_MAX`] for decoded text. Standards: RFC 5322 §2.2, §3.6, §4.5; RFC 2047.

use super::{Defect, Limits, encoded_word};
use memchr::memchr;

/// Longest result of [`Field::text`].
pub const TEXT_OCTETS_MAX: usize = 8 << 10;

/// Fields that may stand once: RFC 5322 §3.6 and the MIME fields of RFC 2045.
const SINGULAR: [&str; 17] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Subject",
    "Date",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-Disposition",
    "Content-ID",
    "Content-Description",
];

/// One field, pointing into the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Name without colon and trailing blanks, as written.
    pub name: &'a [u8],
    /// Value behind the colon, folds included, without the last line end.
    pub value: &'a [u8],
    /// The whole field with its line end.
    pub raw: &'a [u8],
}

/// The header section of a message or part.
#[derive(Clone, Debug)]
pub struct Header<'a> {
    /// In order of appearance.
    pub fields: Vec<Field<'a>>,
    /// Where the body begins, counted from the start of what was parsed.
    pub body_offset: usize,
    /// What was wrong.
    pub defects: Vec<Defect>,
    /// Fields before the first line that is no field; None when there is no such line. Some readers end the header section there.
    pub fields_before_bad: Option<usize>,
}

impl<'a> Header<'a> {
    /// Reads the header section at the start of `raw`. Tolerates bare LF. The separator is the first empty line; without one
    /// the body begins at the first line that is not a field. A byte order mark before the first field is skipped.
    pub fn parse(raw: &'a [u8], limits: &Limits) -> Self {
        Self::parse_until(raw, limits, |_, _| false)
    }

    /// As [`Header::parse`], but ends before a line that begins with `--` and for which `stop` says true, given the fields
    /// before it (a boundary of an enclosing multipart, or the part's own).
    pub fn parse_until(
        raw: &'a [u8],
        limits: &Limits,
        stop: impl FnMut(&[Field<'a>], &[u8]) -> bool,
    ) -> Self {
        let mut reader = Reader::new(raw, limits.fields_max);
        let separated = reader.read(stop);
        if !separated {
            reader.defects |= 1 << Defect::NoSeparator as u32;
        }
        let body_offset = match reader.first_bad {
            Some(bad) if !separated => bad,
            _ => reader.at,
        };
        let defects = FORM_DEFECTS
            .into_iter()
            .filter(|&d| reader.defects & 1 << d as u32 != 0)
            .collect();
        Self {
            fields_before_bad: reader.first_bad.map(|_| reader.fields_before_bad),
            fields: reader.fields,
            body_offset,
            defects,
        }
    }

    /// All fields of that name, case-insensitively, in order.
    pub fn all<'b>(&'b self, name: &'b str) -> impl DoubleEndedIterator<Item = &'b Field<'a>> + 'b {
        self.fields
            .iter()
            .filter(move |field| field.name.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// The first field of that name.
    pub fn first(&self, name: &str) -> Option<&Field<'a>> {
        self.fields
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(name.as_bytes()))
    }
}

impl Field<'_> {
    /// The value unfolded, encoded words decoded, controls replaced by blanks, trimmed; at most 8 KiB. For subjects and names.
    pub fn text(&self) -> String {
        encoded_word::decode(self.value, TEXT_OCTETS_MAX)
    }
}

/// The defects a header section can have.
const FORM_DEFECTS: [Defect; 4] = [
    Defect::TooManyFields,
    Defect::BadField,
    Defect::NoSeparator,
    Defect::DuplicateField,
];

/// Reads lines into fields.
struct Reader<'a> {
    raw: &'a [u8],
    fields: Vec<Field<'a>>,
    fields_max: usize,
    at: usize,
    /// Start and name length of the field whose lines are being read, and where its colon stands.
    open: Option<(usize, usize, usize)>,
    first_bad: Option<usize>,
    fields_before_bad: usize,
    seen: u32,
    defects: u32,
}

impl<'a> Reader<'a> {
    fn new(raw: &'a [u8], fields_max: usize) -> Self {
        let mut reader = Self {
            raw,
            fields: Vec::new(),
            fields_max,
            at: 0,
            open: None,
            first_bad: None,
            fields_before_bad: 0,
            seen: 0,
            defects: 0,
        };
        if raw.starts_with(b"\xef\xbb\xbf") {
            reader.at = 3;
            reader.defects |= 1 << Defect::BadField as u32;
        }
        reader
    }

    /// True when an empty line was met.
    fn read(&mut self, mut stop: impl FnMut(&[Field<'a>], &[u8]) -> bool) -> bool {
        let raw = self.raw;
        while self.at < raw.len() {
            let rest = &raw[self.at..];
            let line = &rest[..memchr(b'\n', rest).map_or(rest.len(), |lf| lf + 1)];
            match line[0] {
                b'\n' => return self.end(1),
                b'\r' if line.len() == 2 => return self.end(2),
                b' ' | b'\t' if self.open.is_some() => {}
                // The continuation of a line that was no field; at the very start, a field without a name.
                b' ' | b'\t' => self.bad_line(),
                b'-' if line.starts_with(b"--") => {
                    self.close();
                    if stop(&self.fields, line) {
                        return false;
                    }
                    self.begin(line);
                }
                _ => self.begin(line),
            }
            self.at += line.len();
        }
        self.close();
        false
    }

    fn end(&mut self, separator: usize) -> bool {
        self.close();
        self.at += separator;
        true
    }

    fn begin(&mut self, line: &[u8]) {
        self.close();
        let colon = memchr(b':', line).unwrap_or(0);
        let name = line[..colon].trim_ascii_end();
        if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
            return self.bad_line();
        }
        self.open = Some((self.at, name.len(), colon));
    }

    fn bad_line(&mut self) {
        self.defects |= 1 << Defect::BadField as u32;
        if self.first_bad.is_none() {
            (self.first_bad, self.fields_before_bad) = (Some(self.at), self.fields.len());
        }
    }

    /// Keeps the open field, which ends where the reader stands.
    fn close(&mut self) {
        let Some((start, name_length, colon)) = self.open.take() else {
            return;
        };
        if self.fields.len() >= self.fields_max {
            self.defects |= 1 << Defect::TooManyFields as u32;
            return;
        }
        let raw = &self.raw[start..self.at];
        let name = &raw[..name_length];
        let value = &raw[colon + 1..];
        let value = value
            .strip_suffix(b"\n")
            .map_or(value, |v| v.strip_suffix(b"\r").unwrap_or(v));
        if let Some(index) = SINGULAR
            .iter()
            .position(|s| name.eq_ignore_ascii_case(s.as_bytes()))
        {
            if self.seen & 1 << index != 0 {
                self.defects |= 1 << Defect::DuplicateField as u32;
            }
            self.seen |= 1 << index;
        }
        self.fields.push(Field { name, value, raw });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, fields: &[(&str, &str)], body: &str, defects: &[Defect]) {
        let header = Header::parse(raw.as_bytes(), &Limits::default());
        let found: Vec<_> = header
            .fields
            .iter()
            .map(|f| {
                (
                    String::from_utf8_lossy(f.name).into_owned(),
                    String::from_utf8_lossy(f.value).into_owned(),
                )
            })
            .collect();
        let expected: Vec<_> = fields
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        assert_eq!(found, expected, "{raw:?}");
        assert_eq!(&raw[header.body_offset..], body, "{raw:?}");
        assert_eq!(header.defects, defects, "{raw:?}");
    }

    #[test]
    fn forms() {
        use Defect::{BadField, DuplicateField, NoSeparator};
        check("A: b\r\nC:d\r\n\r\nbody", &[("A", " b"), ("C", "d")], "body", &[]);
        check("A: b\n\nbody", &[("A", " b")], "body", &[]);
        check("A: b\r\n\tc\r\n d\r\n\r\n", &[("A", " b\r\n\tc\r\n d")], "", &[]);
        check("A \t: b\r\n\r\n", &[("A", " b")], "", &[]);
        check("A:\r\n \r\nB: c\r\n\r\n", &[("A", "\r\n "), ("B", " c")], "", &[]);
        check("\r\nbody", &[], "body", &[]);
        check("", &[], "", &[NoSeparator]);
        check("A: b", &[("A", " b")], "", &[NoSeparator]);
        check(
            "A: b\r\ntext\r\nmore: text\r\n",
            &[("A", " b"), ("more", " text")],
            "text\r\nmore: text\r\n",
            &[BadField, NoSeparator],
        );
        check(
            "From x Mon Jan 1 10:00:00\r\n >y\r\nA: b\r\n\r\n",
            &[("A", " b")],
            "",
            &[BadField],
        );
        check("\u{feff}From: a@b\r\n\r\n", &[("From", " a@b")], "", &[BadField]);
        check(
            "From: a\r\nfrom : b\r\n\r\n",
            &[("From", " a"), ("from", " b")],
            "",
            &[DuplicateField],
        );
        check("X: a\r\nX: b\r\n\r\n", &[("X", " a"), ("X", " b")], "", &[]);
        check(": a\r\nB c: d\r\nE\u{e8}: f\r\n\r\n", &[], "", &[BadField]);
        check("__proto__: a\r\n\r\n", &[("__proto__", " a")], "", &[]);
    }

    #[test]
    fn where_other_readers_may_end() {
        let check = |raw: &str, expected: Option<usize>| {
            let header = Header::parse(raw.as_bytes(), &Limits::default());
            assert_eq!(header.fields_before_bad, expected, "{raw:?}");
        };
        check("A: b\r\n c\r\nD: e\r\n\r\nno field", None);
        check("no field\r\nA: b\r\n\r\n", Some(0));
        check("A: b\r\nC: d\r\nno field\r\nE: f\r\nagain\r\n\r\n", Some(2));
        check("A: b\r\n: no name\r\n x\r\nE: f\r\n\r\n", Some(1));
        check("A: b\r\n--x\r\nE: f\r\n\r\n", Some(1));
    }

    #[test]
    fn bounded() {
        let raw = "X: y\r\n".repeat(50_000) + "\r\nbody";
        let header = Header::parse(raw.as_bytes(), &Limits::default());
        assert_eq!(header.fields.len(), 2_000);
        assert_eq!(header.defects, [Defect::TooManyFields]);
        assert_eq!(&raw[header.body_offset..], "body");
        let raw = "X: y\r\n".to_owned() + &" z\r\n".repeat(40_000) + "\r\nbody";
        let header = Header::parse(raw.as_bytes(), &Limits::default());
        assert_eq!(header.fields.len(), 1);
        assert_eq!(header.fields[0].text().len(), TEXT_OCTETS_MAX - 1);
    }

    #[test]
    fn stops_at_a_boundary() {
        let raw = b"A: b\r\n--no\r\n--x\r\nC: d\r\n\r\n";
        let header = Header::parse_until(raw, &Limits::default(), |_, line| line == b"--x\r\n");
        assert_eq!((header.fields.len(), header.body_offset), (1, 6));
        let header = Header::parse_until(b"A: b\r\n--x\r\n", &Limits::default(), |_, _| true);
        assert_eq!((header.fields.len(), header.body_offset), (1, 6));
        assert_eq!(header.defects, [Defect::NoSeparator]);
    }
}
