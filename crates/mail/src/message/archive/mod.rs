//! What is inside of archives: zip, gzip, bzip2, xz, tar, 7z, RAR, cabinets, disk images; and archives in these.
//!
//! Promises: everything expanded, listed or told is paid from the [`Budget`] of the message; no recursion; no name is ever used
//! as a path; no panic. Trusts nothing: types are told by content where it can be read, sizes are counted.
//!
//! Decision: of each member the first octets are looked at, so that its type is known; an archive in an archive and a document
//! are expanded whole, archives first. An archive is a [`Sign::Bomb`] when members share octets, when one is larger than it
//! says, or when it expands over [`RATIO_MAX`] times and either to over [`EXPANSION_MAX`] octets or until the budget is used up:
//! honest files of that size (logs, tables) stay below 30 times.

pub mod codec;
pub mod entry;

mod cab;
mod iso;
mod rar;
mod seven;
mod tar;
pub mod zip;

use super::budget::Budget;
use super::office;
use super::sniff::{FileType, Kind, LOOK_OCTETS_MAX, sniff};
use codec::{Expanded, Packed};
use entry::{Entry, Listing};
use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};

pub use entry::{Member, Sign, Signs};

/// Octets an archive may expand to, however small it is.
pub const EXPANSION_MAX: u64 = 100 << 20;
/// Times its size that an archive beyond [`EXPANSION_MAX`] may expand to.
pub const RATIO_MAX: u64 = 100;
/// Octets of a member that are looked at for its type.
const LOOK_MEMBER: usize = 4 << 10;
/// Octets of a single compressed stream that are looked at, more as long as it expands over [`FOLLOW_RATIO`] times.
const LOOK_STREAM: [usize; 2] = [LOOK_OCTETS_MAX, 1 << 20];
const FOLLOW_RATIO: usize = 16;
/// A stream that expands so many times to the end of that is nothing honest: near the most that deflate can do.
const ZEROS_RATIO: usize = 500;
/// Work of telling a member.
const MEMBER_WORK: usize = 2_000;

/// What was found in one archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Archive {
    /// Files in it and in the archives in it; those that tell something first, as many as the budget has left.
    pub members: Vec<Member>,
    /// How many files there are.
    pub files: usize,
    /// What was seen in any of them.
    pub signs: Signs,
}

/// Looks into an archive. Every file's first octets are also shown to `visit`. None when it is no archive.
pub fn open(
    content: &[u8],
    file: &FileType,
    name: &str,
    budget: &mut Budget,
    visit: &mut dyn FnMut(&[u8]),
) -> Option<Archive> {
    let mut archive = Archive::default();
    let mut claimed = 0u64;
    let mut waiting = VecDeque::from([Container {
        content: Cow::Borrowed(content),
        format: Format::of(content, file)?,
        name: name.to_owned(),
        path: String::new(),
        depth: 1,
        whole: true,
    }]);
    while let Some(container) = waiting.pop_front() {
        let mut look = Look {
            container: &container,
            archive: &mut archive,
            budget: &mut *budget,
            visit: &mut *visit,
            claimed: &mut claimed,
        };
        match &container.content {
            Cow::Borrowed(octets) => waiting.extend(look.inside(octets)),
            Cow::Owned(octets) => {
                for inner in look.inside(octets) {
                    let owned =
                        matches!(inner.content, Cow::Owned(_)) || look.budget.spend(inner.content.len());
                    if owned {
                        waiting.push_back(inner.into_owned());
                    } else {
                        look.archive.signs.insert(Sign::Unread);
                    }
                }
            }
        }
    }
    if budget.is_exhausted() && claimed / RATIO_MAX > content.len() as u64 {
        archive.signs.insert(Sign::Bomb);
    }
    archive.finish(budget);
    Some(archive)
}

impl Archive {
    fn finish(&mut self, budget: &mut Budget) {
        self.files = self.members.len();
        self.members.sort_by_key(|member| !tells(member));
        self.members.truncate(budget.members(self.files));
        let signs = self.members.iter().flat_map(|member| member.signs.iter());
        self.signs
            .extend(signs.filter(|sign| matches!(sign, Sign::Encrypted | Sign::Bomb | Sign::Unread)));
    }
}

fn tells(member: &Member) -> bool {
    let runs = |kind| matches!(kind, Kind::Executable | Kind::Script);
    let file = &member.file;
    runs(file.kind) || file.claimed.is_some_and(runs) || file.disguised_name || !member.signs.is_empty()
}

/// How an archive is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Zip,
    Tar,
    Seven,
    Rar,
    Iso,
    Cab,
    Gzip,
    Bzip2,
    Xz,
    /// One that is only recognised.
    Other,
}

