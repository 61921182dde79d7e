//! One call of five that should make octets durable fails with EIO: each message that it hits is answered 4yz, nothing that got 250
//! is lost, and the gateway goes on.

use super::{let_relay, load_mails, prepared_relay_house};
use e2e::load::Load;
use e2e::process::{Plan, program};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_is_told_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let wrapped = folder.path().join("dogana");
    let trouble = folder.path().join("trouble");
    // Only the serving process meets failures, and not the first one, which makes the house: each of its files takes many syncs.
    let script = format!(
        "#!/bin/sh\n[ -e {} ] && case \"$*\" in *serve*)\n\
         export FIU_ENABLE='enable_random name=posix/io/sync/*,probability=0.2,failinfo=5'\n\
         export LD_PRELOAD='/usr/lib/fiu/fiu_run_preload.so /usr/lib/fiu/fiu_posix_preload.so';; esac\nexec {} \"$@\"\n",
        trouble.display(),
        program().display()
    );
    std::fs::write(&wrapped, script).unwrap();
    std::fs::set_permissions(&wrapped, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (mut gateway, sink) = prepared_relay_house(Plan {
        program: wrapped,
        ..Plan::default()
    })
    .await;
    let_relay(&gateway);
    gateway.launch().unwrap();
    gateway.kill().unwrap();
    std::fs::write(&trouble, "").unwrap();
    // The first syncs, of folder and first segment, may fail too: then it says so and does not start.
    let started = (0..40).any(|_| gateway.launch().is_ok());
    assert!(started, "{}", gateway.said());
    let load = Load {
        messages_per_connection: 10,
        numbered: true,
        ..Load::new(gateway.relay, 2_000, load_mails())
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
    assert_eq!(
        result.missing(&sink, Duration::from_secs(60)).await,
        0,
        "{}",
        gateway.said()
    );
}
