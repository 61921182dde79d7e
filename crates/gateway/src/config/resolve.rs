//! From the raw file to the rooms' settings, in one step.

use super::ConfigError;
use super::egress::{Egress, Route, Tls};
use super::ingress::{Ingress, Kind, List, ListKind, Listener, Scan, ScannerBounds};
use super::{Config, panel as raw_panel};
use egress::{NextHop, SiteLimits, Source, TlsPolicy};
use ingress::lists::{ListSettings, ListsSettings};
use ingress::scan::{ScannerAccess, ScannerSettings};
use ingress::{ListenerLimits, ListenerSettings};
use net::Endpoint;
use risk::DoorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// All settings, ready for the rooms. Certificates are not loaded yet.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Our name.
    pub hostname: String,
    /// How mail comes in; the listeners' TLS is filled in when certificates are loaded.
    pub ingress: ingress::Settings,
    /// Certificate and key; None is self-signed.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The scanners.
    pub scan: ScannerSettings,
    /// The blocklists.
    pub lists: ListsSettings,
    /// The policy.
    pub policy: risk::Policy,
    /// Where things are kept.
    pub store: store::Settings,
    /// How mail goes out.
    pub egress: egress::Settings,
    /// Where the panel listens.
    pub panel_address: SocketAddr,
    /// The panel.
    pub panel: panel::Settings,
    /// The log's file; None is standard output.
    pub log: Option<PathBuf>,
    /// Is there a log.
    pub log_enabled: bool,
    /// Name servers.
    pub name_servers: Vec<SocketAddr>,
    /// Time for one question.
    pub dns_timeout: Duration,
    /// Fixed answers instead of DNS.
    pub hosts: std::collections::BTreeMap<String, Vec<std::net::IpAddr>>,
}

/// Resolves a configuration; the first value that cannot be used is an error that names its key.
pub fn resolve(config: &Config) -> Result<Resolved, ConfigError> {
    let hostname = config.hostname.clone().unwrap_or_else(system_name);
    let data = config
        .store
        .directory
        .clone()
        .unwrap_or_else(|| PathBuf::from("/var/lib/dogana"));
    config
        .risk
        .check()
        .map_err(|error| ConfigError::value("risk", error))?;
    let panel_address = config
        .panel
        .address
        .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8_025)));
    let panel = panel_settings(&config.panel, panel_address, &hostname);
    let mut ingress = ingress_settings(&config.ingress, &hostname)?;
    ingress.public_url = Some(panel.public_url.clone());
    for name in config.risk.listeners.keys() {
        if !ingress.listeners.iter().any(|listener| listener.name == *name) {
            return Err(ConfigError::value(
                format!("risk.listeners.{name}"),
                "no listener has this name",
            ));
        }
    }
    let certificate = match (&config.ingress.certificate, &config.ingress.key) {
        (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
        (None, None) => None,
        _ => {
            return Err(ConfigError::value(
                "ingress.certificate",
                "certificate and key belong together",
            ));
        }
    };
    Ok(Resolved {
        ingress,
        certificate,
        scan: scan_settings(&config.ingress.scan)?,
        lists: lists_settings(&config.ingress)?,
        policy: config.risk.clone(),
        store: store::Settings {
            directory: data,
            free_octets_min: config.store.free_octets_min.unwrap_or(512 << 20),
            messages_max: config.store.messages_max.unwrap_or(1_000_000),
            stories_kept_days: config.store.stories_kept_days.unwrap_or(30),
            stories_octets_max: stories_octets_max(config.store.stories_octets_max)?,
            geo_databases: config.store.geo_databases.clone(),
            campaign_messages_max: campaign_messages_max(config.store.campaign_messages_max)?,
        },
        egress: egress_settings(&config.egress, &hostname)?,
        panel_address,
        panel,
        log: config.trace.log.clone(),
        log_enabled: config.trace.enabled.unwrap_or(true),
        name_servers: config.net.name_servers.clone(),
        dns_timeout: Duration::from_secs(config.net.dns_timeout_s.unwrap_or(5)),
        hosts: config.net.hosts.clone(),
        hostname,
    })
}

fn campaign_messages_max(raw: Option<usize>) -> Result<usize, ConfigError> {
    match raw.unwrap_or(store::Campaigns::MEMBERS_MAX) {
        few if few < store::Campaigns::MEMBERS_MIN => {
            let text = format!("at least {} messages", store::Campaigns::MEMBERS_MIN);
            Err(ConfigError::value("store.campaign_messages_max", text))
        }
        enough => Ok(enough),
    }
}

