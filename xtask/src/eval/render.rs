//! A corpus message as an outbound gateway would see it: the sender's headers only, addresses replaced, list tags and footers gone.
//!
//! Byte for byte what `replay/render.py outbound` of the data folder writes (a test compares them), because what a receiver added
//! would give the label away. The input is hostile and may be anything.

use anyhow::Result;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use regex::bytes::{NoExpand, Regex};

/// The rules, compiled once.
pub struct Renderer {
    kept: Regex,
    collector: Regex,
    footer: Regex,
    tag: Regex,
}

/// One line of a LABELS file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Path in the unpacked corpora.
    pub reference: String,
    /// `ham`, `hard_ham`, `spam`.
    pub label: String,
    /// Seconds since 1970, 0 when unknown.
    pub time: i64,
}

const KEPT: &str = "(?i-u)^(subject|mime-version|content-(type|transfer-encoding|disposition|language|id|description|base|location|class)\
    |x-mailer|user-agent|x-priority|x-msmail-priority|priority|importance|x-mimeole|in-reply-to|references|thread-(topic|index)\
    |organization|disposition-notification-to|comments|keywords)$";
const FIRST: [&str; 16] = [
    "Anna", "Luca", "Marta", "Paolo", "Julia", "Peter", "Chiara", "Sven", "Olga", "Tom", "Elena", "Marc",
    "Sara", "Ivan", "Nora", "Hugo",
];
const LAST: [&str; 16] = [
    "Rossi", "Weber", "Martin", "Novak", "Silva", "Jansen", "Costa", "Meyer", "Dubois", "Keller", "Romano",
    "Berg", "Moreau", "Conti", "Varga", "Lind",
];

/// The first eight octets of SHA-1 as a number.
fn number(text: &str) -> u64 {
    let all = digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    all.as_ref()
        .iter()
        .take(8)
        .fold(0, |sum, octet| sum << 8 | u64::from(*octet))
}

impl Renderer {
    /// Compiles the rules.
    pub fn new() -> Result<Self> {
        Ok(Self {
            kept: Regex::new(KEPT)?,
            collector: Regex::new(r"(?i-u)[A-Za-z0-9._+=-]+@(?:[a-z0-9-]+\.)*(?:taint\.org|csmining\.org)")?,
            footer: Regex::new(r"(?-u)\n(_{20,}|-{20,}|-- )\n(?:[^\n]*\n){0,12}\z")?,
            tag: Regex::new(r"(?-u)\[[^\]\n]{1,24}\] ?")?,
        })
    }

    /// The message with that number in order of time.
    pub fn outbound(&self, index: usize, row: &Row, raw: &[u8]) -> Result<Vec<u8>> {
        let text = unix_lines(raw);
        let (head, body) = match find(&text, b"\n\n") {
            Some(at) => (text.get(..at), text.get(at + 2..)),
            None => (Some(text.as_slice()), None),
        };
        let (head, body) = (head.unwrap_or_default(), body.unwrap_or_default());
        let to = format!(
            "p{:07x}@partner.example",
            number(&format!("to:{}", row.reference)) & 0xfff_ffff
        );
        let mut body = self
            .collector
            .replace_all(body, NoExpand(to.as_bytes()))
            .into_owned();
        if row.label.contains("ham") && find(&head.to_ascii_lowercase(), b"multipart").is_none() {
            body = self.footer.replace_all(&body, NoExpand(b"\n")).into_owned();
        }
        let mut out = own_head(index, row, &to)?;
        for line in self.keep(head, &to) {
            out.extend_from_slice(&line);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        for octet in body {
            if octet == b'\n' {
                out.push(b'\r');
            }
            out.push(octet);
        }
        Ok(out)
    }

    fn keep(&self, head: &[u8], to: &str) -> Vec<Vec<u8>> {
        let mut kept: Vec<Vec<u8>> = Vec::new();
        let mut skip = false;
        for line in head.split(|octet| *octet == b'\n') {
            if matches!(line.first(), Some(b' ' | b'\t')) {
                if !skip && !kept.is_empty() {
                    kept.push(line.to_vec());
                }
                continue;
            }
            let colon = line.iter().position(|octet| *octet == b':');
            let name = strip(line.get(..colon.unwrap_or(line.len())).unwrap_or_default());
            skip = colon.is_none() || !self.kept.is_match(name);
            if skip {
                continue;
            }
            if name.eq_ignore_ascii_case(b"subject") {
                let line = self.collector.replace_all(line, NoExpand(to.as_bytes()));
                kept.push(self.tag.replace_all(&line, NoExpand(b"")).into_owned());
            } else {
                kept.push(line.to_vec());
            }
        }
        kept
    }
}

/// From, To, Date, Message-ID.
fn own_head(index: usize, row: &Row, to: &str) -> Result<Vec<u8>> {
    let domain = format!("sender{:02}.example", number(&row.reference) % 40);
    let from = format!(
        "u{:05x}@{domain}",
        number(&format!("from:{}", row.reference)) & 0xf_ffff
    );
    let hash = number(&format!("name:{from}"));
    let pick = |names: &[&'static str; 16], at: u64| names.get((at % 16) as usize).copied().unwrap_or("");
    let name = format!("{} {}", pick(&FIRST, hash), pick(&LAST, hash >> 8));
    let date = jiff::Timestamp::from_second(row.time)?.strftime("%a, %d %b %Y %H:%M:%S +0000");
    let id = format!("m{index:06}");
    let token = number(&id) & 0xffff_ffff;
    Ok(format!(
        "From: {name} <{from}>\r\nTo: {to}\r\nDate: {date}\r\nMessage-ID: <{id}.{token:08x}@{domain}>\r\n"
    )
    .into_bytes())
}

/// Without an mbox line, with LF as the only line end.
fn unix_lines(raw: &[u8]) -> Vec<u8> {
    let mut rest = raw;
    if raw.starts_with(b"From ") {
        // Without any line end python's find gives -1, so everything stays.
        let end = raw
            .iter()
            .position(|octet| *octet == b'\n')
            .map_or(0, |at| at + 1);
        rest = raw.get(end..).unwrap_or_default();
    }
    let mut out = Vec::with_capacity(rest.len());
    let mut octets = rest.iter().copied().peekable();
    while let Some(octet) = octets.next() {
        if octet == b'\r' {
            if octets.peek() == Some(&b'\n') {
                octets.next();
            }
            out.push(b'\n');
        } else {
            out.push(octet);
        }
    }
    out
}

fn strip(mut text: &[u8]) -> &[u8] {
    let blank = |octet: &u8| octet.is_ascii_whitespace() || *octet == 0x0b;
    while let Some((first, rest)) = text.split_first().filter(|(first, _)| blank(first)) {
        debug_assert!(blank(first));
        text = rest;
    }
    while let Some((_, rest)) = text.split_last().filter(|(last, _)| blank(last)) {
        text = rest;
    }
    text
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}
