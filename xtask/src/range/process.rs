//! The judgement in this process: gather, judge, fold, without a socket.

use super::gateway::{Answer, Gateway};
use super::replay::Event;
use super::texts::Text;
use anyhow::Result;
use jiff::Timestamp;
use risk::model::{Ranks, shipped_ranks};
use risk::{
    Action, CampaignFacts, Channel, Conduct, ConductFacts, ContentFacts, Door, DoorKind, Facts, Gathered,
    IdentityFacts, IdentityMode, Ledger, Match, Norms, Novelty, Outcome, Policy, Reading, Recipient,
    Returned, Role, Sender, SenderKind, Sending, Shared, Stage, Verdict, Whence,
};
use std::collections::HashMap;
use std::time::Instant;
use xxhash_rust::xxh3::xxh3_64;

/// What is remembered of a sender.
#[derive(Default)]
struct Known {
    conduct: Conduct,
    ledger: Ledger,
}

/// A small gateway.
pub struct InProcess {
    policy: Policy,
    senders: HashMap<String, Known>,
    norms: Norms,
    shared: Shared,
    ranks: [Ranks; Role::COUNT],
    campaigns: Campaigns,
    started: i64,
    without: Vec<Channel>,
    trace: Option<String>,
    cost: (u64, u64),
}

impl InProcess {
    /// Knows nothing; channels in `without` are left out.
    pub fn new(without: &[String], trace: Option<String>) -> Self {
        let policy = Policy {
            identity: IdentityMode::Log,
            limits: risk::LimitOverrides::default(),
            blocked_attachments: Vec::new(),
            blocked_in_archives: Vec::new(),
            refuse_archive_bombs: false,
            ..Policy::default()
        };
        Self {
            policy,
            senders: HashMap::new(),
            norms: Norms::default(),
            shared: Shared::new(100_000),
            ranks: Default::default(),
            campaigns: Campaigns::default(),
            started: 0,
            without: Channel::ALL
                .into_iter()
                .filter(|channel| without.iter().any(|word| word == channel.as_str()))
                .collect(),
            trace,
            cost: (0, 0),
        }
    }

    /// Memory and cost.
    pub fn summary(&self) -> String {
        let mut octets: Vec<usize> = self
            .senders
            .values()
            .map(|known| known.ledger.memory_octets())
            .collect();
        octets.sort_unstable();
        let at = |share: usize| octets.get(octets.len() * share / 100).copied().unwrap_or(0);
        format!(
            "{} ledgers of {} / {} / {} octets (median, p95, max); {:.1} us a message to look and fold",
            octets.len(),
            at(50),
            at(95),
            octets.last().copied().unwrap_or(0),
            self.cost.0 as f64 / 1e3 / self.cost.1.max(1) as f64
        )
    }

    fn content(&self, text: &Text, role: Role) -> ContentFacts {
        let mut facts = text.facts.clone();
        if let (Some(odds), Some(ranks)) = (text.odds, self.ranks.get(role as usize)) {
            let reading = Reading {
                shipped: odds,
                local: None,
                odds,
                role,
                rank: ranks.rank(odds, shipped_ranks()),
                measured_on: ranks.total(),
                phrases: Vec::new(),
            };
            facts.text.get_or_insert_default().reading = Some(reading);
        }
        facts
    }