impl Format {
    /// By content. A zip archive may have anything before it, if it is called an archive or nothing else is known of it.
    fn of(content: &[u8], file: &FileType) -> Option<Self> {
        let known = match file.mime.as_str() {
            "application/zip" => Self::Zip,
            "application/x-tar" => Self::Tar,
            "application/x-7z-compressed" => Self::Seven,
            "application/vnd.rar" => Self::Rar,
            "application/x-iso9660-image" => Self::Iso,
            "application/vnd.ms-cab-compressed" => Self::Cab,
            "application/gzip" => Self::Gzip,
            "application/x-bzip2" => Self::Bzip2,
            "application/x-xz" => Self::Xz,
            _ => {
                let called = file.claimed == Some(Kind::Archive);
                let unknown = matches!(file.kind, Kind::Other | Kind::Text | Kind::Archive);
                return match () {
                    () if (called || unknown) && zip::has_end(content) => Some(Self::Zip),
                    () if file.kind == Kind::Archive => Some(Self::Other),
                    () => None,
                };
            }
        };
        Some(known)
    }

    fn is_stream(self) -> bool {
        matches!(self, Self::Gzip | Self::Bzip2 | Self::Xz)
    }
}

/// An archive that is to be looked into.
struct Container<'a> {
    content: Cow<'a, [u8]>,
    format: Format,
    /// Its own name.
    name: String,
    /// What stands before the names of its members.
    path: String,
    /// The outermost is 1.
    depth: usize,
    /// All of it is there.
    whole: bool,
}

impl Container<'_> {
    fn into_owned(self) -> Container<'static> {
        let Self {
            content,
            format,
            name,
            path,
            depth,
            whole,
        } = self;
        Container {
            content: Cow::Owned(content.into_owned()),
            format,
            name,
            path,
            depth,
            whole,
        }
    }
}

fn list<'a>(container: &Container<'_>, content: &'a [u8], budget: &mut Budget) -> Listing<'a> {
    match container.format {
        Format::Zip => zip::list(content, budget),
        Format::Tar => tar::list(content, budget),
        Format::Seven => seven::list(content, budget),
        Format::Rar => rar::list(content, budget),
        Format::Iso => iso::list(content, budget),
        Format::Cab => cab::list(content, budget),
        Format::Gzip => stream(&container.name, Packed::Gzip(content)),
        Format::Bzip2 => stream(&container.name, Packed::Bzip2(content)),
        Format::Xz => stream(&container.name, Packed::Xz(content)),
        Format::Other => Listing {
            entries: Vec::new(),
            signs: BTreeSet::from([Sign::Unread]),
        },
    }
}

/// The one file of a compressed stream has the stream's name without its last extension.
fn stream<'a>(name: &str, packed: Packed<'a>) -> Listing<'a> {
    let file = name.rsplit('/').next().unwrap_or(name);
    let name = match file.rsplit_once('.') {
        Some((stem, "tgz" | "tbz" | "tbz2" | "txz")) => format!("{stem}.tar"),
        Some((stem, _)) => stem.to_owned(),
        None => file.to_owned(),
    };
    let entry = Entry {
        name,
        size: None,
        encrypted: false,
        packed,
    };
    Listing {
        entries: vec![entry],
        signs: BTreeSet::new(),
    }
}

/// One container being looked into.
struct Look<'l> {
    container: &'l Container<'l>,
    archive: &'l mut Archive,
    budget: &'l mut Budget,
    visit: &'l mut dyn FnMut(&[u8]),
    /// Sizes of all members so far.
    claimed: &'l mut u64,
}

