//! Octets of messages that were admitted a moment ago, so that immediate delivery reads nothing from the disk.
//!
//! Holds the session's own buffers, copies nothing. Limit: [`RECENT_OCTETS_MAX`]; the oldest message goes first.

use bytes::{Bytes, BytesMut};
use std::collections::BTreeMap;

/// Octets kept altogether.
pub(super) const RECENT_OCTETS_MAX: usize = 32 << 20;
/// A message larger than this is not kept.
const MESSAGE_OCTETS_MAX: usize = RECENT_OCTETS_MAX / 8;

/// The latest messages.
#[derive(Debug, Default)]
pub(super) struct Recent {
    messages: BTreeMap<u64, Vec<Bytes>>,
    octets: usize,
}

impl Recent {
    /// Keeps a message unless it is too large.
    pub(super) fn insert(&mut self, id: u64, chunks: Vec<Bytes>) {
        let octets = total(&chunks);
        if octets > MESSAGE_OCTETS_MAX {
            return;
        }
        self.remove(id);
        self.octets += octets;
        self.messages.insert(id, chunks);
        while self.octets > RECENT_OCTETS_MAX
            && let Some((_, chunks)) = self.messages.pop_first()
        {
            self.octets -= total(&chunks);
        }
    }

    /// Forgets a message.
    pub(super) fn remove(&mut self, id: u64) {
        if let Some(chunks) = self.messages.remove(&id) {
            self.octets -= total(&chunks);
        }
    }

    /// The chunks of a message.
    pub(super) fn get(&self, id: u64) -> Option<Vec<Bytes>> {
        self.messages.get(&id).cloned()
    }
}

/// One piece out of many.
pub(super) fn join(mut chunks: Vec<Bytes>) -> Bytes {
    if chunks.len() == 1 {
        return chunks.pop().unwrap_or_default();
    }
    let mut whole = BytesMut::with_capacity(total(&chunks));
    for chunk in &chunks {
        whole.extend_from_slice(chunk);
    }
    whole.freeze()
}

/// Octets of all chunks.
pub(super) fn total(chunks: &[Bytes]) -> usize {
    chunks.iter().map(Bytes::len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_holds_and_the_oldest_goes_first() {
        let mut recent = Recent::default();
        let mebibyte = Bytes::from(vec![7; 1 << 20]);
        for id in 0..40 {
            recent.insert(id, vec![mebibyte.clone()]);
            assert!(recent.octets <= RECENT_OCTETS_MAX);
        }
        assert_eq!(
            (0..40).filter(|id| recent.get(*id).is_some()).collect::<Vec<_>>(),
            (8..40).collect::<Vec<_>>()
        );
        recent.insert(99, vec![mebibyte; 5]);
        assert!(recent.get(99).is_none(), "too large to keep");
        for id in 0..40 {
            recent.remove(id);
        }
        assert_eq!(recent.octets, 0);
    }

    #[test]
    fn chunks_are_joined_in_order() {
        assert_eq!(
            join(vec![
                Bytes::from_static(b"one "),
                Bytes::new(),
                Bytes::from_static(b"two")
            ]),
            "one two"
        );
        assert_eq!(join(Vec::new()), "");
    }
}
