//! What is inside of files: `cargo run --release -p mail --example inside FILE…` prints members and signs, and what it cost.

use mail::message::budget::Budget;
use mail::message::{archive, office, sniff::sniff};

fn main() -> std::io::Result<()> {
    for path in std::env::args().skip(1) {
        let content = std::fs::read(&path)?;
        let name = path.rsplit('/').next().unwrap_or_default();
        let file = sniff(&content, Some(name));
        let mut budget = Budget::default();
        let before = processor_ms();
        let found = archive::open(&content, &file, name, &mut budget, &mut |_| {});
        let (files, members, signs) = match found {
            Some(found) => (found.files, found.members, found.signs),
            None => {
                let found = office::look(&content, &file, &mut budget);
                (found.members.len(), found.members, found.signs)
            }
        };
        let took = processor_ms() - before;
        let work = Budget::WORK_MAX - budget.work_left();
        println!(
            "{path} ({}): {files} files, {signs:?}, {took:.2} ms, {work} units of work",
            file.mime
        );
        for member in members.iter().take(20) {
            let size = member
                .size_octets
                .map_or_else(|| "?".to_owned(), |size| size.to_string());
            println!(
                "   {} {size} {} {:?}",
                member.name, member.file.mime, member.signs
            );
        }
    }
    Ok(())
}

/// Processor time of this process so far.
fn processor_ms() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let used = text.split(' ').next().and_then(|field| field.parse::<f64>().ok());
    used.unwrap_or_default() / 1e6
}
