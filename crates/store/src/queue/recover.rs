//! Reads the log at start: the index again, and an account of what could not be read.
//!
//! Strict. What lies behind the last sync of the last segment may be torn: it is cut off and counted. Anything else that does
//! not fit its checksum was acknowledged once and is damage: reported, isolated, its file kept. Which is which is known, because
//! every record says up to which number all records were durable when it was written. What the disk does not give at all is
//! always damage: nobody knows what it was.
//! Messages whose octets are bad but whose envelope is good stay in the queue, on hold.

use super::code::{Decoder, Unreadable, read_envelope, read_recipients};
use super::disk::Disk;
use super::index::{DAMAGED, Homes, Index, Place, Slots};
use super::record::{Header, Kind};
use super::report::{Damage, Recovery};
use super::scan::{Item, Scanner};
use super::segment::{Segment, Skip, parse_segment_name};
use super::slot::Slot;
use crate::StoreError;
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use trace::Id;

/// Damaged stretches named in a report; further ones are only counted.
const DAMAGES_MAX: usize = 1_000;

/// What the log's writer needs to go on.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) index: Index,
    pub(super) report: Recovery,
    pub(super) next_segment: u32,
    pub(super) next_sequence: u64,
    pub(super) skips: Vec<Skip>,
}

/// Why the log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To go on with it: what only the page cache holds is made durable.
    Open,
    /// To look: nothing is changed, and the octets of all messages are checked.
    Verify,
}

/// What reading the log finds, the octets of every message included. Nothing is changed. Nobody may be writing to it.
pub(super) fn verify(disk: &dyn Disk) -> Result<Recovery, StoreError> {
    Ok(recover(disk, Purpose::Verify)?.report)
}

/// A stretch that does not fit its checksum; torn or damaged is decided when all has been read.
#[derive(Debug)]
struct Suspect {
    segment: u32,
    from: u64,
    to: u64,
    /// The number of the first record that is bad.
    sequence: u64,
    id: Option<u64>,
    /// The disk did not give it: that says nothing of when it was written.
    unreadable: bool,
}

/// What may be believed of a segment.
#[derive(Clone, Copy, Debug)]
struct Trust {
    /// A later segment was begun, so all of this one was synced: octets of messages need no check now.
    octets: bool,
    /// Its first record is good. If not, that may be torn, and what the same batch says of syncs counts only together with it.
    begin: bool,
}

#[derive(Debug, Default)]
struct Reader {
    index: Index,
    report: Recovery,
    suspects: Vec<Suspect>,
    /// The segment read before and the number of its last record.
    last: Option<(u32, u64)>,
    /// Highest sequence number read.
    sequence: u64,
    /// Highest "durable below" read.
    synced: u64,
}

/// Reads everything.
pub(super) fn recover(disk: &dyn Disk, purpose: Purpose) -> Result<Recovered, StoreError> {
    let mut reader = Reader::default();
    let mut names = BTreeMap::new();
    for name in disk.list()? {
        if let Some((number, salt)) = parse_segment_name(&name) {
            names.insert(number, (name, salt));
        } else if name.ends_with(".seg.damaged") {
            reader.report.files_set_aside += 1;
        }
    }
    let mut skips = Vec::new();
    let mut begun = BTreeMap::new();
    for (number, (name, salt)) in &names {
        begun.insert(
            *number,
            read_begin(&mut Scanner::new(disk.open(name)?, *salt, u64::MAX)?, &mut skips)?,
        );
        reader
            .index
            .segments
            .all
            .insert(*number, Segment::new(name.clone(), *salt));
    }
    skips.retain(|skip: &Skip| names.contains_key(&skip.segment));
    skips.sort_by_key(|skip| (skip.segment, skip.from));
    skips.dedup();
    let last_begun = begun
        .iter()
        .rev()
        .find(|(_, begun)| **begun)
        .map_or(0, |(number, _)| *number);
    for (_, segment) in reader.index.segments.all.range_mut(last_begun..) {
        if purpose == Purpose::Verify {
            break;
        }
        // After a mere death of the process more can be read here than is durable. What is built on it must not be lost later.
        segment.unsure = segment
            .open(disk)?
            .sync()
            .and_then(|()| disk.sync_names())
            .is_err();
    }
    for number in names.keys() {
        let begun = begun.get(number).is_some_and(|begun| *begun);
        reader.read_segment(
            disk,
            *number,
            Trust {
                octets: purpose == Purpose::Open && *number < last_begun,
                begin: begun,
            },
            &skips,
        )?;
    }
    reader.finish(&mut skips);
    let next_segment = names.keys().next_back().map_or(1, |last| last + 1);
    let Reader {
        index,
        report,
        sequence,
        ..
    } = reader;
    Ok(Recovered {
        index,
        report,
        next_segment,
        next_sequence: sequence + 1,
        skips,
    })
}

