//! Mail addresses as RFC 5321 §4.1.2 writes them (with RFC 6531 for UTF-8).
//!
//! Promises: an [`Address`] is syntactically valid, bounded (RFC 5321 §4.5.3.1: 64 octets local part, 255 domain,
//! 254 together) and free of CR, LF, NUL and other controls; its text is written out exactly as it was read.
//! Stricter than the grammar in two places, because both are only seen in tricks: a domain whose last label is all
//! digits (an address literal without brackets), and direction or line controls of Unicode.

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Octets of a whole address: a path is at most 256 with its angle brackets (RFC 5321 §4.5.3.1.3).
pub const ADDRESS_OCTETS_MAX: usize = 254;
/// Octets of a local part (RFC 5321 §4.5.3.1.1).
pub const LOCAL_PART_OCTETS_MAX: usize = 64;
/// Octets of a domain (RFC 5321 §4.5.3.1.2).
pub const DOMAIN_OCTETS_MAX: usize = 255;
/// Octets of one label of a domain (RFC 1035 §2.3.4).
const LABEL_OCTETS_MAX: usize = 63;

/// A mailbox: local part, `@`, domain or address literal. Kept exactly as written, quotes included.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    text: Box<str>,
    at: u16,
}

/// Why a text is not an address. The peer caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not the grammar of RFC 5321 §4.1.2.
    #[error("the address is not a mailbox of RFC 5321")]
    Syntax,
    /// Over a limit of RFC 5321 §4.5.3.1.
    #[error("the address is too long")]
    TooLong,
    /// UTF-8 where SMTPUTF8 was not asked for is the caller's matter; this is invalid UTF-8.
    #[error("the address is not valid UTF-8")]
    NotUtf8,
}

impl Address {
    /// Reads a mailbox without angle brackets, for example `Joe.Doe@example.com` or `"a b"@[192.0.2.1]`.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.len() > ADDRESS_OCTETS_MAX {
            return Err(AddressError::TooLong);
        }
        let at = local_part_end(text).ok_or(AddressError::Syntax)?;
        if at > LOCAL_PART_OCTETS_MAX {
            return Err(AddressError::TooLong);
        }
        let domain = text[at..].strip_prefix('@').ok_or(AddressError::Syntax)?;
        if !is_domain(domain) && literal(domain).is_none() {
            return Err(AddressError::Syntax);
        }
        let at = u16::try_from(at).map_err(|_| AddressError::TooLong)?;
        Ok(Self {
            text: text.into(),
            at,
        })
    }

    /// The same for octets that came from the wire.
    pub fn parse_bytes(octets: &[u8]) -> Result<Self, AddressError> {
        if octets.len() > ADDRESS_OCTETS_MAX {
            return Err(AddressError::TooLong);
        }
        Self::parse(std::str::from_utf8(octets).map_err(|_| AddressError::NotUtf8)?)
    }

    /// The address exactly as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before the last unquoted `@`, quotes included.
    pub fn local_part(&self) -> &str {
        &self.text[..usize::from(self.at)]
    }

    /// What stands behind the `@`, as written.
    pub fn domain(&self) -> &str {
        &self.text[usize::from(self.at) + 1..]
    }

    /// The IP address when the domain is an address literal (RFC 5321 §4.1.3).
    pub fn literal(&self) -> Option<IpAddr> {
        literal(self.domain())
    }

    /// The form to compare by: needless quotes removed, ASCII lower case, domain as A-labels in lower case.
    pub fn key(&self) -> String {
        let mut key = canonical_local_part(self.local_part()).into_owned();
        key.make_ascii_lowercase();
        key.push('@');
        key.push_str(&self.domain_key());
        key
    }

    /// The domain as A-labels in lower case (RFC 5890), the form to look up.
    pub fn domain_key(&self) -> String {
        domain_key(self.domain())
    }

    /// False when SMTPUTF8 (RFC 6531) is needed to hand the address on.
    pub fn is_ascii(&self) -> bool {
        self.text.is_ascii()
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, AddressError> {
        Self::parse(&text)
    }
}

impl std::str::FromStr for Address {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> String {
        address.text.into()
    }
}

/// Where the local part ends; None when the text does not start with a dot-string or a quoted string.
fn local_part_end(text: &str) -> Option<usize> {
    if text.starts_with('"') {
        return quoted_string_end(text);
    }
    let at = text.find('@')?;
    is_dot_string(&text[..at]).then_some(at)
}

/// The offset behind the closing quote of the quoted string that `text` starts with.
fn quoted_string_end(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().skip(1);
    while let Some((index, char)) = chars.next() {
        match char {
            '"' => return Some(index + 1),
            '\\' => {
                let (_, escaped) = chars.next()?;
                if !matches!(escaped, ' '..='~') {
                    return None;
                }
            }
            ' '..='~' => {}
            other if is_plain_utf8(other) => {}
            _ => return None,
        }
    }
    None
}

