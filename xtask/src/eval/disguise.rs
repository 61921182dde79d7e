//! Disguises of text that a reader still reads: leet, dots, zero-width characters, look-alikes, hidden splits. Tags, entities, links and
//! addresses stay as they are.

use super::compose::Kind;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Which disguise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Digits and signs for letters.
    Leet,
    /// Dots between letters.
    Dots,
    /// Invisible characters between letters.
    ZeroWidth,
    /// Letters of other alphabets.
    Homoglyphs,
}

/// Letters of a word from which it is split.
const WORD_MIN: usize = 4;
const LEET: [(char, char); 8] = [
    ('a', '4'),
    ('e', '3'),
    ('i', '1'),
    ('o', '0'),
    ('s', '5'),
    ('t', '7'),
    ('b', '8'),
    ('g', '9'),
];
const INVISIBLE: [char; 5] = ['\u{200b}', '\u{200c}', '\u{200d}', '\u{feff}', '\u{ad}'];
const ALIKE: [(char, char); 34] = [
    ('a', 'а'),
    ('c', 'с'),
    ('e', 'е'),
    ('o', 'о'),
    ('p', 'р'),
    ('x', 'х'),
    ('y', 'у'),
    ('i', 'і'),
    ('j', 'ј'),
    ('s', 'ѕ'),
    ('h', 'һ'),
    ('d', 'ԁ'),
    ('v', 'ν'),
    ('n', 'ո'),
    ('u', 'υ'),
    ('k', 'κ'),
    ('t', 'т'),
    ('m', 'м'),
    ('A', 'А'),
    ('B', 'В'),
    ('C', 'С'),
    ('E', 'Е'),
    ('H', 'Н'),
    ('I', 'Ι'),
    ('K', 'К'),
    ('M', 'М'),
    ('N', 'Ν'),
    ('O', 'О'),
    ('P', 'Р'),
    ('S', 'Ѕ'),
    ('T', 'Т'),
    ('X', 'Х'),
    ('Y', 'Υ'),
    ('Z', 'Ζ'),
];

/// Text of a part.
pub fn text(old: &str, kind: Kind, how: How, seed: u64) -> String {
    match kind {
        Kind::Plain => plain(old, how, seed),
        Kind::Html => shown_text(old, &mut |run| plain(run, how, seed)),
    }
}

/// Plain text; words that are links or addresses stay.
pub fn plain(old: &str, how: How, seed: u64) -> String {
    words(old, &mut |at, word| disguised(word, how, seed ^ at as u64))
}

/// HTML with a hidden word of `ham` in the middle of every word of its shown text.
pub fn splits(html: &str, ham: &str) -> String {
    let mut hidden = ham
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .cycle();
    shown_text(html, &mut |run| {
        words(run, &mut |_, word| {
            runs(word, |letters| {
                let middle = letters.len() / 2;
                let (left, right) = letters.split_at(middle);
                let text = |part: &[char]| part.iter().collect::<String>();
                let junk = hidden.next().unwrap_or_default();
                format!(
                    "{}<span style=\"display:none\">{junk}</span>{}",
                    text(left),
                    text(right)
                )
            })
        })
    })
}

fn disguised(word: &str, how: How, seed: u64) -> String {
    let draw = |at: usize| xxh3_64_with_seed(&at.to_le_bytes(), seed);
    let table = |letter: char, at: usize, of: &[(char, char)], in_ten: u64| {
        let found = of
            .iter()
            .find(|(from, _)| *from == letter || (in_ten == 5 && *from == letter.to_ascii_lowercase()));
        found
            .filter(|_| draw(at) % 10 < in_ten)
            .map_or(letter, |(_, to)| *to)
    };
    let each = |of: &[(char, char)], in_ten: u64| {
        word.chars()
            .enumerate()
            .map(|(at, letter)| table(letter, at, of, in_ten))
            .collect::<String>()
    };
    match how {
        How::Leet => each(&LEET, 5),
        How::Homoglyphs => each(&ALIKE, 8),
        How::Dots => runs(word, |letters| {
            letters.iter().map(char::to_string).collect::<Vec<_>>().join(".")
        }),
        How::ZeroWidth => runs(word, |letters| {
            let mut out = String::new();
            for (at, letter) in letters.iter().enumerate() {
                // Never further than two letters apart.
                if at > 0 && (at % 2 == 1 || draw(at).is_multiple_of(2)) {
                    out.extend(INVISIBLE.get(draw(at) as usize % INVISIBLE.len()));
                }
                out.push(*letter);
            }
            out
        }),
    }
}

/// Changes each run of at least `WORD_MIN` letters.
fn runs(word: &str, mut change: impl FnMut(&[char]) -> String) -> String {
    let mut out = String::new();
    let mut run: Vec<char> = Vec::new();
    let mut flush = |run: &mut Vec<char>, out: &mut String| {
        if run.len() >= WORD_MIN {
            out.push_str(&change(run));
        } else {
            out.extend(run.iter());
        }
        run.clear();
    };
    for letter in word.chars() {
        if letter.is_alphabetic() {
            run.push(letter);
        } else {
            flush(&mut run, &mut out);
            out.push(letter);
        }
    }
    flush(&mut run, &mut out);
    out
}

