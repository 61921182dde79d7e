//! HTML to what a reader sees: the text, where its links lead, and how much text is there that nobody sees.
//!
//! Promises: linear in the input but for the nesting (at most `depth_max` steps for a tag that ends others), no recursion, at
//! most a few times the limits of memory, no panic. Trusts nothing; runs no script and fetches nothing. Text is called hidden
//! only when every reader that follows the standards hides it, see [`style`].
//!
//! Differences to a browser: conditional comments of Outlook give their links (as hidden ones) and no text; scripts end at
//! the first `</script`; style sheets are read for simple selectors alone. Standard: HTML Living Standard.

mod color;
mod css;
mod element;
mod look;
mod reader;
pub(in crate::message) mod reference;
mod sheet;
mod style;
pub(in crate::message) mod target;
pub(in crate::message) mod text;
mod token;
mod tree;

use serde::{Deserialize, Serialize};

/// Characters of [`Page::hidden_sample`] and [`Anchor::text`] at most.
pub const SAMPLE_CHARS_MAX: usize = 200;
/// Octets of [`Anchor::target`], [`Page::base`] and [`Page::meta_refresh`] at most.
pub const TARGET_OCTETS_MAX: usize = 2_048;
/// Octets of [`Page::image_alt`] at most.
pub const ALT_OCTETS_MAX: usize = 4_096;

/// Bounds for reading one document.
#[derive(Clone, Copy, Debug)]
pub struct HtmlLimits {
    /// Octets of the document that are looked at.
    pub octets_max: usize,
    /// Octets of visible text, and of hidden text.
    pub text_octets_max: usize,
    /// Links and forms.
    pub anchors_max: usize,
    /// Open elements.
    pub depth_max: usize,
    /// Octets of style sheets that are looked at.
    pub style_octets_max: usize,
}

impl Default for HtmlLimits {
    fn default() -> Self {
        Self {
            octets_max: 4 << 20,
            text_octets_max: 128 << 10,
            anchors_max: 2_000,
            depth_max: 256,
            style_octets_max: 256 << 10,
        }
    }
}

/// What a reader sees, and what not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Visible text: white space (no-break spaces too) collapsed, `\n` where a block begins or ends and for `<br>`. No alt
    /// texts of images.
    pub text: String,
    /// Octets of hidden text, collapsed in the same way; comments, scripts and titles are no text.
    pub hidden_octets: usize,
    /// Its first 200 characters at most.
    pub hidden_sample: String,
    /// In document order.
    pub anchors: Vec<Anchor>,
    /// `<img>` and the like.
    pub images: u32,
    /// Those that are fetched from a web server.
    pub images_remote: u32,
    /// Alt texts of images that are seen, with blanks between them.
    pub image_alt: String,
    /// `<form>`.
    pub forms: u32,
    /// `<input type=password>`.
    pub passwords: u32,
    /// `<script>`.
    pub scripts: u32,
    /// `<iframe>`, `<frame>`, `<object>` and `<embed>`.
    pub frames: u32,
    /// `<base href>`, the first one.
    pub base: Option<String>,
    /// Where `<meta http-equiv=refresh>` leads, the first one.
    pub meta_refresh: Option<String>,
    /// Octets of `data:` URLs in attributes.
    pub data_octets: usize,
    /// A limit was hit: something may be missing.
    pub bounded: bool,
}

/// Where a click leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// What it is.
    pub kind: AnchorKind,
    /// As written, with character references replaced, without blanks around and line ends and tabs inside, as a reader
    /// does it (URL Standard §4.4); at most 2 KiB. Relative ones stay so.
    pub target: String,
    /// Visible text of a link, in one line, at most 200 characters. Empty behind the limit of the text.
    pub text: String,
    /// A reader does not see it.
    pub hidden: bool,
}

/// What leads somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnchorKind {
    /// `<a href>`, and `href` of Outlook's drawings.
    Link,
    /// `<area href>`.
    Area,
    /// `<form action>` and `formaction` of its buttons.
    Form,
    /// `src` of a frame.
    Frame,
}

