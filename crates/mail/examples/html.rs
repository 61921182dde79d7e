//! How fast HTML is read: `cargo run --release -p mail --example html -- [--dump] FILE_OR_FOLDER...`, with messages (the HTML
//! parts of them) or files named `*.html`. With `--dump` it prints what was found instead.

use mail::message::html::{HtmlLimits, read};
use mail::message::{Limits, Parts};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Times that all is read; the fastest one counts.
const ROUNDS: usize = 20;

fn main() -> std::io::Result<()> {
    let (options, paths): (Vec<_>, Vec<_>) =
        std::env::args().skip(1).partition(|word| word.starts_with("--"));
    let mut documents = Vec::new();
    for path in paths {
        collect(Path::new(&path), &mut documents)?;
    }
    let limits = HtmlLimits::default();
    if options.iter().any(|word| word == "--dump") {
        for (path, html) in &documents {
            println!("── {}\n{:#?}", path.display(), read(html, &limits));
        }
        return Ok(());
    }
    let octets: usize = documents.iter().map(|(_, html)| html.len()).sum();
    let mut best = Duration::MAX;
    let mut slowest = vec![Duration::MAX; documents.len()];
    for _ in 0..ROUNDS {
        let mut all = Duration::ZERO;
        for ((_, html), slowest) in documents.iter().zip(&mut slowest) {
            let start = Instant::now();
            std::hint::black_box(read(html, &limits));
            let took = start.elapsed();
            *slowest = took.min(*slowest);
            all += took;
        }
        best = best.min(all);
    }
    println!(
        "{} documents, {octets} octets: {:.0} MB/s",
        documents.len(),
        octets as f64 / best.as_secs_f64() / 1e6
    );
    let mut order: Vec<usize> = (0..documents.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(slowest[*index]));
    for index in order.into_iter().take(5) {
        let (path, html) = &documents[index];
        println!(
            "{:?} for {} octets: {}",
            slowest[index],
            html.len(),
            path.display()
        );
    }
    Ok(())
}

fn collect(path: &Path, documents: &mut Vec<(PathBuf, String)>) -> std::io::Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            collect(&entry?.path(), documents)?;
        }
        return Ok(());
    }
    let raw = std::fs::read(path)?;
    if path.extension().is_some_and(|extension| extension == "html") {
        documents.push((path.to_owned(), String::from_utf8_lossy(&raw).into_owned()));
        return Ok(());
    }
    let tree = Parts::walk(&raw, &Limits::default());
    for part in tree
        .parts
        .iter()
        .filter(|part| !part.container && part.content_type == "text/html")
    {
        documents.push((path.to_owned(), part.text(Limits::default().decoded_octets_max)));
    }
    Ok(())
}
