//! Goes through the tokens of a document and notes what is in it.

use super::color::Color;
use super::element::{self, Class, Name};
use super::sheet::Sheet;
use super::style::{self, Declared};
use super::target::target;
use super::text::Text;
use super::token::{Attribute, Attributes, Token, Tokenizer};
use super::tree::Tree;
use super::{
    ALT_OCTETS_MAX, Anchor, AnchorKind, HtmlLimits, Page, SAMPLE_CHARS_MAX, TARGET_OCTETS_MAX, reference,
};

/// Octets of one `style` attribute that are looked at.
const STYLE_OCTETS_MAX: usize = 16 << 10;

/// A document whose style sheets come behind some of its text is read twice, the second time with all of them.
pub fn read(html: &[u8], limits: &HtmlLimits) -> Page {
    let mut first = Reader::new(limits, html.len(), None);
    first.tokens(html);
    if !first.is_late {
        return first.finish();
    }
    let mut second = Reader::new(limits, html.len(), Some(std::mem::take(&mut first.sheet)));
    second.tokens(html);
    second.finish()
}

struct Reader<'l> {
    limits: &'l HtmlLimits,
    page: Page,
    tree: Tree,
    sheet: Sheet,
    /// The sheet has all rules already.
    is_second: bool,
    /// A style sheet came behind something that it may change.
    is_late: bool,
    style_octets: usize,
    text: Text,
    hidden: Text,
    alt: Text,
    /// The open link: its index, and where its text begins.
    link: Option<(usize, usize)>,
    /// The element whose raw content comes next, and whether its `media` fits anybody.
    raw: (Name, Class, bool),
    /// In a conditional comment.
    is_conditional: bool,
}

impl<'l> Reader<'l> {
    fn new(limits: &'l HtmlLimits, octets: usize, sheet: Option<Sheet>) -> Self {
        Self {
            limits,
            page: Page::default(),
            tree: Tree::new(limits.depth_max),
            is_second: sheet.is_some(),
            sheet: sheet.unwrap_or_default(),
            is_late: false,
            style_octets: 0,
            text: Text::new(limits.text_octets_max, octets / 2),
            hidden: Text::new(limits.text_octets_max, 0),
            alt: Text::new(ALT_OCTETS_MAX, 0),
            link: None,
            raw: (Name::default(), Class::default(), false),
            is_conditional: false,
        }
    }

    fn finish(mut self) -> Page {
        self.end_link();
        let mut page = self.page;
        page.bounded |=
            self.text.is_full() || self.hidden.is_full() || self.tree.is_cut() || self.sheet.is_full();
        page.hidden_octets = self.hidden.len();
        page.hidden_sample = self.hidden.since(0, SAMPLE_CHARS_MAX);
        page.text = self.text.finish();
        page.image_alt = self.alt.finish();
        page
    }

    fn tokens(&mut self, html: &[u8]) {
        let mut tokenizer = Tokenizer::new(html);
        while let Some(token) = tokenizer.next() {
            match token {
                Token::Text(text) => self.characters(text, true),
                Token::Start(name, class) => self.start(name, class, &tokenizer.attributes),
                Token::End(name, class) => self.end(name, class),
                Token::Comment(comment) => self.comment(comment),
                Token::Raw(text) => self.raw(text),
            }
        }
    }

    fn characters(&mut self, text: &[u8], has_references: bool) {
        if self.is_conditional {
            return;
        }
        let look = self.tree.text();
        let is_pre = look.is_pre;
        let out = if look.is_hidden() {
            &mut self.hidden
        } else {
            &mut self.text
        };
        if has_references {
            out.push(text, is_pre);
        } else {
            out.push_plain(text, is_pre);
        }
    }

    fn raw(&mut self, text: &[u8]) {
        let (name, class, is_certain) = self.raw;
        if class.has(Class::SEEN) {
            self.characters(text, class.has(Class::REFERENCES));
        } else if name == element::STYLE && !self.is_second && !self.is_conditional {
            self.is_late |= self.text.len() + self.hidden.len() + self.page.anchors.len() > 0;
            let room = self.limits.style_octets_max - self.style_octets;
            self.page.bounded |= text.len() > room;
            self.style_octets += text.len().min(room);
            self.sheet.add(&text[..text.len().min(room)], is_certain);
        }
    }

