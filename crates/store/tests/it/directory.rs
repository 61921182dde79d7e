//! The directory on a real file.

use crate::block_on;
use mail::Address;
use mail::dkim::{Algorithm, Signer};
use risk::{Language, LimitOverrides, Limits};
use std::path::Path;
use std::time::{Duration, Instant};
use store::{
    Account, Directory, Domain, ImportReport, Login, Network, NetworkTrust, SigningKey, StoreError, Tenant,
};

/// Fast to verify; the password is `correct horse`.
const CHEAP: &str = "$2y$04$kYoVeM2PEmPfjv..OMSY6.4RT1p3FdRGl8vqmu4X1bam/..DQcKZ.";

fn account(login: &str) -> Account {
    Account {
        login: login.into(),
        hash: CHEAP.into(),
        enabled: true,
        ..Account::default()
    }
}

fn is_granted(directory: &Directory, login: &str, password: &str) -> bool {
    matches!(
        block_on(directory.login(login, password.as_bytes())).unwrap(),
        Login::Granted(_)
    )
}

fn limits(per_message: u32) -> Option<Limits> {
    Some(Limits {
        windows: Vec::new(),
        recipients_per_message: Some(per_message),
    })
}

#[test]
fn an_account_makes_its_domain_and_tenant_and_outlives_the_process() {
    let place = tempfile::tempdir().unwrap();
    let directory = Directory::open(place.path()).unwrap();
    directory.put_account(&account("Info@Bücher.Example")).unwrap();
    drop(directory);
    let directory = Directory::open(place.path()).unwrap();
    let found = directory.account("INFO@xn--bcher-kva.example").unwrap().unwrap();
    assert_eq!(found.login, "info@xn--bcher-kva.example");
    assert_eq!(
        (found.domain.as_str(), found.tenant.as_str()),
        ("xn--bcher-kva.example", "xn--bcher-kva.example")
    );
    assert_eq!(found.role, "user");
    assert_eq!(
        directory.domain("bücher.example").unwrap().unwrap().tenant,
        "xn--bcher-kva.example"
    );
    assert!(directory.tenant("xn--bcher-kva.example").unwrap().is_some());
    assert!(directory.account("nobody@example.com").unwrap().is_none());
    assert!(directory.account("not an address").unwrap().is_none());
}

#[test]
fn a_domain_has_one_tenant_and_takes_its_accounts_along() {
    let place = tempfile::tempdir().unwrap();
    let directory = Directory::open(place.path()).unwrap();
    let of = |tenant: &str| Account {
        tenant: tenant.into(),
        ..account("a@example.com")
    };
    directory.put_account(&of("acme")).unwrap();
    directory.put_account(&of("")).unwrap();
    assert_eq!(
        directory.account("a@example.com").unwrap().unwrap().tenant,
        "acme"
    );
    assert!(matches!(
        directory.put_account(&of("other")),
        Err(StoreError::Refused(_))
    ));
    directory
        .put_domain(&Domain {
            name: "example.com".into(),
            tenant: "other".into(),
            ..Domain::default()
        })
        .unwrap();
    assert_eq!(
        directory.account("a@example.com").unwrap().unwrap().tenant,
        "other"
    );
}

