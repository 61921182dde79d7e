//! Mailbox lists of From, Sender, Reply-To, To (RFC 5322 §3.4): display names and addresses, groups flattened, comments
//! skipped; no recursion.
//!
//! Promises: linear time, no recursion, every address is a valid [`Address`]. Refuses what two readers could read in two
//! ways, because the identity check must judge the sender that every recipient sees.
//! Trusts nothing. Limits: [`MAILBOXES_MAX`]. Standards: RFC 5322 §3.2, §3.4 without the obsolete forms of RFC 5322 §4.4 (except
//! dots in display names and empty list elements), RFC 6532, RFC 2047.

use super::{Field, encoded_word, field::TEXT_OCTETS_MAX};
use crate::Address;

/// Longest list.
pub const MAILBOXES_MAX: usize = 1_000;

/// One mailbox of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Display name decoded, empty when there is none.
    pub name: String,
    /// The address.
    pub address: Address,
}

/// The list is not one a careful reader would read in one way only. The sender caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the field is not a list of mailboxes")]
pub struct MailboxError;

/// Reads a mailbox list strictly: anything on which readers could disagree (two angle addresses in one mailbox, unbalanced
/// quotes or comments, an address that does not parse) is an error. At most 1,000 mailboxes. An empty group
/// (`undisclosed-recipients:;`) is a list without mailboxes, an empty field is an error.
pub fn parse_list(field: &Field<'_>) -> Result<Vec<Mailbox>, MailboxError> {
    let mut cursor = Cursor {
        raw: field.value,
        at: 0,
    };
    let mut list = Vec::new();
    let mut in_group = false;
    let mut groups = 0usize;
    loop {
        cursor.skip_blanks()?;
        match cursor.peek() {
            None => break,
            Some(b',') => cursor.at += 1,
            Some(b';') if in_group => {
                in_group = false;
                cursor.at += 1;
                cursor.expect_end(false)?;
            }
            Some(_) => match cursor.element()? {
                Element::Group if in_group => return Err(MailboxError),
                Element::Group => {
                    in_group = true;
                    groups += 1;
                }
                Element::Mailbox(_) if list.len() == MAILBOXES_MAX => return Err(MailboxError),
                Element::Mailbox(mailbox) => {
                    list.push(mailbox);
                    cursor.expect_end(in_group)?;
                }
            },
        }
    }
    if in_group || (list.is_empty() && groups == 0) {
        Err(MailboxError)
    } else {
        Ok(list)
    }
}

enum Element {
    /// A group's name and colon; its mailboxes follow.
    Group,
    Mailbox(Mailbox),
}