fn is_dot_string(text: &str) -> bool {
    text.split('.')
        .all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

/// atext of RFC 5322 §3.2.3 with the UTF-8 of RFC 6531 §3.3.
fn is_atext(char: char) -> bool {
    match char {
        'a'..='z' | 'A'..='Z' | '0'..='9' => true,
        _ if char.is_ascii() => "!#$%&'*+-/=?^_`{|}~".contains(char),
        _ => is_plain_utf8(char),
    }
}

/// Non-ASCII that may stand in a local part.
fn is_plain_utf8(char: char) -> bool {
    !char.is_ascii() && is_showable(char)
}

/// May be shown to people in a line of text: no controls, no line separators, no direction overrides, which would make a
/// log or a page say something else than its octets.
pub(crate) fn is_showable(char: char) -> bool {
    let hidden = matches!(char, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    !char.is_control() && !hidden
}

/// Domain of RFC 5321 §4.1.2, or U-labels of RFC 6531 §3.3. No trailing dot.
pub(crate) fn is_domain(domain: &str) -> bool {
    if domain.is_empty() || domain.len() > DOMAIN_OCTETS_MAX || !domain.split('.').all(is_label) {
        return false;
    }
    let last = domain.rsplit('.').next().unwrap_or_default();
    let numeric = last.bytes().all(|octet| octet.is_ascii_digit());
    !numeric && (domain.is_ascii() || to_a_labels(domain).is_some())
}

fn is_label(label: &str) -> bool {
    if label.is_ascii() {
        let octets = label.as_bytes();
        let ldh = octets
            .iter()
            .all(|octet| octet.is_ascii_alphanumeric() || *octet == b'-');
        return ldh
            && (1..=LABEL_OCTETS_MAX).contains(&octets.len())
            && octets.first() != Some(&b'-')
            && octets.last() != Some(&b'-');
    }
    is_u_label(label)
}

/// A U-label that the mapping of UTS 46 leaves alone but for case: no ignored characters, no other dots, no NFD.
fn is_u_label(label: &str) -> bool {
    let (mapped, result) =
        Uts46::new().to_unicode(label.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast);
    result.is_ok() && mapped == label.to_lowercase()
}

fn to_a_labels(domain: &str) -> Option<Cow<'_, str>> {
    Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::Verify,
        )
        .ok()
}

/// The lookup form of a domain or address literal.
pub(crate) fn domain_key(domain: &str) -> String {
    if let Some(ip) = literal(domain) {
        return match ip {
            IpAddr::V4(ip) => format!("[{ip}]"),
            IpAddr::V6(ip) => format!("[ipv6:{ip}]"),
        };
    }
    let lower = domain.to_ascii_lowercase();
    if lower.is_ascii() && !lower.contains("xn--") {
        return lower;
    }
    // An A-label that does not decode stays as it is: it names a domain that cannot exist, and equals only itself.
    to_a_labels(&lower).map(Cow::into_owned).unwrap_or(lower)
}