#[test]
fn limits_are_inherited_from_what_is_kept() {
    let place = tempfile::tempdir().unwrap();
    let directory = Directory::open(place.path()).unwrap();
    let site = LimitOverrides {
        each_mailbox: limits(1),
        ..LimitOverrides::default()
    };
    let tenant_limits = LimitOverrides {
        each_mailbox: limits(2),
        ..LimitOverrides::default()
    };
    let effective = || {
        let account = directory.account("a@example.com").unwrap().unwrap();
        let domain = directory.domain(&account.domain).unwrap().unwrap();
        let tenant = directory.tenant(&account.tenant).unwrap().unwrap();
        let found = Limits::of_mailbox(&site, &tenant.limits, &domain.limits, &account.limits);
        found.and_then(|limits| limits.recipients_per_message)
    };
    directory
        .put_account(&Account {
            tenant: "acme".into(),
            ..account("a@example.com")
        })
        .unwrap();
    assert_eq!(effective(), Some(1));
    directory
        .put_tenant(&Tenant {
            name: "acme".into(),
            contact: None,
            limits: tenant_limits,
        })
        .unwrap();
    assert_eq!(effective(), Some(2));
    directory
        .put_domain(&Domain {
            name: "example.com".into(),
            tenant: "acme".into(),
            limits: LimitOverrides {
                each_mailbox: limits(3),
                ..LimitOverrides::default()
            },
        })
        .unwrap();
    assert_eq!(effective(), Some(3));
    let own = LimitOverrides {
        own: limits(4),
        ..LimitOverrides::default()
    };
    directory
        .put_account(&Account {
            limits: own,
            tenant: "acme".into(),
            ..account("a@example.com")
        })
        .unwrap();
    assert_eq!(effective(), Some(4));
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let directory = Directory::open(place.path()).unwrap();
    let check = |name: &str, account: Account| {
        let result = directory.put_account(&account);
        assert!(
            matches!(result, Err(StoreError::Refused(_))),
            "{name}: {result:?}"
        );
    };
    check("no address", account("info"));
    check("a literal", account("info@[192.0.2.1]"));
    check(
        "plain text",
        Account {
            hash: "{PLAIN}secret".into(),
            ..account("a@b.example")
        },
    );
    check(
        "no hash",
        Account {
            hash: String::new(),
            ..account("a@b.example")
        },
    );
    check(
        "foreign domain",
        Account {
            domain: "c.example".into(),
            ..account("a@b.example")
        },
    );
    check(
        "role",
        Account {
            role: "root".into(),
            ..account("a@b.example")
        },
    );
    check(
        "tenant",
        Account {
            tenant: "a b".into(),
            ..account("a@b.example")
        },
    );
    check(
        "any address",
        Account {
            also_sends_as: vec!["*".into()],
            ..account("a@b.example")
        },
    );
    check(
        "many addresses",
        Account {
            also_sends_as: (0..1_001).map(|n| format!("a{n}@b.example")).collect(),
            ..account("a@b.example")
        },
    );
    assert!(directory.accounts(None, None, None, 10).unwrap().is_empty());
    assert!(
        directory.domain("b.example").unwrap().is_none(),
        "nothing of a refused account stays"
    );
}

#[test]
fn logins() {
    let place = tempfile::tempdir().unwrap();
    let directory = Directory::open(place.path()).unwrap();
    directory.put_account(&account("a@example.com")).unwrap();
    directory
        .put_account(&Account {
            enabled: false,
            ..account("off@example.com")
        })
        .unwrap();
    let check = |login: &str, password: &str, expected: bool| {
        assert_eq!(
            is_granted(&directory, login, password),
            expected,
            "{login} {password}"
        );
    };
    check("a@example.com", "correct horse", true);
    check("A@EXAMPLE.COM", "correct horse", true);
    check("a@example.com", "correct hors", false);
    check("a@example.com", "correct horse ", false);
    check("a@example.com", "", false);
    check("a@example.com", "correct horse\0", false);
    check("a@example.com", &"x".repeat(1_025), false);
    check("b@example.com", "correct horse", false);
    check("off@example.com", "correct horse", false);
    check("", "correct horse", false);
}

#[test]
fn a_wrong_password_costs_one_hash_whether_the_login_exists_or_not() {
    let place = tempfile::tempdir().unwrap();
    let directory = Directory::open(place.path()).unwrap();
    directory.put_account(&account("a@example.com")).unwrap();
    directory
        .put_account(&Account {
            enabled: false,
            ..account("off@example.com")
        })
        .unwrap();
    let check = |login: &str, password: &str, expected: u64| {
        let before = directory.hash_runs();
        is_granted(&directory, login, password);
        assert_eq!(directory.hash_runs() - before, expected, "{login} {password}");
    };
    for _ in 0..2 {
        check("a@example.com", "wrong", 1);
        check("nobody@example.com", "wrong", 1);
        check("nobody", "wrong", 1);
        check("off@example.com", "correct horse", 1);
    }
    check("a@example.com", "correct horse", 1);
    check("a@example.com", "correct horse", 0);
    check("a@example.com", "wrong", 1);
    check("a@example.com", "correct horse", 0);
}

