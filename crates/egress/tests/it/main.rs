//! The sending side against scripted and real next hops, with the real store underneath.

// The whole binary is a test; the lint knows only functions marked so.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines
)]

mod neighbours;
mod sim;
mod tls;
mod world;
