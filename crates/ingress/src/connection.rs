//! The driver of one session: what a [`Step`] asks for is done here, in the order of the client's lines.
//!
//! Promises: an idle connection is one small future without buffers; every wait ends; whatever way the session ends, its
//! stories are told. Work that needs room (handshake, message, judgement) is boxed while it lasts.

use crate::auth::{self, Credentials};
use crate::guard::Gate;
use crate::identify::Trust;
use crate::milestones::Milestones;
use crate::receive::{self, Incoming, Unfit, Whole};
use crate::refuse;
use crate::room::{Door, Place, Room};
use crate::session::{Chunk, Session, Step};
use crate::transaction::{Open, Way};
use crate::welcome::{Guest, welcome};
use crate::wire::{Cut, Drain, Wire};
use mail::smtp::data::ChunkChecker;
use mail::smtp::xclient::Xclient;
use mail::smtp::{MailCommand, Reply};
use net::ServerStream;
use std::net::SocketAddr;
use std::sync::Arc;
use store::Login;
use tokio::time::Instant;
use trace::{Story, What};

/// Goes on with the next line, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Go,
    End,
}

/// A session with its client.
struct Connection {
    room: Arc<Room>,
    door: Arc<Door>,
    wire: Wire,
    session: Box<Session>,
    milestones: Box<Milestones>,
    /// The transaction under way.
    open: Option<Box<Transfer>>,
    /// The story of what was notable outside of transactions.
    incident: Option<Box<Incident>>,
    ends: Instant,
    _place: Place,
}

/// The story of a session, and how it ends.
struct Incident {
    /// None: too many clients without a login had a story in that second.
    story: Option<Story>,
    reason: Option<String>,
}

/// A transaction, and its message if it comes in chunks.
struct Transfer {
    open: Open,
    chunks: Option<(Incoming, ChunkChecker)>,
}

/// Serves one client to its end.
pub async fn serve(
    room: Arc<Room>,
    door: Arc<Door>,
    stream: ServerStream,
    peer: SocketAddr,
    place: Place,
    drain: Drain,
) {
    let wire = Wire::new(stream, drain, door.rules.limits.write_timeout);
    let milestones = Milestones::new(peer, room.clock.now());
    let Some(guest) = Box::pin(welcome(&room, &door, wire, milestones, place)).await else {
        return;
    };
    let mut connection = Connection::new(room, door, guest);
    let end = connection.talk().await;
    Box::pin(connection.end(end)).await;
}

impl Connection {
    fn new(room: Arc<Room>, door: Arc<Door>, guest: Guest) -> Self {
        let ends = Instant::now() + door.rules.limits.session_timeout;
        let Guest {
            wire,
            session,
            milestones,
            place,
        } = guest;
        Self {
            room,
            door,
            wire,
            session,
            milestones,
            open: None,
            incident: None,
            ends,
            _place: place,
        }
    }

    /// Line by line to the end. `Ok`: it was closed in order.
    async fn talk(&mut self) -> Result<(), Cut> {
        self.wire.say(&self.session.banner(), false);
        loop {
            self.wire.flush_if_due().await?;
            let until = (Instant::now() + self.door.rules.limits.command_timeout).min(self.ends);
            let session = &self.session;
            let line = self
                .wire
                .line(until, |start| session.line_octets_max(start))
                .await?;
            let step = match line {
                Ok(place) => {
                    let behind = self.wire.has_input();
                    let step = self.session.line(self.wire.octets(place.clone()), behind);
                    if let Step::Reply(reply) = &step
                        && reply.code == 530
                        && self.incident.is_none()
                    {
                        let line = String::from_utf8_lossy(self.wire.octets(place)).into_owned();
                        self.relay_denied(&line, reply.one_line());
                    }
                    step
                }
                Err(error) => self.session.bad_line(error),
            };
            if self.act(step).await? == Flow::End {
                return Ok(());
            }
        }
    }