    /// `<!--[if mso]> ... <![endif]-->` is a comment to all but Outlook: its links are noted.
    fn comment(&mut self, comment: &[u8]) {
        let Some(condition) = comment.strip_prefix(b"[if") else {
            return;
        };
        let Some(start) = memchr::memmem::find(condition, b"]>") else {
            return;
        };
        if self.is_conditional {
            return;
        }
        self.is_conditional = true;
        let (depth, link) = (self.tree.depth(), self.link.take());
        self.tokens(&condition[start + 2..]);
        self.end_link();
        self.tree.truncate(depth);
        self.link = link;
        self.is_conditional = false;
    }

    fn start(&mut self, name: Name, class: Class, attributes: &Attributes<'_>) {
        self.separate(class);
        let mut declared = style::default(name, class);
        if !attributes.is_empty() || !self.sheet.is_empty() {
            self.declare(name, attributes, &mut declared);
        }
        if name == element::A {
            self.end_link();
        }
        let look = if self.is_conditional {
            None
        } else {
            self.tree.start(name, class, &declared)
        };
        let is_hidden = self.is_conditional || look.is_some_and(|look| look.is_hidden());
        if class.has(Class::RAW) {
            let media = attributes.get(Attribute::Media).unwrap_or(b"all").trim_ascii();
            let fits_all = media.is_empty()
                || [&b"all"[..], b"screen"]
                    .iter()
                    .any(|all| media.eq_ignore_ascii_case(all));
            self.raw = (name, class, fits_all);
        }
        self.note(name, attributes, is_hidden);
    }

    fn end(&mut self, name: Name, class: Class) {
        if class.has(Class::BLOCK | Class::CELL) {
            self.separate(class);
        }
        if !self.is_conditional {
            self.tree.end(name, class);
        }
        if self.link.is_some() && (name == element::A || !self.is_conditional && !self.tree.has(element::A)) {
            self.end_link();
        }
    }

    fn separate(&mut self, class: Class) {
        if self.is_conditional {
            return;
        }
        if class.has(Class::BLOCK) {
            self.text.line();
            self.hidden.line();
            if class.has(Class::VOID) {
                self.tree.line_break();
            }
        } else if class.has(Class::CELL) {
            self.text.blank();
            self.hidden.blank();
        }
    }

    /// What the element's attributes and the style sheets say of its look.
    fn declare(&self, name: Name, attributes: &Attributes<'_>, declared: &mut Declared) {
        let color = |attribute| {
            attributes
                .get(attribute)
                .map(|value| Color::attribute(&reference::attribute(value)))
        };
        if attributes.get(Attribute::Hidden).is_some() {
            declared.hide();
        }
        if name == element::A && attributes.get(Attribute::Href).is_some() {
            declared.set_color(Color::LINK);
        }
        if let Some(color) = color(Attribute::BgColor) {
            declared.set_background(color);
        }
        if attributes.get(Attribute::Background).is_some() {
            declared.set_background(Color::Unknown);
        }
        if name == element::FONT {
            color(Attribute::Color)
                .into_iter()
                .for_each(|color| declared.set_color(color));
            if attributes.get(Attribute::Size).is_some() {
                declared.set_readable_size();
            }
        } else if name == element::BODY {
            color(Attribute::Text)
                .into_iter()
                .for_each(|color| declared.set_color(color));
        }
        let own = attributes.get(Attribute::Style).map(|style| {
            let style = reference::attribute(&style[..style.len().min(STYLE_OCTETS_MAX)]);
            Declared::parse(&style)
        });
        if self.sheet.is_empty() {
            own.iter().for_each(|own| declared.cascade(own));
            return;
        }
        let word = |attribute| reference::attribute(attributes.get(attribute).unwrap_or_default());
        let (class, id) = (word(Attribute::Class), word(Attribute::Id));
        self.sheet
            .cascade(declared, name, &class, id.trim_ascii(), own.as_ref());
    }

