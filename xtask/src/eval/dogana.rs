//! The own model under measurement: what `store` does with labels, in memory.

use super::contender::Contender;
use anyhow::Result;
use risk::View;
use risk::model::Model;
use xxhash_rust::xxh3::xxh3_64;

/// What a message scores that says nothing in words: neither way.
const SILENT: f64 = -3.0;

/// The model and all it was taught.
pub struct Dogana {
    model: Model,
    taught: Vec<(View, bool)>,
}

impl Dogana {
    /// Knows nothing.
    pub fn new() -> Self {
        Self {
            model: Model::new([1, 2]),
            taught: Vec::new(),
        }
    }

    /// The model as it is.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Learns a view, and one before it that its number picks.
    pub fn teach(&mut self, view: View, spam: bool) {
        self.model.learn(&view, spam);
        self.taught.push((view, spam));
        let number = self.taught.len();
        let earlier = usize::try_from(xxh3_64(&number.to_le_bytes()) % number as u64).unwrap_or(0);
        if let Some((view, spam)) = self.taught.get(earlier) {
            self.model.learn(view, *spam);
        }
    }
}

/// What the content model sees of a message.
pub fn view(message: &[u8]) -> View {
    risk::examine(message, &mail::message::Limits::default(), &[]).view
}

impl Contender for Dogana {
    fn readings(&self) -> &'static [&'static str] {
        &["dogana"]
    }

    fn score(&mut self, message: &[u8]) -> Result<Vec<f64>> {
        let opinion = self.model.opinion(&view(message));
        Ok(vec![opinion.map_or(SILENT, |opinion| f64::from(opinion.odds))])
    }

    fn learn(&mut self, message: &[u8], spam: bool) -> Result<()> {
        self.teach(view(message), spam);
        Ok(())
    }
}
