//! What the ledger saw, with the figures that tell it: the strongest witness of each group first.

use super::channel::{Channel, EvidenceGroup};
use super::facts::{ConductFacts, Novelty, PlaceFacts};
use super::trial::Trial;
use crate::{Facts, SenderKind};
use serde::{Deserialize, Serialize};

/// One observation about a sender's conduct.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "sight", rename_all = "snake_case")]
pub enum Sight {
    /// The text.
    Text,
    /// A From that is not its own.
    From,
    /// Near duplicates from so many other senders.
    Campaign {
        /// How many.
        senders: u32,
    },
    /// New countries, the latest last, within so many minutes.
    Countries {
        /// Two letters each, at most [`PlaceFacts::COUNTRIES_MAX`].
        codes: Vec<String>,
        /// Since the first.
        minutes: u32,
    },
    /// A network it never used.
    Network,
    /// A script that the site never used.
    Script,
    /// An address that is new to others too.
    Shared {
        /// How many others.
        senders: u32,
    },
    /// Failed logins before.
    Failures {
        /// How many.
        count: u32,
    },
    /// People it never wrote to.
    Strangers {
        /// How many within this hour.
        count: u32,
    },
    /// More than it ever sent in an hour.
    Pace {
        /// Messages of this hour.
        count: u32,
        /// Of its busiest.
        usual: u32,
    },
    /// Addresses that do not exist.
    Unknown {
        /// How many.
        count: u32,
        /// Of all that came back.
        of: u32,
    },
    /// Refused as spam.
    Refused {
        /// How many.
        count: u32,
        /// Of all that came back.
        of: u32,
    },
    /// Complaints.
    Complaints {
        /// How many.
        count: u32,
    },
}

/// Sights told.
pub(crate) const SIGHTS_MAX: usize = 4;

/// All sights with their channels, the strongest channel first.
pub(crate) fn all(facts: &Facts, known: &ConductFacts, trial: &Trial) -> Vec<(Channel, Sight)> {
    let mut channels: Vec<Channel> = Channel::ALL
        .into_iter()
        .filter(|channel| trial.sums.of(*channel) >= 1.0)
        .collect();
    channels.sort_by(|a, b| trial.sums.of(*b).total_cmp(&trial.sums.of(*a)));
    channels
        .into_iter()
        .flat_map(|channel| of(channel, facts, known))
        .collect()
}

/// What is told: of each group its strongest first, then what is left.
pub(crate) fn told(facts: &Facts, known: &ConductFacts, trial: &Trial) -> Vec<Sight> {
    let all = all(facts, known, trial);
    let mut groups: Vec<EvidenceGroup> = Vec::new();
    let mut first = Vec::new();
    let mut rest = Vec::new();
    for (channel, sight) in all {
        if groups.contains(&channel.group()) {
            rest.push(sight);
        } else {
            groups.push(channel.group());
            first.push(sight);
        }
    }
    // Two figures of one group tell more than the words about the text.
    first.sort_by_key(|sight| *sight == Sight::Text);
    first.append(&mut rest);
    first.truncate(SIGHTS_MAX);
    first
}

fn of(channel: Channel, facts: &Facts, known: &ConductFacts) -> Vec<(Channel, Sight)> {
    let sights = match channel {
        Channel::Content => vec![Sight::Text],
        Channel::Identity => vec![Sight::From],
        Channel::Campaign => campaign(facts),
        Channel::Origin => origin(facts.sender.kind, &known.place),
        Channel::SharedAddress => some(known.shared.newcomers + known.shared.failed, |senders| {
            Sight::Shared { senders }
        }),
        Channel::AuthFailures => some(known.failures.count, |count| Sight::Failures { count }),
        Channel::Recipients => some(known.recipients.new_this_hour, |count| Sight::Strangers { count }),
        Channel::Rate => pace(known),
        Channel::Feedback => feedback(known),
    };
    sights.into_iter().map(|sight| (channel, sight)).collect()
}

fn some(count: u32, sight: impl Fn(u32) -> Sight) -> Vec<Sight> {
    if count > 0 { vec![sight(count)] } else { Vec::new() }
}

fn campaign(facts: &Facts) -> Vec<Sight> {
    some(facts.campaign.known().map_or(0, |seen| seen.senders), |senders| {
        Sight::Campaign { senders }
    })
}

fn origin(kind: SenderKind, place: &PlaceFacts) -> Vec<Sight> {
    if !place.countries.is_empty() {
        return vec![Sight::Countries {
            codes: place.countries.clone(),
            minutes: place.minutes,
        }];
    }
    match (place.novelty, kind) {
        (Novelty::Trusted, _) | (_, SenderKind::Host) => Vec::new(),
        (_, SenderKind::Script) => vec![Sight::Script],
        (_, SenderKind::Mailbox | SenderKind::Ip) => vec![Sight::Network],
    }
}

fn pace(known: &ConductFacts) -> Vec<Sight> {
    let (count, usual) = (known.pace.this_hour, known.pace.busiest_hour);
    if count > usual {
        vec![Sight::Pace { count, usual }]
    } else {
        Vec::new()
    }
}

/// The strongest first.
fn feedback(known: &ConductFacts) -> Vec<Sight> {
    let seen = &known.feedback;
    let of = seen
        .delivered
        .saturating_add(seen.unknown)
        .saturating_add(seen.refused);
    let mut sights = some(seen.unknown, |count| Sight::Unknown { count, of });
    sights.extend(some(seen.refused, |count| Sight::Refused { count, of }));
    if seen.refused > seen.unknown {
        sights.reverse();
    }
    sights.extend(some(seen.complaints, |count| Sight::Complaints { count }));
    sights
}