    /// What is counted, and where it leads.
    fn note(&mut self, name: Name, attributes: &Attributes<'_>, is_hidden: bool) {
        let value = |attribute| attributes.get(attribute).map(reference::attribute);
        match name {
            element::A => {
                let href = attributes
                    .get(Attribute::Href)
                    .or_else(|| attributes.get(Attribute::XlinkHref));
                self.anchor(AnchorKind::Link, href, is_hidden);
            }
            element::AREA => self.anchor(AnchorKind::Area, attributes.get(Attribute::Href), is_hidden),
            element::IMG | element::IMAGE => self.image(attributes, is_hidden),
            element::FORM => {
                self.page.forms += 1;
                self.anchor(AnchorKind::Form, attributes.get(Attribute::Action), is_hidden);
            }
            element::INPUT => {
                let kind = value(Attribute::Type).unwrap_or_default();
                self.page.passwords += u32::from(kind.eq_ignore_ascii_case(b"password"));
                if kind.eq_ignore_ascii_case(b"image") {
                    self.image(attributes, is_hidden);
                }
                self.anchor(AnchorKind::Form, attributes.get(Attribute::FormAction), is_hidden);
            }
            element::BUTTON => {
                self.anchor(AnchorKind::Form, attributes.get(Attribute::FormAction), is_hidden)
            }
            element::SCRIPT => {
                self.page.scripts += 1;
                self.data(attributes.get(Attribute::Src));
            }
            element::IFRAME | element::FRAME | element::EMBED | element::OBJECT => {
                self.page.frames += 1;
                self.anchor(AnchorKind::Frame, attributes.get(Attribute::Src), is_hidden);
            }
            element::BASE if self.page.base.is_none() => {
                self.page.base = value(Attribute::Href).map(|value| target(&value));
            }
            element::META
                if value(Attribute::HttpEquiv).is_some_and(|v| v.eq_ignore_ascii_case(b"refresh")) =>
            {
                let content = value(Attribute::Content).unwrap_or_default();
                if self.page.meta_refresh.is_none() {
                    self.page.meta_refresh = refresh_target(&content).map(target);
                }
            }
            // Outlook draws buttons as <v:roundrect href=...>.
            _ if self.is_conditional => self.anchor(AnchorKind::Link, attributes.get(Attribute::Href), true),
            _ => self.data(attributes.get(Attribute::Background)),
        }
    }

    fn image(&mut self, attributes: &Attributes<'_>, is_hidden: bool) {
        self.page.images += 1;
        let Some(source) = attributes.get(Attribute::Src) else {
            return;
        };
        self.data(Some(source));
        let start = target(&reference::attribute(&source[..source.len().min(64)])).to_ascii_lowercase();
        let is_remote = ["http:", "https:", "//", "\\\\"]
            .iter()
            .any(|scheme| start.starts_with(scheme));
        self.page.images_remote += u32::from(is_remote);
        if let Some(alt) = attributes.get(Attribute::Alt).filter(|_| !is_hidden) {
            self.alt.blank();
            self.alt.push(alt, false);
        }
    }

    fn data(&mut self, url: Option<&[u8]>) {
        let url = url.unwrap_or_default().trim_ascii_start();
        if url
            .get(..5)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"data:"))
        {
            self.page.data_octets += url.len();
        }
    }

    fn anchor(&mut self, kind: AnchorKind, url: Option<&[u8]>, hidden: bool) {
        let Some(url) = url else { return };
        self.data(Some(url));
        if self.page.anchors.len() >= self.limits.anchors_max {
            self.page.bounded = true;
            return;
        }
        if kind == AnchorKind::Link {
            self.link = Some((self.page.anchors.len(), self.text.len()));
        }
        self.page.anchors.push(Anchor {
            kind,
            target: target(&reference::attribute(
                &url[..url.len().min(8 * TARGET_OCTETS_MAX)],
            )),
            text: String::new(),
            hidden,
        });
    }

    fn end_link(&mut self) {
        if let Some((index, start)) = self.link.take()
            && let Some(anchor) = self.page.anchors.get_mut(index)
        {
            anchor.text = self.text.since(start, SAMPLE_CHARS_MAX);
        }
    }
}

/// The URL of `5; url=...`.
fn refresh_target(content: &[u8]) -> Option<&[u8]> {
    let at = content.iter().position(|b| matches!(b, b';' | b','))?;
    let url = content[at + 1..].trim_ascii_start();
    let url = match url.get(..3) {
        Some(word) if word.eq_ignore_ascii_case(b"url") => url[3..].trim_ascii_start().strip_prefix(b"=")?,
        _ => url,
    };
    let url = url.trim_ascii_start();
    match url.first() {
        Some(quote @ (b'"' | b'\'')) => url[1..].split(|b| b == quote).next(),
        Some(_) => Some(url),
        None => None,
    }
}
