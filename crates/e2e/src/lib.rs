//! Peers of the gateway for scenarios, demonstration and benchmarks: a client, a load, a sink that plays the Internet, the
//! gateway's own process, and real neighbours. Nothing here is part of the product, and nothing of the product's parsers is
//! used here: these peers are independent witnesses.

pub mod client;
pub mod load;
pub mod mails;
pub mod neighbours;
pub mod process;
pub mod sink;
