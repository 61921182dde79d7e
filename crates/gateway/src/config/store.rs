//! `[store]`: where things are kept.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[store]`: where things are kept.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// The data directory. Default: `/var/lib/dogana`.
    pub directory: Option<PathBuf>,
    /// New mail is answered 452 when less than this is free, in octets. Default: 512 MiB.
    pub free_octets_min: Option<u64>,
    /// Messages in the queue; beyond it new mail is answered 452. Default: 1000000.
    pub messages_max: Option<usize>,
    /// Days for which stories are kept. Default: 30.
    pub stories_kept_days: Option<u32>,
    /// Octets that stories may take, at least 16 MiB; the oldest are forgotten before their time when there are more. Default: 10 GiB.
    pub stories_octets_max: Option<u64>,
    /// Databases in the MaxMind format that tell the country or the provider (autonomous system) of an address; the first that
    /// knows something tells it. Read at the start. Default: none, and then a new network is no new country.
    pub geo_databases: Vec<PathBuf>,
    /// Messages of the last 72 hours that are remembered, in memory, to find alike ones of other senders; those of one sender that
    /// are alike count as one. At least 1024, rounded up to a power of two; 250 octets each, with long names up to 600. Default: 131072.
    pub campaign_messages_max: Option<usize>,
}
