//! Blocklists by DNS: a real rbldnsd, name servers that misbehave, and lists that do.

mod server;

use e2e::neighbours::rbldnsd::{Dataset, Rbldnsd};
use ingress::lists::{ListSettings, Lists, ListsSettings};
use net::{DnsError, DnsTable, Resolver};
use risk::{LinkFacts, ListKind, collect_links};
use server::Server;
use std::net::Ipv4Addr;
use std::time::Duration;

/// Long enough for a busy machine.
const PATIENT: Duration = Duration::from_secs(30);

const DOMAINS: &str =
    ":127.0.1.2:spam\ntest\n.evil-place.com :127.0.1.4:phish\nodd-place.com :127.0.1.99:?\n";
const ADDRESSES: &str = ":127.0.0.2:bad\n127.0.0.2\n203.0.113.66\n";

fn domains(name: &str, zone: &str) -> ListSettings {
    ListSettings::new(name, zone, ListKind::Domain)
        .answer("127.0.1.2", "spam")
        .and_then(|list| list.answer("127.0.1.4-127.0.1.6", "phishing"))
        .unwrap()
}

fn lists(lists: Vec<ListSettings>, deadline: Duration, resolver: Resolver) -> Lists {
    let settings = ListsSettings {
        lists,
        deadline,
        ..ListsSettings::default()
    };
    Lists::new(settings, resolver)
}

/// A fake whose only list answers so: what is missing in it is not listed.
fn table(rows: &[(&str, Result<&str, DnsError>)]) -> Resolver {
    let answer = |row: &Result<&str, DnsError>| match row {
        Ok(address) => Ok(vec![address.parse::<Ipv4Addr>().unwrap()]),
        Err(error) => Err(error.clone()),
    };
    Resolver::table(DnsTable {
        a: rows
            .iter()
            .map(|(name, row)| ((*name).to_owned(), answer(row)))
            .collect(),
        ..DnsTable::default()
    })
}

async fn ask(lists: &Lists, text: &str) -> LinkFacts {
    let mut facts = collect_links(&[text], &[], &[]);
    lists.ask(&mut facts, |domain| domain == "own-place.com").await;
    facts
}

/// Each link's host with list and meaning.
fn hits(facts: &LinkFacts) -> Vec<String> {
    let each = facts.links.iter().flat_map(|link| {
        link.lists
            .iter()
            .map(|hit| format!("{} {} {}", link.host, hit.list, hit.meaning))
    });
    each.collect()
}

#[tokio::test]
async fn a_real_list() {
    let zones = [
        ("dbl.test", Dataset::Dnset, DOMAINS),
        ("ip.test", Dataset::Ip4set, ADDRESSES),
        ("all.test", Dataset::Dnset, ":127.0.1.2:x\ntest\ninvalid\n.com\n"),
    ];
    let server = Rbldnsd::start(&zones).unwrap();
    let resolver = Resolver::system(&[server.address], Duration::from_secs(5)).unwrap();
    let addresses = ListSettings::new("ip", "ip.test", ListKind::Address)
        .answer("127.0.0.2", "bad")
        .unwrap();
    let all = vec![
        domains("dbl", "dbl.test"),
        addresses,
        domains("all", "all.test"),
        domains("gone", "not-served.test"),
    ];
    let lists = lists(all, PATIENT, resolver);
    lists.test().await;
    let down: Vec<_> = lists.down();
    let [all, gone] = down.as_slice() else {
        panic!("{down:?}")
    };
    assert_eq!(
        (all.0.as_str(), all.1.as_str()),
        ("all", "test point INVALID is listed: the list answers everything")
    );
    // rbldnsd refuses questions for zones that it does not serve: that is no "not listed".
    assert!(
        gone.0 == "gone" && gone.1.starts_with("test point TEST: "),
        "{gone:?}"
    );
    let text = "http://www.evil-place.com/x http://good-place.com http://203.0.113.66/ http://203.0.113.67/ \
                http://odd-place.com/ http://192.168.1.1/";
    let facts = ask(&lists, text).await;
    assert_eq!(
        hits(&facts),
        ["www.evil-place.com dbl phishing", "203.0.113.66 ip bad"]
    );
    let told = |part: &str| facts.uncertain.iter().any(|text| text.contains(part));
    assert!(
        told("dbl: 127.0.1.99 is not among the documented answers"),
        "{facts:?}"
    );
    assert!(
        told("all: off, test point INVALID") && told("gone: off"),
        "{facts:?}"
    );
    assert_eq!(facts.uncertain.len(), 3, "{facts:?}");
}

