//! Replies become outcomes: delivered, tried again, failed, expired; booked in the queue together with the notice they need,
//! then told in the story.
//!
//! The decision in prose: 2yz to the message is delivered; 5yz is failed; everything else, also silence, is tried again until
//! the message has expired, and one attempt is always made at or after the expiry. The first time a recipient has waited for
//! `delay_notice_after` its sender is told. A recipient who asked for word of success gets it from us when the next hop does
//! not take that over.
//!
//! Promises: nothing more is sent on a connection until what became of the last message is handed to the store; while the
//! store cannot write, sending waits rather than sends twice.

use crate::context::{Context, Phase};
use crate::dsn::{self, Reported};
use crate::retry::{after, since};
use crate::work::Work;
use jiff::Timestamp;
use mail::dsn::Happened;
use mail::smtp::{Reply, Severity};
use risk::Returned;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use store::{Arrival, Envelope, Recipient, Settlement, StoreError, Terminal};
use trace::{Event, What};

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fate {
    /// An attempt was made, or the destination cannot be: the reply decides.
    Answered(Reply),
    /// Not attempted; try again after this time.
    PutOff(Duration, Reply),
}

/// With whom an attempt was made.
#[derive(Clone, Debug)]
pub(crate) struct Hop {
    pub site: Arc<str>,
    pub host: String,
    pub address: Option<IpAddr>,
    pub source: Option<IpAddr>,
    pub tls: Option<String>,
    /// It takes over notices (RFC 3461).
    pub dsn: bool,
    /// It was reached and answered.
    pub reached: bool,
}

/// Tries of a booking that the store has no room for, before the notice is given up and the recipient is put off.
const FULL_TRIES_MAX: u32 = 3;
/// Longest wait between two tries of a booking.
const BOOKING_WAIT_MAX: Duration = Duration::from_secs(60);

/// What one recipient's fate comes to.
struct Decided {
    settlement: Settlement,
    outcome: &'static str,
    next_attempt: Option<Timestamp>,
    /// With the reply to be shown in the notice.
    happened: Option<(Happened, Reply)>,
}

/// Books and tells. `fates` has one entry for each recipient of the work, in order.
pub(crate) async fn settle(context: &Context, mut work: Work, fates: Vec<Fate>, hop: Option<&Hop>) {
    let now = context.now();
    let envelope = Arc::clone(&work.envelope);
    let recipients = work.take_recipients();
    let mut outcomes = Vec::with_capacity(recipients.len());
    let mut events = Vec::with_capacity(recipients.len() + 2);
    let mut reported = Vec::new();
    let event = |what| Event {
        id: envelope.id,
        at: now,
        scope: Arc::clone(&work.scope),
        what,
    };
    if let Some(hop) = hop {
        events.push(event(attempted(hop, &envelope)));
    }
    for (place, ((index, recipient), fate)) in recipients.iter().zip(fates).enumerate() {
        let decided = decide(
            context,
            &envelope,
            recipient,
            fate,
            hop.is_some_and(|hop| hop.dsn),
            now,
        );
        if is_news(recipient, &decided) {
            events.push(event(settled(&envelope, recipient, &decided, now)));
        }
        if let Some((happened, reply)) = decided.happened {
            reported.push(Reported {
                place,
                happened,
                reply,
            });
        }
        outcomes.push((*index, decided.settlement));
    }
    let remote = hop.filter(|hop| hop.reached).map(|hop| hop.host.as_str());
    let notice = dsn::notice(context, &envelope, &recipients, &reported, remote, now);
    if let Some(notice) = &notice {
        events.push(event(noticed(notice, &reported)));
    }
    // Told first: the notice may be under way before its booking returns, and its story begins here.
    let begun = notice.as_ref().map(|notice| stored(notice, now));
    tell_ledger(context, &envelope, &outcomes, now);
    context.hub.tell_all(events);
    if let Some(begun) = begun {
        context.hub.tell_all(vec![begun]);
    }
    book(context, &work, outcomes, notice).await;
}

/// What became of a sender's mail is evidence about the sender; notices of ours are nobody's.
fn tell_ledger(context: &Context, envelope: &Envelope, outcomes: &[(u32, Settlement)], now: Timestamp) {
    if envelope.reverse_path.is_none() {
        return;
    }
    let message = envelope.id.to_string();
    for (_, settlement) in outcomes {
        if let Some(returned) = returned(settlement) {
            context
                .store
                .ledger
                .returned(&envelope.scope.sender, returned, &message, now);
        }
    }
}

