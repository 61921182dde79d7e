//! Verdicts by table (facts in; class, action, symbols, words out), the ladder of standing, and what the message shows.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests"
)]

mod conduct;
mod content;
mod honest;
mod hostile;
mod links;
mod verdicts;
