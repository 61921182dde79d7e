//! Where a domain's mail goes: route, address literal, MX hosts or the domain itself, with addresses (RFC 5321 §5.1).
//!
//! Promises: a domain is given up for good only when DNS says that it takes no mail (null MX, RFC 7505), does not exist, or
//! leads back to us; whatever else is wrong with DNS is temporary. Domains with the same hosts in the same order are one
//! site. DNS answers are hostile: hosts and addresses are bounded.

use crate::pool::Families;
use crate::settings::{NextHop, Route, Settings, SiteLimits, TlsPolicy};
use futures_util::future::join_all;
use mail::smtp::Reply;
use net::{DnsError, Mx, Resolver};
use std::net::IpAddr;
use std::sync::Arc;

/// Hosts that are tried one after another, with what is asked of them.
#[derive(Debug)]
pub(crate) struct Site {
    /// What makes it one site: its hosts in order.
    pub key: Arc<str>,
    /// Its name for people.
    pub name: Arc<str>,
    /// Best first; at least one, each with at least one address.
    pub hosts: Vec<Host>,
    pub tls: TlsPolicy,
    pub pipeline_messages: bool,
    pub limits: SiteLimits,
    pub families: Families,
}

/// A next hop with its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    pub name: String,
    /// Lower is tried first; equals in random order.
    pub preference: u16,
    pub port: u16,
    pub addresses: Vec<IpAddr>,
}

/// Where a domain's mail goes, or why not (for now, or for good, by the reply's severity).
#[derive(Clone, Debug)]
pub(crate) enum Destination {
    Site(Arc<Site>),
    None(Reply),
}

/// Looks a destination up. `domain` in its lookup form.
pub(crate) async fn resolve(settings: &Settings, resolver: &Resolver, domain: &str) -> Destination {
    let found = tokio::time::timeout(settings.timeouts.dns, hosts_of(settings, resolver, domain)).await;
    match found {
        Ok(Ok((hosts, route))) => Destination::Site(Arc::new(site(settings, domain, hosts, route))),
        Ok(Err(reply)) => Destination::None(reply),
        Err(_) => Destination::None(dns_failed(domain, "no answer in time")),
    }
}

async fn hosts_of<'s>(
    settings: &'s Settings,
    resolver: &Resolver,
    domain: &str,
) -> Result<(Vec<Host>, Option<&'s Route>), Reply> {
    if let Some(route) = settings.route(domain) {
        let wanted = route
            .hosts
            .iter()
            .zip(0_u16..)
            .map(|(hop, order)| (order, hop.clone()))
            .collect();
        let hosts = with_addresses(resolver, wanted, settings.bounds.hosts_max, domain).await?;
        return Ok((hosts, Some(route)));
    }
    let hop = |host: String| NextHop {
        host,
        port: settings.mx_port,
    };
    let wanted = if let Some(address) = literal(domain) {
        vec![(0, hop(address.to_string()))]
    } else {
        let list = exchanges(resolver, domain).await?;
        list.into_iter()
            .map(|mx| (mx.preference, hop(mx.exchange)))
            .collect()
    };
    let hosts = with_addresses(resolver, wanted, settings.bounds.hosts_max, domain).await?;
    let hosts = before_ourselves(settings, hosts, domain)?;
    Ok((
        if settings.local_addresses {
            hosts
        } else {
            reachable_by_all(hosts, domain)?
        },
        None,
    ))
}

/// Leaves out addresses that mean another host to everybody who asks: whoever publishes them for its domain wants us to
/// talk to ourselves or to our neighbours.
fn reachable_by_all(mut hosts: Vec<Host>, domain: &str) -> Result<Vec<Host>, Reply> {
    for host in &mut hosts {
        host.addresses.retain(|address| !is_local(*address));
    }
    hosts.retain(|host| !host.addresses.is_empty());
    if hosts.is_empty() {
        return Err(Reply::new(
            550,
            (5, 4, 4),
            format!("the mail hosts of {domain} have local addresses only"),
        ));
    }
    Ok(hosts)
}

/// Loopback, unspecified, link-local, multicast, broadcast. Private networks are left to the operator's routing.
fn is_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(four) => {
            let this_network = four.octets().first() == Some(&0);
            this_network
                || four.is_loopback()
                || four.is_link_local()
                || four.is_multicast()
                || four.is_broadcast()
        }
        IpAddr::V6(six) => {
            six.is_loopback() || six.is_unspecified() || six.is_unicast_link_local() || six.is_multicast()
        }
    }
}

