//! The client's side of SMTP without sockets: replies go in, octets to send and events come out.
//!
//! Standards: RFC 5321 §3, §4.3.2; PIPELINING RFC 2920; STARTTLS RFC 3207; DSN RFC 3461; SIZE RFC 1870.
//!
//! Promises: each reply is counted to the command it answers, also when commands were sent ahead; a recipient's outcome is
//! the reply that decided it (its own RCPT, else MAIL, DATA or the final dot); 421 ends everything that is not decided yet.
//! Trusts nothing of the peer: what it says out of place is an error of the peer and temporary.

use crate::settings::{Timeouts, TlsPolicy};
use mail::smtp::ehlo::Extensions;
use mail::smtp::{Reply, Severity};
use std::collections::VecDeque;
use std::time::Duration;

/// What the next reply answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Greeting,
    Ehlo,
    Helo,
    StartTls,
    Mail,
    Rcpt(usize),
    Data,
    /// The final dot of a message.
    Dot,
    /// The final dot after a 354 that was given although no recipient was accepted.
    EmptyDot,
    Rset,
    Quit,
}

/// What a reply led to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Go on reading.
    More,
    /// Do the TLS handshake, then call [`Client::secured`].
    Handshake,
    /// The session stands: [`Client::begin`] may be called.
    Ready,
    /// There is no session to be had with this peer.
    Refused(Stage, Reply),
    /// Send the message and call [`Client::body_sent`].
    SendBody,
    /// The oldest transaction is over.
    Done(Exchange),
}

/// One transaction: its commands, and the reply that decided each recipient.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Exchange {
    mail: String,
    rcpts: Vec<String>,
    /// One for each recipient; None: undecided.
    pub replies: Vec<Option<Reply>>,
    accepted: usize,
    /// The peer answered anything to this transaction.
    pub answered: bool,
    /// What it said to the message itself.
    pub to_message: Option<Reply>,
    mail_refused: bool,
}

impl Exchange {
    /// `mail` and `rcpts` are whole command lines without line end.
    pub(crate) fn new(mail: String, rcpts: Vec<String>) -> Self {
        Self {
            mail,
            replies: vec![None; rcpts.len()],
            rcpts,
            ..Self::default()
        }
    }

    /// Gives all recipients without an outcome this one.
    pub(crate) fn decide_rest(&mut self, reply: &Reply) {
        for slot in self.replies.iter_mut().filter(|slot| slot.is_none()) {
            *slot = Some(reply.clone());
        }
    }
}

/// A session.
#[derive(Debug)]
pub(crate) struct Client {
    ehlo_name: String,
    tls: TlsPolicy,
    secured: bool,
    offered: Extensions,
    expected: VecDeque<Stage>,
    exchanges: VecDeque<Exchange>,
    /// A transaction was left open: RSET goes before the next MAIL.
    dirty: bool,
    /// The peer said that it closes.
    closing: bool,
    /// Octets to be sent.
    pub out: Vec<u8>,
}

impl Client {
    /// A session on a fresh connection: the greeting is expected.
    pub(crate) fn new(ehlo_name: &str, tls: TlsPolicy) -> Self {
        Self {
            ehlo_name: ehlo_name.to_owned(),
            tls,
            secured: false,
            offered: Extensions::default(),
            expected: VecDeque::from([Stage::Greeting]),
            exchanges: VecDeque::new(),
            dirty: false,
            closing: false,
            out: Vec::new(),
        }
    }

    /// What the peer offers now.
    pub(crate) fn offered(&self) -> &Extensions {
        &self.offered
    }

    /// What the next reply answers; None when nothing was asked.
    pub(crate) fn stage(&self) -> Option<Stage> {
        self.expected.front().copied()
    }

