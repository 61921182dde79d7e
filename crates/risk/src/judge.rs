//! The judgement.
//!
//! In prose: first the rules that need no weighing, in this order, because each makes the next pointless: a locked sender is
//! refused; a foreign sender address is refused where the policy says so; too many recipients or an exceeded limit defers.
//! Then the message is weighed: prior plus weights give the class. A virus is malware whatever else is known. A blocked file
//! type is refused. If a scanner that is switched on did not answer, the failure policy decides. Otherwise class and standing
//! give the act, and what is accepted so far is laid beside the sender's own conduct (the sequential test of [`crate::Trial`]), which
//! may hold or refuse what is odd. While that test only watches, as in a site's first days, a risky message that may pass uses the
//! sender's allowance, and when that is used up it is refused.

use crate::policy::{Act, FailurePolicy, IdentityMode, Policy};
use crate::reason::heaviest;
use crate::{
    Action, Cause, Class, Decibans, Facts, Gathered, Level, Match, Reason, ScanResult, SenderKind, Stage,
    Standing, StandingFacts, Stop, Symbol, Verdict, conduct, symbols,
};

/// Judges a transaction at its stage. Total: any facts give a verdict.
pub fn judge(facts: &Facts, policy: &Policy) -> Verdict {
    let symbols = symbols::of(facts, policy);
    let score = Decibans::new(policy.prior_db) + symbols.iter().map(|symbol| symbol.weight).sum();
    let class = class_of(facts, score, policy);
    let mut verdict = Verdict {
        class,
        action: Action::Accept,
        cause: Cause::None,
        reason: Reason::None,
        score,
        symbols,
        pool: pool_of(facts, class).to_owned(),
        on_allowance: false,
        unchecked: false,
        trial: None,
    };
    if let (Stage::Data, Some(known)) = (facts.stage, facts.conduct.known()) {
        let trial = conduct::weigh(facts, known, &verdict.symbols, policy);
        symbols::conduct(facts, known, &trial, &mut verdict.symbols);
        verdict.trial = Some(trial);
    }
    let decision = by_rule(facts, policy).or_else(|| match facts.stage {
        Stage::Data => by_weight(facts, policy, &mut verdict),
        Stage::Mail | Stage::Rcpt => None,
    });
    if let Some((action, reason)) = decision {
        verdict.action = action;
        verdict.cause = reason.cause();
        verdict.reason = reason;
    }
    verdict
}

type Decision = (Action, Reason);

fn class_of(facts: &Facts, score: Decibans, policy: &Policy) -> Class {
    let infected = |scan: &crate::Scan| matches!(scan.result, Gathered::Known(ScanResult::Infected(_)));
    if facts.content.known().is_some_and(|content| content.eicar) || facts.scans.iter().any(infected) {
        Class::Malware
    } else if score.value() >= policy.spam_db {
        Class::Spam
    } else if score.value() >= policy.suspect_db {
        Class::Suspect
    } else {
        Class::Clean
    }
}

fn standing_of(facts: &Facts) -> StandingFacts {
    let mut standing = facts.standing.known().cloned().unwrap_or_default();
    if standing.standing == Standing::Locked && is_spared(facts, &standing) {
        standing.standing = Standing::Watched;
    }
    standing
}

fn pool_of(facts: &Facts, class: Class) -> &'static str {
    let automatic = facts
        .identity
        .known()
        .is_some_and(|identity| identity.reverse_path == Match::Absent);
    match (class, standing_of(facts).standing) {
        (Class::Suspect | Class::Spam | Class::Malware, _) | (_, Standing::Limited) => "risk",
        _ if automatic => "bounce",
        (_, Standing::New) => "new",
        _ => "clean",
    }
}

fn by_rule(facts: &Facts, policy: &Policy) -> Option<Decision> {
    let standing = standing_of(facts);
    if standing.standing == Standing::Locked {
        let (reference, until) = standing
            .lock
            .map(|lock| (lock.reference, lock.until))
            .unwrap_or_default();
        return Some((Action::Refuse, Reason::Locked { reference, until }));
    }
    identity(facts, policy)
        .or_else(|| recipients(facts))
        .or_else(|| rate(facts))
}

