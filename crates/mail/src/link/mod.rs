//! Links as browsers and mail programs understand them: where they are in a text, what they point to, what they hide.
//!
//! Promises: [`find`] and [`Link::parse`] take time linear in the text, keep no more than they were given, and never panic.
//! A link is read as the WHATWG URL standard reads it, because that is what happens when somebody clicks: tabs and line ends
//! dropped, backslashes as slashes, numbers as addresses, names mapped to their ASCII form (UTS 46).
//! Trusts nothing. Does not ask the network: what stands behind a redirector is known only where the link itself says it.
//! Limits: [`Link::AUTHORITY_OCTETS_MAX`], [`Link::PATH_OCTETS_MAX`].
//! Standards: WHATWG URL, RFC 3986, UTS 46, UTS 39, the Public Suffix List.

mod find;
mod host;
mod memo;
mod unwrap;

pub use find::{Found, find};
pub use host::{registrable_domain, skeleton};
pub use memo::Memo;
pub use unwrap::unwrap;

use std::borrow::Cow;
use std::net::IpAddr;

/// Schemes that lead to another host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// `http`, also written `hxxp`.
    Http,
    /// `https`, also written `hxxps`.
    Https,
    /// `ftp`.
    Ftp,
}

/// What a link hides or does unusually.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Oddities {
    /// A label of the host is in the ASCII form of an international name (RFC 5890 §2.3.2.1).
    pub punycode: bool,
    /// A label of the host mixes scripts that no language mixes (UTS 39 §5.1).
    pub mixed_script: bool,
    /// Something stands before an `@` in front of the host.
    pub userinfo: bool,
    /// A port that is neither the scheme's own nor 80, 443, 8080, 8443.
    pub odd_port: bool,
    /// Octets of the host are percent-encoded.
    pub percent_host: bool,
}

/// One link.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    /// Its scheme; `http` when it was written without one.
    pub scheme: Scheme,
    /// The host in lower-case ASCII (A-labels), or its address: IPv4 with dots, IPv6 in brackets. At most 253 octets.
    pub host: String,
    /// The host as a browser shows it, in Unicode.
    pub shown_host: String,
    /// The registrable domain: public suffix and one label. None for addresses, single labels and public suffixes themselves.
    pub domain: Option<String>,
    /// The address, when the host is one in any of its notations.
    pub address: Option<IpAddr>,
    /// The port, when it is not the scheme's own.
    pub port: Option<u16>,
    /// Path and query as normalised, at least `/`, at most [`Link::PATH_OCTETS_MAX`] octets before normalisation.
    pub path_query: String,
    /// What stands behind `#`; empty when nothing does.
    pub fragment: String,
    /// What is unusual.
    pub oddities: Oddities,
}

impl Link {
    /// Octets of userinfo, host and port that are looked at; a longer host is no host.
    pub const AUTHORITY_OCTETS_MAX: usize = 1_024;
    /// Octets of path, query and fragment that are kept.
    pub const PATH_OCTETS_MAX: usize = 8_192;

    /// Reads a link with or without a scheme, as it stands in a text or an href. None when it leads to no other host: other
    /// schemes (`mailto`, `javascript`, `data`, `cid`, ...), relative references, names that are not names.
    pub fn parse(raw: &str) -> Option<Self> {
        let clean = without_controls(raw);
        let (named, rest) = scheme_of(&clean)?;
        let scheme = named.unwrap_or(Scheme::Http);
        let authority_end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at_checked(authority_end)?;
        let (userinfo, host) = match authority.rsplit_once('@') {
            Some((_, host)) => (true, host),
            None => (false, authority),
        };
        let host = refanged(host);
        if host.is_empty() || host.len() > Self::AUTHORITY_OCTETS_MAX {
            return None;
        }
        let url = url::Url::parse(&format!(
            "{}://{host}{}",
            scheme.as_str(),
            head(tail, Self::PATH_OCTETS_MAX)
        ));
        let url = url.ok()?;
        let shown = host::Host::of(url.host()?)?;
        // Without a scheme it may as well be a file: only a name that somebody can register is a host.
        if named.is_none() && shown.domain.is_none() {
            return None;
        }
        let odd_port = url
            .port()
            .is_some_and(|port| !matches!(port, 80 | 443 | 8080 | 8443));
        let path_query = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        Some(Self {
            scheme,
            oddities: Oddities {
                punycode: shown.punycode,
                mixed_script: shown.mixed_script,
                userinfo,
                odd_port,
                percent_host: host.contains('%'),
            },
            host: shown.ascii,
            shown_host: shown.unicode,
            domain: shown.domain,
            address: shown.address,
            port: url.port(),
            path_query,
            fragment: url.fragment().unwrap_or_default().to_owned(),
        })
    }

