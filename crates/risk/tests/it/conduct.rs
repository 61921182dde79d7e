//! The ladder: new, good, watched, limited, locked, and back.

use jiff::Timestamp;
use risk::*;

fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + hour * 3_600).unwrap()
}

fn verdict(action: Action, cause: Cause, class: Class) -> Verdict {
    Verdict {
        class,
        action,
        cause,
        reason: Reason::Content {
            observations: vec![Observation::new("GTUBE", [""])],
        },
        score: Decibans::new(30.0),
        symbols: Vec::new(),
        pool: "risk".into(),
        on_allowance: false,
        unchecked: false,
        trial: None,
    }
}

struct Ladder {
    conduct: Conduct,
    policy: Policy,
}

impl Ladder {
    fn new() -> Self {
        Self {
            conduct: Conduct::default(),
            policy: Policy::default(),
        }
    }

    fn judged(&mut self, verdict: &Verdict, now: Timestamp) -> Option<Lock> {
        fold(
            &mut self.conduct,
            &Outcome::Judged {
                verdict,
                reference: "0ref",
            },
            &self.policy,
            now,
        )
    }

    fn accept(&mut self, now: Timestamp) {
        assert_eq!(
            self.judged(&verdict(Action::Accept, Cause::None, Class::Clean), now),
            None
        );
    }

    fn refuse(&mut self, now: Timestamp) -> Option<Lock> {
        self.judged(&verdict(Action::Refuse, Cause::Content, Class::Spam), now)
    }

    fn good() -> Self {
        let mut ladder = Self::new();
        for hour in 0..60 {
            ladder.accept(at(hour * 8));
        }
        assert_eq!(ladder.conduct.standing, Standing::Good);
        ladder
    }
}

#[test]
fn new_becomes_good_by_mail_and_days_together() {
    let mut many_at_once = Ladder::new();
    for _ in 0..500 {
        many_at_once.accept(at(0));
    }
    assert_eq!(many_at_once.conduct.standing, Standing::New, "mail without days");
    let mut few = Ladder::new();
    few.accept(at(0));
    few.accept(at(24 * 60));
    assert_eq!(few.conduct.standing, Standing::New, "days without mail");
    Ladder::good();
}

#[test]
fn five_refusals_in_ten_minutes_lock() {
    let mut ladder = Ladder::good();
    let now = at(500);
    for count in 1..5 {
        assert_eq!(ladder.refuse(now), None, "{count}");
    }
    assert_eq!(ladder.conduct.standing, Standing::Limited);
    let lock = ladder.refuse(now).unwrap();
    assert_eq!((lock.by.as_str(), lock.reference.as_str()), ("dogana", "0ref"));
    assert!(lock.reason.contains("5 refused messages"), "{}", lock.reason);
    assert_eq!(ladder.conduct.standing_at(now), Standing::Locked);
    assert_eq!(ladder.conduct.facts_at(now, &ladder.policy).lock, Some(lock));
}

#[test]
fn slow_refusals_lock_by_the_day() {
    let mut ladder = Ladder::new();
    let locked = (0..15)
        .map(|count| ladder.refuse(at(count)))
        .filter(Option::is_some)
        .count();
    assert_eq!(locked, 1, "the fifteenth in a day");
    assert_eq!(ladder.conduct.standing, Standing::Locked);
}

#[test]
fn honest_mistakes_do_not_count() {
    let mut ladder = Ladder::good();
    for cause in [
        Cause::Identity,
        Cause::Rate,
        Cause::Recipients,
        Cause::Attachment,
        Cause::Unchecked,
        Cause::Locked,
    ] {
        for _ in 0..20 {
            assert_eq!(
                ladder.judged(&verdict(Action::Refuse, cause, Class::Suspect), at(500)),
                None,
                "{cause:?}"
            );
        }
    }
    assert_eq!(ladder.conduct.standing, Standing::Good);
}

#[test]
fn a_lock_runs_out_into_watched_and_quiet_days_lead_back() {
    let mut ladder = Ladder::good();
    for _ in 0..5 {
        ladder.refuse(at(500));
    }
    let over = at(500 + 7 * 24);
    assert_eq!(ladder.conduct.standing_at(over), Standing::Watched);
    assert_eq!(ladder.conduct.lock_at(over), None);
    ladder.accept(over);
    assert_eq!(ladder.conduct.lock, None);
    assert_eq!(ladder.conduct.locks, 1, "repeat victims stay visible");
    assert_eq!(
        ladder.conduct.standing,
        Standing::Good,
        "a week without refusals has passed"
    );
}

#[test]
fn limited_goes_back_step_by_step() {
    let mut ladder = Ladder::good();
    for _ in 0..3 {
        ladder.refuse(at(500));
    }
    ladder.accept(at(510));
    assert_eq!(ladder.conduct.standing, Standing::Limited, "not quiet yet");
    ladder.accept(at(500 + 8 * 24));
    assert_eq!(ladder.conduct.standing, Standing::Watched);
    ladder.accept(at(501 + 8 * 24));
    assert_eq!(ladder.conduct.standing, Standing::Good);
}

#[test]
fn by_hand() {
    let mut ladder = Ladder::good();
    let lock = Lock {
        reference: "ticket 7".into(),
        reason: "owner asked".into(),
        by: "olga".into(),
        at: at(500),
        until: None,
        elsewhere: false,
    };
    fold(
        &mut ladder.conduct,
        &Outcome::LockedBy(lock.clone()),
        &ladder.policy,
        at(500),
    );
    assert_eq!(ladder.conduct.lock_at(at(99_999)), Some(&lock));
    fold(&mut ladder.conduct, &Outcome::Unlocked, &ladder.policy, at(501));
    assert_eq!(ladder.conduct.standing_at(at(501)), Standing::Watched);
}

#[test]
fn the_lists_are_bounded() {
    let mut ladder = Ladder::new();
    ladder.policy.lock_refusals = u32::MAX;
    ladder.policy.lock_refusals_day = u32::MAX;
    for minute in 0..10_000 {
        ladder.refuse(at(minute));
        let mut risky = verdict(Action::Accept, Cause::None, Class::Suspect);
        (risky.on_allowance, risky.unchecked) = (true, true);
        ladder.judged(&risky, at(minute));
    }
    let conduct = &ladder.conduct;
    for list in [&conduct.refusals, &conduct.risky, &conduct.unchecked] {
        assert_eq!(list.len(), Conduct::TIMES_MAX);
    }
    assert_eq!(conduct.facts_at(at(9_999), &ladder.policy).risky_today, 24);
}
