//! Paths in angle brackets (RFC 5321 §4.1.2), with source routes dropped.
//!
//! Promises: a path ends where its grammar says, also with `>` in a quoted string; what it holds is a valid address.

use super::reply::Reply;
use crate::Address;
use crate::address::{AddressError, is_domain};

/// What an angle-bracketed path holds.
pub(super) enum Path {
    Null,
    /// A local part without domain: `postmaster`.
    Postmaster,
    Mailbox(Address),
}

/// How the two sides are named in refusals (RFC 3463 §3.2).
pub(super) struct Side {
    enhanced: (u8, u16, u16),
    form: &'static str,
    syntax: &'static str,
    too_long: &'static str,
    not_utf8: &'static str,
}

pub(super) const SENDER: Side = Side {
    enhanced: (5, 1, 7),
    form: "Syntax: MAIL FROM:<address>",
    syntax: "The sender address is not valid",
    too_long: "The sender address is too long",
    not_utf8: "The sender address is not valid UTF-8",
};

pub(super) const RECIPIENT: Side = Side {
    enhanced: (5, 1, 3),
    form: "Syntax: RCPT TO:<address>",
    syntax: "The recipient address is not valid",
    too_long: "The recipient address is too long",
    not_utf8: "The recipient address is not valid UTF-8",
};

impl Side {
    pub(super) fn bad(&self, error: AddressError) -> Reply {
        let text = match error {
            AddressError::Syntax => self.syntax,
            AddressError::TooLong => self.too_long,
            AddressError::NotUtf8 => self.not_utf8,
        };
        Reply::new(501, self.enhanced, text)
    }
}

/// Reads `FROM:<...>` or `TO:<...>`; gives the path and what stands behind it, parameters with their blank.
pub(super) fn path_and_rest<'a>(
    argument: &'a [u8],
    keyword: &[u8],
    side: &Side,
) -> Result<(Path, &'a [u8]), Reply> {
    let form = || Reply::syntax(side.form);
    let (head, rest) = argument.split_at_checked(keyword.len()).ok_or_else(form)?;
    if !head.eq_ignore_ascii_case(keyword) {
        return Err(form());
    }
    // One blank behind the colon is not in the grammar, but common in devices and scripts.
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let inside = rest.strip_prefix(b"<").ok_or_else(form)?;
    let end = path_end(inside).ok_or_else(|| side.bad(AddressError::Syntax))?;
    let path = path(&inside[..end]).map_err(|error| side.bad(error))?;
    let after = &inside[end + 1..];
    if after.is_empty() || after.starts_with(b" ") {
        Ok((path, after))
    } else {
        Err(form())
    }
}

/// The offset of the `>` that ends a path; one inside a quoted string does not.
fn path_end(inside: &[u8]) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    inside.iter().position(|octet| {
        let ends = !quoted && *octet == b'>';
        quoted ^= !escaped && *octet == b'"';
        escaped = quoted && !escaped && *octet == b'\\';
        ends
    })
}

fn path(inside: &[u8]) -> Result<Path, AddressError> {
    if inside.is_empty() {
        return Ok(Path::Null);
    }
    if inside.eq_ignore_ascii_case(b"postmaster") {
        return Ok(Path::Postmaster);
    }
    let mailbox = if inside[0] == b'@' {
        without_route(inside)?
    } else {
        inside
    };
    Address::parse_bytes(mailbox).map(Path::Mailbox)
}

/// Drops a source route `@one,@two:` (RFC 5321 §4.1.1.3, §C), which must still be well formed.
fn without_route(inside: &[u8]) -> Result<&[u8], AddressError> {
    let colon = memchr::memchr(b':', inside).ok_or(AddressError::Syntax)?;
    let route = std::str::from_utf8(&inside[..colon]).map_err(|_| AddressError::NotUtf8)?;
    let hop = |hop: &str| hop.strip_prefix('@').is_some_and(is_domain);
    if route.split(',').all(hop) {
        Ok(&inside[colon + 1..])
    } else {
        Err(AddressError::Syntax)
    }
}
