//! The queue in memory: every message still on its way, who is due next, and what each segment still carries.
//!
//! The unchanging part of a message is kept as the octets the log has, so that a waiting message with one recipient costs less
//! than 600 octets. Counts are O(1); due order is a B-tree.
//! Promises: a recipient is in `due` exactly when it is scheduled and not leased; counts agree with the slots.
//! Limits: `messages_max` of the settings, enforced at the door.

use super::code::{Encoder, Unreadable, read_envelope, read_recipients};
use super::segment::Segments;
use super::slot::{Slot, Stand};
use super::{Envelope, Lease, QueueCounts, Recipient, Settlement};
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use trace::Id;

/// Where a message's record lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of the segment.
    pub(super) segment: u32,
    /// Of the record, in units of eight octets.
    offset: u32,
    pub(super) meta_octets: u32,
    pub(super) octets: u32,
    pub(super) octets_crc: u32,
}

impl Place {
    pub(super) fn new(segment: u32, offset: u64, header: &super::record::Header) -> Self {
        Self {
            segment,
            offset: u32::try_from(offset / 8).unwrap_or(u32::MAX),
            meta_octets: header.meta_octets,
            octets: header.octets,
            octets_crc: header.octets_crc,
        }
    }

    pub(super) fn offset(&self) -> u64 {
        u64::from(self.offset) * 8
    }

    pub(super) fn record_octets(&self) -> u64 {
        super::record::record_octets(self.meta_octets.into(), self.octets.into())
    }

    /// Where the message's octets begin in the file.
    pub(super) fn octets_at(&self) -> u64 {
        self.offset() + (super::record::HEADER_OCTETS as u64) + u64::from(self.meta_octets)
    }
}

/// One recipient is the rule, so one slot is kept in place.
pub(super) type Slots = SmallVec<[Slot; 1]>;
/// Segments in which copies of one message lie; nearly always one.
pub(super) type Homes = SmallVec<[u32; 2]>;

/// A message on its way.
#[derive(Debug)]
pub(super) struct Message {
    /// Envelope and recipients as the log has them, see [`super::code::write_known`].
    pub(super) known: Box<[u8]>,
    pub(super) slots: Slots,
    pub(super) place: Place,
    /// Some slot is dirty, and the id is in the list of dirty ones.
    pub(super) dirty: bool,
    /// Its octets do not fit their checksum.
    pub(super) damaged: bool,
}

/// A message that is over but whose end the log does not know yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gone {
    pub(super) id: u64,
    pub(super) homes: Homes,
}

/// Everything the queue knows.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) messages: BTreeMap<u64, Box<Message>>,
    due: BTreeSet<(i64, u64, u32)>,
    counts: QueueCounts,
    /// Ids whose states must be written.
    pub(super) dirty: Vec<u64>,
    /// Ends that must be written.
    pub(super) gone: Vec<Gone>,
    /// Further segments in which a message's older copy lies.
    pub(super) elsewhere: HashMap<u64, Homes>,
    pub(super) segments: Segments,
}

/// Reason shown for messages whose octets the disk lost.
pub(super) const DAMAGED: &str = "the message is damaged on disk and cannot be sent";

impl Index {
    pub(super) fn counts(&self) -> QueueCounts {
        QueueCounts {
            messages: self.messages.len() as u64,
            ..self.counts
        }
    }

    /// Adds a message whose record is durable; an older copy is forgotten. True when a recipient is scheduled.
    pub(super) fn insert(&mut self, id: u64, known: Box<[u8]>, slots: Slots, place: Place) -> bool {
        let homes = self.remove(id);
        if !homes.is_empty() {
            self.elsewhere.insert(id, homes);
        }
        self.segments.add_message(&place);
        self.counts.octets += u64::from(place.octets);
        for (number, slot) in (0..).zip(&slots) {
            self.enter(id, number, slot);
        }
        let scheduled = slots.iter().any(|slot| slot.stand == Stand::Scheduled);
        self.messages.insert(
            id,
            Box::new(Message {
                known,
                slots,
                place,
                dirty: false,
                damaged: false,
            }),
        );
        scheduled
    }

