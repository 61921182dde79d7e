//! SMTP commands: one line without its CRLF becomes a [`Command`] or a [`Reply`] that says what is wrong.
//!
//! Standards: RFC 5321 §4.1, RFC 3030 (BDAT), RFC 1870 (SIZE), RFC 6152 (8BITMIME), RFC 6531 (SMTPUTF8), RFC 3461 (DSN),
//! RFC 4954 (AUTH), RFC 3207 (STARTTLS).
//!
//! Promises: what it returns has no controls and is bounded by the line it was read from; a refusal never echoes the input.
//! The octets come from an attacker. MAIL and RCPT with their parameters are read in `parameters.rs`.

use super::ehlo::is_sasl_mechanism;
use super::parameters::{self, decimal};
use super::reply::Reply;
use crate::address::is_showable;

pub use super::envelope::{BodyType, MailCommand, Notify, OriginalRecipient, RcptCommand, Ret};

/// One command of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// EHLO with the name the client gives itself (printable ASCII or UTF-8, at most 255 octets).
    Ehlo(String),
    /// HELO, likewise.
    Helo(String),
    /// MAIL FROM.
    Mail(Box<MailCommand>),
    /// RCPT TO.
    Rcpt(Box<RcptCommand>),
    /// DATA.
    Data,
    /// BDAT (RFC 3030): this many octets follow; `last` ends the message.
    Bdat {
        /// Octets that follow the command line.
        size_octets: u64,
        /// The LAST keyword was given.
        last: bool,
    },
    /// RSET.
    Rset,
    /// NOOP, its argument ignored.
    Noop,
    /// VRFY, its argument ignored: the answer is always 252.
    Vrfy,
    /// HELP.
    Help,
    /// QUIT.
    Quit,
    /// STARTTLS.
    StartTls,
    /// AUTH with the mechanism in upper case and the initial response still in base64 (`=` means empty).
    Auth {
        /// SASL mechanism name.
        mechanism: String,
        /// Initial response as sent.
        initial_response: Option<String>,
    },
    /// XCLIENT with its attributes still encoded; see [`super::xclient`].
    Xclient(String),
}

impl Command {
    /// Reads one command line without its line end. The error is the reply to give (500, 501, 502, 504, 553, 555 with
    /// enhanced codes of RFC 3463); its text never echoes the input.
    pub fn parse(line: &[u8]) -> Result<Self, Reply> {
        if line.iter().any(u8::is_ascii_control) {
            return Err(Reply::new(
                500,
                (5, 5, 2),
                "Control characters are not allowed in commands",
            ));
        }
        let line = trim_end(line);
        let (verb, argument) = match memchr::memchr(b' ', line) {
            Some(blank) => (&line[..blank], &line[blank + 1..]),
            None => (line, &line[line.len()..]),
        };
        let mut upper = [0; VERB_OCTETS_MAX];
        let Some(upper) = upper.get_mut(..verb.len()) else {
            return Err(unknown());
        };
        upper.copy_from_slice(verb);
        upper.make_ascii_uppercase();
        match &*upper {
            b"EHLO" => greeting(argument).map(Self::Ehlo),
            b"HELO" => greeting(argument).map(Self::Helo),
            b"MAIL" => parameters::mail(argument).map(|mail| Self::Mail(Box::new(mail))),
            b"RCPT" => parameters::rcpt(argument).map(|rcpt| Self::Rcpt(Box::new(rcpt))),
            upper => Self::parse_ascii(upper, argument),
        }
    }

    fn parse_ascii(verb: &[u8], argument: &[u8]) -> Result<Self, Reply> {
        let argument = std::str::from_utf8(argument)
            .ok()
            .filter(|argument| argument.is_ascii());
        let argument =
            argument.ok_or_else(|| Reply::new(501, (5, 5, 2), "Only ASCII is allowed in this command"));
        match verb {
            b"DATA" => without_argument(argument?, Self::Data),
            b"BDAT" => bdat(argument?),
            b"RSET" => without_argument(argument?, Self::Rset),
            b"NOOP" => argument.map(|_| Self::Noop),
            b"VRFY" => argument.map(|_| Self::Vrfy),
            b"HELP" => argument.map(|_| Self::Help),
            b"QUIT" => without_argument(argument?, Self::Quit),
            b"STARTTLS" => without_argument(argument?, Self::StartTls),
            b"AUTH" => auth(argument?),
            b"XCLIENT" => match argument? {
                "" => Err(Reply::syntax("XCLIENT needs attributes")),
                attributes => Ok(Self::Xclient(attributes.to_owned())),
            },
            b"EXPN" | b"ETRN" | b"TURN" | b"ATRN" | b"SEND" | b"SOML" | b"SAML" | b"XFORWARD" | b"BURL" => {
                Err(Reply::new(502, (5, 5, 1), "Command not implemented"))
            }
            _ => Err(unknown()),
        }
    }

