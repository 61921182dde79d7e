//! Links: found in texts, read as browsers read them, redirectors opened.

#![allow(clippy::too_many_lines, reason = "tables")]

use mail::link::{Link, find, unwrap};
use std::time::{Duration, Instant};

fn finds(text: &str, expected: &[&str]) {
    let found: Vec<_> = find(text, 100).into_iter().map(|found| found.raw).collect();
    assert_eq!(found, expected, "{text:?}");
}

#[test]
fn with_a_scheme() {
    for (text, link) in [
        ("see http://example.com today", "http://example.com"),
        ("see HTTPS://Example.COM/Path today", "HTTPS://Example.COM/Path"),
        ("(https://a.b/c_(d))", "https://a.b/c_(d)"),
        ("(https://a.b/c)", "https://a.b/c"),
        ("[https://a.b/c]", "https://a.b/c"),
        ("<https://a.b/c>", "https://a.b/c"),
        ("\"https://a.b/c\"", "https://a.b/c"),
        ("'https://a.b/c'", "https://a.b/c"),
        ("https://a.b/c.", "https://a.b/c"),
        ("https://a.b/c?d=e!", "https://a.b/c?d=e"),
        ("https://a.b/c...", "https://a.b/c"),
        ("«https://a.b/c»", "https://a.b/c"),
        ("“https://a.b/c”", "https://a.b/c"),
        ("Перейдите по ссылке:https://a.b/c", "https://a.b/c"),
        ("点击https://a.b/c，谢谢", "https://a.b/c"),
        ("@https://host.example", "https://host.example"),
        ("hxxp://evil.example/x", "hxxp://evil.example/x"),
        ("hxxps://evil[.]example/x", "hxxps://evil[.]example/x"),
        (r"http:\\host.example\x", r"http:\\host.example\x"),
        ("http:/host.example", "http:/host.example"),
        ("ftp://host.example/f", "ftp://host.example/f"),
        ("http://0x7f.1/", "http://0x7f.1/"),
        ("http://[2001:db8::1]:8080/x", "http://[2001:db8::1]:8080/x"),
        (
            "http://paypal.com@evil.example/",
            "http://paypal.com@evil.example/",
        ),
        (
            "http://ex\u{ad}am\u{200b}ple.com/\u{2060}a",
            "http://example.com/a",
        ),
        ("http:\u{200b}//example.com", "http://example.com"),
        ("http://президент.рф/дом", "http://президент.рф/дом"),
        ("http://a.b/?x=(1)&y=2),", "http://a.b/?x=(1)&y=2"),
        ("http://intranet/x", "http://intranet/x"),
    ] {
        finds(text, &[link]);
    }
    finds(
        "[http://shown.example](http://evil.example/x)",
        &["http://shown.example", "http://evil.example/x"],
    );
    finds(
        "http://a.b\nhttp://c.d\thttp://e.f",
        &["http://a.b", "http://c.d", "http://e.f"],
    );
    finds("http:// and https:///, ://x, http:x", &[]);
}

#[test]
fn without_a_scheme() {
    for (text, link) in [
        ("go to www.example.com now", "www.example.com"),
        ("go to www.example.com.", "www.example.com"),
        ("example.com/path?x=1", "example.com/path?x=1"),
        ("see example.com.", "example.com"),
        ("see example.co.uk, please", "example.co.uk"),
        ("Sito:www.poste.it", "www.poste.it"),
        ("WWW.EXAMPLE.IT", "WWW.EXAMPLE.IT"),
        ("example.com:8080/x", "example.com:8080/x"),
        ("https.example.com", "https.example.com"),
        ("зайдите на почта.рф.", "почта.рф"),
        ("bit.ly/3xYz", "bit.ly/3xYz"),
        ("my.site.md/page", "my.site.md/page"),
        ("(example.org)", "example.org"),
        ("paypa\u{200b}l.com", "paypal.com"),
    ] {
        finds(text, &[link]);
    }
    for text in [
        "Conf.pm, readme.md and main.rs, archive.zip, run.sh, lib.so",
        "e.g. this, i.e. that, U.S.A., a.m. p.m.",
        "Node.js and jQuery.min.js",
        "john.smith@example.com, <mailto:a@example.org>",
        "john@mail.example.com/home",
        "src/example.com and C:\\example.com",
        "Finished.It was late. Grazie.In fede",
        "и т.д., т.е. в 2002 г.; стр.12",
        "3.14, 1.2.3.4, 10.000,00 v2.0.1",
        "foo.bar() x.name=1 $a.com",
        "...com .. . .net",
        "server.local x.invalid",
        "com it co.uk",
    ] {
        finds(text, &[]);
    }
}

#[test]
fn no_more_than_asked() {
    let text = "http://a.b ".repeat(50);
    assert_eq!(find(&text, 7).len(), 7);
    assert_eq!(find(&text, 0).len(), 0);
}

