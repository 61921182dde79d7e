//! Every call to the disk goes wrong once, in every way, and afterwards the books are right: what was promised is there with its
//! octets and recipients, nothing else is, nothing is damaged, and the queue works on.

mod accounts;
mod damage;
mod disk;
mod full;
mod refused;
mod story;

use crate::block_on;
use crate::queue::{SETTINGS, minute, octets};
use accounts::{Accounts, Promise};
use disk::{FakeDisk, Left, Trouble};
use story::Office;

/// Runs a day with the planned trouble. Gives the books, and whether the trouble happened.
fn day_with(disk: &FakeDisk, books: Accounts, base: u64) -> (Accounts, bool) {
    let Ok(office) = Office::open(disk, &SETTINGS, books.clone()) else {
        return (books, disk.fired());
    };
    block_on(async {
        tokio::select! {
            biased;
            () = disk.stopped() => {}
            _ = async { office.day(base).await; office.close().await } => {}
        }
    });
    let books = office.books().clone();
    (books, disk.fired())
}

/// After the trouble: opens, audits, works on, delivers everything, and audits again.
fn aftermath(disk: &FakeDisk, books: Accounts) -> Result<(), String> {
    let office =
        Office::open(disk, &SETTINGS, books).map_err(|error| format!("cannot be opened: {error}"))?;
    office.books().audit(&office.queue)?;
    office.books().start_again(&office.queue);
    let closed = block_on(async {
        let works = office.admit(accounts::message(9_000, 3_000, &[0])).await;
        office.deliver_all().await;
        works && office.close().await
    });
    if !closed {
        return Err("does not work after the trouble".to_owned());
    }
    let books = office.books().clone();
    drop(office);
    let office =
        Office::open(disk, &SETTINGS, books).map_err(|error| format!("cannot be opened again: {error}"))?;
    office.books().audit(&office.queue)?;
    if office.queue.counts().messages > 0 || office.queue.next_due().is_some_and(|due| due < minute(0)) {
        return Err(format!("not empty: {:?}", office.queue.counts()));
    }
    Ok(())
}

/// Fails call after call until a whole day passes without reaching the failing one.
fn every_call(trouble: Trouble, calls: u64, left: Option<Left>) {
    let mut reached = 0;
    for call in 0.. {
        let disk = FakeDisk::default();
        disk.plan(call..call + calls, trouble);
        let (books, fired) = day_with(&disk, Accounts::default(), 100);
        let after = if let Some(left) = left {
            disk.crash(left)
        } else {
            disk.heal();
            disk.clone()
        };
        aftermath(&after, books)
            .unwrap_or_else(|error| panic!("{trouble:?} at call {call}, {left:?}: {error}"));
        if !fired {
            reached = call;
            break;
        }
    }
    assert!(reached > 60, "only {reached} calls in a day");
}

#[test]
fn a_day_without_trouble_leaves_right_books() {
    let disk = FakeDisk::default();
    let (books, _) = day_with(&disk, Accounts::default(), 100);
    assert!(books.all.values().all(|account| account.promise == Promise::Kept));
    // The day is worth its name only if living messages move out of dying segments in it: 160 was admitted into one of the first
    // six segments.
    let wanted = octets(160, 1_000);
    let mut holders = disk.names_with(".seg");
    holders.retain(|name| {
        let content = disk.content(name).unwrap();
        content.windows(wanted.len()).any(|stretch| stretch == wanted)
    });
    assert!(
        !holders.is_empty() && holders.iter().all(|name| name.as_str() > "0000000009"),
        "{holders:?}"
    );
    aftermath(&disk, books).unwrap();
}

#[test]
fn every_call_gives_eio() {
    every_call(Trouble::Io, 1, None);
}

#[test]
fn the_disk_is_broken_for_seven_calls() {
    every_call(Trouble::Io, 7, None);
}

/// Longer than the end of the day and its last attempts take: then nothing can declare void what was refused, and the close says
/// that it failed.
#[test]
fn the_disk_is_broken_for_twenty_five_calls() {
    every_call(Trouble::Io, 25, None);
}

#[test]
fn every_call_gives_enospc() {
    every_call(Trouble::Full, 1, None);
}

