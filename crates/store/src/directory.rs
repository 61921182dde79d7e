//! Who may send: tenants, domains, mailboxes, networks, and the keys their mail is signed with. SQLite; read through a cache
//! that notices changes made by another process within a second.
//!
//! Promises: what is cached is told without touching the disk; a change is durable when its call returns, and seen by this
//! process at once. Names are kept in one spelling (A-labels, lower case), so that look-ups compare octets.
//! Trusts the operator with names, but not with hashes: a hash of an unknown or absurdly costly kind is refused.
//! Limits: the `…_MAX` constants below; an entry of a list has 320 octets at most.

mod cache;
mod entities;
mod import;
mod login;
mod networks;
mod normal;
mod rows;

use crate::database::{self, CONTROL, Readers, locked};
use crate::{StoreError, password};
use cache::Cache;
pub use entities::{Account, Domain, ImportReport, Login, Network, NetworkTrust, SigningKey, Tenant};
use login::Logins;
use mail::dkim::{Algorithm, Signer};
use networks::Networks;
use risk::LimitOverrides;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Accounts kept in memory, known or known to be missing.
const ACCOUNTS_CACHED_MAX: usize = 65_536;
/// Domains kept in memory.
const DOMAINS_CACHED_MAX: usize = 65_536;
/// Tenants kept in memory.
const TENANTS_CACHED_MAX: usize = 16_384;
/// Domains whose signers are kept in memory.
const SIGNERS_CACHED_MAX: usize = 8_192;
/// Networks, all of them in memory.
const NETWORKS_MAX: usize = 65_536;
/// Keys of one domain.
const KEYS_MAX: usize = 16;
/// How long a change by another process may stay unseen.
const FRESH: Duration = Duration::from_secs(1);

/// The directory.
#[derive(Debug)]
pub struct Directory {
    writer: Mutex<Connection>,
    readers: Arc<Readers>,
    accounts: Cache<Box<str>, Option<Arc<Account>>>,
    domains: Cache<Box<str>, Option<Arc<Domain>>>,
    tenants: Cache<Box<str>, Option<Arc<Tenant>>>,
    signers: Cache<Box<str>, Arc<Vec<Signer>>>,
    networks: Cache<(), Arc<Networks>>,
    logins: Logins,
    watch: Mutex<Watch>,
    opened: Instant,
    /// Milliseconds since `opened` at which the watch looks again.
    look_at_ms: AtomicU64,
}

/// Notices what other connections commit.
#[derive(Debug)]
struct Watch {
    connection: Connection,
    data_version: i64,
    generation: i64,
}

impl Watch {
    /// True when the directory changed since the last look.
    fn changed(&mut self) -> Result<bool, StoreError> {
        let data_version = self
            .connection
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |row| row.get(0))?;
        if data_version == self.data_version {
            return Ok(false);
        }
        let generation = rows::generation(&self.connection)?;
        self.data_version = data_version;
        Ok(std::mem::replace(&mut self.generation, generation) != generation)
    }
}

