//! The doors of the queue: what sessions, the sending side and operators call.

use super::batch::Incoming;
use super::code::{nanoseconds, timestamp};
use super::disk::{Disk, DiskFile, read_exactly};
use super::index::{Index, Place};
use super::middle::{Shared, Work};
use super::recent::{join, total};
use super::recover::{Purpose, recover, verify};
use super::report::Recovery;
use super::slot::Slot;
use super::writer::Log;
use super::{Arrival, Envelope, Lease, QueueCounts, Recipient, Settlement, WAITING_KIBIBYTES_MAX};
use crate::StoreError;
use bytes::Bytes;
use jiff::Timestamp;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;
use trace::Id;

/// Bounds of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// New mail is refused when less than this is free on the file system. Part of it serves to finish what is queued.
    pub free_octets_min: u64,
    /// Messages in the queue; beyond it new mail is refused.
    pub messages_max: usize,
    /// Octets set aside for a segment; fewer on a small file system, more when a message needs it.
    pub segment_octets: u64,
    /// After a failure of the disk, what memory knows better than the log is written again that much later.
    pub retry_after: Duration,
}

impl QueueSettings {
    /// The usual size of a segment.
    pub const SEGMENT_OCTETS: u64 = 64 << 20;
    /// The usual wait after a failure of the disk.
    pub const RETRY_AFTER: Duration = Duration::from_millis(500);
}

