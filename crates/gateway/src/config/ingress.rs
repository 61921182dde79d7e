//! `[ingress]`: how mail comes in.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// `[ingress]`: how mail comes in.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ingress {
    /// `[[ingress.listener]]`: the doors. Default: none; a gateway without a door refuses to start.
    pub listener: Vec<Listener>,
    /// PEM chain for STARTTLS and implicit TLS; read again when it changes. Default: self-signed, made in the data directory.
    pub certificate: Option<PathBuf>,
    /// PEM key of the chain.
    pub key: Option<PathBuf>,
    /// Leave the client's address and EHLO name out of the Received field. Default: true.
    pub hide_client: Option<bool>,
    /// Octets of all messages being received at one time; beyond it new messages are answered 452. Default: 256 MiB.
    pub message_memory_octets_max: Option<u64>,
    /// Days after which a message that cannot be delivered is given up. Default: 5.
    pub expiry_days: Option<u64>,
    /// Answer a locked sender at AUTH (525 5.7.13) instead of at MAIL. Many mail programs then ask for the password again
    /// and again. Default: false.
    pub locked_at_auth: Option<bool>,
    /// Networks whose failed logins are never counted, such as monitoring.
    pub guard_exempt: Vec<ipnet::IpNet>,
    /// `[ingress.scan]`: other scanners that are asked about each message.
    pub scan: Scan,
    /// `[[ingress.list]]`: blocklists by DNS that are asked about the links of a message. Default: none.
    pub list: Vec<List>,
    /// Milliseconds for all lists together; an answer that comes later serves the next message. Default: 2000.
    pub list_deadline_ms: Option<u64>,
}

/// `[[ingress.listener]]`: one door.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// Its name in logs, stories and `[risk.listeners.NAME]`. Default: its kind.
    #[serde(default)]
    pub name: Option<String>,
    /// `submission` (587: STARTTLS, AUTH required), `submissions` (465: implicit TLS, AUTH required) or `relay` (smarthost for
    /// named networks and for AUTH).
    pub kind: Kind,
    /// Address and port, for example `0.0.0.0:587` or `[::]:587`.
    pub address: SocketAddr,
    /// Allow AUTH without TLS. Only for closed networks. Default: false.
    #[serde(default)]
    pub auth_in_clear: bool,
    /// Expect a PROXY protocol header from networks trusted as proxies. Default: false.
    #[serde(default)]
    pub proxy_protocol: bool,
    /// Open connections. Default: 10000.
    #[serde(default)]
    pub connections_max: Option<usize>,
    /// Open connections of one client address. Default: 50.
    #[serde(default)]
    pub connections_per_address_max: Option<usize>,
    /// Octets of one message. Default: 50 MiB.
    #[serde(default)]
    pub size_octets_max: Option<u64>,
    /// Recipients of one message, whatever the policy says. Default: 1000.
    #[serde(default)]
    pub recipients_max: Option<usize>,
    /// Messages in one session. Default: 1000.
    #[serde(default)]
    pub messages_max: Option<usize>,
    /// Errors after which a session is closed. Default: 20.
    #[serde(default)]
    pub errors_max: Option<usize>,
    /// Received fields after which a message is in a loop. Default: 50.
    #[serde(default)]
    pub hops_max: Option<usize>,
    /// Seconds to wait for a command. Default: 300.
    #[serde(default)]
    pub command_timeout_s: Option<u64>,
}

/// Kinds of listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Port 587.
    Submission,
    /// Port 465.
    Submissions,
    /// Smarthost.
    Relay,
}

/// `[ingress.scan]`: other scanners that are asked about each message.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scan {
    /// ClamAV's clamd: `address:port` or a socket path. Default: not asked.
    pub clamav: Option<String>,
    /// Rspamd's normal worker: `address:port` or a socket path. Default: not asked.
    pub rspamd: Option<String>,
    /// SpamAssassin's spamd: `address:port` or a socket path. Default: not asked.
    pub spamassassin: Option<String>,
    /// Milliseconds for all scanners together; what is late counts as not answered. Default: 8000.
    pub deadline_ms: Option<u64>,
    /// Tell spam scanners the client's address. Off, because they would punish home connections. Default: false.
    pub send_client_address: Option<bool>,
    /// `[ingress.scan.clamav_bounds]`: how much ClamAV is given.
    pub clamav_bounds: ScannerBounds,
    /// `[ingress.scan.rspamd_bounds]`: how much Rspamd is given.
    pub rspamd_bounds: ScannerBounds,
    /// `[ingress.scan.spamassassin_bounds]`: how much SpamAssassin is given.
    pub spamassassin_bounds: ScannerBounds,
    /// File with the password that Rspamd's worker asks for; its first line counts. Read at the start. Default: none is sent.
    pub rspamd_password_file: Option<PathBuf>,
    /// Named settings of Rspamd that are applied to our messages (`Settings-ID`). Default: none.
    pub rspamd_settings_id: Option<String>,
}

/// `[ingress.scan.…_bounds]`: how much one scanner is given, and how long it is waited for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScannerBounds {
    /// Messages that it is given at one time; further ones wait. Default: 10 for ClamAV, 64 for Rspamd, 5 for SpamAssassin.
    pub connections_max: Option<usize>,
    /// Larger messages are not shown to it. Default: 25 MiB for ClamAV, 50 MiB for Rspamd, 500 KiB for SpamAssassin.
    pub size_octets_max: Option<usize>,
    /// Milliseconds for its answer, waiting for its turn included; the deadline for all scanners holds as well. Default: that
    /// deadline.
    pub timeout_ms: Option<u64>,
    /// Milliseconds for which it is left alone after failing again and again. Default: 3000.
    pub retry_after_ms: Option<u64>,
}

/// `[[ingress.list]]`: one blocklist by DNS. Read its terms first: most lists want to be asked by an own resolver, many with a
/// key, and some for money. Its domains and addresses are believed only after its test points were right (RFC 5782 §5), and only
/// where the answer is documented here.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// Its name in symbols, notes and log.
    pub name: String,
    /// Its zone, for example `dbl.example.org`. `{key}` stands for the key.
    pub zone: String,
    /// The key that the list's keepers gave; it is in no output.
    #[serde(default)]
    pub key: Option<String>,
    /// What it lists.
    pub kind: ListKind,
    /// Documented answers: an address, or the first and last one with a hyphen between, and what it means. For example
    /// `{ "127.0.1.2" = "spam", "127.0.1.4" = "phishing" }`.
    #[serde(default)]
    pub answers: BTreeMap<String, String>,
    /// For lists that join several answers into one: bits of the last octet and what they mean. For example
    /// `{ 8 = "phishing", 64 = "abuse" }`.
    #[serde(default)]
    pub bits: BTreeMap<String, String>,
    /// A name that is always listed. Default: `TEST`; for addresses `2.0.0.127`.
    #[serde(default)]
    pub test_listed: Option<String>,
    /// A name that is never listed. Default: `INVALID`; for addresses `1.0.0.127`.
    #[serde(default)]
    pub test_unlisted: Option<String>,
}

/// Kinds of list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListKind {
    /// Domains found in abuse.
    Domain,
    /// Domains that were registered some days ago.
    Newborn,
    /// Addresses, for links to an address.
    Address,
}

// Without its key.
impl std::fmt::Debug for List {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("List")
            .field("name", &self.name)
            .field("zone", &self.zone)
            .finish_non_exhaustive()
    }
}
