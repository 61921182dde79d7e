//! What is in the files of messages, and what it cost to look: `cargo run --release -p risk --example files MESSAGE…`.
//!
//! A file whose name does not end with `.eml` is looked at as an attachment.

use mail::message::Limits;
use risk::{ContentFacts, examine};

fn main() -> std::io::Result<()> {
    let mut most = 0.0f64;
    for path in std::env::args().skip(1) {
        let content = std::fs::read(&path)?;
        let name = path.rsplit('/').next().unwrap_or_default();
        let message = if name.ends_with(".eml") {
            content
        } else {
            attach(name, &content)
        };
        let before = processor_ms();
        let facts = examine(&message, &Limits::default(), &[]).facts;
        let took = processor_ms() - before;
        most = most.max(took);
        println!("{took:7.2} ms {name}");
        tell(&facts);
    }
    println!("{most:7.2} ms at most; {}", peak());
    Ok(())
}

fn tell(facts: &ContentFacts) {
    for file in &facts.attachments {
        println!(
            "   {} ({}): {} files, {:?}",
            file.name, file.file.mime, file.files, file.signs
        );
        for member in file.members.iter().take(10) {
            let size = member
                .size_octets
                .map_or_else(|| "?".to_owned(), |size| size.to_string());
            println!(
                "      {} {size} {} {:?}",
                member.name, member.file.mime, member.signs
            );
        }
    }
}

fn attach(name: &str, content: &[u8]) -> Vec<u8> {
    let header = format!(
        "Content-Type: application/octet-stream; name=\"{name}\"\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    );
    [header.as_bytes(), content].concat()
}

/// Processor time of this process so far.
fn processor_ms() -> f64 {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    used.tv_sec as f64 * 1e3 + used.tv_nsec as f64 / 1e6
}

/// The most memory this process had.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap_or_default()
        .to_owned()
}