/// A list that answers so says nothing, and is off from then on, with advice.
async fn off(rows: &[(&str, Result<&str, DnsError>)], why: &str) {
    let lists = lists(vec![domains("dbl", "dbl.test")], PATIENT, table(rows));
    let first = ask(&lists, "http://evil-place.com/").await;
    let second = ask(&lists, "http://other-place.com/").await;
    assert_eq!(hits(&first).len() + hits(&second).len(), 0, "{rows:?}");
    assert!(second.uncertain[0].contains(why), "{:?}", second.uncertain);
    assert!(lists.down()[0].1.contains(why), "{:?}", lists.down());
}

#[tokio::test]
async fn lists_that_are_not_believed() {
    let (test, evil) = ("TEST.dbl.test", "evil-place.com.dbl.test");
    let refused = "it does not answer this resolver (127.255.255.254): use an own resolver, or a key";
    off(&[("*", Ok("127.255.255.254"))], refused).await;
    off(&[(test, Ok("127.0.1.2")), (evil, Ok("127.255.255.254"))], refused).await;
    off(
        &[(test, Ok("127.0.1.2")), (evil, Ok("127.0.1.255"))],
        "(127.0.1.255)",
    )
    .await;
    off(
        &[(test, Ok("127.0.1.2")), (evil, Ok("203.0.113.1"))],
        "the zone has expired",
    )
    .await;
    off(&[("*", Ok("127.0.1.2"))], "the list answers everything").await;
    off(&[(evil, Ok("127.0.1.2"))], "TEST is not listed").await;
    let failed = || Err(DnsError::Temporary("SERVFAIL".into()));
    off(&[("*", failed())], "SERVFAIL").await;
}

