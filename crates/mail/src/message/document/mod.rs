//! The text of attached files, and where their links lead: plain text, tables, calendars, HTML, RTF, new Office documents,
//! OpenDocument, PDF.
//!
//! Promises: everything expanded and read is paid from the [`Budget`] of the message, scans are linear, no recursion, at most
//! [`TEXT_OCTETS_MAX`] and [`TARGETS_MAX`] come out, no panic. Trusts nothing: a document is taken for what its octets are, its
//! name is not asked. Not read: old Office documents, encrypted ones, pictures, and what [`pdf`] says.

mod calendar;
mod odf;
mod ooxml;
mod pdf;
mod rtf;
mod xml;

use super::budget::Budget;
use super::charset;
use super::html::text::Text;
use super::html::{self, HtmlLimits, target::target};
use super::sniff::{FileType, Kind};

/// Octets of text of one document.
pub const TEXT_OCTETS_MAX: usize = 128 << 10;
/// Links of one document.
pub const TARGETS_MAX: usize = 1_000;
/// Octets of a plain file, a page or a file of RTF that are read.
const READ_OCTETS_MAX: usize = 2 << 20;

/// What is written in a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// Its text, blanks collapsed, paragraphs and cells in lines of their own.
    pub text: String,
    /// Where its links lead, as written, in their order; the same may stand more than once.
    pub targets: Vec<String>,
    /// A limit was hit: something may be missing.
    pub bounded: bool,
}

/// Reads an attached file. `charset` is the parameter of its Content-Type, for plain text and HTML. None when it is of no
/// kind that holds text.
pub fn read(content: &[u8], file: &FileType, charset: Option<&str>, budget: &mut Budget) -> Option<Document> {
    let mut out = Out::new();
    let head = &content[..content.len().min(READ_OCTETS_MAX)];
    let is_cut = head.len() < content.len();
    match file.mime.as_str() {
        "application/pdf" => pdf::read(content, &mut out, budget),
        "application/rtf" => {
            out.bounded |= is_cut;
            if out.pay(head.len(), budget) {
                rtf::read(head, &mut out);
            }
        }
        "text/html" | "image/svg+xml" => {
            out.bounded |= is_cut;
            if out.pay(2 * head.len(), budget) {
                return Some(out.page(&charset::decode(charset, head).0));
            }
        }
        mime if mime.starts_with("application/vnd.oasis.opendocument") => {
            odf::read(content, &mut out, budget)
        }
        mime if mime.starts_with("application/vnd.openxmlformats") => ooxml::read(content, &mut out, budget),
        // Names in an unusual order hide the kind from the first look.
        "application/zip" if file.claimed == Some(Kind::Document) => {
            ooxml::read(content, &mut out, budget);
            odf::read(content, &mut out, budget);
        }
        _ if matches!(file.kind, Kind::Text | Kind::Markup) || file.mime == "application/x-mswinurl" => {
            out.bounded |= is_cut;
            if out.pay(head.len(), budget) {
                let text = charset::decode(charset, head).0;
                match calendar::is_calendar(&text) {
                    true => calendar::read(&text, &mut out),
                    false => out.text.push_plain(text.as_bytes(), true),
                }
            }
        }
        _ => return None,
    }
    Some(out.finish())
}

/// Collects what is found.
struct Out {
    text: Text,
    targets: Vec<String>,
    bounded: bool,
}

impl Out {
    fn new() -> Self {
        Self {
            text: Text::new(TEXT_OCTETS_MAX, 0),
            targets: Vec::new(),
            bounded: false,
        }
    }

    /// Pays for work; what cannot be paid is not read.
    fn pay(&mut self, work: usize, budget: &mut Budget) -> bool {
        let paid = budget.spend(work);
        self.bounded |= !paid;
        paid
    }

    fn target(&mut self, url: &[u8]) {
        if self.targets.len() >= TARGETS_MAX {
            self.bounded = true;
            return;
        }
        let target = target(url);
        if !target.is_empty() {
            self.targets.push(target);
        }
    }

    /// The target of a field of Word, `HYPERLINK "http://..."`, or of a formula, `HYPERLINK("http://...";"text")`.
    fn field(&mut self, field: &[u8]) {
        if let Some(at) = memchr::memmem::find(field, b"HYPERLINK")
            && let Some(url) = field[at..].split(|b| *b == b'"').nth(1)
        {
            self.target(url);
        }
    }

    fn page(mut self, html: &str) -> Document {
        let limits = HtmlLimits {
            text_octets_max: TEXT_OCTETS_MAX,
            anchors_max: TARGETS_MAX,
            ..HtmlLimits::default()
        };
        let page = html::read(html, &limits);
        let links = page.anchors.into_iter().map(|anchor| anchor.target);
        for link in links.chain(page.base).chain(page.meta_refresh) {
            self.target(link.as_bytes());
        }
        Document {
            text: page.text,
            targets: self.targets,
            bounded: self.bounded || page.bounded,
        }
    }

