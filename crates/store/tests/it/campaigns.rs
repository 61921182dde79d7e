//! The index of alike messages: who is found, who is not, and that nothing grows beyond its bound.

use jiff::{SignedDuration, Timestamp};
use risk::{Action, Bands, CampaignFacts, Cause, Facts, Gathered, Verdict};
use store::{CampaignMember, Campaigns};
use trace::Id;

const NAMES: [&str; 4] = [
    "mailbox:a@example.com",
    "mailbox:b@example.org",
    "mailbox:c@example.net",
    "host:web1",
];

fn letter(name: &str, number: usize) -> String {
    let middle: String = (0..40)
        .map(|n| format!("part{} of the offer is better than the one before ", n % 17))
        .collect();
    format!(
        "Subject: Hi\r\n\r\nDear {name}, a wonderful offer for you. {middle} Order number {number} now.\r\n"
    )
}

fn bands(message: &str) -> Bands {
    Bands::of(&risk::examine(message.as_bytes(), &mail::message::Limits::default(), &[]).facts)
}

/// Bands of a text that nobody else has.
fn odd(number: usize) -> Bands {
    let words: String = (0..20)
        .map(|word| format!("w{}x{} ", number * 31 + word, word))
        .collect();
    bands(&format!("Subject: x\r\n\r\n{words}\r\n"))
}

fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap() + SignedDuration::from_hours(hours)
}

fn verdict(action: Action, cause: Cause) -> Verdict {
    let door = risk::Door {
        listener: String::new(),
        kind: risk::DoorKind::File,
        client: None,
        helo: String::new(),
        tls: false,
    };
    let sender = risk::Sender {
        kind: risk::SenderKind::Ip,
        name: String::new(),
        domain: String::new(),
        tenant: String::new(),
    };
    let facts = Facts::new(risk::Stage::Data, at(0), door, sender);
    Verdict {
        action,
        cause,
        ..risk::judge(&facts, &risk::Policy::default())
    }
}

fn accepted() -> Verdict {
    verdict(Action::Accept, Cause::None)
}

fn id() -> Id {
    Id::generate(at(0))
}

#[test]
fn variations_of_other_senders_are_found() {
    let campaigns = Campaigns::new(0);
    let refused = verdict(Action::Refuse, Cause::Content);
    let foreign = verdict(Action::Refuse, Cause::Identity);
    campaigns.remember(&bands(&letter("Anna", 1)), NAMES[0], id(), &accepted(), at(0));
    campaigns.remember(&bands(&letter("Berta", 22)), NAMES[0], id(), &accepted(), at(1));
    campaigns.remember(&bands(&letter("Carlo", 333)), NAMES[1], id(), &refused, at(2));
    campaigns.remember(&bands(&letter("Dario", 4)), NAMES[2], id(), &foreign, at(3));
    campaigns.remember(&odd(7), NAMES[3], id(), &refused, at(3));

    let asked = bands(&letter("Elena", 55_555));
    let check = |sender: &str, hours: i64, senders: u32, messages: u32, refused: u32, first: Option<i64>| {
        let expected = CampaignFacts {
            senders,
            messages,
            refused,
            first_seen: first.map(at),
            score_max_db: if senders > 0 { -20.0 } else { 0.0 },
        };
        assert_eq!(
            campaigns.recall(&asked, sender, at(hours)),
            expected,
            "{sender} {hours}"
        );
    };
    check("mailbox:e@example.com", 4, 3, 4, 1, Some(0));
    check(NAMES[0], 4, 2, 2, 1, Some(2));
    check(NAMES[1], 4, 2, 3, 0, Some(0));
    // What was seen last an hour into it is forgotten 72 hours later.
    check("mailbox:e@example.com", 73, 3, 4, 1, Some(0));
    check("mailbox:e@example.com", 74, 2, 2, 1, Some(2));
    check("mailbox:e@example.com", 76, 0, 0, 0, None);

    let mut members = campaigns.members(&asked, at(4));
    members.sort_by(|a, b| a.sender.cmp(&b.sender));
    let told = |member: &CampaignMember| {
        (
            member.sender.clone(),
            member.messages,
            member.action,
            member.refused,
        )
    };
    let told: Vec<_> = members.iter().map(told).collect();
    assert_eq!(
        told,
        [
            (NAMES[0].to_owned(), 2, Action::Accept, false),
            (NAMES[1].to_owned(), 1, Action::Refuse, true),
            (NAMES[2].to_owned(), 1, Action::Refuse, false),
        ]
    );
    assert!(
        campaigns
            .members(&bands("Subject: x\r\n\r\nshort\r\n"), at(4))
            .is_empty()
    );
}

