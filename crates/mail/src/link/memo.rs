//! Links of one message, most of which lead to few hosts: a host is read once.
//!
//! Promises: [`Memo::parse`] says what [`Link::parse`] says. Only a link whose path and query every reader leaves as they are is
//! put together from a known host; all others are read in full. At most [`HOSTS_MAX`] hosts are kept.

use super::Link;
use std::collections::HashMap;

/// Hosts that are remembered.
const HOSTS_MAX: usize = 256;

/// Hosts that were read already.
#[derive(Debug, Default)]
pub struct Memo {
    /// Scheme and authority as written, and the link to the root of that host.
    hosts: HashMap<String, Option<Link>>,
}

impl Memo {
    /// See [`Link::parse`].
    pub fn parse(&mut self, raw: &str) -> Option<Link> {
        let Some((place, tail)) = plain(raw) else {
            return Link::parse(raw);
        };
        let known = match self.hosts.get(place) {
            Some(known) => known.clone(),
            None if self.hosts.len() >= HOSTS_MAX => return Link::parse(raw),
            None => {
                let read = Link::parse(place);
                self.hosts.insert(place.to_owned(), read.clone());
                read
            }
        };
        let mut link = known?;
        if !tail.is_empty() {
            link.path_query.truncate(usize::from(tail.starts_with('?')));
            link.path_query.push_str(tail);
        }
        Some(link)
    }
}

/// Scheme with authority, and path with query, when nothing in these is changed by reading: no fragment, no character that is
/// encoded, no segment of dots, encoded or not (WHATWG URL, path state and query state).
fn plain(raw: &str) -> Option<(&str, &str)> {
    let octets = raw.as_bytes();
    let start = [&b"http://"[..], b"https://"]
        .iter()
        .find(|scheme| octets.starts_with(scheme))?
        .len();
    let length = octets[start..]
        .iter()
        .take_while(|octet| KEPT[usize::from(**octet)] == NAME);
    let (place, tail) = raw.split_at_checked(start + length.count())?;
    // A slash behind the slashes belongs to them.
    if place.len() == start || tail.len() > Link::PATH_OCTETS_MAX {
        return None;
    }
    let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
    let all = |text: &str, wanted: u8| {
        text.bytes()
            .all(|octet| KEPT[usize::from(octet)] & wanted == wanted)
    };
    let begins = tail.is_empty() || tail.starts_with(['/', '?']);
    (begins && all(path, PATH) && !path.contains("/.") && all(query, QUERY)).then_some((place, tail))
}

/// Kept in a query, and in a path, and part of a plain host name as well.
const QUERY: u8 = 1;
const PATH: u8 = 2 | QUERY;
const NAME: u8 = 4 | PATH;

const KEPT: [u8; 256] = {
    let mut kept = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        kept[octet] = match octet as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' => NAME,
            b'_' | b'~' | b'!' | b'$' | b'&' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':'
            | b'@' | b'/' => PATH,
            b'%' | b'?' => QUERY,
            _ => 0,
        };
        octet += 1;
    }
    kept
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_parsing_says() {
        let mut memo = Memo::default();
        let places = [
            "http://www.example.com",
            "https://user@Example.COM:8080",
            "http://0x7f.1",
            "https://xn--80ak6aa92e.com",
            "http://",
            "https://a..b",
            "http://[::1]",
            "http://exa%6dple.com:99999",
            "ftp://files.example.com",
            "HTTP://EXAMPLE.COM",
            "www.example.com",
            " http://example.com",
        ];
        let tails = [
            "",
            "/",
            "?",
            "/?",
            "?q=1",
            "/a/b?c=d%20e&f=?",
            "//a",
            "/./a",
            "/a/..",
            "/%2e%2E/a",
            "/a b",
            "/a#b",
            "/a?b#c",
            "/a?b'c",
            "/a?b\"c",
            "\\a",
            "/é",
            "?é",
            "/a\tb",
            "/a|b",
            "/a^b[c]{d}`e`",
            "/a:b@c;d,e",
            "/...",
            "/a?/../b",
            "/ ",
            "/a%zz?%zz",
        ];
        for _ in 0..2 {
            for place in places {
                for tail in tails {
                    let raw = format!("{place}{tail}");
                    assert_eq!(memo.parse(&raw), Link::parse(&raw), "{raw:?}");
                }
            }
        }
    }
}
