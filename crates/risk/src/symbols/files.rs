//! Files.

use crate::{Facts, Group, Policy, Symbol};

pub(super) fn files(facts: &Facts, policy: &Policy, symbols: &mut Vec<Symbol>) {
    let Some(content) = facts.content.known() else {
        return;
    };
    for file in &content.attachments {
        let blocked = policy.blocked_attachments.contains(&file.file.kind)
            || file
                .file
                .claimed
                .is_some_and(|kind| policy.blocked_attachments.contains(&kind));
        if blocked {
            let detail = format!("{} is {}", shown_name(&file.name), file.file.mime);
            symbols.push(Symbol::new("ATTACHMENT_BLOCKED", Group::Attachment, 12.0, detail));
        }
        if file.file.disguised_name {
            symbols.push(Symbol::new(
                "ATTACHMENT_DISGUISED",
                Group::Attachment,
                15.0,
                shown_name(&file.name),
            ));
        }
    }
}

/// The name of a file as it is told to people.
pub(crate) fn shown_name(name: &str) -> &str {
    if name.is_empty() { "(without name)" } else { name }
}
