//! Idle connections, idle memory, start to first banner.

use super::gateway;
use anyhow::Result;
use e2e::client::Client;
use e2e::process::Gateway;
use std::net::SocketAddr;
use std::time::Duration;

/// Connections held.
const CONNECTIONS: usize = 5_000;

/// Measures and prints.
pub async fn run() -> Result<()> {
    println!("\nIdle: {CONNECTIONS} connections held after EHLO");
    raise_file_limit();
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    for tls in [false, true] {
        let gateway = gateway(nowhere, "")?;
        let empty = settled(&gateway).await?;
        let mut held = Vec::new();
        for _ in 0..CONNECTIONS {
            let client = Client::connect(gateway.submission).await?;
            held.push(if tls { client.start_tls().await? } else { client });
        }
        let full = settled(&gateway).await?;
        let each = full.saturating_sub(empty) as f64 / CONNECTIONS as f64 / 1_024.0;
        let kind = if tls { "under TLS" } else { "in the clear" };
        println!(
            "  {kind:<14} {each:>6.1} KiB each; idle process {:.1} MiB; started to first banner in {:.0} ms",
            empty as f64 / 1_048_576.0,
            gateway.started_in.as_secs_f64() * 1e3
        );
    }
    Ok(())
}

async fn settled(gateway: &Gateway) -> Result<u64> {
    tokio::time::sleep(Duration::from_secs(3)).await;
    gateway.memory_octets()
}

/// Both ends of each connection: the gateway inherits the limit.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: Some(65_536),
        maximum: now.maximum.map(|most| most.max(65_536)),
    };
    if setrlimit(Resource::Nofile, wanted).is_err() {
        let most = Rlimit {
            current: now.maximum,
            maximum: now.maximum,
        };
        // With less the run fails by itself and says so.
        let _ = setrlimit(Resource::Nofile, most);
    }
}
