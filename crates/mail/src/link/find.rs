//! Links in plain text, as mail programs make them clickable and as people copy them.
//!
//! One pass: `:` and `.` are looked for; at each the scheme before it, or the name around it, decides. What was taken is not
//! looked at again, so the time is linear whatever the text. Names without a scheme are a matter of judgement: `readme.md`,
//! `e.g.`, `a@b.example`, a sentence.Without a blank are none.

use super::host::has_known_suffix;
use std::borrow::Cow;

/// One link in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The link as it stands there, without soft hyphens and zero-width characters; for [`super::Link::parse`].
    pub raw: String,
    /// It stands without a scheme.
    pub bare: bool,
}

/// Top-level domains that are also endings of files or words of programs: such a name is a link only with `www.` or a path.
const AMBIGUOUS: [&str; 29] = [
    "ai", "app", "bat", "bz", "cab", "cc", "cf", "cpp", "data", "do", "java", "la", "map", "md", "ml", "mov",
    "mp", "name", "pl", "pm", "ps", "py", "rs", "sh", "so", "st", "target", "vi", "zip",
];
/// Names beginning so are hosts.
const WWW: &str = "www.";

/// Every link of a text in order, at most `found_max`.
pub fn find(text: &str, found_max: usize) -> Vec<Found> {
    let clean = without_hidden(text);
    let mut finder = Finder {
        text: &clean,
        floor: 0,
    };
    let mut found = Vec::new();
    while found.len() < found_max {
        let Some(link) = finder.next() else { break };
        found.push(link);
    }
    found
}

struct Finder<'a> {
    text: &'a str,
    /// Everything before is done.
    floor: usize,
}

