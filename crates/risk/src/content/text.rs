//! What is known of the text of a message.

use crate::Role;
use crate::model::Phrase;
use serde::{Deserialize, Serialize};

/// The text, and what the content model says of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TextFacts {
    /// Characters that count after folding.
    pub characters: u32,
    /// Pictures and hardly a word.
    pub wordless: bool,
    /// Octets of its pages that a reader does not see.
    pub hidden_octets: u32,
    /// Their beginning, at most 200 characters.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hidden_sample: String,
    /// The sketch: near duplicates share at least two at the same place. Empty for a short text.
    pub bands: Vec<u32>,
    /// What the models say; absent when they have nothing to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
}

/// What the content models say of a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Log odds of the shipped model, natural logarithm.
    pub shipped: f32,
    /// Of the site's own model, once it has learned enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<f32>,
    /// Both together.
    pub odds: f32,
    /// The part the message was compared with: mail of senders of this role.
    pub role: Role,
    /// The share of accepted mail of this role that scores at least as high.
    pub rank: f32,
    /// Messages of this site that this is measured on.
    pub measured_on: u32,
    /// The passages that weigh most; only where the text is unusual.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phrases: Vec<Phrase>,
}