    /// The peer announced the end of the connection, or spoke out of place: send nothing more.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing
    }

    /// Starts a transaction. Only when the session is ready, or when the peer offers PIPELINING and the body of the one
    /// before was sent.
    pub(crate) fn begin(&mut self, exchange: Exchange) {
        if std::mem::take(&mut self.dirty) {
            self.command("RSET", Stage::Rset);
        }
        self.command(&exchange.mail, Stage::Mail);
        if self.offered.pipelining {
            for (index, rcpt) in exchange.rcpts.iter().enumerate() {
                self.command(rcpt, Stage::Rcpt(index));
            }
            self.command("DATA", Stage::Data);
        }
        self.exchanges.push_back(exchange);
    }

    /// The message with its final dot was sent, or put into `out`.
    pub(crate) fn body_sent(&mut self) {
        self.expected.push_back(Stage::Dot);
    }

    /// The TLS handshake is done; what was known of the peer is forgotten (RFC 3207 §4.2).
    pub(crate) fn secured(&mut self) {
        self.secured = true;
        self.offered = Extensions::default();
        self.greet();
    }

    /// Says goodbye.
    pub(crate) fn quit(&mut self) {
        self.command("QUIT", Stage::Quit);
    }

    /// The connection is of no more use.
    pub(crate) fn close(&mut self) {
        self.closing = true;
    }

    /// Takes all transactions that are not over.
    pub(crate) fn take_exchanges(&mut self) -> VecDeque<Exchange> {
        self.expected.clear();
        self.closing = true;
        std::mem::take(&mut self.exchanges)
    }

    /// Takes the next reply.
    pub(crate) fn on_reply(&mut self, reply: Reply) -> Event {
        let Some(stage) = self.expected.pop_front() else {
            self.closing = true;
            return Event::More;
        };
        self.closing |= reply.code == 421;
        match stage {
            Stage::Greeting | Stage::Ehlo | Stage::Helo | Stage::StartTls => self.on_opening(stage, reply),
            Stage::Rset | Stage::Quit => self.on_idle_command(stage, reply),
            _ if reply.code == 421 => self.on_closing(&reply),
            Stage::Mail => self.on_mail(reply),
            Stage::Rcpt(index) => self.on_rcpt(index, reply),
            Stage::Data => self.on_data(reply),
            Stage::Dot | Stage::EmptyDot => self.on_dot(stage, &reply),
        }
    }

    fn on_opening(&mut self, stage: Stage, reply: Reply) -> Event {
        let completed = reply.severity() == Severity::Completion;
        match stage {
            Stage::Greeting if completed => self.greet(),
            Stage::Ehlo if completed => {
                self.offered = Extensions::parse(&reply);
                return self.after_ehlo();
            }
            // A peer from before 1995, or a filter in between that does not know EHLO (RFC 5321 §3.2).
            Stage::Ehlo if reply.severity() == Severity::Permanent && !self.wants_tls_only() => {
                let name = format!("HELO {}", self.ehlo_name);
                self.command(&name, Stage::Helo);
            }
            Stage::Helo if completed => return Event::Ready,
            Stage::StartTls if completed => return Event::Handshake,
            Stage::StartTls if !self.wants_tls_only() && !self.closing => return Event::Ready,
            _ => return Event::Refused(stage, reply),
        }
        Event::More
    }

    fn after_ehlo(&mut self) -> Event {
        let wanted = self.tls != TlsPolicy::Off && !self.secured;
        if wanted && self.offered.starttls {
            self.command("STARTTLS", Stage::StartTls);
            return Event::More;
        }
        if wanted && self.wants_tls_only() {
            let reply = Reply::new(
                450,
                (4, 7, 4),
                "TLS is required and the next hop does not offer it",
            );
            return Event::Refused(Stage::Ehlo, reply);
        }
        Event::Ready
    }

    fn wants_tls_only(&self) -> bool {
        matches!(self.tls, TlsPolicy::Required | TlsPolicy::Verify)
    }

    fn greet(&mut self) {
        let ehlo = format!("EHLO {}", self.ehlo_name);
        self.command(&ehlo, Stage::Ehlo);
    }

    /// Replies to RSET and QUIT decide nothing; a refused RSET leaves a session that cannot be used.
    fn on_idle_command(&mut self, stage: Stage, reply: Reply) -> Event {
        if stage == Stage::Rset && reply.severity() != Severity::Completion {
            return self.on_closing(&Reply::new(
                421,
                (4, 5, 0),
                format!("RSET was answered: {}", reply.one_line()),
            ));
        }
        Event::More
    }

    /// The peer closes: all that is undecided in the oldest transaction gets this reply.
    fn on_closing(&mut self, reply: &Reply) -> Event {
        self.closing = true;
        self.expected.clear();
        self.finish(Some(reply))
    }

    fn on_mail(&mut self, reply: Reply) -> Event {
        let pipelined = self.offered.pipelining;
        let Some(exchange) = self.exchanges.front_mut() else {
            return Event::More;
        };
        exchange.answered = true;
        if reply.severity() != Severity::Completion {
            exchange.mail_refused = true;
            exchange.decide_rest(&reply);
            // With pipelining the replies to what was sent ahead are still to come.
            return if pipelined { Event::More } else { self.finish(None) };
        }
        if !pipelined {
            self.dirty = true;
            self.next_rcpt(0);
        }
        Event::More
    }

    /// Without pipelining: the next RCPT, or DATA.
    fn next_rcpt(&mut self, index: usize) {
        let next = self
            .exchanges
            .front()
            .and_then(|exchange| exchange.rcpts.get(index))
            .cloned();
        match next {
            Some(rcpt) => self.command(&rcpt, Stage::Rcpt(index)),
            None => self.command("DATA", Stage::Data),
        }
    }

    fn on_rcpt(&mut self, index: usize, reply: Reply) -> Event {
        let pipelined = self.offered.pipelining;
        let Some(exchange) = self.exchanges.front_mut() else {
            return Event::More;
        };
        if reply.severity() == Severity::Completion {
            exchange.accepted += usize::from(!exchange.mail_refused);
        } else if let Some(slot) = exchange.replies.get_mut(index).filter(|slot| slot.is_none()) {
            *slot = Some(as_rcpt_reply(reply));
        }
        if pipelined {
            return Event::More;
        }
        let last = index + 1 >= exchange.rcpts.len();
        if last && exchange.accepted == 0 {
            return self.finish(None);
        }
        self.next_rcpt(index + 1);
        Event::More
    }

    fn on_data(&mut self, reply: Reply) -> Event {
        let Some(exchange) = self.exchanges.front_mut() else {
            return Event::More;
        };
        let nobody = exchange.accepted == 0;
        match (reply.code, nobody) {
            (354, false) => {
                self.dirty = false;
                Event::SendBody
            }
            (354, true) => {
                // The peer waits for a message that must not come (RFC 2920 §3.1).
                self.out.extend_from_slice(b".\r\n");
                self.expected.push_front(Stage::EmptyDot);
                Event::More
            }
            (code, _) if code < 400 => self.on_closing(&Reply::new(
                451,
                (4, 5, 0),
                format!("DATA was answered: {}", reply.one_line()),
            )),
            _ => {
                // MAIL was taken, so a transaction is open there.
                self.dirty = !exchange.mail_refused;
                self.finish(Some(&reply))
            }
        }
    }

    fn on_dot(&mut self, stage: Stage, reply: &Reply) -> Event {
        self.dirty = false;
        if let Some(exchange) = self.exchanges.front_mut() {
            exchange.to_message = (stage == Stage::Dot).then(|| reply.clone());
        }
        self.finish((stage == Stage::Dot).then_some(reply))
    }

    fn finish(&mut self, rest: Option<&Reply>) -> Event {
        let Some(mut exchange) = self.exchanges.pop_front() else {
            return Event::More;
        };
        if let Some(reply) = rest {
            exchange.decide_rest(reply);
        }
        Event::Done(exchange)
    }

    fn command(&mut self, line: &str, stage: Stage) {
        self.out.extend_from_slice(line.as_bytes());
        self.out.extend_from_slice(b"\r\n");
        self.expected.push_back(stage);
    }
}

