//! What a list's answer means. Three cases and no fourth: listed, not listed, cannot tell.
//!
//! In prose: an address outside 127.0.0.0/8 comes from a resolver that lies or a domain that expired. 127.255.255.0/24 and
//! 127.0.1.255 are how lists say "I do not answer you", 127.0.0.1 is never a listing unless the list documents it. What the list
//! does not document is not a listing either: lists have begun to answer everything before. Standards: RFC 5782 §2.1, §2.3.

use std::net::Ipv4Addr;

/// Octets of a meaning that are kept.
const MEANING_CHARS_MAX: usize = 100;

/// The documented answers of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// Addresses and what they mean.
    pub spans: Vec<(Span, String)>,
    /// Bits of the last octet and what they mean, for lists that join several into one answer.
    pub bits: Vec<(u8, String)>,
}

/// An address, or a range of them, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    first: u32,
    last: u32,
}

/// What a list said of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It has it; what that means.
    Listed(String),
    /// It does not.
    NotListed,
    /// It did not say.
    CannotTell(Trouble),
}

/// Why a list could not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It does not answer this resolver: too many questions, a public resolver, no key.
    Refused(Ipv4Addr),
    /// An address that is no answer of a list.
    Foreign(Ipv4Addr),
    /// An answer that is not documented.
    Undocumented(Ipv4Addr),
    /// DNS failed.
    Dns(String),
}

impl Trouble {
    /// No question to this list can be trusted until it has passed its test.
    pub(super) fn is_of_the_list(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Foreign(_))
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(answer) => write!(
                f,
                "it does not answer this resolver ({answer}): use an own resolver, or a key"
            ),
            Self::Foreign(answer) => write!(
                f,
                "{answer} is no answer of a list: the resolver changes answers, or the zone has expired"
            ),
            Self::Undocumented(answer) => write!(f, "{answer} is not among the documented answers"),
            Self::Dns(why) => write!(f, "{why}"),
        }
    }
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let read = |text: &str| -> Result<u32, String> {
            let address: Ipv4Addr = text
                .trim()
                .parse()
                .map_err(|_| format!("{text:?} is not an IPv4 address"))?;
            if address.octets().first() == Some(&127) && !is_refusal(address) {
                Ok(address.to_bits())
            } else {
                Err(format!("{address} can be no listing"))
            }
        };
        let (first, last) = (read(first)?, read(last)?);
        if first > last {
            return Err(format!("{text:?} is no range"));
        }
        Ok(Self { first, last })
    }
}

fn is_refusal(answer: Ipv4Addr) -> bool {
    matches!(answer.octets(), [127, 255, 255, _] | [127, 0, 1, 255])
}

impl Answers {
    /// Reads the addresses of one answer.
    pub(super) fn read(&self, addresses: &[Ipv4Addr]) -> Reading {
        let trouble = addresses.iter().find_map(|answer| match answer.octets() {
            _ if is_refusal(*answer) => Some(Trouble::Refused(*answer)),
            [127, ..] => None,
            _ => Some(Trouble::Foreign(*answer)),
        });
        if let Some(trouble) = trouble {
            return Reading::CannotTell(trouble);
        }
        let meanings: Vec<&str> = addresses
            .iter()
            .flat_map(|answer| self.meanings(*answer))
            .collect();
        match (meanings.is_empty(), addresses.first()) {
            (false, _) => Reading::Listed(meanings.join(", ").chars().take(MEANING_CHARS_MAX).collect()),
            (true, None) => Reading::NotListed,
            (true, Some(&Ipv4Addr::LOCALHOST)) => Reading::CannotTell(Trouble::Refused(Ipv4Addr::LOCALHOST)),
            (true, Some(answer)) => Reading::CannotTell(Trouble::Undocumented(*answer)),
        }
    }

    fn meanings(&self, answer: Ipv4Addr) -> impl Iterator<Item = &str> {
        let number = answer.to_bits();
        let [a, b, c, last] = answer.octets();
        let of_span = self
            .spans
            .iter()
            .filter(move |(span, _)| (span.first..=span.last).contains(&number));
        // Bits are documented for 127.0.0.x only.
        let of_bits = self
            .bits
            .iter()
            .filter(move |(bit, _)| [a, b, c] == [127, 0, 0] && last & bit != 0);
        of_span
            .map(|(_, meaning)| meaning.as_str())
            .chain(of_bits.map(|(_, meaning)| meaning.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answers: &Answers, addresses: &[&str], expected: Reading) {
        let addresses: Vec<Ipv4Addr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(answers.read(&addresses), expected, "{addresses:?}");
    }

    fn listed(meaning: &str) -> Reading {
        Reading::Listed(meaning.to_owned())
    }

    #[test]
    fn three_cases_and_no_fourth() {
        let spans = ["127.0.1.2", "127.0.1.4-127.0.1.6"].map(|text| text.parse().unwrap());
        let answers = Answers {
            spans: spans
                .into_iter()
                .zip(["spam".to_owned(), "bad".to_owned()])
                .collect(),
            bits: vec![(8, "phish".to_owned()), (64, "abuse".to_owned())],
        };
        let refused = |text: &str| Reading::CannotTell(Trouble::Refused(text.parse().unwrap()));
        let foreign = |text: &str| Reading::CannotTell(Trouble::Foreign(text.parse().unwrap()));
        let unknown = |text: &str| Reading::CannotTell(Trouble::Undocumented(text.parse().unwrap()));
        check(&answers, &[], Reading::NotListed);
        check(&answers, &["127.0.1.2"], listed("spam"));
        check(&answers, &["127.0.1.5"], listed("bad"));
        check(&answers, &["127.0.1.3"], unknown("127.0.1.3"));
        check(&answers, &["127.0.0.72"], listed("phish, abuse"));
        check(&answers, &["127.0.0.1"], refused("127.0.0.1"));
        check(&answers, &["127.0.0.2"], unknown("127.0.0.2"));
        check(&answers, &["127.1.0.8"], unknown("127.1.0.8"));
        check(&answers, &["127.0.1.9", "127.0.1.2"], listed("spam"));
        for refusal in [
            "127.255.255.252",
            "127.255.255.254",
            "127.255.255.255",
            "127.0.1.255",
        ] {
            check(&answers, &[refusal], refused(refusal));
            check(&answers, &["127.0.1.2", refusal], refused(refusal));
        }
        for other in ["192.0.2.1", "0.0.0.0", "255.255.255.255"] {
            check(&answers, &[other, "127.0.1.2"], foreign(other));
        }
    }

    #[test]
    fn what_can_be_documented() {
        for (text, right) in [
            ("127.0.0.2", true),
            ("127.0.0.2-127.0.0.24", true),
            ("127.0.0.1", true),
            ("127.0.0.9-127.0.0.2", false),
            ("127.255.255.254", false),
            ("127.0.1.255", false),
            ("192.0.2.1", false),
            ("x", false),
            ("", false),
        ] {
            assert_eq!(text.parse::<Span>().is_ok(), right, "{text}");
        }
    }
}
