//! Dialogs: each `.dialog` file in this folder is a conversation with real doors on loopback and a real store in a temporary
//! directory. README.md in this folder has the format.

mod client;
pub mod house;
mod script;

use std::path::{Path, PathBuf};
use tokio::task::JoinSet;

/// Dialogs run at one time.
const PARALLEL_MAX: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_dialog() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/dialogs");
    let mut files = Vec::new();
    collect(&folder, &mut files);
    files.sort();
    if let Ok(only) = std::env::var("DIALOG") {
        files.retain(|file| file.to_string_lossy().contains(&only));
    }
    assert!(!files.is_empty(), "no dialogs");
    let mut running = JoinSet::new();
    let mut failures = Vec::new();
    let count = files.len();
    for file in files {
        if running.len() == PARALLEL_MAX {
            failures.extend(running.join_next().await.unwrap().unwrap());
        }
        running.spawn(async move {
            let name = file
                .strip_prefix(env!("CARGO_MANIFEST_DIR"))
                .unwrap()
                .display()
                .to_string();
            run(&file).await.err().map(|error| format!("{name}: {error}"))
        });
    }
    while let Some(ended) = running.join_next().await {
        failures.extend(ended.unwrap());
    }
    assert!(
        failures.is_empty(),
        "{} of {count} dialogs failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "dialog") {
            files.push(path);
        }
    }
}

/// A file may hold several dialogs, divided by lines of `====`; and a table of variants, which run one by one.
async fn run(file: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(file).unwrap();
    for script in script::parse(&text)? {
        let house = house::House::open(&script.given).await?;
        let said = client::play(&house, &script).await;
        house.close().await;
        said?;
    }
    Ok(())
}
