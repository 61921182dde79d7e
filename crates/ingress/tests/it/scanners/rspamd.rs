//! A real Rspamd.

use super::*;
use e2e::mails;
use e2e::neighbours::rspamd::Rspamd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// What it sees of our request becomes symbols.
const SEEN: &str = r#"
local function seen(name, score, test)
  rspamd_config:register_symbol{ name = name, score = score, callback = test }
end
seen('SEEN_USER', 1.0, function(task) return task:get_user() == 'info@example.com' end)
seen('SEEN_FROM', 1.25, function(task) local f = task:get_from('smtp'); return f and f[1] and f[1].addr == 'info@example.com' end)
seen('SEEN_RCPTS', 1.5, function(task) local r = task:get_recipients('smtp'); return r and #r == 2 and r[2].addr == 'eve@example.org' end)
seen('SEEN_CLIENT', 2.0, function(task) local ip = task:get_from_ip(); return ip ~= nil and ip:is_valid() end)
seen('SEEN_HELO', 2.0, function(task) return task:get_helo() ~= nil end)
seen('SEEN_ID', 1.75, function(task) return task:get_queue_id() == '00000000004k7' end)
seen('GOOD_WORD', -3.0, function(task) return task:get_subject() == 'good word' end)
seen('VIRUS_FOUND', 0.0, function(task)
  if task:get_subject() == 'by force' then task:set_pre_result('reject', 'a virus') return true end
end)
"#;

fn names(symbols: &[(String, f32)]) -> Vec<&str> {
    symbols.iter().map(|(name, _)| name.as_str()).collect()
}

#[tokio::test]
async fn sees_the_envelope_but_not_the_client() {
    let daemon = Rspamd::start(SEEN).unwrap();
    for endpoint in [socket(&daemon.socket), Endpoint::Tcp(daemon.address)] {
        let scanners = rspamd(ScannerAccess::rspamd(endpoint));
        let (score, required, symbols) = scored(ask(&scanners, &plain("x", "y")).await);
        assert_eq!(required, Rspamd::REJECT);
        assert_eq!(
            names(&symbols),
            ["SEEN_ID", "SEEN_RCPTS", "SEEN_FROM", "SEEN_USER"]
        );
        assert_eq!(score, 5.5);
        let (score, _, symbols) = scored(ask(&scanners, &plain("good word", &mails::text(300_000))).await);
        assert_eq!((score, names(&symbols)[0]), (2.5, "GOOD_WORD"));
    }
}

#[tokio::test]
async fn sees_the_client_where_the_operator_wants_it() {
    let daemon = Rspamd::start(SEEN).unwrap();
    let wanted = ScannerSettings {
        rspamd: Some(ScannerAccess::rspamd(socket(&daemon.socket))),
        send_client_address: true,
        ..settings()
    };
    let (.., symbols) = scored(ask(&Scanners::new(wanted, Dialer::system()), &plain("x", "y")).await);
    assert_eq!(names(&symbols)[..2], ["SEEN_CLIENT", "SEEN_HELO"]);
}

#[tokio::test]
async fn gtube_and_a_forced_rejection_reach_the_threshold() {
    let daemon = Rspamd::start(SEEN).unwrap();
    let scanners = rspamd(ScannerAccess::rspamd(socket(&daemon.socket)));
    let (score, required, symbols) = scored(ask(&scanners, &plain("x", &mails::gtube())).await);
    assert_eq!((score, required), (15.0, 15.0));
    assert!(names(&symbols).contains(&"GTUBE"), "{symbols:?}");
    let (score, required, symbols) = scored(ask(&scanners, &plain("by force", "y")).await);
    assert!(score >= required, "{score} of {required}: {symbols:?}");
}

#[tokio::test]
async fn many_at_once_and_after_a_restart() {
    let mut daemon = Rspamd::start("").unwrap();
    let scanners = rspamd(ScannerAccess::rspamd(socket(&daemon.socket)));
    for _ in 0..2 {
        let message = plain("x", "y");
        let asked = (0..8).map(|_| ask(&scanners, &message));
        for result in futures_util::future::join_all(asked).await {
            scored(result);
        }
        daemon.daemon.kill().unwrap();
        daemon.daemon.launch().unwrap();
    }
}

/// A worker that keeps connections for `answers_max` answers, and counts them.
async fn keeper(answers_max: usize) -> (Endpoint, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::Tcp(listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let mut stream = BufReader::new(stream);
            'answers: for _ in 0..answers_max {
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    if stream.read_line(&mut line).await.unwrap() == 0 {
                        break 'answers;
                    }
                    if let Some(value) = line.strip_prefix("content-length: ") {
                        length = value.trim().parse().unwrap();
                    }
                    if line == "\r\n" {
                        break;
                    }
                }
                stream.read_exact(&mut vec![0; length]).await.unwrap();
                let answer = r#"{"score":1.0,"required_score":15.0}"#;
                let reply = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{answer}",
                    answer.len()
                );
                stream.write_all(reply.as_bytes()).await.unwrap();
            }
        }
    });
    (endpoint, connections)
}

#[tokio::test]
async fn connections_are_kept_and_made_anew_when_closed() {
    // (answers on one connection, connections for twelve messages)
    for (answers_max, expected) in [(100, 1), (12, 1), (4, 3), (1, 12)] {
        let (endpoint, connections) = keeper(answers_max).await;
        let scanners = rspamd(ScannerAccess::rspamd(endpoint));
        for number in 0..12 {
            let message = plain("x", &mails::text(number * 10_000));
            assert_eq!(scored(ask(&scanners, &message).await).0, 1.0);
        }
        assert_eq!(connections.load(Ordering::SeqCst), expected, "{answers_max}");
    }
}

#[tokio::test]
async fn frozen_is_late_and_killed_is_failed() {
    let mut daemon = Rspamd::start("").unwrap();
    let hurried = ScannerSettings {
        rspamd: Some(ScannerAccess::rspamd(socket(&daemon.socket))),
        deadline: HURRIED,
        ..ScannerSettings::default()
    };
    let scanners = Scanners::new(hurried, Dialer::system());
    let patient = rspamd(ScannerAccess::rspamd(socket(&daemon.socket)));
    scored(ask(&patient, &plain("x", "y")).await);
    daemon.daemon.freeze().unwrap();
    assert_eq!(ask(&scanners, &plain("x", "y")).await, Gathered::Late);
    daemon.daemon.thaw().unwrap();
    scored(ask(&patient, &plain("x", "y")).await);
    daemon.daemon.kill().unwrap();
    let why = failure(ask(&patient, &plain("x", "y")).await);
    assert!(why.starts_with("connection"), "{why}");
}
