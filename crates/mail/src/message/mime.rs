//! MIME structure (RFC 2045, RFC 2046, RFC 2231): a walk over all parts without recursion, lenient decoding.
//!
//! Promises: one pass over the message, linear in its size times at most `depth_max` for lines that begin with `--`; every
//! body points into the message; no panic. Where readers disagree, the reading that shows more is taken and a [`Defect`]
//! reported. Trusts nothing.
//!
//! A boundary line is exactly `--boundary` or `--boundary--` with blanks behind it (RFC 2046 §5.1.1); the innermost open
//! multipart is asked first. An encoded message/rfc822 is a leaf; walk its decoded body to look into it. Preamble and epilogue are not parts. A multipart whose boundary is missing or never found is
//! text. A uuencoded block inside a text is a part of its own below that text.
//!
//! Limits: [`Limits`], [`BOUNDARY_OCTETS_MAX`].

use super::parameter::Value;
use super::transfer::{self, Encoding};
use super::{Defect, Field, Header, Limits, charset};
use memchr::{memchr, memmem};
use std::borrow::Cow;

/// Longest boundary of RFC 2046 §5.1.1; a longer one works but is a defect.
pub const BOUNDARY_OCTETS_MAX: usize = 70;

/// Lines beginning with `--` that are compared with the boundary declared in the same header section.
const OWN_BOUNDARY_LINES_MAX: usize = 16;

/// What a part is when nobody says (RFC 2045 §5.2).
const DEFAULT_TYPE: &str = "text/plain";

/// One leaf or container of the tree, in document order.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// The part's own header section; empty for a uuencoded block.
    pub header: Header<'a>,
    /// 0 is the message itself.
    pub depth: usize,
    /// `text/plain` when absent or unreadable; lower case.
    pub content_type: String,
    /// charset parameter, lower case.
    pub charset: Option<String>,
    /// `attachment`, `inline`, ...; lower case.
    pub disposition: Option<String>,
    /// filename of Content-Disposition, else name of Content-Type; RFC 2231 and RFC 2047 decoded, controls removed, at most
    /// 255 characters (of a longer one the end).
    pub filename: Option<String>,
    /// The body still encoded.
    pub body: &'a [u8],
    /// Transfer encoding, lower case; `7bit` when absent.
    pub encoding: String,
    /// True for multipart/* and message/rfc822 whose parts follow.
    pub container: bool,
}

/// All parts of a message.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    /// In document order; the first is the message itself.
    pub parts: Vec<Part<'a>>,
    /// What was wrong anywhere; sorted, unique.
    pub defects: Vec<Defect>,
}

impl<'a> Parts<'a> {
    /// Walks the message within the limits.
    pub fn walk(raw: &'a [u8], limits: &Limits) -> Self {
        let mut walk = Walk {
            raw,
            limits,
            parts: Vec::new(),
            open: Vec::new(),
            boundaries: 0,
            defects: Vec::new(),
        };
        walk.run();
        let Walk {
            parts, mut defects, ..
        } = walk;
        let parts = with_uuencoded(parts, limits, &mut defects);
        for part in parts.iter().filter(|part| !part.container) {
            leaf_defects(part, limits, &mut defects);
        }
        defects.sort_unstable();
        defects.dedup();
        Self { parts, defects }
    }
}

impl Part<'_> {
    /// The body with base64, quoted-printable or uuencode removed, leniently (foreign octets skipped), cut at the limit.
    pub fn decoded(&self, octets_max: usize) -> Cow<'_, [u8]> {
        match Encoding::from_name(&self.encoding) {
            Encoding::Base64 => transfer::base64(self.body, octets_max).into(),
            Encoding::QuotedPrintable => transfer::quoted_printable(self.body, octets_max).into(),
            Encoding::Uuencode => transfer::uuencode(self.body, octets_max).into(),
            Encoding::Identity | Encoding::Unknown => self.body[..self.body.len().min(octets_max)].into(),
        }
    }

    /// The decoded body as text by its charset (WHATWG labels), cut at the limit (in octets before the charset is decoded).
    pub fn text(&self, octets_max: usize) -> String {
        charset::decode(self.charset.as_deref(), &self.decoded(octets_max)).0
    }
}

/// A part whose end has not been met.
struct Open {
    part: usize,
    /// Empty for anything but a multipart, and behind its closing line.
    boundary: Vec<u8>,
    /// A line with the boundary was met.
    found: bool,
}

