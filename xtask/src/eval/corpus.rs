//! The corpora: unpacked, rendered to the outbound view in order of time, grouped into campaigns. All of it is kept in
//! `target/eval` and made anew only when the archives change.

use super::campaigns::campaigns;
use super::render::{Renderer, Row};
use crate::shell;
use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use xxhash_rust::xxh3::xxh3_64;

/// One message as the gateway would see it.
#[derive(Clone, Debug)]
pub struct Message {
    /// `m000123.eml`: the number is its place in time.
    pub name: String,
    /// Path in the unpacked corpora.
    pub reference: String,
    /// The corpus: first part of the path.
    pub corpus: String,
    /// The truth.
    pub spam: bool,
    /// Seconds since 1970.
    pub time: i64,
    /// Near-duplicate group.
    pub campaign: usize,
    /// RFC 5322.
    pub octets: Vec<u8>,
}

/// Where scores and unpacked corpora are kept.
pub fn folder() -> PathBuf {
    shell::root().join("target/eval")
}

/// The data folder: `DOGANA_DATA`, or `../shared/data` beside the checkout.
pub fn data() -> Result<PathBuf> {
    let beside = [
        shell::root().join("../shared/data"),
        shell::root().join("../../shared/data"),
    ];
    let named = std::env::var_os("DOGANA_DATA").map(PathBuf::from);
    let found = named
        .into_iter()
        .chain(beside)
        .find(|path| path.join("corpora").is_dir());
    found.context(
        "the corpora are not at hand: set DOGANA_DATA to the data folder (it holds corpora/*.tar.zst)",
    )
}

/// All messages in order of time.
pub fn load() -> Result<Vec<Message>> {
    let archives = archives(&data()?)?;
    let unpacked = folder().join("corpora");
    unpack(&archives, &unpacked)?;
    let rows = rows(&unpacked)?;
    let renderer = Renderer::new()?;
    let bar = super::bar("render", rows.len());
    let mut messages = Vec::with_capacity(rows.len());
    for (index, row) in rows.into_iter().enumerate() {
        let raw = std::fs::read(unpacked.join(&row.reference))
            .with_context(|| format!("cannot read {}", row.reference))?;
        messages.push(Message {
            name: format!("m{index:06}.eml"),
            corpus: row.reference.split('/').next().unwrap_or_default().to_owned(),
            spam: !row.label.contains("ham"),
            time: row.time,
            campaign: 0,
            octets: renderer.outbound(index, &row, &raw)?,
            reference: row.reference,
        });
        bar.inc(1);
    }
    bar.finish_and_clear();
    group(&mut messages)?;
    Ok(messages)
}

fn archives(data: &Path) -> Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(data.join("corpora"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(".tar.zst"))
        .collect();
    found.sort();
    if found.is_empty() {
        bail!("no corpora/*.tar.zst in {}", data.display());
    }
    Ok(found)
}

/// Unpacks once; a stamp with names and sizes says what is there.
fn unpack(archives: &[PathBuf], into: &Path) -> Result<()> {
    let mut stamp = String::new();
    for archive in archives {
        stamp.push_str(&format!("{} {}\n", archive.display(), archive.metadata()?.len()));
    }
    let mark = into.join("unpacked");
    if std::fs::read_to_string(&mark).is_ok_and(|text| text == stamp) {
        return Ok(());
    }
    let _ = std::fs::remove_dir_all(into);
    std::fs::create_dir_all(into)?;
    for archive in archives {
        let mut command = Command::new("sh");
        command
            .args(["-c", "zstd -dc --long=27 \"$0\" | tar x -C \"$1\""])
            .arg(archive)
            .arg(into);
        shell::step(&format!("unpack {}", archive.display()), command)?;
    }
    Ok(std::fs::write(mark, stamp)?)
}

/// The rows of all LABELS files, in order of time, then of path.
fn rows(unpacked: &Path) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for entry in std::fs::read_dir(unpacked)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if !name.starts_with("LABELS-") {
            continue;
        }
        for line in std::fs::read_to_string(&path)?.lines() {
            let mut fields = line.split('\t');
            let mut field = || fields.next().unwrap_or_default().to_owned();
            let (reference, label, time) = (field(), field(), field());
            let time = if time.is_empty() {
                0
            } else {
                time.parse().context(name.clone())?
            };
            rows.push(Row {
                reference,
                label,
                time,
            });
        }
    }
    rows.sort_by(|a, b| (a.time, &a.reference).cmp(&(b.time, &b.reference)));
    Ok(rows)
}

