//! `dogana config check`.

use crate::config::{Config, resolve};
use anyhow::Result;
use clap::Subcommand;
use std::path::{Path, PathBuf};

/// Verbs of `dogana config`.
#[derive(Debug, Subcommand)]
pub enum ConfigVerb {
    /// Read the file, say what is wrong, print the resolved form.
    Check {
        /// The file; default: that of --config.
        file: Option<PathBuf>,
        /// Say nothing when it is right.
        #[arg(long)]
        quiet: bool,
    },
    /// Print the policy as it is without a configuration file.
    DefaultPolicy,
}

impl ConfigVerb {
    /// Does it.
    pub fn run(&self, default: &Path) -> Result<()> {
        match self {
            Self::Check { file, quiet } => {
                let resolved = resolve(&Config::read(file.as_deref().unwrap_or(default))?)?;
                if !quiet {
                    print!("{}", resolved.shown()?);
                }
            }
            Self::DefaultPolicy => print!("{}", toml::to_string_pretty(&risk::Policy::default())?),
        }
        Ok(())
    }
}
