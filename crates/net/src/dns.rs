//! DNS answers as the sending side needs them. Answers are hostile input: bounded in number and time.

use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::{TokioResolver, config, proto::rr::RData};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// One MX record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mx {
    /// Lower is tried first.
    pub preference: u16,
    /// Lower case, without the last dot; empty for a null MX (RFC 7505).
    pub exchange: String,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// The name, or records of that type, do not exist.
    #[error("no such record")]
    Missing,
    /// SERVFAIL, REFUSED, time-out, garbage: may work later.
    #[error("DNS failed for now: {0}")]
    Temporary(String),
}

/// Names and answers for tests and for the demo: no network is asked.
#[derive(Clone, Debug, Default)]
pub struct DnsTable {
    /// MX records by domain. The key `*` answers for every domain without an entry of its own.
    pub mx: HashMap<String, Result<Vec<Mx>, DnsError>>,
    /// Addresses by host name. The key `*` likewise.
    pub addresses: HashMap<String, Result<Vec<IpAddr>, DnsError>>,
    /// A records by name, for [`Resolver::lookup_a`]. The key `*` likewise.
    pub a: HashMap<String, Result<Vec<Ipv4Addr>, DnsError>>,
}

/// A resolver.
#[derive(Clone)]
pub struct Resolver(Kind);

#[derive(Clone)]
enum Kind {
    Hickory(Box<TokioResolver>),
    Table(Arc<DnsTable>),
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Kind::Hickory(_) => "Resolver(system)",
            Kind::Table(_) => "Resolver(table)",
        })
    }
}

/// Records taken from one answer.
const RECORDS_MAX: usize = 32;

impl Resolver {
    /// The system's name servers (`/etc/resolv.conf`), or the given ones, with one deadline a question.
    pub fn system(servers: &[SocketAddr], timeout: Duration) -> Result<Self, crate::NetError> {
        let failed = |error: hickory_resolver::net::NetError| {
            crate::NetError::Io(
                "name servers".to_owned(),
                std::io::Error::other(error.to_string()),
            )
        };
        let mut builder = if servers.is_empty() {
            TokioResolver::builder_tokio().map_err(failed)?
        } else {
            let list = servers.iter().map(name_server).collect();
            let own = config::ResolverConfig::from_parts(None, Vec::new(), list);
            TokioResolver::builder_with_config(own, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.timeout = timeout;
        options.attempts = 2;
        options.cache_size = 4_096;
        Ok(Self(Kind::Hickory(Box::new(builder.build().map_err(failed)?))))
    }

    /// Answers from a table.
    pub fn table(table: DnsTable) -> Self {
        Self(Kind::Table(Arc::new(table)))
    }

    /// MX records, best first (RFC 5321 §5.1). [`DnsError::Missing`] means: try the addresses of the domain itself.
    pub async fn mx(&self, domain: &str) -> Result<Vec<Mx>, DnsError> {
        match &self.0 {
            Kind::Table(table) => answer(&table.mx, domain),
            Kind::Hickory(resolver) => {
                let found = resolver
                    .mx_lookup(format!("{domain}."))
                    .await
                    .map_err(|error| explain(&error))?;
                let mut list: Vec<_> = found
                    .answers()
                    .iter()
                    .filter_map(|record| match &record.data {
                        RData::MX(mx) => Some(Mx {
                            preference: mx.preference,
                            exchange: host_name(&mx.exchange.to_ascii()),
                        }),
                        _ => None,
                    })
                    .take(RECORDS_MAX)
                    .collect();
                list.sort();
                if list.is_empty() {
                    Err(DnsError::Missing)
                } else {
                    Ok(list)
                }
            }
        }
    }

    /// Addresses of a host, IPv6 and IPv4.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, DnsError> {
        match &self.0 {
            Kind::Table(table) => answer(&table.addresses, host),
            Kind::Hickory(resolver) => {
                let found = resolver
                    .lookup_ip(format!("{host}."))
                    .await
                    .map_err(|error| explain(&error))?;
                let list: Vec<_> = found.iter().take(RECORDS_MAX).collect();
                if list.is_empty() {
                    Err(DnsError::Missing)
                } else {
                    Ok(list)
                }
            }
        }
    }

    /// A records of a name, CNAMEs followed, at most 32: what a list by DNS answers (RFC 5782 §2.1). [`DnsError::Missing`] is the
    /// list's "no".
    pub async fn lookup_a(&self, name: &str) -> Result<Vec<Ipv4Addr>, DnsError> {
        match &self.0 {
            Kind::Table(table) => answer(&table.a, name),
            Kind::Hickory(resolver) => {
                let found = resolver
                    .ipv4_lookup(format!("{name}."))
                    .await
                    .map_err(|error| explain(&error))?;
                let list: Vec<_> = found
                    .answers()
                    .iter()
                    .filter_map(|record| match &record.data {
                        RData::A(address) => Some(address.0),
                        _ => None,
                    })
                    .take(RECORDS_MAX)
                    .collect();
                if list.is_empty() {
                    Err(DnsError::Missing)
                } else {
                    Ok(list)
                }
            }
        }
    }
}

fn answer<T: Clone>(table: &HashMap<String, Result<T, DnsError>>, name: &str) -> Result<T, DnsError> {
    table
        .get(name)
        .or_else(|| table.get("*"))
        .cloned()
        .unwrap_or(Err(DnsError::Missing))
}

fn explain(error: &hickory_resolver::net::NetError) -> DnsError {
    if error.is_no_records_found() {
        DnsError::Missing
    } else {
        DnsError::Temporary(error.to_string())
    }
}

fn host_name(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn name_server(server: &SocketAddr) -> config::NameServerConfig {
    let mut own = config::NameServerConfig::udp_and_tcp(server.ip());
    for connection in &mut own.connections {
        connection.port = server.port();
    }
    own
}
