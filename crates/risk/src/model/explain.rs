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
    // Whole words: back to a blank, at most a few characters.
    let before = text.get(..start)?;
    let back = before
        .chars()
        .rev()
        .take(15)
        .take_while(|c| c.is_alphanumeric())
        .map(char::len_utf8)
        .sum::<usize>();
    let passage = text.get(start - back..end)?;
    let words: Vec<&str> = passage.split_whitespace().collect();
    let shown: String = words
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .take(TOLD_CHARS_MAX)
        .collect();
    (!shown.is_empty()).then_some(shown)
}
