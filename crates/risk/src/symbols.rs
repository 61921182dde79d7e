//! From facts to symbols: each function looks at one group of facts. Weights are starting values in decibans.

use crate::{Door, DoorKind, Facts, Gathered, Group, Match, Policy, ScanResult, Standing, Symbol, Usage};

/// All symbols of the facts, heaviest first.
pub(crate) fn of(facts: &Facts, policy: &Policy) -> Vec<Symbol> {
    let mut symbols = Vec::new();
    identity(facts, &mut symbols);
    content(facts, policy, &mut symbols);
    scans(facts, policy, &mut symbols);
    volume(facts, &mut symbols);
    standing(facts, &mut symbols);
    origin(&facts.door, &mut symbols);
    symbols.sort_by(|a, b| b.weight.value().abs().total_cmp(&a.weight.value().abs()));
    symbols
}

fn identity(facts: &Facts, symbols: &mut Vec<Symbol>) {
    let Some(identity) = facts.identity.known() else {
        return;
    };
    let rows = [
        ("SENDER_NOT_OWNED", &identity.reverse_path, 6.0),
        ("FROM_NOT_OWNED", &identity.header_from, 6.0),
        ("SENDER_FIELD_NOT_OWNED", &identity.header_sender, 3.0),
    ];
    for (name, found, weight) in rows {
        match found {
            Match::Foreign(address) => symbols.push(Symbol::new(name, Group::Identity, weight, address)),
            Match::Unclear => symbols.push(Symbol::new(
                "FROM_UNCLEAR",
                Group::Identity,
                8.0,
                "more than one reading",
            )),
            Match::Owned | Match::Absent => {}
        }
    }
}

fn content(facts: &Facts, policy: &Policy, symbols: &mut Vec<Symbol>) {
    let Some(content) = facts.content.known() else {
        return;
    };
    if content.gtube {
        symbols.push(Symbol::new(
            "GTUBE",
            Group::Content,
            100.0,
            "the test string of unsolicited bulk mail",
        ));
    }
    if content.eicar {
        symbols.push(Symbol::new(
            "EICAR",
            Group::Attachment,
            100.0,
            "the test string of virus scanners",
        ));
    }
    for file in &content.attachments {
        let blocked = policy.blocked_attachments.contains(&file.file.kind)
            || file
                .file
                .claimed
                .is_some_and(|kind| policy.blocked_attachments.contains(&kind));
        if blocked {
            let detail = format!("{} is {}", shown_name(&file.name), file.file.mime);
            symbols.push(Symbol::new("ATTACHMENT_BLOCKED", Group::Attachment, 12.0, detail));
        }
        if file.file.disguised_name {
            symbols.push(Symbol::new(
                "ATTACHMENT_DISGUISED",
                Group::Attachment,
                15.0,
                shown_name(&file.name),
            ));
        }
    }
    if !content.defects.is_empty() {
        let names: Vec<_> = content
            .defects
            .iter()
            .map(|defect| format!("{defect:?}"))
            .collect();
        symbols.push(Symbol::new("MALFORMED", Group::Content, 1.0, names.join(", ")));
    }
}

/// The name of a file as it is told to people.
pub(crate) fn shown_name(name: &str) -> &str {
    if name.is_empty() { "(without name)" } else { name }
}

fn scans(facts: &Facts, policy: &Policy, symbols: &mut Vec<Symbol>) {
    for scan in &facts.scans {
        let scanner = scan.scanner.as_str();
        match &scan.result {
            Gathered::Known(ScanResult::Infected(name)) => {
                symbols.push(Symbol::new(
                    "VIRUS",
                    Group::Scanner,
                    100.0,
                    format!("{name} ({scanner})"),
                ));
            }
            Gathered::Known(ScanResult::Scored {
                score,
                required,
                symbols: own,
            }) => {
                symbols.push(scored(scanner, *score, *required, own, policy));
            }
            Gathered::Known(ScanResult::Clean) | Gathered::Off => {}
            Gathered::Late => symbols.push(Symbol::new("SCANNER_LATE", Group::Scanner, 0.0, scanner)),
            Gathered::Failed(why) => {
                symbols.push(Symbol::new(
                    "SCANNER_FAILED",
                    Group::Scanner,
                    0.0,
                    format!("{scanner}: {why}"),
                ));
            }
        }
    }
}

/// A spam scanner's score counts in proportion to its own threshold, at most 1.6 times as much; below zero it
/// speaks for the message, at most 5 dB.
fn scored(scanner: &str, score: f32, required: f32, own: &[(String, f32)], policy: &Policy) -> Symbol {
    let share = if required > 0.0 { score / required } else { 0.0 };
    let weight = (share * policy.scanner_threshold_db).clamp(-5.0, 1.6 * policy.scanner_threshold_db);
    let name = match scanner {
        "rspamd" => "RSPAMD_SCORE",
        "spamassassin" => "SPAMASSASSIN_SCORE",
        _ => "SCANNER_SCORE",
    };
    let heaviest: Vec<_> = own
        .iter()
        .take(4)
        .map(|(name, weight)| format!("{name} {weight:.1}"))
        .collect();
    Symbol::new(
        name,
        Group::Scanner,
        weight,
        format!("{score:.1} of {required:.1}: {}", heaviest.join(", ")),
    )
}

fn volume(facts: &Facts, symbols: &mut Vec<Symbol>) {
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

fn standing(facts: &Facts, symbols: &mut Vec<Symbol>) {
    let Some(known) = facts.standing.known() else {
        return;
    };
    let (name, weight, detail) = match known.standing {
        Standing::New => return,
        Standing::Good => (
            "STANDING_GOOD",
            -5.0,
            format!("{} messages in {} days", known.accepted, known.age_days),
        ),
        Standing::Watched => (
            "STANDING_WATCHED",
            3.0,
            format!("{} refused lately", known.refusals),
        ),
        Standing::Limited => (
            "STANDING_LIMITED",
            5.0,
            format!("{} refused lately", known.refusals),
        ),
        Standing::Locked => ("STANDING_LOCKED", 0.0, "locked".to_owned()),
    };
    symbols.push(Symbol::new(name, Group::Standing, weight, detail));
}

fn origin(door: &Door, symbols: &mut Vec<Symbol>) {
    if door.kind != DoorKind::File && !door.tls {
        symbols.push(Symbol::new(
            "CLEAR_TEXT",
            Group::Origin,
            0.0,
            "the session is not encrypted",
        ));
    }
}
