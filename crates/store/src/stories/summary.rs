//! A story's summary: events folded one by one.
//!
//! In prose, the status: a story without a message is a *session*. A 5yz to MAIL, RCPT or the message makes it *refused*, a 4yz
//! *deferred*, as long as nothing better follows. A message that was taken is *queued*, or *held*. It stays so until every
//! recipient has its end; then it is *delivered*, *failed*, or *partly delivered*.

use super::StoryRow;
use trace::{Event, What};

/// Recipients told by name.
const RECIPIENTS_MAX: usize = 20;
/// Characters of one text.
const TEXT_MAX: usize = 500;

/// A summary and what is needed to go on with it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Summary {
    /// What is shown; its `id` is left empty here.
    pub row: StoryRow,
    /// Recipients that were stored.
    pub stored: u32,
    /// Recipients that were delivered.
    pub delivered: u32,
    /// Recipients that failed, expired or were dropped.
    pub failed: u32,
}

impl Summary {
    /// Takes note of an event. True when more than the status, the last reply and the numbers of recipients changed.
    pub(super) fn fold(&mut self, event: &Event) -> bool {
        let begun = self.row.at.is_none();
        if begun {
            self.row.at = Some(event.at);
            self.row.status = "session".to_owned();
        }
        let scope = set(&mut self.row.tenant, &event.scope.tenant)
            | set(&mut self.row.domain, &event.scope.domain)
            | set(&mut self.row.sender, &event.scope.sender);
        self.what(&event.what) || begun || scope
    }

    fn what(&mut self, what: &What) -> bool {
        let row = &mut self.row;
        match what {
            What::Connected { listener, client, .. } => {
                row.client = client.ip().to_canonical().to_string();
                row.listener = clipped(listener);
            }
            What::Mail { reverse_path, reply } => {
                row.reverse_path = clipped(reverse_path);
                self.answered(reply, false);
            }
            What::Rcpt { forward_path, reply } => {
                recipient(&mut row.recipients, forward_path);
                self.answered(reply, false);
            }
            What::Received {
                size_octets,
                header_from,
                subject,
                message_id,
            } => {
                row.size_octets = *size_octets;
                row.header_from = clipped(header_from);
                row.subject = clipped(subject);
                row.message_id = clipped(message_id);
            }
            other => return self.what_became_of_it(other),
        }
        true
    }

    fn what_became_of_it(&mut self, what: &What) -> bool {
        let row = &mut self.row;
        match what {
            What::Judged {
                class,
                action,
                cause,
                reason,
                score_db,
                ..
            } => {
                row.class = clipped(class);
                row.action = clipped(action);
                row.cause = clipped(cause);
                row.reason = clipped(reason);
                row.score_db = if score_db.is_finite() { *score_db } else { 0.0 };
                match action.as_str() {
                    "refuse" => self.without_message("refused"),
                    "defer" => self.without_message("deferred"),
                    _ => {}
                }
            }
            What::Answered { reply } => {
                self.answered(reply, true);
                return false;
            }
            What::Stored {
                size_octets,
                recipients,
                ..
            } => {
                row.size_octets = *size_octets;
                self.stored = *recipients;
                self.taken();
            }
            What::Settled {
                forward_path,
                outcome,
                reply,
                ..
            } => {
                let named = recipient(&mut row.recipients, forward_path);
                row.last_reply = clipped(reply);
                self.settled(outcome);
                return named;
            }
            What::Handled { verb, .. } => {
                self.handled(verb);
                return false;
            }
            What::LoginFailed { reason, .. } => {
                row.last_reply = clipped(reason);
                return false;
            }
            _ => return false,
        }
        true
    }

    /// A reply of ours. To MAIL and RCPT a 2yz says nothing yet.
    fn answered(&mut self, reply: &str, last: bool) {
        self.row.last_reply = clipped(reply);
        match reply.as_bytes().first() {
            Some(b'5') => self.without_message("refused"),
            Some(b'4') => self.without_message("deferred"),
            Some(b'2') if last => self.taken(),
            _ => {}
        }
    }

