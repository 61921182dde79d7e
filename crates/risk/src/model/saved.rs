//! A model as octets: whole, to go on learning, and small, to be shipped.
//!
//! Whole: a mark, the key, the counts, weights and squares as little-endian floats, a checksum. Small: one octet a weight, on a
//! scale that keeps small weights apart, with the ranks of honest mail it was not trained on.

use super::marks::mix;
use super::{Model, Ranks, SLOTS, SQUARE_BEFORE, Weights};
use std::sync::LazyLock;

const WHOLE: &[u8; 8] = b"DOGANAM1";
const SMALL: &[u8; 8] = b"DOGANAS1";
/// The heaviest weight of a small model.
const SMALL_WEIGHT_MAX: f32 = 8.0;

/// A saved model that cannot be read. The disk, or somebody who made the file, caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SavedError {
    /// Not a model, or of another version.
    #[error("this is not a model of this version")]
    Foreign,
    /// Cut off or changed.
    #[error("the model is damaged")]
    Damaged,
}

static SHIPPED: LazyLock<(Model, Ranks)> = LazyLock::new(|| {
    Model::from_small(include_bytes!("shipped.model"))
        .unwrap_or_else(|_| (Model::new([0, 0]), Ranks::default()))
});

/// Makes what is made once, so that the first message does not wait for it: some milliseconds.
pub fn prepare() {
    LazyLock::force(&SHIPPED);
    crate::content::prepare();
}

/// The model that comes with the program; trained by `cargo xtask train`, described in docs/model.md.
pub fn shipped() -> &'static Model {
    &SHIPPED.0
}

/// Ranks of honest mail that the shipped model was not trained on: the reference of a young site.
pub fn shipped_ranks() -> &'static Ranks {
    &SHIPPED.1
}

impl Model {
    /// Everything, to go on learning later.
    pub fn to_octets(&self) -> Vec<u8> {
        let mut octets = Vec::with_capacity(48 + 8 * SLOTS);
        octets.extend_from_slice(WHOLE);
        for word in self.key.iter().chain(&self.learned) {
            octets.extend_from_slice(&word.to_le_bytes());
        }
        for slot in 0..SLOTS {
            octets.extend_from_slice(&self.weights.weight(slot).to_le_bytes());
        }
        for slot in 0..SLOTS {
            octets.extend_from_slice(&self.weights.square(slot).to_le_bytes());
        }
        let sum = checksum(&octets);
        octets.extend_from_slice(&sum.to_le_bytes());
        octets
    }

    /// Reads what [`Model::to_octets`] wrote.
    pub fn from_octets(octets: &[u8]) -> Result<Self, SavedError> {
        let content = checked(octets, WHOLE)?;
        let (head, values) = content.split_at_checked(32).ok_or(SavedError::Damaged)?;
        if values.len() != 8 * SLOTS {
            return Err(SavedError::Damaged);
        }
        let words: Vec<u64> = head.chunks_exact(8).map(word).collect();
        let values: Vec<f32> = values.chunks_exact(4).map(float).collect();
        if values.iter().any(|value| !value.is_finite()) {
            return Err(SavedError::Damaged);
        }
        Ok(Self {
            key: [words[0], words[1]],
            learned: [words[2], words[3]],
            weights: Weights::Learning {
                weights: values[..SLOTS].to_vec(),
                squares: values[SLOTS..].to_vec(),
            },
        })
    }

    /// One octet a weight, with ranks; cannot learn any more.
    pub fn to_small(&self, ranks: &Ranks) -> Vec<u8> {
        let mut octets = Vec::with_capacity(48 + SLOTS + 1_100);
        octets.extend_from_slice(SMALL);
        for word in self.key.iter().chain(&self.learned) {
            octets.extend_from_slice(&word.to_le_bytes());
        }
        octets.extend((0..SLOTS).map(|slot| small(self.weights.weight(slot)).to_le_bytes()[0]));
        for count in Vec::from(ranks.clone()) {
            octets.extend_from_slice(&count.to_le_bytes());
        }
        let sum = checksum(&octets);
        octets.extend_from_slice(&sum.to_le_bytes());
        octets
    }

