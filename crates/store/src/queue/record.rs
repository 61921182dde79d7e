//! How a record lies in a segment: a header of 48 octets, the meta part, a message's octets, zeros up to a multiple of 8.
//!
//! ```text
//!  0  salt         the segment's own random number; nobody outside can forge a record inside a message
//!  8  header CRC   CRC-32 of octets 12 to 47
//! 12  kind, version, two zeros
//! 16  meta octets         20  message octets
//! 24  meta CRC            28  message CRC
//! 32  sequence number     40  synced: all records with a lower number were durable when this one was written
//! ```
//! The header's checksum covers the other two, so the whole record is covered. Numbers are little-endian.
//! Promises: [`Header::read`] gives only what was written by [`Header::write`] with the same salt.

/// Octets of a header.
pub(super) const HEADER_OCTETS: usize = 48;
/// Records begin at multiples of this.
pub(super) const ALIGNMENT: usize = 8;
/// The version this code writes. Higher ones are read as far as they are understood: parts only ever grow at their ends.
pub(super) const VERSION: u8 = 1;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// First in a segment: which stretches of other segments are void.
    Begin = 1,
    /// A message with envelope, recipients and their states.
    Arrival = 2,
    /// New states of some recipients.
    States = 3,
    /// A message is over.
    Forget = 4,
    /// The queue was closed in order; all before is durable.
    End = 5,
}

impl Kind {
    fn from_octet(octet: u8) -> Option<Self> {
        [Self::Begin, Self::Arrival, Self::States, Self::Forget, Self::End]
            .into_iter()
            .find(|kind| *kind as u8 == octet)
    }
}

/// The header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) version: u8,
    pub(super) meta_octets: u32,
    pub(super) octets: u32,
    pub(super) meta_crc: u32,
    pub(super) octets_crc: u32,
    pub(super) sequence: u64,
    pub(super) synced: u64,
}

impl Header {
    /// A header for these parts; sequence numbers are filled in by the writer.
    pub(super) fn new(kind: Kind, meta: &[u8], octets: u32, octets_crc: u32) -> Self {
        let meta_octets = u32::try_from(meta.len()).unwrap_or(u32::MAX);
        Self {
            kind,
            version: VERSION,
            meta_octets,
            octets,
            meta_crc: crc32fast::hash(meta),
            octets_crc,
            sequence: 0,
            synced: 0,
        }
    }

    /// Octets of the whole record in the file.
    pub(super) fn record_octets(&self) -> u64 {
        record_octets(u64::from(self.meta_octets), u64::from(self.octets))
    }

    /// Where the message's octets begin, counted from the record's begin.
    pub(super) fn octets_at(&self) -> u64 {
        HEADER_OCTETS as u64 + u64::from(self.meta_octets)
    }

    /// Appends the header.
    pub(super) fn write(&self, salt: u64, out: &mut Vec<u8>) {
        let mut rest = [0; HEADER_OCTETS - 12];
        rest[0] = self.kind as u8;
        rest[1] = self.version;
        rest[4..8].copy_from_slice(&self.meta_octets.to_le_bytes());
        rest[8..12].copy_from_slice(&self.octets.to_le_bytes());
        rest[12..16].copy_from_slice(&self.meta_crc.to_le_bytes());
        rest[16..20].copy_from_slice(&self.octets_crc.to_le_bytes());
        rest[20..28].copy_from_slice(&self.sequence.to_le_bytes());
        rest[28..36].copy_from_slice(&self.synced.to_le_bytes());
        out.extend_from_slice(&salt.to_le_bytes());
        out.extend_from_slice(&crc32fast::hash(&rest).to_le_bytes());
        out.extend_from_slice(&rest);
    }

    /// Reads a header; None when salt, checksum or kind do not fit.
    pub(super) fn read(salt: u64, octets: &[u8]) -> Option<Self> {
        let octets: &[u8; HEADER_OCTETS] = octets.first_chunk()?;
        let (found, rest) = octets.split_first_chunk::<8>()?;
        let (crc, rest) = rest.split_first_chunk::<4>()?;
        if u64::from_le_bytes(*found) != salt || u32::from_le_bytes(*crc) != crc32fast::hash(rest) {
            return None;
        }
        Some(Self {
            kind: Kind::from_octet(rest[0])?,
            version: rest[1],
            meta_octets: u32_at(rest, 4)?,
            octets: u32_at(rest, 8)?,
            meta_crc: u32_at(rest, 12)?,
            octets_crc: u32_at(rest, 16)?,
            sequence: u64_at(rest, 20)?,
            synced: u64_at(rest, 28)?,
        })
    }
}

/// Octets of a record with these parts, padding included.
pub(super) fn record_octets(meta_octets: u64, octets: u64) -> u64 {
    (HEADER_OCTETS as u64 + meta_octets + octets).next_multiple_of(ALIGNMENT as u64)
}

fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    octets
        .get(at..)?
        .first_chunk()
        .map(|chunk| u32::from_le_bytes(*chunk))
}

fn u64_at(octets: &[u8], at: usize) -> Option<u64> {
    octets
        .get(at..)?
        .first_chunk()
        .map(|chunk| u64::from_le_bytes(*chunk))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Header {
        Header {
            sequence: 7,
            synced: 5,
            ..Header::new(Kind::Arrival, b"meta", 9, 0xdead_beef)
        }
    }

    #[test]
    fn a_header_comes_back_as_it_was() {
        let mut out = Vec::new();
        sample().write(42, &mut out);
        assert_eq!(out.len(), HEADER_OCTETS);
        assert_eq!(Header::read(42, &out), Some(sample()));
        assert_eq!(sample().record_octets(), 64);
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let mut good = Vec::new();
        sample().write(42, &mut good);
        for bit in 0..HEADER_OCTETS * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::read(42, &bad), None, "bit {bit}");
        }
        assert_eq!(Header::read(43, &good), None, "another segment's salt");
        assert_eq!(Header::read(42, &good[..47]), None, "cut short");
    }
}
