//! The collection of hostile messages, when it is at hand (`DOGANA_DATA`, or `../shared/data` beside the checkout): each is
//! handled as its table says, and the memory for it is bounded. Without it this test says so and looks at nothing; what it
//! holds is also built by hand in the tests of `mail`. For processor times see the example `files`.

use mail::message::archive::Sign;
use mail::message::{Defect, Limits};
use risk::{AttachmentFact, ContentFacts, examine};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Peak memory of this process while it looks at any of them.
const MEMORY_KIB_MAX: u64 = 64 << 10;

fn archive() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let named = std::env::var_os("DOGANA_DATA").map(PathBuf::from);
    let found = named
        .into_iter()
        .chain([beside])
        .map(|data| data.join("hostile/hostile.tar.zst"));
    found.into_iter().find(|path| path.is_file())
}

#[test]
fn the_collection() {
    let Some(archive) = archive() else {
        println!("the collection of hostile messages is not at hand");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let script = "zstd -dc --long=27 \"$0\" | tar x -C \"$1\" --strip-components=1";
    let done = Command::new("sh")
        .args(["-c", script])
        .arg(archive)
        .arg(folder.path())
        .status()
        .unwrap();
    assert!(done.success());
    let before = peak_kib();
    let table = std::fs::read_to_string(folder.path().join("expect.tsv")).unwrap();
    let mut seen = 0;
    for line in table.lines() {
        let [name, kind, _] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let raw = std::fs::read(folder.path().join(format!("{name}.eml"))).unwrap();
        let facts = examine(&raw, &Limits::default(), &[]).facts;
        check(name, kind, &facts);
        seen += 1;
    }
    assert!(seen > 200, "{seen} messages");
    let grown = peak_kib().saturating_sub(before);
    assert!(grown < MEMORY_KIB_MAX, "{grown} KiB");
}

fn check(name: &str, kind: &str, facts: &ContentFacts) {
    let file = |wanted: &dyn Fn(&AttachmentFact) -> bool| facts.attachments.iter().any(wanted);
    let sign = |sign: Sign| file(&|file| file.signs.contains(&sign));
    let handled = match name {
        // A preamble is no part, and no reader shows it.
        "eicar-preamble" => !facts.eicar,
        _ if kind == "eicar" => facts.eicar,
        "zip-encrypted" => sign(Sign::Encrypted),
        "bomb-zip-many-entries" => sign(Sign::Unread),
        // A reader gives nothing but text for these: a stream that is broken off, and XML.
        "bomb-gz-as-text" | "bomb-dmarc-billion-laughs" | "bomb-dmarc-xxe" => true,
        _ if kind == "bomb" => sign(Sign::Bomb) || sign(Sign::TooDeep),
        "bomb-zip-path" => file(&|file| file.members.iter().any(|member| member.name.starts_with("../"))),
        "mime-ext-trick" | "mime-rlo" => file(&|file| file.file.disguised_name),
        "mime-many-parts" => facts.defects.contains(&Defect::TooManyParts),
        "mime-deep" | "mime-deep-rfc822" => facts.defects.contains(&Defect::TooDeep),
        _ => true,
    };
    assert!(handled, "{name}: {facts:?}");
}

/// The most memory this process had.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok())
        .unwrap_or(0)
}
