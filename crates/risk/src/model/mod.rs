//! The content model: logistic regression on hashed grams and words, learned message by message.
//!
//! In prose: of the folded text each gram of five characters and each word and pair of words counts once; of the message its
//! traits. A span of the text scores the sum of its grams' weights over the root of their number (of more than
//! [`GRAMS_FULL`] the mean counts, so that long texts are not extreme), and likewise of its words with the traits. A message
//! scores as its worst span: the whole of it, or a part of [`SCALES`] at a discount of [`PART_DISCOUNT`], so that harmless text
//! around a bad one dilutes little. Learning is AdaGrad with a margin, through the whole, and through the worst part of mail that
//! is no spam. The score is in natural logarithms and becomes evidence only by its rank among the site's own mail ([`Ranks`]).
//!
//! Promises: deterministic to the bit on every machine (no library exponential, one order of additions); linear; no panic.
//! Trusts nothing in the text. Grams are hashed with a key, so that a site's own model cannot be aimed at.
//! Source: Duchi, Hazan, Singer, JMLR 12 (2011); Jorgensen, Zhou, Inge, JMLR 9 (2008); figures in docs/model.md.

mod explain;
mod marks;
mod math;
mod models;
mod ranks;
mod saved;

use crate::content::View;
pub use explain::Phrase;
use marks::BLOCK;
pub(crate) use marks::{Marks, Word, mix, words};
use math::logistic;
pub use models::Models;
pub use ranks::{Ranks, weight_of_rank};
pub use saved::{SavedError, prepare, shipped, shipped_ranks};
use std::ops::Range;

/// Weights of a model: a power of two.
pub const SLOTS: usize = 1 << SLOT_BITS;
const SLOT_BITS: u32 = 18;
/// Lengths of parts and distances between their beginnings, in blocks of 128 characters.
pub const SCALES: [(usize, usize); 2] = [(2, 1), (8, 4)];
/// What a part costs against the whole, natural logarithm.
pub const PART_DISCOUNT: f32 = 2.0;
/// Grams of a span up to which its evidence grows.
pub const GRAMS_FULL: f32 = 1_024.0;
/// Step of the learner.
const RATE: f32 = 0.3;
/// What the learner takes as seen before the first message: the square of a typical gradient.
const SQUARE_BEFORE: f32 = 1e-4;
/// A message that is right by this much still teaches a little.
const MARGIN: f32 = 1.5;
/// Gradients below teach nothing.
const STEP_MIN: f32 = 1e-3;

/// A model.
#[derive(Clone, Debug)]
pub struct Model {
    key: [u64; 2],
    weights: Weights,
    learned: [u64; 2],
}

/// What it knows.
#[derive(Clone, Debug)]
enum Weights {
    /// Of a model that learns: weights, and sums of squared gradients.
    Learning { weights: Vec<f32>, squares: Vec<f32> },
    /// Of a shipped model: an octet each, a place in the scale.
    Fixed { places: Vec<u8>, scale: Box<[f32; 256]> },
}

/// What a model says of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Opinion {
    /// Log odds, natural logarithm; positive speaks for spam.
    pub odds: f32,
    /// The span that looks worst, in characters of the folded text.
    pub span: (usize, usize),
}

impl Model {
    /// A model that knows nothing. The key hides where a gram's weight is; a shipped model's is public.
    pub fn new(key: [u64; 2]) -> Self {
        Self {
            // Any key gives two well mixed words; the multiplier is odd and large.
            key: [mix(key[0]), mix(key[1] ^ key[0].rotate_left(32)) | 1 << 63 | 1],
            weights: Weights::Learning {
                weights: vec![0.0; SLOTS],
                squares: vec![SQUARE_BEFORE; SLOTS],
            },
            learned: [0; 2],
        }
    }

    /// Messages learned: spam, and other.
    pub fn learned(&self) -> (u64, u64) {
        (self.learned[0], self.learned[1])
    }

    /// Its opinion of a message; None of one that says nothing in words.
    pub fn opinion(&self, view: &View) -> Option<Opinion> {
        (!view.is_wordless()).then(|| {
            let worst = self.worst(view).0;
            Opinion {
                odds: worst.odds,
                span: (
                    worst.blocks.start * BLOCK,
                    (worst.blocks.end * BLOCK).min(view.codes().len()),
                ),
            }
        })
    }

