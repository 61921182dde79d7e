//! Blocklists by DNS: are domains and addresses of a message's links listed?
//!
//! Promises: [`Lists::ask`] returns by the deadline; what comes later is kept and serves the next message. No list is switched on
//! by itself. A list is believed only after it passed its test (RFC 5782 §5: one name is listed, one is not), and again every
//! hour; one that fails, or says that it does not answer us, is off until it passes. Names of the site itself and of the
//! well-known houses are never asked about, the same name not twice, and at most `names_max` of a message.
//! Trusts no answer that the list does not document. Keys of lists are in no output.
//! Limits: [`LOOKUPS_MAX`] questions under way, [`ENTRIES_MAX`] answers kept, `names_max` names a message.
//! Standards: RFC 5782.

mod answer;
mod cache;
mod settings;

pub use answer::{Answers, Span};
pub use settings::{ListSettings, ListsSettings};

use crate::scan::Breaker;
use answer::{Reading, Trouble};
use cache::{Cache, Kept, Slot};
use net::{DnsError, Resolver};
use risk::{LinkFact, LinkFacts, LinkFlag, ListHit, ListKind};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout_at};

/// Questions under way at one time, over all lists.
const LOOKUPS_MAX: usize = 256;
/// Answers kept.
const ENTRIES_MAX: usize = 65_536;
/// How long a passed test counts.
const TESTED_FOR: Duration = Duration::from_secs(3_600);
/// When a list that failed is tested again.
const RETRY_AFTER: Duration = Duration::from_secs(300);
/// How long a list that does not answer at all is left alone.
const SILENT_FOR: Duration = Duration::from_secs(30);
/// Notes of one message about lists that could not tell.
const UNCERTAIN_MAX: usize = 16;

/// The lists that are switched on.
#[derive(Debug)]
pub struct Lists {
    inner: Arc<Inner>,
    deadline: Duration,
    names_max: usize,
}

#[derive(Debug)]
struct Inner {
    lists: Vec<List>,
    resolver: Resolver,
    cache: Cache,
    slots: Arc<Semaphore>,
}

#[derive(Debug)]
struct List {
    settings: ListSettings,
    breaker: Breaker,
    belief: Mutex<Belief>,
}

/// Is the list believed.
#[derive(Debug, Default)]
struct Belief {
    /// When the last test ended.
    tested: Option<Instant>,
    /// Why it is off; None once the test was passed.
    off: Option<String>,
    /// A test that is under way.
    testing: Option<watch::Receiver<bool>>,
    /// The last thing it could not tell, and when.
    doubt: Option<(Instant, String)>,
}

impl Lists {
    /// Asks nobody yet.
    pub fn new(settings: ListsSettings, resolver: Resolver) -> Self {
        let lists = settings
            .lists
            .into_iter()
            .take(ListsSettings::LISTS_MAX)
            .map(|settings| List {
                settings,
                breaker: Breaker::new(SILENT_FOR),
                belief: Mutex::default(),
            });
        Self {
            inner: Arc::new(Inner {
                lists: lists.collect(),
                resolver,
                cache: Cache::new(ENTRIES_MAX),
                slots: Arc::new(Semaphore::new(LOOKUPS_MAX)),
            }),
            deadline: settings.deadline,
            names_max: settings.names_max,
        }
    }

    /// No lists.
    pub fn none() -> Self {
        Self::new(
            ListsSettings::default(),
            Resolver::table(net::DnsTable::default()),
        )
    }

    /// None is switched on.
    pub fn is_empty(&self) -> bool {
        self.inner.lists.is_empty()
    }

    /// Lists that are off or in doubt now, and why: what the panel warns of.
    pub fn down(&self) -> Vec<(String, String)> {
        let now = Instant::now();
        self.inner
            .lists
            .iter()
            .filter_map(|list| Some((list.settings.name.clone(), list.trouble(now)?)))
            .collect()
    }

    /// Tests all lists now, so that the first message need not wait for it.
    pub async fn test(&self) {
        let now = Instant::now();
        for place in 0..self.inner.lists.len() {
            if let Some(mut tested) = Inner::begin_test(&self.inner, place, now) {
                // An error means that the test ended.
                let _ = tested.wait_for(|done| *done).await;
            }
        }
    }