    fn without_message(&mut self, status: &str) {
        if matches!(self.row.status.as_str(), "session" | "refused" | "deferred") {
            set(&mut self.row.status, status);
        }
    }

    fn taken(&mut self) {
        if matches!(self.row.status.as_str(), "session" | "refused" | "deferred") {
            set(
                &mut self.row.status,
                if self.row.action == "hold" {
                    "held"
                } else {
                    "queued"
                },
            );
        }
    }

    fn settled(&mut self, outcome: &str) {
        match outcome {
            "delivered" => self.delivered = self.delivered.saturating_add(1),
            "failed" | "expired" | "dropped" => self.failed = self.failed.saturating_add(1),
            _ => return,
        }
        let ended = self.delivered.saturating_add(self.failed);
        if ended < self.stored {
            return;
        }
        let status = match (self.delivered, self.failed) {
            (_, 0) => "delivered",
            (0, _) => "failed",
            _ => "partly_delivered",
        };
        set(&mut self.row.status, status);
    }

    fn handled(&mut self, verb: &str) {
        match (verb, self.row.status.as_str()) {
            ("hold", "queued") => set(&mut self.row.status, "held"),
            ("release", "held") => set(&mut self.row.status, "queued"),
            _ => false,
        };
    }
}

/// Sets a text unless the new one is empty; true when it is another one.
fn set(text: &mut String, to: &str) -> bool {
    if to.is_empty() || text == to {
        return false;
    }
    clipped(to).clone_into(text);
    true
}

/// Adds a recipient once; true when the list changed.
fn recipient(recipients: &mut Vec<String>, forward_path: &str) -> bool {
    if recipients.len() > RECIPIENTS_MAX || recipients.iter().any(|known| known == forward_path) {
        return false;
    }
    let full = recipients.len() == RECIPIENTS_MAX;
    recipients.push(if full {
        "…".to_owned()
    } else {
        clipped(forward_path)
    });
    true
}

