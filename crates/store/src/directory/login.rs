//! Is the password right.
//!
//! In prose: the account is looked up; a digest of a password that was right in the last ten minutes saves the hash. Else one of
//! [`PERMITS`] threads verifies. An unknown login is verified against the hash of somebody, with the same answer and a cost that
//! is as frequent among the accounts; which one is fixed for a login, so that asking twice tells nothing either. A disabled
//! account is verified and denied. A password that was wrong is never remembered.
//! Limits: [`GRANTED_MAX`] remembered passwords, [`WAITING_MAX`] logins waiting for a thread; beyond it a login fails as full.

use super::cache::Cache;
use super::{Account, Login, rows};
use crate::database::{Readers, locked};
use crate::{StoreError, password};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use subtle::ConstantTimeEq;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Hashes at once.
const PERMITS: usize = 2;
/// Logins that may wait for one of them.
const WAITING_MAX: usize = 1_024;
/// Right passwords remembered.
const GRANTED_MAX: usize = 100_000;
/// For how long.
const GRANTED: Duration = Duration::from_secs(600);
/// How often the costs of the accounts' hashes are counted anew.
const COSTS_KEPT: Duration = Duration::from_secs(60);
/// Different costs among the accounts that unknown logins imitate.
const COSTS_MAX: usize = 32;
/// Stands in while there are no accounts. Its password is not known; nobody could use it if it were.
const STAND_IN: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$HsIDWbfBjHeZroBTXOEUvg$W0hcehit+zSmVw3JYzAJ3b2G8H5InbD0Cnapsj3Ikg0";

type Digest = [u8; 32];

#[derive(Debug)]
pub(super) struct Logins {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    key: Digest,
    granted: Arc<Cache<Box<str>, (Digest, Instant)>>,
    costs: Arc<Mutex<Costs>>,
    hash_runs: Arc<AtomicU64>,
}

/// A hash of each cost among the accounts, and how many accounts have that cost.
#[derive(Debug, Default)]
struct Costs {
    rows: Vec<(String, u64)>,
    counted: Option<Instant>,
}

impl Logins {
    pub(super) fn new() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(PERMITS)),
            waiting: AtomicUsize::new(0),
            key: rand::random(),
            granted: Arc::new(Cache::new(GRANTED_MAX)),
            costs: Arc::default(),
            hash_runs: Arc::default(),
        }
    }

    pub(super) fn hash_runs(&self) -> u64 {
        self.hash_runs.load(Ordering::Relaxed)
    }

    pub(super) async fn check(
        &self,
        login: &str,
        account: Option<Arc<Account>>,
        password: &[u8],
        readers: &Arc<Readers>,
    ) -> Result<Login, StoreError> {
        if !password::is_usable(password) {
            return Ok(Login::Denied);
        }
        let Some(account) = account else {
            return self.imitate(login, password, readers).await;
        };
        let digest = self.digest(&[account.login.as_bytes(), password, account.hash.as_bytes()]);
        if account.enabled && self.is_granted(&account.login, &digest) {
            return Ok(Login::Granted(account));
        }
        let permit = self.permit().await?;
        // While this one waited, another session of the same client may have been granted.
        if account.enabled && self.is_granted(&account.login, &digest) {
            return Ok(Login::Granted(account));
        }
        let (granted, known) = (Arc::clone(&self.granted), Arc::clone(&account));
        let work = move |password: &[u8]| {
            let right = password::verify(&known.hash, password) && known.enabled;
            if right {
                // Before the next one gets the thread: it may have the same password.
                granted.keep(
                    granted.epoch(),
                    known.login.as_str().into(),
                    (digest, Instant::now()),
                );
            }
            right
        };
        let right = self.on_thread(permit, password, work).await?;
        Ok(if right {
            Login::Granted(account)
        } else {
            Login::Denied
        })
    }

    /// The work of a wrong password, for a login that does not exist.
    async fn imitate(
        &self,
        login: &str,
        password: &[u8],
        readers: &Arc<Readers>,
    ) -> Result<Login, StoreError> {
        let permit = self.permit().await?;
        let [a, b, c, d, e, f, g, h, ..] = self.digest(&[b"stand-in", login.to_ascii_lowercase().as_bytes()]);
        let choice = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let (costs, readers) = (Arc::clone(&self.costs), Arc::clone(readers));
        let work = move |password: &[u8]| password::verify(&stand_in(&costs, &readers, choice), password);
        self.on_thread(permit, password, work).await?;
        Ok(Login::Denied)
    }

    fn is_granted(&self, login: &str, digest: &Digest) -> bool {
        self.granted
            .get(login)
            .is_some_and(|(known, at)| bool::from(known.ct_eq(digest)) && at.elapsed() < GRANTED)
    }

    /// A keyed digest of parts that cannot run into each other.
    fn digest(&self, parts: &[&[u8]]) -> Digest {
        let mut mac = match Hmac::<Sha256>::new_from_slice(&self.key) {
            Ok(mac) => mac,
            Err(_) => return rand::random(), // HMAC takes keys of any length; a digest nobody has is the safe side.
        };
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        let place = Place::take(&self.waiting)?;
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Closing);
        drop(place);
        permit
    }

    /// The permit goes with the work: a session that goes away while its password is hashed frees no thread.
    async fn on_thread(
        &self,
        permit: OwnedSemaphorePermit,
        password: &[u8],
        verify: impl FnOnce(&[u8]) -> bool + Send + 'static,
    ) -> Result<bool, StoreError> {
        let (password, runs) = (password.to_vec(), Arc::clone(&self.hash_runs));
        let work = tokio::task::spawn_blocking(move || {
            let right = verify(&password);
            runs.fetch_add(1, Ordering::Relaxed);
            drop(permit);
            right
        });
        work.await.map_err(|_| StoreError::Closing)
    }
}