    /// The path without the query.
    pub fn path(&self) -> &str {
        self.path_query.split('?').next().unwrap_or_default()
    }

    /// The query without its question mark; empty when there is none.
    pub fn query(&self) -> &str {
        self.path_query.split_once('?').map_or("", |(_, query)| query)
    }

    /// What a list or a memory knows it by: the registrable domain, else the host.
    pub fn domain_or_host(&self) -> &str {
        self.domain.as_deref().unwrap_or(&self.host)
    }

    /// The whole link without its fragment, in one spelling: equal links are equal here.
    pub fn whole(&self) -> String {
        self.spelled(&self.host)
    }

    /// The same for the eye: the host in Unicode unless it mixes scripts.
    pub fn shown(&self) -> String {
        if self.oddities.mixed_script {
            self.whole()
        } else {
            self.spelled(&self.shown_host)
        }
    }

    fn spelled(&self, host: &str) -> String {
        let scheme = self.scheme.as_str();
        let mut spelled = String::with_capacity(scheme.len() + host.len() + self.path_query.len() + 9);
        spelled.push_str(scheme);
        spelled.push_str("://");
        spelled.push_str(host);
        if let Some(port) = self.port {
            spelled.push(':');
            spelled.push_str(&port.to_string());
        }
        spelled.push_str(&self.path_query);
        spelled
    }
}

impl Scheme {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Ftp => "ftp",
        }
    }

    /// From its name in any case, defanged spellings too.
    fn named(name: &str) -> Option<Self> {
        let rows = [
            ("http", Self::Http),
            ("hxxp", Self::Http),
            ("https", Self::Https),
            ("hxxps", Self::Https),
            ("ftp", Self::Ftp),
        ];
        rows.into_iter()
            .find(|(known, _)| name.eq_ignore_ascii_case(known))
            .map(|(_, scheme)| scheme)
    }
}

/// Scheme, and what stands behind it and its slashes. `//host` takes the scheme of where it stands, which for mail is http; the
/// scheme is None where only a name is given, as in `host/path`.
fn scheme_of(text: &str) -> Option<(Option<Scheme>, &str)> {
    let slashes: &[char] = &['/', '\\'];
    if let Some((before, after)) = text.split_once(':') {
        if let Some(scheme) = Scheme::named(before) {
            return Some((Some(scheme), after.trim_start_matches(slashes)));
        }
        // `host.example:8080` is a host; what else has a colon early has another scheme.
        if !before.contains(['/', '\\', '?', '#', '@', '.', '[']) {
            return None;
        }
    }
    match text.strip_prefix(slashes) {
        Some(rest) => {
            let host = rest.strip_prefix(slashes)?.trim_start_matches(slashes);
            Some((Some(Scheme::Http), host))
        }
        None => is_host_like(text).then_some((None, text)),
    }
}

/// Begins with a name with a dot in it; else it is a relative reference.
fn is_host_like(text: &str) -> bool {
    let end = text.find(['/', '\\', '?', '#']).unwrap_or(text.len());
    text.get(..end)
        .is_some_and(|host| host.trim_end_matches('.').contains(['.', '。', '．', '｡']))
}

/// What browsers drop before they read: tabs and line ends everywhere, controls and blanks at both ends.
fn without_controls(raw: &str) -> Cow<'_, str> {
    let trimmed = raw.trim_matches(|char: char| char <= ' ' || char.is_whitespace());
    if trimmed.contains(['\t', '\r', '\n']) {
        Cow::Owned(trimmed.replace(['\t', '\r', '\n'], ""))
    } else {
        Cow::Borrowed(trimmed)
    }
}

/// `evil[.]example` is written by people who warn, and by people who do not want to be found.
fn refanged(host: &str) -> Cow<'_, str> {
    if host.contains("[.]") || host.contains("(.)") {
        Cow::Owned(host.replace("[.]", ".").replace("(.)", "."))
    } else {
        Cow::Borrowed(host)
    }
}

/// At most `octets_max` of a text, cut between characters.
fn head(text: &str, octets_max: usize) -> &str {
    text.get(..text.floor_char_boundary(octets_max))
        .unwrap_or_default()
}
