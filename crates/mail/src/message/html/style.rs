//! The declarations of CSS that can hide text, and what they come to for one element.
//!
//! Decision: text is called hidden only when every reader that follows the standards hides it. What is not understood shows.
//! A false "hidden" would take the text out of sight of the judgement; a missed one only leaves good words in it. So
//! `mso-hide` does not count (only Outlook obeys), nor a height of 0 where it has no effect.
//!
//! Promises: linear in the declarations, no panic. Trusts nothing. Standards: CSS 2.2 §4, §6, §9 to 11, §14 to 16.

use super::color::{ALPHA_MAX, Color};
use super::css::{end_of, number, plain};
use super::element::{Class, Name};

/// Pixels up to which nobody reads the text, or nothing fits in.
pub const SIZE_MAX_PX: f32 = 1.0;
/// Pixels to the left of the page from which nothing is seen.
const OFFSCREEN_PX: f32 = -500.0;
/// Text when nothing is said.
pub const SIZE_PX: f32 = 16.0;

// Properties as bits.
pub const DISPLAY: u16 = 1;
/// Shadow of `display`: the element is a box (block, inline-block, ...).
pub const BOX: u16 = 1 << 1;
pub const VISIBILITY: u16 = 1 << 2;
pub const OPACITY: u16 = 1 << 3;
pub const SIZE: u16 = 1 << 4;
pub const COLOR: u16 = 1 << 5;
pub const BACKGROUND: u16 = 1 << 6;
pub const INDENT: u16 = 1 << 7;
pub const OVERFLOW: u16 = 1 << 8;
const HEIGHT: u16 = 1 << 9;
const MAX_HEIGHT: u16 = 1 << 10;
const WIDTH: u16 = 1 << 11;
const MAX_WIDTH: u16 = 1 << 12;
/// `position: absolute` and `fixed` leave the box that clips them.
pub const POSITION: u16 = 1 << 13;
pub const LEFT: u16 = 1 << 14;
pub const TOP: u16 = 1 << 15;

pub const EXTENT: u16 = HEIGHT | MAX_HEIGHT | WIDTH | MAX_WIDTH;

/// A size of text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Size {
    Px(f32),
    /// Times the size around.
    Ratio(f32),
}

/// Declared values, after the cascade so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Declared {
    /// Properties that have a value.
    pub set: u16,
    /// Those with `!important`.
    important: u16,
    /// Those whose value hides: none, hidden, 0, far outside.
    pub hides: u16,
    pub size: Size,
    pub color: Color,
    pub background: Color,
}

impl Declared {
    /// Nothing.
    pub const NONE: Self = Self {
        set: 0,
        important: 0,
        hides: 0,
        size: Size::Ratio(1.0),
        color: Color::Inherited,
        background: Color::Transparent,
    };

    /// True when nothing is declared.
    pub fn is_none(&self) -> bool {
        self.set == 0
    }