    /// These slots' newest records lie in that segment now.
    pub(super) fn placed(&mut self, id: u64, numbers: &[u32], segment: u32) {
        let Some(message) = self.messages.get_mut(&id) else {
            return;
        };
        for number in numbers {
            if let Some(slot) = message.slots.get_mut(*number as usize) {
                self.segments
                    .drop_state(std::mem::replace(&mut slot.segment, segment));
                self.segments.add_state(segment);
            }
        }
    }

    /// These slots' records were not written after all.
    pub(super) fn soil_again(&mut self, id: u64, numbers: &[u32]) {
        for number in numbers {
            if let Some(slot) = self.slot_mut(id, *number) {
                slot.dirty = true;
            }
        }
        self.soil(id);
    }

    /// A message's record has been copied; the old one stays until its segment goes.
    pub(super) fn moved(&mut self, id: u64, from: Place, to: Place) {
        let Some(message) = self.messages.get_mut(&id) else {
            // Over in the meantime, and its end not written yet: that must outlive the copy too.
            if let Some(gone) = self.gone.iter_mut().find(|gone| gone.id == id) {
                gone.homes.push(to.segment);
            }
            return;
        };
        message.place = to;
        for slot in &mut message.slots {
            self.segments.drop_state(std::mem::take(&mut slot.segment));
        }
        self.segments.drop_message(&from);
        self.segments.add_message(&to);
        self.elsewhere.entry(id).or_default().push(from.segment);
    }

    /// A segment's file is gone.
    pub(super) fn lose_segment(&mut self, number: u32) {
        self.segments.all.remove(&number);
        self.elsewhere.retain(|_, homes| {
            homes.retain(|home| *home != number);
            !homes.is_empty()
        });
    }

    /// Counts a slot in. It must not be counted yet.
    fn enter(&mut self, id: u64, number: u32, slot: &Slot) {
        match slot.stand {
            _ if slot.leased => self.counts.leased += 1,
            Stand::Scheduled => {
                self.due.insert((slot.due, id, number));
                self.counts.scheduled += 1;
            }
            Stand::Held => self.counts.held += 1,
            Stand::Done(_) => {}
        }
    }

    /// Counts a slot out, as it stands.
    fn leave(&mut self, id: u64, number: u32, slot: &Slot) {
        match slot.stand {
            _ if slot.leased => self.counts.leased -= 1,
            Stand::Scheduled => {
                self.due.remove(&(slot.due, id, number));
                self.counts.scheduled -= 1;
            }
            Stand::Held => self.counts.held -= 1,
            Stand::Done(_) => {}
        }
    }

    /// Changes a slot and keeps counts, due order and dirt right. False when there is no such slot.
    pub(super) fn change(
        &mut self,
        id: u64,
        number: u32,
        dirty: bool,
        change: impl FnOnce(&mut Slot),
    ) -> bool {
        let Some(slot) = self.slot_mut(id, number) else {
            return false;
        };
        let mut slot = std::mem::replace(
            slot,
            Slot {
                leased: true,
                ..slot.clone()
            },
        );
        self.leave(id, number, &slot);
        change(&mut slot);
        slot.dirty |= dirty;
        self.enter(id, number, &slot);
        if let Some(place) = self.slot_mut(id, number) {
            *place = slot;
        }
        if dirty {
            self.soil(id);
        }
        true
    }

    fn slot_mut(&mut self, id: u64, number: u32) -> Option<&mut Slot> {
        self.messages.get_mut(&id)?.slots.get_mut(number as usize)
    }

    /// Notes that a message's dirty slots must be written.
    pub(super) fn soil(&mut self, id: u64) {
        if let Some(message) = self.messages.get_mut(&id)
            && !std::mem::replace(&mut message.dirty, true)
        {
            self.dirty.push(id);
        }
    }

    /// Books outcomes. None when the message is not there, else whether it is over. `dirty` is false when the log has them already.
    pub(super) fn settle(&mut self, id: u64, outcomes: &[(u32, Settlement)], dirty: bool) -> Option<bool> {
        let damaged = self.messages.get(&id)?.damaged;
        for (number, outcome) in outcomes {
            self.change(id, *number, dirty, |slot| {
                if slot.is_done() {
                    return;
                }
                slot.settle(outcome);
                if damaged && !slot.is_done() {
                    slot.hold(DAMAGED);
                }
            });
        }
        Some(self.bury_if_over(id))
    }

