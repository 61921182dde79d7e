//! ClamAV's clamd: the command INSTREAM of its socket protocol (clamd(8)).
//!
//! One connection a message: `zINSTREAM`, the message as one chunk behind its length, an empty chunk; the answer is
//! `stream: OK`, `stream: NAME FOUND` or a text that ends in `ERROR`. The octets are written from where they are.

use super::exchange::{Fault, connect, read_reply, shown};
use bytes::{Buf, Bytes};
use net::{Dialer, Endpoint};
use risk::ScanResult;
use tokio::io::AsyncWriteExt;

/// A client of one clamd.
#[derive(Debug)]
pub(super) struct Clamav {
    pub(super) dialer: Dialer,
    pub(super) endpoint: Endpoint,
}

/// Octets of an answer.
const REPLY_OCTETS_MAX: usize = 4_096;

impl Clamav {
    /// Shows it a message.
    pub(super) async fn scan(&self, message: &Bytes) -> Result<ScanResult, Fault> {
        let length = u32::try_from(message.len()).map_err(|_| Fault::Refused("4 GiB".to_owned()))?;
        let mut stream = connect(&self.dialer, &self.endpoint).await?;
        let mut start = [0; 14];
        start[..10].copy_from_slice(b"zINSTREAM\0");
        start[10..].copy_from_slice(&length.to_be_bytes());
        let mut request = start.chain(message.clone()).chain([0; 4].as_slice());
        // It may have answered (a message too large for it) and closed before it had everything: the answer is read first.
        let written = stream.write_all_buf(&mut request).await;
        match read_reply(&mut stream, REPLY_OCTETS_MAX, |reply| reply.ends_with(b"\0")).await {
            Ok(reply) if !reply.is_empty() => parse(&reply),
            Ok(_) => Err(written
                .err()
                .map_or_else(|| Fault::wrong(b"nothing"), Fault::Broken)),
            Err(fault) => Err(fault),
        }
    }
}

/// Reads an answer.
fn parse(reply: &[u8]) -> Result<ScanResult, Fault> {
    let line = reply.strip_suffix(b"\0").ok_or_else(|| Fault::wrong(reply))?;
    if line == b"stream: OK" {
        return Ok(ScanResult::Clean);
    }
    if let Some(refusal) = line.strip_suffix(b"ERROR") {
        let size = memchr::memmem::find(line, b"size limit exceeded").is_some();
        let text = shown(refusal.strip_suffix(b". ").unwrap_or(refusal));
        return Err(if size {
            Fault::Refused(text)
        } else {
            Fault::Wrong(text)
        });
    }
    let name = line
        .strip_prefix(b"stream: ")
        .and_then(|rest| rest.strip_suffix(b" FOUND"));
    match name.map(shown) {
        Some(name) if !name.is_empty() => Ok(ScanResult::Infected(name)),
        _ => Err(Fault::wrong(line)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let check = |reply: &[u8], expected: Result<ScanResult, &str>| {
            let read = parse(reply).map_err(|fault| fault.to_string());
            assert_eq!(
                read,
                expected.map_err(str::to_owned),
                "{}",
                String::from_utf8_lossy(reply)
            );
        };
        let infected = |name: &str| Ok(ScanResult::Infected(name.to_owned()));
        check(b"stream: OK\0", Ok(ScanResult::Clean));
        check(b"stream: OK", Err("wrong answer: stream: OK"));
        check(
            b"stream: Win.Test.EICAR_HDB-1 FOUND\0",
            infected("Win.Test.EICAR_HDB-1"),
        );
        check(b"stream: OK FOUND\0", infected("OK"));
        check(
            b"INSTREAM size limit exceeded. ERROR\0",
            Err("refused: INSTREAM size limit exceeded"),
        );
        check(
            b"stream: Can't allocate memory ERROR\0",
            Err("wrong answer: stream: Can't allocate memory"),
        );
        check(
            b"COMMAND READ TIMED OUT\0",
            Err("wrong answer: COMMAND READ TIMED OUT"),
        );
        check(b"stream:  FOUND\0", Err("wrong answer: stream:  FOUND"));
        check(b"stream: FOUND\0", Err("wrong answer: stream: FOUND"));
        check(
            b"HTTP/1.1 400 Bad Request\r\n",
            Err("wrong answer: HTTP/1.1 400 Bad Request"),
        );
        check(b"UNKNOWN COMMAND\0", Err("wrong answer: UNKNOWN COMMAND"));
    }
}
