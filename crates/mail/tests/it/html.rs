//! HTML: beside a tokenizer that passes the standard's own tests, on markup soup and on real messages; bounded in time.

use html5gum::emitters::default::{DefaultEmitter, Token};
use html5gum::{StringReader, Tokenizer};
use mail::message::html::{AnchorKind, HtmlLimits, Page, read};
use mail::message::{Limits, Parts};
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Generous: a debug build on a busy machine. What is quadratic takes minutes.
const TIME_MAX: Duration = Duration::from_secs(5);

fn page(html: &str) -> Page {
    let start = Instant::now();
    let page = read(html, &HtmlLimits::default());
    assert!(
        start.elapsed() < TIME_MAX,
        "{:?} for {} octets",
        start.elapsed(),
        html.len()
    );
    page
}

/// Links in `<a>` and `<area>`, and all text outside of what is never shown, without white space.
fn reference(html: &str) -> (Vec<String>, String) {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let (mut links, mut text, mut raw) = (Vec::new(), String::new(), None);
    let tokenizer: Tokenizer<StringReader<'_>, _> = Tokenizer::new_with_emitter(html, emitter);
    for token in tokenizer.flatten() {
        match token {
            Token::StartTag(tag) => {
                let name = String::from_utf8_lossy(&tag.name).into_owned();
                if let Some(href) = tag
                    .attributes
                    .get(&b"href"[..])
                    .filter(|_| name == "a" || name == "area")
                {
                    let href = String::from_utf8_lossy(href).replace(['\n', '\r', '\t'], "");
                    links.push(href.trim_matches(|c: char| c <= ' ').to_owned());
                }
                raw = ["title", "style", "script", "iframe", "noembed", "noframes"]
                    .contains(&name.as_str())
                    .then_some(name);
            }
            Token::EndTag(tag) if raw.as_deref().is_some_and(|raw| raw.as_bytes() == &*tag.name.0) => {
                raw = None
            }
            Token::String(string) if raw.is_none() => text += &String::from_utf8_lossy(&string),
            _ => {}
        }
    }
    (links, bare(&text))
}

fn bare(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && !c.is_ascii_control())
        .collect()
}

fn check_beside_reference(html: &str) {
    let found = page(html);
    let (links, text) = reference(html);
    let found_links: Vec<_> = found
        .anchors
        .iter()
        .filter(|anchor| matches!(anchor.kind, AnchorKind::Link | AnchorKind::Area))
        .map(|anchor| anchor.target.clone())
        .collect();
    assert_eq!(found_links, links, "{html}");
    assert_eq!(bare(&found.text), text, "{html}");
}

/// Pieces of markup, whole and broken. Nothing that hides text, no script with a comment in it.
const PIECES: [&str; 64] = [
    "<",
    ">",
    "</",
    "/>",
    "<!",
    "<!-",
    "<!--",
    "--",
    "-->",
    "--!>",
    "<!-->",
    "<?",
    "]]>",
    "<![CDATA[",
    "<!doctype html>",
    "\"",
    "'",
    "=",
    "/",
    " ",
    "\n",
    "\r\n",
    "\t",
    "&",
    ";",
    "&amp;",
    "&lt",
    "&notit;",
    "&eacute",
    "&#65;",
    "&#x42",
    "&#",
    "&#x;",
    "&copy=",
    "&#128;",
    "&#0;",
    "a",
    "text",
    "é",
    "<a",
    "<a href=",
    "<a href='x?a&amp=b&copy;'>",
    "<A HREF=\"y\">",
    " href=z",
    "</a>",
    "<area href=q>",
    "<b>",
    "</b>",
    "<p>",
    "</p x='>'>",
    "<table>",
    "<td>",
    "<tr>",
    "</table>",
    "<div",
    "<br/>",
    "<title>",
    "</title>",
    "<style>",
    "</style",
    "<textarea>",
    "</textarea>",
    "<x-y a>",
    "<plaintex>",
];

proptest! {
    #[test]
    fn markup_soup(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40)) {
        check_beside_reference(&pieces.concat());
    }

    #[test]
    fn any_text(html in "\\PC{0,200}") {
        page(&html);
    }
}

