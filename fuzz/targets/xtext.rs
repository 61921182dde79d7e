//! xtext: what is decoded has no controls, what is encoded is printable ASCII, both ways give the same text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail::smtp::xtext;

fuzz_target!(|text: &str| {
    if let Some(decoded) = xtext::decode(text) {
        fuzz::assert_plain(&decoded);
        assert!(decoded.len() <= text.len());
        assert_eq!(
            xtext::decode(&xtext::encode(&decoded)).as_deref(),
            Some(&*decoded)
        );
        utf8_address(&decoded);
    }

    for encoded in [xtext::encode(text), xtext::encode_utf8_address(text)] {
        assert!(
            encoded
                .bytes()
                .all(|octet| octet.is_ascii_graphic() && octet != b'='),
            "{encoded}"
        );
    }
    let back = xtext::decode(&xtext::encode(text));
    assert!(back.is_none() || back.as_deref() == Some(text));
    assert_eq!(
        back.is_none(),
        text.contains(hidden),
        "only hidden characters are refused"
    );
    let address = xtext::encode_utf8_address(text);
    // An address in this form is xtext too, which nothing may change.
    assert_eq!(xtext::decode(&address), Some(address.clone()));
    let back = xtext::decode_utf8_address(&address);
    assert!(back.is_none() || back.as_deref() == Some(text));
});

/// What must not be shown in a line of text.
fn hidden(char: char) -> bool {
    char.is_control() || matches!(char, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The second coding stands inside of the first, so it never sees a control.
fn utf8_address(text: &str) {
    if let Some(decoded) = xtext::decode_utf8_address(text) {
        fuzz::assert_plain(&decoded);
        assert!(decoded.len() <= text.len());
        let again = xtext::decode_utf8_address(&xtext::encode_utf8_address(&decoded));
        assert_eq!(again.as_deref(), Some(&*decoded));
    }
}
