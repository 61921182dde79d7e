//! The panel on a real store: who sees what, who does what, and what the browser is told.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests and tables"
)]

mod actions;
mod house;
mod live;
mod login;
mod model;
mod public;
mod scope;
