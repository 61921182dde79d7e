//! THE WORDS. Bytes to meaning and back: addresses, SMTP commands and replies, messages, MIME, DKIM, DSN.
//!
//! Promises: no I/O, no clock, no allocation without a bound, no panic on any input. Time is an argument.
//! Trusts nothing: every byte handed in may come from an attacker.
//! Standards: RFC 5321, 5322, 2045 to 2047, 2231, 3030, 3461 to 3464, 4954, 6376, 6531, 8463.

pub mod address;
pub mod dkim;
pub mod dsn;
pub mod link;
pub mod message;
pub mod received;
pub mod smtp;

pub use address::{Address, AddressError};