/// Finds the campaigns, or reads what was found for the same messages before.
fn group(messages: &mut [Message]) -> Result<()> {
    let path = folder().join("campaigns.tsv");
    let digest = format!("{:016x}", digest(messages.iter()));
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    let mut lines = known.lines();
    if lines.next() != Some(digest.as_str()) {
        let spinner = ProgressBar::new_spinner().with_message("campaigns (once)");
        spinner.enable_steady_tick(std::time::Duration::from_millis(200));
        let views: Vec<&[u8]> = messages.iter().map(|message| message.octets.as_slice()).collect();
        let found = campaigns(&views);
        spinner.finish_and_clear();
        let mut text = digest + "\n";
        for (message, number) in messages.iter_mut().zip(found) {
            message.campaign = number;
            text.push_str(&format!("{}\t{number}\n", message.name));
        }
        return Ok(std::fs::write(path, text)?);
    }
    let numbers: HashMap<&str, usize> = lines
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(name, n)| Some((name, n.parse().ok()?)))
        .collect();
    for message in messages {
        message.campaign = numbers
            .get(message.name.as_str())
            .copied()
            .context("campaigns.tsv is cut")?;
    }
    Ok(())
}

/// What these messages are, in one number.
pub fn digest<'a>(messages: impl Iterator<Item = &'a Message>) -> u64 {
    messages.fold(0, |sum, message| {
        let mut octets = sum.to_le_bytes().to_vec();
        octets.extend(xxh3_64(&message.octets).to_le_bytes());
        octets.extend(message.name.bytes());
        xxh3_64(&octets)
    })
}

/// Leaves one of each message that two corpora hold: same text, same label, same second. They are one delivery collected twice.
pub fn without_copies(messages: Vec<Message>) -> Vec<Message> {
    let mut first: HashMap<(i64, usize, bool, u64), String> = HashMap::new();
    messages
        .into_iter()
        .filter(|message| {
            let key = (
                message.time,
                message.campaign,
                message.spam,
                body(&message.octets),
            );
            let corpus = first.entry(key).or_insert_with(|| message.corpus.clone());
            *corpus == message.corpus
        })
        .collect()
}

fn body(octets: &[u8]) -> u64 {
    let at = octets
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap_or(0);
    let body = octets.get(at..).unwrap_or_default();
    xxh3_64(
        &body
            .iter()
            .copied()
            .filter(|octet| !octet.is_ascii_whitespace())
            .collect::<Vec<u8>>(),
    )
}

/// Some spam, rendered, for tests; none when the corpora are not at hand.
#[cfg(test)]
pub fn some_spam(every: usize) -> Vec<Vec<u8>> {
    let Ok(data) = data() else {
        println!("the corpora are not at hand: nothing compared");
        return Vec::new();
    };
    let unpacked = tempfile::tempdir().unwrap();
    unpack(&archives(&data).unwrap(), unpacked.path()).unwrap();
    let renderer = Renderer::new().unwrap();
    let rows = rows(unpacked.path()).unwrap();
    let spam = rows.iter().filter(|row| row.label == "spam").step_by(every);
    let rendered = spam.map(|row| {
        let raw = std::fs::read(unpacked.path().join(&row.reference)).unwrap();
        renderer.outbound(0, row, &raw).unwrap()
    });
    rendered.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every 200th message of the corpora, and every hard one of 40, is rendered as the data folder's own program does.
    #[test]
    fn rendered_as_the_data_folder_says() {
        let Ok(data) = data() else {
            println!("the corpora are not at hand: nothing compared");
            return;
        };
        let unpacked = tempfile::tempdir().unwrap();
        unpack(&archives(&data).unwrap(), unpacked.path()).unwrap();
        let sample: Vec<Row> = rows(unpacked.path())
            .unwrap()
            .into_iter()
            .enumerate()
            .filter(|(at, row)| at % 200 == 7 || (row.label == "hard_ham" && at % 40 == 0))
            .map(|(_, row)| row)
            .collect();
        for entry in std::fs::read_dir(unpacked.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.to_string_lossy().contains("LABELS-") {
                std::fs::remove_file(path).unwrap();
            }
        }
        let lines: Vec<String> = sample
            .iter()
            .map(|row| format!("{}\t{}\t{}\n", row.reference, row.label, row.time))
            .collect();
        std::fs::write(unpacked.path().join("LABELS-sample.tsv"), lines.concat()).unwrap();
        let theirs = tempfile::tempdir().unwrap();
        let done = Command::new("python3")
            .arg(data.join("replay/render.py"))
            .args(["outbound", "--corpora"])
            .arg(unpacked.path())
            .arg("--out")
            .arg(theirs.path())
            .status()
            .unwrap();
        assert!(done.success());
        let renderer = Renderer::new().unwrap();
        assert!(sample.len() > 40);
        for (index, row) in sample.iter().enumerate() {
            let raw = std::fs::read(unpacked.path().join(&row.reference)).unwrap();
            let ours = renderer.outbound(index, row, &raw).unwrap();
            let want = std::fs::read(theirs.path().join(format!("m{index:06}.eml"))).unwrap();
            assert!(ours == want, "{}", row.reference);
        }
    }
}
