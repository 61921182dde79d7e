//! Which scanners are asked, how each is reached, and how much it is given.

use net::Endpoint;
use std::time::Duration;

/// The scanners of a site. None is "not asked".
#[derive(Clone, Debug)]
pub struct ScannerSettings {
    /// ClamAV's clamd.
    pub clamav: Option<ScannerAccess>,
    /// Rspamd's normal worker.
    pub rspamd: Option<ScannerAccess>,
    /// SpamAssassin's spamd.
    pub spamassassin: Option<ScannerAccess>,
    /// For all scanners together; waiting for a free connection counts too.
    pub deadline: Duration,
    /// Tell spam scanners the client's address and EHLO name. They would judge a customer at home by the lists that say
    /// "this is a home connection", so it is off by default.
    pub send_client_address: bool,
}

impl Default for ScannerSettings {
    fn default() -> Self {
        Self {
            clamav: None,
            rspamd: None,
            spamassassin: None,
            deadline: Duration::from_secs(8),
            send_client_address: false,
        }
    }
}

/// How one scanner is reached.
#[derive(Clone, Debug)]
pub struct ScannerAccess {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// Messages that it is given at one time; further ones wait. At least 1.
    pub connections_max: usize,
    /// Larger messages are not shown to it ([`risk::Gathered::Off`]).
    pub size_octets_max: usize,
    /// For its answer, waiting for its turn included; None is the deadline for all scanners, which holds in any case.
    pub timeout: Option<Duration>,
    /// How long it is left alone after failing again and again.
    pub retry_after: Duration,
    /// Rspamd only: the password that its worker asks for.
    pub password: Option<String>,
    /// Rspamd only: the named settings that are applied to our messages.
    pub settings_id: Option<String>,
}

impl ScannerAccess {
    /// With the given limits, asked again 3 s after it went down.
    fn new(endpoint: Endpoint, connections_max: usize, size_octets_max: usize) -> Self {
        let retry_after = Duration::from_secs(3);
        Self {
            endpoint,
            connections_max,
            size_octets_max,
            timeout: None,
            retry_after,
            password: None,
            settings_id: None,
        }
    }

    /// For clamd as it is shipped: 10 threads, streams of 25 MiB.
    pub fn clamav(endpoint: Endpoint) -> Self {
        Self::new(endpoint, 10, 25 << 20)
    }

    /// For Rspamd as it is shipped: event loops that take many requests, messages of 50 MiB.
    pub fn rspamd(endpoint: Endpoint) -> Self {
        Self::new(endpoint, 64, 50 << 20)
    }

    /// For spamd as it is shipped: 5 children, and the 500 KiB that its own client stops at.
    pub fn spamassassin(endpoint: Endpoint) -> Self {
        Self::new(endpoint, 5, 500 << 10)
    }
}
