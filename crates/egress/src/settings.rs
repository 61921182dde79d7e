//! What the operator decided about the sending side, already resolved: the gateway builds it from its configuration.
//!
//! Promises: [`Settings::check`] refuses what could not work, before anything is sent. Every bound is named `…_max`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// Settings of the sending side.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Our name: in EHLO, and as the reporting MTA of notices.
    pub host_name: String,
    /// Further names under which we receive mail: an MX of that name is ourselves (RFC 5321 §5.1).
    pub own_names: Vec<String>,
    /// Addresses at which we receive mail from the Internet: an MX there is ourselves.
    pub own_addresses: Vec<IpAddr>,
    /// MX records and address literals may lead to loopback, link-local and multicast addresses. Only for tests: whoever
    /// publishes such an MX wants us to talk to ourselves. Routes may always.
    pub local_addresses: bool,
    /// Sources by pool. A pool that is not here uses `clean`; without that one the operating system chooses.
    pub pools: BTreeMap<String, Vec<Source>>,
    /// Destinations that do not go by MX; the most exact pattern wins.
    pub routes: Vec<Route>,
    /// Port of hosts found by MX.
    pub mx_port: u16,
    /// TLS towards hosts found by MX.
    pub tls: TlsPolicy,
    /// When to try again.
    pub retry: Retry,
    /// A sender is told of a delay after that time in the queue; None never.
    pub delay_notice_after: Option<Duration>,
    /// How long a notice is tried.
    pub notice_lifetime: Duration,
    /// Shaping of sites without limits of their own.
    pub limits: SiteLimits,
    /// Limits by pattern: `example.com` (that destination), `*.example.net` (destinations, or MX hosts, below it). The
    /// first that fits counts.
    pub site_limits: Vec<(String, SiteLimits)>,
    /// Waiting times.
    pub timeouts: Timeouts,
    /// Bounds of the whole.
    pub bounds: Bounds,
    /// Seed of all randomness (order among equals, jitter), for tests; None takes the system's.
    pub seed: Option<u64>,
}

/// A source: a local address from which connections are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The address to bind.
    pub address: IpAddr,
    /// The name said in EHLO from here; None is the host name.
    pub ehlo_name: Option<String>,
    /// Its share among the sources of the pool, 1 to 1,000.
    pub weight: u32,
}

/// A destination that does not go by MX.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `example.com`, `*.example.com` (all below it), or `*`.
    pub pattern: String,
    /// Next hops in order.
    pub hosts: Vec<NextHop>,
    /// TLS towards them.
    pub tls: TlsPolicy,
    /// The next message's MAIL, RCPT and DATA may be sent together with a message's last octets (RFC 2920 §3.1 allows it;
    /// it saves a round trip a message). For next hops that are known to take it.
    pub pipeline_messages: bool,
}

/// A next hop that the operator named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NextHop {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// What is asked of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsPolicy {
    /// No TLS, even if offered.
    Off,
    /// TLS when offered, with any certificate; in the clear when it fails (RFC 7435).
    #[default]
    Opportunistic,
    /// TLS with any certificate, or no mail.
    Required,
    /// TLS with a certificate that is valid for the host, or no mail.
    Verify,
}

/// When to try again.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// Waiting time after the first, second, … failed attempt; the last one repeats. At least one.
    pub steps: Vec<Duration>,
    /// Each waiting time is changed at random by up to this share, 0 to 0.5.
    pub jitter: f64,
}

/// Shaping of one site (from one source).
#[derive(Clone, Debug, PartialEq)]
pub struct SiteLimits {
    /// Connections at once.
    pub connections_max: u32,
    /// Messages on one connection.
    pub connection_messages_max: u32,
    /// Recipients in one transaction.
    pub transaction_recipients_max: usize,
    /// Messages in a second; None is not limited.
    pub messages_per_second_max: Option<f64>,
    /// Recipients waiting for a connection; beyond it they go back to the schedule.
    pub ready_max: usize,
}

/// Waiting times of RFC 5321 §4.5.3.2 and others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a TCP connection.
    pub connect: Duration,
    /// For the greeting.
    pub greeting: Duration,
    /// For the reply to EHLO, HELO, STARTTLS, RSET.
    pub ehlo: Duration,
    /// For the TLS handshake.
    pub tls: Duration,
    /// For the reply to MAIL.
    pub mail: Duration,
    /// For the reply to each RCPT.
    pub rcpt: Duration,
    /// For the reply to DATA.
    pub data: Duration,
    /// For each block of the message to be taken.
    pub block: Duration,
    /// For the reply to the final dot.
    pub dot: Duration,
    /// For the reply to QUIT.
    pub quit: Duration,
    /// How long a connection is kept for the next message.
    pub idle: Duration,
    /// For all DNS questions about one destination.
    pub dns: Duration,
}