#[test]
fn weighs_nothing_and_is_told() {
    let campaigns = Campaigns::new(0);
    let refused = verdict(Action::Refuse, Cause::Content);
    campaigns.remember(&bands(&letter("Anna", 1)), NAMES[0], id(), &refused, at(0));
    let facts = |campaign| {
        let message = letter("Berta", 22);
        let content = risk::examine(message.as_bytes(), &mail::message::Limits::default(), &[]).facts;
        let mut facts = Facts::new(
            risk::Stage::Data,
            at(1),
            risk::Door {
                listener: String::new(),
                kind: risk::DoorKind::File,
                client: None,
                helo: String::new(),
                tls: false,
            },
            risk::Sender {
                kind: risk::SenderKind::Mailbox,
                name: "b@example.org".into(),
                domain: "example.org".into(),
                tenant: String::new(),
            },
        );
        facts.content = Gathered::Known(content);
        facts.campaign = campaign;
        facts
    };
    let alone = facts(Gathered::Off);
    let with = facts(Gathered::Known(campaigns.recall(
        &bands(&letter("Berta", 22)),
        NAMES[1],
        at(1),
    )));
    let policy = risk::Policy::default();
    let (alone, with) = (risk::judge(&alone, &policy), risk::judge(&with, &policy));
    assert_eq!(alone.score, with.score);
    let symbol = with
        .symbols
        .iter()
        .find(|symbol| symbol.name == "NEAR_DUPLICATE")
        .unwrap();
    assert_eq!(
        symbol.detail,
        format!(
            "1 other sender sent 1 message like it within 72 hours, the first at {}; refused to 1 of them",
            at(0)
        )
    );
}

#[test]
fn one_sender_takes_no_more_than_its_share() {
    let campaigns = Campaigns::new(Campaigns::MEMBERS_MIN);
    let text = bands(&letter("Anna", 1));
    campaigns.remember(&text, NAMES[1], id(), &accepted(), at(0));
    for _ in 0..100_000 {
        campaigns.remember(&text, NAMES[0], id(), &accepted(), at(0));
    }
    assert_eq!(campaigns.count(), 2);
    for number in 0..1_000 {
        campaigns.remember(&odd(number), NAMES[0], id(), &accepted(), at(0));
    }
    assert!(campaigns.count() <= 2 + Campaigns::MEMBERS_MIN / 8);
    assert_eq!(campaigns.recall(&text, NAMES[3], at(0)).senders, 2);
}

#[test]
fn what_is_met_again_stays() {
    let campaigns = Campaigns::new(Campaigns::MEMBERS_MIN);
    let (lively, quiet) = (bands(&letter("Anna", 1)), odd(1_000_000));
    campaigns.remember(&lively, NAMES[0], id(), &accepted(), at(0));
    campaigns.remember(&quiet, NAMES[0], id(), &accepted(), at(0));
    for number in 0..6_000 {
        let sender = format!("mailbox:{number}@example.com");
        campaigns.remember(&odd(number), &sender, id(), &accepted(), at(1));
        if number % 100 == 0 {
            campaigns.remember(&lively, NAMES[1], id(), &accepted(), at(1));
        }
        assert!(campaigns.count() <= Campaigns::MEMBERS_MIN);
    }
    assert_eq!(campaigns.recall(&lively, NAMES[2], at(2)).senders, 2);
    assert_eq!(campaigns.recall(&quiet, NAMES[2], at(2)).senders, 0);
}

#[test]
fn a_band_remembers_the_latest_senders() {
    let campaigns = Campaigns::new(Campaigns::MEMBERS_MIN);
    let text = bands(&letter("Anna", 1));
    for number in 0..200i64 {
        campaigns.remember(
            &text,
            &format!("mailbox:{number}@example.com"),
            id(),
            &accepted(),
            at(number / 10),
        );
    }
    let members = campaigns.members(&text, at(20));
    assert_eq!(members.len(), Campaigns::SENDERS_OF_BAND_MAX);
    assert!(members.iter().all(|member| member.first_seen >= at(19)));
}

#[test]
fn the_bound_is_what_the_manual_says() {
    let octets = Campaigns::octets_max(Campaigns::MEMBERS_MAX);
    assert!(octets / Campaigns::MEMBERS_MAX <= 600, "{octets}");
    assert!(Campaigns::octets_max(1) == Campaigns::octets_max(Campaigns::MEMBERS_MIN));
}
