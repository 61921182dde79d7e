//! The rules of `<style>` elements that can hide text.
//!
//! Decision: only a rule for one element name, class or id (or a class or id of one element name) can hide. Of any other
//! rule, and of all inside of `@media` and the like, only what shows is believed, and wherever the last part of its selector
//! fits: whether the rest fits is not known.
//!
//! Promises: linear but for a logarithm, at most [`RULES_MAX`] rules, no panic. Trusts nothing. Standards: CSS Syntax Level 3,
//! Selectors Level 4 §16 (specificity).

use super::css::{end_of, plain};
use super::element::Name;
use super::style::Declared;

/// Rules that are kept. With more of them no rule hides.
pub const RULES_MAX: usize = 512;
const WORDS: usize = RULES_MAX / 64;

/// What the last part of a selector asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Everything,
    Name(u64),
    Class(u64),
    Id(u64),
}

#[derive(Clone, Debug)]
struct Rule {
    key: Key,
    /// A class or id counts only on this element.
    name: Option<Name>,
    /// It applies wherever the key fits.
    is_certain: bool,
    declared: Declared,
}

/// All rules of a document.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// In the order of the cascade, the weakest first, once [`Sheet::sort`] was called.
    rules: Vec<Rule>,
    /// Keys with the index of their rule, in order.
    keys: Vec<(Key, usize)>,
    is_full: bool,
}

impl Sheet {
    /// True when there is no rule.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// True when there were more rules than are kept.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Adds the rules of a style element. `is_certain` is false when its `media` may not fit.
    pub fn add(&mut self, css: &[u8], is_certain: bool) {
        let css = plain(css);
        let mut rest: &[u8] = &css;
        let mut conditions = 0usize;
        while let Some(at) = memchr::memchr3(b'{', b'}', b';', rest) {
            let (prelude, sign) = (trim(&rest[..at]), rest[at]);
            rest = &rest[at + 1..];
            match sign {
                b'{' if prelude.starts_with(b"@") => conditions += 1,
                b'{' => {
                    let end = end_of(rest, b'}');
                    self.add_rule(prelude, &rest[..end], is_certain && conditions == 0);
                    rest = rest.get(end + 1..).unwrap_or_default();
                }
                b'}' => conditions = conditions.saturating_sub(1),
                _ => {}
            }
        }
        self.sort();
    }

    fn add_rule(&mut self, selectors: &[u8], declarations: &[u8], is_certain: bool) {
        let declared = Declared::parse(declarations);
        let showing = declared.only_showing();
        for selector in selectors.split(|&b| b == b',') {
            let mut rule = Rule::parse(trim(selector));
            rule.is_certain &= is_certain;
            rule.declared = if rule.is_certain { declared } else { showing };
            if rule.declared.is_none() {
                continue;
            }
            if self.rules.len() == RULES_MAX {
                self.is_full = true;
                return;
            }
            self.rules.push(rule);
        }
    }

    /// Rules of uncertain strength are taken for the strongest.
    fn sort(&mut self) {
        self.rules
            .sort_by_key(|rule| (!rule.is_certain, specificity(rule)));
        let keys = self
            .rules
            .iter()
            .enumerate()
            .map(|(index, rule)| (rule.key, index));
        self.keys = keys.collect();
        self.keys.sort_unstable();
    }

    /// What the rules and the element's own `style` come to, over `declared` (attributes of old).
    pub fn cascade(
        &self,
        declared: &mut Declared,
        name: Name,
        class: &[u8],
        id: &[u8],
        own: Option<&Declared>,
    ) {
        let mut fitting = [0u64; WORDS];
        self.find(Key::Everything, name, &mut fitting);
        self.find(Key::Name(name.number()), name, &mut fitting);
        for class in class
            .split(u8::is_ascii_whitespace)
            .filter(|class| !class.is_empty())
        {
            self.find(Key::Class(hash(class)), name, &mut fitting);
        }
        if !id.is_empty() {
            self.find(Key::Id(hash(id)), name, &mut fitting);
        }
        for (word, mut bits) in fitting.into_iter().enumerate() {
            while bits != 0 {
                let rule = &self.rules[64 * word + bits.trailing_zeros() as usize].declared;
                bits &= bits - 1;
                if self.is_full {
                    declared.cascade(&rule.only_showing());
                } else {
                    declared.cascade(rule);
                }
            }
        }
        if let Some(own) = own {
            declared.cascade(own);
        }
    }

    fn find(&self, key: Key, name: Name, fitting: &mut [u64; WORDS]) {
        let first = self.keys.partition_point(|(known, _)| *known < key);
        for (_, index) in self
            .keys
            .iter()
            .skip(first)
            .take_while(|(known, _)| *known == key)
        {
            let rule = &self.rules[*index];
            if rule.name.is_none_or(|wanted| wanted == name) {
                fitting[index / 64] |= 1 << (index % 64);
            }
        }
    }
}

