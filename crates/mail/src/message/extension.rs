//! What a file's name says: its extension as Windows sees it, the kind that belongs to it, and disguises.
//!
//! Promises: linear in the name, no panic. Trusts nothing. Limits: [`EXTENSION_CHARS_MAX`].
//! The types that run are those that common mail programs refuse to open, and what other systems run.

use super::kind::Kind;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Longest extension given; a longer one is cut (it is still looked up whole).
pub const EXTENSION_CHARS_MAX: usize = 16;

/// What a name says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// Kind of the last extension, when it is known.
    pub kind: Option<Kind>,
    /// Last extension, lower case.
    pub extension: Option<String>,
    /// The name is made to look harmless.
    pub disguised: bool,
}

/// Reads a decoded file name.
pub fn claim(name: &str) -> Claim {
    // U+202E and U+202D turn the direction of what follows: `exe.fdp` is shown for `pdf.exe`.
    let overridden = name.contains(['\u{202e}', '\u{202d}']);
    let Some((stem, last)) = file_part(name).rsplit_once('.') else {
        return Claim {
            disguised: overridden,
            ..Claim::default()
        };
    };
    let last = last.trim().to_lowercase();
    let kind = kind_of(&last);
    let before = stem
        .trim_end()
        .rsplit_once('.')
        .and_then(|(_, before)| kind_of(&before.trim().to_lowercase()));
    let runs = |kind: Option<Kind>| matches!(kind, Some(Kind::Executable | Kind::Script));
    let doubled = runs(kind) && before.is_some() && !runs(before);
    let extension: String = last.chars().take(EXTENSION_CHARS_MAX).collect();
    Claim {
        kind,
        extension: (!extension.is_empty()).then_some(extension),
        // An extension in braces is a class identifier that Windows runs and does not show.
        disguised: overridden || doubled || last.starts_with('{'),
    }
}

/// The name without folders, streams, and the dots and blanks at its end that Windows ignores.
fn file_part(name: &str) -> &str {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let ignored = |c: char| c == '.' || c == '"' || c == '\'' || c.is_whitespace();
    let name = name.trim_matches(ignored_quote).trim_end_matches(ignored);
    match name.find(':') {
        Some(colon) if colon > 1 => name[..colon].trim_end_matches(ignored),
        _ => name,
    }
}

fn ignored_quote(c: char) -> bool {
    c == '"' || c == '\''
}

/// The kind of a lower-case extension.
fn kind_of(extension: &str) -> Option<Kind> {
    if extension.starts_with('{') && extension.ends_with('}') {
        return Some(Kind::Executable);
    }
    KINDS.get(extension).copied()
}

/// [`TABLE`] by extension.
static KINDS: LazyLock<HashMap<&'static str, Kind>> = LazyLock::new(|| {
    let rows = TABLE
        .iter()
        .map(|(kind, names)| names.split(' ').map(|name| (name, *kind)));
    rows.flatten().collect()
});

