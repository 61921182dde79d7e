//! `[panel]`: the web pages and the API.

use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// `[panel]`: the web pages and the API.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Panel {
    /// Address and port. Put a web server with TLS before it when it is not on loopback. Default: `127.0.0.1:8025`.
    pub address: Option<SocketAddr>,
    /// How people reach it; links in refusals begin with it. Default: `http://` and the address.
    pub public_url: Option<String>,
    /// Name of the site in the pages. Default: `hostname`.
    pub site_name: Option<String>,
    /// Serve `/metrics` on this address too, not only on the control socket. Default: false.
    pub metrics: Option<bool>,
}