/// A place in the queue for a thread, given back when dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Result<Self, StoreError> {
        let place = Self(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
            return Err(StoreError::Full(format!("{WAITING_MAX} logins wait already")));
        }
        Ok(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Somebody's hash, chosen so that costs are as frequent as among the accounts.
fn stand_in(costs: &Mutex<Costs>, readers: &Readers, choice: u64) -> String {
    let mut costs = locked(costs);
    if costs.counted.is_none_or(|at| at.elapsed() >= COSTS_KEPT) {
        if let Ok(rows) = readers.read(|connection| rows::costs(connection, COSTS_MAX)) {
            costs.rows = rows;
        }
        costs.counted = Some(Instant::now());
    }
    let total: u64 = costs.rows.iter().map(|(_, number)| number).sum();
    let mut left = choice.checked_rem(total).unwrap_or(0);
    for (hash, number) in &costs.rows {
        if left < *number {
            return hash.clone();
        }
        left -= number;
    }
    STAND_IN.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Directory;
    use std::collections::HashMap;

    const BCRYPT: &str = "$2y$04$kYoVeM2PEmPfjv..OMSY6.4RT1p3FdRGl8vqmu4X1bam/..DQcKZ.";
    const SHA_CRYPT: &str = "$5$rounds=1000$abcdefgh$ue35C0ITbth1b5zVUjrjm2mMmsmMKiodEeH2UV/Hq10";

    #[test]
    fn unknown_logins_cost_what_the_accounts_cost() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::open(place.path()).unwrap();
        let chosen = || {
            let costs = Mutex::default();
            let mut chosen: HashMap<String, usize> = HashMap::new();
            for choice in 0..400 {
                *chosen
                    .entry(stand_in(&costs, &directory.readers, choice))
                    .or_default() += 1;
            }
            chosen
        };
        assert_eq!(
            chosen(),
            HashMap::from([(STAND_IN.to_owned(), 400)]),
            "there are no accounts"
        );
        for (login, hash) in [("a", BCRYPT), ("b", SHA_CRYPT), ("c", BCRYPT), ("d", BCRYPT)] {
            let login = format!("{login}@example.com");
            let account = Account {
                login,
                hash: hash.to_owned(),
                enabled: true,
                ..Account::default()
            };
            directory.put_account(&account).unwrap();
        }
        assert_eq!(
            chosen(),
            HashMap::from([(BCRYPT.to_owned(), 300), (SHA_CRYPT.to_owned(), 100)])
        );
    }

    #[test]
    fn digests_of_parts_do_not_run_into_each_other() {
        let logins = Logins::new();
        assert_eq!(logins.digest(&[b"ab", b"c"]), logins.digest(&[b"ab", b"c"]));
        assert_ne!(logins.digest(&[b"ab", b"c"]), logins.digest(&[b"a", b"bc"]));
        assert_ne!(
            logins.digest(&[b"ab", b"c"]),
            Logins::new().digest(&[b"ab", b"c"]),
            "keyed by process"
        );
    }

    #[test]
    fn places_are_bounded_and_given_back() {
        let waiting = AtomicUsize::new(0);
        let places: Vec<_> = (0..WAITING_MAX).map(|_| Place::take(&waiting).unwrap()).collect();
        assert!(matches!(Place::take(&waiting), Err(StoreError::Full(_))));
        drop(places);
        assert_eq!(waiting.load(Ordering::Relaxed), 0);
        assert!(Place::take(&waiting).is_ok());
    }
}
