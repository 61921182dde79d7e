//! The policy: everything a judgement depends on besides the facts. Data, so that it can be edited, stored, compared and replayed.

use crate::{Class, LimitOverrides, Standing};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is done with a class of message from a sender of some standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Let it pass.
    Accept,
    /// Let it pass as far as the sender's conduct allows; in a site's first `observe_days`, while the sender's allowance of risky
    /// messages lasts, then refuse.
    Allow,
    /// Take it and keep it for somebody to release.
    Hold,
    /// Ask the client to try again.
    Defer,
    /// Refuse it.
    Refuse,
}

/// One row of the table: the act for each standing. A locked sender is refused before any class is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acts {
    /// For senders nothing is known of.
    pub new: Act,
    /// For senders with a clean history.
    pub good: Act,
    /// For senders with a recent refusal.
    pub watched: Act,
    /// For senders with several.
    pub limited: Act,
}

/// What to do with a sender address that does not belong to the login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityMode {
    /// It is a symbol, nothing more.
    Log,
    /// 553 5.7.1.
    #[default]
    Refuse,
}

/// What to do when a scanner that is switched on does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailurePolicy {
    /// Senders of good standing pass, `unchecked_per_day` messages a day; others are deferred.
    #[default]
    GoodPass,
    /// Everybody passes.
    Open,
    /// Everybody is deferred.
    Shut,
}

/// What a listener decides differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListenerPolicy {
    /// Instead of the site's.
    pub identity: Option<IdentityMode>,
    /// Instead of the site's.
    pub scanner_failure: Option<FailurePolicy>,
}

/// The policy of a site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Log odds of abuse before anything is known of a message, in decibans. -20 is 1 in 101.
    pub prior_db: f32,
    /// A message at or above this sum is suspect. -5 dB is a probability of 0.24.
    pub suspect_db: f32,
    /// A message at or above this sum is spam. +5 dB is a probability of 0.76.
    pub spam_db: f32,
    /// What is done with clean messages.
    pub clean: Acts,
    /// What is done with suspect messages.
    pub suspect: Acts,
    /// What is done with spam.
    pub spam: Acts,
    /// Risky messages that a sender of each standing may send in 24 hours while its conduct is only watched.
    pub allowance: Allowance,
    /// Risky messages that are allowed besides for every 1,000 messages of the last 24 hours, as far as a limit counts them. About 1.3
    /// in 1,000 honest texts are so rare that they are suspect: a busy server may not be refused for that.
    pub allowance_per_mille: u32,
    /// Refusals for content within `lock_window_s` that lock a sender.
    pub lock_refusals: u32,
    /// Length of that window in seconds.
    pub lock_window_s: u32,
    /// Refusals for content within 24 hours that lock a sender, however slow.
    pub lock_refusals_day: u32,
    /// How long an automatic lock lasts, in seconds.
    pub lock_s: u64,
    /// Refusals for content within 24 hours that make a watched sender limited.
    pub limit_refusals: u32,
    /// Accepted messages after which a sender can be good.
    pub good_after_messages: u64,
    /// Days since its first accepted message after which a sender can be good.
    pub good_after_days: u32,
    /// Days without a refusal after which a watched sender is judged by its history again, and a limited one is watched.
    pub quiet_days: u32,
    /// Does the sender address have to belong to the login.
    pub identity: IdentityMode,
    /// When a scanner does not answer.
    pub scanner_failure: FailurePolicy,
    /// Messages that a good sender may send in 24 hours while a scanner does not answer.
    pub unchecked_per_day: u32,
    /// Decibans that a spam scanner's own threshold is worth; its score counts in proportion.
    pub scanner_threshold_db: f32,
    /// File kinds that are refused as attachments.
    pub blocked_attachments: Vec<mail::message::sniff::Kind>,
    /// File kinds that are refused inside of archives and documents: programs, and scripts that a system runs at a click.
    /// Scripts that are somebody's source code are let through there: those of other interpreters (`.py`, `.sh`, `.php`)
    /// always, `.js`, `.bat` and the like among five other files.
    pub blocked_in_archives: Vec<mail::message::sniff::Kind>,
    /// Refuse archives that are made to exhaust whoever opens them: they cannot be looked into.
    pub refuse_archive_bombs: bool,
    /// Of honest senders, the share of whom a message may be held wrongly for its conduct within a month.
    pub wrongful_hold_rate: f32,
    /// Of honest senders, the share of whom messages may be refused, and a place stopped, wrongly within a month.
    pub wrongful_lock_rate: f32,
    /// Messages that an ordinary sender sends in a month: the rates above are stated for it.
    pub month_messages: u32,
    /// Days for which a new site only watches conduct and stops nobody for it.
    pub observe_days: u32,
    /// Volume limits of the site; tenants, domains and mailboxes override them in the directory.
    pub limits: LimitOverrides,
    /// Different decisions for single listeners, by name.
    pub listeners: BTreeMap<String, ListenerPolicy>,
}

