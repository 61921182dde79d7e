//! The walls: arrows between rooms, who may say what, no circles between files, sizes and heads of files.

use crate::rooms::{EXCEPTIONS, IMPURE_WORDS, PURE, ROOMS, SAYINGS};
use crate::shell;
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Lines of one file at most, tests apart.
const FILE_LINES_MAX: usize = 700;
/// Packages in the lock file at most.
const LOCKED_MAX: usize = 450;
/// Packages that must not be built in.
const UNWANTED: [(&str, &str); 4] = [
    ("ring", "one crypto provider: aws-lc-rs"),
    ("openssl", "rustls only"),
    ("rsa", "RUSTSEC-2023-0071"),
    ("native-tls", "rustls only"),
];

struct Source {
    room: String,
    /// Relative to the root.
    path: String,
    /// Module path inside the crate, for example `smtp::reply`.
    module: String,
    /// Product code: what stands before the first `#[cfg(test)]`.
    product: String,
}

/// Checks everything; prints what is wrong and fails, or prints one line of figures.
pub fn run() -> Result<()> {
    println!("── walls");
    let mut wrong = Vec::new();
    arrows(&mut wrong)?;
    let sources = sources()?;
    for source in &sources {
        sayings(source, &mut wrong);
        form(source, &mut wrong);
    }
    circles(&sources, &mut wrong);
    lock_file(&mut wrong)?;
    let mut sizes: Vec<usize> = sources
        .iter()
        .map(|source| source.product.lines().count())
        .collect();
    sizes.sort_unstable();
    let at = |share: usize| sizes.get(sizes.len() * share / 100).copied().unwrap_or_default();
    println!(
        "   {} files, lines: median {}, p90 {}, most {}",
        sizes.len(),
        at(50),
        at(90),
        sizes.last().unwrap_or(&0)
    );
    if wrong.is_empty() {
        return Ok(());
    }
    for line in &wrong {
        eprintln!("   {line}");
    }
    bail!("{} breaches of the walls", wrong.len())
}

