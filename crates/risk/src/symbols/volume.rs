//! How much, how fast, to how many.

use crate::{Facts, Group, Symbol, Usage};

pub(super) fn volume(facts: &Facts, symbols: &mut Vec<Symbol>) {
    if facts.recipients_max.is_some_and(|max| facts.recipients > max) {
        let detail = format!("{} recipients", facts.recipients);
        symbols.push(Symbol::new("RECIPIENTS_PER_MESSAGE", Group::Volume, 3.0, detail));
    }
    for usage in facts.usage.known().into_iter().flatten() {
        if let Some((counted, count, max)) = exceeded(usage) {
            let detail = format!(
                "{}: {count} of {max} {counted:?} in {} s",
                usage.key, usage.window_s
            );
            symbols.push(Symbol::new("LIMIT_EXCEEDED", Group::Volume, 3.0, detail));
        }
    }
}

/// The first exceeded count of a window: what, how much, how much is allowed.
pub(crate) fn exceeded(usage: &Usage) -> Option<(crate::reason::Counted, u64, u64)> {
    use crate::reason::Counted;
    let rows = [
        (Counted::Messages, usage.messages, usage.messages_max),
        (Counted::Recipients, usage.recipients, usage.recipients_max),
        (
            Counted::DistinctRecipients,
            usage.distinct_recipients,
            usage.distinct_recipients_max,
        ),
    ];
    rows.into_iter()
        .find_map(|(counted, count, max)| max.filter(|max| count > *max).map(|max| (counted, count, max)))
}
