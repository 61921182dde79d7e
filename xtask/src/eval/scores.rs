//! Runs a contender through steps, and keeps what it said, so that the next run repeats only what changed.
//!
//! One file for each contender, mode and sample in `target/eval/scores`. Its first line names the messages by digest and the readings:
//! other messages or other readings, and the file is made anew.

use super::attacks::Variant;
use super::contender::{self, Contender};
use super::corpus::{self, Message};
use super::modes::Step;
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::path::PathBuf;

/// What a contender said of some messages.
#[derive(Clone, Debug, Default)]
pub struct Scores {
    /// The readings.
    pub readings: Vec<String>,
    /// What was scored: index of a message (or of a variant), one figure a reading.
    pub rows: Vec<(usize, Vec<f64>)>,
}

/// What is run.
pub struct Job<'a> {
    /// Name of the contender.
    pub contender: &'a str,
    /// Name of the mode, for the file.
    pub mode: &'a str,
    /// Every that many-th campaign.
    pub sample: usize,
    /// Not from the kept scores.
    pub fresh: bool,
    /// All messages.
    pub messages: &'a [Message],
    /// What is done.
    pub steps: Vec<Step>,
    /// Scored after the steps; then rows are of these, and the steps only learn.
    pub variants: &'a [Variant],
}

/// Runs it, or reads what was kept.
pub fn run(job: &Job<'_>) -> Result<Scores> {
    let path = path(job);
    let head = head(job);
    let may_read = !job.fresh && job.contender != contender::OWN;
    if let Some(known) = may_read.then(|| read(&path, &head)).flatten() {
        return Ok(known);
    }
    let mut contender = contender::start(job.contender)?;
    let readings: Vec<String> = contender
        .readings()
        .iter()
        .map(|name| (*name).to_owned())
        .collect();
    let rows = all(job, contender.as_mut())?;
    let scores = Scores { readings, rows };
    write(&path, &head, &scores)?;
    Ok(scores)
}

fn all(job: &Job<'_>, contender: &mut dyn Contender) -> Result<Vec<(usize, Vec<f64>)>> {
    let of_steps = job.steps.iter().filter_map(|step| match step {
        Step::Score(index) => Some(job.messages.get(*index)?.octets.as_slice()),
        Step::Learn(_) => None,
    });
    let coming: Vec<&[u8]> = of_steps
        .chain(job.variants.iter().map(|variant| variant.octets.as_slice()))
        .collect();
    contender.foresee(&coming)?;
    let bar = super::bar(
        &format!("{} {}", job.contender, job.mode),
        job.steps.len() + job.variants.len(),
    );
    let mut rows = Vec::new();
    for step in &job.steps {
        let (Step::Score(index) | Step::Learn(index)) = *step;
        let message = job.messages.get(index).context("a step without a message")?;
        match step {
            Step::Score(_) => {
                let said = contender.score(&message.octets);
                rows.push((
                    index,
                    said.with_context(|| format!("{} scores {}", job.contender, message.name))?,
                ));
            }
            Step::Learn(_) => contender
                .learn(&message.octets, message.spam)
                .with_context(|| format!("{} learns {}", job.contender, message.name))?,
        }
        bar.inc(1);
    }
    for (index, variant) in job.variants.iter().enumerate() {
        let said = contender.score(&variant.octets);
        rows.push((
            index,
            said.with_context(|| format!("{} scores {}", job.contender, variant.name()))?,
        ));
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(rows)
}

fn path(job: &Job<'_>) -> PathBuf {
    corpus::folder().join(format!(
        "scores/{}-{}-{}.tsv",
        job.contender, job.mode, job.sample
    ))
}

/// Names everything that the scores hang on, but for the contender's own code.
fn head(job: &Job<'_>) -> String {
    let mut digest = xxhash_rust::xxh3::Xxh3Default::new();
    digest.update(&corpus::digest(job.messages.iter()).to_le_bytes());
    digest.update(format!("{:?}", job.steps).as_bytes());
    for variant in job.variants {
        digest.update(&variant.octets);
    }
    format!("# {:016x}", digest.digest())
}

fn read(path: &PathBuf, head: &str) -> Option<Scores> {
    let text = std::fs::read_to_string(path).ok()?;
    let mut lines = text.lines();
    if lines.next()? != head {
        return None;
    }
    let readings = lines.next()?.split('\t').skip(1).map(str::to_owned).collect();
    let rows: Option<Vec<_>> = lines
        .map(|line| {
            let mut fields = line.split('\t');
            let index = fields.next()?.parse().ok()?;
            Some((
                index,
                fields
                    .map(|field| field.parse().ok())
                    .collect::<Option<Vec<f64>>>()?,
            ))
        })
        .collect();
    Some(Scores {
        readings,
        rows: rows?,
    })
}

fn write(path: &PathBuf, head: &str, scores: &Scores) -> Result<()> {
    let mut text = format!("{head}\nindex\t{}\n", scores.readings.join("\t"));
    for (index, figures) in &scores.rows {
        write!(text, "{index}")?;
        for figure in figures {
            write!(text, "\t{figure:?}")?;
        }
        text.push('\n');
    }
    std::fs::create_dir_all(path.parent().context("no folder")?)?;
    let part = path.with_extension("part");
    std::fs::write(&part, text)?;
    Ok(std::fs::rename(part, path)?)
}