    /// Asks all lists about the links, and writes what they say into them. `is_own` tells the site's own domains.
    pub async fn ask(&self, facts: &mut LinkFacts, is_own: impl Fn(&str) -> bool) {
        if self.is_empty() || facts.links.is_empty() {
            return;
        }
        let now = Instant::now();
        let until = now + self.deadline;
        let names = self.names(facts, is_own);
        let mut asked = Vec::new();
        for place in 0..self.inner.lists.len() {
            asked.push(self.ask_list(place, &names, until));
        }
        for answers in futures_util::future::join_all(asked).await {
            let Some(list) = self.inner.lists.get(answers.place) else {
                continue;
            };
            note(facts, &list.settings, answers);
        }
    }

    async fn ask_list(&self, place: usize, names: &[Name], until: Instant) -> ListAnswers {
        let mut answers = ListAnswers {
            place,
            ..ListAnswers::default()
        };
        let Some(list) = self.inner.lists.get(place) else {
            return answers;
        };
        let mine: Vec<(&Name, String)> = names
            .iter()
            .filter_map(|name| Some((name, name.question(list.settings.kind)?)))
            .collect();
        if mine.is_empty() {
            return answers;
        }
        if let Err(why) = Inner::believed(&self.inner, place, until).await {
            answers.uncertain = Some(why);
            return answers;
        }
        let slots: Vec<_> = mine
            .into_iter()
            .map(|(name, question)| (name, Inner::question(&self.inner, place, question)))
            .collect();
        for (name, slot) in slots {
            let reading = match slot {
                Some(slot) => waited(slot, until).await,
                None => Err("too many questions are under way".to_owned()),
            };
            match reading {
                Ok(Reading::Listed(meaning)) => answers.listed.push((name.domain.clone(), meaning)),
                Ok(Reading::NotListed) => {}
                Ok(Reading::CannotTell(trouble)) => {
                    answers.uncertain = Some(list.settings.hidden(&trouble.to_string()));
                }
                Err(why) => answers.uncertain = Some(why),
            }
        }
        answers
    }

    /// Different names that may be asked about, those of odd links first.
    fn names(&self, facts: &mut LinkFacts, is_own: impl Fn(&str) -> bool) -> Vec<Name> {
        let mut links: Vec<&LinkFact> = facts.links.iter().collect();
        links.sort_by_key(|link| link.flags.is_empty());
        let mut names: Vec<Name> = Vec::new();
        let mut more = 0usize;
        for link in links {
            let Some(name) = Name::of(link) else { continue };
            let known = names.iter().any(|other| other.domain == name.domain);
            if known || risk::is_harmless(&name.domain) {
                continue;
            }
            if names.len() >= self.names_max {
                more += 1;
            } else if !is_own(&name.domain) {
                names.push(name);
            }
        }
        if more > 0 {
            let text = format!(
                "only {} domains were asked about, {more} more links were not",
                names.len()
            );
            facts.uncertain.push(text);
        }
        names
    }
}

/// What one list said about a message.
#[derive(Debug, Default)]
struct ListAnswers {
    place: usize,
    /// Domains (as in the facts) and meanings.
    listed: Vec<(String, String)>,
    /// Why something could not be told.
    uncertain: Option<String>,
}

fn note(facts: &mut LinkFacts, settings: &ListSettings, answers: ListAnswers) {
    for (domain, meaning) in answers.listed {
        let hit = ListHit {
            list: settings.name.clone(),
            kind: settings.kind,
            meaning,
        };
        let links = facts.links.iter_mut().filter(|link| link.domain == domain);
        links.for_each(|link| link.lists.push(hit.clone()));
    }
    if let Some(why) = answers.uncertain
        && facts.uncertain.len() < UNCERTAIN_MAX
    {
        facts.uncertain.push(format!("{}: {why}", settings.name));
    }
}

