//! `dogana serve`: wiring and life of the gateway.
//!
//! Order of start: store (recovers what a crash left), stream of events, certificates, sending side, panel and control socket,
//! and the doors last: nobody is let in before the house stands. SIGHUP reads policy and certificates again and opens the log
//! anew; SIGTERM and SIGINT close the doors, finish what is under way, and end within 30 s.

use crate::config::{Config, Resolved, resolve};
use crate::control;
use crate::recovery::damages;
use anyhow::{Context, Result};
use arc_swap::ArcSwap;
use ingress::lists::Lists;
use ingress::scan::Scanners;
use panel::{Health, PanelState};
use risk::Policy;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use trace::{Hub, LogSink, Metrics};

/// Time for what is under way at the end.
const DRAIN: Duration = Duration::from_secs(20);

/// Runs until a signal ends it.
pub fn run(config: &Path) -> Result<()> {
    let resolved = resolve(&Config::read(config)?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("dogana")
        .build()?;
    let ended = runtime.block_on(serve(config, resolved));
    runtime.shutdown_timeout(Duration::from_secs(5));
    ended
}

/// What lives as long as the gateway.
struct House {
    store: Arc<Store>,
    hub: Arc<Hub>,
    metrics: Metrics,
    log: Option<Arc<LogSink>>,
    policy: Arc<ArcSwap<Policy>>,
    tls: net::ServerTls,
    clock: net::Clock,
    scanners: Arc<Scanners>,
    lists: Arc<Lists>,
}

async fn serve(config: &Path, resolved: Resolved) -> Result<()> {
    let house = open(&resolved)?;
    let egress = start_egress(&house, &resolved)?;
    let (closing, closed) = watch::channel(false);
    let servers = start_panel(&house, &resolved, closed).await?;
    risk::model::prepare();
    let ingress = start_ingress(&house, &resolved)?;
    let lists = Arc::clone(&house.lists);
    tokio::spawn(async move { lists.test().await });
    for (name, address) in ingress.addresses() {
        eprintln!("dogana: {name} listens on {address}");
    }
    eprintln!("dogana: panel on {}", resolved.panel.public_url);
    let housekeeping = tokio::spawn(keep_house(
        Arc::clone(&house.store),
        house.metrics.clone(),
        house.tls.clone(),
        resolved.store.stories_kept_days,
        Arc::clone(&house.hub),
    ));
    wait_for_the_end(config, &house).await?;
    eprintln!("dogana: closing");
    ingress.drain(DRAIN).await;
    egress.drain(DRAIN).await;
    closing.send_replace(true);
    housekeeping.abort();
    for server in servers {
        server.abort();
    }
    house.store.stories.flush().await?;
    house.store.close().await?;
    Ok(())
}

fn open(resolved: &Resolved) -> Result<House> {
    let data = &resolved.store.directory;
    let store = Store::open(&resolved.store).with_context(|| format!("the store in {}", data.display()))?;
    let metrics = Metrics::new();
    let log = match (&resolved.log, resolved.log_enabled) {
        (_, false) => None,
        (None, true) => Some(Arc::new(LogSink::stdout())),
        (Some(path), true) => Some(Arc::new(
            LogSink::file(path).with_context(|| format!("the log {}", path.display()))?,
        )),
    };
    let hub = Hub::new(vec![Box::new(store.stories.sink()), Box::new(metrics.clone())]);
    if let Some(log) = &log {
        hub.add_sink(Box::new(Arc::clone(log)));
    }
    tell_recovery(&store, &hub);
    let (certificate, key) = match &resolved.certificate {
        Some(files) => files.clone(),
        None => self_signed(data, &resolved.hostname)?,
    };
    let tls = net::ServerTls::from_files(&certificate, &key)?;
    let policy = Arc::new(ArcSwap::from_pointee(resolved.policy.clone()));
    let scanners = Arc::new(Scanners::new(resolved.scan.clone(), net::Dialer::system()));
    let lists = Arc::new(Lists::new(resolved.lists.clone(), resolver(resolved)?));
    Ok(House {
        store,
        hub,
        metrics,
        log,
        policy,
        tls,
        clock: net::Clock::system(),
        scanners,
        lists,
    })
}

/// Name servers, or the fixed answers instead of them.
pub(crate) fn resolver(resolved: &Resolved) -> Result<net::Resolver> {
    if resolved.hosts.is_empty() {
        return Ok(net::Resolver::system(
            &resolved.name_servers,
            resolved.dns_timeout,
        )?);
    }
    let addresses = resolved
        .hosts
        .iter()
        .map(|(name, list)| (name.clone(), Ok(list.clone())))
        .collect();
    Ok(net::Resolver::table(net::DnsTable {
        addresses,
        ..Default::default()
    }))
}

/// What opening the queue found, for the log; and for the story of each message that is on hold because its octets are damaged.
fn tell_recovery(store: &Store, hub: &Hub) {
    let found = store.queue.recovery();
    eprintln!(
        "dogana: queue: {} messages in {} segments, {} damaged stretches, {} octets torn (never acknowledged)",
        found.messages, found.segments, found.damaged_count, found.torn_octets
    );
    for line in damages(found) {
        eprintln!("dogana: {line}");
    }
    for damage in &found.damaged {
        let Some((id, (envelope, _))) = damage.id.and_then(|id| Some((id, store.queue.get(id)?))) else {
            continue;
        };
        let reason = format!(
            "{} is damaged from octet {} to {}",
            damage.file, damage.from, damage.to
        );
        hub.tell_all(vec![trace::Event {
            id,
            at: jiff::Timestamp::now(),
            scope: Arc::new(envelope.scope.clone()),
            what: trace::What::Handled {
                verb: "hold".to_owned(),
                by: "dogana".to_owned(),
                reason,
            },
        }]);
    }
}

/// A certificate of our own making, kept in the data directory; made anew when it is missing or unreadable.
fn self_signed(data: &Path, hostname: &str) -> Result<(PathBuf, PathBuf)> {
    let (certificate, key) = (data.join("self-signed.pem"), data.join("self-signed.key"));
    if net::ServerTls::from_files(&certificate, &key).is_err() {
        let names = [hostname, "localhost", "127.0.0.1"].map(str::to_owned);
        let made = net::self_signed(&names)?;
        write_durably(&key, made.key.as_bytes())?;
        write_durably(&certificate, made.certificate.as_bytes())?;
        eprintln!(
            "dogana: no certificate is configured; made a self-signed one: {}",
            certificate.display()
        );
    }
    Ok((certificate, key))
}

/// Whole or not at all, for its owner only: written beside, synced, renamed, and the folder synced.
fn write_durably(path: &Path, octets: &[u8]) -> Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let beside = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(octets)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    if let Some(folder) = path.parent() {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn start_egress(house: &House, resolved: &Resolved) -> Result<egress::Egress> {
    Ok(egress::Egress::start(
        resolved.egress.clone(),
        Arc::clone(&house.store),
        Arc::clone(&house.hub),
        resolver(resolved)?,
        net::Dialer::system(),
        Some(net::ClientTls::new()?),
        house.clock.clone(),
    )?)
}

fn start_ingress(house: &House, resolved: &Resolved) -> Result<ingress::Ingress> {
    let mut settings = resolved.ingress.clone();
    for listener in &mut settings.listeners {
        listener.tls = Some(house.tls.clone());
    }
    Ok(ingress::Ingress::start(
        settings,
        Arc::clone(&house.store),
        Arc::clone(&house.hub),
        Arc::clone(&house.policy),
        Arc::clone(&house.scanners),
        Arc::clone(&house.lists),
        house.clock.clone(),
    )?)
}

async fn start_panel(
    house: &House,
    resolved: &Resolved,
    closing: watch::Receiver<bool>,
) -> Result<Vec<tokio::task::JoinHandle<()>>> {
    let clock = house.clock.clone();
    let (store, scanners) = (Arc::clone(&house.store), Arc::clone(&house.scanners));
    let lists = Arc::clone(&house.lists);
    let (data, least_free) = (resolved.store.directory.clone(), resolved.store.free_octets_min);
    let state = PanelState {
        store: Arc::clone(&house.store),
        hub: Arc::clone(&house.hub),
        metrics: house.metrics.clone(),
        policy: Arc::clone(&house.policy),
        settings: resolved.panel.clone(),
        health: Arc::new(move || health(&store, &scanners, &lists, &data, least_free)),
        now: Arc::new(move || clock.now()),
        closing,
    };
    let pages = net::listen_http(resolved.panel_address).await?;
    let control = net::listen_control(&control::socket_path(&resolved.store.directory))?;
    let (public, private) = (panel::router(state.clone()), panel::control_router(state));
    let with_peer = public.into_make_service_with_connect_info::<std::net::SocketAddr>();
    Ok(vec![
        tokio::spawn(async move {
            let _ = axum::serve(pages, with_peer).await;
        }),
        tokio::spawn(async move {
            let _ = axum::serve(control, private).await;
        }),
    ])
}

/// Mail is taken and delivered unless a note says otherwise; each note is a sentence for the operator.
fn health(store: &Store, scanners: &Scanners, lists: &Lists, data: &Path, least_free: u64) -> Health {
    let mut notes = Vec::new();
    for (name, why) in scanners.down() {
        notes.push(format!("{name} does not answer: {why}"));
    }
    for (name, why) in lists.down() {
        notes.push(format!("the list {name} is not believed: {why}"));
    }
    if store
        .controls
        .pauses()
        .iter()
        .any(|pause| pause.scope == store::PauseScope::All)
    {
        notes.push("outgoing mail is paused".to_owned());
    }
    let found = store.queue.recovery();
    if found.damaged_count > 0 {
        notes.push(format!(
            "{} stretches of the queue were damaged when it was opened; `dogana store verify` names them",
            found.damaged_count
        ));
    }
    if found.files_set_aside > 0 {
        notes.push(format!(
            "{} damaged files of the queue are set aside",
            found.files_set_aside
        ));
    }
    // A scanner that is down or old damage degrades; a disk that is full stops new mail.
    let mut ok = true;
    match rustix::fs::statvfs(data) {
        Ok(facts) if facts.f_bavail.saturating_mul(facts.f_frsize) >= least_free => {}
        Ok(_) => {
            ok = false;
            notes.push("the disk is full: new mail is answered 452".to_owned());
        }
        Err(error) => {
            ok = false;
            notes.push(format!("the disk: {error}"));
        }
    }
    Health { ok, notes }
}

/// Gauges, certificates that changed, old stories.
async fn keep_house(store: Arc<Store>, metrics: Metrics, tls: net::ServerTls, kept_days: u32, hub: Arc<Hub>) {
    let mut forgotten = 0;
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    for round in 0u64.. {
        tick.tick().await;
        let counts = store.queue.counts();
        let help = "Recipients in the queue by state";
        for (state, count) in [
            ("scheduled", counts.scheduled),
            ("leased", counts.leased),
            ("held", counts.held),
        ] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            metrics.gauge("dogana_queue_recipients", help, ("state", state), count);
        }
        forgotten = tell_forgotten(&store, &hub, forgotten);
        if round % 12 == 11
            && let Err(error) = tls.reload()
        {
            eprintln!("dogana: the old certificate stays: {error}");
        }
        if round % 720 == 1 {
            let kept = jiff::SignedDuration::from_hours(i64::from(kept_days) * 24);
            if let Err(error) = store.stories.forget_before(jiff::Timestamp::now() - kept).await {
                eprintln!("dogana: old stories: {error}");
            }
        }
    }
}

/// Stories that went before their time, `before` of which were told.
fn tell_forgotten(store: &Store, hub: &Hub, before: u64) -> u64 {
    let forgotten = store.stories.forgotten_early();
    if forgotten > before {
        let at = jiff::Timestamp::now();
        hub.tell_all(vec![trace::Event {
            id: trace::Id::generate(at),
            at,
            scope: Arc::default(),
            what: trace::What::LimitHit {
                limit: "stories_octets_max".to_owned(),
                detail: format!(
                    "{} of the oldest stories were forgotten for want of room",
                    forgotten - before
                ),
            },
        }]);
    }
    forgotten
}

async fn wait_for_the_end(config: &Path, house: &House) -> Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    loop {
        tokio::select! {
            _ = hangup.recv() => reload(config, house),
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        }
    }
}

/// Reads policy and certificates again. What is wrong is said, and the old one stays as a whole.
fn reload(config: &Path, house: &House) {
    if let Some(log) = &house.log {
        log.reopen();
    }
    match Config::read(config).and_then(|raw| resolve(&raw)) {
        Ok(resolved) => {
            house.policy.store(Arc::new(resolved.policy));
            eprintln!("dogana: the policy was read again (listeners, store and panel need a restart)");
        }
        Err(error) => eprintln!("dogana: the old policy stays: {error}"),
    }
    if let Err(error) = house.tls.reload() {
        eprintln!("dogana: the old certificate stays: {error}");
    }
}
