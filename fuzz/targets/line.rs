//! Command lines: a line ends at its first CRLF, and what was found in the beginning of a stream stays found.
//!
//! First line: the limit.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail::smtp::line::{LineError, find_line};

fuzz_target!(|input: &[u8]| {
    let (mut figures, buffer) = fuzz::figures(input);
    let max = usize::try_from(figures.take(512) % 4_096).unwrap_or_default();
    let found = find_line(buffer, max);
    match found {
        Ok(Some(end)) => {
            assert!(end + 2 <= max && buffer[end..].starts_with(b"\r\n"));
            assert!(
                !buffer[..end]
                    .iter()
                    .any(|octet| matches!(octet, b'\r' | b'\n' | 0))
            );
        }
        Ok(None) => assert!(buffer.len() < max && !buffer.contains(&b'\n')),
        Err(LineError::TooLong) => assert!(buffer.len() >= max),
        Err(LineError::BareLf) => assert!(buffer.contains(&b'\n')),
        Err(LineError::BareCr) => assert!(buffer.contains(&b'\r')),
        Err(LineError::Nul) => assert!(buffer.contains(&0)),
    }
    let window = buffer.len().min(max).min(1_024);
    for length in 0..=window {
        match find_line(&buffer[..length], max) {
            Ok(None) => {}
            early => assert_eq!(early, found, "after {length} octets"),
        }
    }
});
