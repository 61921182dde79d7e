//! Real programs from Debian, each started privately: own folder, own port, gone when dropped.

pub mod clamd;
pub mod daemon;
pub mod postfix;
pub mod rbldnsd;
pub mod rspamd;
pub mod spamd;
