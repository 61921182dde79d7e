//! Where one recipient stands, as memory and the log keep it.
//!
//! Promises: a slot on disk is absolute, never a change: reading the same one twice, or an old one before a newer one, does no
//! harm. Leases are memory only; after a crash nothing is leased.

use super::code::{Decoder, Encoder, Unreadable, nanoseconds, read_note, timestamp, write_note};
use super::{Recipient, RecipientState, Settlement, Terminal};

/// State of a recipient without its texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    Scheduled,
    Held,
    Done(Terminal),
}

/// One recipient's changing part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// Nanoseconds since 1970; only meant while scheduled.
    pub(super) due: i64,
    /// Reason and last reply, encoded.
    pub(super) note: Option<Box<[u8]>>,
    pub(super) attempts: u32,
    /// Segment of its newest record; 0 when that is the arrival itself.
    pub(super) segment: u32,
    pub(super) stand: Stand,
    /// Somebody is trying it now.
    pub(super) leased: bool,
    /// Memory knows more than the log.
    pub(super) dirty: bool,
    pub(super) delay_notified: bool,
}

impl Slot {
    /// The slot of a recipient as it was admitted.
    pub(super) fn of(recipient: &Recipient) -> Self {
        let (stand, due, reason) = match &recipient.state {
            RecipientState::Scheduled { due } => (Stand::Scheduled, nanoseconds(*due), None),
            RecipientState::Held { reason } => (Stand::Held, 0, Some(reason.as_str())),
            RecipientState::Done(terminal) => (Stand::Done(*terminal), 0, None),
        };
        Self {
            due,
            note: write_note(reason, recipient.last_reply.as_ref()),
            attempts: recipient.attempts,
            segment: 0,
            stand,
            leased: false,
            dirty: false,
            delay_notified: recipient.delay_notified,
        }
    }

    /// Puts the slot's knowledge into a recipient whose unchanging part was read before.
    pub(super) fn fill(&self, recipient: &mut Recipient) {
        let (reason, reply) = self
            .note
            .as_deref()
            .and_then(|note| read_note(note).ok())
            .unwrap_or_default();
        recipient.attempts = self.attempts;
        recipient.delay_notified = self.delay_notified;
        recipient.last_reply = reply;
        recipient.state = match self.stand {
            Stand::Scheduled => RecipientState::Scheduled {
                due: timestamp(self.due),
            },
            Stand::Held => RecipientState::Held {
                reason: reason.unwrap_or_default(),
            },
            Stand::Done(terminal) => RecipientState::Done(terminal),
        };
    }

    /// Books what an attempt meant. The lease ends.
    pub(super) fn settle(&mut self, outcome: &Settlement) {
        self.leased = false;
        match outcome {
            Settlement::Done(terminal, reply) => {
                self.stand = Stand::Done(*terminal);
                self.attempts = self.attempts.saturating_add(1);
                self.note = write_note(None, Some(reply));
            }
            Settlement::Reschedule {
                due,
                reply,
                attempted,
                delay_notified,
            } => {
                self.stand = Stand::Scheduled;
                self.due = nanoseconds(*due);
                self.attempts = self.attempts.saturating_add((*attempted).into());
                self.delay_notified |= delay_notified;
                self.note = write_note(None, Some(reply));
            }
        }
    }

    /// Holds the recipient; the last reply is kept.
    pub(super) fn hold(&mut self, reason: &str) {
        let reply = self
            .note
            .as_deref()
            .and_then(|note| read_note(note).ok())
            .and_then(|(_, reply)| reply);
        self.stand = Stand::Held;
        self.note = write_note(Some(reason), reply.as_ref());
    }