    /// Forgets the message when all its recipients are done.
    pub(super) fn bury_if_over(&mut self, id: u64) -> bool {
        if !self
            .messages
            .get(&id)
            .is_some_and(|message| message.slots.iter().all(Slot::is_done))
        {
            return false;
        }
        let homes = self.remove(id);
        self.gone.push(Gone { id, homes });
        true
    }

    /// Takes a message out and gives back where its records lie.
    pub(super) fn remove(&mut self, id: u64) -> Homes {
        let Some(message) = self.messages.remove(&id) else {
            return Homes::new();
        };
        for (number, slot) in (0..).zip(&message.slots) {
            self.leave(id, number, slot);
            self.segments.drop_state(slot.segment);
        }
        self.counts.octets -= u64::from(message.place.octets);
        self.segments.drop_message(&message.place);
        let mut homes = self.elsewhere.remove(&id).unwrap_or_default();
        homes.push(message.place.segment);
        homes
    }

    /// Leases what is due.
    pub(super) fn lease_due(&mut self, now: i64, recipients_max: usize) -> Vec<Lease> {
        let mut order: Vec<(u64, Vec<u32>)> = Vec::new();
        let mut at: HashMap<u64, usize> = HashMap::new();
        for _ in 0..recipients_max {
            let Some(&(due, id, number)) = self.due.first() else {
                break;
            };
            if due > now || !self.change(id, number, false, |slot| slot.leased = true) {
                break;
            }
            let position = *at.entry(id).or_insert_with(|| {
                order.push((id, Vec::new()));
                order.len() - 1
            });
            if let Some((_, numbers)) = order.get_mut(position) {
                numbers.push(number);
            }
        }
        order
            .into_iter()
            .filter_map(|(id, numbers)| self.lease(id, numbers))
            .collect()
    }

    fn lease(&self, id: u64, mut numbers: Vec<u32>) -> Option<Lease> {
        let message = self.messages.get(&id)?;
        numbers.sort_unstable();
        let recipients = message
            .recipients()
            .filter(|(number, _)| numbers.binary_search(number).is_ok())
            .collect();
        Some(Lease {
            envelope: Arc::new(message.envelope(id).ok()?),
            recipients,
        })
    }

    /// When the next recipient is due.
    pub(super) fn next_due(&self) -> Option<i64> {
        self.due.first().map(|(due, _, _)| *due)
    }
}

impl Message {
    pub(super) fn envelope(&self, id: u64) -> Result<Envelope, Unreadable> {
        read_envelope(Id::from_u64(id), &self.known)
    }

    /// All recipients with their numbers and states.
    pub(super) fn recipients(&self) -> impl Iterator<Item = (u32, Recipient)> {
        (0..)
            .zip(read_recipients(&self.known).zip(&self.slots))
            .filter_map(|(number, (recipient, slot))| {
                let mut recipient = recipient.ok()?;
                slot.fill(&mut recipient);
                Some((number, recipient))
            })
    }

