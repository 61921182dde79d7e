//! Links of messages: what is odd about them, and how much honest hosts are mistaken.

use risk::{LinkFact, LinkFacts, LinkFlag, collect_links};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

fn flags_of(url: &str) -> Vec<LinkFlag> {
    let facts = collect_links(&[url], &[], &["acme-widgets.example.com", "verdiassociati.it"]);
    let first = facts.links.into_iter().next();
    first.unwrap_or_else(|| panic!("{url} is a link")).flags
}

fn like(of: &str) -> LinkFlag {
    LinkFlag::LookAlike { of: of.to_owned() }
}

#[test]
fn what_is_odd() {
    use LinkFlag::{
        FileShare, FreeHost, IpLiteral, MixedScript, OddPort, PercentHost, Punycode, Redirect, Shortener,
        Userinfo,
    };
    for (url, flags) in [
        ("https://www.example.org/a/b?c=d", vec![]),
        ("https://bit.ly/3xYzAbC", vec![Shortener]),
        ("https://bit.ly/", vec![]),
        ("https://bit.ly/pages/pricing", vec![]),
        ("https://x.short.gy/abc", vec![Shortener]),
        ("https://drive.google.com/file/d/1/view", vec![FileShare]),
        ("https://docs.google.com/forms/d/e/1/viewform", vec![FileShare]),
        ("https://www.dropbox.com/s/abc/x.pdf", vec![FileShare]),
        ("https://www.dropbox.com/features", vec![]),
        ("https://wetransfer.com/downloads/x", vec![FileShare]),
        ("https://nice-page.pages.dev/x", vec![FreeHost]),
        ("http://192.0.2.7/x", vec![IpLiteral]),
        ("http://0x7f.1/", vec![IpLiteral]),
        ("http://президент.рф/", vec![]),
        ("http://größe.example.com/", vec![Punycode]),
        ("http://user@www.example.org/", vec![Userinfo]),
        ("ftp://user:pass@www.example.org/", vec![]),
        ("http://www.example.org:31337/", vec![OddPort]),
        ("http://www.%65xample.org/", vec![PercentHost]),
        ("https://www.example.org/?u=https://example.net/", vec![Redirect]),
        (
            "http://раypal.com/",
            vec![Punycode, MixedScript, like("paypal.com")],
        ),
    ] {
        assert_eq!(flags_of(url), flags, "{url}");
    }
}

#[test]
fn look_alikes() {
    for (host, of) in [
        ("paypa1.com", "paypal.com"),
        ("paypai.com", "paypal.com"),
        ("rnicrosoft.com", "microsoft.com"),
        ("www.micr0soft.net", "microsoft.com"),
        ("www.xn--80ak6aa92e.com", "apple.com"),
        ("intesasanpaoIo.com", "intesasanpaolo.com"),
        ("lntesasanpaolo.com", "intesasanpaolo.com"),
        ("intesasanpalo.com", "intesasanpaolo.com"),
        ("poste-italiane-verifica.com", "posteitaliane.it"),
        ("verifica-paypal.top", "paypal.com"),
        ("verifica-poste.top", "poste.it"),
        ("paypal-login.web.app", "paypal.com"),
        ("paypal.web.app", "paypal.com"),
        ("paypallogin.com", "paypal.com"),
        ("secure-paypa1.com", "paypal.com"),
        ("www.paypal.com.evil-place.com", "paypal.com"),
        ("paypal.com-login.evil-place.com", "paypal.com"),
        ("sberbank-online.top", "sberbank.ru"),
        ("gosusluqi.ru", "gosuslugi.ru"),
        ("gosuslugi-vhod.ru", "gosuslugi.ru"),
        ("cбербанк.рф", "sberbank.ru"),
        ("verdiassociati-login.com", "verdiassociati.it"),
        ("verdiassoclati.com", "verdiassociati.it"),
        ("verdiassociatl.it", "verdiassociati.it"),
        ("verdiasociati.it", "verdiassociati.it"),
    ] {
        let flags = flags_of(&format!("http://{host}/x"));
        assert!(flags.contains(&like(of)), "{host}: {flags:?}");
    }
    for host in [
        "www.paypal.com",
        "paypal.de",
        "paypal-communication.com",
        "login.microsoftonline.com",
        "apple-pie.com",
        "orange-county.com",
        "posteria.it",
        "verdiassociati.it",
        "mail.verdiassociati.it",
        "verdiassociati.com",
        "paypal.mycompany.com",
        "google.github.io",
        "сбербанк.рф",
    ] {
        let flags = flags_of(&format!("http://{host}/x"));
        assert!(
            !flags
                .iter()
                .any(|flag| matches!(flag, LinkFlag::LookAlike { .. })),
            "{host}: {flags:?}"
        );
    }
}

