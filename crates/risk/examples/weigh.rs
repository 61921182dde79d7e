//! Reads, views and weighs one message many times: what a profiler is pointed at. `weigh FILE TIMES`.

use risk::model::Models;
use risk::{Role, examine};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let (Some(file), Some(times)) = (
        words.next(),
        words.next().and_then(|times| times.parse::<u32>().ok()),
    ) else {
        eprintln!("weigh FILE TIMES");
        return ExitCode::FAILURE;
    };
    let Ok(message) = std::fs::read(&file) else {
        eprintln!("{file} cannot be read");
        return ExitCode::FAILURE;
    };
    let models = Models::default();
    let mut last = 0.0;
    for _ in 0..times {
        let mut examined = examine(&message, &mail::message::Limits::default(), &[]);
        models.read(&examined.view, Role::Person, &mut examined.facts);
        last = examined
            .facts
            .text
            .and_then(|text| text.reading)
            .map_or(0.0, |reading| reading.odds);
    }
    println!("{} octets, log odds {last:.2}", message.len());
    let e = examine(&message, &mail::message::Limits::default(), &[]);
    println!(
        "{} characters, {} links, {} attachments",
        e.facts.text.map_or(0, |t| t.characters),
        e.facts.links.map_or(0, |l| l.links.len()),
        e.facts.attachments.len()
    );
    ExitCode::SUCCESS
}