/// A lock for what came from elsewhere leaves the owner at home alone: what he sends is judged as ever.
fn is_spared(facts: &Facts, standing: &StandingFacts) -> bool {
    let at_home =
        |known: &crate::ConductFacts| known.messages > 0 && !known.place.strange && !known.place.stopped;
    standing.lock.as_ref().is_some_and(|lock| lock.elsewhere) && facts.conduct.known().is_some_and(at_home)
}

fn identity(facts: &Facts, policy: &Policy) -> Option<Decision> {
    if policy.identity_on(&facts.door.listener) == IdentityMode::Log {
        return None;
    }
    let known = facts.identity.known()?;
    let rows = [
        ("MAIL FROM", &known.reverse_path),
        ("From", &known.header_from),
        ("Sender", &known.header_sender),
    ];
    rows.into_iter().find_map(|(field, found)| match found {
        Match::Foreign(address) => Some((
            Action::Refuse,
            Reason::NotOwned {
                field: field.to_owned(),
                address: address.clone(),
            },
        )),
        Match::Unclear => Some((
            Action::Refuse,
            Reason::Unclear {
                field: field.to_owned(),
            },
        )),
        Match::Owned | Match::Absent => None,
    })
}

/// At RCPT the further recipient is deferred (RFC 5321 §4.5.3.1.10: 452), the message may go to the others.
fn recipients(facts: &Facts) -> Option<Decision> {
    let max = facts.recipients_max?;
    (facts.recipients > max).then_some((Action::Defer, Reason::Recipients { max }))
}

fn rate(facts: &Facts) -> Option<Decision> {
    facts.usage.known()?.iter().find_map(|usage| {
        let (counted, count, max) = symbols::exceeded(usage)?;
        let (level, window_s, free_at) = (usage.level, usage.window_s, usage.free_at);
        Some((
            Action::Defer,
            Reason::Rate {
                level,
                counted,
                count,
                max,
                window_s,
                free_at,
            },
        ))
    })
}

fn by_weight(facts: &Facts, policy: &Policy, verdict: &mut Verdict) -> Option<Decision> {
    if verdict.class == Class::Malware {
        return Some((Action::Refuse, malware(facts)));
    }
    if let Some(decision) = blocked_attachment(facts, policy) {
        verdict.class = verdict.class.max(Class::Suspect);
        return Some(decision);
    }
    let standing = standing_of(facts);
    let act = policy.act(verdict.class, standing.standing);
    if act != Act::Refuse
        && let Some(decision) = unchecked(facts, policy, &standing, verdict)
    {
        return Some(decision);
    }
    match act {
        Act::Accept => by_conduct(facts, verdict),
        // What the sender may risk is what the sequential test leaves it; a plain number while that only watches.
        Act::Allow if is_tested(facts, policy) => {
            let decision = by_conduct(facts, verdict);
            verdict.on_allowance = decision.is_none();
            decision
        }
        Act::Allow => {
            let max = policy.allowance_of(standing.standing, messages_today(facts));
            verdict.on_allowance = standing.risky_today < max;
            (!verdict.on_allowance).then_some((Action::Refuse, Reason::Allowance { max }))
        }
        Act::Hold => Some((Action::Hold, content(&verdict.symbols))),
        Act::Defer => Some((Action::Defer, content(&verdict.symbols))),
        Act::Refuse => Some((Action::Refuse, content(&verdict.symbols))),
    }
}

/// The sequential test may stop the message.
fn is_tested(facts: &Facts, policy: &Policy) -> bool {
    let known = facts.conduct.known();
    known.is_some_and(|known| !conduct::only_watches(known, policy))
}

