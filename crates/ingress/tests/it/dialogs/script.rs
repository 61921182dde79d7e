//! The format of `.dialog` files.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// One conversation.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// `given ...` lines: how the house is set up.
    pub given: Vec<String>,
    /// The others, with their line numbers.
    pub steps: Vec<(usize, Step)>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Connect to this door, from this address.
    Door(String, Option<String>),
    /// Send these octets. Neighbouring ones go out in one write.
    Send(Vec<u8>),
    /// Expect a reply.
    Expect(String),
    /// The last reply must not have this in it.
    Lacks(String),
    /// From here on, write so many octets at a time.
    Split(usize),
    /// Do the handshake as client; it must succeed or fail.
    Tls(bool),
    /// The server must close without another octet.
    Close,
    /// Close our side without a word.
    Drop,
    /// Close our sending half.
    HalfClose,
    /// An event that has this text in its JSON must come.
    Told(String),
    /// So many messages are in the queue.
    Queued(usize),
    /// The newest message has this in it (or not).
    Stored(bool, Vec<u8>),
    /// The envelope of the newest message has this in its JSON.
    Envelope(String),
    /// Do that to the house now.
    Now(String),
}

/// Reads the dialogs of a file. Each `variant TEXT` line makes one dialog, with `{variant}` replaced by the text.
pub fn parse(text: &str) -> Result<Vec<Script>, String> {
    let mut scripts = Vec::new();
    let mut first = 1;
    for part in text.split("\n====\n") {
        let variants: Vec<&str> = part
            .lines()
            .filter_map(|line| line.strip_prefix("variant"))
            .map(|line| line.trim())
            .collect();
        if variants.is_empty() {
            scripts.push(one(part, first, "")?);
        }
        for variant in variants {
            scripts.push(one(part, first, variant)?);
        }
        first += part.lines().count() + 2;
    }
    Ok(scripts)
}

fn one(text: &str, first: usize, variant: &str) -> Result<Script, String> {
    let mut script = Script::default();
    for (index, line) in text.lines().enumerate() {
        let number = first + index;
        let line = line.trim_end().replace("{variant}", variant);
        if line.is_empty() || line.starts_with('#') || line.starts_with("variant") {
            continue;
        }
        if let Some(given) = line.strip_prefix("given ") {
            script.given.push(given.to_owned());
            continue;
        }
        for step in steps(&line).map_err(|error| format!("line {number}: {error}"))? {
            script.steps.push((number, step));
        }
    }
    Ok(script)
}

fn steps(line: &str) -> Result<Vec<Step>, String> {
    let send = |text: &str| Step::Send(format!("{text}\r\n").into_bytes());
    let expect = |text: &str| Step::Expect(text.to_owned());
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    Ok(match word {
        "C:" => {
            let mut octets = octets(rest)?;
            octets.extend_from_slice(b"\r\n");
            vec![Step::Send(octets)]
        }
        "R:" => vec![Step::Send(octets(rest)?)],
        "S:" => vec![Step::Expect(rest.to_owned())],
        "N:" => vec![Step::Lacks(rest.to_owned())],
        "door" => {
            let (door, from) = rest.split_once(" from ").map_or((rest, None), |(door, from)| (door, Some(from)));
            vec![Step::Door(door.to_owned(), from.map(str::to_owned))]
        }
        "split" => vec![Step::Split(rest.parse().map_err(|_| "split needs a number")?)],
        "tls" => vec![Step::Tls(rest != "fails")],
        "close" => vec![Step::Close],
        "drop" => vec![Step::Drop],
        "half-close" => vec![Step::HalfClose],
        "told" => vec![Step::Told(rest.to_owned())],
        "queued" => vec![Step::Queued(rest.parse().map_err(|_| "queued needs a number")?)],
        "envelope" => vec![Step::Envelope(rest.to_owned())],
        "now" => vec![Step::Now(rest.to_owned())],
        "stored" => {
            let (how, what) = rest.split_once(' ').ok_or("stored has|lacks TEXT")?;
            vec![Step::Stored(how == "has", octets(what)?)]
        }
        // What nearly every dialog begins with.
        "greet" => vec![expect("220"), send("EHLO client.example"), expect("250")],
        "login" => vec![
            send(&format!("AUTH PLAIN {}", plain(rest, super::house::PASSWORD))),
            expect("235 2.7.0"),
        ],
        "envelope-from" => {
            let mut words = rest.split(' ');
            let from = words.next().unwrap_or_default();
            let mut list = vec![send(&format!("MAIL FROM:<{from}>")), expect("250 2.1.0")];
            for to in words {
                list.push(send(&format!("RCPT TO:<{to}>")));
                list.push(expect("250 2.1.5"));
            }
            list
        }
        "message-from" => vec![
            send("DATA"),
            expect("354"),
            Step::Send(
                format!("From: <{rest}>\r\nTo: <b@there.example>\r\nSubject: hello\r\nDate: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@client.example>\r\n\r\nHow are you?\r\n.\r\n")
                    .into_bytes(),
            ),
        ],
        other => return Err(format!("{other} is no word of dialogs")),
    })
}