#[test]
fn huge() {
    let check = |start: &str, piece: &str, count: usize, end: &str| {
        page(&format!("{start}{}{end}", piece.repeat(count)));
    };
    check("", "<div>", 60_000, "x");
    check("", "<b>", 60_000, "x");
    check("", "<b><i><u><p>", 60_000, "x");
    check("", "<b><div>", 60_000, &"</b>".repeat(60_000));
    check("", "<table><tr><td><font color=red>", 20_000, "x");
    check("", "<p><span></p>", 60_000, "x");
    check("", "<a href=x>", 60_000, "x");
    check("", "&CounterClockwiseContourIntegra;", 60_000, "");
    check("", "&amp", 60_000, "");
    check("&#", "9", 500_000, ";");
    check("<a href='", "x&", 250_000, "'>y</a>");
    check("<a ", "x=1 ", 120_000, ">y</a>");
    check("<a class='", "x ", 250_000, "'>y</a>");
    check("<style>.x{color:red}</style><a class='", "x ", 250_000, "'>y</a>");
    check("<a style='", "color:red;", 50_000, "'>y</a>");
    check("<style>", "a{", 250_000, "");
    check("<style>", "a,", 250_000, "{color:red}");
    check("<style>", "a{color:red}", 50_000, "</style><a>");
    check("<style>a{color:", "(", 500_000, "}</style>");
    check("<style>", "a{color:red}</style><style>", 10_000, "");
    check("<!--", "-", 500_000, "");
    check("<!--", "<!--", 200_000, "");
    check("<!--[if", "]><!--[if", 100_000, "");
    check("", "<!--[if x]><a href=x><![endif]-->", 20_000, "");
    check("<title>", "</", 250_000, "");
    check("", "<", 500_000, "");
    check("", "\0", 500_000, "");
    check("", "<svg><path/>", 50_000, "");
    check("<div style='text-indent:-999px'>", "<br>", 60_000, "");
}

fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let named = std::env::var_os("DOGANA_DATA").map(PathBuf::from);
    let mut places = named.into_iter().chain([beside]);
    places.find(|path| path.join("hostile/hostile.tar.zst").is_file())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut waiting) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(path) = waiting.pop() {
        match std::fs::read_dir(&path) {
            Ok(entries) => waiting.extend(entries.map(|entry| entry.unwrap().path())),
            Err(_) => found.push(path),
        }
    }
    found
}

/// With the corpora at hand (`DOGANA_DATA`, or `../shared/data` beside the checkout) real mail and the hostile collection,
/// without them the samples of this repository.
#[test]
fn real_messages() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scratch = tempfile::tempdir().unwrap();
    let mut folders = vec![root.join("../../samples"), root.join("tests/it/vectors")];
    if let Some(data) = data() {
        for archive in ["hostile/hostile", "corpora/spamassassin"] {
            let script = "zstd -dc --long=27 \"$0\" | tar x -C \"$1\"";
            let archive = data.join(archive).with_extension("tar.zst");
            let done = Command::new("sh")
                .args(["-c", script])
                .arg(&archive)
                .arg(scratch.path())
                .status()
                .unwrap();
            assert!(done.success(), "{}", archive.display());
        }
        folders.push(scratch.path().to_owned());
    }
    let (mut pages, mut links) = (0, 0);
    for path in folders.iter().flat_map(|folder| files(folder)) {
        let raw = std::fs::read(&path).unwrap();
        for part in Parts::walk(&raw, &Limits::default())
            .parts
            .iter()
            .filter(|part| part.content_type == "text/html")
        {
            let html = part.text(1 << 20);
            let found = page(&html);
            // Read in another way on purpose: comments in scripts, conditional comments, what stands where scripts do not run.
            let others = ["[if", "<noscript", "<NOSCRIPT"]
                .iter()
                .any(|word| html.contains(word));
            let read_otherwise = html.contains("<!--") && found.scripts > 0;
            if !(found.bounded || others || read_otherwise) {
                let shown = found
                    .anchors
                    .iter()
                    .filter(|a| matches!(a.kind, AnchorKind::Link | AnchorKind::Area));
                assert_eq!(shown.count(), reference(&html).0.len(), "{}", path.display());
            }
            pages += 1;
            links += found.anchors.len();
        }
    }
    println!("{pages} pages, {links} links");
    assert!(pages > 0);
}
