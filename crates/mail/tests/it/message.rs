//! Messages: bounds, structure, and what must hold for arbitrary octets.

use mail::message::sniff::{self, Kind};
use mail::message::{Defect, Field, Header, Limits, Part, Parts, mailbox};
use proptest::prelude::*;

fn walk(raw: &str) -> Parts<'_> {
    Parts::walk(raw.as_bytes(), &Limits::default())
}

/// Depth and type of every part.
fn outline(parts: &Parts<'_>) -> Vec<(usize, String)> {
    parts
        .parts
        .iter()
        .map(|part| (part.depth, part.content_type.clone()))
        .collect()
}

#[test]
fn deep_and_many() {
    use Defect::*;
    let check = |raw: String, count: usize, defects: &[Defect]| {
        let found = walk(&raw);
        assert_eq!(
            (found.parts.len(), found.defects.as_slice()),
            (count, defects),
            "{}",
            &raw[..80]
        );
    };
    let nested: String = (0..20_000)
        .map(|i| format!("Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n"))
        .collect();
    check(nested.clone(), 51, &[TooDeep]);
    let closed: String = (0..20_000).rev().map(|i| format!("--b{i}--\r\n")).collect();
    check(nested + &closed, 51, &[TooDeep]);
    check(
        "Content-Type: message/rfc822\r\n\r\n".repeat(5_000),
        51,
        &[TooDeep],
    );
    check(
        "Content-Type: message/rfc822\r\nno field\r\n".repeat(5_000),
        1,
        &[TooManyFields, BadField, NoSeparator, DuplicateField],
    );
    let many = "--b\r\n\r\nx\r\n".repeat(40_000);
    check(
        format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{many}"),
        1_000,
        &[TooManyParts],
    );
    let headers_only = "--b\r\nContent-Type: a/b\r\n".repeat(40_000);
    check(
        format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{headers_only}"),
        1_000,
        &[TooManyParts, NoSeparator],
    );
    let blocks = "begin 644 x\r\n#86)C\r\nend\r\n".repeat(40_000);
    check(format!("Subject: x\r\n\r\n{blocks}"), 1_000, &[TooManyParts]);
    let digest = "Content-Type: multipart/digest; boundary=b\r\n\r\n".to_owned()
        + &"--b\r\n\r\nA: b\r\n\r\n".repeat(40_000);
    check(digest, 1_000, &[TooManyParts]);
}

#[test]
fn long_boundaries() {
    let long = "-".repeat(5_000);
    let near = format!("--{long}x\r\n").repeat(200);
    let raw = format!(
        "Content-Type: multipart/mixed; boundary=\"{long}\"\r\n\r\n--{long}\r\n\r\n{near}--{long}--\r\n"
    );
    let found = walk(&raw);
    assert_eq!(found.parts.len(), 2);
    assert_eq!(found.defects, [Defect::BadBoundary]);
    assert_eq!(found.parts[1].body.len(), near.len() - 2);
}

#[test]
fn decoded_size_is_bounded() {
    let limits = Limits {
        decoded_octets_max: 1_000,
        ..Limits::default()
    };
    let check = |encoding: &str, body: String, defects: &[Defect]| {
        let raw = format!("Content-Transfer-Encoding: {encoding}\r\n\r\n{body}");
        let found = Parts::walk(raw.as_bytes(), &limits);
        assert_eq!(found.defects, defects, "{encoding} {}", body.len());
        assert!(found.parts[0].decoded(1_000).len() <= 1_000);
        assert!(found.parts[0].decoded(0).is_empty());
    };
    check("base64", "AAAA".repeat(333), &[]);
    check("base64", "AAAA".repeat(334), &[Defect::TooBig]);
    check("quoted-printable", "=41".repeat(1_000), &[]);
    check("quoted-printable", "=41".repeat(1_001), &[Defect::TooBig]);
    check("7bit", "x".repeat(1_000), &[]);
    check("7bit", "x".repeat(1_001), &[Defect::TooBig]);
}

#[test]
fn structure() {
    let raw = "Content-Type: multipart/mixed; boundary=a\r\n\r\npreamble\r\n--a\r\n\
        Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nplain\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n--b--\r\n\
        \r\n--a\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nbody\r\n--a--\r\nepilogue\r\n";
    let found = walk(raw);
    let expected = [
        (0, "multipart/mixed"),
        (1, "multipart/alternative"),
        (2, "text/plain"),
        (2, "text/html"),
        (1, "message/rfc822"),
        (2, "text/plain"),
    ];
    assert_eq!(
        outline(&found),
        expected.map(|(depth, kind)| (depth, kind.to_owned()))
    );
    let bodies: Vec<_> = found
        .parts
        .iter()
        .filter(|p| !p.container)
        .map(|p| p.body)
        .collect();
    assert_eq!(bodies, [&b"plain"[..], b"<p>", b"body"]);
    assert_eq!(found.defects, []);
    assert_eq!(
        found.parts[5].header.first("subject").map(Field::text).as_deref(),
        Some("inner")
    );
}