    async fn act(&mut self, step: Step) -> Result<Flow, Cut> {
        let step = match step {
            Step::Authenticate(claim) => Box::pin(self.authenticate(claim)).await?,
            Step::Impersonate(said) => self.impersonate(&said),
            step => step,
        };
        match step {
            Step::Reply(reply) => self.say(&reply),
            Step::Close(reply) => {
                self.say(&reply);
                if reply.code >= 400 {
                    self.ends_badly(reply.one_line());
                }
                return Ok(Flow::End);
            }
            Step::StartTls(reply) => return Box::pin(self.start_tls(reply)).await,
            Step::JudgeMail(mail) => self.mail(*mail),
            Step::JudgeRcpt(recipient) => {
                let accepted = self
                    .session
                    .transaction()
                    .map_or(0, |transaction| transaction.recipients.len());
                let Some(transfer) = &mut self.open else {
                    return Ok(Flow::End);
                };
                let refusal = transfer.open.rcpt(&self.room, accepted);
                let reply = self.session.rcpt_answered(recipient.clone(), refusal);
                transfer.open.rcpt_answered(&self.room, &recipient, &reply);
                self.say(&reply);
            }
            Step::ReadData(reply) => return Box::pin(self.data(reply)).await,
            Step::ReadChunk(chunk) => return Box::pin(self.chunk(chunk)).await,
            Step::Authenticate(_) | Step::Impersonate(_) => {}
        }
        if self.session.is_at_errors_max() {
            let reply = Reply::new(421, (4, 7, 0), "Too many errors");
            self.say(&reply);
            self.ends_badly(reply.one_line());
            return Ok(Flow::End);
        }
        self.follow();
        Ok(Flow::Go)
    }

    /// The story follows the session: RSET and EHLO end a transaction; a greeting is remembered.
    fn follow(&mut self) {
        if self.session.transaction().is_none()
            && let Some(transfer) = self.open.take()
        {
            transfer.open.end(&self.room, None, "the client gave it up");
        }
        if !self.session.helo().is_empty() && self.milestones.greeted.is_none() {
            self.milestones.greeted = Some(self.room.clock.now());
        }
    }

    fn say(&mut self, reply: &Reply) {
        let utf8 = self.open.as_ref().is_some_and(|transfer| transfer.open.is_utf8());
        self.wire.say(reply, utf8);
    }

    async fn start_tls(&mut self, reply: Reply) -> Result<Flow, Cut> {
        let Some(certificate) = self.door.tls.clone() else {
            return Ok(Flow::End);
        };
        self.say(&reply);
        self.wire.flush().await?;
        match self
            .wire
            .start_tls(&certificate, self.door.rules.limits.handshake_timeout)
            .await
        {
            Ok(facts) => {
                self.session.secured(facts);
                self.milestones.greeted = None;
                self.milestones.logged_in = None;
                self.milestones.secured = Some(self.room.clock.now());
                Ok(Flow::Go)
            }
            Err(error) => {
                self.ends_badly(error.to_string());
                Ok(Flow::End)
            }
        }
    }

    async fn authenticate(&mut self, claim: Credentials) -> Result<Step, Cut> {
        let client = self.milestones.client.ip();
        let gate = {
            let (mut guard, now) = self.room.guard();
            guard.ask(client, &claim.login, now)
        };
        match gate {
            Gate::Wait(time) => {
                self.wire.flush().await?;
                tokio::time::sleep(time).await;
            }
            Gate::Shut | Gate::Open => {}
        }
        let answer = match gate {
            Gate::Shut => Ok(Login::Denied),
            _ => {
                self.room
                    .store
                    .directory
                    .login(&claim.login, &claim.password)
                    .await
            }
        };
        match answer {
            Ok(Login::Granted(account)) => {
                {
                    let (mut guard, now) = self.room.guard();
                    guard.succeeded(client, &claim.login, now);
                }
                self.milestones.logged_in = Some((self.room.clock.now(), claim.mechanism));
                Ok(self.granted(account))
            }
            Ok(Login::Denied) => {
                {
                    let (mut guard, now) = self.room.guard();
                    guard.failed(client, &claim.login, now);
                }
                self.suspect_login(&claim.login);
                let reason = if gate == Gate::Shut {
                    "too many failures"
                } else {
                    "wrong login or password"
                };
                self.login_failed(claim, reason);
                Ok(self.session.denied(auth::denied()))
            }
            Err(error) => {
                self.login_failed(claim, &error.to_string());
                Ok(self
                    .session
                    .denied(Reply::new(454, (4, 7, 0), "Temporary authentication failure")))
            }
        }
    }

