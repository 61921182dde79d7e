//! One observation with its weight.

use crate::Decibans;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Families of symbols: reasons are told by family, and later rules ask for evidence from two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Does the sender address belong to the login.
    Identity,
    /// Text, links, structure.
    Content,
    /// Files.
    Attachment,
    /// Other scanners' opinions.
    Scanner,
    /// How much, how fast, to how many.
    Volume,
    /// Network and client.
    Origin,
    /// Bounces, complaints.
    Feedback,
    /// What the ledger remembers.
    Standing,
}

/// An observation. Its name is an interface: renaming one is a breaking change (docs/symbols.md lists them).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Symbol {
    /// SCREAMING_SNAKE.
    pub name: Cow<'static, str>,
    /// Its family.
    pub group: Group,
    /// Positive speaks for abuse.
    #[serde(rename = "weight_db")]
    pub weight: Decibans,
    /// The observation in a few words; at most [`Symbol::DETAIL_MAX`] characters.
    pub detail: String,
}

impl Symbol {
    /// Bound of `detail`, in characters.
    pub const DETAIL_MAX: usize = 200;

    /// A symbol; the detail is cut at its bound and freed of controls.
    pub fn new(name: &'static str, group: Group, weight_db: f32, detail: impl AsRef<str>) -> Self {
        let hides =
            |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let clean = |c: char| if hides(c) { ' ' } else { c };
        let detail = detail
            .as_ref()
            .chars()
            .take(Self::DETAIL_MAX)
            .map(clean)
            .collect();
        Self {
            name: Cow::Borrowed(name),
            group,
            weight: Decibans::new(weight_db),
            detail,
        }
    }
}
