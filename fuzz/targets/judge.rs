//! A message examined and judged: bounded facts, a verdict that can be stored, whatever stage, standing and scanners say.
//!
//! First line: stage, standing, listener, scans, counts, limits; then a message.
#![no_main]

use fuzz::Figures;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use mail::message::Limits;
use risk::{
    Action, Cause, Class, Conduct, ContentFacts, Door, DoorKind, Facts, Gathered, IdentityFacts, Language,
    Level, Match, Outcome, Policy, Room, Scan, ScanResult, Sender, SenderKind, Shown, Stage, Standing,
    StandingFacts, Symbol, Usage, Verdict,
};
use std::sync::LazyLock;

static POLICY: LazyLock<Policy> = LazyLock::new(Policy::default);

fuzz_target!(|input: &[u8]| {
    let (mut figures, raw) = fuzz::figures(input);
    let risk::Examined {
        facts: mut content,
        view,
    } = risk::examine(raw, &Limits::default(), &["example.com"]);
    // The content model, its ranks and its explanation see every input too.
    risk::model::Models::default().read(&view, risk::Role::Person, &mut content);
    is_bounded(&content, raw);
    let facts = facts(&mut figures, content);
    let verdict = risk::judge(&facts, &POLICY);
    is_consistent(&facts, &verdict);

    let json = serde_json::to_string(&verdict).expect("a verdict can be stored");
    assert_eq!(serde_json::from_str::<Verdict>(&json).expect("and read"), verdict);
    let json = serde_json::to_string(&facts).expect("facts can be stored");
    let again: Facts = serde_json::from_str(&json).expect("and read");
    assert_eq!(
        risk::judge(&again, &POLICY),
        verdict,
        "a replay gives the same verdict"
    );
    remembers(&facts, &verdict);
});

fn is_bounded(content: &ContentFacts, raw: &[u8]) {
    assert_eq!(content.size_octets, raw.len() as u64);
    assert!(content.attachments.len() <= ContentFacts::ATTACHMENTS_MAX && content.parts as usize <= 1_000);
    for text in [&content.header_from, &content.subject, &content.message_id] {
        assert!(
            text.chars().count() <= 200 && !text.chars().any(char::is_control),
            "{text:?}"
        );
    }
    for file in &content.attachments {
        assert!(
            file.name.chars().count() <= 255 && !file.name.chars().any(char::is_control),
            "{:?}",
            file.name
        );
        assert!(file.size_octets <= raw.len() as u64);
    }
}

fn facts(figures: &mut Figures, content: ContentFacts) -> Facts {
    let stage = [Stage::Data, Stage::Rcpt, Stage::Mail][figures.choice(3) as usize];
    let standing = Standing::ALL[figures.choice(5) as usize];
    let tls = figures.flag();
    let door = Door {
        listener: "submission".to_owned(),
        kind: DoorKind::Submission,
        client: None,
        helo: content.subject.clone(),
        tls,
    };
    let sender = Sender {
        kind: SenderKind::Mailbox,
        name: "info@example.com".to_owned(),
        domain: "example.com".to_owned(),
        tenant: "acme".to_owned(),
    };
    let at = Timestamp::from_second(1_800_000_000).unwrap_or_default();
    let mut facts = Facts::new(stage, at, door, sender);
    let matches = [
        Match::Owned,
        Match::Absent,
        Match::Unclear,
        Match::Foreign(content.header_from.clone()),
    ];
    let mut identity = || matches[figures.choice(4) as usize].clone();
    facts.identity = Gathered::Known(IdentityFacts {
        reverse_path: identity(),
        header_from: identity(),
        header_sender: identity(),
    });
    let scans = ["clamav", "rspamd", "spamassassin", "other"]
        .into_iter()
        .map(|scanner| Scan {
            scanner: scanner.to_owned(),
            result: scan(figures, &content.subject),
            took_us: 1,
        });
    facts.scans = scans.collect();
    facts.recipients = u32::try_from(figures.choice(300)).unwrap_or_default();
    facts.recipients_max = Some(150);
    facts.usage = Gathered::Known(vec![Usage {
        level: Level::Sender,
        key: facts.sender.key(),
        window_s: 3_600,
        messages: figures.choice(400),
        recipients: 1,
        distinct_recipients: 1,
        messages_max: Some(300),
        recipients_max: None,
        distinct_recipients_max: None,
        free_at: Some(at),
    }]);
    let few = |number: u64| u32::try_from(number).unwrap_or_default();
    facts.standing = Gathered::Known(StandingFacts {
        standing,
        risky_today: few(figures.choice(12)),
        unchecked_today: few(figures.choice(200)),
        ..StandingFacts::default()
    });
    facts.content = Gathered::Known(content);
    facts
}

