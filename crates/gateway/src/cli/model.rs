//! `dogana model …`: what the content model learned, in the running gateway or in its data directory.

use super::{block_on, table};
use crate::config::Resolved;
use crate::control::{ask, encoded, give, is_running};
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use clap::Subcommand;
use hyper::Method;
use serde_json::Value;
use std::path::PathBuf;
use store::{Label, Models};

/// Verbs of `dogana model`.
#[derive(Debug, Subcommand)]
pub enum ModelVerb {
    /// How much was learned, and the snapshots.
    Show,
    /// Write the model to a file, for another site.
    Export {
        /// The file.
        file: PathBuf,
    },
    /// Take over a model of another site. What was learned here is forgotten.
    Import {
        /// The file.
        file: PathBuf,
    },
    /// Forget what one source said, for example refusals of other servers, as if it had never been said.
    Forget {
        /// `refusal`, `operator`, `complaint` or `excursion`, as `dogana model show` lists them.
        source: String,
        /// Only of mail of this sender, for example mailbox:info@example.com.
        #[arg(long)]
        account: Option<String>,
    },
    /// Forget everything that was learned.
    Reset {
        /// Yes, everything.
        #[arg(long)]
        yes: bool,
    },
    /// Go back to a snapshot; what was learned since is forgotten.
    Restore {
        /// Its number, as `dogana model show` tells it.
        snapshot: i64,
    },
}

impl ModelVerb {
    /// Does it.
    pub fn run(self, config: &Resolved) -> Result<()> {
        let learner = Learner::open(config)?;
        match self {
            Self::Show => {}
            Self::Export { file } => {
                let octets = learner.export()?;
                std::fs::write(&file, &octets).with_context(|| file.display().to_string())?;
                println!("{}: {} octets", file.display(), octets.len());
                return Ok(());
            }
            Self::Import { file } => {
                let octets = std::fs::read(&file).with_context(|| file.display().to_string())?;
                learner.import(octets.into())?;
            }
            Self::Forget { source, account } => learner.forget(&source, account.as_deref())?,
            Self::Reset { yes: false } => bail!("this forgets everything that was learned: say --yes"),
            Self::Reset { yes: true } => learner.reset()?,
            Self::Restore { snapshot } => learner.restore(snapshot)?,
        }
        show(&learner.report()?);
        Ok(())
    }
}

fn show(report: &Value) {
    println!(
        "learned: {} spam, {} other; {} labels kept",
        report["learned_spam"], report["learned_other"], report["labels"]
    );
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let rows = |name: &str| report[name].as_array().cloned().unwrap_or_default();
    let sources: Vec<_> = rows("sources")
        .iter()
        .map(|row| vec![text(&row[0]), text(&row[1]), text(&row[2])])
        .collect();
    if !sources.is_empty() {
        table::print(&["said by", "spam", "other"], &sources);
        println!();
    }
    let ranks: Vec<_> = rows("ranks")
        .iter()
        .map(|row| vec![text(&row[0]), text(&row[1])])
        .collect();
    table::print(&["compared with mail of", "messages"], &ranks);
    let snapshots: Vec<_> = rows("snapshots")
        .iter()
        .map(|row| vec![text(&row["id"]), text(&row["at"]), text(&row["label"])])
        .collect();
    if !snapshots.is_empty() {
        println!();
        table::print(&["snapshot", "taken", "last label"], &snapshots);
    }
}

/// Where is learned: in the running gateway, or in the data directory when none runs (a lock keeps one from starting meanwhile).
pub(super) enum Learner {
    Gateway(PathBuf),
    Directory(Box<Models>),
}

impl Learner {
    pub(super) fn open(config: &Resolved) -> Result<Self> {
        let data = &config.store.directory;
        if block_on(async { Ok(is_running(data).await) })? {
            return Ok(Self::Gateway(data.clone()));
        }
        let models =
            Models::open_alone(data).with_context(|| format!("what was learned in {}", data.display()))?;
        Ok(Self::Directory(Box::new(models)))
    }

    pub(super) fn learn(&self, message: Bytes, spam: bool, account: Option<&str>) -> Result<()> {
        match self {
            Self::Gateway(data) => {
                let said = if spam { "spam" } else { "ham" };
                let account = account.map(|account| format!("&account={}", encoded(account)));
                let path = format!("/v1/model/learn?label={said}{}", account.unwrap_or_default());
                block_on(give(data, Method::POST, &path, "message/rfc822", message)).map(|_| ())
            }
            Self::Directory(models) => {
                let label = Label {
                    spam,
                    source: "operator",
                    account: account.unwrap_or_default(),
                };
                models.learn(&risk::view_of_file(&message), &label, jiff::Timestamp::now())?;
                Ok(())
            }
        }
    }

    pub(super) fn unlearn(&self, message: Bytes) -> Result<()> {
        match self {
            Self::Gateway(data) => {
                let path = "/v1/model/learn";
                block_on(give(data, Method::DELETE, path, "message/rfc822", message)).map(|_| ())
            }
            Self::Directory(models) => {
                Ok(models.unlearn(&risk::view_of_file(&message), jiff::Timestamp::now())?)
            }
        }
    }

    fn report(&self) -> Result<Value> {
        match self {
            Self::Gateway(data) => block_on(ask(data, Method::GET, "/v1/model", None)),
            Self::Directory(models) => Ok(serde_json::to_value(models.report()?)?),
        }
    }

    fn export(&self) -> Result<Bytes> {
        match self {
            Self::Gateway(data) => block_on(give(
                data,
                Method::GET,
                "/v1/model/export",
                "application/json",
                Bytes::new(),
            )),
            Self::Directory(models) => Ok(models.export().into()),
        }
    }

    fn import(&self, octets: Bytes) -> Result<()> {
        match self {
            Self::Gateway(data) => {
                let kind = "application/octet-stream";
                block_on(give(data, Method::PUT, "/v1/model", kind, octets)).map(|_| ())
            }
            Self::Directory(models) => Ok(models.import(&octets, jiff::Timestamp::now())?),
        }
    }

    fn forget(&self, source: &str, account: Option<&str>) -> Result<()> {
        match self {
            Self::Gateway(data) => {
                let account = account.map(|account| format!("&account={}", encoded(account)));
                let path = format!(
                    "/v1/model/labels?source={}{}",
                    encoded(source),
                    account.unwrap_or_default()
                );
                block_on(ask(data, Method::DELETE, &path, None)).map(|_| ())
            }
            Self::Directory(models) => {
                models.forget(source, account, jiff::Timestamp::now())?;
                Ok(())
            }
        }
    }

    fn reset(&self) -> Result<()> {
        match self {
            Self::Gateway(data) => block_on(ask(data, Method::POST, "/v1/model/reset", None)).map(|_| ()),
            Self::Directory(models) => Ok(models.reset()?),
        }
    }

    fn restore(&self, snapshot: i64) -> Result<()> {
        match self {
            Self::Gateway(data) => {
                let path = format!("/v1/model/restore/{snapshot}");
                block_on(ask(data, Method::POST, &path, None)).map(|_| ())
            }
            Self::Directory(models) => Ok(models.restore(snapshot)?),
        }
    }
}
