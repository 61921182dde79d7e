//! The whole store: opened by one at a time, closed in order.

use crate::block_on;
use crate::queue::{arrival, octets};
use std::path::Path;
use store::{Campaigns, Directory, Settings, Store, StoreError};
use trace::Id;

fn settings(path: &Path) -> Settings {
    Settings {
        directory: path.join("data"),
        free_octets_min: 0,
        messages_max: 10,
        stories_kept_days: 1,
        stories_octets_max: 1 << 30,
        geo_databases: Vec::new(),
        campaign_messages_max: Campaigns::MEMBERS_MIN,
    }
}

#[test]
fn one_process_at_a_time_but_the_directory_may_be_used_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let store = Store::open(&settings).unwrap();
    assert!(matches!(Store::open(&settings), Err(StoreError::Unusable(_))));
    Directory::open(&settings.directory).unwrap();
    block_on(async {
        store.queue.admit(arrival(5, 100, &[0])).await.unwrap();
        store.close().await.unwrap();
        store.close().await.unwrap();
    });
    drop(store);
    let store = Store::open(&settings).unwrap();
    assert_eq!(store.queue.message(Id::from_u64(5)).unwrap(), octets(5, 100));
    assert_eq!(store.queue.recovery().messages, 1);
}

#[test]
fn a_place_that_cannot_be_used_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data"), "a file").unwrap();
    assert!(matches!(
        Store::open(&settings(folder.path())),
        Err(StoreError::Unusable(_))
    ));
}

/// Every file of a folder with its octets.
fn files(path: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.append(&mut files(&path));
        } else {
            all.push((path.clone(), std::fs::read(path).unwrap()));
        }
    }
    all.sort();
    all
}

#[test]
fn verifying_reads_all_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    assert!(store::verify(&settings.directory).is_err(), "nothing is there");
    let store = Store::open(&settings).unwrap();
    block_on(async {
        for id in 1..=3 {
            store.queue.admit(arrival(id, 10_000, &[0])).await.unwrap();
        }
    });
    assert!(
        matches!(store::verify(&settings.directory), Err(StoreError::Unusable(_))),
        "it is in use"
    );
    block_on(store.close()).unwrap();
    drop(store);
    let before = files(&settings.directory);
    let found = store::verify(&settings.directory).unwrap();
    assert!(!found.is_damaged(), "{found:?}");
    assert_eq!((found.queue.segments, found.queue.messages), (1, 3));
    assert_eq!(
        found.databases,
        [("control.db", Vec::new()), ("stories.db", Vec::new())]
    );
    assert!(files(&settings.directory) == before, "something was changed");

    // One octet of a message, though its segment was closed in order; and a page of a database.
    let (segment, mut octets) = before
        .iter()
        .find(|(path, _)| path.extension().is_some_and(|end| end == "seg"))
        .cloned()
        .unwrap();
    let wanted = crate::queue::octets(2, 10_000);
    let at = octets
        .windows(100)
        .position(|stretch| stretch == &wanted[5_000..5_100])
        .unwrap();
    octets[at] ^= 1;
    std::fs::write(&segment, &octets).unwrap();
    let database = settings.directory.join("stories.db");
    let mut pages = std::fs::read(&database).unwrap();
    pages[4_096..8_192].fill(0xaa);
    std::fs::write(&database, pages).unwrap();
    let before = files(&settings.directory);
    let found = store::verify(&settings.directory).unwrap();
    assert!(found.is_damaged());
    assert_eq!(found.queue.damaged_count, 1, "{found:?}");
    assert_eq!(found.queue.damaged[0].id, Some(Id::from_u64(2)));
    assert!(!found.databases[1].1.is_empty(), "{found:?}");
    assert!(files(&settings.directory) == before, "something was changed");
}