struct Walk<'a, 'l> {
    raw: &'a [u8],
    limits: &'l Limits,
    parts: Vec<Part<'a>>,
    /// Innermost last.
    open: Vec<Open>,
    /// Boundaries that count at the moment.
    boundaries: usize,
    defects: Vec<Defect>,
}

/// A boundary line.
struct Delimiter {
    /// Index into the open parts.
    open: usize,
    closing: bool,
    start: usize,
    end: usize,
}

impl<'a> Walk<'a, '_> {
    fn run(&mut self) {
        let delimiters = memmem::Finder::new(b"\n--");
        let mut at = self.open_part(0);
        while let Some(line) = self.next_delimiter(at, &delimiters) {
            self.close_parts(line.open + 1, line.start);
            self.open[line.open].found = true;
            at = line.end;
            if line.closing {
                self.open[line.open].boundary.clear();
                self.boundaries -= 1;
            } else if self.parts.len() >= self.limits.parts_max {
                self.defects.push(Defect::TooManyParts);
                break;
            } else {
                at = self.open_part(at);
            }
        }
        self.close_parts(0, self.raw.len());
    }

    /// Reads the header section of the part that begins at `start`, and those of the messages directly inside of it. Gives
    /// where to look for the next boundary.
    fn open_part(&mut self, start: usize) -> usize {
        let mut at = start;
        loop {
            let depth = self.open.len();
            let mut own_lines = 0;
            let header = Header::parse_until(&self.raw[at..], self.limits, |fields, line| {
                find_boundary(&self.open, line).is_some() || {
                    own_lines += 1;
                    own_lines <= OWN_BOUNDARY_LINES_MAX && is_own_boundary(fields, line)
                }
            });
            self.defects.extend_from_slice(&header.defects);
            let parent = self
                .open
                .last()
                .map(|open| self.parts[open.part].content_type.as_str());
            let default = if parent == Some("multipart/digest") {
                "message/rfc822"
            } else {
                DEFAULT_TYPE
            };
            at += header.body_offset;
            let (mut part, boundary) = read_part(header, depth, default, &self.raw[at..], &mut self.defects);
            if part.container && depth >= self.limits.depth_max {
                self.defects.push(Defect::TooDeep);
                part.container = false;
            }
            let boundary = if part.container { boundary } else { Vec::new() };
            let message = part.container && boundary.is_empty();
            self.boundaries += usize::from(!boundary.is_empty());
            self.open.push(Open {
                part: self.parts.len(),
                boundary,
                found: false,
            });
            self.parts.push(part);
            if !message {
                return at;
            }
            if self.parts.len() >= self.limits.parts_max {
                self.defects.push(Defect::TooManyParts);
                return at;
            }
        }
    }

    /// The next line from `from` (the start of a line) on that is a boundary of an open part.
    fn next_delimiter(&self, from: usize, delimiters: &memmem::Finder<'_>) -> Option<Delimiter> {
        if self.boundaries == 0 {
            return None;
        }
        let raw = self.raw;
        let mut start = if raw[from..].starts_with(b"--") {
            from
        } else {
            from + delimiters.find(&raw[from..])? + 1
        };
        loop {
            let line_end = memchr(b'\n', &raw[start..]).map_or(raw.len(), |lf| start + lf + 1);
            if let Some((open, closing)) = find_boundary(&self.open, &raw[start..line_end]) {
                return Some(Delimiter {
                    open,
                    closing,
                    start,
                    end: line_end,
                });
            }
            // From the line end itself on, which may begin the next match.
            start = line_end - 1 + delimiters.find(&raw[line_end - 1..])? + 1;
        }
    }

    /// Ends all open parts from index `keep` on before the boundary line at `end`; the line end before it belongs to it.
    fn close_parts(&mut self, keep: usize, end: usize) {
        while self.open.len() > keep
            && let Some(open) = self.open.pop()
        {
            self.boundaries -= usize::from(!open.boundary.is_empty());
            let part = &mut self.parts[open.part];
            // The body was set to everything up to the end of the message.
            let start = self.raw.len() - part.body.len();
            part.body = self.raw.get(start..end).unwrap_or_default();
            if end < self.raw.len()
                && let Some(text) = part.body.strip_suffix(b"\n")
            {
                part.body = text.strip_suffix(b"\r").unwrap_or(text);
            }
            if part.container && !open.found && part.content_type.starts_with("multipart/") {
                self.defects.push(Defect::BadBoundary);
                part.container = false;
                part.content_type = DEFAULT_TYPE.to_owned();
            }
        }
    }
}

