//! Who may see and do what. The one place where scope is decided.
//!
//! Decision in prose: an operator sees and does everything. A reseller sees its tenant, a domain administrator its domain, a
//! user itself. The help desk sees who sent what to whom and why it was stopped, but nothing of the content; it may unlock
//! and nothing else. Nobody unlocks itself or releases its own mail, because whoever stole the password would: that belongs
//! one level up. What belongs to nobody yet (a connection before its login) is for operators and the help desk alone.

use risk::Cause;
use serde::Serialize;
use std::borrow::Cow;
use store::{Account, StoryFilter, StoryRow};
use trace::{Event, Scope, What};

/// Roles, the widest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the gateway.
    Operator,
    /// Support staff: sees all, reads nothing, may unlock.
    HelpDesk,
    /// A customer with many domains.
    Reseller,
    /// Administers one domain.
    DomainAdmin,
    /// A mailbox.
    User,
}

/// What can be done to somebody's mail or sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Lock,
    Unlock,
    Retry,
    Hold,
    Release,
    Drop,
    Pause,
}

/// Who looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    name: String,
    role: Role,
    tenant: String,
    domain: String,
    sender: String,
    language: risk::Language,
}

impl Viewer {
    /// The operator on the local socket.
    pub fn operator(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            role: Role::Operator,
            tenant: String::new(),
            domain: String::new(),
            sender: String::new(),
            language: risk::Language::English,
        }
    }

    /// The holder of an account; None when the account is disabled, its role unknown, or its place in the tree unclear.
    pub fn of(account: &Account) -> Option<Self> {
        let role = match account.role.as_str() {
            "operator" => Role::Operator,
            "help_desk" => Role::HelpDesk,
            "reseller" => Role::Reseller,
            "domain_admin" => Role::DomainAdmin,
            "user" | "" => Role::User,
            _ => return None,
        };
        // Empty would be equal to the empty scope of what belongs to nobody.
        let placed = match role {
            Role::Operator | Role::HelpDesk => true,
            Role::Reseller => !account.tenant.is_empty(),
            Role::DomainAdmin | Role::User => !account.tenant.is_empty() && !account.domain.is_empty(),
        };
        (account.enabled && placed && !account.login.is_empty()).then(|| Self {
            name: account.login.clone(),
            role,
            tenant: account.tenant.clone(),
            domain: account.domain.clone(),
            sender: format!("mailbox:{}", account.login),
            language: account.language,
        })
    }

    /// Login, or the operator's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Language of the account.
    pub fn language(&self) -> risk::Language {
        self.language
    }

    /// May it see what belongs to that scope at all.
    pub fn sees(&self, scope: &Scope) -> bool {
        match self.role {
            Role::Operator | Role::HelpDesk => true,
            Role::Reseller => scope.tenant == self.tenant,
            Role::DomainAdmin => scope.tenant == self.tenant && scope.domain == self.domain,
            Role::User => scope.sender == self.sender,
        }
    }

    /// May it see subjects, observations and facts.
    pub fn reads_content(&self) -> bool {
        self.role != Role::HelpDesk
    }

    /// Sees the whole site: figures need no narrowing.
    pub fn sees_all(&self) -> bool {
        matches!(self.role, Role::Operator | Role::HelpDesk)
    }

    /// May it do that to what belongs to that scope.
    pub(crate) fn may(&self, deed: Deed, scope: &Scope) -> bool {
        if !self.sees(scope) {
            return false;
        }
        let own = !self.sender.is_empty() && scope.sender == self.sender;
        match (self.role, deed) {
            (Role::Operator, _) => true,
            (Role::HelpDesk, deed) => deed == Deed::Unlock && !own,
            (Role::User, deed) => matches!(deed, Deed::Retry | Deed::Drop | Deed::Hold),
            (Role::Reseller | Role::DomainAdmin, Deed::Unlock | Deed::Release) => !own,
            (Role::Reseller, _) => true,
            (Role::DomainAdmin, deed) => deed != Deed::Pause,
        }
    }

    /// Whose rows a search may give at most: tenant, domain, sender key.
    pub(crate) fn bounds(&self) -> (Option<&str>, Option<&str>, Option<&str>) {
        match self.role {
            Role::Operator | Role::HelpDesk => (None, None, None),
            Role::Reseller => (Some(&self.tenant), None, None),
            Role::DomainAdmin => (Some(&self.tenant), Some(&self.domain), None),
            Role::User => (Some(&self.tenant), Some(&self.domain), Some(&self.sender)),
        }
    }

    /// Narrows a search to what may be seen; None when nothing of what was asked may be. Rows must still pass
    /// [`Viewer::sees`], because the sender is matched in part there.
    pub(crate) fn narrow(&self, mut filter: StoryFilter) -> Option<StoryFilter> {
        let (tenant, domain, sender) = self.bounds();
        filter.tenant = within(filter.tenant, tenant)?;
        filter.domain = within(filter.domain, domain)?;
        if let Some(own) = sender {
            if filter.sender.is_some_and(|part| !own.contains(&part)) {
                return None;
            }
            filter.sender = Some(own.to_owned());
        }
        Some(filter)
    }

    /// The row as this viewer may see it; None when it may not.
    pub(crate) fn shown(&self, mut row: StoryRow) -> Option<StoryRow> {
        if !self.sees(&scope_of(&row)) {
            return None;
        }
        if !self.reads_content() {
            row.subject.clear();
        }
        Some(row)
    }

    /// The event as this viewer may see it; None when it may not.
    pub(crate) fn shown_event<'a>(&self, event: &'a Event) -> Option<Cow<'a, Event>> {
        match (self.sees(&event.scope), self.reads_content()) {
            (false, _) => None,
            (true, true) => Some(Cow::Borrowed(event)),
            (true, false) => Some(Cow::Owned(without_content(event))),
        }
    }
}

