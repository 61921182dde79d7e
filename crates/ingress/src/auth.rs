//! SASL exchanges of the server side: PLAIN (RFC 4616) and LOGIN (the old draft that mail programs still speak), over
//! AUTH (RFC 4954). Pure: what comes out is a name and a password to be checked, or a reply.
//!
//! Promises: bounded names and passwords; an authorisation identity never gives another account's rights; nothing of what
//! the client sent is echoed or printed. Trusts nothing.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use mail::smtp::Reply;

/// Octets of a login name; longer ones cannot exist.
pub const LOGIN_OCTETS_MAX: usize = 320;
/// Octets of a password; hashing cost grows with it.
pub const PASSWORD_OCTETS_MAX: usize = 512;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// What a client claims.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `PLAIN` or `LOGIN`.
    pub mechanism: &'static str,
    /// The login name.
    pub login: String,
    /// The password.
    pub password: Vec<u8>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({}, {:?})", self.mechanism, self.login)
    }
}

/// An exchange under way: what the next line of the client means.
#[derive(PartialEq, Eq)]
pub enum Exchange {
    /// PLAIN: everything in one response.
    Plain,
    /// LOGIN: the name.
    LoginName,
    /// LOGIN: the password for this name (empty when the name cannot be one).
    LoginPassword(String),
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain => "Plain",
            Self::LoginName => "LoginName",
            Self::LoginPassword(_) => "LoginPassword",
        })
    }
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// Say 334 with this challenge, already in base64, and wait for a line.
    Challenge(Exchange, &'static str),
    /// Check this.
    Claim(Credentials),
    /// Refuse; the exchange is over.
    Refuse(Reply),
}

/// The exchange of a mechanism (in upper case) with its initial response; None when the mechanism is not known.
pub fn begin(mechanism: &str, initial_response: Option<&str>) -> Option<Progress> {
    let exchange = match mechanism {
        "PLAIN" => Exchange::Plain,
        "LOGIN" => Exchange::LoginName,
        _ => return None,
    };
    Some(match (initial_response, exchange) {
        (Some("="), exchange) => exchange.response(b""),
        (Some(response), exchange) => exchange.response(response.as_bytes()),
        (None, Exchange::Plain) => Progress::Challenge(Exchange::Plain, ""),
        // "Username:", as every client of this mechanism expects it.
        (None, exchange) => Progress::Challenge(exchange, "VXNlcm5hbWU6"),
    })
}

/// The only answer to any login that is not granted: unknown name, wrong password, disabled, shut out.
pub fn denied() -> Reply {
    Reply::new(535, (5, 7, 8), "Authentication failed")
}

impl Exchange {
    /// The client's next line, without line end, still in base64.
    pub fn response(self, line: &[u8]) -> Progress {
        if line == b"*" {
            return Progress::Refuse(Reply::new(501, (5, 7, 0), "Authentication cancelled"));
        }
        let Ok(octets) = BASE64.decode(line) else {
            return Progress::Refuse(Reply::new(501, (5, 5, 2), "The response is not base64"));
        };
        match self {
            Self::Plain => plain(&octets),
            // "Password:"
            Self::LoginName => Progress::Challenge(Self::LoginPassword(name(&octets)), "UGFzc3dvcmQ6"),
            Self::LoginPassword(login) => claim("LOGIN", login, &octets),
        }
    }
}

/// RFC 4616 §2: `[authzid] NUL authcid NUL passwd`.
fn plain(octets: &[u8]) -> Progress {
    let mut parts = octets.split(|octet| *octet == 0);
    let (Some(authzid), Some(authcid), Some(password), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Progress::Refuse(Reply::new(501, (5, 5, 2), "The response is not one of PLAIN"));
    };
    if !authzid.is_empty() && !authzid.eq_ignore_ascii_case(authcid) {
        return Progress::Refuse(denied());
    }
    claim("PLAIN", name(authcid), password)
}

/// The name, or nothing when it cannot be one.
fn name(octets: &[u8]) -> String {
    let text = std::str::from_utf8(octets).unwrap_or_default();
    let possible = text.len() <= LOGIN_OCTETS_MAX && !text.chars().any(char::is_control);
    if possible { text.to_owned() } else { String::new() }
}

