//! What `dogana scan` prints of one message: the sentence for its sender, and for the operator everything that was weighed.
//!
//! Promises: no line over [`COLUMNS_MAX`] columns (wide characters counted once), no control from the message. Trusts nothing in
//! the facts: names, links and passages are data.

use super::table;
use risk::{
    AttachmentFact, Facts, Gathered, Language, LinkFact, LinkFacts, LinkFlag, Reading, TextFacts, Verdict,
};
use std::path::Path;

/// Columns of a line.
const COLUMNS_MAX: usize = 120;
/// Decibans of one unit of the models' natural logarithm.
const DB_OF_NAT: f32 = 4.343;
/// Messages of a site up to which the reference is told as well.
const MEASURED_MIN: u32 = 1_000;
/// Cells of a bar.
const BAR_CELLS: usize = 20;
/// Files inside of one file that are shown.
const MEMBERS_SHOWN_MAX: usize = 20;

/// The report of one message.
pub fn explained(file: &Path, facts: &Facts, verdict: &Verdict, language: Language) -> String {
    let mut page = Page::default();
    head(&mut page, file, facts, verdict);
    let sentence = verdict.reason.sentence(language);
    if !sentence.is_empty() {
        page.title("To the sender");
        page.paragraph(&format!("[{}] {sentence}.", verdict.cause.code()));
    }
    page.title("Weighed");
    page.table(&["dB", "symbol", "observation"], &weighed(verdict));
    if let Some(content) = facts.content.known() {
        content.text.iter().for_each(|text| told(&mut page, text));
        content.links.iter().for_each(|found| links(&mut page, found));
        files(&mut page, &content.attachments);
    }
    page.text
}

fn head(page: &mut Page, file: &Path, facts: &Facts, verdict: &Verdict) {
    page.line(&file.display().to_string());
    page.line(&format!(
        "  {} · {} · {} · probability of abuse {}",
        verdict.class.as_str(),
        verdict.action.as_str(),
        verdict.score,
        percent(verdict.score.probability()),
    ));
    if let Some(content) = facts.content.known() {
        for (name, text) in [("from", &content.header_from), ("subject", &content.subject)] {
            if !text.is_empty() {
                page.line(&format!("  {name:<8} {text}"));
            }
        }
    }
}

/// The prior, the symbols, and the sum.
fn weighed(verdict: &Verdict) -> Vec<Vec<String>> {
    // What the sender's conduct adds is weighed apart.
    let own = verdict
        .symbols
        .iter()
        .filter(|symbol| symbol.group != risk::Group::Conduct);
    let sum: f32 = own.map(|symbol| symbol.weight.value()).sum();
    let row =
        |db: f32, name: &str, detail: &str| vec![format!("{db:+.1}"), name.to_owned(), detail.to_owned()];
    let mut rows: Vec<_> = verdict
        .symbols
        .iter()
        .map(|symbol| row(symbol.weight.value(), &symbol.name, &symbol.detail))
        .collect();
    let prior = verdict.score.value() - sum;
    // A sum at its bound does not tell it.
    if verdict.score.value().abs() < risk::Decibans::MAX {
        rows.push(row(prior, "(prior)", "before the message was looked at"));
    }
    rows.push(row(verdict.score.value(), "(sum)", ""));
    rows
}

fn told(page: &mut Page, text: &TextFacts) {
    page.title("Text");
    let Some(reading) = &text.reading else {
        let why = if text.wordless {
            "pictures and hardly a word"
        } else {
            "too few words"
        };
        page.paragraph(&format!("not judged: {why} ({} characters)", text.characters));
        return;
    };
    page.paragraph(&rarity(reading));
    let db = |odds: f32| format!("{:+.1}", odds * DB_OF_NAT);
    let mut rows = vec![vec![db(reading.shipped), "shipped model".to_owned()]];
    rows.push(match reading.local {
        Some(odds) => vec![db(odds), "this site's model".to_owned()],
        None => vec![
            String::new(),
            "this site's model has not learned enough".to_owned(),
        ],
    });
    rows.push(vec![db(reading.odds), "together".to_owned()]);
    page.table(&["dB", "odds of the models"], &rows);
    if !reading.phrases.is_empty() {
        let rows: Vec<_> = reading
            .phrases
            .iter()
            .map(|phrase| {
                let share = format!("{} {:>3.0} %", bar(phrase.share), phrase.share * 100.0);
                vec![share, format!("\u{201c}{}\u{201d}", phrase.text)]
            })
            .collect();
        page.gap();
        page.table(&["share of the evidence", "passage"], &rows);
    }
}