#[test]
fn every_write_is_short() {
    every_call(Trouble::Short, 1, None);
}

#[test]
fn every_write_is_short_and_fails_then() {
    every_call(Trouble::ShortThenIo, 1, None);
}

#[test]
fn the_process_dies_at_every_call() {
    every_call(Trouble::Stop, 1, Some(Left::All));
}

#[test]
fn power_fails_at_every_call_and_all_unsynced_is_lost() {
    every_call(Trouble::Stop, 1, Some(Left::Nothing));
}

#[test]
fn power_fails_at_every_call_and_some_unsynced_sectors_survive() {
    for seed in [0x5eed, 0xbeef_0001] {
        every_call(Trouble::Stop, 1, Some(Left::Some(seed)));
    }
}

#[test]
fn an_error_and_then_a_power_cut() {
    for call in (0..120).step_by(3) {
        let disk = FakeDisk::default();
        disk.plan(call..call + 2, Trouble::Io);
        let (books, _) = day_with(&disk, Accounts::default(), 100);
        let after = disk.crash(Left::Some(call));
        aftermath(&after, books).unwrap_or_else(|error| panic!("call {call}: {error}"));
    }
}

/// The process dies; the next one reads from the page cache what is not durable, and cannot make it so. It writes all of it anew.
#[test]
fn a_sync_that_fails_at_start() {
    let mut unsure = 0;
    // Where the process dies between two batches hangs on how the threads run: until some start had work to do.
    for call in 0..100 {
        if call >= 8 && unsure > 0 {
            break;
        }
        let disk = FakeDisk::default();
        disk.plan(120 + call..121 + call, Trouble::Stop);
        let (books, _) = day_with(&disk, Accounts::default(), 100);
        let disk = disk.crash(Left::All);
        let before = disk.names_with(".seg");
        disk.fail_next_sync();
        let office = Office::open(&disk, &SETTINGS, books).unwrap();
        assert!(disk.fired());
        office.books().audit(&office.queue).unwrap();
        office.books().start_again(&office.queue);
        // What the failed sync was for: the segment with the last records, unless the process died between two batches.
        let mut old = disk.unsynced_segments();
        old.retain(|name| before.contains(name));
        unsure += old.len();
        block_on(async {
            for id in 5_000..6_000 {
                if old.iter().all(|name| disk.names_with(name).is_empty()) {
                    return;
                }
                assert!(office.admit(accounts::message(id, 10, &[0])).await);
            }
            panic!("{old:?} is still there");
        });
        let books = office.books().clone();
        let after = disk.crash(Left::Nothing);
        drop(office);
        aftermath(&after, books).unwrap_or_else(|error| panic!("call {call}: {error}"));
    }
    assert!(unsure > 0, "no start had anything to write anew");
}

/// Crash after crash on one disk, also while it recovers.
#[test]
fn ten_crashes_in_a_row() {
    for seed in 1_u64..25 {
        let mut disk = FakeDisk::default();
        let mut books = Accounts::default();
        for day in 0..10_u64 {
            let dice = (seed * 1_000 + day).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            disk.plan(dice % 240..dice % 240 + 1, Trouble::Stop);
            (books, _) = day_with(&disk, books, 1_000 * (day + 1));
            disk = disk.crash(match dice % 3 {
                0 => Left::All,
                1 => Left::Nothing,
                _ => Left::Some(dice),
            });
            let office = Office::open(&disk, &SETTINGS, books).unwrap();
            office
                .books()
                .audit(&office.queue)
                .unwrap_or_else(|error| panic!("seed {seed}, day {day}: {error}"));
            office.books().start_again(&office.queue);
            books = office.books().clone();
        }
    }
}

/// The proof that this harness would notice: a disk that lies about syncing must fail the audit.
#[test]
fn a_lying_sync_is_noticed() {
    let noticed = (20..100).step_by(8).filter(|call| {
        let disk = FakeDisk::lying();
        disk.plan(*call..*call + 1, Trouble::Stop);
        let (books, _) = day_with(&disk, Accounts::default(), 100);
        aftermath(&disk.crash(Left::Nothing), books).is_err()
    });
    assert_eq!(noticed.count(), 10);
}