/// Changes each word between blanks, with its place; links and addresses stay.
fn words(old: &str, change: &mut dyn FnMut(usize, &str) -> String) -> String {
    let mut out = String::with_capacity(old.len() * 2);
    let mut at = 0;
    for piece in old.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end_matches(char::is_whitespace);
        let link = word.contains("://") || word.contains('@') || word.to_ascii_lowercase().contains("www.");
        out.push_str(&if link { word.to_owned() } else { change(at, word) });
        out.push_str(piece.get(word.len()..).unwrap_or_default());
        at += piece.len();
    }
    out
}

/// Changes what stands between tags, entities, comments, styles and scripts.
fn shown_text(html: &str, change: &mut dyn FnMut(&str) -> String) -> String {
    let mut out = String::with_capacity(html.len() * 2);
    let mut rest = html;
    while !rest.is_empty() {
        let skip = unshown(rest);
        if let Some((kept, later)) = rest.split_at_checked(skip).filter(|_| skip > 0) {
            out.push_str(kept);
            rest = later;
            continue;
        }
        // A sign that opens nothing is text.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let until = rest
            .get(first..)
            .and_then(|text| text.find(['<', '&']))
            .map_or(rest.len(), |at| at + first);
        let (run, later) = rest.split_at(until);
        out.push_str(&change(run));
        rest = later;
    }
    out
}

/// Octets of the tag, comment, element or entity at the start; 0 when there is none.
fn unshown(text: &str) -> usize {
    let through = |what: &str| text.find(what).map_or(text.len(), |at| at + what.len());
    if text.starts_with('&') {
        let end = text
            .bytes()
            .skip(1)
            .take(9)
            .position(|octet| !octet.is_ascii_alphanumeric() && octet != b'#');
        return end
            .filter(|end| text.as_bytes().get(end + 1) == Some(&b';') && *end > 0)
            .map_or(0, |end| end + 2);
    }
    let mut second = text.bytes().skip(1);
    if !text.starts_with('<')
        || !second
            .next()
            .is_some_and(|octet| octet.is_ascii_alphabetic() || b"/!?".contains(&octet))
    {
        return 0;
    }
    if text.starts_with("<!--") {
        return through("-->");
    }
    let low: String = text.chars().take(8).collect::<String>().to_ascii_lowercase();
    for (open, close) in [
        ("<style", "</style"),
        ("<script", "</script"),
        ("<title", "</title"),
    ] {
        if low.starts_with(open) {
            // Lengths stay: only ASCII letters are lowered.
            return text.to_ascii_lowercase().find(close).unwrap_or(text.len());
        }
    }
    through(">")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text() {
        let check = |how: How, old: &str, want: &str| assert_eq!(plain(old, how, 3), want);
        check(
            How::Dots,
            "buy cheap  pills,\nnow! see http://pills.test/cheap x@cheap.test",
            "buy c.h.e.a.p  p.i.l.l.s,\nnow! see http://pills.test/cheap x@cheap.test",
        );
        let bare = |text: String| text.replace(INVISIBLE, "");
        let hidden = plain("cheap watches", How::ZeroWidth, 3);
        assert!(hidden != "cheap watches" && bare(hidden) == "cheap watches");
        for how in [How::Leet, How::Homoglyphs] {
            let got = plain("cheap watches are the best gift to give", how, 3);
            assert_eq!(got.chars().count(), 39);
            assert!(!got.contains("watches"), "{got}");
            assert_eq!(got, plain("cheap watches are the best gift to give", how, 3));
        }
        assert!(ALIKE.iter().all(|(from, to)| from.is_ascii() && !to.is_ascii()));
    }

    #[test]
    fn html_text() {
        let check = |old: &str, want: &str| assert_eq!(text(old, Kind::Html, How::Dots, 3), want);
        check(
            "<p class=\"cheap\">cheap&nbsp;pills</p>",
            "<p class=\"cheap\">c.h.e.a.p&nbsp;p.i.l.l.s</p>",
        );
        check(
            "<STYLE>body {}</style>more < then & more <!-- note --> text",
            "<STYLE>body {}</style>m.o.r.e < t.h.e.n & m.o.r.e <!-- note --> t.e.x.t",
        );
        check("<title>some</title>some<br", "<title>some</title>s.o.m.e<br");
        check(
            "&notanentity long &#8364; &; ü<é",
            "&n.o.t.a.n.e.n.t.i.t.y l.o.n.g &#8364; &; ü<é",
        );
        let got = splits("<b>cheap</b> pills", "one two");
        assert_eq!(
            got,
            "<b>ch<span style=\"display:none\">one</span>eap</b> pi<span style=\"display:none\">two</span>lls"
        );
    }
}