/// MX records, or the domain as its own (RFC 5321 §5.1: the implicit MX has preference 0).
async fn exchanges(resolver: &Resolver, domain: &str) -> Result<Vec<Mx>, Reply> {
    match resolver.mx(domain).await {
        Ok(list) if !list.is_empty() && list.iter().all(|mx| mx.exchange.is_empty()) => Err(Reply::new(
            556,
            (5, 1, 10),
            format!("{domain} does not accept mail (null MX)"),
        )),
        Ok(mut list) => {
            list.retain(|mx| !mx.exchange.is_empty());
            list.sort();
            Ok(list)
        }
        Err(DnsError::Missing) => Ok(vec![Mx {
            preference: 0,
            exchange: domain.to_owned(),
        }]),
        Err(DnsError::Temporary(why)) => Err(dns_failed(domain, &why)),
    }
}

/// Looks up the addresses of the best hosts, all at once; hosts without any are left out.
async fn with_addresses(
    resolver: &Resolver,
    wanted: Vec<(u16, NextHop)>,
    hosts_max: usize,
    domain: &str,
) -> Result<Vec<Host>, Reply> {
    let implicit = matches!(wanted.as_slice(), [(_, only)] if only.host == domain);
    let look_up = wanted
        .into_iter()
        .take(hosts_max)
        .map(|(preference, hop)| async move {
            let found = match hop.host.parse::<IpAddr>() {
                Ok(address) => Ok(vec![address]),
                Err(_) => resolver.addresses(&hop.host).await,
            };
            (
                Host {
                    name: hop.host,
                    preference,
                    port: hop.port,
                    addresses: Vec::new(),
                },
                found,
            )
        });
    let mut hosts = Vec::new();
    let mut temporary = None;
    for (mut host, found) in join_all(look_up).await {
        match found {
            Ok(addresses) if !addresses.is_empty() => {
                host.addresses = addresses;
                hosts.push(host);
            }
            Ok(_) | Err(DnsError::Missing) => {}
            Err(DnsError::Temporary(why)) => temporary = Some(why),
        }
    }
    match (hosts.is_empty(), temporary) {
        (false, _) => Ok(hosts),
        (true, Some(why)) => Err(dns_failed(domain, &why)),
        (true, None) if implicit => Err(Reply::new(
            550,
            (5, 1, 2),
            format!("{domain} does not exist, or has neither MX nor address"),
        )),
        (true, None) => Err(Reply::new(
            550,
            (5, 4, 4),
            format!("no mail host of {domain} has an address"),
        )),
    }
}

/// Drops ourselves and everybody who is not better than we are (RFC 5321 §5.1): they would send the mail back to us.
fn before_ourselves(settings: &Settings, mut hosts: Vec<Host>, domain: &str) -> Result<Vec<Host>, Reply> {
    let is_own = |host: &Host| {
        let names = settings
            .own_names
            .iter()
            .chain(std::iter::once(&settings.host_name));
        names
            .into_iter()
            .any(|name| name.eq_ignore_ascii_case(&host.name))
            || host
                .addresses
                .iter()
                .any(|address| settings.own_addresses.contains(address))
    };
    if let Some(own) = hosts
        .iter()
        .filter(|host| is_own(host))
        .map(|host| host.preference)
        .min()
    {
        hosts.retain(|host| host.preference < own);
    }
    if hosts.is_empty() {
        return Err(Reply::new(
            554,
            (5, 4, 6),
            format!("mail for {domain} loops back to this host"),
        ));
    }
    Ok(hosts)
}

fn dns_failed(domain: &str, why: &str) -> Reply {
    Reply::new(451, (4, 4, 3), format!("DNS failed for {domain}: {why}"))
}

fn literal(domain: &str) -> Option<IpAddr> {
    let inner = domain.strip_prefix('[')?.strip_suffix(']')?;
    inner.strip_prefix("ipv6:").unwrap_or(inner).parse().ok()
}

fn site(settings: &Settings, domain: &str, hosts: Vec<Host>, route: Option<&Route>) -> Site {
    let names: Vec<&str> = hosts.iter().map(|host| host.name.as_str()).collect();
    Site {
        key: key(&hosts, route).into(),
        name: display_name(&names).into(),
        tls: route.map_or(settings.tls, |route| route.tls),
        pipeline_messages: route.is_some_and(|route| route.pipeline_messages),
        limits: settings.limits_for(domain, &names).clone(),
        families: Families::of(hosts.iter().flat_map(|host| &host.addresses)),
        hosts,
    }
}

