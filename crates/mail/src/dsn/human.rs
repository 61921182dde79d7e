//! The first part of a report, for the person who wrote the message: who, what, why, and what to do about it.
//!
//! The explanation comes from the enhanced code (RFC 3463 §3), because the server's own words are often in another language
//! or for another reader. They are quoted all the same.

use super::machine::host;
use super::report::{Happened, Report, ReportedRecipient};
use super::returned::OriginalHeader;
use super::words;
use crate::received::rfc5322_date;
use crate::smtp::reply::safe_char;
use crate::smtp::{Reply, Severity};

/// Recipients explained one by one; the rest is only counted here and named in the machine's part.
const RECIPIENTS_SHOWN_MAX: usize = 50;
/// Octets of a line before it is wrapped.
const LINE_OCTETS_MAX: usize = 74;
/// The column where values stand.
const INDENT: &str = "                 ";

pub(super) fn text(report: &Report<'_>, original: &OriginalHeader) -> String {
    let mut out = String::new();
    paragraph(
        &mut out,
        &format!("This is the mail server {}.", host(report.reporting_mta)),
    );
    for lead in leads(report) {
        paragraph(&mut out, lead);
    }
    out.push_str("The message:\r\n");
    if let Some(subject) = &original.subject {
        line(&mut out, "Subject:", subject);
    }
    line(&mut out, "Handed to us:", &rfc5322_date(report.arrived));
    line(&mut out, "Reference:", report.original_id);
    for recipient in report.recipients.iter().take(RECIPIENTS_SHOWN_MAX) {
        recipient_text(&mut out, recipient);
    }
    let more = report.recipients.len().saturating_sub(RECIPIENTS_SHOWN_MAX);
    if more > 0 {
        out.push_str("\r\n");
        paragraph(
            &mut out,
            &format!("There are {more} more recipients; the attached delivery report names them all."),
        );
    }
    out.push_str("\r\n");
    paragraph_line(
        &mut out,
        "If you need help, pass this whole message on to your postmaster or provider.",
    );
    out
}

