//! PROXY protocol v1 and v2 (HAProxy), bounded; the caller checks that the peer is trusted.
//!
//! Promises: waits for at most 107 octets (v1) or 536 octets (v2); takes a header exactly or not at all. TLVs are skipped.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Octets of a v1 header, CRLF included.
const V1_OCTETS_MAX: usize = 107;
/// Octets of a v2 header, TLVs included.
pub const HEADER_OCTETS_MAX: usize = 536;
/// Octets of a v2 header before its addresses.
const V2_FIXED_OCTETS: usize = 16;
const V1_PREFIX: &[u8] = b"PROXY ";
const V2_PREFIX: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxied {
    /// The true client.
    Client(SocketAddr),
    /// LOCAL or UNKNOWN: the proxy itself speaks (health check).
    Local,
}

/// The octets are no PROXY header. The peer caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a PROXY protocol header")]
pub struct ProxyError;

/// Reads a header at the start of `input`. `Ok(None)`: not complete yet (never beyond 536 octets). The number is how many
/// octets it took.
pub fn parse(input: &[u8]) -> Result<Option<(usize, Proxied)>, ProxyError> {
    if input.starts_with(V1_PREFIX) {
        return version_1(input);
    }
    if input.starts_with(V2_PREFIX) {
        return version_2(input);
    }
    if V1_PREFIX.starts_with(input) || V2_PREFIX.starts_with(input) {
        Ok(None)
    } else {
        Err(ProxyError)
    }
}

/// `PROXY TCP4 source destination port port` and CRLF.
fn version_1(input: &[u8]) -> Result<Option<(usize, Proxied)>, ProxyError> {
    let window = &input[..input.len().min(V1_OCTETS_MAX)];
    let Some(end) = memchr::memchr(b'\n', window) else {
        return if window.len() == V1_OCTETS_MAX {
            Err(ProxyError)
        } else {
            Ok(None)
        };
    };
    let line = window[V1_PREFIX.len()..end]
        .strip_suffix(b"\r")
        .ok_or(ProxyError)?;
    let line = std::str::from_utf8(line).map_err(|_| ProxyError)?;
    let mut words = line.split(' ');
    let proxied = match words.next() {
        Some("UNKNOWN") => Proxied::Local,
        Some("TCP4") => v1_client::<Ipv4Addr>(words)?,
        Some("TCP6") => v1_client::<Ipv6Addr>(words)?,
        _ => return Err(ProxyError),
    };
    Ok(Some((end + 1, proxied)))
}

fn v1_client<'a, Ip>(mut words: impl Iterator<Item = &'a str>) -> Result<Proxied, ProxyError>
where
    Ip: std::str::FromStr + Into<IpAddr>,
{
    let mut ip = || {
        words
            .next()
            .and_then(|word| word.parse::<Ip>().ok())
            .ok_or(ProxyError)
    };
    let (source, _destination) = (ip()?, ip()?);
    let mut port = || words.next().and_then(v1_port).ok_or(ProxyError);
    let (source_port, _destination_port) = (port()?, port()?);
    match words.next() {
        None => Ok(Proxied::Client(SocketAddr::new(source.into(), source_port))),
        Some(_) => Err(ProxyError),
    }
}

/// Decimal without sign or leading zeros.
fn v1_port(word: &str) -> Option<u16> {
    let digits = word.bytes().all(|octet| octet.is_ascii_digit());
    let leading_zero = word.len() > 1 && word.starts_with('0');
    word.parse().ok().filter(|_| digits && !leading_zero)
}

/// Signature, version and command, family, length, addresses, TLVs.
fn version_2(input: &[u8]) -> Result<Option<(usize, Proxied)>, ProxyError> {
    let [
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        command,
        family,
        high,
        low,
        rest @ ..,
    ] = input
    else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if length > HEADER_OCTETS_MAX - V2_FIXED_OCTETS {
        return Err(ProxyError);
    }
    let proxied_of = match command {
        0x20 => |_: u8, _: &[u8]| Ok(Proxied::Local),
        0x21 => v2_client,
        _ => return Err(ProxyError),
    };
    let Some(body) = rest.get(..length) else {
        return Ok(None);
    };
    Ok(Some((V2_FIXED_OCTETS + length, proxied_of(*family, body)?)))
}