/// Waits for an answer until the deadline.
async fn waited(mut slot: Slot, until: Instant) -> Result<Reading, String> {
    match timeout_at(until, slot.wait_for(Option::is_some)).await {
        Ok(Ok(kept)) => match &*kept {
            Some(kept) => Ok(kept.reading.clone()),
            None => Err("no answer".to_owned()),
        },
        // The asker went away without a word: the list is left alone for the moment.
        Ok(Err(_)) => Err("not asked, it did not answer lately".to_owned()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

/// What is asked about.
struct Name {
    /// As in the facts.
    domain: String,
    address: Option<IpAddr>,
}

impl Name {
    /// None for hosts that no list knows: names without a registrable domain, addresses inside.
    fn of(link: &LinkFact) -> Option<Self> {
        if link.flags.contains(&LinkFlag::IpLiteral) {
            let address: IpAddr = link.host.trim_matches(['[', ']']).parse().ok()?;
            let address = address.to_canonical();
            return is_outside(address).then(|| Self {
                domain: link.domain.clone(),
                address: Some(address),
            });
        }
        can_be_asked(&link.domain).then(|| Self {
            domain: link.domain.clone(),
            address: None,
        })
    }

    /// The name in front of the zone (RFC 5782 §2.1, §2.4, §3).
    fn question(&self, kind: ListKind) -> Option<String> {
        match (kind, self.address) {
            (ListKind::Address, Some(IpAddr::V4(address))) => {
                let [a, b, c, d] = address.octets();
                Some(format!("{d}.{c}.{b}.{a}"))
            }
            (ListKind::Address, Some(IpAddr::V6(address))) => {
                let nibbles = address
                    .octets()
                    .into_iter()
                    .rev()
                    .flat_map(|octet| [octet & 15, octet >> 4])
                    .map(|nibble| format!("{nibble:x}"));
                Some(nibbles.collect::<Vec<_>>().join("."))
            }
            (ListKind::Domain | ListKind::Newborn, None) => Some(self.domain.clone()),
            _ => None,
        }
    }
}

/// A registrable domain, as DNS can ask for it in front of a zone: hosts of no registry are nobody's business, and a name that
/// cannot be asked would look like a list that does not answer.
fn can_be_asked(domain: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
    };
    domain.len() <= 120
        && domain.split('.').all(label)
        && mail::link::registrable_domain(domain) == Some(domain)
}

fn is_outside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_broadcast())
        }
        IpAddr::V6(address) => {
            !(address.is_loopback()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_unique_local()
                || address.is_unicast_link_local())
        }
    }
}

impl List {
    fn belief(&self) -> MutexGuard<'_, Belief> {
        self.belief.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self, now: Instant) -> Option<String> {
        let belief = self.belief();
        let lately = |at: &Instant| now.saturating_duration_since(*at) < TESTED_FOR;
        belief.off.clone().or_else(|| self.breaker.down()).or_else(|| {
            belief
                .doubt
                .as_ref()
                .filter(|(at, _)| lately(at))
                .map(|(_, why)| why.clone())
        })
    }

    /// Books what an answer tells of the list itself.
    fn learn(&self, trouble: &Trouble, now: Instant) {
        let why = self.settings.hidden(&trouble.to_string());
        let mut belief = self.belief();
        if trouble.is_of_the_list() {
            belief.off = Some(why.clone());
            belief.tested = Some(now);
        }
        belief.doubt = Some((now, why));
    }
}

impl Inner {
    /// Waits until it is known whether the list is believed; tests it when that is due.
    async fn believed(inner: &Arc<Self>, place: usize, until: Instant) -> Result<(), String> {
        let Some(list) = inner.lists.get(place) else {
            return Err(String::new());
        };
        let known = list.belief().tested.is_some();
        let testing = Self::begin_test(inner, place, Instant::now());
        // A list that was believed is believed while it is tested again.
        if let (false, Some(mut testing)) = (known, testing)
            && timeout_at(until, testing.wait_for(|done| *done)).await.is_err()
        {
            return Err("not tested yet".to_owned());
        }
        let belief = list.belief();
        match (&belief.off, belief.tested) {
            (Some(why), _) => Err(format!("off, {why}")),
            (None, None) => Err("not tested yet".to_owned()),
            (None, Some(_)) => Ok(()),
        }
    }