fn plain(login: &str, password: &str) -> String {
    STANDARD.encode(format!("\0{login}\0{password}"))
}

/// Escapes `\r \n \t \0 \\ \xHH`, and `{...}`: `{plain LOGIN PASSWORD}`, `{base64 TEXT}`, `{repeat N TEXT}`.
pub fn octets(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        rest = &rest[char.len_utf8()..];
        match char {
            '\\' => rest = escape(rest, &mut out)?,
            '{' => {
                let (inside, after) = braced(rest).ok_or("a { without }")?;
                rest = after;
                out.extend(braces(inside)?);
            }
            other => out.extend_from_slice(other.to_string().as_bytes()),
        }
    }
    Ok(out)
}

fn braced(rest: &str) -> Option<(&str, &str)> {
    let mut depth = 1;
    for (index, char) in rest.char_indices() {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&rest[..index], &rest[index + 1..]));
        }
    }
    None
}

fn escape<'a>(rest: &'a str, out: &mut Vec<u8>) -> Result<&'a str, String> {
    let char = rest.chars().next().ok_or("a \\ at the end")?;
    let octet = match char {
        'r' => b'\r',
        'n' => b'\n',
        't' => b'\t',
        '0' => 0,
        '\\' => b'\\',
        '{' => b'{',
        '}' => b'}',
        'x' => {
            let digits = rest.get(1..3).ok_or("\\x needs two digits")?;
            out.push(u8::from_str_radix(digits, 16).map_err(|_| "\\x needs two digits")?);
            return Ok(&rest[3..]);
        }
        other => return Err(format!("\\{other} is unknown")),
    };
    out.push(octet);
    Ok(&rest[1..])
}

fn braces(inside: &str) -> Result<Vec<u8>, String> {
    let (word, rest) = inside.split_once(' ').unwrap_or((inside, ""));
    match word {
        "plain" => {
            let (login, password) = rest.split_once(' ').unwrap_or((rest, super::house::PASSWORD));
            Ok(plain(login, password).into_bytes())
        }
        "base64" => Ok(STANDARD.encode(octets(rest)?).into_bytes()),
        "repeat" => {
            let (count, text) = rest.split_once(' ').ok_or("repeat N TEXT")?;
            let count = count.parse().map_err(|_| "repeat N TEXT")?;
            Ok(octets(text)?.repeat(count))
        }
        other => Err(format!("{{{other}}} is unknown")),
    }
}

/// `CODE` or `CODE PATTERN`: an `x` in the code is any digit; the pattern is the start of the text, `*` any text.
pub fn matches(pattern: &str, reply: &str) -> bool {
    let (code, rest) = pattern.split_at_checked(3).unwrap_or((pattern, ""));
    let Some((given, text)) = reply.split_at_checked(3) else {
        return false;
    };
    let code_fits = code
        .chars()
        .zip(given.chars())
        .all(|(wanted, given)| wanted == 'x' || wanted == given);
    code_fits && glob(rest.trim_start(), text.trim_start())
}

fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|start| text.strip_prefix(start)) else {
        return false;
    };
    parts.all(|part| match rest.find(part) {
        Some(index) => {
            rest = &rest[index + part.len()..];
            true
        }
        None => false,
    })
}
