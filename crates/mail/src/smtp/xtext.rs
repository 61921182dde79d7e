//! xtext of RFC 3461 §4: `+XX` for what is not printable ASCII, `+` or `=`.

/// Encodes for a parameter value.
pub fn encode(_text: &str) -> String {
    todo!()
}

/// Decodes; None when it is not xtext, is not UTF-8, or has controls after decoding.
pub fn decode(_text: &str) -> Option<String> {
    todo!()
}
