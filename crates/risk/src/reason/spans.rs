//! Times, spans and counted things in words.

use super::Counted;
use crate::Level;
use jiff::Timestamp;

pub(super) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

pub(super) fn counted_word(counted: Counted, words: [&'static str; 3]) -> &'static str {
    match counted {
        Counted::Messages => words[0],
        Counted::Recipients => words[1],
        Counted::DistinctRecipients => words[2],
    }
}

pub(super) fn level_word(level: Level, words: [&'static str; 3]) -> &'static str {
    match level {
        Level::Sender => words[0],
        Level::Domain => words[1],
        Level::Tenant => words[2],
    }
}

pub(super) fn english_span(seconds: u32) -> String {
    match seconds {
        3_600 => "one hour".to_owned(),
        86_400 => "one day".to_owned(),
        604_800 => "one week".to_owned(),
        s if s % 86_400 == 0 => format!("{} days", s / 86_400),
        s if s % 3_600 == 0 => format!("{} hours", s / 3_600),
        s => format!("{} minutes", s / 60),
    }
}

pub(super) fn italian_span(seconds: u32) -> String {
    match seconds {
        3_600 => "un'ora".to_owned(),
        86_400 => "un giorno".to_owned(),
        604_800 => "una settimana".to_owned(),
        s if s % 86_400 == 0 => format!("{} giorni", s / 86_400),
        s if s % 3_600 == 0 => format!("{} ore", s / 3_600),
        s => format!("{} minuti", s / 60),
    }
}

pub(super) fn russian_span(seconds: u32) -> String {
    match seconds {
        3_600 => "час".to_owned(),
        86_400 => "сутки".to_owned(),
        604_800 => "неделю".to_owned(),
        s if s % 86_400 == 0 => format!("{} дн.", s / 86_400),
        s if s % 3_600 == 0 => format!("{} ч", s / 3_600),
        s => format!("{} мин", s / 60),
    }
}
