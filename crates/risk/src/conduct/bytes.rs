//! The form in which a ledger rests: some 200 octets for a person.
//!
//! In prose: a version, then every figure in its order; numbers as little-endian groups of seven bits, marks of recipients as they
//! are, evidence in hundredths of a deciban. Reading trusts nothing: what is cut, too long or of another version is refused, and the
//! sender starts anew.

use super::channel::{Channel, Sums};
use super::ledger::Ledger;
use super::people::{self, People};
use super::places::{self, Places, Recent, Trusted};
use crate::Role;

const VERSION: u8 = 1;

impl Ledger {
    /// The resting form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut to = Writer(Vec::with_capacity(256));
        to.0.push(VERSION);
        to.numbers(&[
            self.born_s,
            self.seen_s.saturating_sub(self.born_s),
            self.messages,
        ]);
        to.number(u32::from(self.stopped));
        to.number(self.role.map_or(0, |role| role as u32 + 1));
        for sum in self.sums.0 {
            to.number((sum.max(0.0) * 100.0).round() as u32);
        }
        to.people(&self.people);
        to.places(&self.places, self.born_s);
        let pace = &self.pace;
        to.numbers(&[
            pace.hour,
            u32::from(pace.count),
            u32::from(pace.peak),
            u32::from(pace.busiest),
            u32::from(pace.busy_days),
        ]);
        let outcomes = &self.outcomes;
        let counts = [
            outcomes.delivered,
            outcomes.unknown,
            outcomes.refused,
            outcomes.complaints,
            outcomes.last,
        ];
        counts.iter().for_each(|count| to.number(u32::from(*count)));
        to.number(outcomes.halved_s);
        to.numbers(&[self.failed_s, u32::from(self.failed)]);
        to.number((self.usual_db.clamp(0.0, 100.0) * 100.0) as u32);
        to.numbers(&[u32::from(self.bulk_permille), u32::from(self.foreign_permille)]);
        for (sketch, count) in &self.texts {
            to.number(u32::from(*count));
            if *count > 0 {
                sketch.iter().for_each(|band| to.mark(*band));
            }
        }
        to.0
    }

    /// Back from the resting form; None when it is none.
    pub fn from_bytes(octets: &[u8]) -> Option<Self> {
        let (version, rest) = octets.split_first()?;
        if *version != VERSION {
            return None;
        }
        let mut from = Reader(rest);
        let born_s = from.number()?;
        let mut ledger = Self {
            born_s,
            seen_s: from.number()?.saturating_add(born_s),
            messages: from.number()?,
            stopped: from.small()?,
            role: role(from.number()?)?,
            ..Self::default()
        };
        let mut sums = Sums::default();
        for channel in Channel::ALL {
            sums.set(channel, (from.number()? as f32 / 100.0).min(channel.cap_db()));
        }
        ledger.sums = sums;
        ledger.people = from.people()?;
        ledger.places = from.places(born_s)?;
        ledger.pace.hour = from.number()?;
        ledger.pace.count = from.small()?;
        ledger.pace.peak = from.small()?;
        ledger.pace.busiest = from.small()?;
        ledger.pace.busy_days = u8::try_from(from.number()?).ok()?;
        let outcomes = &mut ledger.outcomes;
        for count in [
            &mut outcomes.delivered,
            &mut outcomes.unknown,
            &mut outcomes.refused,
            &mut outcomes.complaints,
            &mut outcomes.last,
        ] {
            *count = from.small()?;
        }
        outcomes.halved_s = from.number()?;
        ledger.failed_s = from.number()?;
        ledger.failed = from.small()?;
        ledger.usual_db = from.number()? as f32 / 100.0;
        ledger.bulk_permille = from.small()?.min(1_000);
        ledger.foreign_permille = from.small()?.min(1_000);
        for (sketch, count) in &mut ledger.texts {
            *count = from.small()?;
            if *count > 0 {
                for band in sketch {
                    *band = from.mark()?;
                }
            }
        }
        from.0.is_empty().then_some(ledger)
    }
}

