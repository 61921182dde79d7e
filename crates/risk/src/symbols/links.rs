//! Links.
//!
//! In prose: each kind of observation counts once, by its strongest link, whatever the number of links. A text unlike its target
//! is what newsletters do with every link, so it weighs little towards a host that the site sends often, and much only when the
//! shown name is one that phishing pretends to be. A new host says little, and nothing while the memory is young. All of them
//! together weigh at most [`SUM_DB_MAX`]: with nothing but links a message is suspect, not spam.

use crate::content::{LinkFact, LinkFacts, LinkFlag, ListHit, ListKind};
use crate::{Facts, Group, Symbol};
use std::net::IpAddr;

/// All links together.
const SUM_DB_MAX: f32 = 20.0;
/// Days before which the memory of the site says nothing.
const MEMORY_DAYS_MIN: u32 = 14;

/// Name, weight, detail, what it is about.
type Row = (&'static str, f32, String, String);

pub(super) fn links(facts: &Facts, symbols: &mut Vec<Symbol>) {
    let Some(links) = facts.content.known().and_then(|content| content.links.as_ref()) else {
        return;
    };
    let mut rows: Vec<Row> = Vec::new();
    for link in &links.links {
        for flag in &link.flags {
            let row = flagged(link, flag);
            row.into_iter().for_each(|row| strongest(&mut rows, row));
        }
        let row = listed(link);
        row.into_iter().for_each(|row| strongest(&mut rows, row));
    }
    rows.extend(new_hosts(links));
    if !links.uncertain.is_empty() {
        rows.push(("LISTS_UNCERTAIN", 0.0, links.uncertain.join(", "), String::new()));
    }
    rows.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut left = SUM_DB_MAX;
    for (name, weight, detail, about) in rows {
        let weight = weight.min(left);
        left -= weight;
        symbols.push(Symbol::new(name, Group::Content, weight, detail).about([about]));
    }
}

/// Keeps one row of a name: the heaviest.
fn strongest(rows: &mut Vec<Row>, row: Row) {
    match rows.iter_mut().find(|known| known.0 == row.0) {
        Some(known) if known.1 < row.1 => *known = row,
        Some(_) => {}
        None => rows.push(row),
    }
}

fn flagged(link: &LinkFact, flag: &LinkFlag) -> Option<Row> {
    let familiar = link.seen.is_some_and(|seen| seen.is_familiar());
    let (mut detail, mut about) = (link.url.clone(), link.host.clone());
    let (name, weight) = match flag {
        LinkFlag::Shortener | LinkFlag::FileShare => {
            about = without_scheme(&link.url).to_owned();
            match flag {
                LinkFlag::Shortener => ("LINK_SHORTENER", 3.0),
                _ => ("LINK_FILE_SHARE", 1.0),
            }
        }
        LinkFlag::FreeHost => ("LINK_FREE_HOST", if familiar { 1.0 } else { 4.0 }),
        LinkFlag::IpLiteral => ("LINK_IP", if is_inside(&link.host) { 1.0 } else { 8.0 }),
        LinkFlag::Punycode => ("LINK_PUNYCODE", if familiar { 0.0 } else { 2.0 }),
        LinkFlag::MixedScript => ("LINK_PUNYCODE", 8.0),
        LinkFlag::LookAlike { of } => {
            detail = format!("{} looks like {of}", link.host);
            about = format!("{} / {of}", link.host);
            ("LINK_LOOKALIKE", if familiar { 3.0 } else { 12.0 })
        }
        LinkFlag::TextDiffers { shown, brand } => {
            detail = format!("shows {shown}, leads to {}", link.host);
            about = format!("{shown} -> {}", link.host);
            let weight = match (familiar, brand) {
                (true, false) => 0.0,
                (true, true) => 2.0,
                (false, false) => 1.0,
                (false, true) => 10.0,
            };
            ("LINK_TEXT_DIFFERS", weight)
        }
        LinkFlag::Userinfo => ("LINK_USERINFO", 8.0),
        LinkFlag::OddPort => ("LINK_ODD_PORT", if familiar { 0.0 } else { 3.0 }),
        LinkFlag::PercentHost => ("LINK_PERCENT_HOST", 8.0),
        LinkFlag::Redirect | LinkFlag::NewHost => return None,
    };
    Some((name, weight, detail, about))
}

/// The part of a link that tells short ones apart.
fn without_scheme(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest)
}

/// One list may be wrong; a second one that agrees adds a third.
fn listed(link: &LinkFact) -> Option<Row> {
    let weight = |hit: &ListHit| -> f32 {
        match hit.kind {
            ListKind::Domain => 12.0,
            ListKind::Address => 8.0,
            ListKind::Newborn => 6.0,
        }
    };
    let heaviest = link.lists.iter().max_by(|a, b| weight(a).total_cmp(&weight(b)))?;
    let detail: Vec<_> = link
        .lists
        .iter()
        .map(|hit| format!("{} ({})", hit.list, hit.meaning))
        .collect();
    let others = link
        .lists
        .iter()
        .filter(|hit| hit.kind == heaviest.kind && hit.list != heaviest.list);
    let agreed = if others.count() > 0 { 4.0 } else { 0.0 };
    let name = match heaviest.kind {
        ListKind::Newborn => "LINK_NEWBORN",
        ListKind::Domain | ListKind::Address => "LINK_LISTED",
    };
    Some((
        name,
        weight(heaviest) + agreed,
        format!("{}: {}", link.domain, detail.join(", ")),
        link.domain.clone(),
    ))
}

fn new_hosts(links: &LinkFacts) -> Option<Row> {
    let known = links.new_hosts.known()?;
    let weight = if known.memory_days < MEMORY_DAYS_MIN {
        0.0
    } else {
        1.5
    };
    let first = links
        .links
        .iter()
        .find(|link| link.flags.contains(&LinkFlag::NewHost))?;
    let detail = format!("{} new, for example {}", known.hosts, first.domain);
    Some(("LINK_NEW_HOST", weight, detail, first.domain.clone()))
}

/// An address that is no place of the Internet.
fn is_inside(host: &str) -> bool {
    match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(address)) => address.is_private() || address.is_loopback() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => address.is_loopback() || address.is_unique_local(),
        Err(_) => false,
    }
}
