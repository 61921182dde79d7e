//! Simulation: time, DNS and next hops are scripted; the store is real.

mod attacks;
mod delivery;
mod lessons;
mod notices;
mod peer;
mod shaping;
mod week;

use crate::world::World;
use egress::{Egress, Settings};
use jiff::Timestamp;
use net::{Clock, Dialer, DnsTable, Mx, Resolver};
use peer::{Network, Peer, Shared};
use std::sync::Arc;

/// A world in which every domain has the MX `mx.DOMAIN`, all at one address, served by one peer.
pub struct Sim {
    pub world: World,
    pub network: Arc<Network>,
    pub egress: Egress,
}

pub const MX: &str = "192.0.2.25";

pub fn dns() -> DnsTable {
    let mut table = DnsTable::default();
    table.addresses.insert("*".into(), Ok(vec![MX.parse().unwrap()]));
    table
}

pub fn mx(list: &[(u16, &str)]) -> Vec<Mx> {
    list.iter()
        .map(|(preference, name)| Mx {
            preference: *preference,
            exchange: (*name).into(),
        })
        .collect()
}

pub fn clock() -> Clock {
    Clock::simulated(Timestamp::from_second(1_800_000_000).unwrap())
}

pub fn settings() -> Settings {
    Settings {
        host_name: "gw.example.net".into(),
        seed: Some(7),
        ..Settings::default()
    }
}

/// One peer at [`MX`]; the tables and settings as given.
pub fn sim(peer: Peer, table: DnsTable, settings: Settings) -> Sim {
    let network = Network::with(&[(MX, peer)]);
    sim_with(network, table, settings)
}

pub fn sim_with(network: Arc<Network>, table: DnsTable, settings: Settings) -> Sim {
    let world = World::new(clock());
    let dialer = Dialer::simulated(Arc::new(Shared(Arc::clone(&network))));
    let egress = world.start(settings, Resolver::table(table), dialer, None);
    Sim {
        world,
        network,
        egress,
    }
}
