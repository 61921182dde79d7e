//! The EHLO reply's list of extensions, read by the client side (RFC 5321 §4.1.1.1).
//!
//! Trusts nothing: an extension is used only if its keyword stands there exactly; what is odd counts as not offered.

/// AUTH mechanisms kept.
pub const AUTH_MECHANISMS_MAX: usize = 16;

/// What a next hop offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// 8BITMIME (RFC 6152).
    pub eight_bit_mime: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// DSN (RFC 3461).
    pub dsn: bool,
    /// STARTTLS (RFC 3207).
    pub starttls: bool,
    /// CHUNKING (RFC 3030).
    pub chunking: bool,
    /// ENHANCEDSTATUSCODES (RFC 2034).
    pub enhanced_status_codes: bool,
    /// SIZE (RFC 1870): offered, and its limit if one was named and is not zero.
    pub size: Option<Option<u64>>,
    /// AUTH mechanisms in upper case, at most 16.
    pub auth: Vec<String>,
}

impl Extensions {
    /// Reads the lines of a 250 reply to EHLO; the first line is the greeting and is skipped. Unknown keywords are ignored.
    pub fn parse(reply: &super::Reply) -> Self {
        let mut extensions = Self::default();
        if reply.code == 250 {
            for line in reply.lines.iter().skip(1) {
                extensions.line(line);
            }
        }
        extensions
    }

    fn line(&mut self, line: &str) {
        let mut words = line.split_ascii_whitespace();
        let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
        match keyword.as_str() {
            "PIPELINING" => self.pipelining = true,
            "8BITMIME" => self.eight_bit_mime = true,
            "SMTPUTF8" => self.smtputf8 = true,
            "DSN" => self.dsn = true,
            "STARTTLS" => self.starttls = true,
            "CHUNKING" => self.chunking = true,
            "ENHANCEDSTATUSCODES" => self.enhanced_status_codes = true,
            "SIZE" => {
                let limit = words
                    .next()
                    .and_then(|number| number.parse().ok())
                    .filter(|limit| *limit > 0);
                self.size = Some(limit);
            }
            "AUTH" => self.mechanisms(words),
            // The form of drafts before RFC 2554, still sent by some beside the right one.
            _ => {
                if let Some(first) = keyword.strip_prefix("AUTH=") {
                    self.mechanisms(std::iter::once(first).chain(words));
                }
            }
        }
    }

    fn mechanisms<'a>(&mut self, words: impl Iterator<Item = &'a str>) {
        for word in words {
            let mechanism = word.to_ascii_uppercase();
            let valid = is_sasl_mechanism(&mechanism);
            if valid && self.auth.len() < AUTH_MECHANISMS_MAX && !self.auth.contains(&mechanism) {
                self.auth.push(mechanism);
            }
        }
    }
}

/// A mechanism name in upper case (RFC 4422 §3.1): 1 to 20 of letters, digits, `-` and `_`.
pub(super) fn is_sasl_mechanism(name: &str) -> bool {
    let valid =
        |octet: u8| octet.is_ascii_uppercase() || octet.is_ascii_digit() || matches!(octet, b'-' | b'_');
    (1..=20).contains(&name.len()) && name.bytes().all(valid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::Reply;

    fn read(code: u16, lines: &[&str]) -> Extensions {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        Extensions::parse(&Reply {
            code,
            enhanced: None,
            lines,
        })
    }

    #[test]
    fn all_extensions() {
        let found = read(
            250,
            &[
                "mx.example greets you",
                "PIPELINING",
                "8bitmime",
                "SMTPUTF8",
                "DSN",
                "StartTLS",
                "CHUNKING",
                "ENHANCEDSTATUSCODES",
                "SIZE 1000",
                "AUTH plain LOGIN",
                "AUTH=LOGIN CRAM-MD5",
                "XYZZY 1 2 3",
                "",
            ],
        );
        let expected = Extensions {
            pipelining: true,
            eight_bit_mime: true,
            smtputf8: true,
            dsn: true,
            starttls: true,
            chunking: true,
            enhanced_status_codes: true,
            size: Some(Some(1000)),
            auth: vec!["PLAIN".into(), "LOGIN".into(), "CRAM-MD5".into()],
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn greeting_and_refusals_offer_nothing() {
        assert_eq!(read(250, &["STARTTLS"]), Extensions::default());
        assert_eq!(read(502, &["no", "STARTTLS"]), Extensions::default());
        assert_eq!(read(250, &["mx", "STARTTLSX", "X-DSN"]), Extensions::default());
    }

    #[test]
    fn sizes() {
        for (line, size) in [
            ("SIZE", None),
            ("SIZE 0", None),
            ("SIZE 18446744073709551616", None),
            ("SIZE -1", None),
            ("SIZE x", None),
            ("SIZE 5", Some(5)),
        ] {
            assert_eq!(read(250, &["mx", line]).size, Some(size), "{line}");
        }
    }

    #[test]
    fn mechanisms_are_bounded() {
        let many: String = (0..40).map(|number| format!(" M{number}")).collect();
        assert_eq!(read(250, &["mx", &format!("AUTH{many} bad~one")]).auth.len(), 16);
    }
}
