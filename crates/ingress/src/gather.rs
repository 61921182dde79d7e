//! The facts about a transaction, gathered at each stage: who, what the ledger remembers, limits, content, scanners.
//!
//! Promises: [`Gatherer::at_data`] returns within the scanners' deadline; a fact that did not come is a fact too. Judges
//! nothing, but asks no scanner about a message that a rule refuses whatever it contains (a locked sender, a foreign address,
//! an exceeded limit): a flood costs the scanners nothing.
//! Trusts the directory and the ledger. When the directory cannot be read, the site's limits count.

use crate::conduct::Behaviour;
use crate::hygiene;
use crate::lists::Lists;
use crate::scan::{About, Scanners};
use arc_swap::ArcSwap;
use bytes::Bytes;
use jiff::Timestamp;
use mail::Address;
use mail::message::Header;
use risk::model::Models;
use risk::{
    Bands, CampaignFacts, Cause, ContentFacts, Door, Facts, Gathered, IdentityFacts, Level, LimitOverrides,
    Limits, Policy, Role, Sender, SenderKind, Stage, Verdict,
};
use std::sync::Arc;
use store::{Account, Directory, Domain, Network, NetworkTrust, Reservation, Store, StoreError, Tenant};
use trace::Id;

/// Larger messages are examined on a blocking thread, so that they do not hold up other sessions.
const INLINE_OCTETS_MAX: usize = 256 << 10;

/// Who asks, at whichever stage.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// By which way it comes.
    pub door: &'a Door,
    /// Who sends.
    pub sender: &'a Sender,
    /// Whether the addresses belong to the sender, as far as they are known at this stage.
    pub identity: &'a IdentityFacts,
    /// When.
    pub now: Timestamp,
}

/// The message at the final dot.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The story's id.
    pub id: Id,
    /// As the client sent it, dots unstuffed.
    pub octets: &'a Bytes,
    /// None is the null reverse-path.
    pub reverse_path: Option<&'a Address>,
    /// Forward-paths that were accepted.
    pub recipients: &'a [&'a Address],
}

/// What was gathered at the final dot.
#[derive(Debug)]
pub struct Gathering {
    /// All that a verdict may depend on.
    pub facts: Facts,
    /// The message counted.
    pub reservation: Reservation,
    /// What the ledger is told afterwards.
    pub behaviour: Behaviour,
}

/// Gathers facts.
#[derive(Debug)]
pub struct Gatherer {
    /// Directory and ledger.
    pub store: Arc<Store>,
    /// Other scanners.
    pub scanners: Arc<Scanners>,
    /// Blocklists.
    pub lists: Arc<Lists>,
    /// The policy in force; a reload replaces it.
    pub policy: Arc<ArcSwap<Policy>>,
}

impl Gatherer {
    /// At MAIL: identity, standing, and the counts with one more message to one recipient.
    pub fn at_mail(&self, question: &Question<'_>) -> Facts {
        self.before_data(question, Stage::Mail, 0)
    }

    /// At RCPT: the same with `recipients`, the one at hand included.
    pub fn at_rcpt(&self, question: &Question<'_>, recipients: u32) -> Facts {
        self.before_data(question, Stage::Rcpt, recipients)
    }

    fn before_data(&self, question: &Question<'_>, stage: Stage, recipients: u32) -> Facts {
        let policy = self.policy.load();
        let limits = self.limits(question, &policy);
        let mut facts = facts(question, stage, recipients, &limits);
        let ledger = &self.store.ledger;
        facts.standing = Gathered::Known(ledger.standing(question.sender, &policy, question.now));
        let counted = u64::from(recipients.max(1));
        let usage = ledger.usage(question.sender, &limits.by_level(), 1, counted, question.now);
        facts.usage = Gathered::Known(usage);
        let session = self.behaviour(question);
        facts.conduct =
            Gathered::Known(ledger.conduct(question.sender, &session.sending(), session.client()));
        facts
    }

