//! Integration tests of the crate `mail`, one binary.

// The whole binary is a test; the lint knows only functions marked so.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines
)]

mod dkim;
mod documents;
mod html;
mod inside;
mod link;
mod message;
mod rfc5321;
mod smtp;
mod vectors;
