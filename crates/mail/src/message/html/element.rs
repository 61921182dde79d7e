//! Names of elements as numbers, and what the HTML standard says about each element as flags.
//!
//! A [`Name`] is the first seven octets of the name in lower case and its length, so that comparing is one instruction. For
//! elements [`Name::exact`] keeps longer names apart. Standard: HTML Living Standard §12.2 (parsing), §15.3 (default styles).

/// The name of an element or attribute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Name(u64);

impl Name {
    /// Of a whole name; ASCII case is ignored.
    pub const fn of(text: &[u8]) -> Self {
        let mut letters = 0;
        let mut at = 0;
        while at < text.len() && at < 7 {
            letters |= (text[at].to_ascii_lowercase() as u64) << (8 * at);
            at += 1;
        }
        Self::new(letters, text.len())
    }

    /// Of its first seven letters (in lower case, the first one lowest) and its length.
    pub const fn new(letters: u64, length: usize) -> Self {
        let length = if length > 255 { 255 } else { length as u64 };
        Self(letters | length << 56)
    }

    /// The same for an element; of long names only known ones are equal to known ones.
    pub fn exact(self, text: &[u8]) -> Self {
        if text.len() <= 7
            || NAMES
                .iter()
                .any(|known| text.eq_ignore_ascii_case(known.as_bytes()))
        {
            return self;
        }
        Self(self.0 | 0xff << 56)
    }

    /// A number to sort and hash by.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// What is known about an element: a set of the constants of [`Class`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Class(u32);

impl Class {
    /// Has no content and no end tag.
    pub const VOID: u32 = 1;
    /// Stands on lines of its own.
    pub const BLOCK: u32 = 1 << 1;
    /// "Special" of §12.2.4.2.
    pub const SPECIAL: u32 = 1 << 2;
    /// "Formatting" of §12.2.4.2: outlives the block that it was opened in.
    pub const FORMATTING: u32 = 1 << 3;
    /// End tags do not reach beyond it ("in scope" of §12.2.4.2).
    pub const SCOPE: u32 = 1 << 4;
    /// Formatting elements do not outlive it ("marker" of §12.2.4.3).
    pub const MARKER: u32 = 1 << 5;
    /// Its start tag ends a paragraph.
    pub const ENDS_P: u32 = 1 << 6;
    /// h1 to h6.
    pub const HEADING: u32 = 1 << 7;
    /// Only makes sense in a table.
    pub const TABLE_PART: u32 = 1 << 8;
    /// A table, or a part of it whose content must be a part of a table too.
    pub const TABLE_FRAME: u32 = 1 << 9;
    /// td or th.
    pub const CELL: u32 = 1 << 10;
    /// Its content is text without tags.
    pub const RAW: u32 = 1 << 11;
    /// Its raw content is seen by a reader.
    pub const SEEN: u32 = 1 << 12;
    /// Character references in its raw content count.
    pub const REFERENCES: u32 = 1 << 13;
    /// White space in it counts.
    pub const PRE: u32 = 1 << 14;
    /// Its content is never rendered.
    pub const UNSEEN: u32 = 1 << 15;
    /// A form control with colours and font size of its own.
    pub const CONTROL: u32 = 1 << 16;

