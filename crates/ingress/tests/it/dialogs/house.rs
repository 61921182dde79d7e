//! A house for one dialog: a store in a temporary directory, demo accounts and networks, and all doors on loopback.

use arc_swap::ArcSwap;
use ingress::scan::{ScannerAccess, ScannerSettings, Scanners};
use ingress::{GuardSettings, Ingress, ListenerLimits, ListenerSettings, Settings};
use jiff::Timestamp;
use net::{Clock, Dialer, ServerTls};
use risk::{Act, DoorKind, IdentityMode, Language, LimitOverrides, Limits, Lock, Outcome, Policy, Windowed};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::{Account, Network, NetworkTrust, SigningKey, Store};
use tempfile::TempDir;
use tokio::sync::Notify;
use trace::{Event, Hub, Sink};

/// The password of every account.
pub const PASSWORD: &str = "Correct1Horse";

/// The house.
pub struct House {
    ingress: Ingress,
    pub store: Arc<Store>,
    policy: Arc<ArcSwap<Policy>>,
    pub told: Told,
    _directory: TempDir,
}

/// Keeps all events as JSON.
#[derive(Clone, Default)]
pub struct Told(Arc<(Mutex<Vec<String>>, Notify)>);

impl Sink for Told {
    fn record(&self, events: &[Event]) {
        self.0
            .0
            .lock()
            .unwrap()
            .extend(events.iter().map(|event| serde_json::to_string(event).unwrap()));
        self.0.1.notify_waiters();
    }
}

impl Told {
    /// Events with that text so far.
    pub fn count(&self, text: &str) -> usize {
        let told = self.0.0.lock().unwrap();
        told.iter().filter(|event| event.contains(text)).count()
    }

    /// Waits until an event with that text was told.
    pub async fn wait_for(&self, text: &str) -> Result<(), String> {
        let wait = async {
            loop {
                let more = self.0.1.notified();
                if self.0.0.lock().unwrap().iter().any(|event| event.contains(text)) {
                    return;
                }
                more.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), wait)
            .await
            .map_err(|_| format!("not told: {text}\n  told: {:#?}", self.0.0.lock().unwrap()))
    }
}

/// Salted SHA-512 of [`PASSWORD`]: a dialog shall not wait for a slow hash.
const HASH: &str = concat!(
    "{SSHA512}PCIxK7oo8Sj9++3h0Po51Z/kb1+3tboHcJ2ELmM9swlt55b5WtY",
    "fTrqKYQFVkZvhfsY6tgx+YmwCPjdTe41iC3NhbHRzYWx0",
);

impl House {
    /// Builds it. `given` says what differs.
    pub async fn open(given: &[String]) -> Result<Self, String> {
        let directory = tempfile::tempdir().unwrap();
        let full = given.iter().any(|line| line == "store full");
        let store = Store::open(&store::Settings {
            directory: directory.path().join("data"),
            free_octets_min: if full { u64::MAX } else { 0 },
            messages_max: 10_000,
            stories_kept_days: 1,
            stories_octets_max: 1 << 30,
            geo_databases: Vec::new(),
            campaign_messages_max: store::Campaigns::MEMBERS_MIN,
        })
        .unwrap();
        people(&store);
        let mut policy = Policy::default();
        let mut scanners = ScannerSettings::default();
        let mut settings = settings(directory.path());
        for line in given {
            change(line, &mut policy, &mut scanners, &mut settings)?;
        }
        let told = Told::default();
        let hub = Hub::new(vec![Box::new(told.clone())]);
        let policy = Arc::new(ArcSwap::from_pointee(policy));
        let scanners = Arc::new(Scanners::new(scanners, Dialer::system()));
        let ingress = Ingress::start(
            settings,
            Arc::clone(&store),
            hub,
            Arc::clone(&policy),
            scanners,
            Arc::new(ingress::lists::Lists::none()),
            Clock::system(),
        )
        .unwrap();
        let house = Self {
            ingress,
            store,
            policy,
            told,
            _directory: directory,
        };
        for line in given {
            house.now(line).await?;
        }
        Ok(house)
    }

    /// Something happens to the house.
    pub async fn now(&self, line: &str) -> Result<(), String> {
        let words: Vec<&str> = line.split(' ').collect();
        let now = Timestamp::now();
        match words.as_slice() {
            ["lock", login] => {
                let lock = Lock {
                    reference: "LOCKREF".to_owned(),
                    reason: "test".to_owned(),
                    by: "operator".to_owned(),
                    at: now,
                    until: None,
                    elsewhere: false,
                };
                let policy = self.policy.load_full();
                let key = format!("mailbox:{login}");
                self.store
                    .ledger
                    .by_hand(&key, Outcome::LockedBy(lock), &policy, now)
                    .await
                    .unwrap();
            }
            ["unlock", login] => {
                let policy = self.policy.load_full();
                let key = format!("mailbox:{login}");
                self.store
                    .ledger
                    .by_hand(&key, Outcome::Unlocked, &policy, now)
                    .await
                    .unwrap();
            }
            ["disable", login] => {
                let account = self.store.directory.account(login).unwrap().unwrap();
                let account = Account {
                    enabled: false,
                    ..(*account).clone()
                };
                self.store.directory.put_account(&account).unwrap();
            }
            ["key", domain] => {
                let (_, pem) =
                    mail::dkim::Signer::generate(domain, "s1", mail::dkim::Algorithm::Ed25519Sha256).unwrap();
                let key = SigningKey {
                    domain: (*domain).to_owned(),
                    selector: "s1".to_owned(),
                    pem,
                };
                self.store.directory.put_key(&key).unwrap();
            }
            _ => {}
        }
        Ok(())
    }

