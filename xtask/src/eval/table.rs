//! The tables: one a mode, for the terminal and for docs/accuracy.md.

use super::corpus::Message;
use super::metrics::{self, Measured, Scored};
use super::modes;
use super::scores::Scores;
use std::collections::HashSet;
use std::fmt::Write as _;

/// Draws the same campaigns in every run.
const SEED: u64 = 2_002_120_4;
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
                .filter_map(|(index, row)| scored(messages.get(*index)?, *row.get(column)?))
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
fn scored(message: &Message, score: f64) -> Option<Scored> {
    let score = if score.is_nan() { f64::NEG_INFINITY } else { score };
    Some(Scored {
        score,
        spam: message.spam,
        campaign: message.campaign,
    })
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
    text.push_str(&rows(&COLUMNS, lines.iter().map(cells)));
    if let Some(sentence) = ratio(&lines) {
        let _ = write!(text, "\n{sentence}\n");
    }
    text
}

/// A table with aligned columns.
pub fn rows<const N: usize>(head: &[&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = rows.collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells
            .map(|cell| cell.chars().count())
            .chain(head.get(column).map(|cell| cell.len()))
            .max()
            .unwrap_or(0)
    };
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let pad =
        |(column, cell): (usize, &str)| format!("{cell}{}", " ".repeat(width(column) - cell.chars().count()));
    let mut text = line(head.iter().copied().enumerate().map(pad).collect());
    text.push_str(&line(
        (0..N).map(|column| "-".repeat(width(column).max(3))).collect(),
    ));
    for row in &rows {
        text.push_str(&line(
            row.iter().map(String::as_str).enumerate().map(pad).collect(),
        ));
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

fn cells(line: &Line) -> [String; 5] {
    let mut cells = [
        line.name.clone(),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
    ];
    let figures = line.measured.figures.row();
    for ((cell, figure), (low, high)) in cells.iter_mut().skip(1).zip(figures).zip(line.measured.interval) {
        *cell = format!("{} ({} to {})", short(figure), short(low), short(high));
    }
    cells
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
