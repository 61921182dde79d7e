//! Tag lists (RFC 6376 §3.2), in signatures and key records.
//!
//! Promises: linear, at most [`TAGS_MAX`] tags, no panic. Trusts nothing: a list with a doubled or nameless tag is refused.

/// Most tags in one list.
const TAGS_MAX: usize = 64;

/// The tags in order; names are case-sensitive.
pub struct Tags<'a> {
    list: Vec<(&'a str, &'a str, std::ops::Range<usize>)>,
}

impl<'a> Tags<'a> {
    /// `None` when the text is not a tag list.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut list: Vec<(&str, &str, std::ops::Range<usize>)> = Vec::new();
        let mut start = 0;
        for piece in text.split(';') {
            let at = start;
            start += piece.len() + 1;
            if piece.trim_ascii().is_empty() {
                // Only the last piece may be empty.
                if start <= text.len() {
                    return None;
                }
                continue;
            }
            let (name, value) = piece.split_once('=')?;
            let range = at + name.len() + 1..at + piece.len();
            let name = name.trim_ascii();
            let named = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !named || list.len() == TAGS_MAX || list.iter().any(|tag| tag.0 == name) {
                return None;
            }
            list.push((name, value.trim_ascii(), range));
        }
        Some(Self { list })
    }

    /// The value without blanks around it.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.list.iter().find(|tag| tag.0 == name).map(|tag| tag.1)
    }

    /// Where the value stands in the text, blanks included.
    pub fn range(&self, name: &str) -> Option<std::ops::Range<usize>> {
        self.list
            .iter()
            .find(|tag| tag.0 == name)
            .map(|tag| tag.2.clone())
    }

    /// True when the tag stands first (the rule for `v=` in key records, RFC 6376 §3.6.1).
    pub fn is_first(&self, name: &str) -> bool {
        self.list.first().is_some_and(|tag| tag.0 == name)
    }
}

#[cfg(test)]
mod tests {
    use super::Tags;

    #[test]
    fn lists() {
        let tags = Tags::parse(" v = 1 ;\r\n\tb= a b\r\n c ; p=;").unwrap();
        assert_eq!(
            (tags.get("v"), tags.get("p"), tags.get("V")),
            (Some("1"), Some(""), None)
        );
        assert_eq!(tags.range("b"), Some(13..22));
        assert!(tags.is_first("v"));
        for bad in ["v", "v=1; v=1", "=1", "a=1;;b=2", "a b=1"] {
            assert!(Tags::parse(bad).is_none(), "{bad}");
        }
    }
}
