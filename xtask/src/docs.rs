//! docs/config.md, made from the doc comments of the configuration's structs.

use crate::{interfaces, rfcs, shell};
use anyhow::{Result, bail};
use std::fmt::Write as _;

/// The files in the order of the manual.
const FILES: [&str; 7] = [
    "crates/gateway/src/config/mod.rs",
    "crates/gateway/src/config/ingress.rs",
    "crates/gateway/src/config/egress.rs",
    "crates/gateway/src/config/store.rs",
    "crates/gateway/src/config/panel.rs",
    "crates/risk/src/policy.rs",
    "crates/risk/src/limits.rs",
];

/// Writes the manual, or compares with `--check`.
pub fn run(arguments: &[String]) -> Result<()> {
    let target = shell::root().join("docs/config.md");
    let fresh = manual()?;
    if arguments.iter().any(|word| word == "--check") {
        println!("── docs");
        if std::fs::read_to_string(&target).unwrap_or_default() != fresh {
            bail!("docs/config.md is not what the doc comments say; run `cargo xtask docs`");
        }
        interfaces::check()?;
        return rfcs::check();
    }
    std::fs::create_dir_all(shell::root().join("docs"))?;
    std::fs::write(&target, fresh)?;
    println!("wrote docs/config.md");
    Ok(())
}

fn manual() -> Result<String> {
    let mut out = String::from(
        "# The configuration file\n\n\
         TOML; the sections are the rooms. Every section and key may be left out. Unknown keys are refused.\n\
         `dogana config check FILE` prints the resolved form. This page is made from the doc comments of the code by\n\
         `cargo xtask docs`.\n",
    );
    for file in FILES {
        let text = std::fs::read_to_string(shell::root().join(file))?;
        structs(&text, &mut out)?;
    }
    Ok(out)
}

/// Each `pub struct` or `pub enum` that can be deserialised becomes a table of its fields or values.
fn structs(text: &str, out: &mut String) -> Result<()> {
    let mut comment = String::new();
    let mut readable = false;
    let mut open: Option<bool> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(words) = trimmed.strip_prefix("/// ") {
            if !comment.is_empty() {
                comment.push(' ');
            }
            comment.push_str(words);
        } else if trimmed.starts_with("#[") {
            readable |= trimmed.contains("Deserialize");
        } else if let Some(head) = trimmed
            .strip_prefix("pub struct ")
            .or_else(|| trimmed.strip_prefix("pub enum "))
        {
            if readable && trimmed.ends_with('{') {
                let name = head.split(' ').next().unwrap_or_default();
                let of_enum = trimmed.starts_with("pub enum ");
                let first = if of_enum { "value" } else { "key" };
                write!(
                    out,
                    "\n## {name}\n\n{comment}\n\n| {first} | meaning |\n| --- | --- |\n"
                )?;
                open = Some(of_enum);
            }
            comment.clear();
            readable = false;
        } else if trimmed == "}" {
            open = None;
            comment.clear();
        } else if let Some(of_enum) = open {
            row(trimmed, of_enum, &mut comment, out)?;
        } else if !trimmed.is_empty() {
            comment.clear();
        }
    }
    Ok(())
}

fn row(line: &str, of_enum: bool, comment: &mut String, out: &mut String) -> Result<()> {
    let name = if of_enum {
        line.strip_suffix(',')
            .filter(|name| name.chars().all(char::is_alphanumeric))
            .map(snake)
    } else {
        line.strip_prefix("pub ")
            .and_then(|rest| rest.split_once(':'))
            .map(|(name, _)| name.to_owned())
    };
    if let Some(name) = name {
        writeln!(out, "| `{name}` | {} |", comment.replace('|', "\\|"))?;
        comment.clear();
    }
    Ok(())
}

/// `SomeName` as `some_name`.
pub fn snake(name: &str) -> String {
    let mut out = String::new();
    for (index, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && index > 0 {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}
