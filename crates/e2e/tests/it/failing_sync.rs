//! One call of five that should make octets durable fails with EIO: each message that it hits is answered 4yz, nothing that got 250
//! is lost, and the gateway goes on.

use e2e::load::Load;
use e2e::mails;
use e2e::process::{Gateway, Plan, program};
use e2e::sink::{Behaviour, Sink};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_is_told_and_nothing_is_lost() {
    let sink = Sink::start(SocketAddr::from(([127, 0, 0, 1], 0)), Behaviour::default())
        .await
        .unwrap();
    let limits = "[[risk.limits.each_mailbox.windows]]\nwindow_s = 86400\nmessages = 100000000\nrecipients = 100000000\n[egress.retry]\nafter_s = [1]\n";
    let folder = tempfile::tempdir().unwrap();
    let wrapped = folder.path().join("dogana");
    // Only the serving process meets failures: the commands that set it up do not.
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *serve*)\n\
         export FIU_ENABLE='enable_random name=posix/io/sync/*,probability=0.2,failinfo=5'\n\
         export LD_PRELOAD='/usr/lib/fiu/fiu_run_preload.so /usr/lib/fiu/fiu_posix_preload.so';; esac\nexec {} \"$@\"\n",
        program().display()
    );
    std::fs::write(&wrapped, script).unwrap();
    std::fs::set_permissions(&wrapped, std::fs::Permissions::from_mode(0o755)).unwrap();
    let plan = Plan {
        next_hop: Some(sink.address),
        more: limits.to_owned(),
        log: false,
        program: wrapped,
        ..Plan::default()
    };
    let mut gateway = Gateway::prepare(&plan).unwrap();
    gateway
        .dogana(
            &["network", "add", "load", "127.0.0.0/8", "--also-sends-as", "*"],
            "",
        )
        .unwrap();
    // The very first syncs, of folder and first segment, may fail too: then it says so and does not start.
    let started = (0..40).any(|_| gateway.launch().is_ok());
    assert!(started, "{}", gateway.said());
    let load = Load {
        address: gateway.relay,
        connections: 10,
        messages_per_connection: 10,
        messages: 2_000,
        logins: Vec::new(),
        tls: false,
        mails: vec![mails::plain(
            "s@bench.test",
            "to@sink.test",
            "Load",
            &mails::text(4_000),
        )],
        to: vec!["to@sink.test".to_owned()],
        numbered: true,
        first: 0,
        stop: None,
    };
    let result = load.run().await;
    println!(
        "{} taken, {} told 4yz, {} refused, {} without answer",
        result.taken, result.deferred, result.refused, result.unknown
    );
    assert!(
        result.deferred > 20,
        "the failures must have been met: {} of 2000",
        result.deferred
    );
    assert!(result.taken > 500, "and it goes on: {}", gateway.said());
    assert_eq!(result.refused, 0);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    let missing = || {
        let arrived = sink.accounts();
        result
            .accounts
            .iter()
            .filter(|number| !arrived.contains_key(&number.to_string()))
            .count()
    };
    while missing() > 0 && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(missing(), 0, "{}", gateway.said());
}
