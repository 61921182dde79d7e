//! SpamAssassin's spamd: the command REPORT of SPAMC/1.5.
//!
//! One connection a message: head, message, half-close; the answer is a head with `Spam: True ; 15.0 / 5.0` and the report,
//! from whose table the rules and their points are read where it has the usual form.

use super::exchange::{About, Fault, connect, header_value, read_reply};
use bytes::{Buf, Bytes};
use net::{Dialer, Endpoint};
use risk::ScanResult;
use tokio::io::AsyncWriteExt;

/// A client of one spamd.
#[derive(Debug)]
pub(super) struct SpamAssassin {
    pub(super) dialer: Dialer,
    pub(super) endpoint: Endpoint,
}

/// Octets of an answer.
const REPLY_OCTETS_MAX: usize = 256 << 10;
/// Octets of its head.
const HEAD_OCTETS_MAX: usize = 4_096;
/// Rules told on.
const SYMBOLS_MAX: usize = 20;

impl SpamAssassin {
    /// Shows it a message.
    pub(super) async fn scan(&self, message: &Bytes, about: &About<'_>) -> Result<ScanResult, Fault> {
        let mut stream = connect(&self.dialer, &self.endpoint).await?;
        let mut head = format!("REPORT SPAMC/1.5\r\nContent-length: {}\r\n", message.len());
        if let Some(login) = about.login {
            head.push_str("User: ");
            head.push_str(&header_value(login));
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        let mut request = head.as_bytes().chain(message.clone());
        stream.write_all_buf(&mut request).await?;
        stream.shutdown().await?;
        parse(&read_reply(&mut stream, REPLY_OCTETS_MAX, |_| false).await?)
    }
}

/// Reads an answer.
fn parse(reply: &[u8]) -> Result<ScanResult, Fault> {
    let start = reply.get(..HEAD_OCTETS_MAX).unwrap_or(reply);
    let end = memchr::memmem::find(start, b"\r\n\r\n").ok_or_else(|| Fault::wrong(reply))?;
    let head = String::from_utf8_lossy(&start[..end]);
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default();
    // SPAMD/1.1 0 EX_OK; the numbers are those of sysexits.h.
    let mut words = status
        .strip_prefix("SPAMD/")
        .ok_or_else(|| Fault::wrong(reply))?
        .split(' ');
    if words.nth(1) != Some("0") {
        return Err(Fault::wrong(status.as_bytes()));
    }
    let mut score = None;
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        if name.eq_ignore_ascii_case("Spam") {
            score = parse_score(value);
        } else if name.eq_ignore_ascii_case("Content-length") {
            whole(value, reply.len().saturating_sub(end + 4))?;
        }
    }
    let (score, required) = score.ok_or_else(|| Fault::wrong(reply))?;
    let report = String::from_utf8_lossy(reply.get(end + 4..).unwrap_or_default());
    Ok(ScanResult::Scored {
        score,
        required,
        symbols: rules(&report),
    })
}

/// A report that was cut off is no answer.
fn whole(declared: &str, length: usize) -> Result<(), Fault> {
    match declared.trim().parse::<usize>() {
        Ok(declared) if declared <= length => Ok(()),
        _ => Err(Fault::Wrong("the answer is cut off".to_owned())),
    }
}

/// ` True ; 15.0 / 5.0`.
fn parse_score(value: &str) -> Option<(f32, f32)> {
    let (_, figures) = value.split_once(';')?;
    let (score, required) = figures.split_once('/')?;
    Some((points(score.trim())?, points(required.trim())?))
}

fn points(text: &str) -> Option<f32> {
    text.parse::<f32>().ok().filter(|points| points.abs() <= 1e6)
}

/// Rules of the report's table, strongest first: lines of points, name, description.
fn rules(report: &str) -> Vec<(String, f32)> {
    let mut rules: Vec<_> = report.lines().filter_map(rule).collect();
    rules.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    rules.truncate(SYMBOLS_MAX);
    rules
}

fn rule(line: &str) -> Option<(String, f32)> {
    let mut words = line.split_ascii_whitespace();
    let points = points(words.next()?)?;
    let name = words.next()?;
    let letter = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let is_name = (3..=80).contains(&name.len())
        && name.chars().all(letter)
        && name.starts_with(|c: char| !c.is_ascii_digit());
    is_name.then(|| (name.to_owned(), points))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(score: f32, required: f32, symbols: &[(&str, f32)]) -> Result<ScanResult, String> {
        let symbols = symbols
            .iter()
            .map(|(name, weight)| ((*name).to_owned(), *weight))
            .collect();
        Ok(ScanResult::Scored {
            score,
            required,
            symbols,
        })
    }

    fn check(reply: &str, expected: Result<ScanResult, String>) {
        let read = parse(reply.as_bytes()).map_err(|fault| fault.to_string());
        assert_eq!(read, expected, "{reply}");
    }

    #[test]
    fn answers() {
        let report = "Content analysis details:   (7.1 points, 5.0 required)\n\n pts rule name              description\n\
             ---- ---------------------- --------------------------------------------------\n\
              2.5 URIBL_X                 Contains an URL\n                            [URIs: example.com]\n\
             -1.9 BAYES_00               BODY: Bayes spam probability is 0 to 1%\n 6.5 HELO_X (HELO_X)\n 0.0 A B\n 12 monkeys\n";
        let rules = [("HELO_X", 6.5), ("URIBL_X", 2.5), ("BAYES_00", -1.9)];
        let reply = format!(
            "SPAMD/1.1 0 EX_OK\r\nContent-length: {}\r\nSpam: True ; 7.1 / 5.0\r\n\r\n{report}",
            report.len()
        );
        check(&reply, scored(7.1, 5.0, &rules));
        check(
            "SPAMD/1.5 0 EX_OK\r\nspam: False ; -0.5 / 5.0\r\n\r\n",
            scored(-0.5, 5.0, &[]),
        );
    }

    #[test]
    fn what_is_no_answer() {
        let wrong = |text: &str| Err(format!("wrong answer: {text}"));
        check(
            "SPAMD/1.0 76 Bad header line: X\r\n\r\n",
            wrong("SPAMD/1.0 76 Bad header line: X"),
        );
        check("SPAMD/1.1 0 EX_OK\r\n\r\n", wrong("SPAMD/1.1 0 EX_OK"));
        check(
            "SPAMD/1.1 0 EX_OK\r\nSpam: True\r\n\r\n",
            wrong("SPAMD/1.1 0 EX_OK  Spam: True"),
        );
        check(
            "SPAMD/1.1 0 EX_OK\r\nSpam: True ; NaN / 5\r\n\r\n",
            wrong("SPAMD/1.1 0 EX_OK  Spam: True ; NaN / 5"),
        );
        let cut = "SPAMD/1.1 0 EX_OK\r\nContent-length: 9\r\nSpam: True ; 9 / 5\r\n\r\nshort";
        check(cut, wrong("the answer is cut off"));
        check("stream: OK\0", wrong("stream: OK"));
        check("", wrong(""));
    }
}
