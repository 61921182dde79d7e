//! The whole store: opened by one at a time, closed in order.

use crate::block_on;
use crate::queue::{arrival, octets};
use std::path::Path;
use store::{Directory, Settings, Store, StoreError};
use trace::Id;

fn settings(path: &Path) -> Settings {
    Settings {
        directory: path.join("data"),
        free_octets_min: 0,
        messages_max: 10,
        stories_kept_days: 1,
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
