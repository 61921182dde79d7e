//! SHA-256 fed in small pieces: collects them, because every call into the crypto library costs more than a short copy.

use super::canonical::Sink;
use aws_lc_rs::digest::{Context, Digest, SHA256};

/// Size of the collecting buffer.
const BUFFER_OCTETS_MAX: usize = 4096;

/// A running hash that may stop early (the `l=` tag of RFC 6376 §3.5).
pub struct Sha256 {
    context: Context,
    buffer: Vec<u8>,
    left: u64,
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::limited(u64::MAX)
    }
}

impl Sha256 {
    /// Takes the first `octets_max` octets only.
    pub fn limited(octets_max: u64) -> Self {
        Self {
            context: Context::new(&SHA256),
            buffer: Vec::with_capacity(BUFFER_OCTETS_MAX),
            left: octets_max,
        }
    }

    /// The hash of everything that was put in.
    pub fn finish(mut self) -> Digest {
        self.context.update(&self.buffer);
        self.context.finish()
    }

    /// How many of the octets allowed were not put in.
    pub fn left(&self) -> u64 {
        self.left
    }
}

impl Sink for Sha256 {
    fn put(&mut self, octets: &[u8]) {
        let taken = usize::try_from(self.left).map_or(octets.len(), |left| left.min(octets.len()));
        let octets = &octets[..taken];
        self.left -= taken as u64;
        if self.buffer.len() + taken > BUFFER_OCTETS_MAX {
            self.context.update(&self.buffer);
            self.buffer.clear();
        }
        if taken > BUFFER_OCTETS_MAX / 2 {
            self.context.update(&self.buffer);
            self.buffer.clear();
            self.context.update(octets);
        } else {
            self.buffer.extend_from_slice(octets);
        }
    }
}