    /// The command's verb in upper case, for logs and statistics.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Ehlo(_) => "EHLO",
            Self::Helo(_) => "HELO",
            Self::Mail(_) => "MAIL",
            Self::Rcpt(_) => "RCPT",
            Self::Data => "DATA",
            Self::Bdat { .. } => "BDAT",
            Self::Rset => "RSET",
            Self::Noop => "NOOP",
            Self::Vrfy => "VRFY",
            Self::Help => "HELP",
            Self::Quit => "QUIT",
            Self::StartTls => "STARTTLS",
            Self::Auth { .. } => "AUTH",
            Self::Xclient(_) => "XCLIENT",
        }
    }
}

/// Octets of the longest verb known.
const VERB_OCTETS_MAX: usize = 8;
/// Octets of the name in EHLO (RFC 5321 §4.5.3.1.2).
pub const EHLO_OCTETS_MAX: usize = 255;

fn unknown() -> Reply {
    Reply::new(500, (5, 5, 2), "Command not recognized")
}

/// RFC 5321 §4.1.1: blanks at the end of a line are tolerated.
fn trim_end(line: &[u8]) -> &[u8] {
    let mut line = line;
    while let [head @ .., b' '] = line {
        line = head;
    }
    line
}

fn without_argument(argument: &str, command: Command) -> Result<Command, Reply> {
    if argument.is_empty() {
        Ok(command)
    } else {
        Err(Reply::syntax("This command takes no argument"))
    }
}

/// The name a client gives itself. What is wrong with it beyond form is judged elsewhere, not refused here.
fn greeting(argument: &[u8]) -> Result<String, Reply> {
    if argument.is_empty() {
        return Err(Reply::syntax("A host name is needed"));
    }
    if argument.len() > EHLO_OCTETS_MAX {
        return Err(Reply::syntax("The host name is too long"));
    }
    match std::str::from_utf8(argument) {
        Ok(name) if name.chars().all(|char| char != ' ' && is_showable(char)) => Ok(name.to_owned()),
        _ => Err(Reply::syntax("This is not a host name")),
    }
}

/// RFC 3030 §2: `BDAT size [LAST]`.
fn bdat(argument: &str) -> Result<Command, Reply> {
    let (size, last) = match argument.split_once(' ') {
        None => (argument, false),
        Some((size, last)) if last.eq_ignore_ascii_case("LAST") => (size, true),
        Some(_) => return Err(Reply::syntax("Syntax: BDAT size [LAST]")),
    };
    let size_octets = decimal(size).ok_or_else(|| Reply::syntax("Syntax: BDAT size [LAST]"))?;
    Ok(Command::Bdat { size_octets, last })
}