/// How rare a text is, in words.
fn rarity(reading: &Reading) -> String {
    let rank = reading.rank.clamp(1e-6, 1.0);
    let word = match rank {
        rank if rank >= 0.2 => "ordinary",
        rank if rank >= 0.02 => "somewhat unusual",
        rank if rank >= 0.002 => "unusual",
        _ => "very unusual",
    };
    let share = if rank >= 0.2 {
        format!("{:.0} in 100 look", rank * 100.0)
    } else {
        format!("1 in {:.0} looks", 1.0 / rank)
    };
    format!(
        "{word}: of the accepted mail of this role ({}), {share} at least as much like spam; measured on {} messages of this site{}",
        reading.role.as_str(),
        reading.measured_on,
        if reading.measured_on < MEASURED_MIN {
            " and the reference"
        } else {
            ""
        },
    )
}

fn links(page: &mut Page, found: &LinkFacts) {
    if found.links.is_empty() {
        return;
    }
    page.title(&format!(
        "Links ({} found, {} kept)",
        found.found,
        found.links.len()
    ));
    let mut odd: Vec<_> = found
        .links
        .iter()
        .map(|link| vec![shortened(&link.url, 60), marks(link)])
        .collect();
    odd.sort_by_key(|row| row[1].is_empty());
    page.table(&["link", "seen"], &odd);
    if let Gathered::Known(known) = &found.new_hosts {
        let (hosts, days) = (known.hosts, known.memory_days);
        page.paragraph(&format!(
            "{hosts} domains never sent before, in a memory of {days} days"
        ));
    }
}

fn marks(link: &LinkFact) -> String {
    let flags = link.flags.iter().map(|flag| match flag {
        LinkFlag::LookAlike { of } => format!("looks like {of}"),
        LinkFlag::TextDiffers { shown, .. } => format!("shows {shown}"),
        flag => word(flag),
    });
    let lists = link
        .lists
        .iter()
        .map(|hit| format!("on {} ({})", hit.list, hit.meaning));
    let seen = link
        .seen
        .map(|seen| format!("sent here for {} days by {} senders", seen.days, seen.senders));
    flags.chain(lists).chain(seen).collect::<Vec<_>>().join(", ")
}

fn files(page: &mut Page, files: &[AttachmentFact]) {
    if files.is_empty() {
        return;
    }
    page.title(&format!("Files ({})", files.len()));
    let mut rows = Vec::new();
    for file in files {
        let inside = if file.files > 0 {
            format!("{} inside", file.files)
        } else {
            String::new()
        };
        let mut seen: Vec<_> = file.signs.iter().map(word).collect();
        seen.extend(file.file.disguised_name.then(|| "disguised name".to_owned()));
        seen.extend((!inside.is_empty()).then_some(inside));
        let name = if file.name.is_empty() {
            "(without name)"
        } else {
            &file.name
        };
        let size = octets(file.size_octets);
        rows.push(vec![
            shortened(name, 48),
            shortened(&file.file.mime, 40),
            size,
            seen.join(", "),
        ]);
        for member in file.members.iter().take(MEMBERS_SHOWN_MAX) {
            let mut seen: Vec<_> = member.signs.iter().map(word).collect();
            seen.extend(member.file.disguised_name.then(|| "disguised name".to_owned()));
            let size = member.size_octets.map(octets).unwrap_or_default();
            let name = format!("  {}", shortened(&member.name, 46));
            rows.push(vec![
                name,
                shortened(&member.file.mime, 40),
                size,
                seen.join(", "),
            ]);
        }
        if file.members.len() > MEMBERS_SHOWN_MAX {
            let more = format!("  and {} more", file.members.len() - MEMBERS_SHOWN_MAX);
            rows.push(vec![more, String::new(), String::new(), String::new()]);
        }
    }
    page.table(&["name", "type", "size", "seen"], &rows);
}

/// The stored word of a flag or sign, with blanks.
fn word(value: &impl serde::Serialize) -> String {
    let stored = serde_json::to_value(value).ok();
    stored
        .and_then(|stored| stored.as_str().map(|word| word.replace('_', " ")))
        .unwrap_or_default()
}

