//! Doors alone, for measuring and for trying clients: an embedded store, one demo account, nothing is delivered.
//!
//! `door DIRECTORY [PORT]`: clear submission at PORT, submission with STARTTLS at PORT+1, implicit TLS at PORT+2, relay for
//! loopback at PORT+3. Login `anna@example.com`, password `Correct1Horse`.

use arc_swap::ArcSwap;
use ingress::scan::{ScannerSettings, Scanners};
use ingress::{Ingress, ListenerSettings, Settings};
use net::{Clock, Dialer, ServerTls};
use risk::{DoorKind, LimitOverrides, Policy};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use store::{Account, Directory, Network, NetworkTrust, Store};
use trace::Hub;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = PathBuf::from(arguments.next().ok_or("door DIRECTORY [PORT]")?);
    let port: u16 = arguments.next().map_or(Ok(2525), |port| port.parse())?;
    let store = Store::open(&store::Settings {
        directory: directory.clone(),
        free_octets_min: 1 << 20,
        messages_max: 10_000_000,
        stories_kept_days: 1,
        stories_octets_max: 1 << 30,
        geo_databases: Vec::new(),
        campaign_messages_max: store::Campaigns::MEMBERS_MIN,
    })?;
    people(&store)?;
    let made = net::self_signed(&["localhost".to_owned()])?;
    let (certificate, key) = (directory.join("cert.pem"), directory.join("key.pem"));
    std::fs::write(&certificate, made.certificate)?;
    std::fs::write(&key, made.key)?;
    let tls = ServerTls::from_files(&certificate, &key)?;
    let door = |name: &str, kind, offset| ListenerSettings {
        tls: Some(tls.clone()),
        ..ListenerSettings::new(name, kind, SocketAddr::from(([127, 0, 0, 1], port + offset)))
    };
    let mut settings = Settings::new("localhost");
    settings.listeners = vec![
        ListenerSettings {
            auth_in_clear: true,
            ..door("clear", DoorKind::Submission, 0)
        },
        door("submission", DoorKind::Submission, 1),
        door("submissions", DoorKind::Submissions, 2),
        door("relay", DoorKind::Relay, 3),
    ];
    for listener in &mut settings.listeners {
        listener.limits.connections_per_address_max = 100_000;
        listener.limits.connections_max = 100_000;
    }
    let policy = Policy {
        limits: LimitOverrides::default(),
        ..Policy::default()
    };
    let scanners = Arc::new(Scanners::new(ScannerSettings::default(), Dialer::system()));
    let hub = Hub::new(vec![Box::new(store.stories.sink())]);
    let policy = Arc::new(ArcSwap::from_pointee(policy));
    let ingress = Ingress::start(
        settings,
        Arc::clone(&store),
        hub,
        policy,
        scanners,
        Arc::new(ingress::lists::Lists::none()),
        Clock::system(),
    )?;
    for (name, address) in ingress.addresses() {
        println!("{name} {address}");
    }
    tokio::io::AsyncReadExt::read(&mut tokio::io::stdin(), &mut [0]).await?;
    let ended = ingress.drain(std::time::Duration::from_secs(10)).await;
    println!("all sessions ended: {ended}; queue: {:?}", store.queue.counts());
    store.close().await?;
    Ok(())
}

fn people(store: &Store) -> Result<(), Box<dyn std::error::Error>> {
    let account = Account {
        login: "anna@example.com".to_owned(),
        domain: "example.com".to_owned(),
        tenant: "demo".to_owned(),
        hash: Directory::hash_password("Correct1Horse")?,
        enabled: true,
        role: "user".to_owned(),
        ..Account::default()
    };
    store.directory.put_account(&account)?;
    let network = Network {
        name: "loopback".to_owned(),
        range: "127.0.0.0/8".parse()?,
        trust: NetworkTrust::Relay,
        tenant: "demo".to_owned(),
        also_sends_as: vec!["*".to_owned()],
        limits: LimitOverrides::default(),
    };
    store.directory.put_network(&network)?;
    Ok(())
}