impl Directory {
    /// Opens the directory alone (for `dogana account` beside a running gateway).
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let writer = database::open(directory, &CONTROL)?;
        let readers = Arc::new(Readers::new(directory, &CONTROL));
        let mut watch = Watch {
            connection: readers.single()?,
            data_version: -1,
            generation: -1,
        };
        watch.changed()?;
        Ok(Self {
            writer: Mutex::new(writer),
            readers,
            accounts: Cache::new(ACCOUNTS_CACHED_MAX),
            domains: Cache::new(DOMAINS_CACHED_MAX),
            tenants: Cache::new(TENANTS_CACHED_MAX),
            signers: Cache::new(SIGNERS_CACHED_MAX),
            networks: Cache::new(1),
            logins: Logins::new(),
            watch: Mutex::new(watch),
            opened: Instant::now(),
            look_at_ms: AtomicU64::new(0),
        })
    }

    /// Checks a password. Runs hashes on a few blocking threads; the same work is done for unknown logins. A password that
    /// was right is remembered for ten minutes as a keyed digest, so that a busy client does not cost a hash each time.
    pub async fn login(&self, login: &str, password: &[u8]) -> Result<Login, StoreError> {
        let account = self.account(login)?;
        self.logins.check(login, account, password, &self.readers).await
    }

    /// Password hashes computed since the start, those for unknown logins included.
    pub fn hash_runs(&self) -> u64 {
        self.logins.hash_runs()
    }

    /// An account.
    pub fn account(&self, login: &str) -> Result<Option<Arc<Account>>, StoreError> {
        self.look();
        // What is kept under the login as given can only be the account of that very spelling.
        if let Some(known) = self.accounts.get(login) {
            return Ok(known);
        }
        let Some(key) = normal::login(login) else {
            return Ok(None);
        };
        if let Some(known) = self.accounts.get(key.as_str()) {
            return Ok(known);
        }
        let epoch = self.accounts.epoch();
        let found = self
            .readers
            .read(|connection| rows::account(connection, &key))?
            .map(Arc::new);
        self.accounts.keep(epoch, key.into(), found.clone());
        Ok(found)
    }

    /// A domain.
    pub fn domain(&self, name: &str) -> Result<Option<Arc<Domain>>, StoreError> {
        self.look();
        cached(&self.domains, name, normal::domain, |key| {
            self.readers.read(|connection| rows::domain(connection, key))
        })
    }

    /// A tenant.
    pub fn tenant(&self, name: &str) -> Result<Option<Arc<Tenant>>, StoreError> {
        self.look();
        cached(&self.tenants, name, normal::tenant, |key| {
            self.readers.read(|connection| rows::tenant(connection, key))
        })
    }

    /// The narrowest network with that trust that holds the address.
    pub fn network(&self, address: IpAddr, trust: &NetworkTrust) -> Result<Option<Arc<Network>>, StoreError> {
        Ok(self.networks()?.find(address, trust))
    }

    /// May the account send as that address: itself, with a subaddress (`user+tag@`), or by `also_sends_as`.
    pub fn owns(&self, account: &Account, address: &mail::Address) -> bool {
        let claim = normal::Claim::of(address);
        claim.is(&account.login) || account.also_sends_as.iter().any(|entry| claim.is_within(entry))
    }

    /// May the network send as that address.
    pub fn network_owns(&self, network: &Network, address: &mail::Address) -> Result<bool, StoreError> {
        if network.also_sends_as.is_empty() {
            let domain = self.domain(&address.domain_key())?;
            return Ok(
                domain.is_some_and(|domain| !network.tenant.is_empty() && domain.tenant == network.tenant)
            );
        }
        let claim = normal::Claim::of(address);
        Ok(network
            .also_sends_as
            .iter()
            .any(|entry| entry == normal::ANY || claim.is_within(entry)))
    }

    /// The signers of a domain, rsa first; empty when it has no key.
    pub fn signers(&self, domain: &str) -> Result<Arc<Vec<Signer>>, StoreError> {
        self.look();
        if let Some(known) = self.signers.get(domain) {
            return Ok(known);
        }
        let Some(key) = normal::domain(domain) else {
            return Ok(Arc::default());
        };
        let epoch = self.signers.epoch();
        let keys = self
            .readers
            .read(|connection| rows::keys(connection, &key, KEYS_MAX))?;
        let mut signers = keys.iter().map(signer).collect::<Result<Vec<_>, _>>()?;
        signers.sort_by_key(|signer| signer.algorithm() != Algorithm::RsaSha256);
        let signers = Arc::new(signers);
        self.signers.keep(epoch, key.into(), Arc::clone(&signers));
        Ok(signers)
    }

    /// Adds or replaces a tenant.
    pub fn put_tenant(&self, tenant: &Tenant) -> Result<(), StoreError> {
        normal::check_tenant(tenant)?;
        self.change(|transaction| rows::put_tenant(transaction, tenant))
    }

    /// Adds or replaces a domain; makes its tenant when missing. Its accounts move to the tenant with it.
    pub fn put_domain(&self, domain: &Domain) -> Result<(), StoreError> {
        let domain = normal::checked_domain(domain)?;
        self.change(|transaction| {
            need_tenant(transaction, &domain.tenant)?;
            rows::put_domain(transaction, &domain)
        })
    }

    /// Adds or replaces an account; makes its domain and tenant when missing. `hash` must be of a known scheme; `{PLAIN}` and
    /// `{CLEARTEXT}` are refused. An empty tenant is that of the domain, or one named like the domain.
    pub fn put_account(&self, account: &Account) -> Result<(), StoreError> {
        let account = normal::checked_account(account)?;
        let cost = password::check(&account.hash)?;
        self.change(|transaction| put_account(transaction, account, &cost))
    }

    /// Adds or replaces a network.
    pub fn put_network(&self, network: &Network) -> Result<(), StoreError> {
        let network = normal::checked_network(network)?;
        self.change(|transaction| {
            let others = rows::networks(transaction, NETWORKS_MAX)?;
            if others.len() >= NETWORKS_MAX {
                return Err(StoreError::Full(format!(
                    "there are {NETWORKS_MAX} networks already"
                )));
            }
            let twin = |other: &&Network| {
                other.range == network.range && other.trust == network.trust && other.name != network.name
            };
            if let Some(twin) = others.iter().find(twin) {
                let text = format!("the network {} already has the range {}", twin.name, twin.range);
                return Err(StoreError::Refused(text));
            }
            if !network.tenant.is_empty() {
                need_tenant(transaction, &network.tenant)?;
            }
            rows::put_network(transaction, &network)
        })
    }

    /// Adds or replaces a key; the PEM must be usable.
    pub fn put_key(&self, key: &SigningKey) -> Result<(), StoreError> {
        let key = normal::checked_key(key)?;
        signer(&key)?;
        self.change(|transaction| {
            let kept = rows::keys(transaction, &key.domain, KEYS_MAX)?;
            if kept.len() >= KEYS_MAX && kept.iter().all(|kept| kept.selector != key.selector) {
                return Err(StoreError::Full(format!(
                    "{} has {KEYS_MAX} keys already",
                    key.domain
                )));
            }
            rows::put_key(transaction, &key)
        })
    }

    /// Removes an account; false when there was none.
    pub fn remove_account(&self, login: &str) -> Result<bool, StoreError> {
        let Some(key) = normal::login(login) else {
            return Ok(false);
        };
        self.change(|transaction| Ok(transaction.execute("DELETE FROM account WHERE login = ?", [key])? > 0))
    }

    /// Accounts in order of login behind `after`, at most `rows_max`; `tenant` and `search` (part of the login) narrow.
    pub fn accounts(
        &self,
        tenant: Option<&str>,
        search: Option<&str>,
        after: Option<&str>,
        rows_max: usize,
    ) -> Result<Vec<Account>, StoreError> {
        let search = search.map(str::to_lowercase);
        self.readers
            .read(|connection| rows::accounts(connection, tenant, search.as_deref(), after, rows_max))
    }

    /// Reads accounts from CSV with a header line: `login,password_hash[,tenant,language,also_sends_as,role]`; a `password`
    /// column is hashed. One transaction; bad lines are reported, good ones kept. `progress` is called with lines read.
    /// An empty field, and a column that is absent, leave what an account has. `also_sends_as` is separated by spaces.
    pub fn import_csv(
        &self,
        csv: impl std::io::Read,
        progress: impl FnMut(u64),
    ) -> Result<ImportReport, StoreError> {
        let (rows, mut report) = import::read(csv, progress)?;
        self.change(|transaction| import::apply(transaction, rows, &mut report))?;
        Ok(report)
    }

    /// Hashes a password as argon2id.
    pub fn hash_password(password: &str) -> Result<String, StoreError> {
        password::hash(password.as_bytes())
    }

    /// Looks now whether another process changed the directory, instead of within a second.
    pub fn refresh(&self) -> Result<(), StoreError> {
        if locked(&self.watch).changed()? {
            self.forget();
        }
        Ok(())
    }

    fn networks(&self) -> Result<Arc<Networks>, StoreError> {
        self.look();
        if let Some(known) = self.networks.get(&()) {
            return Ok(known);
        }
        let epoch = self.networks.epoch();
        let rows = self
            .readers
            .read(|connection| rows::networks(connection, NETWORKS_MAX))?;
        let networks = Arc::new(Networks::new(rows));
        self.networks.keep(epoch, (), Arc::clone(&networks));
        Ok(networks)
    }

    /// Once a second, whoever comes first looks for changes of others. When the look fails, what is cached is told on.
    fn look(&self) {
        let now_ms = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        let due_ms = self.look_at_ms.load(Ordering::Relaxed);
        let fresh_ms = u64::try_from(FRESH.as_millis()).unwrap_or(u64::MAX);
        if now_ms < due_ms
            || self
                .look_at_ms
                .compare_exchange(
                    due_ms,
                    now_ms.saturating_add(fresh_ms),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .is_err()
        {
            return;
        }
        if let Ok(mut watch) = self.watch.try_lock()
            && watch.changed().unwrap_or(false)
        {
            self.forget();
        }
    }

    fn forget(&self) {
        self.accounts.clear();
        self.domains.clear();
        self.tenants.clear();
        self.signers.clear();
        self.networks.clear();
    }

    /// Runs a change as one durable transaction and forgets what was cached.
    fn change<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut writer = locked(&self.writer);
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = work(&transaction)?;
        transaction.commit()?;
        self.forget();
        Ok(result)
    }
}

