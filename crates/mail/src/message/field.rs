//! The header section (RFC 5322 §2.2): fields in order, folded values, encoded words (RFC 2047).

use super::{Defect, Limits};

/// One field, pointing into the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Name without colon and trailing blanks, as written.
    pub name: &'a [u8],
    /// Value behind the colon, folds included, without the last line end.
    pub value: &'a [u8],
    /// The whole field with its line end.
    pub raw: &'a [u8],
}

/// The header section of a message or part.
#[derive(Clone, Debug)]
pub struct Header<'a> {
    /// In order of appearance.
    pub fields: Vec<Field<'a>>,
    /// Where the body begins, counted from the start of what was parsed.
    pub body_offset: usize,
    /// What was wrong.
    pub defects: Vec<Defect>,
}

impl<'a> Header<'a> {
    /// Reads the header section at the start of `raw`. Tolerates bare LF. The separator is the first empty line.
    pub fn parse(_raw: &'a [u8], _limits: &Limits) -> Self {
        todo!()
    }

    /// All fields of that name, case-insensitively, in order.
    pub fn all<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b Field<'a>> + 'b {
        self.fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// The first field of that name.
    pub fn first(&self, name: &str) -> Option<&Field<'a>> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name.as_bytes()))
    }
}

impl Field<'_> {
    /// The value unfolded, encoded words decoded, controls replaced by blanks, trimmed; at most 8 KiB. For subjects and names.
    pub fn text(&self) -> String {
        todo!()
    }
}
