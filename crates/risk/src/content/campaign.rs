//! One text from many senders: by what messages are compared, and what is known of those that are alike.
//!
//! In prose: a message is alike another when they share two bands of the sketch of their text, or one band and a file; a message
//! with too little text to be told from others is alike when they share a file. Files count as one, because the pictures of a
//! signature stand in every message of a house. Being alike is no evidence: lists, templates and replies to all are alike too.
//! It says where to look, and joins what is known of one to the others.

use super::ContentFacts;
use crate::model::mix;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How far back messages are compared, in seconds: 72 hours.
pub const CAMPAIGN_S: u32 = 72 * 3600;

/// Messages of other senders that are alike this one, within [`CAMPAIGN_S`], as far as they are remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CampaignFacts {
    /// Other senders.
    pub senders: u32,
    /// Their messages that are alike this one.
    pub messages: u32,
    /// When the first of them was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<Timestamp>,
    /// Senders of which one was refused.
    pub refused: u32,
    /// The highest score that one of them had, in decibans; 0 when there are none.
    #[serde(default)]
    pub score_max_db: f32,
}

/// What a message is compared by. Numbers that say nothing of the text to who has not the same one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bands {
    /// The sketch of the text; empty for a short one. At most [`super::near::BANDS`].
    text: Vec<u64>,
    /// Files; at most [`Bands::FILES_MAX`].
    files: Vec<u64>,
}

/// What two messages share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SharedBands {
    /// One bit for each band of the text.
    pub text: u8,
    /// A file.
    pub file: bool,
}

impl Bands {
    /// Files that count, the first ones.
    pub const FILES_MAX: usize = 8;
    /// Bands of one message at most.
    pub const MAX: usize = super::near::BANDS + Self::FILES_MAX;

    /// Of a message.
    pub fn of(content: &ContentFacts) -> Self {
        let sketch = content.text.as_ref().map_or(&[][..], |text| &text.bands);
        let text = sketch.iter().take(super::near::BANDS).zip(0u64..);
        let files = content.attachments.iter().filter(|file| file.size_octets > 0);
        let mut files: Vec<u64> = files
            .filter_map(|file| u64::from_str_radix(file.digest.get(..16)?, 16).ok())
            .collect();
        files.sort_unstable();
        files.dedup();
        files.truncate(Self::FILES_MAX);
        Self {
            text: text
                .map(|(band, place)| mix(u64::from(*band) | place << 32))
                .collect(),
            files,
        }
    }

    /// Nothing to compare by.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.files.is_empty()
    }

    /// All of them, each with what sharing it means.
    pub fn each(&self) -> impl Iterator<Item = (u64, SharedBands)> + '_ {
        let text = self.text.iter().zip(0u32..).map(|(band, place)| {
            let text = 1u8.checked_shl(place).unwrap_or(0);
            (*band, SharedBands { text, file: false })
        });
        let files = self
            .files
            .iter()
            .map(|file| (*file, SharedBands { text: 0, file: true }));
        text.chain(files)
    }

    /// Is a message alike this one that shares so much.
    pub fn is_alike(&self, shared: SharedBands) -> bool {
        match shared.text.count_ones() {
            0 => shared.file && self.text.is_empty(),
            1 => shared.file,
            _ => true,
        }
    }
}

impl SharedBands {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            text: self.text | other.text,
            file: self.file || other.file,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AttachmentFact, TextFacts};

    fn content(bands: &[u32], digests: &[&str]) -> ContentFacts {
        let file = |digest: &&str| AttachmentFact {
            name: String::new(),
            declared: "image/png".to_owned(),
            file: mail::message::sniff::sniff(b"content", None),
            size_octets: 7,
            digest: (*digest).to_owned(),
            members: Vec::new(),
            files: 0,
            signs: mail::message::archive::Signs::new(),
            pixels: None,
        };
        ContentFacts {
            text: Some(TextFacts {
                bands: bands.to_vec(),
                ..TextFacts::default()
            }),
            attachments: digests.iter().map(file).collect(),
            ..ContentFacts::default()
        }
    }

    fn shared(a: &ContentFacts, b: &ContentFacts) -> bool {
        let (left, right) = (Bands::of(a), Bands::of(b));
        let others: Vec<_> = right.each().collect();
        let both = left.each().filter(|band| others.contains(band));
        left.is_alike(both.fold(SharedBands::default(), |all, (_, one)| all.and(one)))
    }

    #[test]
    fn what_is_alike() {
        let (file, other) = (
            "00112233445566778899aabbccddeeff",
            "ff112233445566778899aabbccddeeff",
        );
        let check = |a: (&[u32], &[&str]), b: (&[u32], &[&str]), alike: bool| {
            assert_eq!(
                shared(&content(a.0, a.1), &content(b.0, b.1)),
                alike,
                "{a:?} {b:?}"
            );
        };
        let text: &[u32] = &[1, 2, 3, 4, 5, 6, 7, 8];
        check((text, &[]), (text, &[]), true);
        check((text, &[]), (&[1, 2, 0, 0, 0, 0, 0, 0], &[]), true);
        check((text, &[]), (&[1, 0, 0, 0, 0, 0, 0, 0], &[]), false);
        // The same number at another place is another band.
        check((text, &[]), (&[2, 1, 4, 3, 6, 5, 8, 7], &[]), false);
        check((text, &[file]), (&[1, 0, 0, 0, 0, 0, 0, 0], &[file]), true);
        check((text, &[file]), (&[0; 8], &[file]), false);
        check((text, &[file, other]), (&[0; 8], &[file, other]), false);
        check((&[], &[file]), (&[], &[file, other]), true);
        check((&[], &[file]), (&[], &[other]), false);
        check((&[], &["xyz"]), (&[], &["xyz"]), false);
        check((&[], &[]), (&[], &[]), false);
    }

    #[test]
    fn bounded() {
        let digests: Vec<String> = (0..100)
            .map(|n| format!("{n:032x}").chars().rev().collect())
            .collect();
        let digests: Vec<&str> = digests.iter().map(String::as_str).collect();
        let bands = Bands::of(&content(&[7; 20], &digests));
        assert_eq!(bands.each().count(), Bands::MAX);
        assert!(!bands.is_empty());
    }
}