    /// Where a door is.
    pub fn address(&self, door: &str) -> Result<SocketAddr, String> {
        let found = self.ingress.addresses().iter().find(|(name, _)| name == door);
        found
            .map(|(_, address)| *address)
            .ok_or_else(|| format!("there is no door {door}"))
    }

    /// Closes the doors; every session must end by itself.
    pub async fn close(self) {
        self.drain(Duration::from_secs(5)).await;
    }

    /// The same with a deadline.
    pub async fn drain(self, deadline: Duration) {
        let Self { ingress, store, .. } = self;
        assert!(ingress.drain(deadline).await, "a session did not end");
        store.close().await.unwrap();
    }
}

fn people(store: &Store) {
    let account = |login: &str, tenant: &str, also: &[&str], language| Account {
        login: login.to_owned(),
        domain: login.split('@').nth(1).unwrap().to_owned(),
        tenant: tenant.to_owned(),
        hash: HASH.to_owned(),
        also_sends_as: also.iter().map(|text| (*text).to_owned()).collect(),
        language,
        enabled: true,
        role: "user".to_owned(),
        ..Account::default()
    };
    for account in [
        account(
            "anna@example.com",
            "acme",
            &["sales@example.com"],
            Language::English,
        ),
        account("bruno@example.it", "acme", &[], Language::Italian),
        account(
            "olga@example.org",
            "globex",
            &["@lists.example.org"],
            Language::Russian,
        ),
    ] {
        store.directory.put_account(&account).unwrap();
    }
    let network = |name: &str, range: &str, trust, tenant: &str, also: &[&str]| Network {
        name: name.to_owned(),
        range: range.parse().unwrap(),
        trust,
        tenant: tenant.to_owned(),
        also_sends_as: also.iter().map(|text| (*text).to_owned()).collect(),
        limits: LimitOverrides::default(),
    };
    for network in [
        network(
            "web",
            "127.0.1.0/24",
            NetworkTrust::Relay,
            "acme",
            &["@example.com"],
        ),
        network("proxy", "127.0.2.0/24", NetworkTrust::Proxy, "", &[]),
    ] {
        store.directory.put_network(&network).unwrap();
    }
}

fn settings(directory: &Path) -> Settings {
    let made = net::self_signed(&["mx.test.example".to_owned()]).unwrap();
    let (certificate, key) = (directory.join("cert.pem"), directory.join("key.pem"));
    std::fs::write(&certificate, made.certificate).unwrap();
    std::fs::write(&key, made.key).unwrap();
    let tls = ServerTls::from_files(&certificate, &key).unwrap();
    let door = |name: &str, kind| ListenerSettings {
        tls: Some(tls.clone()),
        ..ListenerSettings::new(name, kind, "127.0.0.1:0".parse().unwrap())
    };
    let clear = |name: &str| ListenerSettings {
        auth_in_clear: true,
        ..door(name, DoorKind::Submission)
    };
    let tight = ListenerLimits {
        connections_max: 3,
        connections_per_address_max: 2,
        size_octets_max: 2_000,
        recipients_max: 3,
        messages_per_connection_max: 2,
        hops_max: 5,
        idle_commands_max: 5,
        ..ListenerLimits::default()
    };
    let hasty = ListenerLimits {
        command_timeout: Duration::from_millis(400),
        data_timeout: Duration::from_millis(400),
        ..ListenerLimits::default()
    };
    let mut settings = Settings::new("mx.test.example");
    settings.public_url = Some("https://mail.test.example".to_owned());
    settings.guard = GuardSettings {
        delay: Duration::from_millis(1),
        delay_max: Duration::from_millis(20),
        ..GuardSettings::default()
    };
    settings.listeners = vec![
        door("submission", DoorKind::Submission),
        door("submissions", DoorKind::Submissions),
        door("relay", DoorKind::Relay),
        clear("clear"),
        ListenerSettings {
            limits: tight,
            ..clear("tight")
        },
        ListenerSettings {
            limits: hasty,
            ..clear("hasty")
        },
        ListenerSettings {
            proxy_protocol: true,
            ..clear("proxied")
        },
        ListenerSettings {
            proxy_protocol: true,
            ..door("proxied-tls", DoorKind::Submissions)
        },
        ListenerSettings {
            tls: None,
            ..clear("bare")
        },
    ];
    settings
}

fn change(
    line: &str,
    policy: &mut Policy,
    scanners: &mut ScannerSettings,
    settings: &mut Settings,
) -> Result<(), String> {
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        ["identity", "log"] => policy.identity = IdentityMode::Log,
        ["hold", "everything"] => policy.clean.new = Act::Hold,
        ["messages", count, "per", "hour"] => {
            let messages = Some(count.parse().map_err(|_| "a number of messages")?);
            let hour = Windowed {
                window_s: 3_600,
                messages,
                ..Windowed::default()
            };
            let limits = Limits {
                windows: vec![hour],
                recipients_per_message: Some(4),
            };
            policy.limits = LimitOverrides {
                each_mailbox: Some(limits),
                ..LimitOverrides::default()
            };
        }
        ["scanner", "down"] => {
            // Nobody listens on the discard port of this address.
            scanners.clamav = Some(ScannerAccess::clamav("127.0.0.77:9".parse().unwrap()));
        }
        ["memory", octets] => settings.message_memory_octets_max = octets.parse().map_err(|_| "octets")?,
        ["guard", failures] => {
            settings.guard.address_failures_max = failures.parse().map_err(|_| "failures")?;
        }
        ["client", "hidden"] => settings.hide_client_address = true,
        ["lock", "at", "auth"] => settings.locked_at_auth = true,
        ["store", "full"] | ["lock", _] | ["disable", _] | ["key", _] => {}
        _ => return Err(format!("given {line} is unknown")),
    }
    Ok(())
}
