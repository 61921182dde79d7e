//! The SMTP session of the server side: an enum of states, one method per verb. No socket, no clock, no store: a line goes
//! in, a [`Step`] comes out; what a step asks for, the driver does and tells back.
//!
//! Promises: at most `errors_max` errors; nothing of the client is echoed; login and envelope never survive what must end
//! them (RFC 3207 §4.2, RFC 5321 §4.1.1.5). The octets come from an attacker.
//! Standards: RFC 5321, RFC 6409, RFC 3207, RFC 4954, RFC 2920, RFC 1870, RFC 3030, RFC 3461, RFC 6152, RFC 6531, RFC 2034.

mod envelope;
mod login;
mod state;
#[cfg(test)]
mod tests;

use crate::auth::Credentials;
use crate::identify::{Identity, Trust};
use crate::settings::ListenerLimits;
use mail::smtp::line::LineError;
use mail::smtp::xclient::Xclient;
use mail::smtp::{Command, MailCommand, Reply};
use net::TlsFacts;
use risk::DoorKind;
use state::State;
use std::sync::Arc;
use store::Account;

pub use state::{Forward, Transaction};

/// What all sessions of a listener have in common.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Our name.
    pub hostname: String,
    /// Its kind.
    pub kind: DoorKind,
    /// STARTTLS can be offered.
    pub starttls: bool,
    /// AUTH may be done without TLS.
    pub auth_in_clear: bool,
    /// Its bounds.
    pub limits: ListenerLimits,
}

/// What the driver does next.
#[derive(Debug)]
pub enum Step {
    /// Say this and read on.
    Reply(Reply),
    /// Say this and close.
    Close(Reply),
    /// Say this, do the handshake, then [`Session::secured`].
    StartTls(Reply),
    /// Check the login, then [`Session::granted`] or [`Session::denied`].
    Authenticate(Credentials),
    /// Judge the sender, then [`Session::mail_answered`].
    JudgeMail(Box<MailCommand>),
    /// Judge the recipient, then [`Session::rcpt_answered`].
    JudgeRcpt(Forward),
    /// Say this, read the message to its final dot, then [`Session::take`].
    ReadData(Reply),
    /// Read a BDAT chunk.
    ReadChunk(Chunk),
    /// Take the word of a trusted proxy, then [`Session::impersonate`].
    Impersonate(Box<Xclient>),
}

/// A BDAT chunk whose octets follow.
#[derive(Debug, PartialEq, Eq)]
pub struct Chunk {
    /// How many.
    pub size_octets: u64,
    /// It ends the message.
    pub last: bool,
    /// The octets are to be thrown away, and this said.
    pub refused: Option<Reply>,
}

/// One session.
#[derive(Debug)]
pub struct Session {
    rules: Arc<Rules>,
    state: State,
    trust: Trust,
    login: Option<Arc<Account>>,
    tls: Option<Box<TlsFacts>>,
    helo: Box<str>,
    esmtp: bool,
    errors: u32,
    idle_commands: u32,
    messages: u32,
}

impl Session {
    /// A session with a client; `tls` is given when the handshake came first (RFC 8314).
    pub fn new(rules: Arc<Rules>, trust: Trust, tls: Option<TlsFacts>) -> Self {
        Self {
            rules,
            state: State::Fresh,
            trust,
            login: None,
            tls: tls.map(Box::new),
            helo: Box::default(),
            esmtp: false,
            errors: 0,
            idle_commands: 0,
            messages: 0,
        }
    }

    /// The first words.
    pub fn banner(&self) -> Reply {
        Reply::plain(220, format!("{} ESMTP", self.rules.hostname))
    }

    /// Takes one line without its CRLF. `behind`: the client sent more already.
    pub fn line(&mut self, line: &[u8], behind: bool) -> Step {
        if let State::Authenticating(_) = self.state {
            let State::Authenticating(exchange) = std::mem::replace(&mut self.state, State::Greeted) else {
                return self.close(Reply::new(421, (4, 3, 0), "Internal error"));
            };
            return self.progress(exchange.response(line));
        }
        if is_foreign(line) {
            return self.close(Reply::new(421, (4, 7, 0), "This is an SMTP server"));
        }
        match Command::parse(line) {
            Ok(command) => self.command(command, behind),
            Err(reply) => self.refuse(reply),
        }
    }

    /// Takes a line that cannot be one; the session is over.
    pub fn bad_line(&mut self, error: LineError) -> Step {
        let reply = match error {
            LineError::BareLf => Reply::new(521, (5, 5, 2), "Bare LF received; lines must end with CRLF"),
            LineError::BareCr => Reply::new(521, (5, 5, 2), "Bare CR received; lines must end with CRLF"),
            LineError::TooLong => Reply::new(500, (5, 5, 2), "Line too long"),
            LineError::Nul => Reply::new(500, (5, 5, 2), "NUL received"),
        };
        self.close(reply)
    }

    /// Octets that the next line may have, CRLF included; `start` is what came of it.
    pub fn line_octets_max(&self, start: &[u8]) -> usize {
        // The initial response of AUTH may be as long as any (RFC 4954 §4).
        let is_auth = start
            .get(..5)
            .is_some_and(|verb| verb.eq_ignore_ascii_case(b"AUTH "));
        match self.state {
            State::Authenticating(_) => self.rules.limits.auth_octets_max,
            _ if is_auth => self.rules.limits.auth_octets_max,
            _ => self.rules.limits.command_octets_max,
        }
    }

    /// What was agreed in the handshake.
    pub fn tls(&self) -> Option<&TlsFacts> {
        self.tls.as_deref()
    }

