//! From a score to evidence: how rare is it among the mail that this site lets out?
//!
//! In prose: nearly all outgoing mail is honest, so the scores of accepted mail are the law of honest scores, whatever the model
//! was trained on. A score's rank p is the share of accepted mail that scores at least as high. Its weight is the likelihood
//! ratio 0.3 · p^-0.7: under honest mail its mean is 1 by construction (a p-to-e calibrator; Vovk, Wang, Annals of Statistics 49,
//! 2021), so sums of such weights keep a bound on false alarms that holds for any model. No message weighs more than
//! [`WEIGHT_MAX_DB`]. While the site is young, a reference from other mail counts as [`REFERENCE_MESSAGES`] messages.
//!
//! Promises: old mail fades by halves; counting and asking cost the same whatever was counted. Trusts that most mail is honest.

use serde::{Deserialize, Serialize};

/// Bins of a quarter from -32 to 32.
pub const BINS: usize = 256;
const BIN: f32 = 0.25;
/// Messages after which what was counted before is halved.
const KEPT_MAX: u32 = 200_000;
/// What the reference counts for.
pub const REFERENCE_MESSAGES: f32 = 500.0;
/// The heaviest weight: 55 to 1.
pub const WEIGHT_MAX_DB: f32 = 17.4;
/// The lightest: nothing a text says excuses more.
pub const WEIGHT_MIN_DB: f32 = -5.0;

/// How often each score was met in accepted mail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u32>", into = "Vec<u32>")]
pub struct Ranks {
    bins: Vec<u32>,
    total: u32,
}

impl Default for Ranks {
    fn default() -> Self {
        Self {
            bins: vec![0; BINS],
            total: 0,
        }
    }
}

impl From<Ranks> for Vec<u32> {
    fn from(ranks: Ranks) -> Self {
        ranks.bins
    }
}

impl TryFrom<Vec<u32>> for Ranks {
    type Error = &'static str;

    fn try_from(bins: Vec<u32>) -> Result<Self, Self::Error> {
        let total = bins.iter().fold(0u32, |sum, count| sum.saturating_add(*count));
        if bins.len() == BINS && total <= 2 * KEPT_MAX {
            Ok(Self { bins, total })
        } else {
            Err("ranks have 256 bins of bounded counts")
        }
    }
}

impl Ranks {
    /// Counts an accepted message.
    pub fn count(&mut self, odds: f32) {
        if self.total >= KEPT_MAX {
            self.bins.iter_mut().for_each(|count| *count /= 2);
            self.total = self.bins.iter().sum();
        }
        self.bins[bin(odds)] += 1;
        self.total += 1;
    }

    /// Messages counted.
    pub fn total(&self) -> u32 {
        self.total
    }

    /// The share of mail that scores at least as high, with the reference where there is little own mail; above 0, at most 1.
    pub fn rank(&self, odds: f32, reference: &Self) -> f32 {
        let share = REFERENCE_MESSAGES / (reference.total.max(1) as f32);
        let above = self.above(odds) as f32 + share * reference.above(odds) as f32;
        let all = self.total as f32 + share * reference.total as f32;
        ((above + 1.0) / (all + 1.0)).min(1.0)
    }

    fn above(&self, odds: f32) -> u32 {
        self.bins[bin(odds)..].iter().sum()
    }
}

/// The weight of a rank in decibans.
pub fn weight_of_rank(rank: f32) -> f32 {
    let rank = if rank.is_nan() { 1.0 } else { rank.clamp(1e-9, 1.0) };
    (-7.0 * rank.log10() + 10.0 * 0.3f32.log10()).clamp(WEIGHT_MIN_DB, WEIGHT_MAX_DB)
}

fn bin(odds: f32) -> usize {
    let odds = if odds.is_nan() {
        0.0
    } else {
        odds.clamp(-32.0, 31.99)
    };
    (((odds + 32.0) / BIN) as usize).min(BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_fair_under_honest_mail() {
        let mean: f64 = (1..=100_000)
            .map(|step| 10f64.powf(f64::from(weight_of_rank((step as f32 - 0.5) / 100_000.0)) / 10.0))
            .sum::<f64>()
            / 100_000.0;
        assert!((0.9..=1.0).contains(&mean), "{mean}");
        let check = |rank: f32, db: f32| {
            assert!(
                (weight_of_rank(rank) - db).abs() < 0.1,
                "{rank}: {}",
                weight_of_rank(rank)
            )
        };
        check(1.0, WEIGHT_MIN_DB);
        check(0.1, 1.8);
        check(0.01, 8.8);
        check(0.001, 15.8);
        check(0.0, WEIGHT_MAX_DB);
        check(f32::NAN, WEIGHT_MIN_DB);
    }

    #[test]
    fn own_mail_takes_over_from_the_reference() {
        let mut reference = Ranks::default();
        (0..1_000).for_each(|n| reference.count(-10.0 + n as f32 / 100.0));
        let mut own = Ranks::default();
        assert!(own.rank(3.0, &reference) < 0.01);
        (0..5_000).for_each(|n| own.count(2.0 + (n % 40) as f32 / 20.0));
        assert!(own.rank(3.0, &reference) > 0.3, "mail like this is ordinary here");
        assert_eq!(Ranks::default().rank(0.0, &Ranks::default()), 1.0);
        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            own.count(odd);
            assert!((0.0..=1.0).contains(&own.rank(odd, &reference)));
        }
    }

    #[test]
    fn old_mail_fades() {
        let mut ranks = Ranks::default();
        (0..3 * KEPT_MAX).for_each(|_| ranks.count(0.0));
        assert!(ranks.total() <= KEPT_MAX);
        let text = serde_json::to_string(&ranks).unwrap();
        assert_eq!(serde_json::from_str::<Ranks>(&text).unwrap(), ranks);
        assert!(serde_json::from_str::<Ranks>("[1,2]").is_err());
    }
}
