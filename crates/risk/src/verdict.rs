//! What was decided, and why.

use crate::{Cause, Decibans, Reason, Symbol};
use serde::{Deserialize, Serialize};

/// Risk class of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Nothing speaks against it.
    #[default]
    Clean,
    /// More likely than usual to be abuse.
    Suspect,
    /// Abuse with the certainty the policy asks for.
    Spam,
    /// Carries a virus.
    Malware,
}

/// What is done with the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// 250; delivered through the verdict's pool.
    Accept,
    /// 250; kept until somebody releases it.
    Hold,
    /// 4yz: the client shall try again.
    Defer,
    /// 5yz.
    Refuse,
}

/// The judgement on one transaction at one stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Risk class.
    pub class: Class,
    /// What to do.
    pub action: Action,
    /// Why, when something is stopped.
    pub cause: Cause,
    /// The words for it.
    pub reason: Reason,
    /// Prior plus the weights of the message by itself: the log odds of abuse. What its sender's conduct adds is in `trial`.
    #[serde(rename = "score_db")]
    pub score: Decibans,
    /// All observations, the heaviest first.
    pub symbols: Vec<Symbol>,
    /// Pool by which it shall leave when accepted: `clean`, `new`, `bulk`, `forward`, `risk`, `bounce`.
    pub pool: String,
    /// It is let pass on the sender's allowance of risky messages.
    pub on_allowance: bool,
    /// It is let pass although a scanner did not answer.
    pub unchecked: bool,
    /// The sequential test, where the sender's conduct is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<crate::Trial>,
}

impl Class {
    /// All classes, mildest first.
    pub const ALL: [Self; 4] = [Self::Clean, Self::Suspect, Self::Spam, Self::Malware];

    /// The word in logs, panel and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Suspect => "suspect",
            Self::Spam => "spam",
            Self::Malware => "malware",
        }
    }
}

impl Action {
    /// The word in logs, panel and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Hold => "hold",
            Self::Defer => "defer",
            Self::Refuse => "refuse",
        }
    }
}