    /// Schedules the recipient for that time; the last reply is kept, the reason of a hold is not.
    pub(super) fn schedule(&mut self, due: i64) {
        let reply = self
            .note
            .as_deref()
            .and_then(|note| read_note(note).ok())
            .and_then(|(_, reply)| reply);
        self.stand = Stand::Scheduled;
        self.due = due;
        self.note = write_note(None, reply.as_ref());
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.stand, Stand::Done(_))
    }

    pub(super) fn write(&self, out: &mut Encoder) {
        out.section(|out| {
            out.octet(match self.stand {
                Stand::Scheduled => 0,
                Stand::Held => 1,
                Stand::Done(Terminal::Delivered) => 2,
                Stand::Done(Terminal::Failed) => 3,
                Stand::Done(Terminal::Expired) => 4,
                Stand::Done(Terminal::Dropped) => 5,
            });
            out.octet(u8::from(self.delay_notified) | u8::from(self.note.is_some()) << 1);
            out.signed(self.due);
            out.number(self.attempts.into());
            if let Some(note) = &self.note {
                out.octets(note);
            }
        });
    }

    pub(super) fn read(input: &mut Decoder<'_>) -> Result<Self, Unreadable> {
        let mut input = input.section()?;
        let stand = match input.octet()? {
            0 => Stand::Scheduled,
            1 => Stand::Held,
            2 => Stand::Done(Terminal::Delivered),
            3 => Stand::Done(Terminal::Failed),
            4 => Stand::Done(Terminal::Expired),
            5 => Stand::Done(Terminal::Dropped),
            _ => return Err(Unreadable),
        };
        let flags = input.octet()?;
        let (due, attempts) = (input.signed()?, input.small()?);
        let note = if flags & 2 == 2 {
            Some(Box::<[u8]>::from(input.octets()?))
        } else {
            None
        };
        if let Some(note) = &note {
            read_note(note)?;
        }
        let delay_notified = flags & 1 == 1;
        Ok(Self {
            due,
            note,
            attempts,
            segment: 0,
            stand,
            leased: false,
            dirty: false,
            delay_notified,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail::smtp::Reply;

    fn scheduled(due: i64) -> Slot {
        Slot {
            due,
            note: None,
            attempts: 2,
            segment: 0,
            stand: Stand::Scheduled,
            leased: false,
            dirty: false,
            delay_notified: true,
        }
    }

    fn round_trip(slot: &Slot) -> Slot {
        let mut out = Encoder::default();
        slot.write(&mut out);
        let mut input = Decoder(&out.0);
        let read = Slot::read(&mut input).unwrap();
        assert!(input.0.is_empty());
        read
    }

    #[test]
    fn slots_come_back_equal() {
        let mut held = scheduled(-1);
        held.hold("why not");
        let mut done = scheduled(i64::MAX);
        done.settle(&Settlement::Done(Terminal::Expired, Reply::plain(451, "no")));
        for slot in [scheduled(0), scheduled(i64::MIN), held, done] {
            assert_eq!(round_trip(&slot), slot);
        }
    }

    #[test]
    fn a_reply_survives_hold_and_release() {
        let mut slot = scheduled(5);
        let reply = Reply::new(451, (4, 7, 1), "come again");
        slot.settle(&Settlement::Reschedule {
            due: timestamp(9),
            reply: reply.clone(),
            attempted: true,
            delay_notified: false,
        });
        assert_eq!((slot.attempts, slot.due, slot.delay_notified), (3, 9, true));
        slot.hold("stop");
        slot.schedule(11);
        assert_eq!(
            read_note(slot.note.as_deref().unwrap()).unwrap(),
            (None, Some(reply))
        );
        assert_eq!((slot.stand, slot.due), (Stand::Scheduled, 11));
    }

    #[test]
    fn unattempted_reschedules_do_not_count() {
        let mut slot = scheduled(5);
        let reply = Reply::plain(451, "paused");
        slot.settle(&Settlement::Reschedule {
            due: timestamp(9),
            reply,
            attempted: false,
            delay_notified: false,
        });
        assert_eq!(slot.attempts, 2);
    }
}
