//! Golden vectors: `vectors/NN-name.eml` is read and compared with `NN-name.expect`; `NN-name.readme` says which trick it is.
//! `UPDATE=1` writes the expectations anew.

use mail::message::sniff::sniff;
use mail::message::{Limits, Parts, mailbox};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Octets of a decoded body that are shown.
const SHOWN_OCTETS_MAX: usize = 160;

fn files(extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/vectors");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect();
    files.sort();
    files
}

/// What was read, as text.
fn render(raw: &[u8]) -> String {
    let limits = Limits::default();
    let read = Parts::walk(raw, &limits);
    let mut out = format!("defects: {:?}\n", read.defects);
    for field in &read.parts[0].header.fields {
        if field.name.eq_ignore_ascii_case(b"from") {
            match mailbox::parse_list(field) {
                Ok(list) => {
                    let list: Vec<_> = list
                        .iter()
                        .map(|m| format!("{:?} <{}>", m.name, m.address))
                        .collect();
                    writeln!(out, "from: {}", list.join(", ")).unwrap();
                }
                Err(error) => writeln!(out, "from: {error}").unwrap(),
            }
        }
        if field.name.eq_ignore_ascii_case(b"subject") {
            writeln!(out, "subject: {:?}", field.text()).unwrap();
        }
    }
    for part in &read.parts {
        let decoded = part.decoded(limits.decoded_octets_max);
        let file = sniff(&decoded, part.filename.as_deref());
        write!(
            out,
            "{}{} {}",
            "  ".repeat(part.depth),
            part.content_type,
            part.encoding
        )
        .unwrap();
        for (label, value) in [
            ("charset", &part.charset),
            ("disposition", &part.disposition),
            ("filename", &part.filename),
        ] {
            if let Some(value) = value {
                write!(out, " {label}={value:?}").unwrap();
            }
        }
        if part.container {
            out.push_str(" container\n");
            continue;
        }
        writeln!(
            out,
            " kind={:?} claimed={:?} disguised={}",
            file.kind, file.claimed, file.disguised_name
        )
        .unwrap();
        let shown = match file.mime.as_str() {
            "text/plain" | "text/html" | "text/javascript" | "message/rfc822" => part.text(SHOWN_OCTETS_MAX),
            mime => format!("{} octets {mime}", decoded.len()),
        };
        writeln!(out, "{}  {shown:?}", "  ".repeat(part.depth)).unwrap();
    }
    out
}

#[test]
fn expectations() {
    let update = std::env::var_os("UPDATE").is_some();
    let emls = files("eml");
    assert!(emls.len() >= 25, "only {} vectors found", emls.len());
    let mut wrong = String::new();
    for eml in emls {
        let found = render(&std::fs::read(&eml).unwrap());
        let expect = eml.with_extension("expect");
        if update {
            std::fs::write(&expect, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&expect).unwrap_or_default();
        if found != expected {
            writeln!(wrong, "{}\nexpected:\n{expected}found:\n{found}", eml.display()).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_vector_is_explained() {
    let names = |extension| {
        files(extension)
            .iter()
            .map(|f| f.file_stem().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("eml"), names("readme"));
    assert_eq!(names("eml"), names("expect"));
}
