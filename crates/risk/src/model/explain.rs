//! Why a text looks bad: the passages that weigh most.
//!
//! In prose: the model is linear, so every character has a share of the score: that of the grams over it, and of the word it is
//! in. The passages with the largest sums are shown, in the words of the author.

use super::marks::{each_mark, words};
use super::{BLOCK, Model, Opinion, grams_norm, words_norm};
use crate::content::{Folded, View};
use serde::{Deserialize, Serialize};

/// Passages shown.
const PHRASES_MAX: usize = 3;
/// Characters of a passage, folded.
const PHRASE_CODES: usize = 40;
/// Characters of a passage, as told.
const TOLD_CHARS_MAX: usize = 80;
/// Characters of a word that is broken at the edge of a passage and completed.
const WORD_CHARS_MAX: usize = 15;

/// A passage and its share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phrase {
    /// As the author wrote it; white space collapsed, controls gone, at most 80 characters.
    pub text: String,
    /// Its part of the positive evidence of the span, 0 to 1.
    pub share: f32,
}

impl Model {
    /// The three passages of the worst span that weigh most; none when nothing speaks against it.
    pub fn explain(&self, view: &View, opinion: &Opinion) -> Vec<Phrase> {
        let mut shares = self.shares(view, opinion.span);
        let total: f32 = shares.iter().filter(|share| **share > 0.0).sum();
        if total <= 0.0 {
            return Vec::new();
        }
        let folded = Folded::of(&view.text, true);
        let start = opinion.span.0;
        let mut phrases = Vec::new();
        while phrases.len() < PHRASES_MAX {
            let Some((from, sum)) = heaviest(&shares) else {
                break;
            };
            let to = shares.len().min(from + PHRASE_CODES);
            if sum <= 0.02 * total {
                break;
            }
            if let Some(text) = told(&view.text, &folded, start + from, start + to) {
                phrases.push(Phrase {
                    text,
                    share: (sum / total).clamp(0.0, 1.0),
                });
            }
            shares[from..to].fill(f32::NEG_INFINITY);
        }
        phrases
    }

    /// What each character of the span adds.
    fn shares(&self, view: &View, span: (usize, usize)) -> Vec<f32> {
        let blocks = span.0 / BLOCK..span.1.div_ceil(BLOCK);
        let grams_norm = grams_norm(view.grams.within(&blocks).len());
        let words_norm = words_norm(view.words.within(&blocks).len() + view.traits.len());
        let codes = view.codes();
        let mut shares = vec![0.0; span.1.saturating_sub(span.0)];
        each_mark(codes, &words(codes), |place, hash, word| {
            if !(span.0..span.1).contains(&place.end.saturating_sub(1)) {
                return;
            }
            let norm = if word { words_norm } else { grams_norm };
            let share = self.weight(hash) / norm / place.len() as f32;
            let within = place.start.saturating_sub(span.0)..place.end - span.0;
            shares[within].iter_mut().for_each(|sum| *sum += share);
        });
        shares
    }
}

/// Where the window of a passage's length with the largest sum begins, and that sum.
fn heaviest(shares: &[f32]) -> Option<(usize, f32)> {
    let length = PHRASE_CODES.min(shares.len()).max(1);
    let mut sum = 0.0f64;
    // How many of the window were told already.
    let mut told = 0usize;
    let mut best: Option<(usize, f64)> = None;
    for (end, share) in shares.iter().enumerate() {
        match share.is_finite() {
            true => sum += f64::from(*share),
            false => told += 1,
        }
        if let Some(gone) = end.checked_sub(length).and_then(|gone| shares.get(gone)) {
            match gone.is_finite() {
                true => sum -= f64::from(*gone),
                false => told -= 1,
            }
        }
        let whole = told == 0 && end + 1 >= length;
        if whole && best.is_none_or(|(_, most)| sum > most) {
            best = Some((end + 1 - length, sum));
        }
    }
    best.map(|(start, sum)| (start, sum as f32))
}

fn told(text: &str, folded: &Folded, from: usize, to: usize) -> Option<String> {
    let start = *folded.at.get(from)? as usize;
    let end = folded.at.get(to).map_or(text.len(), |at| *at as usize);
    // Whole words: back and on to what is no letter, at most a few characters.
    let letters = |c: &char| c.is_alphanumeric();
    let before = text.get(..start)?.chars().rev();
    let back: usize = before
        .take(WORD_CHARS_MAX)
        .take_while(letters)
        .map(char::len_utf8)
        .sum();
    let inside = text
        .get(..end)?
        .chars()
        .next_back()
        .is_some_and(char::is_alphanumeric);
    let after = text
        .get(end..)?
        .chars()
        .take(if inside { WORD_CHARS_MAX } else { 0 });
    let on: usize = after.take_while(letters).map(char::len_utf8).sum();
    let passage = text.get(start - back..end + on)?;
    let words: Vec<&str> = passage.split_whitespace().collect();
    let mut shown: String = words.join(" ").chars().filter(|c| !c.is_control()).collect();
    if let Some((cut, _)) = shown.char_indices().nth(TOLD_CHARS_MAX) {
        let head = shown.get(..cut).unwrap_or_default();
        // A passage without a blank is cut where it is.
        let whole = head.rfind(' ').unwrap_or(cut);
        shown.truncate(whole);
    }
    (!shown.is_empty()).then_some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_are_whole_words() {
        let check = |text: &str, range: (usize, usize), expected: Option<&str>| {
            let folded = Folded::of(text, true);
            assert_eq!(
                told(text, &folded, range.0, range.1).as_deref(),
                expected,
                "{text}"
            );
        };
        let text = "you have won a wonderful prize today";
        check(text, (10, 20), Some("won a wonderful"));
        check(text, (9, 14), Some("won a"));
        check(text, (0, 100), Some(text));
        check(text, (100, 200), None);
        check("вы выиграли приз сегодня", (5, 14), Some("выиграли приз"));
        let long = "word ".repeat(40);
        check(&long, (0, 200), Some("word ".repeat(16).trim_end()));
        let endless = "abcdfghkmn".repeat(20);
        check(&endless, (50, 90), endless.get(35..105));
    }
}
