//! The own model's place. TEMPORARY: a naive stand-in (words, AdaGrad logistic regression) until `risk::content` is at hand; delete it then.

use super::contender::Contender;
use anyhow::Result;
use xxhash_rust::xxh3::xxh3_64;

const SLOTS: usize = 1 << 18;

/// The stand-in.
pub struct Dogana {
    weights: Vec<(f32, f32)>,
}

impl Dogana {
    /// Knows nothing.
    pub fn new() -> Self {
        Self {
            weights: vec![(0.0, 1.0); SLOTS],
        }
    }

    fn slots(message: &[u8]) -> Vec<usize> {
        let at = message
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap_or(0);
        let body = message
            .get(at..message.len().min(at + 4_000))
            .unwrap_or_default()
            .to_ascii_lowercase();
        let mut slots: Vec<usize> = body
            .windows(5)
            .map(|gram| xxh3_64(gram) as usize % SLOTS)
            .collect();
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    fn sum(&self, slots: &[usize]) -> f64 {
        let sum: f32 = slots
            .iter()
            .filter_map(|slot| self.weights.get(*slot))
            .map(|(weight, _)| weight)
            .sum();
        f64::from(sum) / (slots.len().max(1) as f64).sqrt()
    }
}

impl Contender for Dogana {
    fn readings(&self) -> &'static [&'static str] {
        &["dogana (stand-in)"]
    }

    fn score(&mut self, message: &[u8]) -> Result<Vec<f64>> {
        Ok(vec![self.sum(&Self::slots(message))])
    }

    fn learn(&mut self, message: &[u8], spam: bool) -> Result<()> {
        let slots = Self::slots(message);
        let wrong = f64::from(u8::from(spam)) - 1.0 / (1.0 + (-self.sum(&slots)).exp());
        let step = (wrong / (slots.len().max(1) as f64).sqrt()) as f32;
        for slot in slots {
            if let Some((weight, squares)) = self.weights.get_mut(slot) {
                *squares += step * step;
                *weight += 0.3 * step / squares.sqrt();
            }
        }
        Ok(())
    }
}