    /// Appends all slots.
    pub(super) fn write_slots(slots: &[Slot], out: &mut Encoder) {
        out.number(slots.len() as u64);
        for slot in slots {
            slot.write(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::code::write_known;
    use super::super::record::{Header, Kind};
    use super::*;
    use crate::queue::{RecipientState, Terminal};
    use jiff::Timestamp;
    use mail::smtp::Reply;

    fn insert(index: &mut Index, id: u64, due: &[i64]) {
        let recipient = |due: &i64| Recipient {
            forward_path: mail::Address::parse("b@example.org").unwrap(),
            orcpt: None,
            notify: None,
            state: RecipientState::Scheduled {
                due: super::super::code::timestamp(*due),
            },
            attempts: 0,
            last_reply: None,
            delay_notified: false,
        };
        let recipients: Vec<Recipient> = due.iter().map(recipient).collect();
        let envelope = Envelope {
            id: Id::from_u64(id),
            arrived: Timestamp::UNIX_EPOCH,
            expires: Timestamp::UNIX_EPOCH,
            reverse_path: None,
            ret: None,
            envid: None,
            body: None,
            smtputf8: false,
            scope: trace::Scope::default(),
            class: risk::Class::Clean,
            pool: String::new(),
            size_octets: 10,
        };
        let mut known = Encoder::default();
        write_known(&envelope, &recipients, &mut known);
        let place = Place::new(1, id * 64, &Header::new(Kind::Arrival, &known.0, 10, 0));
        index.insert(
            id,
            known.0.into(),
            recipients.iter().map(Slot::of).collect(),
            place,
        );
    }

    /// Counts and due order, from the slots alone.
    fn recount(index: &Index) -> (QueueCounts, BTreeSet<(i64, u64, u32)>) {
        let (mut counts, mut due) = (QueueCounts::default(), BTreeSet::new());
        for (id, message) in &index.messages {
            counts.messages += 1;
            counts.octets += 10;
            for (number, slot) in (0..).zip(&message.slots) {
                match slot.stand {
                    _ if slot.leased => counts.leased += 1,
                    Stand::Scheduled => {
                        counts.scheduled += 1;
                        due.insert((slot.due, *id, number));
                    }
                    Stand::Held => counts.held += 1,
                    Stand::Done(_) => {}
                }
            }
        }
        (counts, due)
    }

    #[test]
    fn counts_and_due_order_agree_with_the_slots_whatever_happens() {
        let mut index = Index::default();
        let mut state = 11_u64;
        for step in 0..4_000 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let (id, number, at) = (state % 40, (state >> 8) as u32 % 3, (state >> 16) as i64 % 100);
            match state >> 32 & 7 {
                0 | 1 => insert(&mut index, id, &[at, at + 1, 3][..1 + number as usize]),
                2 | 3 => drop(index.lease_due(at, 3)),
                4 => drop(index.change(id, number, false, |slot| slot.leased = false)),
                5 => {
                    let done = Settlement::Done(Terminal::Failed, Reply::plain(550, "no"));
                    index.settle(id, &[(number, done)], true);
                }
                6 => drop(index.change(id, number, true, |slot| slot.hold("why"))),
                _ => drop(index.change(id, number, true, |slot| slot.schedule(at))),
            }
            let (counts, due) = recount(&index);
            assert_eq!((index.counts(), &index.due), (counts, &due), "step {step}");
        }
        assert!(index.counts().messages > 0);
    }

    #[test]
    fn the_end_of_a_moved_message_remembers_every_copy() {
        let copy = |segment| Place {
            segment,
            octets: 10,
            ..Place::default()
        };
        let mut index = Index::default();
        insert(&mut index, 5, &[1]);
        insert(&mut index, 6, &[1]);
        let first = index.messages[&5].place;
        index.moved(5, first, copy(2));
        index.moved(5, copy(2), copy(3));
        index.lose_segment(2);
        let done = Settlement::Done(Terminal::Failed, Reply::plain(550, "no"));
        index.settle(5, &[(0, done.clone())], true);
        assert_eq!(
            index.gone[0],
            Gone {
                id: 5,
                homes: Homes::from_slice(&[1, 3])
            }
        );
        // The copy was on its way when the message ended.
        let second = index.messages[&6].place;
        index.settle(6, &[(0, done)], true);
        index.moved(6, second, copy(4));
        assert_eq!(
            index.gone[1],
            Gone {
                id: 6,
                homes: Homes::from_slice(&[1, 4])
            }
        );
        assert!(index.elsewhere.is_empty());
    }

    #[test]
    fn dirty_slots_are_listed_once() {
        let mut index = Index::default();
        insert(&mut index, 5, &[1, 2]);
        for number in [0, 1, 0] {
            index.change(5, number, true, |slot| slot.schedule(9));
        }
        assert_eq!(index.dirty, [5]);
        assert!(!index.change(5, 2, true, |_| {}), "no such recipient");
        assert!(!index.change(6, 0, true, |_| {}), "no such message");
    }
}
