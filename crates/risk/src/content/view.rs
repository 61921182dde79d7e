//! A message as the content model reads it: one text, and a set of traits.
//!
//! In prose: the text is the subject, then what a reader sees of each text part (HTML without what is hidden, and where its links
//! lead), then the text of attached documents. Traits say how the message is made: its types, its charset, the program that
//! wrote it, whether it answers something, how much of it is hidden, what its links are like. Nothing that a receiver adds is
//! looked at, no address and no date.
//!
//! Promises: linear, bounded by [`View::TEXT_OCTETS_MAX`] and [`TRAITS_MAX`]. Trusts nothing.

use super::fold::{Code, Folded};
use super::{LinkFacts, LinkFlag, TextFacts, collect_links, near};
use crate::model::{Marks, Word, words};
use mail::message::html::{HtmlLimits, Page};
use mail::message::{Header, Part, charset, html};

/// Octets of a page that are read.
const HTML_OCTETS_MAX: usize = 1 << 20;
/// Traits of a message, words not counted.
const TRAITS_MAX: usize = 256;
/// Anchors of a page whose targets are read.
const TARGETS_MAX: usize = 60;
/// Octets of a target that are read.
const TARGET_OCTETS_MAX: usize = 100;
/// Octets of a word that is not cut in two.
const WORD_OCTETS_MAX: usize = 400;
/// Visible letters below which a message with pictures says nothing in words.
const WORDLESS_LETTERS_MAX: usize = 60;

/// What the content model reads of a message.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// As a person reads it.
    pub(crate) text: String,
    folded: Folded,
    /// What a model weighs.
    pub(crate) grams: Marks,
    pub(crate) words: Marks,
    /// Hashes of what is known of structure, program and links; sorted, each once.
    pub(crate) traits: Vec<u64>,
    /// Pictures and hardly a word: a model of words has nothing to say.
    wordless: bool,
}

impl View {
    /// Octets of text that a model reads of a message.
    pub const TEXT_OCTETS_MAX: usize = 32 << 10;
    /// Octets of one text: three quarters from its beginning, one from its end. Nobody gets to the middle of a longer one.
    pub const PIECE_OCTETS_MAX: usize = 16 << 10;
    /// Octets of text in which links are looked for.
    pub const LINKED_OCTETS_MAX: usize = 128 << 10;
    /// Octets of the form of a view that is kept to learn from.
    pub const SAMPLE_OCTETS_MAX: usize = 2 * Self::SAMPLE_CODES_MAX + 8 * TRAITS_MAX + 4;
    const SAMPLE_CODES_MAX: usize = 8_192;

    /// Of a text alone.
    pub fn of_text(text: &str) -> Self {
        let mut reader = Reader::default();
        reader.push(text);
        reader.finish().0
    }

    /// The form that is kept to learn from again: folded characters and traits, no readable original.
    pub fn to_sample(&self) -> Vec<u8> {
        let traits = &self.traits[..self.traits.len().min(TRAITS_MAX)];
        let mut sample = Vec::with_capacity(4 + 8 * traits.len() + 2 * self.codes().len());
        sample.extend_from_slice(&u32::try_from(traits.len()).unwrap_or(0).to_le_bytes());
        traits
            .iter()
            .for_each(|word| sample.extend_from_slice(&word.to_le_bytes()));
        let codes = self.codes().iter().take(Self::SAMPLE_CODES_MAX);
        codes.for_each(|code| sample.extend_from_slice(&code.to_raw().to_le_bytes()));
        sample
    }

    /// Reads such a form; None when it is none.
    pub fn from_sample(sample: &[u8]) -> Option<Self> {
        let (count, rest) = sample.split_first_chunk::<4>()?;
        let count = usize::try_from(u32::from_le_bytes(*count))
            .ok()
            .filter(|count| *count <= TRAITS_MAX)?;
        let (traits, codes) = rest.split_at_checked(8 * count)?;
        let word = |octets: &[u8]| octets.try_into().map(u64::from_le_bytes).unwrap_or_default();
        let code =
            |octets: &[u8]| Code::from_raw(octets.try_into().map(u16::from_le_bytes).unwrap_or_default());
        (codes.len() <= 2 * Self::SAMPLE_CODES_MAX && codes.len().is_multiple_of(2)).then(|| {
            let folded = Folded {
                codes: codes.chunks_exact(2).map(code).collect(),
                at: Vec::new(),
            };
            Self::new(
                String::new(),
                &words(&folded.codes),
                folded,
                traits.chunks_exact(8).map(word).collect(),
                false,
            )
        })
    }

