//! Octets of HTML to tags, text and comments: the tokenization of the HTML Living Standard §12.2.5, by one pass without
//! copies. Character references are left to the reader of a token.
//!
//! Promises: linear, no recursion, no memory of its own, no panic. Trusts nothing. Known differences to the standard: the
//! "escaped" states of scripts (a script ends at the first `</script`), CDATA sections of SVG and MathML (read as bogus
//! comments, as in HTML), doctypes (a doctype ends at the first `>`).

use super::element::{self, Class, Name};
use memchr::{memchr, memchr_iter, memmem};

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// Text with its character references, never empty.
    Text(&'a [u8]),
    /// A start tag; its attributes are in [`Tokenizer::attributes`].
    Start(Name, Class),
    /// An end tag.
    End(Name, Class),
    /// What is between `<!--` and `-->`.
    Comment(&'a [u8]),
    /// All content of the element with raw text that was opened last; may be empty.
    Raw(&'a [u8]),
}

macro_rules! attributes {
    ($($id:ident $text:literal;)*) => {
        /// The attributes that somebody reads.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Attribute { $(#[doc = $text] $id,)* }

        const ATTRIBUTES: usize = [$(Attribute::$id),*].len();

        fn attribute(name: Name) -> Option<Attribute> {
            $(const $id: Name = Name::of($text.as_bytes());)*
            Some(match name { $($id => Attribute::$id,)* _ => return None })
        }
    };
}

#[allow(
    non_upper_case_globals,
    reason = "the macro names a constant after its variant"
)]
mod names {
    use super::Name;
    attributes! {
        Href "href"; XlinkHref "xlink:href"; Src "src"; Action "action"; FormAction "formaction"; Background "background";
        Style "style"; Class "class"; Id "id"; Hidden "hidden"; Color "color"; BgColor "bgcolor"; Text "text"; Size "size";
        Type "type"; Alt "alt"; HttpEquiv "http-equiv"; Content "content"; Media "media"; Value "value";
    }

    pub const COUNT: usize = ATTRIBUTES;
    pub fn find(name: Name) -> Option<Attribute> {
        attribute(name)
    }
}
pub use names::Attribute;

/// The attributes of the tag read last. Of two with one name the first counts (§12.2.5.33).
#[derive(Debug, Default)]
pub struct Attributes<'a> {
    set: u32,
    values: [&'a [u8]; names::COUNT],
}

impl<'a> Attributes<'a> {
    /// The value as written, without its quotes; empty when there is only a name.
    pub fn get(&self, attribute: Attribute) -> Option<&'a [u8]> {
        (self.set & 1 << attribute as u32 != 0).then(|| self.values[attribute as usize])
    }

    /// True when none of those somebody reads is there.
    pub fn is_empty(&self) -> bool {
        self.set == 0
    }

    /// Reads from behind the tag's name to behind its `>`, and gives that place; none when the tag never ends.
    fn read(&mut self, html: &'a [u8], mut at: usize) -> Option<usize> {
        self.set = 0;
        if *html.get(at)? == b'>' {
            return Some(at + 1);
        }
        loop {
            at = skip(html, at, BLANK | SLASH);
            if *html.get(at)? == b'>' {
                return Some(at + 1);
            }
            let (name, end) = read_name(html, at, &ATTRIBUTE_NAMES);
            at = skip(html, end, BLANK);
            let mut value: &[u8] = b"";
            if *html.get(at)? == b'=' {
                at = skip(html, at + 1, BLANK);
                let end;
                match *html.get(at)? {
                    quote @ (b'"' | b'\'') => {
                        at += 1;
                        end = at + memchr(quote, html.get(at..)?)?;
                        value = &html[at..end];
                        at = end + 1;
                    }
                    _ => {
                        end = find(html, at, BLANK | GREATER);
                        value = &html[at..end];
                        at = end;
                    }
                }
            }
            if let Some(attribute) = names::find(name) {
                let bit = 1 << attribute as u32;
                if self.set & bit == 0 {
                    self.set |= bit;
                    self.values[attribute as usize] = value;
                }
            }
        }
    }
}

/// Reads one document.
#[derive(Debug)]
pub struct Tokenizer<'a> {
    html: &'a [u8],
    at: usize,
    /// The element with raw text whose start tag was read last.
    raw: Option<Name>,
    /// Of the tag read last.
    pub attributes: Attributes<'a>,
}

