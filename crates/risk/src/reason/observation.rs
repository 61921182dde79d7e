//! What was seen in a message, told to its sender: a few words for each observation, with the names and passages it is about.
//!
//! In prose: the heaviest observation of each family (text, links, files, ...) comes before a second one of the same family, so
//! that the sender reads of the text *and* the link *and* the file. What weighs less than a tenth of the heaviest is not told, nor
//! what the ledger remembers, which the sender did not write. Where the room is short, passages are shortened, then left out, then
//! the lightest observation goes.
//!
//! Promises: bounded, without controls, never cut inside a character. Names and passages come from the message: they are data,
//! quoted or in brackets, and never words of ours. Trusts nothing in them.

use super::phrases::phrase;
use super::{Language, Room, Shown};
use crate::symbol::{Group, Symbol};
use serde::{Deserialize, Serialize};

/// Observations told.
const TOLD_MAX: usize = 3;
/// Names or passages told of one observation, and their characters: the longest form first.
const FORMS: [(usize, usize); 5] = [(2, 48), (2, 32), (1, 32), (1, 20), (0, 0)];
/// A passage without its other letters is told from this many characters on.
const PASSAGE_CHARS_MIN: usize = 8;

/// One observation, as a reason keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct Observation {
    /// The symbol.
    pub symbol: String,
    /// What it is about: names of files, hosts, passages of the text. At most [`Symbol::DATA_MAX`] of at most
    /// [`Symbol::DATA_CHARS_MAX`] characters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<String>,
}

/// What is read from the store: reasons of before had `SYMBOL (detail)`, where the detail was for operators.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Text(String),
    Typed {
        symbol: String,
        #[serde(default)]
        data: Vec<String>,
    },
}

impl From<Stored> for Observation {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Typed { symbol, data } => Self::new(&symbol, data),
            Stored::Text(text) => Self::new(text.split(' ').next().unwrap_or_default(), Vec::<String>::new()),
        }
    }
}

impl Observation {
    /// An observation; names and passages are cut at their bounds and freed of controls.
    pub fn new(symbol: &str, data: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let named = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
        Self {
            symbol: symbol
                .chars()
                .take_while(named)
                .take(Symbol::DATA_CHARS_MAX)
                .collect(),
            data: Symbol::bounded(data),
        }
    }

    /// In words, with so many names or passages of so many characters.
    fn told(&self, language: Language, shown: Shown, (count, chars): (usize, usize)) -> String {
        let words = phrase(&self.symbol, language);
        let quoted = matches!(self.symbol.as_str(), "TEXT" | "TEXT_HIDDEN");
        let items = self.data.iter().filter_map(|item| {
            let item = match shown {
                Shown::Nothing => return None,
                Shown::Ascii if quoted => ascii_passage(item)?,
                Shown::Ascii => Some(plain(item)).filter(|item| item.is_ascii())?,
                Shown::All => item.clone(),
            };
            Some(if quoted {
                quote(&shortened(&item, chars, language), language)
            } else {
                without_middle(&item, chars)
            })
        });
        let items: Vec<_> = items.take(count).collect();
        if items.is_empty() {
            words.to_owned()
        } else {
            format!("{words} ({})", items.join(", "))
        }
    }
}

/// The observations in one list, in at most so many octets; empty when there is no room for one.
pub(super) fn list(observations: &[Observation], language: Language, room: Room) -> String {
    for told in (1..=observations.len().min(TOLD_MAX)).rev() {
        for form in FORMS {
            let mut parts: Vec<String> = Vec::new();
            for observation in &observations[..told] {
                let part = observation.told(language, room.shown, form);
                if !parts.contains(&part) {
                    parts.push(part);
                }
            }
            let list = parts.join(", ");
            if list.len() <= room.octets_max {
                return list;
            }
        }
    }
    String::new()
}

/// What is told of the symbols of a verdict, which stand the heaviest first.
pub(crate) fn heaviest(symbols: &[Symbol]) -> Vec<Observation> {
    let told = |symbol: &&Symbol| {
        symbol.weight.value() > 0.0 && !matches!(symbol.group, Group::Standing | Group::Conduct)
    };
    let mut candidates: Vec<(&Symbol, Observation)> = Vec::new();
    for symbol in symbols.iter().filter(told) {
        let least = candidates
            .first()
            .map_or(0.0, |(first, _)| first.weight.value() / 10.0);
        match candidates.iter_mut().find(|(known, _)| known.name == symbol.name) {
            Some((_, known)) => {
                let more = symbol.data.iter().filter(|item| !known.data.contains(*item));
                known.data = Symbol::bounded(known.data.iter().chain(more).cloned().collect::<Vec<_>>());
            }
            None if symbol.weight.value() >= least => {
                candidates.push((symbol, Observation::new(&symbol.name, &symbol.data)));
            }
            None => {}
        }
    }
    let mut chosen: Vec<(&Symbol, Observation)> = Vec::new();
    let mut second = Vec::new();
    for (symbol, observation) in candidates {
        if chosen.iter().any(|(known, _)| family(known) == family(symbol)) {
            second.push((symbol, observation));
        } else {
            chosen.push((symbol, observation));
        }
    }
    // A second observation of a family tells something new only of something else.
    for (symbol, observation) in second {
        if !chosen.iter().any(|(_, known)| known.data == observation.data) {
            chosen.push((symbol, observation));
        }
    }
    chosen.truncate(TOLD_MAX);
    chosen.into_iter().map(|(_, observation)| observation).collect()
}