    fn settle(&mut self, event: &Event, facts: &Facts, verdict: &Verdict, sending: &Sending<'_>) -> Answer {
        let now = sending.at;
        let key = facts.sender.key();
        let known = self.senders.entry(key).or_default();
        let outcome = Outcome::Judged {
            verdict,
            reference: &event.id,
        };
        risk::fold(&mut known.conduct, &outcome, &self.policy, now);
        let accepted = verdict.action == Action::Accept;
        if let (Some(trial), Some(conduct)) = (&verdict.trial, facts.conduct.known()) {
            let began = Instant::now();
            known.ledger.fold(sending, conduct, trial, accepted);
            self.cost.0 += began.elapsed().as_nanos() as u64;
            let newcomer = !matches!(conduct.place.novelty, Novelty::Trusted | Novelty::Recent);
            if facts.sender.kind == SenderKind::Mailbox {
                self.shared.note(
                    address(event),
                    hash32(&event.account),
                    newcomer,
                    false,
                    event.t as u32,
                );
            }
            self.campaigns
                .note(facts, verdict, hash32(&facts.sender.key()), event.t);
            if accepted {
                self.norms.learn(conduct.role, &trial.raw);
                let reading = facts
                    .content
                    .known()
                    .and_then(|content| content.text.as_ref()?.reading.as_ref());
                if let (Some(reading), Some(ranks)) = (reading, self.ranks.get_mut(conduct.role as usize)) {
                    ranks.count(reading.odds);
                }
            }
        }
        match verdict.action {
            Action::Accept => Answer::Accepted,
            Action::Hold => Answer::Held,
            Action::Defer => Answer::Deferred,
            Action::Refuse => Answer::Refused,
        }
    }

    fn leave_out(&self, known: &mut ConductFacts) {
        // A heavy norm takes off whatever a channel says.
        for channel in &self.without {
            known.norms.set(*channel, 1e6);
        }
    }

    fn tell(&self, event: &Event, facts: &Facts, verdict: &Verdict) {
        let wanted = self
            .trace
            .as_ref()
            .is_some_and(|part| facts.sender.key().contains(part.as_str()));
        let stopped =
            self.trace.as_deref() == Some("HONEST") && !event.is_spam() && verdict.action != Action::Accept;
        let out = self.trace.as_deref() == Some("OUT") && event.is_spam() && verdict.action == Action::Accept;
        if wanted || stopped || out {
            let trial = verdict.trial.clone().unwrap_or_default();
            let raw: Vec<_> = Channel::ALL
                .iter()
                .map(|c| format!("{:.0}/{:.0}", trial.raw.of(*c), trial.sums.of(*c)))
                .collect();
            let known = facts.conduct.known().cloned().unwrap_or_default();
            println!(
                "{} {} {} {}{} {:?} {} score {:.0} S {:.0} [{}] {:?} {} n={} {:?} new {}/{} rank {:.4}",
                event.id,
                event.t,
                facts.sender.key(),
                event.truth.label,
                event
                    .truth
                    .attack_kind
                    .as_ref()
                    .or(event.truth.benign_kind.as_ref())
                    .map_or(String::new(), |k| format!(":{k}")),
                verdict.action,
                verdict.cause.code(),
                verdict.score.value(),
                trial.total.value(),
                raw.join(" "),
                known.place.novelty,
                known.place.country,
                known.messages,
                known.role,
                known.recipients.new,
                known.recipients.count,
                facts
                    .content
                    .known()
                    .and_then(|c| c.text.as_ref()?.reading.as_ref().map(|r| r.rank))
                    .unwrap_or(-1.0),
            );
        }
    }
}

