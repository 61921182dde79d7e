//! How text looks in an element: what the declarations come to, down the tree.
//!
//! Promises: constant time, no panic. Standards: CSS 2.2 §9 to 11, CSS Cascading Level 4 §7; HTML Living Standard §15.3.10 (tables
//! of old documents).

use super::color::Color;
use super::element::Class;
use super::style::{
    BACKGROUND, BOX, COLOR, DISPLAY, Declared, EXTENT, INDENT, LEFT, OPACITY, OVERFLOW, POSITION, SIZE,
    SIZE_MAX_PX, SIZE_PX, Size, TOP, VISIBILITY,
};

/// What the declarations come to for one element and the text in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Computed {
    /// Of text.
    pub color: Color,
    /// Behind it, as far as it is known.
    background: Color,
    size_px: f32,
    /// Not rendered at all: nothing inside can change it.
    gone: bool,
    /// In a box of no size, or outside of the page.
    clipped: bool,
    invisible: bool,
    /// The first line is outside of the page.
    pub indented: bool,
    /// White space counts.
    pub is_pre: bool,
}

impl Computed {
    /// Of a document that says nothing.
    pub const ROOT: Self = Self {
        color: Color::BLACK,
        background: Color::WHITE,
        size_px: SIZE_PX,
        gone: false,
        clipped: false,
        invisible: false,
        indented: false,
        is_pre: false,
    };

    /// A reader does not see text here.
    pub fn is_hidden(&self) -> bool {
        self.gone
            || self.clipped
            || self.invisible
            || self.indented
            || self.size_px <= SIZE_MAX_PX
            || self.color.is_lost_on(self.background)
    }

    /// Of an element in this one.
    pub fn child(&self, class: Class, declared: &Declared) -> Self {
        let mut child = *self;
        child.is_pre |= class.has(Class::PRE);
        child.gone |= class.has(Class::UNSEEN);
        if declared.set == 0 {
            return child;
        }
        let hides = |bits: u16| declared.hides & bits != 0;
        let sets = |bit: u16| declared.set & bit != 0;
        child.gone |= hides(DISPLAY | OPACITY);
        if sets(VISIBILITY) {
            child.invisible = hides(VISIBILITY);
        }
        if sets(SIZE) {
            child.size_px = match declared.size {
                Size::Px(px) => px,
                Size::Ratio(ratio) => self.size_px * ratio,
            };
        }
        if sets(COLOR) && declared.color != Color::Inherited {
            child.color = declared.color;
        }
        if sets(BACKGROUND) && !matches!(declared.background, Color::Inherited | Color::Transparent) {
            child.background = declared.background;
        }
        // A cell is as large as its content, and a span has no height: only a box clips.
        let is_block = class.has(Class::BLOCK) && !class.has(Class::TABLE_PART | Class::TABLE_FRAME);
        let is_box = if sets(BOX) { hides(BOX) } else { is_block };
        if hides(POSITION) {
            child.clipped = hides(LEFT | TOP);
        }
        child.clipped |= is_box && hides(OVERFLOW) && hides(EXTENT);
        if sets(INDENT) {
            child.indented = is_box && hides(INDENT);
        }
        child
    }

    /// Of a table in this one: old documents do not hand size and colour of text down to it.
    pub fn for_table(&self, page_color: Color) -> Self {
        Self {
            size_px: SIZE_PX,
            color: page_color,
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::html::element;

    #[test]
    fn inherited() {
        fn check(outer: &str, inner: &str, hidden: bool) {
            let outer_style =
                Computed::ROOT.child(element::class(element::DIV), &Declared::parse(outer.as_bytes()));
            let inner_style =
                outer_style.child(element::class(element::DIV), &Declared::parse(inner.as_bytes()));
            assert_eq!(inner_style.is_hidden(), hidden, "{outer} / {inner}");
        }
        check("display:none", "display:block", true);
        check("opacity:0", "opacity:1", true);
        check("visibility:hidden", "", true);
        check("visibility:hidden", "visibility:visible", false);
        check("font-size:0", "font-size:12px", false);
        check("font-size:0", "font-size:2em", true);
        check("color:#fff", "background:#000", false);
        check("background:#000", "color:#000", true);
        check("height:0;overflow:hidden", "position:absolute", false);
        check("height:0;overflow:hidden", "height:20px", true);
        check("text-indent:-999px", "text-indent:0", false);
    }
}
