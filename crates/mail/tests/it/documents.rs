//! Documents: macros, packages, what they load, scripts; and honest ones, which have no signs.

use mail::message::archive::{self, Sign};
use mail::message::budget::Budget;
use mail::message::office::{self, Found};
use mail::message::sniff::{Kind, sniff};
use std::io::{Cursor, Write};

fn look(content: &[u8]) -> Found {
    office::look(content, &sniff(content, None), &mut Budget::default())
}

fn check(case: &str, content: &[u8], signs: &[Sign]) {
    let found = look(content);
    assert!(found.signs.iter().eq(signs), "{case}: {:?}", found.signs);
}

/// A compound file of these streams.
fn compound(streams: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    for (path, content) in streams {
        if let Some((storage, _)) = path.rsplit_once('/').filter(|(storage, _)| !storage.is_empty()) {
            file.create_storage_all(storage).unwrap();
        }
        file.create_stream(path).unwrap().write_all(content).unwrap();
    }
    file.into_inner().into_inner()
}

/// A module as it stands in a project: something before, then the source in chunks that pack nothing.
fn module(source: &str) -> Vec<u8> {
    let mut out = b"compiled code, as it were\x01".to_vec();
    for chunk in source.as_bytes().chunks(3_000) {
        let mut packed = Vec::new();
        for eight in chunk.chunks(8) {
            packed.push(0);
            packed.extend(eight);
        }
        out.extend((0xb000 | u16::try_from(packed.len() - 1).unwrap()).to_le_bytes());
        out.extend(packed);
    }
    out
}

const QUIET: &str = "Attribute VB_Name = \"Module1\"\r\nSub Sum()\r\nEnd Sub\r\n";
const LOUD: &str = "Attribute VB_Name = \"ThisDocument\"\r\nPrivate Sub Document_Open()\r\nEnd Sub\r\n";

fn package(name: &str, content: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 4];
    out.extend(2u16.to_le_bytes());
    for text in [name, "C:\\Users\\a\\x"] {
        out.extend(text.as_bytes());
        out.push(0);
    }
    out.extend([0, 0, 3, 0]);
    out.extend(3u32.to_le_bytes());
    out.extend(b"C:\0");
    out.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
    out.extend(content);
    out
}

#[test]
fn old_office() {
    let word: &[u8] = &[0; 5_000];
    check("honest", &compound(&[("/WordDocument", word)]), &[]);
    let project = |source: &str| {
        compound(&[
            ("/WordDocument", word),
            ("/Macros/VBA/_VBA_PROJECT", b"x"),
            ("/Macros/VBA/dir", b"x"),
            ("/Macros/VBA/Module1", &module(source)),
        ])
    };
    check("macros", &project(QUIET), &[Sign::Macros]);
    check("macros that run", &project(LOUD), &[Sign::Macros, Sign::Autoexec]);
    let large = format!("{QUIET}{}{LOUD}", "' nothing here\r\n".repeat(1_000));
    check(
        "far in a large module",
        &project(&large),
        &[Sign::Macros, Sign::Autoexec],
    );
    check(
        "encrypted",
        &compound(&[("/EncryptionInfo", b"x"), ("/EncryptedPackage", b"x")]),
        &[Sign::Encrypted],
    );

    let sheet = |kind: u8| {
        let mut stream = b"\x09\x08\x04\0\0\x06\x05\0".to_vec();
        stream.extend(b"\x85\0\x08\0\0\0\0\0\0");
        stream.extend([kind, 0, 0]);
        compound(&[("/Workbook", &stream)])
    };
    check("a sheet", &sheet(0), &[]);
    check("a sheet of Excel 4 macros", &sheet(1), &[Sign::Macros]);

    let program = package("Invoice.pdf.exe", b"MZ\x90\0\x03\0\0\0\x04 and so on");
    let found = look(&compound(&[
        ("/WordDocument", word),
        ("/ObjectPool/_1/\u{1}Ole10Native", &program),
    ]));
    assert!(found.signs.iter().eq(&[Sign::Embedded]));
    let inside = &found.members[0];
    assert_eq!(
        (inside.name.as_str(), inside.file.kind),
        ("Invoice.pdf.exe", Kind::Executable)
    );
    assert!(inside.file.disguised_name);
}