    fn new(text: String, words: &[Word], folded: Folded, traits: Vec<u64>, wordless: bool) -> Self {
        Self {
            grams: Marks::grams(&folded.codes),
            words: Marks::words(words, folded.codes.len()),
            text,
            folded,
            traits,
            wordless,
        }
    }

    /// Pictures and hardly a word: a model of words learns nothing of it and says nothing.
    pub fn is_wordless(&self) -> bool {
        self.wordless
    }

    pub(crate) fn codes(&self) -> &[Code] {
        &self.folded.codes
    }
}

/// Reads the parts of a message one after the other.
#[derive(Debug, Default)]
pub(super) struct Reader {
    text: String,
    /// What no model reads: only links are looked for.
    rest: String,
    /// Where links of pages lead, read behind the text.
    targets: String,
    traits: Vec<u64>,
    /// Targets and shown texts of the links of its pages.
    anchors: Vec<(String, String)>,
    /// Octets that a reader of its pages does not see.
    hidden_octets: usize,
    /// Their beginning.
    hidden_sample: String,
    images: u32,
    texts: u32,
}

impl Reader {
    /// The header section of the message itself.
    pub(super) fn header(&mut self, header: &Header<'_>) {
        let text = |name: &str| header.first(name).map(|field| field.text());
        let subject = text("Subject").unwrap_or_default();
        self.push(&subject);
        for word in subject.split_whitespace().take(20) {
            self.trait_of("subject", &word.to_lowercase());
        }
        let is_loud = subject.chars().any(char::is_uppercase) && !subject.chars().any(char::is_lowercase);
        self.trait_if(is_loud, "subject is loud");
        let mailer = text("X-Mailer")
            .or_else(|| text("User-Agent"))
            .unwrap_or_default();
        let name = mailer
            .split(|c: char| !c.is_alphabetic())
            .find(|word| !word.is_empty());
        self.trait_of("mailer", &name.unwrap_or_default().to_lowercase());
        let version: String = mailer.chars().take(40).collect();
        self.trait_of("version", &version);
        for name in [
            "In-Reply-To",
            "References",
            "X-Priority",
            "Importance",
            "Organization",
            "Thread-Index",
            "X-MimeOLE",
        ] {
            self.trait_if(header.first(name).is_some(), name);
        }
        self.trait_of("priority", text("X-Priority").unwrap_or_default().trim());
        let reply = mailbox_domain(header, "Reply-To");
        let differs = reply.is_some() && reply != mailbox_domain(header, "From");
        self.trait_if(differs, "reply elsewhere");
    }

    /// Any leaf.
    pub(super) fn leaf(&mut self, part: &Part<'_>) {
        self.trait_of("type", &part.content_type);
        self.trait_of("encoding", &part.encoding);
        let is_image = part.content_type.starts_with("image/");
        self.images = self.images.saturating_add(u32::from(is_image));
    }

    /// A text of the message itself, decoded from its transfer encoding.
    pub(super) fn body(&mut self, part: &Part<'_>, content: &[u8]) {
        if !self.has_room() {
            return;
        }
        self.texts += 1;
        self.trait_of("charset", part.charset.as_deref().unwrap_or("none"));
        let read = |octets_max: usize| {
            let head = &content[..content.len().min(octets_max)];
            charset::decode(part.charset.as_deref(), head).0
        };
        if part.content_type == "text/html" {
            self.page(html::read(&read(HTML_OCTETS_MAX), &HtmlLimits::default()));
        } else {
            self.push(&read(2 * View::LINKED_OCTETS_MAX));
        }
    }

    /// More text would be read.
    pub(super) fn has_room(&self) -> bool {
        self.text.len() < View::TEXT_OCTETS_MAX && self.rest.len() < View::LINKED_OCTETS_MAX
    }

    /// A container.
    pub(super) fn container(&mut self, part: &Part<'_>) {
        self.trait_of("type", &part.content_type);
    }

    /// The text of an attached document and where its links lead.
    pub(super) fn document(&mut self, text: &str, targets: &[String]) {
        self.push(text);
        let targets = targets.iter().take(TARGETS_MAX);
        self.anchors
            .extend(targets.map(|target| (target.clone(), String::new())));
    }