impl Finder<'_> {
    fn next(&mut self) -> Option<Found> {
        let mut at = self.floor;
        loop {
            let octets = self.text.as_bytes().get(at..)?;
            let hit = at + memchr::memchr2(b':', b'.', octets)?;
            let taken = if self.text.as_bytes().get(hit) == Some(&b':') {
                self.with_scheme(hit)
            } else {
                self.bare(hit)
            };
            match taken {
                Taken::Link(link, end) => {
                    self.floor = end;
                    return Some(link);
                }
                Taken::Nothing(end) => {
                    at = end.max(hit + 1);
                    self.floor = at;
                }
                // What stands before a colon may still be part of a name.
                Taken::Pass => at = hit + 1,
            }
        }
    }

    /// A colon: is there a scheme before it and a host behind its slashes?
    fn with_scheme(&self, colon: usize) -> Taken {
        let slashes = self.count(colon + 1, |octet| matches!(octet, b'/' | b'\\'));
        let Some(scheme) = (slashes > 0).then(|| self.scheme_before(colon)).flatten() else {
            return Taken::Pass;
        };
        let host = colon + 1 + slashes;
        let begins = |char: char| char.is_alphanumeric() || matches!(char, '[' | '%' | '-' | '_' | '@');
        if !self.text.get(host..).is_some_and(|rest| rest.starts_with(begins)) {
            return Taken::Nothing(host);
        }
        let end = self.url_end(host);
        self.taken(colon - scheme, end, false)
    }

    /// Length of the scheme that ends at the colon.
    fn scheme_before(&self, colon: usize) -> Option<usize> {
        const SCHEMES: [&str; 5] = ["https", "http", "hxxps", "hxxp", "ftp"];
        let before = self.text.as_bytes().get(self.floor..colon)?;
        let ends = |scheme: &&&str| {
            let start = before.len().checked_sub(scheme.len());
            start
                .and_then(|start| before.get(start..))
                .is_some_and(|end| end.eq_ignore_ascii_case(scheme.as_bytes()))
        };
        SCHEMES.iter().find(ends).map(|scheme| scheme.len())
    }

    /// A dot: is the word around it a host?
    fn bare(&self, dot: usize) -> Taken {
        // Most dots end a sentence.
        if !self.is_name_octet(dot + 1) || dot == self.floor || !self.is_name_octet(dot - 1) {
            return Taken::Pass;
        }
        let before = self.text.get(self.floor..dot).unwrap_or_default();
        let start = before
            .char_indices()
            .rev()
            .take_while(|(_, char)| is_name_char(*char))
            .last()
            .map_or(dot, |(index, _)| self.floor + index);
        let after = self.text.get(dot..).unwrap_or_default();
        let end = dot + after.find(|char| !is_name_char(char)).unwrap_or(after.len());
        let name = self.text.get(start..end).unwrap_or_default();
        let name = name.trim_start_matches(['.', '-', '_']);
        let start = end - name.len();
        let name = name.trim_end_matches(['.', '-', '_']);
        let name_end = start + name.len();
        let before = self.text.as_bytes().get(..start).and_then(<[u8]>::last);
        let next = self.text.as_bytes().get(name_end).copied();
        // Part of a mail address, of a path, of an expression.
        let foreign = matches!(
            before,
            Some(b'@' | b'/' | b'\\' | b'=' | b'$' | b'~' | b'+' | b'&' | b'%')
        ) || matches!(next, Some(b'@' | b'(' | b'=' | b'\\' | b'$' | b'%' | b'+' | b'~'));
        if foreign {
            return Taken::Nothing(end);
        }
        let has_path = self.begins_path(name_end);
        if !is_host(name, has_path) {
            return Taken::Nothing(end);
        }
        let url_end = if has_path {
            self.url_end(name_end)
        } else {
            name_end
        };
        self.taken(start, url_end, true)
    }

    /// A path, a query or a port begins here.
    fn begins_path(&self, at: usize) -> bool {
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        match rest {
            [b'/', ..] | [b'?', b'!'..=b'~', ..] | [b'#', b'!'..=b'~', ..] => true,
            [b':', more @ ..] => {
                let digits = more.iter().take_while(|octet| octet.is_ascii_digit()).count();
                (2..=5).contains(&digits) && more.get(digits) == Some(&b'/')
            }
            _ => false,
        }
    }

    /// Where a link that goes on from `at` ends, before the punctuation of the sentence is taken off.
    fn url_end(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        let mut open_brackets = 0u32;
        for (index, char) in rest.char_indices() {
            let ends = match char {
                '[' => {
                    open_brackets += 1;
                    false
                }
                // Only a bracket that was opened here belongs to it: `[shown](target)`, `[https://a.example]`.
                ']' if open_brackets == 0 => true,
                ']' => {
                    open_brackets -= 1;
                    false
                }
                '<' | '>' | '"' | '`' => true,
                '\0'..=' ' | '\u{7f}' => true,
                char if char.is_ascii() => false,
                char => ends_link(char),
            };
            if ends {
                return at + index;
            }
        }
        at + rest.len()
    }

    fn taken(&self, start: usize, end: usize, bare: bool) -> Taken {
        let raw = trimmed(self.text.get(start..end).unwrap_or_default());
        if raw.is_empty() {
            return Taken::Nothing(end);
        }
        let link = Found {
            raw: raw.to_owned(),
            bare,
        };
        Taken::Link(link, end)
    }

    fn is_name_octet(&self, at: usize) -> bool {
        let octet = self.text.as_bytes().get(at);
        octet.is_some_and(|octet| octet.is_ascii_alphanumeric() || *octet == b'-' || !octet.is_ascii())
    }

    fn count(&self, at: usize, holds: impl Fn(u8) -> bool) -> usize {
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        rest.iter().take_while(|octet| holds(**octet)).count()
    }
}

/// What one trigger led to.
enum Taken {
    /// A link, and where the text goes on.
    Link(Found, usize),
    /// None; nothing before this place can become one.
    Nothing(usize),
    /// Not this trigger; what stands around it may belong to another.
    Pass,
}