/// Risky messages a day by standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowance {
    /// For new senders.
    pub new: u32,
    /// For good senders.
    pub good: u32,
    /// For watched senders.
    pub watched: u32,
    /// For limited senders.
    pub limited: u32,
}

/// The policy contradicts itself. The operator caused it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A weight that is not a number, or is beyond [`crate::Decibans::MAX`].
    #[error("risk.{0} must be a number between {1} and 200")]
    Weight(&'static str, i32),
    /// A rate of errors that is none.
    #[error("risk.{0} must be above 0 and below 1")]
    Rate(&'static str),
    /// Thresholds out of order.
    #[error("risk.suspect_db must be below risk.spam_db")]
    Thresholds,
    /// A window outside its bounds, or too many windows.
    #[error("a limit's window_s must be 60 to 604800, with at most 6 windows a level")]
    Windows,
}

impl Default for Policy {
    fn default() -> Self {
        let all = |act| Acts {
            new: act,
            good: act,
            watched: act,
            limited: act,
        };
        Self {
            prior_db: -20.0,
            suspect_db: -5.0,
            spam_db: 5.0,
            clean: all(Act::Accept),
            suspect: Acts {
                new: Act::Allow,
                good: Act::Accept,
                watched: Act::Allow,
                limited: Act::Hold,
            },
            spam: all(Act::Refuse),
            allowance: Allowance {
                new: 3,
                good: 10,
                watched: 2,
                limited: 0,
            },
            allowance_per_mille: 5,
            lock_refusals: 5,
            lock_window_s: 600,
            lock_refusals_day: 15,
            lock_s: 7 * 86_400,
            limit_refusals: 3,
            good_after_messages: 50,
            good_after_days: 14,
            quiet_days: 7,
            identity: IdentityMode::Refuse,
            scanner_failure: FailurePolicy::GoodPass,
            unchecked_per_day: 100,
            scanner_threshold_db: 25.0,
            blocked_attachments: vec![
                mail::message::sniff::Kind::Executable,
                mail::message::sniff::Kind::Script,
            ],
            blocked_in_archives: vec![
                mail::message::sniff::Kind::Executable,
                mail::message::sniff::Kind::Script,
            ],
            refuse_archive_bombs: true,
            wrongful_hold_rate: 1e-3,
            wrongful_lock_rate: 1e-5,
            month_messages: 100,
            observe_days: 7,
            limits: default_limits(),
            listeners: BTreeMap::new(),
        }
    }
}

/// 150 recipients a message and 1,000 messages a day and mailbox: what mailbox providers run in production.
fn default_limits() -> LimitOverrides {
    let window = |window_s, messages, recipients| crate::Windowed {
        window_s,
        messages: Some(messages),
        recipients: Some(recipients),
        distinct_recipients: None,
    };
    let each_mailbox = crate::Limits {
        windows: vec![window(3_600, 300, 600), window(86_400, 1_000, 2_000)],
        recipients_per_message: Some(150),
    };
    LimitOverrides {
        own: None,
        each_mailbox: Some(each_mailbox),
        each_domain: None,
    }
}

impl Policy {
    /// Refuses a policy that contradicts itself.
    pub fn check(&self) -> Result<(), PolicyError> {
        let weights = [
            ("prior_db", self.prior_db, -200),
            ("suspect_db", self.suspect_db, -200),
            ("spam_db", self.spam_db, -200),
            ("scanner_threshold_db", self.scanner_threshold_db, 0),
        ];
        for (name, weight, least) in weights {
            if !(least as f32..=crate::Decibans::MAX).contains(&weight) {
                return Err(PolicyError::Weight(name, least));
            }
        }
        let rates = [
            ("wrongful_hold_rate", self.wrongful_hold_rate),
            ("wrongful_lock_rate", self.wrongful_lock_rate),
        ];
        for (name, rate) in rates {
            if !(rate > 0.0 && rate < 1.0) {
                return Err(PolicyError::Rate(name));
            }
        }
        if self.suspect_db >= self.spam_db {
            return Err(PolicyError::Thresholds);
        }
        let levels = [
            &self.limits.own,
            &self.limits.each_mailbox,
            &self.limits.each_domain,
        ];
        if levels.into_iter().flatten().all(crate::Limits::is_valid) {
            Ok(())
        } else {
            Err(PolicyError::Windows)
        }
    }

    /// Evidence from which odd messages of a sender are held: a likelihood ratio of 10^(h/10) is reached by honest mail less than
    /// once in so many messages.
    pub fn hold_db(&self) -> f32 {
        self.threshold_db(self.wrongful_hold_rate)
    }

    /// Evidence from which they are refused.
    pub fn lock_db(&self) -> f32 {
        self.threshold_db(self.wrongful_lock_rate).max(self.hold_db())
    }

    fn threshold_db(&self, rate: f32) -> f32 {
        10.0 * (self.month_messages.max(1) as f32 / rate.max(1e-12)).log10()
    }

    /// The act for a class and standing. Malware is always refused, a locked sender too.
    pub fn act(&self, class: Class, standing: Standing) -> Act {
        let row = match class {
            Class::Clean => &self.clean,
            Class::Suspect => &self.suspect,
            Class::Spam => &self.spam,
            Class::Malware => return Act::Refuse,
        };
        match standing {
            Standing::New => row.new,
            Standing::Good => row.good,
            Standing::Watched => row.watched,
            Standing::Limited => row.limited,
            Standing::Locked => Act::Refuse,
        }
    }

    /// Risky messages a day for a standing that sent so many messages in that day.
    pub fn allowance_of(&self, standing: Standing, messages: u64) -> u32 {
        let base = match standing {
            Standing::New => self.allowance.new,
            Standing::Good => self.allowance.good,
            Standing::Watched => self.allowance.watched,
            Standing::Limited => self.allowance.limited,
            Standing::Locked => return 0,
        };
        let of_volume = messages.saturating_mul(u64::from(self.allowance_per_mille)) / 1_000;
        base.saturating_add(u32::try_from(of_volume).unwrap_or(u32::MAX))
    }

    /// Identity mode on a listener.
    pub fn identity_on(&self, listener: &str) -> IdentityMode {
        self.listeners
            .get(listener)
            .and_then(|own| own.identity)
            .unwrap_or(self.identity)
    }

    /// Failure policy on a listener.
    pub fn failure_on(&self, listener: &str) -> FailurePolicy {
        self.listeners
            .get(listener)
            .and_then(|own| own.scanner_failure)
            .unwrap_or(self.scanner_failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_consistent_and_survives_toml() {
        let policy = Policy::default();
        assert_eq!(policy.check(), Ok(()));
        let text = toml::to_string(&policy).unwrap();
        assert_eq!(toml::from_str::<Policy>(&text).unwrap(), policy);
    }

    #[test]
    fn contradictions_are_refused() {
        let order = Policy {
            suspect_db: 6.0,
            ..Policy::default()
        };
        assert_eq!(order.check(), Err(PolicyError::Thresholds));
        for weight in [f32::NAN, f32::INFINITY, -25.0, 201.0] {
            let policy = Policy {
                scanner_threshold_db: weight,
                ..Policy::default()
            };
            assert_eq!(
                policy.check(),
                Err(PolicyError::Weight("scanner_threshold_db", 0)),
                "{weight}"
            );
            let never = Policy {
                spam_db: f32::NAN,
                ..Policy::default()
            };
            assert!(never.check().is_err());
        }
        let mut short = Policy::default();
        short.limits.each_domain = Some(crate::Limits {
            windows: vec![crate::Windowed {
                window_s: 1,
                ..Default::default()
            }],
            recipients_per_message: None,
        });
        assert_eq!(short.check(), Err(PolicyError::Windows));
    }
}
