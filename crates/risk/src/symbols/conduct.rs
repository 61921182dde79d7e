//! What the sequential test saw, as symbols. They weigh in the test, not in the score of the message by itself.

use crate::conduct::{Channel, ConductFacts, Sight, Trial, all_sights};
use crate::{Facts, Group, Symbol};

pub(crate) fn conduct(facts: &Facts, known: &ConductFacts, trial: &Trial, symbols: &mut Vec<Symbol>) {
    let mut counted: Vec<Channel> = Vec::new();
    for (channel, sight) in all_sights(facts, known, trial) {
        // The content has its own symbols; two sights of one channel share its weight.
        let Some((name, detail)) = named(&sight) else {
            continue;
        };
        let weight = if counted.contains(&channel) {
            0.0
        } else {
            trial.sums.of(channel)
        };
        counted.push(channel);
        symbols.push(Symbol::new(name, Group::Conduct, weight, detail));
    }
    if trial.total.value() >= 1.0 {
        let detail = format!(
            "{:.0} of {:.0} dB to a hold, {:.0} to a refusal; {} groups agree",
            trial.total.value(),
            trial.hold_db,
            trial.lock_db,
            trial.groups
        );
        symbols.push(Symbol::new(
            "CONDUCT",
            Group::Conduct,
            trial.total.value(),
            detail,
        ));
    }
}

fn named(sight: &Sight) -> Option<(&'static str, String)> {
    Some(match sight {
        Sight::Text | Sight::Campaign { .. } => return None,
        Sight::From => ("FROM_UNUSUAL", "a From that is not the sender's".to_owned()),
        Sight::Countries { codes, minutes } => (
            "PLACE_COUNTRY",
            format!("{} within {minutes} min", codes.join(", ")),
        ),
        Sight::Network => ("PLACE_NETWORK", "a network it never used".to_owned()),
        Sight::Script => ("PLACE_SCRIPT", "a script this site never used".to_owned()),
        Sight::Shared { senders } => ("ADDRESS_SHARED", format!("new to {senders} other senders")),
        Sight::Failures { count } => ("LOGIN_FAILURES", format!("{count} from places it does not use")),
        Sight::Strangers { count } => ("RECIPIENTS_NEW", format!("{count} in this hour")),
        Sight::Pace { count, usual } => (
            "RATE_UNUSUAL",
            format!("{count} this hour, at most {usual} before"),
        ),
        Sight::Unknown { count, of } => ("FEEDBACK_UNKNOWN", format!("{count} of {of}")),
        Sight::Refused { count, of } => ("FEEDBACK_SPAM", format!("{count} of {of}")),
        Sight::Complaints { count } => ("FEEDBACK_COMPLAINT", format!("{count}")),
    })
}
