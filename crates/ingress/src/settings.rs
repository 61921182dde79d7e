//! What the doors are told: the resolved settings of this room. The configuration file is read elsewhere.
//!
//! Every bound has a name that ends in `_max` or `_min`; reaching one is answered and told in the story.

use crate::error::IngressError;
use ipnet::IpNet;
use net::ServerTls;
use risk::DoorKind;
use std::net::SocketAddr;
use std::time::Duration;

/// Settings of all doors.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Our name in the banner, in EHLO, in Received and in Message-ID. A domain name in ASCII.
    pub hostname: String,
    /// The doors. Names must differ.
    pub listeners: Vec<ListenerSettings>,
    /// Octets of messages being received or judged at one time, over all connections; beyond it DATA gets 452 4.3.1.
    pub message_memory_octets_max: u64,
    /// Start of the links in refusals, without a slash at its end, for example `https://mail.example.com`. The page of
    /// a refusal is `/r/ID` below it. None: no link is given.
    pub public_url: Option<String>,
    /// Leaves the client's name and address out of Received.
    pub hide_client_address: bool,
    /// How long a message is tried before it is given up.
    pub expires_after: Duration,
    /// Tell a locked user at AUTH (525 5.7.13) instead of at MAIL; many programs then ask for the password without end.
    pub locked_at_auth: bool,
    /// Bounds on guessing passwords.
    pub guard: GuardSettings,
}

/// One door.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// Its name in configuration, story and policy.
    pub name: String,
    /// Its kind.
    pub kind: DoorKind,
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// Certificate; needed for submissions, and for STARTTLS to be offered.
    pub tls: Option<ServerTls>,
    /// Offers AUTH without TLS. For tests and for loopback behind a proxy that ends TLS.
    pub auth_in_clear: bool,
    /// A PROXY header (v1 or v2) must come first. Only from networks trusted as proxies; others are turned away.
    pub proxy_protocol: bool,
    /// Its bounds.
    pub limits: ListenerLimits,
}

/// Bounds of one door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerLimits {
    /// Connections at one time; further ones get 421.
    pub connections_max: usize,
    /// Connections of one address (IPv6: of one /64) at one time; further ones get 421. Trusted proxies are not counted.
    pub connections_per_address_max: usize,
    /// A session as a whole.
    pub session_timeout: Duration,
    /// Waiting for a command (RFC 5321 §4.5.3.2.7: 5 minutes).
    pub command_timeout: Duration,
    /// Waiting for the next octets of a message (RFC 5321 §4.5.3.2.5: 3 minutes).
    pub data_timeout: Duration,
    /// One message as a whole, from 354 to the final dot.
    pub data_total_timeout: Duration,
    /// Octets a second that a message must come with, on average, once the first minute is over.
    pub data_rate_octets_min: u64,
    /// TLS handshake.
    pub handshake_timeout: Duration,
    /// The client taking our replies.
    pub write_timeout: Duration,
    /// Errors of one client before 421 4.7.0.
    pub errors_max: u32,
    /// NOOP, RSET, VRFY, HELP and EHLO between two messages; each further one counts as an error.
    pub idle_commands_max: u32,
    /// Messages of one connection.
    pub messages_per_connection_max: u32,
    /// Recipients of one message, whatever the policy says.
    pub recipients_max: usize,
    /// Octets of a message (SIZE, RFC 1870).
    pub size_octets_max: u64,
    /// Octets of a command line with its CRLF (RFC 5321 §4.5.3.1.4 asks for 512 and more with extensions).
    pub command_octets_max: usize,
    /// Octets of a line of an AUTH exchange (RFC 4954 §4: 12,288).
    pub auth_octets_max: usize,
    /// Octets of a line of a message, without CRLF (RFC 5321 §4.5.3.1.6: 998).
    pub message_line_octets_max: usize,
    /// Received fields of a message (RFC 5321 §6.3).
    pub hops_max: usize,
}

/// Bounds on guessing passwords. All counts decay by half in `half_life`.
#[derive(Clone, Debug, PartialEq)]
pub struct GuardSettings {
    /// Delay of the answer at the second failure; it doubles with each further one.
    pub delay: Duration,
    /// Longest delay.
    pub delay_max: Duration,
    /// How fast failures are forgotten.
    pub half_life: Duration,
    /// Failures of one address (IPv6: one /64) that ban it. An address from which somebody logged in lately is only
    /// kept from logins that never succeeded from there, and at five times the count.
    pub address_failures_max: u32,
    /// Failures in one network (/24; IPv6: /48) from which on all its addresses wait.
    pub network_failures_max: u32,
    /// Failures for one login from which on only addresses that are clean, or known for that login, are let try.
    pub login_failures_max: u32,
    /// How long an address is remembered as one from which a login succeeded.
    pub known_for: Duration,
    /// Addresses, networks, logins and pairs remembered, each.
    pub entries_max: usize,
    /// Networks that are never counted or banned, such as monitoring.
    pub exempt: Vec<IpNet>,
}