#[test]
fn defects_of_leaves() {
    use Defect::*;
    for (raw, defects) in [
        (
            "Content-Type: text/plain; charset=x-none\r\n\r\na",
            &[BadCharset][..],
        ),
        ("Content-Type: text/plain; charset=utf-8\r\n\r\n\u{e8}", &[]),
        ("Content-Type: text/plain\r\n\r\n\u{e8}", &[BadCharset]),
        ("Content-Type: image/png\r\n\r\n\u{e8}", &[]),
        ("Content-Transfer-Encoding: x-odd\r\n\r\na", &[BadEncoding]),
        ("Content-Transfer-Encoding: base64\r\n\r\naGk*=", &[BadEncoding]),
        ("Subject: a\r\n\r\n\0", &[BadEncoding]),
        ("Content-Transfer-Encoding: binary\r\n\r\n\0", &[]),
        (
            "Content-Type: text/plain; name=a; name=b\r\n\r\n",
            &[DuplicateField],
        ),
        (
            "Content-Type: multipart/mixed; boundary=x\r\n\r\n--y\r\n",
            &[BadBoundary],
        ),
        (
            "Content-Type: multipart/mixed; boundary=x\r\nContent-Transfer-Encoding: base64\r\n\r\n--x\r\n\r\n--x--",
            &[BadEncoding],
        ),
    ] {
        assert_eq!(walk(raw).defects, defects, "{raw}");
    }
}

#[test]
fn content_against_name() {
    let file = sniff::sniff(b"MZ\x90\0\x03\0\0\0", Some("holiday.jpg"));
    assert_eq!(
        (file.kind, file.claimed, file.disguised_name),
        (Kind::Executable, Some(Kind::Image), false)
    );
    let file = sniff::sniff(b"hello", Some("a.pdf.js"));
    assert_eq!(
        (file.kind, file.claimed, file.disguised_name),
        (Kind::Text, Some(Kind::Script), true)
    );
    assert_eq!(
        (file.mime.as_str(), file.extension.as_deref()),
        ("text/plain", Some("js"))
    );
    let file = sniff::sniff(b"", None);
    assert_eq!(
        (file.kind, file.claimed, file.extension),
        (Kind::Other, None, None)
    );
}

/// True when `part` lies inside of `whole`.
fn is_inside(whole: &[u8], part: &[u8]) -> bool {
    let (outer, inner) = (whole.as_ptr_range(), part.as_ptr_range());
    part.is_empty() || (outer.start <= inner.start && inner.end <= outer.end)
}

fn check_part(raw: &[u8], part: &Part<'_>) {
    assert!(is_inside(raw, part.body));
    for field in &part.header.fields {
        assert!(
            is_inside(raw, field.raw)
                && is_inside(field.raw, field.name)
                && is_inside(field.raw, field.value)
        );
        assert!(!field.name.is_empty());
        let text = field.text();
        assert!(text.len() <= 8 << 10 && !text.contains(char::is_control));
        if let Ok(list) = mailbox::parse_list(field) {
            assert!(list.len() <= 1_000);
        }
    }
    if let Some(name) = &part.filename {
        assert!((1..=255).contains(&name.chars().count()) && !name.contains(char::is_control));
    }
    let decoded = part.decoded(1 << 20);
    assert!(part.decoded(7).len() <= 7 && decoded.starts_with(&part.decoded(7)));
    part.text(1 << 20);
    sniff::sniff(&decoded, part.filename.as_deref());
}

/// What must hold whatever the octets are.
fn check_invariants(raw: &[u8]) {
    let limits = Limits {
        fields_max: 50,
        parts_max: 20,
        depth_max: 5,
        decoded_octets_max: 1 << 20,
    };
    let header = Header::parse(raw, &limits);
    assert!(header.body_offset <= raw.len() && header.fields.len() <= limits.fields_max);
    let found = Parts::walk(raw, &limits);
    assert!((1..=limits.parts_max).contains(&found.parts.len()));
    assert!(found.defects.is_sorted_by(|a, b| a < b));
    for part in &found.parts {
        // A uuencoded block stands one level below its text.
        assert!(part.depth <= limits.depth_max + 1);
        check_part(raw, part);
    }
    assert_eq!(found.parts[0].depth, 0);
}

