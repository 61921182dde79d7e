//! Octets that change on the disk after they were acknowledged: isolated, reported, never silent.

use super::accounts::{Accounts, message};
use super::disk::{FakeDisk, Left};
use super::story::Office;
use crate::block_on;
use crate::queue::{SETTINGS, minute, octets};
use store::{RecipientState, StoreError};
use trace::Id;

const COUNT: u64 = 20;

/// A queue with twenty messages of 30,000 octets, closed in order.
fn filled() -> (FakeDisk, Vec<String>) {
    let disk = FakeDisk::default();
    let office = Office::open(&disk, &SETTINGS, Accounts::default()).unwrap();
    block_on(async {
        for id in 1..=COUNT {
            assert!(office.admit(message(id, 30_000, &[0])).await);
        }
        assert!(office.close().await);
    });
    let segments = disk.names_with(".seg");
    assert!(segments.len() > 1);
    (disk, segments)
}

/// Damages a file, reopens; gives the ids that are whole, and the office.
fn reopen(disk: &FakeDisk) -> (Vec<u64>, Office) {
    let office = Office::open(disk, &SETTINGS, Accounts::default()).unwrap();
    let whole = (1..=COUNT).filter(|id| {
        let id = Id::from_u64(*id);
        office
            .queue
            .message(id)
            .is_ok_and(|found| found == octets(id.as_u64(), 30_000))
    });
    (whole.collect(), office)
}

#[test]
fn damaged_headers_cost_one_message_each_and_are_reported() {
    for file in 0..2 {
        let (disk, segments) = filled();
        let mut place = 0;
        disk.tamper(&segments[file], |octets| {
            // The third record that starts with the salt of the first.
            let salt: [u8; 8] = octets[..8].try_into().unwrap();
            let mut starts = (0..octets.len() - 8)
                .step_by(8)
                .filter(|at| octets[*at..*at + 8] == salt);
            place = starts.nth(2).unwrap();
            octets[place + 20] ^= 0x40;
        });
        let (whole, office) = reopen(&disk);
        let report = office.queue.recovery().clone();
        assert_eq!(whole.len() as u64, COUNT - 1, "{report:?}");
        assert_eq!((report.damaged_count, report.torn_octets), (1, 0));
        assert_eq!(
            (report.damaged[0].from, &report.damaged[0].file),
            (place as u64, &segments[file])
        );
        // The rest moves out while mail flows; then the file is set aside, and the next start has nothing new to report.
        block_on(async {
            for id in 1_000..2_000 {
                assert!(office.admit(message(id, 10, &[0])).await);
                if !disk.names_with(".damaged").is_empty() {
                    break;
                }
            }
            office.close().await;
        });
        let (whole_later, office) = reopen(&disk);
        let report = office.queue.recovery();
        assert_eq!(whole_later, whole);
        assert_eq!(
            (report.damaged_count, report.files_set_aside),
            (0, 1),
            "{report:?}"
        );
    }
}

#[test]
fn a_message_with_damaged_octets_stays_on_hold() {
    for file in 0..2 {
        let (disk, segments) = filled();
        disk.tamper(&segments[file], |octets| octets[40_000] ^= 1);
        let (whole, office) = reopen(&disk);
        assert_eq!(whole.len() as u64, COUNT - 1);
        let lost = (1..=COUNT).find(|id| !whole.contains(id)).unwrap();
        let answer = office.queue.message(Id::from_u64(lost));
        assert!(
            matches!(answer, Err(StoreError::Disk(error)) if error.kind() == std::io::ErrorKind::InvalidData)
        );
        let (_, recipients) = office.queue.get(Id::from_u64(lost)).unwrap();
        assert!(
            matches!(recipients[0].state, RecipientState::Held { .. }),
            "{recipients:?}"
        );
        assert_eq!(office.queue.lease_due(minute(1), 100).len() as u64, COUNT - 1);
        block_on(office.close());
        drop(office);
        let (_, office) = reopen(&disk);
        assert_eq!(office.queue.counts().held, 1, "still there, still held");
    }
}

#[test]
fn a_message_damaged_while_it_is_leased_is_held_when_it_is_settled() {
    let (disk, segments) = filled();
    let office = Office::open(&disk, &SETTINGS, Accounts::default()).unwrap();
    let leases = office.queue.lease_due(minute(1), 100);
    disk.tamper(&segments[0], |octets| octets[40_000] ^= 1);
    block_on(async {
        for lease in &leases {
            let id = lease.envelope.id;
            if office.queue.message(id).is_err() {
                office
                    .queue
                    .settle(id, vec![(0, crate::queue::again(5))], None)
                    .await
                    .unwrap();
                assert_eq!(office.queue.counts().held, 1);
            }
        }
    });
    assert_eq!(office.queue.counts().held, 1);
}

