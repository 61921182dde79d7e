//! Named networks, found by address: the narrowest range first.

use super::{Network, NetworkTrust};
use ipnet::IpNet;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

/// All networks, by trust.
#[derive(Debug, Default)]
pub(super) struct Networks {
    relay: Ranges,
    proxy: Ranges,
}

/// Look-up costs one map access for each prefix length in use.
#[derive(Debug, Default)]
struct Ranges {
    by_range: HashMap<IpNet, Arc<Network>>,
    lengths_v4: BTreeSet<u8>,
    lengths_v6: BTreeSet<u8>,
}

impl Networks {
    pub(super) fn new(networks: Vec<Network>) -> Self {
        let mut all = Self::default();
        for network in networks {
            let ranges = match network.trust {
                NetworkTrust::Relay => &mut all.relay,
                NetworkTrust::Proxy => &mut all.proxy,
            };
            let range = network.range.trunc();
            let lengths = if range.addr().is_ipv4() {
                &mut ranges.lengths_v4
            } else {
                &mut ranges.lengths_v6
            };
            lengths.insert(range.prefix_len());
            ranges.by_range.insert(range, Arc::new(network));
        }
        all
    }

    /// An IPv4 address in IPv6 clothes (`::ffff:192.0.2.1`, as a dual-stack socket tells it) is the IPv4 address.
    pub(super) fn find(&self, address: IpAddr, trust: &NetworkTrust) -> Option<Arc<Network>> {
        let address = address.to_canonical();
        let ranges = match trust {
            NetworkTrust::Relay => &self.relay,
            NetworkTrust::Proxy => &self.proxy,
        };
        let lengths = if address.is_ipv4() {
            &ranges.lengths_v4
        } else {
            &ranges.lengths_v6
        };
        lengths.iter().rev().find_map(|length| {
            let range = IpNet::new(address, *length).ok()?.trunc();
            ranges.by_range.get(&range).cloned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use risk::LimitOverrides;

    fn network(name: &str, range: &str, trust: NetworkTrust) -> Network {
        Network {
            name: name.into(),
            range: range.parse().unwrap(),
            trust,
            tenant: String::new(),
            also_sends_as: Vec::new(),
            limits: LimitOverrides::default(),
        }
    }

    #[test]
    fn the_narrowest_wins() {
        let networks = Networks::new(vec![
            network("all", "0.0.0.0/0", NetworkTrust::Relay),
            network("ten", "10.0.0.0/8", NetworkTrust::Relay),
            network("rack", "10.1.2.0/24", NetworkTrust::Relay),
            network("one", "10.1.2.3/32", NetworkTrust::Relay),
            network("proxy", "10.1.2.0/24", NetworkTrust::Proxy),
            network("six", "2001:db8::/32", NetworkTrust::Relay),
        ]);
        let check = |address: &str, trust: NetworkTrust, expected: Option<&str>| {
            let found = networks.find(address.parse().unwrap(), &trust);
            assert_eq!(
                found.as_ref().map(|network| network.name.as_str()),
                expected,
                "{address}"
            );
        };
        check("10.1.2.3", NetworkTrust::Relay, Some("one"));
        check("10.1.2.4", NetworkTrust::Relay, Some("rack"));
        check("::ffff:10.1.2.4", NetworkTrust::Relay, Some("rack"));
        check("10.9.9.9", NetworkTrust::Relay, Some("ten"));
        check("192.0.2.1", NetworkTrust::Relay, Some("all"));
        check("10.1.2.3", NetworkTrust::Proxy, Some("proxy"));
        check("192.0.2.1", NetworkTrust::Proxy, None);
        check("2001:db8::1", NetworkTrust::Relay, Some("six"));
        check("2001:db9::1", NetworkTrust::Relay, None);
    }
}