/// The innermost open part whose boundary the line is, and whether it is the closing one.
fn find_boundary(open: &[Open], line: &[u8]) -> Option<(usize, bool)> {
    let text = line.trim_ascii_end().strip_prefix(b"--")?;
    let closing = text.strip_suffix(b"--");
    open.iter()
        .enumerate()
        .rev()
        .filter(|(_, part)| !part.boundary.is_empty())
        .find_map(|(index, part)| {
            if text == part.boundary {
                Some((index, false))
            } else {
                (closing == Some(&part.boundary)).then_some((index, true))
            }
        })
}

/// The boundary that the fields before the line declare: some readers let it end a header section without an empty line.
fn is_own_boundary(fields: &[Field<'_>], line: &[u8]) -> bool {
    let text = line.trim_ascii_end().strip_prefix(b"--").unwrap_or_default();
    let mut types = fields
        .iter()
        .filter(|field| field.name.eq_ignore_ascii_case(b"Content-Type"));
    !text.is_empty()
        && types.any(|field| {
            let value = Value::parse(field.value);
            value.token.starts_with("multipart/")
                && value.word("boundary").is_some_and(|boundary| *boundary == *text)
        })
}

/// The part as its header section describes it, and its boundary. `rest` is the message from the part's body on.
fn read_part<'a>(
    header: Header<'a>,
    depth: usize,
    default: &str,
    rest: &'a [u8],
    defects: &mut Vec<Defect>,
) -> (Part<'a>, Vec<u8>) {
    let kind = content_type(&header);
    let disposition = header
        .first("Content-Disposition")
        .map(|field| Value::parse(field.value));
    if kind.doubled || disposition.as_ref().is_some_and(|value| value.doubled) {
        defects.push(Defect::DuplicateField);
    }
    let filename = disposition
        .as_ref()
        .and_then(|value| value.name("filename"))
        .or_else(|| kind.name("name"));
    let encoding = encoding(&header, rest);
    let is_multipart = kind.token.starts_with("multipart/");
    let boundary = if is_multipart {
        kind.word("boundary").unwrap_or_default().into_owned()
    } else {
        Vec::new()
    };
    if is_multipart && !(1..=BOUNDARY_OCTETS_MAX).contains(&boundary.len()) {
        defects.push(Defect::BadBoundary);
    }
    let readable = kind
        .token
        .split_once('/')
        .is_some_and(|(main, sub)| !main.is_empty() && !sub.is_empty());
    let content_type = match readable {
        _ if is_multipart && boundary.is_empty() => DEFAULT_TYPE.to_owned(),
        true => kind.token.clone(),
        false if is_multipart => "multipart/mixed".to_owned(),
        // What cannot be read is text (RFC 2045 §5.2), also in a digest.
        false if header.first("Content-Type").is_some() => DEFAULT_TYPE.to_owned(),
        false => default.to_owned(),
    };
    let is_message = matches!(content_type.as_str(), "message/rfc822" | "message/global");
    let identity = Encoding::from_name(&encoding) == Encoding::Identity;
    if (is_message || !boundary.is_empty()) && !identity {
        // RFC 2045 §6.4 forbids it; some readers decode it all the same.
        defects.push(Defect::BadEncoding);
    }
    // Without a separator there is no nested message, and looking for one again and again would cost time.
    let separated = !header.defects.contains(&Defect::NoSeparator);
    let charset = kind
        .word("charset")
        .map(|word| String::from_utf8_lossy(&word).to_ascii_lowercase());
    let part = Part {
        header,
        depth,
        content_type,
        charset: charset.filter(|label| !label.is_empty()),
        disposition: disposition
            .map(|value| value.token)
            .filter(|token| !token.is_empty()),
        filename,
        body: rest,
        encoding,
        container: !boundary.is_empty() || (is_message && identity && separated),
    };
    (part, boundary)
}

