//! What was refused stays away (docs/spool.md, promise 4): the writer declares it void by itself, also when nothing else comes.

use super::accounts::{Accounts, message};
use super::disk::{FakeDisk, Left};
use super::story::Office;
use crate::block_on;
use crate::queue::SETTINGS;
use std::time::{Duration, Instant};

/// A queue with one message, and a second one that is written, refused because it could not be synced, and could not be cut off.
async fn refused_and_written(disk: &FakeDisk) -> Office {
    let office = Office::open(disk, &SETTINGS, Accounts::default()).unwrap();
    assert!(office.admit(message(1, 3_000, &[0])).await);
    disk.refuse_syncs();
    assert!(!office.admit(message(2, 3_000, &[0])).await);
    office
}

/// Opens what a crash left and compares.
fn audit(disk: &FakeDisk, books: Accounts, left: Left) {
    let office = Office::open(&disk.crash(left), &SETTINGS, books).unwrap();
    office
        .books()
        .audit(&office.queue)
        .unwrap_or_else(|error| panic!("{left:?}: {error}"));
}

#[test]
fn a_close_declares_it_void() {
    for left in [Left::All, Left::Nothing, Left::Some(7)] {
        let disk = FakeDisk::default();
        let office = block_on(async {
            let office = refused_and_written(&disk).await;
            disk.heal();
            assert!(office.close().await);
            office
        });
        let books = office.books().clone();
        audit(&disk, books, left);
    }
}

#[test]
fn a_close_that_cannot_says_so() {
    let disk = FakeDisk::default();
    block_on(async {
        let office = refused_and_written(&disk).await;
        assert!(!office.close().await);
    });
}

#[test]
fn the_writer_declares_it_void_when_the_disk_is_well_again() {
    let disk = FakeDisk::default();
    let office = block_on(refused_and_written(&disk));
    // The queue looks empty of work: nobody waits for anything. The refusal is final once another segment is durable.
    let before = office.books().clone();
    disk.heal();
    let patience = Instant::now() + Duration::from_secs(60);
    while !disk.newest_is_durable() || disk.names_with(".seg").len() < 2 {
        assert!(Instant::now() < patience, "the writer does nothing");
        std::thread::yield_now();
    }
    office.books().flushed(&before);
    let books = office.books().clone();
    for left in [Left::All, Left::Nothing, Left::Some(11)] {
        audit(&disk, books.clone(), left);
    }
}

/// Each failure leaves a void segment behind. Their number is bounded, and none is forgotten.
#[test]
fn a_disk_that_fails_a_thousand_times() {
    let disk = FakeDisk::default();
    let office = block_on(async {
        let office = refused_and_written(&disk).await;
        for id in 3..1_150 {
            assert!(!office.admit(message(id, 10, &[0])).await);
        }
        let files = disk.names_with(".seg").len();
        assert!(files < 1_100, "{files} files");
        disk.heal();
        assert!(office.admit(message(9_000, 3_000, &[0])).await);
        office
    });
    let books = office.books().clone();
    for left in [Left::All, Left::Nothing, Left::Some(13)] {
        audit(&disk, books.clone(), left);
    }
}
