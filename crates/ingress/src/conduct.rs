//! What a message shows of its sender's conduct: from where, to whom, how the client speaks.
//!
//! In prose: a network (/24, /48), its provider and country, and the form of the EHLO name with the session's protection say from
//! where a login comes. Behind a customer's server the place is the script that wrote the message, as the server's PHP says it (the
//! field X-PHP-Originating-Script of a named network, nobody else's), else the author.
//!
//! Promises: marks only, keyed by the site. Trusts nothing of the message.

use jiff::Timestamp;
use mail::Address;
use mail::message::Header;
use risk::{
    ContentFacts, Door, IdentityFacts, Match, Recipient, Sender, SenderKind, Sending, Sketch, Whence,
};
use std::net::IpAddr;
use store::{Geo, Ledger};

/// What the ledger is asked and later told about one message.
#[derive(Clone, Debug)]
pub struct Behaviour {
    at: Timestamp,
    kind: SenderKind,
    client: Option<IpAddr>,
    whence: Option<Whence>,
    recipients: Vec<Recipient>,
    text: Sketch,
    is_bulk: bool,
    is_foreign: bool,
}

impl Behaviour {
    /// Of a session, before there is a message.
    pub fn of_session(ledger: &Ledger, geo: &Geo, door: &Door, sender: &Sender, at: Timestamp) -> Self {
        let whence = match sender.kind {
            SenderKind::Mailbox | SenderKind::Ip => {
                door.client.map(|client| whence(ledger, geo, client, door))
            }
            SenderKind::Host | SenderKind::Script => None,
        };
        Self {
            at,
            kind: sender.kind,
            client: door.client,
            whence,
            recipients: Vec::new(),
            text: Sketch::default(),
            is_bulk: false,
            is_foreign: false,
        }
    }

    /// With its recipients.
    #[must_use]
    pub fn to(mut self, ledger: &Ledger, sender: &Sender, recipients: &[&Address]) -> Self {
        let own = |address: &Address| !sender.domain.is_empty() && address.domain_key() == sender.domain;
        let mark = |address: &&Address| Recipient {
            hash: ledger.mark(address.key().as_bytes()),
            own: own(address),
        };
        self.recipients = recipients.iter().map(mark).collect();
        self
    }

    /// With what its header says.
    #[must_use]
    pub fn with_header(mut self, ledger: &Ledger, header: &Header<'_>, identity: &IdentityFacts) -> Self {
        let has = |name: &str| header.first(name).is_some();
        self.is_bulk = has("List-Unsubscribe") || has("List-Id");
        self.is_foreign = matches!(identity.header_from, Match::Foreign(_));
        if self.kind == SenderKind::Host {
            let field = header
                .first("X-PHP-Originating-Script")
                .or_else(|| header.first("From"));
            self.whence = field.map(|field| Whence {
                place: ledger.mark(field.text().to_lowercase().as_bytes()) as u32,
                ..Whence::default()
            });
        }
        self
    }

    /// With what was measured on it.
    pub fn read(&mut self, content: &ContentFacts) {
        let bands = content.text.as_ref().map_or(&[][..], |text| &text.bands);
        self.text = std::array::from_fn(|place| bands.get(place).map_or(0, |band| *band as u16));
    }

    /// As the ledger takes it.
    pub fn sending(&self) -> Sending<'_> {
        Sending {
            at: self.at,
            kind: self.kind,
            whence: self.whence,
            recipients: &self.recipients,
            text: self.text,
            is_bulk: self.is_bulk,
            is_foreign: self.is_foreign,
        }
    }

    /// The true client.
    pub fn client(&self) -> Option<IpAddr> {
        self.client
    }
}

/// From where a client comes, and how it speaks.
pub fn whence(ledger: &Ledger, geo: &Geo, client: IpAddr, door: &Door) -> Whence {
    let located = geo.locate(client);
    let network = match client {
        IpAddr::V4(address) => address
            .octets()
            .first_chunk::<3>()
            .map(|octets| ledger.mark(octets)),
        IpAddr::V6(address) => address
            .octets()
            .first_chunk::<6>()
            .map(|octets| ledger.mark(octets)),
    };
    let manner = format!("{} {}", greeting(&door.helo), door.tls);
    Whence {
        place: network.unwrap_or_default() as u32,
        provider: located
            .system
            .map_or(0, |number| (ledger.mark(&number.to_be_bytes()) as u16).max(1)),
        country: located.country.unwrap_or_default(),
        client: (ledger.mark(manner.as_bytes()) as u16).max(1),
    }
}

/// The form of an EHLO name: programs keep theirs.
fn greeting(name: &str) -> &'static str {
    if name.starts_with('[') {
        "literal"
    } else if name.eq_ignore_ascii_case("localhost") || name.starts_with("localhost.") {
        "localhost"
    } else if name.contains('.') {
        "dotted"
    } else {
        "bare"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_name() {
        for (name, form) in [
            ("[192.168.1.2]", "literal"),
            ("localhost.localdomain", "localhost"),
            ("mail.example.com", "dotted"),
            ("ADMIN", "bare"),
            ("", "bare"),
        ] {
            assert_eq!(greeting(name), form, "{name}");
        }
    }
}
