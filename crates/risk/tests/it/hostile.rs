//! The collection of hostile messages, when it is at hand (`DOGANA_DATA`, or `../shared/data` beside the checkout): each is
//! handled as its table says, within [`MEMORY_KIB_MAX`], the models' reading included; the aim of [`CPU_MS_MAX`] is told, and
//! only [`HANG_MS`] fails, since time is the machine's. Without it this test
//! says so and looks at nothing; what it holds is also built by hand in the tests of `mail`. The figures of each message:
//! `cargo nextest run -p risk --no-capture -E 'test(the_collection)'`.

use mail::message::archive::Sign;
use mail::message::{Defect, Limits};
use risk::{AttachmentFact, ContentFacts, examine};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Processor time for one of them.
const CPU_MS_MAX: f64 = 50.0;
/// Processor time that is no question of the machine.
const HANG_MS: f64 = 40.0 * CPU_MS_MAX;
/// Memory that one of them takes at most, beyond what was there before.
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
    let models = risk::model::Models::default();
    // Tables that are made once.
    look(b"Subject: x\r\n\r\nwords\r\n", &models);
    let table = std::fs::read_to_string(folder.path().join("expect.tsv")).unwrap();
    let (mut seen, mut over, mut most) = (0, 0, (0.0f64, 0));
    for line in table.lines() {
        let [name, kind, _] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let raw = std::fs::read(folder.path().join(format!("{name}.eml"))).unwrap();
        let (facts, cpu_ms, memory_kib) = measured(&raw, &models);
        println!(
            "{cpu_ms:7.2} ms {memory_kib:7} KiB {:>9} octets  {name}",
            raw.len()
        );
        check(name, kind, &facts);
        most = (most.0.max(cpu_ms), most.1.max(memory_kib));
        over += usize::from(cpu_ms > CPU_MS_MAX);
        assert!(cpu_ms <= HANG_MS, "{name}: {cpu_ms:.1} ms");
        assert!(memory_kib <= MEMORY_KIB_MAX, "{name}: {memory_kib} KiB");
        seen += 1;
    }
    println!(
        "{:7.2} ms {:7} KiB at most, of {seen} messages; {over} beyond {CPU_MS_MAX} ms",
        most.0, most.1
    );
    assert!(seen > 200, "{seen} messages");
}

/// As the doors look at a message.
fn look(raw: &[u8], models: &risk::model::Models) -> ContentFacts {
    let risk::Examined { mut facts, view } = examine(raw, &Limits::default(), &["example.com"]);
    models.read(&view, risk::Role::Person, &mut facts);
    facts
}

/// With the processor time and the memory that it took. The least of some looks: other work on
/// the machine only adds to it.
fn measured(raw: &[u8], models: &risk::model::Models) -> (ContentFacts, f64, u64) {
    let mut least = f64::MAX;
    let mut memory_kib = 0;
    let mut facts = ContentFacts::default();
    for _ in 0..4 {
        // Sets the peak back to what is used now.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        let (before_ms, before_kib) = (cpu_ms(), status_kib("VmRSS:"));
        facts = look(raw, models);
        least = least.min(cpu_ms() - before_ms);
        memory_kib = memory_kib.max(status_kib("VmHWM:").saturating_sub(before_kib));
    }
    (facts, least, memory_kib)
}

/// Processor time of this thread so far.
fn cpu_ms() -> f64 {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    used.tv_sec as f64 * 1e3 + used.tv_nsec as f64 / 1e6
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

fn status_kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok())
        .unwrap_or(0)
}
