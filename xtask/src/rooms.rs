//! The rooms and the arrows allowed between them: the whole list of ARCHITECTURE.md.

/// A room and the rooms it may use.
pub const ROOMS: [(&str, &[&str]); 9] = [
    ("mail", &[]),
    ("net", &[]),
    ("trace", &[]),
    ("risk", &["mail"]),
    ("store", &["mail", "risk", "trace"]),
    ("ingress", &["mail", "net", "risk", "store", "trace"]),
    ("egress", &["mail", "net", "risk", "store", "trace"]),
    ("panel", &["risk", "store", "trace"]),
    (
        "gateway",
        &[
            "mail", "net", "trace", "risk", "store", "ingress", "egress", "panel",
        ],
    ),
];

/// Words that only some rooms may say in their product code: the words, who may, why.
pub const SAYINGS: [(&[&str], &[&str], &str); 4] = [
    (
        &[
            "tokio::net",
            "std::net::TcpStream",
            "TcpListener",
            "UdpSocket",
            "rustls",
            "hickory",
        ],
        &["net"],
        "only net names sockets, resolvers and TLS",
    ),
    (
        &["Timestamp::now(", "SystemTime", "Zoned::now("],
        &["net", "gateway"],
        "time comes from net's clock or as an argument",
    ),
    (
        &[
            "std::fs",
            "tokio::fs",
            "File::open",
            "File::create",
            "OpenOptions",
            "rusqlite",
        ],
        &["store", "gateway"],
        "only store opens files and databases",
    ),
    (
        &["#[ignore", "#[cfg(feature = \"test"],
        &[],
        "no ignored tests, no test branches in product code",
    ),
];

/// Single files that may say more, each with its reason.
pub const EXCEPTIONS: [(&str, &str); 4] = [
    ("crates/net/src/local.rs", "makes the control socket"),
    ("crates/net/src/tls.rs", "reads certificates from PEM files"),
    ("crates/trace/src/log.rs", "appends to the log file"),
    ("crates/panel/build.rs", "embeds the pages at build time"),
];

/// Words that `mail` and `risk` may not say at all.
pub const PURE: [&str; 2] = ["mail", "risk"];
/// What would make them impure.
pub const IMPURE_WORDS: [&str; 7] = [
    "std::fs",
    "std::net::Tcp",
    "tokio",
    "async fn",
    "Instant::now",
    "std::thread",
    "rand::",
];