/// RFC 5321 §4.5.3.1.10: 552 to RCPT may mean "too many recipients" and is then to be read as 452.
fn as_rcpt_reply(mut reply: Reply) -> Reply {
    let too_many = reply
        .enhanced
        .is_none_or(|code| (code.subject, code.detail) == (5, 3));
    if reply.code == 552 && too_many {
        reply.code = 452;
        reply.enhanced = None;
    }
    reply
}

impl Stage {
    /// How long its reply may take (RFC 5321 §4.5.3.2).
    pub(crate) fn timeout(self, timeouts: &Timeouts) -> Duration {
        match self {
            Self::Greeting => timeouts.greeting,
            Self::Ehlo | Self::Helo | Self::StartTls | Self::Rset => timeouts.ehlo,
            Self::Mail => timeouts.mail,
            Self::Rcpt(_) => timeouts.rcpt,
            Self::Data => timeouts.data,
            Self::Dot | Self::EmptyDot => timeouts.dot,
            Self::Quit => timeouts.quit,
        }
    }

    /// For people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Greeting => "the greeting",
            Self::Ehlo => "the reply to EHLO",
            Self::Helo => "the reply to HELO",
            Self::StartTls => "the reply to STARTTLS",
            Self::Mail => "the reply to MAIL",
            Self::Rcpt(_) => "the reply to RCPT",
            Self::Data => "the reply to DATA",
            Self::Dot | Self::EmptyDot => "the reply to the message",
            Self::Rset => "the reply to RSET",
            Self::Quit => "the reply to QUIT",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(text: &str) -> Reply {
        let mut reader = mail::smtp::ReplyReader::default();
        let text = format!("{text}\r\n");
        reader.feed(text.as_bytes()).unwrap().1.unwrap()
    }