impl Look<'_> {
    /// Tells the members; gives the archives among them.
    fn inside<'a>(&mut self, content: &'a [u8]) -> Vec<Container<'a>> {
        let listing = list(self.container, content, self.budget);
        // Of an archive that was not expanded to its end nothing else can be expected.
        let own = listing
            .signs
            .iter()
            .filter(|sign| self.container.whole || **sign != Sign::Malformed);
        self.archive.signs.extend(own);
        let typed = |entry: &Entry<'_>| entry.name.eq_ignore_ascii_case("[Content_Types].xml");
        if self.container.format == Format::Zip && listing.entries.iter().any(typed) {
            // A document that does not begin as one.
            let found = office::zipped(content, self.budget);
            self.archive.signs.extend(found.signs);
            self.archive.members.extend(found.members);
        }
        let mut claimed = 0u64;
        let mut members: Vec<Member> = Vec::with_capacity(listing.entries.len());
        for entry in &listing.entries {
            let member = self.member(entry);
            claimed = claimed.saturating_add(member.size_octets.unwrap_or(0));
            members.push(member);
        }
        *self.claimed = self.claimed.saturating_add(claimed);
        if expands(claimed, content.len()) {
            self.archive.signs.insert(Sign::Bomb);
        }
        let mut inner = Vec::new();
        // Archives before documents: what hides in them is worse.
        for wanted in [Kind::Archive, Kind::Document, Kind::Markup] {
            for (entry, member) in listing.entries.iter().zip(&mut members) {
                let named = member.file.kind == Kind::Other && member.file.claimed == Some(wanted);
                if (member.file.kind == wanted || named) && !member.signs.contains(&Sign::Bomb) {
                    inner.extend(self.expand(entry, member));
                }
            }
        }
        // A tar in a compressed stream is not told as a file of its own.
        let tarred =
            self.container.format.is_stream() && inner.iter().any(|inner| inner.format == Format::Tar);
        if !tarred {
            self.archive.members.append(&mut members);
        }
        inner
    }

    /// The type of a member by its first octets.
    fn member(&mut self, entry: &Entry<'_>) -> Member {
        self.budget.spend(MEMBER_WORK);
        let (found, most) = self.first_octets(entry);
        (self.visit)(&found.octets);
        let counted = found.octets.len();
        let packed = entry.packed.octets();
        let guessed = if found.ended || found.taken == 0 {
            counted as u64
        } else {
            (counted as u64).saturating_mul(packed as u64) / found.taken as u64
        };
        let size = entry.size.map_or(guessed, |size| size.max(counted as u64));
        let opaque = matches!(entry.packed, Packed::Opaque);
        let zeros = counted > LOOK_OCTETS_MAX && counted / ZEROS_RATIO > found.taken && !found.ended;
        let lies = entry.size.is_some_and(|size| counted as u64 > size);
        let short = !found.ended && counted < most && entry.size != Some(0);
        let sign = match () {
            () if zeros || lies || (expands(size, packed) && !opaque) => Some(Sign::Bomb),
            () if entry.encrypted => Some(Sign::Encrypted),
            () if opaque || short && self.budget.is_exhausted() => Some(Sign::Unread),
            () if short => Some(Sign::Malformed),
            () => None,
        };
        Member {
            name: entry::shown(&format!("{}{}", self.container.path, entry.name)),
            file: sniff(&found.octets, Some(&entry.name)),
            size_octets: (entry.size.is_some() || found.ended).then_some(size),
            signs: sign.into_iter().collect(),
        }
    }

    /// What a member begins with, and how much of it was wanted.
    fn first_octets<'a>(&mut self, entry: &Entry<'a>) -> (Expanded<'a>, usize) {
        if !self.container.format.is_stream() {
            let name = entry.name.to_ascii_lowercase();
            // A disk image is told by octets far inside.
            let image = [".iso", ".img", ".udf"].iter().any(|end| name.ends_with(end));
            let most = if image { LOOK_OCTETS_MAX } else { LOOK_MEMBER };
            return (entry.packed.expand(most, self.budget), most);
        }
        let [mut most, further @ ..] = LOOK_STREAM;
        let mut found = entry.packed.expand(most, self.budget);
        for more in further {
            if found.ended || found.octets.len() < most || found.octets.len() / FOLLOW_RATIO < found.taken {
                break;
            }
            most = more;
            found = entry.packed.expand(most, self.budget);
        }
        (found, most)
    }

    /// Looks at all of a member: at a document at once, at an archive when its turn comes.
    fn expand<'a>(&mut self, entry: &Entry<'a>, member: &mut Member) -> Option<Container<'a>> {
        let whole = entry.packed.expand(usize::MAX, self.budget);
        if !whole.ended {
            member.signs.insert(if self.budget.is_exhausted() {
                Sign::Unread
            } else {
                Sign::Malformed
            });
        }
        member.file = sniff(&whole.octets, Some(&entry.name));
        let Some(format) = Format::of(&whole.octets, &member.file) else {
            let found = office::look(&whole.octets, &member.file, self.budget);
            member.signs.extend(found.signs);
            let within = |inner: Member| Member {
                name: entry::shown(&format!("{}/{}", member.name, inner.name)),
                ..inner
            };
            self.archive.members.extend(found.members.into_iter().map(within));
            return None;
        };
        let depth =
            self.container.depth + usize::from(!self.container.format.is_stream() || format != Format::Tar);
        if depth > self.container.depth {
            self.archive.signs.insert(Sign::Nested);
        }
        if depth > self.budget.depth_max() {
            self.archive.signs.insert(Sign::TooDeep);
            return None;
        }
        let path = if depth == self.container.depth {
            self.container.path.clone()
        } else {
            format!("{}/", member.name)
        };
        Some(Container {
            content: whole.octets,
            format,
            name: entry.name.clone(),
            path,
            depth,
            whole: whole.ended,
        })
    }
}

fn expands(to: u64, from: usize) -> bool {
    to > EXPANSION_MAX && to / RATIO_MAX > from as u64
}
