//! What the range drives, and what comes back when.

use super::replay::Event;
use super::texts::Text;
use anyhow::Result;
use risk::Returned;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What became of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is on its way.
    Accepted,
    /// It is kept.
    Held,
    /// 4yz.
    Deferred,
    /// 5yz.
    Refused,
}

/// Something that judges mail.
pub trait Gateway {
    /// A message at its time.
    fn submit(&mut self, event: &Event, text: &Text) -> Result<Answer>;
    /// A login that failed.
    fn login_failed(&mut self, event: &Event) -> Result<()>;
    /// What became of one recipient of a message that was accepted.
    fn returned(&mut self, event: &Event, returned: Returned, t: i64) -> Result<()>;
}

/// Outcomes on their way back.
#[derive(Default)]
pub struct Due<'a> {
    events: Vec<&'a Event>,
    heap: BinaryHeap<Reverse<(i64, usize, u8)>>,
}

const KINDS: [Returned; 4] = [
    Returned::Delivered,
    Returned::UnknownUser,
    Returned::SpamRefusal,
    Returned::Complaint,
];
/// A delivery takes so long.
const DELIVERY_S: i64 = 5;

impl<'a> Due<'a> {
    /// What an accepted message will bring back.
    pub fn expect(&mut self, event: &'a Event) {
        let number = self.events.len();
        self.events.push(event);
        let outcome = &event.truth.outcome;
        for recipient in 0..event.rcpt_to.len() {
            let bounce = outcome.bounce.iter().find(|(bounced, ..)| *bounced == recipient);
            match bounce {
                Some((_, delay, code)) if code.starts_with("5.7.") => {
                    self.push(event.t + *delay as i64, number, 2)
                }
                Some((_, delay, code)) if is_unknown(code) => self.push(event.t + *delay as i64, number, 1),
                Some(_) => {}
                None => self.push(event.t + DELIVERY_S, number, 0),
            }
        }
        for (_, delay) in &outcome.complaint {
            self.push(event.t + *delay as i64, number, 3);
        }
    }

    fn push(&mut self, at: i64, number: usize, kind: u8) {
        self.heap.push(Reverse((at, number, kind)));
    }

    /// Tells all that is due.
    pub fn until(&mut self, now: i64, gateway: &mut dyn Gateway) -> Result<()> {
        while let Some(Reverse((at, number, kind))) = self.heap.peek().copied() {
            if at > now {
                break;
            }
            self.heap.pop();
            if let (Some(event), Some(returned)) = (self.events.get(number), KINDS.get(usize::from(kind))) {
                gateway.returned(event, *returned, at)?;
            }
        }
        Ok(())
    }
}

/// RFC 3463: bad destination mailbox address, mailbox disabled, RFC 7505's null MX is X.1.10.
fn is_unknown(code: &str) -> bool {
    ["5.1.1", "5.1.10", "5.2.1"].contains(&code)
}
