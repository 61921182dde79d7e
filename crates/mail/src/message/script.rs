//! Files of text: what a system would run, markup, messages, and plain text.
//!
//! Promises: looks at [`TEXT_OCTETS_MAX`] octets at most, linear, no panic. Trusts nothing. Standards: none.
//!
//! Decision: a text is a script when it begins as one (`#!`, `<script`, `@echo off`, a registry file, a shortcut) or when two
//! different words of one scripting language stand in it that prose does not have.

use super::charset;
use super::kind::Kind;
use super::magic::Found;

/// Octets of the text that are looked at.
const TEXT_OCTETS_MAX: usize = 16 << 10;

/// By text; none when the content is none.
pub fn text(content: &[u8]) -> Option<Found> {
    let look = &content[..content.len().min(TEXT_OCTETS_MAX)];
    let text = readable(look)?.to_ascii_lowercase();
    let start = text.trim_start();
    let begins = |list: &[&str]| list.iter().any(|word| start.starts_with(word));
    if let Some((_, found)) = BEGINNINGS.iter().find(|(word, _)| start.starts_with(word)) {
        return Some(*found);
    }
    if start.starts_with('<') {
        return Some(markup(start));
    }
    if is_message(start) {
        return Some((Kind::Message, "message/rfc822"));
    }
    if begins(&["begin:vcard"]) {
        return Some((Kind::Text, "text/vcard"));
    }
    if begins(&["begin:vcalendar"]) {
        return Some((Kind::Text, "text/calendar"));
    }
    let language = LANGUAGES
        .iter()
        .find(|(_, words)| words.iter().filter(|word| text.contains(**word)).count() >= 2);
    Some(language.map_or((Kind::Text, "text/plain"), |(mime, _)| (Kind::Script, *mime)))
}

/// The text as UTF-8, if it is text.
fn readable(content: &[u8]) -> Option<String> {
    if content.is_empty() {
        return None;
    }
    if content.starts_with(b"\xff\xfe") || content.starts_with(b"\xfe\xff") {
        return Some(charset::decode(Some("utf-16"), content).0);
    }
    let control = |b: &u8| *b < b' ' && !matches!(b, b'\t' | b'\r' | b'\n' | 0x0c | 0x08 | 0x1b | 0x1a);
    if content.iter().any(control) {
        return None;
    }
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    Some(charset::decode(None, content).0)
}

/// What a text begins with, in lower case, and what it is then.
const BEGINNINGS: [(&str, Found); 12] = [
    ("#!", (Kind::Script, "text/x-shellscript")),
    ("<script", (Kind::Script, "text/javascript")),
    ("<job", (Kind::Script, "text/x-wsf")),
    ("<package", (Kind::Script, "text/x-wsf")),
    ("<scriptlet", (Kind::Script, "text/scriptlet")),
    ("<component", (Kind::Script, "text/scriptlet")),
    ("<?php", (Kind::Script, "application/x-php")),
    ("<%", (Kind::Script, "text/asp")),
    ("@echo off", (Kind::Script, "application/x-bat")),
    (
        "windows registry editor version",
        (Kind::Script, "text/x-ms-regedit"),
    ),
    ("regedit4", (Kind::Script, "text/x-ms-regedit")),
    ("[internetshortcut]", (Kind::Script, "application/x-mswinurl")),
];

/// Words of scripting languages, in lower case.
const LANGUAGES: [(&str, &[&str]); 4] = [
    (
        "text/vbscript",
        &[
            "createobject(",
            "wscript.",
            "on error resume next",
            "end function",
            "end sub",
            "execute(",
            "executeglobal",
            "chr(",
            "getobject(",
            "scripting.filesystemobject",
            ".shellexecute",
        ],
    ),
    (
        "text/javascript",
        &[
            "activexobject(",
            "wscript.",
            "eval(",
            "unescape(",
            "fromcharcode(",
            "function(",
            "document.write",
            "new function",
            "atob(",
            ".charcodeat(",
            "=>{",
        ],
    ),
    (
        "text/x-powershell",
        &[
            "$env:",
            "new-object ",
            "invoke-expression",
            "invoke-webrequest",
            "-encodedcommand",
            "frombase64string(",
            "downloadstring(",
            "downloadfile(",
            "start-process",
            "set-executionpolicy",
            "write-host",
            "add-type ",
            "| iex",
            "[system.",
            "-windowstyle hidden",
        ],
    ),
    (
        "application/x-bat",
        &[
            "%~dp0",
            "@echo",
            "setlocal",
            "goto :eof",
            "%comspec%",
            "cmd /c",
            "powershell -",
            "reg add ",
            "schtasks ",
            "certutil ",
            "bitsadmin ",
        ],
    ),
];

