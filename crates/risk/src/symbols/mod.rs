//! From facts to symbols: each function looks at one group of facts. Weights are starting values in decibans.

mod conduct;
mod content;
mod files;
mod links;
mod scanners;
mod volume;

use crate::{Door, DoorKind, Facts, Group, Match, Policy, Standing, Symbol};
pub(crate) use conduct::conduct;
pub(crate) use files::{blocked_inside, is_blocked, is_bomb, shown_name};
pub(crate) use volume::exceeded;

/// All symbols of the facts, heaviest first.
pub(crate) fn of(facts: &Facts, policy: &Policy) -> Vec<Symbol> {
    let mut symbols = Vec::new();
    identity(facts, &mut symbols);
    content::content(facts, &mut symbols);
    files::files(facts, policy, &mut symbols);
    links::links(facts, &mut symbols);
    scanners::scans(facts, policy, &mut symbols);
    volume::volume(facts, &mut symbols);
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
            Match::Foreign(address) => {
                symbols.push(Symbol::new(name, Group::Identity, weight, address).about([address]));
            }
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