    fn finish(self) -> Document {
        Document {
            bounded: self.bounded || self.text.is_full(),
            text: self.text.finish(),
            targets: self.targets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::sniff::sniff;

    fn document(content: &[u8]) -> Document {
        read(content, &sniff(content, None), None, &mut Budget::default()).unwrap()
    }

    fn check(content: &[u8], text: &str, targets: &[&str]) {
        let found = document(content);
        let case = String::from_utf8_lossy(content);
        assert_eq!((found.text.as_str(), found.bounded), (text, false), "{case}");
        assert_eq!(found.targets, targets, "{case}");
    }

    /// A zip archive whose entries are stored; checksums are not looked at.
    fn package(parts: &[(&str, &str)]) -> Vec<u8> {
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        for (name, content) in parts {
            let offset = u32::try_from(out.len()).unwrap();
            let size = u32::try_from(content.len()).unwrap();
            let mut sizes = [0; 4].to_vec();
            sizes.extend(size.to_le_bytes().repeat(2));
            sizes.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
            out.extend(b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0");
            out.extend(&sizes);
            out.extend(b"\0\0");
            out.extend(name.as_bytes());
            out.extend(content.as_bytes());
            directory.extend(b"PK\x01\x02\x14\0\x14\0\0\0\0\0\0\0\0\0");
            directory.extend(&sizes);
            directory.extend([0; 12]);
            directory.extend(offset.to_le_bytes());
            directory.extend(name.as_bytes());
        }
        let count = u16::try_from(parts.len()).unwrap().to_le_bytes();
        let start = u32::try_from(out.len()).unwrap();
        out.extend(&directory);
        out.extend(b"PK\x05\x06\0\0\0\0");
        out.extend(count.repeat(2));
        out.extend(u32::try_from(directory.len()).unwrap().to_le_bytes());
        out.extend(start.to_le_bytes());
        out.extend(b"\0\0");
        out
    }

    #[test]
    fn plain_and_pages() {
        check(
            b"Hello  world\r\n\r\nand &amp; more",
            "Hello world\nand &amp; more",
            &[],
        );
        check(b"name;sum\nanna;12\n", "name;sum\nanna;12", &[]);
        check(
            b"[InternetShortcut]\r\nURL=http://x.example/\r\n",
            "[InternetShortcut]\nURL=http://x.example/",
            &[],
        );
        check(
            b"<html><body>a<a href=http://x.example/>b</a><i hidden>c</i>",
            "ab",
            &["http://x.example/"],
        );
        let file = sniff(b"\xcf\xf0\xe8\xe2\xe5\xf2 \xe2\xf1\xe5\xec", Some("a.txt"));
        let found = read(
            b"\xcf\xf0\xe8\xe2\xe5\xf2",
            &file,
            Some("windows-1251"),
            &mut Budget::default(),
        );
        assert_eq!(found.map(|found| found.text).as_deref(), Some("Привет"));
        assert_eq!(
            read(b"\x7fELF", &sniff(b"\x7fELF", None), None, &mut Budget::default()),
            None
        );
    }

    #[test]
    fn calendars() {
        let text = b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY;LANGUAGE=\"a:b\":Win\\, a \r\n prize\r\nUID:x\r\n\
            DESCRIPTION:one\\ntwo\r\nURL:http://x.exam\r\n ple/\r\nX-ALT-DESC;FMTTYPE=text/html:<a href=\"http://y/\">z</a>\r\nEND:VEVENT\r\n";
        check(
            text,
            "Win, a prize\none\ntwo",
            &["http://x.example/", "http://y/"],
        );
        check(
            b"BEGIN:VCARD\nFN:Anna\nitem1.URL:http://x/\nEND:VCARD",
            "Anna",
            &["http://x/"],
        );
    }

    #[test]
    fn rich_text() {
        check(
            b"{\\rtf1\\ansi Hello\\par {\\b wor}ld\\'e9 \\u8364?!\\~\\{x\\}}",
            "Hello\nworldé €! {x}",
            &[],
        );
        check(
            b"{\\rtf1\\ansicpg1252{\\fonttbl{\\f0\\fcharset0 Arial;}{\\f1\\fcharset204 Arial Cyr;}}{\\colortbl;\\red0;}\
              {\\*\\generator x;}{\\info{\\title no}}\\f1 \\'cf\\'f0\\f0 \\'e9{\\v secret}{\\pict 00ff}\\bin3 abcd}",
            "Прéd",
            &[],
        );
        check(
            b"{\\rtf1{\\field{\\*\\fldinst{ HYPERLINK \"http://x.example/\" }}{\\fldrslt{\\ul click}}} now}",
            "click now",
            &["http://x.example/"],
        );
        check(b"{\\rtf1\\uc2\\u1055 ab\\u1088 cd\\uc0\\u1080.}", "При.", &[]);
        assert!(document(format!("{{\\rtf1 {}a", "{".repeat(60_000)).as_bytes()).bounded);
        check(b"{\\rtf1 }}}}a\\", "a", &[]);
    }

    #[test]
    fn office() {
        let types = ("[Content_Types].xml", "<Types/>");
        let rels = "<Relationships><Relationship Id='a' Target='http://x.example/?a&amp;b' TargetMode='External'/>\
                    <Relationship Target='styles.xml'/></Relationships>";
        let word = "<w:document><w:p><w:r><w:t>One</w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>no</w:t></w:r><w:r><w:tab/><w:t \
                    xml:space='preserve'> t&amp;wo </w:t></w:r></w:p><w:p><w:r><w:instrText> HYPERLINK \"http:</w:instrText></w:r>\
                    <w:r><w:instrText>//y/\" </w:instrText></w:r></w:p><w:del><w:delText>gone</w:delText></w:del></w:document>";
        check(
            &package(&[
                types,
                ("word/_rels/document.xml.rels", rels),
                ("word/document.xml", word),
            ]),
            "One t&wo",
            &["http://y/", "http://x.example/?a&b"],
        );
        let strings = "<sst><si><t>a</t></si><si><r><t>b</t></r><r><t>c</t></r></si></sst>";
        let sheet = "<worksheet><c><f>HYPERLINK(\"http://z/\",\"d\")</f><v>1</v></c></worksheet>";
        check(
            &package(&[
                types,
                ("xl/workbook.xml", ""),
                ("xl/worksheets/sheet1.xml", sheet),
                ("xl/sharedStrings.xml", strings),
            ]),
            "a\nbc",
            &["http://z/"],
        );
        let slide = "<p:sld><a:p><a:r><a:t>a</a:t></a:r><a:br/><a:r><a:t>b</a:t></a:r></a:p></p:sld>";
        check(
            &package(&[
                types,
                ("ppt/presentation.xml", ""),
                ("ppt/slides/slide1.xml", slide),
            ]),
            "a\nb",
            &[],
        );
        let body = "<o:document><o:styles>no</o:styles><office:body><text:h>A</text:h><text:p>b<text:s/>c<text:line-break/>\
                    <text:a xlink:href='http://x/'>d</text:a><draw:image xlink:href='Pictures/1.png'/></text:p></office:body></o:document>";
        let mime = ("mimetype", "application/vnd.oasis.opendocument.text");
        check(
            &package(&[mime, ("content.xml", body)]),
            "A\nb c\nd",
            &["http://x/"],
        );
        let odd = package(&[("a.txt", ""), ("word/document.xml", word)]);
        let found = read(&odd, &sniff(&odd, Some("a.docx")), None, &mut Budget::default());
        assert_eq!(found.map(|found| found.text).as_deref(), Some("One t&wo"));
    }

    #[test]
    fn pdf_files() {
        let content = "BT /F1 12 Tf 72 700 Td (Pay \\(now\\)\\041) Tj 0 -14 Td [(H)20(ello)-250(wor)-5(ld)] TJ <4869> ' \
                       (\\001\\002\\003) Tj ET BI /W 1 ID \x01(x) Tj EI BT (end) Tj ET";
        let pdf = format!(
            "%PDF-1.4\n1 0 obj\n<</Length 9>>\nstream\n{content}\nendstream\nendobj\n2 0 obj <</Subtype/Image>>\nstream\nBT (no) Tj\nendstream\n\
             3 0 obj<</A<</S/URI/URI(http://x.example/\\(a\\))>>>>endobj 4 0 obj<</URI <687474703a2f2f79> >>\n%%EOF"
        );
        check(
            pdf.as_bytes(),
            "Pay (now)!\nHello world\nHi end",
            &["http://x.example/(a)", "http://y"],
        );
        assert!(document(b"%PDF-1.4\n<</Encrypt 1 0 R>>").bounded);
        check(b"%PDF-1.4\n1 0 obj <<>> stream\n BT (a", "", &[]);
        check(b"%PDF-1.4\n1 0 obj <<>> stream\n BT (a endstream", "", &[]);
    }

    #[test]
    fn budgets() {
        let text = b"Hello, this is a text of a few words";
        let mut budget = Budget::new(text.len() - 1, 1, 1);
        let found = read(text, &sniff(text, None), None, &mut budget).unwrap();
        assert_eq!(
            (found.text.as_str(), found.bounded, budget.is_exhausted()),
            ("", true, true)
        );
    }
}