impl<'a> Tokenizer<'a> {
    /// Begins with text.
    pub fn new(html: &'a [u8]) -> Self {
        Self {
            html,
            at: 0,
            raw: None,
            attributes: Attributes::default(),
        }
    }

    /// Text up to the next tag or comment, or that tag or comment.
    fn step(&mut self) -> Option<Token<'a>> {
        let start = self.at;
        if self.is_markup(start) {
            return self.markup(start);
        }
        let mut end = start;
        loop {
            let rest = self.html.get(end + 1..).unwrap_or_default();
            end = memchr(b'<', rest).map_or(self.html.len(), |found| end + 1 + found);
            if end == self.html.len() || self.is_markup(end) {
                break;
            }
        }
        self.at = end;
        let text = self.html.get(start..end).filter(|text| !text.is_empty())?;
        Some(Token::Text(text))
    }

    fn is_markup(&self, at: usize) -> bool {
        match self.html.get(at..) {
            Some([b'<', b'/', _, ..]) => true,
            Some([b'<', next, ..]) => next.is_ascii_alphabetic() || matches!(next, b'!' | b'?'),
            _ => false,
        }
    }

    /// `tag` is the place of a `<` that begins markup.
    fn markup(&mut self, tag: usize) -> Option<Token<'a>> {
        let html = self.html;
        self.at = html.len();
        match html.get(tag + 1..)? {
            [b'!', b'-', b'-', ..] => Some(Token::Comment(self.comment(tag + 4))),
            [b'!' | b'?', ..] => Some(Token::Comment(self.bogus_comment(tag + 2))),
            [b'/', b'a'..=b'z' | b'A'..=b'Z', ..] => {
                let (name, end) = read_element(html, tag + 2);
                self.at = self.attributes.read(html, end)?;
                Some(Token::End(name, element::class(name)))
            }
            [b'/', ..] => Some(Token::Comment(self.bogus_comment(tag + 2))),
            _ => {
                let (name, end) = read_element(html, tag + 1);
                self.at = self.attributes.read(html, end)?;
                let class = element::class(name);
                self.raw = class.has(Class::RAW).then_some(name);
                Some(Token::Start(name, class))
            }
        }
    }

    /// §12.2.5.43 to 52: ends at `-->` or `--!>`, or at once at `>` or `->`.
    fn comment(&mut self, start: usize) -> &'a [u8] {
        let text = &self.html[start..];
        for end in memchr_iter(b'>', text) {
            let inside = &text[..end];
            let inside = match end {
                0 => Some(inside),
                1 => inside.strip_suffix(b"-"),
                _ => inside.strip_suffix(b"--").or_else(|| inside.strip_suffix(b"--!")),
            };
            if let Some(inside) = inside {
                self.at = start + end + 1;
                return inside;
            }
        }
        text
    }

    fn bogus_comment(&mut self, start: usize) -> &'a [u8] {
        let text = self.html.get(start..).unwrap_or_default();
        let end = memchr(b'>', text).unwrap_or(text.len());
        self.at = (start + end + 1).min(self.html.len());
        &text[..end]
    }

    /// Everything up to the end tag of the element, or to the end.
    fn raw_text(&mut self, name: Name) -> &'a [u8] {
        let text = &self.html[self.at..];
        let mut ends = memmem::find_iter(text, b"</").filter(|end| {
            let (found, stop) = read_element(text, end + 2);
            found == name && stop < text.len()
        });
        let end = match name {
            element::PLAINTEXT => text.len(),
            _ => ends.next().unwrap_or(text.len()),
        };
        self.at += end;
        &text[..end]
    }
}

impl<'a> Iterator for Tokenizer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        match self.raw.take() {
            Some(name) => Some(Token::Raw(self.raw_text(name))),
            None => self.step(),
        }
    }
}

const BLANK: u8 = 1;
const SLASH: u8 = 2;
const GREATER: u8 = 4;
const EQUALS: u8 = 8;

const STOPS: [u8; 256] = {
    let mut stops = [0; 256];
    stops[b' ' as usize] = BLANK;
    stops[b'\t' as usize] = BLANK;
    stops[b'\n' as usize] = BLANK;
    stops[b'\r' as usize] = BLANK;
    stops[0x0c] = BLANK;
    stops[b'/' as usize] = SLASH;
    stops[b'>' as usize] = GREATER;
    stops[b'=' as usize] = EQUALS;
    stops
};