/// RFC 3463: X.1.1, X.1.10 and X.2.1 say that there is nobody; words about the content, and X.7.1 and its kin, that the message is
/// not wanted, unless they speak of our address, of authentication or of rates: that is our affair, not the sender's. A refusal
/// for another reason (full, too large, a loop) says nothing about the sender.
fn returned(settlement: &Settlement) -> Option<Returned> {
    let Settlement::Done(terminal, reply) = settlement else {
        return None;
    };
    match terminal {
        Terminal::Delivered => Some(Returned::Delivered),
        Terminal::Failed if reply.calls_it_unwanted() => Some(Returned::SpamRefusal),
        Terminal::Failed => {
            let code = reply.enhanced?;
            match (code.subject, code.detail) {
                (1, 1 | 10) | (2, 1) => Some(Returned::UnknownUser),
                (7, 0 | 1 | 28) if !reply.speaks_of_the_sender() => Some(Returned::SpamRefusal),
                _ => None,
            }
        }
        _ => None,
    }
}

/// An attempt always is. That something was put off is told when the reason is a new one, not at each look.
fn is_news(recipient: &Recipient, decided: &Decided) -> bool {
    match &decided.settlement {
        Settlement::Reschedule {
            attempted: false,
            reply,
            ..
        } => recipient.last_reply.as_ref() != Some(reply),
        _ => true,
    }
}

fn decide(
    context: &Context,
    envelope: &Envelope,
    recipient: &Recipient,
    fate: Fate,
    hop_takes_dsn: bool,
    now: Timestamp,
) -> Decided {
    let report = |happened: Happened, reply: &Reply| reported(envelope, recipient, happened, reply);
    let reply = match fate {
        Fate::PutOff(delay, reply) => return put_off(context, recipient, delay, reply, now),
        Fate::Answered(reply) => reply,
    };
    match reply.severity() {
        Severity::Completion => Decided {
            // A hop without DSN tells nobody, so we do; with null reverse-path or without SUCCESS nobody asked.
            happened: if hop_takes_dsn {
                None
            } else {
                report(Happened::Relayed, &reply)
            },
            settlement: Settlement::Done(Terminal::Delivered, reply),
            outcome: "delivered",
            next_attempt: None,
        },
        Severity::Permanent => Decided {
            happened: report(Happened::Failed, &reply),
            settlement: Settlement::Done(Terminal::Failed, reply),
            outcome: "failed",
            next_attempt: None,
        },
        Severity::Transient | Severity::Intermediate => try_again(context, envelope, recipient, reply, now),
    }
}

/// What the sender is told, if there is one and it wants to know.
fn reported(
    envelope: &Envelope,
    recipient: &Recipient,
    happened: Happened,
    reply: &Reply,
) -> Option<(Happened, Reply)> {
    let wanted = envelope.reverse_path.is_some() && dsn::is_wanted(recipient.notify, &happened);
    wanted.then(|| (happened, reply.clone()))
}

fn put_off(
    context: &Context,
    recipient: &Recipient,
    delay: Duration,
    reply: Reply,
    now: Timestamp,
) -> Decided {
    let due = after(now, delay.mul_f64(1.0 + 0.1 * context.jitter().abs()));
    let delay_notified = recipient.delay_notified;
    Decided {
        settlement: Settlement::Reschedule {
            due,
            reply,
            attempted: false,
            delay_notified,
        },
        outcome: "rescheduled",
        next_attempt: Some(due),
        happened: None,
    }
}

fn try_again(
    context: &Context,
    envelope: &Envelope,
    recipient: &Recipient,
    reply: Reply,
    now: Timestamp,
) -> Decided {
    let settings = &context.settings;
    let attempts = recipient.attempts.saturating_add(1);
    let Some(due) = settings
        .retry
        .due(attempts, context.jitter(), now, envelope.expires)
    else {
        let days = since(envelope.arrived, now).as_secs_f64() / 86_400.0;
        let text = format!(
            "not delivered within {days:.1} days; the last answer was: {}",
            reply.one_line()
        );
        let reply = Reply::new(554, (5, 4, 7), text);
        return Decided {
            happened: reported(envelope, recipient, Happened::Failed, &reply),
            settlement: Settlement::Done(Terminal::Expired, reply),
            outcome: "expired",
            next_attempt: None,
        };
    };
    let late = settings
        .delay_notice_after
        .is_some_and(|limit| since(envelope.arrived, now) >= limit);
    let first_notice = late && !recipient.delay_notified;
    let happened = Happened::Delayed {
        until: envelope.expires,
    };
    let happened = if first_notice {
        reported(envelope, recipient, happened, &reply)
    } else {
        None
    };
    let delay_notified = recipient.delay_notified || first_notice;
    Decided {
        settlement: Settlement::Reschedule {
            due,
            reply,
            attempted: true,
            delay_notified,
        },
        outcome: "rescheduled",
        next_attempt: Some(due),
        happened,
    }
}

