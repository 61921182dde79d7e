//! Archives: what common tools make is read; what is made to deceive or to exhaust is found, within the budget.

use mail::message::archive::{self, Archive, Sign};
use mail::message::budget::Budget;
use mail::message::sniff::{Kind, sniff};
use miniz_oxide::deflate::compress_to_vec;

/// A program as far as magic octets go.
const PROGRAM: &[u8] = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0 and so on, far enough to be a program";

fn open(name: &str, content: &[u8], budget: &mut Budget) -> Archive {
    let file = sniff(content, Some(name));
    archive::open(content, &file, name, budget, &mut |_| {}).unwrap_or_else(|| panic!("{name} is no archive"))
}

fn look(name: &str, content: &[u8]) -> Archive {
    open(name, content, &mut Budget::default())
}

fn names(archive: &Archive) -> Vec<&str> {
    archive
        .members
        .iter()
        .map(|member| member.name.as_str())
        .collect()
}

/// What tools make: each file with its kind, and the signs of the archive.
#[test]
fn of_common_tools() {
    fn check(name: &str, content: &[u8], signs: &[Sign]) {
        let found = look(name, content);
        let program = found.members.first().unwrap();
        assert!(
            program.name.to_ascii_lowercase().ends_with("setup.exe"),
            "{name}: {:?}",
            names(&found)
        );
        assert_eq!(
            (program.file.kind, program.size_octets),
            (Kind::Executable, Some(236)),
            "{name}"
        );
        assert!(found.files >= 3, "{name}");
        let table = found.members.iter().any(|member| {
            member.name.ends_with("/Отчёт.csv")
                && member.file.kind == Kind::Text
                && member.size_octets == Some(2744)
        });
        assert!(table || name == "plain.iso.xz", "{name}: {:?}", found.members);
        assert!(found.signs.iter().eq(signs), "{name}: {:?}", found.signs);
    }
    macro_rules! files {
        ($($name:literal: $signs:expr),* $(,)?) => {
            $( check($name, include_bytes!(concat!("files/", $name)), $signs); )*
        };
    }
    files! {
        "lzma2.7z": &[], "lzma.7z": &[], "bzip2.7z": &[], "deflate.7z": &[], "copy.7z": &[], "bcj2.7z": &[],
        "deflate.zip": &[], "bzip2.zip": &[], "lzma.zip": &[], "xz.zip": &[], "info.zip": &[], "streamed-prefix.zip": &[],
        "gnu.tar.gz": &[], "pax.tar.bz2": &[], "ustar.tar.xz": &[],
        "joliet.iso.xz": &[Sign::Nested], "plain.iso.xz": &[Sign::Nested],
    }
}

/// Names are told where the content cannot be.
#[test]
fn what_cannot_be_read_is_named() {
    fn check(name: &str, content: &[u8], sign: Sign) {
        let found = look(name, content);
        let program = found
            .members
            .iter()
            .find(|member| member.name == "d/setup.exe")
            .unwrap();
        assert_eq!(program.file.claimed, Some(Kind::Executable), "{name}");
        assert!(
            program.signs.contains(&sign) && found.signs.contains(&sign),
            "{name}: {found:?}"
        );
    }
    check(
        "password.zip",
        include_bytes!("files/password.zip"),
        Sign::Encrypted,
    );
    check("aes.zip", include_bytes!("files/aes.zip"), Sign::Encrypted);
    check(
        "password.7z",
        include_bytes!("files/password.7z"),
        Sign::Encrypted,
    );
    check("ppmd.7z", include_bytes!("files/ppmd.7z"), Sign::Unread);
    check(
        "deflate64.zip",
        include_bytes!("files/deflate64.zip"),
        Sign::Unread,
    );
    let found = look("password-names.7z", include_bytes!("files/password-names.7z"));
    assert!(found.members.is_empty() && found.signs.contains(&Sign::Encrypted));
}

/// One file of a zip archive that is built here, with whatever its headers shall say.
#[derive(Clone)]
struct File<'a> {
    name: &'a str,
    local_name: &'a str,
    packed: Vec<u8>,
    method: u16,
    flags: u16,
    size: u32,
}

fn file<'a>(name: &'a str, content: &[u8]) -> File<'a> {
    File {
        name,
        local_name: name,
        packed: compress_to_vec(content, 1),
        method: 8,
        flags: 0,
        size: u32::try_from(content.len()).unwrap(),
    }
}

fn local(file: &File<'_>) -> Vec<u8> {
    let mut out = b"PK\x03\x04\x14\0".to_vec();
    out.extend(file.flags.to_le_bytes());
    out.extend(file.method.to_le_bytes());
    out.extend([0; 8]);
    let length = u32::try_from(file.packed.len()).unwrap();
    out.extend(length.to_le_bytes());
    out.extend(file.size.to_le_bytes());
    out.extend(u16::try_from(file.local_name.len()).unwrap().to_le_bytes());
    out.extend([0; 2]);
    out.extend(file.local_name.as_bytes());
    out.extend(&file.packed);
    out
}