/// The queue: a segment log on disk, an index in memory. All futures may be dropped at any time; what was handed over by then
/// happens all the same, so a message whose [`Queue::admit`] was dropped may be in the queue.
#[derive(Debug)]
pub struct Queue {
    pub(super) shared: Arc<Shared>,
    recovery: Recovery,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Queue {
    /// Opens the queue on a disk that nobody else uses, recovers what a crash left, starts the writer's thread.
    pub fn open(disk: Arc<dyn Disk>, settings: &QueueSettings) -> Result<Self, StoreError> {
        let recovered = recover(&*disk, Purpose::Open)?;
        let shared = Arc::new(Shared::new(disk, settings, recovered.index));
        let log = Log::new(
            Arc::clone(&shared),
            recovered.next_segment,
            recovered.next_sequence,
            recovered.skips,
        );
        let writer = std::thread::Builder::new()
            .name("queue".to_owned())
            .spawn(|| log.run())?;
        Ok(Self {
            shared,
            recovery: recovered.report,
            writer: Mutex::new(Some(writer)),
        })
    }

    /// Reads a queue that nobody uses, the octets of every message included, and changes nothing.
    pub fn verify(disk: &dyn Disk) -> Result<Recovery, StoreError> {
        verify(disk)
    }

    /// What opening found. Anything in `damaged` is for the operator's eyes.
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Makes a message durable. When this returns Ok it survives kill -9 and power loss. Waits for one group commit.
    ///
    /// Errors: [`StoreError::Full`] below `free_octets_min`, at `messages_max`, and when the disk says so;
    /// [`StoreError::Disk`] when it failed; [`StoreError::Refused`] for what cannot be kept; [`StoreError::Closing`].
    /// After an error the message is not in the queue, unless the process ends before the disk takes a write again: then it may be.
    pub async fn admit(&self, arrival: Arrival) -> Result<(), StoreError> {
        self.shared.room.check(&*self.shared.disk)?;
        let kibibytes = u32::try_from(total(&arrival.chunks) >> 10)
            .unwrap_or(u32::MAX)
            .clamp(1, WAITING_KIBIBYTES_MAX);
        let permit = Arc::clone(&self.shared.waiting)
            .acquire_many_owned(kibibytes)
            .await;
        let (waiter, told) = oneshot::channel();
        let mut incoming = Incoming::new(arrival, waiter)?;
        incoming.permit = permit.ok();
        self.has_place_for(incoming.id)?;
        self.hand_over(incoming)?;
        told.await.unwrap_or(Err(StoreError::Closing))
    }

    fn has_place_for(&self, id: u64) -> Result<(), StoreError> {
        let waiting = {
            let work = self.shared.work();
            if work.closing {
                return Err(StoreError::Closing);
            }
            work.arrivals.len()
        };
        let index = self.shared.index();
        if index.messages.contains_key(&id) {
            return Err(StoreError::Refused(
                "a message with this id is in the queue".to_owned(),
            ));
        }
        if index.messages.len() + waiting >= self.shared.messages_max {
            return Err(StoreError::Full(format!(
                "the queue holds {} messages",
                self.shared.messages_max
            )));
        }
        Ok(())
    }

    fn hand_over(&self, incoming: Incoming) -> Result<(), StoreError> {
        let mut work = self.shared.work();
        if work.closing || work.closed {
            return Err(StoreError::Closing);
        }
        work.arrivals.push_back(incoming);
        self.shared.rouse(&work);
        Ok(())
    }

    /// Books what became of leased recipients, and admits a notice in the same commit. The lease on these recipients ends.
    /// When all recipients are done the message is forgotten. Returns once the record is handed to the log's writer; with a
    /// notice, once it is durable.
    ///
    /// Without a notice, memory knows at once; the log follows within milliseconds, and a crash in between means another attempt.
    /// When the disk fails the truth stays in memory and is written when the disk is well again. With a notice this waits that
    /// long: a notice is as precious as the message. It is admitted even below `free_octets_min` and above `messages_max`.
    ///
    /// Errors: [`StoreError::Missing`] when the message is not in the queue; [`StoreError::Refused`] when the notice cannot be
    /// kept (nothing is booked then); [`StoreError::Closing`].
    pub async fn settle(
        &self,
        id: Id,
        outcomes: Vec<(u32, Settlement)>,
        notice: Option<Arrival>,
    ) -> Result<(), StoreError> {
        let id = id.as_u64();
        let Some(notice) = notice else {
            return self.book(id, &outcomes);
        };
        let (waiter, told) = oneshot::channel();
        let mut incoming = Incoming::new(notice, waiter)?;
        incoming.books = Some((id, outcomes));
        self.hand_over(incoming)?;
        told.await.unwrap_or(Err(StoreError::Closing))
    }

    fn book(&self, id: u64, outcomes: &[(u32, Settlement)]) -> Result<(), StoreError> {
        let (over, sooner) = {
            let mut index = self.shared.index();
            let next = index.next_due();
            let over = index
                .settle(id, outcomes, true)
                .ok_or(StoreError::Missing("message"))?;
            (
                over,
                index.next_due() < next || (next.is_none() && index.next_due().is_some()),
            )
        };
        if over {
            self.shared.recent().remove(id);
        }
        if sooner {
            self.shared.changed.notify_one();
        }
        self.shared.poke();
        Ok(())
    }

    /// Gives leased recipients back unchanged (shutdown, pause).
    pub fn give_back(&self, id: Id, recipients: &[u32]) {
        let mut index = self.shared.index();
        for number in recipients {
            index.change(id.as_u64(), *number, false, |slot| slot.leased = false);
        }
        drop(index);
        self.shared.changed.notify_one();
    }

    /// Leases recipients that are due, oldest due first, at most `recipients_max` recipients.
    pub fn lease_due(&self, now: Timestamp, recipients_max: usize) -> Vec<Lease> {
        self.shared.index().lease_due(nanoseconds(now), recipients_max)
    }

    /// When the next scheduled recipient is due; None when nothing is scheduled.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.shared.index().next_due().map(timestamp)
    }

