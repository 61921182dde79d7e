//! Files: kinds that are blocked, what archives and documents hold, what names hide.
//!
//! Decision on files inside of others: a program, and a script that a system runs at a click, is blocked there as it is when
//! attached by itself, for an archive is how such files are sent. Developers send archives of source code, though. So scripts of
//! interpreters that an office computer does not have, and parts of programs, are never blocked inside; files that are both
//! somebody's source and a favourite of attackers (`.js`, `.bat`, `.jar`) are blocked only as long as they are nearly alone.

use crate::{AttachmentFact, Facts, Group, MemberFact, Policy, Symbol};
use mail::message::archive::Sign;
use mail::message::sniff::{FileType, Kind};

/// Other files that make an archive one of source code.
const COMPANY_MIN: usize = 5;

pub(super) fn files(facts: &Facts, policy: &Policy, symbols: &mut Vec<Symbol>) {
    let Some(content) = facts.content.known() else {
        return;
    };
    for file in &content.attachments {
        itself(file, policy, symbols);
        inside(file, policy, symbols);
        for (name, weight, detail) in signs(file) {
            symbols.push(Symbol::new(name, Group::Attachment, weight, detail).about([&file.name]));
        }
    }
}

fn itself(file: &AttachmentFact, policy: &Policy, symbols: &mut Vec<Symbol>) {
    if is_blocked(file, policy) {
        let detail = format!("{} is {}", shown_name(&file.name), file.file.mime);
        symbols.push(Symbol::new("ATTACHMENT_BLOCKED", Group::Attachment, 12.0, detail).about([&file.name]));
    }
    if file.file.disguised_name {
        let symbol = Symbol::new(
            "ATTACHMENT_DISGUISED",
            Group::Attachment,
            15.0,
            shown_name(&file.name),
        );
        symbols.push(symbol.about([&file.name]));
    }
    if let Some(weight) = differs(&file.file) {
        let detail = format!("{} is {}", shown_name(&file.name), file.file.mime);
        let symbol = Symbol::new("ATTACHMENT_TYPE_DIFFERS", Group::Attachment, weight, detail);
        symbols.push(symbol.about([&file.name]));
    }
}

/// The worst file inside.
fn inside(file: &AttachmentFact, policy: &Policy, symbols: &mut Vec<Symbol>) {
    let runs = |wanted: Runs| {
        file.members
            .iter()
            .find(|member| Runs::of(&member.file) == wanted)
    };
    let worst = blocked_inside(file, policy)
        .or_else(|| runs(Runs::AtClick))
        .map(|member| (member, 10.0));
    let worst = worst.or_else(|| runs(Runs::Either).map(|member| (member, 2.0)));
    if let Some((member, weight)) = worst {
        let detail = format!("{} in {}", shown_name(&member.name), shown_name(&file.name));
        let symbol = Symbol::new("ARCHIVE_EXECUTABLE", Group::Attachment, weight, detail);
        symbols.push(symbol.about([path_inside(file, member)]));
    }
    if let Some(member) = file.members.iter().find(|member| member.file.disguised_name) {
        let detail = format!("{} in {}", shown_name(&member.name), shown_name(&file.name));
        let symbol = Symbol::new("ATTACHMENT_DISGUISED", Group::Attachment, 15.0, detail);
        symbols.push(symbol.about([path_inside(file, member)]));
    }
}

/// What was seen inside, as symbols: of an archive, of a document, or of the documents in an archive.
fn signs(file: &AttachmentFact) -> Vec<(&'static str, f32, String)> {
    let has =
        |sign| file.signs.contains(&sign) || file.members.iter().any(|member| member.signs.contains(&sign));
    let document = matches!(file.file.kind, Kind::Document | Kind::Markup);
    let archive = file.file.kind == Kind::Archive || (file.files > 0 && !document);
    let page = file.file.mime == "image/svg+xml"
        || file
            .members
            .iter()
            .any(|member| member.file.mime == "image/svg+xml");
    let script = has(Sign::Javascript) && !page;
    let pdf = match () {
        () if has(Sign::Launch) => 8.0,
        () if script && has(Sign::Autoexec) => 4.0,
        () => 2.0,
    };
    let rows = [
        ("ARCHIVE_ENCRYPTED", 3.0, archive && has(Sign::Encrypted)),
        ("ARCHIVE_BOMB", 15.0, is_bomb(file)),
        ("ARCHIVE_NESTED", 1.0, has(Sign::Nested)),
        ("ARCHIVE_UNREAD", 1.0, has(Sign::Unread)),
        ("ARCHIVE_MALFORMED", 3.0, has(Sign::Malformed)),
        ("OFFICE_MACRO", 4.0, has(Sign::Macros)),
        ("OFFICE_AUTOEXEC", 6.0, has(Sign::Autoexec) && !script),
        ("OFFICE_EXTERNAL", 8.0, has(Sign::External)),
        ("PDF_ACTIVE", pdf, script || has(Sign::Launch)),
        ("HTML_SMUGGLING", 12.0, has(Sign::Smuggling)),
        ("SVG_SCRIPT", 6.0, has(Sign::Javascript) && page),
    ];
    let told = rows.into_iter().filter(|(_, _, seen)| *seen);
    told.map(|(name, weight, _)| (name, weight, shown_name(&file.name).to_owned()))
        .collect()
}