fn central(file: &File<'_>, offset: usize) -> Vec<u8> {
    let mut out = b"PK\x01\x02\x14\0\x14\0".to_vec();
    out.extend(file.flags.to_le_bytes());
    out.extend(file.method.to_le_bytes());
    out.extend([0; 8]);
    out.extend(u32::try_from(file.packed.len()).unwrap().to_le_bytes());
    out.extend(file.size.to_le_bytes());
    out.extend(u16::try_from(file.name.len()).unwrap().to_le_bytes());
    out.extend([0; 12]);
    out.extend(u32::try_from(offset).unwrap().to_le_bytes());
    out.extend(file.name.as_bytes());
    out
}

/// An archive of these octets and this directory.
fn with_directory(mut octets: Vec<u8>, directory: &[u8], count: u16) -> Vec<u8> {
    let start = u32::try_from(octets.len()).unwrap();
    octets.extend(directory);
    octets.extend(b"PK\x05\x06\0\0\0\0");
    octets.extend(count.to_le_bytes());
    octets.extend(count.to_le_bytes());
    octets.extend(u32::try_from(directory.len()).unwrap().to_le_bytes());
    octets.extend(start.to_le_bytes());
    octets.extend([0; 2]);
    octets
}

fn zip(files: &[File<'_>]) -> Vec<u8> {
    let (mut octets, mut directory) = (Vec::new(), Vec::new());
    for file in files {
        directory.extend(central(file, octets.len()));
        octets.extend(local(file));
    }
    with_directory(octets, &directory, u16::try_from(files.len()).unwrap())
}

fn stored<'a>(name: &'a str, content: &[u8]) -> File<'a> {
    File {
        packed: content.to_vec(),
        method: 0,
        ..file(name, content)
    }
}

#[test]
fn readers_that_disagree() {
    fn check(case: &str, content: &[u8], listed: &[&str], sign: Option<Sign>) {
        let found = look("a.zip", content);
        assert_eq!(names(&found), listed, "{case}");
        let signs: Vec<Sign> = found.signs.iter().copied().collect();
        assert_eq!(signs, sign.into_iter().collect::<Vec<_>>(), "{case}");
    }
    let honest = zip(&[file("a.txt", b"hello"), file("b.txt", b"hello")]);
    check("honest", &honest, &["a.txt", "b.txt"], None);

    let two_names = File {
        local_name: "setup.exe",
        ..file("a.txt", b"hello")
    };
    check(
        "two names",
        &zip(&[two_names]),
        &["setup.exe", "a.txt"],
        Some(Sign::Malformed),
    );

    let hidden = [
        local(&file("setup.exe", PROGRAM)),
        local(&file("a.txt", b"hello")),
    ];
    let directory = central(&file("a.txt", b"hello"), hidden[0].len());
    let content = with_directory(hidden.concat(), &directory, 1);
    check(
        "not in the directory",
        &content,
        &["setup.exe", "a.txt"],
        Some(Sign::Malformed),
    );

    let both = [zip(&[file("setup.exe", PROGRAM)]), honest.clone()].concat();
    check(
        "two archives",
        &both,
        &["setup.exe", "a.txt", "b.txt"],
        Some(Sign::Malformed),
    );

    let before = [b"GIF89a, or so it seems".as_slice(), &honest].concat();
    let picture = sniff(&before, Some("a.gif"));
    let found = archive::open(&before, &picture, "a.gif", &mut Budget::default(), &mut |_| {});
    assert_eq!(found, None, "a picture with something behind it is a picture");
    check("called an archive it is one", &before, &["a.txt", "b.txt"], None);

    let cut = &honest[..honest.len() - 60];
    check(
        "without a directory",
        cut,
        &["a.txt", "b.txt"],
        Some(Sign::Malformed),
    );

    let streamed = File {
        flags: 8,
        ..file("a.txt", b"hello")
    };
    let mut octets = local(&streamed);
    octets[18..26].fill(0);
    check("streamed and cut", &octets, &["a.txt"], Some(Sign::Malformed));
}

#[test]
fn names_are_no_paths() {
    let long = "x".repeat(60_000);
    for (name, told) in [
        ("../../etc/passwd", "../../etc/passwd"),
        ("C:\\Windows\\a.dll", "C:\\Windows\\a.dll"),
        ("a\u{1b}[2J\r\nb.txt", "a[2Jb.txt"),
        (&long, &long[..255]),
        ("", ""),
    ] {
        let found = look("a.zip", &zip(&[file(name, b"hello")]));
        assert_eq!(names(&found), [told]);
    }
    let found = look("a.zip", &zip(&[file("invoice\u{202e}fdp.exe", b"hello")]));
    assert!(found.members[0].file.disguised_name);
    let mut dos = zip(&[file("??????.txt", b"hello")]);
    while let Some(at) = dos.windows(6).position(|six| six == b"??????") {
        dos[at..at + 6].copy_from_slice(b"\x8e\xe2\xe7\xf1\xe2!");
    }
    assert_eq!(names(&look("a.zip", &dos)), ["Отчёт!.txt"]);
}

