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
    /// How the message fits what is remembered of its sender; weighs in the sequential test, not in the score.
    Conduct,
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
    /// What it is about, for who wrote the message: names of files, hosts, passages of the text; none of our words. At most
    /// [`Symbol::DATA_MAX`] of at most [`Symbol::DATA_CHARS_MAX`] characters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<String>,
}

impl Symbol {
    /// Bound of `detail`, in characters.
    pub const DETAIL_MAX: usize = 200;

    /// Bound of `data`, in entries.
    pub const DATA_MAX: usize = 3;
    /// Bound of one of them, in characters.
    pub const DATA_CHARS_MAX: usize = 120;

    /// A symbol about nothing; the detail is cut before a word at its bound and freed of controls.
    pub fn new(name: &'static str, group: Group, weight_db: f32, detail: impl AsRef<str>) -> Self {
        Self {
            name: Cow::Borrowed(name),
            group,
            weight: Decibans::new(weight_db),
            detail: cleaned(detail.as_ref(), Self::DETAIL_MAX),
            data: Vec::new(),
        }
    }

    /// The same about something, which is cut at its bounds and freed of controls.
    #[must_use]
    pub fn about(mut self, data: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.data = Self::bounded(data);
        self
    }

    /// Within the bounds of `data`.
    pub(crate) fn bounded(data: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<String> {
        let items = data.into_iter().map(|item| {
            cleaned(item.as_ref().trim(), Self::DATA_CHARS_MAX)
                .trim()
                .to_owned()
        });
        items
            .filter(|item| !item.is_empty())
            .take(Self::DATA_MAX)
            .collect()
    }
}

/// At most so many characters; controls and what turns the direction of writing become blanks.
fn cleaned(text: &str, chars_max: usize) -> String {
    let hides = |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let clean = |c: char| if hides(c) { ' ' } else { c };
    if text.chars().nth(chars_max).is_none() {
        return text.chars().map(clean).collect();
    }
    let mut cut: String = text
        .chars()
        .take(chars_max.saturating_sub(1))
        .map(clean)
        .collect();
    if let Some((whole, _)) = cut.rsplit_once(' ') {
        cut.truncate(whole.len());
    }
    cut.push('\u{2026}');
    cut
}
