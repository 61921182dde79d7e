//! What a refusal teaches: a next hop that refuses a message for its content has looked into it, and what it saw is a label for
//! the site's content model.
//!
//! In prose: only the reply to the message itself counts, only one for good, and only words that speak of the content (see
//! [`mail::smtp::Reply::calls_it_unwanted`]). Next hops are strangers: how much they may teach is bounded by the store, for each
//! account and in all, and what an operator said stays. One message is learned from at a time; when another one is at it, the
//! lesson is left out, for a wave of refusals says the same again and again.
//!
//! Promises: settling never waits for a lesson. Whether it was learned is told in the story.

use crate::context::{Context, LARGE_OCTETS};
use crate::settle::Hop;
use crate::work::Work;
use bytes::Bytes;
use mail::smtp::Reply;
use std::sync::Arc;
use store::{Envelope, Label};
use tokio::sync::OwnedSemaphorePermit;
use trace::{Scope, What};

/// A message to be learned from.
pub(crate) struct Lesson {
    envelope: Arc<Envelope>,
    scope: Arc<Scope>,
    message: Bytes,
    reply: Reply,
    permit: OwnedSemaphorePermit,
}

impl Lesson {
    /// Reads the message, which is gone once its recipients are settled. None: there is nothing to learn, or too much of it.
    pub(crate) async fn of(context: &Context, work: &Work, reply: &Reply) -> Option<Self> {
        let envelope = &work.envelope;
        // Notices are ours, and what is beyond the view's reach is not worth the memory.
        let fit = envelope.reverse_path.is_some() && envelope.size_octets <= LARGE_OCTETS;
        if !fit || !reply.calls_it_unwanted() {
            return None;
        }
        let permit = Arc::clone(&context.lessons).try_acquire_owned().ok()?;
        let message = context.message(envelope).await.ok()?;
        Some(Self {
            envelope: Arc::clone(envelope),
            scope: Arc::clone(&work.scope),
            message,
            reply: reply.clone(),
            permit,
        })
    }

    /// Learns it, on a thread that may wait for the disk.
    pub(crate) fn learn(self, context: &Context, hop: &Hop) {
        let (store, hub, clock) = (
            Arc::clone(&context.store),
            Arc::clone(&context.hub),
            context.clock.clone(),
        );
        let host = hop.host.clone();
        tokio::task::spawn_blocking(move || {
            let own = [self.scope.domain.as_str()];
            let view = risk::view(&self.message, if own[0].is_empty() { &[] } else { &own });
            let label = Label {
                spam: true,
                source: Label::REFUSAL,
                account: &self.scope.sender,
            };
            let now = clock.now();
            let what = match store.models.learn(&view, &label, now) {
                Ok(_) => What::Handled {
                    verb: "learn_spam".to_owned(),
                    by: Label::REFUSAL.to_owned(),
                    reason: format!("{host}: {}", self.reply.one_line()),
                },
                Err(error) => What::LimitHit {
                    limit: "lesson".to_owned(),
                    detail: format!("the refusal by {host} is not learned from: {error}"),
                },
            };
            hub.tell(self.envelope.id, now, &self.scope, what);
            drop(self.permit);
        });
    }
}