#[test]
fn what_exhausts_is_a_bomb() {
    fn check(case: &str, content: &[u8], sign: Sign) {
        let mut budget = Budget::default();
        let found = open("a.zip", content, &mut budget);
        assert!(found.signs.contains(&sign), "{case}: {:?}", found.signs);
        assert!(found.members.len() <= Budget::MEMBERS_MAX, "{case}");
    }
    let zeros = vec![0; 6 << 20];
    let lying = File {
        size: 10,
        ..file("a.txt", &zeros[..100_000])
    };
    check("larger than it says", &zip(&[lying]), Sign::Bomb);

    let flat = File {
        size: 2_000_000_000,
        ..file("a.txt", &zeros)
    };
    check(
        "expands a thousand times",
        &zip(std::slice::from_ref(&flat)),
        Sign::Bomb,
    );
    check(
        "a stream that does",
        &gzip(&compress_to_vec(&zeros, 6)),
        Sign::Bomb,
    );

    let one = file("a.txt", b"hello");
    let directory = [central(&one, 0), central(&one, 0)].concat();
    check(
        "files that share octets",
        &with_directory(local(&one), &directory, 2),
        Sign::Bomb,
    );

    let mut nested = zip(&[file("setup.exe", PROGRAM)]);
    for _ in 1..Budget::DEPTH_MAX {
        nested = zip(&[file("a.zip", &nested)]);
    }
    let deepest = look("a.zip", &nested);
    assert!(deepest.members[0].name.ends_with("/a.zip/setup.exe") && !deepest.signs.contains(&Sign::TooDeep));
    check(
        "nested deeper than is looked at",
        &zip(&[file("a.zip", &nested)]),
        Sign::TooDeep,
    );

    let mut wide = zip(&[file("0.txt", &zeros[..1 << 20])]);
    for level in 0..4 {
        let names: Vec<String> = (0..16).map(|number| format!("{level}{number}.zip")).collect();
        let files: Vec<_> = names.iter().map(|name| file(name, &wide)).collect();
        wide = zip(&files);
    }
    check("sixteen in sixteen", &wide, Sign::Bomb);

    let many: Vec<String> = (0..5_000).map(|number| format!("{number}.txt")).collect();
    let many: Vec<_> = many.iter().map(|name| stored(name, b"x")).collect();
    check("thousands of files", &zip(&many), Sign::Unread);
}

fn gzip(deflated: &[u8]) -> Vec<u8> {
    [b"\x1f\x8b\x08\0\0\0\0\0\0\x03".as_slice(), deflated, &[0; 8]].concat()
}

/// What large honest archives are: not all is read, nothing is held against them.
#[test]
fn a_large_archive_is_no_bomb() {
    let mut noise = 1u32;
    let mut photo: Vec<u8> = b"\xff\xd8\xff\xe0\0\x10JFIF".to_vec();
    photo.extend((0..300_000).map(|_| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 24) as u8
    }));
    let called: Vec<String> = (0..8).map(|number| format!("{number}.jpg")).collect();
    let photos: Vec<_> = called.iter().map(|name| file(name, &photo)).collect();
    let found = look("photos.zip", &zip(&photos));
    assert!(found.signs.is_empty() && found.files == 8, "{:?}", found.signs);
    let found = look("mail.zip", &zip(&[file("photos.zip", &zip(&photos))]));
    assert!(
        !found.signs.contains(&Sign::Bomb) && found.signs.contains(&Sign::Unread),
        "{:?}",
        found.signs
    );
    // A log.
    let log: Vec<u8> = (0..60_000u32)
        .flat_map(|line| {
            format!(
                "{line} 10.0.0.{} GET /index.html {}\n",
                line % 250,
                line.wrapping_mul(2_654_435_761)
            )
            .into_bytes()
        })
        .collect();
    let found = look("access.log.gz", &gzip(&compress_to_vec(&log, 6)));
    assert!(found.signs.is_empty(), "{:?}", found.signs);
    assert_eq!(names(&found).as_slice(), ["access.log"]);
}

/// What tells something is told first.
#[test]
fn the_worst_is_told() {
    let many: Vec<String> = (0..900).map(|number| format!("{number}.txt")).collect();
    let mut files: Vec<_> = many.iter().map(|name| stored(name, b"x")).collect();
    files.push(file("z.scr", PROGRAM));
    let found = look("a.zip", &zip(&files));
    assert_eq!((found.files, found.members.len()), (901, Budget::MEMBERS_MAX));
    assert_eq!(found.members[0].name, "z.scr");
    assert!(found.signs.is_empty(), "{:?}", found.signs);
}

