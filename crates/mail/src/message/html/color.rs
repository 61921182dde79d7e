//! Colours of CSS and of HTML's old attributes, and whether text of one can be read on another.
//!
//! Promises: no panic; what is not understood is [`Color::Unknown`], which can always be read. Standards: CSS Color Level 4
//! §4.2, §5.1, §6.1; HTML Living Standard §2.3.6.

use super::css::number;

/// Difference of each of red, green and blue up to which nobody reads the text.
const DIFFERENCE_MAX: u8 = 16;

/// Opacity up to which nobody reads the text.
pub const ALPHA_MAX: f32 = 0.05;

/// A colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// Red, green, blue.
    Rgb([u8; 3]),
    /// Nothing is painted.
    Transparent,
    /// As the element around it.
    Inherited,
    /// Not understood, or a picture.
    Unknown,
}

impl Color {
    /// Of new windows.
    pub const WHITE: Self = Self::Rgb([255; 3]);
    /// Of text.
    pub const BLACK: Self = Self::Rgb([0; 3]);
    /// Of links.
    pub const LINK: Self = Self::Rgb([0, 0, 0xee]);

    /// A colour value of CSS.
    pub fn parse(value: &[u8]) -> Self {
        if let [b'#', digits @ ..] = value {
            return hexadecimal(digits).unwrap_or(Self::Unknown);
        }
        let name = value.to_ascii_lowercase();
        match name.as_slice() {
            b"white" => Self::WHITE,
            b"black" => Self::BLACK,
            b"transparent" => Self::Transparent,
            b"inherit" | b"currentcolor" => Self::Inherited,
            name => function(name).or_else(|| named(name)).unwrap_or(Self::Unknown),
        }
    }

    /// The value of an attribute `color`, `bgcolor` or `text`, which may lack its `#`.
    pub fn attribute(value: &[u8]) -> Self {
        let value = value.trim_ascii();
        match Self::parse(value) {
            Self::Rgb(rgb) => Self::Rgb(rgb),
            _ if value.len() == 6 => hexadecimal(value).unwrap_or(Self::Unknown),
            _ => Self::Unknown,
        }
    }

    /// True when text of this colour cannot be read on that background.
    pub fn is_lost_on(self, background: Self) -> bool {
        match (self, background) {
            (Self::Transparent, _) => true,
            (Self::Rgb(text), Self::Rgb(background)) => text
                .iter()
                .zip(background)
                .all(|(a, b)| a.abs_diff(b) <= DIFFERENCE_MAX),
            _ => false,
        }
    }
}

fn hexadecimal(digits: &[u8]) -> Option<Color> {
    let mut values = [0u8; 8];
    for (value, &digit) in values.iter_mut().zip(digits) {
        *value = u8::try_from(char::from(digit).to_digit(16)?).ok()?;
    }
    let [a, b, c, d, e, f, g, h] = values;
    let (rgb, alpha) = match digits.len() {
        3 => ([a * 17, b * 17, c * 17], 255),
        4 => ([a * 17, b * 17, c * 17], d * 17),
        6 => ([a << 4 | b, c << 4 | d, e << 4 | f], 255),
        8 => ([a << 4 | b, c << 4 | d, e << 4 | f], g << 4 | h),
        _ => return None,
    };
    Some(with_alpha(rgb, f32::from(alpha) / 255.0))
}

/// What shines through a little is neither the colour nor the one behind it.
fn with_alpha(rgb: [u8; 3], alpha: f32) -> Color {
    match alpha {
        _ if alpha <= ALPHA_MAX => Color::Transparent,
        _ if alpha < 0.9 => Color::Unknown,
        _ => Color::Rgb(rgb),
    }
}

/// `rgb(1, 2, 3)`, `rgba(1 2 3 / 50%)`.
fn function(value: &[u8]) -> Option<Color> {
    let arguments = value
        .strip_prefix(b"rgba(")
        .or_else(|| value.strip_prefix(b"rgb("))?;
    let arguments = arguments.strip_suffix(b")")?;
    let mut found = [0.0, 0.0, 0.0, 1.0];
    let mut count = 0;
    let is_between = |b: &u8| matches!(b, b',' | b'/') || b.is_ascii_whitespace();
    for argument in arguments
        .split(is_between)
        .filter(|argument| !argument.is_empty())
    {
        let (value, unit) = number(argument)?;
        let whole = if count == 3 { 1.0 } else { 255.0 };
        *found.get_mut(count)? = match unit {
            b"" => value,
            b"%" => value / 100.0 * whole,
            _ => return None,
        };
        count += 1;
    }
    // The cast saturates.
    let octet = |value: f32| value.round() as u8;
    (count >= 3).then(|| with_alpha([octet(found[0]), octet(found[1]), octet(found[2])], found[3]))
}

