//! The pages that are interfaces: docs/symbols.md, docs/replies.md and docs/events.md name everything that the code can say.
//!
//! They are written by hand, because their worth is in what a person should do; this check finds what is missing, and symbols
//! and events that are no more.

use crate::docs::snake;
use crate::shell;
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::path::Path;

/// Where replies are given: to clients, and for recipients.
const SPEAKERS: [&str; 3] = ["crates/ingress/src", "crates/egress/src", "crates/mail/src/smtp"];

/// Fails with one line for each word that is missing.
pub fn check() -> Result<()> {
    let mut wrong = Vec::new();
    let page = |name: &str| {
        let path = shell::root().join("docs").join(name);
        std::fs::read_to_string(&path).with_context(|| path.display().to_string())
    };
    let (symbols, replies, events) = (page("symbols.md")?, page("replies.md")?, page("events.md")?);

    let risk = product_code("crates/risk/src")?;
    let given: BTreeSet<&str> = risk.iter().flat_map(|code| symbol_names(code)).collect();
    let listed = first_cells(&symbols).filter(|cell| is_screaming(cell)).collect();
    compare("docs/symbols.md", "the symbol", &given, &listed, &mut wrong);
    let causes: BTreeSet<&str> = risk.iter().flat_map(|code| cause_codes(code)).collect();
    let listed = first_cells(&replies).filter(|cell| is_screaming(cell)).collect();
    compare("docs/replies.md", "the cause", &causes, &listed, &mut wrong);

    for folder in SPEAKERS {
        for code in product_code(folder)? {
            for reply in said(&code) {
                if !is_told(&reply, &replies) {
                    wrong.push(format!(
                        "docs/replies.md: {} {} is missing",
                        reply.codes, reply.text
                    ));
                }
            }
        }
    }
    let events_of_code = what(&std::fs::read_to_string(
        shell::root().join("crates/trace/src/event.rs"),
    )?);
    compare_events(&events_of_code, &events, &mut wrong);

    wrong.sort();
    wrong.dedup();
    wrong.iter().for_each(|line| eprintln!("   {line}"));
    if wrong.is_empty() {
        Ok(())
    } else {
        bail!("{} words are missing in the pages or left over", wrong.len())
    }
}

fn compare(page: &str, kind: &str, given: &BTreeSet<&str>, listed: &BTreeSet<&str>, wrong: &mut Vec<String>) {
    let missing = given
        .difference(listed)
        .map(|name| format!("{page}: {kind} {name} is missing"));
    let left = listed
        .difference(given)
        .map(|name| format!("{page}: {kind} {name} is not in the code"));
    wrong.extend(missing.chain(left));
    if given.is_empty() {
        wrong.push(format!("{page}: nothing was found in the code"));
    }
}

/// The product code of each file below the folder, without comments of whole lines.
fn product_code(folder: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    read_below(&shell::root().join(folder), &mut found)?;
    Ok(found)
}

fn read_below(folder: &Path, found: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            read_below(&path, found)?;
        } else if path.extension().is_some_and(|own| own == "rs")
            && path.file_name().is_none_or(|own| own != "tests.rs")
        {
            let text = std::fs::read_to_string(&path)?;
            let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let lines: Vec<&str> = product
                .lines()
                .map(str::trim)
                .filter(|line| !line.starts_with("//"))
                .collect();
            found.push(lines.join("\n"));
        }
    }
    Ok(())
}

/// Texts in quotes. A quote in a text or as a character would confuse it; the code has none beside what is looked for here.
fn literals(code: &str) -> impl Iterator<Item = &str> {
    code.split('"').skip(1).step_by(2)
}

/// SCREAMING_SNAKE of at least three letters.
fn is_screaming(word: &str) -> bool {
    word.len() >= 3 && word.chars().all(|char| char.is_ascii_uppercase() || char == '_')
}

/// In a file that makes symbols every screaming literal is a symbol's name.
fn symbol_names(code: &str) -> impl Iterator<Item = &str> {
    let makes = code.contains("Symbol::new(");
    literals(code).filter(move |literal| makes && is_screaming(literal))
}

fn cause_codes(code: &str) -> impl Iterator<Item = &str> {
    let names = code.contains("impl Cause {");
    literals(code).filter(move |literal| names && is_screaming(literal))
}

