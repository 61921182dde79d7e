//! What the message itself shows. Pure; one bounded walk over the octets.

mod campaign;
mod files;
mod fold;
mod links;
mod near;
mod text;
mod view;

pub use campaign::{Bands, CAMPAIGN_S, CampaignFacts, SharedBands};
pub use files::{AttachmentFact, MemberFact, Pixels};
pub(crate) use fold::{Code, Folded, prepare};
pub use links::{
    HostSeen, LinkFact, LinkFacts, LinkFlag, ListHit, ListKind, NewHosts, collect as collect_links,
    is_harmless,
};
pub use text::{Reading, TextFacts};
pub use view::View;

use mail::Address;
use mail::message::budget::Budget;
use mail::message::document;
use mail::message::{Defect, Header, Limits, Part, Parts, mailbox};
use memchr::memmem;
use serde::{Deserialize, Serialize};

/// What was measured on the message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ContentFacts {
    /// Size as received.
    pub size_octets: u64,
    /// MIME parts.
    pub parts: u32,
    /// Files, at most [`ContentFacts::ATTACHMENTS_MAX`].
    pub attachments: Vec<AttachmentFact>,
    /// The text and what the content model says of it; absent in facts of versions that did not read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextFacts>,
    /// Links; absent in facts of versions that did not look for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<LinkFacts>,
    /// The GTUBE test string is in it (a text every spam filter shall find).
    pub gtube: bool,
    /// The EICAR test string is in it (a text every virus scanner shall find).
    pub eicar: bool,
    /// What is wrong with its form.
    pub defects: Vec<Defect>,
    /// From, decoded, for the eye; at most 200 characters.
    pub header_from: String,
    /// Subject, decoded, for the eye; at most 200 characters.
    pub subject: String,
    /// Message-ID; at most 200 characters.
    pub message_id: String,
}

impl ContentFacts {
    /// Attachments looked at.
    pub const ATTACHMENTS_MAX: usize = 100;
    /// Encoded messages that are opened.
    pub const ENCLOSED_MAX: usize = 8;
}

/// Work that reading documents may cost.
const READING_MAX: usize = 4 << 20;

/// The test string of unsolicited bulk mail, in two halves so that this file is not taken for one.
const GTUBE: [&str; 2] = [
    "XJS*C4JDBQADN1.NSBN3*2IDNEN",
    "*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X",
];
/// The test string of virus scanners, in two halves.
const EICAR: [&str; 2] = [
    "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR",
    "-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*",
];

/// A message that was looked into.
#[derive(Clone, Debug, Default)]
pub struct Examined {
    /// What was measured; the content model's part is added by [`crate::model::Models::read`].
    pub facts: ContentFacts,
    /// What the content model reads.
    pub view: View,
}

/// Walks the message within the limits. A message attached in encoded form, which the MIME walk leaves closed, is opened here,
/// at most [`ContentFacts::ENCLOSED_MAX`] of them. `own_domains` are the sender's, which links may imitate.
pub fn examine(raw: &[u8], limits: &Limits, own_domains: &[&str]) -> Examined {
    let mut walk = Walk {
        limits,
        marks: Marks::new(),
        budget: Budget::default(),
        reading: Budget::new(READING_MAX, Budget::ENTRIES_MAX, 1),
        reader: view::Reader::default(),
        facts: ContentFacts {
            size_octets: raw.len() as u64,
            ..ContentFacts::default()
        },
    };
    walk.facts.gtube = walk.marks.gtube.find(raw).is_some();
    let tree = Parts::walk(raw, limits);
    if let Some(top) = tree.parts.first() {
        walk.facts.header_from = field_text(&top.header, "From");
        walk.facts.subject = field_text(&top.header, "Subject");
        walk.facts.message_id = field_text(&top.header, "Message-ID");
        walk.reader.header(&top.header);
    }
    let mut closed = walk.look(&tree);
    let mut opened = 0;
    while let Some(message) = closed.pop() {
        opened += 1;
        if opened > ContentFacts::ENCLOSED_MAX {
            walk.facts.defects.push(Defect::TooDeep);
            break;
        }
        let tree = Parts::walk(&message, limits);
        closed.extend(walk.look(&tree));
    }
    walk.finish(own_domains)
}

