//! Which lists are asked, and what their answers mean. Every list documents its own; an answer that is not written down here is
//! never taken for a listing.

use super::answer::{Answers, Span};
use risk::ListKind;
use std::time::Duration;

/// The lists of a site.
#[derive(Clone, Debug)]
pub struct ListsSettings {
    /// At most [`ListsSettings::LISTS_MAX`]; empty: nobody is asked.
    pub lists: Vec<ListSettings>,
    /// For all lists together; an answer that comes later serves the next message.
    pub deadline: Duration,
    /// Different names of one message that are asked about.
    pub names_max: usize,
}

impl ListsSettings {
    /// Lists that can be configured.
    pub const LISTS_MAX: usize = 16;
}

impl Default for ListsSettings {
    fn default() -> Self {
        Self {
            lists: Vec::new(),
            deadline: Duration::from_secs(2),
            names_max: 20,
        }
    }
}

/// One list. Its key is in no output: not in `Debug`, not in errors, not in notes.
#[derive(Clone)]
pub struct ListSettings {
    /// Its name in symbols, notes and log.
    pub name: String,
    /// Its zone; `{key}` stands for the key.
    pub zone: String,
    /// The key that the list's keepers gave.
    pub key: Option<String>,
    /// What it lists.
    pub kind: ListKind,
    /// Documented answers.
    pub answers: Answers,
    /// A name, or the reversed address, that is always listed (RFC 5782 §5).
    pub test_listed: String,
    /// One that is never listed.
    pub test_unlisted: String,
}

impl std::fmt::Debug for ListSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ListSettings")
            .field("name", &self.name)
            .field("zone", &self.zone)
            .field("kind", &self.kind)
            .field("answers", &self.answers)
            .finish_non_exhaustive()
    }
}

impl ListSettings {
    /// A list with the test points of RFC 5782 §5 and no documented answers yet.
    pub fn new(name: impl Into<String>, zone: impl Into<String>, kind: ListKind) -> Self {
        let (listed, unlisted) = match kind {
            ListKind::Domain | ListKind::Newborn => ("TEST", "INVALID"),
            ListKind::Address => ("2.0.0.127", "1.0.0.127"),
        };
        Self {
            name: name.into(),
            zone: zone.into(),
            key: None,
            kind,
            answers: Answers::default(),
            test_listed: listed.to_owned(),
            test_unlisted: unlisted.to_owned(),
        }
    }

    /// Documents an answer: an address, or the first and last one with a hyphen between, and what it means.
    pub fn answer(mut self, span: &str, meaning: impl Into<String>) -> Result<Self, String> {
        self.answers.spans.push((span.parse::<Span>()?, meaning.into()));
        Ok(self)
    }

    /// Documents a bit of the last octet and what it means.
    pub fn bit(mut self, bit: u8, meaning: impl Into<String>) -> Result<Self, String> {
        if !bit.is_power_of_two() {
            return Err(format!("{bit} is not one bit: 1, 2, 4, ... 128"));
        }
        self.answers.bits.push((bit, meaning.into()));
        Ok(self)
    }

    /// Refuses what could not work. The operator caused it.
    pub fn check(&self) -> Result<(), String> {
        if self.answers.spans.is_empty() && self.answers.bits.is_empty() {
            return Err("no answer is documented: say what the list's answers mean".to_owned());
        }
        if self.zone.contains("{key}") != self.key.is_some() {
            return Err("a key and {key} in the zone belong together".to_owned());
        }
        let label = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.');
        let zone = self.filled_zone();
        if zone.is_empty() || zone.len() > 120 || !zone.bytes().all(label) {
            return Err("the zone is not a domain name".to_owned());
        }
        Ok(())
    }

    /// The zone with its key.
    pub(super) fn filled_zone(&self) -> String {
        let key = self.key.as_deref().unwrap_or_default();
        self.zone.replace("{key}", key).trim_matches('.').to_owned()
    }

    /// A text without the key.
    pub(super) fn hidden(&self, text: &str) -> String {
        match &self.key {
            Some(key) if !key.is_empty() => text.replace(key.as_str(), "{key}"),
            _ => text.to_owned(),
        }
    }
}