/// Pieces from which tricky messages grow more often than from random octets.
const PIECES: [&str; 44] = [
    "From",
    ":",
    ": ",
    " ",
    "\t",
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    "--",
    "b",
    "--b\r\n",
    "--b--\r\n",
    "\r\n--b\r\n",
    "Content-Type: ",
    "multipart/mixed",
    "; boundary=b",
    "; boundary=\"b\"",
    "message/rfc822",
    "text/plain",
    "multipart/digest",
    "Content-Transfer-Encoding: ",
    "base64",
    "quoted-printable",
    "x-uuencode",
    "; charset=",
    "utf-7",
    "utf-16",
    "iso-2022-jp",
    "Content-Disposition: attachment; filename",
    "*0*=utf-8''%e2",
    "*1=",
    "=?utf-8?q?a=C3",
    "=?utf-8?b?w6g",
    "?=",
    "\"",
    "\\",
    "(",
    ")",
    "<a@b.example>",
    ",",
    ";",
    "begin 644 x\r\n#86)C\r\n",
    "=\r\n",
];

proptest! {
    #[test]
    fn arbitrary_octets(raw in proptest::collection::vec(any::<u8>(), 0..400)) {
        check_invariants(&raw);
    }

    #[test]
    fn tricky_pieces(picks in proptest::collection::vec((0..PIECES.len(), any::<u8>()), 0..80)) {
        let mut raw = Vec::new();
        for (pick, octet) in picks {
            raw.extend_from_slice(PIECES[pick].as_bytes());
            if octet < 16 {
                raw.push(octet * 17);
            }
        }
        check_invariants(&raw);
    }

    #[test]
    fn arbitrary_files(content in proptest::collection::vec(any::<u8>(), 0..300), name in ".{0,40}") {
        let magic: [&[u8]; 8] = [b"", b"MZ", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"<?xml", b"\xff\xfe", b"\xca\xfe\xba\xbe", b"From: "];
        let mut file = magic[content.first().map_or(0, |b| usize::from(*b) % 8)].to_vec();
        file.extend_from_slice(&content);
        let found = sniff::sniff(&file, Some(&name));
        prop_assert!(found.extension.is_none_or(|e| e.chars().count() <= 16));
    }

    /// A tree written by the rules is read back as it was, by us and by another parser.
    #[test]
    fn well_formed_trees(tree in tree()) {
        let mut raw = "From: a@example.com\r\nMIME-Version: 1.0\r\n".to_owned();
        let mut expected = Vec::new();
        write_tree(&tree, 0, &mut 0, &mut raw, &mut expected);
        let found = Parts::walk(raw.as_bytes(), &Limits::default());
        prop_assert_eq!(&found.defects, &[]);
        let mine: Vec<_> = found.parts.iter().map(|p| (p.depth, (!p.container).then(|| p.decoded(1 << 20).into_owned()))).collect();
        prop_assert_eq!(&mine, &expected);
        let other = mail_parser::MessageParser::new().parse(raw.as_bytes()).unwrap();
        let theirs: Vec<_> = other.parts.iter().filter(|p| !p.is_multipart()).map(|p| p.contents().to_vec()).collect();
        let leaves: Vec<_> = expected.into_iter().filter_map(|(_, body)| body).collect();
        prop_assert_eq!(theirs, leaves);
    }
}

#[derive(Clone, Debug)]
enum Tree {
    Leaf(String, bool),
    Multi(Vec<Tree>),
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = ("[a-z =\\-]{0,30}[a-z]", any::<bool>()).prop_map(|(text, encoded)| Tree::Leaf(text, encoded));
    leaf.prop_recursive(4, 20, 4, |inner| {
        proptest::collection::vec(inner, 1..4).prop_map(Tree::Multi)
    })
}

fn write_tree(
    tree: &Tree,
    depth: usize,
    boundaries: &mut usize,
    raw: &mut String,
    expected: &mut Vec<(usize, Option<Vec<u8>>)>,
) {
    match tree {
        Tree::Leaf(text, encoded) => {
            expected.push((depth, Some(text.clone().into_bytes())));
            if *encoded {
                let digits: String = text.bytes().map(|b| format!("={b:02X}")).collect();
                *raw += &format!("Content-Transfer-Encoding: quoted-printable\r\n\r\n{digits}");
            } else {
                *raw += &format!("Content-Type: text/plain\r\n\r\n{text}");
            }
        }
        Tree::Multi(children) => {
            expected.push((depth, None));
            *boundaries += 1;
            let boundary = format!("=_{boundaries}");
            *raw += &format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n");
            for child in children {
                *raw += &format!("\r\n--{boundary}\r\n");
                write_tree(child, depth + 1, boundaries, raw, expected);
            }
            *raw += &format!("\r\n--{boundary}--\r\n");
        }
    }
}
