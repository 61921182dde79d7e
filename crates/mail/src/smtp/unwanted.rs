//! What a permanent refusal says of a message: that its content is unwanted.
//!
//! In prose: servers say so in words, and hardly any has a code of its own for it: X.7.1 is also "relaying denied", "your address
//! is listed" and "authentication failed". So the words decide: one of those that filters use of a message, and none that speaks
//! of the sender's address, of authentication, of rates or of policy towards the host. A code that speaks of something else
//! (an unknown mailbox, a full one) rules it out.
//!
//! Promises: linear, no panic. The text comes from a foreign host and may lie; whoever uses it bounds what it can do.
//! Standards: RFC 3463 §3.8.

use super::reply::{Reply, Severity};

/// Words of filters about a message. Where one begins or ends with a letter, no other letter stands beside it.
const OF_THE_MESSAGE: [&str; 23] = [
    "spam",
    "spamassassin",
    "spammy",
    "unsolicited",
    "junk",
    "junkmail",
    "uce",
    "phishing",
    "bulk mail",
    "content rejected",
    "content not allowed",
    "rejected for content",
    "content restrictions",
    "content filter",
    "message content",
    "message looks like",
    "virus-like",
    "gtube",
    "unerwünscht",
    "posta indesiderata",
    "messaggio indesiderato",
    "спам",
    "нежелательн",
];

/// Words about who sends.
const OF_THE_SENDER: [&str; 34] = [
    "blocked using",
    "blacklist",
    "blacklisted",
    "blocklist",
    "blocklisted",
    "block list",
    "black list",
    "listed at",
    "listed by",
    "listed in",
    "listed on",
    "dnsbl",
    "rbl",
    "zen",
    "spamhaus",
    "spamcop",
    "ip address",
    "your ip",
    "client host",
    "sending host",
    "reputation",
    "spf",
    "dkim",
    "dmarc",
    "ptr",
    "reverse dns",
    "relay",
    "relaying",
    "authentication",
    "authenticate",
    "rate limit",
    "too many",
    "greylist",
    "greylisted",
];

impl Reply {
    /// The peer refuses the message for good because of what is in it. To be asked of the reply to the message itself.
    pub fn calls_it_unwanted(&self) -> bool {
        let other = |subject| !matches!(subject, 0 | 6 | 7);
        if self.severity() != Severity::Permanent || self.enhanced.is_some_and(|code| other(code.subject)) {
            return false;
        }
        self.says(&OF_THE_MESSAGE) && !self.speaks_of_the_sender()
    }

    /// The peer speaks of who sends: a listed address, missing authentication, a rate. It may not have looked at the message.
    pub fn speaks_of_the_sender(&self) -> bool {
        self.says(&OF_THE_SENDER)
    }

    fn says(&self, words: &[&str]) -> bool {
        let text = self.lines.join(" ").to_lowercase();
        words.iter().any(|word| has_word(&text, word))
    }
}

/// The word stands in the text, and is not a part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    // Russian ends its words in many ways.
    let open_end = !word.is_ascii();
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|head| head.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|tail| tail.chars().next());
        let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        !letter(before) && (open_end || !letter(after))
    })
}

#[cfg(test)]
mod tests {
    use super::super::ReplyReader;

    #[test]
    fn who_says_spam() {
        for (text, expected) in [
            ("554 5.7.1 Spam message rejected", true),
            ("550 5.7.1 Blocked by SpamAssassin", true),
            (
                "554 5.7.1 Message rejected under suspicion of SPAM; https://help.example/1",
                true,
            ),
            (
                "550 spam message rejected. Please visit http://help.example/notspam",
                true,
            ),
            (
                "552 5.7.0 This message was blocked because its content presents a potential issue",
                false,
            ),
            (
                "550 5.7.1 Our system has detected that this message is likely unsolicited mail.",
                true,
            ),
            ("554 5.7.0 Reject, id=1234-05 - spam", true),
            ("550 5.7.1 GTUBE", true),
            ("550 High probability of spam", true),
            ("554 5.7.1 Письмо отклонено: подозрение на спам", true),
            ("451 4.7.1 spam, try again", false),
            ("550 5.7.1 Relaying denied", false),
            ("550 5.1.1 no such user: spam@example.com", false),
            (
                "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
                false,
            ),
            ("550 5.7.1 Your IP sends spam; it is on our blocklist", false),
            (
                "550 5.7.26 This mail is unauthenticated (SPF, DKIM): spam protection",
                false,
            ),
            ("554 Message not allowed for policy reasons", false),
            ("550 antispam@example.com says no", false),
            ("250 2.0.0 accepted as spam", false),
        ] {
            let mut reader = ReplyReader::default();
            let line = format!("{text}\r\n");
            let reply = reader.feed(line.as_bytes()).unwrap().1.unwrap();
            assert_eq!(reply.calls_it_unwanted(), expected, "{text}");
        }
    }
}