fn octets(size: u64) -> String {
    match size {
        0..1_000 => format!("{size} B"),
        1_000..1_000_000 => format!("{:.1} kB", size as f64 / 1e3),
        _ => format!("{:.1} MB", size as f64 / 1e6),
    }
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    // Neither end is ever reached.
    match percent {
        percent if percent > 99.95 => "over 99.9 %".to_owned(),
        percent if percent < 0.05 => "under 0.1 %".to_owned(),
        percent => format!("{percent:.1} %"),
    }
}

fn bar(share: f32) -> String {
    let full = (share.clamp(0.0, 1.0) * BAR_CELLS as f32).round() as usize;
    format!("{}{}", "█".repeat(full), "░".repeat(BAR_CELLS - full))
}

/// At most so many characters; the middle goes.
fn shortened(text: &str, chars: usize) -> String {
    let count = text.chars().count();
    if count <= chars {
        return text.to_owned();
    }
    let tail = chars / 2;
    let head: String = text.chars().take(chars - tail - 1).collect();
    let tail: String = text.chars().skip(count - tail).collect();
    format!("{head}…{tail}")
}

/// Lines within the columns.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, text: &str) {
        let text = table::clean(text);
        let end = text
            .char_indices()
            .nth(COLUMNS_MAX)
            .map_or(text.len(), |(end, _)| end);
        self.text.push_str(text[..end].trim_end());
        self.text.push('\n');
    }

    fn gap(&mut self) {
        self.text.push('\n');
    }

    fn title(&mut self, text: &str) {
        self.gap();
        self.line(&format!("  {text}"));
    }

    fn paragraph(&mut self, text: &str) {
        for line in table::wrapped(&table::clean(text), COLUMNS_MAX - 4) {
            self.line(&format!("    {line}"));
        }
    }

    fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        for line in table::lines(head, rows, COLUMNS_MAX - 4) {
            self.line(&format!("    {line}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use risk::{Door, DoorKind, Policy, Sender, SenderKind, Stage};

    fn facts(message: &str) -> Facts {
        let door = Door {
            listener: "scan".into(),
            kind: DoorKind::File,
            client: None,
            helo: String::new(),
            tls: false,
        };
        let sender = Sender {
            kind: SenderKind::Ip,
            name: "file".into(),
            domain: String::new(),
            tenant: String::new(),
        };
        let mut facts = Facts::new(Stage::Data, jiff::Timestamp::UNIX_EPOCH, door, sender);
        let mut examined = risk::examine(message.as_bytes(), &mail::message::Limits::default(), &[]);
        examined.facts.text = serde_json::from_value(serde_json::json!({
            "characters": 900, "bands": [], "reading": { "shipped": 4.0, "odds": 4.0, "role": "person", "rank": 0.0001,
            "measured_on": 5000, "phrases": [{ "text": "вы выиграли приз\u{202e}\u{1b}[31m", "share": 0.5 }] }
        }))
        .unwrap();
        facts.content = Gathered::Known(examined.facts);
        facts
    }

    #[test]
    fn everything_within_the_columns() {
        let long = "x".repeat(400);
        let message = format!(
            "From: a@b.example\r\nSubject: {long}\r\nContent-Type: text/html\r\n\r\n\
             <a href=\"http://192.0.2.1/{long}\">www.paypal.com</a> <a href=\"https://bit.ly/3xYzAbC\">x</a>\r\n"
        );
        let facts = facts(&message);
        let verdict = risk::judge(
            &facts,
            &Policy {
                spam_db: -10.0,
                ..Policy::default()
            },
        );
        for (language, sentence) in [
            (Language::English, "[SPAM] The message looks like spam: its text"),
            (Language::Italian, "[SPAM] Il messaggio sembra spam: il testo"),
            (
                Language::Russian,
                "[SPAM] Письмо похоже на спам: текст («вы выиграли приз",
            ),
        ] {
            let text = explained(Path::new("a.eml"), &facts, &verdict, language);
            for part in [
                sentence,
                "spam · refuse",
                "+17.4  TEXT",
                "(prior)",
                "very unusual: of the accepted mail of this role (person), 1 in 10000 looks",
                "██████████░░░░░░░░░░  50 %",
                "ip literal",
                "shortener",
            ] {
                assert!(text.contains(part), "{part} in {text}");
            }
            assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
            for line in text.lines() {
                assert!(line.chars().count() <= COLUMNS_MAX, "{line}");
            }
        }
    }
}
