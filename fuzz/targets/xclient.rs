//! XCLIENT: every value is bounded and plain, and the order and case of the attributes do not matter.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail::smtp::xclient::{LOGIN_OCTETS_MAX, Xclient};

fuzz_target!(|arguments: &str| {
    let Some(found) = Xclient::parse(arguments) else {
        return;
    };
    let texts = [&found.name, &found.helo, &found.login];
    for text in texts.into_iter().flatten() {
        assert!(!text.is_empty() && text.len() <= LOGIN_OCTETS_MAX);
        fuzz::assert_plain(text);
    }
    let mut words: Vec<&str> = arguments.split(' ').collect();
    words.reverse();
    assert_eq!(Xclient::parse(&words.join(" ")).as_ref(), Some(&found));
    let lower = words.iter().map(|word| match word.split_once('=') {
        Some((name, value)) => format!("{}={value}", name.to_ascii_lowercase()),
        None => (*word).to_owned(),
    });
    assert_eq!(
        Xclient::parse(&lower.collect::<Vec<_>>().join(" ")).as_ref(),
        Some(&found)
    );
    assert_eq!(Xclient::parse(&format!("{arguments} NONSENSE=1")), None);
});