fn v2_client(family: u8, body: &[u8]) -> Result<Proxied, ProxyError> {
    let (ip, port) = match family {
        // TCP over IPv4, TCP over IPv6.
        0x11 => (IpAddr::from(octets::<4>(body, 0)?), octets::<2>(body, 8)?),
        0x21 => (IpAddr::from(octets::<16>(body, 0)?), octets::<2>(body, 32)?),
        // Unspecified and Unix stream sockets name no client.
        0x00 | 0x31 => return Ok(Proxied::Local),
        _ => return Err(ProxyError),
    };
    // The destination stands between and behind; it must be there too.
    let needed = if ip.is_ipv4() { 12 } else { 36 };
    if body.len() < needed {
        return Err(ProxyError);
    }
    Ok(Proxied::Client(SocketAddr::new(ip, u16::from_be_bytes(port))))
}

fn octets<const N: usize>(body: &[u8], at: usize) -> Result<[u8; N], ProxyError> {
    body.get(at..at + N)
        .and_then(|slice| slice.try_into().ok())
        .ok_or(ProxyError)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [V2_PREFIX, &[command, family], &length, body].concat()
    }

    /// The header is taken whole, and each start of it is not complete.
    fn check(header: &[u8], expected: Proxied) {
        let input = [header, b"EHLO x\r\n"].concat();
        assert_eq!(
            parse(&input),
            Ok(Some((header.len(), expected))),
            "{}",
            header.escape_ascii()
        );
        for end in 0..header.len() {
            assert_eq!(
                parse(&header[..end]),
                Ok(None),
                "{}",
                header[..end].escape_ascii()
            );
        }
    }

    fn client(text: &str) -> Proxied {
        Proxied::Client(text.parse().unwrap())
    }

    #[test]
    fn version_1_headers() {
        check(
            b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 25\r\n",
            client("192.0.2.1:56324"),
        );
        check(
            b"PROXY TCP6 2001:db8::1 2001:db8::2 1 25\r\n",
            client("[2001:db8::1]:1"),
        );
        check(b"PROXY UNKNOWN\r\n", Proxied::Local);
        check(b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", Proxied::Local);
    }

    #[test]
    fn version_2_headers() {
        let four = [192, 0, 2, 1, 198, 51, 100, 2, 0xdc, 0x04, 0, 25];
        check(&v2(0x21, 0x11, &four), client("192.0.2.1:56324"));
        check(
            &v2(0x21, 0x11, &[&four[..], &[4, 0, 1, 0]].concat()),
            client("192.0.2.1:56324"),
        );
        let mut six = [0; 36];
        six[..16].copy_from_slice(&"2001:db8::1".parse::<Ipv6Addr>().unwrap().octets());
        six[33] = 9;
        check(&v2(0x21, 0x21, &six), client("[2001:db8::1]:9"));
        check(&v2(0x20, 0x00, &[]), Proxied::Local);
        check(&v2(0x20, 0x11, &four), Proxied::Local);
        check(&v2(0x21, 0x00, &[]), Proxied::Local);
        check(&v2(0x21, 0x31, &[0; 216]), Proxied::Local);
        check(&v2(0x20, 0x00, &[0; 520]), Proxied::Local);
    }

    #[test]
    fn what_is_no_header() {
        for input in [
            &b"EHLO x\r\n"[..],
            b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 25\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 25 1\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.2 056 25\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.2 +56 25\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.2 65536 25\r\n",
            b"PROXY TCP4 192.0.2.1  198.51.100.2 5 25\r\n",
            b"PROXY TCP4 2001:db8::1 2001:db8::2 1 25\r\n",
            b"PROXY TCP6 192.0.2.1 198.51.100.2 1 25\r\n",
            b"PROXY TCP5 192.0.2.1 198.51.100.2 1 25\r\n",
            b"PROXY \xff\r\n",
            &[b'P'; 20],
            &[&b"PROXY UNKNOWN "[..], &[b'x'; 100]].concat(),
            &v2(0x11, 0x11, &[0; 12]),
            &v2(0x22, 0x11, &[0; 12]),
            &v2(0x21, 0x11, &[0; 11]),
            &v2(0x21, 0x21, &[0; 35]),
            &v2(0x21, 0x12, &[0; 12]),
            &v2(0x21, 0x41, &[0; 12]),
            &v2(0x20, 0x00, &[0; 521])[..16],
        ] {
            assert_eq!(parse(input), Err(ProxyError), "{}", input.escape_ascii());
        }
    }
}