    /// Reads what [`Model::to_small`] wrote.
    pub fn from_small(octets: &[u8]) -> Result<(Self, Ranks), SavedError> {
        let content = checked(octets, SMALL)?;
        let (head, rest) = content.split_at_checked(32).ok_or(SavedError::Damaged)?;
        let (weights, bins) = rest.split_at_checked(SLOTS).ok_or(SavedError::Damaged)?;
        let words: Vec<u64> = head.chunks_exact(8).map(word).collect();
        let bins: Vec<u32> = bins.chunks_exact(4).map(|four| float(four).to_bits()).collect();
        let model = Self {
            key: [words[0], words[1]],
            learned: [words[2], words[3]],
            weights: Weights::Fixed {
                places: weights.to_vec(),
                scale: Box::new(std::array::from_fn(|octet| {
                    large(i8::from_le_bytes([octet as u8]))
                })),
            },
        };
        Ok((model, Ranks::try_from(bins).map_err(|_| SavedError::Damaged)?))
    }
}

impl Weights {
    pub(super) fn weight(&self, slot: usize) -> f32 {
        match self {
            Self::Learning { weights, .. } => weights[slot],
            Self::Fixed { places, scale } => scale[usize::from(places[slot])],
        }
    }

    fn square(&self, slot: usize) -> f32 {
        match self {
            Self::Learning { squares, .. } => squares[slot],
            Self::Fixed { .. } => SQUARE_BEFORE,
        }
    }
}

/// The root keeps small weights apart.
fn small(weight: f32) -> i8 {
    let root = (weight.abs() / SMALL_WEIGHT_MAX).min(1.0).sqrt();
    (root * 127.0).round().copysign(weight) as i8
}

fn large(small: i8) -> f32 {
    let root = f32::from(small) / 127.0;
    root * root.abs() * SMALL_WEIGHT_MAX
}

fn checked<'a>(octets: &'a [u8], mark: &[u8; 8]) -> Result<&'a [u8], SavedError> {
    let (start, sum) = octets.split_last_chunk::<8>().ok_or(SavedError::Foreign)?;
    let content = start.strip_prefix(mark).ok_or(SavedError::Foreign)?;
    if checksum(start) == u64::from_le_bytes(*sum) {
        Ok(content)
    } else {
        Err(SavedError::Damaged)
    }
}

fn checksum(octets: &[u8]) -> u64 {
    octets.chunks(8).fold(octets.len() as u64, |sum, eight| {
        let mut padded = [0; 8];
        padded[..eight.len()].copy_from_slice(eight);
        mix(sum ^ u64::from_le_bytes(padded))
    })
}

fn word(eight: &[u8]) -> u64 {
    eight.try_into().map(u64::from_le_bytes).unwrap_or_default()
}

fn float(four: &[u8]) -> f32 {
    four.try_into().map(f32::from_le_bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::View;

    #[test]
    fn whole_and_small_come_back() {
        let mut model = Model::new([7, 8]);
        let view = View::of_text("cheap watches, buy now");
        (0..5).for_each(|_| model.learn(&view, true));
        let again = Model::from_octets(&model.to_octets()).unwrap();
        assert_eq!(
            (again.opinion(&view), again.learned()),
            (model.opinion(&view), (5, 0))
        );
        let (small, _) = Model::from_small(&model.to_small(&Ranks::default())).unwrap();
        let (large, small) = (
            model.opinion(&view).unwrap().odds,
            small.opinion(&view).unwrap().odds,
        );
        assert!((large - small).abs() < 0.05 * large.abs(), "{large} {small}");
    }

    #[test]
    fn damage_is_noticed() {
        let octets = Model::new([7, 8]).to_octets();
        for at in [0, 9, 1_000, octets.len() - 1] {
            let mut broken = octets.clone();
            broken[at] ^= 1;
            assert!(Model::from_octets(&broken).is_err(), "{at}");
        }
        assert!(Model::from_octets(&octets[..1_000]).is_err() && Model::from_octets(&[]).is_err());
        assert!(Model::from_small(&octets).is_err());
    }
}