impl Rule {
    /// Without its declarations.
    fn parse(selector: &[u8]) -> Self {
        let is_combinator = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'>' | b'+' | b'~');
        let start = selector.iter().rposition(is_combinator).map_or(0, |at| at + 1);
        let last = &selector[start..];
        let mut rule = Self {
            key: Key::Everything,
            name: None,
            is_certain: start == 0 && !last.is_empty(),
            declared: Declared::NONE,
        };
        // Where parts may be alternatives, as in `:is(.a, .b)`, or attributes with anything in them.
        if memchr::memchr3(b':', b'[', b'(', selector).is_some() {
            rule.is_certain = false;
        }
        let mut rest = last;
        while let Some(&sign) = rest.first() {
            let word = usize::from(matches!(sign, b'.' | b'#' | b':'));
            let end = rest[word..]
                .iter()
                .position(|b| matches!(b, b'.' | b'#' | b':' | b'[' | b'(' | b')' | b']'));
            let end = end.map_or(rest.len(), |end| (word + end).max(1));
            let part = &rest[word..end];
            rest = &rest[end..];
            match sign {
                b'.' | b'#' if rule.is_simple() => {
                    let number = hash(part);
                    rule.key = if sign == b'.' {
                        Key::Class(number)
                    } else {
                        Key::Id(number)
                    };
                }
                b'.' | b'#' => rule.is_certain = false,
                b'*' => {}
                b':' | b'[' | b'(' => break,
                _ => rule.name = Some(Name::of(part)),
            }
        }
        if let (Key::Everything, Some(name)) = (rule.key, rule.name.take_if(|_| rule.key == Key::Everything))
        {
            rule.key = Key::Name(name.number());
        }
        rule
    }

    fn is_simple(&self) -> bool {
        self.key == Key::Everything
    }
}

fn specificity(rule: &Rule) -> u8 {
    let base = match rule.key {
        Key::Everything => 0,
        Key::Name(_) => 1,
        Key::Class(_) => 2,
        Key::Id(_) => 4,
    };
    base + u8::from(rule.name.is_some())
}

/// FNV-1a of the word in lower case: documents without a doctype do not mind case.
fn hash(word: &[u8]) -> u64 {
    word.iter().fold(0xcbf2_9ce4_8422_2325, |hash, b| {
        (hash ^ u64::from(b.to_ascii_lowercase())).wrapping_mul(0x100_0000_01b3)
    })
}

/// Without blanks and the comment signs of HTML around.
fn trim(text: &[u8]) -> &[u8] {
    let mut text = text.trim_ascii();
    while let Some(inner) = text.strip_prefix(b"<!--").or_else(|| text.strip_prefix(b"-->")) {
        text = inner.trim_ascii_start();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::html::element;
    use crate::message::html::look::Computed;

    #[test]
    fn rules() {
        fn check(css: &str, own: &str, hidden: bool) {
            let mut sheet = Sheet::default();
            sheet.add(css.as_bytes(), true);
            let mut declared = Declared::NONE;
            let own = Declared::parse(own.as_bytes());
            sheet.cascade(&mut declared, element::SPAN, b"first x", b"me", Some(&own));
            let found = Computed::ROOT
                .child(element::class(element::SPAN), &declared)
                .is_hidden();
            assert_eq!(found, hidden, "{css} {own:?}");
        }
        for css in [
            ".x{display:none}",
            ".X { Display : None }",
            "#me{display:none}",
            "span{display:none}",
            "*{display:none}",
            "span.x{display:none}",
            "b,.x{display:none}",
            "<!-- .x{display:none} -->",
            "@import url(a;b); .x{display:none}",
            "@media print{p{color:red}} .x{display:none}",
            ".a{content:\"}\"} .x{display:none}",
            ".x{display:block} .x{display:none}",
            "#me{display:none} .x{display:block}",
            ".x{display:none} span{display:block}",
            "/* .x{ */ .x{display:none}",
        ] {
            check(css, "", true);
        }
        for css in [
            ".y{display:none}",
            "div.x{display:none}",
            ".x.y{display:none}",
            "p .x{display:none}",
            "p>.x{display:none}",
            ".x:hover{display:none}",
            ".x[a]{display:none}",
            "@media print{.x{display:none}}",
            "@media print{p{color:red} .x{display:none}}",
            ".a{content:\"} .x{display:none} \"}",
            ".x{display:none} .x{display:block}",
            ".x{display:none} p span{display:block}",
            ".x{display:none} @media screen{.x{display:block}}",
            ".x{display:none} *:not(a){display:block}",
            "@font-face{a:b} .y{display:none}",
            ":is(.y,.z){display:none}",
            ":is(.y,.x){display:none}",
            ".x",
            ".x{",
            "}}{{",
        ] {
            check(css, "", false);
        }
        check(".x{display:none}", "display:block", false);
        check(".x{display:none!important}", "display:block", true);
        check("p .x{display:block!important}", "display:none", false);
        check("p .x{display:block}", "display:none", true);
        check("a .x{color:#fff}", "", false);
        check("a .x{color:#fff}", "background:#fff", false);
    }

    #[test]
    fn bounded() {
        let mut sheet = Sheet::default();
        let css: String = (0..1_000).map(|i| format!(".c{i}{{display:none}}")).collect();
        sheet.add(css.as_bytes(), true);
        assert!(sheet.is_full());
        let mut declared = Declared::NONE;
        sheet.cascade(&mut declared, element::SPAN, b"c1 c2 c900", b"", None);
        assert!(declared.is_none());
    }
}