/// Time goes on by so much. It stands still for that moment only: name servers answer in true time.
async fn later(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn tested_again_every_hour_and_sooner_while_it_is_off() {
    let server = Server::start();
    let resolver = Resolver::system(&[server.address], Duration::from_secs(600)).unwrap();
    let lists = lists(
        vec![domains("dbl", "dbl.test")],
        Duration::from_secs(600),
        resolver,
    );
    server.answer("test.dbl.test", "127.0.1.2");
    server.answer("evil-place.com.dbl.test", "127.0.1.2");
    assert_eq!(hits(&ask(&lists, "http://evil-place.com/").await).len(), 1);
    let tests = || server.asked("test.dbl.test");
    assert_eq!(tests(), 1);
    later(Duration::from_secs(1_800)).await;
    ask(&lists, "http://evil-place.com/").await;
    assert_eq!(tests(), 1, "an hour is not over");
    server.answer("invalid.dbl.test", "127.0.1.2");
    later(Duration::from_secs(1_801)).await;
    // It is still believed while it is tested again.
    assert_eq!(hits(&ask(&lists, "http://evil-place.com/").await).len(), 1);
    lists.test().await;
    assert!(
        lists.down()[0].1.contains("answers everything"),
        "{:?}",
        lists.down()
    );
    assert_eq!(hits(&ask(&lists, "http://evil-place.com/").await).len(), 0);
    server.forget("invalid.dbl.test");
    later(Duration::from_secs(301)).await;
    ask(&lists, "http://evil-place.com/").await;
    lists.test().await;
    assert_eq!(lists.down(), []);
    assert_eq!(hits(&ask(&lists, "http://evil-place.com/").await).len(), 1);
}

#[tokio::test]
async fn what_is_late_serves_the_next_message() {
    let server = Server::start();
    server.answer("test.dbl.test", "127.0.1.2");
    server.answer("evil-place.com.dbl.test", "127.0.1.2");
    let resolver = Resolver::system(&[server.address], PATIENT).unwrap();
    let lists = lists(
        vec![domains("dbl", "dbl.test")],
        Duration::from_millis(500),
        resolver,
    );
    lists.test().await;
    server.hold();
    let late = ask(&lists, "http://evil-place.com/").await;
    assert_eq!(late.uncertain, ["dbl: no answer in time"]);
    assert_eq!(hits(&late), Vec::<String>::new());
    server.release();
    let mut next = ask(&lists, "http://evil-place.com/").await;
    while hits(&next).is_empty() {
        next = ask(&lists, "http://evil-place.com/").await;
    }
    // The resolver may have sent its question twice; we asked once, and do not ask again.
    let asked = server.asked("evil-place.com.dbl.test");
    assert_eq!(hits(&ask(&lists, "http://evil-place.com/").await).len(), 1);
    assert_eq!(server.asked("evil-place.com.dbl.test"), asked);
}

#[tokio::test]
async fn nobody_is_asked_without_need() {
    let server = Server::start();
    server.answer("test.dbl.test", "127.0.1.2");
    let resolver = Resolver::system(&[server.address], PATIENT).unwrap();
    let lists = lists(vec![domains("dbl", "dbl.test")], PATIENT, resolver);
    let quiet = "http://www.google.com/ http://own-place.com/ http://intranet/ http://a.local/ http://192.0.2.1/ \
                 http://x.own-place.com/ http://www.wikipedia.org/";
    ask(&lists, quiet).await;
    assert_eq!(server.all(), Vec::<String>::new(), "not even tested");
    ask(
        &lists,
        "http://a.one-place.com http://b.one-place.com/2 http://one-place.com",
    )
    .await;
    assert_eq!(server.asked("one-place.com.dbl.test"), 1);
    let many: String = (0..50).map(|n| format!("http://p{n}.com/ ")).collect();
    let facts = ask(&lists, &many).await;
    let asked = server.all().iter().filter(|name| name.starts_with('p')).count();
    assert_eq!(asked, 20);
    assert!(
        facts.uncertain[0].starts_with("only 20 domains were asked about, 30"),
        "{facts:?}"
    );
    // Names that DNS cannot carry are no reason to take the list for dead.
    let long = format!("http://{}.com/ http://a$b.com/ http://xn--a.com/", "a".repeat(80));
    ask(&lists, &long).await;
    assert_eq!(lists.down(), []);
}

#[tokio::test]
async fn the_key_is_told_to_nobody_but_the_list() {
    let mut keyed = domains("dbl", "{key}.dbl.test");
    keyed.key = Some("s3cretkey".to_owned());
    keyed.check().unwrap();
    assert!(!format!("{keyed:?}").contains("s3cretkey"));
    let server = Server::start();
    let resolver = Resolver::system(&[server.address], PATIENT).unwrap();
    let works = lists(vec![keyed.clone()], PATIENT, resolver);
    server.answer("test.s3cretkey.dbl.test", "127.0.1.2");
    server.answer("evil-place.com.s3cretkey.dbl.test", "127.0.1.2");
    let facts = ask(&works, "http://evil-place.com/").await;
    assert_eq!(hits(&facts), ["evil-place.com dbl spam"]);
    let why = "no answer from s3cretkey.dbl.test".to_owned();
    let fails = lists(
        vec![keyed],
        PATIENT,
        table(&[("*", Err(DnsError::Temporary(why)))]),
    );
    let facts = ask(&fails, "http://evil-place.com/").await;
    let told = format!("{facts:?} {:?} {fails:?} {works:?}", fails.down());
    assert!(told.contains("{key}.dbl.test"), "{told}");
    // The fake's own table is in no output either.
    assert!(!told.contains("s3cretkey"), "{told}");
}

#[tokio::test]
async fn a_dead_name_server_costs_the_deadline_a_few_times_only() {
    let server = Server::start();
    server.answer("test.dbl.test", "127.0.1.2");
    let resolver = Resolver::system(&[server.address], Duration::from_millis(200)).unwrap();
    let lists = lists(vec![domains("dbl", "dbl.test")], PATIENT, resolver);
    lists.test().await;
    server.hold();
    let mut last = LinkFacts::default();
    for n in 0..12 {
        last = ask(&lists, &format!("http://place{n}.com/")).await;
    }
    assert_eq!(last.uncertain, ["dbl: not asked, it did not answer lately"]);
    assert!(!lists.down().is_empty());
}