    fn exchange(recipients: usize) -> Exchange {
        Exchange::new(
            "MAIL FROM:<a@x.test>".into(),
            (0..recipients).map(|n| format!("RCPT TO:<{n}@y.test>")).collect(),
        )
    }

    /// Plays replies (`|` between the lines of one); gives what was sent and how the last event reads.
    fn play(client: &mut Client, replies: &[&str]) -> (String, String) {
        let mut event = Event::More;
        for text in replies {
            event = client.on_reply(reply(&text.replace('|', "\r\n")));
            match event {
                Event::SendBody => {
                    client.out.extend_from_slice(b"(body)");
                    client.body_sent();
                }
                Event::Handshake => client.secured(),
                _ => {}
            }
        }
        let event = match event {
            Event::Done(exchange) => {
                let codes = exchange
                    .replies
                    .iter()
                    .map(|r| r.as_ref().map_or(0, |reply| reply.code));
                format!("{:?}", codes.collect::<Vec<_>>())
            }
            Event::Refused(stage, reply) => format!("{stage:?} {}", reply.code),
            other => format!("{other:?}"),
        };
        (
            String::from_utf8(std::mem::take(&mut client.out))
                .unwrap()
                .replace("\r\n", "|"),
            event,
        )
    }

    #[test]
    fn opening() {
        let check = |tls: TlsPolicy, replies: &[&str], sent: &str, event: &str| {
            let mut client = Client::new("gw", tls);
            let found = play(&mut client, replies);
            assert_eq!(found, (sent.to_owned(), event.to_owned()), "{replies:?}");
        };
        use TlsPolicy::{Off, Opportunistic, Required};
        check(Off, &["220 hi", "250 x"], "EHLO gw|", "Ready");
        check(Off, &["220 hi", "250-x|250 STARTTLS"], "EHLO gw|", "Ready");
        check(Off, &["220 hi", "502 no", "250 x"], "EHLO gw|HELO gw|", "Ready");
        check(
            Off,
            &["220 hi", "502 no", "502 no"],
            "EHLO gw|HELO gw|",
            "Helo 502",
        );
        check(Off, &["554 no"], "", "Greeting 554");
        check(Off, &["421 busy"], "", "Greeting 421");
        check(Off, &["354 what"], "", "Greeting 354");
        check(Off, &["220 hi", "421 busy"], "EHLO gw|", "Ehlo 421");
        check(Opportunistic, &["220 hi", "250 x"], "EHLO gw|", "Ready");
        let tls = ["220 hi", "250-x|250 STARTTLS", "220 go", "250 x"];
        check(Opportunistic, &tls, "EHLO gw|STARTTLS|EHLO gw|", "Ready");
        check(
            Opportunistic,
            &["220 hi", "250-x|250 STARTTLS", "454 no"],
            "EHLO gw|STARTTLS|",
            "Ready",
        );
        check(
            Required,
            &["220 hi", "250-x|250 STARTTLS", "454 no"],
            "EHLO gw|STARTTLS|",
            "StartTls 454",
        );
        check(Required, &["220 hi", "250 x"], "EHLO gw|", "Ehlo 450");
        check(Required, &["220 hi", "502 no"], "EHLO gw|", "Ehlo 502");
    }

    const ALL: &str = "MAIL FROM:<a@x.test>|RCPT TO:<0@y.test>|RCPT TO:<1@y.test>|DATA|";