/// What the sequential test says. A person's mail is held, for its program would not try again; a server and a script are deferred.
fn by_conduct(facts: &Facts, verdict: &mut Verdict) -> Option<Decision> {
    let trial = verdict.trial.as_ref()?;
    let action = match (trial.stop, facts.sender.kind) {
        (Stop::None, _) => return None,
        (Stop::Slow, _) => {
            verdict.pool = "risk".to_owned();
            return None;
        }
        (Stop::Hold, SenderKind::Mailbox) => Action::Hold,
        (Stop::Hold, SenderKind::Script | SenderKind::Host | SenderKind::Ip) => Action::Defer,
        (Stop::Refuse, _) => Action::Refuse,
    };
    let sights = facts
        .conduct
        .known()
        .map(|known| conduct::told_sights(facts, known, trial));
    Some((
        action,
        Reason::Conduct {
            sights: sights.unwrap_or_default(),
        },
    ))
}

/// Messages of the sender in the longest window of at most a day that a limit counts.
fn messages_today(facts: &Facts) -> u64 {
    let counted = facts.usage.known().into_iter().flatten();
    counted
        .filter(|usage| usage.level == Level::Sender && usage.window_s <= 86_400)
        .map(|usage| usage.messages)
        .max()
        .unwrap_or_default()
}

fn malware(facts: &Facts) -> Reason {
    let found = facts.scans.iter().find_map(|scan| match &scan.result {
        Gathered::Known(ScanResult::Infected(name)) => Some((name.clone(), scan.scanner.clone())),
        _ => None,
    });
    let (name, scanner) = found.unwrap_or_else(|| ("EICAR test string".to_owned(), "dogana".to_owned()));
    Reason::Malware { name, scanner }
}

/// A file of a blocked kind; then one inside of another file; then an archive that cannot be looked into.
fn blocked_attachment(facts: &Facts, policy: &Policy) -> Option<Decision> {
    let files = &facts.content.known()?.attachments;
    let name = |file: &crate::AttachmentFact| symbols::shown_name(&file.name).to_owned();
    let by_itself = files
        .iter()
        .find(|file| symbols::is_blocked(file, policy))
        .map(|file| Reason::Attachment {
            name: name(file),
            kind: file.file.mime.clone(),
            inside: String::new(),
        });
    let inside = || {
        let found = files
            .iter()
            .find_map(|file| Some((file, symbols::blocked_inside(file, policy)?)));
        found.map(|(file, member)| Reason::Attachment {
            name: name(file),
            kind: member.file.mime.clone(),
            inside: symbols::shown_name(&member.name).to_owned(),
        })
    };
    let bomb = || {
        let bomb = files
            .iter()
            .find(|file| policy.refuse_archive_bombs && symbols::is_bomb(file));
        bomb.map(|file| Reason::ArchiveBomb { name: name(file) })
    };
    let reason = by_itself.or_else(inside).or_else(bomb)?;
    Some((Action::Refuse, reason))
}

/// When a scanner did not answer: passes (and says so in the verdict), or defers.
fn unchecked(
    facts: &Facts,
    policy: &Policy,
    standing: &StandingFacts,
    verdict: &mut Verdict,
) -> Option<Decision> {
    let missing = |result: &Gathered<ScanResult>| matches!(result, Gathered::Late | Gathered::Failed(_));
    let late = facts
        .scans
        .iter()
        .filter(|scan| missing(&scan.result))
        .map(|scan| scan.scanner.clone());
    let mut scanners: Vec<_> = late.collect();
    // A message that could not be looked into is as unchecked as one that a scanner did not see.
    if matches!(facts.content, Gathered::Late | Gathered::Failed(_)) {
        scanners.push("dogana".to_owned());
    }
    if scanners.is_empty() {
        return None;
    }
    let trusted = standing.standing == Standing::Good && standing.unchecked_today < policy.unchecked_per_day;
    verdict.unchecked = match policy.failure_on(&facts.door.listener) {
        FailurePolicy::Open => true,
        FailurePolicy::Shut => false,
        FailurePolicy::GoodPass => trusted,
    };
    (!verdict.unchecked).then_some((Action::Defer, Reason::Unchecked { scanners }))
}

fn content(symbols: &[Symbol]) -> Reason {
    Reason::Content {
        observations: heaviest(symbols),
    }
}
