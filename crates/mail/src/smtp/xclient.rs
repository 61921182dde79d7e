//! XCLIENT attributes as Postfix documents them: a trusted proxy tells the true client.
//!
//! Promises: every value is decoded, bounded and free of controls, or the whole command is refused. Whether the peer may say
//! such things is the caller's matter.

use super::command::EHLO_OCTETS_MAX;
use super::xtext;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Octets of a login name.
pub const LOGIN_OCTETS_MAX: usize = 255;

/// What a trusted proxy says. None is "not said", `[UNAVAILABLE]` and `[TEMPUNAVAIL]` count as none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Xclient {
    /// ADDR.
    pub addr: Option<IpAddr>,
    /// PORT.
    pub port: Option<u16>,
    /// NAME.
    pub name: Option<String>,
    /// HELO.
    pub helo: Option<String>,
    /// PROTO was ESMTP.
    pub esmtp: Option<bool>,
    /// LOGIN, the SASL login name.
    pub login: Option<String>,
}

impl Xclient {
    /// Reads the attribute list behind `XCLIENT `; values are xtext. None on any error: an unknown attribute, one given
    /// twice, a value of the wrong form, or no attribute at all. DESTADDR and DESTPORT are checked and dropped.
    pub fn parse(arguments: &str) -> Option<Self> {
        let mut found = Self::default();
        let mut seen: u8 = 0;
        for word in arguments.split(' ').filter(|word| !word.is_empty()) {
            let (name, value) = word.split_once('=')?;
            let index = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name))?;
            if seen & (1 << index) != 0 {
                return None;
            }
            seen |= 1 << index;
            let value = xtext::decode(value)?;
            let absent = ["[UNAVAILABLE]", "[TEMPUNAVAIL]"]
                .iter()
                .any(|mark| mark.eq_ignore_ascii_case(&value));
            if !absent {
                found.set(NAMES[index], value)?;
            }
        }
        (seen != 0).then_some(found)
    }

    fn set(&mut self, name: &str, value: String) -> Option<()> {
        match name {
            "ADDR" => self.addr = Some(ip(&value)?),
            "PORT" => self.port = Some(port(&value)?),
            "NAME" => self.name = Some(host(value)?),
            "HELO" => self.helo = Some(host(value)?),
            "PROTO" if value.eq_ignore_ascii_case("ESMTP") => self.esmtp = Some(true),
            "PROTO" if value.eq_ignore_ascii_case("SMTP") => self.esmtp = Some(false),
            "LOGIN" if (1..=LOGIN_OCTETS_MAX).contains(&value.len()) => self.login = Some(value),
            "DESTADDR" => {
                ip(&value)?;
            }
            "DESTPORT" => {
                port(&value)?;
            }
            _ => return None,
        }
        Some(())
    }
}

const NAMES: [&str; 8] = [
    "ADDR", "PORT", "NAME", "HELO", "PROTO", "LOGIN", "DESTADDR", "DESTPORT",
];

/// `192.0.2.1` or `IPV6:2001:db8::1`.
fn ip(value: &str) -> Option<IpAddr> {
    match value.get(..5) {
        Some(tag) if tag.eq_ignore_ascii_case("IPV6:") => value[5..].parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        _ => value.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

fn port(value: &str) -> Option<u16> {
    value
        .parse()
        .ok()
        .filter(|_| value.bytes().all(|octet| octet.is_ascii_digit()))
}

fn host(value: String) -> Option<String> {
    let valid = (1..=EHLO_OCTETS_MAX).contains(&value.len()) && !value.contains(' ');
    valid.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &str, expected: Option<Xclient>) {
        assert_eq!(Xclient::parse(arguments), expected, "{arguments:?}");
    }

    #[test]
    fn attributes() {
        let all = Xclient {
            addr: Some("192.0.2.1".parse().unwrap()),
            port: Some(56_324),
            name: Some("spike.example".into()),
            helo: Some("my_pc".into()),
            esmtp: Some(true),
            login: Some("joe smith+x".into()),
        };
        let line =
            "NAME=spike.example ADDR=192.0.2.1 port=56324 HELO=my_pc PROTO=esmtp LOGIN=joe+20smith+2Bx";
        check(line, Some(all.clone()));
        check(&format!("{line} DESTADDR=IPv6:::1  DESTPORT=25"), Some(all));
        let six = Xclient {
            addr: Some("2001:db8::1".parse().unwrap()),
            ..Xclient::default()
        };
        check("ADDR=IPV6:2001:db8::1", Some(six));
        check(
            "NAME=[UNAVAILABLE] ADDR=[tempunavail] LOGIN=[UNAVAILABLE]",
            Some(Xclient::default()),
        );
        check(
            "PROTO=SMTP",
            Some(Xclient {
                esmtp: Some(false),
                ..Xclient::default()
            }),
        );
    }

    #[test]
    fn refused() {
        for line in [
            "",
            " ",
            "ADDR",
            "ADDR=",
            "ADDR=::1",
            "ADDR=192.0.2.256",
            "ADDR=IPV6:192.0.2.1",
            "PORT=65536",
            "PORT=+1",
            "PORT=",
            "PROTO=LMTP",
            "NAME=",
            "NAME=a+20b",
            "HELO=a+0D+0Ab",
            "LOGIN=",
            "LOGIN=a+00",
            "LOGIN=a=b",
            "X=1",
            "ADDR=192.0.2.1 ADDR=192.0.2.2",
            "DESTADDR=x",
            "DESTPORT=x",
        ] {
            check(line, None);
        }
        check(&format!("LOGIN={}", "x".repeat(256)), None);
        check(&format!("HELO={}", "x".repeat(256)), None);
    }
}