/// Hosts in order; only the order of preferences counts, not their values, and equals have no order among them.
fn key(hosts: &[Host], route: Option<&Route>) -> String {
    let mut sorted: Vec<_> = hosts.iter().collect();
    sorted.sort_by(|a, b| (a.preference, &a.name, a.port).cmp(&(b.preference, &b.name, b.port)));
    // Routes to one host with different demands are different sites.
    let mut key = route.map_or(String::from("mx"), |route| format!("{:?}", route.tls));
    let mut last = None;
    for host in sorted {
        key.push(if last == Some(host.preference) { ',' } else { ';' });
        key.push_str(&format!("{}:{}", host.name, host.port));
        last = Some(host.preference);
    }
    key
}

/// The only host, else `*.` and the labels that all have in common (at least two), else the best host.
fn display_name(names: &[&str]) -> String {
    let [first, rest @ ..] = names else {
        return String::new();
    };
    if rest.iter().all(|name| name == first) {
        return (*first).to_owned();
    }
    let common = first
        .match_indices('.')
        .map(|(dot, _)| first.get(dot..).unwrap_or_default());
    let mut common = common.filter(|suffix| suffix.matches('.').count() >= 2);
    let shared = common.find(|suffix| rest.iter().all(|name| name.ends_with(suffix)));
    shared.map_or_else(|| (*first).to_owned(), |suffix| format!("*{suffix}"))
}

impl Site {
    /// Addresses in the order in which they are tried: by preference, equals by `shuffle`, of a family that `source` can
    /// reach, IPv6 and IPv4 in turn within a host.
    pub(crate) fn candidates(
        &self,
        source: Option<IpAddr>,
        addresses_max: usize,
        mut shuffle: impl FnMut() -> u32,
    ) -> Vec<(&Host, IpAddr)> {
        let mut order: Vec<_> = self
            .hosts
            .iter()
            .map(|host| (host.preference, shuffle(), host))
            .collect();
        order.sort_by_key(|(preference, random, _)| (*preference, *random));
        let fits = |address: &IpAddr| source.is_none_or(|source| source.is_ipv4() == address.is_ipv4());
        let all = order.into_iter().flat_map(|(_, _, host)| {
            interleaved(&host.addresses)
                .into_iter()
                .filter(fits)
                .map(move |address| (host, address))
        });
        all.take(addresses_max).collect()
    }
}

