//! `dogana account …`: works on the directory itself, beside a running gateway or without one.

use super::table;
use crate::config::Resolved;
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{BufRead, IsTerminal, Read};
use std::path::PathBuf;
use store::{Account, Directory};

/// Verbs of `dogana account`.
#[derive(Debug, Subcommand)]
pub enum AccountVerb {
    /// Add a mailbox, or change it. The password is read from standard input.
    Add {
        /// The login, a mail address.
        login: String,
        /// Customer it belongs to. Default: its domain.
        #[arg(long)]
        tenant: Option<String>,
        /// A password hash of a known scheme instead of a password.
        #[arg(long)]
        hash: Option<String>,
        /// Language of what is told to it: en, it, ru.
        #[arg(long, default_value = "en")]
        language: String,
        /// A further address it may send as; `@example.com` is a whole domain. May be given more than once.
        #[arg(long = "also-sends-as")]
        also_sends_as: Vec<String>,
        /// Role in the panel: user, domain_admin, reseller, help_desk, operator.
        #[arg(long, default_value = "user")]
        role: String,
    },
    /// Read accounts from CSV: login,password_hash[,tenant,language,also_sends_as,role].
    Import {
        /// The file; `-` is standard input.
        file: PathBuf,
    },
    /// List accounts.
    List {
        /// Only those of a customer.
        #[arg(long)]
        tenant: Option<String>,
        /// Only those whose login contains this.
        search: Option<String>,
    },
    /// Show one account with its settings (never its password).
    Show {
        /// The login.
        login: String,
    },
    /// Remove an account.
    Remove {
        /// The login.
        login: String,
    },
    /// Keep an account from sending; reading mail goes on.
    Lock {
        /// The login.
        login: String,
        /// Why; shown to the account's owner.
        #[arg(long)]
        reason: String,
        /// For how long, for example 2h, 3d. Default: until unlocked.
        #[arg(long = "for")]
        lasts: Option<jiff::SignedDuration>,
    },
    /// Let an account send again.
    Unlock {
        /// The login.
        login: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

impl AccountVerb {
    /// Does it.
    pub fn run(self, config: &Resolved) -> Result<()> {
        let data = &config.store.directory;
        let open = || Directory::open(data).with_context(|| format!("the directory in {}", data.display()));
        match self {
            Self::Add {
                login,
                tenant,
                hash,
                language,
                also_sends_as,
                role,
            } => {
                let hash = match hash {
                    Some(hash) => hash,
                    None => Directory::hash_password(&read_password(&login)?)?,
                };
                let login = login.to_lowercase();
                let Some((_, domain)) = login.rsplit_once('@') else {
                    bail!("the login must be a mail address")
                };
                let (domain, tenant) = (domain.to_owned(), tenant.unwrap_or_else(|| domain.to_owned()));
                let language = risk::Language::from_tag(&language);
                let limits = risk::LimitOverrides::default();
                open()?.put_account(&Account {
                    login: login.clone(),
                    domain,
                    tenant,
                    hash,
                    also_sends_as,
                    language,
                    limits,
                    enabled: true,
                    role,
                })?;
                println!("{login} may send now");
            }
            Self::Import { file } => import(&open()?, &file)?,
            Self::List { tenant, search } => list(&open()?, tenant.as_deref(), search.as_deref())?,
            Self::Show { login } => {
                let found = open()?
                    .account(&login.to_lowercase())?
                    .with_context(|| format!("no account {login}"))?;
                println!("{}", serde_json::to_string_pretty(&*found)?);
            }
            Self::Remove { login } => {
                if !open()?.remove_account(&login.to_lowercase())? {
                    bail!("no account {login}");
                }
                println!("{login} is gone");
            }
            Self::Lock { login, reason, lasts } => {
                super::sender::lock(
                    config,
                    &format!("mailbox:{}", login.to_lowercase()),
                    &reason,
                    lasts,
                )?;
            }
            Self::Unlock { login, reason } => {
                super::sender::unlock(config, &format!("mailbox:{}", login.to_lowercase()), &reason)?;
            }
        }
        Ok(())
    }
}

fn read_password(login: &str) -> Result<String> {
    if std::io::stdin().is_terminal() {
        eprint!("password for {login} (shown while you type): ");
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!("an empty password is refused");
    }
    Ok(password.to_owned())
}

fn import(directory: &Directory, file: &PathBuf) -> Result<()> {
    let source: Box<dyn Read> = if file.as_os_str() == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(std::fs::File::open(file).with_context(|| file.display().to_string())?)
    };
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("{spinner} {pos} lines, {per_sec}")?);
    let report = directory.import_csv(source, |lines| bar.set_position(lines))?;
    bar.finish_and_clear();
    println!(
        "{} added, {} changed, {} refused",
        report.added,
        report.changed,
        report.refused.len()
    );
    for (line, why) in &report.refused {
        println!("  line {line}: {why}");
    }
    Ok(())
}

fn list(directory: &Directory, tenant: Option<&str>, search: Option<&str>) -> Result<()> {
    let mut after: Option<String> = None;
    let mut rows = Vec::new();
    loop {
        let page = directory.accounts(tenant, search, after.as_deref(), 500)?;
        let Some(last) = page.last() else { break };
        after = Some(last.login.clone());
        rows.extend(page.into_iter().map(|account| {
            let enabled = if account.enabled { "yes" } else { "no" };
            vec![
                account.login,
                account.tenant,
                account.role,
                account.language.tag().to_owned(),
                enabled.to_owned(),
            ]
        }));
    }
    table::print(&["login", "tenant", "role", "language", "enabled"], &rows);
    Ok(())
}
