//! From where a sender sends: networks, providers, countries, and how its clients speak. Of a web site the scripts, of a relay the
//! authors are its places.
//!
//! In prose: a place is *recent* when it is first used and *trusted* once it is used again days later with nothing suspected. A
//! place that was stopped stays stopped. How often a sender moves to a new network, provider or country is counted, so that a new
//! network says little of who is always on the road.

use super::facts::{Novelty, PlaceFacts};
use serde::{Deserialize, Serialize};

/// Trusted places remembered; those not used for longest are forgotten.
pub(super) const TRUSTED_MAX: usize = 10;
/// Recent ones.
pub(super) const RECENT_MAX: usize = 10;
/// Ways of speaking.
pub(super) const CLIENTS_MAX: usize = 6;
/// Until a place is trusted.
const PROBATION_S: u32 = 3 * 86_400;
/// New places are told for so long.
const LATELY_S: u32 = 3 * 86_400;

/// From where a message comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Whence {
    /// Keyed hash of the network (/24, /48), of a script, of an author behind a relay.
    pub place: u32,
    /// Hash of the provider; 0 when not known.
    pub provider: u16,
    /// Two capital letters; zeros when not known.
    pub country: [u8; 2],
    /// Hash of how the client speaks; 0 when not known.
    pub client: u16,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Trusted {
    pub place: u32,
    pub provider: u16,
    pub country: [u8; 2],
    pub day: u16,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Recent {
    pub place: u32,
    pub first_s: u32,
    pub provider: u16,
    pub country: [u8; 2],
    pub stopped: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Places {
    pub trusted: Vec<Trusted>,
    /// Oldest first.
    pub recent: Vec<Recent>,
    /// Way of speaking and day first seen.
    pub clients: Vec<(u16, u16)>,
    pub moves: [u16; 3],
}

const UNKNOWN: [u8; 2] = [0, 0];

impl Places {
    pub(super) fn look(&self, whence: &Whence, now_s: u32) -> PlaceFacts {
        let recent = self.recent.iter().find(|recent| recent.place == whence.place);
        let novelty = self.novelty(whence, recent);
        let mut facts = PlaceFacts {
            novelty,
            country: word(whence.country),
            moves: self.moves.map(u32::from),
            new_client: whence.client != 0
                && !self.clients.is_empty()
                && self.clients.iter().all(|(known, _)| *known != whence.client),
            stopped: recent.is_some_and(|recent| recent.stopped),
            others_stopped: self
                .recent
                .iter()
                .any(|recent| recent.stopped && recent.place != whence.place),
            strange: self.is_strange(whence),
            ..PlaceFacts::default()
        };
        if novelty != Novelty::Trusted {
            self.lately(whence, now_s, &mut facts);
        }
        facts
    }

    /// Neither the network nor its provider in that country is one of the sender's.
    fn is_strange(&self, whence: &Whence) -> bool {
        let known = whence.provider != 0 && whence.country != UNKNOWN;
        self.trusted.iter().all(|home| {
            home.place != whence.place
                && !(known && home.provider == whence.provider && home.country == whence.country)
        })
    }

    fn novelty(&self, whence: &Whence, recent: Option<&Recent>) -> Novelty {
        if self.trusted.iter().any(|known| known.place == whence.place) {
            return Novelty::Trusted;
        }
        if recent.is_some() {
            return Novelty::Recent;
        }
        let known = self.trusted.iter().map(|known| (known.country, known.provider));
        let recent = self.recent.iter().filter(|recent| !recent.stopped);
        let used = || {
            known
                .clone()
                .chain(recent.clone().map(|recent| (recent.country, recent.provider)))
        };
        if whence.country == UNKNOWN {
            return Novelty::Provider;
        }
        if used().all(|(country, _)| country != whence.country) {
            Novelty::Country
        } else if whence.provider == 0 || used().all(|(_, provider)| provider != whence.provider) {
            Novelty::Provider
        } else {
            Novelty::Network
        }
    }

    /// The new countries of the last days, this one last.
    fn lately(&self, whence: &Whence, now_s: u32, facts: &mut PlaceFacts) {
        let is_home = |country: [u8; 2]| self.trusted.iter().any(|known| known.country == country);
        let lately = || {
            let is_late = |recent: &&Recent| now_s.saturating_sub(recent.first_s) <= LATELY_S;
            self.recent.iter().filter(is_late)
        };
        let others = lately().filter(|recent| recent.place != whence.place);
        facts.networks = u32::try_from(others.count())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        let mut first_s = now_s;
        for recent in lately().filter(|recent| recent.country != UNKNOWN && !is_home(recent.country)) {
            let country = word(recent.country);
            first_s = first_s.min(recent.first_s);
            if country != facts.country && !facts.countries.contains(&country) {
                facts.countries.push(country);
            }
        }
        facts.countries.truncate(PlaceFacts::COUNTRIES_MAX - 1);
        if !facts.country.is_empty() && !is_home(whence.country) {
            facts.countries.push(facts.country.clone());
        }
        facts.minutes = now_s.saturating_sub(first_s) / 60;
    }

    /// Notes where a message came from, accepted or not.
    pub(super) fn attempted(&mut self, whence: &Whence, now_s: u32, stopped: bool) {
        if self.trusted.iter().any(|known| known.place == whence.place) {
            return;
        }
        if let Some(recent) = self.recent.iter_mut().find(|recent| recent.place == whence.place) {
            recent.stopped |= stopped;
            return;
        }
        if self.recent.len() >= RECENT_MAX {
            self.recent.remove(0);
        }
        self.recent.push(Recent {
            place: whence.place,
            first_s: now_s,
            provider: whence.provider,
            country: whence.country,
            stopped,
        });
    }

    /// Learns from a message accepted in calm.
    pub(super) fn learn(&mut self, whence: &Whence, novelty: Novelty, now_s: u32) {
        let day = (now_s / 86_400) as u16;
        let level = match novelty {
            Novelty::Trusted | Novelty::Recent => None,
            Novelty::Network => Some(0),
            Novelty::Provider => Some(1),
            Novelty::Country => Some(2),
        };
        if let Some(count) = level.and_then(|level| self.moves.get_mut(level)) {
            *count = count.saturating_add(1);
        }
        self.speaks(whence.client, day);
        if let Some(known) = self.trusted.iter_mut().find(|known| known.place == whence.place) {
            known.day = day;
            return;
        }
        let aged = |recent: &Recent| {
            recent.place == whence.place
                && !recent.stopped
                && now_s.saturating_sub(recent.first_s) >= PROBATION_S
        };
        if let Some(at) = self.recent.iter().position(aged) {
            self.recent.remove(at);
            self.trust(whence, day);
        }
    }

    /// Whoever comes to a fresh ledger is at home where it comes from.
    pub(super) fn settle(&mut self, whence: &Whence, now_s: u32) {
        let day = (now_s / 86_400) as u16;
        self.speaks(whence.client, day);
        self.recent.retain(|recent| recent.place != whence.place);
        if self.trusted.iter().all(|known| known.place != whence.place) {
            self.trust(whence, day);
        }
    }

    fn trust(&mut self, whence: &Whence, day: u16) {
        if self.trusted.len() >= TRUSTED_MAX
            && let Some((oldest, _)) = self.trusted.iter().enumerate().min_by_key(|(_, known)| known.day)
        {
            self.trusted.remove(oldest);
        }
        self.trusted.push(Trusted {
            place: whence.place,
            provider: whence.provider,
            country: whence.country,
            day,
        });
    }

    fn speaks(&mut self, client: u16, day: u16) {
        if client == 0 || self.clients.iter().any(|(known, _)| *known == client) {
            return;
        }
        if self.clients.len() >= CLIENTS_MAX {
            self.clients.remove(0);
        }
        self.clients.push((client, day));
    }

    /// Forgets what only an excursion made known, but not what was stopped.
    pub(super) fn roll_back(&mut self, now_s: u32) {
        self.recent.retain(|recent| recent.stopped);
        let day = (now_s / 86_400) as u16;
        self.clients.retain(|(_, since)| day.saturating_sub(*since) >= 3);
    }

    /// All places are welcome again.
    pub(super) fn forgive(&mut self) {
        self.recent.iter_mut().for_each(|recent| recent.stopped = false);
    }
}

fn word(country: [u8; 2]) -> String {
    let letters = country.iter().filter(|letter| letter.is_ascii_uppercase());
    letters.map(|letter| char::from(*letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(place: u32, country: &[u8; 2]) -> Whence {
        Whence {
            place,
            provider: (place / 100) as u16 + 1,
            country: *country,
            client: 7,
        }
    }

    const DAY: u32 = 86_400;

    #[test]
    fn new_recent_trusted() {
        let mut places = Places::default();
        let home = from(1, b"IT");
        places.settle(&home, 10 * DAY);
        for (whence, expected) in [
            (home, Novelty::Trusted),
            (from(2, b"IT"), Novelty::Network),
            (from(200, b"IT"), Novelty::Provider),
            (from(300, b"KE"), Novelty::Country),
            (
                Whence {
                    place: 9,
                    ..Whence::default()
                },
                Novelty::Provider,
            ),
        ] {
            assert_eq!(places.look(&whence, 11 * DAY).novelty, expected, "{whence:?}");
        }
        let hotel = from(300, b"KE");
        places.attempted(&hotel, 11 * DAY, false);
        places.learn(&hotel, Novelty::Country, 11 * DAY);
        assert_eq!(places.look(&hotel, 12 * DAY).novelty, Novelty::Recent);
        places.learn(&hotel, Novelty::Recent, 15 * DAY);
        assert_eq!(places.look(&hotel, 15 * DAY).novelty, Novelty::Trusted);
        assert_eq!(places.look(&hotel, 15 * DAY).moves, [0, 0, 1]);
    }

    #[test]
    fn countries_of_an_excursion_are_told_in_order() {
        let mut places = Places::default();
        places.settle(&from(1, b"IT"), 10 * DAY);
        for (minute, place, country) in [(0, 300, b"KE"), (20, 400, b"VN"), (25, 2, b"IT")] {
            places.attempted(&from(place, country), 11 * DAY + minute * 60, minute == 20);
        }
        let facts = places.look(&from(500, b"CL"), 11 * DAY + 40 * 60);
        assert_eq!(facts.countries, ["KE", "VN", "CL"]);
        assert_eq!(
            (facts.minutes, facts.networks, facts.novelty),
            (40, 4, Novelty::Country)
        );
        assert!(places.look(&from(400, b"VN"), 11 * DAY).stopped);
        places.roll_back(11 * DAY);
        assert_eq!(places.look(&from(300, b"KE"), 11 * DAY).novelty, Novelty::Country);
        assert!(places.look(&from(400, b"VN"), 11 * DAY).stopped);
    }

    #[test]
    fn bounded() {
        let mut places = Places::default();
        for n in 0..10_000u32 {
            let whence = Whence {
                client: n as u16,
                ..from(n, b"IT")
            };
            places.attempted(&whence, n * 600, false);
            places.learn(&whence, Novelty::Network, n * 600);
            places.settle(&from(n / 2, b"IT"), n * 600);
        }
        assert!(places.trusted.len() <= TRUSTED_MAX && places.recent.len() <= RECENT_MAX);
        assert!(places.clients.len() <= CLIENTS_MAX);
    }
}
