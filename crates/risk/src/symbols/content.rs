//! Test strings and form.

use crate::model::weight_of_rank;
use crate::{CAMPAIGN_S, CampaignFacts, Facts, Group, Reading, Symbol, TextFacts};

pub(super) fn content(facts: &Facts, symbols: &mut Vec<Symbol>) {
    let Some(content) = facts.content.known() else {
        return;
    };
    if content.gtube {
        symbols.push(Symbol::new(
            "GTUBE",
            Group::Content,
            100.0,
            "the test string of unsolicited bulk mail",
        ));
    }
    if content.eicar {
        symbols.push(Symbol::new(
            "EICAR",
            Group::Attachment,
            100.0,
            "the test string of virus scanners",
        ));
    }
    if let Some(text) = &content.text {
        words(text, symbols);
    }
    if !content.defects.is_empty() {
        let names: Vec<_> = content
            .defects
            .iter()
            .map(|defect| format!("{defect:?}"))
            .collect();
        symbols.push(Symbol::new("MALFORMED", Group::Content, 1.0, names.join(", ")));
    }
    let alike = facts.campaign.known().filter(|campaign| campaign.senders > 0);
    symbols.extend(alike.map(near_duplicate));
}

fn counted(count: u32, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// No evidence by itself: lists, templates and replies to all are alike too.
fn near_duplicate(campaign: &CampaignFacts) -> Symbol {
    let since = campaign
        .first_seen
        .map_or(String::new(), |at| format!(", the first at {at}"));
    let refused = if campaign.refused > 0 {
        format!("; refused to {} of them", campaign.refused)
    } else {
        String::new()
    };
    let detail = format!(
        "{} sent {} like it within {} hours{since}{refused}",
        counted(campaign.senders, "other sender"),
        counted(campaign.messages, "message"),
        CAMPAIGN_S / 3600
    );
    Symbol::new("NEAR_DUPLICATE", Group::Content, 0.0, detail)
}

/// Messages of a role before which the reference speaks, not the site: until then a text alone cannot weigh much.
const MEASURED_MIN: u32 = 1_000;
/// What a text weighs at most until then.
const YOUNG_WEIGHT_MAX_DB: f32 = 6.0;
/// Hidden octets below which a page is only badly made.
const HIDDEN_OCTETS_MIN: u32 = 200;

fn words(text: &TextFacts, symbols: &mut Vec<Symbol>) {
    if let Some(reading) = &text.reading {
        let weight = weight_of_rank(reading.rank);
        let bound = if reading.measured_on < MEASURED_MIN {
            YOUNG_WEIGHT_MAX_DB
        } else {
            weight
        };
        let symbol = Symbol::new("TEXT", Group::Content, weight.min(bound), usual(reading));
        symbols.push(symbol.about(reading.phrases.iter().map(|phrase| &phrase.text)));
    }
    if text.hidden_octets >= HIDDEN_OCTETS_MIN && text.hidden_octets > text.characters / 5 {
        let detail = format!("{} octets: {}", text.hidden_octets, text.hidden_sample);
        symbols.push(Symbol::new("TEXT_HIDDEN", Group::Content, 4.0, detail).about([&text.hidden_sample]));
    }
}

/// How usual a text is, and its passages.
fn usual(reading: &Reading) -> String {
    let share = 100.0 * (1.0 - f64::from(reading.rank));
    let phrases: Vec<_> = reading
        .phrases
        .iter()
        .map(|phrase| format!("\u{201c}{}\u{201d}", phrase.text))
        .collect();
    let end = if phrases.is_empty() {
        String::new()
    } else {
        format!(": {}", phrases.join(", "))
    };
    format!("looks more like spam than {share:.1} % of the mail sent here{end}")
}