#[test]
fn a_remembered_password_ends_with_the_hash_and_the_account() {
    let place = tempfile::tempdir().unwrap();
    let directory = Directory::open(place.path()).unwrap();
    directory.put_account(&account("a@example.com")).unwrap();
    assert!(is_granted(&directory, "a@example.com", "correct horse"));
    let other = Directory::hash_password("another one").unwrap();
    directory
        .put_account(&Account {
            hash: other,
            ..account("a@example.com")
        })
        .unwrap();
    assert!(!is_granted(&directory, "a@example.com", "correct horse"));
    assert!(is_granted(&directory, "a@example.com", "another one"));
    directory.put_account(&account("a@example.com")).unwrap();
    assert!(is_granted(&directory, "a@example.com", "correct horse"));
    directory
        .put_account(&Account {
            enabled: false,
            ..account("a@example.com")
        })
        .unwrap();
    assert!(!is_granted(&directory, "a@example.com", "correct horse"));
    directory.put_account(&account("a@example.com")).unwrap();
    assert!(directory.remove_account("a@example.com").unwrap());
    assert!(!directory.remove_account("a@example.com").unwrap());
    assert!(!is_granted(&directory, "a@example.com", "correct horse"));
}

#[test]
fn many_logins_at_once_of_one_client_cost_few_hashes() {
    let place = tempfile::tempdir().unwrap();
    let directory = Directory::open(place.path()).unwrap();
    directory.put_account(&account("a@example.com")).unwrap();
    let directory = std::sync::Arc::new(directory);
    let granted = block_on(async {
        let mut logins = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let directory = std::sync::Arc::clone(&directory);
            logins.spawn(async move { directory.login("a@example.com", b"correct horse").await });
        }
        let answers = logins.join_all().await;
        answers
            .iter()
            .filter(|answer| matches!(answer, Ok(Login::Granted(_))))
            .count()
    });
    assert_eq!(granted, 50);
    assert!(
        (1..=2).contains(&directory.hash_runs()),
        "one for each thread at most: {}",
        directory.hash_runs()
    );
}

const CHILD: &str = "DIRECTORY_CHILD_DIRECTORY";

#[test]
fn another_process_is_seen_within_a_second() {
    if let Some(place) = std::env::var_os(CHILD) {
        let command = Directory::open(Path::new(&place)).unwrap();
        command.put_account(&account("a@example.com")).unwrap();
        command
            .put_network(&network("rack", "192.0.2.0/24", &[]))
            .unwrap();
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let gateway = Directory::open(place.path()).unwrap();
    assert!(gateway.account("a@example.com").unwrap().is_none());
    assert!(
        gateway
            .network("192.0.2.1".parse().unwrap(), &NetworkTrust::Relay)
            .unwrap()
            .is_none()
    );
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "directory::another_process_is_seen_within_a_second"])
        .env(CHILD, place.path())
        .output()
        .unwrap();
    assert!(child.status.success(), "{child:?}");
    let deadline = Instant::now() + Duration::from_secs(10);
    while gateway.account("a@example.com").unwrap().is_none() {
        assert!(Instant::now() < deadline, "never seen");
        std::thread::yield_now();
    }
    assert!(
        gateway
            .network("192.0.2.1".parse().unwrap(), &NetworkTrust::Relay)
            .unwrap()
            .is_some()
    );
    let beside = Directory::open(place.path()).unwrap();
    beside.remove_account("a@example.com").unwrap();
    gateway.refresh().unwrap();
    assert!(
        gateway.account("a@example.com").unwrap().is_none(),
        "seen at once when asked to look"
    );
}

fn network(name: &str, range: &str, also_sends_as: &[&str]) -> Network {
    Network {
        name: name.into(),
        range: range.parse().unwrap(),
        trust: NetworkTrust::Relay,
        tenant: "acme".into(),
        also_sends_as: also_sends_as.iter().map(|&entry| entry.into()).collect(),
        limits: LimitOverrides::default(),
    }
}