/// HTML, SVG, XML; a Windows script host file or an HTML application is a script in disguise.
fn markup(text: &str) -> Found {
    if text.contains("<hta:application") {
        return (Kind::Script, "application/hta");
    }
    let body = text
        .strip_prefix("<?xml")
        .and_then(|rest| rest.split_once('>'))
        .map_or(text, |(_, rest)| rest.trim_start());
    if ["<job", "<package", "<scriptlet", "<component"]
        .iter()
        .any(|word| body.starts_with(word))
        && text.contains("<script")
    {
        return (Kind::Script, "text/x-wsf");
    }
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&["<svg"]) && !has(&["<html", "<body"]) {
        (Kind::Markup, "image/svg+xml")
    } else if has(&[
        "<!doctype html",
        "<html",
        "<head",
        "<body",
        "<div",
        "<p>",
        "<br",
        "<table",
        "<a ",
        "<meta",
        "<script",
        "<!--",
    ]) {
        (Kind::Markup, "text/html")
    } else if text.starts_with("<?xml") || text.starts_with("<!doctype") {
        (Kind::Markup, "text/xml")
    } else {
        (Kind::Text, "text/plain")
    }
}

/// A message begins with fields, three of them well known.
fn is_message(text: &str) -> bool {
    const FIELDS: [&str; 9] = [
        "from:",
        "to:",
        "subject:",
        "date:",
        "received:",
        "message-id:",
        "return-path:",
        "mime-version:",
        "delivered-to:",
    ];
    let mut known = 0;
    for line in text.lines().take(64) {
        if line.is_empty() || known >= 3 {
            break;
        }
        let folded = line.starts_with([' ', '\t']);
        let name = line.split(':').next().unwrap_or(line);
        if !folded && (name.len() == line.len() || name.contains(' ')) {
            return false;
        }
        known += usize::from(FIELDS.iter().any(|field| line.starts_with(field)));
    }
    known >= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &[u8], expected: Option<Found>) {
        assert_eq!(text(content), expected, "{}", String::from_utf8_lossy(content));
    }

    #[test]
    fn scripts() {
        check(
            b"#!/bin/sh\nrm -rf /\n",
            Some((Kind::Script, "text/x-shellscript")),
        );
        check(
            b" \r\n<script>x()</script>",
            Some((Kind::Script, "text/javascript")),
        );
        check(
            b"<job id=\"a\"><script language=\"JScript\">",
            Some((Kind::Script, "text/x-wsf")),
        );
        check(
            b"<?xml version=\"1.0\"?>\n<package><job><script>",
            Some((Kind::Script, "text/x-wsf")),
        );
        check(
            b"<html><hta:application id=a>",
            Some((Kind::Script, "application/hta")),
        );
        check(b"@ECHO OFF\r\ndel x", Some((Kind::Script, "application/x-bat")));
        check(
            b"Set s = CreateObject(\"WScript.Shell\")\r\n",
            Some((Kind::Script, "text/vbscript")),
        );
        check(
            b"var a=new ActiveXObject('x');eval(a)",
            Some((Kind::Script, "text/javascript")),
        );
        check(
            b"iex (New-Object Net.WebClient).DownloadString('h')",
            Some((Kind::Script, "text/x-powershell")),
        );
        check(b"\xff\xfeW\0i\0n\0d\0o\0w\0s\0 \0R\0e\0g\0i\0s\0t\0r\0y\0 \0E\0d\0i\0t\0o\0r\0 \0V\0e\0r\0s\0i\0o\0n\0", Some((Kind::Script, "text/x-ms-regedit")));
        check(
            b"[InternetShortcut]\r\nURL=file://x",
            Some((Kind::Script, "application/x-mswinurl")),
        );
        check(
            b"<?php system($_GET['c']);",
            Some((Kind::Script, "application/x-php")),
        );
    }

    #[test]
    fn markup_and_text() {
        check(
            b"\xef\xbb\xbf<!DOCTYPE html><p>",
            Some((Kind::Markup, "text/html")),
        );
        check(b"<html><script>x</script>", Some((Kind::Markup, "text/html")));
        check(
            b"<?xml version=\"1.0\"?><svg><script>",
            Some((Kind::Markup, "image/svg+xml")),
        );
        check(
            b"<?xml version=\"1.0\"?><feed/>",
            Some((Kind::Markup, "text/xml")),
        );
        check(b"<3 this text", Some((Kind::Text, "text/plain")));
        check(
            b"Dear all,\r\nplease evaluate (see below).\r\n",
            Some((Kind::Text, "text/plain")),
        );
        check("Größe\n".as_bytes(), Some((Kind::Text, "text/plain")));
        check(b"BEGIN:VCARD\r\n", Some((Kind::Text, "text/vcard")));
        check(
            b"Received: x\r\n y\r\nFrom: a\r\nTo: b\r\n\r\nhi",
            Some((Kind::Message, "message/rfc822")),
        );
        check(b"From: the desk\r\nwe say\r\n", Some((Kind::Text, "text/plain")));
        check(b"", None);
        check(b"\0\x01", None);
    }
}