fn reads(raw: &str, whole: &str, check: impl Fn(&Link) -> bool) {
    let link = Link::parse(raw).unwrap_or_else(|| panic!("{raw:?} is a link"));
    assert_eq!(link.whole(), whole, "{raw:?}");
    assert!(check(&link), "{raw:?}: {link:?}");
}

#[test]
fn read_as_browsers_do() {
    let plain = |link: &Link| link.oddities == Default::default();
    let domain = |wanted: &'static str| move |link: &Link| link.domain.as_deref() == Some(wanted);
    let address = |wanted: &'static str| move |link: &Link| link.address == wanted.parse().ok();
    reads("HTTP://WWW.Example.COM", "http://www.example.com/", plain);
    reads(
        " \n www.example.com/a b ",
        "http://www.example.com/a%20b",
        domain("example.com"),
    );
    reads("ht\ntp://exa\tmple.co\r\nm/x", "http://example.com/x", plain);
    reads(r"http:\\example.com\x", "http://example.com/x", plain);
    reads("http:/example.com", "http://example.com/", plain);
    reads("//example.com/x", "http://example.com/x", plain);
    reads(
        "hxxps://evil[.]example[.]com/x",
        "https://evil.example.com/x",
        domain("example.com"),
    );
    reads("https://example.com:443/", "https://example.com/", plain);
    reads("https://example.com:8443/", "https://example.com:8443/", plain);
    reads("http://example.com:31337/", "http://example.com:31337/", |link| {
        link.oddities.odd_port
    });
    reads("http://example.com./", "http://example.com/", plain);
    reads("http://0x7f.1/", "http://127.0.0.1/", address("127.0.0.1"));
    reads("http://2130706433/", "http://127.0.0.1/", address("127.0.0.1"));
    reads(
        "http://0300.0250.0.1/",
        "http://192.168.0.1/",
        address("192.168.0.1"),
    );
    reads(
        "http://[::ffff:192.0.2.1]/",
        "http://[::ffff:c000:201]/",
        address("192.0.2.1"),
    );
    reads(
        "http://[2001:db8::1]/",
        "http://[2001:db8::1]/",
        address("2001:db8::1"),
    );
    reads("http://①②⑦.0.0.1/", "http://127.0.0.1/", address("127.0.0.1"));
    reads("http://%65vil.example.com/", "http://evil.example.com/", |link| {
        link.oddities.percent_host
    });
    reads("http://paypal.com@example.com/", "http://example.com/", |link| {
        link.oddities.userinfo
    });
    reads(
        "http://paypal.com%2f@example.com/",
        "http://example.com/",
        |link| link.oddities.userinfo,
    );
    reads(
        r"http://example.com\@paypal.com/",
        "http://example.com/@paypal.com/",
        plain,
    );
    reads(
        "http://exa。mple．com/",
        "http://exa.mple.com/",
        domain("mple.com"),
    );
    reads("http://exam\u{ad}ple.com/", "http://example.com/", plain);
    reads(
        "http://президент.рф/",
        "http://xn--d1abbgf6aiiy.xn--p1ai/",
        |link| {
            link.oddities.punycode && !link.oddities.mixed_script && link.shown() == "http://президент.рф/"
        },
    );
    reads("http://раypal.com/", "http://xn--ypal-43d9g.com/", |link| {
        link.oddities.mixed_script && link.shown() == link.whole()
    });
    reads(
        "http://xn--ypal-43d9g.com/",
        "http://xn--ypal-43d9g.com/",
        |link| link.oddities.mixed_script,
    );
    reads(
        "http://a_b.example.com/x?y#z",
        "http://a_b.example.com/x?y",
        |link| link.fragment == "z",
    );
    reads("http://intranet/", "http://intranet/", |link| {
        link.domain.is_none()
    });
    let padded = format!("http://{}@example.com/", "a".repeat(100_000));
    reads(&padded, "http://example.com/", |link| link.oddities.userinfo);
}

#[test]
fn no_links() {
    for raw in [
        "",
        "http://",
        "http:///",
        "mailto:a@example.com",
        "javascript:alert(1)",
        "data:text/html,x",
        "cid:1@example.com",
        "#top",
        "?x=1",
        "/path",
        "page.html",
        "tel:+390000",
        "x",
        "http://exa mple.com/",
        "http://a..b/",
        "http://<>/",
        "//",
        "about:blank",
        "C:\\x.com",
        "http://[::1/",
        "http://999999999999/",
        "http://:80/",
        "a.b:c",
    ] {
        assert_eq!(Link::parse(raw), None, "{raw:?}");
    }
    assert_eq!(Link::parse(&format!("http://{}.com/", "a".repeat(2_000))), None);
    assert_eq!(Link::parse(&format!("http://{}com/", "a.".repeat(150))), None);
}