#[test]
fn who_owns_an_address() {
    let place = tempfile::tempdir().unwrap();
    let directory = Directory::open(place.path()).unwrap();
    directory
        .put_account(&Account {
            tenant: "acme".into(),
            also_sends_as: vec!["Sales@Example.com".into(), "@Shop.Example".into()],
            ..account("a@example.com")
        })
        .unwrap();
    directory
        .put_account(&Account {
            tenant: "other".into(),
            ..account("x@other.example")
        })
        .unwrap();
    let owner = directory.account("a@example.com").unwrap().unwrap();
    let check = |address: &str, expected: bool| {
        let address = Address::parse(address).unwrap();
        assert_eq!(directory.owns(&owner, &address), expected, "{address}");
    };
    check("A@Example.Com", true);
    check("a+tag@example.com", true);
    check("sales@example.com", true);
    check("sales+tag@example.com", true);
    check("anybody@shop.example", true);
    check("b@example.com", false);
    check("a@other.example", false);

    let check = |network: Network, address: &str, expected: bool| {
        directory.put_network(&network).unwrap();
        let network = directory
            .network("192.0.2.1".parse().unwrap(), &NetworkTrust::Relay)
            .unwrap()
            .unwrap();
        let address = Address::parse(address).unwrap();
        assert_eq!(
            directory.network_owns(&network, &address).unwrap(),
            expected,
            "{address}"
        );
    };
    check(network("rack", "192.0.2.0/24", &[]), "anybody@example.com", true);
    check(
        network("rack", "192.0.2.0/24", &[]),
        "anybody@other.example",
        false,
    );
    check(
        network("rack", "192.0.2.0/24", &[]),
        "anybody@unknown.example",
        false,
    );
    check(
        network("rack", "192.0.2.0/24", &["*"]),
        "anybody@unknown.example",
        true,
    );
    check(
        network("rack", "192.0.2.0/24", &["@unknown.example"]),
        "anybody@unknown.example",
        true,
    );
    check(
        network("rack", "192.0.2.0/24", &["@unknown.example"]),
        "anybody@example.com",
        false,
    );
    let twin = directory.put_network(&network("twin", "192.0.2.77/24", &[]));
    assert!(
        matches!(twin, Err(StoreError::Refused(_))),
        "two networks with one range"
    );
}

#[test]
fn pages_of_accounts() {
    let place = tempfile::tempdir().unwrap();
    let directory = Directory::open(place.path()).unwrap();
    for (login, tenant) in [
        ("c@x.example", "acme"),
        ("a@x.example", "acme"),
        ("b@y.example", "other"),
    ] {
        directory
            .put_account(&Account {
                tenant: tenant.into(),
                ..account(login)
            })
            .unwrap();
    }
    let check = |tenant, search, after, rows_max, expected: &[&str]| {
        let found = directory.accounts(tenant, search, after, rows_max).unwrap();
        let logins: Vec<_> = found.iter().map(|account| account.login.as_str()).collect();
        assert_eq!(logins, expected);
    };
    check(
        None,
        None,
        None,
        10,
        &["a@x.example", "b@y.example", "c@x.example"],
    );
    check(None, None, Some("a@x.example"), 1, &["b@y.example"]);
    check(Some("acme"), None, None, 10, &["a@x.example", "c@x.example"]);
    check(None, Some("X.Example"), None, 10, &["a@x.example", "c@x.example"]);
    check(None, Some("%"), None, 10, &[]);
}

fn import(directory: &Directory, csv: &str) -> Result<ImportReport, StoreError> {
    directory.import_csv(csv.as_bytes(), |_| ())
}

#[test]
fn csv_with_good_and_bad_lines() {
    let place = tempfile::tempdir().unwrap();
    let directory = Directory::open(place.path()).unwrap();
    let csv = format!(
        "\u{feff}Login,password_hash,tenant,language,also_sends_as,role\r\n\
         a@example.com,{CHEAP},acme,it,b@example.com @shop.example,domain_admin\r\n\
         \"b@example.com\",\"{CHEAP}\",,,,\r\n\
         nonsense,{CHEAP},acme,,,\r\n\
         c@example.com,{{PLAIN}}secret,acme,,,\r\n\
         d@example.com,{CHEAP},other,,,\r\n\
         e@example.com,{CHEAP},acme,xx,,\r\n\
         f@example.com\r\n\
         \r\n\
         g@example.com,{CHEAP}\r\n"
    );
    let mut seen = Vec::new();
    let report = directory
        .import_csv(csv.as_bytes(), |lines| seen.push(lines))
        .unwrap();
    assert_eq!((report.added, report.changed), (3, 0));
    assert_eq!(
        report.refused.iter().map(|(line, _)| *line).collect::<Vec<_>>(),
        [4, 5, 6, 7, 8]
    );
    assert!(
        report
            .refused
            .iter()
            .all(|(_, reason)| !reason.contains("secret")),
        "{report:?}"
    );
    assert_eq!(seen.last(), Some(&8));
    let a = directory.account("a@example.com").unwrap().unwrap();
    assert_eq!(a.language, Language::Italian);
    assert_eq!(a.also_sends_as, ["b@example.com", "@shop.example"]);
    assert_eq!(
        (a.role.as_str(), a.tenant.as_str(), a.enabled),
        ("domain_admin", "acme", true)
    );
    assert_eq!(
        directory.account("g@example.com").unwrap().unwrap().tenant,
        "acme",
        "that of its domain"
    );

    let again = import(&directory, &csv).unwrap();
    assert_eq!((again.added, again.changed), (0, 0), "nothing is new");
    let changed = import(
        &directory,
        &format!("login,password_hash,role\na@example.com,{CHEAP},user\n"),
    )
    .unwrap();
    assert_eq!((changed.added, changed.changed), (0, 1));
    let a = directory.account("a@example.com").unwrap().unwrap();
    assert_eq!(
        (a.role.as_str(), a.language),
        ("user", Language::Italian),
        "absent columns leave what is there"
    );
}

