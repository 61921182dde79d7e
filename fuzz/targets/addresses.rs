//! Addresses: what is accepted is bounded, plain, written as read, and has one key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail::Address;
use mail::address::{ADDRESS_OCTETS_MAX, LOCAL_PART_OCTETS_MAX};

fuzz_target!(|input: &[u8]| {
    let Ok(address) = Address::parse_bytes(input) else {
        return;
    };
    let text = address.as_str();
    assert_eq!(text.as_bytes(), input);
    assert_eq!(format!("{}@{}", address.local_part(), address.domain()), text);
    assert!(text.len() <= ADDRESS_OCTETS_MAX && address.local_part().len() <= LOCAL_PART_OCTETS_MAX);
    assert_eq!(address.literal().is_some(), address.domain().starts_with('['));
    assert_eq!(address.is_ascii(), text.is_ascii());
    fuzz::assert_plain(text);

    let key = address.key();
    assert!(address.domain_key().is_ascii() && key.ends_with(&address.domain_key()));
    if let Ok(again) = Address::parse(&key) {
        assert_eq!(again.key(), key, "the key of the key");
    }
    let loud = Address::parse(&text.to_ascii_uppercase()).expect("upper case is valid too");
    assert_eq!(loud.key(), key, "upper case has the same key");

    let json = serde_json::to_string(&address).expect("an address can be stored");
    assert_eq!(
        serde_json::from_str::<Address>(&json).expect("and read back"),
        address
    );
});