/// A text of bounded length on one line.
fn clipped(text: &str) -> String {
    if text.len() <= TEXT_MAX && !text.bytes().any(|octet| octet.is_ascii_control()) {
        return text.to_owned();
    }
    text.chars()
        .filter(|char| !char.is_control())
        .take(TEXT_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use std::sync::Arc;
    use trace::{Id, Scope};

    fn mail(reply: &str) -> What {
        What::Mail {
            reverse_path: "a@example.com".into(),
            reply: reply.into(),
        }
    }
    fn rcpt(to: &str, reply: &str) -> What {
        What::Rcpt {
            forward_path: to.into(),
            reply: reply.into(),
        }
    }
    fn judged(action: &str) -> What {
        What::Judged {
            stage: "data".into(),
            class: "clean".into(),
            action: action.into(),
            cause: String::new(),
            reason: String::new(),
            score_db: -20.0,
            standing: "new".into(),
            symbols: Vec::new(),
            facts: None,
            verdict: None,
        }
    }
    fn answered(reply: &str) -> What {
        What::Answered { reply: reply.into() }
    }
    fn stored(recipients: u32) -> What {
        What::Stored {
            size_octets: 1,
            recipients,
            pool: "clean".into(),
        }
    }
    fn settled(to: &str, outcome: &str) -> What {
        What::Settled {
            forward_path: to.into(),
            outcome: outcome.into(),
            reply: format!("reply {outcome}"),
            attempts: 1,
            next_attempt: None,
            queued_ms: 1,
        }
    }
    fn handled(verb: &str) -> What {
        What::Handled {
            verb: verb.into(),
            by: "ann".into(),
            reason: String::new(),
        }
    }

    fn folded(told: &[What]) -> Summary {
        let mut summary = Summary::default();
        for what in told {
            let scope = Arc::new(Scope::default());
            summary.fold(&Event {
                id: Id::from_u64(1),
                at: Timestamp::UNIX_EPOCH,
                scope,
                what: what.clone(),
            });
        }
        summary
    }

    #[test]
    fn status() {
        let check = |told: &[What], expected: &str| assert_eq!(folded(told).row.status, expected, "{told:?}");
        let ok = "250 2.1.0 ok";
        check(
            &[What::Closed {
                reason: "quit".into(),
            }],
            "session",
        );
        check(&[mail(ok), rcpt("b", ok)], "session");
        check(&[mail("550 5.7.1 locked")], "refused");
        check(&[mail("451 4.3.0 later")], "deferred");
        check(
            &[mail(ok), rcpt("b", "550 5.1.1 no"), answered("550 5.7.1 spam")],
            "refused",
        );
        check(
            &[
                mail(ok),
                rcpt("b", "550 5.1.1 no"),
                rcpt("c", ok),
                judged("accept"),
                answered("250 2.0.0 ok"),
            ],
            "queued",
        );
        check(&[judged("refuse")], "refused");
        check(&[judged("defer"), answered("451 4.7.1 later")], "deferred");
        check(&[judged("hold"), stored(1), answered("250 2.0.0 ok")], "held");
        check(&[judged("hold"), stored(1), handled("release")], "queued");
        check(&[judged("accept"), stored(1), handled("hold")], "held");
        check(&[judged("accept"), stored(1), answered("250 2.0.0 ok")], "queued");
        let two = [judged("accept"), stored(2), answered("250 2.0.0 ok")];
        let with = |more: &[What]| [&two, more].concat();
        check(&with(&[settled("b", "delivered")]), "queued");
        check(
            &with(&[settled("b", "rescheduled"), settled("c", "rescheduled")]),
            "queued",
        );
        check(
            &with(&[settled("b", "delivered"), settled("c", "delivered")]),
            "delivered",
        );
        check(
            &with(&[settled("b", "delivered"), settled("c", "failed")]),
            "partly_delivered",
        );
        check(
            &with(&[settled("b", "expired"), settled("c", "failed")]),
            "failed",
        );
        check(
            &with(&[
                settled("b", "dropped"),
                settled("c", "dropped"),
                answered("421 4.4.2 bye"),
            ]),
            "failed",
        );
        check(&[stored(1), settled("b", "delivered")], "delivered");
    }

    #[test]
    fn recipients_are_bounded_and_told_once() {
        let told: Vec<What> = (0..50)
            .flat_map(|n| [n, n])
            .map(|n| rcpt(&format!("r{n}@x"), "250"))
            .collect();
        let recipients = folded(&told).row.recipients;
        assert_eq!(recipients.len(), RECIPIENTS_MAX + 1);
        assert_eq!(recipients[20], "…");
        assert_eq!(folded(&told[..6]).row.recipients, ["r0@x", "r1@x", "r2@x"]);
    }

    #[test]
    fn texts_are_bounded_and_have_no_line_ends() {
        let long = "ä".repeat(5_000);
        let told = What::Received {
            size_octets: 1,
            header_from: "a\nb\u{85}c".into(),
            subject: long,
            message_id: String::new(),
        };
        let row = folded(&[told]).row;
        assert_eq!(row.subject.chars().count(), TEXT_MAX);
        assert_eq!(row.header_from, "abc");
    }

    #[test]
    fn only_the_light_part_changes_when_mail_is_delivered() {
        let mut summary = folded(&[rcpt("b", "250"), stored(1)]);
        let scope = Arc::new(Scope::default());
        let event = |what| Event {
            id: Id::from_u64(1),
            at: Timestamp::UNIX_EPOCH,
            scope: Arc::clone(&scope),
            what,
        };
        let before = summary.row.clone();
        assert!(!summary.fold(&event(settled("b", "delivered"))));
        assert_eq!(
            StoryRow {
                status: before.status.clone(),
                last_reply: before.last_reply.clone(),
                ..summary.row.clone()
            },
            before
        );
        assert!(summary.fold(&event(settled("someone else", "delivered"))));
    }
}
