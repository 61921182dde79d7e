//! Other scanners' opinions: ClamAV, Rspamd, SpamAssassin, all asked at once under one deadline.
//!
//! Promises: [`Scanners::scan`] returns within the deadline, whatever the scanners do, with one entry for each scanner that is
//! switched on: its answer, or why there is none. What that means for the message is the policy's matter. A scanner that is
//! down is left alone for a while (a circuit breaker), so that its absence costs nothing but its opinion.
//! Trusts the scanners' judgement, not their behaviour: replies are bounded and checked.
//! Limits: `connections_max`, `size_octets_max`, `timeout` and `retry_after` of each [`ScannerAccess`].

mod breaker;
mod clamav;
mod exchange;
mod rspamd;
mod settings;
mod spamassassin;

pub(crate) use breaker::Breaker;
use bytes::Bytes;
use exchange::Fault;
use net::Dialer;
use risk::{Gathered, Scan, ScanResult};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

pub use exchange::About;
pub use settings::{ScannerAccess, ScannerSettings};

/// The scanners that are switched on.
#[derive(Debug)]
pub struct Scanners {
    list: Vec<Scanner>,
    deadline: Duration,
}

#[derive(Debug)]
struct Scanner {
    name: &'static str,
    client: Client,
    size_octets_max: usize,
    timeout: Option<Duration>,
    slots: Semaphore,
    breaker: Breaker,
}

#[derive(Debug)]
enum Client {
    Clamav(clamav::Clamav),
    Rspamd(rspamd::Rspamd),
    SpamAssassin(spamassassin::SpamAssassin),
}

impl Scanners {
    /// Connects to nobody yet.
    pub fn new(settings: ScannerSettings, dialer: Dialer) -> Self {
        let send_client_address = settings.send_client_address;
        let mut list = Vec::new();
        if let Some(access) = settings.clamav {
            let client = clamav::Clamav {
                dialer: dialer.clone(),
                endpoint: access.endpoint.clone(),
            };
            list.push(Scanner::new("clamav", Client::Clamav(client), &access));
        }
        if let Some(access) = settings.rspamd {
            let setup = rspamd::Setup {
                dialer: dialer.clone(),
                endpoint: access.endpoint.clone(),
                password: access.password.clone(),
                settings_id: access.settings_id.clone(),
                send_client_address,
                idle_max: access.connections_max,
            };
            list.push(Scanner::new(
                "rspamd",
                Client::Rspamd(rspamd::Rspamd::new(setup)),
                &access,
            ));
        }
        if let Some(access) = settings.spamassassin {
            let client = spamassassin::SpamAssassin {
                dialer,
                endpoint: access.endpoint.clone(),
            };
            list.push(Scanner::new(
                "spamassassin",
                Client::SpamAssassin(client),
                &access,
            ));
        }
        Self {
            list,
            deadline: settings.deadline,
        }
    }

    /// None is switched on.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Scanners that are down now, and why: what the panel warns of.
    pub fn down(&self) -> Vec<(&'static str, String)> {
        self.list
            .iter()
            .filter_map(|scanner| Some((scanner.name, scanner.breaker.down()?)))
            .collect()
    }

    /// Asks all of them at once. One entry a scanner, in a fixed order; [`Gathered::Off`] when the message is larger than the
    /// scanner is shown.
    pub async fn scan(&self, message: &Bytes, about: &About<'_>) -> Vec<Scan> {
        let start = Instant::now();
        let asked = self.list.iter().map(async |scanner| {
            let deadline = scanner
                .timeout
                .map_or(self.deadline, |own| own.min(self.deadline));
            let result = scanner.ask(message, about, deadline, start + deadline).await;
            let took_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
            Scan {
                scanner: scanner.name.to_owned(),
                result,
                took_us,
            }
        });
        futures_util::future::join_all(asked).await
    }
}

impl Scanner {
    fn new(name: &'static str, client: Client, access: &ScannerAccess) -> Self {
        Self {
            name,
            client,
            size_octets_max: access.size_octets_max,
            timeout: access.timeout,
            slots: Semaphore::new(access.connections_max.clamp(1, Semaphore::MAX_PERMITS)),
            breaker: Breaker::new(access.retry_after),
        }
    }

    async fn ask(
        &self,
        message: &Bytes,
        about: &About<'_>,
        deadline: Duration,
        until: Instant,
    ) -> Gathered<ScanResult> {
        if message.len() > self.size_octets_max {
            return Gathered::Off;
        }
        // Nobody queues for a scanner that is known to be down.
        if let Err(why) = self.breaker.ask(Instant::now()) {
            return Gathered::Failed(bounded(&why));
        }
        // Waiting for a slot says nothing about the scanner: only who was connected may open the breaker.
        let Ok(Ok(_slot)) = timeout_at(until, self.slots.acquire()).await else {
            return Gathered::Late;
        };
        let leave = match self.breaker.ask(Instant::now()) {
            Ok(leave) => leave,
            Err(why) => return Gathered::Failed(bounded(&why)),
        };
        let begun = Instant::now();
        match timeout_at(until, self.client.scan(message, about)).await {
            Ok(Ok(result)) => {
                leave.answered();
                Gathered::Known(result)
            }
            Ok(Err(fault)) => {
                let why = bounded(&fault.to_string());
                if fault.counts() {
                    leave.failed(&why, Instant::now())
                } else {
                    leave.answered()
                }
                Gathered::Failed(why)
            }
            Err(_) => {
                // Who got its slot late gave the scanner no fair chance.
                if begun.elapsed() >= deadline / 2 {
                    leave.failed("no answer in time", Instant::now());
                }
                Gathered::Late
            }
        }
    }
}

impl Client {
    async fn scan(&self, message: &Bytes, about: &About<'_>) -> Result<ScanResult, Fault> {
        match self {
            Self::Clamav(client) => client.scan(message).await,
            Self::Rspamd(client) => client.scan(message, about).await,
            Self::SpamAssassin(client) => client.scan(message, about).await,
        }
    }
}

/// The bound of a reason in the facts.
fn bounded(why: &str) -> String {
    why.chars().take(200).collect()
}
