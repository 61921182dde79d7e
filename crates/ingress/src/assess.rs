//! Facts to verdict to memory: gather, judge, tell the story, and after the answer let the ledger learn.
//!
//! How it is used: [`Assessor::mail`] and [`Assessor::rcpt`] before MAIL and RCPT are answered, [`Assessor::data`] at the final
//! dot, then carry the verdict out (store the message, or refuse), then [`Assessor::settle`] once, whatever came of it.
//! At MAIL and RCPT a verdict is told in the story only when something is stopped.

use crate::conduct::Behaviour;
use crate::gather::{Gatherer, Gathering, Message, Question};
use jiff::Timestamp;
use risk::{Action, Bands, Class, Facts, Gathered, Lock, Scan, ScanResult, Sender, Stage, Standing, Verdict};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use store::{Reservation, StoreError};
use trace::{Story, SymbolLine, What};

/// Assesses transactions.
#[derive(Debug)]
pub struct Assessor {
    gatherer: Gatherer,
}

/// What came of it.
#[derive(Debug)]
pub struct Assessed {
    /// What is known.
    pub facts: Facts,
    /// What was decided.
    pub verdict: Verdict,
    /// The message counted, at the final dot.
    pub reservation: Option<Reservation>,
    /// What the ledger is told afterwards, at the final dot.
    pub behaviour: Option<Behaviour>,
}

impl Assessor {
    /// Over a gatherer.
    pub fn new(gatherer: Gatherer) -> Self {
        Self { gatherer }
    }

    /// At MAIL.
    pub fn mail(&self, story: &mut Story, question: &Question<'_>) -> Assessed {
        let facts = self.gatherer.at_mail(question);
        self.judge(story, facts, None)
    }

    /// At RCPT; `recipients` counts those accepted so far and the one at hand.
    pub fn rcpt(&self, story: &mut Story, question: &Question<'_>, recipients: u32) -> Assessed {
        let facts = self.gatherer.at_rcpt(question, recipients);
        self.judge(story, facts, None)
    }

    /// At the final dot. Returns within the scanners' deadline.
    pub async fn data(&self, story: &mut Story, question: &Question<'_>, message: &Message<'_>) -> Assessed {
        let Gathering {
            facts,
            reservation,
            behaviour,
        } = self.gatherer.at_data(question, message).await;
        for scan in &facts.scans {
            let (gatherer, outcome, took_us) = (scan.scanner.clone(), outcome(scan), scan.took_us);
            story.tell(
                question.now,
                What::Gathered {
                    gatherer,
                    outcome,
                    took_us,
                },
            );
        }
        self.judge(story, facts, Some((reservation, behaviour)))
    }

    fn judge(&self, story: &mut Story, facts: Facts, counted: Option<(Reservation, Behaviour)>) -> Assessed {
        let verdict = risk::judge(&facts, &self.gatherer.policy.load());
        if facts.stage == Stage::Data || verdict.action != Action::Accept {
            story.tell(facts.at, judged(&facts, &verdict));
        }
        let (reservation, behaviour) = counted.unzip();
        Assessed {
            facts,
            verdict,
            reservation,
            behaviour,
        }
    }

    /// After the final dot was answered. `carried_out` is false when the verdict could not be carried out (the store refused
    /// the message): then nothing is learned from it. A message that was not taken is taken out of the counts. When the ledger
    /// locked the sender for it, the lock is durable, told in the story, and returned.
    pub async fn settle(
        &self,
        story: &mut Story,
        sender: &Sender,
        assessed: Assessed,
        carried_out: bool,
        now: Timestamp,
    ) -> Result<Option<Lock>, StoreError> {
        let ledger = &self.gatherer.store.ledger;
        let Assessed {
            facts,
            verdict,
            reservation,
            behaviour,
        } = assessed;
        let taken = carried_out && matches!(verdict.action, Action::Accept | Action::Hold);
        if let Some(reservation) = reservation.filter(|_| !taken) {
            ledger.refund(reservation);
        }
        if !carried_out {
            return Ok(None);
        }
        if let Some(content) = facts.content.known() {
            let (bands, campaigns) = (Bands::of(content), &self.gatherer.store.campaigns);
            campaigns.remember(&bands, &sender.key(), story.id(), &verdict, now);
        }
        if taken {
            self.count_text(&facts);
        }
        if let (Some(behaviour), Some(known), Some(trial)) =
            (&behaviour, facts.conduct.known(), &verdict.trial)
        {
            let accepted = verdict.action == Action::Accept;
            ledger.behaved(
                sender,
                &behaviour.sending(),
                behaviour.client(),
                known,
                trial,
                accepted,
            );
        }
        if taken && verdict.action == Action::Accept && verdict.class == Class::Clean {
            let content = facts.content.known();
            if let Some(links) = content.and_then(|content| content.links.as_ref()) {
                self.gatherer.store.hosts.teach(links, &sender.key(), now);
            }
        }
        let policy = self.gatherer.policy.load_full();
        let reference = story.id().to_string();
        let lock = ledger.judged(sender, &verdict, &reference, &policy, now).await?;
        if let Some(lock) = &lock {
            let what = What::Locked {
                sender: sender.key(),
                by: lock.by.clone(),
                reason: lock.reason.clone(),
                until: lock.until,
            };
            story.tell(now, what);
        }
        Ok(lock)
    }
}

impl Assessor {
    /// What is let out is the measure of what is usual.
    fn count_text(&self, facts: &Facts) {
        let text = facts.content.known().and_then(|content| content.text.as_ref());
        if let Some(reading) = text.and_then(|text| text.reading.as_ref()) {
            self.gatherer.store.models.accepted(reading.role, reading.odds);
        }
    }
}

/// A scanner's answer in a few words.
fn outcome(scan: &Scan) -> String {
    match &scan.result {
        Gathered::Known(ScanResult::Clean) => "clean".to_owned(),
        Gathered::Known(ScanResult::Infected(name)) => format!("infected: {name}"),
        Gathered::Known(ScanResult::Scored { score, required, .. }) => {
            format!("scored {score:.1} of {required:.1}")
        }
        Gathered::Off => "not asked".to_owned(),
        Gathered::Late => "late".to_owned(),
        Gathered::Failed(why) => format!("failed: {why}"),
    }
}

fn judged(facts: &Facts, verdict: &Verdict) -> What {
    let symbols = verdict.symbols.iter().map(|symbol| SymbolLine {
        name: symbol.name.clone().into_owned(),
        weight_db: symbol.weight.value(),
        of_conduct: symbol.group == risk::Group::Conduct,
        detail: symbol.detail.clone(),
    });
    let standing = facts
        .standing
        .known()
        .map_or(Standing::New, |known| known.standing);
    What::Judged {
        stage: stage(facts.stage).to_owned(),
        class: verdict.class.as_str().to_owned(),
        action: verdict.action.as_str().to_owned(),
        cause: verdict.cause.code().to_owned(),
        reason: verdict.reason.sentence(risk::Language::English),
        score_db: verdict.score.value(),
        standing: standing.as_str().to_owned(),
        symbols: symbols.collect(),
        facts: raw(facts),
        verdict: raw(verdict),
    }
}

fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Mail => "mail",
        Stage::Rcpt => "rcpt",
        Stage::Data => "data",
    }
}

fn raw(value: &impl Serialize) -> Option<Box<RawValue>> {
    to_raw_value(value).ok()
}
