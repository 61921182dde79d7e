//! The queue on real files: what goes in comes out, in order, and survives a restart.

mod doors;
mod restart;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use mail::Address;
use mail::smtp::Reply;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use store::{
    Arrival, Envelope, Folder, Queue, QueueSettings, Recipient, RecipientState, Settlement, Terminal,
};
use trace::{Id, Scope};

/// Settings with small segments, so that few messages fill several.
pub const SETTINGS: QueueSettings = QueueSettings {
    free_octets_min: 0,
    messages_max: 10_000,
    segment_octets: 256 << 10,
    retry_after: Duration::from_millis(1),
};

/// Opens a queue in a folder.
pub fn open(path: &Path) -> Queue {
    Queue::open(Arc::new(Folder::open(path).unwrap()), &SETTINGS).unwrap()
}

/// Some minutes after an arbitrary moment.
pub fn minute(count: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(500_000) + SignedDuration::from_mins(count)
}

/// Octets that depend on the id, so that a mix-up shows: a stretch of one long random text, after the id.
pub fn octets(id: u64, count: usize) -> Vec<u8> {
    static NOISE: OnceLock<Vec<u8>> = OnceLock::new();
    let noise = NOISE.get_or_init(|| {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        std::iter::repeat_with(next).take(1 << 20).collect()
    });
    let start = usize::try_from(id * 7_919 % 100_000).unwrap();
    let mut octets = id.to_le_bytes().to_vec();
    octets.extend_from_slice(&noise[start..start + count]);
    octets.truncate(count);
    octets
}

/// A message of that size whose recipients are due at these minutes.
pub fn arrival(id: u64, count: usize, due: &[i64]) -> Arrival {
    let octets = octets(id, count);
    let chunks = octets.chunks(count / 3 + 1).map(Bytes::copy_from_slice).collect();
    let recipients = (0..)
        .zip(due)
        .map(|(number, due)| recipient(number, *due))
        .collect();
    let envelope = Envelope {
        id: Id::from_u64(id),
        arrived: minute(0),
        expires: minute(5 * 24 * 60),
        reverse_path: Some(Address::parse("sender@example.com").unwrap()),
        ret: None,
        envid: None,
        body: None,
        smtputf8: false,
        scope: Scope {
            tenant: "acme".into(),
            domain: "example.com".into(),
            sender: format!("mailbox:sender{}@example.com", id % 3),
        },
        class: risk::Class::Clean,
        pool: "clean".into(),
        size_octets: count as u64,
    };
    Arrival {
        envelope,
        recipients,
        chunks,
    }
}

/// A recipient that is due then.
pub fn recipient(number: u32, due: i64) -> Recipient {
    Recipient {
        forward_path: Address::parse(&format!("r{number}@d{}.example", number % 2)).unwrap(),
        orcpt: None,
        notify: None,
        state: RecipientState::Scheduled { due: minute(due) },
        attempts: 0,
        last_reply: None,
        delay_notified: false,
    }
}

/// It is over.
pub fn done() -> Settlement {
    Settlement::Done(Terminal::Delivered, Reply::new(250, (2, 0, 0), "taken"))
}

/// It is to be tried again then.
pub fn again(due: i64) -> Settlement {
    let reply = Reply::new(451, (4, 7, 1), "not now");
    Settlement::Reschedule {
        due: minute(due),
        reply,
        attempted: true,
        delay_notified: false,
    }
}