/// Bounds of the whole sending side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Connections of all sites at once.
    pub connections_max: usize,
    /// Recipients leased from the queue at once.
    pub leased_max: usize,
    /// Destinations being looked up in DNS at once.
    pub lookups_max: usize,
    /// Destinations remembered.
    pub sites_max: usize,
    /// How long a destination is remembered.
    pub site_ttl: Duration,
    /// Paths (site and source) remembered.
    pub paths_max: usize,
    /// Hosts of a site that are considered, best first.
    pub hosts_max: usize,
    /// Addresses tried for one connection.
    pub addresses_tried_max: usize,
    /// Messages put off by a pause that are remembered, to resume at once.
    pub paused_max: usize,
    /// Octets of messages over 1 MiB that are in memory at once to be sent; a single one may be larger.
    pub large_octets_max: u64,
    /// How long a failed TLS handshake of a host is remembered.
    pub tls_broken_ttl: Duration,
    /// A path whose site cannot be reached rests at first this long, then twice as long each time …
    pub rest_first: Duration,
    /// … up to this.
    pub rest_max: Duration,
}

/// The operator's settings cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// A value is outside its range.
    #[error("egress: {0}")]
    Settings(String),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            host_name: "localhost.localdomain".to_owned(),
            own_names: Vec::new(),
            own_addresses: Vec::new(),
            local_addresses: false,
            pools: BTreeMap::new(),
            routes: Vec::new(),
            mx_port: 25,
            tls: TlsPolicy::Opportunistic,
            retry: Retry::default(),
            delay_notice_after: Some(Duration::from_secs(4 * 3_600)),
            notice_lifetime: Duration::from_secs(5 * 86_400),
            limits: SiteLimits::default(),
            site_limits: Vec::new(),
            timeouts: Timeouts::default(),
            bounds: Bounds::default(),
            seed: None,
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        let minutes = [5, 10, 20, 40, 60, 120, 240];
        Self {
            steps: minutes.map(|m| Duration::from_secs(m * 60)).to_vec(),
            jitter: 0.1,
        }
    }
}

impl Default for SiteLimits {
    fn default() -> Self {
        Self {
            connections_max: 10,
            connection_messages_max: 100,
            transaction_recipients_max: 100,
            messages_per_second_max: None,
            ready_max: 10_000,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        let minutes = |m: u64| Duration::from_secs(m * 60);
        Self {
            connect: Duration::from_secs(30),
            greeting: minutes(5),
            ehlo: minutes(5),
            tls: Duration::from_secs(60),
            mail: minutes(5),
            rcpt: minutes(5),
            data: minutes(2),
            block: minutes(3),
            dot: minutes(10),
            quit: Duration::from_secs(2),
            idle: Duration::from_secs(5),
            dns: Duration::from_secs(30),
        }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections_max: 1_000,
            leased_max: 20_000,
            lookups_max: 100,
            sites_max: 20_000,
            site_ttl: Duration::from_secs(300),
            paths_max: 20_000,
            hosts_max: 10,
            addresses_tried_max: 8,
            paused_max: 100_000,
            large_octets_max: 256 << 20,
            tls_broken_ttl: Duration::from_secs(3_600),
            rest_first: Duration::from_secs(60),
            rest_max: Duration::from_secs(15 * 60),
        }
    }
}

impl Settings {
    /// Says what cannot work.
    pub fn check(&self) -> Result<(), EgressError> {
        let bad = |text: String| Err(EgressError::Settings(text));
        if self.host_name.is_empty() || self.host_name.bytes().any(|octet| !octet.is_ascii_graphic()) {
            return bad(format!("host_name {:?} is not a host name", self.host_name));
        }
        if self.retry.steps.is_empty() || self.retry.steps.iter().any(Duration::is_zero) {
            return bad("retry needs at least one step, and none of zero".to_owned());
        }
        if !(0.0..=0.5).contains(&self.retry.jitter) {
            return bad(format!(
                "retry jitter {} is not between 0 and 0.5",
                self.retry.jitter
            ));
        }
        for (pool, sources) in &self.pools {
            if sources.is_empty() {
                return bad(format!("pool {pool} has no source"));
            }
            if let Some(source) = sources
                .iter()
                .find(|source| !(1..=1_000).contains(&source.weight))
            {
                return bad(format!(
                    "pool {pool}: weight of {} is not between 1 and 1000",
                    source.address
                ));
            }
        }
        for route in &self.routes {
            if route.hosts.is_empty() || route.pattern.is_empty() {
                return bad(format!("route {:?} has no host", route.pattern));
            }
        }
        let limits = self
            .site_limits
            .iter()
            .map(|(name, limits)| (name.as_str(), limits));
        for (name, limits) in std::iter::once(("default", &self.limits)).chain(limits) {
            limits.check(name)?;
        }
        self.bounds.check()
    }