    fn page(&mut self, page: Page) {
        self.push(&page.text);
        for anchor in page.anchors.iter().take(TARGETS_MAX) {
            let target = &anchor.target[..anchor.target.floor_char_boundary(TARGET_OCTETS_MAX)];
            self.targets.push_str(target);
            self.targets.push('\n');
        }
        self.images = self.images.saturating_add(page.images);
        let size = |count: u32| ["none", "one", "few", "many"][(count.min(9) as usize).div_ceil(3).min(3)];
        self.trait_of("images", size(page.images));
        self.trait_of(
            "anchors",
            size(u32::try_from(page.anchors.len()).unwrap_or(u32::MAX)),
        );
        self.trait_if(page.images_remote > 0, "remote images");
        self.trait_if(page.forms > 0, "form");
        self.trait_if(page.passwords > 0, "asks for a password");
        self.trait_if(page.scripts > 0, "script");
        self.trait_if(page.frames > 0, "frame");
        self.trait_if(page.meta_refresh.is_some(), "refresh");
        self.trait_if(page.data_octets > 0, "data in the page");
        let hidden = page.hidden_octets > 20 && page.hidden_octets > page.text.len() / 10;
        self.trait_if(hidden, "hidden text");
        self.hidden_octets = self.hidden_octets.saturating_add(page.hidden_octets);
        if self.hidden_sample.is_empty() {
            self.hidden_sample = page.hidden_sample;
        }
        self.anchors.extend(
            page.anchors
                .into_iter()
                .map(|anchor| (anchor.target, anchor.text)),
        );
    }

    /// Anything else that is known, such as what is odd about links.
    pub(super) fn trait_of(&mut self, kind: &str, value: &str) {
        if self.traits.len() < TRAITS_MAX {
            self.traits.push(hash(kind, value));
        }
    }

    fn trait_if(&mut self, is: bool, name: &str) {
        if is {
            self.trait_of("has", name);
        }
    }

    /// The links of what was read; what is odd about them becomes traits.
    pub(super) fn links(&mut self, own_domains: &[&str]) -> LinkFacts {
        let anchors: Vec<_> = self
            .anchors
            .iter()
            .map(|(target, text)| (target.as_str(), text.as_str()))
            .collect();
        let facts = collect_links(&[&self.text, &self.rest], &anchors, own_domains);
        for link in facts.links.iter().take(TARGETS_MAX) {
            for flag in &link.flags {
                self.trait_of("link", flag_name(flag));
            }
            self.trait_of("link suffix", link.domain.rsplit('.').next().unwrap_or_default());
        }
        let count = ["none", "one", "few", "many"][facts.links.len().min(9).div_ceil(3).min(3)];
        self.trait_of("links", count);
        facts
    }

    fn push(&mut self, text: &str) {
        let room = View::TEXT_OCTETS_MAX.saturating_sub(self.text.len() + 2);
        let read = room.min(View::PIECE_OCTETS_MAX);
        if text.len() <= read {
            self.text.push_str(text);
            self.text.push('\n');
            return;
        }
        let (head, rest) = text.split_at(cut_before(text, read / 4 * 3));
        let (middle, tail) = rest.split_at(cut_behind(rest, rest.len() - read / 4));
        for piece in [head, tail].into_iter().filter(|piece| !piece.is_empty()) {
            self.text.push_str(piece);
            self.text.push('\n');
        }
        let room = View::LINKED_OCTETS_MAX.saturating_sub(self.rest.len() + 1);
        let middle = &middle[..middle.floor_char_boundary(room)];
        if !middle.is_empty() {
            self.rest.push_str(middle);
            self.rest.push('\n');
        }
    }

    /// The view, and what is told of the text.
    pub(super) fn finish(mut self) -> (View, TextFacts) {
        if self.texts > 1 {
            self.trait_of("has", "several texts");
        }
        let targets = std::mem::take(&mut self.targets);
        self.push(&targets);
        let folded = Folded::of(&self.text, false);
        let letters = folded
            .codes
            .iter()
            .filter(|code| code.is_letter())
            .take(WORDLESS_LETTERS_MAX + 1);
        let wordless = letters.count() <= WORDLESS_LETTERS_MAX && self.images > 0;
        self.traits.sort_unstable();
        self.traits.dedup();
        let words = words(&folded.codes);
        let facts = TextFacts {
            characters: u32::try_from(folded.codes.len()).unwrap_or(u32::MAX),
            wordless,
            hidden_octets: u32::try_from(self.hidden_octets).unwrap_or(u32::MAX),
            hidden_sample: self.hidden_sample,
            bands: near::bands(&words).map(Vec::from).unwrap_or_default(),
            ..TextFacts::default()
        };
        (View::new(self.text, &words, folded, self.traits, wordless), facts)
    }
}

