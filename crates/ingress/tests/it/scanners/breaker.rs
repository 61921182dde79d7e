//! A scanner that is down is left alone, and asked again when it is back.

use super::*;
use e2e::neighbours::clamd::Clamd;

#[tokio::test]
async fn opens_and_closes() {
    let mut clamd = Clamd::start().unwrap();
    let access = |retry_after| ScannerAccess {
        retry_after,
        ..ScannerAccess::clamav(socket(&clamd.socket))
    };
    let never_again = clamav(access(Duration::from_secs(3_600)));
    let at_once = clamav(access(Duration::ZERO));
    let message = plain("x", "y");
    clamd.daemon.kill().unwrap();
    for _ in 0..5 {
        for scanners in [&never_again, &at_once] {
            assert!(failure(ask(scanners, &message).await).starts_with("connection to"));
        }
    }
    assert!(failure(ask(&never_again, &message).await).starts_with("not asked, down for 0 s: connection to"));
    assert!(
        failure(ask(&at_once, &message).await).starts_with("connection to"),
        "a probe"
    );
    clamd.daemon.launch().unwrap();
    assert!(
        failure(ask(&never_again, &message).await).starts_with("not asked"),
        "it is not asked though it is back"
    );
    for _ in 0..3 {
        assert_eq!(ask(&at_once, &message).await, Gathered::Known(ScanResult::Clean));
    }
}

#[tokio::test]
async fn one_that_hangs_is_left_alone_too() {
    let clamd = Clamd::start().unwrap();
    let access = ScannerAccess {
        retry_after: Duration::from_secs(3_600),
        connections_max: 2,
        ..ScannerAccess::clamav(socket(&clamd.socket))
    };
    let settings = ScannerSettings {
        clamav: Some(access),
        deadline: HURRIED,
        ..ScannerSettings::default()
    };
    let scanners = Scanners::new(settings, Dialer::system());
    clamd.daemon.freeze().unwrap();
    let message = plain("x", "y");
    for round in 0..3 {
        // Two are connected; the others wait for a slot in vain, which says nothing about the scanner.
        let asked = (0..6).map(|_| ask(&scanners, &message));
        let results = futures_util::future::join_all(asked).await;
        let late = results.iter().filter(|result| **result == Gathered::Late).count();
        assert_eq!(late, 6, "{round}: {results:?}");
        if round == 1 {
            assert_eq!(
                ask(&scanners, &message).await,
                Gathered::Late,
                "four failures do not open it, one more does"
            );
            break;
        }
    }
    assert!(failure(ask(&scanners, &message).await).contains("no answer in time"));
}

#[tokio::test]
async fn one_that_hangs_is_waited_for_as_long_as_its_own_bound_says() {
    let clamd = Clamd::start().unwrap();
    let access = ScannerAccess {
        timeout: Some(HURRIED),
        ..ScannerAccess::clamav(socket(&clamd.socket))
    };
    let scanners = clamav(access);
    clamd.daemon.freeze().unwrap();
    let asked = std::time::Instant::now();
    assert_eq!(ask(&scanners, &plain("x", "y")).await, Gathered::Late);
    assert!(asked.elapsed() < super::PATIENT / 2, "{:?}", asked.elapsed());
}