    /// Declarations as in a `style` attribute.
    pub fn parse(declarations: &[u8]) -> Self {
        let text = plain(declarations);
        let mut declared = Self::NONE;
        let mut rest: &[u8] = &text;
        while !rest.is_empty() {
            let end = end_of(rest, b';');
            declared.declaration(&rest[..end]);
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        declared
    }

    /// The `hidden` attribute.
    pub fn hide(&mut self) {
        self.put(DISPLAY, true, false);
    }

    /// An attribute for the colour of text.
    pub fn set_color(&mut self, color: Color) {
        self.color = color;
        self.put(COLOR, false, false);
    }

    /// An attribute for the colour behind the text.
    pub fn set_background(&mut self, color: Color) {
        self.background = color;
        self.put(BACKGROUND, false, false);
    }

    /// Text of a common size, whatever is around.
    pub fn set_readable_size(&mut self) {
        self.size = Size::Px(SIZE_PX);
        self.put(SIZE, false, false);
    }

    /// Puts stronger declarations over these; `!important` wins over what is not.
    pub fn cascade(&mut self, stronger: &Self) {
        let taken = stronger.set & !(self.important & !stronger.important);
        self.set |= taken;
        self.important |= stronger.important & taken;
        self.hides = self.hides & !taken | stronger.hides & taken;
        if taken & SIZE != 0 {
            self.size = stronger.size;
        }
        if taken & COLOR != 0 {
            self.color = stronger.color;
        }
        if taken & BACKGROUND != 0 {
            self.background = stronger.background;
        }
    }

    /// What of it shows text, where nobody knows whether the rule applies.
    pub fn only_showing(mut self) -> Self {
        let size_hides = match self.size {
            Size::Px(px) => px <= SIZE_MAX_PX,
            Size::Ratio(ratio) => ratio < 1.0,
        };
        if size_hides {
            self.set &= !SIZE;
        }
        if self.hides & DISPLAY != 0 {
            self.set &= !BOX;
        }
        self.set &= !(self.hides & !BOX);
        self.hides &= BOX;
        (self.color, self.background) = (Color::Unknown, Color::Unknown);
        self
    }

    fn put(&mut self, property: u16, hides: bool, is_important: bool) {
        if self.important & property != 0 && !is_important {
            return;
        }
        self.set |= property;
        self.hides &= !property;
        if hides {
            self.hides |= property;
        }
        if is_important {
            self.important |= property;
        }
    }

    /// True when a value for the property may be stored.
    fn accepts(&self, property: u16, is_important: bool) -> bool {
        is_important || self.important & property == 0
    }

    fn declaration(&mut self, text: &[u8]) {
        let Some(colon) = memchr::memchr(b':', text) else {
            return;
        };
        let property = property(text[..colon].trim_ascii());
        if property == Property::Other {
            return;
        }
        let value = text[colon + 1..].trim_ascii();
        let (value, is_important) = important(value);
        let mut put = |bit, hides| self.put(bit, hides, is_important);
        match property {
            Property::Display => {
                put(DISPLAY, is(value, "none"));
                let boxes = [
                    "block",
                    "inline-block",
                    "flex",
                    "inline-flex",
                    "grid",
                    "list-item",
                    "flow-root",
                ];
                put(BOX, boxes.iter().any(|name| is(value, name)));
            }
            Property::Visibility => put(VISIBILITY, is(value, "hidden") || is(value, "collapse")),
            Property::Opacity => put(OPACITY, opacity(value) <= ALPHA_MAX),
            Property::Overflow => put(OVERFLOW, is(value, "hidden") || is(value, "clip")),
            Property::Extent(bit) => put(bit, length(value).is_some_and(|px| px <= SIZE_MAX_PX)),
            Property::Indent => put(INDENT, length(value).is_some_and(|px| px <= OFFSCREEN_PX)),
            Property::Edge(bit) => put(bit, length(value).is_some_and(|px| px <= OFFSCREEN_PX)),
            Property::Position => put(POSITION, is(value, "absolute") || is(value, "fixed")),
            Property::Size if self.accepts(SIZE, is_important) => self.put_size(value, is_important),
            Property::Font if self.accepts(SIZE, is_important) => {
                let size = value
                    .split(u8::is_ascii_whitespace)
                    .find(|word| starts_number(word));
                let size = size.and_then(|word| word.split(|&b| b == b'/').next());
                self.put_size(size.unwrap_or(b"medium"), is_important);
            }
            Property::Color if self.accepts(COLOR, is_important) => {
                self.color = Color::parse(value);
                self.put(COLOR, false, is_important);
            }
            // Text of no colour may have a shadow or a filling that can be read.
            Property::Fill if self.accepts(COLOR, is_important) => {
                self.color = Color::Unknown;
                self.put(COLOR, false, true);
            }
            Property::Background if self.accepts(BACKGROUND, is_important) => {
                self.background = background(value);
                self.put(BACKGROUND, false, is_important);
            }
            _ => {}
        }
    }

    fn put_size(&mut self, value: &[u8], is_important: bool) {
        self.size = size(value);
        self.put(SIZE, false, is_important);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Property {
    Display,
    Visibility,
    Opacity,
    Overflow,
    /// Height, width and their maxima.
    Extent(u16),
    Indent,
    Edge(u16),
    Position,
    Size,
    Font,
    Color,
    Fill,
    Background,
    Other,
}

fn property(name: &[u8]) -> Property {
    const KNOWN: [(&str, Property); 21] = [
        ("color", Property::Color),
        ("font-size", Property::Size),
        ("font", Property::Font),
        ("background", Property::Background),
        ("background-color", Property::Background),
        ("background-image", Property::Background),
        ("display", Property::Display),
        ("width", Property::Extent(WIDTH)),
        ("height", Property::Extent(HEIGHT)),
        ("max-width", Property::Extent(MAX_WIDTH)),
        ("max-height", Property::Extent(MAX_HEIGHT)),
        ("overflow", Property::Overflow),
        ("visibility", Property::Visibility),
        ("opacity", Property::Opacity),
        ("position", Property::Position),
        ("left", Property::Edge(LEFT)),
        ("top", Property::Edge(TOP)),
        ("text-indent", Property::Indent),
        ("text-shadow", Property::Fill),
        ("-webkit-text-fill-color", Property::Fill),
        ("all", Property::Fill),
    ];
    let found = KNOWN.iter().find(|(known, _)| is(name, known));
    found.map_or(Property::Other, |(_, property)| *property)
}

fn is(value: &[u8], word: &str) -> bool {
    value.eq_ignore_ascii_case(word.as_bytes())
}

/// The value without `!important`, and whether it had it.
fn important(value: &[u8]) -> (&[u8], bool) {
    match memchr::memrchr(b'!', value) {
        Some(at) => (
            value[..at].trim_ascii_end(),
            is(value[at + 1..].trim_ascii(), "important"),
        ),
        None => (value, false),
    }
}

fn opacity(value: &[u8]) -> f32 {
    match number(value) {
        Some((value, b"")) => value,
        Some((value, b"%")) => value / 100.0,
        _ => 1.0,
    }
}

fn size(value: &[u8]) -> Size {
    match number(value) {
        Some((value, b"%")) => Size::Ratio(value / 100.0),
        Some((value, unit)) if is(unit, "em") => Size::Ratio(value),
        Some((value, unit)) if is(unit, "ex") || is(unit, "ch") => Size::Ratio(value / 2.0),
        Some(_) => Size::Px(length(value).unwrap_or(SIZE_PX)),
        None if is(value, "inherit") => Size::Ratio(1.0),
        None => Size::Px(SIZE_PX),
    }
}

/// Pixels; none when that cannot be known.
fn length(value: &[u8]) -> Option<f32> {
    let (value, unit) = number(value)?;
    const UNITS: [(&str, f32); 9] = [
        ("px", 1.0),
        ("pt", 4.0 / 3.0),
        ("em", SIZE_PX),
        ("rem", SIZE_PX),
        ("%", SIZE_PX),
        ("pc", 16.0),
        ("in", 96.0),
        ("cm", 37.8),
        ("mm", 3.78),
    ];
    if unit.is_empty() {
        return (value == 0.0).then_some(0.0);
    }
    let (_, px) = UNITS.iter().find(|(known, _)| is(unit, known))?;
    Some(value * px)
}

fn starts_number(word: &[u8]) -> bool {
    matches!(word, [b'0'..=b'9', ..] | [b'.' | b'+', b'0'..=b'9', ..])
}

fn background(value: &[u8]) -> Color {
    if memchr::memchr(b'(', value).is_none() {
        let mut colors = value.split(u8::is_ascii_whitespace).map(Color::parse);
        if value.is_empty() || is(value, "none") || is(value, "initial") {
            return Color::Transparent;
        }
        return colors
            .find(|color| *color != Color::Unknown)
            .unwrap_or(Color::Unknown);
    }
    // A function: a colour, or a picture.
    Color::parse(value)
}

/// What an element declares without attributes and styles.
pub fn default(name: Name, class: Class) -> Declared {
    let mut declared = Declared::NONE;
    if class.has(Class::CONTROL) || name == super::element::INPUT {
        declared.set_color(Color::Unknown);
        declared.set_readable_size();
    }
    declared
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::html::element;
    use crate::message::html::look::Computed;

    fn check_hidden(style: &str, name: &str, hidden: bool) {
        let class = element::class(Name::of(name.as_bytes()));
        let found = Computed::ROOT
            .child(class, &Declared::parse(style.as_bytes()))
            .is_hidden();
        assert_eq!(found, hidden, "<{name} {style}>");
    }

    #[test]
    fn hiding() {
        let check = check_hidden;
        for style in [
            "display:none",
            " DISPLAY : None ; ",
            "display:none!important;display:block",
            "visibility:hidden",
            "opacity:0",
            "opacity: 0.0",
            "font-size:0",
            "font-size:1px",
            "font-size:.05em",
            "font:0/0 a",
            "color:#fff",
            "color:white;background:#fefefe",
            "background-color:black;color:#000",
            "color:rgba(0,0,0,0)",
            "position:absolute;left:-9999px",
            "font-family:'a;b';display:none",
            "d\\69splay:none",
            "dis/**/play:none",
        ] {
            check(style, "span", true);
            check(style, "div", true);
        }
    }

    #[test]
    fn showing() {
        let check = check_hidden;
        for style in [
            "",
            "display:block",
            "display:none;display:block",
            "display:none;display:block!important",
            "display:none x",
            "x:display:none",
            "font-family:';display:none'",
            "mso-hide:all",
            "visibility:visible",
            "opacity:1",
            "font-size:12px",
            "font-size:0;font:12px a",
            "color:#fff;background:url(x)",
            "color:#fff;background-color:#333",
            "color:transparent;text-shadow:0 0 0 red",
            "height:0",
            "overflow:hidden",
            "left:-9999px",
            "position:static",
            "display:none;d\\69splay:block",
            "display:none;x:\"/*\";display:block;y:\"*/\"",
            "display:none;x:url(/*);display:block;y:url(*/)",
            "x:((a);display:none;)",
            "x:foo(/*)*/;display:none;)",
            "x:'\\';display:none;'",
            "x:{;display:none;}",
        ] {
            check(style, "span", false);
            check(style, "div", false);
        }
        for style in [
            "height:0;overflow:hidden",
            "max-height:0px;overflow:hidden",
            "text-indent:-9999px",
        ] {
            check(style, "div", true);
            check(style, "span", false);
            check(style, "td", false);
            check(&format!("{style};display:inline"), "div", false);
            check(&format!("{style};display:inline-block"), "span", true);
        }
    }

    #[test]
    fn cascades() {
        let parse = |text: &str| Declared::parse(text.as_bytes());
        let check = |weak: &str, strong: &str, hidden: bool| {
            let mut declared = parse(weak);
            declared.cascade(&parse(strong));
            let computed = Computed::ROOT.child(Class::default(), &declared);
            assert_eq!(computed.is_hidden(), hidden, "{weak} / {strong}");
        };
        check("display:none", "display:inline", false);
        check("display:none!important", "display:inline", true);
        check("display:none!important", "display:inline!important", false);
        check("display:inline", "display:none", true);
        check("font-size:0", "color:#fff;color:red", true);
        assert!(
            parse("display:none;font-size:0;visibility:hidden")
                .only_showing()
                .is_none()
        );
        assert!(!parse("display:block").only_showing().is_none());
    }
}