/// Reads a document that was decoded from its charset.
pub fn read(html: &str, limits: &HtmlLimits) -> Page {
    let cut = html.floor_char_boundary(limits.octets_max);
    let mut page = reader::read(&html.as_bytes()[..cut], limits);
    page.bounded |= cut < html.len();
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(html: &str) -> Page {
        read(html, &HtmlLimits::default())
    }

    #[test]
    fn seen() {
        fn check(html: &str, text: &str, hidden: &str) {
            let found = page(html);
            assert_eq!(
                (found.text.as_str(), found.hidden_sample.as_str()),
                (text, hidden),
                "{html}"
            );
            assert_eq!(found.hidden_octets, hidden.len());
        }
        check("a <b>b</b>c<br>d<p>e</p>f", "a bc\nd\ne\nf", "");
        check("<table><tr><td>a<td>b<tr><td>c</table>d", "a b\nc\nd", "");
        check(
            "<title>no</title><script>no</script><style>no</style><!-- no -->a<iframe>no</iframe>",
            "a",
            "",
        );
        check(
            "<pre>a\n b</pre><textarea>c&amp;\nd</textarea>",
            "a\nb\nc&\nd",
            "",
        );
        check("a<span style='display:none'>b<b>c</b></span>d", "ad", "bc");
        check("<div style=\"display&#58;none\">a</div>b", "b", "a");
        check("<p style=display:none>a<p>b", "b", "a");
        check("<p style=display:none>a<div>b</div>", "b", "a");
        check("<p hidden>a</p>b<template>c</template>", "b", "a c");
        check(
            "<font color=white>a</font>b<font color=#fefefe>c</font><font color=red>d",
            "bd",
            "ac",
        );
        check("<body bgcolor=black text=black>a<font color=white>b", "b", "a");
        check("<table bgcolor=#000000><td><font color=white>a", "a", "");
        check("<td background=x.png><font color=white>a", "", "a");
        check("<table background=x.png><td><font color=white>a", "a", "");
        check("<font color=white>a<a href=x>b</a>", "b", "a");
        check(
            "<div style='font-size:0'>a<span style='font-size:12px'>b</span></div>",
            "b",
            "a",
        );
        check("<div style='font-size:0'>a<font size=2>b", "b", "a");
        check("<div style='text-indent:-9999px'>a<br>b</div>", "b", "a");
        check("<style>.x{display:none}</style><i class='y x'>a</i>b", "b", "a");
        check("<i class=x>a</i>b<style>.x{display:none}</style>", "b", "a");
        check(
            "<i style=display:none>a</i><style>i{display:inline!important}</style>",
            "a",
            "",
        );
        check(
            "<style media=print>.x{display:none}</style><i class=x>a</i>",
            "a",
            "",
        );
        check("<!--<style>i{display:none}</style>--><i>a</i>", "a", "");
        check(
            "<!--[if mso]>a<style>i{display:none}</style><![endif]--><![if !mso]><i>b</i><![endif]>",
            "b",
            "",
        );
        check("<xml>a</xml>b", "ab", "");
        check("a\0b&#0;&zwnj;", "ab\u{fffd}\u{200c}", "");
    }

    #[test]
    fn broken_nesting() {
        fn check(html: &str, text: &str, hidden: &str) {
            let found = page(html);
            assert_eq!(
                (found.text.as_str(), found.hidden_sample.as_str()),
                (text, hidden),
                "{html}"
            );
        }
        const NONE: &str = "style=display:none";
        let check = |html: &str, text: &str, hidden: &str| check(&html.replace("NONE", NONE), text, hidden);
        check("<div NONE><span>a</div>b", "b", "a");
        check("<div NONE><table><td></div>a</table></div>b", "b", "a");
        check("<span NONE><div></span>a</div>b</span>c", "c", "a b");
        check("<b NONE><div>a</b>b</div>c", "b\nc", "a");
        check("<div><b NONE>a</div>b</b>c", "c", "a b");
        check("<table><td><b NONE>a</table>b", "b", "a");
        check("<b NONE><i>a</b>b", "b", "a");
        check("<b><i NONE>a</b>b</i>c", "c", "ab");
        check("<td NONE>a", "a", "");
        check("<table NONE>a<td>b</table>c", "a\nc", "b");
        check("<table NONE><div>a</div><tr><td>b</table>c", "a\nc", "b");
        check("<table><td><div NONE>a<tr><td>b</table>", "b", "a");
        check("<table NONE><td>a<table><td>b</table>c</table>d", "d", "a b c");
        check("<ul><li NONE>a<li>b</ul>", "b", "a");
        check("<dl><dt NONE>a<dd>b</dl>", "b", "a");
        check("<form><form NONE>a</form>", "a", "");
        check("<div NONE>a</body></html>b", "", "a b");
        check("<h1 NONE>a</h2>b", "b", "a");
        check("<a NONE href=x>a<a href=y>b", "b", "a");
        check("<p NONE>a<table><td>b</table>", "b", "a");
        check("</p></div></b>a", "a", "");
    }

    #[test]
    fn anchors() {
        fn check(html: &str, expected: &[(AnchorKind, &str, &str, bool)]) {
            let found = page(html).anchors;
            let found: Vec<_> = found
                .iter()
                .map(|a| (a.kind, a.target.as_str(), a.text.as_str(), a.hidden))
                .collect();
            assert_eq!(found, expected, "{html}");
        }
        use AnchorKind::*;
        check(
            "<a href='h?a&amp;b'>c <b>d</b>\n<br>e</a>f",
            &[(Link, "h?a&b", "c d e", false)],
        );
        check(
            "<a href=a>b<a href=c>d",
            &[(Link, "a", "b", false), (Link, "c", "d", false)],
        );
        check(
            "<a href=' java\nscr\tipt:x '>b</a>",
            &[(Link, "javascript:x", "b", false)],
        );
        check("<a name=x>b</a><area href=y>", &[(Area, "y", "", false)]);
        check("<a href=x style=display:none>b</a>", &[(Link, "x", "", true)]);
        check(
            "<form action=x><button formaction=y>z</button>",
            &[(Form, "x", "", false), (Form, "y", "", false)],
        );
        check(
            "<!--[if mso]><v:roundrect href=x>y</v:roundrect><![endif]-->",
            &[(Link, "x", "", true)],
        );
        check(
            "<!-- <a href=x> --><script><a href=y></script><iframe src=z>",
            &[(Frame, "z", "", false)],
        );
        check(
            "<table><td><a href=x>b</td>c</table>d",
            &[(Link, "x", "b", false)],
        );
        let long = page(&format!(
            "<a href='{}é'>{}</a>",
            "x".repeat(2_047),
            "é".repeat(300)
        ));
        assert_eq!(
            (long.anchors[0].target.len(), long.anchors[0].text.chars().count()),
            (2_047, 200)
        );
    }

    #[test]
    fn counted() {
        let found = page(
            "<base href=b><base href=c><meta http-equiv=Refresh content='5; URL=\"d\"'>\
             <img src=http://x alt=one><img src=cid:x alt='two &amp;'><img src=data:image/png,123>\
             <form action=f><input type=PassWord><input type=image src=//y></form>\
             <script src=x></script><iframe></iframe>",
        );
        let counts = [
            found.images,
            found.images_remote,
            found.forms,
            found.passwords,
            found.scripts,
            found.frames,
        ];
        assert_eq!(counts, [4, 2, 1, 1, 1, 1]);
        assert_eq!(
            (found.base.as_deref(), found.meta_refresh.as_deref()),
            (Some("b"), Some("d"))
        );
        assert_eq!(
            (found.image_alt.as_str(), found.data_octets, found.bounded),
            ("one two &", 18, false)
        );
    }

    #[test]
    fn limits() {
        let limits = HtmlLimits {
            text_octets_max: 8,
            anchors_max: 2,
            depth_max: 3,
            ..HtmlLimits::default()
        };
        let bounded = |html: &str| read(html, &limits).bounded;
        assert!(
            !bounded("12345678<a href=x><a href=y>")
                && bounded("123456789")
                && bounded(&"<a href=x>".repeat(3))
        );
        assert!(!bounded(&"<i><br>".repeat(9)) && !bounded("<p><i><b>") && bounded("<p><i><b><u>"));
        let cut = read(
            &"é".repeat(9),
            &HtmlLimits {
                octets_max: 5,
                ..limits
            },
        );
        assert_eq!((cut.text.as_str(), cut.bounded), ("éé", true));
    }
}
