//! Real mail through real scanners. With the corpora at hand (`DOGANA_DATA`, or `../shared/data` beside the checkout) these are real
//! spam, real honest mail and the hostile collection; without them the samples of this repository take their place, and the output
//! says so.

use super::{anna, house};
use e2e::client::Mail;
use e2e::mails;
use e2e::neighbours::{clamd::Clamd, rspamd::Rspamd, spamd::Spamd};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const FROM: &str = "anna@acme.example";

fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let named = std::env::var_os("DOGANA_DATA").map(PathBuf::from);
    named
        .into_iter()
        .chain([beside])
        .find(|path| path.join("hostile/hostile.tar.zst").is_file())
}

fn unpack(archive: &Path, into: &Path) {
    let script = "zstd -dc --long=27 \"$0\" | tar x -C \"$1\"";
    let done = Command::new("sh")
        .args(["-c", script])
        .arg(archive)
        .arg(into)
        .status()
        .unwrap();
    assert!(done.success(), "{}", archive.display());
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(
                std::fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A message as anna's mail program would send it: CRLF, her own From, nothing a receiver added.
fn as_sent(raw: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(raw)
        .replace("\r\n", "\n")
        .replace(['\r', '\0'], " ");
    let (head, body) = text.split_once("\n\n").unwrap_or(("", &text));
    let kept = [
        "subject:",
        "mime-version:",
        "content-type:",
        "content-transfer-encoding:",
        "to:",
    ];
    let mut out = format!("From: <{FROM}>\r\n");
    let mut keeping = false;
    for line in head.lines() {
        if !line.starts_with([' ', '\t']) {
            let lower = line.to_ascii_lowercase();
            keeping = kept.iter().any(|name| lower.starts_with(name));
        }
        if keeping {
            out.push_str(line);
            out.push_str("\r\n");
        }
    }
    out.push_str("\r\n");
    for line in body.lines() {
        let mut rest = line;
        while let Some((cut, _)) = rest.char_indices().find(|(at, _)| *at >= 900) {
            out.push_str(&rest[..cut]);
            out.push_str("\r\n");
            rest = &rest[cut..];
        }
        out.push_str(rest);
        out.push_str("\r\n");
    }
    out.into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn honest_mail_passes_and_viruses_do_not() {
    // Started by the thread of the test: they end with the thread that started them.
    let (clamd, rspamd, spamd) = (
        Clamd::start().unwrap(),
        Rspamd::start("").unwrap(),
        Spamd::start("").unwrap(),
    );
    let more = format!(
        "[ingress.scan]\nclamav = {:?}\nrspamd = \"{}\"\nspamassassin = {:?}\ndeadline_ms = 20000\n[risk]\nlock_refusals = 100000\nlock_refusals_day = 100000\nlimit_refusals = 100000\nblocked_attachments = []\nblocked_in_archives = []\nrefuse_archive_bombs = false\n\
         [[risk.limits.each_mailbox.windows]]\nwindow_s = 3600\nmessages = 100000\nrecipients = 100000\n",
        clamd.socket, rspamd.address, spamd.socket
    );
    let (gateway, sink) = house(&more).await;
    let folder = tempfile::tempdir().unwrap();
    let (honest, viruses): (Vec<Vec<u8>>, Vec<Vec<u8>>) = if let Some(data) = data() {
        unpack(&data.join("corpora/spamassassin.tar.zst"), folder.path());
        unpack(&data.join("hostile/hostile.tar.zst"), folder.path());
        let all = files(folder.path());
        let read = |part: &str, every: usize| {
            let named = all.iter().filter(|path| path.to_string_lossy().contains(part));
            named
                .step_by(every)
                .map(|path| std::fs::read(path).unwrap())
                .collect::<Vec<_>>()
        };
        (read("easy-ham", 40), read("eicar", 1))
    } else {
        println!("the corpora are not here: the samples of this repository are sent instead");
        let samples = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples"));
        let honest = samples
            .iter()
            .filter(|path| path.to_string_lossy().contains("honest"));
        let virus = mails::with_file(FROM, "t@c.example", "x", "x.bin", mails::eicar().as_bytes());
        (
            honest.map(|path| std::fs::read(path).unwrap()).collect(),
            vec![virus],
        )
    };
    assert!(
        honest.len() >= 5 && !viruses.is_empty(),
        "{} honest, {} viruses",
        honest.len(),
        viruses.len()
    );
    let (mut passed, mut stopped, mut slowest) = (0, 0, Duration::ZERO);
    let mut client = anna(&gateway).await;
    let (mut wrong, mut missed) = (Vec::new(), Vec::new());
    for raw in &honest {
        let message = as_sent(raw);
        let begun = Instant::now();
        let fared = client
            .send(&Mail {
                from: FROM,
                to: vec!["t@c.example"],
                message: &message,
            })
            .await
            .unwrap();
        slowest = slowest.max(begun.elapsed());
        passed += u64::from(fared.taken());
        if !fared.taken() {
            wrong.push(fared.decisive().to_owned());
        }
    }
    for raw in &viruses {
        let message = as_sent(raw);
        let fared = client
            .send(&Mail {
                from: FROM,
                to: vec!["t@c.example"],
                message: &message,
            })
            .await
            .unwrap();
        stopped += usize::from(fared.decisive().starts_with("55"));
        if !fared.decisive().starts_with("55") {
            missed.push(
                String::from_utf8_lossy(raw)
                    .lines()
                    .find(|line| line.starts_with("Subject"))
                    .unwrap_or_default()
                    .to_owned(),
            );
        }
    }
    println!(
        "honest: {passed} of {} pass, slowest {slowest:?}; wrong: {wrong:?}",
        honest.len()
    );
    println!(
        "EICAR wrappings: {stopped} of {} stopped; missed: {missed:?}",
        viruses.len()
    );
    let log = gateway.log();
    let failed = log
        .lines()
        .find(|line| line.contains("SCANNER_FAILED"))
        .unwrap_or_default();
    assert!(wrong.is_empty(), "honest mail was stopped: {wrong:?} {failed}");
    assert!(
        stopped * 10 >= viruses.len() * 8,
        "only {stopped} of {}: {missed:?}",
        viruses.len()
    );
    assert!(sink.wait_for(passed, Duration::from_secs(30)).await);
}
