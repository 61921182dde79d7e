//! The tables: one a mode, for the terminal and for docs/accuracy.md.

use super::corpus::Message;
use super::metrics::{self, Measured, Scored};
use super::modes;
use super::scores::Scores;
use std::collections::HashSet;
use std::fmt::Write as _;

/// Draws the same campaigns in every run.
const SEED: u64 = 20_021_204;
const COLUMNS: [&str; 5] = ["filter", "(1-AUC)%", "miss at 1 % false", "at 0.1 %", "at 0.01 %"];

/// What one filter reached in one mode.
pub struct Line {
    /// The reading's name.
    pub name: String,
    /// Its figures.
    pub measured: Measured,
    own: bool,
}

/// The figures of every reading of every contender; `scores` names the contender.
pub fn lines(messages: &[Message], scores: &[(String, Scores)]) -> Vec<Line> {
    let mut lines = Vec::new();
    for (contender, said) in scores {
        for (column, name) in said.readings.iter().enumerate() {
            let scored: Vec<Scored> = said
                .rows
                .iter()
                .filter_map(|(index, row)| Some(scored(messages.get(*index)?, *row.get(column)?)))
                .collect();
            lines.push(Line {
                name: name.clone(),
                measured: metrics::measure(&scored, SEED),
                own: contender == super::contender::OWN,
            });
        }
    }
    lines
}

/// A figure that is none counts as the least like spam.
pub fn scored(message: &Message, score: f64) -> Scored {
    let score = if score.is_nan() { f64::NEG_INFINITY } else { score };
    Scored {
        score,
        spam: message.spam,
        campaign: message.campaign,
    }
}

/// One mode as markdown.
pub fn markdown(mode: &str, messages: &[Message], scores: &[(String, Scores)]) -> String {
    let mut text = format!("### {mode}\n\n{}.", capital(modes::sentence(mode)));
    if let Some((_, first)) = scores.first() {
        let of = |spam: bool| {
            first
                .rows
                .iter()
                .filter(|(index, _)| is(messages, *index, spam))
                .count()
        };
        let groups: HashSet<usize> = first
            .rows
            .iter()
            .filter_map(|(index, _)| Some(messages.get(*index)?.campaign))
            .collect();
        let (ham, spam) = (of(false), of(true));
        let _ = write!(
            text,
            " Scored: {ham} ham, {spam} spam in {} campaigns; 0.01 % of the ham is {:.2} of one message.",
            groups.len(),
            ham as f64 / 10_000.0
        );
    }
    let lines = lines(messages, scores);
    text.push_str("\n\n");
    let head = COLUMNS.map(str::to_owned);
    text.push_str(&rows(&head, &lines.iter().map(cells).collect::<Vec<_>>()));
    if let Some(sentence) = ratio(&lines) {
        let _ = write!(text, "\n{sentence}\n");
    }
    text
}

/// A table with aligned columns.
pub fn rows(head: &[String], rows: &[Vec<String>]) -> String {
    let all = || std::iter::once(head).chain(rows.iter().map(Vec::as_slice));
    let width = |column: usize| {
        let cells = all().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(3)
    };
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let padded = |row: &[String]| {
        let pad = |(column, cell): (usize, &String)| {
            format!("{cell}{}", " ".repeat(width(column) - cell.chars().count()))
        };
        line(row.iter().enumerate().map(pad).collect())
    };
    let mut text = padded(head);
    text.push_str(&line(
        (0..head.len()).map(|column| "-".repeat(width(column))).collect(),
    ));
    for row in rows {
        text.push_str(&padded(row));
    }
    text
}

fn is(messages: &[Message], index: usize, spam: bool) -> bool {
    messages.get(index).is_some_and(|message| message.spam == spam)
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

fn cells(line: &Line) -> Vec<String> {
    let figures = line
        .measured
        .figures
        .row()
        .into_iter()
        .zip(line.measured.interval);
    let cells =
        figures.map(|(figure, (low, high))| format!("{} ({} to {})", short(figure), short(low), short(high)));
    std::iter::once(line.name.clone()).chain(cells).collect()
}

/// Three digits that count.
pub fn short(figure: f64) -> String {
    match figure.abs() {
        f if f >= 10.0 => format!("{figure:.1}"),
        f if f >= 1.0 => format!("{figure:.2}"),
        f if f >= 0.1 => format!("{figure:.3}"),
        _ => format!("{figure:.4}"),
    }
}

/// The own figure against that of the best peer, drawn together.
fn ratio(lines: &[Line]) -> Option<String> {
    let own = lines.iter().find(|line| line.own)?;
    let above = |line: &&Line| line.measured.figures.above;
    let best = lines
        .iter()
        .filter(|line| !line.own)
        .min_by(|a, b| above(a).total_cmp(&above(b)))?;
    let mut ratios: Vec<f64> = own
        .measured
        .draws
        .iter()
        .zip(&best.measured.draws)
        .map(|(own, peer)| own / peer)
        .collect();
    let (low, high) = metrics::ends_of(&mut ratios);
    Some(format!(
        "{} has {} times the (1-AUC)% of the best peer, {} (95 %: {} to {}).",
        own.name,
        short(above(&own) / above(&best)),
        best.name,
        short(low),
        short(high)
    ))
}