#[test]
fn a_hole_of_zeros_and_a_cut_tail_are_noticed() {
    let (disk, segments) = filled();
    disk.tamper(&segments[0], |octets| octets[60_000..140_000].fill(0));
    let (whole, office) = reopen(&disk);
    let report = office.queue.recovery();
    assert!((14..=17).contains(&whole.len()), "{whole:?}");
    assert!(report.damaged_count >= 1, "{report:?}");
    assert_eq!(
        office.queue.counts().messages - office.queue.counts().held,
        whole.len() as u64
    );

    let (disk, segments) = filled();
    disk.tamper(&segments[0], |octets| octets.truncate(70_000));
    let (whole, office) = reopen(&disk);
    let report = office.queue.recovery();
    assert!(whole.len() < 18, "{whole:?}");
    assert!(report.damaged_count >= 1, "{report:?}");
}

#[test]
fn forged_records_inside_a_message_are_not_believed() {
    let (disk, segments) = filled();
    // A message whose body is the copy of a segment: valid records, but with another segment's salt.
    let mut copy = Vec::new();
    disk.tamper(&segments[0], |octets| copy = octets.clone());
    let other = FakeDisk::default();
    let office = Office::open(&other, &SETTINGS, Accounts::default()).unwrap();
    let mut forged = message(50, 10, &[0]);
    forged.envelope.size_octets = copy.len() as u64;
    forged.chunks = vec![copy.into()];
    block_on(async {
        office.queue.admit(forged).await.unwrap();
        office.queue.admit(message(51, 10, &[0])).await.unwrap();
        office.queue.close().await.unwrap();
    });
    drop(office);
    let name = other.names_with(".seg").pop().unwrap();
    other.tamper(&name, |octets| {
        let salt: [u8; 8] = octets[..8].try_into().unwrap();
        let header = (8..octets.len() - 8)
            .step_by(8)
            .find(|at| octets[*at..*at + 8] == salt)
            .unwrap();
        octets[header + 12] ^= 0xff;
    });
    let office = Office::open(&other, &SETTINGS, Accounts::default()).unwrap();
    let ids: Vec<u64> = office
        .queue
        .list(&store::QueueFilter::default(), None, 99)
        .iter()
        .map(|row| row.envelope.id.as_u64())
        .collect();
    assert_eq!(ids, [51]);
    assert_eq!(office.queue.recovery().damaged_count, 1);
}

/// Where the record of that kind with that id begins.
fn place_of(disk: &FakeDisk, kind: u8, id: u64) -> Option<(String, usize)> {
    disk.names_with(".seg").into_iter().find_map(|name| {
        let octets = disk.content(&name)?;
        let salt = octets.get(..8)?.to_vec();
        let is_it = |at: &usize| {
            octets[*at..].starts_with(&salt)
                && octets[at + 12] == kind
                && octets[at + 48..].starts_with(&id.to_le_bytes())
        };
        let at = (0..octets.len().saturating_sub(56)).step_by(8).find(is_it)?;
        Some((name, at))
    })
}

#[test]
fn what_the_disk_does_not_give_at_start_is_damage_and_its_file_is_kept() {
    let disk = FakeDisk::default();
    let office = Office::open(&disk, &SETTINGS, Accounts::default()).unwrap();
    block_on(async {
        for id in 1..=3 {
            assert!(office.admit(message(id, 1_000, &[0])).await);
        }
    });
    // The process dies, and the block with the last record, behind which nothing was ever written, cannot be read.
    let disk = disk.crash(Left::All);
    let (name, at) = place_of(&disk, 2, 3).unwrap();
    disk.refuse_reads(&name, at..at + 1);
    let opened = Office::open(&disk, &SETTINGS, Accounts::default()).unwrap();
    let report = opened.queue.recovery().clone();
    assert!(report.damaged_count > 0 && report.torn_octets == 0, "{report:?}");
    block_on(async {
        for id in 100..200 {
            assert!(opened.admit(message(id, 10, &[0])).await);
        }
        opened.deliver_all().await;
        assert!(opened.close().await);
    });
    drop(opened);
    assert_eq!(disk.names_with(&name).len(), 1, "{:?}", disk.names_with(""));
}

#[test]
fn an_end_that_could_not_be_read_keeps_its_segment() {
    let disk = FakeDisk::default();
    let office = Office::open(&disk, &SETTINGS, Accounts::default()).unwrap();
    let deliver = async |ids: std::ops::Range<u64>| {
        for id in ids {
            assert!(office.admit(message(id, 30_000, &[0])).await);
            for lease in office.queue.lease_due(minute(1), 9) {
                office.settle(&lease, true, None).await;
            }
        }
    };
    block_on(async {
        // The first stays and keeps its segment; the second lies beside it and ends in another segment.
        assert!(office.admit(message(1, 1_000, &[500])).await);
        assert!(office.admit(message(2, 1_000, &[20])).await);
        deliver(10..30).await;
        for lease in office.queue.lease_due(minute(30), 9) {
            office.settle(&lease, true, None).await;
        }
        deliver(30..31).await;
        let (name, _) = place_of(&disk, 4, 2).unwrap();
        assert_ne!(name, place_of(&disk, 2, 1).unwrap().0);
        disk.refuse_reads(&name, 0..usize::MAX);
        deliver(31..80).await;
        disk.heal();
        assert!(office.close().await);
    });
    let books = office.books().clone();
    drop(office);
    let office = Office::open(&disk, &SETTINGS, books).unwrap();
    office.books().audit(&office.queue).unwrap();
}