struct Cursor<'a> {
    raw: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.raw.get(self.at).copied()
    }

    /// Blanks, folds and comments (CFWS of RFC 5322 §3.2.2).
    fn skip_blanks(&mut self) -> Result<(), MailboxError> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'\r' | b'\n') => self.skip_fold()?,
                Some(b'(') => self.skip_comment()?,
                _ => return Ok(()),
            }
        }
    }

    /// A line end is a fold only before a blank; a bare CR never.
    fn skip_fold(&mut self) -> Result<(), MailboxError> {
        let rest = &self.raw[self.at..];
        let length = if rest.starts_with(b"\r\n") { 2 } else { 1 };
        if rest[length - 1] != b'\n' || !matches!(rest.get(length), Some(b' ' | b'\t')) {
            return Err(MailboxError);
        }
        self.at += length;
        Ok(())
    }

    fn skip_comment(&mut self) -> Result<(), MailboxError> {
        let mut depth = 0usize;
        loop {
            match self.peek().ok_or(MailboxError)? {
                b'(' => depth += 1,
                b')' => depth -= 1,
                b'\\' => self.at += 1,
                b'\r' | b'\n' => {
                    self.skip_fold()?;
                    continue;
                }
                0 => return Err(MailboxError),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Behind a mailbox or group only a comma, the end, or the end of the group.
    fn expect_end(&mut self, in_group: bool) -> Result<(), MailboxError> {
        self.skip_blanks()?;
        match self.peek() {
            None | Some(b',') => Ok(()),
            Some(b';') if in_group => Ok(()),
            Some(_) => Err(MailboxError),
        }
    }

    /// A mailbox with or without a name, or a group's beginning.
    fn element(&mut self) -> Result<Element, MailboxError> {
        let start = self.at;
        let mut phrase = Vec::new();
        // End of the words that stand together from the start: only they can be a local part.
        let mut together = start;
        loop {
            let word = self.at;
            match self.peek().ok_or(MailboxError)? {
                b'"' => self.quoted(&mut phrase)?,
                b' ' | b'\t' | b'\r' | b'\n' | b'(' => {
                    self.skip_blanks()?;
                    phrase.push(b' ');
                    continue;
                }
                b'<' => {
                    let address = self.angle()?;
                    let name = encoded_word::decode(&phrase, TEXT_OCTETS_MAX);
                    return Ok(Element::Mailbox(Mailbox { name, address }));
                }
                b'@' if self.at == together && self.at > start => {
                    self.at += 1;
                    self.domain()?;
                    let address = address(&self.raw[start..self.at])?;
                    return Ok(Element::Mailbox(Mailbox {
                        name: String::new(),
                        address,
                    }));
                }
                b':' if !phrase.is_empty() => {
                    self.at += 1;
                    return Ok(Element::Group);
                }
                _ => {
                    self.skip_word(is_phrase)?;
                    phrase.extend_from_slice(&self.raw[word..self.at]);
                }
            }
            if word == together {
                together = self.at;
            }
        }
    }

    /// A quoted string (RFC 5322 §3.2.4); its content is added to `content`.
    fn quoted(&mut self, content: &mut Vec<u8>) -> Result<(), MailboxError> {
        self.at += 1;
        loop {
            match self.peek().ok_or(MailboxError)? {
                b'"' => break,
                b'\\' => {
                    self.at += 1;
                    content.push(self.peek().filter(|&b| b >= b' ').ok_or(MailboxError)?);
                }
                b'\r' | b'\n' => {
                    self.skip_fold()?;
                    continue;
                }
                0 => return Err(MailboxError),
                octet => content.push(octet),
            }
            self.at += 1;
        }
        self.at += 1;
        Ok(())
    }

    /// `<local@domain>`; blanks and comments only next to the brackets, no route (RFC 5322 §4.4).
    fn angle(&mut self) -> Result<Address, MailboxError> {
        self.at += 1;
        self.skip_blanks()?;
        let start = self.at;
        if self.peek() == Some(b'"') {
            self.quoted(&mut Vec::new())?;
        } else {
            self.skip_word(is_atom)?;
        }
        if self.peek() != Some(b'@') {
            return Err(MailboxError);
        }
        self.at += 1;
        self.domain()?;
        let address = address(&self.raw[start..self.at])?;
        self.skip_blanks()?;
        if self.peek() != Some(b'>') {
            return Err(MailboxError);
        }
        self.at += 1;
        Ok(address)
    }

    fn domain(&mut self) -> Result<(), MailboxError> {
        if self.peek() != Some(b'[') {
            return self.skip_word(is_atom);
        }
        let rest = &self.raw[self.at..];
        let end = rest.iter().position(|&b| b == b']').ok_or(MailboxError)?;
        if rest[1..end]
            .iter()
            .any(|&b| !b.is_ascii_graphic() || matches!(b, b'[' | b'\\' | b'<' | b'>' | b'"'))
        {
            return Err(MailboxError);
        }
        self.at += end + 1;
        Ok(())
    }

    fn skip_word(&mut self, belongs: fn(u8) -> bool) -> Result<(), MailboxError> {
        let length = self.raw[self.at..].iter().take_while(|&&b| belongs(b)).count();
        self.at += length;
        if length == 0 { Err(MailboxError) } else { Ok(()) }
    }
}

/// Octets of an atom with dots (RFC 5322 §3.2.3) and of UTF-8 (RFC 6532).
fn is_atom(b: u8) -> bool {
    (b.is_ascii_graphic()
        && !matches!(
            b,
            b'(' | b')' | b'<' | b'>' | b'[' | b']' | b':' | b';' | b'@' | b'\\' | b',' | b'"'
        ))
        || b >= 0x80
}

/// A display name may also hold brackets: every reader skips `[Shop]` before an angle address.
fn is_phrase(b: u8) -> bool {
    is_atom(b) || matches!(b, b'[' | b']')
}

/// Encoded words have no place in an address (RFC 2047 §5), and readers that decode them there see another sender.
fn address(raw: &[u8]) -> Result<Address, MailboxError> {
    let text = std::str::from_utf8(raw).map_err(|_| MailboxError)?;
    if text.contains("=?") {
        return Err(MailboxError);
    }
    Address::parse(text).map_err(|_| MailboxError)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<Vec<Mailbox>, MailboxError> {
        parse_list(&Field {
            name: b"From",
            value: value.as_bytes(),
            raw: b"",
        })
    }

    fn check(value: &str, expected: &[(&str, &str)]) {
        let list = read(value).unwrap_or_else(|_| panic!("refused: {value}"));
        let found: Vec<_> = list
            .iter()
            .map(|m| (m.name.as_str(), m.address.as_str()))
            .collect();
        assert_eq!(found, expected, "{value}");
    }

    #[test]
    fn lists() {
        check("joe@example.com", &[("", "joe@example.com")]);
        check(" <joe@example.com> ", &[("", "joe@example.com")]);
        check(
            "Joe Q. Public <john.q.public@example.com>",
            &[("Joe Q. Public", "john.q.public@example.com")],
        );
        check(
            "\"Joe \\\"J\\\" Doe\" <joe@example.com>",
            &[("Joe \"J\" Doe", "joe@example.com")],
        );
        check(
            "a@example.com, B <b@example.com>,\r\n c@example.com",
            &[
                ("", "a@example.com"),
                ("B", "b@example.com"),
                ("", "c@example.com"),
            ],
        );
        check(
            "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
            &[
                ("Ed Jones", "c@a.test"),
                ("", "joe@where.test"),
                ("John", "jdoe@one.test"),
            ],
        );
        check("undisclosed-recipients:;", &[]);
        check(
            "a@b.example,, c@d.example,",
            &[("", "a@b.example"), ("", "c@d.example")],
        );
        check("joe@example.com (Joe (the \\( one))", &[("", "joe@example.com")]);
        check(
            "(x) Joe (y) < joe@example.com (z) >",
            &[("Joe", "joe@example.com")],
        );
        check(
            "=?utf-8?q?J=C3=B6rg?= =?utf-8?q?_Doe?= <j@example.com>",
            &[("Jörg Doe", "j@example.com")],
        );
        check(
            "\"=?utf-8?q?ceo=40bank.example?=\" <j@example.com>",
            &[("ceo@bank.example", "j@example.com")],
        );
        check(
            "[Shop] Info <info@shop.example>",
            &[("[Shop] Info", "info@shop.example")],
        );
        check("\"a b\"@example.com", &[("", "\"a b\"@example.com")]);
        check("<\"a>b\"@example.com>", &[("", "\"a>b\"@example.com")]);
        check("joe@[192.0.2.1]", &[("", "joe@[192.0.2.1]")]);
        check("Jörg <j@example.com>", &[("Jörg", "j@example.com")]);
    }

    #[test]
    fn what_readers_could_disagree_on() {
        for value in [
            "",
            " ",
            "joe",
            "Joe Doe",
            "<>",
            "<a@b.example> <c@d.example>",
            "a@b.example <c@d.example>",
            "a@b.example c@d.example",
            "<a@b.example> x",
            "<a@b.example",
            "a@b.example>",
            "\"a@b.example",
            "(a@b.example",
            "a@b.example)",
            "a b@c.example",
            "a (x)@b.example",
            "a@b.example@c.example",
            "<@x.example:a@b.example>",
            "<a@b.example,c@d.example>",
            "<<a@b.example>>",
            "[<a@b.example>] <c@d.example>",
            "Group: a@b.example",
            "Group: Inner: a@b.example;;",
            "Group: a@b.example; c@d.example",
            ": a@b.example;",
            "a@b.example;",
            "a@b.example\rc@d.example",
            "a@b.example\0",
            "x\\ <a@b.example>",
            "=?utf-8?b?cG90dXNAd2gudGVzdA==?==?utf-8?q?=00?=@evil.example",
            "a@b..example",
        ] {
            assert_eq!(read(value), Err(MailboxError), "{value}");
        }
    }

    #[test]
    fn bounded() {
        assert_eq!(read(&"a@b.example,".repeat(1_000)).map(|l| l.len()), Ok(1_000));
        assert_eq!(read(&"a@b.example,".repeat(50_000)), Err(MailboxError));
        assert_eq!(read(&"(".repeat(60_000)), Err(MailboxError));
        let deep = "(".repeat(60_000) + &")".repeat(60_000) + "a@b.example";
        assert_eq!(read(&deep).map(|l| l.len()), Ok(1));
        assert_eq!(read(&"a:".repeat(60_000)), Err(MailboxError));
        assert_eq!(read(&"\"".repeat(60_001)), Err(MailboxError));
    }
}
