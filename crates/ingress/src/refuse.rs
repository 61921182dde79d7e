//! The words of a refusal: reply code, enhanced code, bracketed cause, one sentence, reference and link.
//!
//! Promises: temporary causes get 4yz, final ones 5yz; text from a message or a scanner is data in a bounded line
//! ([`Reply`] replaces controls and folds); the user's language only where the reply can carry it.
//! Standards: RFC 5321 §4.2, RFC 3463, RFC 6531 §3.7.

use mail::smtp::Reply;
use mail::smtp::data::DataDefect;
use risk::{Action, Cause, Language, Reason, Sender, SenderKind, Verdict};
use store::StoreError;
use trace::Id;

/// To whom a refusal is told.
#[derive(Clone, Copy, Debug)]
pub struct Addressee<'a> {
    /// Who sends.
    pub sender: &'a Sender,
    /// Its language.
    pub language: Language,
    /// SMTPUTF8 was asked for: the reply may have UTF-8 in it.
    pub utf8: bool,
    /// The story.
    pub id: Id,
    /// Start of links.
    pub public_url: Option<&'a str>,
}

/// The reply to a verdict that stops something; None when nothing is stopped (accept, hold).
pub fn reply(verdict: &Verdict, to: &Addressee<'_>) -> Option<Reply> {
    let temporary = match verdict.action {
        Action::Accept | Action::Hold => return None,
        Action::Defer => true,
        Action::Refuse => false,
    };
    let (code, enhanced) = match (verdict.cause, temporary) {
        (Cause::Recipients, true) => (452, (4, 5, 3)),
        (Cause::Recipients, false) => (550, (5, 5, 3)),
        (Cause::Unchecked, true) => (451, (4, 3, 0)),
        (_, true) => (451, (4, 7, 1)),
        (_, false) => (550, (5, 7, 1)),
    };
    if let Reason::NotOwned { field, address } = &verdict.reason {
        return Some(not_owned(field, address, temporary, to));
    }
    let sentence = sentence(&verdict.reason, to);
    let reference = match &verdict.reason {
        // What support staff searches for is the story that caused the lock.
        Reason::Locked { reference, .. } if !reference.is_empty() => reference.clone(),
        _ => to.id.to_string(),
    };
    let mut text = format!("[{}] {sentence}. Ref {reference}.", verdict.cause.code());
    push_link(&mut text, &reference, to);
    Some(Reply::new(code, enhanced, text))
}

/// Postfix's wording, which help desks know.
fn not_owned(field: &str, address: &str, temporary: bool, to: &Addressee<'_>) -> Reply {
    let whose = match to.sender.kind {
        SenderKind::Mailbox => format!("not owned by user {}", to.sender.name),
        _ => "not logged in".to_owned(),
    };
    if field == "MAIL FROM" {
        let (code, enhanced) = if temporary {
            (450, (4, 7, 1))
        } else {
            (553, (5, 7, 1))
        };
        return Reply::new(
            code,
            enhanced,
            format!("<{address}>: Sender address rejected: {whose}"),
        );
    }
    let mut text = format!(
        "[{}] <{address}>: Sender address rejected: {whose} ({field} field). Ref {}.",
        Cause::Identity.code(),
        to.id
    );
    push_link(&mut text, &to.id.to_string(), to);
    let (code, enhanced) = if temporary {
        (450, (4, 7, 1))
    } else {
        (550, (5, 7, 1))
    };
    Reply::new(code, enhanced, text)
}

/// The sentence in the user's language if the reply can carry it.
fn sentence(reason: &Reason, to: &Addressee<'_>) -> String {
    let own = reason.sentence(to.language);
    let chosen = if own.is_ascii() || to.utf8 {
        own
    } else {
        reason.sentence(Language::English)
    };
    chosen.trim_end_matches('.').to_owned()
}

fn push_link(text: &mut String, reference: &str, to: &Addressee<'_>) {
    if let Some(url) = to.public_url {
        text.push_str(&format!(" {url}/r/{reference}"));
    }
}

/// The reply to a message whose form is not acceptable.
pub fn defect(defect: DataDefect) -> Reply {
    match defect {
        DataDefect::BareLf => Reply::new(550, (5, 5, 2), "Bare LF in the message; lines must end with CRLF"),
        DataDefect::BareCr => Reply::new(550, (5, 5, 2), "Bare CR in the message; lines must end with CRLF"),
        DataDefect::Nul => Reply::new(550, (5, 6, 0), "NUL in the message"),
        DataDefect::LineTooLong => Reply::new(550, (5, 6, 0), "A line of the message is too long"),
        DataDefect::TooBig => too_big(),
    }
}

/// True when what follows such a message must not be read as commands: it was written to be read in two ways.
pub fn ends_session(defect: DataDefect) -> bool {
    matches!(defect, DataDefect::BareLf | DataDefect::BareCr | DataDefect::Nul)
}

/// The message is over `size_octets_max`.
pub fn too_big() -> Reply {
    Reply::new(552, (5, 3, 4), "The message is too big")
}

/// The store could not take it: our trouble, the client shall try again.
pub fn store(error: &StoreError) -> Reply {
    if error.is_full() { full() } else { trouble() }
}

/// The store has no room.
pub fn full() -> Reply {
    Reply::new(452, (4, 3, 1), "Insufficient storage; try again later")
}