    fn behaviour(&self, question: &Question<'_>) -> Behaviour {
        let (ledger, geo) = (&self.store.ledger, &self.store.geo);
        Behaviour::of_session(ledger, geo, question.door, question.sender, question.now)
    }

    /// At the final dot: everything, and the message counted. The reservation is to be taken back when the message is not
    /// accepted.
    pub async fn at_data(&self, question: &Question<'_>, message: &Message<'_>) -> Gathering {
        let policy = self.policy.load_full();
        let (mut facts, reservation) = self.reserve(question, message, &policy);
        let models = self.store.models.current();
        let ledger = &self.store.ledger;
        let header = Header::parse(message.octets, &hygiene::limits());
        let mut behaviour = self
            .behaviour(question)
            .to(ledger, question.sender, message.recipients)
            .with_header(ledger, &header, question.identity);
        drop(header);
        let conduct = ledger.conduct(question.sender, &behaviour.sending(), behaviour.client());
        let role = conduct.role;
        facts.conduct = Gathered::Known(conduct);
        if is_settled(&risk::judge(&facts, &policy)) {
            facts.content = examine(message.octets, question.sender, role, &models).await;
            facts.campaign = self.campaign(&facts);
            return Gathering {
                facts,
                reservation,
                behaviour,
            };
        }
        let about = about(question, message);
        if self.scanners.is_empty() {
            facts.content = self.content(question, message.octets, role, &models).await;
        } else {
            let content = self.content(question, message.octets, role, &models);
            let (content, scans) = tokio::join!(content, self.scanners.scan(message.octets, &about));
            facts.content = content;
            facts.scans = scans;
            // Scanners take their time: what other sessions of this sender did meanwhile counts, a lock above all.
            let standing = self.store.ledger.standing(question.sender, &policy, question.now);
            facts.standing = Gathered::Known(standing);
        }
        facts.campaign = self.campaign(&facts);
        if let Some(content) = facts.content.known() {
            behaviour.read(content);
        }
        let conduct = ledger.conduct(question.sender, &behaviour.sending(), behaviour.client());
        facts.conduct = Gathered::Known(conduct);
        Gathering {
            facts,
            reservation,
            behaviour,
        }
    }

    /// Alike messages of other senders.
    fn campaign(&self, facts: &Facts) -> Gathered<CampaignFacts> {
        let recall = |content| {
            let campaigns = &self.store.campaigns;
            campaigns.recall(&Bands::of(content), &facts.sender.key(), facts.at)
        };
        facts
            .content
            .known()
            .map_or(Gathered::Off, |content| Gathered::Known(recall(content)))
    }

    /// The message itself, and what site and lists know of its links.
    async fn content(
        &self,
        question: &Question<'_>,
        octets: &Bytes,
        role: Role,
        models: &Arc<Models>,
    ) -> Gathered<ContentFacts> {
        let mut content = examine(octets, question.sender, role, models).await;
        if let Gathered::Known(known) = &mut content
            && let Some(links) = &mut known.links
        {
            let is_own = |domain: &str| matches!(self.store.directory.domain(domain), Ok(Some(_)));
            self.store.hosts.recall(links, is_own, question.now);
            self.lists.ask(links, is_own).await;
        }
        content
    }

    fn reserve(
        &self,
        question: &Question<'_>,
        message: &Message<'_>,
        policy: &Policy,
    ) -> (Facts, Reservation) {
        let limits = self.limits(question, policy);
        let recipients = u32::try_from(message.recipients.len()).unwrap_or(u32::MAX);
        let mut facts = facts(question, Stage::Data, recipients, &limits);
        let ledger = &self.store.ledger;
        facts.standing = Gathered::Known(ledger.standing(question.sender, policy, question.now));
        let keys: Vec<_> = message.recipients.iter().map(|address| address.key()).collect();
        let reservation = ledger.reserve(question.sender, &limits.by_level(), &keys, question.now);
        facts.usage = Gathered::Known(reservation.usage.clone());
        (facts, reservation)
    }

