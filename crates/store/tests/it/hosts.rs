//! The memory of hosts: what is new, what is familiar, what survives.

use jiff::{SignedDuration, Timestamp};
use risk::{HostSeen, LinkFacts, LinkFlag, NewHosts, collect_links};
use store::Hosts;

fn at(days: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap() + SignedDuration::from_hours(24 * days)
}

fn recall(hosts: &Hosts, text: &str, days: i64) -> LinkFacts {
    let mut links = collect_links(&[text], &[], &[]);
    hosts.recall(&mut links, |domain| domain == "own-place.com", at(days));
    links
}

fn new(links: &LinkFacts) -> Vec<&str> {
    let new = links
        .links
        .iter()
        .filter(|link| link.flags.contains(&LinkFlag::NewHost));
    new.map(|link| link.domain.as_str()).collect()
}

fn teach(hosts: &Hosts, text: &str, sender: &str, days: i64) {
    hosts.teach(&collect_links(&[text], &[], &[]), sender, at(days));
}

#[tokio::test]
async fn new_then_known_then_familiar() {
    let folder = tempfile::tempdir().unwrap();
    let hosts = Hosts::open(folder.path()).unwrap();
    let text = "http://www.a-place.com/ http://own-place.com/ http://www.google.com/";
    let links = recall(&hosts, text, 0);
    assert_eq!(new(&links), ["a-place.com"]);
    let empty = NewHosts {
        hosts: 1,
        memory_days: 0,
    };
    assert_eq!(links.new_hosts.known(), Some(&empty));
    teach(&hosts, text, "mailbox:anna@example.com", 0);
    assert_eq!(new(&recall(&hosts, text, 0)), ["a-place.com"], "its first day");
    let links = recall(&hosts, "http://other.a-place.com/", 1);
    assert_eq!(new(&links), [""; 0]);
    assert_eq!(links.links[0].seen, Some(HostSeen { days: 1, senders: 1 }));
    assert!(!links.links[0].seen.unwrap().is_familiar());
    for sender in [
        "mailbox:b@example.com",
        "mailbox:c@example.com",
        "mailbox:d@example.com",
    ] {
        teach(&hosts, text, sender, 1);
    }
    let seen = recall(&hosts, text, 1).links[0].seen.unwrap();
    assert!(seen.is_familiar(), "{seen:?}");
    assert_eq!(
        recall(&hosts, text, 40).new_hosts.known().unwrap().memory_days,
        40
    );
}

#[tokio::test]
async fn kept_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let hosts = Hosts::open(folder.path()).unwrap();
    teach(&hosts, "http://a-place.com/", "mailbox:anna@example.com", 0);
    hosts.flush().await.unwrap();
    teach(&hosts, "http://b-place.com/", "mailbox:anna@example.com", 3);
    drop(hosts);
    let hosts = Hosts::open(folder.path()).unwrap();
    let links = recall(
        &hosts,
        "http://a-place.com/ http://b-place.com/ http://c-place.com/",
        5,
    );
    assert_eq!(new(&links), ["c-place.com"]);
    assert_eq!(
        links.new_hosts.known(),
        Some(&NewHosts {
            hosts: 1,
            memory_days: 5
        })
    );
    assert_eq!(links.links[0].seen.unwrap().days, 5);
    assert_eq!(links.links[1].seen.unwrap().days, 2);
}

#[tokio::test]
async fn bounded_and_the_familiar_ones_stay() {
    let folder = tempfile::tempdir().unwrap();
    let hosts = Hosts::open_bounded(folder.path(), 100).unwrap();
    for sender in ["a", "b", "c", "d", "e"] {
        teach(&hosts, "http://daily-place.com/", sender, 0);
    }
    for n in 0..2_000 {
        teach(&hosts, &format!("http://place{n}.com/"), "f", 1);
    }
    assert!(hosts.count() <= 100, "{}", hosts.count());
    assert_eq!(new(&recall(&hosts, "http://daily-place.com/", 1)), [""; 0]);
    drop(hosts);
    let hosts = Hosts::open_bounded(folder.path(), 100).unwrap();
    assert!(hosts.count() <= 100, "{}", hosts.count());
    assert_eq!(new(&recall(&hosts, "http://daily-place.com/", 1)), [""; 0]);
}
