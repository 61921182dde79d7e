//! What every exchange with a scanner has: what is told about the message, how a reply is read, what can go wrong.
//!
//! A scanner belongs to the operator and is trusted to judge, not to behave: replies are bounded, and what they say is
//! checked for form. What the client chose (names, addresses) is freed of controls before it stands in a protocol header.

use mail::Address;
use net::{Dialer, Duplex, Endpoint, NetError};
use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use trace::Id;

/// What is told about a message besides its octets.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The true client; told only when the settings say so.
    pub client: Option<IpAddr>,
    /// Its EHLO name; likewise.
    pub helo: &'a str,
    /// The login, if there is one.
    pub login: Option<&'a str>,
    /// None is the null reverse-path.
    pub reverse_path: Option<&'a Address>,
    /// Forward-paths; at most [`About::RECIPIENTS_MAX`] are told.
    pub recipients: &'a [&'a Address],
    /// The story's id.
    pub queue_id: Id,
}

impl About<'_> {
    /// Recipients told to a scanner; more would only swell its request.
    pub const RECIPIENTS_MAX: usize = 50;
}

/// Why a scanner gave no opinion.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// It could not be reached. The operator, or the scanner.
    #[error("{0}")]
    Unreachable(#[from] NetError),
    /// The connection broke. The scanner.
    #[error("connection lost: {0}")]
    Broken(#[from] std::io::Error),
    /// What it said is not the protocol. The scanner.
    #[error("wrong answer: {0}")]
    Wrong(String),
    /// It works, but will not judge this message. The scanner's configuration.
    #[error("refused: {0}")]
    Refused(String),
}

impl Fault {
    /// Speaks for the scanner being down, not only for this message being unwelcome.
    pub(super) fn counts(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }

    /// A wrong answer, shown in part.
    pub(super) fn wrong(answer: &[u8]) -> Self {
        Self::Wrong(shown(answer))
    }
}

/// Makes a connection. The caller's deadline is the one that counts; this one only bounds what is left behind.
pub(super) async fn connect(dialer: &Dialer, endpoint: &Endpoint) -> Result<Box<dyn Duplex>, Fault> {
    Ok(dialer.connect_endpoint(endpoint, CONNECT_MAX).await?)
}

/// Time for one connection attempt.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Reads until `is_whole` says so or the stream ends; more than `octets_max` is a wrong answer. A connection that breaks behind
/// an answer (who closes before it has read everything breaks it) gives what was said; whether that is whole is for the parser
/// to see.
pub(super) async fn read_reply(
    stream: &mut (impl AsyncRead + Unpin),
    octets_max: usize,
    is_whole: fn(&[u8]) -> bool,
) -> Result<Vec<u8>, Fault> {
    let mut reply = Vec::with_capacity(512);
    while !is_whole(&reply) {
        match stream.read_buf(&mut reply).await {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if reply.is_empty() => return Err(error.into()),
            Err(_) => break,
        }
        if reply.len() > octets_max {
            return Err(Fault::Wrong(format!("more than {octets_max} octets")));
        }
    }
    Ok(reply)
}

/// A value for one protocol header: no controls (so no line can be added), at most 500 characters.
pub(super) fn header_value(text: &str) -> Cow<'_, str> {
    let fits = text.len() <= VALUE_CHARS_MAX && !text.bytes().any(|octet| octet.is_ascii_control());
    if fits {
        return Cow::Borrowed(text);
    }
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    Cow::Owned(text.chars().take(VALUE_CHARS_MAX).map(clean).collect())
}

const VALUE_CHARS_MAX: usize = 500;

/// The start of what a scanner said, for a person: no controls, at most 120 characters.
pub(super) fn shown(text: &[u8]) -> String {
    let start = text.get(..480).unwrap_or(text);
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let text: String = String::from_utf8_lossy(start)
        .chars()
        .take(120)
        .map(clean)
        .collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_can_be_added() {
        let check = |given: &str, kept: &str| assert_eq!(header_value(given), kept, "{given:?}");
        check("mx.example.com", "mx.example.com");
        check("a\r\nUser: root", "a  User: root");
        check("a\0b\x7fc\u{85}", "a b c ");
        check("josé", "josé");
        check(&"é".repeat(600), &"é".repeat(500));
    }

    #[test]
    fn answers_are_shown_in_part() {
        let check = |given: &[u8], kept: &str| assert_eq!(shown(given), kept);
        check(b" stream: X \r\n", "stream: X");
        check(b"\xff\x1b[31m", "\u{fffd} [31m");
        check(&[b'a'; 100_000], &"a".repeat(120));
        check(b"", "");
    }

    #[tokio::test]
    async fn replies_are_bounded() {
        for (length, fits) in [(0, true), (10, true), (11, false), (1_000, false)] {
            let octets = vec![b'x'; length];
            let read = read_reply(&mut octets.as_slice(), 10, |_| false).await;
            assert_eq!(read.is_ok_and(|reply| reply.len() == length), fits, "{length}");
        }
        let mut two = b"one\0".chain(&b"two"[..]);
        let until = read_reply(&mut two, 10, |reply| reply.ends_with(b"\0"));
        assert_eq!(until.await.unwrap(), b"one\0");
    }
}
