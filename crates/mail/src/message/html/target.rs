//! URLs in attributes.

use super::TARGET_OCTETS_MAX;
use super::text::to_string;

/// A URL as a reader takes it (URL Standard §4.4): without blanks and controls around, line ends and tabs inside; cut at
/// [`TARGET_OCTETS_MAX`].
pub fn target(url: &[u8]) -> String {
    let is_blank = |b: &u8| *b <= b' ';
    let start = url.iter().position(|b| !is_blank(b)).unwrap_or(url.len());
    let end = url
        .iter()
        .rposition(|b| !is_blank(b))
        .map_or(start, |end| end + 1);
    let url = &url[start..end];
    let mut octets = match memchr::memchr3(b'\t', b'\n', b'\r', url) {
        None => url[..url.len().min(TARGET_OCTETS_MAX)].to_vec(),
        Some(_) => {
            let inside = url
                .iter()
                .copied()
                .filter(|b| !matches!(b, b'\t' | b'\n' | b'\r'));
            inside.take(TARGET_OCTETS_MAX).collect()
        }
    };
    if octets.len() == TARGET_OCTETS_MAX {
        // The last character may have been cut.
        let whole = octets.utf8_chunks().next().map_or(0, |chunk| chunk.valid().len());
        octets.truncate(whole);
    }
    to_string(octets)
}
