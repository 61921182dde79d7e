//! The mode `attacks`: how much more spam passes when it is disguised, with filters that learnt the first third and learn no more.
//!
//! Ham and its scores are those of the mode `first`; only the spam is exchanged, so the threshold is that of clean mail. `clean` is
//! the same spam as it was.

use super::attacks::{self, Variant};
use super::corpus::Message;
use super::metrics::{Scored, figures};
use super::modes::{self, Step};
use super::scores::Scores;
use super::table;
use std::collections::HashSet;

/// Place of the false rate 0.1 % in the figures.
const AT: usize = 1;

/// What one contender said of clean mail and of attacked spam.
pub struct Said {
    /// In the mode `first`.
    pub clean: Scores,
    /// Of the variants.
    pub attacked: Scores,
}

/// What is learnt before the attacks.
pub fn steps(messages: &[Message]) -> Vec<Step> {
    let (learnt, _) = modes::thirds(messages.len());
    learnt.map(Step::Learn).collect()
}

struct Column {
    name: String,
    /// Miss at 0.1 % false and (1-AUC)%: clean, then each attack.
    figures: Vec<(f64, f64)>,
}

/// Both tables as markdown.
pub fn markdown(messages: &[Message], variants: &[Variant], said: &[Said]) -> String {
    let columns: Vec<Column> = said
        .iter()
        .flat_map(|one| columns(messages, variants, one))
        .collect();
    let attacked: HashSet<usize> = variants.iter().map(|variant| variant.message).collect();
    let ham = modes::thirds(messages.len())
        .1
        .filter(|index| messages.get(*index).is_some_and(|one| !one.spam));
    let mut text = format!(
        "### attacks\n\nLabels for the first third only; then {} spam messages, one of a campaign of the rest, each in {} forms; {} \
         ham as they were.\n\nMiss at 0.1 % false in percent, and how many times that of the same spam without attack:\n\n",
        attacked.len(),
        attacks::ALL.len(),
        ham.count()
    );
    let times = |(miss, clean): (f64, f64)| match clean {
        0.0 => table::short(miss),
        _ => format!("{} (x{})", table::short(miss), table::short(miss / clean)),
    };
    text.push_str(&table(&columns, |(miss, _), (clean, _)| times((miss, clean))));
    text.push_str("\n(1-AUC)%:\n\n");
    text.push_str(&table(&columns, |(_, above), _| table::short(above)));
    text
}

/// One column a filter, one row an attack; `cell` is given the figures of the attack and those of clean spam.
fn table(columns: &[Column], cell: impl Fn((f64, f64), (f64, f64)) -> String) -> String {
    let mut head = vec!["attack".to_owned()];
    head.extend(columns.iter().map(|column| column.name.clone()));
    let names = std::iter::once("clean").chain(attacks::ALL.iter().map(|(name, _)| *name));
    let rows: Vec<Vec<String>> = names
        .enumerate()
        .map(|(row, name)| {
            let cells = columns.iter().map(|column| {
                let of = |row: usize| column.figures.get(row).copied().unwrap_or((f64::NAN, f64::NAN));
                cell(of(row), of(0))
            });
            std::iter::once(name.to_owned()).chain(cells).collect()
        })
        .collect();
    table::rows(&head, &rows)
}

fn columns(messages: &[Message], variants: &[Variant], said: &Said) -> Vec<Column> {
    let attacked: HashSet<usize> = variants.iter().map(|variant| variant.message).collect();
    let of = |scores: &Scores, column: usize, keep: &dyn Fn(usize) -> Option<usize>| -> Vec<Scored> {
        let one =
            |(at, row): &(usize, Vec<f64>)| Some(table::scored(messages.get(keep(*at)?)?, *row.get(column)?));
        scores.rows.iter().filter_map(one).collect()
    };
    let figures_of = |spam: Vec<Scored>, ham: &[Scored]| {
        let all: Vec<Scored> = ham.iter().copied().chain(spam).collect();
        let found = figures(&all);
        (found.miss.get(AT).copied().unwrap_or(f64::NAN), found.above)
    };
    let mut columns = Vec::new();
    for (column, name) in said.clean.readings.iter().enumerate() {
        let is_ham = |at: usize| messages.get(at).is_some_and(|one| !one.spam).then_some(at);
        let ham = of(&said.clean, column, &is_ham);
        let clean = of(&said.clean, column, &|at| attacked.contains(&at).then_some(at));
        let mut figures = vec![figures_of(clean, &ham)];
        for (attack, _) in attacks::ALL {
            let by = |at: usize| {
                variants
                    .get(at)
                    .filter(|one| one.attack == attack)
                    .map(|one| one.message)
            };
            figures.push(figures_of(of(&said.attacked, column, &by), &ham));
        }
        columns.push(Column {
            name: name.clone(),
            figures,
        });
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_spam_is_exchanged() {
        // 9 messages: three learnt; ham 3, 5, 7 and spam 4, 6, 8 scored. At 0.1 % the threshold is the highest ham: 5.
        let messages: Vec<Message> = (0..9)
            .map(|index| Message {
                name: String::new(),
                reference: String::new(),
                corpus: String::new(),
                spam: index % 2 == 0,
                time: 0,
                campaign: index,
                octets: Vec::new(),
            })
            .collect();
        let variants: Vec<Variant> = [4, 8]
            .iter()
            .flat_map(|message| {
                attacks::ALL.map(|(attack, _)| Variant {
                    message: *message,
                    attack,
                    octets: Vec::new(),
                })
            })
            .collect();
        let clean = [(3, 1.0), (4, 9.0), (5, 5.0), (6, 0.0), (7, 2.0), (8, 4.0)];
        let passes = |variant: &Variant| variant.attack == "leet" || variant.message == 8;
        let attacked = variants
            .iter()
            .enumerate()
            .map(|(at, one)| (at, if passes(one) { 4.0 } else { 6.0 }));
        let scores = |rows: Vec<(usize, f64)>| Scores {
            readings: vec!["x".to_owned()],
            rows: rows.into_iter().map(|(at, score)| (at, vec![score])).collect(),
        };
        let said = Said {
            clean: scores(clean.to_vec()),
            attacked: scores(attacked.collect()),
        };
        let found = columns(&messages, &variants, &said);
        let of = |name: &str| {
            let row = 1 + attacks::ALL
                .iter()
                .position(|(attack, _)| *attack == name)
                .unwrap();
            found[0].figures[row]
        };
        // Spam 6 is not among the attacked, so it does not count: one of two is missed, and one of six pairs is wrong.
        assert_eq!(found[0].figures[0], (50.0, 100.0 / 6.0));
        assert_eq!(of("dots"), (50.0, 100.0 / 6.0));
        assert_eq!(of("leet"), (100.0, 100.0 * 2.0 / 6.0));
        let text = markdown(&messages, &variants, &[said]);
        assert!(
            text.contains("then 2 spam messages") && text.contains("3 ham as"),
            "{text}"
        );
        assert!(text.contains("| leet              | 100.0 (x2.00) |"), "{text}");
    }
}
