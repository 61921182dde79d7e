//! The shipped model, the site's own, and the site's ranks, as of one moment.

use super::{Model, Ranks, shipped, shipped_ranks};
use crate::Role;
use crate::content::{ContentFacts, Reading, View};
use std::sync::Arc;

/// Messages of the rarer label after which the own model has its full share.
const LOCAL_FULL: f32 = 200.0;
/// Messages of the rarer label before which it has none.
const LOCAL_MIN: u64 = 20;
/// Share of the own model at most.
const LOCAL_SHARE_MAX: f32 = 0.75;
/// Texts this rare are explained.
const EXPLAINED_RANK_MAX: f32 = 0.05;

/// What a site knows of texts.
#[derive(Clone, Debug, Default)]
pub struct Models {
    /// Its own model.
    pub local: Option<Arc<Model>>,
    /// Ranks of accepted mail, one for each role.
    pub ranks: [Ranks; Role::COUNT],
}

impl Models {
    /// Adds what the models say of a message to its facts.
    pub fn read(&self, view: &View, role: Role, facts: &mut ContentFacts) {
        let Some(opinion) = shipped().opinion(view) else {
            return;
        };
        let local = self.local.as_deref().and_then(|model| {
            let (spam, other) = model.learned();
            let rarer = spam.min(other);
            let share = LOCAL_SHARE_MAX * (rarer as f32 / LOCAL_FULL).min(1.0);
            (rarer >= LOCAL_MIN).then(|| Some((model, model.opinion(view)?, share)))?
        });
        let odds = local.map_or(opinion.odds, |(_, own, share)| {
            own.odds * share + opinion.odds * (1.0 - share)
        });
        let ranks = &self.ranks[role as usize];
        let rank = ranks.rank(odds, shipped_ranks());
        let phrases = match local {
            _ if rank > EXPLAINED_RANK_MAX => Vec::new(),
            Some((model, own, share)) if share >= 0.5 => model.explain(view, &own),
            _ => shipped().explain(view, &opinion),
        };
        let reading = Reading {
            shipped: opinion.odds,
            local: local.map(|(_, own, _)| own.odds),
            odds,
            role,
            rank,
            measured_on: ranks.total(),
            phrases,
        };
        facts.text.get_or_insert_default().reading = Some(reading);
    }
}