    /// A session whose directory cannot be read is answered 451 before it comes here, so the fallback is a formality.
    fn limits(&self, question: &Question<'_>, policy: &Policy) -> Resolved {
        let site = &policy.limits;
        let tree = Tree::of(&self.store.directory, question.sender, question.door).unwrap_or_default();
        tree.resolve(site, question.sender.kind)
    }
}

/// No content could change it: a rule that stands before the weighing stopped the message.
fn is_settled(verdict: &Verdict) -> bool {
    matches!(
        verdict.cause,
        Cause::Locked | Cause::Identity | Cause::Recipients | Cause::Rate
    )
}

async fn examine(
    octets: &Bytes,
    sender: &Sender,
    role: Role,
    models: &Arc<Models>,
) -> Gathered<ContentFacts> {
    if octets.len() <= INLINE_OCTETS_MAX {
        return Gathered::Known(look(octets, sender, role, models));
    }
    let (octets, sender, models) = (octets.clone(), sender.clone(), Arc::clone(models));
    let examined = tokio::task::spawn_blocking(move || look(&octets, &sender, role, &models)).await;
    examined.map_or_else(|error| Gathered::Failed(error.to_string()), Gathered::Known)
}

fn look(octets: &[u8], sender: &Sender, role: Role, models: &Models) -> ContentFacts {
    let own: &[&str] = if sender.domain.is_empty() {
        &[]
    } else {
        &[sender.domain.as_str()]
    };
    let risk::Examined { mut facts, view } = risk::examine(octets, &mail::message::Limits::default(), own);
    models.read(&view, role, &mut facts);
    facts
}

fn facts(question: &Question<'_>, stage: Stage, recipients: u32, limits: &Resolved) -> Facts {
    let mut facts = Facts::new(
        stage,
        question.now,
        question.door.clone(),
        question.sender.clone(),
    );
    facts.recipients = recipients;
    facts.recipients_max = limits.recipients_per_message();
    facts.identity = Gathered::Known(question.identity.clone());
    facts
}

fn about<'a>(question: &Question<'a>, message: &Message<'a>) -> About<'a> {
    let mailbox = question.sender.kind == SenderKind::Mailbox;
    About {
        client: question.door.client,
        helo: &question.door.helo,
        login: mailbox.then_some(question.sender.name.as_str()),
        reverse_path: message.reverse_path,
        recipients: message.recipients,
        queue_id: message.id,
    }
}

/// What the directory says about a sender and what it belongs to.
#[derive(Default)]
struct Tree {
    tenant: Option<Arc<Tenant>>,
    domain: Option<Arc<Domain>>,
    account: Option<Arc<Account>>,
    network: Option<Arc<Network>>,
}

impl Tree {
    fn of(directory: &Directory, sender: &Sender, door: &Door) -> Result<Self, StoreError> {
        let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        let mut tree = Self::default();
        if let Some(name) = named(&sender.tenant) {
            tree.tenant = directory.tenant(&name)?;
        }
        if let Some(name) = named(&sender.domain) {
            tree.domain = directory.domain(&name)?;
        }
        match (sender.kind, door.client) {
            (SenderKind::Mailbox, _) => tree.account = directory.account(&sender.name)?,
            (SenderKind::Host, Some(client)) => {
                tree.network = directory.network(client, &NetworkTrust::Relay)?
            }
            _ => {}
        }
        Ok(tree)
    }

