//! One spelling for names, and what is refused before it is kept.

use super::{Account, Domain, Network, NetworkTrust, SigningKey, Tenant};
use crate::StoreError;
use mail::Address;
use risk::LimitOverrides;

/// In `also_sends_as` of a network: any address.
pub(super) const ANY: &str = "*";
/// Entries of one `also_sends_as`.
const ALSO_SENDS_AS_MAX: usize = 1_000;
/// Octets of a name: tenant, network, selector.
const NAME_OCTETS_MAX: usize = 64;
/// Roles of the panel, the least first.
const ROLES: [&str; 5] = ["user", "help_desk", "domain_admin", "reseller", "operator"];

/// The key of a login; None when it is not an address.
pub(super) fn login(login: &str) -> Option<String> {
    Address::parse(login).ok().map(|address| address.key())
}

/// A-labels in lower case; None when it is not a domain name (an address literal is not).
pub(super) fn domain(name: &str) -> Option<String> {
    if name.starts_with('[') {
        return None;
    }
    Address::parse(&format!("a@{name}"))
        .ok()
        .filter(|address| address.domain() == name)
        .map(|address| address.domain_key())
}

/// A tenant's name as it is; None when it cannot be one.
pub(super) fn tenant(name: &str) -> Option<String> {
    is_name(name).then(|| name.to_owned())
}

/// An address that somebody wants to send as, prepared for comparison.
pub(super) struct Claim {
    key: String,
    at: usize,
    /// The same without its subaddress (RFC 5233), if it has one.
    base: Option<String>,
}

impl Claim {
    pub(super) fn of(address: &Address) -> Self {
        let key = address.key();
        let at = key.len() - address.domain_key().len() - 1;
        let local_part = key.get(..at).unwrap_or_default();
        let base = local_part
            .split_once('+')
            .filter(|(user, _)| !user.is_empty() && !local_part.starts_with('"'))
            .map(|(user, _)| format!("{user}{}", key.get(at..).unwrap_or_default()));
        Self { key, at, base }
    }

    /// It is that address, perhaps with a subaddress.
    pub(super) fn is(&self, address: &str) -> bool {
        self.key == address || self.base.as_deref() == Some(address)
    }

    /// It is that address or in that `@domain`.
    pub(super) fn is_within(&self, entry: &str) -> bool {
        if entry.starts_with('@') {
            self.key.get(self.at..) == Some(entry)
        } else {
            self.is(entry)
        }
    }
}

pub(super) fn check_tenant(tenant: &Tenant) -> Result<(), StoreError> {
    if !is_name(&tenant.name) {
        return Err(refused(
            "a tenant's name has 1 to 64 letters, digits, '-' and '.'",
            &tenant.name,
        ));
    }
    if tenant
        .contact
        .as_deref()
        .is_some_and(|contact| Address::parse(contact).is_err())
    {
        return Err(refused(
            "the contact is not an address",
            tenant.contact.as_deref().unwrap_or_default(),
        ));
    }
    check_limits(&tenant.limits)
}

pub(super) fn checked_domain(given: &Domain) -> Result<Domain, StoreError> {
    let name = domain(&given.name).ok_or_else(|| refused("not a domain name", &given.name))?;
    let tenant = if given.tenant.is_empty() {
        name.clone()
    } else {
        given.tenant.clone()
    };
    check_tenant(&Tenant {
        name: tenant.clone(),
        ..Tenant::default()
    })?;
    check_limits(&given.limits)?;
    Ok(Domain {
        name,
        tenant,
        limits: given.limits.clone(),
    })
}

pub(super) fn checked_account(given: &Account) -> Result<Account, StoreError> {
    let address = Address::parse(&given.login).map_err(|_| refused("a login is an address", &given.login))?;
    let domain = address.domain_key();
    if address.literal().is_some() {
        return Err(refused(
            "a login has a domain name, not an address literal",
            &given.login,
        ));
    }
    if !given.domain.is_empty() && self::domain(&given.domain).as_ref() != Some(&domain) {
        return Err(refused("the domain is not that of the login", &given.domain));
    }
    let role = if given.role.is_empty() {
        "user"
    } else {
        &given.role
    };
    if !ROLES.contains(&role) {
        return Err(refused(
            "a role is user, help_desk, domain_admin, reseller or operator",
            role,
        ));
    }
    check_limits(&given.limits)?;
    let also_sends_as = entries(&given.also_sends_as, false)?;
    Ok(Account {
        login: address.key(),
        domain,
        role: role.to_owned(),
        also_sends_as,
        ..given.clone()
    })
}

