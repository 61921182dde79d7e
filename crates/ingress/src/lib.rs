//! MAIL COMES IN. Submission, relay (smarthost): session, identify, gather, assess, admit, refuse. Delivers nothing.

pub mod assess;
pub mod conduct;
pub mod gather;
pub mod lists;
pub mod scan;

mod admit;
mod auth;
mod budget;
mod connection;
mod error;
mod guard;
mod hygiene;
mod identify;
mod milestones;
mod receive;
mod refuse;
mod room;
mod server;
mod session;
mod settings;
mod transaction;
mod welcome;
mod wire;

pub use error::IngressError;
pub use server::Ingress;
pub use settings::{GuardSettings, ListenerLimits, ListenerSettings, Settings};