/// RFC 4954 §4: `AUTH mechanism [initial-response]`.
fn auth(argument: &str) -> Result<Command, Reply> {
    let (mechanism, response) = match argument.split_once(' ') {
        None => (argument, None),
        Some((mechanism, response)) => (mechanism, Some(response)),
    };
    let mechanism = mechanism.to_ascii_uppercase();
    if !is_sasl_mechanism(&mechanism) {
        return Err(Reply::syntax("Syntax: AUTH mechanism [initial-response]"));
    }
    let base64 = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/' | b'=');
    if response.is_some_and(|response| response.is_empty() || !response.bytes().all(base64)) {
        return Err(Reply::new(501, (5, 5, 2), "The initial response is not base64"));
    }
    Ok(Command::Auth {
        mechanism,
        initial_response: response.map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Command) {
        assert_eq!(Command::parse(line.as_bytes()), Ok(expected), "{line:?}");
    }

    fn refuse(line: &[u8], code: u16, enhanced: &str) {
        let reply = Command::parse(line).expect_err(&line.escape_ascii().to_string());
        let found = (reply.code, reply.enhanced.map(|code| code.to_string()));
        assert_eq!(
            found,
            (code, Some(enhanced.to_owned())),
            "{}",
            line.escape_ascii()
        );
    }

    #[test]
    fn simple_commands() {
        check("EHLO mx.example", Command::Ehlo("mx.example".into()));
        check("ehlo [192.0.2.1]", Command::Ehlo("[192.0.2.1]".into()));
        check("EHLO bücher.example", Command::Ehlo("bücher.example".into()));
        check("EHLO my_pc", Command::Ehlo("my_pc".into()));
        check("HeLo x", Command::Helo("x".into()));
        check("DATA", Command::Data);
        check("data   ", Command::Data);
        check("RSET", Command::Rset);
        check("NOOP", Command::Noop);
        check("NOOP what ever", Command::Noop);
        check("VRFY", Command::Vrfy);
        check("VRFY joe", Command::Vrfy);
        check("HELP", Command::Help);
        check("help mail", Command::Help);
        check("QUIT", Command::Quit);
        check("StartTLS", Command::StartTls);
        check(
            "XCLIENT ADDR=192.0.2.1",
            Command::Xclient("ADDR=192.0.2.1".into()),
        );
    }

    #[test]
    fn chunks() {
        check(
            "BDAT 0 LAST",
            Command::Bdat {
                size_octets: 0,
                last: true,
            },
        );
        check(
            "bdat 86 last",
            Command::Bdat {
                size_octets: 86,
                last: true,
            },
        );
        check(
            "BDAT 18446744073709551615",
            Command::Bdat {
                size_octets: u64::MAX,
                last: false,
            },
        );
        for line in [
            "BDAT",
            "BDAT -1",
            "BDAT +1",
            "BDAT x",
            "BDAT 18446744073709551616",
            "BDAT 1 FIRST",
        ] {
            refuse(line.as_bytes(), 501, "5.5.4");
        }
        for line in [
            "BDAT 1  LAST",
            "BDAT 1 LAST 2",
            "BDAT LAST",
            "BDAT 000000000000000000001",
            "BDAT 0x10",
        ] {
            refuse(line.as_bytes(), 501, "5.5.4");
        }
    }

    #[test]
    fn authentication() {
        let auth = |mechanism: &str, response: Option<&str>| Command::Auth {
            mechanism: mechanism.into(),
            initial_response: response.map(str::to_owned),
        };
        check("AUTH PLAIN AGEAYg==", auth("PLAIN", Some("AGEAYg==")));
        check("auth plain", auth("PLAIN", None));
        check("AUTH EXTERNAL =", auth("EXTERNAL", Some("=")));
        check("AUTH SCRAM-SHA-256 biws", auth("SCRAM-SHA-256", Some("biws")));
        refuse(b"AUTH", 501, "5.5.4");
        refuse(b"AUTH PL@IN", 501, "5.5.4");
        refuse(b"AUTH ABCDEFGHIJKLMNOPQRSTU", 501, "5.5.4");
        refuse(b"AUTH PLAIN a*b", 501, "5.5.2");
        refuse(b"AUTH PLAIN YQ== YQ==", 501, "5.5.2");
        refuse(b"AUTH PLAIN  YQ==", 501, "5.5.2");
    }

    #[test]
    fn what_is_not_a_command() {
        for line in [
            "",
            " ",
            " NOOP",
            "XYZZY",
            "GET / HTTP/1.1",
            "EHLO:x",
            "NOOPNOOPNOOP",
            "MAIL\u{fc} x",
        ] {
            refuse(line.as_bytes(), 500, "5.5.2");
        }
        for line in [
            &b"NOOP\0"[..],
            b"NO\x1bOP",
            b"MAIL FROM:\t<a@b>",
            b"EHLO a\rb",
            b"EHLO a\nb",
            b"EHLO a\x7f",
        ] {
            refuse(line, 500, "5.5.2");
        }
        for line in [
            "EXPN list",
            "ETRN x",
            "TURN",
            "SAML FROM:<a@b>",
            "XFORWARD NAME=x",
        ] {
            refuse(line.as_bytes(), 502, "5.5.1");
        }
        for line in [
            "EHLO",
            "HELO ",
            "EHLO a b",
            "DATA x",
            "RSET x",
            "QUIT now",
            "STARTTLS x",
            "XCLIENT",
        ] {
            refuse(line.as_bytes(), 501, "5.5.4");
        }
        refuse(b"EHLO \xff", 501, "5.5.4");
        refuse(b"EHLO a\xc2\x85", 501, "5.5.4");
        refuse("EHLO a\u{202e}b".as_bytes(), 501, "5.5.4");
        refuse("NOOP ü".as_bytes(), 501, "5.5.2");
        refuse("VRFY ü".as_bytes(), 501, "5.5.2");
        refuse(&[b"EHLO ".as_slice(), &[b'a'; 256]].concat(), 501, "5.5.4");
    }

    #[test]
    fn refusals_do_not_echo() {
        for line in [
            "XECHOX",
            "EHLO a ECHO",
            "MAIL FROM:<ECHO",
            "RCPT TO:<a@b> ECHO=1",
            "AUTH ECHO~",
            "BDAT ECHO",
        ] {
            let reply = Command::parse(line.as_bytes()).unwrap_err();
            assert!(!reply.one_line().contains("ECHO"), "{line}");
        }
    }

    #[test]
    fn verbs_name_themselves() {
        for line in [
            "EHLO x",
            "HELO x",
            "MAIL FROM:<>",
            "RCPT TO:<a@b>",
            "DATA",
            "BDAT 1",
            "RSET",
            "NOOP",
            "VRFY",
        ] {
            assert_eq!(Command::parse(line.as_bytes()).unwrap().verb(), &line[..4]);
        }
    }
}
