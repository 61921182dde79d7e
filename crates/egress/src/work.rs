//! A piece of work: recipients of one message that one transaction can serve.
//!
//! Promises: whatever way it ends, its recipients are settled or given back to the queue; nothing is forgotten under way.

use std::sync::Arc;
use store::{Envelope, Lease, Recipient, Store};
use tokio::sync::OwnedSemaphorePermit;
use trace::Scope;

/// Leased recipients of one message.
#[derive(Debug)]
pub(crate) struct Work {
    pub envelope: Arc<Envelope>,
    pub scope: Arc<Scope>,
    pub recipients: Vec<(u32, Recipient)>,
    /// How often it went back to a ready queue because a connection ended before it was its turn.
    pub returned: u8,
    /// Room in memory, while it is being sent and large.
    pub room: Option<OwnedSemaphorePermit>,
    store: Arc<Store>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Work {
    /// A whole lease. `permit` stands for its recipients in the bound of leased recipients.
    pub(crate) fn new(store: &Arc<Store>, lease: Lease, permit: Option<OwnedSemaphorePermit>) -> Self {
        let scope = Arc::new(lease.envelope.scope.clone());
        Self {
            envelope: lease.envelope,
            scope,
            recipients: lease.recipients,
            returned: 0,
            room: None,
            store: Arc::clone(store),
            permit,
        }
    }

    /// Splits off other recipients of the same message, with their share of the permit.
    pub(crate) fn split(&mut self, recipients: Vec<(u32, Recipient)>) -> Self {
        let permit = self
            .permit
            .as_mut()
            .and_then(|permit| permit.split(recipients.len()));
        Self {
            envelope: Arc::clone(&self.envelope),
            scope: Arc::clone(&self.scope),
            recipients,
            returned: self.returned,
            room: None,
            store: Arc::clone(&self.store),
            permit,
        }
    }

    /// Takes the recipients out, to settle them.
    pub(crate) fn take_recipients(&mut self) -> Vec<(u32, Recipient)> {
        std::mem::take(&mut self.recipients)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if !self.recipients.is_empty() {
            let indices: Vec<u32> = self.recipients.iter().map(|(index, _)| *index).collect();
            self.store.queue.give_back(self.envelope.id, &indices);
        }
    }
}
