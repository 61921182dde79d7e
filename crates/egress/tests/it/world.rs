//! A store in a temporary directory, a hub whose events are kept, and messages to put into the queue.

use egress::{Egress, Settings};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use mail::Address;
use mail::smtp::Notify;
use net::{ClientTls, Clock, Dialer, Resolver};
use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;
use store::{Arrival, Envelope, Recipient, RecipientState, Store};
use trace::{Event, Hub, Id, Scope, Sink, What};

/// Keeps all events. Paused time moves on by itself whenever all tasks wait, also when they wait for the store's writer: so
/// from the event of a notice until the notice is in the queue, time is held.
#[derive(Clone, Default)]
pub struct Kept {
    events: Arc<Mutex<Vec<Event>>>,
    store: Arc<OnceLock<Weak<Store>>>,
}

impl Sink for Kept {
    fn record(&self, events: &[Event]) {
        self.events.lock().unwrap().extend_from_slice(events);
        for event in events {
            if let What::Noticed { notice, .. } = event.what {
                let kept = self.clone();
                tokio::task::spawn_blocking(move || kept.until_queued(notice));
            }
        }
    }
}

impl Kept {
    fn until_queued(&self, notice: Id) {
        let begun = std::time::Instant::now();
        while begun.elapsed() < Duration::from_secs(10) {
            let queued = self
                .store
                .get()
                .and_then(Weak::upgrade)
                .is_none_or(|store| store.queue.get(notice).is_some());
            let settled = |event: &Event| event.id == notice && matches!(event.what, What::Settled { .. });
            if queued || self.events.lock().unwrap().iter().any(settled) {
                return;
            }
            std::thread::yield_now();
        }
    }
}

pub struct World {
    pub store: Arc<Store>,
    pub hub: Arc<Hub>,
    pub clock: Clock,
    pub events: Kept,
    _directory: tempfile::TempDir,
}

/// What a message looks like that is put into the queue.
pub struct Letter {
    pub from: Option<&'static str>,
    pub to: Vec<String>,
    pub notify: Option<Notify>,
    pub body: Vec<u8>,
    pub lifetime: Duration,
    pub pool: &'static str,
    pub smtputf8: bool,
}

impl Default for Letter {
    fn default() -> Self {
        Self {
            from: Some("sender@example.com"),
            to: Vec::new(),
            notify: None,
            body: b"From: sender@example.com\r\nSubject: hello\r\n\r\n.dot\r\nbody\r\n".to_vec(),
            lifetime: Duration::from_secs(5 * 86_400),
            pool: "clean",
            smtputf8: false,
        }
    }
}

pub fn to(recipients: &[&str]) -> Letter {
    Letter {
        to: recipients.iter().map(|r| (*r).to_owned()).collect(),
        ..Letter::default()
    }
}

/// Waits for something that happens on another thread (the store's) without letting paused time run away meanwhile: time
/// only moves by itself while no blocking task runs.
pub async fn while_time_stands<T>(future: impl Future<Output = T>) -> T {
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let held = tokio::task::spawn_blocking(move || wait.recv().is_ok());
    let value = future.await;
    drop(done);
    held.await.unwrap();
    value
}