    /// True when one of the flags is set.
    pub const fn has(self, flags: u32) -> bool {
        self.0 & flags != 0
    }
}

macro_rules! elements {
    ($($id:ident $text:literal $class:expr;)*) => {
        $(#[allow(dead_code, reason = "some are only looked up by their text")] pub const $id: Name = Name::of($text.as_bytes());)*

        const NAMES: &[&str] = &[$($text),*];

        /// What is known about an element.
        pub fn class(name: Name) -> Class {
            match name {
                $($id => Class($class),)*
                _ => Class(0),
            }
        }
    };
}

const VOID: u32 = Class::VOID | Class::SPECIAL;
const SPECIAL: u32 = Class::SPECIAL;
/// A block whose start tag ends a paragraph.
const BLOCK: u32 = Class::BLOCK | Class::SPECIAL | Class::ENDS_P;
const FORMATTING: u32 = Class::FORMATTING;
const ROW: u32 = Class::BLOCK | Class::SPECIAL | Class::TABLE_PART | Class::TABLE_FRAME;
const CELL: u32 = Class::SPECIAL | Class::SCOPE | Class::MARKER | Class::TABLE_PART | Class::CELL;
const EMBEDDED: u32 = Class::SPECIAL | Class::SCOPE | Class::MARKER;
const RAW: u32 = Class::SPECIAL | Class::RAW;
const CONTROL: u32 = Class::SPECIAL | Class::CONTROL;

elements! {
    A "a" FORMATTING; B "b" FORMATTING; BIG "big" FORMATTING; CODE "code" FORMATTING; EM "em" FORMATTING;
    SPAN "span" 0; FONT "font" FORMATTING; I "i" FORMATTING; NOBR "nobr" FORMATTING; S "s" FORMATTING; SMALL "small" FORMATTING;
    STRIKE "strike" FORMATTING; STRONG "strong" FORMATTING; TT "tt" FORMATTING; U "u" FORMATTING;

    AREA "area" VOID; BASE "base" VOID; BASEFONT "basefont" VOID; BGSOUND "bgsound" VOID; COL "col" VOID;
    BR "br" VOID | Class::BLOCK; EMBED "embed" VOID; FRAME "frame" VOID; HR "hr" VOID | Class::BLOCK | Class::ENDS_P;
    IMG "img" VOID; IMAGE "image" VOID; INPUT "input" VOID; LINK "link" VOID; META "meta" VOID; PARAM "param" VOID;
    SOURCE "source" VOID; TRACK "track" VOID; WBR "wbr" VOID;

    ADDRESS "address" BLOCK; ARTICLE "article" BLOCK; ASIDE "aside" BLOCK; BLOCKQUOTE "blockquote" BLOCK;
    CENTER "center" BLOCK; DETAILS "details" BLOCK; DIALOG "dialog" BLOCK; DIR "dir" BLOCK; DIV "div" BLOCK;
    DL "dl" BLOCK; FIELDSET "fieldset" BLOCK; FIGCAPTION "figcaption" BLOCK; FIGURE "figure" BLOCK;
    FOOTER "footer" BLOCK; FORM "form" BLOCK; HEADER "header" BLOCK; HGROUP "hgroup" BLOCK; MAIN "main" BLOCK;
    MENU "menu" BLOCK; NAV "nav" BLOCK; OL "ol" BLOCK; P "p" BLOCK; SEARCH "search" BLOCK; SECTION "section" BLOCK;
    SUMMARY "summary" BLOCK; UL "ul" BLOCK; LI "li" BLOCK; DD "dd" BLOCK; DT "dt" BLOCK;
    PRE "pre" BLOCK | Class::PRE; LISTING "listing" BLOCK | Class::PRE;
    H1 "h1" BLOCK | Class::HEADING; H2 "h2" BLOCK | Class::HEADING; H3 "h3" BLOCK | Class::HEADING;
    H4 "h4" BLOCK | Class::HEADING; H5 "h5" BLOCK | Class::HEADING; H6 "h6" BLOCK | Class::HEADING;
    HTML "html" SPECIAL | Class::BLOCK | Class::SCOPE; HEAD "head" SPECIAL | Class::BLOCK; BODY "body" SPECIAL | Class::BLOCK;
    NOSCRIPT "noscript" SPECIAL; OPTION "option" Class::BLOCK; OPTGROUP "optgroup" Class::BLOCK;

    TABLE "table" BLOCK | Class::SCOPE | Class::TABLE_FRAME; TBODY "tbody" ROW; THEAD "thead" ROW; TFOOT "tfoot" ROW;
    TR "tr" ROW; TD "td" CELL; TH "th" CELL; COLGROUP "colgroup" SPECIAL | Class::TABLE_PART;
    CAPTION "caption" CELL | Class::BLOCK;

    OBJECT "object" EMBEDDED; APPLET "applet" EMBEDDED; MARQUEE "marquee" EMBEDDED; TEMPLATE "template" EMBEDDED | Class::UNSEEN;
    DATALIST "datalist" Class::UNSEEN;

    SCRIPT "script" RAW; STYLE "style" RAW; IFRAME "iframe" RAW; NOEMBED "noembed" RAW; NOFRAMES "noframes" RAW;
    TITLE "title" RAW | Class::REFERENCES;
    TEXTAREA "textarea" RAW | Class::REFERENCES | Class::SEEN | Class::PRE | Class::CONTROL;
    XMP "xmp" RAW | Class::SEEN | Class::PRE | BLOCK; PLAINTEXT "plaintext" RAW | Class::SEEN | Class::PRE | BLOCK;

    BUTTON "button" CONTROL; SELECT "select" CONTROL;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(Name::of(b"TaBLe"), TABLE);
        assert_eq!(Name::of(b"BlockQuote"), BLOCKQUOTE);
        assert_ne!(Name::of(b"blockquot"), BLOCKQUOTE);
        assert_ne!(Name::of(b"b\0"), B);
        assert!(class(Name::of(b"TD")).has(Class::CELL) && !class(Name::of(b"tdx")).has(u32::MAX));
        let exact = |text: &str| Name::of(text.as_bytes()).exact(text.as_bytes());
        assert_eq!(
            (exact("Template"), exact("templat1") == TEMPLATE),
            (TEMPLATE, false)
        );
        assert_eq!(Name::of(&[b'x'; 300]), Name::of(&[b'x'; 255]));
    }
}
