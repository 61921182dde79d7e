//! The second part of a report: `message/delivery-status` (RFC 3464 §2), ASCII only.

use super::report::{Happened, Report, ReportedRecipient};
use super::words;
use crate::address::{domain_key, is_domain};
use crate::received::rfc5322_date;
use crate::smtp::reply::safe_char;
use crate::smtp::{OriginalRecipient, Reply, xtext};

/// Octets of a line of a folded field.
const LINE_OCTETS_MAX: usize = 76;
/// Characters of a value that is not folded: an ORCPT has at most 500 octets.
const VALUE_CHARS_MAX: usize = 900;
/// Octets of a host name shown.
const HOST_OCTETS_MAX: usize = 255;

/// The whole part's body: the fields of the message, then those of each recipient.
pub(super) fn status(report: &Report<'_>) -> String {
    let mut out = String::new();
    field(
        &mut out,
        "Reporting-MTA",
        &format!("dns; {}", host(report.reporting_mta)),
    );
    if let Some(envid) = report.envid {
        field(&mut out, "Original-Envelope-Id", envid);
    }
    field(&mut out, "Arrival-Date", &rfc5322_date(report.arrived));
    for recipient in &report.recipients {
        out.push_str("\r\n");
        recipient_fields(&mut out, recipient);
    }
    out
}

fn recipient_fields(out: &mut String, recipient: &ReportedRecipient<'_>) {
    if let Some(orcpt) = recipient.orcpt {
        field(out, "Original-Recipient", &original_recipient(orcpt));
    }
    field(
        out,
        "Final-Recipient",
        &typed_address("rfc822", recipient.forward_path.as_str()),
    );
    let action = match recipient.happened {
        Happened::Failed => "failed",
        Happened::Delayed { .. } => "delayed",
        Happened::Relayed => "relayed",
        Happened::Delivered => "delivered",
    };
    field(out, "Action", action);
    field(out, "Status", &status_code(recipient));
    if let Some(remote) = recipient.remote_mta {
        field(out, "Remote-MTA", &format!("dns; {}", host(remote)));
    }
    folded_field(
        out,
        "Diagnostic-Code",
        &diagnostic(recipient.reply, recipient.remote_mta.is_some()),
    );
    if let Some(at) = recipient.last_attempt {
        field(out, "Last-Attempt-Date", &rfc5322_date(at));
    }
    if let Happened::Delayed { until } = recipient.happened {
        field(out, "Will-Retry-Until", &rfc5322_date(until));
    }
}

/// The type `smtp` is only for what a server said (RFC 3464 §2.3.6); our own words have our own type.
fn diagnostic(reply: &Reply, from_remote: bool) -> String {
    let kind = if from_remote { "smtp" } else { "X-Dogana" };
    format!("{kind}; {}", reply.one_line())
}

/// The reply's enhanced code; without one, the class that fits what happened (RFC 3464 §2.3.4).
fn status_code(recipient: &ReportedRecipient<'_>) -> String {
    match (recipient.reply.enhanced, recipient.happened) {
        (Some(enhanced), _) => enhanced.to_string(),
        (None, Happened::Failed) if recipient.reply.code / 100 == 4 => "4.0.0".to_owned(),
        (None, Happened::Failed) => "5.0.0".to_owned(),
        (None, Happened::Delayed { .. }) => "4.0.0".to_owned(),
        (None, Happened::Relayed | Happened::Delivered) => "2.0.0".to_owned(),
    }
}

fn original_recipient(orcpt: &OriginalRecipient) -> String {
    typed_address(&orcpt.addr_type, &orcpt.address)
}

/// `type; address`, with the type `utf-8` and its ASCII form when the address needs it (RFC 6533 §3).
fn typed_address(addr_type: &str, address: &str) -> String {
    if address.is_ascii() {
        return format!("{addr_type}; {address}");
    }
    format!("utf-8; {}", xtext::encode_utf8_address(address))
}

/// A host's name, safe in an address and a field: A-labels, or `?` for what no name has.
pub(super) fn host(name: &str) -> String {
    if is_domain(name) {
        return domain_key(name);
    }
    let allowed =
        |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    let octets = name.bytes().take(HOST_OCTETS_MAX);
    octets
        .map(|octet| if allowed(octet) { char::from(octet) } else { '?' })
        .collect()
}

/// One field on one line, cleaned to printable ASCII. The values are bounded by the grammar they were read with.
fn field(out: &mut String, name: &str, value: &str) {
    out.push_str(name);
    out.push_str(": ");
    out.extend(
        value
            .chars()
            .take(VALUE_CHARS_MAX)
            .map(|char| safe_char(char, false)),
    );
    out.push_str("\r\n");
}

/// One field of free text, cleaned likewise and folded at blanks.
fn folded_field(out: &mut String, name: &str, value: &str) {
    let clean: String = value.chars().map(|char| safe_char(char, false)).collect();
    out.push_str(name);
    out.push(':');
    let mut column = name.len() + 1;
    for word in words(&clean) {
        // The first word stays on the field's line: a line of blanks only would end the field for some readers.
        if column + 1 + word.len() > LINE_OCTETS_MAX && column > name.len() + 1 {
            out.push_str("\r\n");
            column = 0;
        }
        out.push(' ');
        out.push_str(word);
        column += 1 + word.len();
    }
    out.push_str("\r\n");
}
