//! The language of a page: what the address asks for, else what the browser prefers (RFC 9110 §12.5.4), else English.

use risk::Language;

/// Picks the language. `asked` is the value of `?lang=`.
pub(crate) fn pick(asked: Option<&str>, accept: Option<&str>) -> Language {
    if let Some(language) = asked.and_then(known) {
        return language;
    }
    // What a hostile header may cost is bounded by the server's limit on headers; only the first few ranges count.
    let ranges = accept.unwrap_or_default().split(',').take(16).filter_map(range);
    // The first of equals wins, as it stands in the header.
    ranges
        .fold((0, Language::English), |best, (weight, language)| {
            if weight > best.0 { (weight, language) } else { best }
        })
        .1
}

/// A language range with its weight in thousandths.
fn range(text: &str) -> Option<(u32, Language)> {
    let (tag, parameters) = text.split_once(';').unwrap_or((text, ""));
    let language = known(tag)?;
    let weight = match parameters.trim().strip_prefix("q=") {
        None => 1_000,
        Some(weight) => weight
            .parse::<f32>()
            .ok()
            .filter(|weight| (0.0..=1.0).contains(weight))
            .map(|w| (w * 1e3) as u32)?,
    };
    Some((weight, language))
}

fn known(tag: &str) -> Option<Language> {
    match tag
        .trim()
        .split(['-', '_'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase()
        .as_str()
    {
        "en" => Some(Language::English),
        "it" => Some(Language::Italian),
        "ru" => Some(Language::Russian),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages() {
        let check = |asked: Option<&str>, accept: Option<&str>, expected: Language| {
            assert_eq!(pick(asked, accept), expected, "{asked:?} {accept:?}");
        };
        check(None, None, Language::English);
        check(None, Some("it-IT,it;q=0.9,en;q=0.8"), Language::Italian);
        check(None, Some("de, ru;q=0.7, en;q=0.5"), Language::Russian);
        check(None, Some("en;q=0.2,ru;q=0.2"), Language::English);
        check(None, Some("de,fr"), Language::English);
        check(Some("ru"), Some("it"), Language::Russian);
        check(Some("<script>"), Some("it"), Language::Italian);
        check(None, Some("ru;q=0, it;q=nan, en;q=9"), Language::English);
        check(None, Some(";;;,,,q=1"), Language::English);
    }
}
