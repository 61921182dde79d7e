//! Puts the built front end into the program.
//!
//! Takes `web/dist` as it is. Only when it is missing, it is built with `npm ci && npm run build` in `web`, which needs
//! Node.js 20.19 or newer. With the feature `headless` nothing is built or embedded.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;
use std::{env, fs};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let web = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("web");
    let dist = web.join("dist");
    let mut assets = String::from("static ASSETS: &[Asset] = &[\n");
    for watched in [
        "build.rs",
        "web/dist",
        "web/src",
        "web/index.html",
        "web/package-lock.json",
    ] {
        println!("cargo::rerun-if-changed={watched}");
    }
    if env::var_os("CARGO_FEATURE_HEADLESS").is_none() {
        if !dist.join("index.html").exists() {
            build(&web)?;
        }
        warn_if_stale(&web, &dist)?;
        for file in files(&dist)? {
            embed(&mut assets, &dist, &file)?;
        }
    }
    assets.push_str("];\n");
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("assets.rs"), assets)?;
    Ok(())
}

fn build(web: &Path) -> Outcome<()> {
    for arguments in [&["ci", "--no-audit", "--no-fund"][..], &["run", "build"][..]] {
        let done = Command::new("npm").args(arguments).current_dir(web).output().map_err(|error| {
            format!(
                "the panel's pages are not built and npm cannot be started ({error}). Install Node.js 20.19 or newer, \
                 or build without pages: --features panel/headless"
            )
        })?;
        if !done.status.success() {
            let said =
                String::from_utf8_lossy(&done.stderr).into_owned() + &String::from_utf8_lossy(&done.stdout);
            return Err(format!("npm {} failed in {}:\n{said}", arguments.join(" "), web.display()).into());
        }
    }
    Ok(())
}

fn warn_if_stale(web: &Path, dist: &Path) -> Outcome<()> {
    let built = fs::metadata(dist.join("index.html"))?.modified()?;
    let sources = files(&web.join("src"))?;
    let newest = sources
        .iter()
        .filter_map(|file| fs::metadata(file).ok()?.modified().ok())
        .max();
    if newest.unwrap_or(SystemTime::UNIX_EPOCH) > built {
        println!(
            "cargo::warning=the panel's pages in web/dist are older than web/src: run `npm run build` in crates/panel/web"
        );
    }
    Ok(())
}

/// All files below a folder, in order.
fn files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path)
            } else {
                found.push(path)
            }
        }
    }
    found.sort();
    Ok(found)
}

fn embed(assets: &mut String, dist: &Path, file: &Path) -> Outcome<()> {
    let extension = file
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    let kind = match extension {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        "png" => "image/png",
        // Compressed forms are embedded beside what they are forms of.
        _ => return Ok(()),
    };
    let compressed = |suffix: &str| {
        let path = PathBuf::from(format!("{}.{suffix}", file.display()));
        if path.exists() {
            format!("Some(include_bytes!({path:?}))")
        } else {
            "None".to_owned()
        }
    };
    let path = file.strip_prefix(dist)?.to_string_lossy().replace('\\', "/");
    let (gzip, brotli) = (compressed("gz"), compressed("br"));
    writeln!(
        assets,
        "Asset {{ path: \"/{path}\", kind: \"{kind}\", plain: include_bytes!({file:?}), gzip: {gzip}, brotli: {brotli} }},"
    )?;
    Ok(())
}
