//! PROXY headers: taken exactly or not at all, with the same result however much of the stream has come.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail::smtp::proxy::{HEADER_OCTETS_MAX, parse};

fuzz_target!(|input: &[u8]| {
    let found = parse(input);
    match found {
        Ok(Some((used, _))) => assert!(used <= input.len() && used <= HEADER_OCTETS_MAX),
        Ok(None) => assert!(
            input.len() < HEADER_OCTETS_MAX,
            "it waits for more than the bound"
        ),
        Err(_) => {}
    }
    for length in 0..input.len().min(HEADER_OCTETS_MAX + 8) {
        match (parse(&input[..length]), found) {
            (Ok(None), Ok(Some((used, _)))) => assert!(length < used, "it waits for more than it takes"),
            (Ok(None), _) => {}
            (early, _) => assert_eq!(early, found, "after {length} octets"),
        }
    }
    if let Ok(Some((used, proxied))) = found {
        let mut longer = input[..used].to_vec();
        longer.extend_from_slice(b"EHLO x\r\n");
        assert_eq!(parse(&longer), Ok(Some((used, proxied))));
    }
});