fn stories_octets_max(raw: Option<u64>) -> Result<u64, ConfigError> {
    match raw.unwrap_or(10 << 30) {
        octets if octets < 16 << 20 => {
            let text = "stories need 16 MiB (16777216) at least";
            Err(ConfigError::value("store.stories_octets_max", text))
        }
        octets => Ok(octets),
    }
}

fn system_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() {
        "localhost".to_owned()
    } else {
        name
    }
}

fn panel_settings(raw: &raw_panel::Panel, address: SocketAddr, hostname: &str) -> panel::Settings {
    panel::Settings {
        public_url: raw
            .public_url
            .clone()
            .unwrap_or_else(|| format!("http://{address}"))
            .trim_end_matches('/')
            .to_owned(),
        metrics: raw.metrics.unwrap_or(false),
        site_name: raw.site_name.clone().unwrap_or_else(|| hostname.to_owned()),
    }
}

fn ingress_settings(raw: &Ingress, hostname: &str) -> Result<ingress::Settings, ConfigError> {
    let mut settings = ingress::Settings::new(hostname);
    settings.hide_client_address = raw.hide_client.unwrap_or(true);
    settings.locked_at_auth = raw.locked_at_auth.unwrap_or(false);
    settings.guard.exempt.clone_from(&raw.guard_exempt);
    if let Some(octets) = raw.message_memory_octets_max {
        settings.message_memory_octets_max = octets;
    }
    if let Some(days) = raw.expiry_days {
        settings.expires_after = Duration::from_secs(days.clamp(1, 30) * 86_400);
    }
    settings.listeners = raw.listener.iter().map(listener_settings).collect();
    if settings.listeners.is_empty() {
        return Err(ConfigError::value(
            "ingress.listener",
            "a gateway needs at least one listener",
        ));
    }
    Ok(settings)
}

fn listener_settings(raw: &Listener) -> ListenerSettings {
    let (kind, word) = match raw.kind {
        Kind::Submission => (DoorKind::Submission, "submission"),
        Kind::Submissions => (DoorKind::Submissions, "submissions"),
        Kind::Relay => (DoorKind::Relay, "relay"),
    };
    let usual = ListenerLimits::default();
    let narrow = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let limits = ListenerLimits {
        connections_max: raw.connections_max.unwrap_or(usual.connections_max),
        connections_per_address_max: raw
            .connections_per_address_max
            .unwrap_or(usual.connections_per_address_max),
        size_octets_max: raw.size_octets_max.unwrap_or(usual.size_octets_max),
        recipients_max: raw.recipients_max.unwrap_or(usual.recipients_max),
        messages_per_connection_max: raw.messages_max.map_or(usual.messages_per_connection_max, narrow),
        errors_max: raw.errors_max.map_or(usual.errors_max, narrow),
        hops_max: raw.hops_max.unwrap_or(usual.hops_max),
        command_timeout: raw
            .command_timeout_s
            .map_or(usual.command_timeout, Duration::from_secs),
        ..usual
    };
    let name = raw.name.clone().unwrap_or_else(|| word.to_owned());
    let mut settings = ListenerSettings::new(name, kind, raw.address);
    settings.auth_in_clear = raw.auth_in_clear;
    settings.proxy_protocol = raw.proxy_protocol;
    settings.limits = limits;
    settings
}

fn scan_settings(raw: &Scan) -> Result<ScannerSettings, ConfigError> {
    let endpoint = |key: &str, text: &Option<String>| -> Result<Option<Endpoint>, ConfigError> {
        text.as_ref()
            .map(|text| {
                text.parse()
                    .map_err(|error| ConfigError::value(format!("ingress.scan.{key}"), error))
            })
            .transpose()
    };
    let usual = ScannerSettings::default();
    let mut rspamd =
        endpoint("rspamd", &raw.rspamd)?.map(|at| bounded(ScannerAccess::rspamd(at), &raw.rspamd_bounds));
    if let Some(access) = &mut rspamd {
        access.password = raw.rspamd_password_file.as_deref().map(password).transpose()?;
        access.settings_id.clone_from(&raw.rspamd_settings_id);
    }
    Ok(ScannerSettings {
        clamav: endpoint("clamav", &raw.clamav)?
            .map(|at| bounded(ScannerAccess::clamav(at), &raw.clamav_bounds)),
        rspamd,
        spamassassin: endpoint("spamassassin", &raw.spamassassin)?
            .map(|at| bounded(ScannerAccess::spamassassin(at), &raw.spamassassin_bounds)),
        deadline: raw.deadline_ms.map_or(usual.deadline, Duration::from_millis),
        send_client_address: raw.send_client_address.unwrap_or(usual.send_client_address),
    })
}