    /// The name that the client gave itself; empty before EHLO.
    pub fn helo(&self) -> &str {
        &self.helo
    }

    /// It said EHLO, not HELO.
    pub fn is_esmtp(&self) -> bool {
        self.esmtp
    }

    /// On whose behalf it sends: the login, else (on a relay) the client's network.
    pub fn identity(&self) -> Option<Identity> {
        let network = || match self.rules.kind {
            DoorKind::Relay => self.trust.relay.clone().map(Identity::Network),
            _ => None,
        };
        self.login.clone().map(Identity::Account).or_else(network)
    }

    /// The login.
    pub fn login(&self) -> Option<&Arc<Account>> {
        self.login.as_ref()
    }

    /// The envelope, while there is one.
    pub fn transaction(&self) -> Option<&Transaction> {
        self.state.transaction()
    }

    /// It made as many errors as one may.
    pub fn is_at_errors_max(&self) -> bool {
        self.errors >= self.rules.limits.errors_max
    }

    /// The word for `with` in Received (RFC 3848, RFC 6531 §4.3). `utf8`: the message was sent with SMTPUTF8.
    pub fn protocol(&self, utf8: bool) -> &'static str {
        let secured = self.tls.is_some();
        match (self.esmtp, utf8, secured, self.login.is_some()) {
            (false, ..) => "SMTP",
            (true, false, false, false) => "ESMTP",
            (true, false, true, false) => "ESMTPS",
            (true, false, false, true) => "ESMTPA",
            (true, false, true, true) => "ESMTPSA",
            (true, true, false, false) => "UTF8SMTP",
            (true, true, true, false) => "UTF8SMTPS",
            (true, true, false, true) => "UTF8SMTPA",
            (true, true, true, true) => "UTF8SMTPSA",
        }
    }

    fn command(&mut self, command: Command, behind: bool) -> Step {
        match command {
            Command::Ehlo(name) => self.greet(name, true),
            Command::Helo(name) => self.greet(name, false),
            Command::Mail(mail) => self.mail(*mail),
            Command::Rcpt(rcpt) => self.rcpt(*rcpt),
            Command::Data => self.data(behind),
            Command::Bdat { size_octets, last } => self.bdat(size_octets, last),
            Command::Rset => {
                self.reset();
                self.idle(Reply::new(250, (2, 0, 0), "Ok"))
            }
            Command::Noop => self.idle(Reply::new(250, (2, 0, 0), "Ok")),
            Command::Vrfy => self.idle(Reply::new(
                252,
                (2, 5, 0),
                "Cannot verify, but will try to deliver",
            )),
            Command::Help => self.idle(Reply::new(214, (2, 0, 0), "See RFC 5321")),
            Command::Quit => self.close(Reply::new(221, (2, 0, 0), "Bye")),
            Command::StartTls => self.start_tls(behind),
            Command::Auth {
                mechanism,
                initial_response,
            } => self.auth(&mechanism, initial_response.as_deref()),
            Command::Xclient(attributes) => self.xclient(&attributes),
        }
    }

    fn greet(&mut self, name: String, esmtp: bool) -> Step {
        self.reset();
        self.state = State::Greeted;
        self.helo = name.into_boxed_str();
        self.esmtp = esmtp;
        if !esmtp {
            return self.idle(Reply::plain(250, self.rules.hostname.clone()));
        }
        let lines = self.extensions();
        self.idle(Reply {
            code: 250,
            enhanced: None,
            lines,
        })
    }

    fn extensions(&self) -> Vec<String> {
        let mut lines = vec![self.rules.hostname.clone(), "PIPELINING".to_owned()];
        lines.push(format!("SIZE {}", self.rules.limits.size_octets_max));
        if self.rules.starttls && self.tls.is_none() {
            lines.push("STARTTLS".to_owned());
        }
        if self.may_authenticate() && self.login.is_none() {
            lines.push("AUTH PLAIN LOGIN".to_owned());
        }
        lines.extend(["ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING"].map(str::to_owned));
        if self.trust.proxy {
            lines.push("XCLIENT NAME ADDR PORT PROTO HELO LOGIN".to_owned());
        }
        lines
    }

    fn may_authenticate(&self) -> bool {
        self.tls.is_some() || self.rules.auth_in_clear
    }

    fn refuse(&mut self, reply: Reply) -> Step {
        self.errors = self.errors.saturating_add(1);
        if self.errors >= self.rules.limits.errors_max {
            return self.close(Reply::new(421, (4, 7, 0), "Too many errors"));
        }
        Step::Reply(reply)
    }

    fn idle(&mut self, reply: Reply) -> Step {
        self.idle_commands = self.idle_commands.saturating_add(1);
        if self.idle_commands > self.rules.limits.idle_commands_max {
            return self.refuse(reply);
        }
        Step::Reply(reply)
    }

    fn close(&mut self, reply: Reply) -> Step {
        self.state = State::Over;
        Step::Close(reply)
    }
}

fn bad_sequence(text: &'static str) -> Reply {
    Reply::new(503, (5, 5, 1), text)
}

/// The first line of another protocol, or a header line of HTTP: a browser was made to talk to us (ALPACA).
fn is_foreign(line: &[u8]) -> bool {
    const WORDS: [&[u8]; 12] = [
        b"GET ",
        b"POST ",
        b"PUT ",
        b"HEAD ",
        b"OPTIONS ",
        b"CONNECT ",
        b"DELETE ",
        b"PATCH ",
        b"TRACE ",
        b"Host:",
        b"User-Agent:",
        b"PRI * HTTP",
    ];
    let starts = |word: &[u8]| {
        line.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    WORDS.into_iter().any(starts)
}
