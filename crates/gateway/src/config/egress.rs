//! `[egress]`: how mail goes out.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// `[egress]`: how mail goes out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Egress {
    /// `[egress.pool.NAME]`: source addresses by pool (`clean`, `new`, `bulk`, `forward`, `risk`, `bounce`). A pool that is not
    /// named uses `clean`; without that the system chooses.
    pub pool: BTreeMap<String, Pool>,
    /// `[[egress.route]]`: where mail for some domains goes instead of to their MX; the most exact one is taken.
    pub route: Vec<Route>,
    /// `[egress.retry]`: when to try again.
    pub retry: Retry,
    /// `[egress.site]`: limits towards each destination site.
    pub site: Site,
    /// Port of mail exchangers. Default: 25.
    pub port: Option<u16>,
    /// `off`, `opportunistic`, `required` (any certificate) or `verify` towards mail exchangers. Default: `opportunistic`.
    pub tls: Option<Tls>,
    /// Further names of ours: an MX of that name is ourselves, and mail for it would go round in a circle.
    pub own_names: Vec<String>,
    /// Open connections to all sites. Default: 500.
    pub connections_max: Option<usize>,
}

/// `[egress.pool.NAME]`: one pool.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pool {
    /// Addresses of this machine.
    pub sources: Vec<Source>,
}

/// One source of a pool.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Address of this machine.
    pub address: IpAddr,
    /// Name in EHLO, which should be the address' PTR. Default: `hostname`.
    #[serde(default)]
    pub ehlo: Option<String>,
    /// Share among the pool's sources. Default: 1.
    #[serde(default)]
    pub weight: Option<u32>,
}

/// `[[egress.route]]`: one route.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// A domain, `*.example.com` for its subdomains, or `*` for all.
    pub domain: String,
    /// Next hops as `host:port` or `address:port`; tried in order.
    pub hosts: Vec<String>,
    /// `off`, `opportunistic`, `required` (any certificate) or `verify`. Default: `opportunistic`.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// Send the next message's commands together with a message's end (RFC 2920). For next hops known to take it.
    /// Default: false.
    #[serde(default)]
    pub pipeline_messages: bool,
}

/// TLS towards a next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// Never.
    Off,
    /// When offered; any certificate.
    Opportunistic,
    /// Always; any certificate.
    Required,
    /// Always; the certificate must be valid for the host.
    Verify,
}

/// `[egress.retry]`: when to try again.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Seconds between attempts; the last one repeats. Default: 300, 600, 1200, 2400, 3600, 7200, 14400.
    pub after_s: Vec<u64>,
    /// Seconds after which the sender is told of a delay. 0 is never. Default: 14400.
    pub delay_notice_s: Option<u64>,
}

/// `[egress.site]`: limits towards each destination site.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Site {
    /// Connections from one source. Default: 10.
    pub connections_max: Option<usize>,
    /// Messages through one connection. Default: 100.
    pub messages_per_connection_max: Option<u32>,
    /// Recipients in one transaction. Default: 100.
    pub recipients_per_transaction_max: Option<usize>,
    /// Messages a second; fractions allowed. Default: no limit.
    pub messages_per_s_max: Option<f64>,
}
