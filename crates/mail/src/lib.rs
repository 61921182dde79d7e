//! THE WORDS. Bytes to meaning and back: addresses, SMTP commands and replies, messages, MIME, DKIM, DSN.
//!
//! Promises: no I/O, no clock, no allocation without a bound, no panic on any input. Time is an argument.
//! Trusts nothing: every byte handed in may come from an attacker.
//! Standards: RFC 5321, RFC 5322, RFC 2045, RFC 2046, RFC 2047, RFC 2231, RFC 3030, RFC 3461, RFC 3463, RFC 3464, RFC 4954,
//! RFC 6376, RFC 6531, RFC 8463.

pub mod address;
pub mod dkim;
pub mod dsn;
pub mod link;
pub mod message;
pub mod received;
pub mod smtp;

pub use address::{Address, AddressError};