fn role(number: u32) -> Option<Option<Role>> {
    match number {
        0 => Some(None),
        number => Role::ALL.get(number as usize - 1).map(|role| Some(*role)),
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, mut number: u32) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn numbers(&mut self, numbers: &[u32]) {
        numbers.iter().for_each(|number| self.number(*number));
    }

    fn mark(&mut self, mark: u16) {
        self.0.extend_from_slice(&mark.to_le_bytes());
    }

    fn people(&mut self, people: &People) {
        self.numbers(&[
            people.deliveries,
            people.distinct,
            u32::from(people.new_permille),
            people.hour,
        ]);
        self.number(u32::from(people.new_this_hour));
        self.number(people.trusted.len() as u32);
        people.trusted.iter().for_each(|mark| self.mark(*mark));
        self.number(people.recent.len() as u32);
        let mut before = 0u16;
        for (mark, day) in &people.recent {
            self.mark(*mark);
            self.number(u32::from(day.wrapping_sub(before)));
            before = *day;
        }
    }

    fn places(&mut self, places: &Places, born_s: u32) {
        places
            .moves
            .iter()
            .for_each(|count| self.number(u32::from(*count)));
        self.number(places.trusted.len() as u32);
        for place in &places.trusted {
            self.0.extend_from_slice(&place.place.to_le_bytes());
            self.mark(place.provider);
            self.0.extend_from_slice(&place.country);
            self.number(u32::from(place.day));
        }
        self.number(places.recent.len() as u32);
        for place in &places.recent {
            self.0.extend_from_slice(&place.place.to_le_bytes());
            self.mark(place.provider);
            self.0.extend_from_slice(&place.country);
            self.number(place.first_s.wrapping_sub(born_s));
            self.0.push(u8::from(place.stopped));
        }
        self.number(places.clients.len() as u32);
        for (client, day) in &places.clients {
            self.mark(*client);
            self.number(u32::from(*day));
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn octet(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u32> {
        let mut number = 0u32;
        for place in 0..5u32 {
            let octet = self.octet()?;
            number |= u32::from(octet & 0x7f).checked_shl(place * 7)?;
            if octet < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn small(&mut self) -> Option<u16> {
        u16::try_from(self.number()?).ok()
    }

    fn mark(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes([self.octet()?, self.octet()?]))
    }

    fn whole(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes([
            self.octet()?,
            self.octet()?,
            self.octet()?,
            self.octet()?,
        ]))
    }

    fn count(&mut self, max: usize) -> Option<usize> {
        usize::try_from(self.number()?).ok().filter(|count| *count <= max)
    }

    fn people(&mut self) -> Option<People> {
        let mut people = People {
            deliveries: self.number()?,
            distinct: self.number()?,
            new_permille: self.small()?.min(1_000),
            hour: self.number()?,
            new_this_hour: self.small()?,
            ..People::default()
        };
        for _ in 0..self.count(people::TRUSTED_MAX)? {
            people.trusted.push(self.mark()?);
        }
        let mut day = 0u16;
        for _ in 0..self.count(people::RECENT_MAX)? {
            let mark = self.mark()?;
            day = day.wrapping_add(self.small()?);
            people.recent.push((mark, day));
        }
        people.trusted.is_sorted().then_some(people)
    }

    fn places(&mut self, born_s: u32) -> Option<Places> {
        let mut places = Places::default();
        for count in &mut places.moves {
            *count = self.small()?;
        }
        for _ in 0..self.count(places::TRUSTED_MAX)? {
            places.trusted.push(Trusted {
                place: self.whole()?,
                provider: self.mark()?,
                country: [self.octet()?, self.octet()?],
                day: self.small()?,
            });
        }
        for _ in 0..self.count(places::RECENT_MAX)? {
            places.recent.push(Recent {
                place: self.whole()?,
                provider: self.mark()?,
                country: [self.octet()?, self.octet()?],
                first_s: self.number()?.wrapping_add(born_s),
                stopped: self.octet()? == 1,
            });
        }
        for _ in 0..self.count(places::CLIENTS_MAX)? {
            places.clients.push((self.mark()?, self.small()?));
        }
        Some(places)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Recipient, Returned, Sending, Trial, Whence};
    use super::*;
    use crate::SenderKind;
    use jiff::Timestamp;

    fn busy(messages: u64) -> Ledger {
        let mut ledger = Ledger::default();
        for number in 0..messages {
            let at = Timestamp::from_second(1_760_000_000 + number as i64 * 20_000).unwrap();
            let recipients = [Recipient {
                hash: (number % 40).wrapping_mul(0x9e37_79b9_7f4a_7c15),
                own: false,
            }];
            let sending = Sending {
                at,
                kind: SenderKind::Mailbox,
                whence: Some(Whence {
                    place: number as u32 % 7,
                    provider: 3,
                    country: *b"IT",
                    client: 5,
                }),
                recipients: &recipients,
                text: [number as u16, 1, 2, 3],
                is_bulk: false,
                is_foreign: false,
            };
            let facts = ledger.look(&sending);
            let trial = Trial {
                hold_db: 50.0,
                ..Trial::default()
            };
            ledger.fold(&sending, &facts, &trial, true);
            ledger.feedback(Returned::Delivered, number as u16, SenderKind::Mailbox, at);
        }
        ledger
    }

    #[test]
    fn rests_and_wakes() {
        for messages in [0, 1, 50, 400] {
            let ledger = busy(messages);
            let octets = ledger.to_bytes();
            assert!(octets.len() <= 400, "{messages}: {}", octets.len());
            assert_eq!(Ledger::from_bytes(&octets).unwrap(), ledger, "{messages}");
        }
        let mut set = Ledger::default();
        set.set_role(Some(Role::Relay));
        assert_eq!(Ledger::from_bytes(&set.to_bytes()).unwrap(), set);
    }

    #[test]
    fn what_is_no_ledger_is_refused() {
        let octets = busy(100).to_bytes();
        for cut in 0..octets.len() {
            assert_eq!(Ledger::from_bytes(&octets[..cut]), None, "{cut}");
        }
        for place in 0..octets.len() {
            for value in [0x00, 0x7f, 0x80, 0xff] {
                let mut other = octets.clone();
                other[place] = value;
                if let Some(read) = Ledger::from_bytes(&other) {
                    assert!(read.memory_octets() < 16_384);
                }
            }
        }
    }
}
