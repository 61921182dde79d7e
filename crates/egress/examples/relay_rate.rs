//! Measures the sending side alone: fills a queue, relays it to `HOST:PORT`, and prints messages per second and CPU time per
//! message of this process (all its threads, the store's writer too; filling is not counted).
//!
//! `cargo run --release -p egress --example relay_rate -- 127.0.0.1:2525 50000 4096 10 ride`

use egress::{Egress, NextHop, Route, Settings, SiteLimits, TlsPolicy};
use jiff::Timestamp;
use net::{Clock, Dialer, DnsTable, Resolver};
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Arrival, Envelope, Recipient, RecipientState, Store};
use trace::{Hub, Id, Scope};

struct Plan {
    host: String,
    port: u16,
    messages: u32,
    octets: usize,
    connections: u32,
    ride: bool,
}

fn plan() -> Result<Plan, Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let word = |index: usize, default: &str| words.get(index).cloned().unwrap_or_else(|| default.to_owned());
    let target = word(0, "127.0.0.1:2525");
    let (host, port) = target.rsplit_once(':').ok_or("HOST:PORT is needed")?;
    Ok(Plan {
        host: host.to_owned(),
        port: port.parse()?,
        messages: word(1, "20000").parse()?,
        octets: word(2, "4096").parse()?,
        connections: word(3, "10").parse()?,
        ride: word(4, "") == "ride",
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let plan = plan()?;
    let directory = std::env::temp_dir().join(format!("relay-rate-{}", std::process::id()));
    let store = Store::open(&store::Settings {
        directory: directory.clone(),
        free_octets_min: 0,
        messages_max: 10_000_000,
        stories_kept_days: 1,
        stories_octets_max: 1 << 30,
        geo_databases: Vec::new(),
        campaign_messages_max: store::Campaigns::MEMBERS_MIN,
    })?;
    fill(&store, &plan).await?;
    let route = Route {
        pattern: "*".to_owned(),
        hosts: vec![NextHop {
            host: plan.host.clone(),
            port: plan.port,
        }],
        tls: TlsPolicy::Off,
        pipeline_messages: plan.ride,
    };
    let limits = SiteLimits {
        connections_max: plan.connections,
        connection_messages_max: 1_000_000,
        ready_max: 100_000,
        ..SiteLimits::default()
    };
    let settings = Settings {
        routes: vec![route],
        limits,
        ..Settings::default()
    };
    let (resolver, hub) = (Resolver::table(DnsTable::default()), Hub::new(Vec::new()));
    let (begun, cpu) = (Instant::now(), cpu_seconds()?);
    let egress = Egress::start(
        settings,
        Arc::clone(&store),
        hub,
        resolver,
        Dialer::system(),
        None,
        Clock::system(),
    )?;
    while store.queue.counts().messages > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (took, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
    let messages = f64::from(plan.messages);
    println!(
        "{:.0} messages/s, {:.1} CPU-us per message",
        messages / took,
        cpu * 1e6 / messages
    );
    egress.drain(Duration::from_secs(5)).await;
    store.close().await?;
    std::fs::remove_dir_all(directory)?;
    Ok(())
}

async fn fill(store: &Arc<Store>, plan: &Plan) -> Result<(), Box<dyn Error>> {
    let line = [&[b'x'; 70][..], b"\r\n"].concat();
    let body = [b"Subject: rate\r\n\r\n".to_vec(), line.repeat(plan.octets / 72)].concat();
    let body = bytes::Bytes::from(body);
    let mut admissions = tokio::task::JoinSet::new();
    for n in 0..plan.messages {
        let (store, arrival) = (Arc::clone(store), arrival(n, body.clone())?);
        admissions.spawn(async move { store.queue.admit(arrival).await });
        if admissions.len() >= 2_000 {
            admissions.join_next().await.transpose()?.transpose()?;
        }
    }
    while let Some(done) = admissions.join_next().await {
        done??;
    }
    Ok(())
}

fn arrival(n: u32, body: bytes::Bytes) -> Result<Arrival, Box<dyn Error>> {
    let now = Timestamp::now();
    let recipient = Recipient {
        forward_path: format!("r{n}@example.org").parse()?,
        orcpt: None,
        notify: None,
        state: RecipientState::Scheduled { due: now },
        attempts: 0,
        last_reply: None,
        delay_notified: false,
    };
    let envelope = Envelope {
        id: Id::generate(now),
        arrived: now,
        expires: now.checked_add(jiff::SignedDuration::from_hours(24))?,
        reverse_path: Some("sender@example.com".parse()?),
        ret: None,
        envid: None,
        body: None,
        smtputf8: false,
        scope: Scope {
            tenant: "t".into(),
            domain: "example.com".into(),
            sender: "mailbox:sender@example.com".into(),
        },
        class: risk::Class::Clean,
        pool: "clean".into(),
        size_octets: body.len() as u64,
    };
    Ok(Arrival {
        envelope,
        recipients: vec![recipient],
        chunks: vec![body],
    })
}

/// User and system time of this process, from `/proc/self/stat` (Linux counts 100 ticks a second).
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after = stat
        .rsplit_once(") ")
        .ok_or("an unknown form of /proc/self/stat")?
        .1;
    let ticks: Vec<&str> = after.split(' ').collect();
    let tick = |index: usize| {
        ticks
            .get(index)
            .and_then(|text| text.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    Ok((tick(11) + tick(12)) / 100.0)
}