    /// A locked user is told at MAIL, or here if the operator wants it so.
    fn granted(&mut self, account: Arc<store::Account>) -> Step {
        if self.room.settings.locked_at_auth {
            let sender = crate::identify::Identity::Account(Arc::clone(&account)).sender();
            let now = self.room.clock.now();
            let row = self.room.store.ledger.get(&sender.key(), now);
            if row.is_some_and(|row| row.conduct.lock_at(now).is_some()) {
                return self
                    .session
                    .denied(Reply::new(525, (5, 7, 13), "User account disabled"));
            }
        }
        self.session.granted(account)
    }

    /// The ledger hears of it, if it knows the name.
    fn suspect_login(&self, login: &str) {
        let (store, now) = (&self.room.store, self.room.clock.now());
        let door = self.milestones.door(&self.door, &self.session);
        let client = self.milestones.client.ip().to_canonical();
        let whence = crate::conduct::whence(&store.ledger, &store.geo, client, &door);
        let key = format!("{}:{}", risk::SenderKind::Mailbox.as_str(), login.to_lowercase());
        store.ledger.login_failed(&key, &whence, client, now);
    }

    fn login_failed(&mut self, claim: Credentials, reason: &str) {
        let login = claim.login.chars().take(255).collect();
        let (mechanism, reason) = (claim.mechanism.to_owned(), reason.to_owned());
        self.tell(What::LoginFailed {
            login,
            mechanism,
            reason,
        });
    }

    fn impersonate(&mut self, said: &Xclient) -> Step {
        let directory = &self.room.store.directory;
        if let Some(address) = said.addr {
            self.milestones.via.get_or_insert(self.milestones.client.ip());
            self.milestones.client = SocketAddr::new(address, said.port.unwrap_or(0));
        }
        let trust = Trust::of(directory, self.milestones.client.ip()).unwrap_or_default();
        let account = said
            .login
            .as_deref()
            .and_then(|login| directory.account(login).ok().flatten());
        let account = account.filter(|account| account.enabled);
        self.milestones.logged_in = account.as_ref().map(|_| (self.room.clock.now(), "XCLIENT"));
        self.milestones.greeted = None;
        self.session.impersonate(said, trust, account)
    }

    fn mail(&mut self, mail: MailCommand) {
        if !self.refresh() {
            return self.say(&Reply::new(550, (5, 7, 13), "User account disabled"));
        }
        let Some(identity) = self.session.identity() else {
            return;
        };
        let story = self.milestones.story(&self.room, &self.door, &self.session);
        let door = self.milestones.door(&self.door, &self.session);
        let reverse_path = mail
            .reverse_path
            .as_ref()
            .map_or_else(String::new, |path| path.as_str().to_owned());
        let hops_max = self.door.rules.limits.hops_max;
        let (mut open, refusal) = Open::mail(&self.room, story, identity, door, hops_max, &mail);
        let utf8 = mail.smtputf8;
        let reply = self.session.mail_answered(mail, refusal);
        open.mail_answered(&self.room, reverse_path, &reply);
        self.wire.say(&reply, utf8);
        if self.session.transaction().is_some() {
            self.open = Some(Box::new(Transfer { open, chunks: None }));
        }
    }

    async fn data(&mut self, reply: Reply) -> Result<Flow, Cut> {
        let door = Arc::clone(&self.door);
        let limits = &door.rules.limits;
        let hint = self
            .session
            .transaction()
            .and_then(|transaction| transaction.mail.size_octets);
        let Some(incoming) = Incoming::new(self.room.budget.share(), hint, limits) else {
            self.session.reset();
            return Ok(self.unfit(Unfit {
                reply: refuse::no_memory(),
                close: false,
            }));
        };
        self.say(&reply);
        self.wire.flush().await?;
        let received = incoming.data(&mut self.wire, limits).await?;
        self.received(received).await
    }

