//! A real clamd.

use super::*;
use e2e::mails;
use e2e::neighbours::clamd::Clamd;

fn infected(result: Gathered<ScanResult>) -> String {
    match result {
        Gathered::Known(ScanResult::Infected(name)) => name,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn finds_a_virus_and_nothing_else() {
    let clamd = Clamd::start().unwrap();
    let zero_to = |octets: usize| mails::text(octets);
    for endpoint in [socket(&clamd.socket), Endpoint::Tcp(clamd.address)] {
        let scanners = clamav(ScannerAccess::clamav(endpoint));
        let in_text = plain("test", &mails::eicar());
        assert!(infected(ask(&scanners, &in_text).await).starts_with(Clamd::SIGNATURE));
        let in_file = mails::with_file(
            "a@example.com",
            "b@example.net",
            "x",
            "a.bin",
            mails::eicar().as_bytes(),
        );
        assert!(
            infected(ask(&scanners, &in_file.into()).await).starts_with(Clamd::SIGNATURE),
            "in base64"
        );
        for octets in [0, 1, 7_000, 65_536, 900_000] {
            let clean = plain("test", &zero_to(octets));
            assert_eq!(
                ask(&scanners, &clean).await,
                Gathered::Known(ScanResult::Clean),
                "{octets}"
            );
        }
        let long = plain("test", &format!("{}{}", zero_to(800_000), mails::eicar()));
        assert!(
            infected(ask(&scanners, &long).await).starts_with(Clamd::SIGNATURE),
            "behind 800 kB"
        );
    }
}

#[tokio::test]
async fn a_message_beyond_the_size_is_not_shown() {
    let access = ScannerAccess {
        size_octets_max: 1_000,
        ..ScannerAccess::clamav("/nowhere".parse().unwrap())
    };
    let scanners = clamav(access);
    assert_eq!(
        ask(&scanners, &Bytes::from(vec![b'a'; 1_001])).await,
        Gathered::Off
    );
    assert!(
        failure(ask(&scanners, &Bytes::from(vec![b'a'; 1_000])).await).starts_with("connection to /nowhere")
    );
}

#[tokio::test]
async fn a_message_that_clamd_refuses_does_not_mean_it_is_down() {
    let clamd = Clamd::start().unwrap();
    let scanners = clamav(ScannerAccess::clamav(socket(&clamd.socket)));
    let large = Bytes::from(vec![b'a'; Clamd::STREAM_OCTETS_MAX + 1]);
    for _ in 0..10 {
        let why = failure(ask(&scanners, &large).await);
        assert!(
            why.contains("INSTREAM size limit exceeded") || why.contains("INSTREAM: Size limit reached"),
            "{why}"
        );
    }
    assert_eq!(
        ask(&scanners, &plain("x", "y")).await,
        Gathered::Known(ScanResult::Clean)
    );
}

#[tokio::test]
async fn frozen_is_late_and_killed_is_failed() {
    let mut clamd = Clamd::start().unwrap();
    let hurried = ScannerSettings {
        clamav: Some(ScannerAccess::clamav(socket(&clamd.socket))),
        deadline: HURRIED,
        ..ScannerSettings::default()
    };
    let scanners = Scanners::new(hurried, Dialer::system());
    clamd.daemon.freeze().unwrap();
    assert_eq!(ask(&scanners, &plain("x", "y")).await, Gathered::Late);
    clamd.daemon.thaw().unwrap();
    let patient = clamav(ScannerAccess::clamav(socket(&clamd.socket)));
    assert_eq!(
        ask(&patient, &plain("x", "y")).await,
        Gathered::Known(ScanResult::Clean)
    );
    clamd.daemon.kill().unwrap();
    let why = failure(ask(&patient, &plain("x", "y")).await);
    assert!(why.contains("refused"), "{why}");
}

#[tokio::test]
async fn killed_in_the_middle_is_failed_at_once() {
    let mut clamd = Clamd::start().unwrap();
    let scanners = clamav(ScannerAccess::clamav(socket(&clamd.socket)));
    clamd.daemon.freeze().unwrap();
    let message = plain("x", &mails::text(900_000));
    let asked = ask(&scanners, &message);
    let killed = tokio::task::spawn_blocking(move || clamd.daemon.kill().map(|()| clamd));
    let (result, _clamd) = tokio::join!(asked, killed);
    let why = failure(result);
    assert!(why.starts_with("connection"), "{why}");
}
