//! A message that may pass becomes a message in the queue: Received, hygiene, DKIM, envelope, durable.
//!
//! Promises: `Ok` means that it is on stable storage and 250 may be said (RFC 5321 §4.2.5, §6.1); `Err` means that nothing of
//! it is kept. Trusts the verdict. Standards: RFC 5321 §4.4, RFC 6376, RFC 6409 §8.

use crate::hygiene::{self, Additions};
use crate::identify::signing_domain;
use crate::session::Transaction;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use mail::message::Header;
use mail::received::Received;
use mail::smtp::Reply;
use risk::{Action, Verdict};
use std::net::IpAddr;
use std::time::Duration;
use store::{Arrival, Envelope, Recipient, RecipientState, Store, StoreError};
use trace::{Id, Scope};

/// Messages beyond this size are signed on a blocking thread, so that they do not hold up other sessions.
const INLINE_OCTETS_MAX: usize = 1 << 20;

/// What is known of the message besides its octets.
#[derive(Debug)]
pub struct Origin<'a> {
    /// The story's id.
    pub id: Id,
    /// Time of acceptance.
    pub at: Timestamp,
    /// Our name.
    pub hostname: &'a str,
    /// The client's EHLO name; None hides it.
    pub helo: Option<&'a str>,
    /// The client's address; None hides it.
    pub client: Option<IpAddr>,
    /// The word for `with` in Received.
    pub with: &'static str,
    /// TLS version and cipher.
    pub tls: Option<String>,
    /// Whose it is.
    pub scope: Scope,
    /// From is owned by the sender, so its domain's keys may sign.
    pub may_sign: bool,
    /// How long it is tried.
    pub expires_after: Duration,
}

/// What was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Octets as stored.
    pub size_octets: u64,
    /// Recipients.
    pub recipients: u32,
}

/// Makes the message durable.
pub async fn admit(
    store: &Store,
    origin: &Origin<'_>,
    transaction: Transaction,
    verdict: &Verdict,
    message: Bytes,
) -> Result<Admitted, StoreError> {
    let chunks = chunks(store, origin, message).await?;
    let size_octets = chunks.iter().map(|chunk| chunk.len() as u64).sum();
    let arrival = arrival(origin, transaction, verdict, chunks, size_octets);
    let recipients = u32::try_from(arrival.recipients.len()).unwrap_or(u32::MAX);
    store.queue.admit(arrival).await?;
    Ok(Admitted {
        size_octets,
        recipients,
    })
}

/// Our fields, the signatures, and what stays of the client's octets.
async fn chunks(store: &Store, origin: &Origin<'_>, message: Bytes) -> Result<Vec<Bytes>, StoreError> {
    let id = origin.id.to_string();
    let (pieces, domain) = {
        let header = Header::parse(&message, &hygiene::limits());
        let additions = Additions {
            hostname: origin.hostname,
            id: &id,
            at: origin.at,
        };
        let domain = origin.may_sign.then(|| signing_domain(&header)).flatten();
        (hygiene::clean(&message, &header, &additions), domain)
    };
    let mut fields = Vec::with_capacity(1_024);
    let received = Received {
        helo: origin.helo,
        client: origin.client,
        by: origin.hostname,
        with: origin.with,
        tls: origin.tls.as_deref(),
        id: &id,
        at: origin.at,
    };
    received.write(&mut fields);
    let mut chunks = vec![Bytes::from(fields)];
    let pieces = match domain {
        Some(domain) => sign(store, &domain, origin.at, pieces, &mut chunks).await?,
        None => pieces,
    };
    chunks.extend(pieces);
    Ok(chunks)
}

/// Puts one signature for each key of the domain into `chunks`; returns the message's pieces, joined if that was needed.
async fn sign(
    store: &Store,
    domain: &str,
    at: Timestamp,
    pieces: Vec<Bytes>,
    chunks: &mut Vec<Bytes>,
) -> Result<Vec<Bytes>, StoreError> {
    let signers = store.directory.signers(domain)?;
    if signers.is_empty() {
        return Ok(pieces);
    }
    let whole = match <[Bytes; 1]>::try_from(pieces) {
        Ok([whole]) => whole,
        Err(pieces) => Bytes::from(pieces.concat()),
    };
    let signed = whole.clone();
    let work = move || {
        let each = signers.iter().map(|signer| signer.sign(&signed, at));
        each.collect::<Result<Vec<_>, _>>()
    };
    let signatures = if whole.len() <= INLINE_OCTETS_MAX {
        work()
    } else {
        match tokio::task::spawn_blocking(work).await {
            Ok(signatures) => signatures,
            // Only when the runtime is closing.
            Err(_) => return Err(StoreError::Closing),
        }
    };
    // Fields were counted before: what is left is the crypto library's refusal of the operator's key.
    let signatures = signatures.map_err(|error| StoreError::Refused(error.to_string()))?;
    chunks.extend(signatures.into_iter().map(Bytes::from));
    Ok(vec![whole])
}

fn arrival(
    origin: &Origin<'_>,
    transaction: Transaction,
    verdict: &Verdict,
    chunks: Vec<Bytes>,
    size_octets: u64,
) -> Arrival {
    let lasts = SignedDuration::try_from(origin.expires_after).unwrap_or(SignedDuration::MAX);
    let mail = transaction.mail;
    let envelope = Envelope {
        id: origin.id,
        arrived: origin.at,
        expires: origin.at.checked_add(lasts).unwrap_or(Timestamp::MAX),
        reverse_path: mail.reverse_path,
        ret: mail.ret,
        envid: mail.envid,
        body: mail.body,
        smtputf8: mail.smtputf8,
        scope: origin.scope.clone(),
        class: verdict.class,
        pool: verdict.pool.clone(),
        size_octets,
    };
    let state = match verdict.action {
        Action::Hold => RecipientState::Held {
            // Whoever may see the queue may read this, not only who may read the message.
            reason: verdict
                .reason
                .sentence_in(risk::Language::English, risk::Room::BARE),
        },
        _ => RecipientState::Scheduled { due: origin.at },
    };
    let recipients = transaction.recipients.into_iter().map(|forward| Recipient {
        forward_path: forward.path,
        orcpt: forward.orcpt,
        notify: forward.notify,
        state: state.clone(),
        attempts: 0,
        last_reply: None,
        delay_notified: false,
    });
    Arrival {
        envelope,
        recipients: recipients.collect(),
        chunks,
    }
}

/// The answer to a message that was stored.
pub fn reply(verdict: &Verdict, id: Id) -> Reply {
    match verdict.action {
        Action::Hold => Reply::new(250, (2, 0, 0), format!("Ok: held for review as {id}")),
        _ => Reply::new(250, (2, 0, 0), format!("Ok: queued as {id}")),
    }
}
