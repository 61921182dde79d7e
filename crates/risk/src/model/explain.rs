//! Why a text looks bad: the passages that weigh most.
//!
//! In prose: the model is linear, so every character has a share of the score: that of the grams over it, and of the word it is
//! in. The passages with the largest sums are shown, in the words of the author.

use super::{Model, Opinion, grams_norm, words_norm};
use crate::content::{Folded, View};
use serde::{Deserialize, Serialize};

/// Passages shown.
const PHRASES_MAX: usize = 3;
/// Characters of a passage, folded.
const PHRASE_CODES: usize = 40;
/// Characters of a passage, as told.
const TOLD_CHARS_MAX: usize = 80;
/// Characters of a gram.
const GRAM_CODES: usize = 5;

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
        let start = opinion.span.0 as usize;
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
    fn shares(&self, view: &View, span: (u32, u32)) -> Vec<f32> {
        let (start, length) = (span.0 as usize, span.1.saturating_sub(span.0) as usize);
        let mut shares = vec![0.0; length];
        let mut spread = |place: u32, codes: usize, weight: f32| {
            let end = (place as usize + 1).saturating_sub(start).min(length);
            let from = end.saturating_sub(codes);
            shares[from..end]
                .iter_mut()
                .for_each(|share| *share += weight / codes as f32);
        };
        let range = view.grams.within(span);
        let norm = grams_norm(range.len());
        for (place, hash) in view.grams.places[range.clone()]
            .iter()
            .zip(&view.grams.hashes[range])
        {
            spread(*place, GRAM_CODES, self.weight(*hash) / norm);
        }
        let range = view.words.within(span);
        let norm = words_norm(range.len() + view.traits.len());
        for (place, hash) in view.words.places[range.clone()]
            .iter()
            .zip(&view.words.hashes[range])
        {
            spread(place.saturating_sub(1), GRAM_CODES, self.weight(*hash) / norm);
        }
        shares
    }
}

/// Where the window of a passage's length with the largest sum begins, and that sum.
fn heaviest(shares: &[f32]) -> Option<(usize, f32)> {
    let length = PHRASE_CODES.min(shares.len()).max(1);
    shares
        .windows(length)
        .map(|window| window.iter().sum::<f32>())
        .enumerate()
        .filter(|(_, sum)| sum.is_finite())
        .max_by(|a, b| a.1.total_cmp(&b.1))
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