/// Hands the outcomes to the store, again and again while it cannot take them: what was sent must not be sent twice.
async fn book(context: &Context, work: &Work, outcomes: Vec<(u32, Settlement)>, mut notice: Option<Arrival>) {
    let mut outcomes = outcomes;
    let mut tries = 0_u32;
    let mut over = context.phase.subscribe();
    loop {
        let error = match context
            .store
            .queue
            .settle(work.envelope.id, outcomes.clone(), notice.clone())
            .await
        {
            Ok(()) => return,
            // Somebody dropped the message meanwhile, or the store is closing and will hand the message out again.
            Err(StoreError::Missing(_) | StoreError::Closing) => return,
            Err(error) => error,
        };
        tries = tries.saturating_add(1);
        let detail = format!("the outcome cannot be booked (try {tries}): {error}");
        context.tell_limit(&work.envelope, &work.scope, "booking", detail);
        if matches!(error, StoreError::Refused(_)) && notice.take().is_some() {
            // The notice cannot be kept, whatever is in it; the outcome still counts, and the story has both.
            continue;
        }
        if error.is_full() && tries >= FULL_TRIES_MAX && notice.take().is_some() {
            // No room for the notice: the failed recipients stay until there is.
            outcomes = outcomes
                .into_iter()
                .map(|(index, outcome)| (index, without_notice(context, outcome)))
                .collect();
        }
        let wait = Duration::from_secs(1 << tries.min(6)).min(BOOKING_WAIT_MAX);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = over.wait_for(|phase| *phase == Phase::Over) => return,
        }
    }
}

/// A settlement that would need a notice becomes one more try later; the next attempt decides again.
fn without_notice(context: &Context, outcome: Settlement) -> Settlement {
    match outcome {
        Settlement::Done(Terminal::Failed | Terminal::Expired, reply) => {
            let due = after(context.now(), Duration::from_secs(600));
            Settlement::Reschedule {
                due,
                reply,
                attempted: true,
                delay_notified: true,
            }
        }
        other => other,
    }
}

fn attempted(hop: &Hop, envelope: &Envelope) -> What {
    What::Attempted {
        site: hop.site.to_string(),
        host: hop.host.clone(),
        address: hop.address,
        source: hop.source,
        pool: envelope.pool.clone(),
        tls: hop.tls.clone(),
    }
}

fn settled(envelope: &Envelope, recipient: &Recipient, decided: &Decided, now: Timestamp) -> What {
    let (Settlement::Done(_, reply) | Settlement::Reschedule { reply, .. }) = &decided.settlement;
    let attempted = !matches!(
        decided.settlement,
        Settlement::Reschedule { attempted: false, .. }
    );
    What::Settled {
        forward_path: recipient.forward_path.to_string(),
        outcome: decided.outcome.to_owned(),
        reply: reply.one_line(),
        attempts: recipient.attempts.saturating_add(u32::from(attempted)),
        next_attempt: decided.next_attempt,
        queued_ms: u64::try_from(since(envelope.arrived, now).as_millis()).unwrap_or(u64::MAX),
    }
}

fn noticed(notice: &Arrival, reported: &[Reported]) -> What {
    let has = |wanted: fn(&Happened) -> bool| reported.iter().any(|line| wanted(&line.happened));
    let kind = if has(|happened| matches!(happened, Happened::Failed)) {
        "failed"
    } else if has(|happened| matches!(happened, Happened::Delayed { .. })) {
        "delayed"
    } else {
        "relayed"
    };
    let to = notice
        .recipients
        .first()
        .map(|recipient| recipient.forward_path.to_string())
        .unwrap_or_default();
    What::Noticed {
        notice: notice.envelope.id,
        to,
        kind: kind.to_owned(),
    }
}

/// The first event of the notice's own story.
fn stored(notice: &Arrival, now: Timestamp) -> Event {
    let envelope = &notice.envelope;
    let what = What::Stored {
        size_octets: envelope.size_octets,
        recipients: 1,
        pool: envelope.pool.clone(),
    };
    Event {
        id: envelope.id,
        at: now,
        scope: Arc::new(envelope.scope.clone()),
        what,
    }
}