fn cached<T>(
    cache: &Cache<Box<str>, Option<Arc<T>>>,
    name: &str,
    normal: impl FnOnce(&str) -> Option<String>,
    read: impl FnOnce(&str) -> Result<Option<T>, StoreError>,
) -> Result<Option<Arc<T>>, StoreError> {
    if let Some(known) = cache.get(name) {
        return Ok(known);
    }
    let Some(key) = normal(name) else { return Ok(None) };
    let epoch = cache.epoch();
    let found = read(&key)?.map(Arc::new);
    cache.keep(epoch, key.into(), found.clone());
    Ok(found)
}

fn signer(key: &SigningKey) -> Result<Signer, StoreError> {
    Signer::from_pem(&key.domain, &key.selector, &key.pem).map_err(|error| {
        StoreError::Refused(format!(
            "the key {} of {} cannot be used: {error}",
            key.selector, key.domain
        ))
    })
}

fn need_tenant(connection: &Connection, name: &str) -> Result<(), StoreError> {
    if rows::tenant(connection, name)?.is_none() {
        rows::put_tenant(
            connection,
            &Tenant {
                name: name.to_owned(),
                ..Tenant::default()
            },
        )?;
    }
    Ok(())
}

/// Puts an account whose names and hash were checked; finds its tenant, makes domain and tenant.
fn put_account(connection: &Connection, mut account: Account, cost: &str) -> Result<(), StoreError> {
    match rows::domain(connection, &account.domain)? {
        Some(domain) if account.tenant.is_empty() || account.tenant == domain.tenant => {
            account.tenant = domain.tenant
        }
        Some(domain) => {
            let text = format!(
                "the domain {} belongs to the tenant {}",
                domain.name, domain.tenant
            );
            return Err(StoreError::Refused(text));
        }
        None => {
            if account.tenant.is_empty() {
                account.tenant.clone_from(&account.domain);
            }
            normal::check_tenant(&Tenant {
                name: account.tenant.clone(),
                ..Tenant::default()
            })?;
            need_tenant(connection, &account.tenant)?;
            let (name, tenant) = (account.domain.clone(), account.tenant.clone());
            rows::put_domain(
                connection,
                &Domain {
                    name,
                    tenant,
                    limits: LimitOverrides::default(),
                },
            )?;
        }
    }
    rows::put_account(connection, &account, cost)
}