#[test]
fn redirectors_that_say_where() {
    let cases = [
        (
            "https://www.google.com/url?q=https://evil.example.com/x&sa=D",
            "https://evil.example.com/x",
        ),
        (
            "https://www.google.it/url?sa=t&url=http%3A%2F%2Fevil.example.com%2F",
            "http://evil.example.com/",
        ),
        (
            "https://nam02.safelinks.protection.outlook.com/?url=https%3A%2F%2Fevil.example.com%2Fa&data=x",
            "https://evil.example.com/a",
        ),
        (
            "https://l.facebook.com/l.php?u=https%3A%2F%2Fevil.example.com%2F&h=AT0",
            "https://evil.example.com/",
        ),
        (
            "https://t.umblr.com/redirect?z=https%3A%2F%2Fevil.example.com&t=x",
            "https://evil.example.com/",
        ),
        (
            "https://www.youtube.com/redirect?event=x&q=https%3A%2F%2Fevil.example.com",
            "https://evil.example.com/",
        ),
        (
            "https://www.bing.com/ck/a?!&&p=1&u=a1aHR0cHM6Ly9ldmlsLmV4YW1wbGUuY29tLw&ntb=1",
            "https://evil.example.com/",
        ),
        (
            "https://urldefense.proofpoint.com/v2/url?u=http-3A__evil.example.com_x&d=y",
            "http://evil.example.com/x",
        ),
        (
            "https://urldefense.com/v3/__https://evil.example.com/a*b__;Iw!!x!y$",
            "https://evil.example.com/a",
        ),
        (
            "https://duckduckgo.com/l/?uddg=https%3A%2F%2Fevil.example.com%2F",
            "https://evil.example.com/",
        ),
        (
            "https://any.example.org/r?go=http://evil.example.com/",
            "http://evil.example.com/",
        ),
        (
            "https://any.example.org/r?go=http%253A%252F%252Fevil.example.com%252F",
            "http://evil.example.com/",
        ),
        (
            "https://any.example.org/r?go=aHR0cHM6Ly9ldmlsLmV4YW1wbGUuY29tLw==",
            "https://evil.example.com/",
        ),
        (
            "https://any.example.org/http://evil.example.com/y",
            "http://evil.example.com/y",
        ),
        (
            "https://any.example.org/r*http://evil.example.com/y",
            "http://evil.example.com/y",
        ),
        (
            "https://any.example.org/r?http://evil.example.com/y",
            "http://evil.example.com/y",
        ),
        (
            "https://any.example.org/r#https://evil.example.com/y",
            "https://evil.example.com/y",
        ),
        (
            "https://any.example.org/r#u=https://evil.example.com/y",
            "https://evil.example.com/y",
        ),
    ];
    for (raw, target) in cases {
        let link = Link::parse(raw).unwrap();
        let found: Vec<_> = unwrap(&link, 5).iter().map(Link::whole).collect();
        assert_eq!(found, [target], "{raw}");
    }
    for raw in [
        "https://example.com/path?name=value&x=some.host.name",
        "https://example.com/?id=aHR0",
        "https://example.com/https/http",
        "https://example.com/a?next=/login",
    ] {
        assert_eq!(unwrap(&Link::parse(raw).unwrap(), 5), [], "{raw}");
    }
}

#[test]
fn chains_end() {
    let chain = "https://a.example.com/?u=https%3A%2F%2Fb.example.com%2F%3Fu%3Dhttps%253A%252F%252Fc.example.com%252F";
    let link = Link::parse(chain).unwrap();
    let hosts: Vec<_> = unwrap(&link, 5).into_iter().map(|link| link.host).collect();
    assert_eq!(hosts, ["b.example.com", "c.example.com"]);
    assert_eq!(unwrap(&link, 1).len(), 1);
    assert_eq!(unwrap(&link, 0).len(), 0);
    let many = Link::parse(&format!("http://a.b/?{}", "u=http://c.d/%25&".repeat(500))).unwrap();
    assert!(unwrap(&many, 5).len() <= 20);
}

/// Linear work on these takes well below a second without optimisation; looking again at what was looked at would take minutes.
#[test]
fn linear() {
    let pieces = [
        "http://",
        "a.a.a.",
        "http://a.b ",
        "www.",
        "://",
        ".com",
        "a.com.-.",
        "((((",
        "http://a.b/))))",
        "[.]",
        "%68ttp:",
        "http://a.b/?u=",
        "\u{200b}.",
        "a:b.",
        "é.",
        "http://[",
        "xn--",
        "。",
    ];
    for piece in pieces {
        let text = piece.repeat(200_000 / piece.len());
        let start = Instant::now();
        for found in find(&text, 2_000) {
            if let Some(link) = Link::parse(&found.raw) {
                unwrap(&link, 5);
            }
        }
        let took = start.elapsed();
        assert!(took < Duration::from_secs(10), "{piece:?}: {took:?}");
    }
}
