//! Other scanners' opinions.

use crate::{Facts, Gathered, Group, Policy, ScanResult, Symbol};

pub(super) fn scans(facts: &Facts, policy: &Policy, symbols: &mut Vec<Symbol>) {
    for scan in &facts.scans {
        let scanner = scan.scanner.as_str();
        match &scan.result {
            Gathered::Known(ScanResult::Infected(name)) => {
                let detail = format!("{name} ({scanner})");
                symbols.push(Symbol::new("VIRUS", Group::Scanner, 100.0, detail).about([name]));
            }
            Gathered::Known(ScanResult::Scored {
                score,
                required,
                symbols: own,
            }) => {
                symbols.push(scored(scanner, *score, *required, own, policy));
            }
            Gathered::Known(ScanResult::Clean) | Gathered::Off => {}
            Gathered::Late => symbols.push(Symbol::new("SCANNER_LATE", Group::Scanner, 0.0, scanner)),
            Gathered::Failed(why) => {
                symbols.push(Symbol::new(
                    "SCANNER_FAILED",
                    Group::Scanner,
                    0.0,
                    format!("{scanner}: {why}"),
                ));
            }
        }
    }
}

/// A spam scanner's score counts in proportion to its own threshold, at most 1.6 times as much; below zero it
/// speaks for the message, at most 5 dB.
fn scored(scanner: &str, score: f32, required: f32, own: &[(String, f32)], policy: &Policy) -> Symbol {
    let share = if required > 0.0 { score / required } else { 0.0 };
    let weight = (share * policy.scanner_threshold_db).clamp(-5.0, 1.6 * policy.scanner_threshold_db);
    let (name, called) = match scanner {
        "rspamd" => ("RSPAMD_SCORE", "Rspamd"),
        "spamassassin" => ("SPAMASSASSIN_SCORE", "SpamAssassin"),
        other => ("SCANNER_SCORE", other),
    };
    let heaviest: Vec<_> = own
        .iter()
        .take(4)
        .map(|(name, weight)| format!("{name} {weight:.1}"))
        .collect();
    let detail = format!("{score:.1} of {required:.1}: {}", heaviest.join(", "));
    Symbol::new(name, Group::Scanner, weight, detail).about([called])
}