/// Of several Content-Type fields the first multipart, because it shows more than it hides; else the first.
fn content_type(header: &Header<'_>) -> Value {
    let mut values = header.all("Content-Type").map(|field| Value::parse(field.value));
    let Some(first) = values.next() else {
        return Value::default();
    };
    if first.token.starts_with("multipart/") {
        return first;
    }
    values
        .find(|value| value.token.starts_with("multipart/"))
        .unwrap_or(first)
}

/// Of several Content-Transfer-Encoding fields the first that takes something off and fits the beginning of the body.
fn encoding(header: &Header<'_>, rest: &[u8]) -> String {
    const BEGINNING_OCTETS_MAX: usize = 512;
    let mut names = header
        .all("Content-Transfer-Encoding")
        .map(|field| Value::parse(field.value).token);
    let Some(first) = names.next().filter(|name| !name.is_empty()) else {
        return "7bit".to_owned();
    };
    let others: Vec<String> = names.take(8).collect();
    if others.is_empty() {
        return first;
    }
    let beginning = &rest[..rest.len().min(BEGINNING_OCTETS_MAX)];
    let line = &beginning[..memchr(b'\n', beginning).unwrap_or(beginning.len())];
    let fits = |name: &&String| match Encoding::from_name(name) {
        Encoding::Base64 => line.trim_ascii_end().len() > 3 && !line.trim_ascii_end().contains(&b' '),
        Encoding::QuotedPrintable | Encoding::Uuencode => true,
        Encoding::Identity | Encoding::Unknown => false,
    };
    std::iter::once(&first)
        .chain(&others)
        .find(fits)
        .unwrap_or(&first)
        .clone()
}

fn is_text(part: &Part<'_>) -> bool {
    part.content_type.starts_with("text/")
}

fn leaf_defects(part: &Part<'_>, limits: &Limits, defects: &mut Vec<Defect>) {
    let encoding = Encoding::from_name(&part.encoding);
    // NUL only in binary (RFC 2045 §2.7, §2.8).
    let nul = encoding == Encoding::Identity && part.encoding != "binary" && memchr(0, part.body).is_some();
    if nul || !transfer::is_clean(encoding, part.body) {
        defects.push(Defect::BadEncoding);
    }
    let over = |octets: usize| octets > limits.decoded_octets_max;
    if over(part.body.len()) && over(part.decoded(limits.decoded_octets_max.saturating_add(1)).len()) {
        defects.push(Defect::TooBig);
    }
    let foreign = is_text(part)
        && match part.charset.as_deref() {
            None | Some("us-ascii") => encoding == Encoding::Identity && !part.body.is_ascii(),
            Some("utf-8") => encoding == Encoding::Identity && std::str::from_utf8(part.body).is_err(),
            Some(label) => !charset::is_known(label),
        };
    if foreign {
        defects.push(Defect::BadCharset);
    }
}

/// Adds the uuencoded blocks of plain text parts behind these.
fn with_uuencoded<'a>(parts: Vec<Part<'a>>, limits: &Limits, defects: &mut Vec<Defect>) -> Vec<Part<'a>> {
    let first_block = |part: &Part<'a>, from| {
        let plain =
            !part.container && is_text(part) && Encoding::from_name(&part.encoding) == Encoding::Identity;
        if plain {
            transfer::uuencode_find(part.body, from)
        } else {
            None
        }
    };
    if parts.iter().all(|part| first_block(part, 0).is_none()) {
        return parts;
    }
    let mut room = limits.parts_max.saturating_sub(parts.len());
    let mut all = Vec::with_capacity(parts.len() + 1);
    for part in parts {
        let mut blocks = Vec::new();
        let mut from = 0;
        while let Some(block) = first_block(&part, from) {
            if room == 0 {
                defects.push(Defect::TooManyParts);
                break;
            }
            room -= 1;
            from = block.end;
            blocks.push(uuencoded_part(&part, block));
        }
        all.push(part);
        all.append(&mut blocks);
    }
    all
}

fn uuencoded_part<'a>(text: &Part<'a>, block: transfer::Block<'a>) -> Part<'a> {
    Part {
        header: Header {
            fields: Vec::new(),
            body_offset: 0,
            defects: Vec::new(),
            fields_before_bad: None,
        },
        depth: text.depth + 1,
        content_type: "application/octet-stream".to_owned(),
        charset: None,
        disposition: Some("attachment".to_owned()),
        filename: super::parameter::file_name(block.name),
        body: &text.body[block.start..block.end],
        encoding: "x-uuencode".to_owned(),
        container: false,
    }
}