/// Where a text is cut, at most at `at`: before the word there, when it is not too long.
fn cut_before(text: &str, at: usize) -> usize {
    let at = text.floor_char_boundary(at);
    let near = text.floor_char_boundary(at.saturating_sub(WORD_OCTETS_MAX));
    let blank = text[near..at].rfind(char::is_whitespace);
    blank.map_or(at, |blank| near + blank)
}

/// The same, at least at `at`: behind the word there.
fn cut_behind(text: &str, at: usize) -> usize {
    let at = text.ceil_char_boundary(at);
    let near = text.ceil_char_boundary(at.saturating_add(WORD_OCTETS_MAX));
    let blank = text[at..near].find(char::is_whitespace);
    blank.map_or(at, |blank| at + blank)
}

fn flag_name(flag: &LinkFlag) -> &'static str {
    match flag {
        LinkFlag::Shortener => "shortener",
        LinkFlag::FileShare => "file share",
        LinkFlag::FreeHost => "free host",
        LinkFlag::IpLiteral => "address",
        LinkFlag::Punycode => "punycode",
        LinkFlag::MixedScript => "mixed script",
        LinkFlag::LookAlike { .. } => "look-alike",
        LinkFlag::TextDiffers { .. } => "text differs",
        LinkFlag::Userinfo => "userinfo",
        LinkFlag::OddPort => "odd port",
        LinkFlag::PercentHost => "percent",
        LinkFlag::Redirect => "redirect",
        LinkFlag::NewHost => "new host",
    }
}

fn mailbox_domain(header: &Header<'_>, name: &str) -> Option<String> {
    let text = header.first(name)?.text();
    let (_, domain) = text.rsplit_once('@')?;
    let end = domain
        .find(|c: char| !(c.is_alphanumeric() || c == '.' || c == '-'))
        .unwrap_or(domain.len());
    Some(domain[..end].to_lowercase())
}

/// FNV-1a over kind and value; the model's own hash mixes it.
fn hash(kind: &str, value: &str) -> u64 {
    let octets = kind.bytes().chain([0]).chain(value.bytes());
    octets.fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_teaches_what_the_view_teaches() {
        let mut view = View::of_text("Buy now, cheap watches");
        view.traits = vec![1, 2, 3];
        let again = View::from_sample(&view.to_sample()).unwrap();
        assert_eq!((again.codes(), &again.traits), (view.codes(), &view.traits));
        let long = View::of_text(&"word ".repeat(100_000));
        assert!(long.to_sample().len() <= View::SAMPLE_OCTETS_MAX);
        for broken in [
            &b""[..],
            b"abc",
            b"\xff\xff\xff\xff",
            b"\x01\0\0\0abc",
            b"\0\0\0\0a",
        ] {
            assert!(View::from_sample(broken).is_none(), "{broken:?}");
        }
    }

    #[test]
    fn bounded() {
        let view = View::of_text(&"п".repeat(View::TEXT_OCTETS_MAX));
        assert!(view.text.len() <= View::PIECE_OCTETS_MAX + 4);
        let mut reader = Reader::default();
        (0..9).for_each(|_| reader.push(&"word ".repeat(40_000)));
        assert!(reader.text.len() <= View::TEXT_OCTETS_MAX && reader.rest.len() <= View::LINKED_OCTETS_MAX);
        assert!(!reader.has_room());
    }

    #[test]
    fn a_long_text_is_read_at_both_ends() {
        let middle = "filler ".repeat(9_000);
        let text = format!("beginning {middle} https://a.example/middle {middle} ending");
        let mut reader = Reader::default();
        reader.push(&text);
        assert!(reader.text.starts_with("beginning") && reader.text.ends_with("ending\n"));
        assert!(!reader.text.contains("https") && reader.text.len() <= View::PIECE_OCTETS_MAX + 2);
        let links = reader.links(&[]);
        assert_eq!(links.links[0].url, "https://a.example/middle");
        for piece in [&reader.text, &reader.rest] {
            let words = piece.split_whitespace();
            assert!(words.clone().count() > 500);
            assert!(
                { words }.all(
                    |word| ["beginning", "filler", "ending", "https://a.example/middle"].contains(&word)
                )
            );
        }
    }
}