/// Something of ours is broken.
pub fn trouble() -> Reply {
    Reply::new(451, (4, 3, 0), "Temporary trouble on our side; try again later")
}

/// No memory for a further message.
pub fn no_memory() -> Reply {
    Reply::new(452, (4, 3, 1), "Too many messages at once; try again later")
}

/// We are going down, or the client was too slow.
pub fn closing(hostname: &str, why: &str) -> Reply {
    Reply::new(421, (4, 3, 2), format!("{hostname} {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use risk::{Class, Decibans, Level};

    fn sender(kind: SenderKind) -> Sender {
        Sender {
            kind,
            name: "a@x.example".into(),
            domain: "x.example".into(),
            tenant: "acme".into(),
        }
    }

    fn check(
        action: Action,
        reason: Reason,
        kind: SenderKind,
        language: Language,
        utf8: bool,
        expected: &str,
    ) {
        let verdict = Verdict {
            class: Class::Clean,
            action,
            cause: reason.cause(),
            reason,
            score: Decibans::new(0.0),
            symbols: Vec::new(),
            pool: "clean".into(),
            on_allowance: false,
            unchecked: false,
        };
        let sender = sender(kind);
        let to = Addressee {
            sender: &sender,
            language,
            utf8,
            id: Id::from_u64(7),
            public_url: Some("https://mail.example.com"),
        };
        let given = reply(&verdict, &to)
            .map(|reply| reply.one_line())
            .unwrap_or_default();
        assert_eq!(given, expected);
    }

    fn in_english(action: Action, reason: Reason, expected: &str) {
        check(
            action,
            reason,
            SenderKind::Mailbox,
            Language::English,
            false,
            expected,
        );
    }

    #[test]
    fn every_cause_in_english() {
        let ends = "Ref 0000000000007. https://mail.example.com/r/0000000000007";
        in_english(Action::Accept, Reason::None, "");
        let observations = vec!["GTUBE (in the body)".to_owned()];
        in_english(
            Action::Refuse,
            Reason::Content { observations },
            &format!("550 5.7.1 [SPAM] The message looks like spam: GTUBE (in the body). {ends}"),
        );
        in_english(
            Action::Defer,
            Reason::Unchecked {
                scanners: vec!["clamav".into()],
            },
            &format!(
                "451 4.3.0 [SCAN] The message cannot be checked now (clamav does not answer); try again later. {ends}"
            ),
        );
        in_english(
            Action::Defer,
            Reason::Recipients { max: 150 },
            &format!("452 4.5.3 [RCPT] Too many recipients: at most 150 in one message. {ends}"),
        );
        in_english(
            Action::Refuse,
            Reason::Malware {
                name: "Eicar\r\nX".into(),
                scanner: "clamav".into(),
            },
            &format!("550 5.7.1 [VIRUS] The message carries a virus: Eicar??X (found by clamav). {ends}"),
        );
        let rate = Reason::Rate {
            level: Level::Sender,
            counted: risk::Counted::Messages,
            count: 301,
            max: 300,
            window_s: 3_600,
            free_at: "2026-11-24T12:00:00Z".parse().ok(),
        };
        in_english(
            Action::Defer,
            rate,
            &format!(
                "451 4.7.1 [RATE] Limit reached: 301 of 300 messages in one hour for this sender; try again after 2026-11-24 12:00 UTC. {ends}"
            ),
        );
    }

    #[test]
    fn a_lock_names_the_story_that_caused_it() {
        in_english(
            Action::Refuse,
            Reason::Locked {
                reference: "0000000000001".into(),
                until: None,
            },
            "550 5.7.1 [LOCK] This account may not send mail, because risky messages were sent with it. Change its password and ask your administrator. Ref 0000000000001. https://mail.example.com/r/0000000000001",
        );
    }

    #[test]
    fn postfix_wording() {
        let foreign = |field: &str| Reason::NotOwned {
            field: field.into(),
            address: "b@y.example".into(),
        };
        in_english(
            Action::Refuse,
            foreign("MAIL FROM"),
            "553 5.7.1 <b@y.example>: Sender address rejected: not owned by user a@x.example",
        );
        in_english(
            Action::Refuse,
            foreign("From"),
            "550 5.7.1 [OWN] <b@y.example>: Sender address rejected: not owned by user a@x.example (From field). Ref 0000000000007. https://mail.example.com/r/0000000000007",
        );
        check(
            Action::Refuse,
            foreign("MAIL FROM"),
            SenderKind::Host,
            Language::English,
            false,
            "553 5.7.1 <b@y.example>: Sender address rejected: not logged in",
        );
    }

    #[test]
    fn the_language_where_it_can_be_carried() {
        let ends = "Ref 0000000000007. https://mail.example.com/r/0000000000007";
        let check = |language, utf8, expected: &str| {
            let reason = Reason::Recipients { max: 3 };
            check(
                Action::Defer,
                reason,
                SenderKind::Mailbox,
                language,
                utf8,
                &format!("452 4.5.3 [RCPT] {expected}. {ends}"),
            );
        };
        check(
            Language::Italian,
            false,
            "Troppi destinatari: al massimo 3 per messaggio",
        );
        check(
            Language::Russian,
            false,
            "Too many recipients: at most 3 in one message",
        );
        check(
            Language::Russian,
            true,
            "Слишком много получателей: не более 3 в одном письме",
        );
    }
}