    async fn chunk(&mut self, chunk: Chunk) -> Result<Flow, Cut> {
        let door = Arc::clone(&self.door);
        let limits = &door.rules.limits;
        if let Some(reply) = chunk.refused {
            receive::swallow(&mut self.wire, limits, chunk.size_octets).await?;
            self.say(&reply);
            self.follow();
            return Ok(Flow::Go);
        }
        let hint = self
            .session
            .transaction()
            .and_then(|transaction| transaction.mail.size_octets);
        let Some(transfer) = &mut self.open else {
            return Ok(Flow::End);
        };
        if transfer.chunks.is_none() {
            let incoming = Incoming::new(self.room.budget.share(), hint, limits);
            transfer.chunks = incoming.map(|incoming| (incoming, receive::chunk_checker(limits)));
        }
        let Some((mut incoming, mut checker)) = transfer.chunks.take() else {
            receive::swallow(&mut self.wire, limits, chunk.size_octets).await?;
            self.session.reset();
            return Ok(self.unfit(Unfit {
                reply: refuse::no_memory(),
                close: false,
            }));
        };
        incoming
            .chunk(&mut self.wire, &mut checker, chunk.size_octets)
            .await?;
        if chunk.last || checker.defect().is_some() || incoming.is_starved() {
            return self.received(incoming.chunks_end(checker)).await;
        }
        if let Some(transfer) = &mut self.open {
            transfer.chunks = Some((incoming, checker));
        }
        self.say(&Reply::new(
            250,
            (2, 0, 0),
            format!("{} octets received", chunk.size_octets),
        ));
        Ok(Flow::Go)
    }

    /// The message came to its end: it is judged, or refused for its form.
    async fn received(&mut self, received: Result<Whole, Unfit>) -> Result<Flow, Cut> {
        let transaction = self.session.take();
        let whole = match received {
            Ok(whole) => whole,
            Err(unfit) => return Ok(self.unfit(unfit)),
        };
        let (Some(transaction), Some(transfer)) = (transaction, self.open.take()) else {
            return Ok(Flow::End);
        };
        let utf8 = transfer.open.is_utf8();
        let with = self.session.protocol(utf8);
        let way = Way {
            with,
            tls: self.session.tls(),
        };
        let reply = transfer.open.finish(&self.room, way, *transaction, whole).await;
        self.wire.say(&reply, utf8);
        Ok(Flow::Go)
    }

    fn unfit(&mut self, unfit: Unfit) -> Flow {
        self.say(&unfit.reply);
        if let Some(transfer) = self.open.take() {
            transfer
                .open
                .end(&self.room, Some(&unfit.reply), "the message was not fit");
        }
        if unfit.close { Flow::End } else { Flow::Go }
    }

    /// The last word, and the end of all stories.
    async fn end(mut self, end: Result<(), Cut>) {
        let hostname = self.door.rules.hostname.as_str();
        let (reply, why) = match end {
            Ok(()) => (None, "closed".to_owned()),
            Err(Cut::Gone) => (None, "the client is gone".to_owned()),
            Err(Cut::Failed(error)) => (None, format!("the connection failed: {error}")),
            Err(Cut::Closing) => (
                Some(refuse::closing(hostname, "Service shutting down")),
                "shutting down".to_owned(),
            ),
            Err(Cut::TimedOut(what)) => {
                let reply = Reply::new(421, (4, 4, 2), format!("{hostname} Timeout"));
                (Some(reply), format!("the client was too slow: {what}"))
            }
        };
        if let Some(transfer) = self.open.take() {
            transfer.open.end(&self.room, reply.as_ref(), &why);
        }
        if let Some(incident) = self.incident.take()
            && let Incident {
                story: Some(mut story),
                reason,
            } = *incident
        {
            story.tell(
                self.room.clock.now(),
                What::Closed {
                    reason: reason.unwrap_or(why),
                },
            );
        }
        if let Some(reply) = reply {
            self.wire.say(&reply, false);
        }
        self.wire.close().await;
    }