impl Gateway for InProcess {
    fn submit(&mut self, event: &Event, text: &Text) -> Result<Answer> {
        if self.started == 0 {
            self.started = event.t;
        }
        let now = Timestamp::from_second(event.t)?;
        let sender = sender(event);
        let recipients: Vec<Recipient> = event
            .rcpt_to
            .iter()
            .map(|to| Recipient {
                hash: xxh3_64(to.as_bytes()),
                own: to
                    .rsplit_once('@')
                    .is_some_and(|(_, domain)| domain == sender.domain),
            })
            .collect();
        let identity = identity(event, &sender);
        let sending = Sending {
            at: now,
            kind: sender.kind,
            whence: Some(whence(event, &sender)),
            recipients: &recipients,
            text: sketch(&text.facts),
            is_bulk: event.msg.list_unsubscribe.is_some() || event.msg.keep_list.is_some(),
            is_foreign: matches!(identity.header_from, Match::Foreign(_)),
        };
        let known = self.senders.entry(sender.key()).or_default();
        let began = Instant::now();
        let mut conduct = known.ledger.look(&sending);
        self.cost.0 += began.elapsed().as_nanos() as u64;
        self.cost.1 += 1;
        let standing = known.conduct.facts_at(now, &self.policy);
        conduct.site_days = ((event.t - self.started) / 86_400) as u32;
        conduct.norms = self.norms.of(conduct.role);
        if sender.kind == SenderKind::Mailbox {
            conduct.shared = self
                .shared
                .look(address(event), hash32(&event.account), event.t as u32);
        }
        let campaign = self.campaigns.look(&text.facts, hash32(&sender.key()), event.t);
        self.leave_out(&mut conduct);
        let door = Door {
            listener: "range".to_owned(),
            kind: DoorKind::Submission,
            client: Some(event.client_ip),
            helo: event.helo.clone(),
            tls: true,
        };
        let role = conduct.role;
        let mut facts = Facts::new(Stage::Data, now, door, sender);
        facts.recipients = u32::try_from(recipients.len())?;
        facts.identity = Gathered::Known(identity);
        facts.standing = Gathered::Known(standing);
        facts.conduct = Gathered::Known(conduct);
        facts.campaign = campaign.map_or(Gathered::Off, Gathered::Known);
        facts.content = Gathered::Known(self.content(text, role));
        let verdict = risk::judge(&facts, &self.policy);
        self.tell(event, &facts, &verdict);
        Ok(self.settle(event, &facts, &verdict, &sending))
    }

    fn login_failed(&mut self, event: &Event) -> Result<()> {
        let sender = sender(event);
        let whence = whence(event, &sender);
        let now = Timestamp::from_second(event.t)?;
        self.shared.note(
            address(event),
            hash32(&event.account),
            false,
            true,
            event.t as u32,
        );
        if let Some(known) = self.senders.get_mut(&sender.key()) {
            known.ledger.login_failed(&whence, now);
        }
        Ok(())
    }

    fn returned(&mut self, event: &Event, returned: Returned, t: i64) -> Result<()> {
        let sender = sender(event);
        if let Some(known) = self.senders.get_mut(&sender.key()) {
            let message = xxh3_64(event.id.as_bytes()) as u16;
            known
                .ledger
                .feedback(returned, message, sender.kind, Timestamp::from_second(t)?);
        }
        Ok(())
    }
}

fn sender(event: &Event) -> Sender {
    let domain = event
        .account
        .rsplit_once('@')
        .map_or("", |(_, domain)| domain)
        .to_owned();
    let (kind, name) = match event.submission.as_str() {
        "smtp-auth" => (SenderKind::Mailbox, event.account.clone()),
        "local-sendmail" => (
            SenderKind::Script,
            event.site.clone().unwrap_or_else(|| event.account.clone()),
        ),
        _ => (SenderKind::Host, event.tenant.clone()),
    };
    Sender {
        kind,
        name,
        domain: if kind == SenderKind::Mailbox {
            domain
        } else {
            String::new()
        },
        tenant: event.tenant.clone(),
    }
}

fn identity(event: &Event, sender: &Sender) -> IdentityFacts {
    let own = |address: &str| {
        if sender.kind != SenderKind::Mailbox || address == event.account {
            Match::Owned
        } else {
            Match::Foreign(address.to_owned())
        }
    };
    IdentityFacts {
        reverse_path: Match::Owned,
        header_from: own(&event.header_from),
        header_sender: Match::Absent,
    }
}

fn sketch(facts: &ContentFacts) -> risk::Sketch {
    let bands = facts.text.as_ref().map_or(&[][..], |text| &text.bands);
    std::array::from_fn(|place| bands.get(place).map_or(0, |band| *band as u16))
}

