//! Notices to the sender: who gets one for what (RFC 3461 §4.1, §5.2, §6.2), and the notice as a message of its own.
//!
//! Promises: never a notice about a message with the null reverse-path (RFC 5321 §6.1), never one that NOTIFY forbids; the
//! notice has its own story, leaves by the pool `bounce` with the null reverse-path, and is signed when our own domain has a
//! key.

use crate::context::Context;
use crate::retry::after;
use jiff::Timestamp;
use mail::dsn::{Happened, Report, ReportedRecipient};
use mail::smtp::{Notify, Reply};
use risk::Class;
use store::{Arrival, Envelope, Recipient, RecipientState};
use trace::Id;

/// Pool by which notices leave.
pub(crate) const POOL: &str = "bounce";

/// Something that the sender is told of one recipient.
#[derive(Clone, Debug)]
pub(crate) struct Reported {
    /// Place in the recipients that are being settled.
    pub place: usize,
    pub happened: Happened,
    pub reply: Reply,
}

/// Does NOTIFY ask for word of this? Without NOTIFY: failures and delays (RFC 3461 §4.1, §5.2.1).
pub(crate) fn is_wanted(notify: Option<Notify>, happened: &Happened) -> bool {
    let asked = notify.unwrap_or(Notify {
        success: false,
        failure: true,
        delay: true,
    });
    match happened {
        Happened::Failed => asked.failure,
        Happened::Delayed { .. } => asked.delay,
        Happened::Relayed | Happened::Delivered => asked.success,
    }
}

/// Writes the notice about these recipients; None for the null reverse-path, when there is nothing to say, or when the
/// message cannot be read any more (then the caller settles without notice and the story says so).
pub(crate) fn notice(
    context: &Context,
    envelope: &Envelope,
    recipients: &[(u32, Recipient)],
    reported: &[Reported],
    remote_mta: Option<&str>,
    now: Timestamp,
) -> Option<Arrival> {
    let to = envelope.reverse_path.as_ref()?;
    if reported.is_empty() {
        return None;
    }
    let original = context.store.queue.message(envelope.id).unwrap_or_default();
    let id = Id::generate(now);
    let lines = reported.iter().filter_map(|line| {
        let (_, recipient) = recipients.get(line.place)?;
        Some(ReportedRecipient {
            forward_path: &recipient.forward_path,
            orcpt: recipient.orcpt.as_ref(),
            happened: line.happened,
            reply: &line.reply,
            remote_mta,
            last_attempt: remote_mta.map(|_| now),
        })
    });
    let report = Report {
        reporting_mta: &context.settings.host_name,
        to,
        envid: envelope.envid.as_deref(),
        arrived: envelope.arrived,
        original_id: &envelope.id.to_string(),
        id: &id.to_string(),
        ret: envelope.ret,
        recipients: lines.collect(),
        original: &original,
        at: now,
    };
    Some(arrival(context, envelope, to, id, report.write(), now))
}

fn arrival(
    context: &Context,
    about: &Envelope,
    to: &mail::Address,
    id: Id,
    message: Vec<u8>,
    now: Timestamp,
) -> Arrival {
    let mut chunks = signatures(context, &message, now);
    chunks.push(message.into());
    let envelope = Envelope {
        id,
        arrived: now,
        expires: after(now, context.settings.notice_lifetime),
        reverse_path: None,
        ret: None,
        envid: None,
        body: about.body,
        smtputf8: about.smtputf8 && !to.is_ascii(),
        scope: about.scope.clone(),
        class: Class::Clean,
        pool: POOL.to_owned(),
        size_octets: chunks.iter().map(|chunk| chunk.len() as u64).sum(),
    };
    let recipient = Recipient {
        forward_path: to.clone(),
        orcpt: None,
        notify: None,
        state: RecipientState::Scheduled { due: now },
        attempts: 0,
        last_reply: None,
        delay_notified: false,
    };
    Arrival {
        envelope,
        recipients: vec![recipient],
        chunks,
    }
}

/// DKIM signatures of our host's domain, or of the domain above it. Without a key a notice goes out unsigned.
fn signatures(context: &Context, message: &[u8], now: Timestamp) -> Vec<bytes::Bytes> {
    let host = context.settings.host_name.as_str();
    let above = host
        .split_once('.')
        .map(|(_, above)| above)
        .filter(|above| above.contains('.'));
    let found = [Some(host), above].into_iter().flatten().find_map(|domain| {
        context
            .store
            .directory
            .signers(domain)
            .ok()
            .filter(|signers| !signers.is_empty())
    });
    let signers = found.iter().flat_map(|signers| signers.iter());
    signers
        .filter_map(|signer| signer.sign(message, now).ok())
        .map(bytes::Bytes::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_told_of_what() {
        let until = Timestamp::UNIX_EPOCH;
        let notify = |text: &str| {
            (text != "-").then(|| Notify {
                success: text.contains('S'),
                failure: text.contains('F'),
                delay: text.contains('D'),
            })
        };
        let check = |text: &str, failed: bool, delayed: bool, relayed: bool| {
            let notify = notify(text);
            assert_eq!(is_wanted(notify, &Happened::Failed), failed, "{text}");
            assert_eq!(is_wanted(notify, &Happened::Delayed { until }), delayed, "{text}");
            assert_eq!(is_wanted(notify, &Happened::Relayed), relayed, "{text}");
        };
        check("-", true, true, false);
        check("NEVER", false, false, false);
        check("F", true, false, false);
        check("D", false, true, false);
        check("S", false, false, true);
        check("SFD", true, true, true);
    }
}
