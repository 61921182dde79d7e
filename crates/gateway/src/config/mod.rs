//! The configuration file: TOML, one section a room. Raw text becomes raw structs (unknown keys are refused with the nearest
//! known one), and these become the rooms' settings in one step ([`resolve`]). The doc comments of the raw fields are the
//! manual: docs/config.md is made from them.

mod egress;
mod error;
mod ingress;
mod panel;
mod resolve;
mod store;

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

pub use error::ConfigError;
pub use resolve::{Resolved, resolve};

/// The whole file. Every section and key may be left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Our name in greetings, Received fields, EHLO and reports. A full host name. Default: the system's.
    pub hostname: Option<String>,
    /// `[ingress]`: how mail comes in.
    pub ingress: ingress::Ingress,
    /// `[risk]`: the policy of the site; see docs/policy.md for the meaning of each value.
    pub risk: risk::Policy,
    /// `[store]`: where things are kept.
    pub store: store::Store,
    /// `[egress]`: how mail goes out.
    pub egress: egress::Egress,
    /// `[panel]`: the web pages and the API.
    pub panel: panel::Panel,
    /// `[trace]`: the log.
    pub trace: Trace,
    /// `[net]`: DNS.
    pub net: Net,
}

/// `[trace]`: the log.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trace {
    /// File to which events are appended as JSON lines; opened anew on SIGHUP. Default: standard output.
    pub log: Option<PathBuf>,
    /// False switches the log off (stories are kept in the store all the same). Default: true.
    pub enabled: Option<bool>,
}

/// `[net]`: DNS.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Net {
    /// Name servers as `address:port`. Default: those of /etc/resolv.conf.
    pub name_servers: Vec<std::net::SocketAddr>,
    /// Seconds for one question. Default: 5.
    pub dns_timeout_s: Option<u64>,
    /// Fixed answers instead of DNS, for tests and closed networks: host name to addresses; `*` answers for all others.
    /// When this is set no name server is asked.
    pub hosts: std::collections::BTreeMap<String, Vec<std::net::IpAddr>>,
}

impl Config {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable(path.to_owned(), error))?;
        Self::parse(&text, path)
    }

    /// Reads a text; `path` is named in errors.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| ConfigError::bad_text(path, &error))
    }
}
