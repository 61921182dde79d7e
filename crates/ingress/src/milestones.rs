//! How a client came: connection, TLS, greeting, login, and when. Kept small while the session idles, told at the start of
//! each of its stories, so that every story is whole.

use crate::room::{Door, Room};
use crate::session::Session;
use jiff::Timestamp;
use risk::DoorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use trace::{Id, Story, What};

/// Who is connected, and when what happened.
#[derive(Clone, Copy, Debug)]
pub struct Milestones {
    /// The true client.
    pub client: SocketAddr,
    /// The proxy that named it.
    pub via: Option<IpAddr>,
    /// When it connected.
    pub connected: Timestamp,
    /// When EHLO or HELO was last said.
    pub greeted: Option<Timestamp>,
    /// When TLS was agreed.
    pub secured: Option<Timestamp>,
    /// When it logged in, and by which mechanism.
    pub logged_in: Option<(Timestamp, &'static str)>,
}

impl Milestones {
    /// A client that has just connected.
    pub fn new(client: SocketAddr, connected: Timestamp) -> Self {
        Self {
            client,
            via: None,
            connected,
            greeted: None,
            secured: None,
            logged_in: None,
        }
    }

    /// The first event of every story.
    pub fn connected_event(&self, door: &Door) -> What {
        What::Connected {
            listener: door.name.clone(),
            kind: kind(door.rules.kind).to_owned(),
            client: self.client,
            via: self.via,
        }
    }

    /// A story that begins with all that was so far.
    pub fn story(&self, room: &Room, door: &Door, session: &Session) -> Story {
        let mut story = Story::open(Arc::clone(&room.hub), Id::generate(room.clock.now()));
        story.tell(self.connected, self.connected_event(door));
        if let (Some(at), Some(tls)) = (self.secured, session.tls()) {
            story.tell(
                at,
                What::Secured {
                    version: tls.version.clone(),
                    cipher: tls.cipher.clone(),
                },
            );
        }
        if let Some(at) = self.greeted {
            story.tell(
                at,
                What::Greeted {
                    helo: session.helo().to_owned(),
                    esmtp: session.is_esmtp(),
                },
            );
        }
        if let (Some((at, mechanism)), Some(account)) = (self.logged_in, session.login()) {
            let (login, mechanism) = (account.login.clone(), mechanism.to_owned());
            story.tell(at, What::LoggedIn { login, mechanism });
        }
        story
    }

    /// The door as a fact.
    pub fn door(&self, door: &Door, session: &Session) -> risk::Door {
        risk::Door {
            listener: door.name.clone(),
            kind: door.rules.kind,
            client: Some(self.client.ip().to_canonical()),
            helo: session.helo().to_owned(),
            tls: session.tls().is_some(),
        }
    }
}

fn kind(kind: DoorKind) -> &'static str {
    match kind {
        DoorKind::Submission => "submission",
        DoorKind::Submissions => "submissions",
        DoorKind::Relay => "relay",
        DoorKind::File => "file",
    }
}
