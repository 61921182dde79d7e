//! Languages in which people are told why.

use serde::{Deserialize, Serialize};

/// Languages of the first day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Language {
    /// English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// Italian.
    #[serde(rename = "it")]
    Italian,
    /// Russian. In an SMTP reply only where the client speaks SMTPUTF8.
    #[serde(rename = "ru")]
    Russian,
}

impl Language {
    /// All languages.
    pub const ALL: [Self; 3] = [Self::English, Self::Italian, Self::Russian];

    /// From a tag such as `it` or `ru-RU`; English for all others.
    pub fn from_tag(tag: &str) -> Self {
        match tag
            .split(['-', '_'])
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase()
            .as_str()
        {
            "it" => Self::Italian,
            "ru" => Self::Russian,
            _ => Self::English,
        }
    }

    /// The tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Italian => "it",
            Self::Russian => "ru",
        }
    }
}
