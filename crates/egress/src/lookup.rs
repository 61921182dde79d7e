//! Destinations remembered for a while, so that a busy destination costs no DNS question a message, and one question only
//! when many messages ask at once. Bounded by `sites_max`.

use crate::settings::Settings;
use crate::site::{Destination, resolve};
use mail::smtp::Severity;
use net::Resolver;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::Instant;

/// A failure is remembered for a shorter time than a site.
const FAILURE_TTL: Duration = Duration::from_secs(60);

/// The destinations known.
#[derive(Debug)]
pub(crate) struct Lookup {
    known: Mutex<HashMap<String, Entry>>,
    questions: Semaphore,
    sites_max: usize,
    site_ttl: Duration,
}

#[derive(Clone, Debug)]
struct Entry {
    found: Arc<OnceCell<Destination>>,
    at: Instant,
}

impl Lookup {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            known: Mutex::default(),
            questions: Semaphore::new(settings.bounds.lookups_max),
            sites_max: settings.bounds.sites_max,
            site_ttl: settings.bounds.site_ttl,
        }
    }

    /// What is known now; None: ask [`Lookup::find`].
    pub(crate) fn known(&self, domain: &str) -> Option<Destination> {
        let entry = self
            .lock()
            .get(domain)
            .filter(|entry| self.is_fresh(entry))
            .cloned()?;
        entry.found.get().cloned()
    }

    /// What is known, or DNS says. All who ask for one domain at once wait for one answer.
    pub(crate) async fn find(&self, settings: &Settings, resolver: &Resolver, domain: &str) -> Destination {
        let cell = self.cell(domain);
        let ask = async {
            // A closed semaphore cannot be: nobody closes it. Asking without a permit is the harmless reading.
            let _permit = self.questions.acquire().await;
            resolve(settings, resolver, domain).await
        };
        cell.get_or_init(|| ask).await.clone()
    }

    fn cell(&self, domain: &str) -> Arc<OnceCell<Destination>> {
        let mut known = self.lock();
        if let Some(entry) = known.get(domain).filter(|entry| self.is_fresh(entry)) {
            return Arc::clone(&entry.found);
        }
        if known.len() >= self.sites_max {
            self.make_room(&mut known);
        }
        let entry = Entry {
            found: Arc::default(),
            at: Instant::now(),
        };
        known.insert(domain.to_owned(), entry.clone());
        entry.found
    }

    fn is_fresh(&self, entry: &Entry) -> bool {
        let ttl = match entry.found.get() {
            Some(Destination::None(reply)) if reply.severity() != Severity::Permanent => FAILURE_TTL / 2,
            Some(Destination::None(_)) => FAILURE_TTL,
            Some(Destination::Site(_)) => self.site_ttl,
            None => return true,
        };
        entry.at.elapsed() < ttl
    }

    /// Forgets what is stale; when all is fresh, an eighth of it.
    fn make_room(&self, known: &mut HashMap<String, Entry>) {
        known.retain(|_, entry| self.is_fresh(entry));
        if known.len() >= self.sites_max {
            let mut spared = known.len() / 8 + 1;
            known.retain(|_, _| {
                spared = spared.saturating_sub(1);
                spared == 0
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use net::DnsTable;

    fn resolver() -> Resolver {
        let mut table = DnsTable::default();
        table
            .addresses
            .insert("*".into(), Ok(vec!["192.0.2.1".parse().unwrap()]));
        Resolver::table(table)
    }

    #[tokio::test(start_paused = true)]
    async fn remembered_for_its_time_and_bounded() {
        let mut settings = Settings::default();
        settings.bounds.sites_max = 8;
        let lookup = Lookup::new(&settings);
        assert!(lookup.known("a.test").is_none());
        lookup.find(&settings, &resolver(), "a.test").await;
        assert!(lookup.known("a.test").is_some());
        tokio::time::advance(settings.bounds.site_ttl).await;
        assert!(lookup.known("a.test").is_none());
        for n in 0..100 {
            lookup.find(&settings, &resolver(), &format!("{n}.test")).await;
        }
        assert!(lookup.lock().len() <= 8);
        assert!(lookup.known("99.test").is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_forgotten_sooner() {
        let settings = Settings::default();
        let lookup = Lookup::new(&settings);
        lookup
            .find(&settings, &Resolver::table(DnsTable::default()), "a.test")
            .await;
        assert!(matches!(lookup.known("a.test"), Some(Destination::None(_))));
        tokio::time::advance(FAILURE_TTL).await;
        assert!(lookup.known("a.test").is_none());
    }
}