    /// Learns a message by its label.
    pub fn learn(&mut self, view: &View, spam: bool) {
        if matches!(self.weights, Weights::Fixed { .. }) || view.is_wordless() {
            return;
        }
        let label = f32::from(u8::from(spam));
        let margin = if spam { -MARGIN } else { MARGIN };
        let (_, whole, part) = self.worst(view);
        self.step(view, whole.blocks, logistic(whole.odds + margin) - label);
        if let Some(part) = part.filter(|_| !spam) {
            self.step(view, part.blocks, logistic(part.odds + margin) - label);
        }
        self.learned[usize::from(!spam)] += 1;
    }

    /// The worst span, the whole, and the worst part.
    fn worst(&self, view: &View) -> (Scored, Scored, Option<Scored>) {
        let sums = Sums::new(self, view);
        let end = view.codes().len().div_ceil(BLOCK);
        let whole = Scored {
            odds: sums.odds(&(0..end)),
            blocks: 0..end,
        };
        let parts = parts(end).map(|blocks| Scored {
            odds: sums.odds(&blocks) - PART_DISCOUNT,
            blocks,
        });
        let part = parts.max_by(|a, b| a.odds.total_cmp(&b.odds));
        let worst = part.clone().filter(|part| part.odds > whole.odds);
        (worst.unwrap_or_else(|| whole.clone()), whole, part)
    }

    fn step(&mut self, view: &View, blocks: Range<usize>, error: f32) {
        if error.abs() < STEP_MIN {
            return;
        }
        let (grams, words) = (view.grams.within(&blocks), view.words.within(&blocks));
        let gradient = error / grams_norm(grams.len());
        for hash in &view.grams.hashes[grams] {
            self.step_one(*hash, gradient);
        }
        let gradient = error / words_norm(words.len() + view.traits.len());
        for hash in view.words.hashes[words].iter().chain(&view.traits) {
            self.step_one(*hash, gradient);
        }
    }

    fn step_one(&mut self, hash: u64, gradient: f32) {
        let slot = self.slot(hash);
        if let Weights::Learning { weights, squares } = &mut self.weights {
            squares[slot] += gradient * gradient;
            weights[slot] -= RATE * gradient / squares[slot].sqrt();
        }
    }

    fn slot(&self, hash: u64) -> usize {
        let product = u128::from(hash ^ self.key[0]) * u128::from(self.key[1]);
        let mixed = (product >> 64) as u64 ^ product as u64;
        (mixed >> (64 - SLOT_BITS)) as usize
    }

    fn weight(&self, hash: u64) -> f32 {
        self.weights.weight(self.slot(hash))
    }

    /// The sum of the weights of some marks, in their order.
    fn sum(&self, hashes: &[u64]) -> f32 {
        match &self.weights {
            Weights::Learning { weights, .. } => hashes.iter().map(|hash| weights[self.slot(*hash)]).sum(),
            Weights::Fixed { places, scale } => {
                let weight = |hash: &u64| scale[usize::from(places[self.slot(*hash)])];
                hashes.iter().map(weight).sum()
            }
        }
    }
}

/// A span in blocks, and what it scores.
#[derive(Clone, Debug)]
struct Scored {
    odds: f32,
    blocks: Range<usize>,
}

/// Sums of weights up to the end of each block, so that any span costs two subtractions.
struct Sums<'a> {
    view: &'a View,
    grams: Vec<f64>,
    words: Vec<f64>,
    traits: f32,
}

impl<'a> Sums<'a> {
    fn new(model: &Model, view: &'a View) -> Self {
        let blocks = view.codes().len().div_ceil(BLOCK);
        let running = |marks: &Marks| {
            let mut sum = 0.0;
            let mut sums = Vec::with_capacity(blocks + 1);
            sums.push(sum);
            for block in 0..blocks {
                sum += f64::from(model.sum(&marks.hashes[marks.within(&(block..block + 1))]));
                sums.push(sum);
            }
            sums
        };
        Self {
            view,
            grams: running(&view.grams),
            words: running(&view.words),
            traits: model.sum(&view.traits),
        }
    }