fn claim(mechanism: &'static str, login: String, password: &[u8]) -> Progress {
    let possible = !login.is_empty()
        && !password.is_empty()
        && password.len() <= PASSWORD_OCTETS_MAX
        && !password.contains(&0);
    if possible {
        Progress::Claim(Credentials {
            mechanism,
            login,
            password: password.to_vec(),
        })
    } else {
        Progress::Refuse(denied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn b64(octets: &[u8]) -> String {
        BASE64.encode(octets)
    }

    fn code(progress: Option<Progress>) -> String {
        match progress {
            None => "unknown".to_owned(),
            Some(Progress::Challenge(exchange, challenge)) => format!("{exchange:?} {challenge}"),
            Some(Progress::Claim(claim)) => {
                format!(
                    "{} {} {}",
                    claim.mechanism,
                    claim.login,
                    String::from_utf8_lossy(&claim.password)
                )
            }
            Some(Progress::Refuse(reply)) => reply.code.to_string(),
        }
    }

    #[test]
    fn plain_in_one_line() {
        for (octets, expected) in [
            (&b"\0a@x.example\0secret"[..], "PLAIN a@x.example secret"),
            (b"a@x.example\0a@x.example\0secret", "PLAIN a@x.example secret"),
            (b"A@X.example\0a@x.example\0s", "PLAIN a@x.example s"),
            (b"b@x.example\0a@x.example\0secret", "535"),
            (b"\0a@x.example\0", "535"),
            (b"\0\0secret", "535"),
            (b"a@x.example", "501"),
            (b"\0a@x.example", "501"),
            (b"\0a\0b\0c", "501"),
            (b"", "501"),
            (b"\0a\nb\0secret", "535"),
            (b"\0\xff\0secret", "535"),
        ] {
            assert_eq!(code(begin("PLAIN", Some(&b64(octets)))), expected, "{octets:?}");
        }
        let long = [&b"\0"[..], "n".repeat(5_000).as_bytes(), b"\0p"].concat();
        assert_eq!(code(begin("PLAIN", Some(&b64(&long)))), "535");
        let long = [&b"\0a@x.example\0"[..], "p".repeat(513).as_bytes()].concat();
        assert_eq!(code(begin("PLAIN", Some(&b64(&long)))), "535");
    }

    #[test]
    fn beginnings() {
        for (mechanism, response, expected) in [
            ("PLAIN", None, "Plain "),
            ("PLAIN", Some("="), "501"),
            ("PLAIN", Some("****"), "501"),
            ("PLAIN", Some("QQ"), "501"),
            ("LOGIN", None, "LoginName VXNlcm5hbWU6"),
            ("LOGIN", Some("YUB4LmV4YW1wbGU="), "LoginPassword UGFzc3dvcmQ6"),
            ("CRAM-MD5", None, "unknown"),
            ("XOAUTH2", Some("QQ=="), "unknown"),
        ] {
            assert_eq!(
                code(begin(mechanism, response)),
                expected,
                "{mechanism} {response:?}"
            );
        }
    }

    #[test]
    fn login_in_two_lines() {
        for (name, password, expected) in [
            ("a@x.example", "YQ==", "LOGIN a@x.example a"),
            ("a@x.example", "*", "501"),
            ("a@x.example", "", "535"),
            ("", "YQ==", "535"),
            ("a\u{1b}b", "YQ==", "535"),
        ] {
            let Progress::Challenge(exchange, _) =
                Exchange::LoginName.response(b64(name.as_bytes()).as_bytes())
            else {
                panic!("{name:?}")
            };
            assert_eq!(
                code(Some(exchange.response(password.as_bytes()))),
                expected,
                "{name:?}"
            );
        }
        assert_eq!(code(Some(Exchange::LoginName.response(b"*"))), "501");
    }

    #[test]
    fn passwords_are_not_printed() {
        let Some(Progress::Claim(claim)) = begin("PLAIN", Some(&b64(b"\0a\0topsecret"))) else {
            panic!()
        };
        assert!(!format!("{claim:?}").contains("topsecret"));
    }
}