fn is_name_char(char: char) -> bool {
    char.is_ascii_alphanumeric()
        || matches!(char, '-' | '.' | '_')
        || (!char.is_ascii() && char.is_alphanumeric())
}

/// A name that mail programs make clickable.
fn is_host(name: &str, has_path: bool) -> bool {
    if name.len() > 1_024 || name.contains("..") {
        return false;
    }
    let Some((_, suffix)) = name.rsplit_once('.') else {
        return false;
    };
    // `wait.It was late`: a sentence goes on without a blank.
    let mut letters = suffix.chars();
    let capitalised =
        letters.next().is_some_and(char::is_uppercase) && letters.next().is_some_and(char::is_lowercase);
    let www = name
        .get(..WWW.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(WWW));
    if suffix.chars().nth(1).is_none()
        || suffix.bytes().all(|octet| octet.is_ascii_digit())
        || (capitalised && !www && !has_path)
    {
        return false;
    }
    let ambiguous = || AMBIGUOUS.iter().any(|known| suffix.eq_ignore_ascii_case(known));
    if !www && !has_path && ambiguous() {
        return false;
    }
    if name.is_ascii() {
        return has_known_suffix(name);
    }
    // The list has the ASCII form of names; a name that has none is no host.
    let ascii = (name.len() <= 253)
        .then(|| idna::domain_to_ascii(name).ok())
        .flatten();
    ascii.is_some_and(|ascii| has_known_suffix(&ascii))
}

/// Characters beyond ASCII at which a link ends: blanks, quotes, brackets and the punctuation of sentences. The ideographic full
/// stops do not, since browsers read them as dots.
fn ends_link(char: char) -> bool {
    char.is_whitespace()
        || char.is_control()
        || matches!(char,
            '\u{ab}' | '\u{bb}' | '\u{2010}'..='\u{205e}' | '\u{3001}' | '\u{3008}'..='\u{3011}' | '\u{3014}'..='\u{301f}'
            | '\u{ff01}' | '\u{ff08}' | '\u{ff09}' | '\u{ff0c}' | '\u{ff1a}' | '\u{ff1b}' | '\u{ff1e}' | '\u{ff1c}'
            | '\u{fffc}' | '\u{fffd}')
}

/// Takes off what ends the sentence and not the link. A closing parenthesis stays when it was opened within.
fn trimmed(raw: &str) -> &str {
    let count = |wanted: u8| memchr::memchr_iter(wanted, raw.as_bytes()).count();
    let mut unopened: Option<usize> = None;
    let mut rest = raw;
    while let Some(last) = rest.chars().next_back() {
        let off = match last {
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '|' | '\\' | '。' | '．' | '｡' => true,
            ')' => {
                let left = unopened.get_or_insert_with(|| count(b')').saturating_sub(count(b'(')));
                let off = *left > 0;
                *left = left.saturating_sub(1);
                off
            }
            _ => false,
        };
        if !off {
            break;
        }
        rest = rest.get(..rest.len() - last.len_utf8()).unwrap_or_default();
    }
    rest
}

/// The text without characters that nobody sees: soft hyphen, zero-width characters, direction marks, byte order mark.
fn without_hidden(text: &str) -> Cow<'_, str> {
    let hidden = |char: char| matches!(char, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{feff}');
    // First octets of these: most texts have none, and are not copied.
    let octets = text.as_bytes();
    let suspicious = memchr::memchr3_iter(0xc2, 0xe2, 0xef, octets).any(|at| match octets.get(at..at + 3) {
        Some([0xc2, 0xad, _]) | Some([0xef, 0xbb, 0xbf]) => true,
        Some([0xe2, 0x80, third]) => matches!(third, 0x8b..=0x8f | 0xaa..=0xae),
        Some([0xe2, 0x81, third]) => *third >= 0xa0,
        _ => false,
    });
    if suspicious {
        Cow::Owned(text.chars().filter(|char| !hidden(*char)).collect())
    } else {
        Cow::Borrowed(text)
    }
}
