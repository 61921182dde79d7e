//! docs/rfc.tsv: every RFC that the project names, each section that it cites with its title in the RFC, and the check that
//! holds text and table together.
//!
//! One form: `RFC 5321 §4.5.3.1.8`, for an appendix `RFC 5321 §C`; further sections of the same RFC follow as `, §4.2`,
//! ` and §4.2` or ` to §4.2`. Fails on any other form, on a reference that the table does not have, and on a row nobody
//! cites. The title stands beside the number so that a wrong number is seen by whoever writes it.

use crate::shell;
use anyhow::{Context, Result, bail};
use regex::Regex;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Where references stand.
const FOLDERS: [&str; 4] = ["crates", "docs", "fuzz", "xtask"];
const EXTENSIONS: [&str; 5] = ["rs", "md", "toml", "dialog", "readme"];
/// A file that cites one of these may write their sections without a name.
const OTHER_STANDARDS: [&str; 7] = [
    "HTML Living Standard",
    "CSS",
    "UTS",
    "UAX",
    "ISO 32000",
    "MS-",
    "URL Standard",
];
const WHOLE: &str = "-";

/// Number of the RFC, and the section or [`WHOLE`].
type Place = (u32, String);

/// Compares all text with the table.
pub fn check() -> Result<()> {
    let forms = Forms::new()?;
    let mut wrong = Vec::new();
    let mut cited = BTreeSet::new();
    for path in files()? {
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let name = path
            .strip_prefix(shell::root())
            .unwrap_or(&path)
            .display()
            .to_string();
        let (found, faults) = forms.read(&text);
        cited.extend(found);
        wrong.extend(
            faults
                .into_iter()
                .map(|(line, fault)| format!("{name}:{line}: {fault}")),
        );
    }
    let listed = table(
        &std::fs::read_to_string(shell::root().join("docs/rfc.tsv"))?,
        &mut wrong,
    );
    let missing = cited
        .difference(&listed)
        .map(|place| format!("docs/rfc.tsv: {} is cited and not listed", spoken(place)));
    let left = listed
        .difference(&cited)
        .map(|place| format!("docs/rfc.tsv: {} is listed and nobody cites it", spoken(place)));
    wrong.extend(missing.chain(left));
    wrong.iter().for_each(|line| eprintln!("   {line}"));
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("{} references to RFCs are wrong", wrong.len())
}

fn spoken((number, section): &Place) -> String {
    match section.as_str() {
        WHOLE => format!("RFC {number}"),
        section => format!("RFC {number} §{section}"),
    }
}

/// The rows after the head: number, section, title.
fn table(text: &str, wrong: &mut Vec<String>) -> BTreeSet<Place> {
    let mut listed = BTreeSet::new();
    for (at, row) in text.lines().enumerate().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        let place = match cells.as_slice() {
            [number, section, title] if !title.is_empty() => {
                number.parse().ok().map(|number| (number, (*section).to_owned()))
            }
            _ => None,
        };
        if !place.is_some_and(|place| listed.insert(place)) {
            wrong.push(format!("docs/rfc.tsv:{}: not a row, or here twice", at + 1));
        }
    }
    listed
}

fn files() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting: Vec<PathBuf> = FOLDERS.iter().map(|folder| shell::root().join(folder)).collect();
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                if !path.ends_with("target") {
                    waiting.push(path);
                }
            } else if path
                .extension()
                .is_some_and(|extension| EXTENSIONS.iter().any(|known| extension == *known))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

struct Forms {
    name: Regex,
    section: Regex,
    /// What must not follow a reference.
    stray: Regex,
}

impl Forms {
    fn new() -> Result<Self> {
        Ok(Self {
            name: Regex::new(r"(?-u:\b)RFCs?([ -]*)([0-9]{3,5})(?-u:\b)")?,
            section: Regex::new(r"^(?:(?:,| and| to)?) §((?:[A-Z]|[0-9]+)(?:\.[0-9]+)*)")?,
            stray: Regex::new(
                r"^(?:,?(?: and| to| or)? [0-9]{3,5}(?-u:\b)|,? ?\(?(?i-u:sections? [0-9]|sec\.|appendix)|§|, ?[0-9.]+\.[0-9])",
            )?,
        })
    }