    /// The session ends for a reason that somebody will want to see.
    fn ends_badly(&mut self, reason: String) {
        if self.session.is_at_errors_max() {
            let (limit, detail) = (
                "errors_max".to_owned(),
                self.door.rules.limits.errors_max.to_string(),
            );
            self.tell(What::LimitHit { limit, detail });
        }
        self.incident().reason = Some(reason);
    }

    /// MAIL without a login: a probe for an open relay, or a program that was set up wrong.
    fn relay_denied(&mut self, line: &str, reply: String) {
        let reverse_path = line
            .chars()
            .skip("MAIL FROM:".len())
            .take(254)
            .filter(|char| !char.is_control())
            .collect();
        self.tell(What::Mail { reverse_path, reply });
    }

    fn tell(&mut self, what: What) {
        let now = self.room.clock.now();
        if let Some(story) = &mut self.incident().story {
            story.tell(now, what);
        }
    }

    fn incident(&mut self) -> &mut Incident {
        let (milestones, room, door, session) = (&self.milestones, &self.room, &self.door, &self.session);
        self.incident.get_or_insert_with(|| {
            let may = if session.login().is_some() {
                Some(None)
            } else {
                room.stranger()
            };
            let story = may.map(|untold| {
                let mut story = milestones.story(room, door, session);
                if let Some(untold) = untold {
                    story.tell(room.clock.now(), untold);
                }
                story
            });
            Box::new(Incident { story, reason: None })
        })
    }

    /// What the directory says now of who logged in: he may have been disabled since, or own other addresses.
    fn refresh(&mut self) -> bool {
        let Some(account) = self.session.login() else {
            return true;
        };
        match self.room.store.directory.account(&account.login) {
            Ok(account) => self.session.refresh(account.filter(|account| account.enabled)),
            // What was known at the login still counts.
            Err(_) => return true,
        }
        self.session.login().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::Assessor;
    use crate::gather::Gatherer;
    use crate::scan::{ScannerSettings, Scanners};
    use crate::session::Rules;
    use crate::settings::{ListenerLimits, Settings};
    use net::{Clock, Dialer, Listener};
    use risk::DoorKind;
    use std::time::Duration;
    use trace::Hub;

    /// Octets of the future of a connection: what each of thousands of idle ones costs besides its socket.
    const FUTURE_OCTETS_MAX: usize = 2_048;

    #[tokio::test]
    async fn the_future_of_a_connection_is_small() {
        let folder = tempfile::tempdir().unwrap();
        let store = store::Store::open(&store::Settings {
            directory: folder.path().join("data"),
            free_octets_min: 0,
            messages_max: 10,
            stories_kept_days: 1,
            stories_octets_max: 1 << 30,
            geo_databases: Vec::new(),
            campaign_messages_max: store::Campaigns::MEMBERS_MIN,
        })
        .unwrap();
        let scanners = Arc::new(Scanners::new(ScannerSettings::default(), Dialer::system()));
        let gatherer = Gatherer {
            store: Arc::clone(&store),
            scanners,
            lists: Arc::new(crate::lists::Lists::none()),
            policy: Arc::default(),
        };
        let settings = Settings::new("mx.example");
        let room = Room::new(
            settings,
            store,
            Hub::new(Vec::new()),
            Assessor::new(gatherer),
            Clock::system(),
        );
        let rules = Rules {
            hostname: "mx.example".into(),
            kind: DoorKind::Relay,
            starttls: false,
            auth_in_clear: false,
            limits: ListenerLimits::default(),
        };
        let door = Arc::new(Door::new("relay".into(), rules, None, false));
        let place = door.place().unwrap();
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
        let dial = Dialer::system();
        let timeout = Duration::from_secs(5);
        let client = dial.connect(None, listener.local_addr().unwrap(), timeout);
        let (client, accepted) = tokio::join!(client, listener.accept());
        let (stream, peer) = accepted.unwrap();
        let (_drain, draining) = tokio::sync::watch::channel(None);
        let future = serve(Arc::new(room), door, stream, peer, place, draining);
        let octets = std::mem::size_of_val(&future);
        assert!(octets <= FUTURE_OCTETS_MAX, "{octets}");
        drop(client.unwrap());
        future.await;
    }
}