#[test]
fn csv_with_passwords() {
    let place = tempfile::tempdir().unwrap();
    let directory = Directory::open(place.path()).unwrap();
    let report = import(
        &directory,
        "password,login\n\" spaced, \"\"quoted\"\"\",a@example.com\n",
    )
    .unwrap();
    assert_eq!(report.added, 1, "{report:?}");
    assert!(is_granted(&directory, "a@example.com", " spaced, \"quoted\""));
    assert!(
        directory
            .account("a@example.com")
            .unwrap()
            .unwrap()
            .hash
            .starts_with("$argon2id$")
    );
}

#[test]
fn csv_that_is_refused_as_a_whole() {
    let place = tempfile::tempdir().unwrap();
    let directory = Directory::open(place.path()).unwrap();
    let check = |name: &str, csv: &str| {
        let result = import(&directory, csv);
        assert!(
            matches!(result, Err(StoreError::Refused(_))),
            "{name}: {result:?}"
        );
    };
    check("empty", "");
    check("no header", &format!("a@example.com,{CHEAP}\n"));
    check("no password column", "login,tenant\na@example.com,acme\n");
    check(
        "a column twice",
        &format!("login,login,password_hash\na@example.com,b@example.com,{CHEAP}\n"),
    );
    let unclosed = format!(
        "login,password_hash\n\"a@example.com,{CHEAP}\n{}",
        "x,y\n".repeat(100_000)
    );
    check("a quote that is not closed", &unclosed);
    assert!(directory.accounts(None, None, None, 10).unwrap().is_empty());
}

#[test]
fn keys_are_usable_and_rsa_signs_first() {
    let place = tempfile::tempdir().unwrap();
    let directory = Directory::open(place.path()).unwrap();
    assert!(directory.signers("example.com").unwrap().is_empty());
    for (selector, algorithm) in [("a", Algorithm::Ed25519Sha256), ("b", Algorithm::RsaSha256)] {
        let (_, pem) = Signer::generate("example.com", selector, algorithm).unwrap();
        directory
            .put_key(&SigningKey {
                domain: "Example.com".into(),
                selector: selector.into(),
                pem,
            })
            .unwrap();
    }
    let signers = directory.signers("EXAMPLE.com").unwrap();
    let seen: Vec<_> = signers
        .iter()
        .map(|signer| {
            (
                signer.domain.as_str(),
                signer.selector.as_str(),
                signer.algorithm(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("example.com", "b", Algorithm::RsaSha256),
            ("example.com", "a", Algorithm::Ed25519Sha256)
        ]
    );
    let refuse = |domain: &str, selector: &str, pem: &str| {
        let key = SigningKey {
            domain: domain.into(),
            selector: selector.into(),
            pem: pem.into(),
        };
        assert!(
            matches!(directory.put_key(&key), Err(StoreError::Refused(_))),
            "{domain} {selector}"
        );
    };
    let (_, pem) = Signer::generate("example.com", "a", Algorithm::Ed25519Sha256).unwrap();
    refuse("example.com", "c", "no key");
    refuse("", "c", &pem);
    refuse("example.com", "c d", &pem);
}

#[test]
fn secrets_are_not_shown() {
    let account = serde_json::to_string(&account("a@example.com")).unwrap();
    assert!(!account.contains("$2y$"), "{account}");
    let key = SigningKey {
        domain: "example.com".into(),
        selector: "a".into(),
        pem: "secret".into(),
    };
    assert!(!serde_json::to_string(&key).unwrap().contains("secret"));
}
