//! One mail transaction of a session, from MAIL to the answer to the final dot: its story, its facts, its end.
//!
//! Promises: every transaction has one story with one end; 250 is said only after the store made the message durable;
//! trouble of ours is 4yz, never a loss.

use crate::admit::{self, Origin};
use crate::assess::Assessed;
use crate::gather::{Message, Question};
use crate::hygiene;
use crate::identify::Identity;
use crate::receive::Whole;
use crate::refuse::{self, Addressee};
use crate::room::Room;
use crate::session::{Forward, Transaction};
use bytes::Bytes;
use mail::message::{Defect, Header};
use mail::smtp::{MailCommand, Reply};
use risk::{Door, IdentityFacts, Match, Sender, Verdict};
use trace::{Story, What};

/// Characters of From, Subject and Message-ID in the story.
const TEXT_CHARS_MAX: usize = 200;

/// A transaction under way.
#[derive(Debug)]
pub struct Open {
    story: Story,
    identity: Identity,
    sender: Sender,
    door: Door,
    facts: IdentityFacts,
    utf8: bool,
    hops_max: usize,
    /// The last refusal, while no recipient was accepted: what the sender saw.
    refused: Option<String>,
}

/// What the session knows of the way by which a message came.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    /// The word for `with` in Received.
    pub with: &'static str,
    /// TLS version and cipher.
    pub tls: Option<&'a net::TlsFacts>,
}

impl Open {
    /// Judges MAIL. `story` has been told how the client came. Returns the refusal, if any.
    pub fn mail(
        room: &Room,
        mut story: Story,
        identity: Identity,
        door: Door,
        hops_max: usize,
        mail: &MailCommand,
    ) -> (Self, Option<Reply>) {
        story.set_scope(identity.scope());
        let mut open = Self {
            story,
            sender: identity.sender(),
            identity,
            door,
            facts: IdentityFacts {
                reverse_path: Match::Absent,
                header_from: Match::Absent,
                header_sender: Match::Absent,
            },
            utf8: mail.smtputf8,
            hops_max,
            refused: None,
        };
        if room.is_full() {
            return (open, Some(refuse::full()));
        }
        let refusal = match open
            .identity
            .match_path(&room.store.directory, mail.reverse_path.as_ref())
        {
            Ok(found) => {
                open.facts.reverse_path = found;
                let now = room.clock.now();
                let question = Question {
                    door: &open.door,
                    sender: &open.sender,
                    identity: &open.facts,
                    now,
                };
                let assessed = room.assessor.mail(&mut open.story, &question);
                open.refusal(room, &assessed.verdict)
            }
            Err(_) => Some(refuse::trouble()),
        };
        (open, refusal)
    }

    /// Tells how MAIL was answered; a refusal ends the story.
    pub fn mail_answered(&mut self, room: &Room, reverse_path: String, reply: &Reply) {
        let now = room.clock.now();
        let text = reply.one_line();
        self.story.tell(
            now,
            What::Mail {
                reverse_path,
                reply: text.clone(),
            },
        );
        if reply.code >= 300 {
            self.story.tell(now, What::Answered { reply: text });
        }
    }

    /// Judges a recipient; `accepted` are there already.
    pub fn rcpt(&mut self, room: &Room, accepted: usize) -> Option<Reply> {
        let count = u32::try_from(accepted).unwrap_or(u32::MAX).saturating_add(1);
        let now = room.clock.now();
        let question = Question {
            door: &self.door,
            sender: &self.sender,
            identity: &self.facts,
            now,
        };
        let assessed = room.assessor.rcpt(&mut self.story, &question, count);
        self.refusal(room, &assessed.verdict)
    }

    /// Tells how RCPT was answered.
    pub fn rcpt_answered(&mut self, room: &Room, recipient: &Forward, reply: &Reply) {
        let text = reply.one_line();
        if reply.code < 300 {
            self.refused = None;
        } else if self.refused.is_none() {
            self.refused = Some(text.clone());
        }
        let forward_path = recipient.path.as_str().to_owned();
        self.story.tell(
            room.clock.now(),
            What::Rcpt {
                forward_path,
                reply: text,
            },
        );
    }

    /// Ends the story of a transaction whose message did not come or was not fit.
    pub fn end(mut self, room: &Room, reply: Option<&Reply>, why: &str) {
        let now = room.clock.now();
        if let Some(reply) = reply.map(Reply::one_line).or(self.refused.take()) {
            self.story.tell(now, What::Answered { reply });
        }
        self.story.tell(
            now,
            What::Closed {
                reason: why.to_owned(),
            },
        );
    }

    /// The message is here: judge it, carry the verdict out, tell and learn. Returns the answer.
    pub async fn finish(
        mut self,
        room: &Room,
        way: Way<'_>,
        transaction: Transaction,
        whole: Whole,
    ) -> Reply {
        let Whole { message, share } = whole;
        let message = Bytes::from(message);
        let message = message.slice(hygiene::mailbox_line_octets(&message)..);
        let reply = match self.examine(room, &transaction, &message) {
            Ok(()) => self.judge(room, way, transaction, message).await,
            Err(reply) => reply,
        };
        drop(share);
        self.story.tell(
            room.clock.now(),
            What::Answered {
                reply: reply.one_line(),
            },
        );
        reply
    }

