//! A story while it is being told.
//!
//! Promises: whatever way a session ends, its story reaches the sinks, once, in order and with one scope. Bounded by
//! [`Story::EVENTS_MAX`].

use crate::{Event, Hub, Id, Scope, What};
use std::sync::Arc;

/// Collects the events of one transaction. Live listeners see each at once; log, metrics and store get them together when
/// [`Story::end`] is called or the story is dropped. At most [`Story::EVENTS_MAX`] events; further ones are counted in a last `LimitHit`.
#[derive(Debug)]
pub struct Story {
    id: Id,
    scope: Arc<Scope>,
    hub: Arc<Hub>,
    events: Vec<Event>,
    beyond: u64,
}

impl Story {
    /// Bound on the events of one transaction.
    pub const EVENTS_MAX: usize = 2_000;

    /// Opens a story.
    pub fn open(hub: Arc<Hub>, id: Id) -> Self {
        Self {
            id,
            scope: Arc::default(),
            hub,
            events: Vec::new(),
            beyond: 0,
        }
    }

    /// Its id.
    pub fn id(&self) -> Id {
        self.id
    }

    /// Whose it is, as known now.
    pub fn scope(&self) -> &Arc<Scope> {
        &self.scope
    }

    /// Who it is about, once known; earlier events of this story get the same scope when they are recorded.
    pub fn set_scope(&mut self, scope: Scope) {
        self.scope = Arc::new(scope);
    }

    /// Tells an event.
    pub fn tell(&mut self, at: jiff::Timestamp, what: What) {
        if self.events.len() >= Self::EVENTS_MAX {
            self.beyond = self.beyond.saturating_add(1);
            return;
        }
        let event = Event {
            id: self.id,
            at,
            scope: Arc::clone(&self.scope),
            what,
        };
        self.hub.live(&event);
        self.events.push(event);
    }

    /// Hands the events to the sinks.
    pub fn end(self) {
        drop(self);
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        let mut events = std::mem::take(&mut self.events);
        let Some(last) = events.last() else { return };
        if self.beyond > 0 {
            let detail = format!("{} further events", self.beyond);
            let what = What::LimitHit {
                limit: "story_events_max".to_owned(),
                detail,
            };
            let event = Event {
                id: self.id,
                at: last.at,
                scope: Arc::clone(&self.scope),
                what,
            };
            self.hub.live(&event);
            events.push(event);
        }
        for event in &mut events {
            event.scope = Arc::clone(&self.scope);
        }
        self.hub.record_shared(&Arc::new(events));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sink;
    use jiff::Timestamp;
    use std::sync::Mutex;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<Vec<Event>>>>);

    impl Sink for Kept {
        fn record(&self, events: &[Event]) {
            self.0.lock().unwrap().push(events.to_vec());
        }
    }

    fn closed(reason: &str) -> What {
        What::Closed {
            reason: reason.to_owned(),
        }
    }

    #[test]
    fn one_batch_with_the_final_scope_when_dropped() {
        let kept = Kept::default();
        let hub = Hub::new(vec![Box::new(kept.clone())]);
        let mut story = Story::open(Arc::clone(&hub), Id::from_u64(5));
        story.tell(Timestamp::UNIX_EPOCH, closed("a"));
        story.set_scope(Scope {
            tenant: "acme".into(),
            ..Scope::default()
        });
        story.tell(Timestamp::UNIX_EPOCH, closed("b"));
        assert!(kept.0.lock().unwrap().is_empty(), "nothing before the end");
        drop(story);
        let batches = kept.0.lock().unwrap();
        assert_eq!(batches.len(), 1);
        assert!(batches[0].iter().all(|event| event.scope.tenant == "acme"));
        assert_eq!(batches[0].len(), 2);
    }

    #[test]
    fn bounded() {
        let kept = Kept::default();
        let hub = Hub::new(vec![Box::new(kept.clone())]);
        let mut story = Story::open(hub, Id::from_u64(5));
        for _ in 0..Story::EVENTS_MAX + 7 {
            story.tell(Timestamp::UNIX_EPOCH, closed(""));
        }
        story.end();
        let batches = kept.0.lock().unwrap();
        assert_eq!(batches[0].len(), Story::EVENTS_MAX + 1);
        let last = batches[0].last().unwrap();
        assert!(
            matches!(&last.what, What::LimitHit { detail, .. } if detail == "7 further events"),
            "{last:?}"
        );
    }

    #[test]
    fn an_empty_story_is_not_recorded() {
        let kept = Kept::default();
        Story::open(Hub::new(vec![Box::new(kept.clone())]), Id::from_u64(1)).end();
        assert!(kept.0.lock().unwrap().is_empty());
    }
}
