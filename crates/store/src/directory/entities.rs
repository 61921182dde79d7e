//! What the directory keeps: customers, their domains, mailboxes and networks, and keys.

use risk::{Language, LimitOverrides};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A customer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tenant {
    /// Short name: letters, digits, `-`, `.`, at most 64.
    pub name: String,
    /// Address of its contact.
    pub contact: Option<String>,
    /// Limits.
    pub limits: LimitOverrides,
}

/// A domain of a tenant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Domain {
    /// A-labels, lower case.
    pub name: String,
    /// Its tenant.
    pub tenant: String,
    /// Limits.
    pub limits: LimitOverrides,
}

/// A mailbox that may log in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Account {
    /// The login, an address in its key form (lower case).
    pub login: String,
    /// Its domain.
    pub domain: String,
    /// Its tenant.
    pub tenant: String,
    /// Password hash in a known scheme; never shown.
    #[serde(skip_serializing)]
    pub hash: String,
    /// Further addresses it may send as; `@example.com` is the whole domain.
    pub also_sends_as: Vec<String>,
    /// `en`, `it`, `ru`.
    pub language: Language,
    /// Limits.
    pub limits: LimitOverrides,
    /// False: the login is refused.
    pub enabled: bool,
    /// May look at the panel as this role: `user`, `domain_admin`, `reseller`, `help_desk`, `operator`.
    pub role: String,
}

/// What a network is trusted with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkTrust {
    /// A customer's servers: may relay without AUTH on `relay` listeners.
    Relay,
    /// A proxy: may say XCLIENT and PROXY.
    Proxy,
}

/// A named network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Its name, which becomes the sender `host:NAME`.
    pub name: String,
    /// Address range.
    pub range: ipnet::IpNet,
    /// What it may do.
    pub trust: NetworkTrust,
    /// Its tenant, empty for proxies.
    pub tenant: String,
    /// Addresses or `@domains` it may send as; empty: all domains of its tenant, `*`: any.
    pub also_sends_as: Vec<String>,
    /// Limits.
    pub limits: LimitOverrides,
}

/// A DKIM key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SigningKey {
    /// Domain.
    pub domain: String,
    /// Selector.
    pub selector: String,
    /// PKCS#8 PEM; never shown.
    #[serde(skip_serializing)]
    pub pem: String,
}

/// Result of a login.
#[derive(Clone, Debug)]
pub enum Login {
    /// Right.
    Granted(Arc<Account>),
    /// Unknown login, wrong password, disabled: one answer for all, in about the same time.
    Denied,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// New accounts.
    pub added: u64,
    /// Accounts that were changed.
    pub changed: u64,
    /// Line number and reason of what was refused; at most 1,000.
    pub refused: Vec<(u64, String)>,
}
