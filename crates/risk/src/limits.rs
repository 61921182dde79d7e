//! Volume limits: messages and recipients apart, several windows at once, inherited tenant > domain > mailbox.

use serde::{Deserialize, Serialize};

/// Limits of one level over one window. None is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Windowed {
    /// Length of the window in seconds, 60 to 604,800.
    pub window_s: u32,
    /// Messages.
    pub messages: Option<u64>,
    /// Recipients (one message to five counts five).
    pub recipients: Option<u64>,
    /// Different recipients.
    pub distinct_recipients: Option<u64>,
}

/// All limits of one level.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// One entry a window, at most [`Limits::WINDOWS_MAX`].
    pub windows: Vec<Windowed>,
    /// Recipients in one message.
    pub recipients_per_message: Option<u32>,
}

/// What a tenant, domain or mailbox sets for itself and for what is below it. Absent means inherited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitOverrides {
    /// For this level's own total.
    pub own: Option<Limits>,
    /// For each mailbox below it.
    pub each_mailbox: Option<Limits>,
    /// For each domain below it.
    pub each_domain: Option<Limits>,
}

impl Limits {
    /// Windows of one level.
    pub const WINDOWS_MAX: usize = 6;

    /// False when a window is outside 60 s to 7 days, or there are too many.
    pub fn is_valid(&self) -> bool {
        self.windows.len() <= Self::WINDOWS_MAX
            && self
                .windows
                .iter()
                .all(|window| (60..=604_800).contains(&window.window_s))
    }

    /// The limits of a mailbox: its own, else its domain's word for each mailbox, else its tenant's, else the site's.
    pub fn of_mailbox<'a>(
        site: &'a LimitOverrides,
        tenant: &'a LimitOverrides,
        domain: &'a LimitOverrides,
        mailbox: &'a LimitOverrides,
    ) -> Option<&'a Limits> {
        let below = domain
            .each_mailbox
            .as_ref()
            .or(tenant.each_mailbox.as_ref())
            .or(site.each_mailbox.as_ref());
        mailbox.own.as_ref().or(below)
    }

    /// The limits of a domain's total: its own, else its tenant's word for each domain, else the site's.
    pub fn of_domain<'a>(
        site: &'a LimitOverrides,
        tenant: &'a LimitOverrides,
        domain: &'a LimitOverrides,
    ) -> Option<&'a Limits> {
        domain
            .own
            .as_ref()
            .or(tenant.each_domain.as_ref())
            .or(site.each_domain.as_ref())
    }

    /// The limits of a tenant's total: its own, else the site's word for each tenant (kept as the site's own).
    pub fn of_tenant<'a>(site: &'a LimitOverrides, tenant: &'a LimitOverrides) -> Option<&'a Limits> {
        tenant.own.as_ref().or(site.own.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(per_message: u32) -> Limits {
        Limits {
            windows: Vec::new(),
            recipients_per_message: Some(per_message),
        }
    }

    #[test]
    fn inheritance() {
        let none = LimitOverrides::default();
        let site = LimitOverrides {
            each_mailbox: Some(limits(1)),
            ..Default::default()
        };
        let tenant = LimitOverrides {
            each_mailbox: Some(limits(2)),
            each_domain: Some(limits(20)),
            own: Some(limits(200)),
        };
        let domain = LimitOverrides {
            each_mailbox: Some(limits(3)),
            own: Some(limits(30)),
            ..Default::default()
        };
        let mailbox = LimitOverrides {
            own: Some(limits(4)),
            ..Default::default()
        };
        let seen = |found: Option<&Limits>| found.and_then(|limits| limits.recipients_per_message);
        let of = |tenant, domain, mailbox| seen(Limits::of_mailbox(&site, tenant, domain, mailbox));
        assert_eq!(of(&none, &none, &none), Some(1));
        assert_eq!(of(&tenant, &none, &none), Some(2));
        assert_eq!(of(&tenant, &domain, &none), Some(3));
        assert_eq!(of(&tenant, &domain, &mailbox), Some(4));
        assert_eq!(seen(Limits::of_domain(&site, &tenant, &domain)), Some(30));
        assert_eq!(seen(Limits::of_domain(&site, &tenant, &none)), Some(20));
        assert_eq!(seen(Limits::of_domain(&site, &none, &none)), None);
        assert_eq!(seen(Limits::of_tenant(&site, &tenant)), Some(200));
    }
}