/// Extensions by kind.
const TABLE: [(Kind, &str); 9] = [
    (
        Kind::Executable,
        "exe com scr pif cpl msi msp mst dll sys ocx drv efi lnk jar class dex apk aab ipa deb rpm pkg mpkg run elf so \
         dylib o ko app application appref-ms appx appxbundle msix msixbundle msu mui gadget msc chm hlp ade adp mda mde \
         accde accda xll wll xlam scf shb shs library-ms search-ms searchconnector-ms settingcontent-ms diagcab diagcfg \
         diagpkg theme themepack deskthemepack desktopthemepackfile air jnlp xbap vsto vsix xpi crx appimage flatpak snap \
         flatpakref ax acm bpl cnt grp mcf mad maf mag mam maq mar mas mat mau mav maw mdt mdw mdz ops osd pcd \
         plg prf prg pyc pyo printerexport webpnp website xnk apref-ms wasm node",
    ),
    (
        Kind::Script,
        "bat cmd vb vba vbe vbs vbp vbscript js jse mjs cjs ws wsf wsc wsh hta hpj ps1 ps1xml ps2 ps2xml psc1 psc2 \
         psd1 psdm1 psm1 pssc msh msh1 msh2 mshxml msh1xml msh2xml reg inf ins isp its job sct htc bas fxp url desktop \
         command tool workflow action scpt scptd applescript sh bash csh ksh zsh fish py pyw pyz pyzw py3 pl pm php php3 \
         php4 php5 php7 phtml phar phps rb lua tcl awk cgi asp aspx ashx asmx jsp jspx cfm ahk au3 iqy oqy rqy dqy rdp wsb \
         udl nsh paf a3x kix groovy",
    ),
    (
        Kind::Archive,
        "zip zipx 7z rar rev r00 r01 tar gz gzip tgz taz bz bz2 tbz tbz2 bz3 xz txz lzma lz tlz lzo lzh lha lz4 zst tzst z \
         arj ace alz egg arc pak zoo cab iso img vhd vhdx vmdk vdi qcow qcow2 udf dmg sparseimage wim swm esd cpio ar shar \
         uue uu b64 bhx hqx sit sitx sea daa nrg mdf isz cdr 001 tnef xar par2 sfx kgb paq8 war ear nupkg whl",
    ),
    (
        Kind::Document,
        "doc docx docm dot dotx dotm xls xlsx xlsm xlsb xlt xltx xltm xla xlw slk ppt pptx pptm pps ppsx ppsm pot potx potm \
         ppa ppam sldx sldm odt ods odp odg odf odb ott ots otp fodt fods fodp sxw sxc sxi rtf pdf fdf xfdf ps eps epub mobi \
         azw azw3 pages numbers keynote one onetoc2 onepkg pub vsd vsdx vsdm vss vst mpp mpt xps oxps djvu djv wpd wps wri \
         mdb accdb accdt dwg dxf hwp hwpx gdoc gsheet",
    ),
    (
        Kind::Image,
        "jpg jpeg jpe jfif pjpeg png apng gif bmp dib tif tiff webp ico cur heic heif avif jxl jp2 j2k psd ai cr2 nef arw dng \
         raw wmf emf pcx tga xcf",
    ),
    (
        Kind::Media,
        "mp3 wav wave ogg oga opus flac m4a aac wma aif aiff aifc au mid midi amr ape mka mp4 m4v mov qt avi mkv webm wmv asf \
         mpg mpeg mpe m2ts mts vob flv f4v 3gp 3g2 ogv swf m3u m3u8",
    ),
    (
        Kind::Markup,
        "html htm xhtml xht shtml shtm mhtml mht svg svgz xml xsl xslt xsd dtd rss atom wml vml plist",
    ),
    (
        Kind::Text,
        "txt text log csv tsv tab md markdown rst tex json jsonl yaml yml toml ini cfg conf properties asc sig pem crt cer der \
         p7b p7c p7m p7s p12 pfx key gpg pgp vcf vcard ics ical ifb srt sub vtt diff patch c h cc cpp hpp cs java kt go rs \
         swift sql bib nfo readme",
    ),
    (Kind::Message, "eml msg mbox mbx emlx oft mim mime"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, extension: Option<&str>, kind: Option<Kind>, disguised: bool) {
        let expected = Claim {
            kind,
            extension: extension.map(str::to_owned),
            disguised,
        };
        assert_eq!(claim(name), expected, "{name:?}");
    }

    #[test]
    fn names() {
        use Kind::{Archive, Document, Executable, Image, Script, Text};
        check("invoice.pdf", Some("pdf"), Some(Document), false);
        check("invoice.pdf.exe", Some("exe"), Some(Executable), true);
        check("INVOICE.PDF      .EXE", Some("exe"), Some(Executable), true);
        check("photo.jpg.vbs", Some("vbs"), Some(Script), true);
        check("setup.exe", Some("exe"), Some(Executable), false);
        check("setup.1.2.exe", Some("exe"), Some(Executable), false);
        check("setup.exe. . ..", Some("exe"), Some(Executable), false);
        check("setup.exe\u{a0}", Some("exe"), Some(Executable), false);
        check("\"setup.exe\"", Some("exe"), Some(Executable), false);
        check("..\\..\\Startup\\a.bat", Some("bat"), Some(Script), false);
        check("/tmp/a.txt", Some("txt"), Some(Text), false);
        check("a.exe::$DATA", Some("exe"), Some(Executable), false);
        check("invoice\u{202e}fdp.exe", Some("exe"), Some(Executable), true);
        check("\u{202e}x", None, None, true);
        check(
            "a.txt.{3050f4d8-98B5-11CF-BB82-00AA00BDCE0B}",
            Some("{3050f4d8-98b5-1"),
            Some(Executable),
            true,
        );
        check(
            "x.settingcontent-ms",
            Some("settingcontent-m"),
            Some(Executable),
            false,
        );
        check("disk.iso", Some("iso"), Some(Archive), false);
        check("archive.tar.gz", Some("gz"), Some(Archive), false);
        check("holiday.jpeg", Some("jpeg"), Some(Image), false);
        check("noname", None, None, false);
        check("", None, None, false);
        check("...", None, None, false);
        check(".exe", Some("exe"), Some(Executable), false);
        check("x.unheard-of", Some("unheard-of"), None, false);
        check("è.è", Some("è"), None, false);
    }

    #[test]
    fn no_extension_stands_twice() {
        let mut seen = std::collections::HashSet::new();
        for name in TABLE.iter().flat_map(|(_, names)| names.split(' ')) {
            assert!(!name.is_empty() && seen.insert(name), "{name}");
        }
    }
}