    /// What a file cites, and its faults with their lines.
    fn read(&self, text: &str) -> (BTreeSet<Place>, Vec<(usize, String)>) {
        let (joined, starts) = without_breaks(text);
        let line = |at: usize| starts.partition_point(|start| *start <= at);
        let mut cited = BTreeSet::new();
        let mut faults = Vec::new();
        let mut read_until = 0;
        let mut named = Vec::new();
        for found in self.name.captures_iter(&joined) {
            let (Some(whole), Some(gap), Some(number)) = (found.get(0), found.get(1), found.get(2)) else {
                continue;
            };
            let Ok(number) = number.as_str().parse::<u32>() else {
                continue;
            };
            cited.insert((number, WHOLE.to_owned()));
            let mut end = whole.end();
            while let Some(section) = joined.get(end..).and_then(|rest| self.section.captures(rest)) {
                cited.insert((number, section[1].to_owned()));
                end += section[0].len();
            }
            let rest = joined.get(end..).unwrap_or_default();
            if gap.as_str() != " " || whole.as_str().starts_with("RFCs") || self.stray.is_match(rest) {
                let shown: String = joined
                    .get(whole.start()..)
                    .unwrap_or_default()
                    .chars()
                    .take(40)
                    .collect();
                faults.push((line(whole.start()), format!("`{shown}` is not in the one form")));
            }
            named.push(read_until..whole.start());
            read_until = end;
        }
        named.push(read_until..joined.len());
        if !OTHER_STANDARDS.iter().any(|standard| text.contains(standard)) {
            for range in named {
                let nameless = joined.get(range.clone()).unwrap_or_default().match_indices('§');
                faults.extend(
                    nameless.map(|(at, _)| (line(range.start + at), "a section without its RFC".to_owned())),
                );
            }
        }
        (cited, faults)
    }
}

/// The text with comment signs taken away and its lines joined by one blank, and where each line begins in it.
fn without_breaks(text: &str) -> (String, Vec<usize>) {
    let mut joined = String::with_capacity(text.len());
    let mut starts = Vec::new();
    for line in text.lines() {
        starts.push(joined.len());
        let line = line.trim();
        let bare = ["//!", "///", "//", "#"]
            .iter()
            .find_map(|sign| line.strip_prefix(sign))
            .unwrap_or(line);
        joined.push_str(bare.trim());
        joined.push(' ');
    }
    (joined, starts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `R-F-C` stands for the word, so that this table is not read as references.
    fn check(text: &str, cited: &[(u32, &str)], faults: &[usize]) {
        let (found, wrong) = Forms::new().unwrap().read(&text.replace("R-F-C", "RFC"));
        let expected = cited
            .iter()
            .map(|(number, section)| (*number, (*section).to_owned()))
            .collect();
        assert_eq!(found, expected, "{text}");
        let lines: Vec<usize> = wrong.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, faults, "{text}: {wrong:?}");
    }

    #[test]
    fn one_form() {
        check(
            "see R-F-C 5321 §4.5.3.1.8.",
            &[(5321, "-"), (5321, "4.5.3.1.8")],
            &[],
        );
        check(
            "R-F-C 5321 §4, §C and §D.1: so",
            &[(5321, "-"), (5321, "4"), (5321, "C"), (5321, "D.1")],
            &[],
        );
        check(
            "a\n/// (R-F-C\n/// 5321\n/// §4.2)",
            &[(5321, "-"), (5321, "4.2")],
            &[],
        );
        check(
            "R-F-C 5321, R-F-C 5322 §2: 1000 octets",
            &[(5321, "-"), (5322, "-"), (5322, "2")],
            &[],
        );
        check("\nR-F-C5321", &[(5321, "-")], &[2]);
        check("R-F-C-5321", &[(5321, "-")], &[1]);
        check("R-F-C 5321, 5322", &[(5321, "-")], &[1]);
        check("R-F-C 2045 to 2047", &[(2045, "-")], &[1]);
        check("R-F-C 5321 section 4", &[(5321, "-")], &[1]);
        check("R-F-C 8463 appendix A", &[(8463, "-")], &[1]);
        check("R-F-C 5321 §4.1, 4.2", &[(5321, "-"), (5321, "4.1")], &[1]);
        check("x\n§4 says, R-F-C 5321", &[(5321, "-")], &[2]);
        check("HTML Living Standard, §4 says, R-F-C 5321", &[(5321, "-")], &[]);
    }

    #[test]
    fn rows() {
        let mut wrong = Vec::new();
        let listed = table(
            "RFC\tsection\ttitle\n1\t-\tA\n1\t2\tB\n1\t2\tB\nx\t2\tB\n1\t3\t\n",
            &mut wrong,
        );
        assert_eq!(listed.len(), 2);
        assert_eq!(wrong.len(), 3);
    }

    #[test]
    fn the_table_is_complete() {
        super::check().unwrap();
    }
}
