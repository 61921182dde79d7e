//! A full disk: new mail is refused, queued mail can be finished, and finishing makes room.

use super::accounts::{Accounts, message};
use super::disk::{FakeDisk, Left};
use super::story::Office;
use crate::block_on;
use crate::queue::{SETTINGS, minute};
use store::QueueSettings;

#[test]
fn queued_mail_is_finished_on_a_full_disk() {
    for free_octets_min in [0, 300_000] {
        let settings = QueueSettings {
            free_octets_min,
            ..SETTINGS
        };
        let disk = FakeDisk::of(3_000_000);
        let office = Office::open(&disk, &settings, Accounts::default()).unwrap();
        block_on(async {
            let mut taken = 0;
            for id in 1..=200 {
                taken += u64::from(office.admit(message(id, 30_000, &[0])).await);
            }
            assert!((40..100).contains(&taken), "{taken} messages");
            let refused = office.queue.admit(message(999, 30_000, &[0])).await.unwrap_err();
            assert!(refused.is_full(), "{refused}");
            let leases = office.queue.lease_due(minute(1), 1_000);
            assert_eq!(leases.len() as u64, taken);
            for (number, lease) in leases.iter().enumerate() {
                office.settle(lease, number % 10 > 0, None).await;
            }
            assert!(office.close().await, "outcomes fit on the full disk");
        });
        let books = office.books().clone();
        drop(office);
        let disk = disk.crash(Left::Nothing);
        let office = Office::open(&disk, &settings, books).unwrap();
        office.books().audit(&office.queue).unwrap();
        block_on(async {
            office.deliver_all().await;
            assert!(office.close().await);
        });
        drop(office);
        let office = Office::open(&disk, &settings, Accounts::default()).unwrap();
        let room = block_on(async {
            let mut taken = 0;
            for id in 2_001..=2_020 {
                taken += u64::from(office.admit(message(id, 30_000, &[0])).await);
            }
            taken
        });
        assert_eq!(room, 20, "there is room again");
    }
}
