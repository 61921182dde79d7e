//! RFC 5321 §4.1.3: address literals.

use mail::Address;

#[test]
fn literals() {
    for (domain, ip) in [
        ("[192.0.2.1]", Some("192.0.2.1")),
        ("[IPv6:2001:db8::1]", Some("2001:db8::1")),
        ("[ipv6:::ffff:192.0.2.1]", Some("::ffff:192.0.2.1")),
        ("[IPv6:::]", Some("::")),
        ("[192.0.2.1.5]", None),
        ("[192.0.2.999]", None),
        ("[0x7f.0.0.1]", None),
        ("[2130706433]", None),
        ("[2001:db8::1]", None),
        ("[IPv6:2001:db8::1::2]", None),
        ("[x-tag:abc]", None),
        ("[ 192.0.2.1 ]", None),
        ("[192.0.2.1", None),
    ] {
        let address = Address::parse(&format!("joe@{domain}"));
        let found = address.ok().and_then(|address| address.literal());
        assert_eq!(found, ip.map(|ip| ip.parse().unwrap()), "{domain}");
    }
}
