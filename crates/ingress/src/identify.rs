//! Who sends, in one written order: the login, else the named network of the client. And whether the addresses that a
//! message shows belong to that sender (RFC 6409 §6.1; RFC 5322 §3.6.2 for From and Sender).
//!
//! Promises: one clear answer for every field; a field that two readers could read in two ways is `Unclear`, never `Owned`.
//! Trusts the directory, nothing of the message.

use mail::Address;
use mail::message::{Header, mailbox};
use risk::{IdentityFacts, Language, Match, Sender, SenderKind};
use std::net::IpAddr;
use std::sync::Arc;
use store::{Account, Directory, Network, StoreError};
use trace::Scope;

/// On whose behalf mail is taken.
#[derive(Clone, Debug)]
pub enum Identity {
    /// A login.
    Account(Arc<Account>),
    /// A customer's servers.
    Network(Arc<Network>),
}

impl Identity {
    /// The sender that is judged.
    pub fn sender(&self) -> Sender {
        match self {
            Self::Account(account) => Sender {
                kind: SenderKind::Mailbox,
                name: account.login.clone(),
                domain: account.domain.clone(),
                tenant: account.tenant.clone(),
            },
            Self::Network(network) => Sender {
                kind: SenderKind::Host,
                name: network.name.clone(),
                domain: String::new(),
                tenant: network.tenant.clone(),
            },
        }
    }

    /// Its scope in stories.
    pub fn scope(&self) -> Scope {
        let sender = self.sender();
        Scope { sender: sender.key(), tenant: sender.tenant, domain: sender.domain }
    }

    /// The language in which it is told why something was stopped.
    pub fn language(&self) -> Language {
        match self {
            Self::Account(account) => account.language,
            Self::Network(_) => Language::English,
        }
    }

    /// May it send as that address.
    pub fn owns(&self, directory: &Directory, address: &Address) -> Result<bool, StoreError> {
        match self {
            Self::Account(account) => Ok(directory.owns(account, address)),
            Self::Network(network) => directory.network_owns(network, address),
        }
    }

    /// Does the reverse-path belong to it. The null one is `Absent`.
    pub fn match_path(&self, directory: &Directory, path: Option<&Address>) -> Result<Match, StoreError> {
        match path {
            None => Ok(Match::Absent),
            Some(address) => self.match_all(directory, std::slice::from_ref(address)),
        }
    }

    /// Do the reverse-path, From and Sender of a message belong to it.
    pub fn match_message(
        &self,
        directory: &Directory,
        path: Option<&Address>,
        header: &Header<'_>,
    ) -> Result<IdentityFacts, StoreError> {
        let mut header_from = self.match_field(directory, header, "From")?;
        if header_from == Match::Absent && !matches!(self, Self::Network(_)) {
            // RFC 5322 §3.6: From must be there; a reader shows anything he likes without it.
            header_from = Match::Unclear;
        }
        Ok(IdentityFacts {
            reverse_path: self.match_path(directory, path)?,
            header_from,
            header_sender: self.match_field(directory, header, "Sender")?,
        })
    }

    fn match_field(&self, directory: &Directory, header: &Header<'_>, name: &str) -> Result<Match, StoreError> {
        let mut fields = header.all(name);
        let (Some(field), None) = (fields.next(), fields.next()) else {
            return Ok(if header.first(name).is_some() { Match::Unclear } else { Match::Absent });
        };
        match mailbox::parse_list(field) {
            Ok(list) if !list.is_empty() => {
                let addresses: Vec<_> = list.into_iter().map(|mailbox| mailbox.address).collect();
                self.match_all(directory, &addresses)
            }
            _ => Ok(Match::Unclear),
        }
    }

    /// All must be owned; the first that is not is named.
    fn match_all(&self, directory: &Directory, addresses: &[Address]) -> Result<Match, StoreError> {
        for address in addresses {
            if !self.owns(directory, address)? {
                return Ok(Match::Foreign(address.as_str().to_owned()));
            }
        }
        Ok(Match::Owned)
    }
}

/// The domain by whose keys a message may be signed: that of its one From mailbox (RFC 6376 §3.11, aligned for DMARC).
pub fn signing_domain(header: &Header<'_>) -> Option<String> {
    let mut fields = header.all("From");
    let (Some(field), None) = (fields.next(), fields.next()) else { return None };
    let list = mailbox::parse_list(field).ok()?;
    list.first().map(|mailbox| mailbox.address.domain_key())
}

/// The network of a client, and what it is trusted with.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// A customer's servers: may relay without AUTH on `relay` listeners.
    pub relay: Option<Arc<Network>>,
    /// A proxy: may say XCLIENT and PROXY.
    pub proxy: bool,
}

impl Trust {
    /// What the directory says of an address.
    pub fn of(directory: &Directory, address: IpAddr) -> Result<Self, StoreError> {
        let address = address.to_canonical();
        Ok(Self {
            relay: directory.network(address, &store::NetworkTrust::Relay)?,
            proxy: directory.network(address, &store::NetworkTrust::Proxy)?.is_some(),
        })
    }
}
