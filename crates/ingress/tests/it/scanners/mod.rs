//! Scanners: real daemons of this machine, each started privately, and peers that misbehave.

mod breaker;
mod clamav;
mod hostile;
mod rspamd;
mod spamassassin;
mod together;
mod verdicts;

use bytes::Bytes;
use ingress::scan::{About, ScannerAccess, ScannerSettings, Scanners};
use mail::Address;
use net::{Dialer, Endpoint};
use risk::{Gathered, Scan, ScanResult};
use std::path::Path;
use std::time::Duration;
use trace::Id;

/// Long enough for a busy machine: no test of an answer fails because of it.
const PATIENT: Duration = Duration::from_secs(30);
/// Short enough to be waited for in a test of lateness.
const HURRIED: Duration = Duration::from_millis(300);

fn socket(path: &Path) -> Endpoint {
    Endpoint::Unix(path.to_owned())
}

fn settings() -> ScannerSettings {
    ScannerSettings {
        deadline: PATIENT,
        ..ScannerSettings::default()
    }
}

fn clamav(access: ScannerAccess) -> Scanners {
    Scanners::new(
        ScannerSettings {
            clamav: Some(access),
            ..settings()
        },
        Dialer::system(),
    )
}

fn rspamd(access: ScannerAccess) -> Scanners {
    Scanners::new(
        ScannerSettings {
            rspamd: Some(access),
            ..settings()
        },
        Dialer::system(),
    )
}

fn spamassassin(access: ScannerAccess) -> Scanners {
    Scanners::new(
        ScannerSettings {
            spamassassin: Some(access),
            ..settings()
        },
        Dialer::system(),
    )
}

fn plain(subject: &str, body: &str) -> Bytes {
    e2e::mails::plain("info@example.com", "bob@example.net", subject, body).into()
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

/// A message of a mailbox to two recipients.
async fn ask_all(scanners: &Scanners, message: &Bytes) -> Vec<Scan> {
    let (from, bob, eve) = (
        address("info@example.com"),
        address("bob@example.net"),
        address("eve@example.org"),
    );
    let recipients = [&bob, &eve];
    let about = About {
        client: Some("192.0.2.7".parse().unwrap()),
        helo: "laptop.example",
        login: Some("info@example.com"),
        reverse_path: Some(&from),
        recipients: &recipients,
        queue_id: Id::from_u64(4_711),
    };
    scanners.scan(message, &about).await
}

/// The same for the only scanner.
async fn ask(scanners: &Scanners, message: &Bytes) -> Gathered<ScanResult> {
    let mut scans = ask_all(scanners, message).await;
    assert_eq!(scans.len(), 1);
    scans.remove(0).result
}

/// Score, threshold and symbols of an answer.
fn scored(result: Gathered<ScanResult>) -> (f32, f32, Vec<(String, f32)>) {
    match result {
        Gathered::Known(ScanResult::Scored {
            score,
            required,
            symbols,
        }) => (score, required, symbols),
        other => panic!("{other:?}"),
    }
}

/// Why there is no answer.
fn failure(result: Gathered<ScanResult>) -> String {
    match result {
        Gathered::Failed(why) => why,
        other => panic!("{other:?}"),
    }
}
