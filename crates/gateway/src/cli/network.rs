//! `dogana network …` and `dogana key …`: the rest of the directory.

use crate::config::Resolved;
use anyhow::{Context, Result};
use clap::Subcommand;
use mail::dkim::{Algorithm, Signer};
use store::{Directory, Network, NetworkTrust, SigningKey};

/// Verbs of `dogana network`.
#[derive(Debug, Subcommand)]
pub enum NetworkVerb {
    /// Name a network, or change it.
    Add {
        /// Its name; mail from it has the sender `host:NAME`.
        name: String,
        /// Its range, for example 192.0.2.0/24.
        range: ipnet::IpNet,
        /// Customer it belongs to. Default: the network's name.
        #[arg(long)]
        tenant: Option<String>,
        /// It is a proxy that may say XCLIENT and PROXY, instead of a customer that may relay.
        #[arg(long)]
        proxy: bool,
        /// An address or `@domain` it may send as; `*` is any. Default: all domains of its tenant.
        #[arg(long = "also-sends-as")]
        also_sends_as: Vec<String>,
    },
}

/// Verbs of `dogana key`.
#[derive(Debug, Subcommand)]
pub enum KeyVerb {
    /// Make a DKIM key, keep it, and print the record to publish.
    Generate {
        /// The domain that signs.
        domain: String,
        /// The selector.
        selector: String,
        /// ed25519 instead of RSA with 2,048 bits.
        #[arg(long)]
        ed25519: bool,
    },
}

impl NetworkVerb {
    /// Does it.
    pub fn run(self, config: &Resolved) -> Result<()> {
        let Self::Add {
            name,
            range,
            tenant,
            proxy,
            also_sends_as,
        } = self;
        let trust = if proxy {
            NetworkTrust::Proxy
        } else {
            NetworkTrust::Relay
        };
        let tenant = tenant.unwrap_or_else(|| if proxy { String::new() } else { name.clone() });
        let limits = risk::LimitOverrides::default();
        open(config)?.put_network(&Network {
            name: name.clone(),
            range,
            trust,
            tenant,
            also_sends_as,
            limits,
        })?;
        println!("{range} is named {name}");
        Ok(())
    }
}

impl KeyVerb {
    /// Does it.
    pub fn run(self, config: &Resolved) -> Result<()> {
        let Self::Generate {
            domain,
            selector,
            ed25519,
        } = self;
        let algorithm = if ed25519 {
            Algorithm::Ed25519Sha256
        } else {
            Algorithm::RsaSha256
        };
        let (signer, pem) = Signer::generate(&domain, &selector, algorithm)?;
        open(config)?.put_key(&SigningKey {
            domain: domain.clone(),
            selector: selector.clone(),
            pem,
        })?;
        println!(
            "publish as TXT at {selector}._domainkey.{domain}:\n{}",
            signer.public_record()
        );
        Ok(())
    }
}

fn open(config: &Resolved) -> Result<Directory> {
    let data = &config.store.directory;
    Directory::open(data).with_context(|| format!("the directory in {}", data.display()))
}
