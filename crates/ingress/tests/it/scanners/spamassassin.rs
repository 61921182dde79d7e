//! A real spamd.

use super::*;
use e2e::mails;
use e2e::neighbours::spamd::Spamd;

const RULES: &str = "
header OWN_WORD Subject =~ /own word/
score OWN_WORD 2.5
header GOOD_WORD Subject =~ /good word/
score GOOD_WORD -1.5
";

#[tokio::test]
async fn scores_beside_its_threshold() {
    let spamd = Spamd::start(RULES).unwrap();
    let scanners = spamassassin(ScannerAccess::spamassassin(socket(&spamd.socket)));
    let own = |name: &str, weight: f32| (name.to_owned(), weight);
    // (subject, body, score, rules)
    let cases = [
        ("x", "y".to_owned(), 0.0, vec![]),
        ("own word", "y".to_owned(), 2.5, vec![own("OWN_WORD", 2.5)]),
        ("good word", "y".to_owned(), -1.5, vec![own("GOOD_WORD", -1.5)]),
        (
            "own word, good word",
            "y".to_owned(),
            1.0,
            vec![own("OWN_WORD", 2.5), own("GOOD_WORD", -1.5)],
        ),
        ("x", mails::gtube(), 1_000.0, vec![own("GTUBE", 1_000.0)]),
        ("own word", mails::text(200_000), 2.5, vec![own("OWN_WORD", 2.5)]),
    ];
    for (subject, body, score, rules) in cases {
        let message = plain(subject, &body);
        assert_eq!(
            scored(ask(&scanners, &message).await),
            (score, Spamd::REQUIRED, rules),
            "{subject}"
        );
    }
}

#[tokio::test]
async fn frozen_is_late_and_killed_is_failed() {
    let mut spamd = Spamd::start("").unwrap();
    let hurried = ScannerSettings {
        spamassassin: Some(ScannerAccess::spamassassin(socket(&spamd.socket))),
        deadline: HURRIED,
        ..ScannerSettings::default()
    };
    let scanners = Scanners::new(hurried, Dialer::system());
    spamd.daemon.freeze().unwrap();
    assert_eq!(ask(&scanners, &plain("x", "y")).await, Gathered::Late);
    spamd.daemon.thaw().unwrap();
    let patient = spamassassin(ScannerAccess::spamassassin(socket(&spamd.socket)));
    scored(ask(&patient, &plain("x", "y")).await);
    spamd.daemon.kill().unwrap();
    let why = failure(ask(&patient, &plain("x", "y")).await);
    assert!(why.starts_with("connection"), "{why}");
}
