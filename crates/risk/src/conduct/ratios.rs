//! What one message weighs in each channel, in decibans.
//!
//! In prose: each ratio asks how much likelier this is of somebody who has taken the sender over than of the sender, whose habits
//! are the measure: who always writes to strangers is not suspected for one more, who is always on the road not for one more
//! network. Owner and thief take turns, so a ratio is a mixture: `log(1/2 + 1/2 e^x)`; no message of the owner takes back more than
//! 3 dB. What honest mail of the role weighs on average is taken off, so that the mean of each likelihood ratio over honest mail is
//! at most 1; then a channel's sum reaches h decibans less than once in 10^(h/10) honest messages (e-detector; Shin, Ramdas,
//! Rinaldo 2022).

use super::channel::{Channel, Sums};
use super::facts::{ConductFacts, Novelty};
use crate::{Facts, Group, Match, Role, SenderKind, Symbol};

/// The heaviest single fact: 55 to 1.
const FACT_MAX_DB: f32 = 17.4;
/// The first new country among others weighs this at most, a further one within days more.
const COUNTRY_MAX_DB: f32 = 11.0;
const COUNTRY_AGAIN_MAX_DB: f32 = 15.0;
const PROVIDER_MAX_DB: f32 = 7.0;
const NETWORK_MAX_DB: f32 = 4.3;
const TRUSTED_PLACE_DB: f32 = -0.7;
const NEW_CLIENT_DB: f32 = 3.0;
/// Messages after which what is new says half of what it could.
const HISTORY_HALF: f32 = 8.0;
/// Alike messages of another sender were refused.
const REFUSED_DB: f32 = 10.0;
const INSISTING_DB: f32 = 3.0;
/// Pitman-Yor: concentration and discount of a circle of recipients.
const CIRCLE: f32 = 20.0;
const DISCOUNT: f32 = 0.5;
/// A text habit is believed after so long, and excuses so much.
const HABIT_DAYS: u32 = 30;
const HABIT_MESSAGES: u32 = 50;
const HABIT_MAX_DB: f32 = 8.7;

/// The raw ratios: before the mixture, before what is usual is taken off.
pub(super) fn raw(facts: &Facts, known: &ConductFacts, text_db: f32, prior_db: f32) -> Sums {
    let mut raw = Sums::default();
    let content = once_more(text_db, known);
    let origin = origin(facts.sender.kind, known);
    raw.set(Channel::Content, content);
    raw.set(Channel::Identity, identity(facts, known));
    raw.set(Channel::Origin, origin);
    raw.set(Channel::SharedAddress, shared_address(known));
    raw.set(Channel::AuthFailures, auth_failures(known));
    raw.set(Channel::Recipients, recipients(known));
    raw.set(Channel::Rate, rate(known));
    let odd = text_db.max(0.0) + origin.max(0.0) + raw.of(Channel::Recipients).max(0.0);
    raw.set(Channel::Campaign, campaign(facts, prior_db, odd));
    raw
}

/// The ratios that are booked. A channel in which nothing was seen stays as it is.
pub(super) fn booked(raw: &Sums, norms: &Sums) -> Sums {
    let mut booked = Sums::default();
    for channel in Channel::ALL {
        let ratio = raw.of(channel);
        if ratio != 0.0 {
            booked.set(channel, mixture(ratio) - norms.of(channel).max(0.0));
        }
    }
    booked
}

/// Half owner, half thief.
pub(super) fn mixture(ratio_db: f32) -> f32 {
    10.0 * (0.5 + 0.5 * 10f32.powf(ratio_db / 10.0)).log10()
}

fn ratio(likely: f32, usual: f32) -> f32 {
    10.0 * (likely / usual.max(1e-6)).log10()
}

/// How much the sender's history says, 0 to 1.
fn history(known: &ConductFacts) -> f32 {
    let messages = known.messages as f32;
    messages / (messages + HISTORY_HALF)
}

/// Text, links, files and other scanners together, less the sender's habit.
pub(super) fn content(known: &ConductFacts, symbols: &[Symbol]) -> f32 {
    let told = symbols
        .iter()
        .filter(|symbol| matches!(symbol.group, Group::Content | Group::Attachment | Group::Scanner));
    let sum: f32 = told.map(|symbol| symbol.weight.value()).sum();
    let habit = if known.age_days >= HABIT_DAYS && known.messages >= HABIT_MESSAGES {
        known.text.usual_db.clamp(0.0, HABIT_MAX_DB)
    } else {
        0.0
    };
    (sum - habit).clamp(-5.0, FACT_MAX_DB)
}

/// The same text again is the same fact: from home all repetitions together weigh 1.6 times the first. Who comes from elsewhere
/// and says one thing many times is no owner.
fn once_more(fact: f32, known: &ConductFacts) -> f32 {
    let again = known.text.same as f32 + 1.0;
    if fact <= 0.0 {
        fact
    } else if known.place.novelty == Novelty::Trusted {
        // Who goes on trying what was stopped does not let it be forgotten.
        let insisting = if known.stopped > 0 {
            INSISTING_DB.min(fact)
        } else {
            0.0
        };
        (fact / (again * again)).max(insisting)
    } else {
        fact / again.sqrt()
    }
}

fn identity(facts: &Facts, known: &ConductFacts) -> f32 {
    let Some(identity) = facts.identity.known() else {
        return 0.0;
    };
    if facts.sender.kind != SenderKind::Mailbox || !matches!(identity.header_from, Match::Foreign(_)) {
        return 0.0;
    }
    let share = f32::from(known.foreign_from_permille) / 1_000.0;
    let usual = (share * known.messages as f32 + 0.5) / (known.messages as f32 + 5.0);
    ratio(0.5, usual).clamp(0.0, 8.7)
}