fn scan(figures: &mut Figures, text: &str) -> Gathered<ScanResult> {
    match figures.choice(6) {
        0 => Gathered::Off,
        1 => Gathered::Late,
        2 => Gathered::Failed(text.to_owned()),
        3 => Gathered::Known(ScanResult::Clean),
        4 => Gathered::Known(ScanResult::Infected(text.to_owned())),
        _ => {
            let thousandth = |number: u64| number as f32 / 1_000.0 - 20.0;
            Gathered::Known(ScanResult::Scored {
                score: thousandth(figures.take(20_000)),
                required: thousandth(figures.take(25_000)),
                symbols: vec![(text.to_owned(), 1.0)],
            })
        }
    }
}

fn is_consistent(facts: &Facts, verdict: &Verdict) {
    let stopped = verdict.action != Action::Accept;
    assert_eq!(stopped, verdict.cause != Cause::None, "{verdict:?}");
    assert_eq!(verdict.reason.cause(), verdict.cause);
    assert!(verdict.score.value().is_finite() && (0.0..=1.0).contains(&verdict.score.probability()));
    for symbol in &verdict.symbols {
        assert!(symbol.weight.value().is_finite() && symbol.detail.chars().count() <= Symbol::DETAIL_MAX);
        assert!(!symbol.detail.chars().any(char::is_control));
        assert!(symbol.data.len() <= Symbol::DATA_MAX);
    }
    for language in Language::ALL {
        assert_eq!(stopped, !verdict.reason.sentence(language).is_empty());
        if matches!(verdict.cause, Cause::Attachment | Cause::Malware) {
            let room = Room { shown: Shown::All, octets_max: 450 };
            assert!(verdict.reason.sentence_in(language, room).len() <= 450);
        }
        if verdict.cause == Cause::Content {
            for (shown, octets_max) in [(Shown::Ascii, 400), (Shown::All, 100), (Shown::Nothing, 60)] {
                let sentence = verdict.reason.sentence_in(language, Room { shown, octets_max });
                assert!(sentence.len() <= octets_max, "{sentence}");
                assert!(shown != Shown::Ascii || language == Language::Russian || sentence.is_ascii());
            }
        }
    }
    let locked = facts
        .standing
        .known()
        .is_some_and(|known| known.standing == Standing::Locked);
    assert!(!locked || (verdict.action, verdict.cause) == (Action::Refuse, Cause::Locked));
    if verdict.class == Class::Malware && facts.stage == Stage::Data {
        assert!(stopped, "malware is never let pass");
    }
    let unanswered = |scan: &Scan| matches!(scan.result, Gathered::Late | Gathered::Failed(_));
    if verdict.action == Action::Accept && facts.stage == Stage::Data && facts.scans.iter().any(unanswered) {
        assert!(
            verdict.unchecked,
            "an unchecked message is never let pass unnoticed"
        );
    }
}

fn remembers(facts: &Facts, verdict: &Verdict) {
    let mut conduct = Conduct::default();
    for _ in 0..20 {
        risk::fold(
            &mut conduct,
            &Outcome::Judged {
                verdict,
                reference: "R",
            },
            &POLICY,
            facts.at,
        );
        let lists = [&conduct.refusals, &conduct.risky, &conduct.unchecked];
        assert!(lists.iter().all(|list| list.len() <= Conduct::TIMES_MAX));
    }
    if verdict.action == Action::Accept {
        assert!(conduct.lock.is_none(), "nobody is locked for what was accepted");
    }
}
