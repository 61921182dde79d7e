//! What a ledger costs: octets at rest for an ordinary person, time of an update, memory of a million.
//! `cargo run --release -p risk --example ledger [ACCOUNTS]`

use jiff::Timestamp;
use risk::{Ledger, Policy, Recipient, Sender, SenderKind, Sending, Stage, Whence};
use std::collections::HashMap;
use std::time::Instant;

fn mixed(n: u64) -> u64 {
    let z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (z ^ (z >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// A person: two messages a day to one of 40, from home, office and the road.
fn lived(person: u64, messages: u64) -> Ledger {
    let mut ledger = Ledger::default();
    let trial = risk::Trial {
        hold_db: 50.0,
        ..risk::Trial::default()
    };
    for n in 0..messages {
        let recipients = [Recipient {
            hash: mixed(person * 64 + mixed(n) % 40),
            own: n.is_multiple_of(3),
        }];
        let sending = sending(person, n, &recipients);
        let facts = ledger.look(&sending);
        ledger.fold(&sending, &facts, &trial, true);
    }
    ledger
}

fn sending<'a>(person: u64, n: u64, recipients: &'a [Recipient]) -> Sending<'a> {
    Sending {
        at: Timestamp::from_second(1_760_000_000 + n as i64 * 43_200).unwrap_or_default(),
        kind: SenderKind::Mailbox,
        whence: Some(Whence {
            place: (person * 8 + if n.is_multiple_of(5) { mixed(n) % 6 } else { n % 2 }) as u32,
            provider: (n % 3) as u16 + 1,
            country: *b"IT",
            client: (n % 2) as u16 + 1,
        }),
        recipients,
        text: [mixed(n) as u16, 1 + n as u16, 2, 3],
        is_bulk: false,
        is_foreign: false,
    }
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

fn main() {
    let accounts: u64 = std::env::args()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(1_000_000);
    let models: Vec<Box<[u8]>> = (0..64)
        .map(|person| lived(person, 300).to_bytes().into_boxed_slice())
        .collect();
    let mut sizes: Vec<usize> = models.iter().map(|octets| octets.len()).collect();
    sizes.sort_unstable();
    println!(
        "at rest: {} octets median, {} at most",
        sizes[sizes.len() / 2],
        sizes[sizes.len() - 1]
    );

    let before = resident_kib();
    let mut all: HashMap<Box<str>, Box<[u8]>> = HashMap::with_capacity(accounts as usize);
    for n in 0..accounts {
        let key = format!("mailbox:user{n:07}@example{:03}.com", n % 1_000).into_boxed_str();
        all.insert(key, models[(n % 64) as usize].clone());
    }
    println!(
        "{accounts} accounts with their keys: {} MB resident",
        (resident_kib() - before) / 1_024
    );

    updates(&mut all, accounts);
}

fn updates(all: &mut HashMap<Box<str>, Box<[u8]>>, accounts: u64) {
    let policy = Policy::default();
    let sender = Sender {
        kind: SenderKind::Mailbox,
        name: "user@example.com".into(),
        domain: "example.com".into(),
        tenant: String::new(),
    };
    let door = risk::Door {
        listener: "submission".into(),
        kind: risk::DoorKind::Submission,
        client: None,
        helo: String::new(),
        tls: true,
    };
    let rounds = 200_000u64;
    let (mut woken, mut judged) = (0u128, 0u128);
    for n in 0..rounds {
        let Some(slot) = all.get_mut(
            format!(
                "mailbox:user{:07}@example{:03}.com",
                n % accounts,
                n % accounts % 1_000
            )
            .as_str(),
        ) else {
            continue;
        };
        let recipients = [Recipient {
            hash: mixed(n),
            own: false,
        }];
        let sending = sending(n % 64, 300 + n % 50, &recipients);
        let began = Instant::now();
        let known = Ledger::from_bytes(slot).unwrap_or_default();
        let facts = known.look(&sending);
        woken += began.elapsed().as_nanos();
        let mut whole = risk::Facts::new(Stage::Data, sending.at, door.clone(), sender.clone());
        whole.conduct = risk::Gathered::Known(facts);
        let verdict = risk::judge(&whole, &policy);
        let began = Instant::now();
        if let (Some(trial), Some(facts)) = (&verdict.trial, whole.conduct.known()) {
            let mut known = Ledger::from_bytes(slot).unwrap_or_default();
            known.fold(&sending, facts, trial, true);
            *slot = known.to_bytes().into_boxed_slice();
        }
        judged += began.elapsed().as_nanos();
    }
    let each = |total: u128| total as f64 / rounds as f64 / 1_000.0;
    println!(
        "wake and look: {:.2} us; wake, fold and rest: {:.2} us",
        each(woken),
        each(judged)
    );
}