/// Address literal of RFC 5321 §4.1.3, brackets included. General literals are not known.
pub(crate) fn literal(domain: &str) -> Option<IpAddr> {
    let inner = domain.strip_prefix('[')?.strip_suffix(']')?;
    match inner.get(..5) {
        Some(tag) if tag.eq_ignore_ascii_case("ipv6:") => inner[5..].parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        _ => inner.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

/// The local part with one spelling: unquoted where a dot-string says the same, else with only `"` and `\` escaped.
fn canonical_local_part(local_part: &str) -> Cow<'_, str> {
    let Some(inner) = local_part
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return Cow::Borrowed(local_part);
    };
    let mut content = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        let literal = if char == '\\' {
            chars.next().unwrap_or(char)
        } else {
            char
        };
        content.push(literal);
    }
    if is_dot_string(&content) {
        return Cow::Owned(content);
    }
    let mut quoted = String::with_capacity(content.len() + 2);
    quoted.push('"');
    for char in content.chars() {
        if matches!(char, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(char);
    }
    quoted.push('"');
    Cow::Owned(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, AddressError>) {
        let parsed = Address::parse(text);
        match (&parsed, expected) {
            (Ok(address), Ok(key)) => {
                assert_eq!(address.as_str(), text);
                assert_eq!(address.key(), key, "key of {text:?}");
                assert_eq!(format!("{}@{}", address.local_part(), address.domain()), text);
                let again = Address::parse(key).unwrap();
                assert_eq!(again.key(), key, "key of the key of {text:?}");
            }
            _ => assert_eq!(parsed.map(|a| a.key()), expected.map(str::to_owned), "{text:?}"),
        }
    }

    #[test]
    fn valid_addresses_and_their_keys() {
        for (text, key) in [
            ("Joe.Doe@Example.COM", "joe.doe@example.com"),
            ("a@localhost", "a@localhost"),
            ("!#$%&'*+-/=?^_`{|}~@x.y", "!#$%&'*+-/=?^_`{|}~@x.y"),
            (
                "user%other.example@relay.example",
                "user%other.example@relay.example",
            ),
            ("\"joe\"@example.com", "joe@example.com"),
            ("\"j\\oe.d\"@example.com", "joe.d@example.com"),
            ("\"a b\"@[192.0.2.1]", "\"a b\"@[192.0.2.1]"),
            ("\"a@b\"@example.com", "\"a@b\"@example.com"),
            ("\"A>,b\"@example.com", "\"a>,b\"@example.com"),
            ("\"a\\\"b\\\\c\"@example.com", "\"a\\\"b\\\\c\"@example.com"),
            ("\"\\a b\"@example.com", "\"a b\"@example.com"),
            ("\"\"@example.com", "\"\"@example.com"),
            ("\".a\"@example.com", "\".a\"@example.com"),
            ("a@[IPv6:2001:DB8:0:0::1]", "a@[ipv6:2001:db8::1]"),
            ("a@[ipv6:::1]", "a@[ipv6:::1]"),
            ("jörg@Bücher.example", "jörg@xn--bcher-kva.example"),
            ("jörg@BÜCHER.example", "jörg@xn--bcher-kva.example"),
            ("\"jörg\"@x.y", "jörg@x.y"),
            ("a@XN--bcher-KVA.example", "a@xn--bcher-kva.example"),
            ("a@xn--0000000.example", "a@xn--0000000.example"),
            ("a@1st.3com.example", "a@1st.3com.example"),
            ("用户@例子.测试", "用户@xn--fsqu00a.xn--0zwm56d"),
        ] {
            check(text, Ok(key));
        }
    }

    #[test]
    fn what_is_not_an_address() {
        for text in [
            "",
            "@",
            "a",
            "a@",
            "@b",
            "a@b@c",
            "a@b.",
            "a@.b",
            "a@b..c",
            ".a@b",
            "a.@b",
            "a..b@c",
            "a b@c",
            "a@b c",
            "a@-b",
            "a@b-",
            "a@b_c",
            "<a@b>",
            "a@<b>",
            "a,b@c",
            "a@b,c",
            "a@b\r\n",
            "a\n@b",
            "a\0@b",
            "a\u{7f}@b",
            "a\u{85}@b",
            "\"a@b",
            "\"a\"b@c",
            "\"a\"",
            "\"a\" @b",
            "\"a\"b\"@c",
            "\"a\tb\"@c",
            "\"a\\\u{1}\"@c",
            "\"a\\é\"@c",
            "\"a\\",
            "a@[192.0.2]",
            "a@[192.0.2.256]",
            "a@[192.0.2.1",
            "a@192.0.2.1]",
            "a@[]",
            "a@[x:y]",
            "a@[IPv6:]",
            "a@[IPv6:::g]",
            "a@[2001:db8::1]",
            "a@[IPv6:fe80::1%1]",
            "a@192.0.2.1",
            "a@x.123",
            "a\u{202e}b@c",
            "a@exam\u{ad}ple.com",
            "a@b\u{3002}c",
            "a@\u{ff42}.c",
            "a@bu\u{308}cher.example",
            "a@\u{2028}.c",
            "(c)a@b",
            "a@b(c)",
            "a:b@c",
            "a@b:25",
            "a@ü_.example",
        ] {
            check(text, Err(AddressError::Syntax));
        }
    }

    #[test]
    fn limits() {
        let local_64 = "l".repeat(64);
        check(&format!("{local_64}@x.y"), Ok(&format!("{local_64}@x.y")));
        check(&format!("{local_64}l@x.y"), Err(AddressError::TooLong));
        let label_63 = "d".repeat(63);
        check(&format!("a@{label_63}.y"), Ok(&format!("a@{label_63}.y")));
        check(&format!("a@{label_63}d.y"), Err(AddressError::Syntax));
        let domain = format!("{label_63}.{label_63}.{}", "e".repeat(254 - 65 - 128));
        let longest = format!("{local_64}@{domain}");
        assert_eq!(longest.len(), 254);
        check(&longest, Ok(&longest));
        check(&format!("{local_64}@{domain}e"), Err(AddressError::TooLong));
    }

    #[test]
    fn octets_that_are_not_utf8() {
        assert_eq!(Address::parse_bytes(b"a\xff@b"), Err(AddressError::NotUtf8));
        assert_eq!(
            Address::parse_bytes(b"a@b").map(|a| a.key()),
            Ok("a@b".to_owned())
        );
    }

    #[test]
    fn json_checks_too() {
        assert!(Address::try_from("a@b\n".to_owned()).is_err());
        assert_eq!(String::from(Address::parse("A@b").unwrap()), "A@b");
    }
}
