//! All that comes before the banner: the PROXY header, the guard, a place, the handshake of implicit TLS, and what the
//! client's network is trusted with.
//!
//! Promises: only trusted proxies speak for others (PROXY protocol, HAProxy); a banned or crowding address gets 421 at most;
//! who is turned away is told in a story. Limits: `connections_per_address_max`, `handshake_timeout`.

use crate::guard::Gate;
use crate::identify::Trust;
use crate::milestones::Milestones;
use crate::room::{Door, Place, Room};
use crate::session::Session;
use crate::wire::Wire;
use mail::smtp::Reply;
use mail::smtp::proxy::{self, Proxied};
use net::TlsFacts;
use risk::DoorKind;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Octets of a PROXY header, v2 with its additions.
const PROXY_OCTETS_MAX: usize = 4 << 10;
/// How long a proxy may take for it.
const PROXY_TIMEOUT: Duration = Duration::from_secs(10);

/// A client that may be spoken to.
#[derive(Debug)]
pub struct Guest {
    /// Its octets.
    pub wire: Wire,
    /// Its session, before the first word.
    pub session: Box<Session>,
    /// How it came.
    pub milestones: Box<Milestones>,
    /// Its place at the door.
    pub place: Place,
}

/// Why a client is turned away.
struct Away {
    /// The bound that was reached, if it was one.
    limit: Option<&'static str>,
    detail: String,
}

/// Lets a client in. None: it was turned away.
pub async fn welcome(
    room: &Room,
    door: &Arc<Door>,
    mut wire: Wire,
    mut milestones: Milestones,
    mut place: Place,
) -> Option<Guest> {
    match admit(room, door, &mut wire, &mut milestones, &mut place).await {
        Ok((trust, tls)) => Some(Guest {
            wire,
            session: Box::new(Session::new(Arc::clone(&door.rules), trust, tls)),
            milestones: Box::new(milestones),
            place,
        }),
        Err(Away { limit, detail }) => {
            room.turned_away(milestones.connected_event(door), limit, &detail);
            if limit.is_some() && door.rules.kind != DoorKind::Submissions {
                let text = format!(
                    "{} Too many connections or failures; try again later",
                    door.rules.hostname
                );
                wire.say(&Reply::new(421, (4, 7, 0), text), false);
                wire.close().await;
            }
            None
        }
    }
}

async fn admit(
    room: &Room,
    door: &Door,
    wire: &mut Wire,
    milestones: &mut Milestones,
    place: &mut Place,
) -> Result<(Trust, Option<TlsFacts>), Away> {
    let directory = &room.store.directory;
    let peer = milestones.client.ip();
    // A directory that cannot be read trusts nobody.
    let mut trust = Trust::of(directory, peer).unwrap_or_default();
    if door.proxy_protocol
        && let Proxied::Client(client) = proxied(wire, &trust).await?
    {
        milestones.via = Some(peer);
        milestones.client = client;
        trust = Trust::of(directory, client.ip()).unwrap_or_default();
    }
    let client = milestones.client.ip();
    let gate = {
        let (mut guard, now) = room.guard();
        guard.greet(client, now)
    };
    if gate == Gate::Shut {
        return Err(Away::limit("address_failures_max"));
    }
    if !trust.proxy && !place.claim(client) {
        return Err(Away::limit("connections_per_address_max"));
    }
    let mut tls = None;
    if let (DoorKind::Submissions, Some(certificate)) = (door.rules.kind, &door.tls) {
        let handshake = wire.start_tls(certificate, door.rules.limits.handshake_timeout);
        tls = Some(
            handshake
                .await
                .map_err(|error| Away::because(error.to_string()))?,
        );
        milestones.secured = Some(room.clock.now());
    }
    Ok((trust, tls))
}

impl Away {
    fn limit(name: &'static str) -> Self {
        Self {
            limit: Some(name),
            detail: "421".to_owned(),
        }
    }

    fn because(detail: impl Into<String>) -> Self {
        Self {
            limit: None,
            detail: detail.into(),
        }
    }
}

/// Reads a PROXY header and not one octet more: what follows may be a TLS handshake.
async fn proxied(wire: &mut Wire, trust: &Trust) -> Result<Proxied, Away> {
    if !trust.proxy {
        return Err(Away::because("the client is not a trusted proxy"));
    }
    let until = Instant::now() + PROXY_TIMEOUT;
    loop {
        match proxy::parse(wire.input()) {
            Ok(Some((length, said))) => {
                wire.consume(length);
                return Ok(said);
            }
            Ok(None) if wire.input().len() < PROXY_OCTETS_MAX => {
                let missing = proxy_octets_missing(wire.input());
                let filled = wire.fill_at_most(until, missing).await;
                filled.map_err(|_| Away::because("no PROXY header came"))?;
            }
            _ => return Err(Away::because("no PROXY header")),
        }
    }
}

/// How many octets the header surely has yet: v1 is a line of at least 15, v2 says its length in octets 15 and 16.
fn proxy_octets_missing(input: &[u8]) -> usize {
    const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
    match (input.len(), input.get(14..16)) {
        (known @ 0..15, _) => 15 - known,
        (known, Some(&[high, low])) if input.starts_with(V2) => {
            let whole = 16 + usize::from(u16::from_be_bytes([high, low]));
            whole.saturating_sub(known).max(1)
        }
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_octet_behind_a_proxy_header_is_taken() {
        let v1 = b"PROXY TCP4 203.0.113.77 127.0.0.1 4711 465\r\n".to_vec();
        let mut v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c".to_vec();
        v2.extend([203, 0, 113, 77, 127, 0, 0, 1, 18, 103, 1, 209]);
        for header in [v1, b"PROXY UNKNOWN\r\n".to_vec(), v2] {
            let mut known = 0;
            while proxy::parse(&header[..known]).unwrap().is_none() {
                known += proxy_octets_missing(&header[..known]);
                assert!(known <= header.len(), "{header:?}");
            }
            assert_eq!(known, header.len());
        }
    }
}