/// What stands in backticks in the first cell of each row.
fn first_cells(page: &str) -> impl Iterator<Item = &str> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
}

/// A reply in the code.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    /// `550 5.7.1`.
    codes: String,
    /// Its fixed beginning or part; empty when it is made elsewhere.
    text: String,
}

/// Every `550, (5, 7, 1)` and `Reply::syntax(`, with the text behind it.
fn said(code: &str) -> Vec<Said> {
    let flat = code.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut found = Vec::new();
    for (index, _) in flat.match_indices('(') {
        let (before, behind) = (flat[..index].trim_end(), &flat[index..]);
        let text = |rest: &str| fixed_part(rest.trim_start_matches([',', ' ']));
        if before.ends_with("Reply::syntax") {
            found.push(Said {
                codes: "501 5.5.4".to_owned(),
                text: text(&behind[1..]),
            });
        }
        let code = before
            .strip_suffix(',')
            .and_then(|head| head.get(head.len().checked_sub(3)?..));
        let code = code.filter(|code| code.bytes().all(|octet| octet.is_ascii_digit()));
        if let (Some(code), Some((enhanced, rest))) = (code, triple(behind)) {
            found.push(Said {
                codes: format!("{code} {enhanced}"),
                text: text(rest),
            });
        }
    }
    found
}

/// `(5, 7, 1)` as `5.7.1`, and what stands behind it.
fn triple(text: &str) -> Option<(String, &str)> {
    let (inside, rest) = text.strip_prefix('(')?.split_once(')')?;
    let numbers: Vec<&str> = inside
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .collect();
    let numeric = numbers
        .iter()
        .all(|word| word.bytes().all(|octet| octet.is_ascii_digit()));
    (numbers.len() == 3 && numeric).then(|| (numbers.join("."), rest))
}

/// The longest piece of a literal between what is put in; empty when no literal comes next.
fn fixed_part(rest: &str) -> String {
    let literal = rest.strip_prefix("format!(").unwrap_or(rest).trim_start();
    let Some((literal, _)) = literal.strip_prefix('"').and_then(|text| text.split_once('"')) else {
        return String::new();
    };
    let pieces = literal
        .split('{')
        .map(|piece| piece.split_once('}').map_or(piece, |(_, tail)| tail));
    let longest = pieces.max_by_key(|piece| piece.len()).unwrap_or_default();
    longest
        .trim_matches([' ', ':', ',', '(', ')', '<', '>'])
        .to_owned()
}

/// One row has the codes and the text.
fn is_told(reply: &Said, page: &str) -> bool {
    let mut rows = page
        .lines()
        .filter(|line| line.contains(&format!("`{}`", reply.codes)));
    rows.any(|row| row.contains(&reply.text))
}

/// An event of the code and the names of its fields in JSON.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    event: String,
    fields: Vec<String>,
}

/// The variants of `enum What`.
fn what(code: &str) -> Vec<Told> {
    let body = code.split_once("pub enum What {").map_or("", |(_, rest)| rest);
    let body = body.split_once("\n}").map_or(body, |(body, _)| body);
    let mut found: Vec<Told> = Vec::new();
    let mut renamed = None;
    for line in body.lines().map(str::trim) {
        if let Some((_, name)) = line.split_once("rename = \"") {
            renamed = name.split('"').next().map(str::to_owned);
        }
        if line.starts_with("//") || line.starts_with('#') {
            continue;
        }
        let (head, fields) = match line.split_once(" {") {
            Some((head, fields)) => (Some(head), fields),
            None => (None, line),
        };
        if let Some(head) = head.filter(|head| head.chars().all(char::is_alphanumeric)) {
            found.push(Told {
                event: snake(head),
                fields: Vec::new(),
            });
        }
        let Some(open) = found.last_mut() else { continue };
        for (name, _) in fields
            .split(", ")
            .filter_map(|field| field.trim().split_once(':'))
        {
            if name.chars().all(|char| char.is_ascii_lowercase() || char == '_') {
                open.fields
                    .push(renamed.take().unwrap_or_else(|| name.to_owned()));
            }
        }
    }
    found
}

