//! Why something was stopped, as a code.

use serde::{Deserialize, Serialize};

/// The family of a refusal, deferral or hold; its code is in the reply and stable over versions (docs/replies.md).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Nothing was stopped.
    #[default]
    None,
    /// The sender address does not belong to the login.
    Identity,
    /// The sender is locked.
    Locked,
    /// A volume limit.
    Rate,
    /// More recipients in one message than allowed.
    Recipients,
    /// A file of a type that is not let through.
    Attachment,
    /// A virus.
    Malware,
    /// The content was judged.
    Content,
    /// The sender's conduct: unlike its usual mail.
    Conduct,
    /// Risky, and the allowance of risky messages is used up.
    Allowance,
    /// A scanner could not be asked.
    Unchecked,
}

impl Cause {
    /// The bracketed code that support staff can search for.
    pub fn code(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Identity => "OWN",
            Self::Locked => "LOCK",
            Self::Rate => "RATE",
            Self::Recipients => "RCPT",
            Self::Attachment => "FILE",
            Self::Malware => "VIRUS",
            Self::Content => "SPAM",
            Self::Conduct => "ODD",
            Self::Allowance => "RISK",
            Self::Unchecked => "SCAN",
        }
    }
}