    /// Waits until something new is scheduled, released, retried or given back since the last call. For one caller: each event
    /// wakes one waiter, or the next that comes.
    pub async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    /// The octets of a message; checked against their checksum. Messages admitted a moment ago come from memory, others from the
    /// disk: let a thread that may block ask for large ones.
    ///
    /// Errors: [`StoreError::Missing`]; [`StoreError::Disk`], with [`io::ErrorKind::InvalidData`] when the octets are damaged:
    /// then the message's recipients go on hold, at once or when they are settled.
    pub fn message(&self, id: Id) -> Result<Bytes, StoreError> {
        let id = id.as_u64();
        if let Some(chunks) = self.shared.recent().get(id) {
            return Ok(join(chunks));
        }
        loop {
            let (place, name, file) = self.find(id)?;
            match file.map_or_else(|| self.shared.disk.open(&name), Ok) {
                Ok(file) => return self.read(id, &place, &*file),
                // Moved, and the segment removed, between looking and opening: it lies elsewhere now.
                Err(error) if error.kind() == io::ErrorKind::NotFound && self.find(id)?.0 != place => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Where a message lies: the place, the name of the file, the file when it is open.
    fn find(&self, id: u64) -> Result<Found, StoreError> {
        let index = self.shared.index();
        let message = index.messages.get(&id).ok_or(StoreError::Missing("message"))?;
        let segment = index
            .segments
            .all
            .get(&message.place.segment)
            .ok_or(StoreError::Missing("segment"))?;
        Ok((message.place, segment.name.clone(), segment.file.clone()))
    }

    fn read(&self, id: u64, place: &Place, file: &dyn DiskFile) -> Result<Bytes, StoreError> {
        let mut octets = vec![0; place.octets as usize];
        read_exactly(file, &mut octets, place.octets_at())?;
        if crc32fast::hash(&octets) != place.octets_crc {
            self.shared.index().mark_damaged(id);
            self.shared.poke();
            return Err(io::Error::new(io::ErrorKind::InvalidData, super::index::DAMAGED).into());
        }
        Ok(octets.into())
    }

    /// The envelope and all recipients of a message still in the queue.
    pub fn get(&self, id: Id) -> Option<(Arc<Envelope>, Vec<Recipient>)> {
        let index = self.shared.index();
        let message = index.messages.get(&id.as_u64())?;
        let envelope = message.envelope(id.as_u64()).ok()?;
        Some((
            Arc::new(envelope),
            message.recipients().map(|(_, recipient)| recipient).collect(),
        ))
    }

    /// Numbers.
    pub fn counts(&self) -> QueueCounts {
        self.shared.index().counts()
    }

    /// Waits until all that memory knows is durable.
    pub(super) async fn barrier(&self) -> Result<(), StoreError> {
        let told = {
            let mut work = self.shared.work();
            self.ask(&mut work)?
        };
        told.await.unwrap_or(Err(StoreError::Closing))
    }

    fn ask(&self, work: &mut Work) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
        if work.closed {
            return Err(StoreError::Closing);
        }
        let (waiter, told) = oneshot::channel();
        work.barriers.push(waiter);
        self.shared.rouse(work);
        Ok(told)
    }

    /// Writes all that waits, then stops. Further admissions are refused; outcomes booked later are forgotten, so their mail is
    /// tried again after the next start. An error means the same for outcomes that the disk did not take, and that a message refused
    /// because of the disk may be there after the next start.
    pub async fn close(&self) -> Result<(), StoreError> {
        let told = {
            let mut work = self.shared.work();
            work.closing = true;
            self.ask(&mut work)
        };
        // It was closed before when nobody answers.
        let Ok(told) = told else { return Ok(()) };
        let written = told.await.unwrap_or(Err(StoreError::Closing));
        self.stop();
        written
    }

    /// Waits for the writer's thread, which ends after its last batch.
    fn stop(&self) {
        {
            let mut work = self.shared.work();
            work.closing = true;
            self.shared.rouse(&work);
        }
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // A panic there was told by the panic hook; there is nothing to add.
            let _ = writer.join();
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Place, name of the file, the file when it is open.
type Found = (Place, String, Option<Arc<dyn DiskFile>>);

impl Index {
    pub(super) fn slot(&self, id: u64, number: u32) -> Option<&Slot> {
        self.messages.get(&id)?.slots.get(number as usize)
    }
}
