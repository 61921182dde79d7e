//! Files that carry text out of a filter's sight: a Word document, and a picture (noise: no filter here reads pictures).

use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;

const TYPES: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>"#;
const RELATIONS: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>"#;

/// A document with a paragraph a line; the same text gives the same octets.
pub fn docx(text: &str) -> Option<Vec<u8>> {
    let mut body = String::new();
    for line in text.lines() {
        // XML 1.0 has no place for other control characters.
        let line: String = line
            .chars()
            .filter(|letter| !letter.is_control() || *letter == '\t')
            .collect();
        let line = line
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        body.push_str(&format!(
            "<w:p><w:r><w:t xml:space=\"preserve\">{line}</w:t></w:r></w:p>"
        ));
    }
    let document = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<w:document xmlns:w=\"http://schemas.openxmlformats.org/\
         wordprocessingml/2006/main\"><w:body>{body}</w:body></w:document>"
    );
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let files = [
        ("[Content_Types].xml", TYPES),
        ("_rels/.rels", RELATIONS),
        ("word/document.xml", document.as_str()),
    ];
    for (name, octets) in files {
        archive.start_file(name, SimpleFileOptions::default()).ok()?;
        archive.write_all(octets.as_bytes()).ok()?;
    }
    Some(archive.finish().ok()?.into_inner())
}

const WIDTH: u32 = 160;
const HEIGHT: u32 = 100;

/// A grey picture of noise, not compressed.
pub fn noise_png(seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut rows = Vec::new();
    for place in 0..(WIDTH + 1) * HEIGHT {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // Each row begins with the number of its filter: none.
        rows.push(if place % (WIDTH + 1) == 0 {
            0
        } else {
            (state >> 32) as u8
        });
    }
    let mut packed = vec![0x78, 0x01];
    let length = rows.len() as u16;
    packed.push(1);
    packed.extend(length.to_le_bytes());
    packed.extend((!length).to_le_bytes());
    packed.extend(&rows);
    packed.extend(adler(&rows).to_be_bytes());
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let head = [
        WIDTH.to_be_bytes().as_slice(),
        &HEIGHT.to_be_bytes(),
        &[8, 0, 0, 0, 0],
    ]
    .concat();
    for (kind, octets) in [(b"IHDR", head), (b"IDAT", packed), (b"IEND", Vec::new())] {
        png.extend((octets.len() as u32).to_be_bytes());
        let named = [kind.as_slice(), &octets].concat();
        png.extend(&named);
        png.extend(crc32fast::hash(&named).to_be_bytes());
    }
    png
}

/// RFC 1950 §8.2.
fn adler(octets: &[u8]) -> u32 {
    let (mut a, mut b) = (1u32, 0u32);
    for octet in octets {
        a = (a + u32::from(*octet)) % 65_521;
        b = (b + a) % 65_521;
    }
    b << 16 | a
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_document_of_lines() {
        let octets = docx("a < b\nsecond\u{7} line").unwrap();
        assert_eq!(octets, docx("a < b\nsecond\u{7} line").unwrap());
        let mut archive = zip::ZipArchive::new(Cursor::new(octets)).unwrap();
        let mut text = String::new();
        archive
            .by_name("word/document.xml")
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert!(
            text.contains("a &lt; b<") && text.contains(">second line<"),
            "{text}"
        );
    }

    #[test]
    fn a_picture() {
        let png = noise_png(7);
        assert!(png.len() > 16_000 && png.len() < 17_000);
        assert_ne!(png, noise_png(9));
        // All rows fit one stored block of RFC 1951 §3.2.4.
        const { assert!((WIDTH + 1) * HEIGHT < 65_536) };
        assert_eq!(adler(b"Wikipedia"), 0x11E6_0398);
    }
}