pub(super) fn checked_network(given: &Network) -> Result<Network, StoreError> {
    if !is_name(&given.name) {
        return Err(refused(
            "a network's name has 1 to 64 letters, digits, '-' and '.'",
            &given.name,
        ));
    }
    if given.trust == NetworkTrust::Relay && !is_name(&given.tenant) {
        return Err(refused(
            "a network that may relay belongs to a tenant",
            &given.tenant,
        ));
    }
    if !given.tenant.is_empty() && !is_name(&given.tenant) {
        return Err(refused(
            "a tenant's name has 1 to 64 letters, digits, '-' and '.'",
            &given.tenant,
        ));
    }
    check_limits(&given.limits)?;
    let also_sends_as = entries(&given.also_sends_as, true)?;
    Ok(Network {
        range: given.range.trunc(),
        also_sends_as,
        ..given.clone()
    })
}

pub(super) fn checked_key(given: &SigningKey) -> Result<SigningKey, StoreError> {
    let domain = domain(&given.domain).ok_or_else(|| refused("not a domain name", &given.domain))?;
    let selector = self::domain(&given.selector).filter(|selector| selector.len() <= NAME_OCTETS_MAX);
    let selector = selector.ok_or_else(|| refused("a selector is one or more labels", &given.selector))?;
    Ok(SigningKey {
        domain,
        selector,
        pem: given.pem.clone(),
    })
}

/// Addresses and `@domains` in their key form, each once.
fn entries(given: &[String], any_allowed: bool) -> Result<Vec<String>, StoreError> {
    if given.len() > ALSO_SENDS_AS_MAX {
        return Err(StoreError::Refused(format!(
            "at most {ALSO_SENDS_AS_MAX} addresses to send as"
        )));
    }
    let mut entries = Vec::with_capacity(given.len());
    for text in given {
        let entry = match text.strip_prefix('@') {
            _ if text == ANY && any_allowed => Some(ANY.to_owned()),
            Some(name) => domain(name).map(|name| format!("@{name}")),
            None => login(text),
        };
        let entry = entry.ok_or_else(|| refused("neither an address nor @domain", text))?;
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    Ok(entries)
}

fn check_limits(limits: &LimitOverrides) -> Result<(), StoreError> {
    let all = [&limits.own, &limits.each_mailbox, &limits.each_domain];
    if all.into_iter().flatten().all(risk::Limits::is_valid) {
        Ok(())
    } else {
        Err(StoreError::Refused(
            "a limit's window_s is 60 to 604800, with at most 6 windows a level".to_owned(),
        ))
    }
}

fn is_name(name: &str) -> bool {
    let letter = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'.';
    (1..=NAME_OCTETS_MAX).contains(&name.len()) && name.bytes().all(letter)
}

fn refused(what: &str, given: &str) -> StoreError {
    let shown: String = given
        .chars()
        .filter(|char| !char.is_control())
        .take(100)
        .collect();
    StoreError::Refused(format!("{what}: {shown:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims() {
        let check = |address: &str, entry: &str, expected: bool| {
            let claim = Claim::of(&Address::parse(address).unwrap());
            assert_eq!(claim.is_within(entry), expected, "{address} within {entry}");
        };
        check("Info@Example.COM", "info@example.com", true);
        check("\"info\"@example.com", "info@example.com", true);
        check("info+news@example.com", "info@example.com", true);
        check("info+a+b@example.com", "info@example.com", true);
        check("info+news@example.com", "info+news@example.com", true);
        check("info@example.com", "info+news@example.com", false);
        check("+news@example.com", "info@example.com", false);
        check("\"info+a b\"@example.com", "info@example.com", false);
        check("info2@example.com", "info@example.com", false);
        check("info@example.com.evil.example", "info@example.com", false);
        check("anybody@example.com", "@example.com", true);
        check("anybody@sub.example.com", "@example.com", false);
        check("anybody@notexample.com", "@example.com", false);
        check("\"@example.com\"@evil.example", "@example.com", false);
        check("a@bücher.example", "@xn--bcher-kva.example", true);
    }

    #[test]
    fn names_in_one_spelling() {
        assert_eq!(login("Info@EXAMPLE.com").as_deref(), Some("info@example.com"));
        assert_eq!(login("root"), None);
        assert_eq!(domain("Bücher.Example").as_deref(), Some("xn--bcher-kva.example"));
        assert_eq!(domain("a@b"), None);
        assert_eq!(domain(""), None);
        assert_eq!(domain("[192.0.2.1]"), None);
        assert_eq!(tenant("a b"), None);
    }
}
