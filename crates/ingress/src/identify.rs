//! Who sends, in one written order: the login, else the named network of the client. And whether the addresses that a
//! message shows belong to that sender (RFC 6409 §6.1; RFC 5322 §3.6.2 for From and Sender).
//!
//! Promises: one clear answer for every field; a field that two readers could read in two ways is `Unclear`, never `Owned`. That
//! goes for a From behind a line that is no field, too: some readers end the header section at such a line.
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
        Scope {
            sender: sender.key(),
            tenant: sender.tenant,
            domain: sender.domain,
        }
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
        let mut header_from = match self {
            Self::Network(_) if path.is_none() && is_by_mail_system(header) => Match::Absent,
            _ => self.match_field(directory, header, "From")?,
        };
        if header_from == Match::Absent && !matches!(self, Self::Network(_)) {
            // RFC 5322 §3.6: From must be there; a reader shows anything he likes without it.
            header_from = Match::Unclear;
        }
        if header_from != Match::Absent && is_behind_a_bad_line(header, "From") {
            header_from = Match::Unclear;
        }
        Ok(IdentityFacts {
            reverse_path: self.match_path(directory, path)?,
            header_from,
            header_sender: self.match_field(directory, header, "Sender")?,
        })
    }

    fn match_field(
        &self,
        directory: &Directory,
        header: &Header<'_>,
        name: &str,
    ) -> Result<Match, StoreError> {
        let mut fields = header.all(name);
        let (Some(field), None) = (fields.next(), fields.next()) else {
            return Ok(if header.first(name).is_some() {
                Match::Unclear
            } else {
                Match::Absent
            });
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

/// Written by a server's mail system itself: its notices have the null reverse-path and come from `MAILER-DAEMON` or `postmaster`
/// of whatever name the server gives itself (RFC 3464 §2, RFC 5321 §4.5.1). They say of nobody that he wrote them, so none is asked
/// for, and nothing is signed in that name.
fn is_by_mail_system(header: &Header<'_>) -> bool {
    let mut fields = header.all("From");
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return false;
    };
    let written_by = |names: &[&str], address: &Address| {
        let local_part = address.as_str().rsplit_once('@').map_or("", |(local, _)| local);
        names.iter().any(|name| local_part.eq_ignore_ascii_case(name))
    };
    mailbox::parse_list(field).is_ok_and(
        |list| matches!(list.as_slice(), [one] if written_by(&["mailer-daemon", "postmaster"], &one.address)),
    )
}

/// A field of that name stands behind a line that is no field.
fn is_behind_a_bad_line(header: &Header<'_>, name: &str) -> bool {
    let behind = header
        .fields_before_bad
        .and_then(|count| header.fields.get(count..));
    behind
        .unwrap_or_default()
        .iter()
        .any(|field| field.name.eq_ignore_ascii_case(name.as_bytes()))
}

/// The domain by whose keys a message may be signed: that of its one From mailbox (RFC 6376 §3.11, aligned for DMARC).
pub fn signing_domain(header: &Header<'_>) -> Option<String> {
    let mut fields = header.all("From");
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return None;
    };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hygiene;
    use store::NetworkTrust;

    fn directory() -> (tempfile::TempDir, Directory) {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::open(folder.path()).unwrap();
        (folder, directory)
    }

    fn account() -> Identity {
        Identity::Account(Arc::new(Account {
            login: "anna@example.com".into(),
            domain: "example.com".into(),
            tenant: "acme".into(),
            also_sends_as: vec!["@lists.example.com".into()],
            language: Language::Italian,
            enabled: true,
            ..Account::default()
        }))
    }

    fn network() -> Identity {
        Identity::Network(Arc::new(Network {
            name: "web".into(),
            range: "192.0.2.0/24".parse().unwrap(),
            trust: NetworkTrust::Relay,
            tenant: "acme".into(),
            also_sends_as: vec!["@example.com".into()],
            limits: risk::LimitOverrides::default(),
        }))
    }

    fn foreign(address: &str) -> Match {
        Match::Foreign(address.to_owned())
    }

    #[test]
    fn who_is_judged() {
        let sender = account().sender();
        assert_eq!(
            (sender.key().as_str(), sender.tenant.as_str()),
            ("mailbox:anna@example.com", "acme")
        );
        assert_eq!(account().scope().domain, "example.com");
        assert_eq!(account().language(), Language::Italian);
        assert_eq!(network().sender().key(), "host:web");
        assert_eq!(network().scope().sender, "host:web");
    }

    #[test]
    fn reverse_paths() {
        let (_folder, directory) = directory();
        for (path, expected) in [
            (None, Match::Absent),
            (Some("anna@example.com"), Match::Owned),
            (Some("ANNA+x@example.com"), Match::Owned),
            (Some("any@lists.example.com"), Match::Owned),
            (
                Some("anna@lists.example.com.evil.example"),
                foreign("anna@lists.example.com.evil.example"),
            ),
            (Some("bob@example.com"), foreign("bob@example.com")),
        ] {
            let path = path.map(|path| Address::parse(path).unwrap());
            assert_eq!(
                account().match_path(&directory, path.as_ref()).unwrap(),
                expected,
                "{path:?}"
            );
        }
        let path = Address::parse("shop@example.com").unwrap();
        assert_eq!(
            network().match_path(&directory, Some(&path)).unwrap(),
            Match::Owned
        );
    }

    fn check(identity: &Identity, header: &str, from: Match, sender: Match) {
        let (_folder, directory) = directory();
        let text = format!("{header}\r\n\r\n");
        let parsed = Header::parse(text.as_bytes(), &hygiene::limits());
        let facts = identity.match_message(&directory, None, &parsed).unwrap();
        assert_eq!(
            (facts.header_from, facts.header_sender),
            (from, sender),
            "{header}"
        );
    }

    #[test]
    fn header_fields() {
        let (owned, absent, unclear) = (Match::Owned, Match::Absent, Match::Unclear);
        let anna = account();
        check(
            &anna,
            "From: Anna <anna@example.com>",
            owned.clone(),
            absent.clone(),
        );
        check(
            &anna,
            "From: anna@example.com, x@lists.example.com",
            owned.clone(),
            absent.clone(),
        );
        check(
            &anna,
            "From: anna@example.com, b@y.example",
            foreign("b@y.example"),
            absent.clone(),
        );
        check(
            &anna,
            "From: a@x\r\nFrom: anna@example.com",
            unclear.clone(),
            absent.clone(),
        );
        check(
            &anna,
            "From: anna@example.com\r\nSender: b@y.example",
            owned.clone(),
            foreign("b@y.example"),
        );
        check(
            &anna,
            "From: anna@example.com\r\nSender: ",
            owned.clone(),
            unclear.clone(),
        );
        check(
            &anna,
            "From: <anna@example.com> <b@y.example>",
            unclear.clone(),
            absent.clone(),
        );
        check(&anna, "From: friends:;", unclear.clone(), absent.clone());
        check(&anna, "Subject: none", unclear, absent.clone());
        check(&network(), "Subject: none", absent.clone(), absent.clone());
        check(
            &network(),
            "From: ceo@bank.example",
            foreign("ceo@bank.example"),
            absent.clone(),
        );
        let notice = "From: Mail Delivery System <MAILER-DAEMON@vm>";
        check(&network(), notice, absent.clone(), absent.clone());
        check(&anna, notice, foreign("MAILER-DAEMON@vm"), absent.clone());
        check(
            &network(),
            "From: MAILER-DAEMON@vm, ceo@bank.example",
            foreign("MAILER-DAEMON@vm"),
            absent,
        );
    }

    #[test]
    fn only_the_null_path_makes_a_notice() {
        let (_folder, directory) = directory();
        let parsed = Header::parse(b"From: MAILER-DAEMON@vm\r\n\r\n", &hygiene::limits());
        let path = Address::parse("shop@example.com").unwrap();
        let facts = network().match_message(&directory, Some(&path), &parsed).unwrap();
        assert_eq!(facts.header_from, foreign("MAILER-DAEMON@vm"));
    }

    #[test]
    fn lines_that_are_no_fields() {
        let (owned, absent, unclear) = (Match::Owned, Match::Absent, Match::Unclear);
        let anna = account();
        check(
            &anna,
            "no field\r\nFrom: anna@example.com",
            unclear.clone(),
            absent.clone(),
        );
        check(
            &network(),
            "X: y\r\n--\r\nFrom: a@example.com",
            unclear.clone(),
            absent.clone(),
        );
        check(
            &anna,
            "X: y\r\n z\r\nFrom: anna@example.com\r\nno field",
            owned.clone(),
            absent.clone(),
        );
    }

    #[test]
    fn whose_keys_sign() {
        for (header, domain) in [
            (
                "From: Anna <anna@B\u{fc}cher.example>",
                Some("xn--bcher-kva.example"),
            ),
            ("From: a@one.example, b@two.example", Some("one.example")),
            ("From: a@one.example\r\nFrom: b@two.example", None),
            ("From: nobody", None),
            ("To: a@one.example", None),
        ] {
            let text = format!("{header}\r\n\r\n");
            let parsed = Header::parse(text.as_bytes(), &hygiene::limits());
            assert_eq!(signing_domain(&parsed).as_deref(), domain, "{header}");
        }
    }
}
