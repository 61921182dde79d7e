//! The words of a refusal: reply code, enhanced code, bracketed cause, one sentence, reference and link.
//!
//! Promises: temporary causes get 4yz, final ones 5yz; text from a message or a scanner is data in a bounded line
//! ([`Reply`] replaces controls and folds); the user's language only where the reply can carry it.
//! Standards: RFC 5321 §4.2, RFC 3463, RFC 6531 §3.7.

use mail::smtp::Reply;
use mail::smtp::data::DataDefect;
use mail::smtp::reply::WRITTEN_LINE_OCTETS_MAX;
use risk::{Action, Cause, Language, Reason, Room, Sender, SenderKind, Shown, Verdict, without_middle};
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
    let reference = match &verdict.reason {
        // What support staff searches for is the story that caused the lock.
        Reason::Locked { reference, .. } if !reference.is_empty() => reference.clone(),
        _ => to.id.to_string(),
    };
    let opening = format!("[{}] ", verdict.cause.code());
    let mut ending = format!(". Ref {reference}.");
    push_link(&mut ending, &reference, to);
    // Code, enhanced code and two blanks before, CRLF behind.
    let around = opening.len() + ending.len() + "550 5.7.1 ".len() + 2;
    let sentence = sentence(
        &verdict.reason,
        to,
        WRITTEN_LINE_OCTETS_MAX.saturating_sub(around),
    );
    Some(Reply::new(code, enhanced, opening + &sentence + &ending))
}

/// Postfix's wording, which help desks know, in one line: where it is too long, address and login lose their middles.
fn not_owned(field: &str, address: &str, temporary: bool, to: &Addressee<'_>) -> Reply {
    const CHARS: [usize; 4] = [120, 80, 48, 24];
    let full = not_owned_words(field, address, &to.sender.name, temporary, to);
    let fits = |reply: &Reply| {
        let mut line = Vec::new();
        reply.write(&mut line, to.utf8);
        line.len() <= WRITTEN_LINE_OCTETS_MAX
    };
    let shortened = |chars| {
        let (address, login) = (
            without_middle(address, chars),
            without_middle(&to.sender.name, chars),
        );
        not_owned_words(field, &address, &login, temporary, to)
    };
    std::iter::once(full.clone())
        .chain(CHARS.into_iter().map(shortened))
        .find(fits)
        .unwrap_or(full)
}