    /// The route for a domain (lookup form): the exact name, else the longest `*.suffix`, else `*`.
    pub(crate) fn route(&self, domain: &str) -> Option<&Route> {
        let fitting = self
            .routes
            .iter()
            .filter(|route| pattern_fits(&route.pattern, domain));
        fitting.max_by_key(|route| (!route.pattern.starts_with('*'), route.pattern.len()))
    }

    /// Limits for a site: by destination, else by one of its hosts.
    pub(crate) fn limits_for(&self, domain: &str, hosts: &[&str]) -> &SiteLimits {
        let fits = |pattern: &str| {
            pattern_fits(pattern, domain)
                || (pattern.starts_with("*.") && hosts.iter().any(|host| pattern_fits(pattern, host)))
        };
        self.site_limits
            .iter()
            .find(|(pattern, _)| fits(pattern))
            .map_or(&self.limits, |(_, limits)| limits)
    }
}

/// `*`, `*.suffix`, or the name itself; in lower case.
fn pattern_fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some("") => true,
        Some(suffix) => name.len() > suffix.len() && name.ends_with(suffix),
        None => pattern.eq_ignore_ascii_case(name),
    }
}

impl SiteLimits {
    fn check(&self, name: &str) -> Result<(), EgressError> {
        let rate_ok = self
            .messages_per_second_max
            .is_none_or(|rate| rate.is_finite() && rate > 0.0);
        let counts = [
            self.connections_max as usize,
            self.connection_messages_max as usize,
            self.ready_max,
        ];
        if counts.contains(&0) || self.transaction_recipients_max == 0 || !rate_ok {
            return Err(EgressError::Settings(format!(
                "limits of site {name}: none may be zero"
            )));
        }
        Ok(())
    }
}

impl Bounds {
    fn check(&self) -> Result<(), EgressError> {
        let counts = [
            self.connections_max,
            self.leased_max,
            self.lookups_max,
            self.sites_max,
            self.paths_max,
            self.hosts_max,
            self.addresses_tried_max,
        ];
        let over =
            self.leased_max > 1_000_000 || self.connections_max > 1_000_000 || self.lookups_max > 1_000_000;
        if counts.contains(&0) || over {
            return Err(EgressError::Settings(
                "bounds must be between 1 and 1000000".to_owned(),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(pattern: &str) -> Route {
        let hosts = vec![NextHop {
            host: pattern.to_owned(),
            port: 25,
        }];
        Route {
            pattern: pattern.to_owned(),
            hosts,
            tls: TlsPolicy::Off,
            pipeline_messages: false,
        }
    }

    #[test]
    fn the_most_exact_route_wins() {
        let routes = ["*", "*.example.com", "a.example.com", "*.b.example.com"]
            .map(route)
            .to_vec();
        let settings = Settings {
            routes,
            ..Settings::default()
        };
        let check = |domain: &str, expected: &str| {
            assert_eq!(
                settings.route(domain).map(|r| r.pattern.as_str()),
                Some(expected),
                "{domain}"
            );
        };
        check("a.example.com", "a.example.com");
        check("z.example.com", "*.example.com");
        check("z.b.example.com", "*.b.example.com");
        check("example.com", "*");
        check("notexample.com", "*");
        assert!(Settings::default().route("example.com").is_none());
    }

    #[test]
    fn limits_by_destination_or_by_provider() {
        let one = SiteLimits {
            connections_max: 1,
            ..SiteLimits::default()
        };
        let two = SiteLimits {
            connections_max: 2,
            ..SiteLimits::default()
        };
        let site_limits = vec![
            ("example.com".to_owned(), one),
            ("*.provider.test".to_owned(), two),
        ];
        let settings = Settings {
            site_limits,
            ..Settings::default()
        };
        let check = |domain: &str, host: &str, expected: u32| {
            assert_eq!(
                settings.limits_for(domain, &[host]).connections_max,
                expected,
                "{domain} {host}"
            );
        };
        check("example.com", "mx1.provider.test", 1);
        check("other.test", "mx1.provider.test", 2);
        check("other.test", "mx1.elsewhere.test", 10);
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let check = |change: fn(&mut Settings), word: &str| {
            let mut settings = Settings::default();
            settings.check().unwrap();
            change(&mut settings);
            let error = settings.check().unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        };
        check(|s| s.host_name = "a b".into(), "host_name");
        check(|s| s.retry.steps.clear(), "retry");
        check(|s| s.retry.jitter = 0.9, "jitter");
        check(|s| drop(s.pools.insert("clean".into(), vec![])), "pool clean");
        check(|s| s.limits.connections_max = 0, "limits of site default");
        check(|s| s.bounds.leased_max = 0, "bounds");
    }
}
