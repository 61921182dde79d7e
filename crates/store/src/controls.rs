//! What operators paused, kept across restarts.

use crate::StoreError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a pause covers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "scope", content = "name", rename_all = "snake_case")]
pub enum PauseScope {
    /// All outgoing mail.
    All,
    /// A tenant.
    Tenant(String),
    /// A sender key.
    Sender(String),
    /// A destination domain or site.
    Destination(String),
    /// A pool.
    Pool(String),
}

/// A pause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// What.
    #[serde(flatten)]
    pub scope: PauseScope,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
}

/// The controls.
#[derive(Debug)]
pub struct Controls {}

impl Controls {
    /// Pauses; replaces a pause of the same scope. Durable on return.
    pub async fn pause(&self, _pause: Pause) -> Result<(), StoreError> {
        todo!()
    }

    /// Resumes; false when nothing was paused.
    pub async fn resume(&self, _scope: &PauseScope) -> Result<bool, StoreError> {
        todo!()
    }

    /// All pauses (from memory: cheap enough for each lease).
    pub fn pauses(&self) -> std::sync::Arc<Vec<Pause>> {
        todo!()
    }

    /// Waits until pauses change.
    pub async fn changed(&self) {
        todo!()
    }
}