fn zip(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in parts {
        let mut fields = [0; 22].to_vec();
        let length = u32::try_from(content.len()).unwrap().to_le_bytes();
        fields[16..20].copy_from_slice(&length);
        fields[12..16].copy_from_slice(&length);
        fields[20..22].copy_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
        let at = u32::try_from(out.len()).unwrap();
        directory.extend(b"PK\x01\x02\x14\0\x14\0");
        directory.extend(&fields[..22]);
        directory.extend([0; 12]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
        out.extend(b"PK\x03\x04\x14\0");
        out.extend(&fields[..22]);
        out.extend([0; 2]);
        out.extend(name.as_bytes());
        out.extend(*content);
    }
    let start = u32::try_from(out.len()).unwrap();
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0\0\0\0\0");
    out.extend(u32::try_from(directory.len()).unwrap().to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0; 2]);
    out
}

const TYPES: (&str, &[u8]) = ("[Content_Types].xml", b"<Types/>");

#[test]
fn new_office() {
    let text = ("word/document.xml", b"<w:document/>".as_slice());
    let relation = |kind: &str, target: &str| {
        format!(
            "<Relationships><Relationship Id=\"a\" Type=\"http://x/relationships/{kind}\" Target=\"{target}\" TargetMode=\"External\"/></Relationships>"
        )
    };
    let with = |name: &str, content: &[u8]| zip(&[TYPES, text, (name, content)]);
    let rels =
        |kind: &str, target: &str| with("word/_rels/document.xml.rels", relation(kind, target).as_bytes());
    check("honest", &zip(&[TYPES, text]), &[]);
    check("a link", &rels("hyperlink", "https://example.com/"), &[]);
    check(
        "a template of the office",
        &rels("attachedTemplate", "file:///C:\\Templates\\a.dotx"),
        &[],
    );
    check(
        "a template of another machine",
        &rels("attachedTemplate", "https://example.com/a.dotm"),
        &[Sign::External],
    );
    check(
        "an object of another machine",
        &rels("oleObject", "mhtml:https://example.com/a!x"),
        &[Sign::External],
    );
    check(
        "DDE",
        &zip(&[
            TYPES,
            ("word/document.xml", b"<w:instrText>DDEAUTO c:\\\\x</w:instrText>"),
        ]),
        &[Sign::External],
    );

    let project = |source: &str| {
        compound(&[
            ("/VBA/_VBA_PROJECT", b"x"),
            ("/VBA/ThisDocument", &module(source)),
        ])
    };
    check(
        "macros",
        &with("word/vbaProject.bin", &project(QUIET)),
        &[Sign::Macros],
    );
    check(
        "macros that run",
        &with("word/vbaProject.bin", &project(LOUD)),
        &[Sign::Macros, Sign::Autoexec],
    );
    check(
        "Excel 4",
        &zip(&[
            TYPES,
            ("xl/workbook.xml", b"<definedName name=\"_xlnm.Auto_Open\">"),
            ("xl/macrosheets/sheet1.xml", b""),
        ]),
        &[Sign::Macros, Sign::Autoexec],
    );
    let object = compound(&[(
        "/\u{1}Ole10Native",
        &package("a.vbs", b"CreateObject(\"WScript.Shell\")"),
    )]);
    let found = look(&with("word/embeddings/oleObject1.bin", &object));
    assert!(found.signs.contains(&Sign::Embedded));
    assert_eq!(
        (found.members[0].name.as_str(), found.members[0].file.kind),
        ("a.vbs", Kind::Script)
    );
    let chart = compound(&[("/Workbook", b"")]);
    check(
        "a table in a text",
        &with("word/embeddings/oleObject1.bin", &chart),
        &[],
    );

    let odf = |name: &str, content: &[u8]| {
        zip(&[
            ("mimetype", b"application/vnd.oasis.opendocument.text"),
            (name, content),
        ])
    };
    check("OpenDocument", &odf("content.xml", b"<office:document/>"), &[]);
    check(
        "OpenDocument with macros",
        &odf("Basic/Standard/Module1.xml", b""),
        &[Sign::Macros],
    );
    check(
        "macros that run",
        &odf(
            "content.xml",
            b"<script:event-listener xlink:href=\"vnd.sun.star.script:a\"/>",
        ),
        &[Sign::Autoexec],
    );
}

