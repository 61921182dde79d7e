//! What the message itself shows. Pure; one bounded walk over the octets.

mod files;
mod links;

pub use files::{AttachmentFact, MemberFact, Pixels};
pub use links::{
    HostSeen, LinkFact, LinkFacts, LinkFlag, ListHit, ListKind, NewHosts, collect as collect_links,
    is_harmless,
};
use mail::message::budget::Budget;
use mail::message::{Defect, Header, Limits, Parts};
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

/// Walks the message within the limits. A message attached in encoded form, which the MIME walk leaves closed, is opened here,
/// at most [`ContentFacts::ENCLOSED_MAX`] of them.
pub fn examine(raw: &[u8], limits: &Limits) -> ContentFacts {
    let marks = Marks::new();
    let tree = Parts::walk(raw, limits);
    let mut budget = Budget::default();
    let mut facts = ContentFacts {
        size_octets: raw.len() as u64,
        gtube: marks.gtube.find(raw).is_some(),
        ..ContentFacts::default()
    };
    if let Some(top) = tree.parts.first() {
        facts.header_from = field_text(&top.header, "From");
        facts.subject = field_text(&top.header, "Subject");
        facts.message_id = field_text(&top.header, "Message-ID");
    }
    let mut closed = look(&tree, limits, &marks, &mut budget, &mut facts);
    let mut opened = 0;
    while let Some(message) = closed.pop() {
        opened += 1;
        if opened > ContentFacts::ENCLOSED_MAX {
            facts.defects.push(Defect::TooDeep);
            break;
        }
        let tree = Parts::walk(&message, limits);
        closed.extend(look(&tree, limits, &marks, &mut budget, &mut facts));
    }
    facts.defects.sort_unstable();
    facts.defects.dedup();
    facts
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

/// Adds what the parts show; gives back messages that are still closed.
fn look(
    tree: &Parts<'_>,
    limits: &Limits,
    marks: &Marks,
    budget: &mut Budget,
    facts: &mut ContentFacts,
) -> Vec<Vec<u8>> {
    facts.parts = facts
        .parts
        .saturating_add(u32::try_from(tree.parts.len()).unwrap_or(u32::MAX));
    let mut closed = Vec::new();
    for part in tree.parts.iter().filter(|part| !part.container) {
        let content = part.decoded(limits.decoded_octets_max);
        facts.gtube = facts.gtube || marks.gtube.find(&content).is_some();
        facts.eicar = facts.eicar || marks.is_eicar(&content);
        if part.content_type == "message/rfc822" {
            closed.push(content.into_owned());
        } else if files::is_attachment(part) && facts.attachments.len() < ContentFacts::ATTACHMENTS_MAX {
            let mut test_file = false;
            let visit = &mut |octets: &[u8]| test_file |= marks.is_eicar(octets);
            facts.attachments.push(files::look(part, &content, budget, visit));
            facts.eicar |= test_file;
        }
    }
    facts.defects.extend_from_slice(&tree.defects);
    closed
}

fn field_text(header: &Header<'_>, name: &str) -> String {
    header
        .first(name)
        .map(|field| field.text().chars().take(200).collect())
        .unwrap_or_default()
}