/// IPv6 and IPv4 in turn, so that one dead family does not cost all attempts.
fn interleaved(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let (six, four): (Vec<IpAddr>, Vec<IpAddr>) = addresses.iter().copied().partition(IpAddr::is_ipv6);
    let mut order = Vec::with_capacity(addresses.len());
    for index in 0..six.len().max(four.len()) {
        order.extend(six.get(index).copied());
        order.extend(four.get(index).copied());
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use net::DnsTable;

    fn table() -> DnsTable {
        let mut table = DnsTable::default();
        let mx = |list: &[(u16, &str)]| {
            Ok(list
                .iter()
                .map(|(preference, name)| Mx {
                    preference: *preference,
                    exchange: (*name).into(),
                })
                .collect())
        };
        let temporary = DnsError::Temporary("SERVFAIL".into());
        for (domain, answer) in [
            ("two.test", mx(&[(10, "mx1.p.test"), (10, "mx2.p.test")])),
            ("same.test", mx(&[(5, "mx2.p.test"), (5, "mx1.p.test")])),
            ("other-order.test", mx(&[(5, "mx2.p.test"), (6, "mx1.p.test")])),
            ("null.test", mx(&[(0, "")])),
            ("servfail.test", Err(temporary.clone())),
            ("loop.test", mx(&[(10, "gw.test"), (20, "mx1.p.test")])),
            (
                "backup.test",
                mx(&[(10, "mx1.p.test"), (20, "gw.test"), (30, "mx2.p.test")]),
            ),
            ("own-address.test", mx(&[(10, "alias.test")])),
            ("hostless.test", mx(&[(10, "nowhere.test")])),
            ("half.test", mx(&[(10, "nowhere.test"), (20, "mx1.p.test")])),
            ("slow-host.test", mx(&[(10, "broken.test")])),
        ] {
            table.mx.insert(domain.into(), answer);
        }
        for (host, address) in [
            ("mx1.p.test", "192.0.2.1"),
            ("mx2.p.test", "192.0.2.2"),
            ("only-a.test", "192.0.2.3"),
        ] {
            table
                .addresses
                .insert(host.into(), Ok(vec![address.parse().unwrap()]));
        }
        table
            .addresses
            .insert("gw.test".into(), Ok(vec!["192.0.2.66".parse().unwrap()]));
        table
            .addresses
            .insert("alias.test".into(), Ok(vec!["192.0.2.66".parse().unwrap()]));
        table.addresses.insert("broken.test".into(), Err(temporary));
        table
    }

    fn settings() -> Settings {
        let own_addresses = vec!["192.0.2.66".parse().unwrap()];
        Settings {
            host_name: "gw.test".into(),
            own_addresses,
            ..Settings::default()
        }
    }

    async fn look_up(domain: &str) -> Result<Arc<Site>, String> {
        match resolve(&settings(), &Resolver::table(table()), domain).await {
            Destination::Site(site) => Ok(site),
            Destination::None(reply) => Err(reply.enhanced.unwrap().to_string()),
        }
    }

    #[tokio::test]
    async fn destinations() {
        for (domain, expected) in [
            ("two.test", Ok("*.p.test")),
            ("only-a.test", Ok("only-a.test")),
            ("[192.0.2.7]", Ok("192.0.2.7")),
            ("[ipv6:2001:db8::7]", Ok("2001:db8::7")),
            ("backup.test", Ok("mx1.p.test")),
            ("half.test", Ok("mx1.p.test")),
            ("null.test", Err("5.1.10")),
            ("servfail.test", Err("4.4.3")),
            ("slow-host.test", Err("4.4.3")),
            ("missing.test", Err("5.1.2")),
            ("hostless.test", Err("5.4.4")),
            ("loop.test", Err("5.4.6")),
            ("own-address.test", Err("5.4.6")),
            ("[192.0.2.66]", Err("5.4.6")),
            ("[127.0.0.1]", Err("5.4.4")),
            ("[ipv6:::ffff:127.0.0.1]", Err("5.4.4")),
            ("[ipv6:fe80::1]", Err("5.4.4")),
            ("[0.0.0.0]", Err("5.4.4")),
            ("[10.0.0.1]", Ok("10.0.0.1")),
        ] {
            let found = look_up(domain).await;
            let found = found.as_ref().map(|site| &*site.name).map_err(String::as_str);
            assert_eq!(found, expected, "{domain}");
        }
    }

    #[tokio::test]
    async fn same_hosts_are_one_site() {
        let key = |domain: &'static str| async move { look_up(domain).await.unwrap().key.clone() };
        assert_eq!(key("two.test").await, key("same.test").await);
        assert_ne!(key("two.test").await, key("other-order.test").await);
        assert_ne!(key("two.test").await, key("backup.test").await);
    }

    #[test]
    fn names_for_people() {
        let check = |names: &[&str], expected: &str| assert_eq!(display_name(names), expected, "{names:?}");
        check(&["mx.a.test"], "mx.a.test");
        check(&["mx1.a.test", "mx2.a.test"], "*.a.test");
        check(&["alt1.mx.l.test", "mx.l.test"], "*.l.test");
        check(&["mx1.a.test", "mx2.b.test"], "mx1.a.test");
        check(&[], "");
    }

    #[tokio::test]
    async fn candidates_by_family_and_order() {
        let host = |name: &str, preference: u16, addresses: &[&str]| Host {
            name: name.into(),
            preference,
            port: 25,
            addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
        };
        let hosts = vec![
            host("late", 20, &["192.0.2.9"]),
            host("both", 10, &["192.0.2.1", "192.0.2.2", "2001:db8::1"]),
        ];
        let site = site(&settings(), "x.test", hosts, None);
        let check = |source: Option<&str>, max: usize, expected: &[&str]| {
            let list = site.candidates(source.map(|s| s.parse().unwrap()), max, || 0);
            let list: Vec<_> = list.iter().map(|(_, address)| address.to_string()).collect();
            assert_eq!(list, expected);
        };
        check(None, 9, &["2001:db8::1", "192.0.2.1", "192.0.2.2", "192.0.2.9"]);
        check(Some("192.0.2.50"), 9, &["192.0.2.1", "192.0.2.2", "192.0.2.9"]);
        check(Some("2001:db8::50"), 9, &["2001:db8::1"]);
        check(None, 2, &["2001:db8::1", "192.0.2.1"]);
    }
}
