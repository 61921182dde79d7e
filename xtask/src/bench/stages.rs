//! (c) where the gateway's own processor time goes: sampled stacks by room and function, and a flame graph as SVG.
//!
//! A sample belongs to the innermost frame of one of our rooms: what a room calls in libraries and in the kernel is its cost.

use super::{gateway, mails};
use crate::shell;
use anyhow::{Context, Result, bail};
use e2e::load::Load;
use e2e::sink::{Behaviour, Sink};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Messages sent while sampling.
const MESSAGES: u64 = 30_000;
/// The rooms, as their symbols begin.
const ROOMS: [&str; 8] = [
    "ingress", "egress", "store", "risk", "mail", "trace", "net", "panel",
];

/// Samples, prints the table, writes docs/flame.svg.
pub async fn run() -> Result<()> {
    println!("\nStages: where the gateway's processor time goes (relay without scan, {MESSAGES} messages)");
    let sink = Sink::start(SocketAddr::from(([127, 0, 0, 1], 0)), Behaviour::default()).await?;
    let gateway = gateway(sink.address, "")?;
    let data = gateway.folder.path().join("perf.data");
    let pid = gateway.pid().context("the gateway does not run")?;
    let mut sampler = Command::new("perf")
        .args(["record", "-q", "-e", "cpu-clock", "-F", "997", "-g", "-o"])
        .arg(&data)
        .args(["-p", &pid.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("perf (Debian package linux-perf)")?;
    let before = gateway.processor_time()?;
    let load = Load {
        connections: 20,
        messages_per_connection: 10,
        ..Load::new(gateway.relay, MESSAGES, mails())
    };
    let result = load.run().await;
    if !sink.wait_for(result.taken, Duration::from_secs(60)).await {
        bail!("{} of {} arrived", sink.count(), result.taken);
    }
    let used = gateway.processor_time()?.saturating_sub(before);
    let ended = rustix::process::Pid::from_child(&sampler);
    rustix::process::kill_process(ended, rustix::process::Signal::INT)?;
    sampler.wait()?;
    let mut script = Command::new("perf");
    script.args(["script", "-F", "comm,ip,sym", "-i"]).arg(&data);
    let stacks = stacks(&shell::output(script)?);
    table(&stacks, used.as_secs_f64() * 1e3 / result.taken.max(1) as f64);
    let svg = shell::root().join("docs/flame.svg");
    std::fs::write(&svg, flame(&stacks))?;
    println!("  flame graph: {}", svg.display());
    Ok(())
}

/// Stacks, outermost frame first, with their counts.
fn stacks(script: &str) -> BTreeMap<Vec<String>, u64> {
    let mut counted = BTreeMap::new();
    for block in script.split("\n\n") {
        let mut frames: Vec<String> = block.lines().skip(1).filter_map(frame).collect();
        frames.reverse();
        if !frames.is_empty() {
            *counted.entry(frames).or_default() += 1;
        }
    }
    counted
}

/// `   55d1 ingress::session::Session::line+0x12` becomes the name without hash and offset.
fn frame(line: &str) -> Option<String> {
    let name = line.trim().split_once(' ')?.1;
    let name = name.split("+0x").next().unwrap_or(name);
    let name = name
        .rsplit_once("::h")
        .filter(|(_, hash)| hash.len() == 16)
        .map_or(name, |(name, _)| name);
    Some(name.trim_start_matches('<').to_owned())
}

fn room_of(frame: &str) -> Option<&'static str> {
    ROOMS.into_iter().find(|room| {
        frame
            .strip_prefix(room)
            .is_some_and(|rest| rest.starts_with("::"))
    })
}

fn table(stacks: &BTreeMap<Vec<String>, u64>, cpu_ms: f64) {
    let all: u64 = stacks.values().sum();
    let mut rooms: BTreeMap<&str, u64> = BTreeMap::new();
    let mut functions: BTreeMap<&str, u64> = BTreeMap::new();
    let mut kernel = 0;
    for (frames, count) in stacks {
        let inner = frames.iter().rev().find(|frame| room_of(frame).is_some());
        *rooms
            .entry(inner.and_then(|frame| room_of(frame)).unwrap_or("(runtime)"))
            .or_default() += count;
        if let Some(frame) = inner {
            *functions.entry(frame).or_default() += count;
        }
        if frames
            .iter()
            .any(|frame| frame.contains("syscall") || frame.contains("entry_SYSCALL"))
        {
            kernel += count;
        }
    }
    let row = |name: &str, count: u64| {
        let share = count as f64 / all.max(1) as f64;
        println!(
            "  {:>5.1} %  {:>7.1} µs  {name}",
            share * 100.0,
            share * cpu_ms * 1e3
        );
    };
    println!("  {cpu_ms:.3} CPU-ms a message; {all} samples; in the kernel:");
    row("kernel (also counted below, at the room that called)", kernel);
    for (title, counts, most) in [("by room", &rooms, 20), ("by function of ours", &functions, 25)] {
        println!("  {title}");
        let mut sorted: Vec<_> = counts.iter().collect();
        sorted.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (name, count) in sorted.into_iter().take(most) {
            row(name, *count);
        }
    }
}

/// A node of the flame graph.
#[derive(Default)]
struct Node {
    count: u64,
    inner: BTreeMap<String, Node>,
}

fn flame(stacks: &BTreeMap<Vec<String>, u64>) -> String {
    let mut root = Node::default();
    for (frames, count) in stacks {
        root.count += count;
        let mut node = &mut root;
        for frame in frames.iter().take(80) {
            node = node.inner.entry(frame.clone()).or_default();
            node.count += count;
        }
    }
    let mut boxes = String::new();
    let mut deepest = 0;
    let mut waiting = vec![(&root, "all", 0.0f64, 0usize)];
    while let Some((node, name, left, depth)) = waiting.pop() {
        let width = node.count as f64 / root.count.max(1) as f64 * 1_200.0;
        if width < 0.5 {
            continue;
        }
        deepest = deepest.max(depth);
        draw(
            &mut boxes,
            name,
            node.count as f64 / root.count.max(1) as f64,
            (left, width),
            depth,
        );
        let mut at = left;
        for (name, inner) in &node.inner {
            waiting.push((inner, name, at, depth + 1));
            at += inner.count as f64 / root.count.max(1) as f64 * 1_200.0;
        }
    }
    let height = (deepest + 1) * 16 + 4;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1200\" height=\"{height}\" font-family=\"monospace\" font-size=\"10\">\n{boxes}</svg>\n"
    )
}

fn draw(out: &mut String, name: &str, share: f64, (left, width): (f64, f64), depth: usize) {
    let colour = match room_of(name) {
        Some(room) => [
            "#7fb3d5", "#a9dfbf", "#f5b7b1", "#d7bde2", "#f9e79f", "#aed6f1", "#fad7a0", "#d5dbdb",
        ][ROOMS.iter().position(|known| *known == room).unwrap_or_default()],
        None => "#e8e4dc",
    };
    let top = depth * 16;
    let escaped = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    };
    let shown: String = name.chars().take((width / 6.2) as usize).collect();
    let (name, shown) = (escaped(name), escaped(&shown));
    // Writing into a String cannot fail.
    let _ = writeln!(
        out,
        "<g><title>{name} {:.1} %</title><rect x=\"{left:.1}\" y=\"{top}\" width=\"{width:.1}\" height=\"15\" fill=\"{colour}\"/>\
         <text x=\"{:.1}\" y=\"{}\">{shown}</text></g>",
        share * 100.0,
        left + 2.0,
        top + 11
    );
}