/// Without what the content said: subject, observations' details, facts, and what a sentence quotes of the message.
fn without_content(event: &Event) -> Event {
    let mut event = event.light();
    match &mut event.what {
        What::Received { subject, .. } => subject.clear(),
        What::Judged {
            symbols,
            reason,
            cause,
            ..
        } => {
            symbols.iter_mut().for_each(|symbol| symbol.detail.clear());
            if cause == Cause::Content.code() {
                without_list(reason);
            }
        }
        What::Answered { reply } if reply.contains("[SPAM]") => without_list(reply),
        _ => {}
    }
    event
}

/// Of `The message looks like spam: its text ("..."), ...` the words before the colon.
fn without_list(sentence: &mut String) {
    if let Some(colon) = sentence.find(": ") {
        sentence.truncate(colon);
    }
}

/// What was asked for, inside the bound: the outer None when it lies outside.
pub(crate) fn within(asked: Option<String>, bound: Option<&str>) -> Option<Option<String>> {
    match (asked, bound) {
        (Some(asked), Some(bound)) => (asked == bound).then_some(Some(asked)),
        (None, Some(bound)) => Some(Some(bound.to_owned())),
        (asked, None) => Some(asked),
    }
}

/// Whose story a row tells.
pub(crate) fn scope_of(row: &StoryRow) -> Scope {
    Scope {
        tenant: row.tenant.clone(),
        domain: row.domain.clone(),
        sender: row.sender.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_what_quotes() {
        for (sentence, expected) in [
            (
                "The message looks like spam: its text (\"a: b\")",
                "The message looks like spam",
            ),
            (
                "550 5.7.1 [SPAM] Il messaggio sembra spam: il testo. Ref 1.",
                "550 5.7.1 [SPAM] Il messaggio sembra spam",
            ),
            ("The message looks like spam", "The message looks like spam"),
        ] {
            let mut text = sentence.to_owned();
            without_list(&mut text);
            assert_eq!(text, expected);
        }
    }

    fn viewer(role: &str) -> Viewer {
        let account = Account {
            login: "info@example.com".into(),
            domain: "example.com".into(),
            tenant: "acme".into(),
            enabled: true,
            role: role.into(),
            ..Account::default()
        };
        Viewer::of(&account).unwrap()
    }

    fn scope(tenant: &str, domain: &str, sender: &str) -> Scope {
        Scope {
            tenant: tenant.into(),
            domain: domain.into(),
            sender: sender.into(),
        }
    }

    #[test]
    fn who_sees_what() {
        let own = scope("acme", "example.com", "mailbox:info@example.com");
        let colleague = scope("acme", "example.com", "mailbox:bob@example.com");
        let sister = scope("acme", "example.org", "mailbox:info@example.org");
        let stranger = scope("zeta", "example.net", "mailbox:x@example.net");
        let nobody = Scope::default();
        let twin = scope("zeta", "example.com", "mailbox:y@example.com");
        let check = |role: &str, expected: [bool; 6]| {
            let viewer = viewer(role);
            let seen = [&own, &colleague, &sister, &stranger, &nobody, &twin].map(|scope| viewer.sees(scope));
            assert_eq!(seen, expected, "{role}");
        };
        check("operator", [true; 6]);
        check("help_desk", [true; 6]);
        check("reseller", [true, true, true, false, false, false]);
        check("domain_admin", [true, true, false, false, false, false]);
        check("user", [true, false, false, false, false, false]);
    }

    #[test]
    fn who_does_what() {
        use Deed::*;
        let own = scope("acme", "example.com", "mailbox:info@example.com");
        let other = scope("acme", "example.com", "mailbox:bob@example.com");
        let check = |role: &str, to_own: &[Deed], to_other: &[Deed]| {
            let viewer = viewer(role);
            for deed in [Lock, Unlock, Retry, Hold, Release, Drop, Pause] {
                assert_eq!(
                    viewer.may(deed, &own),
                    to_own.contains(&deed),
                    "{role} {deed:?} own"
                );
                assert_eq!(
                    viewer.may(deed, &other),
                    to_other.contains(&deed),
                    "{role} {deed:?} other"
                );
            }
        };
        let all = [Lock, Unlock, Retry, Hold, Release, Drop, Pause];
        check("operator", &all, &all);
        check("help_desk", &[], &[Unlock]);
        check("reseller", &[Lock, Retry, Hold, Drop, Pause], &all);
        check("domain_admin", &[Lock, Retry, Hold, Drop], &all[..6]);
        check("user", &[Retry, Hold, Drop], &[]);
    }

    #[test]
    fn accounts_without_a_clear_place_see_nothing() {
        let check = |role: &str, tenant: &str, domain: &str, enabled: bool, expected: bool| {
            let account = Account {
                login: "x@y".into(),
                tenant: tenant.into(),
                domain: domain.into(),
                role: role.into(),
                enabled,
                ..Account::default()
            };
            assert_eq!(Viewer::of(&account).is_some(), expected, "{account:?}");
        };
        check("reseller", "", "y", true, false);
        check("domain_admin", "t", "", true, false);
        check("user", "", "", true, false);
        check("user", "t", "y", false, false);
        check("root", "t", "y", true, false);
        check("", "t", "y", true, true);
    }

    #[test]
    fn searches_are_narrowed() {
        let check = |role: &str,
                     filter: StoryFilter,
                     expected: Option<(Option<&str>, Option<&str>, Option<&str>)>| {
            let narrowed = viewer(role).narrow(filter);
            let parts = narrowed
                .as_ref()
                .map(|f| (f.tenant.as_deref(), f.domain.as_deref(), f.sender.as_deref()));
            assert_eq!(parts, expected, "{role}");
        };
        let asks = |tenant: Option<&str>, sender: Option<&str>| StoryFilter {
            tenant: tenant.map(Into::into),
            sender: sender.map(Into::into),
            ..StoryFilter::default()
        };
        check(
            "operator",
            asks(Some("zeta"), None),
            Some((Some("zeta"), None, None)),
        );
        check(
            "reseller",
            asks(None, Some("bob")),
            Some((Some("acme"), None, Some("bob"))),
        );
        check("reseller", asks(Some("zeta"), None), None);
        check(
            "domain_admin",
            asks(None, None),
            Some((Some("acme"), Some("example.com"), None)),
        );
        let own = Some("mailbox:info@example.com");
        check(
            "user",
            asks(None, None),
            Some((Some("acme"), Some("example.com"), own)),
        );
        check(
            "user",
            asks(None, Some("info")),
            Some((Some("acme"), Some("example.com"), own)),
        );
        check("user", asks(None, Some("bob")), None);
    }
}
