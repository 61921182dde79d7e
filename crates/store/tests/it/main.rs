//! The store on real files in directories of their own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests"
)]

mod campaigns;
mod controls;
mod crash;
mod directory;
mod hosts;
mod ledger;
mod models;
mod queue;
mod stories;
mod whole;

/// Runs a future to its end on a runtime of its own.
fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}
