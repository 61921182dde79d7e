//! Near-duplicate groups: the independent unit of every interval, and what must not stand in two corpora at once.
//!
//! The text of a message (all text parts, HTML as its words; the subject too) becomes the set of its runs of three words, lower
//! case, digits alike. 64 min-hashes estimate the Jaccard likeness of two sets; messages that share one of 16 bands of four are
//! compared, and joined from an estimate of 0.5. Groups are the transitive closure, so they can only be too large, which makes the
//! intervals wider and the foreign test harder, never the other way.

use mail_parser::{MessageParser, PartType};
use std::collections::HashMap;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

const HASHES: usize = 64;
const BAND: usize = 4;
const ALIKE_MIN: usize = HASHES / 2;
const SHINGLE: usize = 3;
/// Words of one message that are looked at.
const WORDS_MAX: usize = 20_000;

type Sketch = [u64; HASHES];

/// For each message the number of its group; groups are numbered from 0 in the order of their first message.
pub fn campaigns(messages: &[&[u8]]) -> Vec<usize> {
    let sketches: Vec<Sketch> = messages.iter().map(|message| sketch(&words(message))).collect();
    let mut groups = Groups((0..messages.len()).collect());
    let mut bands: HashMap<(usize, u64), Vec<usize>> = HashMap::new();
    for (index, one) in sketches.iter().enumerate() {
        for (band, part) in one.chunks(BAND).enumerate() {
            let octets: Vec<u8> = part.iter().flat_map(|hash| hash.to_le_bytes()).collect();
            let others = bands.entry((band, xxh3_64(&octets))).or_default();
            let mut known = false;
            for other in others.iter().copied() {
                if groups.root(other) == groups.root(index) {
                    known = true;
                } else if sketches.get(other).is_some_and(|sketch| alike(one, sketch)) {
                    groups.join(index, other);
                    known = true;
                }
            }
            // A member of a group speaks for it once in every band.
            if !known {
                others.push(index);
            }
        }
    }
    let mut numbers = HashMap::new();
    (0..messages.len())
        .map(|index| {
            let next = numbers.len();
            *numbers.entry(groups.root(index)).or_insert(next)
        })
        .collect()
}

fn alike(a: &Sketch, b: &Sketch) -> bool {
    a.iter().zip(b).filter(|(a, b)| a == b).count() >= ALIKE_MIN
}

/// The words of the subject and of all text.
fn words(message: &[u8]) -> Vec<String> {
    let mut text = String::new();
    if let Some(parsed) = MessageParser::default().parse(message) {
        text.push_str(parsed.subject().unwrap_or_default());
        for part in &parsed.parts {
            text.push(' ');
            match &part.body {
                PartType::Text(plain) => text.push_str(plain),
                PartType::Html(html) => text.push_str(&mail_parser::decoders::html::html_to_text(html)),
                // An image or a file: its octets are one word.
                PartType::Binary(octets) | PartType::InlineBinary(octets) => {
                    text.push_str(&letters(xxh3_64(octets)));
                }
                _ => {}
            }
        }
    }
    let fold = |letter: char| if letter.is_numeric() { '0' } else { letter };
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(WORDS_MAX)
        .map(|word| word.to_lowercase().chars().map(fold).collect())
        .collect()
}

fn letters(mut number: u64) -> String {
    let mut out = String::new();
    while number > 0 {
        out.push(char::from(b'a' + (number % 26) as u8));
        number /= 26;
    }
    out
}

fn sketch(words: &[String]) -> Sketch {
    let mut least = [u64::MAX; HASHES];
    let mut take = |shingle: &[String]| {
        let text = shingle.join(" ");
        for (seed, place) in least.iter_mut().enumerate() {
            *place = (*place).min(xxh3_64_with_seed(text.as_bytes(), seed as u64));
        }
    };
    if words.len() < SHINGLE {
        take(words);
    }
    words.windows(SHINGLE).for_each(&mut take);
    least
}

struct Groups(Vec<usize>);

impl Groups {
    fn root(&mut self, mut at: usize) -> usize {
        while let Some(&up) = self.0.get(at).filter(|up| **up != at) {
            let above = self.0.get(up).copied().unwrap_or(up);
            if let Some(place) = self.0.get_mut(at) {
                *place = above;
            }
            at = above;
        }
        at
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if let Some(place) = self.0.get_mut(a.max(b)) {
            *place = a.min(b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(body: &str) -> Vec<u8> {
        format!("Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}").into_bytes()
    }

    fn check(bodies: &[String], want: &[usize]) {
        let mails: Vec<Vec<u8>> = bodies.iter().map(|body| mail(body)).collect();
        let views: Vec<&[u8]> = mails.iter().map(Vec::as_slice).collect();
        assert_eq!(campaigns(&views), want);
    }

    fn text(from: usize, count: usize) -> String {
        (from..from + count)
            .map(|word| format!("w{} ", letters(xxh3_64(&word.to_le_bytes()))))
            .collect()
    }

    #[test]
    fn groups() {
        let long = text(0, 120);
        check(&[long.clone(), text(500, 120), long.clone()], &[0, 1, 0]);
        // A hash-buster line and other digits are the same campaign; a quarter in common is not.
        check(
            &[
                format!("{long} call 12"),
                format!("{long} qwe rty 77 {}", text(900, 6)),
            ],
            &[0, 0],
        );
        check(
            &[long.clone(), format!("{}{}", text(0, 40), text(700, 120))],
            &[0, 1],
        );
        // Chains join: a like b, b like c.
        check(&[text(0, 120), text(30, 120), text(15, 120)], &[0, 0, 0]);
        check(&[String::new(), "hi".to_owned(), String::new()], &[0, 1, 0]);
    }

    #[test]
    fn encodings_do_not_matter() {
        let plain = mail(
            "Buy the cheapest watches of the whole world here today, only today and tomorrow, do not wait",
        );
        let html = b"Subject: x\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n\
            PHA+QnV5IHRoZSBjaGVhcGVzdCB3YXRjaGVzIG9mIHRoZSB3aG9sZSB3b3JsZCBoZXJlIHRvZGF5LCA8Yj5vbmx5PC9iPiB0b2RheSBhbmQgdG9tb3Jyb3csIGRvIG5vdCB3YWl0PC9wPg==";
        assert_eq!(campaigns(&[&plain, html.as_slice()]), [0, 0]);
    }
}