/// The stretches that a segment's first record declares void. False when there is no such record.
fn read_begin(scanner: &mut Scanner, skips: &mut Vec<Skip>) -> io::Result<bool> {
    let Some(Item::Record {
        offset: 0,
        header,
        meta,
    }) = scanner.next()?
    else {
        return Ok(false);
    };
    let mut input = Decoder(&meta);
    let mut read = || -> Result<(), Unreadable> {
        input.number()?;
        for _ in 0..input.number()? {
            skips.push(Skip {
                segment: input.small()?,
                from: input.number()?,
                to: input.number()?,
            });
        }
        Ok(())
    };
    Ok(header.kind == Kind::Begin && read().is_ok())
}

impl Reader {
    /// Reads one segment. Octets of messages are checked only in the last one: in the others the sync was heard, and they are
    /// checked whenever they are read.
    fn read_segment(
        &mut self,
        disk: &dyn Disk,
        number: u32,
        trust: Trust,
        skips: &[Skip],
    ) -> Result<(), StoreError> {
        let void: Vec<Range<u64>> = skips
            .iter()
            .filter(|skip| skip.segment == number)
            .map(|skip| skip.from..skip.to)
            .collect();
        let Some(segment) = self.index.segments.all.get(&number) else {
            return Ok(());
        };
        let end = void
            .iter()
            .filter(|stretch| stretch.end == u64::MAX)
            .map(|stretch| stretch.start)
            .min();
        let mut scanner = Scanner::new(segment.open(disk)?, segment.salt, end.unwrap_or(u64::MAX))?;
        let (mut used, mut first) = (0, None);
        self.report.segments += 1;
        let mut previous = self
            .last
            .take()
            .filter(|(last, _)| last + 1 == number)
            .map(|(_, sequence)| sequence);
        while let Some(item) = scanner.next()? {
            match item {
                Item::Record { offset, .. } if void.iter().any(|stretch| stretch.contains(&offset)) => {
                    previous = None
                }
                Item::Bad { from, to, .. }
                    if void
                        .iter()
                        .any(|stretch| stretch.start <= from && to <= stretch.end) =>
                {
                    previous = None;
                }
                Item::Bad { from, to, header } => {
                    let sequence = header.map_or(self.sequence + 1, |header| header.sequence);
                    self.suspect(number, from, to, sequence, scanner.is_unreadable(from, to));
                    previous = None;
                }
                Item::Record { offset, header, meta } => {
                    used = offset + header.record_octets();
                    if previous.is_some_and(|previous| header.sequence != previous + 1) {
                        self.suspect(number, offset, offset, header.sequence - 1, false);
                    }
                    previous = Some(header.sequence);
                    let first = *first.get_or_insert(header.sequence);
                    if trust.begin || header.synced > first {
                        self.synced = self.synced.max(header.synced);
                    }
                    let fits = trust.octets || header.octets == 0 || scanner.octets_fit(offset, &header)?;
                    let unreadable = !fits && scanner.is_unreadable(offset, used);
                    self.take(number, offset, &header, &meta, (fits, unreadable));
                }
            }
        }
        if let Some(segment) = self.index.segments.all.get_mut(&number) {
            segment.used = used;
        }
        // When its end is void, the next segment may begin with any number.
        self.last = previous
            .filter(|_| end.is_none())
            .map(|sequence| (number, sequence));
        Ok(())
    }

    fn suspect(&mut self, segment: u32, from: u64, to: u64, sequence: u64, unreadable: bool) {
        self.suspects.push(Suspect {
            segment,
            from,
            to,
            sequence,
            id: None,
            unreadable,
        });
    }

    fn take(&mut self, segment: u32, offset: u64, header: &Header, meta: &[u8], octets: (bool, bool)) {
        self.report.records += 1;
        self.sequence = self.sequence.max(header.sequence);
        if self.understand(segment, offset, header, meta, octets).is_err() {
            let to = offset + header.record_octets();
            self.suspect(segment, offset, to, header.sequence, false);
        }
    }