/// The text, the links and the form of a message are families of their own.
fn family(symbol: &Symbol) -> (Group, &str) {
    let kind = match symbol.group {
        Group::Content => symbol.name.split('_').next().unwrap_or_default(),
        _ => "",
    };
    (symbol.group, kind)
}

/// Typographic signs in their plain form, others as they are.
fn plain(text: &str) -> String {
    let sign = |c: char| match c {
        '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}' => '\'',
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{ab}' | '\u{bb}' => '"',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' => ' ',
        c => c,
    };
    text.chars().map(sign).collect()
}

/// The longest run of words in ASCII, with dots where something is missing; None when hardly anything is left.
fn ascii_passage(text: &str) -> Option<String> {
    let text = plain(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    let runs = words.split(|word| !word.is_ascii());
    let run = runs.map(|run| run.join(" ")).max_by_key(String::len)?;
    if run.len() < PASSAGE_CHARS_MIN {
        return None;
    }
    let start = if text.trim_start().starts_with(&run) {
        ""
    } else {
        "... "
    };
    let end = if text.trim_end().ends_with(&run) {
        ""
    } else {
        " ..."
    };
    Some(format!("{start}{run}{end}"))
}

/// At most so many characters, cut behind a word where there is one.
fn shortened(text: &str, chars: usize, language: Language) -> String {
    let Some((cut, _)) = text.char_indices().nth(chars) else {
        return text.to_owned();
    };
    let head = text.get(..cut).unwrap_or_default();
    let whole = head.rfind(' ').filter(|blank| *blank > head.len() / 2);
    let head = whole.and_then(|blank| head.get(..blank)).unwrap_or(head);
    let dots = if language == Language::Russian {
        "…"
    } else {
        "..."
    };
    format!("{} {dots}", head.trim_end_matches([' ', ',', '.', ';', ':']))
}

/// At most so many characters: of a name the beginning and the end tell what it is.
pub fn without_middle(text: &str, chars: usize) -> String {
    let count = text.chars().count();
    if count <= chars {
        return text.to_owned();
    }
    let kept = chars.saturating_sub(3);
    let tail = kept / 2;
    let head: String = text.chars().take(kept - tail).collect();
    let tail: String = text.chars().skip(count - tail).collect();
    format!("{head}...{tail}")
}

/// In the quotation marks of the language; what the text has of its own cannot end the quotation.
fn quote(text: &str, language: Language) -> String {
    let inner: String = text
        .chars()
        .map(|c| {
            if matches!(c, '"' | '\u{ab}' | '\u{bb}' | '\u{201c}'..='\u{201f}') {
                '\''
            } else {
                c
            }
        })
        .collect();
    match language {
        Language::Russian => format!("«{inner}»"),
        Language::English | Language::Italian => format!("\"{inner}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_before_are_read() {
        for (stored, expected) in [
            (r#""GTUBE (in the body)""#, Observation::new("GTUBE", [""])),
            (
                r#""LINK_LISTED (a: b, c)""#,
                Observation::new("LINK_LISTED", [""]),
            ),
            (r#""""#, Observation::default()),
            (r#"{"symbol":"TEXT"}"#, Observation::new("TEXT", [""])),
            (
                r#"{"symbol":"TEXT","data":["a"]}"#,
                Observation::new("TEXT", ["a"]),
            ),
        ] {
            let read: Observation = serde_json::from_str(stored).unwrap();
            assert_eq!(read, expected, "{stored}");
            let again = serde_json::from_str(&serde_json::to_string(&read).unwrap());
            assert_eq!(read, again.unwrap(), "{stored}");
        }
    }

    #[test]
    fn what_it_is_about_is_bounded() {
        let long = format!("  a\r\n\u{202e}{} ", "я ".repeat(100));
        let observation = Observation::new("TEXT (x)", [&long, "", "b", "c", "d"]);
        assert_eq!(observation.symbol, "TEXT");
        assert_eq!(observation.data[1..], ["b", "c"]);
        let first = &observation.data[0];
        assert!(first.chars().count() <= 120 && !first.contains(['\n', '\u{202e}']) && first.trim() == first);
    }

    #[test]
    fn passages_in_ascii() {
        for (text, expected) in [
            ("win a free holiday", Some("win a free holiday")),
            ("\u{201c}win\u{201d} it\u{a0}now", Some("\"win\" it now")),
            (
                "perché non vinci subito un premio è facile",
                Some("... non vinci subito un premio ..."),
            ),
            ("gratis è qui", None),
            ("вы выиграли", None),
            ("", None),
        ] {
            assert_eq!(ascii_passage(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn shorter_as_the_room_gets_less() {
        let observations = [
            Observation::new(
                "TEXT",
                [
                    "вы выиграли большой приз, перейдите по ссылке сейчас",
                    "второй отрывок",
                ],
            ),
            Observation::new(
                "LINK_LISTED",
                ["a-very-long-name-of-a-host-that-nobody-reads.bad.example"],
            ),
            Observation::new("OFFICE_MACRO", ["счёт.doc"]),
        ];
        for language in Language::ALL {
            let mut before = usize::MAX;
            for octets_max in (0..500).rev() {
                let list = list(
                    &observations,
                    language,
                    Room {
                        shown: Shown::All,
                        octets_max,
                    },
                );
                assert!(
                    list.len() <= octets_max && list.len() <= before,
                    "{octets_max}: {list}"
                );
                before = list.len();
            }
            assert_eq!(before, 0);
        }
    }
}
