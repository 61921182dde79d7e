//! The form in which a ledger rests: a version, then every figure in its order (the Postcard format). Reading trusts nothing: what is
//! cut, beyond its bounds or of another version is refused, and the sender starts anew.

use super::channel::Channel;
use super::ledger::Ledger;
use super::{people, places};

const VERSION: u8 = 1;

impl Ledger {
    /// The resting form.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Writing into memory cannot fail; nothing is a form that is refused.
        postcard::to_extend(self, vec![VERSION]).unwrap_or_default()
    }

    /// Back from the resting form; None when it is none.
    pub fn from_bytes(octets: &[u8]) -> Option<Self> {
        let rest = octets.strip_prefix(&[VERSION])?;
        let (ledger, behind) = postcard::take_from_bytes::<Self>(rest).ok()?;
        (behind.is_empty() && ledger.is_bounded()).then_some(ledger)
    }

    /// It is one that this program could have written.
    fn is_bounded(&self) -> bool {
        let sums = Channel::ALL.into_iter().all(|channel| {
            let sum = self.sums.of(channel);
            (0.0..=channel.cap_db()).contains(&sum)
        });
        let shares = [
            self.people.new_permille,
            self.bulk_permille,
            self.foreign_permille,
        ];
        sums && self.usual_db >= 0.0
            && self.usual_db.is_finite()
            && shares.into_iter().all(|share| share <= 1_000)
            && self.people.trusted.len() <= people::TRUSTED_MAX
            && self.people.trusted.is_sorted()
            && self.people.recent.len() <= people::RECENT_MAX
            && self.places.trusted.len() <= places::TRUSTED_MAX
            && self.places.recent.len() <= places::RECENT_MAX
            && self.places.clients.len() <= places::CLIENTS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Recipient, Returned, Sending, Trial, Whence};
    use super::*;
    use crate::{Role, SenderKind};
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