#[test]
fn texts_unlike_their_targets() {
    let check = |target: &str, shown: &str, flag: Option<(&str, bool)>, text: &str| {
        let facts = collect_links(&[], &[(target, shown)], &[]);
        let link = &facts.links[0];
        let expected = flag.map(|(shown, brand)| LinkFlag::TextDiffers {
            shown: shown.to_owned(),
            brand,
        });
        let found = link
            .flags
            .iter()
            .find(|flag| matches!(flag, LinkFlag::TextDiffers { .. }));
        assert_eq!(
            (found, link.text.as_str()),
            (expected.as_ref(), text),
            "{target} {shown}"
        );
    };
    let evil = "http://evil-place.com/x";
    check(evil, "click here", None, "");
    check(evil, "", None, "");
    check(evil, "www.evil-place.com", None, "www.evil-place.com");
    check(evil, "https://evil-place.it/", None, "https://evil-place.it/");
    check(
        evil,
        "www.example.org",
        Some(("example.org", false)),
        "www.example.org",
    );
    check(
        evil,
        " https://www.paypal.com/login ",
        Some(("paypal.com", true)),
        "https://www.paypal.com/login",
    );
    check(
        evil,
        "Go to www.poste.it now",
        Some(("poste.it", true)),
        "Go to www.poste.it now",
    );
    check(evil, "ASP.NET basics", None, "");
    check(
        "http://evil-place.com/?u=http://example.org/",
        "www.example.org",
        None,
        "www.example.org",
    );
    check(
        "https://youtu.be/abc",
        "https://www.youtube.com/watch?v=abc",
        None,
        "https://www.youtube.com/watch?v=abc",
    );
    check(
        "http://192.0.2.1/",
        "www.paypal.com",
        Some(("paypal.com", true)),
        "www.paypal.com",
    );
    check(
        "javascript:location='http://evil-place.com/'",
        "www.paypal.com",
        Some(("paypal.com", true)),
        "www.paypal.com",
    );
}

#[test]
fn each_once_the_odd_ones_first() {
    let many: String = (0..3_000).map(|n| format!("http://h{n}.example.org/ ")).collect();
    let facts = collect_links(
        &[&many, "http://late.example.net/"],
        &[
            ("http://a.example.org/", "x"),
            ("http://a.example.org/", "x"),
            ("HTTP://A.example.org", "y"),
        ],
        &[],
    );
    assert_eq!((facts.links.len(), facts.found), (LinkFacts::LINKS_MAX, 2_000));
    let late = format!("{} http://paypa1.com/", "http://h.example.org/ ".repeat(500));
    let facts = collect_links(&[&late], &[], &[]);
    assert_eq!((facts.links.len(), facts.found), (2, 501));
    let busy: String = (0..500).map(|n| format!("http://h{n}.example.org/ ")).collect();
    let facts = collect_links(&[&busy, "http://paypa1.com/"], &[], &[]);
    assert_eq!(facts.links[0].host, "paypa1.com");
    let long = format!("http://example.org/{}", "я".repeat(5_000));
    assert!(collect_links(&[&long], &[], &[]).links[0].url.len() <= LinkFact::URL_OCTETS_MAX);
    let kept = serde_json::to_string(&facts).unwrap();
    assert_eq!(serde_json::from_str::<LinkFacts>(&kept).unwrap(), facts);
}

fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let named = std::env::var_os("DOGANA_DATA").map(PathBuf::from);
    named
        .into_iter()
        .chain([beside])
        .find(|path| path.join("lists/base_reverse_dns_map.csv").is_file())
}

/// Names of real networks and mail providers, nearly all honest, must not be taken for look-alikes. Without the lists at hand
/// (`DOGANA_DATA`) there is nothing to measure, and the output says so.
#[test]
fn honest_hosts_are_left_alone() {
    let Some(data) = data() else {
        eprintln!("no lists at hand: not measured");
        return;
    };
    let mut hosts: HashSet<String> = HashSet::new();
    for (file, column) in [
        ("base_reverse_dns_map.csv", 0),
        ("freemail-spamassassin.txt", 0),
        ("freemail-mailcom-spamassassin.txt", 0),
    ] {
        let text = std::fs::read_to_string(data.join("lists").join(file)).unwrap();
        let names = text.lines().filter_map(|line| line.split(',').nth(column));
        hosts.extend(names.map(|name| name.trim().trim_start_matches("*.").to_lowercase()));
    }
    // A quarter of them takes long enough without optimisation.
    let mut hosts: Vec<_> = hosts.into_iter().collect();
    hosts.sort();
    let (mut looked, mut alike) = (0, Vec::new());
    for host in hosts.into_iter().step_by(4) {
        let facts = collect_links(&[], &[(&format!("http://{host}/"), "")], &[]);
        let Some(link) = facts.links.first() else { continue };
        looked += 1;
        let flag = link.flags.iter().find_map(|flag| match flag {
            LinkFlag::LookAlike { of } => Some(format!("{host} looks like {of}")),
            _ => None,
        });
        alike.extend(flag);
    }
    alike.sort();
    eprintln!(
        "{} of {looked} hosts look like another name: {alike:#?}",
        alike.len()
    );
    assert!(alike.len() * 500 < looked, "{} of {looked}", alike.len());
}