/// Listeners that can be configured.
pub const LISTENERS_MAX: usize = 64;

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            connections_per_address_max: 100,
            session_timeout: Duration::from_secs(4 * 3_600),
            command_timeout: Duration::from_secs(300),
            data_timeout: Duration::from_secs(180),
            data_total_timeout: Duration::from_secs(3_600),
            data_rate_octets_min: 500,
            handshake_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(120),
            errors_max: 20,
            idle_commands_max: 100,
            messages_per_connection_max: 10_000,
            recipients_max: 1_000,
            size_octets_max: 50 << 20,
            command_octets_max: 2_048,
            auth_octets_max: 12_288,
            message_line_octets_max: 998,
            hops_max: 50,
        }
    }
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(500),
            delay_max: Duration::from_secs(8),
            half_life: Duration::from_secs(600),
            address_failures_max: 12,
            network_failures_max: 40,
            login_failures_max: 25,
            known_for: Duration::from_secs(30 * 86_400),
            entries_max: 65_536,
            exempt: Vec::new(),
        }
    }
}

impl ListenerSettings {
    /// A door with the default bounds, without TLS.
    pub fn new(name: impl Into<String>, kind: DoorKind, address: SocketAddr) -> Self {
        Self {
            name: name.into(),
            kind,
            address,
            tls: None,
            auth_in_clear: false,
            proxy_protocol: false,
            limits: ListenerLimits::default(),
        }
    }
}

impl Settings {
    /// Settings with the default bounds and no listener.
    pub fn new(hostname: impl Into<String>) -> Self {
        Self {
            hostname: hostname.into(),
            listeners: Vec::new(),
            message_memory_octets_max: 256 << 20,
            public_url: None,
            hide_client_address: false,
            expires_after: Duration::from_secs(5 * 86_400),
            locked_at_auth: false,
            guard: GuardSettings::default(),
        }
    }

    /// Refuses settings that contradict themselves. The operator caused it.
    pub fn check(&self) -> Result<(), IngressError> {
        let bad = |text: String| Err(IngressError::Settings(text));
        let name = self.hostname.as_str();
        if name.is_empty() || name.len() > 255 || !name.bytes().all(|octet| octet.is_ascii_graphic()) {
            return bad("the hostname must be a domain name in ASCII".to_owned());
        }
        if self.listeners.len() > LISTENERS_MAX {
            return bad(format!("at most {LISTENERS_MAX} listeners"));
        }
        for (index, listener) in self.listeners.iter().enumerate() {
            let name = &listener.name;
            if self.listeners.iter().take(index).any(|other| other.name == *name) {
                return bad(format!("two listeners are named {name}"));
            }
            match listener.kind {
                DoorKind::Submissions if listener.tls.is_none() => {
                    return bad(format!("listener {name}: submissions needs a certificate"));
                }
                DoorKind::Submission if listener.tls.is_none() && !listener.auth_in_clear => {
                    return bad(format!(
                        "listener {name}: nobody can log in without a certificate or auth_in_clear"
                    ));
                }
                DoorKind::File => return bad(format!("listener {name}: a file is not a listener")),
                _ => {}
            }
            let limits = &listener.limits;
            if limits.command_octets_max < 512 || limits.size_octets_max == 0 || limits.recipients_max == 0 {
                return bad(format!("listener {name}: a limit is below what SMTP needs"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: DoorKind, change: impl FnOnce(&mut ListenerSettings), wrong: Option<&str>) {
        let address = "127.0.0.1:0".parse().unwrap();
        let mut settings = Settings::new("mx.example.com");
        let mut listener = ListenerSettings::new("a", kind, address);
        change(&mut listener);
        settings.listeners = vec![listener, ListenerSettings::new("b", DoorKind::Relay, address)];
        match (settings.check(), wrong) {
            (Ok(()), None) => {}
            (Err(error), Some(part)) => assert!(error.to_string().contains(part), "{error}"),
            (result, wrong) => panic!("{result:?}, expected {wrong:?}"),
        }
    }

    #[test]
    fn contradictions_are_refused() {
        check(DoorKind::Relay, |_| {}, None);
        check(
            DoorKind::Submission,
            |listener| listener.auth_in_clear = true,
            None,
        );
        check(DoorKind::Submission, |_| {}, Some("nobody can log in"));
        check(DoorKind::Submissions, |_| {}, Some("needs a certificate"));
        check(DoorKind::File, |_| {}, Some("not a listener"));
        check(
            DoorKind::Relay,
            |listener| listener.name = "b".into(),
            Some("two listeners"),
        );
        check(
            DoorKind::Relay,
            |listener| listener.limits.recipients_max = 0,
            Some("a limit"),
        );
    }

    #[test]
    fn the_hostname_is_checked() {
        for (name, right) in [
            ("mx.example.com", true),
            ("", false),
            ("a b", false),
            ("größe", false),
        ] {
            assert_eq!(Settings::new(name).check().is_ok(), right, "{name}");
        }
    }
}