fn named(name: &[u8]) -> Option<Color> {
    let at = NAMED
        .binary_search_by(|(known, _)| known.as_bytes().cmp(name))
        .ok()?;
    let (_, rgb) = NAMED.get(at)?;
    let [_, rgb @ ..] = rgb.to_be_bytes();
    Some(Color::Rgb(rgb))
}

/// CSS Color Level 4 §6.1.
#[rustfmt::skip]
const NAMED: [(&str, u32); 148] = [
    ("aliceblue", 0xf0f8ff), ("antiquewhite", 0xfaebd7), ("aqua", 0x00ffff), ("aquamarine", 0x7fffd4),
    ("azure", 0xf0ffff), ("beige", 0xf5f5dc), ("bisque", 0xffe4c4), ("black", 0x000000),
    ("blanchedalmond", 0xffebcd), ("blue", 0x0000ff), ("blueviolet", 0x8a2be2), ("brown", 0xa52a2a),
    ("burlywood", 0xdeb887), ("cadetblue", 0x5f9ea0), ("chartreuse", 0x7fff00), ("chocolate", 0xd2691e),
    ("coral", 0xff7f50), ("cornflowerblue", 0x6495ed), ("cornsilk", 0xfff8dc), ("crimson", 0xdc143c),
    ("cyan", 0x00ffff), ("darkblue", 0x00008b), ("darkcyan", 0x008b8b), ("darkgoldenrod", 0xb8860b),
    ("darkgray", 0xa9a9a9), ("darkgreen", 0x006400), ("darkgrey", 0xa9a9a9), ("darkkhaki", 0xbdb76b),
    ("darkmagenta", 0x8b008b), ("darkolivegreen", 0x556b2f), ("darkorange", 0xff8c00),
    ("darkorchid", 0x9932cc), ("darkred", 0x8b0000), ("darksalmon", 0xe9967a), ("darkseagreen", 0x8fbc8f),
    ("darkslateblue", 0x483d8b), ("darkslategray", 0x2f4f4f), ("darkslategrey", 0x2f4f4f),
    ("darkturquoise", 0x00ced1), ("darkviolet", 0x9400d3), ("deeppink", 0xff1493),
    ("deepskyblue", 0x00bfff), ("dimgray", 0x696969), ("dimgrey", 0x696969), ("dodgerblue", 0x1e90ff),
    ("firebrick", 0xb22222), ("floralwhite", 0xfffaf0), ("forestgreen", 0x228b22), ("fuchsia", 0xff00ff),
    ("gainsboro", 0xdcdcdc), ("ghostwhite", 0xf8f8ff), ("gold", 0xffd700), ("goldenrod", 0xdaa520),
    ("gray", 0x808080), ("green", 0x008000), ("greenyellow", 0xadff2f), ("grey", 0x808080),
    ("honeydew", 0xf0fff0), ("hotpink", 0xff69b4), ("indianred", 0xcd5c5c), ("indigo", 0x4b0082),
    ("ivory", 0xfffff0), ("khaki", 0xf0e68c), ("lavender", 0xe6e6fa), ("lavenderblush", 0xfff0f5),
    ("lawngreen", 0x7cfc00), ("lemonchiffon", 0xfffacd), ("lightblue", 0xadd8e6), ("lightcoral", 0xf08080),
    ("lightcyan", 0xe0ffff), ("lightgoldenrodyellow", 0xfafad2), ("lightgray", 0xd3d3d3),
    ("lightgreen", 0x90ee90), ("lightgrey", 0xd3d3d3), ("lightpink", 0xffb6c1), ("lightsalmon", 0xffa07a),
    ("lightseagreen", 0x20b2aa), ("lightskyblue", 0x87cefa), ("lightslategray", 0x778899),
    ("lightslategrey", 0x778899), ("lightsteelblue", 0xb0c4de), ("lightyellow", 0xffffe0),
    ("lime", 0x00ff00), ("limegreen", 0x32cd32), ("linen", 0xfaf0e6), ("magenta", 0xff00ff),
    ("maroon", 0x800000), ("mediumaquamarine", 0x66cdaa), ("mediumblue", 0x0000cd),
    ("mediumorchid", 0xba55d3), ("mediumpurple", 0x9370db), ("mediumseagreen", 0x3cb371),
    ("mediumslateblue", 0x7b68ee), ("mediumspringgreen", 0x00fa9a), ("mediumturquoise", 0x48d1cc),
    ("mediumvioletred", 0xc71585), ("midnightblue", 0x191970), ("mintcream", 0xf5fffa),
    ("mistyrose", 0xffe4e1), ("moccasin", 0xffe4b5), ("navajowhite", 0xffdead), ("navy", 0x000080),
    ("oldlace", 0xfdf5e6), ("olive", 0x808000), ("olivedrab", 0x6b8e23), ("orange", 0xffa500),
    ("orangered", 0xff4500), ("orchid", 0xda70d6), ("palegoldenrod", 0xeee8aa), ("palegreen", 0x98fb98),
    ("paleturquoise", 0xafeeee), ("palevioletred", 0xdb7093), ("papayawhip", 0xffefd5),
    ("peachpuff", 0xffdab9), ("peru", 0xcd853f), ("pink", 0xffc0cb), ("plum", 0xdda0dd),
    ("powderblue", 0xb0e0e6), ("purple", 0x800080), ("rebeccapurple", 0x663399), ("red", 0xff0000),
    ("rosybrown", 0xbc8f8f), ("royalblue", 0x4169e1), ("saddlebrown", 0x8b4513), ("salmon", 0xfa8072),
    ("sandybrown", 0xf4a460), ("seagreen", 0x2e8b57), ("seashell", 0xfff5ee), ("sienna", 0xa0522d),
    ("silver", 0xc0c0c0), ("skyblue", 0x87ceeb), ("slateblue", 0x6a5acd), ("slategray", 0x708090),
    ("slategrey", 0x708090), ("snow", 0xfffafa), ("springgreen", 0x00ff7f), ("steelblue", 0x4682b4),
    ("tan", 0xd2b48c), ("teal", 0x008080), ("thistle", 0xd8bfd8), ("tomato", 0xff6347),
    ("turquoise", 0x40e0d0), ("violet", 0xee82ee), ("wheat", 0xf5deb3), ("white", 0xffffff),
    ("whitesmoke", 0xf5f5f5), ("yellow", 0xffff00), ("yellowgreen", 0x9acd32),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        fn check(value: &str, expected: Color) {
            assert_eq!(Color::parse(value.as_bytes()), expected, "{value}");
        }
        check("#fff", Color::WHITE);
        check("#FFFFFF", Color::WHITE);
        check("#ffff", Color::WHITE);
        check("#fff0", Color::Transparent);
        check("#00000000", Color::Transparent);
        check("#12345", Color::Unknown);
        check("#ggg", Color::Unknown);
        check("White", Color::WHITE);
        check("snow", Color::Rgb([255, 250, 250]));
        check("rgb(255, 255,255)", Color::WHITE);
        check("rgb(100% 100% 100%)", Color::WHITE);
        check("rgba(0,0,0,0)", Color::Transparent);
        check("rgb(0 0 0 / 1%)", Color::Transparent);
        check("rgba(0,0,0,.5)", Color::Unknown);
        check("rgb(999,-5,0)", Color::Rgb([255, 0, 0]));
        check("rgb(1,2)", Color::Unknown);
        check("rgb(1,2,3,4,5)", Color::Unknown);
        check("var(--x)", Color::Unknown);
        check("", Color::Unknown);
        assert_eq!(Color::attribute(b" ffffff"), Color::WHITE);
        assert_eq!(Color::attribute(b"transparent"), Color::Unknown);
        assert!(NAMED.is_sorted());
    }

    #[test]
    fn readable() {
        assert!(Color::parse(b"#f8f8f8").is_lost_on(Color::WHITE));
        assert!(!Color::parse(b"#ccc").is_lost_on(Color::WHITE));
        assert!(!Color::WHITE.is_lost_on(Color::Unknown));
        assert!(!Color::Unknown.is_lost_on(Color::Unknown));
        assert!(Color::Transparent.is_lost_on(Color::Unknown));
    }
}