impl World {
    pub fn new(clock: Clock) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings = store::Settings {
            directory: directory.path().to_owned(),
            free_octets_min: 0,
            messages_max: 1_000_000,
            stories_kept_days: 1,
            stories_octets_max: 1 << 30,
            geo_databases: Vec::new(),
            campaign_messages_max: store::Campaigns::MEMBERS_MIN,
        };
        let store = Store::open(&settings).unwrap();
        let events = Kept::default();
        events.store.set(Arc::downgrade(&store)).unwrap();
        let hub = Hub::new(vec![Box::new(events.clone())]);
        Self {
            store,
            hub,
            clock,
            events,
            _directory: directory,
        }
    }

    pub fn start(
        &self,
        settings: Settings,
        resolver: Resolver,
        dialer: Dialer,
        tls: Option<ClientTls>,
    ) -> Egress {
        let (store, hub) = (Arc::clone(&self.store), Arc::clone(&self.hub));
        Egress::start(settings, store, hub, resolver, dialer, tls, self.clock.clone()).unwrap()
    }

    pub async fn send(&self, letter: Letter) -> Id {
        let now = self.clock.now();
        let id = Id::generate(now);
        let arrival = arrival(id, now, letter);
        while_time_stands(self.store.queue.admit(arrival)).await.unwrap();
        id
    }

    /// Many messages at once, in one group commit or two.
    pub async fn send_all(&self, letters: impl IntoIterator<Item = Letter>) {
        let now = self.clock.now();
        let admit = letters
            .into_iter()
            .map(|letter| self.store.queue.admit(arrival(Id::generate(now), now, letter)));
        for done in while_time_stands(join_all(admit)).await {
            done.unwrap();
        }
    }

    /// Until something holds, without any time passing.
    pub async fn at_once(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let begun = std::time::Instant::now();
        let wait = async {
            while !holds() {
                assert!(
                    begun.elapsed() < Duration::from_secs(20),
                    "{what}; {:#?}",
                    self.last_settled()
                );
                tokio::task::yield_now().await;
            }
        };
        while_time_stands(wait).await;
    }

    /// Until the queue is empty; fails after `limit`.
    pub async fn until_empty(&self, limit: Duration) {
        self.until("the queue is empty", limit, || {
            self.store.queue.counts().messages == 0
        })
        .await;
    }

    /// Until something holds; fails after `limit`.
    pub async fn until(&self, what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
        let end = self
            .clock
            .now()
            .checked_add(SignedDuration::try_from(limit).unwrap())
            .unwrap();
        while !holds() {
            assert!(
                self.clock.now() < end,
                "{what}: not within {limit:?}; {:#?}",
                self.last_settled()
            );
            tokio::time::sleep(Duration::from_millis(20).max(limit / 20_000)).await;
        }
    }

    pub fn all_events(&self) -> Vec<Event> {
        self.events.events.lock().unwrap().clone()
    }

    /// `outcome recipient attempts reply` of all recipients' outcomes, in order.
    pub fn settled(&self) -> Vec<String> {
        let line = |event: &Event| match &event.what {
            What::Settled {
                forward_path,
                outcome,
                reply,
                attempts,
                ..
            } => Some(format!("{outcome} {forward_path} {attempts} {reply}")),
            _ => None,
        };
        self.all_events().iter().filter_map(line).collect()
    }

    /// The last outcomes, for failing tests.
    pub fn last_settled(&self) -> Vec<String> {
        let all = self.settled();
        all[all.len().saturating_sub(20)..].to_vec()
    }

    /// How many outcomes of that kind there were.
    pub fn count(&self, outcome: &str) -> usize {
        self.settled()
            .iter()
            .filter(|line| line.starts_with(outcome))
            .count()
    }
}

pub fn arrival(id: Id, now: Timestamp, letter: Letter) -> Arrival {
    let recipient = |text: &String| Recipient {
        forward_path: Address::parse(text).unwrap(),
        orcpt: None,
        notify: letter.notify,
        state: RecipientState::Scheduled { due: now },
        attempts: 0,
        last_reply: None,
        delay_notified: false,
    };
    let envelope = Envelope {
        id,
        arrived: now,
        expires: now
            .checked_add(SignedDuration::try_from(letter.lifetime).unwrap())
            .unwrap(),
        reverse_path: letter.from.map(|from| Address::parse(from).unwrap()),
        ret: None,
        envid: Some("envelope-1".into()),
        body: None,
        smtputf8: letter.smtputf8,
        scope: Scope {
            tenant: "acme".into(),
            domain: "example.com".into(),
            sender: "mailbox:sender@example.com".into(),
        },
        class: risk::Class::Clean,
        pool: letter.pool.into(),
        size_octets: letter.body.len() as u64,
    };
    Arrival {
        envelope,
        recipients: letter.to.iter().map(recipient).collect(),
        chunks: vec![letter.body.into()],
    }
}
