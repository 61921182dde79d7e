//! `dogana scan`: judges messages in files and explains, with the policy and the scanners of the configuration.

use super::explain::explained;
use super::{block_on, table};
use crate::config::{Config, resolve};
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use ingress::lists::Lists;
use ingress::scan::{About, Scanners};
use risk::{Class, Door, DoorKind, Facts, Gathered, Language, Policy, Sender, SenderKind, Stage, Verdict};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Octets of one file at most.
const FILE_OCTETS_MAX: u64 = 100 << 20;

/// `dogana scan FILE…`
#[derive(Debug, Args)]
pub struct Scan {
    /// Messages (.eml), or folders that are searched for them.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// One JSON object a message: file, sentence, facts, verdict.
    #[arg(long)]
    json: bool,
    /// Only the table at the end.
    #[arg(long, conflicts_with = "json")]
    summary: bool,
    /// Language of the explanation: en, it, ru.
    #[arg(long, default_value = "en")]
    language: String,
}

impl Scan {
    /// Judges. The exit code is 0 when all are clean or suspect, 1 when one is spam or malware.
    pub fn run(self, config: &Path) -> Result<ExitCode> {
        let (policy, scan, lists) = if config.exists() {
            let resolved = resolve(&Config::read(config)?)?;
            let resolver = crate::serve::resolver(&resolved)?;
            let lists = Lists::new(resolved.lists, resolver);
            (resolved.policy, resolved.scan, lists)
        } else {
            let scan = ingress::scan::ScannerSettings::default();
            (Policy::default(), scan, Lists::none())
        };
        let files = files(&self.files)?;
        let bar = if self.json || !self.summary {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(files.len() as u64)
        };
        bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec}")?);
        let mut counts: BTreeMap<Class, u64> = BTreeMap::new();
        block_on(async {
            let judge = Judge {
                scanners: Scanners::new(scan, net::Dialer::system()),
                models: models(config),
                campaigns: store::Campaigns::new(files.len()),
                lists,
                policy,
            };
            for file in &files {
                let (facts, verdict) = judge.file(file).await?;
                *counts.entry(verdict.class).or_default() += 1;
                self.show(file, &facts, &verdict);
                bar.inc(1);
            }
            Ok(())
        })?;
        bar.finish_and_clear();
        if self.summary {
            let rows: Vec<_> = counts
                .iter()
                .map(|(class, count)| vec![class.as_str().to_owned(), count.to_string()])
                .collect();
            table::print(&["class", "messages"], &rows);
        }
        let bad = counts.keys().any(|class| *class >= Class::Spam);
        Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    fn show(&self, file: &Path, facts: &Facts, verdict: &Verdict) {
        let language = Language::from_tag(&self.language);
        if self.json {
            let sentence = verdict.reason.sentence(language);
            let line = serde_json::json!({
                "file": file.display().to_string(), "sentence": sentence, "facts": facts, "verdict": verdict
            });
            println!("{line}");
        } else if !self.summary {
            println!("{}", explained(file, facts, verdict, language));
        }
    }
}

/// The files among the paths, and those in the folders among them, in order.
pub(super) fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut waiting = paths.to_vec();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            for entry in std::fs::read_dir(&path)? {
                waiting.push(entry?.path());
            }
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// What the site learned, where there is a store that can be read beside a running gateway; else the shipped model alone.
fn models(config: &Path) -> risk::model::Models {
    let learned = config.exists().then(|| {
        let directory = resolve(&Config::read(config)?)?.store.directory;
        anyhow::Ok(store::Models::open(&directory)?)
    });
    match learned {
        Some(Ok(models)) => models.current().as_ref().clone(),
        _ => risk::model::Models::default(),
    }
}

/// What a message is judged with.
struct Judge {
    scanners: Scanners,
    models: risk::model::Models,
    /// The files of this run, so that alike ones of several authors are seen.
    campaigns: store::Campaigns,
    lists: Lists,
    policy: Policy,
}

impl Judge {
    async fn file(&self, file: &Path) -> Result<(Facts, Verdict)> {
        let size = std::fs::metadata(file)
            .with_context(|| file.display().to_string())?
            .len();
        if size > FILE_OCTETS_MAX {
            bail!("{}: more than {FILE_OCTETS_MAX} octets", file.display());
        }
        let message = Bytes::from(std::fs::read(file).with_context(|| file.display().to_string())?);
        let door = Door {
            listener: "scan".to_owned(),
            kind: DoorKind::File,
            client: None,
            helo: String::new(),
            tls: false,
        };
        let sender = Sender {
            kind: SenderKind::Ip,
            name: "file".to_owned(),
            domain: String::new(),
            tenant: String::new(),
        };
        let mut facts = Facts::new(Stage::Data, jiff::Timestamp::now(), door, sender);
        let author = risk::author(&message);
        let domain = author.as_ref().map(mail::Address::domain_key);
        let own: Vec<&str> = domain.iter().map(String::as_str).collect();
        let risk::Examined {
            facts: mut content,
            view,
        } = risk::examine(&message, &mail::message::Limits::default(), &own);
        self.models.read(&view, facts.sender.kind.role(), &mut content);
        if let Some(links) = &mut content.links {
            self.lists.ask(links, |_| false).await;
        }
        let (bands, author) = (risk::Bands::of(&content), author.map(|author| author.key()));
        let author = author.unwrap_or_else(|| file.display().to_string());
        facts.campaign = Gathered::Known(self.campaigns.recall(&bands, &author, facts.at));
        facts.content = Gathered::Known(content);
        let about = About {
            client: None,
            helo: "",
            login: None,
            reverse_path: None,
            recipients: &[],
            queue_id: trace::Id::generate(facts.at),
        };
        facts.scans = self.scanners.scan(&message, &about).await;
        let verdict = risk::judge(&facts, &self.policy);
        self.campaigns
            .remember(&bands, &author, about.queue_id, &verdict, facts.at);
        Ok((facts, verdict))
    }
}