/// What the content model reads of a message, for those who teach it.
pub fn view(raw: &[u8], own_domains: &[&str]) -> View {
    examine(raw, &Limits::default(), own_domains).view
}

/// The same of a file that nobody sent through a door: read as if the author of its one From mailbox had sent it.
pub fn view_of_file(raw: &[u8]) -> View {
    let domain = author(raw).map(|author| author.domain_key());
    view(raw, &domain.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The one From mailbox of a message.
pub fn author(raw: &[u8]) -> Option<Address> {
    let header = Header::parse(raw, &Limits::default());
    let mut fields = header.all("From");
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return None;
    };
    let list = mailbox::parse_list(field).ok()?;
    match list.as_slice() {
        [one] => Some(one.address.clone()),
        _ => None,
    }
}

/// The test strings, ready to be found.
struct Marks {
    gtube: memmem::Finder<'static>,
    eicar: String,
}

impl Marks {
    fn new() -> Self {
        Self {
            gtube: memmem::Finder::new(GTUBE.concat().as_bytes()).into_owned(),
            eicar: EICAR.concat(),
        }
    }

    /// A file is the virus test file when it begins with the string (as its authors define it); a text that quotes it is not.
    fn is_eicar(&self, content: &[u8]) -> bool {
        content.trim_ascii_start().starts_with(self.eicar.as_bytes())
    }
}

/// What is carried from part to part.
struct Walk<'a> {
    limits: &'a Limits,
    marks: Marks,
    budget: Budget,
    /// What reading the text of documents may cost; apart from what opening them costs, so that a long text hides no file.
    reading: Budget,
    reader: view::Reader,
    facts: ContentFacts,
}

impl Walk<'_> {
    /// Adds what the parts show; gives back messages that are still closed.
    fn look(&mut self, tree: &Parts<'_>) -> Vec<Vec<u8>> {
        let count = u32::try_from(tree.parts.len()).unwrap_or(u32::MAX);
        self.facts.parts = self.facts.parts.saturating_add(count);
        let mut closed = Vec::new();
        for part in &tree.parts {
            if part.container {
                self.reader.container(part);
                continue;
            }
            let content = part.decoded(self.limits.decoded_octets_max);
            self.facts.gtube = self.facts.gtube || self.marks.gtube.find(&content).is_some();
            self.facts.eicar = self.facts.eicar || self.marks.is_eicar(&content);
            self.reader.leaf(part);
            if part.content_type == "message/rfc822" {
                closed.push(content.into_owned());
            } else if files::is_attachment(part) {
                self.file(part, &content);
            } else {
                self.reader.body(part, &content);
            }
        }
        self.facts.defects.extend_from_slice(&tree.defects);
        closed
    }

    fn file(&mut self, part: &Part<'_>, content: &[u8]) {
        if self.facts.attachments.len() >= ContentFacts::ATTACHMENTS_MAX {
            return;
        }
        let mut test_file = false;
        let visit = &mut |octets: &[u8]| test_file |= self.marks.is_eicar(octets);
        let file = files::look(part, content, &mut self.budget, visit);
        self.facts.eicar |= test_file;
        if self.reader.has_room()
            && let Some(text) =
                document::read(content, &file.file, part.charset.as_deref(), &mut self.reading)
        {
            self.reader.document(&text.text, &text.targets);
        }
        self.facts.attachments.push(file);
    }

    fn finish(mut self, own_domains: &[&str]) -> Examined {
        let mut facts = self.facts;
        facts.defects.sort_unstable();
        facts.defects.dedup();
        let links = self.reader.links(own_domains);
        facts.links = Some(links);
        let (view, text) = self.reader.finish();
        facts.text = Some(text);
        Examined { facts, view }
    }
}

fn field_text(header: &Header<'_>, name: &str) -> String {
    header
        .first(name)
        .map(|field| field.text().chars().take(200).collect())
        .unwrap_or_default()
}