fn origin(kind: SenderKind, known: &ConductFacts) -> f32 {
    let place = &known.place;
    let [networks, providers, countries] = place.moves.map(|count| count as f32);
    let messages = known.messages as f32;
    let usual = |moves: f32| (1.0 + moves) / (2.0 + messages);
    let several = place.countries.len() > 1;
    let new = match place.novelty {
        Novelty::Trusted => return TRUSTED_PLACE_DB,
        Novelty::Recent => return 0.0,
        Novelty::Network => ratio(0.8, usual(networks + providers + countries)).clamp(0.0, NETWORK_MAX_DB),
        Novelty::Provider => {
            // A script that a site never had before is as strange as a country.
            let most = if kind == SenderKind::Script {
                COUNTRY_MAX_DB
            } else {
                PROVIDER_MAX_DB
            };
            ratio(0.8, usual(providers + countries)).clamp(0.0, most)
        }
        Novelty::Country => {
            let most = if several {
                COUNTRY_AGAIN_MAX_DB
            } else {
                COUNTRY_MAX_DB
            };
            // A further country within days is no habit of anybody who stays at home.
            let often = if several { 10.0 } else { 0.0 };
            (ratio(0.8, usual(countries)) + often).clamp(0.0, most)
        }
    };
    let client = if place.new_client { NEW_CLIENT_DB } else { 0.0 };
    (new + client) * history(known)
}

fn is_new(known: &ConductFacts) -> bool {
    !matches!(known.place.novelty, Novelty::Trusted | Novelty::Recent)
}

/// New to several at once, and nobody's before.
fn shared_address(known: &ConductFacts) -> f32 {
    let shared = &known.shared;
    if known.place.novelty == Novelty::Trusted {
        return 0.0;
    }
    let failed = if is_new(known) {
        4.3 * shared.failed.min(2) as f32
    } else {
        0.0
    };
    let newcomers = if shared.residents == 0 && is_new(known) {
        4.3 * shared.newcomers.min(4) as f32
    } else {
        0.0
    };
    (failed + newcomers) * history(known)
}

fn auth_failures(known: &ConductFacts) -> f32 {
    if is_new(known) && known.failures.count > 0 {
        (3.0 + 1.5 * known.failures.count as f32).min(8.7) * history(known)
    } else {
        0.0
    }
}

/// Whose work it is to write to many is not suspected for it, nor is a mailing that calls itself one and comes from home.
fn is_mass(known: &ConductFacts) -> bool {
    known.role != Role::Person || known.is_bulk && known.place.novelty == Novelty::Trusted
}

/// A sender that always writes to strangers is not suspected for it.
fn recipients(known: &ConductFacts) -> f32 {
    let to = &known.recipients;
    if is_mass(known) || to.count == 0 {
        return 0.0;
    }
    let (deliveries, distinct) = (to.deliveries as f32, to.distinct as f32);
    let predicted = (CIRCLE + DISCOUNT * distinct) / (CIRCLE + deliveries);
    let usual = predicted
        .max(f32::from(to.new_permille) / 1_000.0)
        .clamp(0.005, 1.0);
    let own = to.new_own as f32;
    let strangers = (to.new as f32 - own).max(0.0) + 0.2 * own;
    if strangers <= 0.0 {
        return (ratio(0.03, 1.0 - usual)).clamp(-3.0, 0.0);
    }
    // Recipients of one message are no independent facts: they count 1 + ln k.
    let count = if strangers < 1.0 {
        strangers
    } else {
        1.0 + strangers.ln()
    };
    (ratio(0.97, usual) * count).clamp(0.0, FACT_MAX_DB)
}

fn rate(known: &ConductFacts) -> f32 {
    if is_mass(known) || known.messages < 8 {
        return 0.0;
    }
    let bound = (2.0 * known.pace.busiest_hour as f32).max(10.0);
    let count = known.pace.this_hour as f32;
    if count <= bound {
        -0.5
    } else {
        ratio(count, bound).clamp(0.5, 4.3)
    }
}

/// Equal text alone is nothing: the others must be suspicious, and this message odd by itself.
fn campaign(facts: &Facts, prior_db: f32, odd_db: f32) -> f32 {
    let Some(seen) = facts.campaign.known().filter(|seen| seen.senders > 0) else {
        return 0.0;
    };
    let refused = if seen.refused > 0 { REFUSED_DB } else { 0.0 };
    let suspicion = (seen.score_max_db - prior_db).max(0.0) + refused;
    let heard = 1.0 + (seen.senders as f32).ln();
    (0.4 * suspicion * heard).min(odd_db.max(0.0)).min(FACT_MAX_DB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mixture_gains_what_it_should_and_loses_little() {
        for (ratio, booked) in [(0.0, 0.0), (-200.0, -3.01), (17.4, 14.5), (10.0, 7.4)] {
            assert!(
                (mixture(ratio) - booked).abs() < 0.1,
                "{ratio}: {}",
                mixture(ratio)
            );
        }
    }

    #[test]
    fn habits_are_the_measure() {
        let settled = |new_permille, deliveries, distinct| ConductFacts {
            messages: 200,
            recipients: super::super::facts::RecipientFacts {
                count: 1,
                new: 1,
                deliveries,
                distinct,
                new_permille,
                ..Default::default()
            },
            ..ConductFacts::default()
        };
        let homely = recipients(&settled(20, 400, 12));
        let sociable = recipients(&settled(700, 400, 300));
        assert!(homely > 10.0 && sociable < 2.0, "{homely} {sociable}");
        let newborn = recipients(&settled(0, 0, 0));
        assert!(newborn.abs() < 0.2, "{newborn}");
    }
}