fn arrows(wrong: &mut Vec<String>) -> Result<()> {
    let text = shell::output(shell::cargo(&["metadata", "--format-version", "1", "--no-deps"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&text)?;
    let allowed: BTreeMap<&str, &[&str]> = ROOMS.into_iter().collect();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        if matches!(name, "xtask" | "e2e") {
            continue;
        }
        let Some(may) = allowed.get(name) else {
            wrong.push(format!("{name}: a room that is not in the plan"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let to = dependency["name"].as_str().unwrap_or_default();
            let for_tests = dependency["kind"].as_str() == Some("dev");
            if allowed.contains_key(to) && !may.contains(&to) && !for_tests {
                wrong.push(format!("{name} -> {to}: an arrow that is not allowed"));
            }
        }
    }
    Ok(())
}

fn sources() -> Result<Vec<Source>> {
    let root = shell::root();
    let mut found = Vec::new();
    for (room, _) in ROOMS {
        let base = root.join("crates").join(room).join("src");
        let mut waiting = vec![base.clone()];
        while let Some(folder) = waiting.pop() {
            for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
                let path = entry?.path();
                if path.is_dir() {
                    waiting.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    found.push(source(room, &root, &base, &path)?);
                }
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn source(room: &str, root: &Path, base: &Path, path: &PathBuf) -> Result<Source> {
    let text = std::fs::read_to_string(path)?;
    let product = text
        .split("#[cfg(test)]\nmod ")
        .next()
        .unwrap_or_default()
        .to_owned();
    let inside = path.strip_prefix(base)?.with_extension("");
    let mut names: Vec<_> = inside
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if names
        .last()
        .is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main"))
    {
        names.pop();
    }
    let relative = path.strip_prefix(root)?.to_string_lossy().into_owned();
    Ok(Source {
        room: room.to_owned(),
        path: relative,
        module: names.join("::"),
        product,
    })
}

fn sayings(source: &Source, wrong: &mut Vec<String>) {
    let excepted = EXCEPTIONS.iter().any(|(path, _)| *path == source.path);
    let code = || {
        source
            .product
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    };
    for (words, rooms, why) in SAYINGS {
        if rooms.contains(&source.room.as_str()) || excepted {
            continue;
        }
        for (number, line) in code() {
            if words.iter().any(|word| line.contains(word)) {
                wrong.push(format!("{}:{}: {why}", source.path, number + 1));
            }
        }
    }
    if PURE.contains(&source.room.as_str()) {
        for (number, line) in code() {
            if IMPURE_WORDS.iter().any(|word| line.contains(word)) {
                wrong.push(format!("{}:{}: {} is pure", source.path, number + 1, source.room));
            }
        }
    }
}

fn form(source: &Source, wrong: &mut Vec<String>) {
    if !source.product.starts_with("//!") {
        wrong.push(format!("{}: does not open with //!", source.path));
    }
    let lines = source.product.lines().count();
    if lines > FILE_LINES_MAX {
        wrong.push(format!(
            "{}: {lines} lines, at most {FILE_LINES_MAX}",
            source.path
        ));
    }
    let last = source.module.rsplit("::").next().unwrap_or_default();
    if [
        "common", "util", "utils", "helpers", "manager", "core", "types", "shared",
    ]
    .contains(&last)
    {
        wrong.push(format!("{}: a name that says nothing", source.path));
    }
}

/// Files of one crate form no circle. A parent that declares and re-exports its children is not an arrow.
fn circles(sources: &[Source], wrong: &mut Vec<String>) {
    for (room, _) in ROOMS {
        let modules: BTreeMap<&str, &Source> = sources
            .iter()
            .filter(|source| source.room == room && !source.module.is_empty())
            .map(|source| (source.module.as_str(), source))
            .collect();
        let exported = exports(sources, room);
        let arrows: BTreeMap<&str, BTreeSet<&str>> = modules
            .iter()
            .map(|(name, source)| (*name, uses(source, &modules, &exported)))
            .collect();
        for start in modules.keys() {
            if let Some(circle) = find_circle(start, &arrows)
                && circle.iter().min().map(String::as_str) == Some(*start)
            {
                wrong.push(format!("{room}: a circle of files: {}", circle.join(" -> ")));
            }
        }
    }
}

/// Names that lib.rs re-exports, and from which module.
fn exports(sources: &[Source], room: &str) -> BTreeMap<String, String> {
    let lib = sources
        .iter()
        .find(|source| source.room == room && source.module.is_empty());
    let mut found = BTreeMap::new();
    let text = lib.map(|lib| lib.product.replace('\n', " ")).unwrap_or_default();
    for statement in text.split(';') {
        let Some(path) = statement
            .trim()
            .rsplit("pub use ")
            .next()
            .filter(|_| statement.contains("pub use "))
        else {
            continue;
        };
        let Some((module, names)) = path.rsplit_once("::") else {
            continue;
        };
        for name in names.trim_matches(['{', '}', ' ']).split(',') {
            found.insert(
                name.trim().to_owned(),
                module.trim_start_matches("crate::").to_owned(),
            );
        }
    }
    found
}

fn uses<'a>(
    source: &'a Source,
    modules: &BTreeMap<&'a str, &'a Source>,
    exported: &BTreeMap<String, String>,
) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let code: String = source
        .product
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join(" ");
    for piece in code.split("crate::").skip(1) {
        let end = piece.find([';', '(', ')', '<', '>', '=']).unwrap_or(piece.len());
        for path in expand(&piece[..end]) {
            let first = path.split("::").next().unwrap_or_default().trim();
            let target = exported
                .get(first)
                .map_or(path.as_str(), String::as_str)
                .to_owned();
            if let Some(module) = longest(&target, modules) {
                let family = module == source.module
                    || source.module.starts_with(&format!("{module}::"))
                    || module.starts_with(&format!("{}::", source.module));
                if !family {
                    found.insert(module);
                }
            }
        }
    }
    found
}

/// `a::{b, c::d}` becomes `a::b`, `a::c::d`.
fn expand(path: &str) -> Vec<String> {
    match path.split_once('{') {
        None => vec![path.split([' ', ',', '}']).next().unwrap_or_default().to_owned()],
        Some((head, inner)) => inner
            .split(',')
            .map(|name| format!("{head}{}", name.trim().trim_matches(['{', '}', ' '])))
            .collect(),
    }
}

fn longest<'a>(path: &str, modules: &BTreeMap<&'a str, &'a Source>) -> Option<&'a str> {
    modules
        .keys()
        .filter(|module| path == **module || path.starts_with(&format!("{module}::")))
        .max_by_key(|module| module.len())
        .copied()
}

fn find_circle(start: &str, arrows: &BTreeMap<&str, BTreeSet<&str>>) -> Option<Vec<String>> {
    let mut waiting = vec![vec![start.to_owned()]];
    let mut seen = BTreeSet::new();
    while let Some(path) = waiting.pop() {
        let last = path.last().cloned().unwrap_or_default();
        for next in arrows.get(last.as_str()).into_iter().flatten() {
            if *next == start {
                return Some(path);
            }
            if seen.insert((*next).to_owned()) {
                let mut longer = path.clone();
                longer.push((*next).to_owned());
                waiting.push(longer);
            }
        }
    }
    None
}

fn lock_file(wrong: &mut Vec<String>) -> Result<()> {
    let text = std::fs::read_to_string(shell::root().join("Cargo.lock"))?;
    let count = text.matches("[[package]]").count();
    if count > LOCKED_MAX {
        wrong.push(format!("Cargo.lock: {count} packages, at most {LOCKED_MAX}"));
    }
    let tree = shell::output(shell::cargo(&[
        "tree",
        "--workspace",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]))?;
    for (name, why) in UNWANTED {
        if tree.lines().any(|line| line.split(' ').next() == Some(name)) {
            wrong.push(format!("{name} is built in: {why}"));
        }
    }
    Ok(())
}