#[test]
fn pdf() {
    let page = |text: &str| [b"%PDF-1.7\n".as_slice(), text.as_bytes(), b"\n%%EOF"].concat();
    check(
        "honest",
        &page("1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj"),
        &[],
    );
    check(
        "a script",
        &page("<</S /JavaScript /JS (app.alert(1))>>"),
        &[Sign::Javascript],
    );
    check("escaped", &page("<</S /J#61vaScrip#74>>"), &[Sign::Javascript]);
    check(
        "at opening",
        &page("<</OpenAction <</JS (x)>>>>"),
        &[Sign::Autoexec, Sign::Javascript],
    );
    check("a program", &page("<</S/Launch/F(cmd.exe)>>"), &[Sign::Launch]);
    check("a file", &page("<</Type/EmbeddedFile>>"), &[Sign::Embedded]);
    check(
        "a password",
        &page("trailer <</Encrypt 9 0 R>>"),
        &[Sign::Encrypted],
    );
    check("chance", &page("<<>> stream\n\x01/JS \x02/AA \nendstream"), &[]);
    check(
        "hidden behind a stream that is none",
        &page("%stream\n<</S/JavaScript>>\nendstream"),
        &[Sign::Javascript],
    );
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(b"1 0 <</S /JavaScript /JS (x)>>", 6);
    let objects = [
        b"%PDF-1.7\n<</Type /ObjStm>> stream\r\n".as_slice(),
        &packed,
        b"\nendstream",
    ]
    .concat();
    check("in a packed object", &objects, &[Sign::Javascript]);
}

#[test]
fn pages() {
    let digits = |start: &str| format!("{start}{}", "A".repeat(3_000));
    let build = "var b=new Blob([Uint8Array.from(atob(d),c=>c.charCodeAt(0))]);u=URL.createObjectURL(b);";
    let page = |data: &str, end: &str| {
        format!("<html><script>var d='{data}';{build}{end}</script></html>").into_bytes()
    };
    check(
        "an archive in a page",
        &page(&digits("UEsDBBQA"), ""),
        &[Sign::Smuggling],
    );
    check(
        "disguised, by itself",
        &page(&digits("q83v"), "a.click()"),
        &[Sign::Smuggling],
    );
    check("a saved page with a picture", &page(&digits("iVBORw0K"), ""), &[]);
    check("a page with a button", &page("short", "a.click()"), &[]);
    let link = format!(
        "<html><a download='a.zip' href='data:application/zip;base64,{}'>",
        digits("UEsDBBQA")
    );
    check("a link", link.as_bytes(), &[Sign::Smuggling]);
    check("a plain page", b"<html><p>Hello</p></html>", &[]);
    check(
        "a picture",
        b"<svg xmlns=\"http://www.w3.org/2000/svg\"><path/></svg>",
        &[],
    );
    check(
        "a picture with a script",
        b"<svg><script>x()</script></svg>",
        &[Sign::Javascript],
    );
    check("rtf", b"{\\rtf1 hello}", &[]);
    check(
        "rtf with an object",
        b"{\\rtf1{\\object\\objemb{\\*\\objdata 0105}}}",
        &[Sign::Embedded],
    );
    check(
        "rtf with a template",
        b"{\\rtf1{\\*\\template http://example.com/a.dotm}}",
        &[Sign::External],
    );
    let note = [
        b"\xe4R\\{\x8c\xd8\xa7M\xae\xb1Sx\xd0)\x96\xd3".as_slice(),
        b"\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac",
        &[0; 20],
        b"<html><hta:application id=a>",
    ]
    .concat();
    let found = look(&note);
    assert_eq!(found.members[0].file.kind, Kind::Script);
}

/// A document that begins as another archive does is not missed.
#[test]
fn a_document_called_an_archive() {
    let project = compound(&[("/VBA/_VBA_PROJECT", b"x"), ("/VBA/ThisDocument", &module(LOUD))]);
    let large = vec![b'x'; 70_000];
    let content = zip(&[("a.txt", &large), TYPES, ("word/vbaProject.bin", &project)]);
    let file = sniff(&content, Some("a.docm"));
    let found = archive::open(&content, &file, "a.docm", &mut Budget::default(), &mut |_| {}).unwrap();
    assert!(
        found.signs.iter().eq(&[Sign::Macros, Sign::Autoexec]),
        "{:?}",
        found.signs
    );
}

/// Words that begin something that never ends are not looked for again and again.
#[test]
fn linear() {
    for word in [
        "stream ",
        "<<>>stream\n",
        "/J#",
        "{\\rt",
        "<script ",
        "'A'",
        "/ObjStm stream ",
    ] {
        let content = format!("%PDF-1.7\n{}", word.repeat(300_000 / word.len()));
        look(content.as_bytes());
        look(word.repeat(300_000 / word.len()).as_bytes());
    }
}

/// Broken anywhere, a compound file is read without a panic and within the budget.
#[test]
fn broken_anywhere() {
    let file = compound(&[
        ("/WordDocument", &[0; 9_000]),
        ("/Macros/VBA/_VBA_PROJECT", b"x"),
        ("/Macros/VBA/A", &module(LOUD)),
    ]);
    for at in (0..file.len()).step_by(151) {
        for octet in [0, 1, 0xff] {
            let mut broken = file.clone();
            broken[at] = octet;
            look(&broken);
        }
        look(&file[..at]);
    }
}
