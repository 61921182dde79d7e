//! THE MEMORY. What survives a crash: queue and message bodies, directory, ledger, stories, controls.
//!
//! Promises: [`Queue::admit`] returns only when message, envelope and queue rows are on stable storage; 250 may be said then
//! and not before (RFC 5321 §4.2.5, §6.1). docs/spool.md has the state table. Judges nothing.
//! Trusts the file system to honour fsync; checks every record it reads back.

mod campaigns;
mod controls;
mod database;
mod directory;
mod error;
mod geo;
mod hosts;
mod ledger;
mod lock;
mod models;
mod password;
mod queue;
mod stories;
mod verify;

use std::path::PathBuf;
use std::sync::Arc;

pub use campaigns::{CampaignMember, Campaigns};
pub use controls::{Controls, Pause, PauseScope};
pub use directory::{
    Account, Directory, Domain, ImportReport, Login, Network, NetworkTrust, SigningKey, Tenant,
};
pub use error::StoreError;
pub use geo::{Geo, Located};
pub use hosts::Hosts;
pub use ledger::{Ledger, LedgerRow, Reservation};
pub use models::{
    LABELS_MAX, LABELS_OF_ACCOUNT_DAY_MAX, Label, ModelReport, Models, REFUSALS_DAY_MAX,
    REFUSALS_OF_ACCOUNT_DAY_MAX, SNAPSHOT_LABELS, SNAPSHOTS_KEPT, Snapshot,
};
pub use queue::{
    Arrival, Damage, Disk, DiskFile, Envelope, Folder, Lease, MESSAGE_OCTETS_MAX, Queue, QueueCounts,
    QueueFilter, QueueRow, QueueSettings, Recipient, RecipientState, Recovery, Settlement, Terminal,
};
pub use stories::{Stories, StoryFilter, StoryRow, StorySink};
pub use verify::{Verification, verify};

/// Where and how the store keeps things.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The data directory; made when missing.
    pub directory: PathBuf,
    /// New mail is refused when less than this is free on the file system.
    pub free_octets_min: u64,
    /// Messages in the queue; beyond it new mail is refused.
    pub messages_max: usize,
    /// Stories older than this are forgotten.
    pub stories_kept_days: u32,
    /// Octets of the stories; when there are more, the oldest are forgotten.
    pub stories_octets_max: u64,
    /// Databases of countries and providers in the MaxMind format; none is fine.
    pub geo_databases: Vec<PathBuf>,
    /// Messages remembered for finding alike ones of other senders.
    pub campaign_messages_max: usize,
}

/// The embedded store: a segment log for the queue, SQLite for everything else, both under one directory.
#[derive(Debug)]
pub struct Store {
    /// Messages on their way.
    pub queue: Queue,
    /// Tenants, domains, mailboxes, networks, keys.
    pub directory: Directory,
    /// What is remembered of senders.
    pub ledger: Ledger,
    /// Where links of accepted mail lead to.
    pub hosts: Hosts,
    /// Who sent alike messages of late.
    pub campaigns: Campaigns,
    /// Stories.
    pub stories: Stories,
    /// What was learned of texts.
    pub models: Models,
    /// Countries and providers of addresses.
    pub geo: Geo,
    /// What operators paused.
    pub controls: Controls,
    /// Held as long as the store is open.
    _lock: lock::Lock,
}

impl Store {
    /// Opens or makes the store; recovers what a crash left. One process at a time (a lock file says so), but
    /// [`Directory::open`] may be used beside it.
    ///
    /// Look at [`Queue::recovery`] afterwards: what it calls damaged is for the operator.
    pub fn open(settings: &Settings) -> Result<Arc<Self>, StoreError> {
        let directory = &settings.directory;
        let unusable = |error| StoreError::Unusable(format!("{}: {error}", directory.display()));
        std::fs::create_dir_all(directory).map_err(unusable)?;
        let lock = lock::Lock::take(directory)?;
        let folder = Folder::open(&directory.join("queue")).map_err(unusable)?;
        let queue = QueueSettings {
            free_octets_min: settings.free_octets_min,
            messages_max: settings.messages_max,
            segment_octets: QueueSettings::SEGMENT_OCTETS,
            retry_after: QueueSettings::RETRY_AFTER,
        };
        Ok(Arc::new(Self {
            queue: Queue::open(Arc::new(folder), &queue)?,
            directory: Directory::open(directory)?,
            ledger: Ledger::open(directory)?,
            hosts: Hosts::open(directory)?,
            campaigns: Campaigns::new(settings.campaign_messages_max),
            stories: Stories::open(directory, settings.stories_kept_days, settings.stories_octets_max)?,
            models: Models::open(directory)?,
            geo: Geo::open(&settings.geo_databases)?,
            controls: Controls::open(directory)?,
            _lock: lock,
        }))
    }

    /// Flushes and stops the writers. Further admissions are refused. All are flushed, whichever fails; the first error is told.
    pub async fn close(&self) -> Result<(), StoreError> {
        let queue = self.queue.close().await;
        let ledger = self.ledger.flush().await;
        let hosts = self.hosts.flush().await;
        let stories = self.stories.flush().await;
        let models = self.models.flush().await;
        queue.and(ledger).and(hosts).and(stories).and(models)
    }
}
