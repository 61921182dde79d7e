//! Who may send: tenants, domains, mailboxes, networks, and the keys their mail is signed with. SQLite; read through a cache
//! that notices changes made by another process within a second.

use crate::StoreError;
use mail::dkim::Signer;
use risk::{Language, LimitOverrides};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::Path;
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

/// The directory.
#[derive(Debug)]
pub struct Directory {}

impl Directory {
    /// Opens the directory alone (for `dogana account` beside a running gateway).
    pub fn open(_directory: &Path) -> Result<Self, StoreError> {
        todo!()
    }

    /// Checks a password. Runs hashes on a few blocking threads; the same work is done for unknown logins. A password that
    /// was right is remembered for ten minutes as a keyed digest, so that a busy client does not cost a hash each time.
    pub async fn login(&self, _login: &str, _password: &[u8]) -> Result<Login, StoreError> {
        todo!()
    }

    /// An account.
    pub fn account(&self, _login: &str) -> Result<Option<Arc<Account>>, StoreError> {
        todo!()
    }

    /// A domain.
    pub fn domain(&self, _name: &str) -> Result<Option<Arc<Domain>>, StoreError> {
        todo!()
    }

    /// A tenant.
    pub fn tenant(&self, _name: &str) -> Result<Option<Arc<Tenant>>, StoreError> {
        todo!()
    }

    /// The narrowest network with that trust that holds the address.
    pub fn network(&self, _address: IpAddr, _trust: &NetworkTrust) -> Result<Option<Arc<Network>>, StoreError> {
        todo!()
    }

    /// May the account send as that address: itself, with a subaddress (`user+tag@`), or by `also_sends_as`.
    pub fn owns(&self, _account: &Account, _address: &mail::Address) -> bool {
        todo!()
    }

    /// May the network send as that address.
    pub fn network_owns(&self, _network: &Network, _address: &mail::Address) -> Result<bool, StoreError> {
        todo!()
    }

    /// The signers of a domain, rsa first; empty when it has no key.
    pub fn signers(&self, _domain: &str) -> Result<Arc<Vec<Signer>>, StoreError> {
        todo!()
    }

    /// Adds or replaces a tenant.
    pub fn put_tenant(&self, _tenant: &Tenant) -> Result<(), StoreError> {
        todo!()
    }

    /// Adds or replaces a domain; makes its tenant when missing.
    pub fn put_domain(&self, _domain: &Domain) -> Result<(), StoreError> {
        todo!()
    }

    /// Adds or replaces an account; makes its domain and tenant when missing. `hash` must be of a known scheme; `{PLAIN}` and
    /// `{CLEARTEXT}` are refused.
    pub fn put_account(&self, _account: &Account) -> Result<(), StoreError> {
        todo!()
    }

    /// Adds or replaces a network.
    pub fn put_network(&self, _network: &Network) -> Result<(), StoreError> {
        todo!()
    }

    /// Adds or replaces a key; the PEM must be usable.
    pub fn put_key(&self, _key: &SigningKey) -> Result<(), StoreError> {
        todo!()
    }

    /// Removes an account; false when there was none.
    pub fn remove_account(&self, _login: &str) -> Result<bool, StoreError> {
        todo!()
    }

    /// Accounts in order of login behind `after`, at most `rows_max`; `tenant` and `search` (part of the login) narrow.
    pub fn accounts(
        &self,
        _tenant: Option<&str>,
        _search: Option<&str>,
        _after: Option<&str>,
        _rows_max: usize,
    ) -> Result<Vec<Account>, StoreError> {
        todo!()
    }

    /// Reads accounts from CSV with a header line: `login,password_hash[,tenant,language,also_sends_as,role]`; a `password`
    /// column is hashed. One transaction; bad lines are reported, good ones kept. `progress` is called with lines read.
    pub fn import_csv(&self, _csv: impl std::io::Read, _progress: impl FnMut(u64)) -> Result<ImportReport, StoreError> {
        todo!()
    }

    /// Hashes a password as argon2id.
    pub fn hash_password(_password: &str) -> Result<String, StoreError> {
        todo!()
    }
}