/// The first place from `at` on with an octet that is not of these classes.
fn skip(html: &[u8], mut at: usize, classes: u8) -> usize {
    while html
        .get(at)
        .is_some_and(|&b| STOPS[usize::from(b)] & classes != 0)
    {
        at += 1;
    }
    at
}

/// The first place from `at` on with an octet of one of these classes.
fn find(html: &[u8], mut at: usize, classes: u8) -> usize {
    while html
        .get(at)
        .is_some_and(|&b| STOPS[usize::from(b)] & classes == 0)
    {
        at += 1;
    }
    at
}

/// The name of an element, and where it ends.
fn read_element(html: &[u8], start: usize) -> (Name, usize) {
    let (name, end) = read_name(html, start, &ELEMENT_NAMES);
    (name.exact(html.get(start..end).unwrap_or_default()), end)
}

/// A name of at least one octet, whatever that is, and where it ends.
#[inline]
fn read_name(html: &[u8], start: usize, letters_of: &[u8; 256]) -> (Name, usize) {
    let mut name = html
        .get(start)
        .map_or(0, |first| u64::from(first.to_ascii_lowercase()));
    let (mut at, mut shift) = (start + 1, 8);
    while let Some(&b) = html.get(at) {
        let letter = letters_of[usize::from(b)];
        if letter == STOP {
            break;
        }
        at += 1;
        if shift < 56 {
            name |= u64::from(letter) << shift;
            shift += 8;
        }
    }
    (Name::new(name, at - start), at)
}

/// In the tables of letters: the name ends before this octet.
const STOP: u8 = 0;
/// Lower-case letters of names of elements.
const ELEMENT_NAMES: [u8; 256] = letters(BLANK | SLASH | GREATER);
/// The same for attributes.
const ATTRIBUTE_NAMES: [u8; 256] = letters(BLANK | SLASH | GREATER | EQUALS);

const fn letters(stops: u8) -> [u8; 256] {
    let mut letters = [0; 256];
    let mut b = 0;
    while b < 256 {
        letters[b] = match b as u8 {
            _ if STOPS[b] & stops != 0 => STOP,
            // No octet of UTF-8.
            0 => 0xff,
            b => b.to_ascii_lowercase(),
        };
        b += 1;
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(html: &str) -> String {
        let mut out = String::new();
        let mut tokenizer = Tokenizer::new(html.as_bytes());
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        while let Some(token) = tokenizer.next() {
            out += &match token {
                Token::Text(octets) => format!("T:{} ", text(octets)),
                Token::Start(name, _) => {
                    let href = tokenizer.attributes.get(Attribute::Href).map(text);
                    format!("S{} {} ", name.number() >> 56, href.unwrap_or_default())
                }
                Token::End(name, _) => format!("E{} ", name.number() >> 56),
                Token::Comment(octets) => format!("C:{} ", text(octets)),
                Token::Raw(octets) => format!("R:{} ", text(octets)),
            };
        }
        out
    }

    #[test]
    fn kinds() {
        fn check(html: &str, expected: &str) {
            assert_eq!(tokens(html), expected, "{html}");
        }
        check("a<b>c</b>d", "T:a S1  T:c E1 T:d ");
        check("1 < 2 <3 </", "T:1 < 2 <3 </ ");
        check("<", "T:< ");
        check("<a href=x>", "S1 x ");
        check("<a/href = 'x>y' >z", "S1 x>y T:z ");
        check("<a href=\"1\" href=2>", "S1 1 ");
        check("<a href=>b", "S1  T:b ");
        check("<a =href=1 href=2>", "S1 2 ");
        check("<a\0 HREF=q/>", "S2 q/ ");
        check("x<a href='1", "T:x ");
        check(
            "<!-->a<!--->b<!----!>c<!---!>d-->e",
            "C: T:a C: T:b C: T:c C:-!>d T:e ",
        );
        check("<!-- a -- > <b> --!>c", "C: a -- > <b>  T:c ");
        check("a<!--b<c>", "T:a C:b<c> ");
        check(
            "<!doctype html><?x?></ >a</>b",
            "C:doctype html C:x? C:  T:a C: T:b ",
        );
        check("<![CDATA[a>b]]>", "C:[CDATA[a T:b]]> ");
        check("<style><a></stylex></STYLE\n>b", "S5  R:<a></stylex> E5 T:b ");
        check("<title>a&amp;<b>", "S5  R:a&amp;<b> ");
        check("<plaintext>a</plaintext>", "S9  R:a</plaintext> ");
    }
}
