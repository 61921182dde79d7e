//! `dogana limits …`: volume limits of a tenant, domain or mailbox, and where each comes from.

use super::table;
use crate::config::Resolved;
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use risk::{LimitOverrides, Limits, Windowed};
use store::Directory;

/// Verbs of `dogana limits`.
#[derive(Debug, Subcommand)]
pub enum LimitsVerb {
    /// The limits of a mailbox as they count, and where each comes from.
    Show {
        /// The login.
        login: String,
    },
    /// Set one window. Other windows of the same place stay.
    Set(Set),
    /// Inherit again: remove what was set there.
    Inherit {
        /// Which level.
        level: On,
        /// Its name.
        name: String,
        /// What is set for whom.
        #[arg(long = "for", default_value = "own")]
        whom: Whom,
    },
}

/// A level of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum On {
    /// A customer.
    Tenant,
    /// A domain.
    Domain,
    /// A mailbox.
    Mailbox,
}

/// Whom a limit of a level counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Whom {
    /// The level's own total.
    Own,
    /// Each mailbox below it.
    EachMailbox,
    /// Each domain below it.
    EachDomain,
}

/// `dogana limits set`
#[derive(Debug, Args)]
pub struct Set {
    /// Which level.
    level: On,
    /// Its name: tenant, domain or login.
    name: String,
    /// For whom.
    #[arg(long = "for", default_value = "own")]
    whom: Whom,
    /// Length of the window in seconds, 60 to 604800.
    #[arg(long, default_value_t = 86_400)]
    window: u32,
    /// Messages in the window.
    #[arg(long)]
    messages: Option<u64>,
    /// Recipients in the window.
    #[arg(long)]
    recipients: Option<u64>,
    /// Different recipients in the window.
    #[arg(long)]
    distinct_recipients: Option<u64>,
    /// Recipients in one message.
    #[arg(long)]
    recipients_per_message: Option<u32>,
}

impl LimitsVerb {
    /// Does it.
    pub fn run(self, config: &Resolved) -> Result<()> {
        let data = &config.store.directory;
        let directory =
            Directory::open(data).with_context(|| format!("the directory in {}", data.display()))?;
        match self {
            Self::Show { login } => show(&directory, config, &login.to_lowercase()),
            Self::Set(set) => {
                change(&directory, set.level, &set.name, |overrides| {
                    apply(part(overrides, set.whom), &set)
                })?;
                println!("set; the running gateway follows within a second");
                Ok(())
            }
            Self::Inherit { level, name, whom } => {
                change(&directory, level, &name, |overrides| {
                    *part(overrides, whom) = None;
                    Ok(())
                })?;
                println!("inherited again");
                Ok(())
            }
        }
    }
}

fn part(overrides: &mut LimitOverrides, whom: Whom) -> &mut Option<Limits> {
    match whom {
        Whom::Own => &mut overrides.own,
        Whom::EachMailbox => &mut overrides.each_mailbox,
        Whom::EachDomain => &mut overrides.each_domain,
    }
}

fn apply(limits: &mut Option<Limits>, set: &Set) -> Result<()> {
    let limits = limits.get_or_insert_default();
    if set.recipients_per_message.is_some() {
        limits.recipients_per_message = set.recipients_per_message;
    }
    let window = Windowed {
        window_s: set.window,
        messages: set.messages,
        recipients: set.recipients,
        distinct_recipients: set.distinct_recipients,
    };
    if (set.messages, set.recipients, set.distinct_recipients) != (None, None, None) {
        limits.windows.retain(|known| known.window_s != set.window);
        limits.windows.push(window);
        limits.windows.sort_by_key(|window| window.window_s);
    }
    if !limits.is_valid() {
        bail!(
            "a window must be 60 to 604800 seconds long, and a level has at most {}",
            Limits::WINDOWS_MAX
        );
    }
    Ok(())
}

fn change(
    directory: &Directory,
    level: On,
    name: &str,
    edit: impl FnOnce(&mut LimitOverrides) -> Result<()>,
) -> Result<()> {
    match level {
        On::Tenant => {
            let mut tenant = (*directory
                .tenant(name)?
                .with_context(|| format!("no tenant {name}"))?)
            .clone();
            edit(&mut tenant.limits)?;
            directory.put_tenant(&tenant)?;
        }
        On::Domain => {
            let mut domain = (*directory
                .domain(name)?
                .with_context(|| format!("no domain {name}"))?)
            .clone();
            edit(&mut domain.limits)?;
            directory.put_domain(&domain)?;
        }
        On::Mailbox => {
            let login = name.to_lowercase();
            let mut account = (*directory
                .account(&login)?
                .with_context(|| format!("no account {login}"))?)
            .clone();
            edit(&mut account.limits)?;
            directory.put_account(&account)?;
        }
    }
    Ok(())
}

fn show(directory: &Directory, config: &Resolved, login: &str) -> Result<()> {
    let account = directory
        .account(login)?
        .with_context(|| format!("no account {login}"))?;
    let domain = directory
        .domain(&account.domain)?
        .context("its domain is missing")?;
    let tenant = directory
        .tenant(&account.tenant)?
        .context("its tenant is missing")?;
    let site = &config.policy.limits;
    let mailbox = [
        ("mailbox", &account.limits.own),
        ("domain, each mailbox", &domain.limits.each_mailbox),
        ("tenant, each mailbox", &tenant.limits.each_mailbox),
        ("site, each mailbox", &site.each_mailbox),
    ];
    let whole_domain = [
        ("domain", &domain.limits.own),
        ("tenant, each domain", &tenant.limits.each_domain),
        ("site, each domain", &site.each_domain),
    ];
    let whole_tenant = [("tenant", &tenant.limits.own), ("site", &site.own)];
    let mut rows = Vec::new();
    for (counts, places) in [
        (login.to_owned(), mailbox.as_slice()),
        (format!("all of {}", account.domain), &whole_domain),
        (format!("all of {}", account.tenant), &whole_tenant),
    ] {
        // The first place that says anything counts.
        let Some((from, limits)) = places
            .iter()
            .find_map(|(from, limits)| limits.as_ref().map(|limits| (from, limits)))
        else {
            continue;
        };
        let shown = |count: Option<u64>| count.map_or("no limit".to_owned(), |count| count.to_string());
        for window in &limits.windows {
            rows.push(vec![
                counts.clone(),
                format!("{} s", window.window_s),
                shown(window.messages),
                shown(window.recipients),
                shown(window.distinct_recipients),
                (*from).to_owned(),
            ]);
        }
        if let Some(max) = limits.recipients_per_message {
            rows.push(vec![
                counts,
                "one message".to_owned(),
                "1".to_owned(),
                max.to_string(),
                String::new(),
                (*from).to_owned(),
            ]);
        }
    }
    table::print(
        &[
            "counts",
            "window",
            "messages",
            "recipients",
            "different recipients",
            "set at",
        ],
        &rows,
    );
    Ok(())
}