    #[test]
    fn pipelined() {
        let check = |replies: &[&str], sent: &str, codes: &str| {
            let mut client = Client::new("gw", TlsPolicy::Off);
            play(&mut client, &["220 hi", "250-x|250 PIPELINING"]);
            client.begin(exchange(2));
            let (found, event) = play(&mut client, replies);
            assert_eq!(
                (found.as_str(), event.as_str()),
                (format!("{ALL}{sent}").as_str(), codes),
                "{replies:?}"
            );
        };
        check(
            &["250 m", "250 r", "250 r", "354 go", "250 ok"],
            "(body)",
            "[250, 250]",
        );
        check(
            &["250 m", "250 r", "550 r", "354 go", "250 ok"],
            "(body)",
            "[250, 550]",
        );
        check(
            &["250 m", "250 r", "550 r", "354 go", "452 full"],
            "(body)",
            "[452, 550]",
        );
        check(
            &["250 m", "450 r", "550 r", "354 go", "554 none"],
            ".|",
            "[450, 550]",
        );
        check(&["250 m", "450 r", "550 r", "503 none"], "", "[450, 550]");
        check(&["550 m", "503 r", "503 r", "503 d"], "", "[550, 550]");
        check(
            &["550 m", "250 r", "503 r", "354 d", "250 ok"],
            ".|",
            "[550, 550]",
        );
        check(&["250 m", "250 r", "250 r", "451 d"], "", "[451, 451]");
        check(&["250 m", "250 r", "250 r", "250 what"], "", "[451, 451]");
        check(&["250 m", "250 r", "421 bye"], "", "[421, 421]");
        check(
            &["250 m", "550 r", "250 r", "354 go", "421 bye"],
            "(body)",
            "[550, 421]",
        );
        check(
            &["250 m", "552 many", "552 5.2.2 full", "503 d"],
            "",
            "[452, 552]",
        );
    }

    #[test]
    fn one_by_one() {
        let check = |replies: &[&str], sent: &str, codes: &str| {
            let mut client = Client::new("gw", TlsPolicy::Off);
            play(&mut client, &["220 hi", "250 x"]);
            client.begin(exchange(2));
            let (found, event) = play(&mut client, replies);
            assert_eq!((found.as_str(), event.as_str()), (sent, codes), "{replies:?}");
        };
        check(
            &["250 m", "250 r", "250 r", "354 go", "250 ok"],
            &format!("{ALL}(body)"),
            "[250, 250]",
        );
        check(&["550 m"], "MAIL FROM:<a@x.test>|", "[550, 550]");
        let both = "MAIL FROM:<a@x.test>|RCPT TO:<0@y.test>|RCPT TO:<1@y.test>|";
        check(&["250 m", "550 r", "450 r"], both, "[550, 450]");
    }

    #[test]
    fn rset_only_when_something_is_open() {
        let mut client = Client::new("gw", TlsPolicy::Off);
        play(&mut client, &["220 hi", "250-x|250 PIPELINING"]);
        client.begin(exchange(2));
        play(&mut client, &["250 m", "550 r", "550 r", "503 none"]);
        client.begin(exchange(1));
        let (sent, codes) = play(&mut client, &["250 rset", "250 m", "250 r", "354 go", "250 ok"]);
        assert_eq!(sent, "RSET|MAIL FROM:<a@x.test>|RCPT TO:<0@y.test>|DATA|(body)");
        assert_eq!(codes, "[250]");
        client.begin(exchange(1));
        let (sent, _) = play(&mut client, &[]);
        assert!(sent.starts_with("MAIL"), "{sent}");
    }

    #[test]
    fn the_next_message_rides_behind_the_dot() {
        let mut client = Client::new("gw", TlsPolicy::Off);
        play(&mut client, &["220 hi", "250-x|250 PIPELINING"]);
        client.begin(exchange(1));
        play(&mut client, &["250 m", "250 r", "354 go"]);
        client.begin(exchange(1));
        assert_eq!(play(&mut client, &["250 first"]).1, "[250]");
        assert_eq!(
            play(&mut client, &["250 m", "250 r", "354 go", "550 second"]).1,
            "[550]"
        );
        assert_eq!(client.stage(), None);
    }
}
