//! All three at once, under one deadline.

use super::*;
use e2e::mails;
use e2e::neighbours::{clamd::Clamd, rspamd::Rspamd, spamd::Spamd};

#[tokio::test]
async fn each_says_its_own() {
    let (clamd, daemon, spamd) = (
        Clamd::start().unwrap(),
        Rspamd::start("").unwrap(),
        Spamd::start("").unwrap(),
    );
    let settings = ScannerSettings {
        clamav: Some(ScannerAccess::clamav(socket(&clamd.socket))),
        rspamd: Some(ScannerAccess::rspamd(socket(&daemon.socket))),
        spamassassin: Some(ScannerAccess::spamassassin(socket(&spamd.socket))),
        ..settings()
    };
    let scanners = Scanners::new(settings.clone(), Dialer::system());
    let message = plain("x", &format!("{}\n{}", mails::gtube(), mails::eicar()));
    let scans = ask_all(&scanners, &message).await;
    let names: Vec<_> = scans.iter().map(|scan| scan.scanner.as_str()).collect();
    assert_eq!(names, ["clamav", "rspamd", "spamassassin"]);
    assert!(
        matches!(&scans[0].result, Gathered::Known(ScanResult::Infected(_))),
        "{scans:?}"
    );
    assert_eq!(scored(scans[1].result.clone()).0, 15.0);
    assert_eq!(scored(scans[2].result.clone()).0, 1_000.0);

    // One that hangs takes nothing from the others.
    spamd.daemon.freeze().unwrap();
    let hurried = ScannerSettings {
        deadline: Duration::from_secs(2),
        ..settings
    };
    let scans = ask_all(&Scanners::new(hurried, Dialer::system()), &plain("x", "y")).await;
    assert_eq!(scans[0].result, Gathered::Known(ScanResult::Clean));
    assert_eq!(scored(scans[1].result.clone()).0, 0.0);
    assert_eq!(scans[2].result, Gathered::Late);
    assert!(
        scans[2].took_us >= 2_000_000 && scans[0].took_us < 2_000_000,
        "{scans:?}"
    );
}
