//! Who is logged in. In memory: a restart logs everybody out.
//!
//! A session is known by the SHA-256 of its token, so that reading this memory gives nobody a session. Tokens have 256 random
//! bits. Bounds: [`Sessions::SESSIONS_MAX`], a number for each login, an idle and a whole length.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The sessions.
#[derive(Default)]
pub(crate) struct Sessions {
    open: Mutex<HashMap<[u8; 32], Session>>,
}

struct Session {
    login: String,
    opened: Timestamp,
    seen: Timestamp,
}

impl Sessions {
    /// Sessions at once; beyond it the one unused for longest is closed.
    const SESSIONS_MAX: usize = 10_000;
    /// Sessions of one login at once; likewise.
    const OF_LOGIN_MAX: usize = 16;
    /// Unused for so long, it is closed.
    const IDLE_MAX: SignedDuration = SignedDuration::from_hours(2);
    /// After so long it is closed in any case.
    pub(crate) const LENGTH_MAX: SignedDuration = SignedDuration::from_hours(12);

    /// Opens a session and gives its token.
    pub(crate) fn open(&self, login: &str, now: Timestamp) -> String {
        let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let mut open = self.lock();
        open.retain(|_, session| session.is_valid(now));
        close_oldest(&mut open, Self::OF_LOGIN_MAX, |session| session.login == login);
        close_oldest(&mut open, Self::SESSIONS_MAX, |_| true);
        open.insert(
            digest(&token),
            Session {
                login: login.to_owned(),
                opened: now,
                seen: now,
            },
        );
        token
    }

    /// The login behind a token; using it keeps it from being idle.
    pub(crate) fn login(&self, token: &str, now: Timestamp) -> Option<String> {
        let mut open = self.lock();
        let key = digest(token);
        let session = open.get_mut(&key)?;
        if !session.is_valid(now) {
            open.remove(&key);
            return None;
        }
        session.seen = session.seen.max(now);
        Some(session.login.clone())
    }

    /// Closes a session.
    pub(crate) fn close(&self, token: &str) {
        self.lock().remove(&digest(token));
    }

    /// Open sessions.
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn is_valid(&self, now: Timestamp) -> bool {
        now.duration_since(self.seen) < Sessions::IDLE_MAX
            && now.duration_since(self.opened) < Sessions::LENGTH_MAX
    }
}

/// Leaves room for one more among those that count.
fn close_oldest(open: &mut HashMap<[u8; 32], Session>, max: usize, counts: impl Fn(&Session) -> bool) {
    while open.values().filter(|session| counts(session)).count() >= max {
        let oldest = open
            .iter()
            .filter(|(_, session)| counts(session))
            .min_by_key(|(_, session)| session.seen);
        let Some(key) = oldest.map(|(key, _)| *key) else {
            return;
        };
        open.remove(&key);
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn lives_while_used_and_not_forever() {
        let sessions = Sessions::default();
        let token = sessions.open("a@b", at(0));
        assert_eq!(token.len(), 43);
        for minutes in (100..700).step_by(100) {
            assert_eq!(
                sessions.login(&token, at(minutes)).as_deref(),
                Some("a@b"),
                "{minutes}"
            );
        }
        assert_eq!(sessions.login(&token, at(720)), None, "twelve hours are over");
        let token = sessions.open("a@b", at(0));
        assert_eq!(sessions.login(&token, at(120)), None, "two hours idle");
        let token = sessions.open("a@b", at(0));
        sessions.close(&token);
        assert_eq!(sessions.login(&token, at(1)), None);
        assert_eq!(sessions.login("", at(1)), None);
    }

    #[test]
    fn bounded_for_each_login() {
        let sessions = Sessions::default();
        let first = sessions.open("a@b", at(0));
        let other = sessions.open("c@d", at(0));
        for _ in 0..Sessions::OF_LOGIN_MAX {
            sessions.open("a@b", at(1));
        }
        assert_eq!(sessions.count(), Sessions::OF_LOGIN_MAX + 1);
        assert_eq!(sessions.login(&first, at(1)), None);
        assert!(sessions.login(&other, at(1)).is_some());
    }
}
