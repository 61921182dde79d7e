//! Files by their magic octets: what runs first, by our own checks, the rest by the crate `infer`.
//!
//! Promises: linear in the octets given, no panic; compound files and zip archives are looked into only as far as the octets
//! given reach. Trusts nothing: every offset read from the content is checked.

use super::kind::Kind;
use memchr::memmem;

/// Kind and media type.
pub type Found = (Kind, &'static str);

/// Names in a zip archive that are looked at.
const ENTRIES_MAX: usize = 512;

const PE: Found = (Kind::Executable, "application/vnd.microsoft.portable-executable");
const OLE: Found = (Kind::Document, "application/x-ole-storage");
const ZIP: Found = (Kind::Archive, "application/zip");

/// By magic octets; none when there are none (which text never has).
pub fn binary(content: &[u8]) -> Option<Found> {
    if let Some(found) = SIGNATURES
        .iter()
        .find(|(at, magic, _)| content.get(*at..).is_some_and(|c| c.starts_with(magic)))
    {
        return Some(found.2);
    }
    match content {
        [b'M', b'Z', ..] | [b'Z', b'M', ..] => mz(content),
        [0xca, 0xfe, 0xba, 0xbe, ..] => Some(java_or_mach(content)),
        [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, ..] => Some(compound(content)),
        [b'P', b'K', 3, 4, ..] => Some(zip(content)),
        [b'P', b'K', 5, 6, ..] | [b'P', b'K', 7, 8, ..] => Some(ZIP),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some((Kind::Archive, "application/x-bzip2")),
        [_, _, b'-', b'l', b'h' | b'z', _, b'-', ..] => Some((Kind::Archive, "application/x-lzh")),
        // Readers accept a PDF that begins within the first kilobyte.
        _ if memmem::find(&content[..content.len().min(1024)], b"%PDF-").is_some() => {
            Some((Kind::Document, "application/pdf"))
        }
        _ => by_infer(content),
    }
}

/// Offset, octets, what it is. Only what is not told better below; longer signatures before shorter ones.
const SIGNATURES: [(usize, &[u8], Found); 37] = [
    (0, b"\x7fELF", (Kind::Executable, "application/x-elf")),
    (
        0,
        b"\xfe\xed\xfa\xce",
        (Kind::Executable, "application/x-mach-binary"),
    ),
    (
        0,
        b"\xfe\xed\xfa\xcf",
        (Kind::Executable, "application/x-mach-binary"),
    ),
    (
        0,
        b"\xce\xfa\xed\xfe",
        (Kind::Executable, "application/x-mach-binary"),
    ),
    (
        0,
        b"\xcf\xfa\xed\xfe",
        (Kind::Executable, "application/x-mach-binary"),
    ),
    (0, b"dex\n03", (Kind::Executable, "application/vnd.android.dex")),
    (0, b"\0asm", (Kind::Executable, "application/wasm")),
    (0, b"BC\xc0\xde", (Kind::Executable, "application/x-llvm")),
    (
        0,
        b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F",
        (Kind::Executable, "application/x-ms-shortcut"),
    ),
    (0, b"ITSF", (Kind::Executable, "application/vnd.ms-htmlhelp")),
    (
        0,
        b"!<arch>\ndebian",
        (Kind::Executable, "application/vnd.debian.binary-package"),
    ),
    (0, b"\xed\xab\xee\xdb", (Kind::Executable, "application/x-rpm")),
    (0, b"Cr24", (Kind::Executable, "application/x-chrome-extension")),
    (
        0,
        b"\xe4R\\{\x8c\xd8\xa7M",
        (Kind::Document, "application/onenote"),
    ),
    (0, b"{\\rt", (Kind::Document, "application/rtf")),
    (0, b"%!PS", (Kind::Document, "application/postscript")),
    (
        0,
        b"7z\xbc\xaf\x27\x1c",
        (Kind::Archive, "application/x-7z-compressed"),
    ),
    (0, b"Rar!\x1a\x07", (Kind::Archive, "application/vnd.rar")),
    (0, b"\x1f\x8b", (Kind::Archive, "application/gzip")),
    (0, b"\xfd7zXZ\0", (Kind::Archive, "application/x-xz")),
    (0, b"\x28\xb5\x2f\xfd", (Kind::Archive, "application/zstd")),
    (0, b"MSCF", (Kind::Archive, "application/vnd.ms-cab-compressed")),
    (0, b"MSWIM\0\0\0", (Kind::Archive, "application/x-ms-wim")),
    (0, b"conectix", (Kind::Archive, "application/x-vhd")),
    (0, b"vhdxfile", (Kind::Archive, "application/x-vhdx")),
    (0, b"KDMV", (Kind::Archive, "application/x-vmdk")),
    (0, b"# Disk DescriptorFile", (Kind::Archive, "application/x-vmdk")),
    (0, b"QFI\xfb", (Kind::Archive, "application/x-qemu-disk")),
    (0, b"!<arch>\n", (Kind::Archive, "application/x-archive")),
    (0, b"\x60\xea", (Kind::Archive, "application/x-arj")),
    (0, b"xar!", (Kind::Archive, "application/x-xar")),
    (0, b"ALZ\x01", (Kind::Archive, "application/x-alz")),
    (0, b"EGGA", (Kind::Archive, "application/x-egg")),
    (7, b"**ACE**", (Kind::Archive, "application/x-ace")),
    (257, b"ustar", (Kind::Archive, "application/x-tar")),
    (0x8001, b"CD001", (Kind::Archive, "application/x-iso9660-image")),
    (0, b"\x78\x9f\x3e\x22", (Kind::Archive, "application/vnd.ms-tnef")),
];

/// Two letters are not enough: `MZ` may begin a text.
fn mz(content: &[u8]) -> Option<Found> {
    let header = u32_at(content, 0x3c).and_then(|at| content.get(usize::try_from(at).ok()?..));
    if header.is_some_and(|h| h.starts_with(b"PE\0\0")) {
        return Some(PE);
    }
    let plain = content
        .iter()
        .take(512)
        .all(|&b| b >= b' ' || matches!(b, b'\t' | b'\r' | b'\n'));
    (!plain).then_some((Kind::Executable, "application/x-dosexec"))
}

/// A Java class has a version there, a fat Mach-O a small count of programs.
fn java_or_mach(content: &[u8]) -> Found {
    match content.get(4..8) {
        Some([0, 0, 0, count]) if *count < 45 => (Kind::Executable, "application/x-mach-binary"),
        _ => (Kind::Executable, "application/java-vm"),
    }
}

/// A compound file (old Office, MSI, Outlook message) by the class of its root and the names in its directory.
fn compound(content: &[u8]) -> Found {
    let shift = content
        .get(30)
        .copied()
        .filter(|shift| (7..=16).contains(shift))
        .unwrap_or(9);
    let directory = u32_at(content, 48)
        .and_then(|sector| (usize::try_from(sector).ok()?.checked_add(1)?).checked_mul(1 << shift))
        .and_then(|at| content.get(at..))
        .unwrap_or_default();
    if let Some(class) = directory.get(80..96)
        && class[4..] == *b"\0\0\0\0\xc0\0\0\0\0\0\0F"
    {
        match class[..4] {
            [0x82 | 0x84 | 0x86, 0x10, 0x0c, 0] => return (Kind::Executable, "application/x-msi"),
            [0x06 | 0x07, 0x09, 0x02, 0] => return (Kind::Document, "application/msword"),
            [0x10 | 0x20, 0x08, 0x02, 0] => return (Kind::Document, "application/vnd.ms-excel"),
            [0x0b, 0x0d, 0x02, 0] => return (Kind::Message, "application/vnd.ms-outlook"),
            _ => {}
        }
    }
    let names = if directory.is_empty() { content } else { directory };
    STREAMS
        .iter()
        .find(|(name, _)| contains_utf16(names, name))
        .map_or(OLE, |(_, found)| *found)
}

/// Names of streams that tell the kind of a compound file.
const STREAMS: [(&str, Found); 6] = [
    ("WordDocument", (Kind::Document, "application/msword")),
    ("Workbook", (Kind::Document, "application/vnd.ms-excel")),
    (
        "PowerPoint Document",
        (Kind::Document, "application/vnd.ms-powerpoint"),
    ),
    ("VisioDocument", (Kind::Document, "application/vnd.visio")),
    (
        "EncryptedPackage",
        (Kind::Document, "application/vnd.ms-office.encrypted"),
    ),
    (
        "__nameid_version1.0",
        (Kind::Message, "application/vnd.ms-outlook"),
    ),
];

fn contains_utf16(content: &[u8], name: &str) -> bool {
    let wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    memmem::find(content, &wide).is_some()
}

/// A zip archive by the names in it.
fn zip(content: &[u8]) -> Found {
    let mut found = ZIP;
    for at in memmem::find_iter(content, b"PK\x03\x04").take(ENTRIES_MAX) {
        let entry = &content[at..];
        let length = usize::from(u16_at(entry, 26).unwrap_or(0));
        let Some(name) = entry.get(30..30 + length) else {
            break;
        };
        match zip_entry(name, entry) {
            Some(told) if told.0 != Kind::Archive => return told,
            Some(told) => found = told,
            None => {}
        }
    }
    found
}

fn zip_entry(name: &[u8], entry: &[u8]) -> Option<Found> {
    match name {
        b"AndroidManifest.xml" | b"classes.dex" => {
            Some((Kind::Executable, "application/vnd.android.package-archive"))
        }
        b"META-INF/MANIFEST.MF" => Some((Kind::Executable, "application/java-archive")),
        b"AppxManifest.xml" => Some((Kind::Executable, "application/appx")),
        b"extension.vsixmanifest" => Some((Kind::Executable, "application/vsix")),
        // The type stands there uncompressed.
        b"mimetype" if memmem::find(&entry[..entry.len().min(128)], b"epub").is_some() => {
            Some((Kind::Document, "application/epub+zip"))
        }
        b"mimetype" => Some((Kind::Document, "application/vnd.oasis.opendocument")),
        _ if name.starts_with(b"word/") => Some((
            Kind::Document,
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        )),
        _ if name.starts_with(b"xl/") => Some((
            Kind::Document,
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        )),
        _ if name.starts_with(b"ppt/") => Some((
            Kind::Document,
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        )),
        _ if name.starts_with(b"Payload/") => Some((Kind::Executable, "application/x-ios-app")),
        _ => None,
    }
}

/// Pictures, sound, video, fonts and rare archives. The crate's checks for programs and compound files are not asked: the ones
/// above are stricter, and text that begins with two fitting letters must not get here.
fn by_infer(content: &[u8]) -> Option<Found> {
    if looks_like_text(content) {
        return None;
    }
    let found = infer::get(content)?;
    let kind = match found.matcher_type() {
        infer::MatcherType::Image => Kind::Image,
        infer::MatcherType::Audio | infer::MatcherType::Video => Kind::Media,
        infer::MatcherType::Doc | infer::MatcherType::Book => Kind::Document,
        infer::MatcherType::Archive => match found.mime_type() {
            "application/x-shockwave-flash" => Kind::Media,
            "application/vnd.sqlite3"
            | "application/x-nintendo-nes-rom"
            | "application/octet-stream"
            | "application/dicom" => Kind::Other,
            _ => Kind::Archive,
        },
        infer::MatcherType::App
        | infer::MatcherType::Font
        | infer::MatcherType::Text
        | infer::MatcherType::Custom => {
            return None;
        }
    };
    Some((kind, found.mime_type()))
}

/// No controls that text does not have, in the beginning.
fn looks_like_text(content: &[u8]) -> bool {
    content
        .iter()
        .take(512)
        .all(|&b| b >= b' ' || matches!(b, b'\t' | b'\r' | b'\n' | 0x0c | 0x1b))
        && !content.starts_with(&[0xff])
}

fn u16_at(content: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(content.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(content: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(content.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &[u8], expected: Option<Found>) {
        assert_eq!(
            binary(content),
            expected,
            "{:?}",
            &content[..content.len().min(16)]
        );
    }

    fn pe() -> Vec<u8> {
        let mut file = vec![0; 0x90];
        file[..2].copy_from_slice(b"MZ");
        file[0x3c] = 0x80;
        file[0x80..0x84].copy_from_slice(b"PE\0\0");
        file
    }

    /// A compound file with one directory sector.
    fn compound_file(class: [u8; 4], stream: &str) -> Vec<u8> {
        let mut file = vec![0; 1536];
        file[..8].copy_from_slice(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]);
        file[30] = 9;
        file[48] = 1;
        file[1024 + 80..1024 + 84].copy_from_slice(&class);
        file[1024 + 84..1024 + 96].copy_from_slice(b"\0\0\0\0\xc0\0\0\0\0\0\0F");
        let wide: Vec<u8> = stream.encode_utf16().flat_map(u16::to_le_bytes).collect();
        file[1024 + 128..1024 + 128 + wide.len()].copy_from_slice(&wide);
        file
    }

    fn zip_file(names: &[&str]) -> Vec<u8> {
        let mut file = Vec::new();
        for name in names {
            let mut entry = b"PK\x03\x04".to_vec();
            entry.resize(30, 0);
            entry[26] = u8::try_from(name.len()).unwrap();
            entry.extend_from_slice(name.as_bytes());
            file.extend_from_slice(&entry);
        }
        file
    }

    #[test]
    fn programs() {
        check(&pe(), Some(PE));
        check(b"MZ\x90\0\x03", Some((Kind::Executable, "application/x-dosexec")));
        check(b"MZ begins this text", None);
        check(b"\x7fELF\x02\x01", Some((Kind::Executable, "application/x-elf")));
        check(
            b"\xca\xfe\xba\xbe\0\0\0\x34",
            Some((Kind::Executable, "application/java-vm")),
        );
        check(
            b"\xca\xfe\xba\xbe\0\0\0\x02",
            Some((Kind::Executable, "application/x-mach-binary")),
        );
        check(
            b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F!",
            Some((Kind::Executable, "application/x-ms-shortcut")),
        );
        check(
            &compound_file([0x84, 0x10, 0x0c, 0], ""),
            Some((Kind::Executable, "application/x-msi")),
        );
        check(
            &zip_file(&["META-INF/", "META-INF/MANIFEST.MF"]),
            Some((Kind::Executable, "application/java-archive")),
        );
    }

    #[test]
    fn documents_and_archives() {
        check(
            &compound_file([0; 4], "WordDocument"),
            Some((Kind::Document, "application/msword")),
        );
        check(
            &compound_file([0; 4], "__nameid_version1.0"),
            Some((Kind::Message, "application/vnd.ms-outlook")),
        );
        check(&compound_file([1; 4], "Other"), Some(OLE));
        check(&compound_file([0; 4], "")[..40], Some(OLE));
        check(&zip_file(&["a.txt", "b.exe"]), Some(ZIP));
        check(
            &zip_file(&["[Content_Types].xml", "xl/workbook.xml"]),
            Some((
                Kind::Document,
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            )),
        );
        check(b"PK\x03\x04", Some(ZIP));
        check(b"garbage\r\n%PDF-1.7", Some((Kind::Document, "application/pdf")));
        check(b"{\\rtf1 x}", Some((Kind::Document, "application/rtf")));
        let mut iso = vec![0; 0x8006];
        iso[0x8001..0x8006].copy_from_slice(b"CD001");
        check(&iso, Some((Kind::Archive, "application/x-iso9660-image")));
    }

    #[test]
    fn the_rest() {
        check(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Some((Kind::Image, "image/png")));
        check(b"\xff\xd8\xff\xe0\0\x10JFIF", Some((Kind::Image, "image/jpeg")));
        check(b"ID3\x03\0\0\0", Some((Kind::Media, "audio/mpeg")));
        check(b"plain text", None);
        check(b"", None);
        check(b"\0\x01\x02\x03", None);
    }
}