    /// The header section: form, loops, identity.
    fn examine(&mut self, room: &Room, transaction: &Transaction, message: &Bytes) -> Result<(), Reply> {
        let header = Header::parse(message, &hygiene::limits());
        let text = |name: &str| {
            header
                .first(name)
                .map(|field| shortened(&field.text()))
                .unwrap_or_default()
        };
        let received = What::Received {
            size_octets: message.len() as u64,
            header_from: text("From"),
            subject: text("Subject"),
            message_id: text("Message-ID"),
        };
        self.story.tell(room.clock.now(), received);
        if header.defects.contains(&Defect::TooManyFields) {
            return Err(Reply::new(554, (5, 6, 0), "Too many header fields"));
        }
        // Our own fields go before the message: a first line like this would continue the last of them.
        if message.starts_with(b" ") || message.starts_with(b"\t") || message.starts_with(b"\xef\xbb\xbf") {
            return Err(Reply::new(
                554,
                (5, 6, 0),
                "The message does not begin with a header field",
            ));
        }
        if header.all("Received").count() > self.hops_max {
            return Err(Reply::new(
                554,
                (5, 4, 6),
                "Too many hops: the message goes round in circles",
            ));
        }
        let path = transaction.mail.reverse_path.as_ref();
        match self.identity.match_message(&room.store.directory, path, &header) {
            Ok(facts) => self.facts = facts,
            Err(_) => return Err(refuse::trouble()),
        }
        Ok(())
    }

    async fn judge(&mut self, room: &Room, way: Way<'_>, transaction: Transaction, message: Bytes) -> Reply {
        let now = room.clock.now();
        let assessed = {
            let recipients: Vec<_> = transaction
                .recipients
                .iter()
                .map(|recipient| &recipient.path)
                .collect();
            let question = Question {
                door: &self.door,
                sender: &self.sender,
                identity: &self.facts,
                now,
            };
            let about = Message {
                id: self.story.id(),
                octets: &message,
                reverse_path: transaction.mail.reverse_path.as_ref(),
                recipients: &recipients,
            };
            room.assessor.data(&mut self.story, &question, &about).await
        };
        let (reply, carried_out) = match self.refusal(room, &assessed.verdict) {
            Some(reply) => (reply, true),
            None => {
                self.admit(room, way, transaction, message, &assessed.verdict)
                    .await
            }
        };
        self.settle(room, assessed, carried_out).await;
        reply
    }

    async fn admit(
        &mut self,
        room: &Room,
        way: Way<'_>,
        transaction: Transaction,
        message: Bytes,
        verdict: &Verdict,
    ) -> (Reply, bool) {
        let hidden = room.settings.hide_client_address;
        let origin = Origin {
            id: self.story.id(),
            at: room.clock.now(),
            hostname: &room.settings.hostname,
            helo: (!hidden).then_some(self.door.helo.as_str()),
            client: self.door.client.filter(|_| !hidden),
            with: way.with,
            tls: way
                .tls
                .map(|facts| format!("{} cipher {}", facts.version, facts.cipher)),
            scope: self.identity.scope(),
            may_sign: self.facts.header_from == Match::Owned,
            expires_after: room.settings.expires_after,
        };
        match admit::admit(&room.store, &origin, transaction, verdict, message).await {
            Ok(admitted) => {
                let what = What::Stored {
                    size_octets: admitted.size_octets,
                    recipients: admitted.recipients,
                    pool: verdict.pool.clone(),
                };
                self.story.tell(room.clock.now(), what);
                (admit::reply(verdict, self.story.id()), true)
            }
            Err(error) => {
                if error.is_full() {
                    room.note_full();
                }
                (refuse::store(&error), false)
            }
        }
    }

    /// The ledger learns. When it cannot, the message is where it is: that is told, and the answer stays.
    async fn settle(&mut self, room: &Room, assessed: Assessed, carried_out: bool) {
        let now = room.clock.now();
        let settled = room
            .assessor
            .settle(&mut self.story, &self.sender, assessed, carried_out, now)
            .await;
        if let Err(error) = settled {
            let detail = shortened(&error.to_string());
            self.story.tell(
                now,
                What::LimitHit {
                    limit: "ledger".to_owned(),
                    detail,
                },
            );
        }
    }

    fn refusal(&self, room: &Room, verdict: &Verdict) -> Option<Reply> {
        let to = Addressee {
            sender: &self.sender,
            language: self.identity.language(),
            utf8: self.utf8,
            id: self.story.id(),
            public_url: room.settings.public_url.as_deref(),
        };
        refuse::reply(verdict, &to)
    }

    /// SMTPUTF8 was asked for: replies may have UTF-8 in them.
    pub fn is_utf8(&self) -> bool {
        self.utf8
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}