#[test]
fn every_file_is_shown() {
    let inner = zip(&[file("b.txt", b"inner")]);
    let mut seen = Vec::new();
    let content = zip(&[file("a.txt", b"outer"), file("a.zip", &inner)]);
    let kind = sniff(&content, None);
    archive::open(&content, &kind, "", &mut Budget::default(), &mut |octets| {
        seen.push(octets.to_vec())
    });
    assert_eq!(seen, [b"outer".to_vec(), inner, b"inner".to_vec()]);
}

/// RAR by hand: there is no free program that makes it.
#[test]
fn rar() {
    fn number(value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rest = value;
        while rest > 0x7f {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
        out
    }
    fn block(kind: u64, flags: u64, fields: &[u8], data: &[u8]) -> Vec<u8> {
        let mut header = [number(kind), number(flags)].concat();
        if flags & 2 != 0 {
            header.extend(number(data.len() as u64));
        }
        header.extend(fields);
        [vec![0; 4], number(header.len() as u64), header, data.to_vec()].concat()
    }
    fn entry(name: &str, method: u64, data: &[u8]) -> Vec<u8> {
        let numbers = [0, data.len() as u64, 0, method << 7, 0, name.len() as u64]
            .map(number)
            .concat();
        block(2, 2, &[numbers, name.as_bytes().to_vec()].concat(), data)
    }
    let start = [b"Rar!\x1a\x07\x01\0".to_vec(), block(1, 0, &[0], b"")].concat();
    let five = [
        start.clone(),
        entry("a/setup.exe", 0, PROGRAM),
        entry("Отчёт.txt", 3, b"packed"),
        block(5, 0, &[0], b""),
    ];
    let found = look("a.rar", &five.concat());
    assert_eq!(names(&found), ["a/setup.exe", "Отчёт.txt"]);
    assert_eq!(found.members[0].file.kind, Kind::Executable);
    assert!(found.members[1].signs.contains(&Sign::Unread));
    let locked = [start, block(4, 0, &[0, 0, 15], &[])].concat();
    assert!(look("a.rar", &locked).signs.contains(&Sign::Encrypted));

    fn old(kind: u8, flags: u16, fields: &[u8]) -> Vec<u8> {
        let length = u16::try_from(7 + fields.len()).unwrap();
        [
            &[0, 0, kind][..],
            &flags.to_le_bytes(),
            &length.to_le_bytes(),
            fields,
        ]
        .concat()
    }
    let mut fields = [0; 25].to_vec();
    fields[..4].copy_from_slice(&(PROGRAM.len() as u32).to_le_bytes());
    fields[4..8].copy_from_slice(&(PROGRAM.len() as u32).to_le_bytes());
    fields[18] = 0x30;
    fields[19..21].copy_from_slice(&9u16.to_le_bytes());
    fields.extend(b"setup.exe");
    let four = [
        b"Rar!\x1a\x07\0".to_vec(),
        old(0x73, 0, &[0; 6]),
        old(0x74, 0x8000, &fields),
        PROGRAM.to_vec(),
        old(0x7b, 0, &[]),
    ];
    let found = look("a.rar", &four.concat());
    assert_eq!(
        (names(&found), found.members[0].file.kind),
        (vec!["setup.exe"], Kind::Executable)
    );
    fields[18] = 0x33;
    let secret = [
        four[0].clone(),
        four[1].clone(),
        old(0x74, 0x8004, &fields),
        PROGRAM.to_vec(),
    ]
    .concat();
    assert!(look("a.rar", &secret).members[0].signs.contains(&Sign::Encrypted));
}

/// Broken anywhere, any of them is read without a panic and within the budget.
#[test]
fn broken_anywhere() {
    let samples: [&[u8]; 8] = [
        include_bytes!("files/lzma2.7z"),
        include_bytes!("files/bcj2.7z"),
        include_bytes!("files/info.zip"),
        include_bytes!("files/lzma.zip"),
        include_bytes!("files/gnu.tar.gz"),
        include_bytes!("files/pax.tar.bz2"),
        include_bytes!("files/ustar.tar.xz"),
        include_bytes!("files/streamed-prefix.zip"),
    ];
    for sample in samples {
        for at in (0..sample.len()).step_by(83) {
            let cut = &sample[..at];
            let mut flipped = sample.to_vec();
            flipped[at] ^= 0xff;
            for content in [cut, &flipped] {
                let kind = sniff(content, Some("a.zip"));
                archive::open(content, &kind, "a.zip", &mut Budget::default(), &mut |_| {});
            }
        }
    }
}
