//! In which order a filter scores and learns.
//!
//! | mode | labels |
//! | --- | --- |
//! | immediate | in order of time: score each message, then be told what it was |
//! | first | told the first third, in order of time; then scores the rest and is told nothing more |
//! | tenth | in order of time; told one message in ten, chosen by a hash of its path, after scoring it |
//! | foreign-sa | told all of csdmc2010 and enron_cat; scores spamassassin but for campaigns that stand in the first two |
//! | foreign-rest | told all of spamassassin; scores the other two, but for campaigns that stand in the first |

use super::corpus::Message;
use anyhow::{Result, bail};
use std::collections::HashSet;
use xxhash_rust::xxh3::xxh3_64;

/// What to do with the message of that index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Score it.
    Score(usize),
    /// Tell what it is.
    Learn(usize),
}

/// What is run in the end, on the scores of `first`: see `resist`.
pub const ATTACKS: &str = "attacks";
/// All other modes, in the order of the tables.
pub const ALL: [&str; 5] = ["immediate", "first", "tenth", "foreign-sa", "foreign-rest"];

/// One sentence for the table.
pub fn sentence(mode: &str) -> &'static str {
    match mode {
        "immediate" => "every message is scored, then its label is given",
        "first" => "labels for the first third only; the rest is scored",
        "tenth" => "every message is scored; one label in ten is given",
        "foreign-sa" => {
            "trained on csdmc2010 and enron_cat, scored on spamassassin, campaigns of the training left out"
        }
        _ => "trained on spamassassin, scored on csdmc2010 and enron_cat, campaigns of the training left out",
    }
}

/// The steps of a mode.
pub fn steps(mode: &str, messages: &[Message]) -> Result<Vec<Step>> {
    let all = 0..messages.len();
    Ok(match mode {
        "immediate" => all
            .flat_map(|index| [Step::Score(index), Step::Learn(index)])
            .collect(),
        "first" => {
            let (learnt, rest) = thirds(messages.len());
            learnt.map(Step::Learn).chain(rest.map(Step::Score)).collect()
        }
        "tenth" => messages
            .iter()
            .enumerate()
            .flat_map(|(index, message)| {
                let told = xxh3_64(message.reference.as_bytes()).is_multiple_of(10);
                [Some(Step::Score(index)), told.then_some(Step::Learn(index))]
            })
            .flatten()
            .collect(),
        "foreign-sa" => foreign(messages, false),
        "foreign-rest" => foreign(messages, true),
        other => bail!("no such mode: {other} ({}, {ATTACKS})", ALL.join(", ")),
    })
}

/// What the modes `first` and `attacks` learn, and what they score.
pub fn thirds(count: usize) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
    (0..count / 3, count / 3..count)
}

fn foreign(messages: &[Message], train_on_spamassassin: bool) -> Vec<Step> {
    let trains = |message: &Message| (message.corpus == "spamassassin") == train_on_spamassassin;
    let known: HashSet<usize> = messages
        .iter()
        .filter(|message| trains(message))
        .map(|message| message.campaign)
        .collect();
    let indexed = || messages.iter().enumerate();
    let learn = indexed()
        .filter(|(_, message)| trains(message))
        .map(|(index, _)| Step::Learn(index));
    let score = indexed()
        .filter(|(_, message)| !trains(message) && !known.contains(&message.campaign))
        .map(|(index, _)| Step::Score(index));
    learn.chain(score).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(index: usize, corpus: &str, campaign: usize) -> Message {
        Message {
            name: format!("m{index:06}.eml"),
            reference: format!("{corpus}/{index}"),
            corpus: corpus.to_owned(),
            spam: index % 2 == 1,
            time: 0,
            campaign,
            octets: Vec::new(),
        }
    }

    #[test]
    fn orders() {
        use Step::{Learn, Score};
        let messages = [
            message(0, "enron_cat", 0),
            message(1, "spamassassin", 1),
            message(2, "csdmc2010", 1),
            message(3, "spamassassin", 2),
        ];
        let check = |mode: &str, want: &[Step]| assert_eq!(steps(mode, &messages).unwrap(), want, "{mode}");
        let turns = [
            Score(0),
            Learn(0),
            Score(1),
            Learn(1),
            Score(2),
            Learn(2),
            Score(3),
            Learn(3),
        ];
        check("immediate", &turns);
        check("first", &[Learn(0), Score(1), Score(2), Score(3)]);
        check("foreign-sa", &[Learn(0), Learn(2), Score(3)]);
        check("foreign-rest", &[Learn(1), Learn(3), Score(0)]);
        assert!(steps("other", &messages).is_err());
        let many: Vec<Message> = (0..1000).map(|index| message(index, "x", index)).collect();
        let told = steps("tenth", &many).unwrap().len() - 1000;
        assert!((70..130).contains(&told), "{told}");
    }
}