/// Each event has a section of its own, with a row for each field and no other.
fn compare_events(told: &[Told], page: &str, wrong: &mut Vec<String>) {
    let sections = page.split("\n### ").skip(1);
    let sections: Vec<(&str, &str)> = sections.filter_map(|section| section.split_once('\n')).collect();
    let given = told.iter().map(|event| event.event.as_str()).collect();
    let listed = sections.iter().map(|(name, _)| name.trim()).collect();
    compare("docs/events.md", "the event", &given, &listed, wrong);
    for event in told {
        let Some((_, section)) = sections.iter().find(|(name, _)| name.trim() == event.event) else {
            continue;
        };
        let given = event.fields.iter().map(String::as_str).collect();
        let kind = format!("{}: the field", event.event);
        compare(
            "docs/events.md",
            &kind,
            &given,
            &first_cells(section).collect(),
            wrong,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_in_code() {
        let check = |code: &str, expected: &[(&str, &str)]| {
            let found: Vec<(String, String)> =
                said(code).into_iter().map(|one| (one.codes, one.text)).collect();
            let expected: Vec<_> = expected
                .iter()
                .map(|(codes, text)| (codes.to_string(), text.to_string()))
                .collect();
            assert_eq!(found, expected, "{code}");
        };
        check("Reply::new(250, (2, 0, 0), \"Ok\")", &[("250 2.0.0", "Ok")]);
        check(
            "Reply::new(\n421,\n(4, 3, 2), format!(\"{host} Bye {why}\"))",
            &[("421 4.3.2", "Bye")],
        );
        check(
            "(452, (4, 5, 3)), (_, true) => (451, (4, 7, 1)),",
            &[("452 4.5.3", ""), ("451 4.7.1", "")],
        );
        check("Reply::syntax(\"No argument\")", &[("501 5.5.4", "No argument")]);
        check("Reply::new(530, (5, 7, 0), text)", &[("530 5.7.0", "")]);
        check("f(1, (2, 3)); (4, 5, 6); [550, (x, 1, 2)]", &[]);
    }

    #[test]
    fn a_reply_is_told_where_codes_and_text_share_a_row() {
        let page = "| `250 2.0.0` | `Ok` | x |\n| `550 5.7.1` | `No` |";
        let check = |codes: &str, text: &str, expected: bool| {
            let reply = Said {
                codes: codes.to_owned(),
                text: text.to_owned(),
            };
            assert_eq!(is_told(&reply, page), expected, "{codes} {text}");
        };
        check("250 2.0.0", "Ok", true);
        check("550 5.7.1", "", true);
        check("550 5.7.1", "Ok", false);
        check("551 5.7.1", "", false);
    }

    #[test]
    fn events_in_code() {
        let code = "pub enum What {\n    /// A: b.\n    LoggedIn { login: String, by: String },\n    Locked {\n        \
                    #[serde(rename = \"locked_sender\")]\n        sender: String,\n        until: Option<Timestamp>,\n    },\n}\n";
        let told = what(code);
        let names: Vec<_> = told
            .iter()
            .map(|one| (one.event.as_str(), one.fields.join(" ")))
            .collect();
        assert_eq!(
            names,
            [
                ("logged_in", "login by".to_owned()),
                ("locked", "locked_sender until".to_owned())
            ]
        );

        let check = |page: &str, expected: &[&str]| {
            let mut wrong = Vec::new();
            compare_events(&told, page, &mut wrong);
            assert_eq!(wrong, expected, "{page}");
        };
        let whole = "\n### logged_in\n\n| `login` | a |\n| `by` | b |\n\n### locked\n| `locked_sender` |\n| `until` |\n";
        check(whole, &[]);
        check(
            &whole.replace("| `by` | b |", ""),
            &["docs/events.md: logged_in: the field by is missing"],
        );
        check(
            &whole.replace("| `until` |", "| `for` |"),
            &[
                "docs/events.md: locked: the field until is missing",
                "docs/events.md: locked: the field for is not in the code",
            ],
        );
        check(
            &format!("{whole}\n### gone\n"),
            &["docs/events.md: the event gone is not in the code"],
        );
    }

    #[test]
    fn symbols_in_code() {
        let names = |code| symbol_names(code).collect::<Vec<_>>();
        assert_eq!(
            names("Symbol::new(\"GTUBE\", x, \"text\"); (\"STANDING_GOOD\", 1)"),
            ["GTUBE", "STANDING_GOOD"]
        );
        assert_eq!(names("const A: &str = \"GTUBE\";"), Vec::<&str>::new());
    }

    #[test]
    fn the_pages_are_complete() {
        check().unwrap();
    }
}
