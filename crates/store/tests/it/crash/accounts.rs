//! The books of what was promised, and the audit after a reopen.

use crate::queue::{arrival, octets};
use std::collections::BTreeMap;
use store::{Arrival, Queue, QueueFilter, Recipient, RecipientState, Settlement};
use trace::Id;

/// What was said about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// Nothing yet: it may be there.
    None,
    /// Ok: it must be there.
    Kept,
    /// An error, and nothing that was handed over later was made durable: it may be there (docs/spool.md, F1).
    Refused,
    /// An error, and something handed over later was made durable: it must not be there.
    Void,
}

/// One message.
#[derive(Clone, Debug)]
pub struct Account {
    message: Arrival,
    pub promise: Promise,
    /// States of each recipient, oldest first.
    history: Vec<Vec<Recipient>>,
    /// Index in each history of the newest state that was promised to be durable.
    floor: Vec<usize>,
    /// It was seen to be gone after a restart, so it must not come back.
    gone: bool,
    /// Refusals that were known when it was handed over.
    refused_before: usize,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    pub all: BTreeMap<u64, Account>,
    /// Refused messages, in the order in which they were told.
    refusals: Vec<u64>,
}

impl Accounts {
    /// A message is about to be handed over.
    pub fn hand_over(&mut self, message: &Arrival) {
        let history: Vec<_> = message
            .recipients
            .iter()
            .map(|recipient| vec![recipient.clone()])
            .collect();
        let floor = vec![0; history.len()];
        let account = Account {
            message: message.clone(),
            promise: Promise::None,
            history,
            floor,
            gone: false,
            refused_before: self.refusals.len(),
        };
        assert!(self.all.insert(message.envelope.id.as_u64(), account).is_none());
    }

    /// The answer to it. Ok is said of a segment whose first record declares void what was refused before.
    pub fn answered(&mut self, id: u64, ok: bool) {
        let account = self.all.get_mut(&id).unwrap();
        if ok {
            account.promise = Promise::Kept;
            let before = account.refused_before;
            self.refusals_are_final(before);
        } else {
            account.promise = Promise::Refused;
            self.refusals.push(id);
        }
    }

    fn refusals_are_final(&mut self, count: usize) {
        for id in &self.refusals[..count] {
            let account = self.all.get_mut(id).unwrap();
            if account.promise == Promise::Refused {
                account.promise = Promise::Void;
            }
        }
    }

    /// Memory knows better states now; the log may or may not.
    pub fn changed(&mut self, id: u64, number: u32, change: impl FnOnce(&mut Recipient)) {
        let history = &mut self.all.get_mut(&id).unwrap().history[number as usize];
        let mut state = history.last().unwrap().clone();
        change(&mut state);
        history.push(state);
    }

    /// The same for an outcome.
    pub fn settled(&mut self, id: u64, number: u32, outcome: &Settlement) {
        self.changed(id, number, |recipient| match outcome {
            Settlement::Done(terminal, reply) => {
                recipient.attempts += 1;
                recipient.state = RecipientState::Done(*terminal);
                recipient.last_reply = Some(reply.clone());
            }
            Settlement::Reschedule {
                due,
                reply,
                attempted,
                delay_notified,
            } => {
                recipient.attempts += u32::from(*attempted);
                recipient.state = RecipientState::Scheduled { due: *due };
                recipient.last_reply = Some(reply.clone());
                recipient.delay_notified |= delay_notified;
            }
        });
    }

    /// All that memory knew at that moment is durable.
    pub fn flushed(&mut self, at: &Accounts) {
        self.refusals_are_final(at.refusals.len());
        for (id, then) in &at.all {
            let account = self.all.get_mut(id).unwrap();
            for (floor, history) in account.floor.iter_mut().zip(&then.history) {
                *floor = (*floor).max(history.len() - 1);
            }
        }
    }

    /// Compares a queue that was just opened with the books.
    pub fn audit(&self, queue: &Queue) -> Result<(), String> {
        if queue.recovery().damaged_count > 0 {
            return Err(format!("damage: {:?}", queue.recovery()));
        }
        let mut rows: BTreeMap<u64, usize> = BTreeMap::new();
        for row in queue.list(&QueueFilter::default(), None, usize::MAX) {
            *rows.entry(row.envelope.id.as_u64()).or_default() += 1;
        }
        if let Some(id) = rows.keys().find(|id| !self.all.contains_key(id)) {
            return Err(format!("{id} was never handed over"));
        }
        if rows.len() as u64 != queue.counts().messages {
            return Err(format!("{} messages in rows, {:?}", rows.len(), queue.counts()));
        }
        self.all
            .iter()
            .try_for_each(|(id, account)| account.audit(*id, queue))
    }

    /// What was found is the new truth: it is on the disk.
    pub fn start_again(&mut self, queue: &Queue) {
        for (id, account) in &mut self.all {
            match queue.get(Id::from_u64(*id)) {
                None => account.gone = true,
                Some((_, recipients)) => {
                    // A refused message that is there is mail like any other from now on.
                    account.promise = Promise::Kept;
                    account.floor = vec![0; recipients.len()];
                    account.history = recipients.into_iter().map(|recipient| vec![recipient]).collect();
                }
            }
        }
    }
}

impl Account {
    fn is_over(&self, state: impl Fn(usize, &[Recipient]) -> RecipientState) -> bool {
        let mut states = self
            .history
            .iter()
            .enumerate()
            .map(|(number, history)| state(number, history));
        states.all(|state| matches!(state, RecipientState::Done(_)))
    }

    fn audit(&self, id: u64, queue: &Queue) -> Result<(), String> {
        let Some((envelope, recipients)) = queue.get(Id::from_u64(id)) else {
            let over = self.is_over(|_, history| history.last().unwrap().state.clone());
            return if self.promise == Promise::Kept && !over && !self.gone {
                Err(format!("{id} is lost"))
            } else {
                Ok(())
            };
        };
        let over = self.is_over(|number, history| history[self.floor[number]].state.clone());
        if self.promise == Promise::Void || self.gone || over {
            return Err(format!(
                "{id} is a phantom: {:?}, gone {}, over {over}",
                self.promise, self.gone
            ));
        }
        if *envelope != self.message.envelope {
            return Err(format!("{id} has another envelope"));
        }
        let wanted = self.message.chunks.concat();
        match queue.message(Id::from_u64(id)) {
            Ok(octets) if octets == wanted => {}
            other => return Err(format!("{id} is damaged: {:?}", other.map(|octets| octets.len()))),
        }
        if recipients.len() != self.history.len() {
            return Err(format!("{id} has {} recipients", recipients.len()));
        }
        for (number, recipient) in recipients.iter().enumerate() {
            if !self.history[number][self.floor[number]..].contains(recipient) {
                let history = &self.history[number][self.floor[number]..];
                return Err(format!("{id}/{number} is {recipient:?}, not one of {history:?}"));
            }
        }
        Ok(())
    }
}

/// A message of the accounts: octets follow from the id.
pub fn message(id: u64, count: usize, due: &[i64]) -> Arrival {
    let message = arrival(id, count, due);
    assert_eq!(message.chunks.concat(), octets(id, count));
    message
}
