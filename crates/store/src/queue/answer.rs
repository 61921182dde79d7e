//! What becomes of records: they count when they are durable, and are taken back when the disk failed.

use super::batch::{Incoming, Op, Waiter};
use super::index::Gone;
use super::room::Failure;
use super::segment::Skip;
use super::writer::Log;
use std::io;
use tokio::sync::OwnedSemaphorePermit;

impl Log {
    /// Lets durable records count, then tells those who wait.
    pub(super) fn count(&mut self, ops: Vec<Op>, number: u32) {
        let mut told: Vec<(Waiter, Option<OwnedSemaphorePermit>)> = Vec::new();
        let mut scheduled = false;
        let mut index = self.shared.index();
        for op in ops {
            match op {
                Op::Arrival(incoming, place) => {
                    let Incoming {
                        id,
                        meta,
                        known,
                        slots,
                        chunks,
                        books,
                        waiter,
                        permit,
                        ..
                    } = *incoming;
                    let known = meta.get(known).unwrap_or_default().into();
                    if index.insert(id, known, slots, place) {
                        scheduled = true;
                        self.shared.recent().insert(id, chunks);
                    }
                    if let Some((settled, outcomes)) = books
                        && index.settle(settled, &outcomes, true) == Some(true)
                    {
                        self.shared.recent().remove(settled);
                    }
                    told.push((waiter, permit));
                }
                Op::States(id, numbers) => index.placed(id, &numbers, number),
                Op::Forget(_, homes) => {
                    let index = &mut *index;
                    let known: Vec<u32> = homes
                        .iter()
                        .copied()
                        .filter(|home| index.segments.all.contains_key(home))
                        .collect();
                    if let Some(segment) = index.segments.all.get_mut(&number) {
                        segment.ends.extend(known);
                        segment.forgets += 1;
                    }
                }
                Op::Moved { id, from, to } => index.moved(id, from, to),
                Op::Emptied { victim, forgets } => {
                    if let Some(segment) = index.segments.all.get_mut(&victim) {
                        // An end that could not be read has not moved: then the segment stays as long as what it ends.
                        if forgets >= segment.forgets {
                            segment.ends.clear();
                        }
                        segment.stuck = true;
                    }
                    index.segments.swept = false;
                    self.mover = None;
                    self.look_for_victim = true;
                }
            }
        }
        drop(index);
        if scheduled {
            self.shared.changed.notify_one();
        }
        for (waiter, permit) in told {
            drop(permit);
            let _ = waiter.send(Ok(()));
        }
    }

    /// Closes the segment after a failure: what was not synced is void, and is written again or reported.
    pub(super) fn fail(&mut self, error: &io::Error) -> Failure {
        let failure = Failure::of(error);
        self.postpone();
        self.mover = None;
        self.look_for_victim = true;
        self.unsynced_since = None;
        if let Some(active) = self.active.take() {
            // Best effort: if it fails, the next segment's first record says what is void. That is written even when nothing else
            // comes, since somebody is about to be told that his message is not here.
            let _ = active.file.truncate(active.synced);
            self.skips.push(Skip {
                segment: active.number,
                from: active.synced,
                to: u64::MAX,
            });
            self.owes = true;
            self.retire(&active, active.synced);
        }
        let mut refused = Vec::new();
        let mut index = self.shared.index();
        for op in std::mem::take(&mut self.unsynced) {
            match op {
                Op::Arrival(incoming, _) => refused.push(*incoming),
                Op::States(id, numbers) => index.soil_again(id, &numbers),
                Op::Forget(id, homes) => index.gone.push(Gone { id, homes }),
                Op::Moved { .. } | Op::Emptied { .. } => {}
            }
        }
        drop(index);
        self.refuse(refused, &failure);
        failure
    }

    /// The same when there is not even a segment to write to.
    pub(super) fn give_up(&mut self, arrivals: Vec<Incoming>, error: &io::Error) -> Failure {
        let failure = Failure::of(error);
        self.postpone();
        self.refuse(arrivals, &failure);
        failure
    }

    /// Messages are refused; notices wait for better times, because what they book happened.
    pub(super) fn refuse(&mut self, arrivals: Vec<Incoming>, failure: &Failure) {
        let closing = self.shared.work().closing;
        for incoming in arrivals {
            if incoming.books.is_some() && !closing {
                self.notices.push(incoming);
            } else {
                let _ = incoming.waiter.send(Err(failure.error()));
            }
        }
    }
}
