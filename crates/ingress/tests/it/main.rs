//! Integration tests of the room.

// The whole binary is a test; the lint knows only functions marked so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dialogs;
mod drain;
mod lists;
mod scanners;
mod strangers;