fn lists_settings(raw: &Ingress) -> Result<ListsSettings, ConfigError> {
    let usual = ListsSettings::default();
    if raw.list.len() > ListsSettings::LISTS_MAX {
        let text = format!("at most {} lists", ListsSettings::LISTS_MAX);
        return Err(ConfigError::value("ingress.list", text));
    }
    let mut lists: Vec<ListSettings> = Vec::new();
    for list in &raw.list {
        let key = format!("ingress.list.{}", list.name);
        let settings = list_settings(list).map_err(|error| ConfigError::value(key.clone(), error))?;
        if lists.iter().any(|other| other.name == settings.name) {
            return Err(ConfigError::value(key, "two lists have this name"));
        }
        lists.push(settings);
    }
    Ok(ListsSettings {
        lists,
        deadline: raw.list_deadline_ms.map_or(usual.deadline, Duration::from_millis),
        ..usual
    })
}

fn list_settings(raw: &List) -> Result<ListSettings, String> {
    let kind = match raw.kind {
        ListKind::Domain => risk::ListKind::Domain,
        ListKind::Newborn => risk::ListKind::Newborn,
        ListKind::Address => risk::ListKind::Address,
    };
    let mut settings = ListSettings::new(&raw.name, &raw.zone, kind);
    settings.key.clone_from(&raw.key);
    if let Some(name) = &raw.test_listed {
        settings.test_listed.clone_from(name);
    }
    if let Some(name) = &raw.test_unlisted {
        settings.test_unlisted.clone_from(name);
    }
    for (span, meaning) in &raw.answers {
        settings = settings.answer(span, meaning)?;
    }
    for (bit, meaning) in &raw.bits {
        let bit = bit
            .parse()
            .map_err(|_| format!("{bit} is not one bit: 1, 2, 4, ... 128"))?;
        settings = settings.bit(bit, meaning)?;
    }
    settings.check()?;
    Ok(settings)
}

fn bounded(access: ScannerAccess, raw: &ScannerBounds) -> ScannerAccess {
    ScannerAccess {
        connections_max: raw.connections_max.unwrap_or(access.connections_max),
        size_octets_max: raw.size_octets_max.unwrap_or(access.size_octets_max),
        timeout: raw.timeout_ms.map(Duration::from_millis),
        retry_after: raw
            .retry_after_ms
            .map_or(access.retry_after, Duration::from_millis),
        ..access
    }
}

/// The first line of a file that only we should be able to read.
fn password(path: &Path) -> Result<String, ConfigError> {
    let wrong = |text: String| ConfigError::value("ingress.scan.rspamd_password_file", text);
    let text =
        std::fs::read_to_string(path).map_err(|error| wrong(format!("{}: {error}", path.display())))?;
    let line = text.lines().next().unwrap_or_default().trim();
    // It goes into a header field of HTTP.
    if line.is_empty()
        || !line
            .bytes()
            .all(|octet| octet.is_ascii_graphic() || octet == b' ')
    {
        return Err(wrong(format!(
            "{}: its first line is no password",
            path.display()
        )));
    }
    Ok(line.to_owned())
}

fn egress_settings(raw: &Egress, hostname: &str) -> Result<egress::Settings, ConfigError> {
    let mut settings = egress::Settings {
        host_name: hostname.to_owned(),
        own_names: raw.own_names.clone(),
        ..Default::default()
    };
    for (name, pool) in &raw.pool {
        let sources = pool.sources.iter().map(|source| Source {
            address: source.address,
            ehlo_name: source.ehlo.clone(),
            weight: source.weight.unwrap_or(1),
        });
        settings.pools.insert(name.clone(), sources.collect());
    }
    for (index, route) in raw.route.iter().enumerate() {
        settings.routes.push(route_settings(index, route)?);
    }
    settings.mx_port = raw.port.unwrap_or(settings.mx_port);
    settings.tls = raw.tls.map_or(settings.tls, tls_policy);
    if !raw.retry.after_s.is_empty() {
        settings.retry.steps = raw
            .retry
            .after_s
            .iter()
            .map(|seconds| Duration::from_secs(*seconds))
            .collect();
    }
    if let Some(seconds) = raw.retry.delay_notice_s {
        settings.delay_notice_after = (seconds > 0).then(|| Duration::from_secs(seconds));
    }
    settings.bounds.connections_max = raw.connections_max.unwrap_or(settings.bounds.connections_max);
    let usual = SiteLimits::default();
    settings.limits = SiteLimits {
        connections_max: raw.site.connections_max.map_or(usual.connections_max, |count| {
            u32::try_from(count).unwrap_or(u32::MAX)
        }),
        connection_messages_max: raw
            .site
            .messages_per_connection_max
            .unwrap_or(usual.connection_messages_max),
        transaction_recipients_max: raw
            .site
            .recipients_per_transaction_max
            .unwrap_or(usual.transaction_recipients_max),
        messages_per_second_max: raw.site.messages_per_s_max,
        ..usual
    };
    settings
        .check()
        .map_err(|error| ConfigError::value("egress", error))?;
    Ok(settings)
}

