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
pub(crate) use marks::{Marks, each_word, mix};
use math::logistic;
pub use models::Models;
pub use ranks::{Ranks, weight_of_rank};
pub use saved::{SavedError, prepare, shipped, shipped_ranks};

/// Weights of a model: a power of two.
pub const SLOTS: usize = 1 << SLOT_BITS;
const SLOT_BITS: u32 = 18;
/// Lengths of parts and distances between their beginnings, in characters.
pub const SCALES: [(u32, u32); 2] = [(256, 128), (1_024, 512)];
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
    weights: Vec<f32>,
    /// Sums of squared gradients; empty in a model that does not learn.
    squares: Vec<f32>,
    learned: [u64; 2],
}

/// What a model says of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Opinion {
    /// Log odds, natural logarithm; positive speaks for spam.
    pub odds: f32,
    /// The span that looks worst, in characters of the folded text.
    pub span: (u32, u32),
}

impl Model {
    /// A model that knows nothing. The key hides where a gram's weight is; a shipped model's is public.
    pub fn new(key: [u64; 2]) -> Self {
        Self {
            // Any key gives two well mixed words; the multiplier is odd and large.
            key: [mix(key[0]), mix(key[1] ^ key[0].rotate_left(32)) | 1 << 63 | 1],
            weights: vec![0.0; SLOTS],
            squares: vec![SQUARE_BEFORE; SLOTS],
            learned: [0; 2],
        }
    }

    /// Messages learned: spam, and other.
    pub fn learned(&self) -> (u64, u64) {
        (self.learned[0], self.learned[1])
    }

    /// Its opinion of a message; None of one that says nothing in words.
    pub fn opinion(&self, view: &View) -> Option<Opinion> {
        (!view.is_wordless()).then(|| self.worst(view).0)
    }

    /// Learns a message by its label.
    pub fn learn(&mut self, view: &View, spam: bool) {
        if self.squares.is_empty() || view.is_wordless() {
            return;
        }
        let label = f32::from(u8::from(spam));
        let margin = if spam { -MARGIN } else { MARGIN };
        let (_, whole, part) = self.worst(view);
        self.step(view, whole.span, logistic(whole.odds + margin) - label);
        if let Some(part) = part.filter(|_| !spam) {
            self.step(view, part.span, logistic(part.odds + margin) - label);
        }
        self.learned[usize::from(!spam)] += 1;
    }

    /// The worst span, the whole, and the worst part.
    fn worst(&self, view: &View) -> (Opinion, Opinion, Option<Opinion>) {
        let sums = Sums::new(self, view);
        let end = u32::try_from(view.codes().len()).unwrap_or(u32::MAX);
        let whole = Opinion {
            odds: sums.odds((0, end)),
            span: (0, end),
        };
        let parts = parts(end).map(|span| Opinion {
            odds: sums.odds(span) - PART_DISCOUNT,
            span,
        });
        let part = parts.max_by(|a, b| a.odds.total_cmp(&b.odds));
        let worst = part.filter(|part| part.odds > whole.odds).unwrap_or(whole);
        (worst, whole, part)
    }

    fn step(&mut self, view: &View, span: (u32, u32), error: f32) {
        if error.abs() < STEP_MIN {
            return;
        }
        let (grams, words) = (view.grams.within(span), view.words.within(span));
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
        self.squares[slot] += gradient * gradient;
        self.weights[slot] -= RATE * gradient / self.squares[slot].sqrt();
    }

    fn slot(&self, hash: u64) -> usize {
        let product = u128::from(hash ^ self.key[0]) * u128::from(self.key[1]);
        let mixed = (product >> 64) as u64 ^ product as u64;
        (mixed >> (64 - SLOT_BITS)) as usize
    }

    fn weight(&self, hash: u64) -> f32 {
        self.weights[self.slot(hash)]
    }
}

/// Sums of weights from the beginning to each mark, so that any span costs two subtractions.
struct Sums<'a> {
    view: &'a View,
    grams: Vec<f64>,
    words: Vec<f64>,
    traits: f64,
}

impl<'a> Sums<'a> {
    fn new(model: &Model, view: &'a View) -> Self {
        let running = |marks: &Marks| {
            let mut sum = 0.0;
            let mut sums = Vec::with_capacity(marks.hashes.len() + 1);
            sums.push(sum);
            sums.extend(marks.hashes.iter().map(|hash| {
                sum += f64::from(model.weight(*hash));
                sum
            }));
            sums
        };
        Self {
            view,
            grams: running(&view.grams),
            words: running(&view.words),
            traits: view
                .traits
                .iter()
                .map(|hash| f64::from(model.weight(*hash)))
                .sum(),
        }
    }

    fn odds(&self, span: (u32, u32)) -> f32 {
        let (grams, words) = (self.view.grams.within(span), self.view.words.within(span));
        let sum = |sums: &[f64], range: &std::ops::Range<usize>| (sums[range.end] - sums[range.start]) as f32;
        let said = sum(&self.words, &words) + self.traits as f32;
        sum(&self.grams, &grams) / grams_norm(grams.len())
            + said / words_norm(words.len() + self.view.traits.len())
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

/// The parts of a text of `end` characters; none of a text that is no longer than one.
fn parts(end: u32) -> impl Iterator<Item = (u32, u32)> {
    SCALES
        .into_iter()
        .filter(move |(length, _)| end > *length)
        .flat_map(move |(length, stride)| {
            let count = (end - length).div_ceil(stride) + 1;
            (0..count).map(move |index| (index * stride, end.min(index * stride + length)))
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
        let (a, b) = (taught(), taught());
        assert_eq!(a.weights, b.weights);
        let digest = a
            .weights
            .iter()
            .fold(0u64, |sum, weight| mix(sum ^ u64::from(weight.to_bits())));
        assert_eq!(
            digest, 1_058_030_148_975_641_501,
            "a change of the learner changes the shipped model: train it anew"
        );
    }

    #[test]
    fn another_key_puts_weights_elsewhere() {
        let mut other = Model::new([1, 3]);
        other.learn(&View::of_text("cheap watches, buy now"), true);
        let mut one = Model::new([1, 2]);
        one.learn(&View::of_text("cheap watches, buy now"), true);
        let used =
            |model: &Model| -> Vec<usize> { (0..SLOTS).filter(|slot| model.weights[*slot] != 0.0).collect() };
        assert_eq!(used(&one).len(), used(&other).len());
        assert_ne!(used(&one), used(&other));
    }

    #[test]
    fn parts_cover_the_text() {
        assert_eq!(parts(256).count(), 0);
        assert_eq!(parts(257).collect::<Vec<_>>(), [(0, 256), (128, 257)]);
        for end in [1_025, 5_000, 65_536] {
            assert!(parts(end).all(|(from, to)| from < to && to <= end));
            assert_eq!(parts(end).map(|(_, to)| to).max(), Some(end));
        }
    }
}