    /// Begins a test when one is due; gives what tells its end.
    fn begin_test(inner: &Arc<Self>, place: usize, now: Instant) -> Option<watch::Receiver<bool>> {
        let list = inner.lists.get(place)?;
        let mut belief = list.belief();
        if let Some(testing) = &belief.testing {
            return Some(testing.clone());
        }
        let lasts = if belief.off.is_some() {
            RETRY_AFTER
        } else {
            TESTED_FOR
        };
        if belief.tested.is_some_and(|at| now < at + lasts) {
            return None;
        }
        let (done, testing) = watch::channel(false);
        belief.testing = Some(testing.clone());
        let inner = Arc::clone(inner);
        tokio::spawn(async move {
            inner.test(place).await;
            done.send_replace(true);
        });
        Some(testing)
    }

    /// One name must be listed, one must not (RFC 5782 §5).
    async fn test(&self, place: usize) {
        let Some(list) = self.lists.get(place) else {
            return;
        };
        let (listed, unlisted) = tokio::join!(
            self.look(list, &list.settings.test_listed),
            self.look(list, &list.settings.test_unlisted),
        );
        let point = |name: &str| format!("test point {name}");
        let off = match (listed, unlisted) {
            (Reading::Listed(_), Reading::NotListed) => None,
            (Reading::CannotTell(trouble), _) => {
                Some(format!("{}: {trouble}", point(&list.settings.test_listed)))
            }
            (_, Reading::CannotTell(trouble)) => {
                Some(format!("{}: {trouble}", point(&list.settings.test_unlisted)))
            }
            (Reading::NotListed, _) => Some(format!("{} is not listed", point(&list.settings.test_listed))),
            (_, Reading::Listed(_)) => Some(format!(
                "{} is listed: the list answers everything",
                point(&list.settings.test_unlisted)
            )),
        };
        let off = off.map(|why| list.settings.hidden(&why));
        if off.is_some() {
            self.cache.forget(place);
        }
        let mut belief = list.belief();
        if off.is_none() {
            belief.doubt = None;
        }
        belief.off = off;
        belief.tested = Some(Instant::now());
        belief.testing = None;
    }

    async fn look(&self, list: &List, name: &str) -> Reading {
        let question = format!("{name}.{}", list.settings.filled_zone());
        match self.resolver.lookup_a(&question).await {
            Ok(addresses) => list.settings.answers.read(&addresses),
            Err(DnsError::Missing) => Reading::NotListed,
            Err(DnsError::Temporary(why)) => {
                let why = list.settings.hidden(&why);
                Reading::CannotTell(Trouble::Dns(why.chars().take(150).collect()))
            }
        }
    }

    /// The slot where the answer is or will be. None: too many are under way.
    fn question(inner: &Arc<Self>, place: usize, name: String) -> Option<Slot> {
        let now = Instant::now();
        let (slot, asker) = inner.cache.slot((place, name.as_str().into()), now);
        let Some(asker) = asker else {
            return Some(slot);
        };
        // When the asker is dropped here, the next one asks again.
        let permit = Arc::clone(&inner.slots).try_acquire_owned().ok()?;
        let inner = Arc::clone(inner);
        // On its own: the answer is kept even when nobody waits for it any more.
        tokio::spawn(async move {
            let _permit = permit;
            let Some(list) = inner.lists.get(place) else {
                return;
            };
            let Ok(leave) = list.breaker.ask(Instant::now()) else {
                return;
            };
            let reading = inner.look(list, &name).await;
            let now = Instant::now();
            match &reading {
                Reading::CannotTell(Trouble::Dns(why)) => leave.failed(why, now),
                Reading::CannotTell(trouble) => {
                    list.learn(trouble, now);
                    leave.answered();
                }
                Reading::Listed(_) | Reading::NotListed => leave.answered(),
            }
            asker.send_replace(Some(Kept::new(reading, now)));
        });
        Some(slot)
    }
}