fn route_settings(index: usize, raw: &Route) -> Result<egress::Route, ConfigError> {
    let hosts = raw.hosts.iter().map(|text| {
        let parts = text
            .rsplit_once(':')
            .and_then(|(host, port)| port.parse().ok().map(|port| (host, port)));
        let (host, port) = parts.ok_or_else(|| {
            ConfigError::value(
                format!("egress.route[{index}].hosts"),
                format!("{text} is not host:port"),
            )
        })?;
        Ok(NextHop {
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
        })
    });
    Ok(egress::Route {
        pattern: raw.domain.to_ascii_lowercase(),
        hosts: hosts.collect::<Result<_, ConfigError>>()?,
        tls: raw.tls.map_or(TlsPolicy::default(), tls_policy),
        pipeline_messages: raw.pipeline_messages,
    })
}

fn tls_policy(raw: Tls) -> TlsPolicy {
    match raw {
        Tls::Off => TlsPolicy::Off,
        Tls::Opportunistic => TlsPolicy::Opportunistic,
        Tls::Required => TlsPolicy::Required,
        Tls::Verify => TlsPolicy::Verify,
    }
}

impl Resolved {
    /// The resolved form as text, a value a line; no secrets are in it.
    pub fn shown(&self) -> Result<String, toml::ser::Error> {
        let mut out = format!(
            "hostname = {:?}\ndata = {:?}\npanel = \"{}\"\npublic_url = {:?}\n",
            self.hostname, self.store.directory, self.panel_address, self.panel.public_url
        );
        for listener in &self.ingress.listeners {
            out.push_str(&format!(
                "listener {} = {:?} on {} (auth in clear: {}, PROXY: {})\n  {:?}\n",
                listener.name,
                listener.kind,
                listener.address,
                listener.auth_in_clear,
                listener.proxy_protocol,
                listener.limits
            ));
        }
        let certificate = self
            .certificate
            .as_ref()
            .map_or("self-signed".to_owned(), |(path, _)| path.display().to_string());
        out.push_str(&format!("certificate = {certificate}\n"));
        for (name, access) in [
            ("clamav", &self.scan.clamav),
            ("rspamd", &self.scan.rspamd),
            ("spamassassin", &self.scan.spamassassin),
        ] {
            let asked = access.as_ref().map_or("not asked".to_owned(), shown_access);
            out.push_str(&format!("scanner {name} = {asked}\n"));
        }
        for list in &self.lists.lists {
            out.push_str(&format!("list {} = {:?} {}\n", list.name, list.kind, list.zone));
        }
        out.push_str(&format!("egress = {:#?}\n", self.egress));
        out.push_str(&format!("\n[risk]\n{}", toml::to_string_pretty(&self.policy)?));
        Ok(out)
    }
}

