//! The segment log, as it is shipped; the disk counts syncs.

use crate::Layout;
use jiff::Timestamp;
use mail::smtp::Reply;
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::{Arrival, Disk, DiskFile, Folder, Queue, QueueSettings, Settlement, Terminal};

pub struct Log {
    queue: Queue,
    syncs: Arc<AtomicU64>,
}

impl Log {
    pub fn open(path: &Path) -> Self {
        let syncs = Arc::new(AtomicU64::new(0));
        let disk = Counting {
            folder: Folder::open(&path.join("queue")).unwrap(),
            syncs: syncs.clone(),
        };
        let settings = QueueSettings {
            free_octets_min: 1 << 20,
            messages_max: 1_000_000,
            segment_octets: QueueSettings::SEGMENT_OCTETS,
            retry_after: QueueSettings::RETRY_AFTER,
        };
        Self {
            queue: Queue::open(Arc::new(disk), &settings).unwrap(),
            syncs,
        }
    }
}

impl Layout for Log {
    fn name(&self) -> &'static str {
        "segment log"
    }

    async fn admit(&self, message: Arrival) {
        self.queue.admit(message).await.unwrap();
    }

    async fn deliver(&self, count: u64) {
        let mut delivered = 0;
        while delivered < count {
            let leases = self.queue.lease_due(Timestamp::UNIX_EPOCH, 100);
            if leases.is_empty() {
                self.queue.changed().await;
            }
            for lease in leases {
                let id = lease.envelope.id;
                let octets = self.queue.message(id).unwrap();
                assert_eq!(octets.len() as u64, lease.envelope.size_octets);
                let reply = Reply::new(250, (2, 0, 0), "queued as 4Zq1234567z");
                self.queue
                    .settle(id, vec![(0, Settlement::Done(Terminal::Delivered, reply))], None)
                    .await
                    .unwrap();
                delivered += 1;
            }
            tokio::task::yield_now().await;
        }
    }

    fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
struct Counting {
    folder: Folder,
    syncs: Arc<AtomicU64>,
}

impl Counting {
    fn file(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(CountingFile {
            file,
            syncs: self.syncs.clone(),
        })
    }
}

impl Disk for Counting {
    fn list(&self) -> io::Result<Vec<String>> {
        self.folder.list()
    }

    fn create(&self, name: &str, octets: u64) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.file(self.folder.create(name, octets)?))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.file(self.folder.open(name)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.folder.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.folder.remove(name)
    }

    fn sync_names(&self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.folder.sync_names()
    }

    fn free_octets(&self) -> io::Result<u64> {
        self.folder.free_octets()
    }
}

#[derive(Debug)]
struct CountingFile {
    file: Arc<dyn DiskFile>,
    syncs: Arc<AtomicU64>,
}

impl DiskFile for CountingFile {
    fn append(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.file.append(slices)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.file.sync()
    }

    fn truncate(&self, octets: u64) -> io::Result<()> {
        self.file.truncate(octets)
    }

    fn octets(&self) -> io::Result<u64> {
        self.file.octets()
    }
}