/// A network for who logs in, the script of a web site, the author behind a relay.
fn whence(event: &Event, sender: &Sender) -> Whence {
    match sender.kind {
        SenderKind::Script => Whence {
            place: hash32(event.msg.php_script.as_deref().unwrap_or("")),
            ..Whence::default()
        },
        SenderKind::Host => Whence {
            place: hash32(&event.header_from),
            ..Whence::default()
        },
        SenderKind::Mailbox | SenderKind::Ip => {
            let network = match event.client_ip {
                std::net::IpAddr::V4(ip) => u64::from(u32::from(ip) >> 8),
                std::net::IpAddr::V6(ip) => (u128::from(ip) >> 80) as u64,
            };
            let letters = event.client_country.as_bytes();
            Whence {
                place: xxh3_64(&network.to_le_bytes()) as u32,
                provider: (xxh3_64(&event.client_asn.to_le_bytes()) as u16).max(1),
                country: [
                    letters.first().copied().unwrap_or(0),
                    letters.get(1).copied().unwrap_or(0),
                ],
                client: (hash32(&format!("{} {}", greeting(&event.helo), event.auth)) as u16).max(1),
            }
        }
    }
}

/// The form of an EHLO name.
fn greeting(name: &str) -> &'static str {
    if name.starts_with('[') {
        "literal"
    } else if name.starts_with("localhost") {
        "localhost"
    } else if name.contains('.') {
        "dotted"
    } else {
        "bare"
    }
}

fn address(event: &Event) -> u64 {
    xxh3_64(event.client_ip.to_string().as_bytes())
}

fn hash32(text: &str) -> u32 {
    xxh3_64(text.as_bytes()) as u32
}

/// A stand-in for the index of near duplicates that the gateway keeps.
#[derive(Default)]
struct Campaigns {
    bands: HashMap<(usize, u32), Vec<Member>>,
}

/// Sender, time, score, and was it stopped.
type Member = (u32, i64, f32, bool);

const CAMPAIGN_S: i64 = 3 * 86_400;

impl Campaigns {
    fn look(&self, content: &ContentFacts, sender: u32, t: i64) -> Option<CampaignFacts> {
        let bands = &content.text.as_ref()?.bands;
        let mut shared: HashMap<(u32, i64), (u32, f32, bool)> = HashMap::new();
        for (place, band) in bands.iter().enumerate() {
            for (other, at, score, stopped) in self.bands.get(&(place, *band)).into_iter().flatten() {
                if *other != sender && t - at <= CAMPAIGN_S {
                    let entry = shared.entry((*other, *at)).or_insert((0, *score, *stopped));
                    entry.0 += 1;
                }
            }
        }
        let near: Vec<_> = shared.iter().filter(|(_, (count, ..))| *count >= 2).collect();
        let of = |stopped: bool| {
            let some = near.iter().filter(|(_, (_, _, was))| !stopped || *was);
            some.map(|((sender, _), _)| *sender)
                .collect::<std::collections::HashSet<u32>>()
                .len() as u32
        };
        Some(CampaignFacts {
            senders: of(false),
            messages: near.len() as u32,
            first_seen: None,
            refused: of(true),
            score_max_db: near
                .iter()
                .map(|(_, (_, score, _))| *score)
                .fold(-200.0, f32::max),
        })
    }

    fn note(&mut self, facts: &Facts, verdict: &Verdict, sender: u32, t: i64) {
        let Some(text) = facts.content.known().and_then(|content| content.text.as_ref()) else {
            return;
        };
        let member = (sender, t, verdict.score.value(), verdict.action == Action::Refuse);
        for (place, band) in text.bands.iter().enumerate() {
            let entries = self.bands.entry((place, *band)).or_default();
            if entries.len() >= 8 {
                entries.remove(0);
            }
            entries.push(member);
        }
    }
}