/// Where a scanner is asked and its bounds, without its password.
fn shown_access(access: &ScannerAccess) -> String {
    format!(
        "{} (connections_max: {}, size_octets_max: {}, timeout: {:?}, retry_after: {:?}, password: {})",
        access.endpoint,
        access.connections_max,
        access.size_octets_max,
        access.timeout,
        access.retry_after,
        if access.password.is_some() { "set" } else { "none" }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(), &str>) {
        let config = Config::parse(text, Path::new("test.toml")).unwrap();
        match (resolve(&config), expected) {
            (Ok(resolved), Ok(())) => assert!(resolved.shown().unwrap().contains("[risk]")),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (result, expected) => panic!("{text}: {result:?}, expected {expected:?}"),
        }
    }

    const DOOR: &str = "[[ingress.listener]]\nkind = \"relay\"\naddress = \"127.0.0.1:2525\"\n";

    #[test]
    fn values_that_cannot_be_used_name_their_key() {
        check(DOOR, Ok(()));
        check("", Err("ingress.listener: a gateway needs"));
        check(
            &format!("{DOOR}[ingress]\ncertificate = \"x\"\n"),
            Err("ingress.certificate"),
        );
        check(
            &format!("{DOOR}[ingress.scan]\nclamav = \"nowhere\"\n"),
            Err("ingress.scan.clamav"),
        );
        let list = "[[ingress.list]]\nname = \"dbl\"\nzone = \"dbl.example\"\nkind = \"domain\"\n";
        check(
            &format!("{DOOR}{list}answers = {{ \"127.0.1.2\" = \"spam\" }}\nbits = {{ 8 = \"phishing\" }}\n"),
            Ok(()),
        );
        check(
            &format!("{DOOR}{list}"),
            Err("ingress.list.dbl: no answer is documented"),
        );
        check(
            &format!("{DOOR}{list}answers = {{ \"192.0.2.1\" = \"spam\" }}\n"),
            Err("ingress.list.dbl: 192.0.2.1 can be no listing"),
        );
        check(
            &format!("{DOOR}{list}bits = {{ 3 = \"spam\" }}\n"),
            Err("3 is not one bit"),
        );
        check(
            &format!("{DOOR}{list}key = \"secret\"\nbits = {{ 2 = \"spam\" }}\n"),
            Err("a key and {key} in the zone"),
        );
        check(
            &format!("{DOOR}[risk]\nsuspect_db = 50.0\n"),
            Err("risk: risk.suspect_db"),
        );
        check(
            &format!("{DOOR}[risk.listeners.relai]\nidentity = \"log\"\n"),
            Err("risk.listeners.relai"),
        );
        check(
            &format!("{DOOR}[[egress.route]]\ndomain = \"*\"\nhosts = [\"mx\"]\n"),
            Err("egress.route[0].hosts"),
        );
        check(&format!("{DOOR}[egress.pool.clean]\n"), Err("egress"));
        check(
            &format!("{DOOR}[store]\nstories_octets_max = 1000\n"),
            Err("store.stories_octets_max"),
        );
        check(
            &format!("{DOOR}[store]\ncampaign_messages_max = 10\n"),
            Err("store.campaign_messages_max"),
        );
    }

    #[test]
    fn scanners_have_their_bounds_and_the_password_stays_hidden() {
        let file = std::env::temp_dir().join(format!("dogana-rspamd-password-{}", std::process::id()));
        std::fs::write(&file, "q1 w2\n# a comment\n").unwrap();
        let text = format!(
            "{DOOR}[ingress.scan]\nclamav = \"/run/clamav/clamd.ctl\"\nrspamd = \"unix:/run/rspamd/worker.sock\"\n\
             spamassassin = \"127.0.0.1:783\"\nrspamd_password_file = {file:?}\nrspamd_settings_id = \"outgoing\"\n\
             [ingress.scan.clamav_bounds]\nsize_octets_max = 1000\ntimeout_ms = 250\n\
             [ingress.scan.rspamd_bounds]\nconnections_max = 3\nretry_after_ms = 9000\n"
        );
        let resolved = resolve(&Config::parse(&text, Path::new("test.toml")).unwrap());
        std::fs::remove_file(&file).unwrap();
        let resolved = resolved.unwrap();
        let (clamav, rspamd) = (
            resolved.scan.clamav.as_ref().unwrap(),
            resolved.scan.rspamd.as_ref().unwrap(),
        );
        assert_eq!(clamav.endpoint, Endpoint::Unix("/run/clamav/clamd.ctl".into()));
        assert_eq!((clamav.size_octets_max, clamav.connections_max), (1_000, 10));
        assert_eq!(clamav.timeout, Some(Duration::from_millis(250)));
        assert_eq!(rspamd.endpoint, Endpoint::Unix("/run/rspamd/worker.sock".into()));
        assert_eq!((rspamd.connections_max, rspamd.size_octets_max), (3, 50 << 20));
        assert_eq!(rspamd.retry_after, Duration::from_secs(9));
        assert_eq!(rspamd.password.as_deref(), Some("q1 w2"));
        assert_eq!(rspamd.settings_id.as_deref(), Some("outgoing"));
        assert_eq!(resolved.scan.spamassassin.as_ref().unwrap().timeout, None);
        assert!(!resolved.shown().unwrap().contains("q1 w2"));
        let gone =
            format!("{DOOR}[ingress.scan]\nrspamd = \"127.0.0.1:1\"\nrspamd_password_file = {file:?}\n");
        check(&gone, Err("ingress.scan.rspamd_password_file"));
    }
}
