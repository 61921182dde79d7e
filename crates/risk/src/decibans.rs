//! The one unit of evidence.

use serde::{Deserialize, Serialize};

/// `10 * log10` of a likelihood ratio: +10 means "ten times likelier if this is abuse", 0 says nothing. Always finite;
/// made within ±[`Decibans::MAX`]. One natural-logarithm unit is 4.343 decibans.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(from = "f32", into = "f32")]
pub struct Decibans(f32);

impl Decibans {
    /// Bound of one weight or sum; beyond it more certainty means nothing.
    pub const MAX: f32 = 200.0;

    /// No evidence.
    pub const ZERO: Self = Self(0.0);

    /// Clips to the bound; what is not a number says nothing.
    pub fn new(value: f32) -> Self {
        if value.is_nan() {
            Self::ZERO
        } else {
            Self(value.clamp(-Self::MAX, Self::MAX))
        }
    }

    /// The number.
    pub fn value(self) -> f32 {
        self.0
    }

    /// The probability of abuse when this is the whole log odds, prior included.
    pub fn probability(self) -> f64 {
        1.0 / (1.0 + 10f64.powf(-f64::from(self.0) / 10.0))
    }
}

impl From<f32> for Decibans {
    fn from(value: f32) -> Self {
        Self::new(value)
    }
}

impl From<Decibans> for f32 {
    fn from(value: Decibans) -> f32 {
        value.0
    }
}

impl std::ops::Add for Decibans {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(self.0 + other.0)
    }
}

impl std::iter::Sum for Decibans {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        Self::new(iter.map(|weight| weight.0).sum())
    }
}

impl std::fmt::Display for Decibans {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:+.1} dB", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounded_and_finite() {
        for (given, kept) in [
            (0.0, 0.0),
            (1e9, 200.0),
            (-1e9, -200.0),
            (f32::NAN, 0.0),
            (f32::INFINITY, 200.0),
        ] {
            assert_eq!(Decibans::new(given).value(), kept, "{given}");
        }
    }

    #[test]
    fn probability_of_log_odds() {
        for (db, p) in [(0.0, 0.5), (10.0, 10.0 / 11.0), (-20.0, 1.0 / 101.0)] {
            assert!((Decibans::new(db).probability() - p).abs() < 1e-6, "{db}");
        }
    }
}
