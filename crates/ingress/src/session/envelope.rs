//! MAIL, RCPT, DATA, BDAT: the envelope grows and is handed over.

use super::state::State;
use super::{Chunk, Forward, Session, Step, Transaction, bad_sequence};
use mail::Address;
use mail::smtp::{BodyType, MailCommand, RcptCommand, Reply};
use risk::DoorKind;

/// A BDAT chunk of more than this many times the size limit ends the session: reading it away would take too long.
const CHUNK_FACTOR_MAX: u64 = 4;

impl Session {
    pub(super) fn mail(&mut self, mail: MailCommand) -> Step {
        match self.state {
            State::Greeted => {}
            State::Fresh => return self.refuse(bad_sequence("Send EHLO first")),
            _ => return self.refuse(bad_sequence("A transaction is under way")),
        }
        if self.identity().is_none() {
            let text = match (self.rules.kind, self.may_authenticate()) {
                (DoorKind::Relay, _) => "Relaying denied; authentication required",
                (_, false) => "Must issue a STARTTLS command first",
                _ => "Authentication required",
            };
            return self.refuse(Reply::new(530, (5, 7, 0), text));
        }
        if self.messages >= self.rules.limits.messages_per_connection_max {
            return self.close(Reply::new(421, (4, 7, 0), "Too many messages on this connection"));
        }
        if mail.body == Some(BodyType::BinaryMime) {
            return self.refuse(Reply::new(555, (5, 5, 4), "BINARYMIME is not offered"));
        }
        if mail
            .size_octets
            .is_some_and(|size| size > self.rules.limits.size_octets_max)
        {
            return self.refuse(crate::refuse::too_big());
        }
        Step::JudgeMail(Box::new(mail))
    }

    /// MAIL was judged; what was refused leaves the session as it was, and counts as an error.
    pub fn mail_answered(&mut self, mail: MailCommand, refusal: Option<Reply>) -> Reply {
        if let Some(reply) = refusal {
            self.errors = self.errors.saturating_add(1);
            return reply;
        }
        self.state = State::Transaction(Box::new(Transaction {
            mail,
            recipients: Vec::new(),
        }));
        Reply::new(250, (2, 1, 0), "Sender ok")
    }

    pub(super) fn rcpt(&mut self, rcpt: RcptCommand) -> Step {
        let State::Transaction(transaction) = &self.state else {
            return self.refuse(bad_sequence("Send MAIL first"));
        };
        if transaction.recipients.len() >= self.rules.limits.recipients_max {
            return Step::Reply(Reply::new(452, (4, 5, 3), "Too many recipients"));
        }
        let utf8 = transaction.mail.smtputf8;
        // Only postmaster may stand without a domain; it is ours (RFC 5321 §4.5.1).
        let own = || Address::parse(&format!("postmaster@{}", self.rules.hostname)).ok();
        let Some(path) = rcpt.forward_path.or_else(own) else {
            return self.refuse(Reply::new(553, (5, 1, 3), "The recipient address is not valid"));
        };
        if !utf8 && !path.is_ascii() {
            return self.refuse(Reply::new(553, (5, 6, 7), "This address needs SMTPUTF8"));
        }
        Step::JudgeRcpt(Forward {
            path,
            notify: rcpt.notify,
            orcpt: rcpt.orcpt,
        })
    }

    /// RCPT was judged. A refusal for good counts as an error; one recipient too many does not (RFC 5321 §4.5.3.1.10).
    pub fn rcpt_answered(&mut self, recipient: Forward, refusal: Option<Reply>) -> Reply {
        match (refusal, &mut self.state) {
            (Some(reply), _) => {
                self.errors = self.errors.saturating_add(u32::from(reply.code >= 500));
                reply
            }
            (None, State::Transaction(transaction)) => {
                // The same recipient twice is one recipient.
                if !transaction
                    .recipients
                    .iter()
                    .any(|known| known.path == recipient.path)
                {
                    transaction.recipients.push(recipient);
                }
                Reply::new(250, (2, 1, 5), "Recipient ok")
            }
            (None, _) => bad_sequence("Send MAIL first"),
        }
    }

    pub(super) fn data(&mut self, behind: bool) -> Step {
        let ready = match &self.state {
            State::Transaction(transaction) if transaction.recipients.is_empty() => {
                Err(Reply::new(554, (5, 5, 1), "No valid recipients"))
            }
            State::Transaction(_) => Ok(()),
            State::Chunks(_) => Err(bad_sequence("BDAT and DATA cannot be mixed")),
            _ => Err(bad_sequence("Send MAIL and RCPT first")),
        };
        if behind {
            // Whatever was sent behind DATA was meant as content or as commands; nobody can know (RFC 2920 §3.1).
            return self.close(Reply::new(
                503,
                (5, 5, 0),
                "Improper pipelining: wait for the reply to DATA",
            ));
        }
        match ready {
            Ok(()) => Step::ReadData(Reply::plain(354, "End data with <CR><LF>.<CR><LF>")),
            Err(reply) => self.refuse(reply),
        }
    }

    pub(super) fn bdat(&mut self, size_octets: u64, last: bool) -> Step {
        let limit = self.rules.limits.size_octets_max;
        if size_octets / CHUNK_FACTOR_MAX > limit {
            return self.close(crate::refuse::too_big());
        }
        let refused = match &self.state {
            State::Transaction(transaction) if transaction.recipients.is_empty() => {
                Some(Reply::new(554, (5, 5, 1), "No valid recipients"))
            }
            State::Transaction(_) | State::Chunks(_) if size_octets > limit => Some(crate::refuse::too_big()),
            State::Transaction(_) | State::Chunks(_) => None,
            _ => Some(bad_sequence("Send MAIL and RCPT first")),
        };
        if let Some(reply) = refused {
            self.reset();
            return match self.refuse(reply) {
                Step::Reply(reply) => Step::ReadChunk(Chunk {
                    size_octets,
                    last,
                    refused: Some(reply),
                }),
                other => other,
            };
        }
        self.state = match std::mem::replace(&mut self.state, State::Greeted) {
            State::Transaction(transaction) => State::Chunks(transaction),
            other => other,
        };
        Step::ReadChunk(Chunk {
            size_octets,
            last,
            refused: None,
        })
    }

    /// The message is complete (or its transaction failed): the envelope is handed over, the session is ready for the next.
    pub fn take(&mut self) -> Option<Box<Transaction>> {
        self.idle_commands = 0;
        match std::mem::replace(&mut self.state, State::Greeted) {
            State::Transaction(transaction) | State::Chunks(transaction) => {
                self.messages = self.messages.saturating_add(1);
                Some(transaction)
            }
            other => {
                self.state = other;
                None
            }
        }
    }

    /// The envelope is forgotten, the login is kept (RFC 5321 §4.1.1.5).
    pub fn reset(&mut self) {
        if self.state.transaction().is_some() {
            self.state = State::Greeted;
        }
    }
}