fn not_owned_words(field: &str, address: &str, login: &str, temporary: bool, to: &Addressee<'_>) -> Reply {
    let whose = match to.sender.kind {
        SenderKind::Mailbox => format!("not owned by user {login}"),
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

/// The sentence in the user's language if the reply can carry it, in one line with what stands around it. What the message
/// has of other letters is left out where they cannot be carried.
fn sentence(reason: &Reason, to: &Addressee<'_>, octets_max: usize) -> String {
    let shown = if to.utf8 { Shown::All } else { Shown::Ascii };
    let room = Room { shown, octets_max };
    let own = reason.sentence_in(to.language, room);
    let chosen = if own.is_ascii() || to.utf8 {
        own
    } else {
        reason.sentence_in(Language::English, room)
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
    use risk::{Class, Decibans, Level, Observation};

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
            trial: None,
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
        in_english(
            Action::Refuse,
            spam(&[("GTUBE", &[])]),
            &format!("550 5.7.1 [SPAM] The message looks like spam: the test string of spam filters. {ends}"),
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

    fn spam(observations: &[(&str, &[&str])]) -> Reason {
        let told = observations.iter();
        Reason::Content {
            observations: told
                .map(|(symbol, data)| Observation::new(symbol, *data))
                .collect(),
        }
    }

    #[test]
    fn what_the_message_says_where_it_can_be_carried() {
        let ends = "Ref 0000000000007. https://mail.example.com/r/0000000000007";
        let check = |language, utf8, data: [&str; 2], expected: &str| {
            let reason = spam(&[("TEXT", &data[..1]), ("OFFICE_MACRO", &data[1..])]);
            let expected = format!("550 5.7.1 [SPAM] {expected}. {ends}");
            check(
                Action::Refuse,
                reason,
                SenderKind::Mailbox,
                language,
                utf8,
                &expected,
            );
        };
        let italian = ["hai vinto un premio: è gratis, clicca", "fattura.doc"];
        check(
            Language::Italian,
            false,
            italian,
            "Il messaggio sembra spam: il testo (\"hai vinto un premio: ...\"), un file con una macro (fattura.doc)",
        );
        check(
            Language::Italian,
            true,
            italian,
            "Il messaggio sembra spam: il testo (\"hai vinto un premio: è gratis, clicca\"), un file con una macro (fattura.doc)",
        );
        let russian = ["вы выиграли «приз»", "счёт.doc"];
        check(
            Language::Russian,
            false,
            russian,
            "The message looks like spam: its text, a file with a macro",
        );
        check(
            Language::Russian,
            true,
            russian,
            "Письмо похоже на спам: текст («вы выиграли 'приз'»), файл с макросом (счёт.doc)",
        );
        check(
            Language::English,
            false,
            [
                "don\u{2019}t wait \u{2013} win a \"free\" prize",
                "a\r\n250 ok.doc",
            ],
            "The message looks like spam: its text (\"don't wait - win a 'free' prize\"), a file with a macro (a  250 ok.doc)",
        );
    }

    /// Whatever names and addresses a message and its scanners have.
    #[test]
    fn other_causes_are_one_line() {
        let (long, wide) = ("a".repeat(1_000), "счёт".repeat(250));
        let address = format!("{}@{}.example", "a".repeat(64), "b".repeat(180));
        let file = |name: &str, inside: &str| Reason::Attachment {
            name: name.into(),
            kind: long.clone(),
            inside: inside.into(),
        };
        let of = |field: &str| Reason::NotOwned {
            field: field.into(),
            address: address.clone(),
        };
        let reasons = [
            file(&long, ""),
            file(&wide, &wide),
            Reason::ArchiveBomb { name: wide.clone() },
            Reason::Malware {
                name: long.clone(),
                scanner: wide.clone(),
            },
            Reason::Unchecked {
                scanners: vec![long.clone(), long.clone(), wide.clone()],
            },
            of("MAIL FROM"),
            of("Sender"),
        ];
        let mut sender = sender(SenderKind::Mailbox);
        sender.name = format!("{}@{}.example", "c".repeat(64), "d".repeat(240));
        for (reason, language) in reasons
            .iter()
            .flat_map(|reason| Language::ALL.map(|one| (reason, one)))
        {
            for utf8 in [false, true] {
                let to = Addressee {
                    sender: &sender,
                    language,
                    utf8,
                    id: Id::from_u64(7),
                    public_url: Some("https://dogana.mail.example.com"),
                };
                let mut octets = Vec::new();
                let verdict = verdict(reason.clone());
                reply(&verdict, &to).unwrap().write(&mut octets, utf8);
                let text = String::from_utf8(octets).unwrap();
                assert!(
                    text.len() <= 512 && text.lines().count() == 1,
                    "{}: {text}",
                    text.len()
                );
                assert!(text.contains("..."), "{text}");
            }
        }
    }

    fn verdict(reason: Reason) -> Verdict {
        Verdict {
            class: Class::Spam,
            action: Action::Refuse,
            cause: reason.cause(),
            reason,
            score: Decibans::new(9.0),
            symbols: Vec::new(),
            pool: "risk".into(),
            on_allowance: false,
            unchecked: false,
            trial: None,
        }
    }

    /// Whatever the message says, the reply is one line.
    #[test]
    fn one_line_of_512_octets() {
        let (long, wide) = ("free money ".repeat(40), "бесплатно ".repeat(40));
        let host = format!("{}.example", "a".repeat(240));
        let reason = spam(&[
            ("TEXT", &[&long, &wide, &long]),
            ("LINK_NEWBORN", &[&host, &host, &wide]),
            ("OFFICE_EXTERNAL", &[&wide, &long, &host]),
        ]);
        let sender = sender(SenderKind::Mailbox);
        let verdict = verdict(reason);
        for language in Language::ALL {
            for (url_octets, utf8) in [(0, false), (40, false), (40, true), (200, true), (300, true)] {
                let url = format!("https://{}", "m".repeat(url_octets));
                let to = Addressee {
                    sender: &sender,
                    language,
                    utf8,
                    id: Id::from_u64(7),
                    public_url: (url_octets > 0).then_some(url.as_str()),
                };
                let mut octets = Vec::new();
                reply(&verdict, &to).unwrap().write(&mut octets, utf8);
                let text = String::from_utf8(octets).unwrap();
                assert!(
                    text.len() <= 512 && text.lines().count() == 1,
                    "{}: {text}",
                    text.len()
                );
                assert!(text.is_ascii() || utf8, "{text}");
                assert!(!text.contains('?'), "nothing is replaced in {text}");
                assert!(text.contains("spam") || text.contains("спам"), "{text}");
            }
        }
    }
}
