//! `cargo xtask eval near`: how well the sketch of eight bands joins what belongs together, and what it joins wrongly.
//!
//! The truth is that of [`super::campaigns`]: 64 min-hashes of the same text, compared exactly. Without a
//! limit of time: in 72 hours a site sees less, so fewer wrong links.

use super::corpus::Message;
use mail::message::Limits;
use risk::{Bands, SharedBands};
use std::collections::HashMap;

/// The table.
pub fn run(messages: &[Message]) -> String {
    let bar = super::bar("sketch", messages.len());
    let bands: Vec<Bands> = messages
        .iter()
        .map(|message| {
            bar.inc(1);
            Bands::of(&risk::examine(&message.octets, &Limits::default(), &[]).facts)
        })
        .collect();
    bar.finish_and_clear();
    let mut index: HashMap<u64, Vec<usize>> = HashMap::new();
    for (at, one) in bands.iter().enumerate() {
        for (band, _) in one.each() {
            index.entry(band).or_default().push(at);
        }
    }
    let mut sizes: HashMap<usize, usize> = HashMap::new();
    for message in messages.iter().filter(|message| message.spam) {
        *sizes.entry(message.campaign).or_default() += 1;
    }
    let mut counts = [(0usize, 0usize); 3];
    let mut count = |row: usize, linked: bool| {
        if let Some((all, some)) = counts.get_mut(row) {
            *all += 1;
            *some += usize::from(linked);
        }
    };
    for (at, (message, own)) in messages.iter().zip(&bands).enumerate() {
        let alike = alike(own, at, &index);
        let mut others = alike.iter().filter_map(|other| messages.get(*other));
        if !message.spam {
            count(0, others.any(|other| other.spam));
        } else if sizes.get(&message.campaign).is_some_and(|size| *size > 1) {
            count(1, others.clone().any(|other| other.campaign == message.campaign));
            count(2, others.any(|other| !other.spam));
        }
    }
    let rows = [
        "honest messages alike a spam",
        "messages of a spam campaign alike another of it",
        "messages of a spam campaign alike an honest one",
    ];
    let mut out =
        String::from("| near duplicates | messages | of them | share |\n| --- | ---: | ---: | ---: |\n");
    for (name, (all, some)) in rows.iter().zip(counts) {
        let share = 100.0 * some as f64 / all.max(1) as f64;
        out.push_str(&format!("| {name} | {all} | {some} | {share:.2} % |\n"));
    }
    out
}

/// The other messages that share enough.
fn alike(own: &Bands, at: usize, index: &HashMap<u64, Vec<usize>>) -> Vec<usize> {
    let mut shared: HashMap<usize, SharedBands> = HashMap::new();
    for (band, one) in own.each() {
        for other in index
            .get(&band)
            .into_iter()
            .flatten()
            .filter(|other| **other != at)
        {
            let known = shared.entry(*other).or_default();
            *known = known.and(one);
        }
    }
    shared.retain(|_, shared| own.is_alike(*shared));
    shared.into_keys().collect()
}
