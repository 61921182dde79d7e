//! The identity that is judged, and what it belongs to.

use serde::{Deserialize, Serialize};

/// Kinds of sender. The smallest guilty unit is stopped: script before mailbox before host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SenderKind {
    /// A login.
    Mailbox,
    /// A web script or uid on a named host.
    Script,
    /// A customer's server, known by its network.
    Host,
    /// Nothing but an address.
    Ip,
}

/// Who sends. Written `kind:name`, for example `mailbox:info@example.com`; that text is its key everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sender {
    /// What it is.
    pub kind: SenderKind,
    /// Login in lower case, script path, network name, or address. At most 320 octets, no controls.
    pub name: String,
    /// The domain it belongs to, empty for hosts.
    pub domain: String,
    /// The customer it belongs to.
    pub tenant: String,
}

/// A level of the tree at which mail is counted and limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The sender itself.
    Sender,
    /// All senders of its domain.
    Domain,
    /// All senders of its tenant.
    Tenant,
}

impl Sender {
    /// The key under which the ledger remembers it.
    pub fn key(&self) -> String {
        format!("{}:{}", self.kind.as_str(), self.name)
    }

    /// The key of a level of its tree; None when it has no such level.
    pub fn level_key(&self, level: Level) -> Option<String> {
        match level {
            Level::Sender => Some(self.key()),
            Level::Domain => (!self.domain.is_empty()).then(|| format!("domain:{}", self.domain)),
            Level::Tenant => (!self.tenant.is_empty()).then(|| format!("tenant:{}", self.tenant)),
        }
    }
}

/// What a sender's mail is like: a newsletter is judged among newsletters, a person among persons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Somebody who writes.
    #[default]
    Person,
    /// Newsletters and lists.
    Bulk,
    /// A program that sends invoices, alarms, confirmations.
    Application,
    /// A script of a web site.
    WebScript,
    /// A customer's server with many senders behind it.
    Relay,
}

impl Role {
    /// How many there are.
    pub const COUNT: usize = 5;

    /// All of them, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Person,
        Self::Bulk,
        Self::Application,
        Self::WebScript,
        Self::Relay,
    ];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Bulk => "bulk",
            Self::Application => "application",
            Self::WebScript => "web_script",
            Self::Relay => "relay",
        }
    }
}

impl SenderKind {
    /// The role a sender has as long as nothing else is known.
    pub fn role(self) -> Role {
        match self {
            Self::Mailbox | Self::Ip => Role::Person,
            Self::Script => Role::WebScript,
            Self::Host => Role::Relay,
        }
    }

    /// The word used in keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mailbox => "mailbox",
            Self::Script => "script",
            Self::Host => "host",
            Self::Ip => "ip",
        }
    }
}

impl Level {
    /// From the smallest to the widest.
    pub const ALL: [Self; 3] = [Self::Sender, Self::Domain, Self::Tenant];

    /// The word used in reasons.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sender => "sender",
            Self::Domain => "domain",
            Self::Tenant => "tenant",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_tree() {
        let sender = Sender {
            kind: SenderKind::Mailbox,
            name: "info@example.com".into(),
            domain: "example.com".into(),
            tenant: "acme".into(),
        };
        let keys: Vec<_> = Level::ALL
            .iter()
            .filter_map(|level| sender.level_key(*level))
            .collect();
        assert_eq!(
            keys,
            ["mailbox:info@example.com", "domain:example.com", "tenant:acme"]
        );
        let host = Sender {
            kind: SenderKind::Host,
            domain: String::new(),
            ..sender
        };
        assert_eq!(host.level_key(Level::Domain), None);
    }
}
