//! SMTP on the wire: commands, replies, lines, message data. Sans-I/O; used by both the server and the client side.

pub mod command;
pub mod data;
pub mod ehlo;
mod envelope;
pub mod line;
mod parameters;
mod path;
pub mod proxy;
pub mod reply;
mod unwanted;
pub mod xclient;
pub mod xtext;

pub use command::{BodyType, Command, MailCommand, Notify, OriginalRecipient, RcptCommand, Ret};
pub use reply::{EnhancedCode, Reply, ReplyReader, Severity};
