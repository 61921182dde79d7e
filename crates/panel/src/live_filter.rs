//! Which stories a live listener asked for.
//!
//! Sender, recipient and class become known by different events of a story. Until all that was asked for fits, the events of a
//! story are kept, and handed out together when it does. Bounds: [`LiveFilter::STORIES_MAX`] stories, the oldest is forgotten;
//! [`LiveFilter::KEPT_MAX`] events of each.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use trace::{Event, Id, What};

/// What was asked for, and what is known of late stories.
#[derive(Debug, Default)]
pub(crate) struct LiveFilter {
    sender: Option<String>,
    recipient: Option<String>,
    class: Option<String>,
    stories: HashMap<Id, Known>,
    order: VecDeque<Id>,
}

#[derive(Debug, Default)]
struct Known {
    sender: bool,
    recipient: bool,
    class: bool,
    kept: Vec<Arc<Event>>,
}

impl LiveFilter {
    const STORIES_MAX: usize = 1_024;
    const KEPT_MAX: usize = 64;

    pub(crate) fn new(sender: Option<String>, recipient: Option<String>, class: Option<String>) -> Self {
        let lower = |text: Option<String>| text.map(|text| text.to_lowercase());
        Self {
            sender: lower(sender),
            recipient: lower(recipient),
            class: lower(class),
            ..Self::default()
        }
    }

    /// Takes an event and gives what is to be shown now, in order.
    pub(crate) fn take(&mut self, event: Arc<Event>) -> Vec<Arc<Event>> {
        if self.sender.is_none() && self.recipient.is_none() && self.class.is_none() {
            return vec![event];
        }
        let id = event.id;
        if !self.stories.contains_key(&id) {
            self.make_room();
            self.order.push_back(id);
        }
        let known = self.stories.entry(id).or_default();
        known.sender |= fits(self.sender.as_deref(), &senders(&event));
        known.recipient |= fits(self.recipient.as_deref(), &recipients(&event));
        known.class |= self
            .class
            .as_deref()
            .is_none_or(|class| class_of(&event).is_some_and(|own| own == class));
        if known.kept.len() < Self::KEPT_MAX {
            known.kept.push(event);
        }
        if known.sender && known.recipient && known.class {
            std::mem::take(&mut known.kept)
        } else {
            Vec::new()
        }
    }

    fn make_room(&mut self) {
        if self.order.len() >= Self::STORIES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.stories.remove(&oldest);
        }
    }
}

fn fits(asked: Option<&str>, texts: &[&str]) -> bool {
    asked.is_none_or(|asked| texts.iter().any(|text| text.to_lowercase().contains(asked)))
}

fn senders(event: &Event) -> [&str; 2] {
    let reverse_path = if let What::Mail { reverse_path, .. } = &event.what {
        reverse_path
    } else {
        ""
    };
    [&event.scope.sender, reverse_path]
}

fn recipients(event: &Event) -> [&str; 1] {
    match &event.what {
        What::Rcpt { forward_path, .. } | What::Settled { forward_path, .. } => [forward_path],
        _ => [""],
    }
}

fn class_of(event: &Event) -> Option<&str> {
    if let What::Judged { class, .. } = &event.what {
        Some(class)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trace::Scope;

    fn event(id: u64, what: What) -> Arc<Event> {
        let scope = Arc::new(Scope {
            sender: "mailbox:Info@example.com".into(),
            ..Scope::default()
        });
        Arc::new(Event {
            id: Id::from_u64(id),
            at: jiff::Timestamp::UNIX_EPOCH,
            scope,
            what,
        })
    }

    fn rcpt(id: u64, to: &str) -> Arc<Event> {
        event(
            id,
            What::Rcpt {
                forward_path: to.into(),
                reply: String::new(),
            },
        )
    }

    fn judged(id: u64, class: &str) -> Arc<Event> {
        let text = String::new;
        let (stage, class) = ("data".to_owned(), class.to_owned());
        let (action, cause, reason, standing) = (text(), text(), text(), text());
        let (score_db, symbols, facts, verdict) = (0.0, Vec::new(), None, None);
        event(
            id,
            What::Judged {
                stage,
                class,
                action,
                cause,
                reason,
                score_db,
                standing,
                symbols,
                facts,
                verdict,
            },
        )
    }

    /// What is shown after each event: how many.
    fn check(mut filter: LiveFilter, events: Vec<Arc<Event>>, expected: &[usize]) {
        let shown: Vec<_> = events.into_iter().map(|event| filter.take(event).len()).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn shown_when_all_fits() {
        let filter = |sender: Option<&str>, recipient: Option<&str>, class: Option<&str>| {
            LiveFilter::new(
                sender.map(Into::into),
                recipient.map(Into::into),
                class.map(Into::into),
            )
        };
        let stream = || {
            vec![
                rcpt(1, "bob@example.net"),
                rcpt(2, "eve@example.org"),
                judged(1, "spam"),
                judged(2, "clean"),
                rcpt(1, "x@y.z"),
            ]
        };
        check(filter(None, None, None), stream(), &[1, 1, 1, 1, 1]);
        check(filter(Some("info@"), None, None), stream(), &[1, 1, 1, 1, 1]);
        check(filter(Some("other"), None, None), stream(), &[0, 0, 0, 0, 0]);
        check(filter(None, Some("BOB"), None), stream(), &[1, 0, 1, 0, 1]);
        check(filter(None, None, Some("clean")), stream(), &[0, 0, 0, 2, 0]);
        check(
            filter(None, Some("bob"), Some("spam")),
            stream(),
            &[0, 0, 2, 0, 1],
        );
    }

    #[test]
    fn bounded() {
        let mut filter = LiveFilter::new(None, Some("nobody".into()), None);
        for id in 0..5_000 {
            for _ in 0..3 {
                filter.take(rcpt(id, "bob@example.net"));
            }
        }
        assert_eq!(filter.stories.len(), LiveFilter::STORIES_MAX);
        assert_eq!(filter.order.len(), LiveFilter::STORIES_MAX);
        for _ in 0..500 {
            filter.take(rcpt(9_999, "bob@example.net"));
        }
        assert_eq!(
            filter
                .stories
                .get(&Id::from_u64(9_999))
                .map(|known| known.kept.len()),
            Some(LiveFilter::KEPT_MAX)
        );
    }
}
