//! The channels of evidence and their groups.

use crate::Decibans;
use serde::{Deserialize, Serialize};

/// A kind of evidence about a sender. Each has a bounded sum of its own, so that harmless mail in one pays nothing off in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// What the message says.
    Content,
    /// Near duplicates from other senders.
    Campaign,
    /// A From that is not the sender's.
    Identity,
    /// Network, country and client; of a web site the script, of a relay the author.
    Origin,
    /// An address that is new to several senders at once.
    SharedAddress,
    /// Failed logins before a login from a new place.
    AuthFailures,
    /// People this sender never wrote to.
    Recipients,
    /// More than in its own busiest hours.
    Rate,
    /// Unknown users, refusals as spam, complaints.
    Feedback,
}

/// Channels that an independent witness would count as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceGroup {
    /// What is sent.
    Content,
    /// From where.
    Origin,
    /// To whom and how fast.
    Volume,
    /// What came back.
    Feedback,
}

impl Channel {
    /// How many there are.
    pub const COUNT: usize = 9;

    /// All, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Content,
        Self::Campaign,
        Self::Identity,
        Self::Origin,
        Self::SharedAddress,
        Self::AuthFailures,
        Self::Recipients,
        Self::Rate,
        Self::Feedback,
    ];

    /// What its sum cannot exceed, in decibans.
    pub fn cap_db(self) -> f32 {
        match self {
            Self::Content | Self::Origin => 35.0,
            Self::Campaign | Self::Rate => 26.0,
            Self::Identity => 13.0,
            Self::SharedAddress | Self::Recipients => 22.0,
            Self::AuthFailures => 8.7,
            Self::Feedback => 52.0,
        }
    }

    /// What messages from home can bring its sum to. How much and to whom somebody sends from home is mostly his own affair: an
    /// invoice run, a first mailing.
    pub fn cap_home_db(self) -> f32 {
        match self {
            Self::Recipients | Self::Rate => 10.0,
            _ => self.cap_db(),
        }
    }

    /// Its group.
    pub fn group(self) -> EvidenceGroup {
        match self {
            Self::Content | Self::Campaign | Self::Identity => EvidenceGroup::Content,
            Self::Origin | Self::SharedAddress | Self::AuthFailures => EvidenceGroup::Origin,
            Self::Recipients | Self::Rate => EvidenceGroup::Volume,
            Self::Feedback => EvidenceGroup::Feedback,
        }
    }

    /// The word in logs and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Campaign => "campaign",
            Self::Identity => "identity",
            Self::Origin => "origin",
            Self::SharedAddress => "shared_address",
            Self::AuthFailures => "auth_failures",
            Self::Recipients => "recipients",
            Self::Rate => "rate",
            Self::Feedback => "feedback",
        }
    }
}

impl EvidenceGroup {
    /// All.
    pub const ALL: [Self; 4] = [Self::Content, Self::Origin, Self::Volume, Self::Feedback];

    /// A group with less than this is no witness, in decibans. Bounces happen to everybody, so they must say more.
    pub fn witness_db(self) -> f32 {
        match self {
            Self::Content | Self::Origin | Self::Volume => 6.5,
            Self::Feedback => 13.0,
        }
    }
}

/// One figure a channel, in decibans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sums(pub [f32; Channel::COUNT]);

impl Sums {
    /// Days after which evidence is half forgotten.
    pub const HALF_LIFE_S: f32 = 5.0 * 86_400.0;

    /// Of one channel.
    pub fn of(&self, channel: Channel) -> f32 {
        self.0.get(channel as usize).copied().unwrap_or_default()
    }

    /// Sets one channel; what is not a number becomes 0.
    pub fn set(&mut self, channel: Channel, value: f32) {
        if let Some(slot) = self.0.get_mut(channel as usize) {
            *slot = if value.is_finite() { value } else { 0.0 };
        }
    }

    /// All of one group.
    pub fn group(&self, group: EvidenceGroup) -> f32 {
        let of_group = Channel::ALL
            .into_iter()
            .filter(|channel| channel.group() == group);
        of_group.map(|channel| self.of(channel)).sum()
    }

    /// All together.
    pub fn total(&self) -> Decibans {
        Decibans::new(self.0.iter().sum())
    }

    /// After so many seconds without evidence.
    #[must_use]
    pub fn faded(&self, seconds: f32) -> Self {
        let kept = (-seconds.max(0.0) / Self::HALF_LIFE_S).exp2();
        Self(self.0.map(|sum| sum * kept))
    }

    /// With a message's ratios booked: each channel is a CUSUM between 0 and its cap.
    #[must_use]
    pub fn with(&self, ratios: &Self, home: bool) -> Self {
        let mut sums = *self;
        for channel in Channel::ALL {
            let before = sums.of(channel);
            let cap = if home {
                channel.cap_home_db().max(before)
            } else {
                channel.cap_db()
            };
            sums.set(channel, (before + ratios.of(channel)).clamp(0.0, cap));
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_stay_within_their_bounds_and_fade() {
        let mut ratios = Sums::default();
        ratios.set(Channel::Content, 17.4);
        ratios.set(Channel::Origin, -3.0);
        ratios.set(Channel::Rate, f32::NAN);
        let mut sums = Sums::default();
        for _ in 0..100 {
            sums = sums.with(&ratios, false);
        }
        assert_eq!(sums.of(Channel::Content), Channel::Content.cap_db());
        assert_eq!((sums.of(Channel::Origin), sums.of(Channel::Rate)), (0.0, 0.0));
        let faded = sums.faded(Sums::HALF_LIFE_S).of(Channel::Content);
        assert!((faded - 17.5).abs() < 0.01, "{faded}");
        assert_eq!(sums.faded(-5.0), sums, "a clock that goes back forgets nothing");
    }

    #[test]
    fn numbers_and_groups() {
        for (number, channel) in Channel::ALL.into_iter().enumerate() {
            assert_eq!(channel as usize, number);
            assert!(channel.cap_db() > 0.0);
        }
        assert_eq!(Sums([1.0; Channel::COUNT]).group(EvidenceGroup::Volume), 2.0);
    }
}
