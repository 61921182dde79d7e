//! Which source a message leaves by: the sources of its pool in turn, by weight, of a family that the site has.
//!
//! Promises: over `total weight` picks each source gets exactly its weight, spread and not in runs.

use crate::settings::{Settings, Source};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Families of addresses that a site has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Families {
    pub v4: bool,
    pub v6: bool,
}

/// The pools.
#[derive(Debug)]
pub(crate) struct Pools {
    pools: HashMap<String, Pool>,
}

#[derive(Debug)]
struct Pool {
    sources: Vec<Arc<Source>>,
    /// Order of one round: indices of sources, each as often as its weight.
    round: Vec<usize>,
    next: AtomicUsize,
}

/// What a pool gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pick {
    /// The operating system chooses.
    Any,
    /// This one.
    Source(Arc<Source>),
    /// The pool has no source of a family that the site has. The operator caused it.
    NoFamily,
}

impl Pools {
    pub(crate) fn new(settings: &Settings) -> Self {
        let pools = settings
            .pools
            .iter()
            .map(|(name, sources)| (name.clone(), Pool::new(sources.clone())));
        Self {
            pools: pools.collect(),
        }
    }

    /// The next source of a pool.
    pub(crate) fn pick(&self, pool: &str, families: Families) -> Pick {
        let Some(pool) = self.pools.get(pool).or_else(|| self.pools.get("clean")) else {
            return Pick::Any;
        };
        let turn = pool.next.fetch_add(1, Ordering::Relaxed);
        let fitting = (0..pool.round.len()).find_map(|step| {
            let index = pool.round.get((turn.wrapping_add(step)) % pool.round.len())?;
            pool.sources
                .get(*index)
                .filter(|source| families.has(source.address))
        });
        fitting.map_or(Pick::NoFamily, |source| Pick::Source(Arc::clone(source)))
    }
}

impl Families {
    fn has(self, address: IpAddr) -> bool {
        if address.is_ipv4() { self.v4 } else { self.v6 }
    }

    /// The families of a list of addresses.
    pub(crate) fn of<'a>(addresses: impl Iterator<Item = &'a IpAddr>) -> Self {
        addresses.fold(Self { v4: false, v6: false }, |found, address| Self {
            v4: found.v4 || address.is_ipv4(),
            v6: found.v6 || address.is_ipv6(),
        })
    }
}

impl Pool {
    fn new(sources: Vec<Source>) -> Self {
        let round = spread(&sources.iter().map(|source| source.weight).collect::<Vec<_>>());
        Self {
            sources: sources.into_iter().map(Arc::new).collect(),
            round,
            next: AtomicUsize::new(0),
        }
    }
}

/// Smooth weighted round robin: each step everybody gains its weight, the richest is taken and pays the total.
fn spread(weights: &[u32]) -> Vec<usize> {
    let total: i64 = weights.iter().map(|weight| i64::from(*weight)).sum();
    let mut credit = vec![0_i64; weights.len()];
    let mut round = Vec::new();
    for _ in 0..total {
        for (credit, weight) in credit.iter_mut().zip(weights) {
            *credit += i64::from(*weight);
        }
        let richest = (0..credit.len()).max_by_key(|index| (credit.get(*index).copied(), usize::MAX - index));
        if let Some(index) = richest {
            round.push(index);
            if let Some(credit) = credit.get_mut(index) {
                *credit -= total;
            }
        }
    }
    round
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Families = Families { v4: true, v6: true };

    fn source(address: &str, weight: u32) -> Source {
        Source {
            address: address.parse().unwrap(),
            ehlo_name: None,
            weight,
        }
    }

    fn pools(list: &[(&str, Vec<Source>)]) -> Pools {
        let pools = list
            .iter()
            .map(|(name, sources)| ((*name).to_owned(), sources.clone()))
            .collect();
        Pools::new(&Settings {
            pools,
            ..Settings::default()
        })
    }

    #[test]
    fn shares_are_exact_and_spread() {
        let check =
            |weights: &[u32], expected: &[usize]| assert_eq!(spread(weights), expected, "{weights:?}");
        check(&[1], &[0]);
        check(&[1, 1, 1], &[0, 1, 2]);
        check(&[2, 1], &[0, 1, 0]);
        check(&[5, 1, 1], &[0, 0, 1, 0, 2, 0, 0]);
    }

    #[test]
    fn by_name_else_clean_else_any() {
        let pools = pools(&[
            ("clean", vec![source("192.0.2.1", 1)]),
            ("risk", vec![source("192.0.2.9", 1)]),
        ]);
        let check = |pool: &str, expected: &str| {
            assert_eq!(
                pools.pick(pool, BOTH),
                Pick::Source(Arc::new(source(expected, 1))),
                "{pool}"
            );
        };
        check("risk", "192.0.2.9");
        check("clean", "192.0.2.1");
        check("bounce", "192.0.2.1");
        assert_eq!(Pools::new(&Settings::default()).pick("clean", BOTH), Pick::Any);
    }

    #[test]
    fn only_families_that_the_site_has() {
        let pools = pools(&[("clean", vec![source("192.0.2.1", 1), source("2001:db8::1", 3)])]);
        for _ in 0..8 {
            let v4 = pools.pick("clean", Families { v4: true, v6: false });
            assert_eq!(v4, Pick::Source(Arc::new(source("192.0.2.1", 1))));
        }
        assert_eq!(
            pools.pick("clean", Families { v4: false, v6: false }),
            Pick::NoFamily
        );
    }
}