/// One sentence or two for each kind of news, worst first.
fn leads(report: &Report<'_>) -> Vec<&'static str> {
    let count = |wanted: fn(Happened) -> bool| {
        report
            .recipients
            .iter()
            .filter(|one| wanted(one.happened))
            .count()
    };
    let mut leads = Vec::new();
    match count(|happened| happened == Happened::Failed) {
        0 => {}
        1 if report.recipients.len() == 1 => {
            leads.push("Your message could not be delivered to the recipient below. We have stopped trying.");
        }
        _ => leads
            .push("Your message could not be delivered to some recipients. We have stopped trying for them."),
    }
    if count(|happened| matches!(happened, Happened::Delayed { .. })) > 0 {
        leads.push(
            "This is a warning only: your message could not be delivered yet, and we keep trying. \
             You need not send it again.",
        );
    }
    if count(|happened| happened == Happened::Relayed) > 0 {
        leads.push(
            "Your message was handed to the next mail server, which does not confirm deliveries. \
             You will get no further confirmation.",
        );
    }
    if count(|happened| happened == Happened::Delivered) > 0 {
        leads.push("Your message was delivered, as you asked to be told.");
    }
    leads
}

fn recipient_text(out: &mut String, recipient: &ReportedRecipient<'_>) {
    out.push_str("\r\n");
    paragraph_line(out, &format!("To <{}>:", recipient.forward_path));
    let what = match recipient.happened {
        Happened::Failed => "Not delivered. We have given up.".to_owned(),
        Happened::Delayed { until } => {
            format!("Not delivered yet. We keep trying until {}.", rfc5322_date(until))
        }
        Happened::Relayed => "Handed to the next mail server.".to_owned(),
        Happened::Delivered => "Delivered.".to_owned(),
    };
    line(out, "What happened:", &what);
    let advice = advice(recipient.reply);
    let trouble = matches!(recipient.happened, Happened::Failed | Happened::Delayed { .. });
    if trouble {
        line(out, "Why:", advice.why);
    }
    if let Some(remote) = recipient.remote_mta {
        line(out, "Server:", &host(remote));
    }
    let who = if recipient.remote_mta.is_some() {
        "It answered:"
    } else {
        "In detail:"
    };
    line(out, who, &recipient.reply.one_line());
    match recipient.happened {
        Happened::Failed => line(out, "What to do:", advice.what_to_do),
        Happened::Delayed { .. } => line(
            out,
            "What to do:",
            "Nothing now. We will tell you if we have to give up.",
        ),
        Happened::Relayed | Happened::Delivered => {}
    }
}

struct Advice {
    why: &'static str,
    what_to_do: &'static str,
}

/// What an enhanced code means to the person who wrote the message; without a known one, what the reply's class means.
fn advice(reply: &Reply) -> Advice {
    let known = reply
        .enhanced
        .and_then(|code| explanation(code.subject, code.detail));
    let (why, what_to_do) = known.unwrap_or(match reply.severity() {
        Severity::Permanent => (
            "The recipient's mail server refused the message.",
            "Read the server's answer. If it does not help, ask the recipient in another way.",
        ),
        _ => (
            "The recipient's mail server could not take the message.",
            "Send the message again later, or ask the recipient in another way.",
        ),
    });
    Advice { why, what_to_do }
}

/// Subject and detail of RFC 3463 §3, in everyday words.
fn explanation(subject: u16, detail: u16) -> Option<(&'static str, &'static str)> {
    Some(match (subject, detail) {
        (1, 0 | 1) => (
            "The address does not exist at that domain.",
            "Check the part before the @ for typing errors, or ask the recipient for the right address.",
        ),
        (1, 2 | 10) | (4, 4) => (
            "The domain of the address does not exist or takes no mail.",
            "Check the part behind the @ for typing errors, or ask the recipient for the right address.",
        ),
        (1, 3..=5) => (
            "The address is not written correctly.",
            "Check the address for typing errors.",
        ),
        (1, 6) => ("The mailbox has moved.", "Ask the recipient for the new address."),
        (1, 7..=9) => (
            "The recipient's mail server does not accept your address as sender.",
            "Check the sender address in your mail program, or ask your postmaster.",
        ),
        (2, 1) => (
            "The mailbox is switched off.",
            "Ask the recipient in another way.",
        ),
        (2, 2) => (
            "The mailbox is full.",
            "Tell the recipient in another way, and send the message again later.",
        ),
        (2, 3) | (3, 4) => (
            "The message is too big for the recipient's mail server.",
            "Send a smaller message, for example with a link instead of an attachment.",
        ),
        (3, _) => (
            "The recipient's mail system has a problem.",
            "Send the message again later.",
        ),
        (4, 6) => (
            "The message went round in a circle between mail servers.",
            "Tell the recipient; the postmaster of that domain has to correct it.",
        ),
        (4, 7) => (
            "The recipient's mail server did not take the message, and the time to try is over.",
            "Check the address, then send the message again later, or ask the recipient in another way.",
        ),
        (4, _) => (
            "The recipient's mail server could not be reached, or the connection broke.",
            "Check the part behind the @ for typing errors, then send the message again later.",
        ),
        (6, 7..=9) => (
            "The recipient's mail server cannot handle addresses or headers that are not ASCII.",
            "Use an address without accents or foreign letters, if the recipient has one.",
        ),
        (5 | 6, _) => (
            "The recipient's mail server could not handle the form of the message.",
            "Send it in another form, for example as plain text, or ask your postmaster.",
        ),
        (7, _) => (
            "The recipient's mail server refused the message by its rules, for example against spam.",
            "Read the server's answer, which often names the rule or a page about it. If you think it is a mistake, \
             pass this report on to your postmaster.",
        ),
        _ => return None,
    })
}

fn paragraph(out: &mut String, text: &str) {
    paragraph_line(out, text);
    out.push_str("\r\n");
}

fn paragraph_line(out: &mut String, text: &str) {
    wrap(out, 0, text, "");
}

/// `    Label:       value`, the value wrapped in its column.
fn line(out: &mut String, label: &str, value: &str) {
    out.push_str("  ");
    out.push_str(label);
    let column = 2 + label.len();
    let gap = INDENT.len().saturating_sub(column + 1);
    out.push_str(&INDENT[..gap]);
    wrap(out, column + gap, value, INDENT);
}

/// Writes the words from `column` on, wrapped, controls replaced.
fn wrap(out: &mut String, column: usize, text: &str, indent: &str) {
    let clean: String = text.chars().map(|char| safe_char(char, true)).collect();
    let mut column = column;
    let mut first = true;
    for word in words(&clean) {
        if !first && column + 1 + word.len() > LINE_OCTETS_MAX {
            out.push_str("\r\n");
            out.push_str(indent);
            column = indent.len();
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += word.len();
        first = false;
    }
    out.push_str("\r\n");
}