    fn understand(
        &mut self,
        segment: u32,
        offset: u64,
        header: &Header,
        meta: &[u8],
        (fits, unreadable): (bool, bool),
    ) -> Result<(), Unreadable> {
        if matches!(header.kind, Kind::Begin | Kind::End) {
            return Ok(());
        }
        let (id, rest) = meta.split_first_chunk::<8>().ok_or(Unreadable)?;
        let id = u64::from_le_bytes(*id);
        match header.kind {
            Kind::Begin | Kind::End => {}
            Kind::Arrival => {
                let (known, slots) = read_arrival(id, rest)?;
                let mut suspect = None;
                if fits || !self.index.messages.contains_key(&id) {
                    self.index
                        .insert(id, known.into(), slots, Place::new(segment, offset, header));
                    suspect = Some(id);
                }
                // A bad copy of a message that is still whole elsewhere changes nothing for the message.
                if !fits {
                    let to = offset + header.record_octets();
                    self.suspects.push(Suspect {
                        segment,
                        from: offset,
                        to,
                        sequence: header.sequence,
                        id: suspect,
                        unreadable,
                    });
                }
            }
            Kind::States => {
                for (number, slot) in read_states(rest)? {
                    // The leases and dirt of the index are not on disk; a recipient that is not there lost its message.
                    if self.index.change(id, number, false, |old| {
                        *old = Slot {
                            segment: old.segment,
                            ..slot
                        }
                    }) {
                        self.index.placed(id, &[number], segment);
                    }
                }
            }
            Kind::Forget => {
                let homes = self.index.remove(id);
                if let Some(segment) = self.index.segments.all.get_mut(&segment) {
                    segment.ends.extend(homes);
                    segment.forgets += 1;
                }
            }
        }
        Ok(())
    }

    /// Decides what is torn and what is damaged, and buries messages whose end was not written.
    fn finish(&mut self, skips: &mut Vec<Skip>) {
        for suspect in std::mem::take(&mut self.suspects) {
            if suspect.sequence >= self.synced && !suspect.unreadable {
                self.report.torn_octets += suspect.to - suspect.from;
                skips.push(Skip {
                    segment: suspect.segment,
                    from: suspect.from,
                    to: suspect.to,
                });
                if let Some(id) = suspect.id {
                    self.index.remove(id);
                }
                continue;
            }
            self.damage(&suspect);
        }
        let over = self
            .index
            .messages
            .iter()
            .filter(|(_, message)| message.slots.iter().all(Slot::is_done));
        for id in over.map(|(id, _)| *id).collect::<Vec<u64>>() {
            self.index.bury_if_over(id);
        }
        self.report.messages = self.index.messages.len() as u64;
    }

    fn damage(&mut self, suspect: &Suspect) {
        self.report.damaged_count += 1;
        let known = suspect.id.filter(|id| self.index.messages.contains_key(id));
        if let Some(id) = known {
            self.index.mark_damaged(id);
        }
        let Some(segment) = self.index.segments.all.get_mut(&suspect.segment) else {
            return;
        };
        segment.damaged = true;
        if self.report.damaged.len() < DAMAGES_MAX {
            let (file, id) = (segment.name.clone(), known.map(Id::from_u64));
            self.report.damaged.push(Damage {
                file,
                from: suspect.from,
                to: suspect.to,
                id,
            });
        }
    }
}

impl Index {
    /// Puts all waiting recipients of a message on hold, because its octets are lost.
    pub(super) fn mark_damaged(&mut self, id: u64) {
        let Some(message) = self.messages.get_mut(&id) else {
            return;
        };
        message.damaged = true;
        let count = u32::try_from(message.slots.len()).unwrap_or(u32::MAX);
        for number in 0..count {
            self.change(id, number, true, |slot| {
                if !slot.is_done() && !slot.leased {
                    slot.hold(DAMAGED);
                }
            });
        }
    }

    /// Notes slots to be written again when their newest record lies in that segment.
    pub(super) fn soil_if_in(&mut self, id: u64, numbers: &[u32], segment: u32) {
        let Some(message) = self.messages.get_mut(&id) else {
            return;
        };
        let mut any = false;
        for number in numbers {
            if let Some(slot) = message.slots.get_mut(*number as usize)
                && slot.segment == segment
            {
                slot.dirty = true;
                any = true;
            }
        }
        if any {
            self.soil(id);
        }
    }
}

/// Known part and slots of an arrival's meta part behind the id.
fn read_arrival(id: u64, meta: &[u8]) -> Result<(&[u8], Slots), Unreadable> {
    let mut input = Decoder(meta);
    let known = input.octets()?;
    read_envelope(Id::from_u64(id), known)?;
    let mut recipients = 0;
    for recipient in read_recipients(known) {
        recipient?;
        recipients += 1;
    }
    let slots = (0..input.number()?)
        .map(|_| Slot::read(&mut input))
        .collect::<Result<Slots, _>>()?;
    if slots.len() == recipients {
        Ok((known, slots))
    } else {
        Err(Unreadable)
    }
}

/// New states behind the id.
pub(super) fn read_states(meta: &[u8]) -> Result<Vec<(u32, Slot)>, Unreadable> {
    let mut input = Decoder(meta);
    let mut states = Vec::new();
    while !input.0.is_empty() {
        states.push((input.small()?, Slot::read(&mut input)?));
    }
    Ok(states)
}

/// Segments behind the id of an end.
pub(super) fn read_ends(meta: &[u8]) -> Result<Homes, Unreadable> {
    let mut input = Decoder(meta);
    (0..input.number()?).map(|_| input.small()).collect()
}