    /// The limits of each level of the sender's tree. A script and a lone address are limited like a mailbox; a host by what its
    /// network says, for the site's word for each mailbox would stop a server after a few minutes.
    fn resolve(&self, site: &LimitOverrides, kind: SenderKind) -> Resolved {
        let none = LimitOverrides::default();
        let tenant = self.tenant.as_ref().map_or(&none, |tenant| &tenant.limits);
        let domain = self.domain.as_ref().map_or(&none, |domain| &domain.limits);
        let own = self.account.as_ref().map_or(&none, |account| &account.limits);
        let sender = match kind {
            SenderKind::Host => self
                .network
                .as_ref()
                .and_then(|network| network.limits.own.as_ref()),
            _ => Limits::of_mailbox(site, tenant, domain, own),
        };
        Resolved {
            sender: sender.cloned(),
            domain: Limits::of_domain(site, tenant, domain).cloned(),
            tenant: Limits::of_tenant(site, tenant).cloned(),
        }
    }
}

/// Limits by level.
struct Resolved {
    sender: Option<Limits>,
    domain: Option<Limits>,
    tenant: Option<Limits>,
}

impl Resolved {
    fn by_level(&self) -> Vec<(Level, &Limits)> {
        let rows = [
            (Level::Sender, &self.sender),
            (Level::Domain, &self.domain),
            (Level::Tenant, &self.tenant),
        ];
        rows.into_iter()
            .filter_map(|(level, limits)| Some((level, limits.as_ref()?)))
            .collect()
    }

    /// The narrowest level that says something.
    fn recipients_per_message(&self) -> Option<u32> {
        self.by_level()
            .into_iter()
            .find_map(|(_, limits)| limits.recipients_per_message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(recipients: u32) -> LimitOverrides {
        let own = Limits {
            windows: Vec::new(),
            recipients_per_message: Some(recipients),
        };
        LimitOverrides {
            own: Some(own),
            ..LimitOverrides::default()
        }
    }

    fn tenant(recipients: u32) -> Option<Arc<Tenant>> {
        Some(Arc::new(Tenant {
            limits: limits(recipients),
            ..Tenant::default()
        }))
    }

    fn account(recipients: u32) -> Option<Arc<Account>> {
        Some(Arc::new(Account {
            limits: limits(recipients),
            ..Account::default()
        }))
    }

    fn network(limits: LimitOverrides) -> Option<Arc<Network>> {
        Some(Arc::new(Network {
            name: "web1".into(),
            range: "192.0.2.0/24".parse().unwrap(),
            trust: NetworkTrust::Relay,
            tenant: "acme".into(),
            also_sends_as: Vec::new(),
            limits,
        }))
    }

    #[test]
    fn limits_of_each_level() {
        let site = LimitOverrides {
            each_mailbox: limits(1).own,
            ..LimitOverrides::default()
        };
        let check = |tree: Tree, levels: &[Level], recipients: Option<u32>| {
            let kind = if tree.network.is_some() {
                SenderKind::Host
            } else {
                SenderKind::Mailbox
            };
            let resolved = tree.resolve(&site, kind);
            let found: Vec<_> = resolved.by_level().into_iter().map(|(level, _)| level).collect();
            assert_eq!(
                (found.as_slice(), resolved.recipients_per_message()),
                (levels, recipients)
            );
        };
        let both = [Level::Sender, Level::Tenant];
        check(Tree::default(), &[Level::Sender], Some(1));
        check(
            Tree {
                tenant: tenant(20),
                ..Tree::default()
            },
            &both,
            Some(1),
        );
        check(
            Tree {
                tenant: tenant(20),
                account: account(5),
                ..Tree::default()
            },
            &both,
            Some(5),
        );
        check(
            Tree {
                network: network(limits(9)),
                ..Tree::default()
            },
            &[Level::Sender],
            Some(9),
        );
        let unlimited = network(LimitOverrides::default());
        check(
            Tree {
                network: unlimited.clone(),
                ..Tree::default()
            },
            &[],
            None,
        );
        check(
            Tree {
                network: unlimited,
                tenant: tenant(20),
                ..Tree::default()
            },
            &[Level::Tenant],
            Some(20),
        );
    }
}
