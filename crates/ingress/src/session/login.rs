//! STARTTLS, AUTH, XCLIENT: who the client is, and by which road it came.

use super::state::State;
use super::{Session, Step, bad_sequence};
use crate::auth::{self, Progress};
use crate::identify::Trust;
use mail::smtp::Reply;
use mail::smtp::xclient::Xclient;
use net::TlsFacts;
use std::sync::Arc;
use store::Account;

impl Session {
    pub(super) fn start_tls(&mut self, behind: bool) -> Step {
        if self.tls.is_some() {
            return self.refuse(bad_sequence("TLS is active already"));
        }
        if !self.rules.starttls {
            return self.refuse(Reply::new(502, (5, 5, 1), "STARTTLS is not offered"));
        }
        if self.transaction().is_some() {
            return self.refuse(bad_sequence("A transaction is under way"));
        }
        if behind {
            return self.close(Reply::new(
                503,
                (5, 5, 1),
                "Commands behind STARTTLS are an attack",
            ));
        }
        Step::StartTls(Reply::new(220, (2, 0, 0), "Ready to start TLS"))
    }

    /// The handshake is done: everything that was said before is forgotten (RFC 3207 §4.2).
    pub fn secured(&mut self, facts: TlsFacts) {
        self.state = State::Fresh;
        self.login = None;
        self.helo = Box::default();
        self.esmtp = false;
        self.tls = Some(Box::new(facts));
    }

    pub(super) fn auth(&mut self, mechanism: &str, initial_response: Option<&str>) -> Step {
        match self.state {
            State::Greeted if self.login.is_none() => {}
            State::Greeted => return self.refuse(bad_sequence("Authenticated already")),
            State::Fresh => return self.refuse(bad_sequence("Send EHLO first")),
            _ => return self.refuse(bad_sequence("A transaction is under way")),
        }
        if !self.may_authenticate() {
            let text = "Encryption is required for authentication; use STARTTLS";
            return self.refuse(Reply::new(538, (5, 7, 11), text));
        }
        match auth::begin(mechanism, initial_response) {
            Some(progress) => self.progress(progress),
            None => self.refuse(Reply::new(504, (5, 5, 4), "This mechanism is not offered")),
        }
    }

    pub(super) fn progress(&mut self, progress: Progress) -> Step {
        match progress {
            Progress::Challenge(exchange, challenge) => {
                self.state = State::Authenticating(exchange);
                Step::Reply(Reply::plain(334, challenge))
            }
            Progress::Claim(credentials) => Step::Authenticate(credentials),
            Progress::Refuse(reply) => self.refuse(reply),
        }
    }

    /// The login is right.
    pub fn granted(&mut self, account: Arc<Account>) -> Step {
        self.login = Some(account);
        Step::Reply(Reply::new(235, (2, 7, 0), "Authentication successful"))
    }

    /// The account as it is now, or None when it may not send any more: sessions can be long.
    pub fn refresh(&mut self, account: Option<Arc<Account>>) {
        self.login = account;
    }

    /// The login is not right, or `reply` says why it cannot be checked.
    pub fn denied(&mut self, reply: Reply) -> Step {
        self.refuse(reply)
    }

    pub(super) fn xclient(&mut self, attributes: &str) -> Step {
        if !self.trust.proxy {
            return self.refuse(Reply::new(502, (5, 5, 1), "Command not implemented"));
        }
        if self.transaction().is_some() {
            return self.refuse(bad_sequence("A transaction is under way"));
        }
        match Xclient::parse(attributes) {
            Some(said) => Step::Impersonate(Box::new(said)),
            None => self.refuse(Reply::new(501, (5, 5, 4), "The XCLIENT attributes are not valid")),
        }
    }

    /// A trusted proxy told who the client is: the session starts anew (Postfix XCLIENT). The client's own network decides
    /// what it may do, not the proxy's; the proxy itself may correct its word as long as no mail is under way.
    pub fn impersonate(&mut self, said: &Xclient, trust: Trust, login: Option<Arc<Account>>) -> Step {
        self.state = State::Fresh;
        self.trust = Trust {
            relay: trust.relay,
            proxy: self.trust.proxy,
        };
        self.login = login;
        self.helo = Box::default();
        if let Some(helo) = said.helo.as_deref().filter(|helo| helo.len() <= 255) {
            self.helo = helo.into();
            self.esmtp = said.esmtp.unwrap_or(true);
            self.state = State::Greeted;
        }
        Step::Reply(self.banner())
    }
}
