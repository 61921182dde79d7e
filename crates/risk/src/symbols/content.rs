//! Test strings and form.

use crate::{Facts, Group, Symbol};

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
    if !content.defects.is_empty() {
        let names: Vec<_> = content
            .defects
            .iter()
            .map(|defect| format!("{defect:?}"))
            .collect();
        symbols.push(Symbol::new("MALFORMED", Group::Content, 1.0, names.join(", ")));
    }
}
