//! The plain rules that people use today, on the same events.

use super::gateway::Answer;
use super::replay::{Event, Kind};
use super::texts::Texts;
use std::collections::{HashMap, HashSet, VecDeque};

type Answers<'a> = Vec<(&'a Event, Answer)>;

/// Every rule's answers.
pub fn all<'a>(events: &'a [Event], texts: &Texts) -> Vec<(&'static str, Answers<'a>)> {
    vec![
        ("100 in 5 min, suspend", volume(events, 300, 100, true, |_| 1)),
        ("200 an hour, refuse", volume(events, 3_600, 200, false, |_| 1)),
        (
            "100 recipients an hour, refuse",
            volume(events, 3_600, 100, false, |event| event.rcpt_to.len()),
        ),
        ("5 countries a day, suspend", countries(events)),
        ("content alone, 0.1 % of ham", content(events, texts)),
    ]
}

fn submitted(events: &[Event]) -> impl Iterator<Item = &Event> {
    events.iter().filter(|event| event.kind == Kind::Submit)
}

fn volume(
    events: &[Event],
    window_s: i64,
    max: usize,
    suspends: bool,
    of: impl Fn(&Event) -> usize,
) -> Answers<'_> {
    let mut seen: HashMap<&str, VecDeque<(i64, usize)>> = HashMap::new();
    let mut suspended = HashSet::new();
    let judge = |event| {
        let event: &Event = event;
        let account = event.account.as_str();
        let times = seen.entry(account).or_default();
        while times.front().is_some_and(|(t, _)| event.t - t >= window_s) {
            times.pop_front();
        }
        let count: usize = times.iter().map(|(_, count)| count).sum();
        if suspended.contains(account) || count + of(event) > max {
            if suspends {
                suspended.insert(account);
            }
            return (event, Answer::Refused);
        }
        times.push_back((event.t, of(event)));
        (event, Answer::Accepted)
    };
    submitted(events).map(judge).collect()
}

fn countries(events: &[Event]) -> Answers<'_> {
    let mut seen: HashMap<&str, Vec<(i64, &str)>> = HashMap::new();
    let mut suspended = HashSet::new();
    let judge = |event| {
        let event: &Event = event;
        let account = event.account.as_str();
        let visits = seen.entry(account).or_default();
        visits.retain(|(t, _)| event.t - t < 86_400);
        visits.push((event.t, &event.client_country));
        let different: HashSet<&str> = visits.iter().map(|(_, country)| *country).collect();
        if different.len() >= 5 || suspended.contains(account) {
            suspended.insert(account);
            return (event, Answer::Refused);
        }
        (event, Answer::Accepted)
    };
    submitted(events).map(judge).collect()
}

/// The threshold is taken from the truth: no filter of today could set it better.
fn content<'a>(events: &'a [Event], texts: &Texts) -> Answers<'a> {
    let mut ham: Vec<f32> = submitted(events)
        .filter(|event| !event.is_spam())
        .filter_map(|event| texts.of_event(event).odds)
        .collect();
    ham.sort_by(f32::total_cmp);
    let threshold = ham
        .get(ham.len() - ham.len() / 1_000 - 1)
        .copied()
        .unwrap_or(f32::MAX);
    let judge = |event| {
        let event: &Event = event;
        let stops = texts.of_event(event).odds.is_some_and(|odds| odds > threshold);
        (event, if stops { Answer::Refused } else { Answer::Accepted })
    };
    submitted(events).map(judge).collect()
}