    fn odds(&self, blocks: &Range<usize>) -> f32 {
        let sum = |sums: &[f64]| (sums[blocks.end] - sums[blocks.start]) as f32;
        let (grams, words) = (self.view.grams.within(blocks), self.view.words.within(blocks));
        let said = sum(&self.words) + self.traits;
        sum(&self.grams) / grams_norm(grams.len()) + said / words_norm(words.len() + self.view.traits.len())
    }
}

fn grams_norm(count: usize) -> f32 {
    let count = count.max(1) as f32;
    if count <= GRAMS_FULL {
        count.sqrt()
    } else {
        count / GRAMS_FULL.sqrt()
    }
}

fn words_norm(count: usize) -> f32 {
    (count.max(1) as f32).sqrt()
}

/// The parts of a text of `end` blocks; none of a text that is no longer than one.
fn parts(end: usize) -> impl Iterator<Item = Range<usize>> {
    SCALES
        .into_iter()
        .filter(move |(length, _)| end > *length)
        .flat_map(move |(length, stride)| {
            let count = (end - length).div_ceil(stride) + 1;
            (0..count).map(move |index| index * stride..end.min(index * stride + length))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taught() -> Model {
        let mut model = Model::new([1, 2]);
        for round in 0..30 {
            model.learn(
                &View::of_text(&format!("cheap watches, buy now, offer {round}")),
                true,
            );
            model.learn(
                &View::of_text(&format!("the minutes of the meeting on day {round} are attached")),
                false,
            );
        }
        model
    }

    fn weights_of(model: &Model) -> Vec<f32> {
        match &model.weights {
            Weights::Learning { weights, .. } => weights.clone(),
            Weights::Fixed { .. } => Vec::new(),
        }
    }

    fn odds(model: &Model, text: &str) -> f32 {
        model.opinion(&View::of_text(text)).unwrap().odds
    }

    #[test]
    fn learns_and_sees_through_disguise() {
        let model = taught();
        assert_eq!(model.learned(), (30, 30));
        let spam = odds(&model, "buy cheap watches now");
        assert!(
            spam > 0.0 && odds(&model, "minutes of the meeting") < 0.0,
            "{spam}"
        );
        for disguised in [
            "buy ch3ap w@tches now",
            "bu\u{200b}y cheap wat\u{ad}ches now",
            "buy c.h.e.a.p watches now",
        ] {
            assert_eq!(odds(&model, disguised), spam, "{disguised}");
        }
    }

    #[test]
    fn harmless_text_around_does_not_hide_it() {
        let model = taught();
        let ham = "the minutes of the meeting on some day are attached as ever, and so are those of the days before. ".repeat(40);
        let both = format!("{ham} cheap watches, buy now, offer 7, cheap watches now! {ham}");
        let (alone, around, inside) = (
            odds(&model, "cheap watches, buy now, offer 7"),
            odds(&model, &ham),
            odds(&model, &both),
        );
        assert!(around < inside && inside <= alone, "{around} {inside} {alone}");
    }

    #[test]
    fn the_same_bits_every_time() {
        let (a, b) = (weights_of(&taught()), weights_of(&taught()));
        assert_eq!(a, b);
        let digest = a
            .iter()
            .fold(0u64, |sum, weight| mix(sum ^ u64::from(weight.to_bits())));
        assert_eq!(
            digest, 3_704_909_663_757_385_031,
            "a change of the learner changes the shipped model: train it anew"
        );
    }

    #[test]
    fn another_key_puts_weights_elsewhere() {
        let mut other = Model::new([1, 3]);
        other.learn(&View::of_text("cheap watches, buy now"), true);
        let mut one = Model::new([1, 2]);
        one.learn(&View::of_text("cheap watches, buy now"), true);
        let used = |model: &Model| -> Vec<usize> {
            let weights = weights_of(model);
            (0..SLOTS).filter(|slot| weights[*slot] != 0.0).collect()
        };
        assert_eq!(used(&one).len(), used(&other).len());
        assert_ne!(used(&one), used(&other));
    }

    #[test]
    fn parts_cover_the_text() {
        assert_eq!(parts(2).count(), 0);
        assert_eq!(parts(3).collect::<Vec<_>>(), [0..2, 1..3]);
        for end in [9, 40, 512] {
            assert!(parts(end).all(|part| part.start < part.end && part.end <= end));
            assert_eq!(parts(end).map(|part| part.end).max(), Some(end));
        }
    }
}