/// It is itself of a blocked kind, by content or by name.
pub(crate) fn is_blocked(file: &AttachmentFact, policy: &Policy) -> bool {
    let blocked = |kind| policy.blocked_attachments.contains(&kind);
    blocked(file.file.kind) || file.file.claimed.is_some_and(blocked)
}

/// It cannot be looked into.
pub(crate) fn is_bomb(file: &AttachmentFact) -> bool {
    file.signs.contains(&Sign::Bomb) || file.signs.contains(&Sign::TooDeep)
}

/// The first file inside that is blocked there.
pub(crate) fn blocked_inside<'a>(file: &'a AttachmentFact, policy: &Policy) -> Option<&'a MemberFact> {
    let runs = |member: &&MemberFact| matches!(Runs::of(&member.file), Runs::AtClick | Runs::Either);
    let company = file
        .files
        .saturating_sub(file.members.iter().filter(runs).count());
    let listed = |kind: Kind| policy.blocked_in_archives.contains(&kind);
    file.members.iter().find(|member| {
        let kinds = [Some(member.file.kind), member.file.claimed];
        let mut kinds = kinds.into_iter().flatten().filter(|kind| listed(*kind));
        match Runs::of(&member.file) {
            Runs::AtClick => kinds.next().is_some(),
            Runs::Either => kinds.next().is_some() && company < COMPANY_MIN,
            Runs::Never => kinds.any(|kind| !matches!(kind, Kind::Executable | Kind::Script)),
        }
    })
}

/// What a file does when somebody clicks on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Runs {
    /// It is shown, or its computer needs something that few have.
    Never,
    /// It runs, and it is what developers write as well.
    Either,
    /// It runs, and that is what it is for.
    AtClick,
}

/// Source code of interpreters that are not part of the system, and parts of programs.
const SOURCE: &str = " py pyw pyz py3 sh bash zsh csh ksh fish pl pm rb lua tcl awk php php3 php4 php5 php7 phtml cgi asp aspx ashx      asmx jsp jspx cfm groovy mjs cjs vb vba vbp bas psd1 psm1 ps1xml dll so dylib o ko class pyc pyo node wasm sys drv ax      ocx bpl prg mat rdp ";
/// Both.
const EITHER: &str = " js bat cmd ps1 jar reg inf url desktop command workflow ";

impl Runs {
    fn of(file: &FileType) -> Self {
        let extension = file.extension.as_deref().unwrap_or_default();
        let among = |list: &str| !extension.is_empty() && list.split(' ').any(|name| name == extension);
        let part = matches!(
            file.mime.as_str(),
            "application/wasm" | "application/java-vm" | "application/java-archive" | "application/x-llvm"
        );
        let named = matches!(file.claimed, Some(Kind::Executable | Kind::Script));
        match file.kind {
            // A text runs by its name, not by its words.
            _ if !named && (file.kind != Kind::Executable || part) => Self::Never,
            _ if among(SOURCE) => Self::Never,
            _ if among(EITHER) => Self::Either,
            _ => Self::AtClick,
        }
    }
}

/// The content is not what the name says, in a way that no honest program makes; and what that weighs.
fn differs(file: &FileType) -> Option<f32> {
    let claimed = file.claimed?;
    let extension = file.extension.as_deref().unwrap_or_default();
    let closed = matches!(claimed, Kind::Image | Kind::Media);
    match file.kind {
        Kind::Executable if !matches!(claimed, Kind::Executable | Kind::Script) => Some(10.0),
        Kind::Script if closed || claimed == Kind::Document => Some(10.0),
        // Many documents are archives, few of these are one.
        Kind::Archive if closed || matches!(extension, "pdf" | "rtf") => Some(5.0),
        // Tables of web pages are sent as .xls.
        Kind::Markup if (closed && file.mime == "text/html") || extension == "pdf" => Some(5.0),
        _ => None,
    }
}

/// A file inside of another one, as its sender finds it; both names keep their ends.
fn path_inside(file: &AttachmentFact, member: &MemberFact) -> String {
    let end = |name: &str| {
        let skipped = name.chars().count().saturating_sub(55);
        name.chars().skip(skipped).collect::<String>()
    };
    match (end(&file.name), end(&member.name)) {
        (outer, inner) if outer.is_empty() => inner,
        (outer, inner) if inner.is_empty() => outer,
        (outer, inner) => format!("{outer} / {inner}"),
    }
}

/// The name of a file as it is told to people.
pub(crate) fn shown_name(name: &str) -> &str {
    if name.is_empty() { "(without name)" } else { name }
}
